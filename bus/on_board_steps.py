"""The steps of an on-board procedure (service 18) as people write them and as they fly: read by one reader on the
ground and on board.

`do TELECOMMAND name=value ...`, `if CONDITION do TELECOMMAND name=value ...`, `wait TIME`, `until CONDITION within
TIME`, `check CONDITION`, `stop unless CONDITION`. Several steps on a line are separated by semicolons. What runs them
is on board; nothing is run here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import IntEnum

from bus.condition import canonical
from bus.dictionary import Dictionary
from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.pus import Service
from bus.telecommand_check import check_telecommand, in_units
from bus.text.near import one_of
from bus.text.units import parse
from bus.wire.messages import Scalar

MOST_STEPS = 64
"""Of one procedure [A]."""
LONGEST_S = 86_400.0
"""Of one wait [A]."""
SHAPES = (
    "do TELECOMMAND name=value ..., if CONDITION do TELECOMMAND ..., wait TIME, until CONDITION within TIME, "
    "check CONDITION, or stop unless CONDITION"
)
_IF = re.compile(r"if (.+) do (.+)")
_UNTIL = re.compile(r"until (.+) within (.+)")
_WORD = re.compile(r"""([a-z][a-z0-9_.]*)=("[^"]*"|'[^']*'|\S+)""")


class Do(IntEnum):
    """What a step is."""

    TELECOMMAND = 0
    WAIT = 1
    UNTIL = 2
    CHECK = 3
    STOP_UNLESS = 4


@dataclass(slots=True)
class Step:
    """One step. `condition` is canonical, empty for none: a telecommand is carried out only if it holds."""

    do: Do
    condition: str = ""
    span_s: float = 0.0
    telecommand: str = ""
    arguments: dict[str, Scalar] = field(default_factory=dict)


def split(text: str) -> list[str]:
    """The steps of a line."""
    return [step.strip() for step in text.split(";") if step.strip()]


def read_step(dictionary: Dictionary, text: str) -> Step:
    """One step. Raises Refused with what was found and what is allowed."""
    words = " ".join(text.split())
    if words.startswith("do "):
        return _telecommand(dictionary, words[3:], "")
    if found := _IF.fullmatch(words):
        return _telecommand(dictionary, found[2], _condition(dictionary, found[1]))
    if words.startswith("wait "):
        return Step(Do.WAIT, span_s=_span(words[5:]))
    if found := _UNTIL.fullmatch(words):
        return Step(Do.UNTIL, _condition(dictionary, found[1]), _span(found[2]))
    if words.startswith("check "):
        return Step(Do.CHECK, _condition(dictionary, words[6:]))
    if words.startswith("stop unless "):
        return Step(Do.STOP_UNLESS, _condition(dictionary, words[12:]))
    raise Refused(repr(words[:80]), SHAPES)


def read_steps(dictionary: Dictionary, text: str) -> list[Step]:
    """The steps of a line. Raises Refused, with the number of the step that is wrong."""
    written = split(text)
    if not written:
        raise Refused(repr(text[:80]), SHAPES)
    steps = []
    for number, one in enumerate(written, start=1):
        try:
            steps.append(read_step(dictionary, one))
        except Refused as error:
            raise Refused(f"step {number}: {error.found}", error.allowed) from None
    return steps


def _span(text: str) -> float:
    span_s = parse(text, "time")
    if not 0.0 < span_s <= LONGEST_S:
        raise Refused(repr(text), f"above 0 s, up to {LONGEST_S:g} s")
    return span_s


def _condition(dictionary: Dictionary, text: str) -> str:
    """Only of what is in the data pool: answers to telecommands are not readings."""
    condition = canonical(dictionary, text)
    name = condition.split(" ")[0]
    reported = [n for s in dictionary.structures if s.interval_s for n in s.parameters]
    if name not in reported:
        raise Refused(repr(name), f"a telemetered parameter that comes by itself: {one_of(reported, name)}")
    return condition


def _telecommand(dictionary: Dictionary, text: str, condition: str) -> Step:
    name, _, rest = text.partition(" ")
    form = dictionary.telecommand.get(name)
    if form is not None and (form.carrier is not None or form.service == Service.PROCEDURE):
        raise Refused(name, "a telecommand that carries no other and is about no procedure")
    left = _WORD.sub("", rest).strip()
    if left:
        raise Refused(repr(left), "arguments as name=value, with a space between two")
    arguments: dict[str, Scalar] = {key: _value(value) for key, value in _WORD.findall(rest)}
    try:
        checked = check_telecommand(dictionary, name, in_units(dictionary, name, arguments))
    except UnknownNameError as error:
        raise Refused(repr(name), f"a telecommand: {one_of(dictionary.telecommand, name)}") from error
    except ScenarioError as error:
        wrong = error.mistakes[0]
        raise Refused(f"{name}: {wrong.field}: {wrong.found}", wrong.allowed) from error
    return Step(Do.TELECOMMAND, condition, 0.0, name, checked)


def _value(text: str) -> Scalar:
    """As YAML would have it: truth, a whole number, a number, or words."""
    if text[0] in "\"'":
        return text[1:-1]
    if text in {"true", "false"}:
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
