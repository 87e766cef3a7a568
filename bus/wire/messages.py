"""Every message of the bus: the only schema.

A message is an envelope (who, to whom, on which plane, what kind, which sequence number, when) and one body. Bodies
are pydantic models: strict, frozen, no unknown fields, no NaN or infinity, every length bounded.

Planes: TIME is the lockstep (every participant), SPACE is what a radio or the ground carries, RANGE is what only the
test range knows (injections, accounts). A key opens the planes its role needs. Times are integer nanoseconds since the
scenario's epoch; `obt_ns` is on-board time, which may drift or jump.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, ClassVar, NamedTuple

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from bus.pus import Severity, Stage

PROTOCOL_VERSION = 1
MAX_MESSAGE_BYTES, MAX_PIECE_BYTES = 64 * 1024, 48 * 1024
MAX_MAIL, MAX_BEACON_BYTES, MAX_TRUTH_BYTES = 65535, 512, 16384  # of one Tick or Tock
ID_PATTERN = r"^[a-z][a-z0-9-]{0,31}$"
REQUEST_STATES = "^(recorded|HELD|QUEUED|SENT|ACCEPTED|STARTED|COMPLETED|FAILED|REJECTED|EXPIRED|INDETERMINATE)$"
OPERATOR_VERBS = "^(procedure[.](run|answer|abort)|alarm[.](acknowledge|shelve))$"
RESERVED_IDS = ("ground", "range", "bus", "operator", "observer", "all", "hil", "executor")


class Plane(IntEnum):
    """Who may see a message."""

    TIME = 0
    SPACE = 1
    RANGE = 2


class Kind(IntEnum):
    """What a message is. The tens tell the plane's family."""

    HELLO = 1
    WELCOME = 2
    REFUSAL = 3
    PIECE = 4
    TICK = 5
    TOCK = 6
    BYE = 7
    TELECOMMAND = 20
    TELEMETRY = 21
    EVENT = 22
    VERIFICATION = 23
    TELEMETRY_ACK = 24
    STORE_REPORT = 25
    ALLOCATION = 26
    ISL_FRAME = 27
    OPERATOR_REQUEST = 30
    OPERATOR_REPLY = 31
    OPERATOR_ACTION = 32
    OPERATOR_NOTE = 33
    OPERATOR_STACK = 34
    OPERATOR_CONFIRMATION = 35
    INJECTION = 40
    INJECTION_REPORT = 41
    ACCOUNT = 42
    CLOCK_ORDER = 43
    CLOCK_STATE = 44
    DEVICE_SAMPLE = 45
    DEVICE_READING = 46
    SOFTWARE_CYCLE = 47
    SOFTWARE_ANSWER = 48
    JOB_ORDER = 49
    JOB_REPORT = 50


OPERATOR_MAIL = (Kind.OPERATOR_REQUEST, Kind.OPERATOR_ACTION, Kind.OPERATOR_STACK, Kind.OPERATOR_CONFIRMATION)
"""What the ground's operator port takes, and the bus from the ground in the operator's name."""


class Seam(IntEnum):
    """Where a fault acts."""

    PLANT = 1
    DEVICE = 2
    LINK = 3
    HOST = 4


class InjectionState(IntEnum):
    """What the target says of an injection."""

    ACTIVE = 1
    CLEARED = 2
    REFUSED = 3


def _member_of(kind: type[IntEnum]) -> AfterValidator:
    """Closes a number to the members of an enumeration."""

    members = frozenset(int(member) for member in kind)

    def check(number: int) -> int:
        if number not in members:
            raise ValueError(f"{number} is not a valid {kind.__name__}")  # which pydantic makes its own
        return number

    return AfterValidator(check)


Identifier = Annotated[str, Field(pattern=ID_PATTERN)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
Text = Annotated[str, Field(max_length=1024)]
Digest = Annotated[bytes, Field(min_length=16, max_length=16)]
Count = Annotated[int, Field(ge=0, le=2**53)]
TimeNs = Annotated[int, Field(ge=0, le=2**62)]
Beacon = Annotated[bytes, Field(max_length=MAX_BEACON_BYTES)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Stream = Annotated[int, Field(ge=0, le=255)]
"""An ECSS service number."""
BoardTimeNs = Annotated[int, Field(ge=-(2**62), le=2**62)]
"""On-board time may lie before the epoch, after a jump of its clock; it stays a number that an archive can hold."""
Row = tuple[Count, Stream, Count, Count]
Scalar = bool | Annotated[int, Field(ge=-(2**53), le=2**53)] | Number | Annotated[str, Field(max_length=256)]


class Body(BaseModel):
    """What every body has in common. Extra fields, NaN, infinities and lax conversions are refused."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)
    kind: ClassVar[Kind]


class Hello(Body):
    """First word of a participant. `dictionary` is the hash of its TM/TC dictionary, empty where it has none."""

    kind = Kind.HELLO
    protocol: Count
    role: Annotated[str, Field(pattern="^(node|ground|observer|range|operator)$")]
    dictionary: Annotated[str, Field(max_length=64)]
    versions: Annotated[dict[Name, Name], Field(max_length=16)]


class Welcome(Body):
    """Answer to Hello: what to fly, and from which snapshot to go on (content addresses of pieces)."""

    kind = Kind.WELCOME
    scenario: Annotated[tuple[Digest, ...], Field(max_length=4096)]
    snapshot: Annotated[tuple[Digest, ...], Field(max_length=4096)]
    next_tick: Count


class Refusal(Body):
    """Why the other side will not work with you."""

    kind = Kind.REFUSAL
    reason: Text


class Piece(Body):
    """One content-addressed piece of something larger than a message (scenario, dictionary, snapshot)."""

    kind = Kind.PIECE
    what: Annotated[str, Field(pattern="^(scenario|snapshot)$")]
    index: Annotated[int, Field(ge=0, lt=4096)]
    of: Annotated[int, Field(ge=1, le=4096)]
    tick: Count
    digest: Digest
    content: Annotated[bytes, Field(max_length=MAX_PIECE_BYTES)]


class Tick(Body):
    """The conductor's word: step once. `count` messages follow, `digest` covers them.

    `beacons` holds the previous beacon of each declared peer (see `Tock.beacon`). `host_up` false means that the
    spacecraft's computer is down in this tick while its plant flies on. `closing` asks for the final account and
    moves no physics.
    """

    kind = Kind.TICK
    tick: Count
    count: Annotated[int, Field(ge=0, le=MAX_MAIL)]
    digest: Digest
    beacons: Annotated[dict[Identifier, Beacon], Field(max_length=64)] = {}
    host_up: bool = True
    closing: bool = False


class Tock(Body):
    """The answer to a Tick. `count` messages follow; `digest` covers them, the beacon and the truth sample.

    beacon: little-endian float64: position_teme_m[3], velocity_teme_m_s[3], attitude quaternion body from TEME
    (scalar last)[4], then one terminal state per ISL head. truth: little-endian float64, one per truth signal of
    the participant's configuration, in its order. Empty for participants without a plant.
    """

    kind = Kind.TOCK
    tick: Count
    count: Annotated[int, Field(ge=0, le=MAX_MAIL)]
    digest: Digest
    beacon: Beacon = b""
    truth: Annotated[bytes, Field(max_length=MAX_TRUTH_BYTES)] = b""


class Bye(Body):
    """Orderly end, from either side."""

    kind = Kind.BYE
    reason: Text


class Telecommand(Body):
    """ECSS request. `request` rises by one per telecommand of a ground boot; (ground_boot, request) executes at most
    once. Not executed on board after `expires_ns` (mission time)."""

    kind = Kind.TELECOMMAND
    ground_boot: Count
    request: Count
    station: Identifier
    name: Name
    arguments: Annotated[dict[Name, Scalar], Field(max_length=64)]
    dictionary: Annotated[str, Field(max_length=64)]
    expires_ns: TimeNs


class Packet(Body):
    """What every telemetry packet carries. Sequence numbers run per (boot, stream) from 0 without gaps.
    `stream` is the ECSS service number: 1 verification, 3 housekeeping, 4 statistics, 5 events, 6 memory,
    9 time, 11 schedule, 17 test, 20 parameters."""

    boot: Count
    stream: Stream
    sequence: Annotated[int, Field(ge=0, lt=2**53)]  # the number after it is a Count as well
    obt_ns: BoardTimeNs


class Telemetry(Packet):
    """Values of one structure, by position; names, types and units are the dictionary's (`dictionary`: its hash)."""

    kind = Kind.TELEMETRY
    structure: Annotated[int, Field(ge=0, le=65535)]
    dictionary: Annotated[bytes, Field(min_length=8, max_length=8)]
    values: Annotated[tuple[Number, ...], Field(max_length=2048)]


class Event(Packet):
    """ECSS service 5: something happened on board. `arguments` by position, as the dictionary declares them."""

    kind = Kind.EVENT
    event: Annotated[int, Field(ge=0, le=65535)]
    severity: Annotated[int, _member_of(Severity)]
    arguments: Annotated[tuple[Number, ...], Field(max_length=16)]


class Verification(Packet):
    """ECSS service 1: how far a request has come. `code` 0 means no failure; else see the dictionary's codes."""

    kind = Kind.VERIFICATION
    ground_boot: Count
    request: Count
    stage: Annotated[int, _member_of(Stage)]
    code: Annotated[int, Field(ge=0, le=65535)]
    detail: Text = ""


class TelemetryAck(Body):
    """Ground to spacecraft: everything of (boot, stream) below `below` is archived; the store may release it."""

    kind = Kind.TELEMETRY_ACK
    boot: Count
    stream: Stream
    below: Count


class StoreReport(Body):
    """Spacecraft to ground, unsequenced: per (boot, stream) the first sequence number still in the store and the
    next one to be generated. What is below `first` and not archived is lost, and the ground declares it. A report of
    1,024 rows may be cut short; verification comes first in it. `settled`: (boot, stream), every boot of this stream
    below this one is acknowledged to the end and forgotten on board."""

    kind = Kind.STORE_REPORT
    rows: Annotated[tuple[Row, ...], Field(max_length=1024)]
    settled: Annotated[tuple[tuple[Count, Stream], ...], Field(max_length=256)] = ()


class Allocation(Body):
    """The ground points an antenna: station, spacecraft, band, rate, on or off."""

    kind = Kind.ALLOCATION
    station: Identifier
    spacecraft: Identifier
    band: Annotated[str, Field(pattern="^(S|X|Ka|optical)$")]
    rate_bps: Annotated[float, Field(ge=0, le=1e15)]
    on: bool


class OperatorRequest(Body):
    """A person or program outside asks the ground for a telecommand. Enters at a tick boundary and is recorded."""

    kind = Kind.OPERATOR_REQUEST
    token: Count
    spacecraft: Identifier
    name: Name
    arguments: Annotated[dict[Name, Scalar], Field(max_length=64)]


class OperatorReply(Body):
    """What became of a request so far; `final`: no more will come; `request` -1: it has none; `name`: of a stack's."""

    kind = Kind.OPERATOR_REPLY
    token: Count
    request: Annotated[int, Field(ge=-1, le=2**53)]
    state: Annotated[str, Field(pattern=REQUEST_STATES)]
    detail: Text
    final: bool
    spacecraft: Annotated[str, Field(max_length=32)] = ""
    name: Annotated[str, Field(max_length=64)] = ""


class OperatorAction(Body):
    """A person or program outside asks the ground for something that is no telecommand. `name`: a procedure's; `run`:
    of one under way, or an alarm's number. Enters at a tick boundary and is recorded."""

    kind = Kind.OPERATOR_ACTION
    token: Count
    verb: Annotated[str, Field(pattern=OPERATOR_VERBS)]
    name: Annotated[str, Field(max_length=64)] = ""
    run: Count = 0
    spacecraft: Annotated[tuple[Identifier, ...], Field(max_length=512)] = ()
    arguments: Annotated[dict[Name, Scalar], Field(max_length=64)] = {}


class OperatorNote(Body):
    """What came of an action so far, a line at a time; `final` when no more will come."""

    kind = Kind.OPERATOR_NOTE
    token: Count
    run: Count
    state: Name
    text: Text
    final: bool


class Injection(Body):
    """A fault, resolved to one primitive of one seam. Active for start_ns <= t < end_ns (end_ns 0: until cleared).

    `place` and `primitive` are the seam's own words, e.g. PLANT place "string_health[3]" primitive "set" {"value": 0}.
    `clear` true ends the injection of this id now. `law`: how it begins and ends without a time (`bus.onset`)."""

    kind = Kind.INJECTION
    injection: Annotated[str, Field(min_length=1, max_length=64)]
    seam: Annotated[int, _member_of(Seam)]
    place: Annotated[str, Field(max_length=96)]
    primitive: Annotated[str, Field(max_length=32)]
    parameters: Annotated[dict[Name, Scalar], Field(max_length=32)]
    start_ns: TimeNs
    end_ns: TimeNs
    clear: bool = False
    law: Annotated[dict[Name, Scalar], Field(max_length=32)] = {}


class InjectionReport(Body):
    """The target says what became of an injection."""

    kind = Kind.INJECTION_REPORT
    injection: Annotated[str, Field(min_length=1, max_length=64)]
    state: Annotated[int, _member_of(InjectionState)]
    at_ns: TimeNs
    reason: Text = ""


class Account(Body):
    """The final account, answer to a closing Tick. Spacecraft rows: (boot, stream, generated, first_on_board); under
    boot 0 together what it settled and forgot. Ground: `counters` holds its totals (interface control document)."""

    kind = Kind.ACCOUNT
    rows: Annotated[tuple[Row, ...], Field(max_length=8192)]
    counters: Annotated[dict[Name, Number], Field(max_length=512)]


PLANE_OF: dict[Kind, Plane] = {k: Plane.TIME if k < 20 else Plane.SPACE if k < 40 else Plane.RANGE for k in Kind}


class Message(NamedTuple):
    """One message. The first three fields are the order of all mail: (sent_ns, source, seq)."""

    sent_ns: int
    source: str
    seq: int
    destination: str
    body: Any  # one of the bodies; `Any` because a NamedTuple of a union would make every caller cast
    authentication: bytes = b""  # not covered by the trace hash

    @property
    def kind(self) -> Kind:
        """What it is."""
        kind: Kind = self.body.kind
        return kind

    @property
    def plane(self) -> Plane:
        """Where it may travel."""
        return PLANE_OF[self.kind]
