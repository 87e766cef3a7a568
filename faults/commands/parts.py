# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack bus`, `node`, `ground` and `compose`: what a container starts, and what writes containers.

The command line only; each imports what it needs when it runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from faults.commands.flight_software import flying
from faults.commands.procedure import Own

Connect = Annotated[str, typer.Option(envvar="SKYRACK_CONNECT", help="The bus's time endpoint, tcp://HOST:PORT.")]
Keys = Annotated[Path, typer.Option(envvar="SKYRACK_KEYS", help="Directory with the key files of this run.")]
ResolvedScenario = Annotated[
    str, typer.Option(envvar="SKYRACK_SCENARIO", help="Resolved scenario (JSON); asked of the bus by default.")
]
Advertise = Annotated[
    str, typer.Option(envvar="SKYRACK_ADVERTISE", metavar="HOST", help="The host under which others reach its ports.")
]
Metrics = Annotated[
    str,
    typer.Option(envvar="SKYRACK_METRICS", metavar="HOST:PORT", help="Where Prometheus may ask; else nowhere."),
]
Stay = Annotated[bool, typer.Option("--stay", help="After the run, wait to be stopped: for a container among others.")]
OutDirectory = Annotated[Path | None, typer.Option(envvar="SKYRACK_OUT", help="Instead of out/<name>-<counter>.")]
Designs = Annotated[
    list[Path],
    typer.Option("--designs", metavar="DIR", help="Directory with designs of your own, by file name. Repeatable."),
]
AllowExec = Annotated[
    bool, typer.Option("--allow-exec", help="The scenario may run programs of this machine (jobs with `exec:`).")
]


def add_parts(app: typer.Typer) -> None:
    """The single processes of a run."""
    flying(app, epilog="Example: skyrack bus --scenario first-light --keys keys --bind tcp://0.0.0.0:5600")(bus)
    flying(app, epilog="Example: skyrack node --ids sat-1..sat-20 --connect tcp://127.0.0.1:5600 --keys keys")(node)
    flying(app, epilog="Example: skyrack ground --connect tcp://127.0.0.1:5600 --keys keys --archive archive.sqlite")(
        ground
    )
    app.command(epilog="Example: skyrack compose first-light --out containers")(compose)


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
    advertise: Advertise = "",
    metrics: Metrics = "",
    out: OutDirectory = None,
    archive: Annotated[
        Path | None, typer.Option(help="The ground's archive, to be copied to the results when the run is over.")
    ] = None,
    designs: Designs = [],
    procedures: Own = [],
    allow_exec: AllowExec = False,
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
            advertise=advertise,
            metrics=metrics,
            archive=archive,
            designs=tuple(designs),
            procedures=tuple(procedures),
            allow_exec=allow_exec,
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
    stay: Stay = False,
) -> None:
    """Fly one spacecraft or several, as one process of several.

    Who shares a process shares its end: it is lost with all of them, and comes back with all of them.
    """
    from faults.commands.processes import node_command  # noqa: PLC0415

    raise typer.Exit(node_command(ids, share, connect, keys, scenario=scenario, nvm=nvm, stay=stay))


def ground(
    *,
    connect: Connect = "tcp://127.0.0.1:5600",
    keys: Keys = Path("keys"),
    scenario: ResolvedScenario = "",
    archive: Annotated[Path, typer.Option(envvar="SKYRACK_ARCHIVE", help="The archive's file.")] = Path(
        "archive.sqlite"
    ),
    bind: Annotated[str, typer.Option(envvar="SKYRACK_BIND", help="Endpoint for operators.")] = "tcp://127.0.0.1:5603",
    advertise: Advertise = "",
    metrics: Metrics = "",
    stay: Stay = False,
    procedures: Own = [],
) -> None:
    """Run the ground, as one process of several."""
    from faults.commands.processes import ground_command  # noqa: PLC0415

    raise typer.Exit(
        ground_command(
            connect,
            keys,
            scenario,
            archive,
            bind,
            advertise=advertise,
            metrics=metrics,
            stay=stay,
            procedures=tuple(procedures),
        )
    )


def compose(
    scenario: Annotated[str, typer.Argument(help="A scenario file, or the name of a shipped one.")],
    *,
    out: Annotated[Path, typer.Option(help="The directory to write; it may be there already.")] = Path("containers"),
    per_container: Annotated[int, typer.Option(min=1, max=1000, help="Spacecraft in a container.")] = 1,
    pace: Annotated[str, typer.Option(help="free, realtime, or a factor such as x60.")] = "free",
    base: Annotated[
        Path | None,
        typer.Option(help="Of the tree, docker/kubernetes/base: writes an overlay on it and a pod."),
    ] = None,
    designs: Designs = [],
    procedures: Own = [],
) -> None:
    """Write a scenario as containers: compose.yaml and what belongs to it.

    Bus, ground and spacecraft, each with a secret of its own, made anew; `--profile console` and `--profile prometheus`
    of the engine add those.
    """
    from faults.commands.compose import Wanted, compose_command  # noqa: PLC0415

    wanted = Wanted(scenario, out, per_container, pace, tuple(designs), tuple(procedures), base)
    raise typer.Exit(compose_command(wanted))
