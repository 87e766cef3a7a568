"""The form of a telemetry and telecommand dictionary: names, units, types, limits, ids and a version hash.

One dictionary per design, generated from the same declarations the flight software runs on, and given to the ground
as data. Nothing here knows a spacecraft; nothing is typed twice.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from functools import cached_property, lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Parameter(_Form):
    """One telemetered quantity. `labels` name the values of an enumeration, from 0."""

    name: Name
    unit: str
    type: Literal["float", "int", "bool", "enum"]
    description: str
    labels: tuple[str, ...] = ()
    soft_low: float | None = None
    soft_high: float | None = None
    hard_low: float | None = None
    hard_high: float | None = None

    def label(self, value: float) -> str:
        """The word for a value of an enumeration; empty where it has none."""
        known = math.isfinite(value) and value == int(value) and 0 <= value < len(self.labels)
        return self.labels[int(value)] if known else ""


class Structure(_Form):
    """A report's structure: parameters by position. `interval_s`: how often it comes by itself, 0: on request only."""

    id: int
    name: Name
    parameters: tuple[Name, ...]
    interval_s: float
    service: int = 3
    subtype: int = 25


class OnBoardParameter(_Form):
    """A value that flight software works with and the ground can set within [low, high] (service 20)."""

    name: Name
    unit: str
    description: str
    default: float
    low: float
    high: float


class Argument(_Form):
    """One argument of a telecommand or an event. Numbers lie in [low, high]; an enum takes one of `labels`.

    A `list` is a text of labels with commas between, `steps` those of an on-board procedure, `hex` bytes as hexadecimal
    digits: a multiple of `low` of them, at most `high`. A `telecommand` is the
    name of another one, to be carried out later; that one's own arguments stand beside it.
    """

    name: Name
    unit: str
    type: Literal["float", "int", "bool", "enum", "str", "list", "steps", "hex", "telecommand"]
    description: str
    low: float | None = None
    high: float | None = None
    labels: tuple[str, ...] = ()
    default: float | int | bool | str | None = None

    def label(self, value: float) -> float | str:
        """What a number stands for: its label, or itself where it has none."""
        known = self.type == "enum" and value == int(value) and 0 <= value < len(self.labels)
        return self.labels[int(value)] if known else value


class EventForm(_Form):
    """An event (service 5); the severity is the report's subtype. An enum argument is the position of its label.

    `ends`: the event whose condition is over with this one, of the same part where both name one. Empty: none.
    """

    id: int
    name: Name
    severity: int
    arguments: tuple[Argument, ...]
    description: str
    ends: str = ""

    def named(self, values: Sequence[float]) -> dict[str, float | str]:
        """A report's arguments by name, with labels for numbers where there are some."""
        named: dict[str, float | str] = {}
        for place, value in enumerate(values):
            form = self.arguments[place] if place < len(self.arguments) else None
            name = form.name if form else f"argument_{place}"
            named[name] = form.label(value) if form else value
        return named


class TelecommandForm(_Form):
    """A telecommand: ECSS service and subtype, arguments, hazardous or not, allowed modes (empty: all).
    `function`: the function's number, for TC[8,1]. `spans`: the argument that is the first of a range, whose `high` is
    the last there is, and the one that says how many: a number, or 16 hexadecimal digits each."""

    name: Name
    service: int
    subtype: int
    description: str
    function: int | None = None
    arguments: tuple[Argument, ...] = ()
    hazardous: bool = False
    modes: tuple[str, ...] = ()
    spans: tuple[str, str] | None = None

    @cached_property
    def carrier(self) -> Argument | None:
        """The argument that names another telecommand, where there is one."""
        return next((argument for argument in self.arguments if argument.type == "telecommand"), None)


class Dictionary(_Form):
    """Everything one design says and understands."""

    design: str
    parameters: tuple[Parameter, ...]
    structures: tuple[Structure, ...]
    events: tuple[EventForm, ...]
    telecommands: tuple[TelecommandForm, ...]
    codes: dict[int, str]
    on_board_parameters: tuple[OnBoardParameter, ...] = ()

    @cached_property
    def version(self) -> str:
        """Hash of the content (16 hex digits): two dictionaries are the same if and only if this is."""
        text = json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def reported_parameter(self, values: Sequence[float]) -> tuple[OnBoardParameter, float] | None:
        """What a report of service 20 says: an on-board parameter, by its position, and its value."""
        place = int(values[0]) if len(values) == 2 and values[0] == int(values[0]) else -1
        return (self.on_board_parameters[place], values[1]) if 0 <= place < len(self.on_board_parameters) else None

    @cached_property
    def parameter(self) -> dict[str, Parameter]:
        """Parameters by name."""
        return {p.name: p for p in self.parameters}

    @cached_property
    def structure(self) -> dict[int, Structure]:
        """Structures by id."""
        return {s.id: s for s in self.structures}

    @cached_property
    def event(self) -> dict[int, EventForm]:
        """Events by id."""
        return {e.id: e for e in self.events}

    @cached_property
    def lasting(self) -> frozenset[str]:
        """Names of events that tell of a condition which another event ends."""
        return frozenset(e.ends for e in self.events if e.ends)

    @cached_property
    def telecommand(self) -> dict[str, TelecommandForm]:
        """Telecommands by name."""
        return {t.name: t for t in self.telecommands}


@lru_cache(maxsize=16)
def read_dictionary(content: str) -> Dictionary:
    """From its JSON. Spacecraft of one design share it, with what it works out: each reading takes tens of ms."""
    return Dictionary.model_validate_json(content)
