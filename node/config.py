"""From a scenario to the configuration of one spacecraft: facts only, every default already spelled out.

No physics, no flight software and no numba here.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from bus.errors import UnknownNameError, UserError
from bus.scenario.model import Environment, Scenario, Spacecraft, Station
from bus.wire.authentication import KEY_BYTES, derived_key
from node.designs.load import Design, load_design
from node.fsw.modes import Mode


@dataclass(frozen=True, slots=True)
class NodeConfig:
    """Everything one spacecraft needs to fly: its part of the scenario and its design.

    `truth_signals` are sampled in this order at the end of every tick. `initial_mode` is what the flight software finds
    in its non-volatile memory at the first boot (`initial: {mode: ...}` in the scenario; NOMINAL: in operation).
    `peer_heads`: for each of its peers, which of the peer's optical heads looks here (its place in their list).
    `guests`: a peer has jobs that could come here, so accelerators without a job wait for one.
    `seen`: somebody declares it as a peer, so it says where it is.
    """

    spacecraft: Spacecraft
    design: Design
    stations: tuple[Station, ...]
    environment: Environment
    epoch_utc: str
    tick_ns: int
    seed: int
    truth_signals: tuple[str, ...]
    initial_mode: Mode = Mode.NOMINAL
    telecommand_key: bytes = bytes(KEY_BYTES)
    peer_heads: tuple[int, ...] = ()
    seen: bool = True
    guests: bool = False

    @property
    def id(self) -> str:
        """The spacecraft's id on the bus."""
        return self.spacecraft.id


def resolve(scenario: Scenario, spacecraft_id: str, telecommand_key: bytes = b"") -> NodeConfig:
    """The configuration of one spacecraft of the scenario. Without a key it has the one of a run in one process.
    Raises UnknownNameError for an id that does not fly."""
    by_id = {spacecraft.id: spacecraft for spacecraft in scenario.spacecraft}
    spacecraft = by_id.get(spacecraft_id)
    if spacecraft is None:
        nearest = difflib.get_close_matches(spacecraft_id, sorted(by_id), 3)
        raise UnknownNameError(
            "spacecraft", spacecraft_id, nearest, hint="the scenario's `spacecraft:` lists who flies"
        )
    mode = spacecraft.initial.get("mode", float(Mode.NOMINAL))
    if mode not in set(Mode):
        raise UserError(
            f"{spacecraft_id}: initial mode {mode}", hint=f"allowed: {', '.join(f'{m} {m.name}' for m in Mode)}"
        )
    plant_values = {name: value for name, value in spacecraft.initial.items() if name != "mode"}
    return NodeConfig(
        spacecraft=spacecraft.model_copy(update={"initial": plant_values}),
        peer_heads=_peer_heads(by_id, spacecraft),
        design=load_design(spacecraft.design),
        stations=scenario.stations,
        environment=scenario.environment,
        epoch_utc=scenario.epoch_utc,
        tick_ns=scenario.tick_ns,
        seed=scenario.seed,
        truth_signals=scenario.truth_signals.get(spacecraft_id, ()),
        initial_mode=Mode(int(mode)),
        telecommand_key=telecommand_key or derived_key(scenario.seed, spacecraft_id),
        guests=_guests(by_id, spacecraft),
        seen=any(spacecraft_id in other.peers for other in scenario.spacecraft),
    )


NO_HEAD = 255
"""More than any design has: a peer that does not list us turns no head here."""


def _guests(by_id: dict[str, Spacecraft], spacecraft: Spacecraft) -> bool:
    """Whether a peer has a gang that could move here, or this spacecraft one that could come back."""
    near = [spacecraft, *(by_id[peer] for peer in spacecraft.peers if peer in by_id)] if spacecraft.peers else []
    return any(job.kind != "inference" for one in near for job in one.jobs) or any(
        log.queue for one in near for log in one.logs
    )


def _peer_heads(by_id: dict[str, Spacecraft], spacecraft: Spacecraft) -> tuple[int, ...]:
    """Head i of a spacecraft looks at its peer i; so the peer's head that looks here is our place in its list."""
    lists = [by_id[peer].peers if peer in by_id else () for peer in spacecraft.peers]
    return tuple(theirs.index(spacecraft.id) if spacecraft.id in theirs else NO_HEAD for theirs in lists)
