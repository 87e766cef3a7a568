"""The pictures of a constellation's report. Each says in a table, or in the Parquet files, what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.constants import CELSIUS_ZERO_K
from faults.fleet.fly import Flown
from faults.fleet.tables import quantity
from faults.report.drawing import drawn

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7a6bb3", "#6b7785")
"""Of Okabe and Ito's palette (2008), the last two beside it."""
MOST_SHELLS = len(COLOURS)
MOST_DOTS = 6_000
BINS = 60

SHOWN: Mapping[str, tuple[str, float, float]] = {
    "battery_soc": ("charge, %", 100.0, 0.0),
    "array_power_w": ("array, kW", 1e-3, 0.0),
    "payload_power_w": ("payload, kW", 1e-3, 0.0),
    "chip_temperature_k": ("hottest accelerator, degC", 1.0, -CELSIUS_ZERO_K),
    "radiator_temperature_k": ("first radiator, degC", 1.0, -CELSIUS_ZERO_K),
    "work_rate": ("work, accelerators at full clock", 1.0, 0.0),
    "illumination_fraction": ("in the Sun, %", 100.0, 0.0),
}
"""Quantity -> words, factor and shift."""


def over_time(flown: Flown, name: str, number: int) -> str:
    """Of each shell: the mean of all, in a band from its least to its greatest spacecraft."""
    words, factor, shift = SHOWN[name]
    planes = flown.tables.planes
    data: list[dict[str, Any]] = []
    for shell, form in enumerate(flown.flight.what.shells[:MOST_SHELLS]):
        rows = planes[planes["shell"] == shell]
        times, inverse = np.unique(rows["time_s"], return_inverse=True)
        if not len(times) or np.isnan(rows[f"{name}_mean"]).all():
            continue
        weights = np.bincount(inverse, rows["spacecraft"], len(times))
        mean = np.bincount(inverse, rows[f"{name}_mean"] * rows["spacecraft"], len(times)) / weights
        low, high = np.full(len(times), np.inf), np.full(len(times), -np.inf)
        np.minimum.at(low, inverse, rows[f"{name}_min"])
        np.maximum.at(high, inverse, rows[f"{name}_max"])
        hours, colour = _round(times / 3600.0), COLOURS[shell]
        edge = {"type": "scatter", "mode": "lines", "x": hours, "line": {"width": 0}, "hoverinfo": "skip",
                "showlegend": False, "legendgroup": form.id}  # fmt: skip
        data += [
            {**edge, "y": _round(low * factor + shift)},
            {**edge, "y": _round(high * factor + shift), "fill": "tonexty", "fillcolor": f"{colour}33"},
            {"type": "scatter", "mode": "lines", "name": form.id, "legendgroup": form.id, "x": hours,
             "y": _round(mean * factor + shift), "line": {"color": colour, "width": 1.8}},
        ]  # fmt: skip
    if not data:
        return ""
    layout = {"height": 250, "xaxis": {"automargin": True, "title": {"text": "mission time in hours"}},
              "yaxis": {"automargin": True, "title": {"text": words}}}  # fmt: skip
    return drawn(f"time{number}", f"{words} of each shell over time: mean, least and greatest", data, layout)


def distribution(flown: Flown, name: str, number: int) -> str:
    """How the spacecraft of each shell are spread at the end."""
    words, factor, shift = SHOWN[name]
    found: list[tuple[int, str, NDArray[np.float64]]] = []
    for wing in flown.flight.wings:
        values = quantity(wing, name) * factor + shift
        for shell in dict.fromkeys(block.shell for block in wing.blocks):
            mine = [block for block in wing.blocks if block.shell == shell]
            part = values[mine[0].first : mine[-1].last]
            if shell < MOST_SHELLS and not np.isnan(part).all():
                found.append((shell, flown.flight.what.shells[shell].id, part))
    if not found:
        return ""
    low, high = min(float(v.min()) for _, _, v in found), max(float(v.max()) for _, _, v in found)
    edges = np.linspace(low, high if high > low else low + 1.0, BINS + 1)
    data = [
        {"type": "scatter", "mode": "lines", "name": shell_id, "x": _round(edges[:-1]),
         "y": _round(100.0 * np.histogram(part, edges)[0] / len(part)), "fill": "tozeroy",
         "line": {"color": COLOURS[shell], "width": 1.5, "shape": "hv"}, "fillcolor": f"{COLOURS[shell]}33"}
        for shell, shell_id, part in sorted(found, key=lambda one: one[0])
    ]  # fmt: skip
    layout = {"height": 220, "xaxis": {"automargin": True, "title": {"text": words}},
              "yaxis": {"automargin": True, "title": {"text": "% of the shell"}, "rangemode": "tozero"}}  # fmt: skip
    return drawn(f"spread{number}", f"spread of {words} at the end, by shell", data, layout)


def by_local_time(flown: Flown, name: str, number: int) -> str:
    """The mean over the whole flight, by shell and hour of local solar time."""
    words, factor, shift = SHOWN[name]
    hours, shells = flown.tables.hours, flown.flight.what.shells[:MOST_SHELLS]
    cells: list[list[float | None]] = []
    for shell in range(len(shells)):
        rows = hours[hours["shell"] == shell]
        there = np.bincount(rows["local_hour"], rows["spacecraft"], 24)
        total = np.bincount(rows["local_hour"], rows[f"{name}_mean"] * rows["spacecraft"], 24)
        cells.append([
            None if not n or np.isnan(t) else float(f"{t / n * factor + shift:.5g}")
            for t, n in zip(total, there, strict=True)
        ])  # fmt: skip
    picture = {
        "type": "heatmap", "x": [f"{hour}" for hour in range(24)], "y": [shell.id for shell in shells], "z": cells,
        "colorscale": "Viridis", "hovertemplate": "%{y}, %{x} h local: %{z}<extra></extra>", "xgap": 1, "ygap": 1,
        "colorbar": {"thickness": 12, "title": {"text": words, "side": "right"}},
    }  # fmt: skip
    layout = {"height": 120 + 34 * len(shells), "yaxis": {"automargin": True, "type": "category"},
              "xaxis": {"automargin": True, "type": "category",
                        "title": {"text": "local solar time under the spacecraft, h"}}}  # fmt: skip
    return drawn(f"local{number}", f"{words} by shell and local time", [picture], layout)


def ground_map(flown: Flown) -> str:
    """Where they are at the end, by charge; of very many an even choice."""
    data, step = [], max(1, -(-len(flown.flight) // MOST_DOTS))
    for wing in flown.flight.wings:
        states = wing.fleet.states[::step]
        data.append({
            "type": "scattergl" if len(states) > 2000 else "scatter", "mode": "markers",
            "x": _round(np.degrees(states["longitude_rad"])), "y": _round(np.degrees(states["latitude_rad"])),
            "text": wing.names[::step], "name": wing.design.name, "showlegend": False,
            "marker": {"size": 4 if len(states) > 500 else 7, "color": _round(100.0 * states["battery_soc"]),
                       "colorscale": "Viridis", "colorbar": {"thickness": 12, "title": {"text": "charge, %"}}},
            "hovertemplate": "%{text}: %{y} N, %{x} E, charge %{marker.color} %<extra></extra>",
        })  # fmt: skip
    layout = {
        "height": 420,
        "xaxis": {"range": [-180, 180], "dtick": 60, "title": {"text": "longitude, deg"}, "automargin": True},
        "yaxis": {"range": [-90, 90], "dtick": 30, "title": {"text": "latitude, deg"}, "automargin": True},
    }  # fmt: skip
    return drawn("map", "where the spacecraft are at the end, coloured by charge", data, layout)


def alone(flown: Flown, spacecraft: Sequence[str], number: int) -> str:
    """Charge and hottest accelerator of the worst, over time."""
    if flown.again is None:
        return ""
    flight, tables = flown.again
    data: list[dict[str, Any]] = []
    for place, wing in enumerate(flight.wings):
        states, _ = tables.full(place)
        for k, name in enumerate(wing.names):
            if name in spacecraft:
                mine = states[k :: len(wing)]
                data.append({
                    "type": "scatter", "mode": "lines", "name": name,
                    "x": _round(np.array(tables.times_s) / 3600.0), "y": _round(100.0 * mine["battery_soc"]),
                    "line": {"color": COLOURS[len(data) % len(COLOURS)], "width": 1.5},
                })  # fmt: skip
    layout = {"height": 240, "xaxis": {"automargin": True, "title": {"text": "mission time in hours"}},
              "yaxis": {"automargin": True, "title": {"text": "charge, %"}}}  # fmt: skip
    return drawn(f"alone{number}", "charge of the worst spacecraft over time", data, layout)


def _round(values: Any) -> list[float | None]:
    return [None if value != value else float(f"{value:.5g}") for value in np.asarray(values, np.float64).tolist()]  # noqa: PLR0124
