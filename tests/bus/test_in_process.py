"""The in-process transport: same bytes as between processes, same hash whatever happens to a participant's host."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import Diverged, ParticipantLost
from bus.lockstep import instructions as do
from bus.lockstep.conductor import Conductor
from bus.lockstep.in_process import InProcess, run_in_process
from bus.lockstep.ticks import write_tock
from bus.participant import Moment, Outbox
from bus.trace.reader import TraceReader
from bus.trace.writer import Traced, TraceHeader, TraceWriter
from bus.wire.codec import decode, encode
from tests.kits.busfakes import IDS, TICK_NS, Fake, event, fakes, plans

HEADER = TraceHeader(
    "0" * 16, 1, TICK_NS, 20, tuple(Traced(p.id, "node", p.peers, ("a", "b", "c", "d")) for p in plans())
)


def fly(
    ticks: int = 20, *, accidents: dict[int, str] | None = None, every: int = 0, path: Path | None = None, **options
):
    trace = TraceWriter(path, HEADER)
    conductor = Conductor(plans(), ticks, TICK_NS)
    parts = fakes(**options)

    def on_tick(record: do.Record) -> None:
        if accidents and record.tick in accidents:
            session.accident(accidents[record.tick])

    session = InProcess(
        conductor, parts, TICK_NS, trace, on_tick=on_tick, snapshot_every_ticks=every,
        rebuild=lambda id: next(f for f in fakes(**options) if f.id == id),
    )  # fmt: skip
    finished = session.run()
    return finished, trace.trace_hash, session


def test_a_run_delivers_mail_and_has_one_hash() -> None:
    finished, first, _ = fly()
    assert finished.complete and finished.ticks == 20
    assert sum(finished.counters[id]["mail_received"] for id in IDS) > 20
    assert fly()[1] == first
    assert fly(21)[1] != first


def test_the_hash_does_not_see_authentication(tmp_path: Path) -> None:
    plain = fly(path=tmp_path / "plain")[1]
    signed = fly(path=tmp_path / "signed", authentication=b"k" * 16)[1]
    assert plain == signed
    with TraceReader(tmp_path / "signed") as reader:
        frames = [frame for record in reader for frame in record.mail]
        assert frames and all(b"k" * 16 in frame for frame in frames)


@pytest.mark.parametrize("every", [0, 1, 3, 7])
@pytest.mark.parametrize(
    "accidents", [{0: "sat-a"}, {5: "sat-b", 6: "sat-b", 13: "ground"}, dict.fromkeys(range(19), "sat-c")]
)
def test_a_lost_host_leaves_no_mark_on_the_trace(every: int, accidents: dict[int, str]) -> None:
    finished, hashed, _ = fly(accidents=accidents, every=every)
    assert hashed == fly()[1]
    assert sum(finished.counters[id]["returns"] for id in IDS) == len(accidents)
    if every == 0:
        assert finished.counters[next(iter(accidents.values()))]["replayed_ticks"] > 0


def test_a_participant_that_forgets_part_of_its_state_is_found_out() -> None:
    class Forgetful(Fake):
        def restore(self, snapshot: bytes) -> None:
            super().restore(snapshot)
            self.state.memory = b"?"

    def on_tick(record: do.Record) -> None:
        if record.tick == 4:
            session.accident("sat-a")

    session = InProcess(
        Conductor(plans(), 10, TICK_NS), fakes(), TICK_NS, None, on_tick=on_tick, snapshot_every_ticks=2,
        rebuild=lambda id: Forgetful(id, [*[o for o in IDS if o != id], "operator"]),
    )  # fmt: skip
    with pytest.raises(Diverged) as caught:
        session.run()
    assert caught.value.participant == "sat-a"


def test_commit_comes_before_the_tock_and_operator_mail_leaves() -> None:
    order: list[str] = []
    outside: list[bytes] = []
    finished = run_in_process(
        Conductor(plans(), 20, TICK_NS), fakes(), TICK_NS,
        commit={"sat-a": lambda outbox: order.append("commit")},
        on_tick=lambda record: order.append("tick"),
        on_outside=outside.extend,
    )  # fmt: skip
    assert order == ["commit", "tick"] * 21
    assert finished.complete and outside


def test_a_stop_between_ticks_ends_the_run_in_order_and_a_readable_trace(tmp_path: Path) -> None:
    flown: list[int] = []
    trace = TraceWriter(tmp_path / "trace.bin", HEADER)
    finished = run_in_process(
        Conductor(plans(), 20, TICK_NS), fakes(), TICK_NS, trace,
        on_tick=lambda record: flown.append(record.tick),
        stopped=lambda: "enough" if len(flown) >= 5 else "",
    )  # fmt: skip
    assert (finished.complete, finished.reason, finished.ticks) == (False, "enough", 6)
    assert flown == [0, 1, 2, 3, 4, 5, 6], "the open tick and the closing one are flown"
    with TraceReader(tmp_path / "trace.bin") as reader:
        assert reader.end is not None
        assert (len(reader), reader.end.complete, reader.end.reason) == (7, False, "enough")


def test_a_stop_before_the_first_tick_flies_nothing() -> None:
    finished = run_in_process(Conductor(plans(), 20, TICK_NS), fakes(), TICK_NS, stopped=lambda: "too late")
    assert (finished.complete, finished.reason, finished.ticks) == (False, "too late", 0)


def test_a_failing_step_names_the_participant_and_leaves_a_readable_trace(tmp_path: Path) -> None:
    class Broken(Fake):
        def step(self, moment: Moment, inbox: object) -> Outbox:
            if moment.tick == 3:
                raise ZeroDivisionError("boom")
            return Outbox()

    parts = [f if f.id != "sat-b" else Broken("sat-b", IDS) for f in fakes()]
    trace = TraceWriter(tmp_path / "trace.bin", HEADER)
    with pytest.raises(ParticipantLost, match=r"sat-b was lost at tick 3.*boom"):
        run_in_process(Conductor(plans(), 10, TICK_NS), parts, TICK_NS, trace)
    with TraceReader(tmp_path / "trace.bin") as reader:
        assert len(reader) == 3 and reader.end is None


def test_a_missing_participant_is_named() -> None:
    with pytest.raises(ParticipantLost, match="sat-c"):
        run_in_process(Conductor(plans(), 3, TICK_NS), fakes(IDS[:3]), TICK_NS)


def test_mail_from_outside_is_recorded_and_moves_the_run() -> None:
    conductor = Conductor(plans(), 20, TICK_NS)
    records: list[do.Record] = []

    def on_tick(record: do.Record) -> None:
        records.append(record)
        if record.tick == 4:
            session.inject([encode(event("operator", "sat-a", 0))])

    trace = TraceWriter(None, HEADER)
    session = InProcess(conductor, fakes(), TICK_NS, trace, on_tick=on_tick)
    finished = session.run()
    assert finished.counters["outside"]["mail_sent"] == 1
    assert trace.trace_hash != fly()[1]


def test_the_recorded_inbox_runs_one_participant_again(tmp_path: Path) -> None:
    fly(path=tmp_path / "trace.bin")
    for id in IDS:
        alone = next(f for f in fakes() if f.id == id)
        with TraceReader(tmp_path / "trace.bin") as reader:
            steps = list(reader.steps(id))
            assert len(steps) == 21 and steps[-1].moment.closing
            for moment, inbox, answer in steps:
                assert answer is not None
                head = decode(write_tock(id, moment, alone.step(moment, inbox))[0])
                assert head.body.digest == answer.digest
