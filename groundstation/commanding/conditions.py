"""Canonical conditions on telemetry (`bus.condition`) judged on the packets that come in. No state here."""

from __future__ import annotations

import math
from functools import lru_cache

from bus.condition import COMPARISONS, SHAPE
from bus.dictionary import Dictionary, Structure
from bus.errors import Mistake, ScenarioError
from bus.text.near import one_of
from bus.wire.messages import Telemetry


def check_condition(dictionary: Dictionary, condition: str) -> None:
    """Whether a canonical condition, or none, can be judged. Raises ScenarioError."""
    parts = condition.split(" ")
    try:
        right = len(parts) == 3 and parts[1] in COMPARISONS and math.isfinite(float(parts[2]))
    except ValueError:
        right = False
    if condition and not right:
        raise ScenarioError([Mistake("", 0, 0, "condition", repr(condition), SHAPE)])
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
