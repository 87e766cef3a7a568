"""What a step gives, and how it is told: conditions on readings, ends of telecommands, words for the log."""

from __future__ import annotations

import traceback

from bus.dictionary import Parameter
from bus.errors import Refused
from bus.telecommand_check import MAX_TEXT
from bus.text.units import parse_as
from bus.wire.messages import Scalar
from groundstation.procedures.state import LogLine, Pending
from groundstation.procedures.words import Reading


def bound_of(form: Parameter, written: Scalar) -> float:
    """What a condition compares with, as a parameter's number. Raises Refused."""
    if form.labels:
        if isinstance(written, str) and written in form.labels:
            return float(form.labels.index(written))
        raise Refused(repr(written), " | ".join(form.labels))
    if form.type == "bool":
        if isinstance(written, bool):
            return float(written)
        raise Refused(repr(written), "True | False")
    return float(parse_as(written, form.unit)) if isinstance(written, str) else float(written)


def met(step: Reading, form: Parameter, value: float) -> bool:
    """Whether a reading is what the step waits for."""
    bounds = [bound_of(form, bound) for bound in step.bounds]
    match step.condition:
        case "above":
            return value > bounds[0]
        case "below":
            return value < bounds[0]
        case "between":
            return bounds[0] <= value <= bounds[1]
        case "equals":
            return value == bounds[0]
    return True


def command_over(pending: Pending) -> LogLine:
    """A telecommand step all of whose telecommands have ended."""
    failed = [f"{spacecraft} {state}: {text}" for spacecraft, state, text in pending.ends if state != "COMPLETED"]
    if failed:
        return LogLine(pending.step, raised="CommandFailed", text=f"{pending.step}: {'; '.join(failed)}"[:MAX_TEXT])
    text = pending.ends[0][2] if len(pending.ends) == 1 else f"{len(pending.ends)} spacecraft"
    return LogLine(pending.step, text if pending.value is None else pending.value, text="COMPLETED")


def outcome(line: LogLine) -> str:
    """What became of a line, for the paper."""
    if line.raised:
        return f"{line.raised}: {line.text}"
    given = (
        ""
        if line.result in (None, "")
        else f"{line.result:.9g}"
        if isinstance(line.result, float)
        else f"{line.result}"
    )
    return ", ".join(filter(None, [line.text, given])) or "done"


def seconds(pending: Pending) -> str:
    """How long a step could take."""
    return f"{(pending.deadline_ns - pending.since_ns) / 1e9:g} s"


def where(error: BaseException) -> str:
    """What a procedure did wrong, and in which of its lines."""
    frames = traceback.extract_tb(error.__traceback__)
    line = f" in line {frames[-1].lineno} of {frames[-1].name}" if frames else ""
    return f"{type(error).__name__}{line}: {error}"[:MAX_TEXT]
