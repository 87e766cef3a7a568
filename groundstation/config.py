"""From a scenario to the configuration of the ground: facts only, every default with its reason.

No decisions and no state here. The dictionaries come from the composition root, keyed by design name, because the
ground never imports a spacecraft.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from bus.dictionary import Dictionary
from bus.errors import UnknownNameError
from bus.scenario.model import DEFAULT_PRIORITY, Orbit, ProcedureEntry, Scenario, StackEntry, Station, TimelineEntry
from bus.wire.authentication import derived_key

GROUND_ID = "ground"


@dataclass(frozen=True, slots=True)
class CommandRules:
    """How telecommands are followed. All of them are operational choices of this ground, not physics.

    A telecommand reaches its terminal state at the latest `lifetime_s + patience_s` after it was asked for.
    lifetime_s: not executed on board later than this after the request; half a day covers the longest gap between
    contacts of a low orbit over one mid-latitude site. patience_s: how long after that the ground still waits for
    a report before it says INDETERMINATE. retransmit_s: silence after which it is sent again, but at least
    `retransmit_ticks` ticks, because a report needs up to four ticks to come back. transmissions_per_contact,
    transmissions: bounds. window: telecommands of one spacecraft in the air at once; 1 keeps their order.
    proof_margin_s: age beyond expiry from which an on-board store that never heard of a request proves that it never
    arrived (covers clock drift and mail in the air). confirm_s: within which a hazardous telecommand is confirmed.
    stacks: under way at once.
    """

    lifetime_s: float = 43_200.0
    patience_s: float = 43_200.0
    retransmit_s: float = 8.0
    retransmit_ticks: int = 5
    transmissions_per_contact: int = 16
    transmissions: int = 64
    window: int = 1
    queue_per_spacecraft: int = 1024
    proof_margin_s: float = 120.0
    confirm_s: float = 600.0
    stacks: int = 64


@dataclass(frozen=True, slots=True)
class ContactRules:
    """How contacts are predicted and antennas shared.

    horizon_s: how far ahead contacts are known (a little more than one low orbit). step_s: distance of samples; a
    local maximum between samples is refined, so contacts shorter than a step are found too. longest_s: a longer stay
    in view (high orbits) is planned as several contacts. dwell_s: after this long an antenna turns to a spacecraft
    that waits. rate_bps: downlink rate by band, the first of a station's bands in this order is used; 2 Mbit/s is the
    usual S-band telemetry rate, the others are assumptions (the spacecraft's own link has the last word).
    """

    horizon_s: float = 7_200.0
    step_s: float = 60.0
    longest_s: float = 3_600.0
    dwell_s: float = 60.0
    rate_bps: tuple[tuple[str, float], ...] = (("S", 2e6), ("X", 1e8), ("Ka", 1e8), ("optical", 1e10))


@dataclass(frozen=True)
class AlarmRules:
    """How telemetry is watched; operational choices of this ground.

    live_within_s: telemetry that comes later than this after its on-board time is played back, not live (a report needs
    a few ticks, what waits in a store needs longer). play_back: what alarms make of that: alarm, log or ignore.
    repetitions: readings in a row that raise a limit's alarm, and that clear it. silent_s: how long nothing comes while
    an antenna points there (a pass begins and ends near the mask, where frames are lost). stale_intervals: how many
    of its intervals a housekeeping structure may be missing, at least `silent_s`.
    """

    live_within_s: float = 60.0
    play_back: Literal["alarm", "log", "ignore"] = "alarm"
    repetitions: int = 2
    silent_s: float = 120.0
    stale_intervals: float = 4.0


@dataclass(frozen=True, slots=True)
class RetentionRules:
    """What the archive keeps of telemetry; by default everything, because it is the user's to say what may go.

    age_s: since its receipt, in mission time. size_bytes: of all rows together. None: no bound.
    chunk_rows, chunk_s: telemetry of one stream goes in pieces of that many packets, received within that time
    (or a 64th of the age, whichever is less), so that the ground remembers pieces and not packets [A].
    rows_per_tick, looks_per_tick: what is deleted, and looked at, in one tick: a delete of 512 rows is a few
    milliseconds [A], far below the tick of every shipped scenario, and more than any of them takes in.
    """

    age_s: float | None = None
    size_bytes: int | None = None
    chunk_rows: int = 256
    chunk_s: float = 600.0
    rows_per_tick: int = 512
    looks_per_tick: int = 64

    @property
    def declared(self) -> bool:
        """Whether anything is ever deleted."""
        return self.age_s is not None or self.size_bytes is not None


@dataclass(frozen=True, slots=True)
class SpacecraftPlan:
    """What the ground knows of one spacecraft. Lower `priority` is served first when antennas are scarce."""

    id: str
    orbit: Orbit
    dictionary: Dictionary
    telecommand_key: bytes
    priority: int = DEFAULT_PRIORITY


@dataclass(frozen=True, slots=True)
class GroundConfig:
    """Everything the ground needs. `ground_boot` numbers its requests' name space, see `messages.Telecommand`."""

    epoch_utc: str
    tick_ns: int
    duration_ns: int
    scenario_digest: str
    stations: tuple[Station, ...]
    spacecraft: tuple[SpacecraftPlan, ...]
    timeline: tuple[TimelineEntry, ...]
    stacks: tuple[StackEntry, ...] = ()
    procedures: tuple[ProcedureEntry, ...] = ()
    ground_boot: int = 1
    command: CommandRules = field(default_factory=CommandRules)
    contact: ContactRules = field(default_factory=ContactRules)
    alarms: AlarmRules = field(default_factory=AlarmRules)
    retention: RetentionRules = field(default_factory=RetentionRules)


def resolve(
    scenario: Scenario, dictionaries: Mapping[str, Dictionary], telecommand_keys: Mapping[str, bytes] | None = None
) -> GroundConfig:
    """The ground of a scenario. `dictionaries` by design name, `telecommand_keys` by spacecraft; without keys it has
    those of a run in one process. Raises UnknownNameError for a design without one."""
    plans = []
    for spacecraft in scenario.spacecraft:
        dictionary = dictionaries.get(spacecraft.design)
        if dictionary is None:
            nearest = difflib.get_close_matches(spacecraft.design, sorted(dictionaries), 3)
            raise UnknownNameError("design", spacecraft.design, nearest, hint="the ground needs its dictionary")
        one = spacecraft.id
        key = derived_key(scenario.seed, one) if telecommand_keys is None else telecommand_keys[one]
        plans.append(SpacecraftPlan(one, spacecraft.orbit, dictionary, key, spacecraft.priority))
    return GroundConfig(
        epoch_utc=scenario.epoch_utc,
        tick_ns=scenario.tick_ns,
        duration_ns=scenario.duration_ns,
        scenario_digest=scenario.digest,
        stations=scenario.stations,
        spacecraft=tuple(plans),
        timeline=scenario.timeline,
        stacks=scenario.stacks,
        procedures=scenario.procedures,
        alarms=AlarmRules(**scenario.alarms.model_dump()) if scenario.alarms else AlarmRules(),
        retention=RetentionRules(**scenario.retention.model_dump()) if scenario.retention else RetentionRules(),
    )
