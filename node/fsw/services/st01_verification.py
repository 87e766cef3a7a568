"""Request verification, service 1: telecommands from reception to the last report. Accepted once, executed at most
once, always answered.

The order of things is the promise: what is to happen is written to non-volatile memory before it happens. A crash can
be armed at every point where it would hurt (`CrashPoint`); everything after it is lost, and the next boot finds in the
ledger what was under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from bus.dictionary import Argument, Dictionary, TelecommandForm
from bus.pus import Code, Service, Severity, Stage
from bus.telecommand_check import allowed, listed, parts, shown, verdict
from bus.wire.messages import Scalar, Telecommand
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Request, telemetered
from node.fsw.modes import Mode
from node.fsw.services.packets import verification_packet
from node.fsw.services.request_ledger import Ledger, Progress
from node.fsw.services.st15_storage import Storage

QUEUE_LIMIT = 64
PER_CYCLE = 8
"""Telecommands executed in one cycle; the rest waits for the next and is counted as an overrun."""

Arguments = Mapping[str, Scalar]


class CrashPoint(IntEnum):
    """Where the computer can be made to crash on the way of a telecommand."""

    BEFORE_ACCEPTANCE = 1
    ACCEPTANCE_RECORDED = 2
    START_RECORDED = 3
    EFFECT_DONE = 4
    COMPLETION_RECORDED = 5


class Crashed(Exception):
    """The on-board computer crashed in the middle of a cycle. What was written to non-volatile memory stays."""

    def __init__(self, point: CrashPoint) -> None:
        super().__init__(f"crash point {point.name}")
        self.point = point


@dataclass(slots=True)
class State:
    """The queue, the counters, and the crash that is armed."""

    telecommands_received: int = telemetered("int", "Telecommands that reached flight software")
    telecommands_accepted: int = telemetered("int", "Telecommands accepted")
    telecommands_rejected: int = telemetered("int", "Telecommands rejected")
    telecommands_duplicate: int = telemetered("int", "Telecommands that came again and were not executed again")
    telecommands_dropped: int = telemetered("int", "Telecommands dropped because the queue was full")
    telecommands_completed: int = telemetered("int", "Telecommands completed")
    telecommands_failed: int = telemetered("int", "Telecommands that failed in execution")
    cycle_overruns: int = telemetered("int", "Cycles that left work over")
    queue: deque[Telecommand] = field(default_factory=deque)
    crash_at: int = 0


class Verification(Component):
    """The telecommand queue and what becomes of its entries."""

    name = "verification"
    state: State

    DUPLICATE = Event(
        13, "telecommand_duplicate", Severity.INFORMATIVE, "A telecommand came again and was not executed again",
        (Arg("ground_boot", "int", "boot of the ground"), Arg("request", "int", "number of the request")),
    )  # fmt: skip
    OVERRUN = Event(
        14, "cycle_overrun", Severity.LOW, "Work was left over at the end of a cycle",
        (Arg("telecommands_left", "int", "telecommands still in the queue"),),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, storage: Storage) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._ledger = Ledger(on_board.nvm)
        self._forms: dict[str, TelecommandForm] = {}
        self._handlers: dict[str, Callable[..., Failure]] = {}
        self.dictionary = ""

    def connect(self, dictionary: Dictionary, handlers: Mapping[str, Callable[..., Failure]]) -> None:
        """Every component is built: from here on telecommands can be carried out."""
        self._forms, self.dictionary = dictionary.telecommand, dictionary.version
        self._handlers = dict(handlers)

    def receive(self, telecommand: Telecommand) -> None:
        """Take a telecommand from the radio. When the queue is full it is dropped and counted: the ground repeats."""
        state = self.state
        state.telecommands_received += 1
        if len(state.queue) >= QUEUE_LIMIT:
            state.telecommands_dropped += 1
        else:
            state.queue.append(telecommand)

    @property
    def room(self) -> int:
        """How many more telecommands the queue holds."""
        return QUEUE_LIMIT - len(self.state.queue)

    def seen(self, source: int, request: int) -> bool:
        """Whether this request has reached the ledger."""
        return self._ledger.seen(source, request)

    def not_started(self, source: int, request: int) -> None:
        """A request that was under way to the queue when a reset came: say that nothing happened."""
        self._ledger.record(source, request, Progress.DONE)
        self.state.telecommands_failed += 1
        self._report((source, request), Stage.FAILED, Code.NOT_STARTED)

    def cycle(self, mode: Callable[[], Mode]) -> None:
        """Work on the queue."""
        queue = self.state.queue
        if not queue:
            return
        for _ in range(PER_CYCLE):
            self._one(queue.popleft(), mode())
            if not queue:
                return
        self.state.cycle_overruns += 1
        self.event(self.OVERRUN, len(queue))

    def carry_out(self, name: str, arguments: Arguments, mode: Mode) -> Failure:
        """A telecommand that is stored on board, at once. No ground waits for it: there is no request to report on."""
        form = self._forms.get(name)
        if form is None:
            return Code.UNKNOWN_TELECOMMAND, name
        refusal = _forbidden(form, mode) or self.wrong_argument(form, arguments)
        return refusal or self._handlers[name](**self._positions(form, arguments))

    def resume(self) -> None:
        """After a boot: say of every request that a reset interrupted what is known about it."""
        for ground_boot, request, progress in self._ledger.unfinished():
            code = Code.INTERRUPTED if progress is Progress.STARTED else Code.NOT_STARTED
            self._ledger.record(ground_boot, request, Progress.DONE)
            self.state.telecommands_failed += 1
            self._report((ground_boot, request), Stage.FAILED, code)

    def _one(self, telecommand: Telecommand, mode: Mode) -> None:
        key = (telecommand.ground_boot, telecommand.request)
        state, ledger, report = self.state, self._ledger, self._report
        self._crash(CrashPoint.BEFORE_ACCEPTANCE)
        if ledger.seen(*key):
            state.telecommands_duplicate += 1
            self.event(self.DUPLICATE, *key)
            return
        refusal = self._refusal(telecommand, mode)
        if refusal is not None:
            ledger.record(*key, Progress.DONE)
            state.telecommands_rejected += 1
            report(key, Stage.REJECTED, *refusal)
            return
        ledger.record(*key, Progress.ACCEPTED)
        state.telecommands_accepted += 1
        report(key, Stage.ACCEPTED)
        self._crash(CrashPoint.ACCEPTANCE_RECORDED)
        ledger.record(*key, Progress.STARTED)
        report(key, Stage.STARTED)
        self._crash(CrashPoint.START_RECORDED)
        form = self._forms[telecommand.name]
        failure = self._handlers[form.name](**self._positions(form, telecommand.arguments))
        self._crash(CrashPoint.EFFECT_DONE)
        ledger.record(*key, Progress.DONE)
        if failure is None or failure[0] is Code.NONE:
            state.telecommands_completed += 1
            report(key, Stage.COMPLETED, *(failure or ()))
        else:
            state.telecommands_failed += 1
            report(key, Stage.FAILED, *failure)
        self._crash(CrashPoint.COMPLETION_RECORDED)

    def _refusal(self, telecommand: Telecommand, mode: Mode) -> Failure:
        obt_ns = self.on_board.state.obt_ns
        form = self._forms.get(telecommand.name)
        if form is None:
            return Code.UNKNOWN_TELECOMMAND, telecommand.name
        if telecommand.dictionary != self.dictionary:
            return Code.WRONG_DICTIONARY, f"on board {self.dictionary}, telecommand {telecommand.dictionary}"
        if telecommand.expires_ns < obt_ns:
            return Code.EXPIRED, f"by {(obt_ns - telecommand.expires_ns) / 1e9:.3f} s"
        return _forbidden(form, mode) or self.wrong_argument(form, telecommand.arguments)

    def wrong_argument(self, form: TelecommandForm, arguments: Arguments) -> Failure:
        """The first thing wrong with a telecommand's arguments, those of one that it carries among them, or None."""
        split = parts(self._forms, form, arguments)
        if form.carrier is not None and form.carrier.name in arguments and split.carried is None:
            return Code.UNKNOWN_TELECOMMAND, f"{form.name} cannot carry {shown(arguments[form.carrier.name])}"
        wrong = _wrong_argument(form, split.own)
        if wrong is None and split.carried is not None:
            wrong = _wrong_argument(split.carried, split.arguments)
        return wrong

    def _positions(self, form: TelecommandForm, arguments: Arguments) -> dict[str, Any]:
        """Arguments as handlers take them: a label as its position, a telecommand with its own arguments."""
        split = parts(self._forms, form, arguments)
        positions: dict[str, Any] = {a.name: _position(a, split.own[a.name]) for a in form.arguments}
        if form.carrier is not None and split.carried is not None:
            positions[form.carrier.name] = Request(split.carried.name, split.arguments)
        return positions

    def _report(self, request: tuple[int, int], stage: Stage, code: int = 0, detail: str = "") -> None:
        packet = verification_packet(self.on_board.state.obt_ns, request, stage, code, detail)
        self._storage.keep_packet(Service.VERIFICATION, packet)

    def _crash(self, point: CrashPoint) -> None:
        if self.state.crash_at == point:
            self.state.crash_at = 0
            raise Crashed(point)


def _position(argument: Argument, value: Scalar) -> Any:
    if argument.type == "enum":
        return argument.labels.index(str(value))
    if argument.type == "list":
        return [argument.labels.index(word) for word in listed(str(value))]
    return value


def _forbidden(form: TelecommandForm, mode: Mode) -> Failure:
    if form.modes and mode.name not in form.modes:
        return Code.FORBIDDEN_IN_MODE, f"in {mode.name}; allowed in {', '.join(form.modes)}"
    return None


def _wrong_argument(form: TelecommandForm, arguments: Arguments) -> Failure:
    known = {argument.name for argument in form.arguments}
    for name in sorted(arguments):
        if name not in known:
            return Code.WRONG_ARGUMENT, f"unknown argument {name}"
    for argument in form.arguments:
        if argument.name not in arguments:
            return Code.WRONG_ARGUMENT, f"missing argument {argument.name}"
        value = arguments[argument.name]
        code = verdict(argument, value)
        if code is not Code.NONE:
            return code, f"{argument.name}: {shown(value)}; allowed: {allowed(argument)}"
    return None
