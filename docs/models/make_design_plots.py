"""Draws the day of every design for designs.md, from what `skyrack truth` writes.

    python docs/models/make_design_plots.py [day.csv]

Without a table it flies `skyrack truth solstice --every '1 min'` first, which takes a few minutes. Writes SVG files
beside itself and prints the figures of the page's table.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT)]

import numpy as np  # noqa: E402
from numpy.typing import NDArray  # noqa: E402

from faults.report.svg import Chart, Line, Panel, draw  # noqa: E402

Floats = NDArray[np.float64]

STYLE = """<style>.chart{font:11.5px sans-serif;background:#fff}.field{fill:#fbfcfd;stroke:#dde3ea}
.grid{stroke:#e6ebf0}.shade{fill:#23324a;fill-opacity:.12}.title{fill:#17202a;font-weight:600;font-size:12.5px}
.tick,.legend{fill:#5b6b7b}.line{fill:none;stroke-width:1.6;stroke-linejoin:round}
.c0{stroke:#1f5fa8}.c1{stroke:#c4541a}.c2{stroke:#2d7d46}.c3{stroke:#8a4fa3}
.k0{fill:#1f5fa8}.k1{fill:#c4541a}.k2{fill:#2d7d46}.k3{fill:#8a4fa3}</style>"""
SHOWN_H = {"sunrise": 24.0}
"""Six hours show what an orbit does; radiation at 1,500 km wants the whole day."""
ZERO_C = 273.15


@dataclass(frozen=True)
class Curve:
    """A line of a panel: label, column, factor and offset to the panel's unit."""

    label: str
    column: str
    factor: float = 1.0
    offset: float = 0.0


PANELS: Sequence[tuple[str, str, Sequence[Curve]]] = (
    ("Power", "kW", (
        Curve("array can give", "array_available_w", 1e-3),
        Curve("array gives", "array_power_w", 1e-3),
        Curve("load", "load_power_w", 1e-3),
    )),
    ("Battery", "% charge", (Curve("state of charge", "battery_soc", 100.0),)),
    ("Temperatures", "degC", (
        Curve("hottest die", "accelerator_temperature_k[max]", 1.0, -ZERO_C),
        Curve("radiators, mean", "radiator_temperature_k", 1.0, -ZERO_C),
        Curve("battery", "battery_temperature_k", 1.0, -ZERO_C),
        Curve("array", "array_temperature_k", 1.0, -ZERO_C),
    )),
    ("Accelerators", "chips at full clock", (Curve("work done", "accelerator_rate_total"),)),
)  # fmt: skip


def read(path: Path) -> dict[str, dict[str, Floats]]:
    """Columns by spacecraft."""
    rows: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            rows.setdefault(row["spacecraft"], []).append(row)
    return {
        who: {
            head: np.array([float(row[head]) for row in mine])
            for head in mine[0]
            if head != "spacecraft" and mine[0][head] != ""
        }
        for who, mine in rows.items()
    }


def dark(table: dict[str, Floats], end_s: float) -> list[tuple[float, float]]:
    """Eclipses as spans of time."""
    times, spans = table["time_s"], []
    start = None
    for at, light in zip(times, table["illumination_fraction"], strict=True):
        if light < 0.5 and start is None:
            start = at
        if light >= 0.5 and start is not None:
            spans.append((float(start), float(at)))
            start = None
    if start is not None:
        spans.append((float(start), end_s))
    return [(a, min(b, end_s)) for a, b in spans if a < end_s]


def plot(who: str, table: dict[str, Floats]) -> None:
    """One page of panels."""
    end_s = 3600.0 * SHOWN_H.get(who, 6.0)
    keep = (table["time_s"] <= end_s) & (table["time_s"] > 0.0)
    panels = [
        Panel(title, unit, [
            Line(curve.label, table[curve.column][keep] * curve.factor + curve.offset, colour)
            for colour, curve in enumerate(curves)
        ])
        for title, unit, curves in PANELS
    ]  # fmt: skip
    chart = Chart(table["time_s"][keep], end_s, panels, dark(table, end_s))
    svg = draw(chart, f"{who} on 21 June 2026: power, battery, temperatures, work; eclipses are shaded")
    head, _, rest = svg.partition(">")
    text = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ') + ">" + STYLE + rest
    (HERE / f"design-{who}.svg").write_text(text + "\n", encoding="utf-8")


def figures(who: str, table: dict[str, Floats]) -> str:
    """A row of the page's table, without the first two hours."""
    late = table["time_s"] >= 7200.0

    def of(column: str, factor: float = 1.0, offset: float = 0.0) -> Floats:
        return table[column][late] * factor + offset

    load, soc = of("load_power_w", 1e-3), of("battery_soc", 100.0)
    work, radiator = of("accelerator_rate_total"), of("radiator_temperature_k", 1.0, -ZERO_C)
    die, array = of("accelerator_temperature_k[max]", 1.0, -ZERO_C), of("array_temperature_k", 1.0, -ZERO_C)
    sunlit = 100.0 * float(of("illumination_fraction").mean())
    cells = [
        who, f"{sunlit:.0f} %", f"{load.mean():.3g}", f"{soc.min():.0f}–{soc.max():.0f} %",
        f"{array.min():.0f}…{array.max():.0f}", f"{radiator.min():.0f}…{radiator.max():.0f}", f"{die.max():.0f}",
        f"{work.mean():.3g}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Fly if there is no table yet, then draw."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "day.csv"
        if len(sys.argv) < 2:
            command = [sys.executable, str(ROOT / "skyrack.py"), "truth", "solstice", "--every", "1 min"]
            subprocess.run([*command, "--out", str(path)], check=True)
        tables = read(path)
    for who, table in tables.items():
        plot(who, table)
        sys.stdout.write(figures(who, table) + "\n")


if __name__ == "__main__":
    main()
