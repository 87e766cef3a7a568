"""Service levels as a table of the report: what the ground believes beside what was true."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from bus.text.times import clock, span
from faults.report.html import table

MOST_SPACECRAFT = 20
"""Shown one by one; the others are in the summary."""
LABELS = {
    "accelerator_hours": ("Accelerator-hours delivered", "{:,.3f} h", 1.0),
    "availability": ("Availability of accelerators", "{:.2f} %", 100.0),
    "energy_kwh": ("Energy of the payload", "{:,.3f} kWh", 1.0),
    "energy_per_accelerator_hour_kwh": ("Energy per accelerator-hour", "{:.4f} kWh", 1.0),
    "jobs_done": ("Jobs completed", "{:,.0f}", 1.0),
    "jobs_per_hour": ("Job throughput", "{:.3f} / h", 1.0),
    "inference_p99_s": ("Inference p99, median over time", "{:.4g} s", 1.0),
    "inference_p99_worst_s": ("Inference p99, worst", "{:.4g} s", 1.0),
    "command_latency_s": ("Request to completion, median", "", 1.0),
    "command_latency_worst_s": ("Request to completion, worst", "", 1.0),
    "command_wait_s": ("Request to first transmission, median", "", 1.0),
}
"""What each figure is called, how it is written, and its factor; times without a form are written as spans."""


def service_levels(levels: Mapping[str, Any]) -> str:
    """One block of rows a spacecraft, of the first MOST_SPACECRAFT."""
    rows: list[list[str]] = []
    left = len(levels["spacecraft"]) - MOST_SPACECRAFT
    for name, sides in list(levels["spacecraft"].items())[:MOST_SPACECRAFT]:
        belief, truth = sides["belief"], sides["truth"]
        until = "nothing was received" if belief["until_s"] is None else f"known until {clock(belief['until_s'])}"
        head = f"<b>{escape(name)}</b> <span class='soft'>{escape(until)}</span>"
        for figure, (label, _, _) in LABELS.items():
            rows.append([head, escape(label), _cell(belief, figure), _cell(truth, figure)])
            head = ""
    more = f"<p class='soft'>{left:,} more spacecraft are in summary.json.</p>" if left > 0 else ""
    return table(["Spacecraft", "Service level", "Ground #", "Truth #"], rows, empty="No spacecraft.") + more


def figure_in_words(figure: str, value: float | None) -> str:
    """A figure in its unit."""
    _, form, factor = LABELS[figure]
    if value is None:
        return "unknown"
    return form.format(value * factor) if form else span(value)


def _cell(side: Mapping[str, Any], figure: str) -> str:
    text = escape(figure_in_words(figure, side[figure]))
    reason = side["unknown"].get(figure, "")
    return f"{text} <span class='soft'>({escape(reason)})</span>" if reason else text
