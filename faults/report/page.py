"""report.html: what happened to each spacecraft on one time axis, and whether it was what was expected.

Takes a recording and its judgements, gives one offline page. No files, no trace format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bus.text.times import clock
from faults.oracle.judge import Judgement
from faults.recording import crosslinks
from faults.recording.outside import outside_in_words
from faults.recording.programs import program_in_words
from faults.recording.recording import Recording, said
from faults.recording.software import in_words
from faults.recording.summary import margin_in_words, shortcomings, telecommands_in_words, telemetry_in_words
from faults.report.html import badge, page, table, tiles
from faults.report.injections import injections_table
from faults.report.levels import service_levels
from faults.report.operations import alarms, procedures
from faults.report.overview import overview, rows, unfolded
from faults.report.retention import retention
from faults.report.spacecraft import spacecraft_section
from faults.report.story import pairs_in_words, several, story
from faults.report.why import why_section

MAX_ROWS = 400
"""Rows shown of a table; what is left out is said below it."""


def render(
    recording: Recording, summary: Mapping[str, Any], judgements: Sequence[Judgement],
    answers: Sequence[Mapping[str, Any]] = (),
) -> str:  # fmt: skip
    """The page. `answers`: the chains behind the state of those that did not end well, as `skyrack why --json` has
    them."""
    scenario = recording.scenario
    reasons = shortcomings(summary)
    verdict = overall(judgements, sound=not reasons)
    body = [_header(recording, summary, verdict), _figures(recording, summary)]
    if not recording.complete:
        body.append(
            f'<div class="card"><b class="fail">The range stopped early.</b> What follows ends at the last full tick, '
            f"{clock(recording.end_s)} of {clock(scenario.duration_ns / 1e9)}.</div>"
        )
    if reasons:
        items = "".join(f"<li>{escape(reason)}</li>" for reason in reasons)
        body.append(f'<div class="card"><b class="fail">This run is not sound.</b><ul>{items}</ul></div>')
    found = rows(recording, judgements)
    if len(found) > 1:
        body.append("<h2>Spacecraft</h2><div class='card'>" + overview(recording, found) + "</div>")
    body.append("<h2>What happened</h2><div class='card'>" + story(recording) + "</div>")
    body.append("<h2>Expectations</h2><div class='card'>" + _expectations(judgements) + "</div>")
    if answers:
        body.append("<h2>Why</h2><div class='card'>" + "".join(map(why_section, answers)) + "</div>")
    shown = unfolded(found)
    body.extend(spacecraft_section(recording, row.id, row.design, unfolded=row.id in shown) for row in found)
    if summary["flight_software"]:
        own = "".join(f"<li>{escape(in_words(row))}</li>" for row in summary["flight_software"])
        body.append(f"<h2>Flight software of your own</h2><div class='card'><ul>{own}</ul></div>")
    if summary.get("devices_outside"):
        told = "".join(f"<li>{escape(outside_in_words(row))}</li>" for row in summary["devices_outside"])
        told += "<li>Every other part, of these and all spacecraft, was simulated.</li>"
        body.append(f"<h2>What was outside</h2><div class='card'><ul>{told}</ul></div>")
    if summary.get("programs"):
        told = "".join(f"<li>{escape(program_in_words(row))}</li>" for row in summary["programs"])
        body.append(f"<h2>Programs of your own</h2><div class='card'><ul>{told}</ul></div>")
    body.append("<h2>Faults</h2><div class='card'>" + _faults(recording) + "</div>")
    if summary.get("injections"):
        told = injections_table(summary["injections"])
        body.append(f"<h2>What became of each injection</h2><div class='card'>{told}</div>")
    if recording.service_levels:
        levels = service_levels(recording.service_levels)
        body.append("<h2>Service levels</h2><div class='card'>" + levels + "</div>")
    if recording.crosslinks:
        passed = "".join(f"<li>{escape(crosslinks.in_words(*one))}</li>" for one in recording.crosslinks.items())
        body.append(f"<h2>Between spacecraft</h2><div class='card'><ul>{passed}</ul></div>")
    body.append("<h2>Alarms</h2><div class='card'>" + alarms(recording.operations, recording.play_back) + "</div>")
    body.append("<h2>Procedures</h2><div class='card'>" + procedures(recording.operations) + "</div>")
    body.append("<h2>Telecommands</h2><div class='card'>" + _telecommands(recording, summary) + "</div>")
    body.append("<h2>Telemetry ledger</h2><div class='card'>" + _ledger(recording, summary) + "</div>")
    if summary["refused"]:
        body.append("<h2>Turned away</h2><div class='card'>" + _refused(summary["refused"]) + "</div>")
    body.append("<h2>Events</h2><div class='card'>" + _events(recording) + "</div>")
    versions = ", ".join(f"{escape(k)} {escape(v)}" for k, v in sorted(recording.versions.items()))
    body.append(
        f"<footer><p>Trace hash <code>{escape(recording.trace_hash)}</code></p><p>{versions}</p>"
        f"<p>Times are mission time since {escape(scenario.epoch_utc)}; shaded: in the Earth's shadow.</p></footer>"
    )
    return page(f"{scenario.name}: {verdict}", body)


def overall(judgements: Sequence[Judgement], *, sound: bool = True) -> str:
    """The worst verdict: FAIL, then INCONCLUSIVE, then PASS. A run that is not sound passes nothing."""
    verdicts = [judgement.verdict for judgement in judgements] + ([] if sound else ["INCONCLUSIVE"])
    return next((verdict for verdict in ("FAIL", "INCONCLUSIVE") if verdict in verdicts), "PASS")


def _header(recording: Recording, summary: Mapping[str, Any], verdict: str) -> str:
    scenario = recording.scenario
    return (
        f"<header><div><h1>{escape(scenario.name)}</h1><p class='soft'>{escape(scenario.description)}</p>"
        f"<p class='soft'>{len(scenario.spacecraft)} spacecraft, {_count(len(scenario.stations), 'station')}, from "
        f"{escape(scenario.epoch_utc)}, seed {scenario.seed}, {escape(str(summary.get('mode', '')))}, "
        f"pace {escape(str(summary.get('pace', '')))}</p></div>{badge(verdict, big=True)}</header>"
    )


def _figures(recording: Recording, summary: Mapping[str, Any]) -> str:
    telecommands, total = summary["telecommands"], summary["telemetry"]["total"]
    wall_s = summary.get("wall_s")
    speed = f"{recording.end_s / wall_s:,.0f} x" if isinstance(wall_s, float) and wall_s > 0 else "-"
    return tiles(
        [
            (clock(recording.end_s), "simulated"),
            (speed, "faster than real time"),
            (f"{_figure(telecommands['completed'])} of {_figure(telecommands['sent'])}", "telecommands completed"),
            (_figure(total["archived"]), "telemetry packets archived"),
            (_figure(total["declared_lost"]), "declared lost"),
            (_struck(recording), "faults struck"),
            (f"{recording.late_ticks:,}", "late ticks"),
        ]
    )


def _struck(recording: Recording) -> str:
    """How many faults did, of those that there are. A fault of several parts, or on several spacecraft, is one, and
    struck when any of it did."""
    struck: dict[str, bool] = {}
    for fault in recording.faults:
        head, _, part = fault.id.rpartition(".")
        key = head if head and part.isdigit() else fault.id
        struck[key] = struck.get(key, False) or fault.at_s is not None
    return f"{sum(struck.values())} of {len(struck)}"


def _expectations(judgements: Sequence[Judgement]) -> str:
    rows = [
        [
            badge(j.verdict),
            f"<code>{escape(j.text)}</code>"
            + (f"<br><span class='soft'>{escape(j.reason)}</span>" if j.reason else ""),
            "-" if j.robustness is None else margin_in_words(j.robustness),
            "-" if j.first_violation_s is None else clock(j.first_violation_s),
        ]
        for j in judgements
    ]
    return table(
        ["Verdict", "Expectation", "Margin #", "First violation #"], rows, empty="The scenario expects nothing."
    )


def _faults(recording: Recording) -> str:
    """A row each; what struck several spacecraft alike is one row."""
    lost = {loss.id for loss in recording.lost}
    targets: dict[tuple[str, ...], list[str]] = {}
    for fault in recording.faults:
        state = "refused" if fault.refused else "never active" if fault.at_s is None else "active"
        state = "unknown" if state == "active" and fault.target in lost else state
        state = "cleared" if fault.at_s is not None and fault.cleared_s is not None else state
        told = badge(state) + (f" {escape(fault.refused)}" if fault.refused else "")
        row = (f"<code>{escape(fault.id)}</code>", escape(fault.fault), escape(fault.seam), told)
        targets.setdefault((*row, _at(fault.at_s), _at(fault.cleared_s)), []).append(fault.target)
    rows = [
        [name, fault, several(whom), seam, told, active, cleared]
        for (name, fault, seam, told, active, cleared), whom in targets.items()
    ]
    return table(["Id", "Fault", "Target", "Seam", "State", "Active #", "Cleared #"], rows, empty="Nothing was broken.")


def _telecommands(recording: Recording, summary: Mapping[str, Any]) -> str:
    records = recording.telecommands[:MAX_ROWS]
    rows = [
        [
            escape(t.spacecraft),
            f"<code>{escape(t.name)}</code>{_arguments(t.arguments)}",
            escape(t.station),
            badge(t.state) + (f" <span class='soft'>{escape(t.detail)}</span>" if t.detail else ""),
            str(t.transmissions),
            _at(t.sent_s),
            _at(t.stages_s.get("accepted")),
            _at(t.stages_s.get(t.state)),
        ]
        for t in records
    ]
    return (
        table(
            ["Spacecraft", "Telecommand", "Station", "State", "Sent, times #", "Sent #", "Accepted #", "Ended #"],
            rows,
            empty="No telecommand was radiated.",
        )
        + _left_out(len(recording.telecommands))
        + f"<p class='soft'>The ground's own count: {escape(telecommands_in_words(summary))}.</p>"
    )


def _ledger(recording: Recording, summary: Mapping[str, Any]) -> str:
    rows = []
    for spacecraft in recording.scenario.spacecraft:
        row = summary["telemetry"]["spacecraft"][spacecraft.id]
        missing = row["unaccounted"]
        closed = badge("unknown" if missing is None else "closed" if missing == 0 else "not closed")
        rows.append([escape(spacecraft.id), *(_figure(number) for number in row.values()), closed])
    figures = ("Generated", "Archived", "Retired", "Declared lost", "On board", "Unaccounted")
    heads = ["Spacecraft", *(f"{figure} #" for figure in figures), "Ledger"]
    said = f"<p class='soft'>In all: {escape(telemetry_in_words(summary))}.</p>"
    return table(heads, rows, empty="No spacecraft took part.") + said + retention(summary["retention"])


def _refused(rows: object) -> str:
    cells = [
        [escape(str(row["plane"])), escape(str(row["kind"])), escape(str(row["source"])), f"{row['count']:,}"]
        for row in (rows if isinstance(rows, list) else [])
    ]
    return table(["Plane", "What", "Source", "Count #"], cells[:MAX_ROWS], empty="Nothing.")


def _events(recording: Recording) -> str:
    severities = ("", "informative", "low", "medium", "high")
    rows = [
        [
            _at(e.at_s),
            escape(e.spacecraft),
            f"<code>{escape(e.name)}</code>",
            severities[e.severity],
            escape(said(e)),
        ]
        for e in recording.events[:MAX_ROWS]
    ]
    return table(
        ["Mission time #", "Spacecraft", "Event", "Severity", "Arguments"], rows, empty="No event was received."
    ) + _left_out(len(recording.events))


def _arguments(arguments: Mapping[str, object]) -> str:
    given = pairs_in_words(arguments)
    return f" <span class='soft'>{escape(given)}</span>" if given else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _left_out(count: int) -> str:
    return f"<p class='soft'>{count - MAX_ROWS:,} more are in the archive.</p>" if count > MAX_ROWS else ""


def _figure(number: int | None) -> str:
    return "unknown" if number is None else f"{number:,}"


def _at(seconds: float | None) -> str:
    return "-" if seconds is None else clock(seconds)
