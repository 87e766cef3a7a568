"""The conductor's promises: any order of arrival gives the same records; duplicates, late and missing Tocks,
leaving and coming back end as they should; planes and bounds hold and everything dropped is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.lockstep import instructions as do
from bus.lockstep.conductor import Conductor
from bus.lockstep.lookahead import lookahead_set
from bus.lockstep.sessions import TRANSITIONS, Bounds, ParticipantPlan, Phase, SessionEvent
from bus.lockstep.ticks import read_tick, write_tock
from bus.participant import Moment, Outbox
from bus.trace.reader import read_record
from bus.trace.writer import TraceHash
from bus.wire.codec import decode, encode
from bus.wire.messages import Allocation, Bye, Message
from tests.kits.busfakes import IDS, RANGE, SHELTERED, SPACE, TICK_NS, Fake, event, fakes, plans, report, telecommand


class World:
    """Fakes behind queues; `draw(n)` says which of n possible things happens next."""

    def __init__(  # noqa: PLR0917
        self,
        draw: Callable[[int], int],
        ticks: int = 8,
        trouble: int = 0,
        paced: bool = False,
        lookahead: bool = False,
        ids: tuple[str, ...] = IDS,
    ) -> None:
        self.ids = ids
        self.conductor = Conductor(plans(ids), ticks, TICK_NS, paced=paced, lookahead=lookahead)
        self.draw = draw
        self.trouble = trouble
        self.paced = paced
        self.parts = {f.id: f for f in fakes(ids)}
        self.to: dict[str, deque[list[bytes]]] = {id: deque() for id in ids}
        self.back: dict[str, deque[list[bytes]]] = {id: deque() for id in ids}
        self.old: list[tuple[str, list[bytes]]] = []
        self.absent: set[str] = set(ids)
        self.hash = TraceHash()
        self.records: list[do.Record] = []
        self.finished: do.Finished | None = None
        self.told: list[do.Instruction] = []

    def carry_out(self, instructions: list[do.Instruction]) -> None:
        for i in instructions:
            self.told.append(i)
            match i:
                case do.SendTick():
                    self.to[i.id].append(i.frames)
                case do.Record():
                    self.hash.add(i.content)
                    self.records.append(i)
                case do.Admit():
                    self.parts[i.id] = next(f for f in fakes(self.ids) if f.id == i.id)
                    if i.snapshot is not None:
                        self.parts[i.id].restore(i.snapshot)
                case do.Finished():
                    self.finished = i
                case do.Divergence() | do.Refuse() | do.Lost():
                    raise AssertionError(i)

    def step(self, id: str) -> None:
        moment, inbox, refused = read_tick(self.to[id].popleft(), TICK_NS)
        assert refused == 0
        keys = [message[:3] for message in inbox]
        assert keys == sorted(set(keys))
        part = self.parts[id]
        tock = write_tock(id, moment, part.step(moment, inbox))
        if moment.tick % 3 == 2:
            self.carry_out(self.conductor.snapshot(id, moment.tick, part.save()))
        self.back[id].append(tock)

    def answer(self, id: str) -> None:
        tock = self.back[id].popleft()
        self.old.append((id, tock))
        self.carry_out(self.conductor.tock(id, tock))

    def leave(self, id: str) -> None:
        self.to[id].clear()
        self.back[id].clear()
        self.absent.add(id)
        self.carry_out(self.conductor.left(id, "kill -9"))

    def join(self, id: str) -> None:
        self.absent.discard(id)
        self.carry_out(self.conductor.joined(id))

    def choices(self) -> list[Callable[[], None]]:
        can: list[Callable[[], None]] = []
        for id in self.ids:
            if id in self.absent:
                can.append(lambda id=id: self.join(id))
            if self.to[id]:
                can.append(lambda id=id: self.step(id))
            if self.back[id]:
                can.append(lambda id=id: self.answer(id))
        if self.paced and self.conductor.tick >= 0 and not self.conductor.closing:
            can.append(lambda: self.carry_out(self.conductor.overdue(self.conductor.tick)))
        return can

    def run(self) -> str:
        for _ in range(100_000):
            if self.finished is not None:
                return self.hash.hexdigest()
            can = self.choices()
            if self.trouble > 0 and self.conductor.tick >= 0:
                here = [id for id in self.ids if id not in self.absent]
                what = self.draw(4 * len(can))
                if what < 3 and here:
                    self.trouble -= 1
                    id = here[self.draw(len(here))]
                    if what == 0:
                        self.leave(id)
                    elif what == 1 and self.old:
                        self.carry_out(self.conductor.tock(*self.old[self.draw(len(self.old))]))
                    else:
                        self.carry_out(self.conductor.tock(id, [b"garbage", b"\x00" * 40][: self.draw(3)]))
                    continue
            can[self.draw(len(can))]()
        raise AssertionError("the run does not end")


def drawn(data: st.DataObject) -> Callable[[int], int]:
    return lambda n: data.draw(st.integers(0, n - 1))


def seeded(seed: int) -> Callable[[int], int]:
    state = seed

    def draw(n: int) -> int:
        nonlocal state
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (state >> 33) % n

    return draw


SEEDS = [*range(40), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(40, 500))]
QUIET = World(lambda n: 0).run()


@given(st.data())
@settings(max_examples=30)
def test_any_order_of_arrival_gives_the_same_records(data: st.DataObject) -> None:
    assert World(drawn(data)).run() == QUIET


@given(st.data())
@settings(max_examples=60)
def test_duplicates_garbage_and_returns_leave_no_mark_in_lockstep(data: st.DataObject) -> None:
    assert World(drawn(data), trouble=12).run() == QUIET


@pytest.mark.parametrize("seed", SEEDS)
def test_many_troubles_leave_no_mark_in_lockstep(seed: int) -> None:
    world = World(seeded(seed), trouble=40)
    assert world.run() == QUIET
    assert world.finished is not None and world.finished.complete


MANY = (*IDS, *SHELTERED)
QUIET_MANY = World(lambda n: 0, ids=MANY).run()


@given(st.data())
@settings(max_examples=60)
def test_lookahead_gives_the_same_records_in_any_order_of_arrival(data: st.DataObject) -> None:
    assert World(drawn(data), trouble=8, lookahead=True, ids=MANY).run() == QUIET_MANY


@pytest.mark.parametrize("seed", SEEDS)
def test_many_troubles_leave_no_mark_with_lookahead(seed: int) -> None:
    world = World(seeded(seed), trouble=40, lookahead=True, ids=MANY)
    assert world.run() == QUIET_MANY
    assert world.finished is not None and world.finished.complete
    for id in MANY:
        assert world.parts[id].state.seen == list(range(9))


@pytest.mark.parametrize("seed", SEEDS)
def test_paced_with_troubles_gets_to_the_end_and_accounts_for_every_tick(seed: int) -> None:
    world = World(seeded(seed), ticks=30, trouble=20, paced=True)
    world.run()
    assert world.finished is not None and world.finished.complete
    assert [record.tick for record in world.records] == list(range(31))
    answered: dict[str, list[int]] = {id: [] for id in IDS}
    delivered: list[tuple[int, str, int]] = []
    for record in world.records:
        content = read_record(record.content)
        assert content.answers == record.answers
        keys = [header[:3] for header in content.headers()]
        assert keys == sorted(keys)
        delivered += keys
        for answer in record.answers:
            assert answer.late == (answer.tick < record.tick)
            if answer.digest:
                answered[answer.id].append(answer.tick)
    assert len(set(delivered)) == len(delivered), "mail was delivered twice"
    for id in IDS:
        assert answered[id] == sorted(set(answered[id])), "an answer was recorded twice or out of order"
        assert answered[id][-1] == 30
        counters = world.finished.counters[id]
        assert counters["tocks"] == len(answered[id])
        # Who lives now has stepped every tick exactly once, in order, whatever happened to its host.
        assert world.parts[id].state.seen == list(range(31))


@pytest.mark.parametrize("seed", range(20))
def test_a_paced_run_replays_from_its_records(seed: int) -> None:
    world = World(seeded(seed), ticks=20, trouble=15, paced=True)
    world.run()
    records = [read_record(record.content) for record in world.records]
    given_ = {(a.id, a.tick): a for record in records for a in record.answers if a.digest}
    peers = {plan.id: plan.peers for plan in plans()}
    for id in IDS:
        alone = next(f for f in fakes() if f.id == id)
        newest: dict[str, do.Answer] = {}
        for record in records:
            beacons = {p: newest[p].beacon for p in peers[id] if p in newest}
            answer = given_[id, record.tick]
            start = record.tick * TICK_NS
            moment = Moment(record.tick, start, start + TICK_NS, beacons, answer.host_up, record.closing)
            inbox = [decode(frame) for frame in record.inbox(id)]
            assert decode(write_tock(id, moment, alone.step(moment, inbox))[0]).body.digest == answer.digest
            for a in record.answers:
                if a.digest and (a.id not in newest or newest[a.id].tick < a.tick):
                    newest[a.id] = a


# --- lookahead ---


def begun() -> World:
    """Everybody has joined a run with lookahead."""
    world = World(lambda n: 0, lookahead=True, ids=MANY)
    for id in MANY:
        world.join(id)
    return world


def answer_all_but_the_sheltered(world: World) -> None:
    for id in IDS:
        world.step(id)
        world.answer(id)


def test_the_sheltered_wait_for_everybody_else_and_then_get_two_ticks() -> None:
    world = begun()
    assert [len(world.to[id]) for id in MANY] == [1, 1, 1, 1, 0, 0]
    assert world.conductor.waiting == IDS
    answer_all_but_the_sheltered(world)
    assert [len(world.to[id]) for id in MANY] == [0, 0, 0, 0, 2, 2]
    assert (world.conductor.tick, world.conductor.made, world.conductor.waiting) == (0, 1, SHELTERED)
    world.step("sat-d")
    world.step("sat-d")
    world.answer("sat-d")
    world.answer("sat-d")
    assert world.conductor.waiting == ("sat-e",) and not world.records
    world.step("sat-e")
    world.answer("sat-e")
    assert [record.tick for record in world.records] == [0]
    assert world.conductor.waiting == (*IDS, "sat-e")


def test_mail_from_outside_comes_with_the_next_tick_that_is_not_made() -> None:
    world = begun()
    answer_all_but_the_sheltered(world)
    assert world.conductor.inject([encode(telecommand("operator", "sat-d", 0))]) == []
    assert world.run()
    mail = {record.tick: read_record(record.content).headers() for record in world.records}
    assert [tick for tick, headers in mail.items() if any(h.source == "operator" for h in headers)] == [2]
    assert next(h.sent_ns for h in mail[2] if h.source == "operator") == 2 * TICK_NS


def test_a_stop_comes_after_what_is_made() -> None:
    world = begun()
    answer_all_but_the_sheltered(world)
    world.carry_out(world.conductor.stop("enough"))
    world.run()
    assert [record.tick for record in world.records] == [0, 1, 2]
    assert world.finished is not None and (world.finished.ticks, world.finished.reason) == (2, "enough")


def test_only_those_who_were_sent_a_tick_can_be_overdue() -> None:
    world = begun()
    lost = [i.id for i in world.conductor.overdue(0) if isinstance(i, do.Lost)]
    assert lost == list(IDS)


@pytest.mark.parametrize("lost", [IDS, SHELTERED, ("ground",), ("sat-d",)])
def test_a_run_that_goes_on_without_some_gets_to_the_end_with_lookahead(lost: tuple[str, ...]) -> None:
    conductor = Conductor(plans(MANY), 6, TICK_NS, lookahead=True, on_lost="continue")
    todo = deque(i for id in MANY for i in conductor.joined(id))
    records, gone = [], []
    for _ in range(1000):
        if not todo:
            todo += conductor.overdue(conductor.tick)
        match todo.popleft():
            case do.SendTick(id, tick, _):
                todo += [] if id in lost else conductor.tock(id, tock(id, tick))
            case do.Record(tick, _, answers):
                records.append((tick, [answer.id for answer in answers if not answer.digest]))
            case do.Lost(id):
                gone.append(id)
            case do.Finished(ticks=ticks, complete=complete):
                assert complete and ticks == 6
                break
    assert sorted(gone) == sorted(lost)
    assert records == [(tick, sorted(lost)) for tick in range(7)]


def test_who_is_sheltered() -> None:
    def plan(id: str, *sources: str, peers: tuple[str, ...] = ()) -> ParticipantPlan:
        return ParticipantPlan(id, SPACE, peers=peers, sources=frozenset(sources) if sources else None)

    everybody = [plan("ground"), plan(A, "ground"), plan(B, "ground", "sat-c"), plan("sat-c", "ground", peers=(B,))]
    assert lookahead_set(everybody) == {A}, "those with peers, and those whom peers follow, are not"
    assert lookahead_set([plan("ground"), plan(A, "ground", B), plan(B, "ground")]) == {B}
    assert lookahead_set([plan("ground"), plan(A)]) == frozenset()


def test_mail_to_somebody_who_does_not_hear_it_is_refused() -> None:
    conductor = Conductor([ParticipantPlan(A, SPACE), ParticipantPlan(B, SPACE, sources=frozenset())], 10, TICK_NS)
    conductor.joined(A)
    conductor.joined(B)
    out = conductor.tock(A, tock(A, 0, event(A, B, TICK_NS)))
    assert out == [do.Complaint(A, 0, f"mail to {B}, who does not hear {A}")]
    assert conductor.counters[A]["mail_not_heard"] == 1


# --- one thing at a time ------------------------------------------------------------------------------------------

A, B = "sat-a", "sat-b"
PAIR = [ParticipantPlan(A, SPACE), ParticipantPlan(B, SPACE)]


def started(**options: object) -> Conductor:
    conductor = Conductor(PAIR, 10, TICK_NS, **options)  # type: ignore[arg-type]
    conductor.joined(A)
    conductor.joined(B)
    return conductor


def tock(id: str, tick: int, *messages: Message) -> list[bytes]:
    start = tick * TICK_NS
    return write_tock(id, Moment(tick, start, start + TICK_NS), Outbox(messages=list(messages)))


def kinds(instructions: list[do.Instruction]) -> list[str]:
    return [type(i).__name__ for i in instructions]


def test_the_last_to_join_starts_the_run_and_all_share_one_header_frame() -> None:
    conductor = Conductor(PAIR, 10, TICK_NS)
    assert conductor.tick == -1 and conductor.waiting == (A, B)
    assert kinds(conductor.joined(B)) == ["Admit"]
    out = conductor.joined(A)
    assert kinds(out) == ["Admit", "SendTick", "SendTick"]
    sent = [i for i in out if isinstance(i, do.SendTick)]
    assert [i.id for i in sent] == [A, B]
    assert sent[0].frames[0] is sent[1].frames[0]


def test_strangers_and_doubles_are_refused() -> None:
    conductor = started()
    for id, reason in (("sat-z", "not part"), (A, "already here")):
        (refusal,) = conductor.joined(id)
        assert isinstance(refusal, do.Refuse) and reason in refusal.reason


def test_duplicate_and_stale_tocks_are_counted_and_change_nothing() -> None:
    conductor = started()
    assert conductor.tock(A, tock(A, 0)) == []
    assert conductor.tock(A, tock(A, 0)) == []
    assert conductor.tock(A, tock(A, 5)) == []
    assert kinds(conductor.tock(B, tock(B, 0))) == ["Record", "SendTick", "SendTick"]
    assert conductor.counters[A]["duplicate_tocks"] == 1
    assert conductor.counters[A]["stale_tocks"] == 1
    assert kinds(conductor.tock(A, tock(B, 1))) == ["Complaint"]
    assert conductor.counters[A]["malformed_tocks"] == 1
    assert conductor.tock("sat-z", tock("sat-z", 1)) == []


@pytest.mark.parametrize("paced", [False, True])
def test_a_second_and_different_answer_is_complained_of_and_the_first_one_counts(paced: bool) -> None:
    conductor, calm = started(paced=paced), started(paced=paced)
    for each in (conductor, calm):
        assert each.tock(A, tock(A, 0, event(A, B, TICK_NS))) == []
    assert conductor.tock(A, tock(A, 0, event(A, B, TICK_NS, 1))) == [
        do.Complaint(A, 0, "a second answer to tick 0 that differs from its first; the first one counts")
    ]
    assert conductor.tock(A, tock(A, 0, event(A, B, TICK_NS))) == []
    counters = conductor.counters[A]
    assert (counters["conflicting_tocks"], counters["duplicate_tocks"], counters["tocks"]) == (1, 1, 1)
    ends = [each.tock(B, tock(B, 0)) + (each.overdue(0) if paced else []) for each in (conductor, calm)]
    assert ends[0] == ends[1] and kinds(ends[0]) == ["Record", "SendTick", "SendTick"]


@pytest.mark.parametrize(
    ("message", "counter"),
    [
        (event(B, B, TICK_NS), "mail_foreign_source"),
        (event("operator", B, TICK_NS), "mail_foreign_source"),
        (event(A, B, TICK_NS + 1), "mail_mistimed"),
        (event(A, B, 0), "mail_mistimed"),
        (event(A, "all", TICK_NS), "mail_unknown_destination"),
        (event(A, "sat-z", TICK_NS), "mail_unknown_destination"),
        (Message(TICK_NS, A, 0, B, Bye(reason="")), "mail_forbidden_kind"),
        (report(A, B, TICK_NS), "mail_forbidden_kind"),
    ],
)
def test_what_may_not_be_sent_is_dropped_counted_and_named(message: Message, counter: str) -> None:
    conductor = started()
    out = conductor.tock(A, tock(A, 0, message, event(A, B, TICK_NS, 7)))
    assert kinds(out) == ["Complaint"]
    assert conductor.counters[A][counter] == 1
    assert conductor.counters[A]["mail_sent"] == 1
    out = conductor.tock(B, tock(B, 0))
    assert [len(i.frames) for i in out if isinstance(i, do.SendTick)] == [1, 2]


def test_planes_open_kinds() -> None:
    conductor = Conductor([*PAIR, ParticipantPlan("range", RANGE)], 10, TICK_NS)
    for id in (A, B, "range"):
        conductor.joined(id)
    assert conductor.tock(A, tock(A, 0, report(A, "range", TICK_NS))) == []
    assert kinds(conductor.tock("range", tock("range", 0, telecommand("range", A, TICK_NS)))) == ["Complaint"]
    assert conductor.counters["range"]["mail_forbidden_kind"] == 1
    out = conductor.tock(B, tock(B, 0))
    assert {i.id: len(i.frames) for i in out if isinstance(i, do.SendTick)} == {A: 1, B: 1, "range": 2}


def test_the_ground_forwards_the_operator_and_its_replies_leave() -> None:
    conductor = Conductor([ParticipantPlan("ground", SPACE, forwards="operator")], 10, TICK_NS)
    conductor.joined("ground")
    frames = tock("ground", 0, event("operator", "ground", TICK_NS), event("ground", "operator", TICK_NS))
    out = conductor.tock("ground", frames)
    assert kinds(out) == ["Record", "Outside", "SendTick"]
    assert [len(i.frames) for i in out if not isinstance(i, do.Record)] == [1, 2]


def test_repeated_numbers_within_a_tick_are_dropped() -> None:
    conductor = started()
    conductor.tock(A, tock(A, 0, event(A, B, TICK_NS, 3), event(A, B, TICK_NS, 3)))
    assert conductor.counters[A]["mail_repeated"] == 1


def test_inbox_and_outbox_have_bounds() -> None:
    size = len(encode(event(A, B, TICK_NS, 0)))
    conductor = started(bounds=Bounds(outbox_bytes=3 * size, inbox_bytes=4 * size))
    for id in (A, B):
        conductor.tock(id, tock(id, 0, *[event(id, B, TICK_NS, seq) for seq in range(5)]))
    counters = conductor.counters
    assert counters[A]["outbox_overflow"] == 2 and counters[A]["mail_sent"] == 3
    assert counters[B]["inbox_overflow"] == 2 and counters[B]["mail_received"] == 4


def test_lockstep_time_out_names_the_one_and_stops() -> None:
    conductor = started()
    conductor.tock(A, tock(A, 0))
    assert conductor.overdue(5) == []
    out = conductor.overdue(0)
    assert kinds(out) == ["Lost", "Finished"]
    assert out[0] == do.Lost(B, 0, "no answer in time")
    assert isinstance(out[1], do.Finished) and not out[1].complete and B in out[1].reason
    assert conductor.finished and conductor.joined(B) == [do.Refuse(B, "the run is over")]


def test_lockstep_goes_on_without_it_where_the_scenario_says_so() -> None:
    conductor = started(on_lost="continue")
    conductor.tock(A, tock(A, 0))
    out = conductor.overdue(0)
    assert kinds(out) == ["Lost", "Record", "SendTick"]
    assert conductor.tock(B, tock(B, 0)) == [] and conductor.counters[B]["stale_tocks"] == 1
    assert kinds(conductor.tock(A, tock(A, 1))) == ["Record", "SendTick"]
    # Back again: what it missed comes with the computer down, then it takes part.
    out = conductor.joined(B)
    assert kinds(out) == ["Admit", "SendTick"]
    for tick in (0, 1):
        assert isinstance(out[-1], do.SendTick) and out[-1].tick == tick
        assert not decode(out[-1].frames[0]).body.host_up
        out = conductor.tock(B, tock(B, tick))
    assert isinstance(out[-1], do.SendTick) and decode(out[-1].frames[0]).body.host_up
    assert conductor.waiting == (A, B)


def test_everybody_lost_ends_the_run() -> None:
    conductor = started(on_lost="continue")
    assert kinds(conductor.overdue(0)) == ["Lost", "Lost", "Finished"]


def test_who_never_comes_is_named() -> None:
    conductor = Conductor(PAIR, 10, TICK_NS)
    conductor.joined(A)
    out = conductor.overdue(-1)
    assert out[0] == do.Lost(B, -1, "never came")
    conductor = Conductor(PAIR, 10, TICK_NS, on_lost="continue")
    conductor.joined(A)
    assert kinds(conductor.overdue(-1)) == ["Lost", "SendTick"]


def test_leaving_before_the_start() -> None:
    conductor = Conductor(PAIR, 10, TICK_NS)
    conductor.joined(A)
    assert kinds(conductor.left(A, "x")) == ["Away"]
    assert conductor.waiting == (A, B)
    assert kinds(conductor.joined(B)) == ["Admit"]
    assert kinds(conductor.joined(A)) == ["Admit", "SendTick", "SendTick"]


def test_late_mail_joins_the_next_tick() -> None:
    conductor = started(paced=True)
    conductor.tock(B, tock(B, 0))
    out = conductor.overdue(0)
    assert kinds(out) == ["Record", "SendTick", "SendTick"]
    assert [bool(a.digest) for a in out[0].answers] == [False, True]  # type: ignore[union-attr]
    assert conductor.tock(A, tock(A, 0, event(A, B, TICK_NS))) == []
    out = conductor.overdue(1)
    assert [len(i.frames) for i in out if isinstance(i, do.SendTick)] == [1, 2]
    assert conductor.counters[A]["late_tocks"] == 1 and conductor.counters[A]["missed_ticks"] == 2


def sends(out: list[do.Instruction], id: str) -> list[int]:
    return [order.tick for order in out if isinstance(order, do.SendTick) and order.id == id]


def test_who_was_stopped_is_sent_a_window_of_ticks_and_catches_up_as_it_answers() -> None:
    conductor = started(paced=True, bounds=Bounds(window_ticks=3))
    got = [0]
    for tick in range(8):
        conductor.tock(A, tock(A, tick))
        got += sends(conductor.overdue(tick), B)
    assert got == [0, 1, 2] and conductor.late == {B: 8}
    for tick in range(9):
        got += sends(conductor.tock(B, tock(B, tick)), B)
    assert got == list(range(9)) and conductor.late == {}
    assert conductor.counters[B]["late_tocks"] == 8
    assert sends(conductor.overdue(8), B) == [9], "from here on as everybody else"


def test_a_paced_run_waits_for_who_has_as_much_to_catch_up_with_as_is_kept() -> None:
    conductor = started(paced=True, bounds=Bounds(behind_ticks=3), on_lost="continue")
    for tick in range(3):
        conductor.tock(A, tock(A, tick))
        assert kinds(conductor.overdue(tick))[0] == "Record"
    conductor.tock(A, tock(A, 3))
    assert conductor.overdue(3) == [] and conductor.tick == 3
    conductor.tock(B, tock(B, 0))
    assert kinds(conductor.overdue(3))[0] == "Record"


def test_who_is_given_up_from_outside_is_lost_and_the_rest_goes_on() -> None:
    conductor = started(on_lost="continue")
    conductor.tock(A, tock(A, 0))
    out = conductor.lose(B, "it died 4 times")
    assert out[0] == do.Lost(B, 0, "it died 4 times") and conductor.tick == 1
    assert conductor.lose(B, "again") == [] and conductor.lose("nobody", "x") == []


def test_a_return_beyond_the_kept_history_is_refused() -> None:
    conductor = started(bounds=Bounds(history_ticks=2))
    for tick in range(4):
        for id in (A, B):
            conductor.tock(id, tock(id, tick))
    conductor.left(A, "gone")
    out = conductor.joined(A)
    assert kinds(out) == ["Refuse", "Lost", "Finished"]
    assert conductor.counters[A]["history_overflow"] > 0


def test_who_is_lost_for_longer_than_is_kept_comes_in_at_the_open_tick() -> None:
    """Nothing to replay from: it boots from its own memory, and its missed ticks stay missed."""
    conductor = started(bounds=Bounds(history_ticks=2), on_lost="continue")
    conductor.lose(B, "it died")
    for tick in range(5):
        conductor.tock(A, tock(A, tick))
    out = conductor.joined(B)
    assert out[0] == do.Admit(B, 5, None, True) and conductor.tick == 5
    assert "non-volatile memory" in next(i.reason for i in out if isinstance(i, do.Complaint))
    assert [i.tick for i in out if isinstance(i, do.SendTick)] == [5]
    conductor.tock(A, tock(A, 5))
    assert conductor.tick == 5  # it is waited for again
    conductor.tock(B, tock(B, 5))
    assert conductor.tick == 6 and conductor.waiting == (A, B)


def allocation(station: str, tick: int, seq: int, *, on: bool) -> Message:
    body = Allocation(station=station, spacecraft=B, band="S", rate_bps=1e6, on=on)
    return Message((tick + 1) * TICK_NS, A, seq, B, body)


def test_who_comes_in_without_its_memory_is_told_which_antennas_point_at_it() -> None:
    """It was told when they turned, and has forgotten; nobody would say it again before the next contact."""
    conductor = started(bounds=Bounds(history_ticks=2), on_lost="continue")
    turned = [("north", True), ("south", True), ("south", False), ("east", True), ("north", True)]
    conductor.lose(B, "it died")
    for tick, (station, on) in enumerate(turned):
        conductor.tock(A, tock(A, tick, allocation(station, tick, tick, on=on)))
    out = conductor.joined(B)
    conductor.tock(A, tock(A, 5))
    out += conductor.tock(B, tock(B, 5))
    (sent,) = [i for i in out if isinstance(i, do.SendTick) and (i.id, i.tick) == (B, 6)]
    told = [message for message in read_tick(sent.frames, TICK_NS).inbox if isinstance(message.body, Allocation)]
    assert [(message.source, message.body.station, message.body.on) for message in told] == [
        (A, "north", True), (A, "east", True),
    ]  # fmt: skip
    conductor.tock(A, tock(A, 6))
    (closed,) = [read_record(i.content) for i in conductor.tock(B, tock(B, 6)) if isinstance(i, do.Record)]
    assert len(closed.mail) == 2, "whoever reads the trace sees what it was told"


def test_no_history_no_return() -> None:
    conductor = started(bounds=Bounds(history_ticks=0))
    for id in (A, B):
        conductor.tock(id, tock(id, 0))
    conductor.left(A, "gone")
    assert kinds(conductor.joined(A)) == ["Refuse", "Lost", "Finished"]


def test_a_snapshot_counts_only_with_its_tock() -> None:
    conductor = started()
    conductor.snapshot(A, 0, b"too early")
    conductor.left(A, "between snapshot and tock")
    (admit, send) = conductor.joined(A)
    assert admit == do.Admit(A, 0, None, True) and isinstance(send, do.SendTick)
    conductor.snapshot(A, 0, b"valid")
    conductor.tock(A, tock(A, 0))
    conductor.left(A, "after")
    assert conductor.joined(A) == [do.Admit(A, 1, b"valid", True)]
    assert kinds(conductor.snapshot(A, 7, b"")) == ["Complaint"]


def test_a_snapshot_of_a_step_that_was_never_answered_dies_with_its_process() -> None:
    conductor = started(paced=True)
    conductor.snapshot(A, 0, b"of a step with its computer up")
    conductor.left(A, "between snapshot and tock")
    conductor.overdue(0)
    out = conductor.joined(A)
    assert isinstance(out[-1], do.SendTick) and not decode(out[-1].frames[0]).body.host_up
    conductor.tock(A, tock(A, 0))
    conductor.left(A, "again")
    assert conductor.joined(A)[0] == do.Admit(A, 0, None, True)


def test_a_snapshot_taken_while_replaying_is_as_good() -> None:
    conductor = started()
    for tick in range(3):
        for id in (A, B):
            conductor.tock(id, tock(id, tick))
    conductor.left(A, "gone")
    conductor.joined(A)
    conductor.tock(A, tock(A, 0))
    conductor.snapshot(A, 1, b"second time")
    conductor.tock(A, tock(A, 1))
    conductor.left(A, "gone again")
    assert conductor.joined(A)[0] == do.Admit(A, 2, b"second time", True)


def test_while_replaying_only_the_answer_to_the_tick_sent_counts() -> None:
    conductor = started()
    for tick in range(3):
        for id in (A, B):
            conductor.tock(id, tock(id, tick))
    conductor.left(A, "gone")
    conductor.joined(A)
    assert conductor.tock(A, tock(A, 1)) == [] and conductor.counters[A]["stale_tocks"] == 1
    out = conductor.tock(A, tock(A, 0))
    assert isinstance(out[0], do.SendTick) and out[0].tick == 1


def test_without_history_a_late_answer_still_counts() -> None:
    conductor = started(paced=True, bounds=Bounds(history_ticks=0))
    conductor.tock(B, tock(B, 0))
    conductor.overdue(0)
    conductor.overdue(1)
    for tick in range(3):
        conductor.tock(A, tock(A, tick))
    counters = conductor.counters[A]
    assert (counters["tocks"], counters["late_tocks"], counters["stale_tocks"]) == (3, 2, 0)


def test_peers_see_the_newest_beacon_whatever_came_last() -> None:
    conductor = Conductor([ParticipantPlan(A, SPACE), ParticipantPlan(B, SPACE, peers=(A,))], 10, TICK_NS, paced=True)
    conductor.joined(A)
    conductor.joined(B)
    conductor.overdue(0)
    for tick in (1, 0):
        start = tick * TICK_NS
        conductor.tock(A, write_tock(A, Moment(tick, start, start + TICK_NS), Outbox(beacon=b"of tick %d" % tick)))
    (frames,) = [i.frames for i in conductor.overdue(1) if isinstance(i, do.SendTick) and i.id == B]
    assert decode(frames[0]).body.beacons == {A: b"of tick 1"}


def test_divergence_is_named_with_both_digests() -> None:
    conductor = started()
    conductor.tock(A, tock(A, 0))
    conductor.left(A, "gone")
    conductor.joined(A)
    out = conductor.tock(A, tock(A, 0, event(A, B, TICK_NS)))
    assert kinds(out) == ["Divergence", "Lost", "Finished"]


def test_mail_from_outside_is_stamped_and_checked() -> None:
    conductor = started()
    good = encode(event("operator", A, 123, 5))
    bad = [b"junk", encode(event("operator", "sat-z", 0)), encode(Message(0, "operator", 0, A, Bye(reason="")))]
    assert kinds(conductor.inject([good, *bad])) == ["Complaint"] * 3
    conductor.tock(A, tock(A, 0))
    out = conductor.tock(B, tock(B, 0))
    (frames,) = [i.frames for i in out if isinstance(i, do.SendTick) and i.id == A]
    message = decode(frames[1])
    assert message.sent_ns == TICK_NS and message.source == "operator" and message.seq == 2**52
    counters = conductor.counters["outside"]
    assert (counters["mail_malformed"], counters["mail_unknown_destination"], counters["mail_forbidden_kind"]) == (
        1,
        1,
        1,
    )


def test_stop_still_closes_the_accounts() -> None:
    conductor = started()
    assert conductor.stop("enough") == []
    conductor.tock(A, tock(A, 0))
    out = conductor.tock(B, tock(B, 0))
    assert all(decode(i.frames[0]).body.closing for i in out if isinstance(i, do.SendTick))
    assert kinds(conductor.inject([b""])) == ["Complaint"]
    conductor.tock(A, tock(A, 1, event(A, B, 2 * TICK_NS)))
    (record, finished) = conductor.tock(B, tock(B, 1))
    assert isinstance(record, do.Record) and isinstance(finished, do.Finished)
    assert (finished.complete, finished.reason) == (False, "enough")
    assert finished.ticks == 1 and len(finished.mail) == 1
    assert Conductor(PAIR, 1, TICK_NS).stop("before it began")[0].complete is False  # type: ignore[union-attr]


def test_the_table_names_every_phase_and_nothing_leaves_lost_but_a_return() -> None:
    assert {phase for phase, _ in TRANSITIONS} == set(Phase)
    assert {h for p, h in TRANSITIONS if p is Phase.LOST} == {SessionEvent.JOINED}
    assert isinstance(fakes()[0], Fake)


@given(st.lists(st.tuples(st.sampled_from([A, B, "x"]), st.lists(st.binary(max_size=80), max_size=3)), max_size=20))
@settings(max_examples=60)
def test_no_bytes_end_it(events: list[tuple[str, list[bytes]]]) -> None:
    conductor = started()
    for id, frames in events:
        conductor.tock(id, frames)
        conductor.inject(frames)
    assert not conductor.finished
