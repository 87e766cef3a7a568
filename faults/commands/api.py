# ruff: noqa: B006 - typer reads annotations and defaults at run time
"""`skyrack api`: a run's ground over HTTP, for consoles and scripts, while it flies and afterwards."""

from __future__ import annotations

import json as json_module
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from bus.clock import Clock
    from faults.run_directory import RunDirectory
    from groundstation.api.desk import Facts
    from groundstation.api.link import GroundLink

EPILOG = "Example: skyrack api out/first-light-001"
_EXTRA = ("fastapi", "uvicorn", "websockets", "httpx")


def api(
    run: Annotated[
        Path | None, typer.Argument(help="The directory of a run; the newest live one by default.", show_default=False)
    ] = None,
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any that is free.")] = 8600,
    name: Annotated[
        list[str], typer.Option("--name", metavar="HOST:PORT", help="Another name that it is asked under. Repeatable.")
    ] = [],
    json: Annotated[bool, typer.Option("--json", help="Print address and tokens as JSON.")] = False,
) -> None:
    """Serve a run's ground over HTTP: telemetry, alarms, telecommands, procedures.

    The tokens are printed once, and kept in the run's directory, api/, for you alone.
    """
    needs_console("skyrack api")
    from bus.web.serving import Address  # noqa: PLC0415
    from faults.run_directory import live_run, open_run  # noqa: PLC0415
    from groundstation.api.server import serve  # noqa: PLC0415

    directory = open_run(run) if run is not None else live_run(None)[0]

    ready = Ready(directory.path.name, as_json=json)
    address = Address(host, port, tuple(name))
    serve(facts_of(directory), lambda clock: link_of(directory, clock), address, directory.path / "api", ready)


class Ready:
    """Tells where a server of ours is asked, and its tokens, once."""

    def __init__(self, run: str, *, as_json: bool) -> None:
        self._run, self._as_json = run, as_json

    def __call__(self, url: str, tokens: dict[str, str]) -> None:
        """It listens."""
        if self._as_json:
            sys.stdout.write(json_module.dumps({"url": url, "tokens": tokens}) + "\n")
        else:
            sys.stdout.write(f"{self._run} at {url}/api/v1 (Ctrl-C ends it)\n")
            sys.stdout.writelines(f"  {role} token: {token}\n" for role, token in tokens.items())
        sys.stdout.flush()


def needs_console(what: str) -> None:
    """Raises UserError where the packages of consoles are not installed."""
    from importlib.util import find_spec  # noqa: PLC0415

    from bus.errors import UserError  # noqa: PLC0415

    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise UserError(f"{what} needs {', '.join(missing)}", hint="pip install 'skyrack[console]'")


def facts_of(directory: RunDirectory) -> Facts:
    """What is true of a run, for its API. Raises UserError for a damaged one."""
    from importlib.metadata import version  # noqa: PLC0415

    from faults.recording.read import read_dictionaries, read_scenario  # noqa: PLC0415
    from faults.run_directory import is_alive, read_run  # noqa: PLC0415
    from groundstation.api.desk import Facts  # noqa: PLC0415
    from groundstation.procedures.load import with_own  # noqa: PLC0415

    return Facts(
        name=directory.path.resolve().name,
        version=version("skyrack"),
        scenario=read_scenario(directory),
        dictionaries=read_dictionaries(directory),
        procedures=with_own(directory.own_procedures),
        archive=directory.archive,
        over=lambda: not is_alive(read_run(directory)),
    )


def link_of(directory: RunDirectory, clock: Clock) -> GroundLink | None:
    """The way to the ground of a run; None where it is over, or flies in one process."""
    from faults.recording.read import read_scenario  # noqa: PLC0415
    from faults.run_directory import is_alive, keys_of, read_run  # noqa: PLC0415
    from groundstation.api.link import GroundLink  # noqa: PLC0415

    keys = keys_of(directory)
    if keys is None or not is_alive(read_run(directory)):
        return None

    def where() -> str:
        live: dict[str, Any] = read_run(directory)
        return str(live.get("endpoints", {}).get("operator", "")) if is_alive(live) else ""

    return GroundLink(keys, where, read_scenario(directory).tick_ns, clock)
