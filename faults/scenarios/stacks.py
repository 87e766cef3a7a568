"""Stacks of telecommands and groups of spacecraft as they are written: in a timeline, in a file, on a command line.

`to` is an id, several, `all`, or `design:NAME`; `release` is `now`, `contact`, or a time since the epoch. Everything is
checked against the dictionaries of whoever flies, and mistakes are told where they stand.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo

from bus.condition import canonical
from bus.dictionary import Dictionary
from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError, UserError
from bus.scenario.model import StackEntry
from bus.telecommand_check import check_telecommand, in_units, is_hazardous
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, Plain, text
from bus.text.near import nearest, one_of
from bus.text.reader import Item
from bus.text.units import parse_duration_ns, show
from bus.wire.messages import Scalar
from bus.wire.stacks import CommandStep
from groundstation.commanding.stacks import MAX_STACK

MAX_STEPS = 256
NOW, AT_CONTACT = "now", "contact"
_LATEST_NS = 366 * 86_400 * 10**9
"""No run is longer, so nothing is released later."""
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
    for name in _parts(written):
        design = name.partition(":")[2] if name.startswith("design:") else None
        if design is not None and design not in known.values():
            raise Refused(repr(name), f"a design that flies: {one_of(dict.fromkeys(filter(None, known.values())))}")
        if design is None and name != "all" and name not in known:
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


@dataclass(frozen=True, slots=True)
class Wish:
    """One step as it is written: `to` is an id, several with commas, `all`, or `design:NAME`; `release` is `now`,
    `contact`, or a time since the epoch."""

    to: str
    name: str
    arguments: Mapping[str, Scalar]
    canary: str = ""
    condition: str = ""
    precondition: str = ""
    release: str = NOW

    @property
    def alone(self) -> bool:
        """It waits for nothing but a contact."""
        return not (self.canary or self.condition or self.precondition) and self.release == NOW


class Fleet:
    """Who flies, by id the design, and what each design understands. `orbit_s`: what "orbits" counts, None: nothing."""

    def __init__(
        self, designs: Mapping[str, str], dictionary: Callable[[str], Dictionary], orbit_s: float | None = None
    ) -> None:
        self._designs = designs
        self._dictionary = dictionary
        self._orbit_s = orbit_s

    def of(self, spacecraft: str) -> Dictionary:
        """The dictionary of one."""
        return self._dictionary(self._designs[spacecraft])

    def named(self, written: str) -> tuple[str, ...]:
        """Those that `written` names, each once. Raises UnknownNameError with the nearest names."""
        found: list[str] = []
        for name in _parts(written):
            if name == "all":
                found += self._designs
            elif name.startswith("design:"):
                wanted = name.partition(":")[2]
                if wanted not in self._designs.values():
                    flying = sorted(set(self._designs.values()))
                    raise UnknownNameError(
                        "design", wanted, nearest(wanted, flying), hint=f"flying: {', '.join(flying)}"
                    )
                found += [one for one, design in self._designs.items() if design == wanted]
            elif name in self._designs:
                found.append(name)
            else:
                known = ", ".join(self._designs)
                raise UnknownNameError("spacecraft", name, nearest(name, self._designs), hint=f"flying: {known}")
        return tuple(dict.fromkeys(found))

    def step(self, wish: Wish) -> CommandStep:
        """The step in plain numbers. Raises UnknownNameError, ScenarioError, UserError."""
        group = self.named(wish.to)
        canary = self.named(wish.canary) if wish.canary else ()
        stranger = next((one for one in canary if one not in group), None)
        if stranger is not None:
            raise UserError(f"canary {stranger} is not in the group", hint=f"the group is {', '.join(group)}")
        if wish.condition and not canary:
            raise UserError("a condition without a canary", hint="name who goes first, or use a precondition")
        arguments: dict[str, Scalar] = {}
        for one in group:
            arguments = check_telecommand(
                self.of(one), wish.name, in_units(self.of(one), wish.name, wish.arguments)
            )  # fmt: skip
        not_before_ns = 0
        try:
            if wish.release not in (NOW, AT_CONTACT):
                not_before_ns = parse_duration_ns(wish.release, orbit_s=self._orbit_s)
        except Refused as error:
            raise UserError(f"release: {error}", hint="now, contact, or a time since the epoch such as '2 h'") from None
        if not 0 <= not_before_ns <= _LATEST_NS:
            raise UserError(
                f"release: found {wish.release!r}", hint="now, contact, or a time since the epoch such as '2 h'"
            )
        return CommandStep(
            spacecraft=group, name=wish.name, arguments=arguments, not_before_ns=not_before_ns,
            at_contact=wish.release == AT_CONTACT,
            precondition=self._condition(group, "precondition", wish.precondition),
            canary=canary, condition=self._condition(canary, "condition", wish.condition),
        )  # fmt: skip

    def _condition(self, group: tuple[str, ...], field: str, written: str) -> str:
        if not written:
            return ""
        try:
            found = {canonical(self.of(one), written) for one in group}
        except Refused as error:
            mistake = Mistake("", 0, 0, field, error.found, error.allowed)
            raise ScenarioError([mistake], hint="`skyrack list telemetry` has all parameters") from None
        if len(found) > 1:
            raise UserError(f"condition '{written}' is not the same in all designs", hint="one step for each design")
        return found.pop()

    def hazards(self, steps: Sequence[CommandStep]) -> list[str]:
        """Names of what needs a second word, each once."""
        found = [s.name for s in steps for one in s.spacecraft if is_hazardous(self.of(one), s.name, s.arguments)]
        return list(dict.fromkeys(found))


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


def _parts(written: str) -> list[str]:
    return [part.strip() for part in written.split(",")]
