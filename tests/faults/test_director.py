"""The director: injections leave one tick ahead of their onset, reports are kept, a snapshot goes on to the bit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import DecodeError
from bus.participant import Moment
from bus.scenario.model import Environment, Fault, RangeRules, Scenario
from bus.wire.messages import InjectionReport, InjectionState, Message, Seam
from faults.catalogue.injection_ids import fault_of, injection_ids, live_id
from faults.run.director import MAX_REPORTS, Director, plan

TICK_NS = 1_000_000_000


def fault(fault_id: str, at_s: float, until_s: float | None = None, primitives: int = 1) -> Fault:
    each = (int(Seam.PLANT), "string_health[0]", "set", {"value": 0.0})
    return Fault(
        id=fault_id,
        fault="array-string-open",
        target="dawn-1",
        at_s=at_s,
        until_s=until_s,
        parameters={},
        primitives=(each,) * primitives,
    )


def scenario(*faults: Fault, tick_ns: int = TICK_NS) -> Scenario:
    return Scenario(
        name="directed",
        description="",
        epoch_utc="2026-06-21T00:00:00Z",
        duration_ns=60 * TICK_NS,
        tick_ns=tick_ns,
        seed=1,
        environment=Environment(
            solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
        ),
        spacecraft=(),
        stations=(),
        timeline=(),
        faults=faults,
        expectations=(),
        range=RangeRules(missing_tock="stop", tock_timeout_s=10.0, snapshot_every_ticks=60),
        truth_signals={},
    )


def moment(tick: int, *, tick_ns: int = TICK_NS, closing: bool = False) -> Moment:
    return Moment(tick, tick * tick_ns, (tick + 1) * tick_ns, closing=closing)


def report(injection: str, state: InjectionState, at_ns: int) -> Message:
    body = InjectionReport(injection=injection, state=int(state), at_ns=at_ns)
    return Message(at_ns, "dawn-1", 0, "range", body)


@given(at_s=st.floats(0.0, 50.0), tick_ns=st.sampled_from([100_000_000, TICK_NS, 5 * TICK_NS]))
def test_an_injection_arrives_with_the_tick_that_covers_its_onset(at_s: float, tick_ns: int) -> None:
    (item,) = plan(scenario(fault("f", at_s), tick_ns=tick_ns))
    arrival = item.tick + 1
    assert item.tick >= 0
    assert arrival * tick_ns <= item.injection.start_ns < (arrival + 1) * tick_ns


def test_injections_leave_in_their_tick_with_rising_sequence_numbers() -> None:
    director = Director(scenario(fault("late", 9.0, 12.0), fault("early", 3.5), fault("twin", 3.0, primitives=2)))
    sent = [(tick, m) for tick in range(12) for m in director.step(moment(tick), []).messages]
    assert [(tick, m.body.injection) for tick, m in sent] == [
        (2, "early"),
        (2, "twin.0"),
        (2, "twin.1"),
        (8, "late"),
    ]
    assert [m.seq for _, m in sent] == [0, 1, 2, 3]
    assert [m.sent_ns for _, m in sent] == [3 * TICK_NS] * 3 + [9 * TICK_NS]
    assert sent[-1][1].body.end_ns == 12 * TICK_NS
    assert all(m.destination == "dawn-1" for _, m in sent)


def test_injection_ids_are_the_faults_own() -> None:
    assert injection_ids(fault("one", 1.0)) == ("one",)
    assert injection_ids(fault("two", 1.0, primitives=2)) == ("two.0", "two.1")


def test_live_injections_name_their_fault() -> None:
    assert (
        fault_of(live_id("string_open", 12, "a1")) == fault_of(live_id("string_open", 12, "0") + ".1") == "string_open"
    )
    assert fault_of("half-battery") == ""


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    plan_of = scenario(fault("a", 2.0), fault("b", 6.0))
    first, undisturbed = Director(plan_of), Director(plan_of)
    inbox = [report("a", InjectionState.ACTIVE, 2 * TICK_NS)]
    for tick in range(4):
        first.step(moment(tick), inbox if tick == 3 else [])
        undisturbed.step(moment(tick), inbox if tick == 3 else [])
    twin = Director(plan_of)
    twin.restore(first.save())
    assert twin.reports == undisturbed.reports
    for tick in range(4, 9):
        assert twin.step(moment(tick), []) == undisturbed.step(moment(tick), [])
    assert twin.save() == undisturbed.save()


@pytest.mark.parametrize("snapshot", [b"", b"{}", b"[]", b'["director-9",0,0,0,[]]', b"\xff\x00", b"[1,2,3,4,5]"])
def test_a_foreign_snapshot_is_refused(snapshot: bytes) -> None:
    with pytest.raises(DecodeError):
        Director(scenario()).restore(snapshot)


def test_the_account_counts_and_kept_reports_are_bounded() -> None:
    director = Director(scenario(fault("a", 2.0)))
    flood = [report(f"x{i}", InjectionState.REFUSED, TICK_NS) for i in range(MAX_REPORTS + 7)]
    director.step(moment(1), flood)
    (message,) = director.step(moment(2, closing=True), []).messages
    assert message.destination == "bus"
    assert message.body.counters["injections_sent"] == 1.0
    assert message.body.counters["injections_refused"] == MAX_REPORTS
    assert message.body.counters["reports_dropped"] == 7.0
