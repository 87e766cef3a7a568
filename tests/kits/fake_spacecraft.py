"""A spacecraft without physics: a plant that stands still, so that what is around it can be tested in milliseconds."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.dictionary import Dictionary
from bus.participant import Moment, Outbox
from bus.scenario.model import Environment, KeplerOrbit, RangeRules, Scenario, Spacecraft, Station
from bus.wire.authentication import sign
from bus.wire.messages import Allocation, Event, Injection, Message, Packet, Telecommand, TelemetryAck
from node.assembly import equipment, wire
from node.config import NodeConfig, resolve
from node.designs.load import load_design
from node.devices.definitions import device_forms
from node.node import Node

TICK_NS = 1_000_000_000
STATIONS = ("north", "south")
_NARROW = (
    "lcl_state",
    "lcl_trip_count",
    "heater_state",
    "accelerator_state",
    "accelerator_xid",
    "accelerator_xid_count",
    "isl_state",
    "station_visible",
    "upset_bits",
)


class FakePlant:
    """Truth is what a test writes into it. Orders land in `inputs`."""

    def __init__(self, design: str = "pathfinder") -> None:
        parts = equipment(load_design(design))
        sizes: dict[str, int] = defaultdict(int)
        names = [c.source for form in device_forms(parts) for c in form.channels if c.source]
        names += [f"string_health[{len(parts.strings) - 1}]", "position_teme_m[2]", "altitude_m"]
        for field in ("station_visible", "light_time_s", "uplink_frame_loss", "frame_loss", "uplink_cn0_dbhz"):
            names.append(f"{field}[{len(STATIONS) - 1}]")
        form = load_design(design).form
        names.append(f"upset_bits[{len(form.accelerators) + len(form.devices) - 1}]")
        for name in names:
            field, _, index = name.rstrip("]").partition("[")
            sizes[field] = max(sizes[field], int(index or 0) + 1)
        dtype = [(field, "i4" if field in _NARROW else "f8", (size,)) for field, size in sizes.items()]
        self.state = np.zeros(1, np.dtype(dtype, align=True))
        orders = [name for form in device_forms(parts) for _, name in form.orders]
        self.inputs = np.zeros(1, [(name, "f8", (8,)) for name in [*orders, "radio_band", "downlink_rate_bps"]])
        self.params = np.zeros(1, [("downlink_rate_default_bps", "f8", (2,))])
        self.params["downlink_rate_default_bps"] = 64_000.0
        self.set("battery_soc", 0.9)
        self.state["battery_group_soc"] = 0.9
        self.state["main_bus_voltage_v"] = self.state["battery_voltage_v"] = load_design(design).form.power_bus.voltage
        self.state["battery_current_a"] = -100.0  # the array gives more than anybody takes
        self.state["array_power_w"] = 3000.0
        currents_a = np.array(parts.lcl_loads_w) / form.power_bus.voltage
        self.state["lcl_current_a"], self.state["load_power_w"] = currents_a, sum(parts.lcl_loads_w)
        for field in self.state.dtype.names or ():
            if field.endswith("temperature_k"):
                self.state[field] = 293.15
        if "pump_speed_fraction" in (self.state.dtype.names or ()):
            self.state["pump_speed_fraction"] = 1.0
        self.state["string_health"] = 1.0
        self.steps = 0

    def set(self, name: str, value: float) -> None:
        array, index = self.locate(name)
        array[index] = value

    def step(self, tick: int, tick_s: float, beacons: dict[str, bytes]) -> None:
        self.steps += 1

    def beacon(self) -> bytes:
        return b"beacon"

    def read(self, name: str) -> float:
        array, index = self.locate(name)
        return float(array[index])

    def locate(self, name: str) -> tuple[NDArray[Any], int]:
        match = re.fullmatch(r"([a-z0-9_]+)(?:\[(\d+)\])?", name)
        fields = self.state.dtype.names or ()
        if match is None or match[1] not in fields or int(match[2] or 0) >= self.state[match[1]].shape[1]:
            raise KeyError(f"the plant has no '{name}'")
        return self.state[match[1]][0], int(match[2] or 0)

    def save(self) -> bytes:
        return self.state.tobytes() + self.inputs.tobytes()

    def restore(self, snapshot: bytes) -> None:
        cut = self.state.nbytes
        self.state[:] = np.frombuffer(snapshot[:cut], self.state.dtype)
        self.inputs[:] = np.frombuffer(snapshot[cut:], self.inputs.dtype)


def scenario(initial: dict[str, float] | None = None, signals: tuple[str, ...] = (), seed: int = 1) -> Scenario:
    return Scenario(
        name="test", description="", epoch_utc="2026-03-01T00:00:00Z", duration_ns=3600 * TICK_NS, tick_ns=TICK_NS,
        seed=seed, timeline=(), faults=(), expectations=(),
        environment=Environment(
            solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
        ),
        spacecraft=(
            Spacecraft(
                id="sat-1", design="pathfinder", initial=initial or {},
                orbit=KeplerOrbit(
                    semi_major_axis_m=7.028e6, eccentricity=0.001, inclination_rad=1.7, raan_rad=1.0,
                    argument_of_perigee_rad=0.0, mean_anomaly_rad=0.0,
                ),
            ),
        ),
        stations=tuple(
            Station(
                id=name, latitude_rad=1.2 if name == "north" else -0.6, longitude_rad=0.4, altitude_m=50.0,
                mask_rad=0.1, bands=("S",), source="test",
            )
            for name in STATIONS
        ),
        range=RangeRules(missing_tock="stop", tock_timeout_s=1.0, snapshot_every_ticks=100),
        truth_signals={"sat-1": signals},
    )  # fmt: skip


def config(**arguments: Any) -> NodeConfig:
    return resolve(scenario(**arguments), "sat-1")


class Flight:
    """A node with a fake plant, flown tick by tick. `send` and `inject` go into the next tick's inbox."""

    def __init__(self, contact: bool = False, acknowledge: bool = True, **arguments: Any) -> None:
        self.acknowledge = acknowledge
        self.archived: dict[tuple[int, int], set[int]] = defaultdict(set)
        self.config = config(**arguments)
        self.plant = FakePlant()
        self.node = Node(self.config, wire(self.config, self.plant))
        self.tick = 0
        self.log: list[Message] = []
        self.outboxes: list[Outbox] = []
        self._inbox: list[Message] = []
        self._sequence = 0
        self._request = 0
        self.counter = 0
        if contact:
            self.point()

    @property
    def dictionary(self) -> Dictionary:
        return self.node.dictionary

    def point(self, station: str = "north", *, on: bool = True, visible: bool = True, rate_bps: float = 1e6) -> None:
        self.plant.set(f"station_visible[{STATIONS.index(station)}]", 1 if visible else 0)
        body = Allocation(station=station, spacecraft="sat-1", band="S", rate_bps=rate_bps, on=on)
        self.send(body)

    def send(self, body: Any, source: str = "ground") -> None:
        self._sequence += 1
        message = Message(self.tick * TICK_NS, source, self._sequence, "sat-1", body)
        if isinstance(body, Telecommand | TelemetryAck):
            self.counter += isinstance(body, Telecommand)
            counter = self.counter if isinstance(body, Telecommand) else 0
            message = sign(message, self.config.telecommand_key, counter)
        self._inbox.append(message)

    def command(self, name: str, request: int | None = None, **arguments: Any) -> Telecommand:
        if request is None:
            self._request += 1
            request = self._request
        body = Telecommand(
            ground_boot=1, request=request, station="north", name=name, arguments=arguments,
            dictionary=self.dictionary.version, expires_ns=10**15,
        )  # fmt: skip
        self.send(body)
        return body

    def inject(self, seam: int, place: str, primitive: str, *, name: str = "f", during: int = 0, delay: int = 0,
               clear: bool = False, **parameters: Any) -> None:  # fmt: skip
        start = (self.tick + delay) * TICK_NS
        body = Injection(
            injection=name, seam=seam, place=place, primitive=primitive, parameters=parameters, start_ns=start,
            end_ns=start + during * TICK_NS if during else 0, clear=clear,
        )  # fmt: skip
        self.send(body, "range")

    def fly(self, ticks: int = 1, *, host_up: bool = True) -> list[Message]:
        """Step so often; the messages that left."""
        sent: list[Message] = []
        for _ in range(ticks):
            moment = Moment(self.tick, self.tick * TICK_NS, (self.tick + 1) * TICK_NS, host_up=host_up)
            inbox = sorted(self._inbox, key=lambda m: m[:3])
            self._inbox = []
            out = self.node.step(moment, inbox)
            self.outboxes.append(out)
            sent += out.messages
            self.tick += 1
            if self.acknowledge:
                self._acknowledge(out.messages)
        self.log += sent
        return sent

    def _acknowledge(self, messages: list[Message]) -> None:
        """As the ground does: everything below the first gap of each stream that something came from."""
        heard = set()
        for message in messages:
            if isinstance(message.body, Packet):
                key = (message.body.boot, message.body.stream)
                self.archived[key].add(message.body.sequence)
                heard.add(key)
        for boot, stream in sorted(heard):
            below = 0
            while below in self.archived[(boot, stream)]:
                below += 1
            self.send(TelemetryAck(boot=boot, stream=stream, below=below))

    def close(self) -> Outbox:
        moment = Moment(self.tick, self.tick * TICK_NS, (self.tick + 1) * TICK_NS, closing=True)
        inbox, self._inbox = self._inbox, []
        return self.node.step(moment, inbox)

    def bodies(self, kind: type, messages: list[Message] | None = None) -> list[Any]:
        return [m.body for m in (self.log if messages is None else messages) if isinstance(m.body, kind)]

    def events(self, messages: list[Message] | None = None) -> list[str]:
        return [self.dictionary.event[e.event].name for e in self.bodies(Event, messages)]

    def truth(self) -> tuple[float, ...]:
        return tuple(np.frombuffer(self.outboxes[-1].truth))
