"""The form of the fault catalogue: what an entry says, and how `catalogue.yaml` is read.

Types and reading only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from bus.text.fields import Item, Sheet
from bus.text.units import DIMENSIONS
from bus.wire.messages import Scalar, Seam

CATALOGUE = Path(__file__).with_name("catalogue.yaml")
KINDS = (
    "member", "quantity", "probability", "integer", "choice", "duration", "sensor", "device", "reading", "reading rate",
)  # fmt: skip
GROUPS = (
    "string", "battery_group", "lcl", "thermal_node", "heater", "accelerator", "isl_head", "conductor", "radiator",
)  # fmt: skip
WINDOWS = ("any", "instant")
SEAMS = tuple(seam.name.lower() for seam in Seam)
_ENTRY = ("seam", "window", "severity", "fmeca", "source", "description", "signature", "parameters", "primitives")
_PARAMETER = (
    "kind", "of", "dimension", "low", "high", "default", "choices", "optional", "whole", "difference", "text",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class DesignInfo:
    """What can break in a design.

    groups: member names by kind of part (see GROUPS), in index order. sensors: "device.reading" of everything measured.
    """

    name: str
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sensors: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ParameterForm:
    """One parameter of a fault. `low`, `high` and `default` as written in the file, units included.

    of: the group a member belongs to. whole: a sensor may also be a whole device. difference: a reading that is added
    (kelvin, never degC). required: neither a default nor optional.
    """

    name: str
    kind: str
    text: str
    of: str = ""
    dimension: str = ""
    low: Scalar | None = None
    high: Scalar | None = None
    default: Scalar | None = None
    choices: tuple[str, ...] = ()
    optional: bool = False
    whole: bool = False
    difference: bool = False

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


@dataclass(frozen=True, slots=True)
class PrimitiveForm:
    """One primitive of a fault; `$name` stands for a parameter, `$name.ticks` for a duration in ticks."""

    place: str
    primitive: str
    parameters: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class FaultForm:
    """One entry of the catalogue. `severity` 1 (catastrophic) to 4 (minor), for the fault left alone."""

    name: str
    seam: Seam
    window: str
    severity: int
    fmeca: str
    source: str
    description: str
    signature: str
    parameters: Mapping[str, ParameterForm]
    primitives: tuple[PrimitiveForm, ...]


def read_catalogue(path: Path = CATALOGUE) -> dict[str, FaultForm]:
    """The catalogue, by name, in the file's order. Raises ScenarioError with every mistake."""
    sheet = Sheet(path.name)
    faults = {}
    for name, item in sheet.compose(path.read_bytes()).fields(("faults",))["faults"].fields(None).pairs():
        faults[name] = _fault(name, item)
    sheet.finish()
    return faults


def _fault(name: str, item: Item) -> FaultForm:
    fields = item.fields(_ENTRY)
    return FaultForm(
        name=name,
        seam=Seam[fields["seam"].choice(SEAMS).upper()],
        window=fields["window"].choice(WINDOWS),
        severity=fields["severity"].integer(1, 4),
        fmeca=fields["fmeca"].text(pattern=r"[A-Z]{3}-[A-Z]{2,4}-\d\d", shape="an id such as EPS-ARR-01"),
        source=fields["source"].text(),
        description=fields["description"].text(),
        signature=fields["signature"].text(),
        parameters={key: _parameter(key, value) for key, value in fields["parameters"].fields(None).pairs()},
        primitives=tuple(_primitive(one) for one in fields["primitives"].list(1, 16)),
    )


def _parameter(name: str, item: Item) -> ParameterForm:
    fields = item.fields(_PARAMETER)
    low, high, default = fields.optional("low"), fields.optional("high"), fields.optional("default")
    return ParameterForm(
        name=name,
        kind=fields["kind"].choice(KINDS),
        text=fields["text"].text(),
        of=fields["of"].choice(GROUPS) if "of" in fields else "",
        dimension=fields["dimension"].choice(tuple(DIMENSIONS)) if "dimension" in fields else "",
        low=low.scalar() if low else None,
        high=high.scalar() if high else None,
        default=default.scalar() if default else None,
        choices=tuple(one.text() for one in fields["choices"].list(1, 32)) if "choices" in fields else (),
        optional=fields["optional"].flag() if "optional" in fields else False,
        whole=fields["whole"].flag() if "whole" in fields else False,
        difference=fields["difference"].flag() if "difference" in fields else False,
    )


def _primitive(item: Item) -> PrimitiveForm:
    fields = item.fields(("place", "primitive", "parameters"))
    return PrimitiveForm(
        place=fields["place"].text(longest=96),
        primitive=fields["primitive"].text(longest=32),
        parameters=fields["parameters"].fields(None).scalars(),
    )


Primitive = tuple[int, str, str, dict[str, Scalar]]
"""(seam, place, primitive, parameters), as in `messages.Injection`."""


@dataclass(frozen=True, slots=True)
class FaultRequest:
    """A fault as the user wrote it: parameters still carry their units ("20 K"), the design says what can break.

    `has_end`: the user gave it a window that ends, which faults that are over at once cannot have.
    """

    fault: str
    target: str
    design: str
    parameters: Mapping[str, Scalar]
    tick_s: float
    has_end: bool = False


@dataclass(frozen=True, slots=True)
class ResolvedFault:
    """Parameters in SI with every default filled in, and the primitives that the target's seams understand."""

    parameters: dict[str, Scalar]
    primitives: tuple[Primitive, ...]
