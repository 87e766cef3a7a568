"""What follows a finding, as the rows of the FDIR table have it: its event at once, again after longer and longer, and
the row above it when that has not helped. The telecommand that answers an event is service 19's.

While a row's action is given time, the monitors that it masks do not look. Nothing is found here.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered, telemetry
from node.fsw.monitors import NEVER_NS, monitor_events, monitor_rows


def _monitor(name: str, text: str) -> Arg:
    return Arg(name, "enum", text, labels=lambda words: (*words.monitors, *words.functional_monitors))


@dataclass(slots=True)
class Answer:
    """Of one row. `raised`: times that its event came since it was well; not again before `quiet_until_ns`. `tries`:
    when it came, as far as its escalation looks back."""

    raised: int = 0
    quiet_until_ns: int = 0
    late_ns: int = NEVER_NS
    tries: list[int] = field(default_factory=list)


@dataclass(slots=True)
class State:
    """`answers` by the monitor's number. `masked`: until when a monitor does not look."""

    fdir_escalations: int = telemetered("int", "Times that an FDIR row handed over to the one above it")
    answers: list[Answer] = field(default_factory=list)
    masked: dict[int, int] = field(default_factory=dict)


class Answers(Component):
    """Events, repetitions, escalation, masks."""

    name = "answers"
    state: State

    LATE = Event(
        30, "fdir_late", Severity.HIGH, "A monitor still finds its reading wrong at the deadline",
        (_monitor("monitor", "monitor"), Arg("value", "float", "its reading, in the reading's own unit")),
    )  # fmt: skip
    ESCALATED = Event(
        80, "fdir_escalated", Severity.MEDIUM, "A row's action has not helped: the row above it acts",
        (_monitor("below", "row that handed over"), _monitor("above", "row that acts")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard) -> None:
        self._rows = monitor_rows(on_board.equipment)
        self._events = monitor_events(on_board.equipment)
        numbers = {row.monitor: number for number, row in enumerate(self._rows)}
        self._above = [numbers.get(row.escalate_to) for row in self._rows]
        self._masks = [tuple(numbers[name] for name in row.masks if name in numbers) for row in self._rows]
        super().__init__(on_board, State(answers=[Answer() for _ in self._rows]))

    def masked(self, number: int) -> bool:
        """Whether this monitor may not look now."""
        until_ns = self.state.masked.get(number)
        if until_ns is None:
            return False
        if self.on_board.time_ns < until_ns:
            return True
        del self.state.masked[number]
        return False

    def begin(self, number: int) -> None:
        """What was well is found wrong."""
        self.state.answers[number].late_ns = self.on_board.time_ns + round(self._rows[number].deadline_s * 1e9)

    def end(self, number: int) -> None:
        """It is well again. What was tried is remembered: it may come back."""
        answer = self.state.answers[number]
        answer.raised, answer.late_ns = 0, NEVER_NS

    def forget(self, number: int) -> None:
        """It is defined anew."""
        self.state.answers[number] = Answer()

    def insist(self, number: int, value: float) -> None:
        """In every cycle in which it is wrong: the event, at once and then again after longer and longer."""
        row, answer, now_ns = self._rows[number], self.state.answers[number], self.on_board.time_ns
        if answer.raised < row.at_most and now_ns >= answer.quiet_until_ns:
            answer.quiet_until_ns = now_ns + (round(row.again_s * 1e9) << answer.raised)
            answer.raised += 1
            self._raise(number, value)
        if now_ns >= answer.late_ns:
            answer.late_ns = NEVER_NS
            self.event(self.LATE, number, value)

    def _raise(self, number: int, value: float) -> None:
        """Its own event, or that of the row above if its own has come often enough. No row is above itself."""
        row, answer, above, now_ns = self._rows[number], self.state.answers[number], self._above[number], self.now_ns
        if above is not None:
            since_ns = now_ns - round(row.escalate_within_s * 1e9)
            answer.tries = [at_ns for at_ns in answer.tries if at_ns >= since_ns]
            if len(answer.tries) >= row.escalate_after:
                self.state.fdir_escalations += 1
                self.event(self.ESCALATED, number, above)
                self._raise(above, value)
                return
            answer.tries.append(now_ns)
        for masked in self._masks[number]:
            self.state.masked[masked] = now_ns + round(row.mask_s * 1e9)
        self.event(self._events[number], value)

    @property
    def now_ns(self) -> int:
        """On the computer's own timer."""
        return self.on_board.time_ns

    @telemetry("int", "Monitors that do not look while an action is given time")
    def monitors_masked(self) -> int:
        """At this moment."""
        return sum(self.now_ns < until_ns for until_ns in self.state.masked.values())
