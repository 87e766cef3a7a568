"""`skyrack check` and `skyrack list`: what would fly, and what there is to use. Text for people, or JSON.

Nothing flies here, and nothing is typed twice: every row comes from the code's own tables.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bus.constants import EARTH_RADIUS_M
from bus.errors import ScenarioError, UnknownNameError, UserError
from bus.scenario.model import OmmOrbit, Scenario, TleOrbit
from bus.text.near import nearest
from bus.text.times import clock
from faults.commands.device_rows import device_rows
from faults.commands.fdir_rows import brief_cells, table_rows
from faults.commands.fleet import check_fleet, is_constellation
from faults.commands.operator_rows import fault_rows, operator_rows
from faults.scenarios.choose import load_named, shipped_scenarios
from faults.scenarios.flight_software import with_own
from faults.scenarios.links import links
from faults.scenarios.links import warnings as link_warnings
from faults.scenarios.outside import outside_table, parts_table
from faults.scenarios.own_designs import Shelf, is_path
from faults.scenarios.own_jobs import may_execute, program_table
from faults.truth.fields import field_rows
from node import own_software
from node.assembly import stretched_times
from node.designs.audit.margins import Margin, audit_scenario
from node.designs.load import SHIPPED, Design, load_design

Rows = list[dict[str, Any]]
_ONLY_IN_JSON = ("source", "traces_to", "fmeca", "severity", "figures", "assumed_figures", "labels", "valid", "file")


def check_command(
    name: str,
    designs: tuple[Path, ...] = (),
    procedures: tuple[Path, ...] = (),
    *,
    as_json: bool,
    allow_exec: bool = False,
) -> int:
    """Validate a scenario and say what would fly. Every mistake is in the ScenarioError that the front door shows; of
    programs that nobody allowed the rest is said first."""
    try:
        if is_constellation(name):
            return check_fleet(name, designs, as_json=as_json)
        chosen = load_named(name, designs, procedures)
    except ScenarioError as error:
        if not as_json:
            raise
        rows = [
            {
                "file": m.file,
                "line": m.line,
                "column": m.column,
                "field": m.field,
                "found": m.found,
                "allowed": m.allowed,
            }
            for m in error.mistakes
        ]
        _write_json({"valid": False, "mistakes": rows})
        return error.exit_status
    scenario = chosen.scenario
    if as_json:
        rows = [margin.as_row() for margin in audit_scenario(scenario)]
        content = json.loads(scenario.to_json())
        declared = [asdict(link) for link in links(scenario)]
        _write_json(
            {
                "valid": True,
                "notes": list(chosen.notes),
                "margins": rows,
                "links": declared,
                "parts": parts_table(scenario),
                "scenario": content,
            }
        )
        may_execute(scenario, allowed=allow_exec)
        return 0
    console = _console()
    duration = clock(scenario.duration_ns / 1e9)
    console.print(f"[bold]{scenario.name}[/bold]: {scenario.description or 'no description'}")
    console.print(f"from {scenario.epoch_utc} for {duration}, tick {scenario.tick_ns / 1e9:g} s, seed {scenario.seed}")
    for note in chosen.notes:
        console.print(f"note: {note}", markup=False)
    _print_table(console, "spacecraft", [_spacecraft(scenario, s.id) for s in scenario.spacecraft])
    _print_table(console, "lines to what is outside", outside_table(scenario))
    _print_table(console, "what is which part", parts_table(scenario))
    _print_table(console, "programs", program_table(scenario))
    _print_table(console, "stations", [{"id": s.id, **_place(s)} for s in scenario.stations])
    for title, rows in operator_rows(scenario).items():
        _print_table(console, title, rows)
    _print_table(console, "faults", fault_rows(scenario))
    _print_table(console, "expectations", [{"text": e.text} for e in scenario.expectations])
    found = links(scenario)
    _print_table(console, "inter-satellite links, share of an orbit", [link.as_row() for link in found])
    for line in link_warnings(found):
        console.print(f"warning: {line}", markup=False)
    for line in [*tick_warnings(scenario.tick_ns), *cycle_warnings(scenario)]:
        console.print(line, markup=False)
    margins = audit_scenario(scenario)
    _print_table(console, MARGINS_TITLE, margin_rows(margins))
    for line in margin_warnings(margins):
        console.print(line, markup=False)
    console.print("no mistakes found")
    may_execute(scenario, allowed=allow_exec)
    return 0


def list_command(what: str, design: str, directories: tuple[Path, ...] = (), *, as_json: bool) -> int:
    """List one kind of thing. `design`: by name or path, whose; `directories`: with a user's designs."""
    shelf = Shelf(directories)
    chosen = [_named(shelf, design)] if design else []
    own = sorted(own_software.given()) if what in ("telecommands", "telemetry") else []
    if own:  # what it says is its own, and on what equipment is the design's
        chosen = [with_own(name, one) for name in own for one in chosen or SHIPPED]
    tables: dict[str, Callable[[], Rows]] = {
        "designs": lambda: _designs(shelf),
        "devices": lambda: device_rows(_whose(chosen, "devices")),
        "scenarios": _scenarios,
        "stations": _stations,
        "faults": _faults,
        "fields": lambda: field_rows(_whose(chosen, "fields")),
        "fdir": lambda: table_rows(_whose(chosen, "fdir")),
        "telecommands": lambda: _telecommands(chosen or _right(shelf)),
        "telemetry": lambda: _telemetry(chosen or _right(shelf)),
    }
    rows = tables[what]()
    if as_json:
        _write_json(rows)
    else:
        _print_table(_console(240 if what == "fdir" else 160), what, _brief(what, rows))
    return 0


def _brief(what: str, rows: Rows) -> Rows:
    """What fits on a terminal; --json has everything. Rows that several designs share are shown once."""
    if what in ("telecommands", "telemetry"):
        grouped: dict[str, dict[str, Any]] = {}
        for row in rows:
            rest = {key: value for key, value in row.items() if key != "design"}
            grouped.setdefault(json.dumps(rest), {**rest, "designs": []})["designs"].append(row["design"])
        everybody = len({row["design"] for row in rows})
        rows = list(grouped.values())
        for row in rows:
            row["designs"] = "all" if len(row["designs"]) == everybody else ", ".join(row["designs"])
        if everybody == 1:
            rows = [{key: value for key, value in row.items() if key != "designs"} for row in rows]
    brief = []
    for row in rows:
        cells = {key: value for key, value in row.items() if key not in _ONLY_IN_JSON}
        if what == "designs":
            cells["parts"] = ", ".join(
                f"{len(names)} {kind.replace('_', ' ')}s"
                for kind, names in row.get("parts", {}).items()
                if kind in ("string", "battery_group", "lcl", "thermal_node", "accelerator")
            )
        if what == "fdir":
            cells = brief_cells(row)
        if what == "faults":
            cells["parameters"] = ", ".join(row["parameters"])
        brief.append(cells)
    return brief


def _console(width: int = 160) -> Console:
    """Standard output; wide where it is no terminal, so that lines can be searched."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=width)


def _whose(chosen: Sequence[str], what: str) -> str:
    """The one design whose fields or rows are asked for. Raises UserError without one."""
    if not chosen:
        raise UserError(f"whose {what}?", hint=f"for example: skyrack list {what} pathfinder")
    return chosen[0]


def _named(shelf: Shelf, design: str) -> str:
    """The design that was typed. Raises UnknownNameError, or ScenarioError with what is wrong in a file."""
    if not is_path(design) and design not in shelf.names:
        raise UnknownNameError("design", design, nearest(design, shelf.names), hint="skyrack list designs")
    return shelf.find(design)


def _right(shelf: Shelf) -> list[str]:
    """All designs without a mistake."""
    return [design.name for _, _, design in shelf.designs() if isinstance(design, Design)]


def _designs(shelf: Shelf) -> Rows:
    rows: Rows = []
    for name, path, design in shelf.designs():
        if isinstance(design, ScenarioError):
            first, more = design.mistakes[0], len(design.mistakes) - 1
            text = f"INVALID: {first}" + (f" (and {more} more)" if more else "")
            rows.append({"name": name, "description": text, "valid": False, "file": str(path)})
            continue
        rows.append(
            {
                "name": name,
                "description": design.form.title,
                "valid": True,
                "traces_to": design.form.traces_to,
                "parts": {kind: list(names) for kind, names in design.names.items() if names},
                "figures": len(design.figures),
                "assumed_figures": sum(figure.assumed for figure in design.figures),
                "file": "" if path is None else str(path),
            }
        )
    return rows


def _scenarios() -> Rows:
    rows = []
    for name in shipped_scenarios():
        scenario = load_named(name).scenario
        rows.append(
            {
                "name": name,
                "spacecraft": len(scenario.spacecraft),
                "duration": clock(scenario.duration_ns / 1e9),
                "description": scenario.description,
            }
        )
    return rows


def _stations() -> Rows:
    from groundstation.contacts.stations import stations  # noqa: PLC0415

    return [{"id": s.id, **_place(s), "source": s.source} for s in stations().values()]


def _faults() -> Rows:
    from faults.catalogue.resolve import FAULTS  # noqa: PLC0415

    return [
        {
            "name": name,
            "seam": form.seam.name.lower(),
            "fmeca": form.fmeca,
            "severity": form.severity,
            "critical after": form.criticality,
            "parameters": {key: parameter.text for key, parameter in form.parameters.items()},
            "description": form.description,
            "source": form.source,
        }
        for name, form in FAULTS.items()
    ]


def _telecommands(designs: Sequence[str]) -> Rows:
    from bus.telecommand_check import allowed  # noqa: PLC0415
    from faults.scenarios.vocabulary import dictionary_of  # noqa: PLC0415

    return [
        {
            "design": name,
            "name": form.name,
            "service": f"{form.service},{form.subtype}",
            "arguments": {argument.name: allowed(argument) for argument in form.arguments},
            "hazardous": form.hazardous,
            "description": form.description,
        }
        for name in designs
        for form in dictionary_of(name).telecommands
    ]


def _telemetry(designs: Sequence[str]) -> Rows:
    from faults.scenarios.vocabulary import dictionary_of  # noqa: PLC0415

    return [
        {
            "design": name,
            "name": form.name,
            "unit": form.unit,
            "type": form.type,
            "labels": list(form.labels),
            "description": form.description,
        }
        for name in designs
        for form in dictionary_of(name).parameters
    ]


def _spacecraft(scenario: Scenario, name: str) -> dict[str, Any]:
    spacecraft = next(s for s in scenario.spacecraft if s.id == name)
    orbit = spacecraft.orbit
    if isinstance(orbit, TleOrbit | OmmOrbit):
        where = f"{orbit.name}, {orbit.propagator.upper()} ({orbit.source})"
    else:
        altitude_km = (orbit.semi_major_axis_m - EARTH_RADIUS_M) / 1e3
        where = f"{altitude_km:.0f} km, {math.degrees(orbit.inclination_rad):.2f} deg, J2"
    signals = len(scenario.truth_signals.get(name, ()))
    return {"id": name, "design": spacecraft.design, "orbit": where, "truth signals": signals}


def _place(station: Any) -> dict[str, Any]:
    return {
        "latitude_deg": round(math.degrees(station.latitude_rad), 4),
        "longitude_deg": round(math.degrees(station.longitude_rad), 4),
        "mask_deg": round(math.degrees(station.mask_rad), 2),
        "bands": ", ".join(station.bands),
        "wet": f"{100.0 * station.wet_fraction:g} %",
    }


def _print_table(console: Console, title: str, rows: Rows) -> None:
    if not rows:
        return
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for index, key in enumerate(rows[0]):
        table.add_column(key.replace("_", " "), header_style="dim", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table, markup=False)


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{k}: {', '.join(v) if isinstance(v, list) else v}" for k, v in value.items()) or "-"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else ""
    return str(value)


def _write_json(content: object) -> None:
    sys.stdout.write(json.dumps(content, indent=2) + "\n")


MARGINS_TITLE = "margins at full load, beginning of life, worst day of the year"


def margin_rows(margins: Sequence[Margin]) -> list[dict[str, Any]]:
    """What closes and what does not, a row each."""
    return [
        {
            "spacecraft": m.spacecraft,
            "margin": m.name,
            "value": f"{m.value:.4g} {m.unit if m.unit != '1' else ''}",
            "limit": f"{'at least' if m.better == 'above' else 'at most'} {m.limit:.4g}",
            "": "" if m.verdict == "ok" else "WARNING",
        }
        for m in margins
    ]


def tick_warnings(tick_ns: int) -> list[str]:
    """What a coarse tick does to the times of flight software."""
    stretched = stretched_times(tick_ns)
    if not stretched:
        return []
    times = ", ".join(f"{t.name} {t.declared_s:g} s to {t.flown_s:g} s" for t in stretched)
    return [f"warning: a tick of {tick_ns / 1e9:g} s stretches times of flight software: {times}"]


def cycle_warnings(scenario: Scenario) -> list[str]:
    """Loads that come and go within a tick, which looks at them once."""
    tick_s, found = scenario.tick_ns / 1e9, []
    for design in dict.fromkeys(one.design for one in scenario.spacecraft):
        for name, lcl in load_design(design).form.lcls.items():
            if (
                lcl.cycle
                and lcl.cycle.every - lcl.cycle.on > 0.0
                and min(lcl.cycle.on, lcl.cycle.every - lcl.cycle.on) < tick_s
            ):
                found.append(
                    f"warning: the cycle of {name} ({lcl.cycle.on:g} s on in every {lcl.cycle.every:g} s) is too fast "
                    f"for a tick of {tick_s:g} s, which looks at it once: shorter ticks, or its mean as its load"
                )
    return found


def margin_warnings(margins: Sequence[Margin]) -> list[str]:
    """What to do about those that do not close. A warning is no mistake: it may be the point of the scenario."""
    return [f"warning: {m.spacecraft}, {m.name}: {m.advice}" for m in margins if m.verdict != "ok"]
