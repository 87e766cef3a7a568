"""The spacecraft's modes as a table: what each event means in each mode; and the payload's regimes within NOMINAL.

A pair that is not in the table is refused and counted, never ignored in silence. The manual's pages are made from
`TABLE` and `REGIMES`.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from node.devices.equipment import JOB_KINDS


class Mode(IntEnum):
    """Commanded regime of the whole spacecraft."""

    LEOP = 0
    NOMINAL = 1
    SAFE = 2
    SURVIVAL = 3


class ModeEvent(IntEnum):
    """What can ask for another mode: the ground, or something the flight software noticed by itself."""

    GROUND_LEOP = 0
    GROUND_NOMINAL = 1
    GROUND_SAFE = 2
    GROUND_SURVIVAL = 3
    LOW_CHARGE = 4
    CRITICAL_CHARGE = 5
    CHARGE_RECOVERED = 6
    REPEATED_REBOOT = 7
    MONITOR_SAFE = 8
    MONITOR_SURVIVAL = 9


GROUND_EVENT: dict[Mode, ModeEvent] = {
    Mode.LEOP: ModeEvent.GROUND_LEOP,
    Mode.NOMINAL: ModeEvent.GROUND_NOMINAL,
    Mode.SAFE: ModeEvent.GROUND_SAFE,
    Mode.SURVIVAL: ModeEvent.GROUND_SURVIVAL,
}

# SAFE holds: only the ground leads out of it, or a charge so low that even SAFE is too much. SURVIVAL climbs back to
# SAFE by itself when the battery has recovered, and never further. LEOP is entered from SAFE only, by the ground.
TABLE: dict[tuple[Mode, ModeEvent], Mode] = {
    (Mode.LEOP, ModeEvent.GROUND_LEOP): Mode.LEOP,
    (Mode.LEOP, ModeEvent.GROUND_NOMINAL): Mode.NOMINAL,
    (Mode.LEOP, ModeEvent.GROUND_SAFE): Mode.SAFE,
    (Mode.LEOP, ModeEvent.GROUND_SURVIVAL): Mode.SURVIVAL,
    (Mode.LEOP, ModeEvent.LOW_CHARGE): Mode.SAFE,
    (Mode.LEOP, ModeEvent.CRITICAL_CHARGE): Mode.SURVIVAL,
    (Mode.LEOP, ModeEvent.REPEATED_REBOOT): Mode.SAFE,
    (Mode.LEOP, ModeEvent.MONITOR_SAFE): Mode.SAFE,
    (Mode.LEOP, ModeEvent.MONITOR_SURVIVAL): Mode.SURVIVAL,
    (Mode.NOMINAL, ModeEvent.GROUND_NOMINAL): Mode.NOMINAL,
    (Mode.NOMINAL, ModeEvent.GROUND_SAFE): Mode.SAFE,
    (Mode.NOMINAL, ModeEvent.GROUND_SURVIVAL): Mode.SURVIVAL,
    (Mode.NOMINAL, ModeEvent.LOW_CHARGE): Mode.SAFE,
    (Mode.NOMINAL, ModeEvent.CRITICAL_CHARGE): Mode.SURVIVAL,
    (Mode.NOMINAL, ModeEvent.REPEATED_REBOOT): Mode.SAFE,
    (Mode.NOMINAL, ModeEvent.MONITOR_SAFE): Mode.SAFE,
    (Mode.NOMINAL, ModeEvent.MONITOR_SURVIVAL): Mode.SURVIVAL,
    (Mode.SAFE, ModeEvent.GROUND_LEOP): Mode.LEOP,
    (Mode.SAFE, ModeEvent.GROUND_NOMINAL): Mode.NOMINAL,
    (Mode.SAFE, ModeEvent.GROUND_SAFE): Mode.SAFE,
    (Mode.SAFE, ModeEvent.GROUND_SURVIVAL): Mode.SURVIVAL,
    (Mode.SAFE, ModeEvent.LOW_CHARGE): Mode.SAFE,
    (Mode.SAFE, ModeEvent.CRITICAL_CHARGE): Mode.SURVIVAL,
    (Mode.SAFE, ModeEvent.REPEATED_REBOOT): Mode.SAFE,
    (Mode.SAFE, ModeEvent.MONITOR_SAFE): Mode.SAFE,
    (Mode.SAFE, ModeEvent.MONITOR_SURVIVAL): Mode.SURVIVAL,
    (Mode.SURVIVAL, ModeEvent.GROUND_SAFE): Mode.SAFE,
    (Mode.SURVIVAL, ModeEvent.GROUND_SURVIVAL): Mode.SURVIVAL,
    (Mode.SURVIVAL, ModeEvent.LOW_CHARGE): Mode.SURVIVAL,
    (Mode.SURVIVAL, ModeEvent.CRITICAL_CHARGE): Mode.SURVIVAL,
    (Mode.SURVIVAL, ModeEvent.CHARGE_RECOVERED): Mode.SAFE,
    (Mode.SURVIVAL, ModeEvent.REPEATED_REBOOT): Mode.SURVIVAL,
    (Mode.SURVIVAL, ModeEvent.MONITOR_SAFE): Mode.SURVIVAL,
    (Mode.SURVIVAL, ModeEvent.MONITOR_SURVIVAL): Mode.SURVIVAL,
}


def next_mode(mode: Mode, event: ModeEvent) -> Mode | None:
    """The mode that follows, or None where the table has no such pair (the caller refuses and counts)."""
    return TABLE.get((mode, event))


class AttitudeMode(IntEnum):
    """What the attitude unit can be told to hold; its input's numbers."""

    SUN = 0
    NADIR = 1
    SAFE_SPIN = 2
    TUMBLE = 3


class Profile(NamedTuple):
    """What a mode means on board."""

    attitude: AttitudeMode
    payload: bool


PROFILES: dict[Mode, Profile] = {
    Mode.LEOP: Profile(attitude=AttitudeMode.SUN, payload=False),
    Mode.NOMINAL: Profile(attitude=AttitudeMode.SUN, payload=True),
    Mode.SAFE: Profile(attitude=AttitudeMode.SUN, payload=False),
    Mode.SURVIVAL: Profile(attitude=AttitudeMode.SAFE_SPIN, payload=False),
}


class Regime(IntEnum):
    """How far the payload may go while the mode lets it run; from most to least power."""

    FULL = 0
    CAPPED = 1
    INFERENCE_ONLY = 2
    CHECKPOINT_HOLD = 3
    IDLE = 4


class RegimeProfile(NamedTuple):
    """What a regime means. `admitted`: kinds of jobs that may run, all others are held after a checkpoint. `capped`:
    the power limit of the regime holds beside every other one. `powered`: the accelerator groups are on."""

    admitted: tuple[str, ...]
    capped: bool
    powered: bool

    @property
    def refused(self) -> int:
        """What the hosts are told: a bit for each kind of job that may not run."""
        return sum(1 << number for number, kind in enumerate(JOB_KINDS) if number and kind not in self.admitted)


_ALL_JOBS = JOB_KINDS[1:]
REGIMES: dict[Regime, RegimeProfile] = {
    Regime.FULL: RegimeProfile(admitted=_ALL_JOBS, capped=False, powered=True),
    Regime.CAPPED: RegimeProfile(admitted=_ALL_JOBS, capped=True, powered=True),
    Regime.INFERENCE_ONLY: RegimeProfile(admitted=("inference",), capped=False, powered=True),
    Regime.CHECKPOINT_HOLD: RegimeProfile(admitted=(), capped=False, powered=True),
    Regime.IDLE: RegimeProfile(admitted=(), capped=False, powered=False),
}
REGIME_NAMES = tuple(regime.name.lower() for regime in Regime)
MODE_NAMES = tuple(mode.name for mode in Mode)
ATTITUDE_MODES = tuple(mode.name.lower() for mode in AttitudeMode)
POWERED_MODES = tuple(mode.name for mode, profile in PROFILES.items() if profile.payload)
