"""What is said over the wire about one device, or with flight software, and its two ways of writing: maps with the
names of the dictionary (msgpack), or a fixed layout that a C struct can hold.

Decoders raise DecodeError and nothing else, for any bytes.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping, Sequence
from enum import IntEnum
from hashlib import blake2b
from typing import Any, Literal, NamedTuple, NoReturn

import msgpack

from bus.errors import DecodeError
from bus.pus import MAX_PACKET_BYTES
from bus.wire.outside import FLIGHT_SOFTWARE
from node.devices.device import RESET, SIDE, DeviceForm
from node.devices.remote import LOAD_W
from node.hil.frames import VERSION, Frame, frame

MAX_NUMBER, MAX_NS = 2**53, 2**63
"""Of a tick or an element, as the bus takes them; of a time."""
_LIMITS: dict[str, Any] = {
    "use_list": False, "max_str_len": 128, "max_bin_len": MAX_PACKET_BYTES, "max_array_len": 0, "max_map_len": 2048,
    "max_ext_len": 0,
}  # fmt: skip

Layout = Literal["names", "fixed"]


class Kind(IntEnum):
    """What a frame says."""

    HELLO = 1
    TICK = 2
    SAMPLE = 3
    READING = 4
    ORDER = 5
    MEASURED = 6
    BYE = 7
    CYCLE = 8
    TELECOMMAND = 9
    TELEMETRY = 10


class Hello(NamedTuple):
    """First word of either side. dictionary: of the device, 16 hexadecimal digits. answers_ticks: it sends a tick back
    when all that belongs to it is said."""

    device: str
    spacecraft: str
    dictionary: str
    tick_ns: int
    answers_ticks: bool


class Tick(NamedTuple):
    """Everything of this tick was said. time_ns: mission time at its end."""

    tick: int
    time_ns: int


class Sample(NamedTuple):
    """What the device would feel at the end of a tick: the true quantity of each channel, NaN where it makes the value
    itself."""

    tick: int
    values: tuple[float, ...]


class Reading(NamedTuple):
    """What the device measured, every channel; `tick`: of the sample that it is about. To flight software, what all
    devices measured, NaN where one gave no number."""

    tick: int
    values: tuple[float, ...]


class Order(NamedTuple):
    """What flight software tells the device."""

    tick: int
    what: str
    element: int
    value: float


class Measured(NamedTuple):
    """What the device drives or draws, for the emulated plant: one of its orders as it has carried it out, or
    `load_w`."""

    tick: int
    what: str
    element: int
    value: float


class Bye(NamedTuple):
    """An orderly end."""

    reason: str


class Cycle(NamedTuple):
    """A cycle of flight software begins. obt_ns: on-board time, which drifts and can step; boot: of the computer, from
    1: another one than before has lost its RAM; reason: why it booted, a number of `BootReason`."""

    tick: int
    obt_ns: int
    boot: int
    reason: int


class Telecommand(NamedTuple):
    """A space packet that came up."""

    tick: int
    packet: bytes


class Telemetry(NamedTuple):
    """A space packet that is to go down."""

    tick: int
    packet: bytes


Word = Hello | Tick | Sample | Reading | Order | Measured | Bye | Cycle | Telecommand | Telemetry

HELLO = struct.Struct("<8sQII32s32s")
TICK = struct.Struct("<QQ")
ORDER = struct.Struct("<QIId")
BYE = struct.Struct("<64s")
CYCLE = struct.Struct("<QqII")
PACKET = struct.Struct("<Q")
"""The fixed layouts; a sample or reading is a tick (u64) and a double for each channel, a packet follows its tick."""
ANSWERS_TICKS = 1
"""Flag of a hello."""


def orders_of(form: DeviceForm) -> tuple[str, ...]:
    """What flight software can tell a device, in the order of their numbers in the fixed layout."""
    names = tuple(name for name, _ in form.orders)
    return names if form.name == FLIGHT_SOFTWARE else (*names, RESET, SIDE)  # where they are among the names


def measured_of(form: DeviceForm) -> tuple[str, ...]:
    """What a device can say that it drives or draws, likewise; flight software nothing."""
    return () if form.name == FLIGHT_SOFTWARE else (*(name for name, _ in form.orders), LOAD_W)


def dictionary_of(form: DeviceForm) -> str:
    """Hash of what a device says and understands: two are the same if and only if this is. 16 hexadecimal digits."""
    channels = [[c.name, c.unit, c.type, list(c.labels), bool(c.source)] for c in form.channels]
    content = [VERSION, form.name, channels, orders_of(form), measured_of(form)]
    return blake2b(json.dumps(content, separators=(",", ":")).encode(), digest_size=8).hexdigest()


class Language:
    """Writes and reads the words about one device, in one layout."""

    def __init__(self, form: DeviceForm, layout: Layout = "names") -> None:
        self.form, self.layout = form, layout
        self.dictionary = dictionary_of(form)
        self._fixed = layout == "fixed"
        self._gaps = form.name == FLIGHT_SOFTWARE
        self._channels = tuple(channel.name for channel in form.channels)
        self._values = struct.Struct(f"<Q{len(self._channels)}d")
        self._orders, self._measured = orders_of(form), measured_of(form)

    def write(self, word: Word) -> bytes:
        """The frame of a word."""
        kind = _KIND_OF[type(word)]
        payload = self._pack(word) if self._fixed else msgpack.packb(self._as_map(word))
        return frame(kind, payload, fixed=self._fixed)

    def read(self, found: Frame) -> Word:
        """The word of a frame. Raises DecodeError."""
        if found.version != VERSION:
            raise DecodeError(f"protocol version {found.version}, this is version {VERSION}")
        if found.fixed != self._fixed:
            raise DecodeError(f"written in the other layout, this is {self.layout}")
        try:
            kind = Kind(found.kind)
        except ValueError:
            raise DecodeError(f"no kind of frame has the number {found.kind}") from None
        try:
            return self._unpack(kind, found.payload) if self._fixed else self._of_map(kind, _map_of(found.payload))
        except DecodeError:
            raise
        except Exception as error:  # msgpack's errors share no base class short of Exception
            raise DecodeError(f"not a {kind.name.lower()}: {type(error).__name__}") from error

    def _pack(self, word: Word) -> bytes:
        match word:
            case Hello():
                return HELLO.pack(
                    bytes.fromhex(word.dictionary), word.tick_ns, ANSWERS_TICKS if word.answers_ticks else 0, 0,
                    _bytes_of(word.device, 32), _bytes_of(word.spacecraft, 32),
                )  # fmt: skip
            case Tick():
                return TICK.pack(*word)
            case Sample() | Reading():
                return self._values.pack(word.tick, *word.values)
            case Order():
                return ORDER.pack(word.tick, self._orders.index(word.what), word.element, word.value)
            case Measured():
                return ORDER.pack(word.tick, self._measured.index(word.what), word.element, word.value)
            case Bye():
                return BYE.pack(_bytes_of(word.reason, 64))
            case Cycle():
                return CYCLE.pack(*word)
            case Telecommand() | Telemetry():
                return PACKET.pack(word.tick) + word.packet

    def _unpack(self, kind: Kind, payload: bytes) -> Word:
        match kind:
            case Kind.HELLO:
                dictionary, tick_ns, flags, _, device, spacecraft = HELLO.unpack(payload)
                answers = bool(flags & ANSWERS_TICKS)
                return Hello(_text_of(device), _text_of(spacecraft), dictionary.hex(), tick_ns, answers)
            case Kind.TICK:
                return Tick(*TICK.unpack(payload))
            case Kind.SAMPLE:
                tick, *values = self._values.unpack(payload)
                return Sample(tick, tuple(values))
            case Kind.READING:
                tick, *values = self._values.unpack(payload)
                return Reading(_at_most(tick, "tick"), tuple(values) if self._gaps else _finite(values))
            case Kind.ORDER | Kind.MEASURED:
                tick, number, element, value = ORDER.unpack(payload)
                return self._act(kind, _at_most(tick, "tick"), self._name(kind, number), element, value)
            case Kind.BYE:
                return Bye(_text_of(BYE.unpack(payload)[0]))
            case Kind.CYCLE:
                return Cycle(*CYCLE.unpack(payload))
            case Kind.TELECOMMAND | Kind.TELEMETRY:
                (tick,) = PACKET.unpack_from(payload)
                return self._packet(kind, _at_most(tick, "tick"), payload[PACKET.size :])

    def _as_map(self, word: Word) -> dict[str, object]:
        if isinstance(word, Sample | Reading):
            values = zip(self._channels, word.values, strict=True)
            return {"tick": word.tick, "values": {name: value for name, value in values if not math.isnan(value)}}
        return word._asdict()

    def _of_map(self, kind: Kind, fields: Mapping[str, Any]) -> Word:
        match kind:
            case Kind.HELLO:
                tick_ns, answers = _whole(fields, "tick_ns", MAX_NS), fields["answers_ticks"]
                if not isinstance(answers, bool):
                    _refuse("answers_ticks", "true or false")
                device, spacecraft = _text(fields, "device"), _text(fields, "spacecraft")
                return Hello(device, spacecraft, _text(fields, "dictionary"), tick_ns, answers)
            case Kind.TICK:
                return Tick(_whole(fields, "tick"), _whole(fields, "time_ns", MAX_NS))
            case Kind.SAMPLE | Kind.READING:
                given = fields["values"]
                if not isinstance(given, dict) or any(name not in self._channels for name in given):
                    _refuse("values", "the channels of the device by their names")
                if kind is Kind.SAMPLE or self._gaps:
                    numbers = tuple(float(given.get(name, math.nan)) for name in self._channels)
                    return (Sample if kind is Kind.SAMPLE else Reading)(_whole(fields, "tick"), numbers)
                return Reading(_whole(fields, "tick"), _finite([given[name] for name in self._channels]))
            case Kind.ORDER | Kind.MEASURED:
                what, element = _text(fields, "what"), _whole(fields, "element")
                return self._act(kind, _whole(fields, "tick"), what, element, fields["value"])
            case Kind.BYE:
                return Bye(_text(fields, "reason"))
            case Kind.CYCLE:
                tick, boot, reason = (_whole(fields, name) for name in ("tick", "boot", "reason"))
                obt_ns = fields["obt_ns"]
                if not isinstance(obt_ns, int) or abs(obt_ns) > MAX_NS:
                    _refuse("obt_ns", "a whole number")
                return Cycle(tick, obt_ns, boot, reason)
            case Kind.TELECOMMAND | Kind.TELEMETRY:
                return self._packet(kind, _whole(fields, "tick"), fields["packet"])

    @staticmethod
    def _packet(kind: Kind, tick: int, packet: object) -> Telecommand | Telemetry:
        if not isinstance(packet, bytes) or len(packet) > MAX_PACKET_BYTES:
            _refuse("packet", f"bytes, at most {MAX_PACKET_BYTES}")
        return Telecommand(tick, packet) if kind is Kind.TELECOMMAND else Telemetry(tick, packet)

    def _name(self, kind: Kind, number: int) -> str:
        known = self._orders if kind is Kind.ORDER else self._measured
        if number >= len(known):
            _refuse(f"number {number}", f"0 to {len(known) - 1}")
        return known[number]

    def _act(self, kind: Kind, tick: int, what: str, element: int, value: object) -> Order | Measured:
        known = self._orders if kind is Kind.ORDER else self._measured
        if what not in known:
            _refuse(repr(what[:64]), ", ".join(known))
        (number,) = _finite([value])
        return Order(tick, what, element, number) if kind is Kind.ORDER else Measured(tick, what, element, number)


_KIND_OF: Mapping[type, Kind] = {
    Hello: Kind.HELLO, Tick: Kind.TICK, Sample: Kind.SAMPLE, Reading: Kind.READING, Order: Kind.ORDER,
    Measured: Kind.MEASURED, Bye: Kind.BYE, Cycle: Kind.CYCLE, Telecommand: Kind.TELECOMMAND,
    Telemetry: Kind.TELEMETRY,
}  # fmt: skip


def _refuse(found: str, allowed: str) -> NoReturn:
    raise DecodeError(f"found {found}; allowed: {allowed}")


def _map_of(payload: bytes) -> Mapping[str, Any]:
    fields = msgpack.unpackb(payload, **_LIMITS)
    if not isinstance(fields, dict):
        _refuse(type(fields).__name__, "a map")
    return fields


def _finite(values: Sequence[object]) -> tuple[float, ...]:
    numbers = []
    for value in values:
        if not isinstance(value, int | float) or not math.isfinite(value):
            _refuse(repr(value)[:64], "a finite number")
        numbers.append(float(value))
    return tuple(numbers)


def _whole(fields: Mapping[str, Any], name: str, most: int = MAX_NUMBER) -> int:
    value = fields[name]
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(f"{name} {value!r}"[:64], "a whole number from 0")
    return _at_most(value, name, most)


def _at_most(value: int, name: str, most: int = MAX_NUMBER) -> int:
    if not 0 <= value <= most:
        _refuse(f"{name} {value}", f"0 to {most}")
    return value


def _text(fields: Mapping[str, Any], name: str) -> str:
    value = fields[name]
    if not isinstance(value, str):
        _refuse(f"{name} {value!r}"[:64], "a text")
    return value


def _bytes_of(text: str, size: int) -> bytes:
    return text.encode("ascii", "replace")[:size]


def _text_of(data: bytes) -> str:
    return data.split(b"\0", 1)[0].decode("ascii", "replace")
