"""A small writer of SVG plots: line panels and strips, stacked on one time axis. No script, no font, no address.

Colours are classes that the page's style sheet defines, so that one drawing serves light and dark. Long runs are
thinned to the least and greatest value of each pixel column: what stands out stays visible.
"""

from __future__ import annotations

import itertools
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from bus.text.times import clock

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

WIDTH = 1120
LEFT, RIGHT, TOP, BOTTOM = 132, 172, 8, 34
PLOT_WIDTH = WIDTH - LEFT - RIGHT
GAP = 20
PANEL_HEIGHT = 128
STRIP_ROW_HEIGHT = 20
STEPS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Line:
    """One curve. `colour` is the index of a class c0..c7. `values` are in the panel's unit; NaN breaks the line.

    times_s: of its own, where they are not the chart's. points: drawn as dots, because nothing is known in between.
    """

    label: str
    values: Floats
    colour: int
    times_s: Floats | None = None
    points: bool = False


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves over time. `least` and `most`, where given, are always inside the axis. `limits`: (value, what it is),
    drawn as dashed lines where they fall inside. `labels`: words for 0, 1, 2, ... where values are no numbers."""

    title: str
    unit: str
    lines: Sequence[Line]
    least: float | None = None
    most: float | None = None
    limits: Sequence[tuple[float, str]] = ()
    labels: Sequence[str] = ()

    def shown(self, value: float) -> str:
        """A value at the axis or in a tip."""
        place = int(value) if math.isfinite(value) and value == int(value) else -1
        return self.labels[place] if 0 <= place < len(self.labels) else f"{value:.6g}"


@dataclass(frozen=True, slots=True)
class Span:
    """A bar from start to end. `style` is a class of the style sheet; `tip` shows when pointed at."""

    start_s: float
    end_s: float
    label: str
    style: str
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Strip:
    """Rows of bars: (row label, spans)."""

    title: str
    rows: Sequence[tuple[str, Sequence[Span]]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything on one time axis. `shade` (eclipses) lies behind all panels; `marks` are vertical lines."""

    times_s: Floats
    end_s: float
    parts: Sequence[Panel | Strip]
    shade: Sequence[tuple[float, float]] = ()
    marks: Sequence[tuple[float, str, str]] = field(default_factory=tuple)  # (time, style, tip)


def draw(chart: Chart, description: str) -> str:
    """The SVG element."""
    heights = [_height(part) for part in chart.parts]
    total = TOP + sum(heights) + GAP * (len(heights) - 1) + BOTTOM
    out = [
        f'<svg class="chart" viewBox="0 0 {WIDTH} {total}" role="img" aria-label="{escape(description)}">',
        f"<title>{escape(description)}</title>",
    ]
    bottom = total - BOTTOM
    y = TOP
    for part, height in zip(chart.parts, heights, strict=True):
        out.append(f'<rect class="field" x="{LEFT}" y="{y}" width="{PLOT_WIDTH}" height="{height}" rx="3"/>')
        if isinstance(part, Panel):
            out += [
                f'<rect class="shade" x="{x:.1f}" y="{y}" width="{w:.1f}" height="{height}"/>'
                for x, w in (_extent(chart, start, end) for start, end in chart.shade)
            ]
        y += height + GAP
    out += _time_axis(chart, bottom)
    for at_s, style, tip in chart.marks:
        x = _x(chart, at_s)
        out.append(
            f'<line class="mark {style}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}">'
            f"<title>{escape(tip)}</title></line>"
        )
    y = TOP
    for part, height in zip(chart.parts, heights, strict=True):
        out += _panel(chart, part, y) if isinstance(part, Panel) else _strip(chart, part, y)
        y += height + GAP
    out.append("</svg>")
    return "\n".join(out)


def nice_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers that cover [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return [0.0, 1.0]
    if high - low < 1e-9 * max(1.0, abs(high)):
        margin = max(abs(high) * 0.05, 0.5)
        low, high = low - margin, high + margin
    raw = (high - low) / about
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def thin(times_s: Floats, values: Floats, columns: int = PLOT_WIDTH // 2) -> list[tuple[float, float]]:
    """At most two points per column: its least and greatest value in the order they come. NaN survives as a break."""
    import numpy as np  # noqa: PLC0415 - the report is the only one who needs it

    if values.size <= 2 * columns:
        return list(zip(times_s.tolist(), values.tolist(), strict=True))
    edges = np.linspace(0, values.size, columns + 1).astype(int)
    points: list[tuple[float, float]] = []
    for start, end in itertools.pairwise(edges.tolist()):
        part = values[start:end]
        if np.isnan(part).any():
            points.append((float(times_s[start]), math.nan))
            continue
        picks = sorted({int(part.argmin()), int(part.argmax())})
        points += [(float(times_s[start + pick]), float(part[pick])) for pick in picks]
    return points


def _height(part: Panel | Strip) -> int:
    return PANEL_HEIGHT if isinstance(part, Panel) else STRIP_ROW_HEIGHT * max(1, len(part.rows)) + 8


def _x(chart: Chart, at_s: float) -> float:
    return LEFT + PLOT_WIDTH * min(max(at_s / chart.end_s if chart.end_s else 0.0, 0.0), 1.0)


def _extent(chart: Chart, start_s: float, end_s: float) -> tuple[float, float]:
    x = _x(chart, start_s)
    return x, max(_x(chart, end_s) - x, 1.0)


def _time_axis(chart: Chart, bottom: float) -> list[str]:
    step = next((s for s in STEPS_S if chart.end_s / s <= 9), 86400 * math.ceil(chart.end_s / 86400 / 9))
    out = []
    for index in range(int(chart.end_s // step) + 1):
        x = _x(chart, index * step)
        out.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        text = clock(index * step)
        text = text[:-3] if step % 60 == 0 else text
        out.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 15}" text-anchor="middle">{text}</text>')
    unit = "h:min" if step % 60 == 0 else "h:min:s"
    out.append(f'<text class="tick" x="{LEFT + PLOT_WIDTH + 34}" y="{bottom + 15}">{unit} since epoch</text>')
    return out


def _panel(chart: Chart, panel: Panel, top: int) -> list[str]:
    finite = [v for line in panel.lines for v in line.values.tolist() if math.isfinite(v)]
    finite += [bound for bound in (panel.least, panel.most) if bound is not None]
    ticks = nice_ticks(min(finite), max(finite)) if finite else [0.0, 1.0]
    ticks = [float(place) for place in range(len(panel.labels))] or ticks
    low, high = ticks[0], ticks[-1]

    def y(value: float) -> float:
        return top + PANEL_HEIGHT * (1.0 - (value - low) / (high - low))

    titles = textwrap.wrap(panel.title, 17)[:4] or [""]
    out = [
        f'<text class="title" x="0" y="{top + 12 + 14 * row}">{escape(words)}</text>'
        for row, words in enumerate(titles)
    ]
    out.append(f'<text class="tick" x="0" y="{top + 14 + 14 * len(titles)}">{escape(panel.unit)}</text>')
    for tick in ticks:
        out.append(f'<line class="grid" x1="{LEFT}" x2="{LEFT + PLOT_WIDTH}" y1="{y(tick):.1f}" y2="{y(tick):.1f}"/>')
        text = escape(panel.shown(tick))
        out.append(f'<text class="tick" x="{LEFT - 6}" y="{y(tick) + 3.5:.1f}" text-anchor="end">{text}</text>')
    legend = _Legend(top)
    for line in panel.lines:
        times_s = chart.times_s if line.times_s is None else line.times_s
        found = [(_x(chart, t), y(v)) for t, v in thin(times_s, line.values)]
        last = next((v for v in reversed(line.values.tolist()) if math.isfinite(v)), math.nan)
        tip = f"{line.label}: ends at {panel.shown(last) if panel.labels else f'{last:.4g}'} {panel.unit}"
        path, style = (_dots(found), "dots") if line.points else (_path(found), "line")
        out.append(f'<path class="{style} c{line.colour}" d="{path}"><title>{escape(tip)}</title></path>')
        if not line.points:
            out += legend.entry(line.label, "line", f"c{line.colour}")
    if any(line.points for line in panel.lines):
        out += legend.entry("as told to the ground", "dots", "c7")
    for value, label in panel.limits:
        if low <= value <= high:
            kind = label.partition(" ")[0]  # hard or soft
            out.append(
                f'<line class="limit {kind}" x1="{LEFT}" x2="{LEFT + PLOT_WIDTH}" '
                f'y1="{y(value):.1f}" y2="{y(value):.1f}">'
                f"<title>{escape(label)}: {value:.4g} {escape(panel.unit)}</title></line>"
            )
            out += legend.entry(label, f"limit {kind}", "")
    return out


class _Legend:
    """Names of the lines, right of a panel: each behind a piece of its line, drawn as it is drawn."""

    def __init__(self, top: int) -> None:
        self._x, self._y = LEFT + PLOT_WIDTH + 12, top + 12
        self._bottom = top + PANEL_HEIGHT

    def entry(self, label: str, style: str, colour: str) -> list[str]:
        x, y = self._x, self._y
        if y > self._bottom:
            return []
        self._y += 15
        path = _dots([(x + 3, y - 4), (x + 11, y - 4)]) if style == "dots" else f"M{x} {y - 4}h14"
        return [
            f'<path class="key {style} {colour}" d="{path}"/>',
            f'<text class="legend" x="{x + 20}" y="{y}">{escape(label)}</text>',
        ]


def _dots(points: Sequence[tuple[float, float]]) -> str:
    """Path data of a dot at each point: strokes of no length, with round ends."""
    return "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points if math.isfinite(y))


def _path(points: Sequence[tuple[float, float]]) -> str:
    """Path data. Points in the middle of a level stretch are left out: modes and switched loads are mostly level."""
    rows = [(f"{x:.1f}", f"{y:.1f}") if math.isfinite(y) else ("", "") for x, y in points]
    parts, pen_down = [], False
    for index, (x, y) in enumerate(rows):
        if not y:
            pen_down = False
            continue
        if 0 < index < len(rows) - 1 and rows[index - 1][1] == y == rows[index + 1][1]:
            continue
        parts.append(f"{'L' if pen_down else 'M'}{x} {y}")
        pen_down = True
    return "".join(parts)


def _strip(chart: Chart, strip: Strip, top: int) -> list[str]:
    out = [f'<text class="title" x="0" y="{top + 18}">{escape(strip.title)}</text>']
    for index, (label, spans) in enumerate(strip.rows):
        y = top + 4 + STRIP_ROW_HEIGHT * index
        legend_x = LEFT + PLOT_WIDTH + 12
        out.append(f'<text class="legend" x="{legend_x}" y="{y + 14}">{escape(label)}</text>')
        for span in spans:
            x, width = _extent(chart, span.start_s, span.end_s)
            tip = span.tip or f"{span.label or label} {clock(span.start_s)} to {clock(span.end_s)}"
            out.append(
                f'<rect class="span {span.style}" x="{x:.1f}" y="{y + 2}" width="{max(width, 2.0):.1f}" '
                f'height="{STRIP_ROW_HEIGHT - 4}" rx="2"><title>{escape(tip)}</title></rect>'
            )
            if span.label and width > 6.5 * len(span.label) + 8:
                out.append(f'<text class="inside" x="{x + 5:.1f}" y="{y + 14}">{escape(span.label)}</text>')
    return out
