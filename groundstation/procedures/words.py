"""The words a procedure is written in.

    await command("mode.set", mode="NOMINAL")                      until it is COMPLETED; gives what it answered
    await command("computer.reboot", confirmed=True)                a hazardous one needs this second word
    await telemetry("battery_soc").above("50 %").within("2 h")      the first live reading that is so; gives its value
    await contact().within("12 h")                                  until an antenna points there; gives the station
    await contacts_ahead("12 h")                                   at once; gives when antennas will point there
    await wait("10 min")
    await ask("Payload on?", "yes", "no").within("1 h", otherwise="no")   until an operator answers
    check(value > 0.5, "the battery is above half")                 goes on, or ends the procedure
    note("what whoever reads the log should know")

A step does nothing until it is awaited, and one that is not awaited ends the procedure. What does not come about raises
a ProcedureStop, which ends the procedure as FAILED unless it is caught. Nothing here knows messages or the engine.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Protocol, Self

from bus.errors import Refused
from bus.text.units import parse_duration_ns
from bus.wire.messages import Scalar

SECOND_NS = 10**9
LONGEST_NS = 366 * 86_400 * SECOND_NS
HOUR_NS = 3600 * SECOND_NS
LONGEST_TEXT = 256
MOST_AHEAD = 32
"""Contacts that one look ahead gives, which is a line of the log."""


class ProcedureStop(Exception):
    """Why a procedure cannot go on. A procedure may catch it and do something else."""


class CommandFailed(ProcedureStop):
    """A telecommand did not complete."""


class NotInTime(ProcedureStop):
    """What was awaited did not come within its time."""


class CheckFailed(ProcedureStop):
    """A check does not hold."""


class Misuse(ProcedureStop):
    """The procedure itself is wrong: a word that is not in the dictionary, or a step that nobody awaits."""


STOPS: dict[str, type[ProcedureStop]] = {
    kind.__name__: kind for kind in (CommandFailed, NotInTime, CheckFailed, Misuse)
}
"""By name, as a log keeps them."""


class Scope(Protocol):
    """Who runs a procedure hears what it says between two steps."""

    def made(self, step: Step, instead_of: Step | None) -> None:
        """A step was written down, and is to be awaited."""

    def said(self, text: str, *, holds: bool) -> None:
        """A check or a note."""


SCOPE: ContextVar[Scope | None] = ContextVar("procedure", default=None)


def nanoseconds(time: float | str) -> int:
    """A time as "90 s", "2 h", or a number of seconds. Raises Misuse."""
    try:
        found = parse_duration_ns(time if isinstance(time, str) else f"{time} s")
    except Refused as error:
        raise Misuse(f"time: {error}") from None
    if not 0 <= found <= LONGEST_NS:
        raise Misuse(f"time: found {time}; allowed: 0 s to 366 d")
    return found


def plain(what: str, *values: object, kinds: tuple[type, ...] = (bool, int, float, str)) -> None:
    """Raises Misuse for anything but single values: what a step says is logged, saved and sent."""
    for value in values:
        if not isinstance(value, kinds) or len(str(value)) > LONGEST_TEXT:
            said = f"{type(value).__name__}" if not isinstance(value, kinds) else f"one of {len(str(value))} characters"
            raise Misuse(f"{what}: found {said}; allowed: {' | '.join(kind.__name__ for kind in kinds)}")


@dataclass(frozen=True, eq=False)
class Step:
    """What is awaited. `whom`: spacecraft, empty for the one the procedure was started on; `within_ns` of its start."""

    whom: tuple[str, ...] = ()
    within_ns: int = 24 * HOUR_NS

    def __post_init__(self) -> None:
        """Whoever writes a step down shall await it."""
        self._tell(None)

    def __await__(self) -> Generator[Step, Any, Any]:
        """Hands the step to whoever drives the procedure."""
        return (yield self)

    def within(self, time: float | str) -> Self:
        """Raise NotInTime after so long."""
        return self._instead(within_ns=nanoseconds(time))

    @property
    def text(self) -> str:
        """The step as a procedure on paper would say it; two steps with the same text are the same step."""
        whom = f" ({', '.join(self.whom)})" if self.whom else ""
        return f"{self._words()}{whom}"

    def _words(self) -> str:
        return type(self).__name__.lower()

    def _instead(self, **changes: Any) -> Self:
        token = SCOPE.set(None)
        try:
            changed = replace(self, **changes)
        finally:
            SCOPE.reset(token)
        changed._tell(self)
        return changed

    def _tell(self, instead_of: Step | None) -> None:
        scope = SCOPE.get()
        if scope is not None:
            scope.made(self, instead_of)


@dataclass(frozen=True, eq=False)
class Command(Step):
    """A telecommand, followed to its end; to several spacecraft at once if several are named. `confirmed`: the second
    word that a hazardous one needs stands beside it."""

    name: str = ""
    arguments: dict[str, Scalar] = field(default_factory=dict)
    confirmed: bool = False

    def _words(self) -> str:
        return " ".join([f"command {self.name}", *(f"{name}={value}" for name, value in self.arguments.items())])


@dataclass(frozen=True, eq=False)
class Reading(Step):
    """A live reading of a parameter: received after the step began, and not played back."""

    within_ns: int = HOUR_NS
    parameter: str = ""
    condition: str = ""
    bounds: tuple[Scalar, ...] = ()

    def above(self, low: float | str) -> Reading:
        """Until it is greater; "50 %" and the like are read in the parameter's unit."""
        return self._until("above", low)

    def below(self, high: float | str) -> Reading:
        """Until it is less."""
        return self._until("below", high)

    def between(self, low: float | str, high: float | str) -> Reading:
        """Until it is neither less than the one nor greater than the other."""
        return self._until("between", low, high)

    def equals(self, value: Scalar) -> Reading:
        """Until it is this; of an enumeration, the word."""
        return self._until("equals", value)

    def _until(self, condition: str, *bounds: Scalar) -> Reading:
        plain(condition, *bounds)
        return self._instead(condition=condition, bounds=bounds)

    def _words(self) -> str:
        return " ".join([f"telemetry {self.parameter}", *filter(None, [self.condition]), *map(str, self.bounds)])


@dataclass(frozen=True, eq=False)
class Contact(Step):
    """An antenna that points at a spacecraft."""

    def _words(self) -> str:
        return "contact"


class PlannedSpan(NamedTuple):
    """An antenna will point there, as the spacecraft's own clock shows it; stations are numbered from 1, in the
    scenario's order."""

    start_s: float
    end_s: float
    station: int


@dataclass(frozen=True, eq=False)
class Ahead(Step):
    """The contacts that are planned for a spacecraft, the present one too."""

    span_ns: int = 0

    def __await__(self) -> Generator[Step, Any, tuple[PlannedSpan, ...]]:
        """Gives them as values; a log has them as a text."""
        told = yield self
        rows = (row.split() for row in str(told).split(";") if row)
        return tuple(PlannedSpan(float(start), float(end), int(station)) for start, end, station in rows)

    @staticmethod
    def told(spans: Sequence[tuple[int, int, int]]) -> str:
        """As a text, what is too much left out."""
        return ";".join(f"{on / 1e9:.3f} {off / 1e9:.3f} {station}" for on, off, station in spans[:MOST_AHEAD])

    def _words(self) -> str:
        return f"contacts ahead {self.span_ns / SECOND_NS:g} s"


@dataclass(frozen=True, eq=False)
class Wait(Step):
    """Time that passes."""

    for_ns: int = 0

    def _words(self) -> str:
        return f"wait {self.for_ns / SECOND_NS:g} s"


@dataclass(frozen=True, eq=False)
class Question(Step):
    """What an operator decides. `otherwise`: taken where nobody answers in time; empty: then NotInTime is raised."""

    question: str = ""
    options: tuple[str, ...] = ()
    otherwise: str = ""

    def within(self, time: float | str, otherwise: str = "") -> Self:
        """So long; then `otherwise`, which is one of the options, or NotInTime."""
        if otherwise and otherwise not in self.options:
            raise Misuse(f"otherwise: found {otherwise}; allowed: {' | '.join(self.options)}")
        return self._instead(within_ns=nanoseconds(time), otherwise=otherwise)

    def _words(self) -> str:
        return f"ask {self.question} [{' | '.join(self.options)}]"


def _whom(spacecraft: str | tuple[str, ...] | list[str] | None) -> tuple[str, ...]:
    named = () if spacecraft is None else (spacecraft,) if isinstance(spacecraft, str) else tuple(spacecraft)
    plain("spacecraft", *named, kinds=(str,))
    return named


def command(
    name: str, /, to: str | tuple[str, ...] | list[str] | None = None, *, confirmed: bool = False, **arguments: Scalar
) -> Command:
    """A telecommand. Gives what the spacecraft answered: the value that `parameter.get` asks for, or a text."""
    plain("telecommand", name, kinds=(str,))
    plain(name, *arguments.values())
    plain("confirmed", confirmed, kinds=(bool,))
    return Command(whom=_whom(to), name=name, arguments=arguments, confirmed=confirmed)


def telemetry(parameter: str, /, of: str | None = None) -> Reading:
    """A parameter's next live reading: a number, true or false, or an enumeration's word."""
    plain("parameter", parameter, kinds=(str,))
    return Reading(whom=_whom(of), parameter=parameter)


def contact(spacecraft: str | None = None, /) -> Contact:
    """An antenna that points there."""
    return Contact(whom=_whom(spacecraft))


def contacts_ahead(time: float | str, /, of: str | None = None) -> Ahead:
    """When antennas will point there, so far ahead; the first 32."""
    return Ahead(whom=_whom(of), span_ns=nanoseconds(time))


def wait(time: float | str, /) -> Wait:
    """Let so much time pass."""
    for_ns = nanoseconds(time)
    return Wait(within_ns=LONGEST_NS, for_ns=for_ns)


def ask(question: str, /, *options: str) -> Question:
    """What an operator is asked, and the answers there are."""
    plain("ask", question, *options, kinds=(str,))
    return Question(question=question, options=options or ("yes", "no"))


def check(holds: object, text: str) -> None:
    """Raises CheckFailed with the text unless it holds; both is in the log."""
    plain("check", text, kinds=(str,))
    scope = SCOPE.get()
    if scope is not None:
        scope.said(f"check {text}", holds=bool(holds))
    if not holds:
        raise CheckFailed(f"does not hold: {text}")


def note(text: str) -> None:
    """A line for the log."""
    plain("note", text, kinds=(str,))
    scope = SCOPE.get()
    if scope is not None:
        scope.said(f"note {text}", holds=True)
