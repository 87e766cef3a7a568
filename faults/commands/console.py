"""`skyrack console`: the operator's console in the terminal, beside a run, after it, or together with a new one."""

from __future__ import annotations

import getpass
import json as json_module
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

if TYPE_CHECKING:
    from faults.run_directory import RunDirectory

EPILOG = "Example: skyrack console out/first-light-001 --screen alarms"
STARTS_WITHIN_S = 120.0
"""From the start of a flight to its directory: the physics may have to be compiled first."""
ENDS_WITHIN_S = 70.0
_LOOK_S = 0.1


def console(
    run: Annotated[
        Path | None, typer.Argument(help="The directory of a run; the newest live one by default.", show_default=False)
    ] = None,
    *,
    url: Annotated[str, typer.Option(help="Of an API elsewhere, instead of a run on this machine.")] = "",
    token: Annotated[
        str, typer.Option(envvar="SKYRACK_TOKEN", help="For --url: the token, or a file that holds it.")
    ] = "",
    range_: Annotated[
        bool, typer.Option("--range", help="With the clock and the faults of a run on this machine: screens T and F.")
    ] = False,
    range_token: Annotated[
        str, typer.Option(envvar="SKYRACK_RANGE_TOKEN", help="The same, of `skyrack range`: its token, or a file.")
    ] = "",
    range_url: Annotated[str, typer.Option(help="For --range-token: its address.")] = "http://127.0.0.1:8602",
    browser: Annotated[bool, typer.Option("--browser", help="In a browser instead, at an address it prints.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="For --browser; 0: any that is free.")] = 8601,
    screen: Annotated[
        str, typer.Option(help="fleet, alarms, events, contacts, procedures, levels, telecommands, map, or an id.")
    ] = "fleet",
) -> None:
    """Sit in front of a run: fleet, alarms with their why, telecommands, procedures.

    Keys are at the bottom of each screen, ? explains it, Ctrl+Q leaves; the run goes on.
    """
    from bus.errors import UserError  # noqa: PLC0415
    from faults.commands.api import needs_console  # noqa: PLC0415
    from faults.run_directory import live_run, open_run  # noqa: PLC0415

    needs_console("skyrack console")
    if url:
        if not token:
            raise UserError("--url goes with --token", hint="the token is in the run's directory there, api/")
        if run is not None:
            raise UserError("a run or --url: one of them", hint="leave out one")
        if range_:
            raise UserError("--range is for a run on this machine", hint="--range-token with --range-url")
        desk = Desk(url, token, range_url if range_token else "", range_token)
        raise typer.Exit(serve_pages(desk, screen, port) if browser else sit(desk, screen))
    if range_ and range_token:
        raise UserError("--range or --range-token: one of them", hint="--range starts the range's API by itself")
    directory = open_run(run) if run is not None else live_run(None)[0]
    with _serving(directory, "api", "operator") as ground, _range(directory, range_) as range_desk:
        desk = Desk(*ground, *(range_desk or ((range_url, range_token) if range_token else ("", ""))))
        raise typer.Exit(serve_pages(desk, screen, port) if browser else sit(desk, screen))


class Desk(NamedTuple):
    """What somebody sits in front of: the ground's API and a token (or its file); the range's too, if it has one."""

    url: str
    token: str
    range_url: str = ""
    range_token: str = ""


@contextmanager
def _range(directory: RunDirectory, wanted: bool) -> Iterator[tuple[str, str] | None]:
    """The range's API for this run, where it is wanted."""
    if not wanted:
        yield None
        return
    with _serving(directory, "range", "range") as found:
        yield found


def beside(directory: RunDirectory, screen: str, *, with_range: bool) -> int:
    """The console of a run on this machine, with an API of its own; gives the exit status."""
    with _serving(directory, "api", "operator") as ground, _range(directory, with_range) as range_:
        return sit(Desk(*ground, *(range_ or ())), screen)


def serve_pages(desk: Desk, screen: str, port: int) -> int:
    """The console in a browser, until it is stopped; gives the exit status."""
    import asyncio  # noqa: PLC0415

    from bus.clock import MachineClock  # noqa: PLC0415
    from bus.web.access import new_token  # noqa: PLC0415
    from bus.web.serving import Address  # noqa: PLC0415
    from groundstation.console.browser import BrowserConsole  # noqa: PLC0415

    address = Address(port=port)
    with address.open() as bound:
        port, key = int(bound.getsockname()[1]), new_token()
        command = [sys.executable, "-m", "skyrack", "console", "--url", desk.url, "--token", desk.token]
        command += ["--screen", screen]
        command += ["--range-url", desk.range_url, "--range-token", desk.range_token] if desk.range_token else []

        async def serve() -> None:
            pages = BrowserConsole(command, bound, key, address.hosts(port), MachineClock())
            sys.stdout.write(f"open http://{address.host}:{port}/?key={key} (Ctrl-C ends it)\n")
            sys.stdout.flush()
            await pages.run()

        asyncio.run(serve())
    return 0


def sit(desk: Desk, screen: str) -> int:
    """In front of an API, until the user leaves; gives the exit status."""
    import asyncio  # noqa: PLC0415

    from bus.errors import HandshakeRefused, UserError  # noqa: PLC0415
    from bus.web.range_client import RangeClient  # noqa: PLC0415
    from groundstation.api.client import Client  # noqa: PLC0415
    from groundstation.console.app import RANGE_SCREENS, SCREENS, Console  # noqa: PLC0415

    if "TEXTUAL_DRIVER" not in os.environ and not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise UserError("a console needs a terminal", hint="for scripts: skyrack api, skyrack alarm list --json")

    url, token = desk.url, _token(desk.token, "--token")
    range_ = RangeClient(desk.range_url, _token(desk.range_token, "--range-token")) if desk.range_token else None
    screens = [*SCREENS, *(RANGE_SCREENS if range_ is not None else ())]
    if range_ is None and screen in RANGE_SCREENS:
        raise UserError(f"--screen {screen} is the range's, not the ground's", hint="--range, or --range-token TOKEN")

    async def known() -> list[str]:
        async with Client(url, token) as client:
            return [row.id for row in await client.fleet()] if screen not in screens else []

    if screen not in screens and screen not in (ids := asyncio.run(known())):
        from bus.text.near import one_of  # noqa: PLC0415

        raise UserError(f"--screen {screen}: no such screen or spacecraft", hint=one_of([*screens, *ids], screen))
    app = Console(Client(url, token), range_=range_, first=screen, who=getpass.getuser()[:64])
    status = app.run()
    if app.refused:
        raise HandshakeRefused(app.refused, hint="tokens are in the run's directory, api/ and range/")
    return status or 0


def fly_with_console(
    words: Sequence[str], scenario: str, out: Path | None, pace: str, *, rehearsal: bool = False
) -> int:
    """A new run in a process of its own, the console in front of it, with the range's screens unless it is a rehearsal.
    Leaving the console ends the run, which is judged; gives the run's exit status. `words`: what stood on the command
    line after `run`."""
    from bus.clock import Stopwatch  # noqa: PLC0415
    from bus.errors import RangeFailure, UserError  # noqa: PLC0415
    from faults.commands.api import needs_console  # noqa: PLC0415
    from faults.run_directory import RunDirectory, create  # noqa: PLC0415

    needs_console("--console")
    if "--in-process" in words or "--json" in words:
        raise UserError("--console goes without --in-process and --json", hint="leave them out")
    arguments = [word for word in words if word != "--console"]
    if out is None:
        out = create(Path(scenario or "run").stem, None).path
        arguments += ["--out", str(out)]
    if pace == "free":
        arguments += ["--pace", "x10"]
    log = out.with_name(out.name + ".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as said:
        flight = subprocess.Popen(
            [sys.executable, "-m", "skyrack", "run", *arguments, "--no-progress"],
            stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        begun = False
        try:
            sys.stderr.write(f"starting {scenario or 'the run'} into {out} ...\n")
            waited = Stopwatch()
            while not (out / "archive.sqlite").exists():
                with suppress(subprocess.TimeoutExpired):
                    flight.wait(_LOOK_S)
                    break
                if waited.seconds > STARTS_WITHIN_S:
                    raise RangeFailure(f"the run has not begun within {STARTS_WITHIN_S:g} s", hint=f"see {log}")
            else:
                begun = True
                beside(RunDirectory(out), "fleet", with_range=not rehearsal)
        finally:
            if flight.poll() is None:
                sys.stderr.write("ending the run; it is judged ...\n")
                flight.send_signal(signal.SIGINT)
            try:
                flight.wait(ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                flight.kill()
                flight.wait()
    if not (rehearsal and begun):  # what flew would tell what was hidden
        sys.stdout.write(log.read_text(errors="replace"))
    return flight.returncode


@contextmanager
def _serving(directory: RunDirectory, verb: str, role: str) -> Iterator[tuple[str, str]]:
    """An API for this run alone, on a port of its own, while this is entered: (address, file of the token)."""
    from bus.errors import RangeFailure  # noqa: PLC0415

    server = subprocess.Popen(
        [sys.executable, "-m", "skyrack", verb, str(directory.path), "--port", "0", "--json"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    try:
        assert server.stdout is not None and server.stderr is not None
        line = server.stdout.readline()
        if not line:
            raise RangeFailure(
                f"`skyrack {verb}` did not start: {server.stderr.read().decode(errors='replace').strip()}"
            )
        yield json_module.loads(line)["url"], str(directory.path / verb / f"{role}.token")
    finally:
        server.terminate()
        try:
            server.wait(5.0)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _token(written: str, option: str) -> str:
    path = Path(written)
    try:
        return path.read_text(encoding="utf-8").strip() if os.sep in written or path.is_file() else written
    except OSError as error:
        from bus.errors import UserError  # noqa: PLC0415

        raise UserError(
            f"{option} {written}: {error.strerror}", hint="the token itself, or a file that holds it"
        ) from None
