"""From a scenario to the configuration of one spacecraft: facts only, every default already spelled out.

No physics, no flight software and no numba here; `assembly.py` builds from it.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Any

from bus.errors import UnknownNameError
from bus.scenario import Environment, Scenario, Spacecraft, Station
from node.fsw.modes import Mode


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything one spacecraft needs to fly: its part of the scenario and its design.

    `truth_signals` are sampled in this order at the end of every tick. `initial_mode` is what the flight software finds
    in its non-volatile memory at the first boot (`initial: {mode: ...}` in the scenario; NOMINAL: in operation).
    """

    spacecraft: Spacecraft
    design: Any
    stations: tuple[Station, ...]
    environment: Environment
    epoch_utc: str
    tick_ns: int
    seed: int
    truth_signals: tuple[str, ...]
    initial_mode: Mode = Mode.NOMINAL

    @property
    def id(self) -> str:
        """The spacecraft's id on the bus."""
        return self.spacecraft.id


def resolve(scenario: Scenario, spacecraft_id: str) -> NodeConfig:
    """The configuration of one spacecraft of the scenario. Raises UnknownNameError for an id that does not fly."""
    by_id = {spacecraft.id: spacecraft for spacecraft in scenario.spacecraft}
    spacecraft = by_id.get(spacecraft_id)
    if spacecraft is None:
        nearest = difflib.get_close_matches(spacecraft_id, sorted(by_id), 3)
        raise UnknownNameError(
            "spacecraft", spacecraft_id, nearest, hint="the scenario's `spacecraft:` lists who flies"
        )
    raise NotImplementedError  # the design's loader is on its way
