"""What of a recording the verdicts per injection need, as plain values: faults with their strikes, the events that
matter, how each spacecraft ended, alarms. Judges nothing."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from faults.oracle.injections import LOW, RESPONSES, Facts
from faults.recording.recording import EventRecord, FaultRecord, Recording, intervals

MOST_EVENTS = 20_000
"""Kept of one run; what is beyond is counted."""
MOST_MODES = 200
SILENT = ("silent_errors", "accelerator_silent_errors", "job_wrong")
CORRECTED = ("corrected_upsets", "accelerator_corrected_errors")
HOST_UNITS = (
    ("booted",), ("memory_corrected",), ("memory_uncorrected",), ("clock_stepped",), ("safe_image",), ("clock",),
)  # fmt: skip
SAME = {
    "main": "bus", "pointing": "attitude", "disturbance": "torque", "loop": "coolant", "link": "radio",
    "receiver": "radio", "station": "radio", "transmitter": "radio",
}  # fmt: skip
"""First words of places, and what is the least that can be told apart on board there."""
LINK_UNITS = (("command_loss",), ("uplink_refused",), ("receiver",), ("transmitter",), ("radio",))


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a spacecraft's design. readings: by monitor, what its FDIR row looks at. limits: signals that
    every run records, each with its limit and on which side of it harm is. modes: names, from 0. parts: by place, the
    part of the spacecraft that a place belongs to and that is the least that can be told apart on board."""

    readings: Mapping[str, str]
    limits: Sequence[tuple[str, float, int]]
    modes: Sequence[str]
    parts: Mapping[str, Sequence[str]] = field(default_factory=dict)


def facts_of(recording: Recording, known: Mapping[str, Known]) -> Facts:
    """Everything, in values that JSON holds. `known`: by spacecraft."""
    noted = [e for e in recording.events if e.at_s is not None and (e.severity >= LOW or e.name in RESPONSES)]
    undated = sum(e.at_s is None and e.severity >= LOW for e in recording.events)
    return {
        "complete": recording.complete,
        "faults": _faults(recording, known),
        "events": [_event(e, known[e.spacecraft].readings) for e in noted[:MOST_EVENTS]],
        "events_beyond": len(noted[MOST_EVENTS:]) + undated,
        "spacecraft": {one.id: _end_of(recording, one.id, known[one.id]) for one in recording.scenario.spacecraft},
        "alarms": _alarms(recording),
    }


def _event(event: EventRecord, readings: Mapping[str, str]) -> dict[str, Any]:
    words = [value for value in event.named.values() if isinstance(value, str)]
    return {
        "at_s": event.at_s, "spacecraft": event.spacecraft, "name": event.name, "severity": int(event.severity),
        "sent_s": None if math.isnan(event.sent_s) else event.sent_s, "words": words,
        "reading": readings.get(event.name, ""),
    }  # fmt: skip


def _alarms(recording: Recording) -> list[dict[str, Any]]:
    rows = recording.operations.alarms or []
    return [
        {"at_s": row["raised_s"], "spacecraft": row["spacecraft"], "name": f"{row['alarm']} {row['subject']}"}
        for row in rows if row.get("raised_s") is not None
    ]  # fmt: skip


# ---- faults -----------------------------------------------------------------------------------------------------


def _faults(recording: Recording, known: Mapping[str, Known]) -> list[dict[str, Any]]:
    """One for each fault and target, though it may be several injections."""
    planned = {fault.id: fault for fault in recording.scenario.faults}
    groups: dict[tuple[str, str], list[FaultRecord]] = {}
    for record in recording.faults:
        head, _, part = record.id.rpartition(".")
        if head in planned and part == "watch":
            continue
        name = head if head in planned and part.isdigit() else record.id
        groups.setdefault((name, record.target), []).append(record)
    return [
        _fault(recording, name, target, records, known[target].parts if target in known else {})
        for (name, target), records in groups.items()
    ]


def _fault(
    recording: Recording, name: str, target: str, records: Sequence[FaultRecord], parts: Mapping[str, Sequence[str]]
) -> dict[str, Any]:  # fmt: skip
    first = records[0]
    planned = next((f for f in recording.scenario.faults if (f.id, f.target) == (name, target)), None)
    onsets: dict[float, float | None] = {}
    for record in records:
        for begun_s, cleared_s in record.strikes:
            known = onsets.get(begun_s, 0.0)
            onsets[begun_s] = None if known is None or cleared_s is None else max(known, cleared_s)
    strikes = [[at_s, cleared_s] for at_s, cleared_s in sorted(onsets.items())]
    at_s = strikes[0][0] if strikes else None
    return {
        "id": name, "fault": first.fault, "target": target, "seam": first.seam, "planned_s": first.planned_s,
        "at_s": at_s, "cleared_s": strikes[-1][1] if strikes else None, "strikes": strikes,
        "refused": next((r.refused for r in records if r.refused), ""),
        "units": [list(unit) for unit in dict.fromkeys(u for r in records for u in units_of(r.seam, r.place, parts))],
        "planned": planned is not None, "waive": planned.waive if planned else "",
        "silent_s": _grew(recording, target, SILENT, at_s), "corrected_s": _grew(recording, target, CORRECTED, at_s),
    }  # fmt: skip


def units_of(seam: str, place: str, parts: Mapping[str, Sequence[str]] = MappingProxyType({})) -> list[tuple[str, ...]]:
    """What is struck at a place, as words that an event that names it has: a part by its own name, or its kind with a
    number; a device or its reading. `parts`: see `Known`."""
    if seam == "host":
        return list(HOST_UNITS)
    if seam == "link":
        return list(LINK_UNITS)
    if seam == "device":
        device, _, reading = place.partition(".")
        return [(device.replace("-", "_"),), *([(reading,)] if reading else [])]
    stem, _, member = place.partition("[")
    member, kind = member.rstrip("]"), stem.split("_")[0]
    belongs = [(part,) for part in parts.get(place, ())]
    if kind in SAME:
        return [(SAME[kind],), (member or kind,)]
    if not member:
        return [(kind,)]
    ends = member.split("-") if "-" in member else [member]  # a conductor has two ends
    return [*belongs, *((kind, end) if re.fullmatch(r"\d+", end) else (end,) for end in ends)]


def _grew(recording: Recording, spacecraft: str, names: Sequence[str], since_s: float | None) -> float | None:
    """When a recorded count of these first rose after that time."""
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    found = []
    for (owner, name), values in recording.signals.items():
        if since_s is None or owner != spacecraft or name.partition("[")[0] not in names:
            continue
        rises = np.flatnonzero(np.diff(values) > 0.0) + 1
        times_s = recording.times_s[rises]
        later = times_s[times_s >= since_s]
        if later.size:
            found.append(float(later[0]))
    return min(found, default=None)


# ---- ends -------------------------------------------------------------------------------------------------------


def _mode(value: float, modes: Sequence[str]) -> str:
    return modes[int(value)] if 0 <= value < len(modes) else "UNKNOWN"


def _end_of(recording: Recording, spacecraft: str, known: Known) -> dict[str, Any]:
    """How one spacecraft ended, and what it went through; None for what nobody knows."""
    import numpy as np  # noqa: PLC0415

    def last(name: str) -> float | None:
        values = recording.signal(spacecraft, name)
        return None if values is None or not values.size or np.isnan(values[-1]) else float(values[-1])

    mode, up = recording.signal(spacecraft, "mode"), last("host_up")
    spans = [] if mode is None else intervals(recording.times_s, mode, recording.scenario.tick_ns / 1e9)
    payload = recording.signal(spacecraft, "payload_power_w")
    energy = None if payload is None or np.isnan(payload).any() else float(payload.sum())
    soc = recording.signal(spacecraft, "battery_soc")
    end, shed = last("mode"), last("payload_shed")
    return {
        "mode": None if end is None else _mode(end, known.modes),
        "modes": [[round(start, 6), _mode(value, known.modes)] for start, _, value in spans][-MOST_MODES:],
        "host_up": None if up is None else bool(up),
        "boots": last("boot_count"),
        "least_soc": None if soc is None or np.isnan(soc).all() else float(np.nanmin(soc)),
        "payload_j": None if energy is None else energy * recording.scenario.tick_ns / 1e9,
        "shed": None if shed is None else bool(shed),
        "envelope": [row for one in known.limits if (row := _kept(recording, spacecraft, *one)) is not None],
    }


def _kept(recording: Recording, spacecraft: str, name: str, limit: float, side: int) -> dict[str, Any] | None:
    """How a signal stood to its limit; None where it was not recorded."""
    import numpy as np  # noqa: PLC0415

    values = recording.signal(spacecraft, name)
    if values is None or not values.size:
        return None
    over = np.flatnonzero((values - limit) * side > 0.0)
    gaps = bool(np.isnan(values).any())
    extreme = None if np.isnan(values).all() else float(np.nanmax(values) if side > 0 else np.nanmin(values))
    return {
        "signal": name, "limit": limit, "worst": extreme if over.size or not gaps else None,
        "since_s": float(recording.times_s[over[0]]) if over.size else None,
        "last_s": float(recording.times_s[over[-1]]) if over.size else None,
    }  # fmt: skip
