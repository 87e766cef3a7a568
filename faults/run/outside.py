"""The gateway of a run to its devices outside: built from the scenario, or played from a trace."""

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
from bus.wire.messages import Message
from bus.wire.outside import GATEWAY_ID
from faults.run_directory import RunDirectory
from faults.scenarios.outside import needs_pace
from node.assembly import outside_forms
from node.hil.gateway import Gateway
from node.hil.lines import MachineBench, line_to
from node.hil.party import Party


def open_gateway(scenario: Scenario, *, paced: bool) -> Gateway:
    """All devices have answered and are the right ones. Raises UserError."""
    unpaced = [] if paced else needs_pace(scenario.spacecraft)
    if unpaced:
        raise UserError(
            f"{unpaced[0]} answers no ticks, so nobody knows when it has said all",
            hint="fly it by the clock: --pace realtime",
        )
    parties = []
    for spacecraft in scenario.spacecraft:
        forms = {form.name: form for form in outside_forms(spacecraft.design)} if spacecraft.devices else {}
        for name, device in spacecraft.devices.items():
            line = line_to(device.endpoint)
            parties.append(Party(spacecraft.id, forms[name], device, line, tick_ns=scenario.tick_ns))
    gateway = Gateway(parties, MachineBench(), paced=paced)
    gateway.open()
    return gateway


def keep_timing(directory: RunDirectory, everybody: Sequence[Participant]) -> None:
    """How long devices outside took to answer, into the run's directory."""
    for one in everybody:
        if isinstance(one, Gateway):
            directory.write(directory.outside, json.dumps(one.timing(), indent=1))


@dataclass(slots=True)
class PlayedState:
    """Nothing changes."""


class Played(Stateful):
    """Participant `hil` of a run that is flown again: says what a trace has of it, whatever is said to it."""

    state: PlayedState

    def __init__(self, trace: Path) -> None:
        self._reader = TraceReader(trace)
        self.state = PlayedState()

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return GATEWAY_ID

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
    """The devices outside as a trace has them; nobody where there are none."""
    return [Played(trace)] if any(spacecraft.devices for spacecraft in scenario.spacecraft) else []
