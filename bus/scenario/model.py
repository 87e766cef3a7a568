"""What flies: the resolved scenario, every default spelled out, every unit SI, every name checked.

This one travels between processes (as JSON pieces), is written to the run's directory, and its digest names the run.
It holds facts only; vocabularies (designs, stations, faults) come from the caller who resolves it.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from bus.scenario.outside import OutsideDevice
from bus.scenario.workload import Job, JobLog
from bus.wire.messages import Identifier, Scalar
from bus.wire.stacks import CommandStep

DEFAULT_PRIORITY = 5
"""Of a spacecraft for antennas: from 1, served first, to 9; in the middle, so that others go before or after."""


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class TleOrbit(_Form):
    """Two-line elements, flown with SGP4 (WGS-72, TEME) or as J2-secular mean elements taken at epoch."""

    kind: Literal["tle"] = "tle"
    line1: str
    line2: str
    name: str = ""
    source: str
    propagator: Literal["sgp4", "j2"]


class OmmOrbit(_Form):
    """Mean elements as an OMM gives them, to the last digit (CCSDS 502.0-B; its units are the fields'). Flown as
    two-line elements are: with SGP4 (WGS-72, TEME), or as J2-secular mean elements taken at epoch."""

    kind: Literal["omm"] = "omm"
    name: str = ""
    catalogue_number: int
    epoch_utc: str
    mean_motion_rev_day: float
    eccentricity: float
    inclination_deg: float
    raan_deg: float
    argument_of_perigee_deg: float
    mean_anomaly_deg: float
    bstar: float
    mean_motion_dot_rev_day2: float
    mean_motion_ddot_rev_day3: float
    source: str
    propagator: Literal["sgp4", "j2"]


class KeplerOrbit(_Form):
    """Mean elements at the scenario's epoch, J2-secular. Frame TEME of date."""

    kind: Literal["kepler"] = "kepler"
    semi_major_axis_m: float
    eccentricity: float
    inclination_rad: float
    raan_rad: float
    argument_of_perigee_rad: float
    mean_anomaly_rad: float


Orbit = Annotated[TleOrbit | OmmOrbit | KeplerOrbit, Field(discriminator="kind")]


class Station(_Form):
    """A ground station. Geodetic WGS-84; `mask_rad` is the least elevation it works at, `masks_rad` that of each band
    where bands differ.

    `wet_fraction` of the time it rains there, in spells of `wet_mean_s` on average. Dry unless a scenario says more:
    the range makes no weather that nobody asked for. An hour is an assumption.
    """

    id: Identifier
    latitude_rad: float
    longitude_rad: float
    altitude_m: float
    mask_rad: float
    masks_rad: dict[str, float] = {}
    bands: tuple[str, ...]
    source: str
    wet_fraction: float = 0.0
    wet_mean_s: float = 3600.0


class Orders(_Form):
    """What devices are told at a time by the plant's inputs, later ones over earlier ones."""

    at_s: float
    values: dict[str, Scalar]


class Measured(_Form):
    """One quantity that drives a plant that flies alone, instead of the plant's own law or order: in SI, at mission
    times that rise, each held to the next, or on straight lines between (`linear`). Before the first and after the last
    it drives nothing."""

    name: str
    linear: bool
    times_s: tuple[float, ...]
    values: tuple[float, ...]


class Bench(_Form):
    """A room on the ground instead of an orbit: no light, and air that takes heat from every outer face."""

    ambient_k: float
    convection_w_m2_k: float


class Spacecraft(_Form):
    """One spacecraft: which design, which orbit, how it starts, whom it sees over inter-satellite links.

    `initial` overrides initial plant values by the names of `skyrack list` (e.g. battery_soc). `orders`, by their
    times, are for runs without flight software (`skyrack truth`). `jobs` and `logs`: what its accelerators work on.
    `priority`: who goes first where an antenna sees several, the lowest number. `devices`: those that are outside, and
    under `fsw` its flight software, if that is.
    `inputs`: what a log says of it, for plants that fly alone.
    """

    id: Identifier
    design: str
    orbit: Orbit
    initial: dict[str, float] = {}
    peers: tuple[Identifier, ...] = ()
    orders: tuple[Orders, ...] = ()
    jobs: tuple[Job, ...] = ()
    logs: tuple[JobLog, ...] = ()
    priority: int = DEFAULT_PRIORITY
    devices: dict[str, OutsideDevice] = {}
    inputs: tuple[Measured, ...] = ()

    @property
    def programs(self) -> dict[int, Job]:
        """Jobs whose work a process of the user's does, by their slot."""
        return {slot: job for slot, job in enumerate(self.jobs) if job.program is not None}

    @property
    def job_ids(self) -> tuple[str, ...]:
        """Names of what has a place of its own on the accelerators: the jobs, then the services that logs feed."""
        return (*(job.id for job in self.jobs), *(log.id for log in self.logs if not log.queue))


class Environment(_Form):
    """What the physics needs to know of the Sun. `solar_activity` picks AP8-MIN or -MAX and the GCR level;
    `storm_density_factor` multiplies the neutral density; `solar_event` names a profile, or is empty. Of a user's table
    it is the file's name, and `solar_event_samples` holds what flies: rows of seconds since the epoch, then integral
    fluxes (cm-2 s-1 sr-1) above the plant's thresholds, zero before the first row and after the last. `solar_f107`
    above zero and `solar_ap` say the neutral density instead of `solar_activity`; heat and light of the Earth can be
    off."""

    solar_activity: Literal["minimum", "maximum"]
    storm_density_factor: float
    solar_event: str
    solar_event_at_s: float
    solar_event_samples: tuple[tuple[float, ...], ...] = ()
    solar_f107: float = 0.0
    solar_ap: float = 15.0
    earth_infrared: bool = True
    albedo: bool = True
    bench: Bench | None = None


class Fault(_Form):
    """One fault of the scenario, already resolved to primitives by the catalogue (`primitives` as in
    `messages.Injection`: seam, place, primitive, parameters).

    `laws`, one for each primitive (see `bus.onset`), or none: how they begin and end where that is no plain time;
    `at_s` is then the earliest, and closes_s when it begins no more. onset: how it begins, as it was written. watched:
    the spacecraft whose truth the law's condition is about, where it is not the target's own. follows: the fault that
    it begins after, on whichever target that strikes. waive: why it is no matter if it never acts.
    """

    id: str
    fault: str
    target: Identifier
    at_s: float
    until_s: float | None
    parameters: dict[str, Scalar]
    primitives: tuple[tuple[int, str, str, dict[str, Scalar]], ...]
    laws: tuple[dict[str, Scalar], ...] = ()
    closes_s: float | None = None
    onset: str = ""
    watched: str = ""
    follows: str = ""
    waive: str = ""


class TimelineEntry(_Form):
    """A telecommand the operator asks for at a time; the ground radiates it in the next contact."""

    at_s: float
    spacecraft: Identifier
    telecommand: str
    arguments: dict[str, Scalar]
    confirmed: bool = False


class StackEntry(_Form):
    """Telecommands the operator asks for together at a time, in waves; `stop`: at the first that does not complete.
    `confirmed`: the second word for all that are hazardous."""

    at_s: float
    steps: tuple[CommandStep, ...]
    stop: bool = True
    confirmed: bool = False


class ProcedureEntry(_Form):
    """A ground procedure that begins at a time, on one spacecraft or a fleet."""

    at_s: float
    name: str
    spacecraft: tuple[Identifier, ...]
    arguments: dict[str, Scalar]


class AlarmSettings(_Form):
    """How the ground watches telemetry. play_back: what late telemetry does; repetitions: readings in a row beyond a
    limit that raise an alarm; silent_s: how long nothing may be heard in contact."""

    play_back: Literal["alarm", "log", "ignore"]
    repetitions: int
    silent_s: float


class RetentionSettings(_Form):
    """What the ground's archive keeps: telemetry received at most `age_s` ago (mission time), and at most `size_bytes`
    of it; None: that does not count."""

    age_s: float | None = None
    size_bytes: int | None = None


class Expectation(_Form):
    """One sentence of the expectation language, as the user wrote it. waive: why INCONCLUSIVE is no matter; FAIL is."""

    text: str
    waive: str = ""


TOCK_TIMEOUT_S = 75.0
"""Where the scenario does not say. Who was cut off for 30 s is heard within 60.2 s: TCP repeats after 0.2 s (Linux,
TCP_RTO_MIN) and doubles its patience each time (RFC 6298, 5.5), so within twice the cut and that first wait. More than
that is for a longer first wait, for who then has to answer, and for a busy machine (an assumption)."""


class RangeRules(_Form):
    """How the range behaves: what a missing Tock does, and after how many seconds of silence."""

    missing_tock: Literal["stop", "continue"]
    tock_timeout_s: float
    snapshot_every_ticks: int


class Scenario(_Form):
    """Everything that flies. `designs`: the texts of those that are the user's own, by name; `catalogue`: the text of
    the user's own faults."""

    name: str
    description: str
    epoch_utc: str
    duration_ns: int
    tick_ns: int
    seed: int
    environment: Environment
    spacecraft: tuple[Spacecraft, ...]
    stations: tuple[Station, ...]
    timeline: tuple[TimelineEntry, ...]
    stacks: tuple[StackEntry, ...] = ()
    procedures: tuple[ProcedureEntry, ...] = ()
    alarms: AlarmSettings | None = None
    retention: RetentionSettings | None = None
    faults: tuple[Fault, ...]
    expectations: tuple[Expectation, ...]
    range: RangeRules
    truth_signals: dict[str, tuple[str, ...]]
    designs: dict[str, str] = {}
    catalogue: str = ""
    file: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def telecommands(self) -> int:
        """How many the operator asks for, alone and in stacks; those of procedures are not known before."""
        stacked = [len(step.spacecraft) for stack in self.stacks for step in stack.steps]
        return len(self.timeline) + sum(stacked)

    @property
    def ticks(self) -> int:
        """Whole ticks flown."""
        return self.duration_ns // self.tick_ns

    def to_json(self) -> bytes:
        """Canonical bytes, the ones that travel: without what belongs to the loading (file name, warnings)."""
        later = ("designs", "stacks", "procedures", "alarms", "retention", "catalogue")
        none: dict[str, Any] = {
            name: True for name in later if not getattr(self, name)
        }  # who has none keeps its digest
        none |= _unsaid("faults", self.faults, ("laws", "closes_s", "onset", "watched", "follows", "waive"))
        none |= _unsaid("expectations", self.expectations, ("waive",))
        unsaid: dict[str, Any] = {}
        if all(one.priority == DEFAULT_PRIORITY for one in self.spacecraft):
            unsaid["priority"] = True
        for field in ("devices", "inputs"):
            if not any(getattr(one, field) for one in self.spacecraft):
                unsaid[field] = True
        jobs = [job for one in self.spacecraft for job in one.jobs]
        silent = {"load", "mode"} if all(job.load == 1.0 and not job.mode for job in jobs) else set()
        if silent := silent | ({"program"} if all(job.program is None for job in jobs) else set()):
            unsaid["jobs"] = {"__all__": silent}
        if unsaid:
            none["spacecraft"] = {"__all__": unsaid}
        if not self.environment.bench:
            none["environment"] = {"bench"}
        return self.model_dump_json(exclude={"file": True, "warnings": True, **none}).encode()

    @property
    def digest(self) -> str:
        """Content address: 32 hex digits."""
        return hashlib.blake2b(self.to_json(), digest_size=16).hexdigest()


def _unsaid(field: str, entries: tuple[_Form, ...], later: tuple[str, ...]) -> dict[str, Any]:
    """What to leave out of the entries of a field, each by its place, because it says nothing."""
    left = {place: {name for name in later if not getattr(one, name)} for place, one in enumerate(entries)}
    return {field: {place: names for place, names in left.items() if names}} if entries else {}
