"""report.html of a campaign: one offline page. Its pictures need JavaScript; every figure is in a table as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

from bus.text.times import clock
from faults.campaign import pictures
from faults.campaign.figures import (
    VERDICTS,
    by_fault,
    criticality_s,
    figures,
    in_percent,
    in_time,
    loud,
    margins,
    spread,
    times_in_words,
)
from faults.campaign.junit import reason_of, words_of
from faults.campaign.outcome import Result
from faults.campaign.requirements import RequirementForm
from faults.campaign.tracing import failure_modes, shown_by, traced
from faults.catalogue.form import FaultForm
from faults.report import drawing
from faults.report.html import badge, page, table, tiles
from faults.report.why import why_section

MOST_ROWS = 400
MOST_COLUMNS = 40
MOST_STORIES = 50
"""Cases that did not pass of which the page tells the story."""
MOST_EVENTS = 40


@dataclass(frozen=True, slots=True)
class About:
    """What the page tells beside the results. repeat: the command that repeats a case, by its number. catalogue: the
    faults that the campaign may name, the user's own among them."""

    name: str
    description: str = ""
    repeat: Mapping[int, str] = field(default_factory=dict)
    requirements: Sequence[RequirementForm] = ()
    catalogue: Mapping[str, FaultForm] = field(default_factory=dict)


def render(about: About, results: Sequence[Result]) -> str:
    """The page."""
    asked = [result for result in results if result["asked"]]
    numbers = figures(results)
    waived = numbers["waived"]
    open_cases = numbers["inconclusive"] - waived
    verdict = "FAIL" if numbers["fail"] else "INCONCLUSIVE" if open_cases or not asked else "PASS"
    what = f'<p class="soft">{escape(about.description)}</p>' if about.description else ""
    body = [
        f"<header><div><h1>{escape(about.name)}</h1>{what}</div><div>{badge(verdict, big=True)}</div></header>",
        tiles([
            (str(numbers["cases"]), "cases"),
            *((str(numbers[v.lower()]), v.lower()) for v in VERDICTS),
            *([(str(waived), "of the inconclusive waived")] if waived else []),
            (str(numbers["activated"]), "faults that acted"),
            (str(numbers["detected"]), "detected on board"),
            (str(numbers["responded"]), "answered on board"),
            (str(numbers["false_alarms"]), f"alarming events without faults, {numbers['controls']} flown so"),
        ]),
    ]  # fmt: skip
    drawn = pictures.matrix(asked)
    body += _section("Cases", drawn + _fold("Verdicts and outcomes as a table", _matrix(asked)))
    drawn = pictures.latencies(asked) + pictures.against_criticality(asked, about.catalogue)
    body += _section("Faults", drawn + _by_fault(asked, about.catalogue))
    body += _section("Expectations", _margins(asked, about.requirements))
    body += _section("What did not pass", _not_passed(asked, about.repeat))
    body += _section("Runs without faults", _controls(results, numbers))
    if about.requirements:
        body += _section("Requirements", _requirements(about.requirements, asked))
    body += _section("Failure modes", _failure_modes(asked, about.catalogue))
    body += _section("All cases", _all(asked))
    if 'class="plot"' in "".join(body):
        body.insert(0, drawing.library())
    return page(f"{about.name}: {verdict}", body)


def _section(head: str, content: str) -> list[str]:
    return [f"<h2>{head}</h2><div class='card wide'>{content}</div>"]


def _fold(head: str, content: str) -> str:
    return f"<details><summary>{head}</summary>{content}</details>"


def _matrix(asked: Sequence[Result]) -> str:
    """The two variables with most values against each other; what else varies is counted within the cell."""
    values = spread(asked)
    if not values:
        return "<p>nothing varies</p>"
    ranked = list(values)
    across = ranked[1] if len(ranked) > 1 and len(values[ranked[1]]) <= MOST_COLUMNS else None
    columns: list[str | None] = list(values[across]) if across else [None]
    cells: dict[tuple[str, str | None], list[Result]] = {}
    for result in asked:
        key = result["values"][ranked[0]], result["values"][across] if across else None
        cells.setdefault(key, []).append(result)
    rows = [
        [escape(label), *(_cell(cells.get((label, column), [])) for column in columns)]
        for label in values[ranked[0]][:MOST_ROWS]
    ]
    heads = [escape(ranked[0]), *(escape(f"{across} {column}") if across else "outcome" for column in columns)]
    return table(heads, rows, empty="no case") + _more(len(values[ranked[0]]) - len(rows))


def _more(left: int) -> str:
    return f"<p class='soft'>and {left} more: results.json has all</p>" if left > 0 else ""


def _cell(results: Sequence[Result]) -> str:
    """Verdicts of the cases in it, the worst first, and how they ended."""
    if not results:
        return ""
    verdicts = Counter(result["verdict"] for result in results)
    shown = [f"{badge(v)}{f' {verdicts[v]}' if len(results) > 1 else ''}" for v in reversed(VERDICTS) if verdicts[v]]
    ends = Counter(result["outcome"] for result in results if result["outcome"])
    words = ", ".join(f"{end}{f' {n}' if len(results) > 1 else ''}" for end, n in ends.most_common())
    return " ".join(shown) + f"<br><span class='soft'>{escape(words)}</span>"


def _by_fault(asked: Sequence[Result], catalogue: Mapping[str, FaultForm]) -> str:
    """Detection and response of each kind of fault, over all cases, beside the time after which it is critical."""
    rows = []
    for kind, chains in by_fault(asked).items():
        acted = [chain for chain in chains if chain["activated_s"] is not None]
        seen = [chain["detected_s"] for chain in acted if chain["detected_s"] is not None]
        done = [chain["responded_s"] for chain in acted if chain["responded_s"] is not None]
        back = [chain for chain in acted if chain["recovered"] is not None]
        named = sum(chain.get("isolated_s") is not None for chain in acted)
        by = Counter(chain["detected_by"] for chain in acted if chain["detected_by"])
        limit_s = criticality_s(catalogue.get(kind))
        good = in_time(chains, limit_s)
        rows.append([
            escape(kind), f"{len(acted)} of {len(chains)}", in_percent(len(seen), len(acted)), times_in_words(seen),
            escape(", ".join(f"{name} {n}" for name, n in by.most_common(3))),
            in_percent(named, len(acted)), in_percent(len(done), len(acted)), times_in_words(done),
            "unknown" if limit_s is None else clock(limit_s), "unknown" if good is None else in_percent(*good),
            in_percent(sum(bool(chain["recovered"]) for chain in back), len(back)),
        ])  # fmt: skip
    heads = ["fault", "acted", "detected on board", "after (median, 95 %, longest)", "by", "isolated", "answered",
             "after", "critical after", "seen and answered by then", "in the control's mode at the end"]  # fmt: skip
    shares = "<p class='soft'>Shares with their 95 % interval (Wilson 1927).</p>"
    return table(heads, rows, empty="No case has a fault.") + (shares if rows else "")


def _margins(asked: Sequence[Result], requirements: Sequence[RequirementForm]) -> str:
    stories = {result["case"] for result in _told(asked)}
    rows = [
        [
            f"<code>{escape(row['text'])}</code>",
            *(str(row[verdict]) for verdict in VERDICTS),
            "-" if row["worst"] is None else f"{row['worst']:.4g}",
            "-" if row["case"] is None else _link(row["case"], stories),
            *([escape(", ".join(shown_by(requirements, row["text"])) or "none")] if requirements else []),
        ]
        for row in margins(asked)[:MOST_ROWS]
    ]
    heads = ["expectation", "pass #", "fail #", "inconclusive #", "worst margin #", "in case #"]
    if requirements:
        heads.append("requirements that it shows")
    return table(heads, rows, empty="Nothing is expected.")


def _told(asked: Sequence[Result]) -> list[Result]:
    """Those whose story the page tells."""
    return [result for result in asked if result["verdict"] != "PASS"][:MOST_STORIES]


def _link(number: int, stories: Container[int]) -> str:
    return f'<a href="#case-{number}">{number}</a>' if number in stories else str(number)


def _not_passed(asked: Sequence[Result], repeat: Mapping[int, str]) -> str:
    bad = [result for result in asked if result["verdict"] != "PASS"]
    told = _told(asked)
    stories = {result["case"] for result in told}
    rows = []
    for result in bad[:MOST_ROWS]:
        waived = f"<br>waived: {escape(result['waived'])}" if result.get("waived") else ""
        rows.append([
            _link(result["case"], stories), escape(words_of(result["values"])), badge(result["verdict"]),
            escape(reason_of(result)) + waived, f"<code>{escape(repeat.get(result['case'], ''))}</code>",
        ])  # fmt: skip
    shown = table(["case #", "values", "verdict", "why", "repeat it"], rows, empty="Every case passed.")
    left = len(bad) - len(told)
    more = f"<p class='soft'>and {left} more stories: results.json has all</p>" if left > 0 else ""
    return shown + _more(len(bad) - len(rows)) + "".join(map(_story, told)) + more


def _story(result: Result) -> str:
    """What happened in a case, in the order of time, and the chain behind the state of each spacecraft at its end."""
    steps: list[tuple[float, str, str]] = []
    for fault in result["faults"]:
        if fault["at_s"] is not None:
            steps.append((fault["at_s"], fault["target"], f"fault {fault['id']} ({fault['fault']}) acts"))
        if fault["cleared_s"] is not None:
            steps.append((fault["cleared_s"], fault["target"], f"fault {fault['id']} ends"))
    for spacecraft, end in result["spacecraft"].items():
        steps += [(at_s, spacecraft, f"mode {mode}") for at_s, mode in end["modes"]]
    steps += [(e["at_s"], e["spacecraft"], f"event {e['name']}") for e in loud(result)]
    for one in result["expectations"]:
        if one["first_violation_s"] is not None:
            steps.append((one["first_violation_s"], "", f"violated: {one['text']}"))
    steps.sort(key=lambda step: step[0])
    rows = [[clock(at_s), escape(who), escape(what)] for at_s, who, what in steps[:MOST_EVENTS]]
    content = table(["at #", "spacecraft", "what"], rows, empty="Nothing was reported.")
    content += _more(len(steps) - len(rows))
    content += "".join(map(why_section, result.get("why", {}).values()))
    head = f"Case {result['case']}: {escape(words_of(result['values']))} {badge(result['verdict'])}"
    return f'<div id="case-{result["case"]}">{_fold(head, content)}</div>'


def _controls(results: Sequence[Result], numbers: Mapping[str, Any]) -> str:
    rows = [
        [
            str(result["case"]),
            str(result["seed"]),
            escape(f"{event['spacecraft']} {event['name']}"),
            clock(event["at_s"]),
        ]
        for result in results
        if result["control"] == result["case"]
        for event in loud(result)
    ]
    empty = "No event of medium or high severity in a run without faults."
    share = (
        f"<p>Runs without faults that were alarmed: {in_percent(numbers['alarmed_controls'], numbers['controls'])}.</p>"
    )
    return (
        share + table(["run #", "seed #", "event", "at"], rows[:MOST_ROWS], empty=empty) + _more(len(rows) - MOST_ROWS)
    )


def _requirements(requirements: Sequence[RequirementForm], asked: Sequence[Result]) -> str:
    rows = []
    for row in traced(requirements, asked)[:MOST_ROWS]:
        missing = "".join(f"<br><span class='soft'>not asked: {escape(text)}</span>" for text in row["not_asked"])
        cases = f"{len(row['cases'])} cases" if row["cases"] else "none"
        rows.append([
            f"<code>{escape(row['id'])}</code>", escape(row["text"]) + missing, badge(row["verdict"]), cases,
            *(str(row[verdict]) for verdict in VERDICTS),
        ])  # fmt: skip
    heads = ["requirement", "what it asks", "verdict", "shown in", "pass #", "fail #", "inconclusive #"]
    free = [row["text"] for row in margins(asked) if not shown_by(requirements, row["text"])]
    loose = "".join(f"<li><code>{escape(text)}</code></li>" for text in free[:MOST_ROWS])
    return table(heads, rows, empty="") + (
        f"<h3>Expectations that show no requirement</h3><ul>{loose}</ul>" if free else ""
    )


def _failure_modes(asked: Sequence[Result], catalogue: Mapping[str, FaultForm]) -> str:
    """Of the catalogue's failure modes: which were brought about in which cases, and which in none."""
    found = failure_modes(asked, catalogue)
    covered = [row for row in found if row["cases"]]
    missing = [row for row in found if not row["cases"]]
    rows = [
        [
            f"<code>{escape(row['id'])}</code>",
            str(row["severity"]),
            escape(", ".join(row["faults"])),
            f"{row['acted']} of {len(row['cases'])} cases",
            ", ".join(map(str, row["cases"][:12])) + (" ..." if len(row["cases"]) > 12 else ""),
        ]
        for row in covered
    ]
    shown = table(["FMECA id", "severity #", "faults", "acted in", "cases"], rows, empty="No case has a fault.")
    rest = [
        [f"<code>{escape(row['id'])}</code>", str(row["severity"]), escape(", ".join(row["faults"]))] for row in missing
    ]
    left = table(["FMECA id", "severity #", "faults"], rest, empty="None.")
    head = f"Not covered by this campaign: {len(missing)} of {len(found)} failure modes of the catalogue"
    return shown + (_fold(head, left) if found else "")


def _all(asked: Sequence[Result]) -> str:
    rows = [
        [str(r["case"]), escape(words_of(r["values"])), badge(r["verdict"]), escape(r["outcome"] or ""),
         f"<code>{r['trace_hash'][:16]}</code>"]
        for r in asked[:MOST_ROWS]
    ]  # fmt: skip
    shown = table(["case #", "values", "verdict", "outcome", "trace"], rows, empty="No case was flown.")
    return shown + _more(len(asked) - MOST_ROWS)
