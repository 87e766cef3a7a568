# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack fit`: figures of a design from telemetry."""

from __future__ import annotations

import json as json_module
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faults.commands.parts import Designs
from faults.commands.procedure import Json

if TYPE_CHECKING:
    from faults.fit.problem import Floats, Problem
    from faults.fit.solve import Solution

EPILOG = (
    "Example: skyrack fit day-1.yaml --telemetry day-1.csv --map map.yaml "
    "--free 'battery.cell.resistance=10..400 mohm' --out fitted.yaml"
)
SAY_EVERY_S = 2.0


def fit(
    scenarios: Annotated[list[str], typer.Argument(help="Scenarios of one design, one for each table.")],
    *,
    telemetry: Annotated[list[Path], typer.Option(metavar="CSV", help="The table of each scenario, in their order.")],
    plan: Annotated[list[Path], typer.Option("--map", help="One for all tables, or one for each.")],
    free: Annotated[
        list[str],
        typer.Option(help="PATH=LEAST..GREATEST UNIT; also orbit.NAME, initial.NAME, clock, offset.COLUMN; NAME@RUN."),
    ],
    hold_out: Annotated[list[str], typer.Option(metavar="SCENARIO", help="Is predicted, not fitted.")] = [],
    designs: Designs = [],
    out: Annotated[Path, typer.Option(help="Where the fitted design goes.")] = Path("fitted.yaml"),
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=0, max=256, help="Processes; 0: one for each core.")] = 0,
    json: Json = False,
) -> None:
    """Find figures of a design from telemetry, and how sure they are.

    Bounded least squares with a robust loss over all runs together. Each fitted figure of the design says so as its
    source. What the data do not tell is said, not guessed: figures on their bounds, that nothing depends on, that only
    go together. `--hold-out` shows what the fit predicts.
    """
    from bus.clock import Stopwatch  # noqa: PLC0415
    from bus.errors import EnvironmentFault, UserError  # noqa: PLC0415
    from bus.files import whole  # noqa: PLC0415
    from faults.fit.free import read_free, text_with  # noqa: PLC0415
    from faults.fit.patch import patched  # noqa: PLC0415
    from faults.fit.pool import hands  # noqa: PLC0415
    from faults.fit.problem import Problem  # noqa: PLC0415
    from faults.fit.runs import read_runs  # noqa: PLC0415
    from faults.fit.solve import solve, sources  # noqa: PLC0415
    from faults.run.warm import warm_up  # noqa: PLC0415
    from node.designs.load import load_design  # noqa: PLC0415

    if out.suffix not in (".yaml", ".yml"):
        raise UserError(f"--out: found {out}", hint="a file that ends in .yaml")
    runs = read_runs(scenarios, telemetry, plan, hold_out, designs)
    crafts = [next(s for s in run.scenario.spacecraft if s.id == run.who) for run in runs]
    if len({craft.design for craft in crafts}) != 1:
        raise UserError("the scenarios fly different designs", hint="one design, several runs of it")
    design = load_design(crafts[0].design)
    problem = Problem(design, read_free(free, design, crafts, [r.plan for r in runs], [r.name for r in runs]), runs)
    for one in problem.free:
        if one.own is not None:
            _say(f"{one.path}: {one.own:.6g} {one.unit}".strip() + f" is outside its bounds: begins at {one.first:.6g}")
    warm_up(runs[0].scenario, _say)
    watch, said = Stopwatch(), [SAY_EVERY_S]

    def tell(words: str) -> None:
        if watch.seconds > said[0]:
            _say(f"{words}, {watch.seconds:.0f} s")
            said[0] = watch.seconds + SAY_EVERY_S

    with hands(problem, jobs or os.cpu_count() or 1) as who:
        solution = solve(problem, tell, who)
    names = [run.name for run in solution.problem.fitted]
    told = sources(solution, names)
    written = {
        one.free.path: (one.free.written(one.value, 6), told[one.free.path])
        for one in solution.figures
        if one.free.of == "design"
    }
    text = patched(design, written)
    if text is None:
        _say("figures that are shared, or come from elsewhere: the design is written anew, without its comments")
        text = text_with(design, written)
    try:
        with whole(out) as draft:
            draft.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentFault(f"cannot write {out}: {error.strerror}", hint="choose another --out") from error
    found = _document(solution, _first(problem), problem.flights + solution.problem.flights)
    if json:
        sys.stdout.write(json_module.dumps({**found, "design": str(out)}, indent=1) + "\n")
    else:
        _print(found)
        sys.stdout.write(f"design: {out}\n")


def _first(problem: Problem) -> Floats:
    import numpy as np  # noqa: PLC0415

    return np.array([one.first for one in problem.free])


def _document(solution: Solution, first: Floats, flights: int) -> dict[str, Any]:
    runs = {}
    for run in solution.problem.runs:
        before, after = (solution.problem.figures(values, run) for values in (first, solution.values))
        runs[run.name] = {
            "held_out": run.held_out,
            "columns": {
                name: {
                    "unit": next(column.unit or "1" for column in run.plan.columns if column.name == name),
                    "mae_before": before_one.mae if (before_one := before[name]) else None,
                    "mae": one.mae if one else None, "mean": one.mean if one else None, "p95": one.p95 if one else None,
                }
                for name, one in after.items()
            },
        }  # fmt: skip
    return {
        "converged": solution.converged, "message": solution.message, "flights": flights,
        "rows": solution.rows, "independent_rows": solution.independent,
        "figures": {
            one.free.path: {
                "value": one.value, "unit": one.free.unit, "sigma": one.sigma, "not_told": one.why or None,
                "first": one.free.first, "outside_bounds": one.free.own,
                "least": one.free.low, "greatest": one.free.high,
            }
            for one in solution.figures
        },
        "correlations": [list(row) for row in solution.correlations], "runs": runs,
    }  # fmt: skip


def _print(found: dict[str, Any]) -> None:
    if not found["converged"]:
        sys.stdout.write(f"not converged: {found['message']}\n")
    for path, one in found["figures"].items():
        sure = f"+- {one['sigma']:.2g}" if one["sigma"] is not None else f"not told by the data: {one['not_told']}"
        sys.stdout.write(f"{path}  {one['value']:.6g} {one['unit']}  {sure}  (began at {one['first']:.6g})\n")
    for a, b, r in found["correlations"]:
        sys.stdout.write(f"go together: {a} and {b}, correlation {r:+.2f}\n")
    for name, run in found["runs"].items():
        sys.stdout.write(f"{name}{', held out' if run['held_out'] else ''}: mean absolute residuals\n")
        for column, one in run["columns"].items():
            before, after = (("none" if v is None else f"{v:.4g}") for v in (one["mae_before"], one["mae"]))
            sys.stdout.write(f"  {column}  {before} -> {after} {one['unit']}\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
