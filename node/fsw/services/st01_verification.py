"""Telecommands from reception to the last verification report: accepted once, executed at most once, always answered.

The order of things is the promise: what is to happen is written to non-volatile memory before it happens. A crash can
be armed at every point where it would hurt (`CrashPoint`); everything after it is lost, and the next boot finds in the
ledger what was under way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from bus.dictionary import Argument, Dictionary, TelecommandForm
from bus.pus import Code, Stage
from bus.wire.messages import Scalar, Telecommand
from node.fsw.events import EventId
from node.fsw.modes import Mode
from node.fsw.services.reporting import Counters, Reporter
from node.fsw.services.request_ledger import Ledger, Progress

QUEUE_LIMIT = 64
PER_CYCLE = 8
"""Telecommands executed in one cycle; the rest waits for the next and is counted as an overrun."""

Arguments = Mapping[str, Scalar]
Failure = tuple[Code, str] | None
Function = Callable[[Arguments], Failure]


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


class Commanding:
    """The telecommand queue and what becomes of its entries."""

    def __init__(self, dictionary: Dictionary, functions: Mapping[str, Function], ledger: Ledger,
                 reporter: Reporter, counters: Counters) -> None:  # fmt: skip
        self._forms = dictionary.telecommand
        self._functions = functions
        self._ledger = ledger
        self._reporter = reporter
        self._counters = counters
        self._dictionary = dictionary.version
        self._queue: deque[Telecommand] = deque()
        self.crash_at = 0

    def receive(self, telecommand: Telecommand) -> None:
        """Take a telecommand from the radio. When the queue is full it is dropped and counted: the ground repeats."""
        self._counters.telecommands_received += 1
        if len(self._queue) >= QUEUE_LIMIT:
            self._counters.telecommands_dropped += 1
        else:
            self._queue.append(telecommand)

    def cycle(self, obt_ns: int, mode: Callable[[], Mode]) -> None:
        """Work on the queue."""
        for _ in range(PER_CYCLE):
            if not self._queue:
                return
            self._one(self._queue.popleft(), obt_ns, mode())
        if self._queue:
            self._counters.cycle_overruns += 1
            self._reporter.event(EventId.CYCLE_OVERRUN, len(self._queue))

    def resume(self) -> None:
        """After a boot: say of every request that a reset interrupted what is known about it."""
        for ground_boot, request, progress in self._ledger.unfinished():
            code = Code.INTERRUPTED if progress is Progress.STARTED else Code.NOT_STARTED
            self._ledger.record(ground_boot, request, Progress.DONE)
            self._counters.telecommands_failed += 1
            self._reporter.verification(ground_boot, request, Stage.FAILED, code)

    def _one(self, telecommand: Telecommand, obt_ns: int, mode: Mode) -> None:
        key = (telecommand.ground_boot, telecommand.request)
        counters, ledger, report = self._counters, self._ledger, self._reporter.verification
        self._crash(CrashPoint.BEFORE_ACCEPTANCE)
        if ledger.seen(*key):
            counters.telecommands_duplicate += 1
            self._reporter.event(EventId.TELECOMMAND_DUPLICATE, *key)
            return
        refusal = self._refusal(telecommand, obt_ns, mode)
        if refusal is not None:
            ledger.record(*key, Progress.DONE)
            counters.telecommands_rejected += 1
            report(*key, Stage.REJECTED, *refusal)
            return
        ledger.record(*key, Progress.ACCEPTED)
        counters.telecommands_accepted += 1
        report(*key, Stage.ACCEPTED)
        self._crash(CrashPoint.ACCEPTANCE_RECORDED)
        ledger.record(*key, Progress.STARTED)
        report(*key, Stage.STARTED)
        self._crash(CrashPoint.START_RECORDED)
        failure = self._functions[telecommand.name](telecommand.arguments)
        self._crash(CrashPoint.EFFECT_DONE)
        ledger.record(*key, Progress.DONE)
        if failure is None:
            counters.telecommands_completed += 1
            report(*key, Stage.COMPLETED)
        else:
            counters.telecommands_failed += 1
            report(*key, Stage.FAILED, *failure)
        self._crash(CrashPoint.COMPLETION_RECORDED)

    def _refusal(self, telecommand: Telecommand, obt_ns: int, mode: Mode) -> Failure:
        form = self._forms.get(telecommand.name)
        if form is None:
            return Code.UNKNOWN_TELECOMMAND, telecommand.name
        if telecommand.dictionary != self._dictionary:
            return Code.WRONG_DICTIONARY, f"on board {self._dictionary}, telecommand {telecommand.dictionary}"
        if telecommand.expires_ns < obt_ns:
            return Code.EXPIRED, f"by {(obt_ns - telecommand.expires_ns) / 1e9:.3f} s"
        if form.modes and mode.name not in form.modes:
            return Code.FORBIDDEN_IN_MODE, f"in {mode.name}; allowed in {', '.join(form.modes)}"
        return wrong_argument(form, telecommand.arguments)

    def _crash(self, point: CrashPoint) -> None:
        if self.crash_at == point:
            self.crash_at = 0
            raise Crashed(point)

    def state(self) -> Any:
        """What is in RAM only."""
        return [[telecommand.model_dump() for telecommand in self._queue], self.crash_at]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        queue, self.crash_at = state
        self._queue = deque(Telecommand(**telecommand) for telecommand in queue)


def wrong_argument(form: TelecommandForm, arguments: Arguments) -> Failure:
    """The first thing wrong with a telecommand's arguments, or None."""
    known = {argument.name for argument in form.arguments}
    for name in sorted(arguments):
        if name not in known:
            return Code.WRONG_ARGUMENT, f"unknown argument {name}"
    for argument in form.arguments:
        if argument.name not in arguments:
            return Code.WRONG_ARGUMENT, f"missing argument {argument.name}"
        failure = _wrong_value(argument, arguments[argument.name])
        if failure is not None:
            return failure
    return None


def _wrong_value(argument: Argument, value: Scalar) -> Failure:
    of_type = {
        "bool": isinstance(value, bool),
        "int": isinstance(value, int) and not isinstance(value, bool),
        "float": isinstance(value, (int, float)) and not isinstance(value, bool),
        "enum": isinstance(value, str),
        "str": isinstance(value, str),
    }[argument.type]
    if not of_type:
        return Code.WRONG_ARGUMENT, f"{argument.name} is no {argument.type}: {value!r}"
    if argument.labels and value not in argument.labels:
        return Code.OUT_OF_RANGE, f"{argument.name} {value!r} is not one of {', '.join(argument.labels)}"
    if argument.type in {"int", "float"}:
        low, high = argument.low, argument.high
        if (low is not None and value < low) or (high is not None and value > high):  # type: ignore[operator]
            return Code.OUT_OF_RANGE, f"{argument.name} {value} is outside {low} ... {high} {argument.unit}"
    return None
