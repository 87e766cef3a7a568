"""Conditions on telemetry: "battery_soc > 50 %", "mode == SAFE". Read once in people's units; judged on readings.

A canonical condition is parameter, comparison and plain number ("battery_soc > 0.5"); an enumeration's word is its
position. No state here.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable
from functools import lru_cache

from bus.dictionary import Dictionary, Structure
from bus.errors import Mistake, Refused, ScenarioError
from bus.text.near import one_of
from bus.text.units import parse, parse_as, show
from bus.wire.messages import Telemetry

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FORM = re.compile(r"\s*([a-z][a-z0-9_.]*)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*")
_SHAPE = "a parameter, a comparison and a value, such as 'battery_soc > 50 %'"


def canonical(dictionary: Dictionary, written: object) -> str:
    """The condition in plain numbers. Raises Refused with what is allowed."""
    match = _FORM.fullmatch(written) if isinstance(written, str) and len(written) <= 256 else None
    if match is None:
        raise Refused(show(written), _SHAPE)
    name, comparison, text = match.groups()
    parameter = dictionary.parameter.get(name)
    if parameter is None:
        raise Refused(repr(name), f"a telemetered parameter: {one_of(dictionary.parameter, name)}")
    if parameter.labels:
        if text not in parameter.labels:
            raise Refused(repr(text), one_of(parameter.labels, text))
        return f"{name} {comparison} {parameter.labels.index(text)}"
    if text in ("true", "false"):
        return f"{name} {comparison} {int(text == 'true')}"
    try:
        value = float(text)
    except ValueError:
        value = parse(text, "fraction") if parameter.unit in ("", "1") else parse_as(text, parameter.unit)
    return f"{name} {comparison} {value!r}"


def check_condition(dictionary: Dictionary, condition: str) -> None:
    """Whether a canonical condition, or none, can be judged. Raises ScenarioError."""
    parts = condition.split(" ")
    try:
        right = len(parts) == 3 and parts[1] in COMPARISONS and math.isfinite(float(parts[2]))
    except ValueError:
        right = False
    if condition and not right:
        raise ScenarioError([Mistake("", 0, 0, "condition", repr(condition), _SHAPE)])
    if condition and parts[0] not in dictionary.parameter:
        near = one_of(dictionary.parameter, parts[0])
        raise ScenarioError([Mistake("", 0, 0, "condition", repr(parts[0]), f"a telemetered parameter: {near}")])


def judged(
    dictionary: Dictionary, condition: str, report: Telemetry, form: Structure | None
) -> tuple[bool, str] | None:
    """Whether the condition holds in this report of that form, and the reading in words; None where it does not say."""
    name, comparison, bound = condition.split(" ")
    place = -1 if form is None else _places_of(form.parameters).get(name, -1)
    if not 0 <= place < len(report.values) or report.dictionary.hex() != dictionary.version:
        return None
    value, parameter = report.values[place], dictionary.parameter[name]
    shown = parameter.label(value) or f"{value:.6g} {parameter.unit}".rstrip()
    return COMPARISONS[comparison](value, float(bound)), f"{name} is {shown}"


def worded(dictionary: Dictionary, condition: str) -> str:
    """A canonical condition for people: an enumeration's word instead of its position."""
    name, _, bound = condition.rpartition(" ")
    parameter = dictionary.parameter.get(name.partition(" ")[0])
    label = parameter.label(float(bound)) if parameter is not None and bound else ""
    return f"{name} {label}" if label else condition


@lru_cache(maxsize=256)
def _places_of(parameters: tuple[str, ...]) -> dict[str, int]:
    return {name: place for place, name in enumerate(parameters)}
