"""What `skyrack command` asks for: one telecommand or a stack of them, from a command line or a file, checked against
the run's scenario and dictionaries before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bus.dictionary import Dictionary
from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError, UserError
from bus.scenario.model import Scenario
from bus.telecommand_check import check_telecommand, in_units, is_hazardous
from bus.text.files import read_file
from bus.text.forms import Form
from bus.text.leaves import Leaf, Plain, text
from bus.text.near import nearest
from bus.text.reader import Item, Sheet
from bus.text.units import parse_duration_ns, show
from bus.wire.messages import Scalar
from bus.wire.stacks import CommandStep
from groundstation.commanding.conditions import canonical

MAX_STEPS = 256


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
    release: str = "now"


def _names(value: object) -> str:
    written = ",".join(value) if isinstance(value, list) and all(isinstance(one, str) for one in value) else value
    if not isinstance(written, str) or not 1 <= len(written) <= 4096:
        raise Refused(show(value), "an id, a list of ids, all, or design:NAME")
    return written


Names = Annotated[str, Leaf(_names, {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]})]


class StepForm(Form):
    """A step of a stack."""

    to: Names
    telecommand: Annotated[str, text(longest=64)]
    arguments: dict[str, Plain] = Field(default_factory=dict)
    canary: Annotated[str, Leaf(_names, {"type": "string"})] = ""
    condition: Annotated[str, text()] = ""
    precondition: Annotated[str, text()] = ""
    release: Annotated[str, text(longest=64)] = "now"


class StackForm(Form):
    """A stack: steps in order, and what a failure does."""

    on_failure: Literal["stop", "go-on"] = "stop"
    steps: tuple[StepForm, ...] = Field(min_length=1, max_length=MAX_STEPS)


class Fleet:
    """Who flies, and what they understand."""

    def __init__(self, scenario: Scenario, dictionaries: Mapping[str, Dictionary]) -> None:
        self._designs = {one.id: one.design for one in scenario.spacecraft}
        self._dictionaries = dictionaries

    def of(self, spacecraft: str) -> Dictionary:
        """The dictionary of one."""
        return self._dictionaries[self._designs[spacecraft]]

    def named(self, written: str) -> tuple[str, ...]:
        """Those that `written` names, each once. Raises UnknownNameError with the nearest names."""
        found: list[str] = []
        for name in (part.strip() for part in written.split(",")):
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
            if wish.release not in ("now", "contact"):
                not_before_ns = parse_duration_ns(wish.release)
        except Refused as error:
            raise UserError(f"release: {error}", hint="now, contact, or a time since the epoch such as '2 h'") from None
        return CommandStep(
            spacecraft=group, name=wish.name, arguments=arguments, not_before_ns=not_before_ns,
            at_contact=wish.release == "contact",
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

    def hazards(self, steps: tuple[CommandStep, ...]) -> list[str]:
        """Names of what needs a second word, each once."""
        found = [s.name for s in steps for one in s.spacecraft if is_hazardous(self.of(one), s.name, s.arguments)]
        return list(dict.fromkeys(found))


def read_stack(path: Path, fleet: Fleet) -> tuple[tuple[CommandStep, ...], bool]:
    """The steps of a stack file, and whether it stops at a failure. Raises ScenarioError with every mistake."""
    sheet = Sheet(str(path))
    root = sheet.compose(read_file(path, "stack", hint="docs/how-to/commanding.md shows one"))
    form = root.read(StackForm)
    items = root.below("steps").list() if form else ()
    steps = [_read_step(item, form.steps[place], fleet) for place, item in enumerate(items)]
    sheet.finish()
    return tuple(step for step in steps if step is not None), form is None or form.on_failure == "stop"


def _read_step(item: Item, form: StepForm, fleet: Fleet) -> CommandStep | None:
    wish = Wish(form.to, form.telecommand, form.arguments, form.canary, form.condition, form.precondition, form.release)
    try:
        return fleet.step(wish)
    except UnknownNameError as error:
        place = "telecommand" if error.what == "telecommand" else "to"
        item.below(place).adopt(error)
    except ScenarioError as error:
        item.adopt(error)
    except UserError as error:
        item.refuse(error.message, error.hint)
    return None
