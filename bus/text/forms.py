"""Forms: what may stand where in a file, as pydantic models, and the words for what does not fit.

A required field that is not there is read as nothing, so that its own kind says what is allowed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationInfo, model_validator

from bus.errors import Refused
from bus.text.near import one_of
from bus.text.units import show

_FIELDS = "fields by identity of their mapping"
_NOTHING = type(None)


class Form(BaseModel):
    """Every form: frozen, and an unknown field is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _as_mapping(cls, data: object, info: ValidationInfo) -> object:
        if isinstance(data, cls):
            return data
        known = fields_of(cls)
        if not isinstance(data, dict):
            raise Refused(show(data), f"a mapping of {', '.join(known)}")
        if isinstance(info.context, dict):
            info.context.setdefault(_FIELDS, {})[id(data)] = known
        return {**_needed(cls), **data}


def says(meaning: str, default: Any = ...) -> Any:
    """What a field means, for reference pages and editors; required unless there is a default."""
    return Field(description=meaning) if default is ... else Field(default, description=meaning)


def fields_of(form: type[BaseModel]) -> tuple[str, ...]:
    """The fields of a form as they are written."""
    return tuple(field.alias or name for name, field in form.model_fields.items())


@cache
def _needed(form: type[BaseModel]) -> Mapping[str, None]:
    required = [(name, field) for name, field in form.model_fields.items() if field.is_required()]
    return {field.alias or name: None for name, field in required if _NOTHING not in get_args(field.annotation)}


@cache
def annotation_of(form: type[BaseModel], name: str) -> Any:
    """A field's kind by itself."""
    field = form.model_fields[name]
    return Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation


@cache
def adapter(form: Any) -> TypeAdapter[Any]:
    """The reader of a form or of any annotation."""
    return TypeAdapter(form)


def in_words(problem: Mapping[str, Any], data: object, context: Mapping[str, Any]) -> tuple[str, str]:
    """What was found and what is allowed, of one of pydantic's errors about `data`."""
    kind, value, details = problem["type"], problem["input"], problem.get("ctx", {})
    refused = details.get("error")
    if isinstance(refused, Refused):
        return refused.found, refused.allowed
    if kind == "extra_forbidden":
        known = context.get(_FIELDS, {}).get(id(_parent(data, problem["loc"])), ())
        return "an unknown field", one_of(known, str(problem["loc"][-1]))
    if kind == "literal_error":
        return show(value), one_of(
            re.findall(r"'([^']*)'", details["expected"]), value if isinstance(value, str) else ""
        )
    if kind in ("too_short", "too_long"):
        what = "a mapping" if isinstance(value, dict) else "a list"
        bound = f"at least {details['min_length']}" if kind == "too_short" else f"at most {details['max_length']}"
        return f"{what} of {details['actual_length']}", f"{what} of {bound}"
    if kind in _BOUNDS:
        word, key = _BOUNDS[kind]
        return show(value), f"{word} {details[key]}"
    allowed = _PLAIN.get(kind) or (str(refused) if refused is not None else problem["msg"])
    return ("nothing" if kind == "missing" else show(value)), allowed


_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("above", "gt"),
    "less_than": ("below", "lt"),
    "string_pattern_mismatch": ("a name of the form", "pattern"),
}
_PLAIN = {
    "list_type": "a list",
    "tuple_type": "a list",
    "dict_type": "a mapping",
    "string_type": "a text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "missing": "a value",
}


def _parent(data: Any, loc: tuple[Any, ...]) -> object:
    for step in loc[:-1]:
        if (isinstance(data, dict) and step in data) or (isinstance(data, list) and isinstance(step, int)):
            data = data[step]
    return data
