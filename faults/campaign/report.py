"""report.html and junit.xml of a campaign: one offline page for people, one file for continuous integration."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any
from xml.etree import ElementTree

from bus.pus import Severity
from bus.text.times import clock
from faults.campaign.outcome import OUTCOMES, Result
from faults.report.html import badge, page, table, tiles

MOST_ROWS = 400
MOST_COLUMNS = 40
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
    low, high = (f"{100 * bound:.2g}" if bound < 0.995 else "100" for bound in bounds)
    return f"{hits} of {of}: {100 * hits / of:.3g} % ({low} to {high} %)"


def figures(results: Sequence[Result]) -> dict[str, Any]:
    """The campaign in numbers, of the cases that were asked for."""
    asked = [result for result in results if result["asked"]]
    chains = [chain for result in asked for chain in result["chains"] if chain["activated_s"] is not None]
    verdicts = Counter(result["verdict"] for result in asked)
    outcomes = Counter(result["outcome"] for result in asked if result["outcome"])
    return {
        "cases": len(asked),
        **{verdict.lower(): verdicts[verdict] for verdict in VERDICTS},
        "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES if outcomes[outcome]},
        "activated": len(chains),
        "detected": sum(chain["detected_s"] is not None for chain in chains),
        "responded": sum(chain["responded_s"] is not None for chain in chains),
        "recovered": sum(chain["recovered"] is True for chain in chains),
        "false_alarms": sum(len(_loud(result)) for result in results if result["control"] == result["case"]),
        "controls": sum(result["control"] == result["case"] for result in results),
    }


def _loud(control: Result) -> list[dict[str, Any]]:
    """What a run without faults should not have reported."""
    return [event for event in control["events"] if event["severity"] >= Severity.MEDIUM]


def render(name: str, description: str, results: Sequence[Result], repeat: Mapping[int, str]) -> str:
    """The page. `repeat`: the command that repeats a case, by its number."""
    asked = [result for result in results if result["asked"]]
    numbers = figures(results)
    verdict = "FAIL" if numbers["fail"] else "INCONCLUSIVE" if numbers["inconclusive"] or not asked else "PASS"
    what = f'<p class="soft">{escape(description)}</p>' if description else ""
    body = [f"<header><div><h1>{escape(name)}</h1>{what}</div><div>{badge(verdict, big=True)}</div></header>"]
    body.append(
        tiles([
            (str(numbers["cases"]), "cases"),
            *((str(numbers[v.lower()]), v.lower()) for v in VERDICTS),
            (str(numbers["activated"]), "faults that acted"),
            (str(numbers["detected"]), "detected on board"),
            (str(numbers["responded"]), "answered on board"),
            (str(numbers["false_alarms"]), f"alarming events without faults, {numbers['controls']} flown so"),
        ])
    )  # fmt: skip
    body.append("<h2>Cases</h2><div class='card wide'>" + _matrix(asked) + "</div>")
    body.append("<h2>Faults</h2><div class='card wide'>" + _by_fault(asked) + "</div>")
    body.append("<h2>What did not pass</h2><div class='card wide'>" + _not_passed(asked, repeat) + "</div>")
    body.append("<h2>Runs without faults</h2><div class='card wide'>" + _controls(results) + "</div>")
    body.append("<h2>All cases</h2><div class='card wide'>" + _all(asked) + "</div>")
    return page(f"{name}: {verdict}", body)


def _matrix(asked: Sequence[Result]) -> str:
    """The two variables with most values against each other; what else varies is counted within the cell."""
    names = list(asked[0]["values"]) if asked else []
    if not names:
        return "<p>nothing varies</p>"
    spread = {name: list(dict.fromkeys(result["values"][name] for result in asked)) for name in names}
    ranked = sorted(names, key=lambda name: -len(spread[name]))
    across = ranked[1] if len(ranked) > 1 and len(spread[ranked[1]]) <= MOST_COLUMNS else None
    columns: list[str | None] = list(spread[across]) if across else [None]
    cells: dict[tuple[str, str | None], list[Result]] = {}
    for result in asked:
        key = result["values"][ranked[0]], result["values"][across] if across else None
        cells.setdefault(key, []).append(result)
    rows = [
        [escape(label), *(_cell(cells.get((label, column), [])) for column in columns)]
        for label in spread[ranked[0]][:MOST_ROWS]
    ]
    heads = [escape(ranked[0]), *(escape(f"{across} {column}") if across else "outcome" for column in columns)]
    left = len(spread[ranked[0]]) - len(rows)
    return table(heads, rows, empty="no case") + (f"<p class='soft'>and {left} more</p>" if left > 0 else "")


def _cell(results: Sequence[Result]) -> str:
    """Verdicts of the cases in it, the worst first, and how they ended."""
    if not results:
        return ""
    verdicts = Counter(result["verdict"] for result in results)
    shown = [f"{badge(v)}{f' {verdicts[v]}' if len(results) > 1 else ''}" for v in reversed(VERDICTS) if verdicts[v]]
    ends = Counter(result["outcome"] for result in results if result["outcome"])
    words = ", ".join(f"{end}{f' {n}' if len(results) > 1 else ''}" for end, n in ends.most_common())
    return " ".join(shown) + f"<br><span class='soft'>{escape(words)}</span>"


def _by_fault(asked: Sequence[Result]) -> str:
    """Detection and response of each kind of fault, over all cases."""
    kinds: dict[str, list[dict[str, Any]]] = {}
    for result in asked:
        for chain in result["chains"]:
            kinds.setdefault(chain["fault"], []).append(chain)
    rows = []
    for kind, chains in sorted(kinds.items()):
        acted = [chain for chain in chains if chain["activated_s"] is not None]
        seen = [chain["detected_s"] for chain in acted if chain["detected_s"] is not None]
        done = [chain["responded_s"] for chain in acted if chain["responded_s"] is not None]
        back = [chain for chain in acted if chain["recovered"] is not None]
        by = Counter(chain["detected_by"] for chain in acted if chain["detected_by"])
        rows.append([
            escape(kind), f"{len(acted)} of {len(chains)}", in_percent(len(seen), len(acted)), _times(seen),
            escape(", ".join(f"{name} {n}" for name, n in by.most_common(3))),
            in_percent(len(done), len(acted)), _times(done),
            in_percent(sum(bool(chain["recovered"]) for chain in back), len(back)),
        ])  # fmt: skip
    heads = ["fault", "acted", "detected on board", "after (median, 95 %, longest)", "by", "answered on board",
             "after", "in the control's mode at the end"]  # fmt: skip
    return table(heads, rows, empty="No case has a fault.")


def _times(seconds: Sequence[float]) -> str:
    if not seconds:
        return ""
    ordered = sorted(seconds)
    high = ordered[min(len(ordered) - 1, math.ceil(0.95 * len(ordered)) - 1)]
    return " / ".join(clock(value) for value in (statistics.median(ordered), high, ordered[-1]))


def _not_passed(asked: Sequence[Result], repeat: Mapping[int, str]) -> str:
    rows: list[list[str]] = []
    left = 0
    for result in asked:
        if result["verdict"] == "PASS":
            continue
        if len(rows) >= MOST_ROWS:
            left += 1
            continue
        again = repeat.get(result["case"], "")
        rows.append([
            str(result["case"]), escape(_words(result["values"])), badge(result["verdict"]), escape(_why(result)),
            f"<code>{escape(again)}</code>",
        ])  # fmt: skip
    more = f"<p class='soft'>and {left} more: results.json has all</p>" if left else ""
    return table(["case #", "values", "verdict", "why", "repeat it"], rows, empty="Every case passed.") + more


def _why(result: Result) -> str:
    """The first reason for a verdict that is no pass."""
    if result["error"]:
        return str(result["error"])
    for row in result["expectations"]:
        if row["verdict"] == "FAIL":
            at = "" if row["first_violation_s"] is None else f", violated at {clock(row['first_violation_s'])}"
            return f"{row['text']}{at}"
    for chain in result["chains"]:
        if chain["activated_s"] is None:
            return f"{chain['id']} never acted" + (f": {chain['refused']}" if chain["refused"] else "")
    for row in result["expectations"]:
        if row["verdict"] == "INCONCLUSIVE":
            return f"{row['text']}: {row['reason']}"
    return ""


def _controls(results: Sequence[Result]) -> str:
    rows = [
        [
            str(result["case"]),
            str(result["seed"]),
            escape(f"{event['spacecraft']} {event['name']}"),
            clock(event["at_s"]),
        ]
        for result in results
        if result["control"] == result["case"]
        for event in _loud(result)
    ]
    empty = "No event of medium or high severity in a run without faults."
    return table(["run #", "seed #", "event", "at"], rows[:MOST_ROWS], empty=empty)


def _all(asked: Sequence[Result]) -> str:
    rows = [
        [str(r["case"]), escape(_words(r["values"])), badge(r["verdict"]), escape(r["outcome"] or ""),
         f"<code>{r['trace_hash'][:16]}</code>"]
        for r in asked[:MOST_ROWS]
    ]  # fmt: skip
    more = f"<p class='soft'>and {len(asked) - MOST_ROWS} more: results.json has all</p>"
    shown = table(["case #", "values", "verdict", "outcome", "trace"], rows, empty="No case was flown.")
    return shown + (more if len(asked) > MOST_ROWS else "")


def _words(values: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {label}" for name, label in values.items())


def junit(name: str, results: Sequence[Result], repeat: Mapping[int, str]) -> str:
    """One test case for each case: a failure is a FAIL, an error what is INCONCLUSIVE."""
    asked = [result for result in results if result["asked"]]
    counts = Counter(result["verdict"] for result in asked)
    suite = ElementTree.Element(
        "testsuite", name=name, tests=str(len(asked)), failures=str(counts["FAIL"]),
        errors=str(counts["INCONCLUSIVE"]), skipped="0",
    )  # fmt: skip
    for result in asked:
        case = ElementTree.SubElement(suite, "testcase", classname=name, name=_words(result["values"]) or "case 0")
        if result["verdict"] != "PASS":
            kind = "failure" if result["verdict"] == "FAIL" else "error"
            row = ElementTree.SubElement(case, kind, message=_why(result))
            row.text = repeat.get(result["case"], "")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
