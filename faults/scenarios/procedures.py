"""`procedure:` in a timeline: which ground procedure begins when, on whom; refused here where it cannot run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError
from bus.scenario.model import ProcedureEntry, Scenario
from bus.telecommand_check import check_arguments, in_units_of
from bus.text.forms import Form
from bus.text.leaves import Plain, text
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.units import show
from bus.wire.messages import Scalar
from faults.scenarios.vocabulary import dictionary_of
from groundstation.procedures.declaration import MAX_FLEET, Procedure, check_asked
from groundstation.procedures.load import shipped
from groundstation.procedures.source_check import check_source


def _of_this_scenario(name: str, info: ValidationInfo) -> str:
    """Whoever flies. The names are not known if an id of theirs is a mistake: then any will do."""
    known = (info.context or {}).get("spacecraft")
    if known is not None and name not in known:
        raise Refused(repr(name), f"a spacecraft of this scenario: {one_of(known, name)}")
    return name


def _several(value: object) -> object:
    """One id, or a list of them."""
    if isinstance(value, list):
        return value
    if not isinstance(value, str):
        raise Refused(show(value), "a spacecraft of this scenario, or a list of them")
    return [value]


SpacecraftId = Annotated[str, text(longest=32), AfterValidator(_of_this_scenario)]
_ID_SCHEMA = {"type": "string", "maxLength": 32}
Fleet = Annotated[
    tuple[SpacecraftId, ...],
    Field(min_length=1, max_length=MAX_FLEET),
    BeforeValidator(_several),
    WithJsonSchema({"anyOf": [_ID_SCHEMA, {"type": "array", "items": _ID_SCHEMA}]}),
]


class ProcedureForm(Form):
    """Which procedure, on one spacecraft or, of a fleet, on several."""

    name: Annotated[str, text(longest=64)]
    spacecraft: Fleet
    arguments: dict[str, Plain] = Field(default_factory=dict)


def read_procedure(
    entry: Item, form: ProcedureForm, at_ns: int, designs: Mapping[str, str], known: Mapping[str, Procedure] | None
) -> ProcedureEntry | None:
    """One entry's procedure, checked against the dictionaries of everybody. None after a mistake."""
    if not all(designs.get(one) for one in form.spacecraft):
        return None  # its own entry has the mistake
    try:
        arguments = checked(form.name, form.spacecraft, form.arguments, designs, known)
    except UnknownNameError as error:
        entry.below("name" if error.what == "procedure" else "").adopt(error)
    except ScenarioError as error:
        if error.mistakes[0].line:  # in the procedure's own file
            entry.sheet.mistakes.extend(error.mistakes)
        else:
            entry.adopt(error)
    else:
        return ProcedureEntry(at_s=at_ns / 1e9, name=form.name, spacecraft=form.spacecraft, arguments=arguments)
    return None


def checked(
    name: str,
    spacecraft: tuple[str, ...],
    arguments: Mapping[str, Scalar],
    designs: Mapping[str, str],
    known: Mapping[str, Procedure] | None,
) -> dict[str, Scalar]:
    """The arguments of a procedure that can run, in the dictionary's units. Raises as `check_asked`, and ScenarioError
    with the lines of a procedure that does not fit the spacecraft."""
    known = shipped() if known is None else known
    dictionaries = {one: dictionary_of(design) for one, design in designs.items() if design}
    given = dict(arguments)
    if name in known and spacecraft:
        forms = known[name].forms(dictionaries[spacecraft[0]])
        given = in_units_of(forms, given)
        check_arguments(forms, given, name, hint=f"`skyrack procedure show {name}` has its arguments")
    found = check_asked(known, dictionaries, name, spacecraft, given)
    mistakes = check_source(known[name], dictionaries, spacecraft)
    if mistakes:
        raise ScenarioError(mistakes, hint=f"{name} does not fit {', '.join(spacecraft)}")
    return found


def check_resolved(scenario: Scenario, known: Mapping[str, Procedure] | None) -> None:
    """A resolved scenario brings no procedures along: each that it begins must be known here. Raises ScenarioError."""
    designs = {one.id: one.design for one in scenario.spacecraft}
    for entry in scenario.procedures:
        try:
            checked(entry.name, entry.spacecraft, entry.arguments, designs, known)
        except UnknownNameError as error:
            place = f"procedures at {entry.at_s:g} s"
            allowed = f"a known procedure; {error.hint}" if error.hint else "a known one"
            raise ScenarioError([Mistake(scenario.file, 0, 0, place, error.message, allowed)]) from error
