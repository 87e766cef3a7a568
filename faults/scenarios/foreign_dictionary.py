"""The dictionary of flight software that is outside, as a file beside the scenario: what it says and understands.

Everything in it has the binary form that the interface control document describes; names are what the ground, timelines
and expectations say for it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bus.dictionary import Argument, Dictionary, EventForm, Parameter, Structure, TelecommandForm
from bus.errors import Refused, UserError
from bus.pus import CODE_TEXTS, Severity
from bus.space_packets import MAX_APID
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, quantity, text, whole
from bus.text.reader import Item, Sheet
from bus.text.units import show
from node.foreign.packets import RAW_STRUCTURE
from node.own_software import problems

MAX_FILE_BYTES = 1024 * 1024
MAX_ENTRIES = 1000
_NAME = r"[a-z][a-z0-9_.]{0,63}"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 2**53:
        raise Refused(show(value), "a number in the unit of the field")
    return float(value)


Name = Annotated[str, Field(pattern=f"^{_NAME}$")]
Words = Annotated[str, text(longest=500, empty=True)]
Unit = Annotated[str, text(longest=32, empty=True)]
Labels = Annotated[tuple[Annotated[str, text(longest=64)], ...], Field(max_length=256)]
Limit = Annotated[float, Leaf(_number, {"type": "number"})]
Code = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,3}$")]
Byte = Annotated[int, whole(0, 255)]
SEVERITIES = tuple(severity.name.lower() for severity in Severity)


class ParameterForm(Form):
    """A value of telemetry."""

    type: Literal["float", "int", "bool", "enum"]
    unit: Unit = ""
    description: Words = ""
    labels: Labels = ()


class StructureForm(Form):
    """A report: which parameters it holds, in their order."""

    id: Annotated[int, whole(0, RAW_STRUCTURE - 1)]
    parameters: Annotated[tuple[Name, ...], Field(max_length=2048)]
    service: Byte = 3
    subtype: Byte = 25
    interval: Annotated[float, quantity("time", 0.0, 86400.0, "0 s to 24 h")] = 0.0


class ArgumentForm(Form):
    """An argument of a telecommand or an event."""

    type: Literal["float", "int", "bool", "enum", "str"]
    unit: Unit = ""
    description: Words = ""
    low: Limit | None = None
    high: Limit | None = None
    labels: Labels = ()


class EventEntry(Form):
    """An event report."""

    id: Annotated[int, whole(0, 65_535)]
    severity: Literal[SEVERITIES]  # type: ignore[valid-type]
    description: Words = ""
    arguments: Annotated[dict[Name, ArgumentForm], Field(max_length=16)] = Field(default_factory=dict)


class TelecommandEntry(Form):
    """A telecommand; `function`: its number, where it begins with one as TC[8,1] does."""

    service: Byte
    subtype: Byte
    description: Words = ""
    function: Annotated[int, whole(0, 65_535)] | None = None
    arguments: Annotated[dict[Name, ArgumentForm], Field(max_length=64)] = Field(default_factory=dict)
    hazardous: Flag = False


class ForeignForm(Form):
    """The file."""

    skyrack_dictionary: Annotated[int, whole(1, 1)]
    apids: Annotated[tuple[Annotated[int, whole(0, MAX_APID)], ...], Field(max_length=64)] = (1,)
    parameters: Annotated[dict[Name, ParameterForm], Field(max_length=10 * MAX_ENTRIES)] = Field(default_factory=dict)
    structures: Annotated[dict[Name, StructureForm], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    events: Annotated[dict[Name, EventEntry], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    telecommands: Annotated[dict[Name, TelecommandEntry], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)
    codes: Annotated[dict[Code, Words], Field(max_length=MAX_ENTRIES)] = Field(default_factory=dict)


def read_foreign(item: Item, path: Path) -> tuple[tuple[int, ...], str] | None:
    """APIDs and the dictionary as JSON, or None after a mistake in the file, which is told with its place there.
    `item`: where the scenario names it."""
    try:
        content = _content(path)
    except Refused as error:
        item.refuse(error.found, error.allowed)
        return None
    found = _read(item.sheet.beside(str(path)), content)
    return None if found is None else (found[0], found[1].model_dump_json())


def load_foreign(path: Path) -> tuple[tuple[int, ...], Dictionary]:
    """APIDs and the dictionary of a file by itself. Raises UserError, with every mistake that is in it."""
    try:
        content = _content(path)
    except Refused as error:
        raise UserError(f"dictionary: {error}") from error
    sheet = Sheet(str(path))
    found = _read(sheet, content)
    sheet.finish()
    assert found is not None
    return found


def _content(path: Path) -> bytes:
    """Raises Refused."""
    allowed = f"a dictionary file of at most {MAX_FILE_BYTES:,} bytes"
    try:
        if path.exists() and not path.is_file():
            raise Refused(f"{str(path)!r}, a folder or a device", allowed)
        with path.open("rb") as file:
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Refused(f"{str(path)!r}: {error.strerror}", allowed) from error
    if len(content) > MAX_FILE_BYTES:
        raise Refused(f"{str(path)!r}, which is larger", allowed)
    return content


def _read(sheet: Sheet, content: bytes) -> tuple[tuple[int, ...], Dictionary] | None:
    mark = sheet.mark()
    root = sheet.compose(content)
    form = root.read(ForeignForm)
    if form is None:
        return None
    words = _dictionary(form)
    _check(root, form, words)
    return (tuple(form.apids), words) if sheet.clean_since(mark) else None


def _dictionary(form: ForeignForm) -> Dictionary:
    severity = {name: int(Severity[name.upper()]) for name in SEVERITIES}
    return Dictionary(
        design="",
        parameters=tuple(
            Parameter(name=name, unit=p.unit, type=p.type, description=p.description, labels=p.labels)
            for name, p in form.parameters.items()
        ),
        structures=tuple(
            Structure(
                id=s.id, name=name, parameters=s.parameters, interval_s=s.interval, service=s.service,
                subtype=s.subtype,
            )
            for name, s in form.structures.items()
        ),
        events=tuple(
            EventForm(
                id=e.id, name=name, severity=severity[e.severity], arguments=_arguments(e.arguments),
                description=e.description,
            )
            for name, e in form.events.items()
        ),
        telecommands=tuple(
            TelecommandForm(
                name=name, service=t.service, subtype=t.subtype, description=t.description, function=t.function,
                arguments=_arguments(t.arguments), hazardous=t.hazardous,
            )
            for name, t in form.telecommands.items()
        ),
        codes={**CODE_TEXTS, **{int(code): says for code, says in form.codes.items()}},
    )  # fmt: skip


def _arguments(forms: dict[str, ArgumentForm]) -> tuple[Argument, ...]:
    return tuple(
        Argument(
            name=name, unit=a.unit, type=a.type, description=a.description, low=a.low, high=a.high, labels=a.labels
        )
        for name, a in forms.items()
    )


def _check(root: Item, form: ForeignForm, words: Dictionary) -> None:
    """What needs several fields together."""
    if not form.apids:
        root.below("apids").refuse("an empty list", "the APID that telecommands go to, and others that it speaks with")
    for problem in problems(words):
        root.place(problem.place).refuse(problem.found, "a dictionary that fits itself")
    for kind, some in (("parameters", form.parameters), ("events", form.events), ("telecommands", form.telecommands)):
        for name, entry in some.items():
            place = root.place((kind, name))
            if isinstance(entry, ParameterForm):
                _check_labels(place, entry)
                continue
            for at, (argument, one) in enumerate(entry.arguments.items()):
                _check_labels(place.place(("arguments", argument)), one)
                if one.type == "str" and (kind == "events" or at < len(entry.arguments) - 1):
                    place.place(("arguments", argument)).refuse(
                        "a text", "a text only as a telecommand's last argument"
                    )
    taken: dict[tuple[int, int, int | None], str] = {}
    for name, t in form.telecommands.items():
        key = t.service, t.subtype, t.function
        if key in taken:
            allowed = f"another service, subtype or function than {taken[key]}"
            root.place(("telecommands", name)).refuse(f"service {t.service}, subtype {t.subtype}", allowed)
        taken.setdefault(key, name)


def _check_labels(place: Item, one: ParameterForm | ArgumentForm) -> None:
    if (one.type == "enum") != bool(one.labels):
        place.refuse("labels" if one.labels else "no labels", "labels of an enum, and of nothing else")
