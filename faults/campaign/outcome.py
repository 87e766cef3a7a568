"""What became of a case: read from its trace, and told apart from its control.

A case is judged by itself (its expectations), and by its difference from the control, the same run without the faults:
an event that the control had as well is no detection.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bus.dictionary import Dictionary
from bus.trace.reader import TraceReader
from faults.campaign.shared import Flight
from faults.oracle import injections
from faults.recording.facts import facts_of
from faults.recording.read import read_trace
from faults.run.conclude import judge_all
from faults.run.known import known_of

Result = dict[str, Any]
"""One case as results.json holds it; see docs/reference/campaign.md."""

OUTCOMES = (*injections.OUTCOMES, "failed")
"""Classes of a case; `failed`: the range did not fly it to its end."""


def result_of(flight: Flight, dictionaries: Mapping[str, Dictionary]) -> Result:
    """Read a flown case."""
    case = flight.case
    head: Result = {
        "case": case.number, "asked": case.asked, "control": case.control, "values": case.labels,
        "injected": list(case.injected), "seed": case.scenario.seed,
    }  # fmt: skip
    if flight.failure is not None:
        return {**head, "error": flight.failure.message, "trace_hash": "", "ticks": 0, "expectations": [], "faults": [],
                "events": [], "events_beyond": 0, "spacecraft": {}, "alarms": [], "complete": False}  # fmt: skip
    with TraceReader(flight.trace) as reader:
        recording = read_trace(reader, case.scenario, dict(dictionaries), flight.held).recording
    waived = {one.text: one.waive for one in case.scenario.expectations}
    return {
        **head,
        "error": "" if recording.complete else recording.damage or "cut short",
        "trace_hash": recording.trace_hash,
        "ticks": recording.ticks,
        "expectations": [
            {"text": one.text, "verdict": one.verdict, "robustness": one.robustness,
             "first_violation_s": one.first_violation_s, "reason": one.reason, "waive": waived.get(one.text, "")}
            for one in judge_all(recording)
        ],
        **facts_of(recording, known_of(case.scenario)),
    }  # fmt: skip


# ---- a case beside its control ----------------------------------------------------------------------------------


def judged(result: Result, control: Result | None) -> Result:
    """The case's verdicts. `control` None: it was not flown, so nobody can say what the faults did."""
    usual = None if control is None or control["error"] else control
    rows = injections.verdicts(result, usual, result["injected"]) if not result["error"] else []
    expected = {row["verdict"] for row in result["expectations"] if not row["waive"] or row["verdict"] == "FAIL"}
    dormant = any(row["verdict"] == "INCONCLUSIVE" and not row["waive"] for row in rows)
    if result["error"]:
        verdict = "INCONCLUSIVE"
    elif "FAIL" in expected:
        verdict = "FAIL"
    elif dormant or "INCONCLUSIVE" in expected or (result["injected"] and not rows):
        verdict = "INCONCLUSIVE"
    else:
        verdict = "PASS"
    if result["error"]:
        outcome: str | None = "failed"
    elif usual is None:
        outcome = None
    else:
        outcome = injections.worst(rows)
    return {
        **result,
        "verdict": verdict,
        "outcome": outcome,
        "chains": [_chain(row, usual is not None) for row in rows],
    }


def _chain(row: Mapping[str, Any], known: bool) -> dict[str, Any]:
    """A row of verdicts with its figures by name: the onset in mission time, the rest after it. `known`: there was a
    control; without one nothing is said of what the fault did."""

    def late(question: str) -> float | None:
        return row[question]["latency_s"] if known else None

    def by(question: str) -> str | None:
        answer = row[question]
        return answer["evidence"].removeprefix("event ").split(" ")[0] if known and answer["answer"] == "yes" else None

    recovered = row["recovered"]["answer"]
    return {
        **row, "activated_s": row["activated"]["at_s"], "detected_s": late("detected"), "detected_by": by("detected"),
        "isolated_s": late("isolated"), "isolated_by": by("isolated"), "reported_s": late("reported"),
        "responded_s": late("responded"), "responded_by": by("responded"),
        "recovered": recovered == "yes" if known and recovered != "unknown" else None, "recovered_s": late("recovered"),
    }  # fmt: skip
