"""The form of the fault catalogue: what an entry says, and how `catalogue.yaml` is read.

Types and reading only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from bus.text import units
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, Plain, Text, choice, duration, text, whole
from bus.text.reader import Sheet
from bus.text.units import DIMENSIONS
from bus.wire.messages import Scalar, Seam

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
CRITICALITY = CATALOGUE.with_name("criticality.yaml")
KINDS = (
    "member", "quantity", "probability", "integer", "choice", "duration", "sensor", "device", "reading", "reading rate",
)  # fmt: skip
GROUPS = (
    "string", "battery_group", "lcl", "thermal_node", "heater", "accelerator", "isl_head", "conductor", "radiator",
    "radiation_device", "station",
)  # fmt: skip
WINDOWS = ("any", "instant")
SIGNS = ("truth", "reading", "event")
COURSES = ("differs", "rises", "falls")
UNKNOWN, NONE = "unknown", "none"
SEAMS = tuple(seam.name.lower() for seam in Seam)


@dataclass(frozen=True, slots=True)
class DesignInfo:
    """What can break in a design.

    groups: member names by kind of part (see GROUPS), in index order; stations are the scenario's. sensors:
    "device.reading" of everything measured.
    """

    name: str
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sensors: tuple[str, ...] = ()


class ParameterForm(Form):
    """One parameter of a fault. `low`, `high` and `default` as written in the file, units included.

    of: the group a member belongs to. whole: a sensor may also be a whole device. difference: a reading that is added
    (kelvin, never degC). required: neither a default nor optional.
    """

    name: str = ""
    kind: Annotated[str, choice(KINDS)]
    text: Text
    of: Annotated[str, choice(GROUPS)] = ""
    dimension: Annotated[str, choice(DIMENSIONS)] = ""
    low: Plain | None = None
    high: Plain | None = None
    default: Plain | None = None
    choices: tuple[Text, ...] = ()
    optional: Flag = False
    whole: Flag = False
    difference: Flag = False

    @property
    def required(self) -> bool:
        """The user must give it."""
        return self.default is None and not self.optional

    @property
    def summary(self) -> str:
        """What it is, in which range, and what it is when left out, for lists and pages."""
        limits = f", {self.low} to {self.high}" if self.high is not None else ""
        choices = f" ({', '.join(self.choices)})" if self.choices else ""
        default = f", default {self.default}" if self.default is not None else ", optional" if self.optional else ""
        return f"{self.text}{choices}{limits}{default}"


class PrimitiveForm(Form):
    """One primitive of a fault; `$name` stands for a parameter, `$name.ticks` for a duration in ticks."""

    place: Annotated[str, text(longest=96)]
    primitive: Annotated[str, text(longest=32)]
    parameters: dict[str, Plain]


class SignForm(Form):
    """One thing that a fault makes another than in the undisturbed run, at the latest `within_ns` after its onset.

    what: a signal of truth, a reading that telemetry carries, or an event. name: with `$name` for a parameter. goes:
    which way a signal or a reading leaves the undisturbed one; an event comes that did not, or later or more often.
    """

    what: Annotated[str, choice(SIGNS)]
    name: Annotated[str, text(longest=96)]
    goes: Annotated[str, choice(COURSES)] = "differs"
    within: Annotated[int, duration(10**8, 3600 * 10**9, "100 ms to 1 h")]


class HiddenForm(Form):
    """Why nobody on board can see a fault: at all times, in the shadow, in SAFE, without load, or out of contact."""

    always: Annotated[str, text(empty=True)] = ""
    shadow: Annotated[str, text(empty=True)] = ""
    safe: Annotated[str, text(empty=True)] = ""
    idle: Annotated[str, text(empty=True)] = ""
    no_contact: Annotated[str, text(empty=True)] = ""


class ExampleForm(Form):
    """A design and parameters with which the fault shows what it is said to show."""

    design: Text = "pathfinder"
    parameters: dict[str, Plain] = Field(default_factory=dict)


def _criticality(value: object) -> str:
    """A duration as it was written, "none" or "unknown"."""
    if value not in (UNKNOWN, NONE):
        units.parse_duration_ns(value)
    return str(value)


def _named(forms: dict[str, ParameterForm]) -> dict[str, ParameterForm]:
    return {name: form.model_copy(update={"name": name}) for name, form in forms.items()}


class FaultForm(Form):
    """One entry of the catalogue. `severity` 1 (catastrophic) to 4 (minor), for the fault left alone.

    criticality: from onset to the first limit that truth leaves with nobody to answer; "none" where a day does not
    bring it there, "unknown" where nobody knows; `criticality_why`: which limit, or why not. shows: the machine-
    readable part of `signature`, as it comes with `example`; where nothing shows within minutes, `unseen` says why, and
    `hidden` where nothing can be seen on board. keeps: what stays when the fault is cleared, for physics or memory
    keeps it.
    """

    seam: Annotated[Seam, BeforeValidator(lambda name: Seam[choice(SEAMS).read(name).upper()])]
    window: Annotated[str, choice(WINDOWS)]
    severity: Annotated[int, whole(1, 4)]
    fmeca: Annotated[str, text(pattern=r"[A-Z]{3}-[A-Z]{2,4}-\d\d", shape="an id such as EPS-ARR-01")]
    source: Text
    description: Text
    signature: Text
    criticality: Annotated[str, Leaf(_criticality, {"type": "string"})] = UNKNOWN
    criticality_why: Annotated[str, text(empty=True)] = ""
    shows: Annotated[tuple[SignForm, ...], Field(max_length=8)] = ()
    unseen: Annotated[str, text(empty=True)] = ""
    hidden: HiddenForm = HiddenForm()
    keeps: Annotated[str, text(empty=True)] = ""
    example: ExampleForm = ExampleForm()
    parameters: Annotated[dict[str, ParameterForm], AfterValidator(_named)]
    primitives: Annotated[tuple[PrimitiveForm, ...], Field(min_length=1, max_length=16)]


class CriticalityForm(Form):
    """How soon a fault of the shipped catalogue is critical, and why."""

    after: Annotated[str, Leaf(_criticality, {"type": "string"})]
    why: Text


class CriticalitiesForm(Form):
    """The whole file that `docs.faults.make_criticality` makes."""

    faults: dict[str, CriticalityForm]


class CatalogueForm(Form):
    """The whole file."""

    faults: dict[str, FaultForm]


def read_catalogue() -> dict[str, FaultForm]:
    """The shipped catalogue with its times to criticality, by name, in the file's order. Raises ScenarioError."""
    sheet = Sheet(CRITICALITY.name)
    known = sheet.compose(CRITICALITY.read_bytes()).read(CriticalitiesForm)
    sheet.finish()
    times = {
        name: {"criticality": one.after, "criticality_why": one.why} for name, one in known.faults.items()
    }  # fmt: skip
    entries = read_entries(CATALOGUE.read_bytes(), CATALOGUE.name)
    return {name: form.model_copy(update=times.get(name, {})) for name, form in entries.items()}


def read_entries(content: bytes, file: str) -> dict[str, FaultForm]:
    """The faults of any file in this form; `file` is what mistakes call it. Raises ScenarioError."""
    sheet = Sheet(file)
    catalogue = sheet.compose(content).read(CatalogueForm)
    sheet.finish()
    return dict(catalogue.faults)


Primitive = tuple[int, str, str, dict[str, Scalar]]
"""(seam, place, primitive, parameters), as in `messages.Injection`."""


@dataclass(frozen=True, slots=True)
class ResolvedFault:
    """Parameters in SI with every default filled in, and the primitives that the target's seams understand."""

    parameters: dict[str, Scalar]
    primitives: tuple[Primitive, ...]
