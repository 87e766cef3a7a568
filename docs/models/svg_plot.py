"""A small writer of x-y plots as SVG, for the pages of the models. White ground, no script, no font, no address.

Nothing that knows a model may live here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

WIDTH, HEIGHT = 760, 340
LEFT, RIGHT, TOP, BOTTOM = 74, 20, 34, 48
COLOURS = ("#1f5fa8", "#c4541a", "#2d7d46", "#8a4fa3", "#7a6a00", "#a3264b")


@dataclass
class Plot:
    """One plot: `line` for what the model says, `points` for what somebody else's numbers say."""

    title: str
    x_label: str
    y_label: str
    log_x: bool = False
    log_y: bool = False
    marks: list[tuple[str, str, list[float], list[float]]] = field(default_factory=list)
    cells: list[tuple[float, float, float, float, str]] = field(default_factory=list)

    def line(self, label: str, x: Sequence[float], y: Sequence[float]) -> None:
        """A curve, thinned to at most 1200 points."""
        step = max(1, len(x) // 1200)
        self.marks.append(("line", label, [float(v) for v in x[::step]], [float(v) for v in y[::step]]))

    def points(self, label: str, x: Sequence[float], y: Sequence[float]) -> None:
        """Circles."""
        self.marks.append(("points", label, [float(v) for v in x], [float(v) for v in y]))

    def cell(self, x: float, y: float, width: float, height: float, colour: str) -> None:
        """A filled rectangle in data coordinates, from its lower left corner."""
        self.cells.append((x, y, width, height, colour))

    def write(self, path: Path) -> None:
        """Save it."""
        path.write_text(self.svg() + "\n")

    def svg(self) -> str:
        """The drawing."""
        xs = [v for _, _, x, _ in self.marks for v in x] + [v for c in self.cells for v in (c[0], c[0] + c[2])]
        ys = [v for _, _, _, y in self.marks for v in y] + [v for c in self.cells for v in (c[1], c[1] + c[3])]
        x_low, x_high, x_ticks = _axis(min(xs), max(xs), self.log_x)
        y_low, y_high, y_ticks = _axis(min(ys), max(ys), self.log_y)

        def px(v: float) -> float:
            return LEFT + (WIDTH - LEFT - RIGHT) * _share(v, x_low, x_high, self.log_x)

        def py(v: float) -> float:
            return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * _share(v, y_low, y_high, self.log_y)

        out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
            'font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
            f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{escape(self.title)}</text>',
        ]
        for x, y, width, height, colour in self.cells:
            out.append(
                f'<rect x="{px(x):.1f}" y="{py(y + height):.1f}" width="{px(x + width) - px(x):.1f}" '
                f'height="{py(y) - py(y + height):.1f}" fill="{colour}"/>'
            )
        for tick in x_ticks:
            out.append(f'<path d="M{px(tick):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
            out.append(
                f'<text x="{px(tick):.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{_number(tick)}</text>'
            )
        for tick in y_ticks:
            out.append(f'<path d="M{LEFT} {py(tick):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
            out.append(f'<text x="{LEFT - 6}" y="{py(tick) + 4:.1f}" text-anchor="end">{_number(tick)}</text>')
        centre = (LEFT + WIDTH - RIGHT) / 2
        out.append(f'<text x="{centre}" y="{HEIGHT - 12}" text-anchor="middle">{escape(self.x_label)}</text>')
        middle = (TOP + HEIGHT - BOTTOM) / 2
        out.append(
            f'<text transform="translate(16 {middle}) rotate(-90)" text-anchor="middle">{escape(self.y_label)}</text>'
        )
        for k, (kind, label, x, y) in enumerate(self.marks):
            colour = COLOURS[k % len(COLOURS)]
            if kind == "line":
                path = "M" + "L".join(f"{px(a):.1f} {py(b):.1f}" for a, b in zip(x, y, strict=True))
                out.append(f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.6"/>')
            else:
                style = f'r="4" fill="none" stroke="{colour}" stroke-width="1.6"'
                out += [f'<circle cx="{px(a):.1f}" cy="{py(b):.1f}" {style}/>' for a, b in zip(x, y, strict=True)]
            if label:
                spot = f'x="{WIDTH - RIGHT - 8}" y="{TOP + 16 + 16 * k}" text-anchor="end"'
                out.append(f'<text {spot} fill="{colour}">{escape(label)}</text>')
        out.append("</svg>")
        return "\n".join(out)


def _share(value: float, low: float, high: float, log: bool) -> float:
    if log:
        return math.log(max(value, low) / low) / math.log(high / low)
    return (value - low) / (high - low)


def _axis(low: float, high: float, log: bool) -> tuple[float, float, list[float]]:
    """Limits and ticks at round numbers."""
    if log:
        bottom, top = math.floor(math.log10(low)), math.ceil(math.log10(high))
        top = max(top, bottom + 1)
        every = max(1, (top - bottom) // 8)
        return 10.0**bottom, 10.0**top, [10.0**e for e in range(bottom, top + 1, every)]
    span = (high - low) or 1.0
    step = 10.0 ** math.floor(math.log10(span / 5.0))
    step *= next(m for m in (1.0, 2.0, 5.0, 10.0) if span / (step * m) <= 7.0)
    bottom, top = math.floor(low / step) * step, math.ceil(high / step) * step
    return bottom, top, [bottom + k * step for k in range(round((top - bottom) / step) + 1)]


def _number(value: float) -> str:
    if value != 0.0 and (abs(value) >= 1e5 or abs(value) < 1e-3):
        return f"{value:.0e}".replace("e-0", "e-").replace("e+0", "e")
    return f"{value:.10g}"
