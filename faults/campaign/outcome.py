"""What became of a case: read from its trace, and told apart from its control.

A case is judged by itself (its expectations), and by its difference from the control, the same run without the faults:
an event that the control had as well is no detection.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bus.dictionary import Dictionary
from bus.pus import Severity
from bus.trace.reader import TraceReader
from faults.campaign.shared import Flight
from faults.recording.read import read_trace
from faults.recording.recording import Recording, intervals
from faults.run.conclude import judge_all
from node.fsw.modes import Mode

Result = dict[str, Any]
"""One case as results.json holds it; see docs/reference/campaign.md."""

MOST_EVENTS = 2_000
"""Kept of one case; what is beyond is counted."""
RESPONSES = ("action_executed", "mode_changed", "payload_shed", "lcl_rearmed", "memory_uncorrected", "booted")
"""Events that say that something was done about it, beside those that only say what was seen."""
OUTCOMES = ("masked", "detected", "recovered", "degraded", "safe mode", "undetected", "loss", "not activated", "failed")


def result_of(flight: Flight, dictionaries: Mapping[str, Dictionary]) -> Result:
    """Read a flown case."""
    case = flight.case
    head: Result = {
        "case": case.number, "asked": case.asked, "control": case.control, "values": case.labels,
        "injected": list(case.injected), "seed": case.scenario.seed,
    }  # fmt: skip
    if flight.failure is not None:
        return {**head, "error": flight.failure.message, "trace_hash": "", "ticks": 0, "expectations": [], "faults": [],
                "events": [], "events_beyond": 0, "spacecraft": {}}  # fmt: skip
    with TraceReader(flight.trace) as reader:
        recording = read_trace(reader, case.scenario, dict(dictionaries), flight.held).recording
    events = [event for event in recording.events if event.at_s is not None]
    return {
        **head,
        "error": "" if recording.complete else recording.damage or "cut short",
        "trace_hash": recording.trace_hash,
        "ticks": recording.ticks,
        "expectations": [
            {"text": one.text, "verdict": one.verdict, "robustness": one.robustness,
             "first_violation_s": one.first_violation_s, "reason": one.reason}
            for one in judge_all(recording)
        ],
        "faults": [
            {"id": fault.id, "fault": fault.fault, "target": fault.target, "planned_s": fault.planned_s,
             "at_s": fault.at_s, "cleared_s": fault.cleared_s, "refused": fault.refused}
            for fault in recording.faults
        ],
        "events": [
            {"at_s": e.at_s, "spacecraft": e.spacecraft, "name": e.name, "severity": int(e.severity),
             "sent_s": None if math.isnan(e.sent_s) else e.sent_s}
            for e in events[:MOST_EVENTS]
        ],
        "events_beyond": len(recording.events) - len(events[:MOST_EVENTS]),
        "spacecraft": {one.id: _end_of(recording, one.id) for one in case.scenario.spacecraft},
    }  # fmt: skip


def _end_of(recording: Recording, spacecraft: str) -> dict[str, Any]:
    """How one spacecraft ended, and what it went through; None for what nobody knows."""

    def last(name: str) -> float | None:
        values = recording.signal(spacecraft, name)
        return None if values is None or not values.size or np.isnan(values[-1]) else float(values[-1])

    mode, up = recording.signal(spacecraft, "mode"), last("host_up")
    spans = [] if mode is None else intervals(recording.times_s, mode, recording.scenario.tick_ns / 1e9)
    payload = recording.signal(spacecraft, "payload_power_w")
    known = None if payload is None or np.isnan(payload).any() else float(payload.sum())
    soc = recording.signal(spacecraft, "battery_soc")
    least = None if soc is None or np.isnan(soc).all() else float(np.nanmin(soc))
    end = last("mode")
    return {
        "mode": None if end is None else Mode(int(end)).name,
        "modes": [[round(start, 6), Mode(int(value)).name] for start, _, value in spans][:200],
        "host_up": None if up is None else bool(up),
        "boots": last("boot_count"),
        "least_soc": least,
        "payload_j": None if known is None else known * recording.scenario.tick_ns / 1e9,
    }


# ---- a case beside its control ----------------------------------------------------------------------------------


def judged(result: Result, control: Result | None) -> Result:
    """The case's verdicts. `control` None: it was not flown, so nobody can say what the faults did."""
    faults = [_chain(fault, result, control) for fault in _injected(result)]
    verdicts = {row["verdict"] for row in result["expectations"]}
    dormant = [fault for fault in faults if fault["activated_s"] is None]
    if result["error"]:
        verdict = "INCONCLUSIVE"
    elif "FAIL" in verdicts:
        verdict = "FAIL"
    elif dormant or "INCONCLUSIVE" in verdicts or (result["injected"] and not faults):
        verdict = "INCONCLUSIVE"
    else:
        verdict = "PASS"
    return {**result, "verdict": verdict, "outcome": _outcome(result, control, faults), "chains": faults}


def _injected(result: Result) -> list[dict[str, Any]]:
    """The campaign's faults, one row for each target, though a fault may be several injections."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for fault in result["faults"]:
        head, _, part = fault["id"].rpartition(".")
        name = head if head in result["injected"] and part.isdigit() else fault["id"]
        if name not in result["injected"]:
            continue
        row = found.setdefault((name, fault["target"]), {**fault, "id": name})
        if fault["refused"]:
            row["refused"] = fault["refused"]
        times = [at for at in (row["at_s"], fault["at_s"]) if at is not None]
        row["at_s"] = min(times, default=None)
    return list(found.values())


def _chain(fault: dict[str, Any], result: Result, control: Result | None) -> dict[str, Any]:
    """When it acted, was first seen on board, was answered, and the spacecraft was in its control's mode again."""
    target, at_s = fault["target"], fault["at_s"]
    chain = {
        "id": fault["id"], "fault": fault["fault"], "target": target, "refused": fault["refused"], "activated_s": at_s,
        "detected_s": None, "detected_by": None, "reported_s": None, "responded_s": None, "responded_by": None,
        "recovered": None,
    }  # fmt: skip
    if at_s is None or control is None:
        return chain
    new = [e for e in _beyond(result["events"], control["events"]) if e["spacecraft"] == target and e["at_s"] >= at_s]
    seen = next((e for e in new if e["severity"] >= Severity.LOW), None)
    done = next((e for e in new if e["name"] in RESPONSES), None)
    if seen is not None:
        chain.update(detected_s=seen["at_s"] - at_s, detected_by=seen["name"])
    told = [e["sent_s"] for e in new if e["sent_s"] is not None and e["severity"] >= Severity.LOW]
    chain["reported_s"] = min(told) - at_s if told else None
    if done is not None:
        chain.update(responded_s=done["at_s"] - at_s, responded_by=done["name"])
    here, there = result["spacecraft"].get(target), control["spacecraft"].get(target)
    if here and there and here["mode"] is not None and there["mode"] is not None:
        chain["recovered"] = here["mode"] == there["mode"]
    return chain


def _beyond(events: Sequence[dict[str, Any]], usual: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Events that the control did not have, or not so many of: of one name, the control's number of them is taken from
    the first ones that are no earlier than its own."""
    left: Counter[tuple[str, str]] = Counter((e["spacecraft"], e["name"]) for e in usual)
    times: dict[tuple[str, str], list[float]] = {}
    for event in usual:
        times.setdefault((event["spacecraft"], event["name"]), []).append(event["at_s"])
    found = []
    for event in events:
        key = event["spacecraft"], event["name"]
        if left[key] and event["at_s"] >= times[key][len(times[key]) - left[key]]:
            left[key] -= 1
            continue
        found.append(event)
    return found


def _outcome(result: Result, control: Result | None, faults: Sequence[dict[str, Any]]) -> str | None:
    """The class of the whole case; None where nothing was injected or nothing is known."""
    if result["error"]:
        return "failed"
    if not result["injected"] or control is None or control["error"]:
        return None
    acted = [fault for fault in faults if fault["activated_s"] is not None]
    if not acted:
        return "not activated"
    ends = [(result["spacecraft"].get(t), control["spacecraft"].get(t)) for t in {f["target"]: None for f in acted}]
    if any(here is None or (here["host_up"] is False and there and there["host_up"]) for here, there in ends):
        return "loss"
    if any(_untold(here) or _untold(there) for here, there in ends):
        return None
    if any(here["mode"] in ("SAFE", "SURVIVAL") and here["mode"] != there["mode"] for here, there in ends):
        return "safe mode"
    seen = any(fault["detected_s"] is not None for fault in acted)
    poorer = any(_poorer(here, there) for here, there in ends)
    if poorer:
        return "degraded" if seen else "undetected"
    if not seen:
        return "masked"
    return "recovered" if any(fault["responded_s"] is not None for fault in acted) else "detected"


def _untold(end: dict[str, Any] | None) -> bool:
    """What a class is told from is not all known: whether the computer runs, its mode, the payload's energy."""
    if end is None or end["host_up"] is None or end["payload_j"] is None:
        return True
    return bool(end["host_up"]) and end["mode"] is None


def _poorer(here: dict[str, Any], there: dict[str, Any]) -> bool:
    """Its payload got less than 99 % of the control's energy."""
    mine, usual = here["payload_j"], there["payload_j"]
    return mine is not None and usual is not None and mine < 0.99 * usual
