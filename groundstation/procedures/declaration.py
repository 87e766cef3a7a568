"""What a procedure is from outside: its name, its arguments, what it answers. Arguments are checked as a telecommand's.

An argument that is one of a telecommand's (`like`) takes what that takes in the spacecraft's own dictionary, so that
"group" is a group of the design that flies.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.dictionary import Argument, Dictionary
from bus.errors import Mistake, ScenarioError, UnknownNameError
from bus.telecommand_check import check_arguments
from bus.text.near import nearest
from bus.wire.messages import Scalar

Body = Callable[..., Coroutine[Any, Any, None]]
MAX_FLEET = 512


@dataclass(frozen=True, slots=True)
class Like:
    """An argument of a telecommand, by the dictionary of the spacecraft."""

    telecommand: str
    argument: str
    default: float | str | None = None


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure. `answers`: the alarms that it is the answer to, by event or parameter; `*` is any part of a name.
    `fleet`: it takes several spacecraft, which it gets as its first argument; otherwise one, which all its steps
    mean."""

    name: str
    body: Body
    arguments: Mapping[str, Argument | Like]
    answers: tuple[str, ...] = ()
    fleet: bool = False

    @property
    def description(self) -> str:
        """Its docstring."""
        return inspect.getdoc(self.body) or ""

    @property
    def file(self) -> Path:
        """Where it is written."""
        return Path(self.body.__code__.co_filename)

    @property
    def line(self) -> int:
        """Where it begins there."""
        return self.body.__code__.co_firstlineno

    def forms(self, dictionary: Dictionary) -> tuple[Argument, ...]:
        """Its arguments for a spacecraft of this dictionary. Raises UnknownNameError where it lacks what they mean."""
        return tuple(self._form(name, written, dictionary) for name, written in self.arguments.items())

    def _form(self, name: str, written: Argument | Like, dictionary: Dictionary) -> Argument:
        if isinstance(written, Argument):
            return written.model_copy(update={"name": name})
        form = dictionary.telecommand.get(written.telecommand)
        found = next((a for a in form.arguments if a.name == written.argument), None) if form else None
        if found is None:
            near = nearest(written.telecommand, dictionary.telecommand)
            raise UnknownNameError("telecommand", f"{written.telecommand} with {written.argument}", near)
        default = found.default if written.default is None else written.default
        return found.model_copy(update={"name": name, "default": default})


def procedure(
    name: str, /, *, answers: tuple[str, ...] = (), fleet: bool = False, **arguments: Argument | Like
) -> Callable[[Body], Procedure]:
    """Makes a procedure of a coroutine function; its keyword arguments are the procedure's."""

    def make(body: Body) -> Procedure:
        return Procedure(name, body, arguments, answers, fleet)

    return make


def number(
    unit: str, description: str, *, low: float | None = None, high: float | None = None, default: float | None = None
) -> Argument:
    """An argument that is a number in this unit ("1" for a share)."""
    return Argument(
        name="argument", unit=unit, type="float", description=description, low=low, high=high, default=default
    )


def like(telecommand: str, argument: str, default: float | str | None = None) -> Like:
    """An argument that takes what this argument of a telecommand takes."""
    return Like(telecommand, argument, default)


def check_asked(
    known: Mapping[str, Procedure],
    dictionaries: Mapping[str, Dictionary],
    name: str,
    spacecraft: Sequence[str],
    arguments: Mapping[str, Scalar],
) -> dict[str, Scalar]:
    """Whether a procedure can be started like this; gives its arguments with defaults. `dictionaries`: by spacecraft.

    Raises UnknownNameError for a procedure or spacecraft that there is not, ScenarioError otherwise.
    """
    found = known.get(name)
    if found is None:
        raise UnknownNameError("procedure", name, nearest(name, known), hint="`skyrack procedure list` has all of them")
    for each in spacecraft:
        if each not in dictionaries:
            raise UnknownNameError("spacecraft", each, nearest(each, dictionaries))
    repeated = next((each for place, each in enumerate(spacecraft) if each in spacecraft[:place]), "")
    if repeated:
        raise _refused("spacecraft", f"{repeated!r} twice", "every spacecraft once")
    if not spacecraft or len(spacecraft) > (MAX_FLEET if found.fleet else 1):
        wanted = f"1 to {MAX_FLEET} spacecraft" if found.fleet else f"one spacecraft: {name} is for one at a time"
        raise _refused("spacecraft", f"{len(spacecraft)} spacecraft", wanted)
    checked: dict[str, Scalar] = {}
    for each in spacecraft:
        checked = check_arguments(found.forms(dictionaries[each]), arguments, name)
    return checked


def _refused(field: str, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Mistake("", 0, 0, field, found, allowed)])
