"""The fixed binary form of what a dictionary declares: the data fields of its telecommands and reports.

Big-endian, without padding, by position: float 8 bytes (IEEE 754), int 8 bytes (two's complement), bool and enum the
position of the label in 1 and 2 bytes; a function's number goes before its arguments in 2 bytes. A text (length in 2
bytes, UTF-8) or a carried telecommand (service and subtype in 1 byte each, then its own data) comes last. Headers
(APID, sequence count) are a gateway's. `DecodeError` for bytes that are no such form.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bus.dictionary import Argument, Dictionary, Parameter, Structure, TelecommandForm
from bus.errors import DecodeError
from bus.wire.messages import Scalar

_CODES = {"float": "d", "int": "q", "bool": "?", "enum": "H"}
_TEXTS = ("str", "list", "steps", "hex")
_FUNCTION = _LENGTH = struct.Struct(">H")


def form_of(items: Iterable[Argument | Parameter]) -> struct.Struct:
    """The layout of these values. KeyError for what has no fixed form: a text, a telecommand."""
    return struct.Struct(">" + "".join(_CODES[item.type] for item in items))


def telecommand_data(dictionary: Dictionary, form: TelecommandForm, arguments: Mapping[str, Scalar]) -> bytes:
    """The application data of a telecommand whose arguments have been checked."""
    fixed, last = _split(form)
    values = [a.labels.index(str(arguments[a.name])) if a.type == "enum" else arguments[a.name] for a in fixed]
    number = b"" if form.function is None else _FUNCTION.pack(form.function)
    data = number + form_of(fixed).pack(*values)
    if last is None:
        return data
    if last.type in _TEXTS:
        text = str(arguments[last.name]).encode()
        return data + _LENGTH.pack(len(text)) + text
    inner = dictionary.telecommand[str(arguments[last.name])]
    return data + bytes((inner.service, inner.subtype)) + telecommand_data(dictionary, inner, arguments)


def read_telecommand(
    dictionary: Dictionary, service: int, subtype: int, data: bytes
) -> tuple[TelecommandForm, dict[str, Scalar]]:
    """Which telecommand this is, and its arguments as a person gives them. Limits are not checked here."""
    for form in dictionary.telecommands:
        head = b"" if form.function is None else _FUNCTION.pack(form.function)
        if (form.service, form.subtype) == (service, subtype) and data.startswith(head):
            fixed, last = _split(form)
            layout = form_of(fixed)
            end = len(data) if last is None else len(head) + layout.size
            values = _unpack(layout, data[len(head) : end])
            arguments = {a.name: _label(a, v) for a, v in zip(fixed, values, strict=True)}
            return form, arguments if last is None else arguments | _tail(dictionary, last, data[end:])
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


def _split(form: TelecommandForm) -> tuple[tuple[Argument, ...], Argument | None]:
    """What has a fixed form, and what comes behind it."""
    last = form.arguments[-1] if form.arguments and form.arguments[-1].type not in _CODES else None
    return form.arguments if last is None else form.arguments[:-1], last


def _tail(dictionary: Dictionary, last: Argument, data: bytes) -> dict[str, Scalar]:
    if len(data) < _LENGTH.size:
        raise DecodeError(f"{last.name}: {len(data)} bytes, expected {_LENGTH.size} or more")
    if last.type in _TEXTS:
        text = data[_LENGTH.size :]
        if len(text) != _LENGTH.unpack_from(data)[0]:
            raise DecodeError(f"{last.name}: {len(text)} bytes, expected {_LENGTH.unpack_from(data)[0]}")
        try:
            return {last.name: text.decode()}
        except UnicodeDecodeError as error:
            raise DecodeError(f"{last.name}: no text in UTF-8") from error
    if any((f.service, f.subtype) == (data[0], data[1]) and f.carrier for f in dictionary.telecommands):
        raise DecodeError(f"{last.name}: telecommand {data[0]},{data[1]} cannot be carried")
    form, arguments = read_telecommand(dictionary, data[0], data[1], data[2:])
    return {last.name: form.name} | arguments


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
