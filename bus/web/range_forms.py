"""What the range says over HTTP, as forms: its clock, the faults that there are, what was injected."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from bus.web.forms import Form, Id, Name, Scalar
from bus.wire.pace import MOST_SPEED, MOST_STEPS

State = Literal["asked", "active", "cleared", "refused"]
Words = Annotated[str, Field(max_length=64)]


class Craft(Form):
    """One of those that can be struck."""

    id: str
    design: str


class About(Form):
    """Who answers."""

    product: str = "skyrack range"
    api: str
    version: str
    run: str
    role: str
    epoch_utc: str
    tick_s: float
    spacecraft: list[Craft]
    refused: dict[str, int]


class Clock(Form):
    """How the run's clock stands. `range`: whether the bus answers, is silent, or the run is over. `paced` false: a run
    that was started without a pace, whose clock nobody holds. Null: not known, or, of the speed, as fast as everybody
    answers (`free`). `steps`: ticks still to fly before it pauses, 0 where it does not."""

    range: Literal["answers", "silent", "over"]
    paced: bool | None
    paused: bool | None
    free: bool | None
    speed: float | None
    steps: int | None
    mission_s: float | None


class Steps(Form):
    """How many ticks to fly before it pauses."""

    ticks: Annotated[int, Field(ge=1, le=MOST_STEPS)] = 1


class Speed(Form):
    """Mission seconds in a second; null: as fast as everybody answers."""

    speed: Annotated[float, Field(gt=0.0, le=MOST_SPEED)] | None


class Parameter(Form):
    """One parameter of a fault. low, high, default: as they are written, units included. choices: what can be chosen,
    on the spacecraft that was asked about; empty where it is a quantity."""

    name: str
    kind: str
    text: str
    required: bool
    default: Scalar | None
    low: Scalar | None
    high: Scalar | None
    choices: list[str]


class Fault(Form):
    """An entry of the catalogue. `severity` 1 (catastrophic) to 4 (minor); `instant`: it has no length."""

    name: str
    seam: str
    fmeca: str
    severity: int
    description: str
    signature: str
    criticality: str
    keeps: str
    source: str
    instant: bool
    parameters: list[Parameter]


class FaultOrder(Form):
    """Break something. parameters as in a scenario ("30 %", "20 K"); `length`: how long it acts ("10 min"), until it is
    cleared where it is empty."""

    target: Id
    fault: Name
    parameters: dict[Name, Scalar] = Field(default_factory=dict, max_length=32)
    length: Words = ""


class Primitive(Form):
    """What a fault does at one place."""

    seam: str
    place: str
    primitive: str
    parameters: dict[str, Scalar]


class Checked(Form):
    """What would be injected."""

    target: str
    fault: str
    primitives: list[Primitive]


class Injection(Form):
    """One injection. planned: of the scenario, not sent yet; asked: its target has said nothing yet. at_s: since when
    it acts, or when it is to (null where a condition decides)."""

    id: str
    fault: str
    target: str
    seam: str
    state: Literal["planned", "asked", "active", "cleared", "refused"]
    at_s: float | None
    cleared_s: float | None
    reason: str


class Injected(Form):
    """What became of what was asked for so far. `final`: every target has said its word."""

    ids: list[str]
    final: bool
    states: dict[str, State]
    reasons: dict[str, str] = Field(default_factory=dict)
