"""A component of flight software: one page that declares what it understands, says and keeps, beside its handlers.

It declares telecommands (`@telecommand`, `@function`), telemetry (`telemetered` fields of its state, `@telemetry`
methods), events, reports and on-board parameters (class attributes), and has one state, a dataclass. Dictionary,
acceptance check, reference pages, data pool, saved state and what non-volatile memory holds are derived from that. No
component is here, and no decision.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, cast

from bus.dictionary import Argument, EventForm, OnBoardParameter, Parameter, Structure, TelecommandForm
from bus.errors import DecodeError
from bus.pus import Code, Service, Severity
from bus.snapshot.pack import Stateful, pack, unpack
from bus.wire.messages import Scalar
from node.devices.equipment import Equipment
from node.fsw.on_board import OnBoard as OnBoard  # noqa: PLC0414 - every component takes it from here

Kind = Literal["float", "int", "bool", "enum"]
ArgumentKind = Literal["float", "int", "bool", "enum", "str", "list", "steps", "hex", "telecommand"]
Failure = tuple[Code, str] | None
"""What a telecommand's handler gives back: nothing when it is done, else why not. With `Code.NONE` it is done, and the
text goes with the report."""
Method = TypeVar("Method", bound=Callable[..., Any])
_TELECOMMAND, _TELEMETRY, _KEPT = "_telecommand", "telemetry", "kept"


def _once(ask: Method) -> Method:
    """A question about a class, asked once: every boot has the same ones. (mypy takes no class for hashable.)"""
    return cast("Method", cache(ask))


@dataclass(frozen=True, slots=True)
class Words:
    """The names that arguments can take: those of the equipment, and those that the components declare."""

    equipment: Equipment
    devices: tuple[str, ...]
    structures: tuple[str, ...]
    events: tuple[str, ...]
    parameters: tuple[str, ...]
    pool: tuple[str, ...]
    monitors: tuple[str, ...]
    functional_monitors: tuple[str, ...]
    telecommands: tuple[str, ...]
    readings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Arg:
    """One argument of a telecommand or an event. What depends on the design is a function of the `Words`.

    A handler gets an `enum` as the position of the label, which is also what the packet's binary form holds, a `list`
    as the positions of its labels, and a `telecommand` as a `Request`. `default`: what the ground sends where nobody
    says anything.
    """

    name: str
    type: ArgumentKind
    text: str
    unit: str = ""
    low: float | None = None
    high: float | Callable[[Words], float] | None = None
    labels: tuple[str, ...] | Callable[[Words], tuple[str, ...]] = ()
    default: float | str | None = None

    def resolve(self, words: Words) -> Argument:
        """With the names of a design."""
        high = self.high(words) if callable(self.high) else self.high
        labels = self.labels(words) if callable(self.labels) else self.labels
        return Argument(
            name=self.name, unit=self.unit, type=self.type, description=self.text, low=self.low, high=high,
            labels=labels, default=self.default,
        )  # fmt: skip


class Request(NamedTuple):
    """A telecommand that another one carries: its name, and its arguments as the ground gave them."""

    name: str
    arguments: dict[str, Scalar]


@dataclass(frozen=True, eq=False, slots=True)
class Event:
    """An event report (service 5): number, severity, arguments in their order. `ends`: the event whose condition is
    over with this one, of the same part where both name one."""

    id: int
    name: str
    severity: Severity
    text: str
    arguments: tuple[Arg, ...] = ()
    ends: str = ""

    def resolve(self, words: Words) -> EventForm:
        """With the names of a design."""
        return EventForm(
            id=self.id, name=self.name, severity=self.severity, description=self.text, ends=self.ends,
            arguments=tuple(argument.resolve(words) for argument in self.arguments),
        )  # fmt: skip


@dataclass(frozen=True, eq=False, slots=True)
class Report:
    """Telemetry that answers a telecommand: values in their order, which are in no data pool."""

    id: int
    name: str
    service: Service
    subtype: int
    values: tuple[Arg, ...]

    def structure(self) -> Structure:
        """How the packet is laid out."""
        return Structure(
            id=self.id, name=self.name, service=self.service, subtype=self.subtype, interval_s=0.0,
            parameters=tuple(value.name for value in self.values),
        )  # fmt: skip

    def parameters(self, words: Words) -> tuple[Parameter, ...]:
        """What the values are, with the names of a design."""
        resolved = [value.resolve(words) for value in self.values]
        return tuple(
            Parameter.model_validate(a.model_dump(include={"name", "unit", "type", "description", "labels"}))
            for a in resolved
        )


@dataclass(frozen=True, slots=True)
class Telecommand:
    """A telecommand as its handler's decorator declares it."""

    name: str
    service: Service
    subtype: int
    text: str
    arguments: tuple[Arg, ...]
    function: int | None
    hazardous: bool
    modes: tuple[str, ...]
    raises: tuple[Event, ...]
    spans: tuple[str, str] | None = None

    def resolve(self, words: Words) -> TelecommandForm | None:
        """With the names of a design; None where the design has nothing that it could name."""
        arguments = tuple(argument.resolve(words) for argument in self.arguments)
        if any(argument.type == "enum" and not argument.labels for argument in arguments):
            return None
        return TelecommandForm(
            name=self.name, service=self.service, subtype=self.subtype, function=self.function,
            description=self.text, arguments=arguments, hazardous=self.hazardous, modes=self.modes,
            spans=self.spans,
        )  # fmt: skip


def telecommand(
    name: str, service: Service, subtype: int, text: str, *arguments: Arg, function: int | None = None,
    hazardous: bool = False, modes: tuple[str, ...] = (), raises: tuple[Event, ...] = (),
    spans: tuple[str, str] | None = None,
) -> Callable[[Method], Method]:  # fmt: skip
    """The method carries this telecommand out. It gets the arguments by name; they have been checked. `raises`: events
    that it reports itself, so that none of them may lead to it. `spans`: see `TelecommandForm`."""
    declared = Telecommand(name, service, subtype, text, arguments, function, hazardous, modes, raises, spans)

    def mark(method: Method) -> Method:
        setattr(method, _TELECOMMAND, declared)
        return method

    return mark


def function(
    name: str, number: int, text: str, *arguments: Arg, hazardous: bool = False, modes: tuple[str, ...] = (),
    raises: tuple[Event, ...] = (),
) -> Callable[[Method], Method]:  # fmt: skip
    """The method carries out this function of the spacecraft, TC[8,1]."""
    return telecommand(
        name, Service.FUNCTION, 1, text, *arguments, function=number, hazardous=hazardous, modes=modes, raises=raises
    )  # fmt: skip


def telemetry(
    kind: Kind, text: str, unit: str = "", labels: tuple[str, ...] = (), *, name: str = ""
) -> Callable[[Method], Method]:
    """The method's value is telemetered, under the method's name or another one."""

    def mark(method: Method) -> Method:
        quantity = Parameter(name=name or method.__name__, unit=unit, type=kind, description=text, labels=labels)
        setattr(method, _TELEMETRY, quantity)
        return method

    return mark


def telemetered(
    kind: Kind, text: str, unit: str = "", labels: tuple[str, ...] = (), *, default: Any = 0, kept: bool = False
) -> Any:
    """A field of a component's state that is telemetered under its name. `kept`: non-volatile memory holds it."""
    return dataclasses.field(default=default, metadata={_TELEMETRY: (kind, text, unit, labels), _KEPT: kept})


def kept(factory: Callable[[], Any]) -> Any:
    """A field of a component's state that non-volatile memory holds."""
    return dataclasses.field(default_factory=factory, metadata={_KEPT: True})


@dataclass(slots=True)
class Stateless:
    """The state of a component that remembers nothing."""


class Component(Stateful):
    """One component. A subclass names itself, declares, and gives its first state to `__init__`."""

    name: ClassVar[str]

    def __init__(self, on_board: OnBoard, state: Any) -> None:
        self.on_board = on_board
        self.state = state
        self._read_back()

    def event(self, event: Event, *arguments: float, severity: Severity | None = None) -> None:
        """Report an event."""
        self.on_board.events.report(event, arguments, event.severity if severity is None else severity)

    def keep(self) -> None:
        """Write what is to survive a reboot to non-volatile memory. Call it before anything takes effect."""
        values = tuple(getattr(self.state, name) for name in kept_fields(type(self.state)))
        self.on_board.nvm.put(self.name, pack(values, _kept_hint(type(self.state))))
        self.on_board.mirror(self)

    def image_words(self) -> list[int]:
        """What the memory image holds of it, always as many words: upsets can flip them, and then it works with what is
        read (`take_image`). None unless a component says otherwise."""
        return []

    def take_image(self, words: list[int]) -> None:
        """Work with these words from now on, whatever they say."""

    def reload(self) -> None:
        """Work with what non-volatile memory holds: its words could not be read."""
        self._read_back()
        self.take_image(self.image_words())

    def _read_back(self) -> None:
        kind = type(self.state)
        if not kept_fields(kind):
            return
        record = self.on_board.nvm.get(self.name)
        try:
            if record is not None:
                for name, value in zip(kept_fields(kind), unpack(_kept_hint(kind), record), strict=True):
                    setattr(self.state, name, value)
                return
        except DecodeError:
            pass  # written by another release: what this one starts with is better than no boot at all
        self.keep()

    def readers(self) -> Iterator[Callable[[], float]]:
        """How to read each telemetered value, in the order of `telemetry_of`."""
        for parameter in _telemetered_fields(type(self)):
            yield partial(getattr, self.state, parameter.name)
        for attribute in _telemetered_methods(type(self)):
            yield getattr(self, attribute)

    def handlers(self) -> Mapping[str, Callable[..., Failure]]:
        """What carries out each telecommand, by its name."""
        return {
            declared.name: getattr(self, attribute) for attribute, declared in _telecommands(type(self)).items()
        }  # fmt: skip


@_once
def kept_fields(state: type) -> tuple[str, ...]:
    """Fields of a state that non-volatile memory holds, in their order."""
    return tuple(field.name for field in dataclasses.fields(state) if field.metadata.get(_KEPT))


@_once
def _kept_hint(state: type) -> Any:
    hints = typing.get_type_hints(state)
    return tuple[tuple(hints[name] for name in kept_fields(state))]  # type: ignore[misc]


# ---- what a class of components declares ------------------------------------------------------------------------


@_once
def _telecommands(component: type[Component]) -> dict[str, Telecommand]:
    marked = ((attribute, getattr(value, _TELECOMMAND, None)) for attribute, value in vars(component).items())
    return {attribute: declared for attribute, declared in marked if declared is not None}


def telecommands_of(component: type[Component]) -> tuple[Telecommand, ...]:
    """Its telecommands, in the order of the page."""
    return tuple(_telecommands(component).values())


def events_of(component: type[Component]) -> tuple[Event, ...]:
    """Its events, in the order of the page."""
    return tuple(value for value in vars(component).values() if isinstance(value, Event))


def reports_of(component: type[Component]) -> tuple[Report, ...]:
    """Its reports, in the order of the page."""
    return tuple(value for value in vars(component).values() if isinstance(value, Report))


def parameters_of(component: type[Component]) -> tuple[OnBoardParameter, ...]:
    """Its on-board parameters, in the order of the page."""
    return tuple(value for value in vars(component).values() if isinstance(value, OnBoardParameter))


def telemetry_of(component: type[Component]) -> tuple[Parameter, ...]:
    """Its telemetered values: fields of the state first, then methods."""
    return (*_telemetered_fields(component), *_telemetered_methods(component).values())


@_once
def _telemetered_fields(component: type[Component]) -> tuple[Parameter, ...]:
    values = []
    for field in dataclasses.fields(typing.get_type_hints(component)["state"]):
        if _TELEMETRY in field.metadata:
            kind, text, unit, labels = field.metadata[_TELEMETRY]
            values.append(Parameter(name=field.name, unit=unit, type=kind, description=text, labels=labels))
    return tuple(values)


@_once
def _telemetered_methods(component: type[Component]) -> dict[str, Parameter]:
    marked = ((attribute, getattr(value, _TELEMETRY, None)) for attribute, value in vars(component).items())
    return {attribute: quantity for attribute, quantity in marked if isinstance(quantity, Parameter)}
