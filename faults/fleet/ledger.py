"""What the launches of a constellation come to: figures for the summary, a section of the report."""

from __future__ import annotations

import math
from html import escape
from typing import Any

import numpy as np

from bus.constants import DAY_S, JULIAN_YEAR_S
from faults.fleet.build_up import CAUSES, BuildUp
from faults.fleet.fly import Flown
from faults.fleet.launches import lives, most_in_service, per_launch
from faults.report.drawing import drawn
from faults.report.html import table
from node.assembly import equipment
from node.designs.load import load_design

_STATES = ("operating", "spare", "in_transit", "failed", "de_orbited")
_COLOURS = {"operating": "#009e73", "spare": "#56b4e9", "in_transit": "#e69f00", "failed": "#d55e00",
            "de_orbited": "#6b7785"}  # fmt: skip
MOST_POINTS = 1_000


def tell(flown: Flown) -> dict[str, Any]:
    """Figures: of the whole, at the end of the span."""
    ledger, form = flown.build_up, flown.flight.what.launches
    assert ledger is not None and form is not None
    end = _end(ledger)
    years = form.span / JULIAN_YEAR_S
    shapes = [(plan.id, plan.mass_kg, plan.count) for plan in ledger.shells]
    rated = _rated_w(flown)
    last = ledger.rows[-len(ledger.shells) :]
    power_w = (ledger.rows["operating"].reshape(-1, len(rated)) * rated).sum(axis=1)
    peak = int(power_w.argmax())
    as_flown_w = float(sum(last["operating"] * _flown_w(flown)))
    return {
        "closed": ledger.closed,
        "full_d": ledger.full_d,
        "span_d": form.span / DAY_S,
        "flights": end["flights"],
        "flights_failed": end["flights_failed"],
        "flights_offered": int(form.span // form.vehicle.every) + 1,
        "mass_t": float(last["mass_kg"].sum()) / 1e3,
        "mass_t_a_year": float(last["mass_kg"].sum()) / 1e3 / years,
        "payload_t_a_year_offered": form.vehicle.payload / 1e3 * JULIAN_YEAR_S / form.vehicle.every,
        "per_launch": {plan.id: per_launch(form, plan.mass_kg) for plan in ledger.shells},
        "most_in_service": most_in_service(form, shapes),
        "mean_service_d": lives(form).mean_s(form.commissioning, form.span) / DAY_S,
        "peak_accelerators_rated_gw": float(power_w[peak]) / 1e9,
        "peak_d": float(ledger.rows["time_d"][peak * len(rated)]),
        "accelerators_rated_gw": float(sum(last["operating"] * rated)) / 1e9,
        "accelerators_as_flown_gw": None if math.isnan(as_flown_w) else as_flown_w / 1e9,
        "end": end,
        "shells": [
            {"shell": plan.id, **{name: int(row[name]) for name in ("wanted", "launched", *_STATES)}}
            for plan, row in zip(ledger.shells, last, strict=True)
        ],
    }


def _end(ledger: BuildUp) -> dict[str, int]:
    last = ledger.rows[-len(ledger.shells) :]
    names = ("launched", *_STATES, "flights", "flights_failed", *(f"failed_{cause}" for cause in CAUSES))
    return {name: int(last[name].sum()) for name in names}


def _rated_w(flown: Flown) -> Any:
    """Rated power of the accelerators of one spacecraft of each shell."""
    designs = [load_design(shell.design) for shell in flown.flight.what.shells]
    return np.array([sum(equipment(design).accelerator_group_power_w) for design in designs])


def _flown_w(flown: Flown) -> Any:
    """Mean power of the accelerators of one spacecraft of each shell, as flown; of a shell of which none flew NaN."""
    found = np.full(len(flown.flight.what.shells), np.nan)
    for wing in flown.flight.wings:
        for shell in dict.fromkeys(block.shell for block in wing.blocks):
            mine = [block for block in wing.blocks if block.shell == shell]
            found[shell] = wing.memory["payload_j"][mine[0].first : mine[-1].last].mean() / flown.flight.time_s
    return found


def build_up_section(flown: Flown, told: dict[str, Any]) -> list[str]:
    """Words, a picture and a table."""
    form, end = flown.flight.what.launches, told["end"]
    assert form is not None and flown.build_up is not None
    full = "never full within the span" if told["full_d"] is None else f"full on day {told['full_d']:,.0f}"
    rows = [
        ["launches", f"{told['flights']:,} of {told['flights_offered']:,} offered, {told['flights_failed']:,} failed"],
        ["spacecraft a launch", escape(", ".join(f"{name} {n:,}" for name, n in told["per_launch"].items()))],
        ["mass launched", f"{told['mass_t']:,.0f} t: {told['mass_t_a_year']:,.0f} t a year of "
                          f"{told['payload_t_a_year_offered']:,.0f} t a year that the vehicle offers"],
        ["constellation", escape(full)],
        ["most that could be kept in service", f"{told['most_in_service']:,.0f}"],
        ["mean time in service", f"{told['mean_service_d']:,.0f} d within the span"],
        ["accelerators in service at the end", f"{told['accelerators_rated_gw']:,.3f} GW rated, "
                                               f"{_gw(told['accelerators_as_flown_gw'])} as flown"],
        ["at most", f"{told['peak_accelerators_rated_gw']:,.3f} GW rated, on day {told['peak_d']:,.0f}"],
        ["failed", ", ".join(f"{cause.replace('_', ' ')} {end[f'failed_{cause}']:,}" for cause in CAUSES)],
        ["book", f"launched {end['launched']:,} = " + " + ".join(
            f"{name.replace('_', ' ')} {end[name]:,}" for name in _STATES)
            + (" (closed in every row)" if told["closed"] else " (NOT closed)")],
        ["sources", escape(f"{form.vehicle.name}: {form.vehicle.source}; failures: {form.failures.source}")],
    ]  # fmt: skip
    return [_picture(flown.build_up), table(["what", ""], rows, empty="")]


def _gw(value: float | None) -> str:
    return "not known" if value is None else f"{value:,.3f} GW"


def _picture(ledger: BuildUp) -> str:
    number = len(ledger.shells)
    days = ledger.rows["time_d"][::number]
    step = max(1, -(-len(days) // MOST_POINTS))
    data = [
        {"type": "scatter", "mode": "lines", "stackgroup": "all", "name": name.replace("_", " "),
         "x": days[::step].tolist(), "y": ledger.rows[name].reshape(-1, number).sum(axis=1)[::step].tolist(),
         "line": {"width": 0.5, "color": _COLOURS[name]}}
        for name in _STATES
    ]  # fmt: skip
    layout = {"height": 320, "xaxis": {"automargin": True, "title": {"text": "days since the first launch"}},
              "yaxis": {"automargin": True, "title": {"text": "spacecraft launched, by what became of them"},
                        "rangemode": "tozero"}}  # fmt: skip
    return drawn("launches", "spacecraft launched over time, by what became of them", data, layout)
