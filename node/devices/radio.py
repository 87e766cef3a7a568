"""The spacecraft's radio: who hears whom. Light passes only while a ground antenna points here and is in sight.

Geometry and link quality are the plant's; which antenna points here is what the ground last said (`Allocation`). Every
message that does not pass is counted with the reason. What a message means is not known here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from bus.draws import stable_id, uniform
from bus.snapshot.pack import Stateful
from bus.wire.messages import Allocation, Message, Telecommand, TelemetryAck
from node.devices.device import DeviceForm, Order, Reading
from node.devices.impairments import Direction, Flow
from node.truth import PlantLike, Values, field, place

UPLINK_LIMIT = 512
"""Messages taken from the uplink in one tick; the rest is dropped and counted."""
GROUND = "ground"
"""Nobody else commands a spacecraft or points an antenna at it; peers know each other by their beacons."""
_BANDS = ("S", "Ka")
_UP, _DOWN = stable_id("radio.uplink"), stable_id("radio.downlink")


@dataclasses.dataclass(slots=True)
class State:
    """`allocated`: band and rate of each station that points here. `receiver`: which of the two is on.
    Active impairments are the injections' business."""

    reading: Values
    uplink: Flow
    downlink: Flow
    allocated: dict[int, tuple[int, float]] = dataclasses.field(default_factory=dict)
    received: int = 0
    sent: int = 0
    sequence: int = 0
    receiver: int = 0


class Radio(Stateful):
    """Receiver and transmitter, and the device that flight software sees of them."""

    state: State

    def __init__(self, form: DeviceForm, plant: PlantLike, stations: Sequence[str], who: tuple[int, str],
                 tick_ns: int) -> None:  # fmt: skip
        self.form = form
        seed, self._id = who
        self._seed, self._spacecraft = seed, stable_id(self._id)
        self._tick_ns = tick_ns
        self._stations = {station: i for i, station in enumerate(stations)}
        n = range(len(stations))
        self._visible = [place(plant, f"station_visible[{i}]") for i in n]
        self._carrier = [place(plant, f"uplink_cn0_dbhz[{i}]") for i in n]
        self._light_time = [place(plant, f"light_time_s[{i}]") for i in n]
        self._loss_up = [place(plant, f"uplink_frame_loss[{i}]") for i in n]
        self._loss_down = [place(plant, f"frame_loss[{i}]") for i in n]
        self._transmitter = field(plant.inputs, "transmitter_on")
        self._band = field(plant.inputs, "radio_band")
        self._rate = field(plant.inputs, "downlink_rate_bps")
        self._default_rate = field(plant.params, "downlink_rate_default_bps")
        self.uplink: Direction[Message] = Direction(seed, self._spacecraft)
        self.downlink: Direction[Any] = Direction(seed, self._spacecraft)
        self.dead_receivers: tuple[list[str], ...] = ([], [])  # the injections that keep each of them from decoding
        self.state = State(np.zeros(len(form.channels)), self.uplink.state, self.downlink.state)

    @property
    def name(self) -> str:
        """Its name in the design."""
        return self.form.name

    @property
    def station(self) -> int:
        """The station that points here and is in sight, the one with the best downlink; -1 for none."""
        best = -1
        for i in self.state.allocated:
            if self._visible[i][0] and (best < 0 or (self._loss_down[i][0], i) < (self._loss_down[best][0], best)):
                best = i
        return best

    def receive(self, tick: int, inbox: Sequence[Message]) -> list[Message]:
        """What of the inbox's space messages reaches the receiver in this tick, in order."""
        if not inbox and self.uplink.idle:
            return []
        heard: list[Message] = []
        for message in inbox:
            body = message.body
            if message.source != GROUND:
                self.uplink.drop("not_from_the_ground")
            elif isinstance(body, Allocation):
                self._point(body)
            elif len(heard) >= UPLINK_LIMIT:
                self.uplink.drop("overflow")
            else:
                self._hear(tick, message, heard)
        passed = self.uplink.passed(tick, heard)
        if self.dead_receivers[self.state.receiver]:
            for _ in passed:
                self.uplink.drop("dead_receiver")
            passed = []
        self.state.received += len(passed)
        return passed

    def send(self, tick: int, end_ns: int, bodies: Sequence[Any]) -> list[Message]:
        """The messages that leave for the ground at the end of this tick."""
        if not bodies and self.downlink.idle:
            return []
        station = self.station
        if station < 0 or not self._transmitter[0]:
            for _ in bodies:
                self.downlink.drop("no_contact")
            return []
        loss = float(self._loss_down[station][0])
        passing: list[Any] = []
        for lane, body in enumerate(bodies):
            self.state.sent += 1
            if loss > 0.0 and uniform(self._seed, _DOWN, self._spacecraft, tick, lane) < loss:
                self.downlink.drop("frame_loss")
            else:
                passing.append(body)
        late = int(self._light_time[station][0] * 1e9) // self._tick_ns
        if late:
            for body in passing:
                self.downlink.hold(tick + late, body)
            passing = []
        return [self.message(end_ns, "ground", body) for body in self.downlink.passed(tick, passing)]

    def message(self, end_ns: int, destination: str, body: Any) -> Message:
        """A message of this spacecraft's, with its next sequence number."""
        self.state.sequence += 1
        return Message(end_ns, self._id, self.state.sequence, destination, body)

    @property
    def side(self) -> int:
        """It has one."""
        return 0

    def sample(self) -> Reading:
        """What flight software knows of the radio; the budget holds for the cycle that follows."""
        state = self.state
        values = state.reading
        station = self.station if state.allocated else -1
        contact = station >= 0 and bool(self._transmitter[0])
        values[0] = contact
        values[1] = self._budget_bytes(station) if contact else 0.0
        values[2] = state.received
        values[3] = sum(self.uplink.dropped.values()) if self.uplink.dropped else 0
        values[4] = state.sent
        values[5] = self.downlink.dropped.get("overflow", 0)
        values[6] = state.receiver
        values[7] = self._carrier[station][0] if contact else 0.0
        return Reading(values)

    @property
    def budget_bytes(self) -> float:
        """What the downlink carries in this tick, as in the latest reading."""
        return float(self.state.reading[1])

    @property
    def contact(self) -> bool:
        """As in the latest reading."""
        return bool(self.state.reading[0])

    def command(self, order: Order) -> None:
        """Transmitter on or off; which receiver is on."""
        if order.what == "transmitter":
            self._transmitter[0] = order.value
        elif order.what == "receiver":
            self.state.receiver = int(order.value != 0.0)

    def counters(self) -> dict[str, float]:
        """Messages received, sent, and dropped by reason."""
        counters: dict[str, float] = {"uplink.received": self.state.received, "downlink.sent": self.state.sent}
        for direction, name in ((self.uplink, "uplink"), (self.downlink, "downlink")):
            counters.update({f"{name}.dropped.{why}": n for why, n in sorted(direction.dropped.items())})
        return counters

    def _point(self, allocation: Allocation) -> None:
        """A ground antenna turns to this spacecraft, or away from it."""
        station = self._stations.get(allocation.station)
        if station is None:
            self.uplink.drop("unknown_station")
        elif allocation.on and allocation.spacecraft == self._id:
            band = _BANDS.index(allocation.band) if allocation.band in _BANDS else 0
            self.state.allocated[station] = (band, allocation.rate_bps)
            self._band[0], self._rate[0] = band, allocation.rate_bps
        else:
            self.state.allocated.pop(station, None)

    def _hear(self, tick: int, message: Message, heard: list[Message]) -> None:
        body = message.body
        if isinstance(body, Telecommand):
            station = self._stations.get(body.station, -1)
        elif isinstance(body, TelemetryAck):
            station = self.station
        else:
            self.uplink.drop("not_for_a_spacecraft")
            return
        if station not in self.state.allocated:
            self.uplink.drop("not_allocated")
        elif not self._visible[station][0]:
            self.uplink.drop("not_visible")
        elif uniform(self._seed, _UP, self._spacecraft, tick, message.seq) < self._loss_up[station][0]:
            self.uplink.drop("frame_loss")
        else:
            late = int(self._light_time[station][0] * 1e9) // self._tick_ns
            if late:
                self.uplink.hold(tick + late, message)
            else:
                heard.append(message)

    def _budget_bytes(self, station: int) -> float:
        band, rate_bps = self.state.allocated[station]
        if rate_bps <= 0.0:
            rate_bps = float(self._default_rate[band])
        return rate_bps * self._tick_ns / 8e9

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave."""
        super().restore(data)
        self.uplink.state, self.downlink.state = self.state.uplink, self.state.downlink
