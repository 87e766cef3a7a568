"""What is remembered of procedures under way, and their states. A coroutine is not remembered: it is run again against
its log."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from bus.wire.messages import OperatorNote, Scalar


class RunState(StrEnum):
    """Where a run of a procedure is."""

    RUNNING = "RUNNING"
    ASKING = "ASKING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    REJECTED = "REJECTED"
    ABORTED = "ABORTED"
    DIVERGED = "DIVERGED"


UNDER_WAY = (RunState.RUNNING, RunState.ASKING)


@dataclass(slots=True)
class LogLine:
    """One step, check or note that is over. raised: the kind of stop that it raised, or empty; then `text` is why."""

    step: str
    result: Scalar | None = None
    raised: str = ""
    text: str = ""


@dataclass(slots=True)
class Pending:
    """The step under way. requests: its telecommands that have no end yet, with their spacecraft; ends: what became of
    the others. value: what a spacecraft or an operator has said; answers: its reports so far, by their place."""

    step: str
    since_ns: int
    deadline_ns: int
    requests: dict[int, str] = field(default_factory=dict)
    ends: list[tuple[str, str, str]] = field(default_factory=list)
    value: Scalar | None = None
    answers: dict[int, str] = field(default_factory=dict)


@dataclass(slots=True)
class Run:
    """One run of a procedure. token -1: nobody outside follows it."""

    number: int
    name: str
    spacecraft: tuple[str, ...]
    arguments: dict[str, Scalar]
    origin: str
    token: int
    started_ns: int
    state: str = RunState.RUNNING.value
    detail: str = ""
    log: list[LogLine] = field(default_factory=list)
    pending: Pending | None = None


@dataclass(slots=True)
class ProceduresState:
    """All state. next_entry: of the timeline; totals: runs by final state."""

    next_run: int = 1
    next_entry: int = 0
    runs: dict[int, Run] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class ProcedureEffects:
    """What leaves: archive rows, and words for operators."""

    records: list[tuple[object, ...]] = field(default_factory=list)
    notes: list[OperatorNote] = field(default_factory=list)
