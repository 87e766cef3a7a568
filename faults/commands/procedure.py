# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack procedure`: what ground procedures there are, how one reads, and running one in a live run.

A group of commands of its own; each imports what it needs when it runs.
"""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

group = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
Own = Annotated[
    list[Path],
    typer.Option("--procedures", metavar="FILE", help="Python file with procedures of your own. Repeatable."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
LiveRun = Annotated[
    Path | None,
    typer.Option("--run", envvar="SKYRACK_RUN", help="Directory of a live run; the newest one by default."),
]
Wait = Annotated[float, typer.Option("--wait", min=0.1, help="Seconds of real time to wait for its end.")]
Number = Annotated[int, typer.Argument(min=1, help="The run's number, as `procedure run` printed it.")]


@group.command("list", epilog="Example: skyrack procedure list")
def list_(*, procedures: Own = [], json: Json = False) -> None:
    """List the procedures that can be run."""
    from groundstation.procedures.load import with_own  # noqa: PLC0415

    known = with_own(procedures).values()
    if json:
        rows = [
            {
                "name": one.name,
                "arguments": list(one.arguments),
                "answers": list(one.answers),
                "fleet": one.fleet,
                "description": one.description,
            }
            for one in known
        ]
        sys.stdout.write(json_module.dumps(rows, indent=1) + "\n")
        return
    for one in known:
        paragraph = " ".join(one.description.split("\n\n")[0].split())
        sys.stdout.write(f"{one.name}({', '.join(one.arguments)})\n    {paragraph}\n")


@group.command(epilog="Example: skyrack procedure show safe-mode-recovery --design pathfinder")
def show(
    name: Annotated[str, typer.Argument(help="A procedure; see `skyrack procedure list`.")],
    *,
    design: Annotated[str, typer.Option(help="Whose words its arguments take; a shipped design.")] = "pathfinder",
    procedures: Own = [],
) -> None:
    """Print a procedure: what it is for, its arguments, its steps."""
    import inspect  # noqa: PLC0415

    from bus.errors import UnknownNameError  # noqa: PLC0415
    from bus.telecommand_check import allowed  # noqa: PLC0415
    from bus.text.near import nearest  # noqa: PLC0415
    from faults.scenarios.own_designs import Shelf  # noqa: PLC0415
    from faults.scenarios.vocabulary import dictionary_of  # noqa: PLC0415
    from groundstation.procedures.load import with_own  # noqa: PLC0415

    known = with_own(procedures)
    if name not in known:
        near = nearest(name, known)
        raise UnknownNameError("procedure", name, near, hint="`skyrack procedure list` has all of them")
    one = known[name]
    whom = "several spacecraft, the first of them first" if one.fleet else "one spacecraft"
    lines = [f"{one.name}: for {whom}", "", one.description, ""]
    for form in one.forms(dictionary_of(Shelf().find(design))):
        given = f"{form.default:g}" if isinstance(form.default, float) else form.default
        default = "" if given is None else f"; {given} if not given"
        lines.append(f"  {form.name}: {form.description}: {allowed(form)}{default}")
    lines += ["", inspect.getsource(one.body).rstrip()]
    sys.stdout.write("\n".join(lines) + "\n")


@group.command(epilog="Example: skyrack procedure run safe-mode-recovery dawn-1 charge='60 %'")
def run(
    name: Annotated[str, typer.Argument(help="A procedure that the run's ground knows.")],
    words: Annotated[
        list[str], typer.Argument(metavar="SPACECRAFT... [NAME=VALUE]...", help="On whom, then its arguments.")
    ],
    *,
    run: LiveRun = None,
    wait: Wait = 86_400.0,
    json: Json = False,
) -> None:
    """Run a procedure in a live run and follow it, line by line.

    Exit status 0 if it completed, 4 if it ended otherwise.
    """
    from faults.live.procedure import procedure_run_command  # noqa: PLC0415

    whom = tuple(word for word in words if "=" not in word)
    given = tuple(word for word in words if "=" in word)
    raise typer.Exit(procedure_run_command(name, whom, given, run, wait_s=wait, as_json=json))


@group.command(epilog="Example: skyrack procedure answer 1 yes")
def answer(
    number: Number,
    word: Annotated[str, typer.Argument(help="One of the answers that it offers.")],
    *,
    run: LiveRun = None,
    wait: Wait = 60.0,
    json: Json = False,
) -> None:
    """Answer a procedure that asks."""
    _tell("answer", number, word, (run, wait, json))


@group.command(epilog="Example: skyrack procedure abort 1")
def abort(number: Number, *, run: LiveRun = None, wait: Wait = 60.0, json: Json = False) -> None:
    """End a procedure. Its telecommands that are under way go on."""
    _tell("abort", number, "", (run, wait, json))


def _tell(verb: str, number: int, word: str, options: tuple[Any, Any, Any]) -> None:
    from faults.live.procedure import procedure_tell_command  # noqa: PLC0415

    run, wait, json = options
    raise typer.Exit(procedure_tell_command(verb, number, word, run, wait_s=wait, as_json=json))
