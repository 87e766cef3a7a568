"""What the API says, as forms: the schema that OpenAPI shows and the client reads. Times are mission time in seconds.

Unknown is null, never zero: a field that nobody has reported is null and, where it is asked for, says why.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from bus.web.forms import Form, Id, Name, Scalar

Level = Literal["normal", "warning", "critical"]


class Now(Form):
    """The moment. `rate`: mission seconds in a second, null while it is not known or the run stands; `ground`: answers,
    silent (it did for a while, or never) or over (the run has ended)."""

    mission_s: float | None
    rate: float | None
    ground: Literal["answers", "silent", "over"]
    archived_until_s: float | None


class About(Form):
    """Who answers."""

    product: str = "skyrack"
    api: str
    version: str
    run: str
    role: str
    epoch_utc: str
    tick_s: float
    spacecraft: int
    now: Now
    refused: dict[str, int]


class Accelerators(Form):
    """How many are in each state; null: not all of them have reported."""

    running: int | None
    throttled: int | None
    failed: int | None
    idle: int | None


class NextContact(Form):
    """What the antennas do for a spacecraft: `now` one points at it, else the next predicted contact."""

    station: str
    now: bool
    aos_s: float
    los_s: float | None


class Last(Form):
    """The newest event."""

    name: str
    severity: int
    at_s: float
    text: str


class FleetRow(Form):
    """One spacecraft at a glance. `level` null: nobody has heard of it, so nothing is known. `reason`: why it is not
    normal, in words. `stale`: its newest value is older than its reports should be."""

    id: str
    design: str
    plane: str
    level: Level | None
    reason: str
    alarms: int
    mode: str | None
    mode_cause: str | None
    battery_soc: float | None
    power_in_w: float | None
    power_out_w: float | None
    hottest_k: float | None
    hottest: str | None
    in_shadow: bool | None
    accelerators: Accelerators
    jobs_active: int | None
    jobs_waiting: int | None
    jobs_done: int | None
    contact: NextContact | None
    last_event: Last | None
    heard_s: float | None
    stale: bool


class Value(Form):
    """A telemetered value. `made_s`: when, by time correlation; null where nothing is known of the clock. `text`: what
    its number means, where it is no quantity. `limit`: how it stands to its limits. `value` null: it is no
    number (NaN)."""

    value: float | None
    text: str
    unit: str
    made_s: float | None
    received_s: float
    late: bool
    limit: Literal["none", "inside", "soft", "hard"]


class Stretch(Form):
    """Values of a span of time. least, greatest, last: null where none of them is a number."""

    start_s: float
    count: int
    least: float | None
    greatest: float | None
    last: float | None


class Series(Form):
    """A parameter over time, in stretches of `width_s`; `retired`: retention may have deleted some of it."""

    parameter: str
    unit: str
    width_s: float
    stretches: list[Stretch]
    soft_low: float | None
    soft_high: float | None
    hard_low: float | None
    hard_high: float | None
    retired: bool


class EventRow(Form):
    """An event as it was received. severity: 1 informative to 4 high."""

    spacecraft: str
    name: str
    severity: int
    on_board_s: float
    received_s: float
    arguments: dict[str, Any]


class Alarm(Form):
    """An alarm and why it is one; `procedure`: the one that answers it, empty where there is none."""

    ground_boot: int
    alarm: int
    spacecraft: str
    subject: str
    kind: str
    level: Level
    state: str
    late: bool
    raised_s: float
    changed_s: float
    times: int
    because: str
    readings: list[Any]
    telecommands: list[Any]
    modes: list[Any]
    procedure: str


class TelecommandRow(Form):
    """A telecommand and where it is."""

    ground_boot: int
    request: int
    spacecraft: str
    name: str
    arguments: dict[str, Any]
    origin: str
    asked_by: str
    asked_from: str
    asked_utc: str
    requested_s: float
    expires_s: float
    state: str
    transmissions: int
    changed_s: float
    detail: str


class Happening(Form):
    """One thing that happened to a telecommand."""

    at_s: float
    happening: str
    state: str
    detail: str


class Followed(Form):
    """A telecommand with everything that happened to it."""

    telecommand: TelecommandRow
    history: list[Happening]


class Step(Form):
    """A telecommand of a stack, as in a stack file."""

    to: Annotated[str, Field(min_length=1, max_length=4096, description="an id, several with commas, or all")]
    telecommand: Name
    arguments: dict[Name, Scalar] = Field(default_factory=dict, max_length=64)
    canary: Annotated[str, Field(max_length=4096)] = ""
    condition: Annotated[str, Field(max_length=128)] = ""
    precondition: Annotated[str, Field(max_length=128)] = ""
    release: Annotated[str, Field(max_length=64, description="now, contact, or mission time in s")] = "now"


class Order(Form):
    """What an operator asks for. `confirmed`: the second word, for what is hazardous. `stop`: at the first failure."""

    steps: Annotated[list[Step], Field(min_length=1, max_length=256)]
    stop: bool = True
    confirmed: bool = False
    asked_by: Annotated[str, Field(max_length=64)] = ""


class Checked(Form):
    """What would be asked for: arguments complete, with defaults; `hazardous` telecommands need the second word."""

    steps: list[dict[str, Any]]
    hazardous: list[str]


class Answer(Form):
    """What the ground said of a request so far. requests: numbers of its telecommands; run: of a procedure."""

    state: str
    detail: str
    final: bool
    requests: list[int] = Field(default_factory=list)
    run: int | None = None


class ProcedureForm(Form):
    """A procedure that can be started."""

    name: str
    summary: str
    arguments: list[dict[str, Any]]


class ProcedureOrder(Form):
    """Start one."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
    spacecraft: Annotated[list[Id], Field(min_length=1, max_length=512)]
    arguments: dict[Name, Scalar] = Field(default_factory=dict, max_length=64)


class ProcedureRun(Form):
    """One that was started, with its log. `asks`: it waits for this answer."""

    run: int
    name: str
    spacecraft: list[str]
    arguments: dict[str, Any]
    origin: str
    state: str
    started_s: float
    changed_s: float
    detail: str
    log: list[dict[str, Any]]


class Word(Form):
    """An answer to a procedure that asks."""

    answer: Annotated[str, Field(min_length=1, max_length=256)]


class Shelf(Form):
    """For how long an alarm is put aside."""

    for_s: Annotated[float, Field(gt=0.0, le=31_536_000.0)] = 3600.0


class Contact(Form):
    """A predicted contact; `given`: an antenna really turned, from and to (null: still)."""

    station: str
    spacecraft: str
    aos_s: float
    los_s: float
    max_elevation_deg: float


class Pointing(Form):
    """Which antenna pointed where."""

    station: str
    spacecraft: str
    on_s: float
    off_s: float | None


class Contacts(Form):
    """Predicted contacts in a span, and what the antennas did in it."""

    contacts: list[Contact]
    pointings: list[Pointing]


class Place(Form):
    """Where something is: degrees on the ground, metres above it. A station is there always."""

    id: str
    latitude_deg: float
    longitude_deg: float
    altitude_m: float


class Map(Form):
    """The world at a moment: who is where, by the orbits that the ground plans with, and where the Sun stands."""

    at_s: float
    spacecraft: list[Place]
    stations: list[Place]
    sun: Place


class Monitor(Form):
    """A row of the FDIR table as it was last told. finding: of the monitor; `violated`: it is no good one. times: how
    often it was told to find something wrong, last at `fired_s`. action: its event has one that is enabled. Null:
    nobody has told."""

    monitor: str
    enabled: bool | None
    masked: bool | None
    finding: str | None
    violated: bool | None
    value: float | None
    changed_s: float | None
    fired_s: float | None
    times: int
    action: bool | None


class Acted(Form):
    """An action that an event led to; code 0, or why it was not completed."""

    event: str
    received_s: float
    code: int


class Fdir(Form):
    """Monitors, those that find something wrong first, and what was done. told_s, actions_told_s: when the whole table
    was last reported, null where nobody has asked for it."""

    told_s: float | None
    actions_told_s: float | None
    monitors: list[Monitor]
    acted: list[Acted]


class ScheduleEntry(Form):
    """A telecommand that waits on board for its time; at_s by the clock on board."""

    entry: int
    at_s: float
    telecommand: str
    sub_schedule: int
    group: int
    state: str


class Schedule(Form):
    """What the newest answer told, at `told_s`; null: nobody has asked for it."""

    told_s: float | None
    entries: list[ScheduleEntry]
