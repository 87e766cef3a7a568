"""report.html of a constellation: one offline page. Its pictures need JavaScript; figures are in tables as well."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from bus.constants import CELSIUS_ZERO_K
from bus.text.times import clock
from faults.fleet import pictures
from faults.fleet.fly import Flown
from faults.fleet.ledger import build_up_section
from faults.report import drawing
from faults.report.html import badge, page, table, tiles

MOST_ROWS = 200


def render(flown: Flown, summary: Mapping[str, Any]) -> str:
    """The page."""
    what = flown.flight.what
    books = summary["books"]
    body = [
        drawing.library(),
        f"<header><div><h1>{escape(what.name)}</h1><p class='soft'>{escape(what.description)}</p>"
        f"<p class='soft'>from {what.epoch_utc} for {clock(what.duration_ns / 1e9)}; "
        f"ticks of {what.tick_ns / 1e9:g} s, surroundings every {summary['look_s']:g} s, flight software every "
        f"{summary['software_look_s']:g} s; seed {what.seed}</p></div>"
        f"{badge('closed' if summary['books_closed'] else 'not closed', big=True)}</header>",
        tiles([
            (f"{what.count:,}", "spacecraft" if what.every == 1 else f"spacecraft, one of {what.every} flown"),
            (f"{len(what.shells)} / {summary['planes']:,}", "shells / planes"),
            (f"{sum(row['mass_kg'] for row in summary['shells']) / 1e3:,.0f} t", "mass"),
            (_percent(books["work"]["share_done"]), "of all accelerator-hours worked"),
            (f"{books['energy']['load_kwh']:,.0f} kWh", "loads"),
            (f"{books['spacecraft']['nominal']:,}", "nominal at the end"),
        ]),
        *(f"<p>{escape(warning)}</p>" for warning in what.warnings),
        "<h2>Shells</h2>", _shells(summary),
        "<h2>Over time</h2><p class='soft'>Line: the mean of a shell. Band: from its least to its greatest.</p>",
    ]  # fmt: skip
    names = (
        "battery_soc",
        "array_power_w",
        "payload_power_w",
        "chip_temperature_k",
        "radiator_temperature_k",
        "work_rate",
    )
    body += [pictures.over_time(flown, name, number) for number, name in enumerate(names)]
    body.append("<h2>By local time</h2><p class='soft'>Means over the whole flight.</p>")
    body += [
        pictures.by_local_time(flown, name, number)
        for number, name in enumerate(("illumination_fraction", "battery_soc", "payload_power_w", "chip_temperature_k"))
    ]
    body.append("<h2>Spread at the end</h2>")
    body += [
        pictures.distribution(flown, name, number)
        for number, name in enumerate(("battery_soc", "payload_power_w", "chip_temperature_k"))
    ]
    body += ["<h2>Map at the end</h2>", pictures.ground_map(flown)]
    body += ["<h2>The worst</h2>", _worst(flown, summary)]
    if summary["build_up"] is not None:
        body += ["<h2>Launches</h2>", *build_up_section(flown, summary["build_up"])]
    if summary["steps"] is not None:
        body += ["<h2>What the steps cost</h2>", _steps(flown, summary["steps"])]
    body += ["<h2>Books</h2>", _books(books)]
    body.append(
        f"<footer>{escape(', '.join(summary['tables']))} in tables/. What is left out: docs/how-to/fleet.md.</footer>"
    )
    return page(what.name, body)


def _shells(summary: Mapping[str, Any]) -> str:
    rows = [
        [
            escape(row["shell"]), escape(row["design"]), f"{row['spacecraft']:,}", f"{row['planes']:,}",
            f"{row['mass_kg'] / 1e3:,.0f}", _percent(row["sunlit_share"]), _percent(row["lowest_soc"]),
            _celsius(row["hottest_chip_k"]), _percent(row["work_share"]), f"{row['shed_ever']:,}",
            f"{row['safe_ever']:,}", f"{row['brown_out_ever']:,}",
        ]
        for row in summary["shells"][:MOST_ROWS]
    ]  # fmt: skip
    heads = ["shell", "design", "spacecraft #", "planes #", "mass, t #", "in the Sun #", "lowest charge #",
             "hottest chip #", "work #", "ever shed #", "ever in SAFE #", "ever browned out #"]  # fmt: skip
    return table(heads, rows, empty="no shell")


def _worst(flown: Flown, summary: Mapping[str, Any]) -> str:
    rows = [
        [escape(one["criterion"]), f"<code>{escape(one['spacecraft'])}</code>", _value(one["field"], one["value"])]
        for one in summary["worst"]
    ]
    shown = table(["by", "spacecraft", "value #"], rows, empty="All spacecraft are alike.")
    if not summary["flown_again_alone"]:
        return shown
    same = "the same to the bit" if not summary["flown_again_differing"] else "NOT the same"
    words = f"<p class='soft'>Each flown once more, alone: {same}. Its life in full: tables/worst-*.parquet.</p>"
    return shown + words + pictures.alone(flown, [one["spacecraft"] for one in summary["worst"]], 0)


def _steps(flown: Flown, steps: Mapping[str, Any]) -> str:
    assert flown.fine is not None
    words = (
        f"<p class='soft'>{len(flown.fine[0])} sampled spacecraft flown again in ticks of {flown.fine[0].tick_s:g} s: "
        "this flight minus that one, over all reports.</p>"
    )
    rows = [
        [escape(name), *("" if one[how] is None else f"{one[how]:.4g}" for how in
                         ("fine_mean", "mean", "mean_absolute", "greatest"))]
        for name, one in steps.items()
    ]  # fmt: skip
    heads = ["quantity", "mean in fine steps #", "error, mean #", "mean absolute #", "greatest #"]
    return words + table(heads, rows, empty="")


def _books(books: Mapping[str, Any]) -> str:
    energy, work, craft = books["energy"], books["work"], books["spacecraft"]
    rows = [
        ["energy, kWh", f"arrays {energy['array_kwh']:,.1f} + batteries {energy['from_battery_kwh']:,.1f}",
         f"loads {energy['load_kwh']:,.1f} (payload {energy['payload_kwh']:,.1f}) + losses {energy['loss_kwh']:,.1f}",
         f"{energy['residual_kwh']:.2g}", badge("closed" if energy["closed"] else "not closed")],
        ["work, accelerator-hours", f"there {work['accelerator_h']:,.1f}",
         f"done {work['done_h']:,.1f} + limited {work['limited_h']:,.1f} + off {work['off_h']:,.1f} + down "
         f"{work['down_h']:,.1f}", f"{work['residual_h']:.2g}", badge("closed" if work["closed"] else "not closed")],
        ["spacecraft", f"flown {craft['flown']:,}",
         f"nominal {craft['nominal']:,} + shedding {craft['shedding']:,} + safe {craft['safe']:,} + without power "
         f"{craft['without_power']:,}", "", badge("closed" if craft["closed"] else "not closed")],
    ]  # fmt: skip
    return table(["book", "in", "out", "rest #", ""], rows, empty="")


def _value(field: str, value: float) -> str:
    if field.endswith("_k"):
        return _celsius(value)
    return _percent(value) if field.endswith("_soc") else clock(value)


def _percent(share: float | None) -> str:
    return "not known" if share is None else f"{100.0 * share:.1f} %"


def _celsius(kelvin: float) -> str:
    return f"{kelvin - CELSIUS_ZERO_K:.1f} degC"
