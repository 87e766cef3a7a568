"""What a person or program outside may ask, checked before anything is radiated, and how the answer is worded.

`check_telecommand` is the one check of arguments on the ground; scenario files and the operator's port use the same.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from bus.dictionary import Argument, Dictionary, TelecommandForm
from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError
from bus.pus import Code
from bus.text.near import one_of
from bus.text.units import has_unit, parse_as
from bus.wire.messages import OperatorReply, Scalar

MAX_TEXT = 1024
MOST_HEX_BYTES = 128
"""Of bytes as hexadecimal digits: what a text holds."""
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})+")


class Parts(NamedTuple):
    """Arguments of a telecommand: its own, and those of the telecommand that it carries, whose form is `carried`."""

    own: dict[str, Scalar]
    carried: TelecommandForm | None
    arguments: dict[str, Scalar]


def parts(known: Mapping[str, TelecommandForm], form: TelecommandForm, arguments: Mapping[str, Scalar]) -> Parts:
    """Which arguments are whose. One that carries may not be carried, so that nothing is nested without end."""
    carrier = form.carrier
    carried = known.get(str(arguments.get(carrier.name))) if carrier is not None else None
    if carried is None or carried.carrier is not None:
        return Parts(dict(arguments), None, {})
    names = {argument.name for argument in form.arguments}
    own = {name: value for name, value in arguments.items() if name in names}
    return Parts(own, carried, {name: value for name, value in arguments.items() if name not in names})


def carried_labels(known: Mapping[str, TelecommandForm]) -> tuple[str, ...]:
    """Telecommands that another one can carry."""
    return tuple(name for name, form in known.items() if form.carrier is None)


def check_telecommand(dictionary: Dictionary, name: str, arguments: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Arguments complete, typed and within limits, defaults filled in, in the dictionary's order.

    Raises UnknownNameError for a name that is not in the dictionary, ScenarioError with every Mistake otherwise
    (`field` is `arguments.<name>`).
    """
    form = dictionary.telecommand.get(name)
    if form is None:
        nearest = difflib.get_close_matches(name, [t.name for t in dictionary.telecommands], 3)
        raise UnknownNameError("telecommand", name, nearest, hint="`skyrack list telecommands` has all of them")
    split = parts(dictionary.telecommand, form, arguments)
    mistakes, checked = _checked(dictionary, form, split.own)
    if split.carried is not None:
        more, inner = _checked(dictionary, split.carried, split.arguments)
        mistakes += more
        checked |= inner
    if mistakes:
        raise ScenarioError(mistakes, hint=f"`skyrack list telecommands` shows the arguments of {name}")
    return checked


def check_arguments(
    forms: Sequence[Argument], arguments: Mapping[str, Scalar], name: str, *, hint: str = ""
) -> dict[str, Scalar]:
    """Arguments complete, typed and within limits, defaults filled in, in the order of their forms. `name`: of whatever
    takes them. Raises ScenarioError with every Mistake."""
    mistakes = _strangers(name, forms, arguments)
    more, checked = _values(forms, arguments)
    if mistakes or more:
        raise ScenarioError(mistakes + more, hint=hint)
    return checked


def _checked(
    dictionary: Dictionary, form: TelecommandForm, arguments: Mapping[str, Scalar]
) -> tuple[list[Mistake], dict[str, Scalar]]:
    mistakes = _strangers(form.name, form.arguments, arguments)
    if mistakes and form.carrier is not None and verdict(form.carrier, arguments.get(form.carrier.name)) is Code.NONE:
        mistakes = []  # arguments of a telecommand that is unknown itself, which is told below
    carried = carried_labels(dictionary.telecommand) if form.carrier is not None else ()
    more, checked = _values(form.arguments, arguments, carried)
    for argument in form.arguments:
        if argument.type == "steps" and argument.name in checked:
            more += _wrong_steps(dictionary, argument.name, str(checked[argument.name]))
    if form.spans is not None and set(form.spans) <= set(checked):
        more += _beyond(form, checked)
    return mistakes + more, checked


def _beyond(form: TelecommandForm, checked: Mapping[str, Scalar]) -> list[Mistake]:
    """A range that does not end where the last of them is."""
    first, extent = form.spans or ("", "")
    size = checked[extent]
    many = -(-len(size) // 16) if isinstance(size, str) else int(size)
    high = next(argument.high for argument in form.arguments if argument.name == first)
    last = int(checked[first]) + many - 1
    if high is None or last <= high:
        return []
    return [_mistake(extent, f"{many} from {checked[first]} on, to {last}", f"a range that ends at {high:g} or before")]


def _wrong_steps(dictionary: Dictionary, name: str, text: str) -> list[Mistake]:
    from bus.on_board_steps import read_steps  # noqa: PLC0415 - steps are telecommands, and are checked here in turn

    try:
        read_steps(dictionary, text)
    except Refused as error:
        return [_mistake(name, error.found, error.allowed)]
    return []


def _values(
    forms: Sequence[Argument], arguments: Mapping[str, Scalar], telecommands: Collection[str] = ()
) -> tuple[list[Mistake], dict[str, Scalar]]:
    mistakes: list[Mistake] = []
    checked: dict[str, Scalar] = {}
    for argument in forms:
        value = arguments.get(argument.name, argument.default)
        if value is None:
            mistakes.append(_mistake(argument.name, "nothing", allowed(argument)))
            continue
        if verdict(argument, value) is not Code.NONE:
            mistakes.append(_not_allowed(argument, value))
        elif argument.type == "telecommand" and value not in telecommands:
            nearest = difflib.get_close_matches(str(value), telecommands, 3) or list(telecommands)
            mistakes.append(_mistake(argument.name, shown(value), " | ".join(nearest)))
        else:
            checked[argument.name] = float(value) if argument.type == "float" else value
    return mistakes, checked


def is_hazardous(dictionary: Dictionary, name: str, arguments: Mapping[str, Scalar]) -> bool:
    """Whether a checked telecommand, or one that it carries, needs a second word."""
    form = dictionary.telecommand[name]
    carried = parts(dictionary.telecommand, form, arguments).carried
    return form.hazardous or (carried is not None and carried.hazardous)


def in_units(known: Dictionary, name: str, arguments: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Arguments as people write them ("12 kW", "25 %") as plain numbers in the unit of the dictionary."""
    form = known.telecommand.get(name)
    carried = parts(known.telecommand, form, arguments).carried if form else None
    declared = (*form.arguments, *(carried.arguments if carried else ())) if form else ()
    try:
        return in_units_of(declared, arguments)
    except ScenarioError as error:
        raise ScenarioError(
            error.mistakes, hint=f"`skyrack list telecommands` shows the arguments of {name}"
        ) from error


def in_units_of(forms: Sequence[Argument], arguments: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The same for arguments of these forms; others stay as they are."""
    numeric = {form.name: form.unit for form in forms if form.type in ("float", "int")}
    converted: dict[str, Scalar] = {}
    mistakes = []
    for key, value in arguments.items():
        converted[key] = value
        if key in numeric and (isinstance(value, str) or has_unit(numeric[key])):
            try:
                number = parse_as(value, numeric[key])
            except Refused as error:
                mistakes.append(Mistake("", 0, 0, f"arguments.{key}", error.found, error.allowed))
                continue
            converted[key] = int(number) if number.is_integer() and "." not in str(value) else number
    if mistakes:
        raise ScenarioError(mistakes)
    return converted


def allowed(argument: Argument) -> str:
    """The values an argument takes, in words."""
    if argument.labels:
        return " | ".join(argument.labels) + (", one or more with commas between" if argument.type == "list" else "")
    if argument.type == "bool":
        return "true | false"
    if argument.type == "telecommand":
        return "the name of a telecommand, whose own arguments stand beside it"
    if argument.type == "hex":
        word, most = 2 * int(argument.low or 1), 2 * int(argument.high or MOST_HEX_BYTES)
        shape = "hexadecimal digits, two a byte" if word == 2 else f"{word} hexadecimal digits a word"
        return f"{shape}, at most {most}"
    if argument.type in {"str", "steps"}:
        return "a text of at most 256 characters"
    what = "a whole number" if argument.type == "int" else "a number"
    low = "" if argument.low is None else f" from {argument.low:g}"
    high = "" if argument.high is None else f" to {argument.high:g}"
    unit = f" ({argument.unit})" if argument.unit else ""
    return f"{what}{low}{high}{unit}"


def listed(text: str) -> list[str]:
    """The words of a list."""
    return [word.strip() for word in text.split(",")]


def unlisted(argument: Argument, text: str) -> list[str]:
    """Words of a list that are none of its labels; all of them where it is too long for a telecommand."""
    words = listed(text)
    return words if len(text) > 256 else [word for word in words if word not in argument.labels]


def verdict(argument: Argument, value: object) -> Code:
    """Whether a value is one that the argument takes: WRONG_ARGUMENT for another type, OUT_OF_RANGE, or NONE.

    Asked on the ground before a telecommand leaves, and again on board, because the ground may be wrong.
    """
    kind = argument.type
    if kind == "bool":
        return Code.NONE if isinstance(value, bool) else Code.WRONG_ARGUMENT
    if kind in {"enum", "str", "list", "steps", "hex", "telecommand"}:
        if not isinstance(value, str):
            return Code.WRONG_ARGUMENT
        if kind == "hex":
            return _bytes(argument, value)
        if kind == "list":
            return Code.NONE if not unlisted(argument, value) else Code.OUT_OF_RANGE
        named = value in argument.labels if kind == "enum" or argument.labels else len(value) <= 256
        return Code.NONE if named else Code.OUT_OF_RANGE
    if isinstance(value, bool) or not isinstance(value, int if kind == "int" else int | float):
        return Code.WRONG_ARGUMENT
    if not math.isfinite(value) or abs(value) > 2**53:
        return Code.OUT_OF_RANGE
    too_low = argument.low is not None and value < argument.low
    too_high = argument.high is not None and value > argument.high
    return Code.OUT_OF_RANGE if too_low or too_high else Code.NONE


def _bytes(argument: Argument, digits: str) -> Code:
    """Hexadecimal digits, of whole words, and not too many."""
    if _HEX.fullmatch(digits) is None or len(digits) % (2 * int(argument.low or 1)):
        return Code.WRONG_ARGUMENT
    return Code.NONE if len(digits) <= 2 * int(argument.high or MOST_HEX_BYTES) else Code.OUT_OF_RANGE


def _strangers(name: str, forms: Sequence[Argument], arguments: Mapping[str, Scalar]) -> list[Mistake]:
    """Arguments that are given and that nothing takes."""
    known = [form.name for form in forms]
    return [
        _mistake(given, "an unknown argument", " | ".join(known))
        if known
        else _mistake(given, "an argument", f"{name} takes none")
        for given in arguments
        if given not in known
    ]


def _not_allowed(argument: Argument, value: Scalar) -> Mistake:
    """A value that the argument does not take. Of a list, the first word that is none of its labels, and its like."""
    wrong = unlisted(argument, value) if argument.type == "list" and isinstance(value, str) else []
    if wrong and len(str(value)) <= 256:
        return _mistake(argument.name, shown(wrong[0]), one_of(argument.labels, wrong[0]))
    found = shown(value) if argument.type != "list" else f"{shown(value)}, {len(str(value))} characters"
    return _mistake(argument.name, found, allowed(argument) if not wrong else "at most 256 characters")


def _mistake(name: str, found: str, possible: str) -> Mistake:
    return Mistake(file="", line=0, column=0, field=f"arguments.{name}", found=found, allowed=possible)


def shown(value: object) -> str:
    """A value as it is told in a refusal, of bounded length."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def refusal_text(error: UnknownNameError | ScenarioError) -> str:
    """Why a request was refused, for one line of a reply."""
    if isinstance(error, ScenarioError):
        text = "; ".join(f"{m.field}: found {m.found}; allowed: {m.allowed}" for m in error.mistakes)
    else:
        text = error.message
    return text[:MAX_TEXT]


def reply(
    token: int, request: int, state: str, detail: str, *, final: bool, of: tuple[str, str] = ("", "")
) -> OperatorReply:
    """What became of an operator's request so far; `of`: spacecraft and telecommand."""
    spacecraft, name = (text if len(text) <= 64 else "" for text in of)
    return OperatorReply(
        token=token, request=request, state=state, detail=detail[:MAX_TEXT], final=final, spacecraft=spacecraft,
        name=name,
    )  # fmt: skip
