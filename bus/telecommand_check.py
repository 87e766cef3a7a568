"""What a person or program outside may ask, checked before anything is radiated, and how the answer is worded.

`check_telecommand` is the one check of arguments on the ground; scenario files and the operator's port use the same.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping

from bus.dictionary import Argument, Dictionary, TelecommandForm
from bus.errors import Mistake, ScenarioError, UnknownNameError
from bus.wire.messages import OperatorReply, Scalar

MAX_TEXT = 1024


def check_telecommand(dictionary: Dictionary, name: str, arguments: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """Arguments complete, typed and within limits, defaults filled in, in the dictionary's order.

    Raises UnknownNameError for a name that is not in the dictionary, ScenarioError with every Mistake otherwise
    (`field` is `arguments.<name>`).
    """
    form = dictionary.telecommand.get(name)
    if form is None:
        nearest = difflib.get_close_matches(name, [t.name for t in dictionary.telecommands], 3)
        raise UnknownNameError("telecommand", name, nearest, hint="`skyrack list telecommands` has all of them")
    mistakes = [_unknown(form, given) for given in arguments if given not in {a.name for a in form.arguments}]
    checked: dict[str, Scalar] = {}
    for argument in form.arguments:
        value = arguments.get(argument.name, argument.default)
        if value is None:
            mistakes.append(_mistake(argument.name, "nothing", allowed(argument)))
            continue
        good = _accept(argument, value)
        if good is None:
            mistakes.append(_mistake(argument.name, _shown(value), allowed(argument)))
        else:
            checked[argument.name] = good
    if mistakes:
        raise ScenarioError(mistakes, hint=f"`skyrack list telecommands` shows the arguments of {name}")
    return checked


def allowed(argument: Argument) -> str:
    """The values an argument takes, in words."""
    if argument.labels:
        return " | ".join(argument.labels)
    if argument.type == "bool":
        return "true | false"
    if argument.type == "str":
        return "a text of at most 256 characters"
    what = "a whole number" if argument.type == "int" else "a number"
    low = "" if argument.low is None else f" from {argument.low:g}"
    high = "" if argument.high is None else f" to {argument.high:g}"
    unit = f" ({argument.unit})" if argument.unit else ""
    return f"{what}{low}{high}{unit}"


def _accept(argument: Argument, value: Scalar) -> Scalar | None:
    """The value in the argument's type, or None if it is no such value."""
    kind = argument.type
    if kind == "bool":
        return value if isinstance(value, bool) else None
    if kind == "enum":
        return value if isinstance(value, str) and value in argument.labels else None
    if kind == "str":
        fits = isinstance(value, str) and len(value) <= 256 and (not argument.labels or value in argument.labels)
        return value if fits else None
    if isinstance(value, bool | str):
        return None
    if kind == "int" and not isinstance(value, int):
        return None
    if not math.isfinite(value) or abs(value) > 2**53:
        return None
    if argument.low is not None and value < argument.low:
        return None
    if argument.high is not None and value > argument.high:
        return None
    return value if kind == "int" else float(value)


def _unknown(form: TelecommandForm, given: str) -> Mistake:
    names = [argument.name for argument in form.arguments]
    if not names:
        return _mistake(given, "an argument", f"{form.name} takes none")
    return _mistake(given, "an unknown argument", " | ".join(names))


def _mistake(name: str, found: str, possible: str) -> Mistake:
    return Mistake(file="", line=0, column=0, field=f"arguments.{name}", found=found, allowed=possible)


def _shown(value: Scalar) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def refusal_text(error: UnknownNameError | ScenarioError) -> str:
    """Why a request was refused, for one line of a reply."""
    if isinstance(error, ScenarioError):
        text = "; ".join(f"{m.field}: found {m.found}; allowed: {m.allowed}" for m in error.mistakes)
    else:
        text = error.message
    return text[:MAX_TEXT]


def reply(token: int, request: int, state: str, detail: str, *, final: bool) -> OperatorReply:
    """What became of an operator's request so far."""
    return OperatorReply(token=token, request=request, state=state, detail=detail[:MAX_TEXT], final=final)
