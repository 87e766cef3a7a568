"""The supervisor: starts the processes of a run on this machine, restarts who dies, and leaves nobody behind.

Processes are executed, never forked, each in a session of its own (a Ctrl-C reaches the supervisor only), with standard
input as the pipe whose end tells it that the supervisor is gone, standard output for its reports, and standard error in
`<run>/log/<id>.log`. What the run is and where its endpoints are stands in `<run>/run.json`, replaced atomically.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.clock import Stopwatch
from bus.errors import EnvironmentFault, RangeFailure, SkyrackError
from bus.files import write_whole
from bus.process import lifeline
from faults.run.interruption import Interruption

BUS = "bus"
STOP_WITHIN_S = 3.5  # from asking to killing; the whole stop stays below 5 s
BUS_STOP_S = 2.8  # the bus gets its closing ticks first (server.PATIENCE_S and some)
LINGER_AFTER_END_S = 3.0  # for participants to end by themselves after the bus said goodbye
READ_BYTES = 64 * 1024
MAX_LINE_BYTES = 16 * 1024 * 1024  # the bus's last report counts everybody: half a kilobyte for each of thousands
LOG_TAIL_LINES = 8
BUS_PATIENCE_S = 30.0  # without a word from the bus, which says four times a second that it lives
LOOK_AT_BUS_S = 1.0
BACK_OFF_S = 0.5  # before the second restart; twice as long before each further one. The first is at once
STARTING_AT_ONCE = max(8, 3 * (os.cpu_count() or 1))  # processes that are loading: more would only slow each other down
_FLYING = ("status", "progress")  # reports of a bus that has flown a tick


@dataclass(frozen=True)
class Member:
    """One process. `environment` comes on top of the supervisor's; everybody but the bus also gets SKYRACK_CONNECT.
    `carries`: who takes part through it, where that is not one of its own name."""

    id: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    carries: tuple[str, ...] = ()

    @property
    def participants(self) -> tuple[str, ...]:
        """Who is lost with it."""
        return self.carries or (self.id,)


@dataclass
class LaunchOutcome:
    """How it ended. `result` is the bus's last report (kind "finished"), empty if it never came. `wall_s`: from the
    first report of a flown tick to the end, by the supervisor's own watch. `refused`: what was turned away, as rows."""

    result: dict[str, Any]
    restarts: dict[str, int]
    interrupted: str
    failure: SkyrackError | None
    wall_s: float = 0.0
    refused: list[dict[str, Any]] = field(default_factory=list)


class _Child:
    """A running process and its reports."""

    def __init__(self, member: Member, process: subprocess.Popen[bytes]) -> None:
        self.member = member
        self.process = process
        self.error: dict[str, Any] = {}
        self.orderly = False  # the bus said goodbye to it
        self.rest = b""
        self.gone = asyncio.Event()


class Supervisor:
    """One run. Start the bus first, then everybody else; `on_report(id, report)` hears all reports."""

    def __init__(
        self,
        run: Path,
        bus: Member,
        others: Sequence[Member],
        *,
        facts: Mapping[str, Any] | None = None,
        on_report: Callable[[str, dict[str, Any]], None] = lambda id, report: None,
        restarts: int = 3,
        go_on_without: bool = False,
        bus_patience_s: float = BUS_PATIENCE_S,
        interruption: Interruption | None = None,
    ) -> None:
        """facts: further entries of run.json (scenario, keys). restarts: per participant; who dies once more ends the
        run, or with `go_on_without` is lost. bus_patience_s: silence after which the bus hangs, and the run is over."""
        self._run, self._bus, self._others = run, bus, others
        self._on_report, self._limit, self._go_on_without = on_report, restarts, go_on_without
        self._children: dict[str, _Child] = {}
        self._restarts: dict[str, int] = {}
        self._aboard = {id: member.id for member in others for id in member.participants}
        self._coming, self._came = set[str](), asyncio.Event()
        self._bus_looks = max(1, round(bus_patience_s / LOOK_AT_BUS_S))
        self._bus_silent = 0
        self._ready: asyncio.Event = asyncio.Event()
        self._over: asyncio.Event = asyncio.Event()
        self._result: dict[str, Any] = {}
        self._refused: dict[str, list[dict[str, Any]]] = {}
        self._failure: SkyrackError | None = None
        self._interruption = interruption or Interruption()
        self._interrupted = ""
        self._stopping = False
        self._flying: Stopwatch | None = None
        self._wall_s = 0.0
        groups = {member.id: list(member.carries) for member in others if len(member.carries) > 1}
        self._state: dict[str, Any] = {
            **(facts or {}), **({"groups": groups} if groups else {}),
            "state": "starting", "supervisor": os.getpid(), "pids": {}, "endpoints": {},
            "restarts": self._restarts,
        }  # fmt: skip

    async def fly(self) -> LaunchOutcome:
        """From the first process to the last. Raises nothing of the run's: see `LaunchOutcome.failure`."""
        self._loop = asyncio.get_running_loop()
        with self._interruption.handled_by(self._wake):
            return await self._fly()

    def _wake(self, name: str) -> None:
        """A signal's handler, between any two instructions: the loop hears of it when it is its turn."""
        self._loop.call_soon_threadsafe(self.interrupt, name)

    async def _fly(self) -> LaunchOutcome:
        if self._interruption.signal:
            self.interrupt(self._interruption.signal)
        try:
            (self._run / "log").mkdir(parents=True, exist_ok=True)
            self._write_state("starting")
            if not self._over.is_set():
                self._start(self._bus)
                self._loop.call_later(LOOK_AT_BUS_S, self._look_at_bus)
            await self._until_any(self._ready, self._over)
            for member in self._others:
                while len(self._coming) >= STARTING_AT_ONCE and not self._over.is_set():
                    self._came.clear()
                    await self._until_any(self._came, self._over)
                if self._over.is_set():
                    break
                self._start(member)
                self._coming.add(member.id)
                await asyncio.sleep(0)
            if not self._over.is_set():
                self._write_state("running")
            await self._over.wait()
            self._wall_s = self._flying.seconds if self._flying else 0.0
        except OSError as error:
            self._fail(_fault(f"cannot start the run in {self._run}: {error.strerror}", error, "choose another --out"))
        finally:
            await self._end()
        return LaunchOutcome(
            self._result, dict(self._restarts), self._interrupted, self._failure, self._wall_s, self.refused
        )

    @property
    def refused(self) -> list[dict[str, Any]]:
        """What the processes turned away at their borders."""
        return [row for id in sorted(self._refused) for row in self._refused[id]]

    def interrupt(self, reason: str) -> None:
        """Stop the run in order: the bus closes the trace, then everybody ends."""
        self._interrupted = self._interrupted or reason
        self._over.set()

    def _fail(self, error: SkyrackError) -> None:
        if self._failure is None and not self._interrupted and not self._stopping:
            self._failure = error
        self._over.set()

    def _start(self, member: Member) -> None:
        environment = {**os.environ, **member.environment, lifeline.SUPERVISOR: str(os.getpid())}
        if member.id != BUS:
            environment["SKYRACK_CONNECT"] = self._state["endpoints"]["time"]
        with (self._run / "log" / f"{member.id}.log").open("ab") as log:
            process = subprocess.Popen(
                member.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        child = self._children[member.id] = _Child(member, process)
        self._state["pids"][member.id] = process.pid
        assert process.stdout is not None
        os.set_blocking(process.stdout.fileno(), False)
        self._loop.add_reader(process.stdout.fileno(), self._hear, child)
        watch = os.pidfd_open(process.pid)
        self._loop.add_reader(watch, self._reap, child, watch)

    def _hear(self, child: _Child) -> bool:
        """Take what there is; False if that was nothing."""
        assert child.process.stdout is not None
        try:
            chunk = os.read(child.process.stdout.fileno(), READ_BYTES)
        except BlockingIOError:
            return False
        if not chunk:
            self._loop.remove_reader(child.process.stdout.fileno())
            return False
        *lines, child.rest = (child.rest + chunk).split(b"\n")
        child.rest = child.rest[-MAX_LINE_BYTES:]
        for line in lines:
            try:
                content = json.loads(line)
                kind = content["report"]
            except (ValueError, TypeError, KeyError):
                continue  # a library that prints; not a report of ours
            self._take(child, kind, content)
        return True

    def _look_at_bus(self) -> None:
        """Looks that heard nothing are counted, not seconds: when the whole machine slept, that is one."""
        if self._over.is_set() or self._result:
            return
        self._bus_silent += 1
        if self._bus_silent > self._bus_looks:
            silence = f"the bus gave no sign of life for {self._bus_looks * LOOK_AT_BUS_S:g} s"
            self._fail(RangeFailure(silence, hint="was it stopped, or is the machine overloaded? see log/bus.log"))
        else:
            self._loop.call_later(LOOK_AT_BUS_S, self._look_at_bus)

    def _take(self, child: _Child, kind: str, content: dict[str, Any]) -> None:
        if child.member.id == BUS:
            self._bus_silent = 0
        if kind == "ready":
            self._state["endpoints"].update(content.get("endpoints", {}))
            if child.member.id == BUS:
                self._ready.set()
            elif self._ready.is_set() and self._state["state"] == "running":
                self._write_state("running")
        elif kind == "error":
            child.error = content
        elif kind == "ended":
            child.orderly = bool(content.get("orderly"))
        elif kind in _FLYING:
            self._flying = self._flying or Stopwatch()
        elif kind == "here":
            self._coming.discard(self._aboard.get(str(content.get("id")), ""))
            self._came.set()
        elif kind == "finished" and child.member.id == BUS:
            self._result = content
            self._refused[BUS] = content.get("refused", [])
        elif kind == "refused":
            self._refused[child.member.id] = content["rows"]
            self._write_state(self._state["state"])
        elif kind == "log_stopped":
            self._state["stopped_logs"] = {**self._state.get("stopped_logs", {}), child.member.id: content["reason"]}
        self._on_report(child.member.id, content)

    def _reap(self, child: _Child, watch: int) -> None:
        """A process has ended: take its last words, then decide."""
        self._loop.remove_reader(watch)
        os.close(watch)
        status = child.process.wait()
        while self._hear(child):
            pass
        assert child.process.stdout is not None and child.process.stdin is not None
        self._loop.remove_reader(child.process.stdout.fileno())
        child.process.stdout.close()
        child.process.stdin.close()
        child.gone.set()
        id = child.member.id
        self._state["pids"].pop(id, None)
        self._coming.discard(id)
        self._came.set()
        if id == BUS:
            if status != 0 or not self._result:
                self._fail(self._why(child, status))
            self._over.set()
        elif not self._over.is_set() and not self._result and not child.orderly:
            self._revive(child, status)

    def _revive(self, child: _Child, status: int) -> None:
        id = child.member.id
        count = self._restarts.get(id, 0)
        if child.error.get("kind") == "user" or count >= self._limit:
            why = self._why(child, status, f" ({count} restarts)" if count else "")
            if self._go_on_without and self._flying:
                for each in child.member.participants:
                    self._tell_bus({"tell": "lose", "id": each, "reason": f"it keeps dying: {why.message}"[:1000]})
                self._write_state("running")
            else:
                self._fail(why)
            return
        self._restarts[id] = count + 1
        self._loop.call_later(BACK_OFF_S * 2 ** (count - 1) if count else 0.0, self._start_again, child.member, status)

    def _start_again(self, member: Member, status: int) -> None:
        if self._over.is_set() or self._result:
            return
        try:
            self._start(member)
            self._write_state("running")
        except OSError as error:
            self._fail(_fault(f"cannot start {member.id} again: {error.strerror}", error, f"see {self._run / 'log'}"))
            return
        count = self._restarts[member.id]
        self._on_report(member.id, {"report": "restarted", "id": member.id, "status": status, "restarts": count})

    def _tell_bus(self, words: Mapping[str, Any]) -> None:
        bus = self._children[BUS].process.stdin
        assert bus is not None
        with suppress(OSError, ValueError):  # it is about to be reaped: its end says more
            bus.write(json.dumps(words).encode() + b"\n")
            bus.flush()

    def _why(self, child: _Child, status: int, more: str = "") -> SkyrackError:
        """The error of a process that ended: its own words if it had any, else the end of its log."""
        id, log = child.member.id, self._run / "log" / f"{child.member.id}.log"
        if child.error:
            tree: type[SkyrackError] = EnvironmentFault if child.error.get("kind") == "user" else RangeFailure
            return tree(f"{id}: {child.error.get('message', '')}{more}", hint=str(child.error.get("hint", "")))
        how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        with log.open("r", encoding="utf-8", errors="replace") as file:
            tail = "".join(deque(file, LOG_TAIL_LINES)).strip()
        return RangeFailure(f"{id} {how}{more}" + (f"\n{tail}" if tail else ""), hint=f"its log is {log}")

    async def _end(self) -> None:
        """Everybody out: first the bus may close its books, then SIGTERM, then SIGKILL."""
        self._over.set()
        bus = self._children.get(BUS)
        others = [child for id, child in self._children.items() if id != BUS]
        if bus is not None and not self._result:
            self._signal([bus], signal.SIGTERM)
            await self._gone([bus], BUS_STOP_S)
        elif bus is not None:
            given_up = {lost["id"] for lost in self._result.get("lost", [])}
            gone = [child for child in others if given_up.issuperset(child.member.participants)]
            self._signal(gone, signal.SIGKILL)
            await self._gone([bus, *others], LINGER_AFTER_END_S)
        self._stopping = True
        living = [child for child in self._children.values() if not child.gone.is_set()]
        self._signal(living, signal.SIGTERM)
        await self._gone(living, STOP_WITHIN_S - BUS_STOP_S)
        self._signal(living, signal.SIGKILL)
        await self._gone(living, LINGER_AFTER_END_S)
        state = "failed" if self._failure else "stopped" if self._interrupted else "finished"
        try:
            self._write_state(state)
        except OSError as error:
            self._failure = self._failure or _fault(
                f"cannot write run.json: {error.strerror}", error, "see its directory"
            )

    @staticmethod
    def _signal(children: Sequence[_Child], number: signal.Signals) -> None:
        for child in children:
            if not child.gone.is_set():
                child.process.send_signal(number)

    @staticmethod
    async def _gone(children: Sequence[_Child], within_s: float) -> None:
        try:
            async with asyncio.timeout(within_s):
                for child in children:
                    await child.gone.wait()
        except TimeoutError:
            return

    @staticmethod
    async def _until_any(*events: asyncio.Event) -> None:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(event.wait()) for event in events]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    def _write_state(self, state: str) -> None:
        self._state["state"] = state
        self._state["refused"] = self.refused
        write_whole(self._run / "run.json", json.dumps(self._state, indent=1, sort_keys=True))


def _fault(message: str, cause: OSError, hint: str) -> EnvironmentFault:
    fault = EnvironmentFault(message, hint=hint)
    fault.__cause__ = cause
    return fault


def supervise(supervisor_of: Callable[[], Supervisor]) -> LaunchOutcome:
    """Runs a supervisor made inside a fresh loop. Must be the main thread: the kernel ties children to it."""

    async def run() -> LaunchOutcome:
        return await supervisor_of().fly()

    return asyncio.run(run())
