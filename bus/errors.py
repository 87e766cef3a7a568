"""Every error Skyrack raises on purpose, drawn before it is defined.

    SkyrackError                    carries what went wrong and the next step to take
    |-- UserError                   you misused me: exit status 2, shown without a traceback
    |   |-- ScenarioError           one or more Mistakes, each with file, line, column, found, allowed
    |   |-- UnknownNameError        a name that is in no dictionary; carries the nearest ones
    |   `-- EnvironmentFault        port in use, directory not writable, disk full
    |-- NoAnswerYet                 what was asked for is still under way: exit status 4
    `-- RangeFailure                 the range itself failed: exit status 3
        |-- DecodeError             bytes that are no message of ours (the only thing decoders raise)
        |-- MessageRefused        a message that cannot be sent: too large, or not what its schema says
        |-- HandshakeRefused        another release, scenario or key, or a second of one name: status 2
        |-- ParticipantLost         a process died or missed its deadline; carries its id and tick
        `-- Diverged                a replayed step did not reproduce its recorded digest

Exit status 1 is kept for an expectation that failed, and 4 says that what was asked for was answered with no: a
telecommand that did not complete, a fault that was refused, a replay that differs.

No I/O and no formatting for terminals here.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass

ANSWERED_NO = 4
INTERRUPTED = 130
"""Exit status, as a shell reports SIGINT."""

MACHINE_HINTS = {
    errno.EMFILE: "this process may open no more files: raise the limit (ulimit -n 4096) and start again",
    errno.ENFILE: "this machine has no file descriptors left: end what holds them, or raise fs.file-max",
    errno.EAGAIN: "this user may start no more processes: end some, raise ulimit -u, or fly with --in-process",
    errno.ENOMEM: "there is not enough memory: end something, raise the limit (ulimit -v), or fly fewer spacecraft",
    errno.ENOSPC: "the disk is full: free some space, or choose another disk",
    errno.EDQUOT: "your quota on this disk is used up: remove something of yours, or choose another disk",
    errno.EFBIG: "this process may write no larger files: raise the limit (ulimit -f unlimited) and start again",
    errno.EROFS: "this file system is read-only: choose another place",
}
"""What to do where the machine refuses for a reason of its own, which has nothing to do with what was asked of it."""


class SkyrackError(Exception):
    """Root of the tree. `hint` is the next step for whoever reads the message."""

    exit_status = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self._hint = hint

    @property
    def hint(self) -> str:
        """The next step. Where the cause is a limit of the machine's, that decides, not what was being done."""
        number = getattr(self.__cause__, "errno", None)
        return MACHINE_HINTS.get(number, self._hint) if isinstance(number, int) else self._hint


class UserError(SkyrackError):
    """A mistake of the user's: shown without a traceback, exit status 2."""

    exit_status = 2


class Refused(ValueError):
    """One value that is refused, wherever it stands: `found` and `allowed` are ready to be shown in a Mistake."""

    def __init__(self, found: str, allowed: str) -> None:
        super().__init__(f"found {found}; allowed: {allowed}")
        self.found = found
        self.allowed = allowed


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong in a file a user wrote. Lines and columns count from 1; 0 means unknown."""

    file: str
    line: int
    column: int
    field: str
    found: str
    allowed: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        place = ": ".join(part for part in (where, self.field) if part)  # words typed at a prompt come from no file
        return f"{place}: found {self.found}; allowed: {self.allowed}"


class ScenarioError(UserError):
    """Everything wrong with a scenario, design or catalogue file, found in one go."""

    def __init__(self, mistakes: list[Mistake], *, hint: str = "") -> None:
        super().__init__("\n".join(str(m) for m in mistakes), hint=hint)
        self.mistakes = mistakes


class UnknownNameError(UserError):
    """A name that is in no dictionary. `nearest` holds what was probably meant."""

    def __init__(self, what: str, name: str, nearest: list[str], *, hint: str = "") -> None:
        meant = f"; did you mean {' or '.join(nearest)}?" if nearest else ""
        super().__init__(f"unknown {what} '{name}'{meant}", hint=hint)
        self.what = what
        self.name = name
        self.nearest = nearest


class EnvironmentFault(UserError):
    """The machine does not allow it: port in use, directory not writable, disk full."""


class RangeFailure(SkyrackError):
    """The range failed, not the user and not the spacecraft: exit status 3."""


class NoAnswerYet(SkyrackError):
    """What was asked for goes on without us: nobody failed, and it is not done."""

    exit_status = ANSWERED_NO


class DecodeError(RangeFailure):
    """Bytes that are no message of ours. Decoders raise nothing else, whatever they are fed."""


class NoTrace(DecodeError):
    """A file that is no trace, or of which nothing can be read. Which file is read is the user's affair."""

    exit_status = 2


class MessageRefused(RangeFailure, ValueError):
    """A message that cannot be sent: larger than 64 KiB, or a value or envelope that the schema does not carry."""


class HandshakeRefused(RangeFailure):
    """The other side speaks another protocol, dictionary or scenario, or is not who it says. Who is started with what
    is the user's affair, hence the status; a supervisor, who starts the right ones, still tries again."""

    exit_status = 2


class ParticipantLost(RangeFailure):
    """A participant died or did not answer a tick in time."""

    def __init__(self, participant: str, tick: int, reason: str, *, hint: str = "") -> None:
        super().__init__(f"{participant} was lost at tick {tick}: {reason}", hint=hint)
        self.participant = participant
        self.tick = tick
        self.reason = reason


class Diverged(RangeFailure):
    """A replayed step gave another digest than the recorded one."""

    def __init__(self, participant: str, tick: int, expected: str, got: str, *, hint: str = "") -> None:
        super().__init__(
            f"{participant} did not reproduce tick {tick}: recorded digest {expected}, got {got}", hint=hint
        )
        self.participant = participant
        self.tick = tick
        self.expected = expected
        self.got = got


def in_words(error: Exception) -> str:
    """What is wrong with a content that we wrote ourselves, in a line: of a form's mistakes the first three, fields
    that it does not know before all others, and how many more there are; else the first words."""
    mistakes = getattr(error, "errors", None)
    if not callable(mistakes):  # as pydantic's are, which is not loaded for this
        return "; ".join(" ".join(line.split()) for line in str(error).splitlines()[:3])[:300] or type(error).__name__
    found = sorted(
        mistakes(include_url=False, include_input=False), key=lambda mistake: mistake["type"] != "extra_forbidden"
    )
    said = "; ".join(": ".join(filter(None, (".".join(map(str, one["loc"])), one["msg"]))) for one in found[:3])
    return " ".join(said.split())[:300] + (f" (and {len(found) - 3} more)" if len(found) > 3 else "")
