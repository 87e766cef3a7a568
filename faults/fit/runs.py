"""The runs of a fit: scenarios, their tables, their maps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bus.errors import UserError
from bus.text.instants import parse_instant
from bus.text.near import one_of
from faults.compare.form import read_map
from faults.compare.measured import read_measured
from faults.compare.modelled import choose, fly_model
from faults.compare.residuals import find_clock
from faults.fit.problem import Run
from faults.scenarios.choose import load_named


def read_runs(
    scenarios: Sequence[str], tables: Sequence[Path], maps: Sequence[Path], held_out: Sequence[str],
    designs: Sequence[Path],
) -> list[Run]:  # fmt: skip
    """Each scenario beside its table. A map that looks for its clock has it found once, with the design as it is.
    Raises UserError where their numbers do not fit, and all that reading them raises."""
    if len(tables) != len(scenarios):
        raise UserError(
            f"{len(scenarios)} scenarios and {len(tables)} tables", hint="one --telemetry for each scenario"
        )
    if len(maps) not in (1, len(scenarios)):
        raise UserError(f"{len(scenarios)} scenarios and {len(maps)} maps", hint="one --map, or one for each scenario")
    for name in held_out:
        if name not in scenarios:
            raise UserError(f"--hold-out: found {name!r}; allowed: {one_of(scenarios, name)}")
    if all(name in held_out for name in scenarios):
        raise UserError("--hold-out: every scenario is held out", hint="leave one to fit")
    runs = []
    for place, (name, table) in enumerate(zip(scenarios, tables, strict=True)):
        plan = read_map(maps[place if len(maps) > 1 else 0])
        scenario = load_named(name, tuple(designs)).scenario
        who = choose(scenario, plan.spacecraft)
        measured = read_measured(table, plan, parse_instant(scenario.epoch_utc))
        shift_s = plan.shift_s
        if plan.search_s:
            end_s = float(measured.times_s[-1]) + plan.shift_s + plan.search_s
            shift_s = find_clock(plan, measured, fly_model(scenario, who, plan, end_s, sensed=False)).shift_s
        runs.append(Run(Path(name).stem, scenario, who, plan, measured, shift_s, name in held_out))
    names = [run.name for run in runs]
    for run in runs:
        if names.count(run.name) > 1:
            raise UserError(f"two scenarios are called {run.name}", hint="give their files different names")
    return runs
