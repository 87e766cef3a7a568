"""Who speaks for what is outside of a run (devices, flight software): from the scenario, or played from a trace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bus.errors import UserError
from bus.participant import Moment, Outbox, Participant
from bus.scenario.model import Scenario
from bus.snapshot.pack import Stateful
from bus.trace.reader import TraceReader
from bus.wire.codec import decode, peek
from bus.wire.executor import EXECUTOR_ID
from bus.wire.messages import Message
from bus.wire.outside import FLIGHT_SOFTWARE, GATEWAY_ID
from faults.run_directory import RunDirectory
from faults.scenarios.outside import needs_pace
from faults.scenarios.own_jobs import has_programs
from node.assembly import outside_forms, software_form
from node.devices.device import DeviceForm
from node.hil.device_party import DeviceParty
from node.hil.gateway import AnyParty, Gateway
from node.hil.lines import MachineBench, line_to
from node.hil.software_party import SoftwareParty


def open_gateway(scenario: Scenario, *, paced: bool) -> Gateway:
    """Everybody has answered and is the right one. Raises UserError."""
    unpaced = [] if paced else needs_pace(scenario.spacecraft)
    if unpaced:
        raise UserError(
            f"{unpaced[0]} answers no ticks, so nobody knows when it has said all",
            hint="fly it by the clock: --pace realtime",
        )
    parties: list[AnyParty] = []
    for spacecraft in scenario.spacecraft:
        for name, outside in spacecraft.devices.items():
            form, line = form_of(spacecraft.design, name), line_to(outside.endpoint)
            party: type[DeviceParty | SoftwareParty] = SoftwareParty if name == FLIGHT_SOFTWARE else DeviceParty
            parties.append(party(spacecraft.id, form, outside, line, tick_ns=scenario.tick_ns))
    gateway = Gateway(parties, MachineBench(), paced=paced)
    gateway.open()
    return gateway


def form_of(design: str, name: str) -> DeviceForm:
    """What is said on the line of a device of a design, or of its flight software. KeyError for a name it has not."""
    if name == FLIGHT_SOFTWARE:
        return software_form(design)
    return {form.name: form for form in outside_forms(design)}[name]


def keep_timing(directory: RunDirectory, everybody: Sequence[Participant]) -> None:
    """How long devices outside took to answer, into the run's directory."""
    for one in everybody:
        if isinstance(one, Gateway):
            directory.write(directory.outside, json.dumps(one.timing(), indent=1))


def hang_up(everybody: Sequence[Participant], reason: str) -> None:
    """Say goodbye on all lines, where a run is left before its end."""
    for one in everybody:
        if isinstance(one, Gateway):
            one.close(reason)


@dataclass(slots=True)
class PlayedState:
    """Nothing changes."""


class Played(Stateful):
    """Participant `hil` or `executor` of a run that is flown again: says what a trace has of it, whatever is said to
    it."""

    state: PlayedState

    def __init__(self, trace: Path, who: str = GATEWAY_ID) -> None:
        self._reader, self._who = TraceReader(trace), who
        self.state = PlayedState()

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return self._who

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """What was sent in this tick."""
        return Outbox(messages=[decode(frame) for frame in self._sent(moment.tick) if peek(frame).source == self.id])

    def _sent(self, tick: int) -> Sequence[bytes]:
        """Mail of a tick is delivered with the next one; that of the closing tick stands at the end."""
        if tick + 1 < len(self._reader):
            return self._reader.record(tick + 1).mail
        end = self._reader.end
        return () if end is None else end.mail


def played(scenario: Scenario, trace: Path) -> list[Participant]:
    """Devices and programs outside as a trace has them; nobody where there are none."""
    devices = [Played(trace)] if any(spacecraft.devices for spacecraft in scenario.spacecraft) else []
    return [*devices, *([Played(trace, EXECUTOR_ID)] if has_programs(scenario) else [])]
