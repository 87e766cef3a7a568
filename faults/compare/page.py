"""compare.html: each column over the model and what is between them. One offline page."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

import numpy as np

from bus.text.times import clock
from faults.compare.residuals import Laid
from faults.compare.result import HEADS, Comparison, event_words, notes, row_of
from faults.report import drawing
from faults.report.html import badge, page, table, tiles

MOST_POINTS = 3_000
"""Of each line; a longer one is drawn by the least and the greatest of each stretch."""
MEASURED, TRUE, READ, APART = "#d55e00", "#0072b2", "#56b4e9", "#009e73"


def render(found: Comparison) -> str:
    """The page."""
    body = [
        drawing.library(),
        f"<header><div><h1>{escape(found.spacecraft)}</h1><p class='soft'>{escape(found.table)} beside "
        f"{escape(found.model)}</p></div>{badge(found.verdict, big=True)}</header>",
        tiles([("rows", str(found.rows)), ("columns", str(len(found.columns))),
               ("clock", f"{found.clock.shift_s:+g} s"), ("bounds not held", str(len(found.exceeded)))]),
    ]  # fmt: skip
    if found.exceeded:
        body.append(f"<p>Not held: {escape('; '.join(found.exceeded))}</p>")
    body += [f"<p class='soft'>{escape(note)}</p>" for note in notes(found)]
    body.append("<h2>Residuals</h2><p class='soft'>Model minus measurement, in the unit of the column.</p>")
    body.append(table(HEADS, [row_of(one, one.figures) for one in found.columns], empty="no columns"))
    body.append(
        "<h2>As it would have been read</h2><p class='soft'>The model through the noise, bias, steps and rate of the "
        "device that measures it, where one does, and through the resolution and cadence that the map states.</p>"
    )
    body.append(table(HEADS, [row_of(one, one.read_figures) for one in found.columns], empty="no columns"))
    if found.events:
        body.append("<h2>Events</h2>")
        body += [f"<p>{escape(event_words(one))}</p>" for one in found.events]
        rows = [[one.event.name, clock(a), clock(b), f"{b - a:+.3g} s"] for one in found.events for a, b in one.pairs]
        rows += [[one.event.name, clock(t), "", "missed"] for one in found.events for t in one.missed_s]
        rows += [[one.event.name, "", clock(t), "invented"] for one in found.events for t in one.invented_s]
        body.append(table(("event", "measured", "model", "apart"), rows, empty="none in either"))
    for number, one in enumerate(found.columns):
        body.append(f"<h2>{escape(one.column.name)}</h2><p class='soft'>{escape(one.column.signal)}</p>")
        body.append(_pictures(number, one))
    return page(f"{found.spacecraft} compared", body)


def _pictures(number: int, one: Laid) -> str:
    name = one.column.name
    lines = [
        _line("measured", one.times_s, one.measured, MEASURED),
        _line("model", one.times_s, one.true, TRUE),
        _line("model as read", one.times_s, one.read, READ, visible="legendonly"),
    ]
    unit = one.column.unit or "1"
    over = drawing.drawn(
        f"over{number}", f"{name} and the model over time", lines,
        {"height": 280, "xaxis": {"automargin": True, "title": {"text": "mission time in minutes"}},
         "yaxis": {"automargin": True, "title": {"text": unit if unit != "K" else "temperature"}}},
    )  # fmt: skip
    apart = drawing.drawn(
        f"apart{number}", f"model minus {name} over time",
        [_line("model - measured", one.times_s, one.true - one.measured, APART)],
        {"height": 170, "xaxis": {"automargin": True}, "yaxis": {"automargin": True, "title": {"text": unit}}},
    )  # fmt: skip
    return over + apart


def _line(name: str, times_s: Any, values: Any, colour: str, **more: Any) -> Mapping[str, Any]:
    times, kept = _thinned(times_s, values)
    shown = [None if math.isnan(value) else float(f"{value:.6g}") for value in kept.tolist()]
    return {
        "type": "scatter", "mode": "lines", "name": name, "x": [round(t / 60.0, 4) for t in times.tolist()], "y": shown,
        "line": {"color": colour, "width": 1.5}, "connectgaps": False, **more,
    }  # fmt: skip


def _thinned(times_s: Any, values: Any) -> tuple[Any, Any]:
    """At most `MOST_POINTS`: the least and the greatest of each stretch, in their order."""
    if times_s.size <= MOST_POINTS:
        return times_s, values
    kept = []
    for part in np.array_split(np.arange(times_s.size), MOST_POINTS // 2):
        there = part[~np.isnan(values[part])]
        ends = (
            (part[0], part[0]) if not there.size else (there[np.argmin(values[there])], there[np.argmax(values[there])])
        )
        kept += sorted({int(end) for end in ends})
    return times_s[kept], values[kept]
