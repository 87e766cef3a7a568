# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack range`: a run's clock and faults over HTTP, beside the bus, for whoever conducts a rehearsal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from faults.commands.api import Ready, needs_console

if TYPE_CHECKING:
    from bus.clock import Clock
    from faults.live.range_desk import Facts
    from faults.live.range_link import RangeLink
    from faults.run_directory import RunDirectory

EPILOG = "Example: skyrack range out/first-light-001"


def range_(
    run: Annotated[
        Path | None, typer.Argument(help="The directory of a run; the newest live one by default.", show_default=False)
    ] = None,
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = 8602,
    name: Annotated[
        list[str], typer.Option("--name", metavar="HOST:PORT", help="Another name that it is asked under. Repeatable.")
    ] = [],
    json: Annotated[bool, typer.Option("--json", help="Print address and token as JSON.")] = False,
) -> None:
    """Serve a run's range over HTTP: pause, step and speed of its clock; faults to inject and to clear.

    Its token is printed once, and kept in the run's directory, range/, for you alone. The ground's API has no
    part in it.
    """
    needs_console("skyrack range")
    from bus.web.serving import Address  # noqa: PLC0415
    from faults.live.range_app import serve_range  # noqa: PLC0415
    from faults.run_directory import live_run, open_run  # noqa: PLC0415

    directory = open_run(run) if run is not None else live_run(None)[0]
    ready = Ready(directory.path.name, as_json=json)
    address = Address(host, port, tuple(name))
    serve_range(facts_of(directory), lambda clock: link_of(directory, clock), address, directory.path / "range", ready)


def facts_of(directory: RunDirectory) -> Facts:
    """What is true of a run, for the range's API. Raises UserError for a damaged one."""
    from importlib.metadata import version  # noqa: PLC0415

    from faults.live.range_desk import Facts  # noqa: PLC0415
    from faults.recording.read import read_scenario  # noqa: PLC0415
    from faults.run_directory import is_alive, read_run  # noqa: PLC0415
    from node.designs.load import with_designs  # noqa: PLC0415

    return Facts(
        name=directory.path.resolve().name,
        version=version("skyrack"),
        scenario=with_designs(read_scenario(directory)),
        trace=directory.trace,
        over=lambda: not is_alive(read_run(directory)),
    )


def link_of(directory: RunDirectory, clock: Clock) -> RangeLink | None:
    """The way to the bus of a run; None where it is over, or flies in one process."""
    from faults.live.range_link import RangeLink  # noqa: PLC0415
    from faults.run_directory import is_alive, keys_of, read_run  # noqa: PLC0415

    keys = keys_of(directory)
    if keys is None or not is_alive(read_run(directory)):
        return None

    def where() -> str:
        live: dict[str, Any] = read_run(directory)
        return str(live.get("endpoints", {}).get("range", "")) if is_alive(live) else ""

    return RangeLink(keys, where, clock)
