"""The fixed binary form of what a dictionary declares: the data fields of its telecommands and reports.

Big-endian, without padding, by position: float 8 bytes (IEEE 754), int 8 bytes (two's complement), bool and enum the
position of the label in 1 and 2 bytes; a function's number goes before its arguments in 2 bytes. Headers (APID,
sequence count) are a gateway's. `DecodeError` for bytes that are no such form.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bus.dictionary import Argument, Dictionary, Parameter, Structure, TelecommandForm
from bus.errors import DecodeError
from bus.wire.messages import Scalar

_CODES = {"float": "d", "int": "q", "bool": "?", "enum": "H"}
_FUNCTION = struct.Struct(">H")


def form_of(items: Iterable[Argument | Parameter]) -> struct.Struct:
    """The layout of these values. KeyError for a text, which has no fixed form and is in no declaration on board."""
    return struct.Struct(">" + "".join(_CODES[item.type] for item in items))


def telecommand_data(form: TelecommandForm, arguments: Mapping[str, Scalar]) -> bytes:
    """The application data of a telecommand whose arguments have been checked."""
    values = [
        a.labels.index(str(arguments[a.name])) if a.type == "enum" else arguments[a.name] for a in form.arguments
    ]  # fmt: skip
    number = b"" if form.function is None else _FUNCTION.pack(form.function)
    return number + form_of(form.arguments).pack(*values)


def read_telecommand(
    dictionary: Dictionary, service: int, subtype: int, data: bytes
) -> tuple[TelecommandForm, dict[str, Scalar]]:
    """Which telecommand this is, and its arguments as a person gives them. Limits are not checked here."""
    for form in dictionary.telecommands:
        head = b"" if form.function is None else _FUNCTION.pack(form.function)
        if (form.service, form.subtype) == (service, subtype) and data.startswith(head):
            values = _unpack(form_of(form.arguments), data[len(head) :])
            return form, {a.name: _label(a, v) for a, v in zip(form.arguments, values, strict=True)}
    raise DecodeError(f"no telecommand {service},{subtype} in the dictionary begins like this")


def report_data(dictionary: Dictionary, structure: Structure, values: Sequence[float]) -> bytes:
    """The source data of a report of this structure."""
    items = [dictionary.parameter[name] for name in structure.parameters]
    kinds = {"float": float, "int": int, "bool": bool, "enum": int}
    return form_of(items).pack(*(kinds[item.type](value) for item, value in zip(items, values, strict=True)))


def read_report(dictionary: Dictionary, structure: Structure, data: bytes) -> tuple[float, ...]:
    """The values of a report, as telemetry carries them."""
    values = _unpack(form_of(dictionary.parameter[name] for name in structure.parameters), data)
    return tuple(float(value) for value in values)


def _unpack(form: struct.Struct, data: bytes) -> tuple[Any, ...]:
    try:
        return form.unpack(data)
    except struct.error as error:
        raise DecodeError(f"{len(data)} bytes of data, expected {form.size}") from error


def _label(argument: Argument, value: Any) -> Scalar:
    if argument.type != "enum":
        scalar: Scalar = value
        return scalar
    if value >= len(argument.labels):
        raise DecodeError(f"{argument.name}: no label at {value}")
    return argument.labels[int(value)]
