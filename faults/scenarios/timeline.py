"""The timeline of a scenario: what the operator asks for and when. Telecommands, stacks of them, procedures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from bus.errors import ScenarioError, UnknownNameError
from bus.scenario.model import ProcedureEntry, StackEntry, TimelineEntry
from bus.text.forms import Form
from bus.text.leaves import Flag, Plain, text
from bus.text.reader import Item
from faults.scenarios.events import MAX_ENTRIES
from faults.scenarios.procedures import ProcedureForm, read_procedure
from faults.scenarios.stacks import (
    CONFIRM,
    Names,
    TimedStackForm,
    check_release,
    read_stack,
    read_step,
)
from faults.scenarios.times import Span, Time
from faults.scenarios.vocabulary import SCHEDULE, checked_arguments, dictionary_of, hazardous, scheduled
from groundstation.commanding.wishes import NOW, Fleet, Wish


class TelecommandForm(Form):
    """Who is told what. `confirmed`: the second word that a hazardous telecommand needs; the others as in a stack."""

    to: Names
    name: Annotated[str, text(longest=64)]
    arguments: dict[str, Plain] = Field(default_factory=dict)
    confirmed: Flag = False
    canary: Names = ""
    condition: Annotated[str, text()] = ""
    precondition: Annotated[str, text()] = ""
    release: Annotated[str, text(longest=64)] = NOW


class TimelineForm(Form):
    """A telecommand or a stack of them that the operator asks for at a time, or a procedure that begins then.
    `on_board`: from the first contact on the telecommand waits on board for its time."""

    at: Time
    telecommand: TelecommandForm | None = None
    on_board: bool = False
    stack: TimedStackForm | None = None
    procedure: ProcedureForm | None = None


_KINDS = ("telecommand", "stack", "procedure")
_ONE_OF_THEM = (
    "a mapping of to, name, arguments; or in its place a procedure: a mapping of name, spacecraft, arguments; or a "
    "stack: a mapping of steps"
)


@dataclass(slots=True)
class Timeline:
    """What the operator asks for, each kind in the order of its times, then of the file."""

    telecommands: list[TimelineEntry] = field(default_factory=list)
    stacks: list[StackEntry] = field(default_factory=list)
    procedures: list[ProcedureEntry] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.telecommands or self.stacks or self.procedures)


def read_timeline(item: Item, span: Span) -> Timeline:
    """All of it; what is wrong is told where it stands."""
    reader = _Reader(span)
    for entry in item.list(0, MAX_ENTRIES):
        form = entry.read(TimelineForm, spacecraft=span.spacecraft)
        if form is not None:
            reader.entry(entry, form)
    found = reader.found
    found.telecommands.sort(key=lambda one: one.at_s)
    found.stacks.sort(key=lambda one: one.at_s)
    found.procedures.sort(key=lambda one: one.at_s)
    return found


class _Reader:
    """Entry by entry."""

    def __init__(self, span: Span) -> None:
        self.found = Timeline()
        self._span = span
        self._fleet = Fleet(span.designs, dictionary_of, span.orbit_s)
        self._everybody = span.complete and all(span.designs.values())
        """Who flies is known. Otherwise a group is not, and the mistake is another's."""

    def entry(self, entry: Item, form: TimelineForm) -> None:
        """What one entry asks for."""
        span, found = self._span, self.found
        at_ns = span.ns(entry.below("at"), 1 if form.on_board else 0)
        given = [kind for kind in _KINDS if getattr(form, kind) is not None]
        if len(given) != 1:
            told = " and ".join(given) + " together" if given else "nothing"
            entry.below(given[-1] if given else "telecommand").refuse(told, _ONE_OF_THEM)
        elif form.telecommand is not None:
            self._telecommand(entry, form.telecommand, at_ns, on_board=form.on_board)
        elif form.on_board:
            entry.below("on_board").refuse("true", f"false: {given[0]}s are the ground's")
        elif form.procedure is not None:
            begun = read_procedure(entry.below("procedure"), form.procedure, at_ns, span.designs, span.procedures)
            found.procedures += [] if begun is None else [begun]
        elif form.stack is not None and self._everybody:
            stack = read_stack(entry.below("stack"), form.stack, at_ns, self._fleet)
            found.stacks += [] if stack is None else [stack]

    def _telecommand(self, entry: Item, wanted: TelecommandForm, at_ns: int, *, on_board: bool) -> None:
        """To each of its spacecraft by itself, or, where it waits for something, as a stack of one step."""
        item, designs = entry.below("telecommand"), self._span.designs
        wish = Wish(
            wanted.to, wanted.name, wanted.arguments, wanted.canary, wanted.condition, wanted.precondition,
            wanted.release,
        )  # fmt: skip
        if wish.alone:
            group = (wanted.to,) if wanted.to in designs else self._fleet.named(wanted.to) if self._everybody else ()
            for spacecraft in group:
                if designs[spacecraft]:
                    self._one(item, wanted, at_ns / 1e9, spacecraft, on_board=on_board)
        elif on_board:
            entry.below("on_board").refuse("true", "false where a release, a canary or a condition is waited for")
        elif self._everybody:
            step = read_step(item, wish, self._fleet, name_field="name")
            if step is None:
                return
            check_release(item, step, at_ns)
            if self._fleet.hazards([step]) and not wanted.confirmed:
                _refuse_unconfirmed(item, wanted.name)
            self.found.stacks.append(StackEntry(at_s=at_ns / 1e9, steps=(step,), confirmed=wanted.confirmed))

    def _one(self, item: Item, wanted: TelecommandForm, at_s: float, spacecraft: str, *, on_board: bool) -> None:
        design, name = self._span.designs[spacecraft], wanted.name
        try:
            arguments = checked_arguments(design, name, wanted.arguments)
            if on_board:
                arguments = scheduled(design, at_s, name, arguments)
                name, at_s = SCHEDULE, 0.0
        except UnknownNameError as error:
            item.below("name").adopt(error)
        except ScenarioError as error:
            item.adopt(error)
        else:
            if hazardous(design, name, arguments) and not wanted.confirmed:
                _refuse_unconfirmed(item, wanted.name)
            timed = TimelineEntry(
                at_s=at_s, spacecraft=spacecraft, telecommand=name, arguments=arguments, confirmed=wanted.confirmed
            )
            self.found.telecommands.append(timed)


def _refuse_unconfirmed(item: Item, name: str) -> None:
    item.refuse(f"{name}, which is hazardous", f"{CONFIRM} beside its name")
