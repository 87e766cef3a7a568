"""The `orders:` of a scenario: what a spacecraft's devices are told, and when, while no flight software flies.

An order is an input of the plant: "attitude_mode", "accelerator_power_cap_w[gpu]", or without a part's name for all of
them. Names, words and limits are checked here, both when a scenario is read and when truth is flown.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError
from bus.scenario.model import Orders
from bus.text.leaves import Plain, duration
from bus.text.reader import Item
from bus.text.units import dimension_of_name, parse
from bus.wire.messages import Scalar
from node.designs.load import load_design
from node.devices.order_limits import ANY, LIMITS, WORDS
from node.plant.names import UnknownField, every_name, parts_of, resolve
from node.plant.state import layout

if TYPE_CHECKING:
    import numpy as np

MAX_ENTRIES = 10_000
MODE = "accelerator_mode"
"""An order whose words are the names of a chip's power modes."""
_AT = duration(0, 2**61, "0 s or later")
_VALUES = {"type": "object", "additionalProperties": {"type": ["boolean", "number", "string"]}}
_TIMED = {"type": "object", "required": ["at"], "properties": {"at": {"type": "string"}}, **_VALUES}
ORDERS_SCHEMA = {"anyOf": [_VALUES, {"type": "array", "items": _TIMED, "maxItems": MAX_ENTRIES}]}
HINT = "orders are inputs of the plant, such as 'accelerator_power_cap_w' or 'heater_command[battery_heater]'"


def read_orders(item: Item, design: str, span_s: float | None) -> tuple[Orders, ...]:
    """A mapping of orders that hold from the first tick on, or a list of mappings with a time `at` each; in the order
    of their times, then of the file."""
    if item.node is None:
        return ()
    if item.node.items is None:
        values = _read_values(item, item.read(dict[str, Plain]) or {}, design)
        return (Orders(at_s=0.0, values=values),) if values else ()
    found: list[Orders] = []
    for entry in item.list(0, MAX_ENTRIES):
        written = entry.read(dict[str, Any])
        if written is None:
            continue
        at_ns = entry.below("at").read(Annotated[int, _AT])
        written.pop("at", None)
        plain = entry.read_plain(dict[str, Plain], written, {})
        values = _read_values(entry, plain or {}, design)
        if at_ns is None:
            continue
        at_s = at_ns / 1e9
        if span_s is not None and at_s >= span_s:
            entry.below("at").warn(entry.below("at").found, f"a time before the end ({span_s:g} s), or it never acts")
        found.append(Orders(at_s=at_s, values=values))
    return tuple(sorted(found, key=lambda one: one.at_s))


def _read_values(item: Item, written: Mapping[str, Scalar], design: str) -> dict[str, Scalar]:
    values: dict[str, Scalar] = {}
    for name, value in written.items() if design else ():
        dimension = dimension_of_name(name)
        try:
            order = value if dimension == "number" else parse(value, dimension)
            check_order(design, name, order)
        except Refused as error:
            item.place((name,)).refuse(error.found, error.allowed)
        except (ScenarioError, UnknownNameError) as error:
            item.place((name,)).adopt(error)
        else:
            values[name] = order
    return values


def order_names(design: str) -> list[str]:
    """Every order of a design, parts by name."""
    return every_name(*_inputs(design))


def find_order(design: str, name: str) -> tuple[str, list[int | None]]:
    """Field and indices of an order; all parts where none is named. Raises UnknownNameError with the nearest names."""
    dtype, parts = _inputs(design)
    if name in (dtype.names or ()) and dtype[name].shape:
        members = parts_of(dtype, parts, name)
        if members:
            return name, list(range(len(members)))
    try:
        field, index = resolve(dtype, parts, name)
    except UnknownField as error:
        near = error.nearest or difflib.get_close_matches(name, order_names(design), 3)
        raise UnknownNameError("order", name, list(near), hint="" if near else HINT) from None
    return field, [index]


def check_order(design: str, name: str, value: Scalar) -> None:
    """Raises UnknownNameError for an order there is not, ScenarioError for a value that it does not take."""
    field, indices = find_order(design, name)
    for index in indices:
        number_of(field, value, _modes(design, index) if field == MODE else ())


def _modes(design: str, index: int | None) -> tuple[str, ...]:
    """Power modes of an accelerator group."""
    groups = list(load_design(design).form.accelerators.values())
    return tuple(groups[index or 0].chip.modes)


def number_of(field: str, value: Scalar, names: tuple[str, ...] = ()) -> float:
    """An order's value as the plant's number. `names`: words that a design has for it. Raises ScenarioError with what
    is allowed."""
    words = names or WORDS.get(field)
    if words is not None:
        if isinstance(value, bool):
            value = "on" if value else "off"
        if isinstance(value, str) and value.lower() in words:
            return float(words.index(value.lower()))
        if isinstance(value, (int, float)) and not isinstance(value, bool) and value in range(len(words)):
            return float(value)
        raise _refused(value, ", ".join(f"{word} ({n})" for n, word in enumerate(words)))
    if isinstance(value, (str, bytes, bool)):
        raise _refused(value, "a number")
    low, high = LIMITS.get(field, ANY)
    if not math.isfinite(value) or not low <= value <= high:
        raise _refused(value, f"{low:g} to {high:g}")
    return float(value)


def give_orders(inputs: np.ndarray, design: str, orders: Mapping[str, Scalar]) -> None:
    """Write orders into a plant's inputs, one after the other."""
    for name, value in orders.items():
        field, indices = find_order(design, name)
        for index in indices:
            number = number_of(field, value, _modes(design, index) if field == MODE else ())
            if index is None:
                inputs[field][0] = number
            else:
                inputs[field][0][index] = number


def _inputs(design: str) -> tuple[np.dtype[np.void], Mapping[str, Sequence[str]]]:
    form = load_design(design)
    return layout(form.form.capacity_class).order, form.names


def _refused(value: object, allowed: str) -> ScenarioError:
    return ScenarioError([Mistake("", 0, 0, "", repr(value)[:60], allowed)])
