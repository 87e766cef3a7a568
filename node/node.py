"""One spacecraft as a function: `Node.step(moment, inbox) -> outbox`, in the seven steps of the architecture.

State has three parts: truth (plant and devices), non-volatile memory, volatile (flight software's RAM). Nothing here
reads a socket, a clock, a file or a global random number.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from bus.dictionary import Dictionary
from bus.errors import DecodeError
from bus.participant import Moment, Outbox
from bus.pus import PACKETS_MADE, Service
from bus.snapshot.pack import pack, unpack
from bus.wire.crosslink import IslFrame
from bus.wire.executor import EXECUTOR_ID, JobReport
from bus.wire.messages import Account, Event, Injection, Message
from bus.wire.outside import FLIGHT_SOFTWARE, GATEWAY_ID, DeviceReading, SoftwareAnswer
from node.assembly import Parts, wire
from node.config import NodeConfig
from node.designs.load import OUTSIDE
from node.devices.clock import Clock
from node.devices.terminals import Terminals
from node.foreign.software import ForeignSoftware, counters_of, note
from node.fsw.protocol import Cycle, Figures
from node.fsw.services.packet_streams import given_up, held
from node.fsw.services.packets import body
from node.fsw.software import FlightSoftware
from node.truth import NodeSignals


class Identity(NamedTuple):
    """Whose state it is, and what it must fit."""

    spacecraft: str
    dictionary: str
    seed: int
    tick_ns: int


@dataclass(slots=True)
class State:
    """All of a spacecraft. `of`: whose it is, and of which build."""

    of: Identity
    plant: bytes
    nvm: dict[str, bytes]
    devices: dict[str, bytes]
    computer: bytes
    injections: bytes
    own: NodeSignals


class Node:
    """A spacecraft; implements `bus.participant.Participant`."""

    def __init__(self, config: NodeConfig, parts: Parts | None = None) -> None:
        self.config = config
        self.parts = parts = wire(config) if parts is None else parts
        self._tick_s = config.tick_ns / 1e9
        self._plant, self._clock, self._sensors = parts.plant, parts.clock, parts.sensors
        self._devices, self._radio, self._nvm = parts.devices, parts.radio, parts.nvm
        self._computer, self._injections, self._signals = parts.computer, parts.injections, parts.signals
        self._upsets, self._terminals, self._remotes = parts.upsets, parts.terminals, parts.remotes
        own = config.design.form.flight_software
        self._foreign = own is not None and own.name == OUTSIDE
        self._own_jobs = parts.own_jobs
        self._device_index = {device.name: i for i, device in enumerate(parts.devices)}
        self._figures = Figures()

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return self.config.id

    @property
    def dictionary(self) -> Dictionary:
        """The telemetry and telecommand dictionary of its design."""
        return self.parts.dictionary

    @property
    def software(self) -> FlightSoftware | None:
        """The reference flight software while it runs, for tests and tools that look inside."""
        fsw = self._computer.fsw
        return fsw if isinstance(fsw, FlightSoftware) else None

    def events_held(self) -> list[Event]:
        """Event reports that the store on board holds, for a range that looks inside."""
        version = bytes.fromhex(self.dictionary.version)
        made = [body(boot, Service.EVENT, n, packet, version) for boot, n, packet in held(self._nvm, Service.EVENT)]
        return [report for report in made if isinstance(report, Event)]

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick: inbox, injections, plant, devices, flight software, orders, outbox."""
        if moment.closing:
            return self._close(moment, inbox)
        tick, end_ns, radio = moment.tick, moment.end_ns, self._radio
        out = Outbox()
        if self._remotes is not None:
            inbox = self._remotes.deliver(tick, inbox)
        if self._own_jobs is not None:
            inbox = self._own_jobs.deliver(inbox)
        frames: list[Message] = []
        if self._foreign:
            inbox, frames = self._answers(inbox)
        space = self._inject(moment, inbox, out.messages) if inbox or not self._injections.idle else inbox
        if space and self._terminals is not None:
            space, crossed = self._sorted(space, self._terminals)
            frames += crossed
        uplink = radio.receive(tick, space) if space or not radio.uplink.idle else []
        self._plant.step(tick, self._tick_s, moment.beacons)
        self._upsets.strike(tick)
        self._clock.advance(end_ns)
        self._sensors.sample(tick)
        cycle = self._cycle(moment, uplink, frames)
        if cycle is not None:
            for order in cycle.orders:
                self._devices[self._device_index[order.device]].command(order)
        downlink = () if cycle is None else cycle.packets
        if downlink or not radio.downlink.idle:
            out.messages += radio.send(tick, end_ns, downlink)
        if self._terminals is not None and (self._terminals.busy or (cycle is not None and cycle.frames)):
            self._terminals.take(() if cycle is None else cycle.frames)
            out.messages += [radio.message(end_ns, peer, frame) for peer, frame in self._terminals.send(tick)]
        if self._remotes is not None:
            out.messages += [radio.message(end_ns, GATEWAY_ID, sample) for sample in self._remotes.samples()]
        fsw = self._computer.fsw
        if isinstance(fsw, ForeignSoftware) and cycle is not None:
            out.messages.append(radio.message(end_ns, GATEWAY_ID, fsw.outgoing))
        if self._own_jobs is not None:
            out.messages += [radio.message(end_ns, EXECUTOR_ID, order) for order in self._own_jobs.orders()]
        out.truth = self._signals.sample()
        if self.config.seen:
            out.beacon = self._plant.beacon()
        out.writes = self._nvm.take_writes()
        return out

    @staticmethod
    def _answers(inbox: Sequence[Message]) -> tuple[list[Message], list[Message]]:
        """What is no answer of flight software outside, and what is."""
        found = [m for m in inbox if isinstance(m.body, SoftwareAnswer) and m.source == GATEWAY_ID]
        return [m for m in inbox if not isinstance(m.body, SoftwareAnswer)], found

    @staticmethod
    def _sorted(space: Sequence[Message], terminals: Terminals) -> tuple[list[Message], list[Message]]:
        """What the radio hears, and what the optical terminals took."""
        frames = [message for message in space if isinstance(message.body, IslFrame)]
        return [message for message in space if not isinstance(message.body, IslFrame)], terminals.receive(frames)

    def _inject(self, moment: Moment, inbox: Sequence[Message], messages: list[Message]) -> Sequence[Message]:
        """Take the range's messages out of the inbox and let injections begin and end."""
        injections, tick = self._injections, moment.tick
        reports = []
        space = []
        for message in inbox:
            if isinstance(message.body, Injection):
                reports += injections.receive(message.body, tick)
            else:
                space.append(message)
        reports += injections.step(tick, moment.start_ns)
        at_ns, end_ns = moment.start_ns, moment.end_ns
        messages.extend(self._radio.message(end_ns, "range", report.body(at_ns)) for report in reports)
        return space

    def _cycle(self, moment: Moment, uplink: Sequence[Message], frames: Sequence[Message]) -> Cycle | None:
        """Flight software's cycle, if the computer is up; None if it is not, or crashed in it."""
        readings = [device.sample() for device in self._devices]
        clock = self._devices[0]
        obt_ns = self._clock.obt_ns if isinstance(clock, Clock) else round(readings[0].values.item(0) * 1e9)
        computer, own, tick = self._computer, self._signals.own, moment.tick
        own.contact = float(self._radio.contact)
        if not moment.host_up:
            computer.absent(tick)
        running = moment.host_up and computer.running(tick, obt_ns)
        own.boot_count = float(computer.boot_count)
        if not running:
            self._down()
            for _ in uplink:
                self._radio.uplink.drop("computer_down")
            crossed = [message for message in frames if isinstance(message.body, IslFrame)]
            if crossed and self._terminals is not None:
                self._terminals.unheard(crossed)
            for message in frames:
                if isinstance(message.body, SoftwareAnswer):
                    note(self._nvm, {"answers_dropped": 1, "packets_dropped": len(message.body.telemetry)})
            return None
        uplink = [*uplink, *frames] if frames else uplink
        cycle, figures = computer.step(tick, obt_ns, readings, uplink, self._radio.budget_bytes)
        if figures is not self._figures:
            self._note(figures)
        if cycle is None:
            self._down()
            return None
        caught = computer.state.caught
        if caught.refused:
            own.software_faults = float(caught.total)
        own.host_up, own.mode, own.payload_shed = 1.0, _number(figures.mode), _number(figures.payload_shed)
        return cycle

    def _down(self) -> None:
        """Flight software does not run, or crashed in this tick."""
        self._signals.own.down()
        self._signals.own.software_faults = float(self._computer.state.caught.total)

    def _note(self, figures: Figures) -> None:
        """What flight software says of its packets, after a cycle that was flown to its end or not."""
        own, self._figures = self._signals.own, figures
        for service, name in PACKETS_MADE.items():
            setattr(own, name, _number(figures.made.get(service)))
        own.telemetry_generated, own.telemetry_on_board = _number(figures.generated), _number(figures.on_board)

    def _close(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """The final account. What is still on its way up is heard: an acknowledgement may release packets."""
        inbox, answers = self._answers(inbox) if self._foreign else (inbox, [])
        space: Sequence[Message] = [m for m in inbox if not isinstance(m.body, Injection | DeviceReading | JobReport)]
        if self._terminals is not None:
            space, _ = self._sorted(space, self._terminals)
        uplink = self._radio.receive(moment.tick, space)
        crosslink = {} if self._terminals is None else self._terminals.counters()
        remote = {} if self._remotes is None else self._remotes.counters()
        counters = {**self._radio.counters(), **crosslink, **remote, **self._computer.state.caught.counters()}
        counters |= {
            f"telemetry.given_up.{stream}": float(lost) for stream, lost in sorted(given_up(self._nvm).items())
        }
        rows = tuple(self._computer.account([*uplink, *answers]))
        if self._foreign:
            counters |= {f"{FLIGHT_SOFTWARE}.{what}": float(n) for what, n in sorted(counters_of(self._nvm).items())}
        account = Account(rows=rows, counters=counters)
        out = Outbox(messages=[self._radio.message(moment.end_ns, "range", account)])
        out.truth = self._signals.sample()
        if self.config.seen:
            out.beacon = self._plant.beacon()
        out.writes = self._nvm.take_writes()
        return out

    def save(self) -> bytes:
        """All three parts of the state."""
        state = State(
            of=self._identity(),
            plant=self._plant.save(),
            nvm=self._nvm.records(),
            devices={device.name: device.save() for device in self._devices},
            computer=self._computer.save(),
            injections=self._injections.save(),
            own=self._signals.own,
        )
        return pack(state)

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises DecodeError if it is not from the same build."""
        state = unpack(State, snapshot)
        if state.of != self._identity():
            raise DecodeError(f"this is no state of {self.id} in this build", hint="start it without the snapshot")
        self._plant.restore(state.plant)
        self._nvm.load(state.nvm)
        self._injections.restore(state.injections)
        for device in self._devices:
            device.restore(state.devices[device.name])
        self._computer.restore(state.computer)
        self._signals.own = state.own
        self._figures = Figures()

    def remember(self, records: dict[str, bytes], tick: int) -> None:
        """Come into a run at `tick` with what an earlier process committed to non-volatile memory. Nobody commanded the
        plant until now: it flies here by itself. Flight software boots from the memory."""
        self._nvm.load(records)
        for past in range(tick):
            self._plant.step(past, self._tick_s, {})
        self._computer.absent(tick - 1)

    def _identity(self) -> Identity:
        return Identity(self.id, self.parts.dictionary.version, self.config.seed, self.config.tick_ns)


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)


def _complain(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def assemble(config: NodeConfig, say: Callable[[str], None] | None = None) -> Node:
    """Build the spacecraft. Loads the plant, and with it numba, on first use. `say` hears what flight software does
    wrong, for whoever wrote it; standard error does where nobody is named."""
    node = Node(config)
    node.parts.computer.heard_by(say or _complain)
    return node
