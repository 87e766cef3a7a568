"""The single values of forms: quantities, whole numbers, texts, names. Each reads a value as it was written or refuses
it in words, and describes itself in a JSON schema for editors.

Used as annotations: `altitude: Annotated[float, quantity("length", 100e3, 2e6, "100 km to 2000 km")]`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from bus.errors import Refused
from bus.text import units
from bus.text.forms import adapter
from bus.text.near import one_of

Schema = Mapping[str, Any]

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_NUMBER_WORDS: Schema = {"anyOf": [{"type": "string"}, {"type": "number"}]}


@dataclass(frozen=True, eq=False)
class Leaf:
    """A kind of value: how it is read (raises Refused), and what an editor may know of it."""

    read: Callable[[Any], Any]
    schema: Schema

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Whatever the annotation says it becomes, only `read` decides."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What an editor is told."""
        return dict(self.schema)


@dataclass(frozen=True, eq=False)
class Later:
    """A value that is read by somebody who knows more of the file; an editor is told its form all the same."""

    form: Any

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Passed on as it was written; nothing at all is a mistake."""

        def passed(value: object) -> object:
            if value is None:
                raise Refused(units.show(value), "a value")
            return value

        return core_schema.no_info_plain_validator_function(passed)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """What an editor is told."""
        return handler(adapter(self.form).core_schema)


def quantity(kind: str, low: float, high: float, limits: str = "") -> Leaf:
    """A quantity in SI within [low, high]; `limits` says them in units a user reads."""
    said = limits or f"{low:g} to {high:g}" + ("" if kind == "number" else " (SI)")

    def read(value: object) -> float:
        number = units.parse(value, kind)
        if not low <= number <= high:
            raise Refused(units.show(value), said)
        return number

    bare = kind in ("fraction", "number")
    return Leaf(read, {**(_NUMBER_WORDS if bare else _with_unit(kind)), "description": f"{_what(kind)}: {said}"})


def duration(low_ns: int, high_ns: int, limits: str, *, orbit_s: float | None = None) -> Leaf:
    """A duration in nanoseconds within [low_ns, high_ns]; "orbits" needs the period of one."""

    def read(value: object) -> int:
        number = units.parse_duration_ns(value, orbit_s=orbit_s)
        if not low_ns <= number <= high_ns:
            raise Refused(units.show(value), limits)
        return number

    return Leaf(read, {**_with_unit("time"), "description": f"{_what('time')}: {limits}"})


def whole(low: int, high: int) -> Leaf:
    """A whole number in [low, high]."""

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Refused(units.show(value), f"a whole number from {low} to {high}")
        return value

    return Leaf(read, {"type": "integer", "minimum": low, "maximum": high})


def text(*, longest: int = 256, pattern: str = "", shape: str = "", empty: bool = False) -> Leaf:
    """A text; `shape` says in words what `pattern` wants."""
    allowed = shape or f"a text of {0 if empty else 1} to {longest} characters"

    def read(value: object) -> str:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            raise Refused(units.show(value), f"{allowed} (put it in quotes)")
        if not isinstance(value, str) or len(value) > longest or (not value.strip() and not empty):
            raise Refused(units.show(value), allowed)
        if _CONTROL.search(value) or (pattern and not re.fullmatch(pattern, value, re.ASCII)):
            raise Refused(units.show(value), allowed)
        return value

    limits: Schema = {"pattern": f"^(?:{pattern})$"} if pattern else {"minLength": 0 if empty else 1}
    return Leaf(read, {"type": "string", "maxLength": longest, "description": allowed, **limits})


def choice(names: Iterable[str], *, prefix: str = "", longest: int = 64) -> Leaf:
    """One of these names; `prefix` says what they are."""
    known = tuple(names)

    def read(value: object) -> str:
        if isinstance(value, str) and value in known:
            return value
        raise Refused(units.show(value), prefix + one_of(known, value[:longest] if isinstance(value, str) else ""))

    return Leaf(read, {"enum": list(known)})


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise Refused(units.show(value), "true or false")
    return value


def plain_value(value: object) -> bool | int | float | str:
    """Any single value of moderate size."""
    if not isinstance(value, (bool, int, float, str)):
        raise Refused(units.show(value), "a value")
    if isinstance(value, str) and (len(value) > 256 or _CONTROL.search(value)):
        raise Refused(units.show(value), "at most 256 printable characters")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**53:
        raise Refused(units.show(value), "an integer within 2^53")
    return value


Flag = Annotated[bool, Leaf(_flag, {"type": "boolean"})]
Plain = Annotated[
    bool | int | float | str, Leaf(plain_value, {"anyOf": [{"type": kind} for kind in ("boolean", "number", "string")]})
]
Text = Annotated[str, text()]


def _what(kind: str) -> str:
    return units.allowed_units(kind)


def _with_unit(kind: str) -> Schema:
    names: Sequence[str] = list(units.DIMENSIONS.get(kind, ()))
    ends = "|".join(re.escape(name) for name in names if name)
    number = r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*"
    if kind == "time":
        return {"type": "string", "pattern": f"^({number}(ms|min|s|h|d|orbits?))+\\s*$"}
    return {"type": "string", "pattern": f"^{number}({ends})\\s*$" if ends else rf"^{number}\S.*$"}
