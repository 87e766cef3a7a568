"""Conditions on telemetry: "battery_soc > 50 %", "mode == SAFE". Read once in people's units; judged on readings.

A canonical condition is parameter, comparison and plain number ("battery_soc > 0.5"); an enumeration's word is its
position. On the ground and on board they mean the same. No state here.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable

from bus.dictionary import Dictionary
from bus.errors import Refused
from bus.text.near import one_of
from bus.text.units import parse, parse_as, show

COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip
_FORM = re.compile(r"\s*([a-z][a-z0-9_.]*)\s*(<=|>=|==|!=|<|>)\s*(.+?)\s*")
SHAPE = "a parameter, a comparison and a value, such as 'battery_soc > 50 %'"


def canonical(dictionary: Dictionary, written: object) -> str:
    """The condition in plain numbers. Raises Refused with what is allowed."""
    match = _FORM.fullmatch(written) if isinstance(written, str) and len(written) <= 256 else None
    if match is None:
        raise Refused(show(written), SHAPE)
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
