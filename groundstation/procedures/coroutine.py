"""One procedure's coroutine, driven by hand: resumed with what a step gave, and heard between two steps.

While its run's log has lines left, what it does is compared with them and answered from them: so a ground that comes
back brings a new coroutine to where the old one was, and nothing is done twice.
"""

from __future__ import annotations

from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from groundstation.procedures.declaration import Procedure
from groundstation.procedures.state import LogLine, Run
from groundstation.procedures.words import SCOPE, STOPS, Misuse, ProcedureStop, Step

MAX_LOG = 10_000
"""Lines of one run; a procedure that goes on for longer is ended."""

STEPS_PASSED_OVER = 64


class Divergence(Exception):
    """The procedure, run again, does not do what its log says that it did."""


class Driven:
    """A coroutine and how far its run's log has been repeated."""

    def __init__(self, procedure: Procedure, run: Run) -> None:
        self.step: Step | None = None
        self._run = run
        self._cursor = 0
        self._open: list[Step] = []
        self._diverged = ""
        first = (run.spacecraft,) if procedure.fleet else ()
        self._coroutine: Coroutine[Any, Any, None] = procedure.body(*first, **run.arguments)

    @property
    def repeating(self) -> bool:
        """Whether the log has lines that were not repeated yet."""
        return self._cursor < len(self._run.log)

    def made(self, step: Step, instead_of: Step | None) -> None:
        """As in Scope."""
        self._open = [each for each in self._open if each is not instead_of] + [step]

    def said(self, text: str, *, holds: bool) -> None:
        """As in Scope. A check that does not hold is in the log as the stop that it raises."""
        line = LogLine(text, raised="" if holds else "CheckFailed", text="" if holds else "does not hold")
        if self.repeating:
            self._same(text, line.raised)
        elif not self.add(line):
            raise Misuse(f"it took more than {MAX_LOG:,} steps")

    def go_on(self, line: LogLine | None) -> Step | None:
        """Resume with what a step gave (None: begin). The next step that no log line answers, or None at the end.

        Raises ProcedureStop where it stopped, Divergence where it is not what it was; what else it raises is its own.
        """
        while True:
            step = self._resume(line)
            if self._diverged:
                raise Divergence(self._diverged)
            if step is None:
                if self.repeating:
                    raise Divergence(f"it ended where the log has: {self._run.log[self._cursor].step}")
                return None
            self.step = step
            if not self.repeating:
                return step
            line = self._run.log[self._cursor]
            self._same(step.text, None)
            if self._diverged:
                raise Divergence(self._diverged)

    def add(self, line: LogLine) -> bool:
        """The step under way is over. False if that was one too many."""
        self._run.log.append(line)
        self._cursor = len(self._run.log)
        return self._cursor < MAX_LOG

    def close(self) -> None:
        """Let go of it. What it would still do in a `finally` is not done: each of its steps there is passed over."""
        for _ in range(STEPS_PASSED_OVER):
            with suppress(Exception, SystemExit):
                self._coroutine.close()
                return

    def _resume(self, line: LogLine | None) -> Step | None:
        token = SCOPE.set(self)
        try:
            if line is None or not line.raised:
                step = self._coroutine.send(None if line is None else line.result)
            else:
                step = self._coroutine.throw(STOPS.get(line.raised, ProcedureStop)(line.text))
        except StopIteration:
            step = None
        finally:
            SCOPE.reset(token)
        if step is not None and not isinstance(step, Step):
            raise Misuse(f"it awaits {step!r}, which is no step of a procedure")
        left = [each for each in self._open if each is not step]
        self._open = []
        if left:
            raise Misuse(f"'{left[0].text}' is written but not awaited")
        return step

    def _same(self, text: str, raised: str | None) -> None:
        """The next line of the log is this one."""
        line = self._run.log[self._cursor]
        if line.step != text or (raised is not None and line.raised != raised):
            self._diverged = self._diverged or f"the log has '{line.step}' where it says '{text}'"
        self._cursor += 1
