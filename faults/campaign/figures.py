"""A campaign in numbers: shares with their confidence, latencies by fault, margins by expectation, false alarms."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from bus.pus import Severity
from bus.text.times import clock
from bus.text.units import parse_duration_ns
from faults.campaign.outcome import OUTCOMES, Result
from faults.catalogue.form import NONE, UNKNOWN, FaultForm

VERDICTS = ("PASS", "FAIL", "INCONCLUSIVE")


def wilson(hits: int, of: int, z: float = 1.959964) -> tuple[float, float] | None:
    """95 % confidence interval of a share (Wilson 1927, "Probable inference, the law of succession, and statistical
    inference"); None of nothing."""
    if not of:
        return None
    share, square = hits / of, z * z
    middle = (share + square / (2 * of)) / (1 + square / of)
    half = z * math.sqrt(share * (1 - share) / of + square / (4 * of * of)) / (1 + square / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def in_percent(hits: int, of: int) -> str:
    """`12 of 14: 86 % (60 to 96 %)`."""
    bounds = wilson(hits, of)
    if bounds is None:
        return "none"
    low, high = (_percent(bound, 2) for bound in bounds)
    return f"{hits} of {of}: {_percent(hits / of, 3)} % ({low} to {high} %)"


def _percent(share: float, digits: int) -> str:
    """With so many digits, and more where it would read 100 and is not all."""
    if share < 1.0 - 1e-12:
        for more in range(digits, 13):
            shown = f"{100 * share:.{more}g}"
            if float(shown) < 100.0:
                return shown
    return "100"


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """The campaign in numbers, of the cases that were asked for."""
    asked = [result for result in results if result["asked"]]
    chains = [chain for result in asked for chain in result["chains"] if chain["activated_s"] is not None]
    verdicts = Counter(result["verdict"] for result in asked)
    outcomes = Counter(result["outcome"] for result in asked if result["outcome"])
    return {
        "cases": len(asked),
        **{verdict.lower(): verdicts[verdict] for verdict in VERDICTS},
        "waived": sum(bool(result.get("waived")) for result in asked),
        "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES if outcomes[outcome]},
        "activated": len(chains),
        "detected": sum(chain["detected_s"] is not None for chain in chains),
        "responded": sum(chain["responded_s"] is not None for chain in chains),
        "recovered": sum(chain["recovered"] is True for chain in chains),
        "false_alarms": sum(len(loud(result)) for result in results if result["control"] == result["case"]),
        "alarmed_controls": sum(bool(loud(result)) for result in results if result["control"] == result["case"]),
        "controls": sum(result["control"] == result["case"] for result in results),
    }


def loud(control: Result) -> list[dict[str, Any]]:
    """What a run without faults should not have reported."""
    return [event for event in control["events"] if event["severity"] >= Severity.MEDIUM]


def criticality_s(form: FaultForm | None) -> float | None:
    """From onset to the first limit that truth would leave, s; None where it leaves none, or nobody knows."""
    if form is None or form.criticality in (UNKNOWN, NONE):
        return None
    return parse_duration_ns(form.criticality) / 1e9


def by_fault(asked: Sequence[Result]) -> dict[str, list[dict[str, Any]]]:
    """What became of each injection, by the name of its fault."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for result in asked:
        for chain in result["chains"]:
            kinds.setdefault(chain["fault"], []).append(chain)
    return dict(sorted(kinds.items()))


def in_time(chains: Sequence[Mapping[str, Any]], limit_s: float | None) -> tuple[int, int] | None:
    """How many of those that acted were seen and answered before they are critical; None where nobody knows when."""
    if limit_s is None:
        return None
    acted = [chain for chain in chains if chain["activated_s"] is not None]
    good = [
        chain
        for chain in acted
        if chain["detected_s"] is not None
        and chain["detected_s"] <= limit_s
        and chain["responded_s"] is not None
        and chain["responded_s"] <= limit_s
    ]
    return len(good), len(acted)


def times_in_words(seconds: Sequence[float]) -> str:
    """Median, 95 % and longest; empty of nothing."""
    if not seconds:
        return ""
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
    return " / ".join(clock(value) for value in (statistics.median(ordered), high, ordered[-1]))


def margins(asked: Sequence[Result]) -> list[dict[str, Any]]:
    """Of each expectation: how it was judged how often, and the case that came nearest to breaking it, or broke it
    most."""
    rows: dict[str, dict[str, Any]] = {}
    for result in asked:
        for one in result["expectations"]:
            row = rows.setdefault(
                one["text"], {"text": one["text"], **dict.fromkeys(VERDICTS, 0), "worst": None, "case": None}
            )
            row[one["verdict"]] += 1
            margin = one["robustness"]
            if margin is not None and (row["worst"] is None or margin < row["worst"]):
                row.update(worst=margin, case=result["case"])
    return list(rows.values())


def spread(asked: Sequence[Result]) -> dict[str, list[str]]:
    """The values of each variable that vary, the variables with most values first."""
    names = list(asked[0]["values"]) if asked else []
    found = {name: list(dict.fromkeys(result["values"][name] for result in asked)) for name in names}
    return dict(sorted(found.items(), key=lambda one: -len(one[1])))
