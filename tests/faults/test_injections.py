"""Verdicts per injection: each question answered yes, no and unknown, with evidence and latency; classes of outcome."""

from __future__ import annotations

from typing import Any

import pytest

from faults.oracle.injections import OUTCOMES, QUESTIONS, WORST_FIRST, names_unit, verdicts, worst
from faults.recording.facts import units_of
from faults.recording.summary import open_verdict
from faults.run.known import known_of_design
from tests.kits.injection_facts import event, facts, fault

SAFE = {"mode": "SAFE", "modes": [[0.0, "NOMINAL"], [9.0, "SAFE"]]}
BACK = {"modes": [[0.0, "NOMINAL"], [9.0, "SAFE"], [30.0, "NOMINAL"]]}
FELL = event(9.0, "mode_changed", "NOMINAL", "SAFE", "monitor", severity=4)
SEEN = event(8.0, "string.string_1.low")


def one(found: dict[str, Any], control: dict[str, Any] | None = None) -> dict[str, Any]:
    (row,) = verdicts(found, control)
    return row


def test_classes_have_one_order() -> None:
    assert sorted(OUTCOMES) == sorted(WORST_FIRST)
    assert worst([{"outcome": "masked"}, {"outcome": "loss"}]) == "loss" and worst([]) is None


def test_a_fault_that_never_acted_is_inconclusive() -> None:
    row = one(facts([fault()], []))
    assert (row["verdict"], row["outcome"], row["activated"]["answer"]) == ("INCONCLUSIVE", "not activated", "no")
    assert {row[question]["answer"] for question in QUESTIONS[1:]} == {"unknown"}
    assert open_verdict(row) and not open_verdict(one(facts([fault(waive="a short run")], [])))
    cut = {**facts([fault()], []), "complete": False}
    assert one(cut)["activated"]["answer"] == "unknown"
    assert "refused: no such place" in one(facts([fault(refused="no such place")], []))["activated"]["evidence"]


def test_the_whole_chain_with_latencies() -> None:
    found = facts([fault(5.0)], [SEEN, event(8.5, "action_executed", "string.string_1.low", severity=2), FELL], **BACK)
    row = one(found)
    assert row["verdict"] == "PASS" and row["outcome"] == "detected-recovered"
    late = {question: row[question]["latency_s"] for question in QUESTIONS}
    assert late == {
        "activated": 0.0, "detected": 3.0, "isolated": 3.0, "responded": 3.5, "recovered": 25.0, "contained": 4.0,
        "reported": 4.0, "envelope": None,
    }  # fmt: skip
    assert row["contained"]["answer"] == "no" and "SAFE" in row["contained"]["evidence"]
    assert row["detected"]["evidence"] == "event string.string_1.low"
    assert row["envelope"]["answer"] == "yes"


@pytest.mark.parametrize(
    ("events", "end", "of_fault", "outcome"),
    [
        ([], {}, {}, "masked"),
        ([], {}, {"corrected_s": 6.0}, "corrected"),
        ([event(6.0, "memory_corrected", severity=2)], {}, {}, "corrected"),
        ([SEEN], {}, {}, "detected-recovered"),
        ([SEEN], {"shed": True}, {}, "degraded"),
        ([FELL], SAFE, {}, "safe mode"),
        ([], {}, {"silent_s": 7.0}, "silent data corruption"),
        ([SEEN], {}, {"silent_s": 7.0}, "detected-recovered"),
        ([], {}, {"silent_s": 4.0}, "masked"),
        ([], {"host_up": False, "mode": None}, {}, "loss"),
        ([], {"host_up": None}, {}, "unknown"),
        ([], {"mode": None}, {}, "unknown"),
    ],
)
def test_outcomes_without_a_control(
    events: list[dict[str, Any]], end: dict[str, Any], of_fault: dict[str, Any], outcome: str
) -> None:
    assert one(facts([fault(5.0, **of_fault)], events, **end))["outcome"] == outcome


def test_a_control_takes_away_what_happens_anyway() -> None:
    control = facts([], [event(8.0, "device_stale"), FELL], **SAFE)
    row = one(facts([fault(5.0)], [event(8.0, "device_stale"), FELL], **SAFE), control)
    assert row["outcome"] == "masked" and row["detected"]["answer"] == "no" and row["contained"]["answer"] == "yes"
    poorer = one(facts([fault(5.0)], [], payload_j=98.0), facts([], []))
    assert poorer["outcome"] == "degraded"
    assert one(facts([fault(5.0)], [], payload_j=None), facts([], []))["outcome"] == "unknown"


def test_without_a_control_what_came_before_is_usual() -> None:
    found = facts([fault(5.0)], [event(2.0, "device_stale", "gnss"), event(7.0, "device_stale", "gnss")])
    assert one(found)["detected"]["answer"] == "no"
    other = facts([fault(5.0)], [event(2.0, "device_stale", "gnss"), event(7.0, "device_stale", "pcdu")])
    assert one(other)["detected"]["latency_s"] == 2.0


def test_each_strike_has_its_own_row() -> None:
    rows = verdicts(facts([fault(5.0, 50.0, 90.0)], [event(52.0, "string.string_1.low")]))
    assert [(row["strike"], row["detected"]["answer"], row["detected"]["latency_s"]) for row in rows] == [
        (1, "no", None), (2, "yes", 2.0), (3, "no", None),
    ]  # fmt: skip


def test_what_was_not_kept_is_unknown_and_never_no() -> None:
    cut = {**facts([fault(5.0)], []), "events_beyond": 3}
    row = one(cut)
    assert {row[question]["answer"] for question in ("detected", "isolated", "responded", "reported", "contained")} == {
        "unknown"
    }
    assert row["outcome"] == "unknown"
    gone = facts([fault(5.0)], [])
    gone["spacecraft"] = {}
    assert {one(gone)[question]["answer"] for question in QUESTIONS[1:]} == {"unknown"}


def test_a_neighbour_in_trouble_is_not_contained() -> None:
    row = one(facts([fault(5.0)], [event(7.0, "bus.undervoltage", who="b", severity=4)]))
    assert row["contained"]["answer"] == "no" and "of b" in row["contained"]["evidence"]
    assert row["detected"]["answer"] == "no"


@pytest.mark.parametrize(
    ("since_s", "last_s", "answer"), [(7.0, 8.0, "no"), (2.0, 3.0, "yes"), (2.0, 9.0, "no"), (None, None, "yes")]
)
def test_the_envelope_is_of_the_time_after_the_onset(since_s: float | None, last_s: float | None, answer: str) -> None:
    limit = {"signal": "battery_soc", "limit": 0.05, "worst": 0.04, "since_s": since_s, "last_s": last_s}
    assert one(facts([fault(5.0)], [], envelope=[limit]))["envelope"]["answer"] == answer
    assert one(facts([fault(5.0)], [], envelope=[]))["envelope"]["answer"] == "unknown"
    gaps = {**limit, "worst": None, "since_s": None, "last_s": None}
    assert one(facts([fault(5.0)], [], envelope=[gaps]))["envelope"]["answer"] == "unknown"


def test_an_alarm_on_the_ground_is_a_report() -> None:
    found = facts([fault(5.0)], [])
    found["alarms"] = [{"at_s": 9.0, "spacecraft": "a", "name": "limit battery_soc"}]
    assert one(found)["reported"]["latency_s"] == 4.0
    control = facts([], [])
    control["alarms"] = found["alarms"]
    assert one(found, control)["reported"]["answer"] == "no"


@pytest.mark.parametrize(
    ("seam", "place", "event_name", "words", "reading", "named"),
    [
        ("plant", "string_health[string_1]", "string.string_1.low", [], "", True),
        ("plant", "string_health[string_1]", "string.string_2.low", [], "", False),
        ("plant", "wheel_health[0]", "wheel.0.full", [], "", True),
        ("plant", "wheel_health[0]", "torquer.0.full", [], "", False),
        ("plant", "cell_health[battery_2]", "x.low", [], "battery_group_soc.battery_2", True),
        ("plant", "pump_health", "pump.slow", [], "", True),
        ("device", "battery-monitor.battery_soc", "device.battery_monitor.silent", [], "", True),
        ("device", "battery-monitor.battery_soc", "reading_invalid", ["battery-monitor"], "", True),
        ("device", "battery-monitor.battery_soc", "charge.low", [], "charge_zone", False),
        ("plant", "main_bus_short_w", "bus.leak", [], "bus_unaccounted_w", True),
        ("plant", "loop_blockage_factor", "coolant.starved", [], "coolant_missing_fraction", True),
        ("plant", "disturbance_torque_n_m[0]", "torque.unexplained", [], "total_momentum_n_m_s", True),
        ("plant", "latchups[regulators]", "lcl.storage.high", [], "lcl_current_a.storage", True),
        ("plant", "latchups[regulators]", "lcl.payload.high", [], "lcl_current_a.payload", False),
        ("plant", "face_health[2]", "heat_unbalanced", ["radiator_1"], "", True),
        ("plant", "face_health[2]", "heat_unbalanced", ["radiator_2"], "", False),
        ("plant", "device_sensitivity[obc_memory]", "memory_uncorrected", [], "", True),
        ("host", "computer", "clock.drift", [], "clock_drifts", True),
        ("host", "computer", "booted", ["watchdog"], "", True),
        ("link", "uplink", "command_loss", [], "", True),
        ("link", "uplink", "charge.low", [], "charge_zone", False),
    ],
)
def test_what_names_the_struck_unit(  # noqa: PLR0917
    seam: str, place: str, event_name: str, words: list[str], reading: str, named: bool
) -> None:
    parts = known_of_design("pathfinder").parts
    assert names_unit(event(1.0, event_name, *words, reading=reading), units_of(seam, place, parts)) is named
