"""A job moves to a peer: whatever breaks at whatever moment, it is never lost, never runs twice, and the books tell it.

Two flight softwares by themselves on a model of hosts and link in a few lines; with the plant in
`tests/system/test_two_racks.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field, replace
from functools import cache

import pytest

from bus.wire.crosslink import IslFrame
from node.devices.device import Order
from node.devices.nvm import NonVolatileMemory
from node.fsw.managers import job_moves as say
from node.fsw.managers import migration
from node.fsw.managers.guests import RECEIVING, STORED
from node.fsw.managers.migration import COMMITTING, IDLE
from tests.kits.fdir_kit import Board

WAITING, RUNNING, DONE, PAUSED = 0, 1, 4, 5
CHIPS = 16
RATE_BPS = 8e11
CYCLES = 110
"""More than a move with one interruption takes: 7 s of pieces, questions after 10 to 60 s."""


@dataclass
class Job:
    figures: list[float]
    state: int = RUNNING
    work_s: float = 650.0
    saved_s: float = 600.0


@dataclass
class Hosts:
    """What the job manager does, as far as it matters here. Orders act from the next cycle on."""

    slots: list[Job | None] = field(default_factory=lambda: [None, None])
    inputs: dict[str, float] = field(default_factory=dict)
    held: set[int] = field(default_factory=set)
    selected: int = -1
    taken: int = 0
    given: int = 0
    powered: bool = True
    groups: int = 3

    def obey(self, orders: list[Order]) -> None:
        for order in orders:
            if order.device != "jobs":
                continue
            if order.what == "select":
                self.selected = int(order.value)
            elif order.what == "job" and order.element < 2:
                (self.held.add if order.value == 2 else self.held.discard)(order.element)
            else:
                self.inputs[order.what] = order.value

    def tick(self) -> None:
        if self.inputs.get("give_number", 0) > self.given:
            self.slots[int(self.inputs["give_slot"])] = None
            self.given = int(self.inputs["give_number"])
        if self.inputs.get("guest_number", 0) > self.taken:
            slot = self.slots.index(None)
            figures = [self.inputs[f"guest_{name}"] for name in say.FIGURES]
            self.slots[slot] = Job(figures, WAITING, figures[say.SAVED_S], figures[say.SAVED_S])
            self.taken = int(self.inputs["guest_number"])
        for slot, job in enumerate(self.slots):
            if job is None:
                continue
            if slot in self.held or not self.powered:
                if job.state == RUNNING:
                    job.saved_s = job.figures[say.SAVED_S] = job.work_s
                    job.state = PAUSED
            else:
                job.state = RUNNING
                job.work_s += 1.0

    def tell(self, board: Board) -> None:
        board.set("selected_job", self.selected)
        board.set("jobs_active", sum(job is not None and job.state == RUNNING for job in self.slots))
        if self.selected < 0:
            return
        job = self.slots[self.selected] if self.selected < len(self.slots) else None
        figures = job.figures if job is not None else [0.0] * len(say.FIGURES)
        for name, value in zip(say.FIGURES, figures, strict=True):
            board.set(f"selected_job_{name}", value)
        board.set("selected_job_work_s", 0.0 if job is None else job.work_s)
        board.set("selected_job_state", 0.0 if job is None else job.state)
        board.set("selected_job_groups", self.groups if job is not None else 0)
        board.set("guest_slots_free", self.slots.count(None))
        board.set("guest_chips_free", 64 - CHIPS * sum(job is not None for job in self.slots))
        board.set("guests_taken", self.taken)
        board.set("jobs_given", self.given)


@cache
def _board() -> Board:
    return Board("formation")


class Rack(Board):
    """A flight software with its hosts, and a peer at its first terminal."""

    def __init__(self, peer: str) -> None:
        self.peer, self.hosts, self.down = peer, Hosts(), 0
        self.inbox: list[IslFrame] = []
        self.__dict__.update(vars(_board()))  # worked out once: there are hundreds of these
        self.nvm, self.readings = NonVolatileMemory(), deepcopy(self.readings)
        self.events, self.orders = [], []
        self.boot()

    def boot(self) -> None:
        self.config = replace(self.config, peers=(self.peer,))
        super().boot()

    def cycle(self, *, link: bool) -> list[IslFrame]:
        """One cycle of the managers that have to do with a move."""
        self.hosts.tick()
        if self.down:
            self.down -= 1
            if not self.down:
                self.boot()
            self.inbox.clear()
            if self.down:
                return []
        self.hosts.tell(self)
        self.set("isl_state.fore", 4.0 if link else 5.0)
        self.set("isl_rate_bps.fore", RATE_BPS if link else 0.0)
        software = self.software
        memory = software.on_board.state
        memory.cycle += 1
        software.acquisition.take(self.readings)
        for frame in self.inbox:
            software._about_jobs(0, frame.topic, frame.values)
        self.inbox.clear()
        software.payload.cycle(float(self.runs))
        software.migration.cycle()
        software.guests.cycle()
        frames, memory.frames = [frame for _, frame in memory.frames], []
        self.hosts.obey(memory.orders)
        memory.orders.clear()
        return frames

    @property
    def runs(self) -> bool:
        return any(job is not None and job.state == RUNNING for job in self.hosts.slots)

    @property
    def has(self) -> bool:
        return any(job is not None for job in self.hosts.slots)


class Racks:
    def __init__(self) -> None:
        self.source, self.taker = Rack("rack-2"), Rack("rack-1")
        figures = [1.0, CHIPS, 7200.0, 600.0, 600.0, 20.0, 30.0, 0.0, 0.9]
        self.source.hosts.slots[0] = Job(figures)
        self.link = True
        self.cycles = 0
        self.topics: list[str] = []
        for rack in (self.source, self.taker):
            rack.cycle(link=True)
            rack.cycle(link=True)

    def run(self, cycles: int, between: Callable[[int], None] = lambda cycle: None) -> Racks:
        for _ in range(cycles):
            between(self.cycles)
            out, back = self.source.cycle(link=self.link), self.taker.cycle(link=self.link)
            self.topics += [frame.topic for frame in (*out, *back)]
            if self.link:
                self.taker.inbox += out
                self.source.inbox += back
            assert not (self.source.runs and self.taker.runs), f"it runs in both, cycle {self.cycles}"
            assert self.source.has or self.taker.has or self.waits_at_the_taker(), f"it is lost, cycle {self.cycles}"
            self.cycles += 1
        return self

    def waits_at_the_taker(self) -> bool:
        return not self.taker.down and self.taker.software.guests.state.guest_phase != IDLE

    def migrate(self) -> Racks:
        assert self.source.software.migration.migrate(0) is None
        return self

    @property
    def phase(self) -> int:
        return self.source.software.migration.state.migration_phase

    def check_moved(self) -> None:
        source, taker = self.source.software, self.taker.software
        assert not self.source.has and self.taker.runs and self.phase == IDLE
        assert source.migration.state.migrations_out == taker.guests.state.migrations_in == 1
        job = next(job for job in self.taker.hosts.slots if job is not None)
        assert job.figures[: say.LENGTH_S + 1] == [1.0, CHIPS, 7200.0] and job.work_s > 650.0


def test_a_job_moves_with_its_checkpoint_at_the_speed_of_the_storage() -> None:
    racks = Racks().migrate().run(104)
    assert racks.phase == migration.SENDING, "16 chips of 32 GB at 5 GB/s take 102 s"
    racks.run(15)
    racks.check_moved()
    pieces = racks.topics.count(say.PIECE)
    assert 103 <= pieces <= 104
    assert [event for event, _ in racks.source.events if event == "job_moved"]


def small(racks: Racks) -> Racks:
    """A checkpoint of 7 pieces, so that every moment of a move can be struck."""
    parameter = racks.source.software.migration.CHIP
    racks.source.software.on_board.store(parameter, 7 * 5e9 / CHIPS)
    return racks


def moments() -> Iterator[tuple[str, int]]:
    for what, step in (("source", 1), ("taker", 1), ("both", 3)):
        for cycle in range(0, 18, step):
            yield what, cycle


@pytest.mark.parametrize(("what", "at"), list(moments()))
def test_a_computer_that_restarts_at_any_moment_neither_loses_nor_doubles_the_job(what: str, at: int) -> None:
    racks = small(Racks()).migrate()

    def strike(cycle: int) -> None:
        if cycle == at:
            for name in ("source", "taker"):
                if what in {name, "both"}:
                    rack: Rack = getattr(racks, name)
                    rack.down = 5

    racks.run(CYCLES, strike).check_moved()


@pytest.mark.parametrize("at", range(0, 18))
@pytest.mark.parametrize("long", [1, 40])
def test_a_link_that_breaks_at_any_moment_neither_loses_nor_doubles_the_job(at: int, long: int) -> None:
    racks = small(Racks()).migrate()

    def strike(cycle: int) -> None:
        racks.link = not at <= cycle < at + long

    racks.run(CYCLES + 60, strike).check_moved()


def test_what_was_sent_before_the_link_broke_is_not_sent_again() -> None:
    racks = small(Racks()).migrate()
    racks.run(9)
    before = racks.taker.software.guests.state.guest_bytes
    assert 0 < before < 7 * 5e9
    racks.link = False
    racks.run(20)
    racks.link = True
    racks.taker.down = racks.source.down = 3
    racks.run(60).check_moved()
    assert racks.topics.count(say.PIECE) <= 7 + migration.WINDOW


def test_a_restart_and_a_broken_link_together() -> None:
    for at in range(2, 16, 3):
        for lag in range(0, 6, 2):
            racks = small(Racks()).migrate()

            def strike(cycle: int, at: int = at, lag: int = lag, racks: Racks = racks) -> None:
                racks.link = not at <= cycle < at + 6
                if cycle == at + lag:
                    racks.source.down = 4
                if cycle == at + lag + 1:
                    racks.taker.down = 6

            racks.run(CYCLES + 60, strike).check_moved()


def test_the_ground_can_end_a_move_until_it_is_committed() -> None:
    racks = small(Racks()).migrate().run(8)
    assert racks.source.software.migration.abort() is None
    racks.run(5)
    assert racks.source.runs and not racks.taker.has and racks.taker.software.guests.state.guest_phase == IDLE
    assert "migration_ended" in [event for event, _ in racks.source.events]
    racks.migrate().run(CYCLES)
    racks.check_moved()


def test_the_ground_can_have_a_guest_forgotten_and_the_source_begins_anew() -> None:
    racks = small(Racks()).migrate().run(9)
    assert racks.taker.software.guests.forget() is None
    assert racks.taker.software.guests.forget() is not None
    racks.run(60).check_moved()


def test_a_committed_move_is_not_ended_and_the_peer_asks_until_it_knows() -> None:
    racks = small(Racks()).migrate()
    while racks.phase != COMMITTING:
        racks.run(1)
    racks.taker.inbox.clear()  # the word is lost
    racks.link = False
    racks.run(30)
    assert racks.source.software.migration.abort() is not None
    assert not racks.source.runs and not racks.taker.runs
    assert racks.taker.software.guests.state.guest_phase == STORED
    racks.link = True
    racks.run(90).check_moved()


def test_a_peer_that_lost_its_memory_is_doubted_and_the_ground_decides() -> None:
    racks = small(Racks()).migrate()
    while racks.phase != COMMITTING:
        racks.run(1)
    racks.taker.inbox.clear()  # the word is lost
    racks.link = False
    racks.run(1)
    racks.taker.nvm.load({})
    racks.taker.down = 2
    racks.link = True
    racks.run(60)
    assert racks.source.software.migration.state.doubt and not racks.source.runs
    assert [event for event, _ in racks.source.events if event == "migration_doubtful"] == ["migration_doubtful"]
    assert racks.source.software.migration.abort() is None
    racks.run(3)
    assert racks.source.runs


@pytest.mark.parametrize(
    ("why", "set_up"),
    [
        ("slots", lambda rack: rack.hosts.slots.__setitem__(slice(None), [Job([3.0] * 9), Job([3.0] * 9)])),
        ("accelerators", lambda rack: setattr(rack.hosts, "slots", [None, *[Job([1.0] * 9, DONE) for _ in range(4)]])),
        ("held", lambda rack: rack.software.workload.hold(0)),
        ("payload", lambda rack: rack.software.payload.switch_off()),
        ("kind", lambda rack: rack.software.payload.regime(2)),
        ("storage", lambda rack: rack.software.on_board.store(rack.software.guests.STORAGE, 1e9)),
        ("power", lambda rack: rack.software.payload.power_cap(100.0)),
    ],
)
def test_who_has_no_room_rejects_and_says_why(why: str, set_up: Callable[[Rack], None]) -> None:
    racks = small(Racks())
    set_up(racks.taker)
    racks.taker.hosts.powered = False
    racks.run(3).migrate().run(40)
    state = racks.source.software.migration.state
    assert say.REASONS[state.reason] == why
    assert racks.source.runs and state.migrations_ended == 1 and state.migrations_out == 0
    assert racks.taker.software.guests.state.guests_refused == 1


def test_without_a_link_a_move_waits_and_then_ends() -> None:
    racks = small(Racks())
    racks.source.software.on_board.store(racks.source.software.migration.PATIENCE, 60.0)
    racks.link = False
    racks.run(1).migrate().run(80)
    assert racks.source.runs and racks.phase == IDLE
    assert racks.source.software.migration.state.migrations_ended == 1


def test_a_service_and_an_empty_slot_do_not_move() -> None:
    racks = small(Racks())
    job = racks.source.hosts.slots[0]
    assert job is not None
    job.figures[say.KIND] = 2.0
    racks.migrate().run(5)
    assert racks.phase == IDLE and racks.source.runs
    assert racks.source.software.migration.migrate(1) is None
    racks.run(5)
    assert racks.phase == IDLE and racks.source.software.migration.state.migrations_ended == 2


def test_a_job_that_was_rolled_back_meanwhile_is_not_the_one_that_was_offered() -> None:
    racks = small(Racks()).migrate().run(8)
    job = racks.source.hosts.slots[0]
    assert job is not None
    job.work_s = job.saved_s = job.figures[say.SAVED_S] = 0.0
    racks.run(20)
    assert racks.source.runs and not racks.taker.has


def test_accelerators_that_are_down_for_long_make_their_job_go() -> None:
    racks = small(Racks())
    racks.source.hosts.powered = False
    for name in ("tpu_1", "tpu_2"):
        racks.source.set(f"accelerator_state.{name}", 7.0)
    racks.run(890)
    assert racks.phase == IDLE and racks.topics == []
    racks.run(120).check_moved()


def test_where_the_ground_has_switched_the_payload_off_nothing_goes_by_itself() -> None:
    racks = small(Racks())
    racks.source.hosts.powered = False
    racks.source.software.payload.switch_off()
    for name in ("tpu_1", "tpu_2"):
        racks.source.set(f"accelerator_state.{name}", 0.0)
    racks.run(1000)
    assert racks.phase == IDLE and racks.topics == []


@pytest.mark.parametrize(
    "values",
    [(), (1.0,), (-1.0, 5.0), (1.5, 1e9), (2.0, 1e9, 1.0), (2.0, -1.0, *[1.0] * 9), (2.0, 1e9, 2.0, *[1.0] * 8),
     (2.0, 1e9, 1.0, 0.5, *[1.0] * 7), (2.0, 1e9, 1.0, 1e308, *[1.0] * 7), (2.0, 1e300, 1.0, 8.0, 10.0, *[1.0] * 6)],
)  # fmt: skip
@pytest.mark.parametrize("topic", [say.OFFER, say.PIECE, say.COMMIT, say.ABORT, say.QUERY, say.TAKEN, say.ACCEPT,
                                   say.RECEIVED, say.REJECT, "job.nonsense"])  # fmt: skip
def test_nonsense_of_a_peer_changes_nothing(topic: str, values: tuple[float, ...], idle: Racks) -> None:
    idle.taker.inbox = [IslFrame(topic=topic, values=values)]
    idle.taker.cycle(link=True)
    idle.taker.cycle(link=True)
    assert idle.taker.software.guests.state.guest_phase == IDLE
    assert idle.taker.software.migration.state.migration_phase == IDLE
    assert not idle.taker.has


@pytest.fixture(scope="module")
def idle() -> Racks:
    return Racks()


def test_a_job_that_is_being_received_survives_a_snapshot() -> None:
    racks = small(Racks()).migrate().run(9)
    assert racks.taker.software.guests.state.guest_phase == RECEIVING
    for rack in (racks.source, racks.taker):
        rack.software.restore(rack.software.save())
    racks.run(60).check_moved()
