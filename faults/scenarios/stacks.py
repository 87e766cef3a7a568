"""Stacks of telecommands and groups of spacecraft as they are written: in a timeline, in a file, on a command line.

`to` is an id, several, `all`, or `design:NAME`; `release` is `now`, `contact`, or a time since the epoch. Everything is
checked against the dictionaries of whoever flies, and mistakes are told where they stand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from bus.errors import Refused, ScenarioError, UnknownNameError, UserError
from bus.scenario.model import StackEntry
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, Plain, text
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.units import show
from bus.wire.stacks import CommandStep
from groundstation.commanding.stacks import MAX_STACK
from groundstation.commanding.wishes import NOW, Fleet, Wish, matching, parts_of

MAX_STEPS = 256
CONFIRM = "confirmed: true"
"""The second word that a hazardous telecommand needs, as it is written."""


def _names(value: object) -> str:
    written = ",".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
    if not isinstance(written, str) or not 1 <= len(written) <= 4096:
        raise Refused(show(value), "an id, a list of ids, all, or design:NAME")
    return written


def _flying(written: str, info: ValidationInfo) -> str:
    """Whoever flies, where that is known: in a timeline a mistake stands at the name itself."""
    known: Mapping[str, str] | None = (info.context or {}).get("spacecraft")
    if known is None:
        return written
    for name in parts_of(written):
        design = name.partition(":")[2] if name.startswith("design:") else None
        if design is not None and design not in known.values():
            raise Refused(repr(name), f"a design that flies: {one_of(dict.fromkeys(filter(None, known.values())))}")
        if design is None and name != "all" and name not in known and not matching(name, known):
            raise Refused(repr(name), f"a spacecraft of this scenario: {one_of(known, name)}")
    return written


_NAMES_SCHEMA = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}
Names = Annotated[str, Leaf(_names, _NAMES_SCHEMA), AfterValidator(_flying)]


class StepForm(Form):
    """A step of a stack: one telecommand, to one spacecraft or several."""

    to: Names
    telecommand: Annotated[str, text(longest=64)]
    arguments: dict[str, Plain] = Field(default_factory=dict)
    canary: Names = ""
    condition: Annotated[str, text()] = ""
    precondition: Annotated[str, text()] = ""
    release: Annotated[str, text(longest=64)] = NOW


class StackForm(Form):
    """A stack: steps in order, and what a failure does."""

    on_failure: Literal["stop", "go-on"] = "stop"
    steps: tuple[StepForm, ...] = Field(min_length=1, max_length=MAX_STEPS)


class TimedStackForm(StackForm):
    """A stack in a timeline. `confirmed`: the second word, for all of its hazardous telecommands."""

    confirmed: Flag = False


def read_steps(items: Sequence[Item], forms: Sequence[StepForm], fleet: Fleet) -> list[CommandStep | None]:
    """The steps of a stack, None for one with a mistake, which is told where it stands."""
    steps = [_step_of_file(item, form, fleet) for item, form in zip(items, forms, strict=True)]
    total = sum(len(step.spacecraft) for step in steps if step is not None)
    if total > MAX_STACK:
        items[0].refuse(f"{total} telecommands in one stack", f"at most {MAX_STACK}")
    return steps


def _step_of_file(item: Item, form: StepForm, fleet: Fleet) -> CommandStep | None:
    wish = Wish(form.to, form.telecommand, form.arguments, form.canary, form.condition, form.precondition, form.release)
    return read_step(item, wish, fleet, name_field="telecommand")


def read_step(item: Item, wish: Wish, fleet: Fleet, *, name_field: str) -> CommandStep | None:
    """One step, or None after a mistake, which is told at its field. `name_field`: where the telecommand's name is."""
    try:
        return fleet.step(wish)
    except UnknownNameError as error:
        item.below(name_field if error.what.startswith("telecommand") else "to").adopt(error)
    except ScenarioError as error:
        item.adopt(error)
    except UserError as error:
        item.refuse(error.message, error.hint)
    return None


def read_stack(item: Item, form: TimedStackForm, at_ns: int, fleet: Fleet) -> StackEntry | None:
    """A stack of a timeline, or None after a mistake."""
    mark = item.sheet.mark()
    items = list(item.below("steps").list())
    steps = read_steps(items, form.steps, fleet)
    for place, step in zip(items, steps, strict=True):
        if step is None:
            continue
        check_release(place, step, at_ns)
        needs = fleet.hazards([step])
        if needs and not form.confirmed:
            place.below("telecommand").refuse(f"{needs[0]}, which is hazardous", f"{CONFIRM} beside the stack's steps")
    if not item.sheet.clean_since(mark):
        return None
    return StackEntry(
        at_s=at_ns / 1e9,
        steps=tuple(step for step in steps if step is not None),
        stop=form.on_failure == "stop",
        confirmed=form.confirmed,
    )


def check_release(item: Item, step: CommandStep, at_ns: int) -> None:
    """A telecommand cannot be released before it is asked for."""
    if 0 < step.not_before_ns < at_ns:
        found = f"{step.not_before_ns / 1e9:g} s"
        item.below("release").refuse(found, f"now, contact, or a time after `at` ({at_ns / 1e9:g} s)")
