"""Alarms: persistence to the reading, no chatter, silence by time, play-back by its mode, and why in every one."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.dictionary import Parameter
from bus.wire.messages import Event, OperatorAction, OperatorNote, Telemetry
from groundstation.alarms.limits import Track, level_of
from groundstation.alarms.states import TABLE, AlarmEvent, AlarmState, Level
from groundstation.alarms.watch import Alarms, AlarmsState
from groundstation.config import AlarmRules
from tests.kits.ground_kit import DICTIONARY, SECOND_NS, GroundBench, config, telemetry

SOC = Parameter(
    name="battery_soc", unit="1", type="float", description="charge", soft_low=0.3, hard_low=0.2, hard_high=1.1
)
WORDS = DICTIONARY.model_copy(update={"parameters": (SOC, *DICTIONARY.parameters[1:])})
RULES = AlarmRules()


class Bench:
    """Alarms and the rows that they make."""

    def __init__(self, **rules: Any) -> None:
        self.alarms = Alarms({"sat-1": WORDS}, replace(RULES, **rules), 1, {"battery_soc": "recharge"})
        self.records: list[tuple[object, ...]] = []
        self.now_s = 0
        self.sequence = 0

    def read(self, *values: float, late_s: float = 1.0, sequence: int | None = None, boot: int = 0) -> None:
        for value in values:
            self.now_s += 1
            packet = Telemetry(
                boot=boot, stream=3, sequence=self.sequence if sequence is None else sequence,
                obt_ns=round((self.now_s - late_s) * SECOND_NS), structure=1,
                dictionary=bytes.fromhex(WORDS.version), values=(value, 28.0),
            )  # fmt: skip
            self.sequence += sequence is None
            self.alarms.telemetry("sat-1", packet, WORDS.structure[1], self.now_s * SECOND_NS, self.records)

    def report(self, severity: int = 3, late_s: float = 1.0) -> None:
        self.now_s += 1
        obt_ns = round((self.now_s - late_s) * SECOND_NS)
        packet = Event(boot=0, stream=5, sequence=0, obt_ns=obt_ns, event=7, severity=severity, arguments=(0.25,))
        self.alarms.event("sat-1", packet, self.now_s * SECOND_NS, self.records)

    def wait(self, seconds: int, since_s: int = 0) -> None:
        for _ in range(seconds):
            self.now_s += 1
            self.alarms.step(self.now_s * SECOND_NS, [("sat-1", since_s * SECOND_NS)], self.records)

    @property
    def story(self) -> list[tuple[object, ...]]:
        """(number, what happened, state, level) of every row of the log."""
        return [(row[2], row[5], row[6], row[7]) for row in self.records if row[0] == "alarm_log"]

    @property
    def why(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(str([row for row in self.records if row[0] == "alarms"][-1][-1]))
        return found


def test_a_limit_is_raised_by_the_second_reading_in_a_row_and_cleared_by_the_second() -> None:
    bench = Bench()
    bench.read(0.5, 0.29, 0.31, 0.29)
    assert bench.story == []
    bench.read(0.28)
    assert bench.story == [(1, "raised", "ACTIVE", 1)]
    bench.read(0.35, 0.28, 0.35)
    assert len(bench.story) == 1
    bench.read(0.36)
    assert bench.story[1:] == [(1, "cleared", "CLEARED", 1)]


def test_one_sample_in_two_structures_is_one_reading() -> None:
    bench = Bench()
    bench.read(0.29)
    bench.now_s -= 1
    bench.read(0.29)
    assert bench.story == []
    bench.read(0.29)
    assert bench.story == [(1, "raised", "ACTIVE", 1)]


def test_worse_needs_an_answer_again_and_better_needs_none() -> None:
    bench = Bench()
    bench.read(0.29, 0.29)
    assert bench.alarms.acknowledge(1, bench.now_s * SECOND_NS, bench.records) == ""
    bench.read(0.19, 0.19)
    bench.read(0.25, 0.25)
    assert bench.story == [
        (1, "raised", "ACTIVE", 1), (1, "acknowledged", "ACKNOWLEDGED", 1), (1, "worse", "ACTIVE", 2),
    ]  # fmt: skip
    assert bench.alarms.acknowledge(1, 0, bench.records) == ""
    assert bench.alarms.acknowledge(1, 0, bench.records) == "alarm 1 is ACKNOWLEDGED already"
    bench.read(0.5, 0.5)
    assert bench.story[-1] == (1, "cleared", "CLOSED", 2)
    assert bench.alarms.state.open == {}
    assert bench.alarms.acknowledge(1, 0, bench.records) == "no alarm 1 is open"


@settings(max_examples=200)
@given(st.lists(st.sampled_from([0.15, 0.25, 0.5]), max_size=60), st.integers(1, 4))
def test_the_level_changes_only_by_so_many_readings_in_a_row_and_always_by_them(
    values: list[float], repetitions: int
) -> None:
    track, confirmed, run = Track(), 0, []
    for value in values:
        level, _ = level_of(SOC, value)
        changed = track.judge(level, repetitions)
        side = (level > confirmed) - (level < confirmed)
        run = [*run, level] if side and (not run or (run[0] > confirmed) is (side > 0)) else [level] if side else []
        assert changed is (len(run) >= repetitions)
        if changed:
            confirmed, run = (min(run) if side > 0 else max(run)), []
        assert track.level == confirmed


@settings(max_examples=100)
@given(st.lists(st.floats(0.0, 1.2), max_size=80))
def test_no_chatter(values: list[float]) -> None:
    bench = Bench(repetitions=3)
    bench.read(*values)
    rows = [row for row in bench.records if row[0] == "alarm_log"]
    times = [int(str(row[4])) // SECOND_NS for row in rows]
    assert all(b - a >= 3 for a, b in itertools.pairwise(times))


def test_silence_and_staleness_are_told_to_the_second_and_only_where_an_antenna_points() -> None:
    bench = Bench(silent_s=100.0, stale_intervals=4.0)
    bench.alarms.step(10_000 * SECOND_NS, [], bench.records)
    assert bench.story == []
    bench.wait(100)
    assert bench.story == []
    bench.wait(1)
    assert bench.story == [(1, "raised", "ACTIVE", Level.CRITICAL)]
    bench.wait(500)
    assert len(bench.story) == 1
    bench.read(0.5)
    assert bench.story[1:] == [(1, "cleared", "CLEARED", Level.CRITICAL)]


def test_a_structure_that_no_longer_comes_is_stale_unless_it_was_disabled() -> None:
    bench = Bench(silent_s=100.0)
    bench.alarms.completed("sat-1", "housekeeping.disable", {"structure": "thermal"})
    for _ in range(11):
        bench.wait(10)
        bench.report(severity=1)
    assert bench.story == [(1, "raised", "ACTIVE", Level.WARNING)]
    assert bench.why["because"] == "no power for 100 s, which comes every 1 s"
    bench.read(0.5)
    assert bench.story[1:] == [(1, "cleared", "CLEARED", Level.WARNING)]


@pytest.mark.parametrize(
    ("mode", "states"), [("alarm", ["ACTIVE", "CLEARED"]), ("log", ["LOGGED", "LOGGED"]), ("ignore", [])]
)
def test_play_back_does_what_its_mode_says_and_never_moves_the_present(mode: str, states: list[str]) -> None:
    bench = Bench(play_back=mode)
    bench.read(0.5, 0.5)
    bench.now_s += 1000
    bench.read(0.1, 0.1, late_s=900.0)
    bench.report(late_s=900.0)
    rows = [row for row in bench.records if row[0] == "alarm_log"]
    assert [row[6] for row in rows] == states
    assert all(row[8] == 1 for row in bench.records if row[0] == "alarms")
    live = bench.alarms.state.seen["sat-1"].live["battery_soc"]
    assert (live.level, live.readings[-1][2]) == (0, 0.5)
    bench.read(0.1, 0.1)
    assert bench.story[-1][1:] == ("raised", "ACTIVE", 2)


def test_an_old_packet_that_comes_again_late_clears_nothing() -> None:
    bench = Bench()
    bench.read(0.5, 0.1, 0.1)
    bench.read(0.5, 0.5, 0.5, sequence=0)
    assert bench.story == [(1, "raised", "ACTIVE", 2)]
    bench.read(0.5, 0.5, boot=1)
    assert bench.story[-1] == (1, "cleared", "CLEARED", 2)


def test_events_alarm_by_severity_once_until_somebody_answers() -> None:
    bench = Bench()
    bench.report(severity=1)
    bench.report(severity=2)
    assert bench.story == []
    for _ in range(5):
        bench.report(severity=3)
    assert bench.story == [(1, "raised", "CLEARED", Level.WARNING)]
    assert [row for row in bench.records if row[0] == "alarms"][-1][12] == 5
    assert bench.alarms.acknowledge(1, 0, bench.records) == ""
    bench.report(severity=4)
    assert bench.story[1:] == [(1, "acknowledged", "CLOSED", 1), (2, "raised", "CLEARED", Level.CRITICAL)]


def test_shelved_is_quiet_until_its_time_or_worse() -> None:
    bench = Bench()
    bench.read(0.29, 0.29)
    assert bench.alarms.shelve(1, 10.0, bench.now_s * SECOND_NS, bench.records) == ""
    bench.wait(9, since_s=10**6)
    assert bench.story[-1][1] == "shelved"
    bench.wait(1, since_s=10**6)
    assert bench.story[-1][1:3] == ("shelf over", "ACTIVE")
    bench.alarms.shelve(1, 3600, bench.now_s * SECOND_NS, bench.records)
    for wrong in (None, "long", True, 0.0, -1.0, float("nan"), 1e12):
        assert "allowed: more than 0" in bench.alarms.shelve(1, wrong, 0, bench.records)
    bench.read(0.1, 0.1)
    assert bench.story[-1][1:] == ("worse", "ACTIVE", 2)


def test_every_alarm_says_why() -> None:
    bench = Bench()
    for request in range(7):
        bench.alarms.ordered(request, "sat-1", f"test.ping {request}: SENT", request * SECOND_NS)
    bench.alarms.ordered(6, "sat-1", "test.ping 6: COMPLETED", 9 * SECOND_NS)
    bench.read(0.5, 0.29, 0.28)
    assert bench.why["because"] == "battery_soc 0.28 is below soft low 0.3, 2 readings in a row"
    assert [value for _, _, value in bench.why["readings"]] == [0.5, 0.29, 0.28]
    assert [text for _, text in bench.why["telecommands"]] == [
        "test.ping 2: SENT", "test.ping 3: SENT", "test.ping 4: SENT", "test.ping 5: SENT", "test.ping 6: COMPLETED",
    ]  # fmt: skip
    assert bench.why["procedure"] == "recharge"


def test_open_alarms_are_bounded_and_what_is_left_out_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("groundstation.alarms.watch.MAX_OPEN", 0)
    bench = Bench()
    bench.report()
    assert bench.alarms.state.totals["left_out"] == 1
    assert bench.records == []


def test_the_table_leaves_no_way_back_from_the_end() -> None:
    assert not [pair for pair in TABLE if pair[0] in (AlarmState.CLOSED, AlarmState.LOGGED)]
    for state in (AlarmState.ACTIVE, AlarmState.CLEARED, AlarmState.SHELVED):
        assert (state, AlarmEvent.ACKNOWLEDGE) in TABLE


def test_a_restored_ground_goes_on_with_its_alarms_and_the_operator_answers_them() -> None:
    bench = GroundBench(config())
    bench.config = replace(bench.config)
    event = Event(boot=0, stream=5, sequence=0, obt_ns=0, event=7, severity=4, arguments=(0.2,))
    bench.step(("sat-1", event), ("sat-1", telemetry(0)))
    saved = bench.ground.save()
    twin = GroundBench(bench.config)
    twin.ground.restore(saved)
    twin.tick = bench.tick
    acknowledge = OperatorAction(token=3, verb="alarm.acknowledge", run=1)
    for each in (bench, twin):
        each.records.clear()
        each.step(("operator", acknowledge))
        assert ("acknowledged", "CLOSED") in [(row[5], row[6]) for row in each.records if row[0] == "alarm_log"]
    assert bench.records == twin.records
    assert [body.state for body in bench.bodies(OperatorNote) if isinstance(body, OperatorNote)] == ["COMPLETED"]
    assert isinstance(bench.ground._alarms.state, AlarmsState)
    assert bench.ground.save() == twin.ground.save()
