"""Service levels of a run: what the ground believes, beside what was true as far as the range has recorded it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bus.errors import EnvironmentFault
from groundstation.archive.levels import FIGURES, Levels, all_levels, take_latencies, take_p99
from groundstation.archive.reader import ArchiveReader

if TYPE_CHECKING:
    from faults.recording.recording import Floats, Recording

_NOT_RECORDED = "the range has not recorded it"


def read_service_levels(recording: Recording, archive: ArchiveReader | None) -> dict[str, Any]:
    """By spacecraft: belief and truth; and of all of them. Without an archive the belief is unknown."""
    names = [one.id for one in recording.scenario.spacecraft]
    if archive is None:
        beliefs = {name: Levels(unknown=dict.fromkeys(FIGURES, "there is no archive")) for name in names}
    else:
        beliefs = all_levels(archive, names)
    requested = _requested(archive)
    rows = {
        name: {"belief": asdict(beliefs[name]), "truth": asdict(_truth(recording, name, requested))} for name in names
    }
    fleet = {side: _fleet([row[side] for row in rows.values()]) for side in ("belief", "truth")}
    return {"fleet": fleet, "spacecraft": rows}


def _requested(archive: ArchiveReader | None) -> dict[tuple[object, object], int]:
    """When each telecommand was asked for; only the ground's books have it."""
    try:
        rows = archive.telecommands() if archive else []
    except EnvironmentFault:
        return {}
    return {(row["ground_boot"], row["request"]): int(str(row["requested_ns"])) for row in rows}


def _truth(recording: Recording, name: str, requested: dict[tuple[object, object], int]) -> Levels:
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    levels, tick_s = Levels(), recording.scenario.tick_ns / 1e9
    signals = recording.signals_of(name)
    rates = [values for signal, values in signals.items() if signal.startswith("accelerator_rate[")]
    power = recording.signal(name, "payload_power_w")
    if not rates or power is None:
        levels.lack(_NOT_RECORDED, "accelerator_hours", "energy_kwh")
    else:
        known = ~np.isnan(power)
        levels.counted_s = float(np.count_nonzero(known)) * tick_s
        levels.until_s = _last_s(recording, power)
        levels.accelerator_hours = float(np.nansum(rates)) * tick_s / 3600.0
        levels.energy_kwh = float(np.nansum(power)) * tick_s / 3.6e6
    levels.lack(_NOT_RECORDED, "availability")
    done = recording.signal(name, "jobs_done")
    if done is None or not np.any(~np.isnan(done)):
        levels.lack(_NOT_RECORDED, "jobs_done")
    else:
        levels.jobs_done = int(done[~np.isnan(done)][-1])
    latencies = [values[values > 0.0].tolist() for signal, values in signals.items() if signal.startswith("job_p99_s[")]
    take_p99(levels, [values for values in latencies if values], _NOT_RECORDED)
    ended, waited = [], []
    for telecommand in recording.telecommands:
        asked_ns = requested.get((telecommand.ground_boot, telecommand.request))
        completed_s = telecommand.stages_s.get("completed")
        if telecommand.spacecraft == name and asked_ns is not None and completed_s is not None:
            ended.append(completed_s - asked_ns / 1e9)
            waited.append(telecommand.sent_s - asked_ns / 1e9)
    take_latencies(levels, ended, waited)
    levels.derive()
    return levels


def _last_s(recording: Recording, values: Floats) -> float | None:
    import numpy as np  # noqa: PLC0415

    known = np.flatnonzero(~np.isnan(values))
    return float(recording.times_s[known[-1]]) if known.size else None


def _fleet(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Sums and the worst; None where a part of it is unknown."""
    total = {name: _all(rows, name, sum) for name in ("accelerator_hours", "energy_kwh", "jobs_done", "jobs_per_hour")}
    hours, energy = total["accelerator_hours"], total["energy_kwh"]
    total["energy_per_accelerator_hour_kwh"] = energy / hours if hours and energy is not None else None
    for name in ("inference_p99_worst_s", "command_latency_worst_s"):
        known = [row[name] for row in rows if row[name] is not None]  # who has no service has no latency
        total[name] = max(known, default=None)
    total["availability"] = _all(rows, "availability", lambda values: sum(values) / len(values))
    total["unknown_of"] = sorted({name for row in rows for name in row["unknown"]} & set(FIGURES))
    return total


def _all(rows: list[dict[str, Any]], name: str, how: Any) -> Any:
    values = [row[name] for row in rows]
    return how(values) if values and None not in values else None
