# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack bus`, `skyrack node`, `skyrack ground`: what a container starts, as the command line has it.

Each imports what it needs when it runs; what they do is in `faults.commands.processes`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faults.commands.procedure import Own

Connect = Annotated[str, typer.Option(envvar="SKYRACK_CONNECT", help="The bus's time endpoint, tcp://HOST:PORT.")]
Keys = Annotated[Path, typer.Option(envvar="SKYRACK_KEYS", help="Directory with the key files of this run.")]
ResolvedScenario = Annotated[
    str, typer.Option(envvar="SKYRACK_SCENARIO", help="Resolved scenario (JSON); asked of the bus by default.")
]
OutDirectory = Annotated[Path | None, typer.Option(envvar="SKYRACK_OUT", help="Instead of out/<name>-<counter>.")]
Designs = Annotated[
    list[Path],
    typer.Option("--designs", metavar="DIR", help="Directory with designs of your own, by file name. Repeatable."),
]


def add_parts(app: typer.Typer) -> None:
    """The single processes of a run."""
    app.command(epilog="Example: skyrack bus --scenario first-light --keys keys --bind tcp://0.0.0.0:5600")(bus)
    app.command(epilog="Example: skyrack node --ids sat-1..sat-20 --connect tcp://127.0.0.1:5600 --keys keys")(node)
    app.command(epilog="Example: skyrack ground --connect tcp://127.0.0.1:5600 --keys keys --archive archive.sqlite")(
        ground
    )


def bus(
    *,
    scenario: Annotated[str, typer.Option(envvar="SKYRACK_SCENARIO", help="Scenario file or name.")],
    keys: Keys = Path("keys"),
    bind: Annotated[str, typer.Option(envvar="SKYRACK_BIND", help="Time endpoint.")] = "tcp://127.0.0.1:5600",
    bind_range: Annotated[
        str, typer.Option(envvar="SKYRACK_BIND_RANGE", help="Endpoint for injections.")
    ] = "tcp://127.0.0.1:5601",
    bind_observe: Annotated[
        str, typer.Option(envvar="SKYRACK_BIND_OBSERVE", help="Endpoint for observers.")
    ] = "tcp://127.0.0.1:5602",
    pace: Annotated[str, typer.Option(envvar="SKYRACK_PACE", help="free, realtime, or a factor such as x60.")] = "free",
    out: OutDirectory = None,
    designs: Designs = [],
    procedures: Own = [],
) -> None:
    """Conduct a run, as one process of several.

    What a container starts: clock, mail, trace and the range's director. Makes the keys if there are none.
    """
    from faults.commands.processes import bus_command  # noqa: PLC0415

    raise typer.Exit(
        bus_command(
            scenario,
            keys,
            bind,
            bind_range,
            bind_observe,
            pace=pace,
            out=out,
            designs=tuple(designs),
            procedures=tuple(procedures),
        )
    )


def node(
    *,
    ids: Annotated[
        str,
        typer.Option("--ids", "--id", envvar="SKYRACK_IDS", help="Which spacecraft: dawn-1 or sat-1..sat-20,dawn-1."),
    ] = "",
    share: Annotated[
        str,
        typer.Option(envvar="SKYRACK_SHARE", metavar="K/N", help="Instead: the K-th (from 0) of N shares of the keys."),
    ] = "",
    connect: Connect = "tcp://127.0.0.1:5600",
    keys: Keys = Path("keys"),
    scenario: ResolvedScenario = "",
    nvm: Annotated[Path, typer.Option(envvar="SKYRACK_NVM", help="Directory of the non-volatile memory.")] = Path(
        "nvm"
    ),
) -> None:
    """Fly one spacecraft or several, as one process of several.

    Who shares a process shares its end: it is lost with all of them, and comes back with all of them.
    """
    from faults.commands.processes import node_command  # noqa: PLC0415

    raise typer.Exit(node_command(ids, share, connect, keys, scenario=scenario, nvm=nvm))


def ground(
    *,
    connect: Connect = "tcp://127.0.0.1:5600",
    keys: Keys = Path("keys"),
    scenario: ResolvedScenario = "",
    archive: Annotated[Path, typer.Option(envvar="SKYRACK_ARCHIVE", help="The archive's file.")] = Path(
        "archive.sqlite"
    ),
    bind: Annotated[str, typer.Option(envvar="SKYRACK_BIND", help="Endpoint for operators.")] = "tcp://127.0.0.1:5603",
    procedures: Own = [],
) -> None:
    """Run the ground, as one process of several."""
    from faults.commands.processes import ground_command  # noqa: PLC0415

    raise typer.Exit(ground_command(connect, keys, scenario, archive, bind, procedures=tuple(procedures)))
