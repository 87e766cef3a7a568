"""Jobs that peers offer: which are taken, what has come of them, and when they are given to the hosts.

One at a time. What is promised is in non-volatile memory before it is said (`job_moves` tells the whole exchange).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers import job_moves as say
from node.fsw.managers.link import LinkManager
from node.fsw.managers.payload import PayloadManager
from node.fsw.managers.workload import WorkloadManager
from node.fsw.modes import PROFILES

PHASES = ("idle", "receiving", "stored", "taking")
IDLE, RECEIVING, STORED, TAKING = range(4)
ASK_NS = 60_000_000_000
"""A source that says nothing for so long is asked [A]."""


@dataclass(slots=True)
class State:
    """The guest that comes (kept): from which head, its number there, what it is, how much of it is here; its number
    here. `done`: the highest number taken, by head. `offer`: to be judged in the next cycle."""

    guest_phase: int = telemetered("enum", "How far a peer's job is taken in", labels=PHASES, kept=True)
    guest_bytes: float = telemetered("float", "Bytes of its checkpoint that are here", "B", default=0.0, kept=True)
    migrations_in: int = telemetered("int", "Jobs that came from a peer", kept=True)
    guests_refused: int = telemetered("int", "Jobs of a peer that were not admitted")
    head: int = kept(int)
    number: int = kept(int)
    size_bytes: float = kept(float)
    figures: list[float] = kept(list)
    own_number: int = kept(int)
    done: dict[int, int] = kept(dict)
    offer: tuple[int, tuple[float, ...]] | None = None
    heard_ns: int = 0


class GuestManager(Component):
    """The receiving end of a move."""

    name = "guests"
    state: State

    TAKEN = Event(
        100, "guest_taken", Severity.INFORMATIVE, "A job of a peer waits for accelerators here",
        (Arg("head", "int", "optical terminal it came by"), Arg("number", "int", "number of the move there")),
    )  # fmt: skip
    REFUSED = Event(
        101, "guest_refused", Severity.INFORMATIVE, "A job of a peer was not admitted",
        (Arg("head", "int", "optical terminal"), Arg("reason", "enum", "why", labels=say.REASONS)),
    )  # fmt: skip
    STORAGE = OnBoardParameter(
        # The formation design names no drive: a few of the usual 15 TB [A].
        name="guests.storage_bytes", unit="B", description="Room for the checkpoint of a peer's job, 0: take none",
        default=3e13, low=0.0, high=1e18,
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, layout: Layout, link: LinkManager, workload: WorkloadManager, payload: PayloadManager
    ) -> None:
        super().__init__(on_board, State())
        self._link, self._workload, self._payload = link, workload, payload
        index = layout.index
        self._there = "selected_job" in index
        names = ("selected_job", "guest_slots_free", "guest_chips_free", "guests_taken", "payload_power_w")
        self._read = {name: index[name] for name in names if name in index}

    def _reading(self, name: str) -> float:
        value: float = self.on_board.state.pool.item(self._read[name])
        return value

    def hear(self, head: int, topic: str, values: Sequence[float]) -> None:
        """A frame of a source."""
        state, number = self.state, say.whole(values[0]) if values else -1
        if number < 0 or not self._there:
            return
        mine = state.guest_phase != IDLE and (head, number) == (state.head, state.number)
        if mine:
            state.heard_ns = self.on_board.time_ns
        if topic == say.OFFER:
            self._offered(head, number, tuple(values), mine=mine)
        elif topic == say.PIECE and mine and len(values) == 3 and state.guest_phase in {RECEIVING, STORED}:
            self._piece(head, values[1], values[2])
        elif topic == say.COMMIT:
            self._commit(head, number, mine=mine)
        elif topic == say.ABORT and mine and state.guest_phase in {RECEIVING, STORED}:
            self._forget()

    def _offered(self, head: int, number: int, values: tuple[float, ...], *, mine: bool) -> None:
        state = self.state
        if mine and state.guest_phase in {RECEIVING, STORED}:
            self.on_board.send(head, say.ACCEPT, (float(number), state.guest_bytes))
            return
        if state.guest_phase in {RECEIVING, STORED} and head == state.head and number > state.number:
            self._forget()  # a source has one move at a time: the earlier one was ended
        if state.guest_phase != IDLE or number <= state.done.get(head, 0):
            self._reject(head, number, say.BUSY)
            return
        if self._reading("selected_job") < 0.0:
            self.on_board.order("jobs", "select", 0, 0)
        state.offer = (head, values)

    def _piece(self, head: int, begin: float, length: float) -> None:
        """In their order only: the source sends what was lost again."""
        state = self.state
        if state.guest_phase == RECEIVING and begin == state.guest_bytes and length > 0.0:
            state.guest_bytes = min(state.size_bytes, begin + length)
            if state.guest_bytes >= state.size_bytes:
                state.guest_phase = STORED
            self.keep()
        self.on_board.send(head, say.RECEIVED, (float(state.number), state.guest_bytes))

    def _commit(self, head: int, number: int, *, mine: bool) -> None:
        state = self.state
        if mine and state.guest_phase == STORED:
            state.guest_phase = TAKING
            state.own_number = max(state.own_number, int(self._reading("guests_taken"))) + 1
            state.done[head] = number
            self.keep()
        taken = number <= state.done.get(head, 0)
        self.on_board.send(head, say.TAKEN if taken else say.UNKNOWN, (float(number),))

    def _forget(self) -> None:
        self.state.guest_phase = IDLE
        self.state.guest_bytes = 0.0
        self.keep()

    def start(self) -> None:
        """After a boot: whoever is expected is asked at once, and the hosts are asked again."""
        if self.state.guest_phase != IDLE:
            self.on_board.order("jobs", "select", 0, 0)
            self.state.heard_ns = -ASK_NS

    def cycle(self) -> None:
        """Judge an offer, ask a silent source, give the hosts what is taken."""
        state = self.state
        if state.offer is not None and self._reading("selected_job") >= 0.0:
            (head, values), state.offer = state.offer, None
            self._judge(head, values)
        if state.guest_phase == TAKING:
            self._take()
        elif state.guest_phase != IDLE and self.on_board.time_ns - state.heard_ns >= ASK_NS:
            state.heard_ns = self.on_board.time_ns
            self.on_board.send(state.head, say.QUERY, (float(state.number),))

    def _judge(self, head: int, values: tuple[float, ...]) -> None:
        number, state = say.whole(values[0]), self.state
        reason = self._admission(values)
        if reason != say.NONE:
            self._reject(head, number, reason)
            return
        state.guest_phase, state.head, state.number, state.guest_bytes = RECEIVING, head, number, 0.0
        state.size_bytes, state.figures = values[1], list(values[2:])
        state.heard_ns = self.on_board.time_ns
        self.keep()
        self.on_board.send(head, say.ACCEPT, (float(number), 0.0))

    def _admission(self, values: tuple[float, ...]) -> int:
        """What of a job does not fit here, at this moment."""
        figures, payload = values[2:], self._payload
        if len(values) < 3 or values[1] <= 0.0 or not say.sound(figures):
            return say.WRONG
        chips, equipment = figures[say.CHIPS], self.on_board.equipment
        rooms = equipment.accelerator_group_chips
        if not PROFILES[payload.mode].payload:
            return say.MODE
        if not payload.runs:
            return say.PAYLOAD
        if self._workload.jobs_held():
            return say.HELD
        if self._workload.state.refused >> say.whole(figures[say.KIND]) & 1:
            return say.KIND_REFUSED
        if self._reading("guest_slots_free") < 1.0:
            return say.SLOTS
        if chips > self._reading("guest_chips_free"):
            return say.ACCELERATORS
        # At its lowest cap a chip still takes so much; the payload's limit must have that left.
        least_w = sum(equipment.accelerator_group_lowest_w) / max(1.0, sum(rooms)) * chips
        busy = sum(rooms) - self._reading("guest_chips_free")
        if payload.limit_w() < sum(equipment.accelerator_group_lowest_w) / max(1.0, sum(rooms)) * busy + least_w:
            return say.POWER
        return say.STORAGE if values[1] > self.on_board.sane(self.STORAGE) else say.NONE

    def _reject(self, head: int, number: int, reason: int) -> None:
        self.state.guests_refused += 1
        self.event(self.REFUSED, head, reason)
        self.on_board.send(head, say.REJECT, (float(number), float(reason)))

    def _take(self) -> None:
        """Tell the hosts until they say that they have it: the order is good once."""
        state = self.state
        if self._reading("selected_job") >= 0.0 and self._reading("guests_taken") >= state.own_number:
            state.guest_phase, state.guest_bytes = IDLE, 0.0
            state.migrations_in += 1
            self.keep()
            self.event(self.TAKEN, state.head, state.number)
            return
        if self._reading("selected_job") < 0.0:
            self.on_board.order("jobs", "select", 0, 0)
        for name, value in zip(say.FIGURES, state.figures, strict=True):
            self.on_board.order("jobs", f"guest_{name}", 0, value)
        self.on_board.order("jobs", "guest_number", 0, state.own_number)

    @function(
        "payload.forget_guest", 244, "Forget a peer's job that has not come to its end; where the peer has committed "
        "it, the job stands still there until the ground ends that as well", hazardous=True,
    )  # fmt: skip
    def forget(self) -> Failure:
        """For a source that will never speak again."""
        if self.state.guest_phase not in {RECEIVING, STORED}:
            return Code.REFUSED_BY_STATE, f"a guest is {PHASES[self.state.guest_phase]}"
        self._forget()
        return None
