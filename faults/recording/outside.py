"""What was outside, devices and flight software: what became of what they said, and whether the timing held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faults.recording.recording import Recording

VALID, INVALID = "VALID", "INVALID"
TIMES = ("round_trip_p50_us", "round_trip_p99_us", "round_trip_worst_us", "round_trips", "ages_ticks")
"""In real time, so no part of the trace."""


def outside_rows(recording: Recording) -> list[dict[str, Any]]:
    """A row for each, in the scenario's order, as summary.json has it."""
    counted = recording.books.outside
    found = []
    for spacecraft in recording.scenario.spacecraft:
        for name, device in spacecraft.devices.items():
            prefix = f"{spacecraft.id}.{name}."
            counts = {k.removeprefix(prefix): int(n) for k, n in counted.items() if k.startswith(prefix)} or None
            timing = None
            if counts is not None:
                timing = VALID if counts["misses"] <= device.allowed_misses else INVALID
            found.append(
                {
                    "spacecraft": spacecraft.id, "device": name, "part": device.part, "endpoint": device.endpoint,
                    "counts": counts, "allowed_misses": device.allowed_misses, "timing": timing,
                    **{key: recording.books.timing.get(f"{spacecraft.id}.{name}", {}).get(key) for key in TIMES},
                }
            )  # fmt: skip
    return found


def untimely(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whose timing did not hold, in words; what is not known is said elsewhere, by who was lost."""
    return [
        f"the timing of {row['device']} of {row['spacecraft']} is INVALID: {row['counts']['misses']:,} ticks without "
        f"an answer in time, {row['allowed_misses']:,} allowed"
        for row in rows
        if row["timing"] == INVALID
    ]


def outside_in_words(row: Mapping[str, Any]) -> str:
    """One of them on a line."""
    who = f"{row['device']} of {row['spacecraft']}, {row['part']} at {row['endpoint']}"
    if row["counts"] is None:
        return f"{who}: timing unknown, the gateway gave no account"
    counts = [f"{n:,} {what.replace('_', ' ')}" for what, n in row["counts"].items() if n]
    p50_us, p99_us, worst_us = (row.get(key) for key in TIMES[:3])
    took = "" if p99_us is None else f"; round trip p50 {_ms(p50_us)}, p99 {_ms(p99_us)}, worst {_ms(worst_us)}"
    return f"{who}: timing {row['timing']}; {', '.join(counts) or 'it never answered'}{took}"


def _ms(number_us: Any) -> str:
    return f"{number_us / 1000.0:.3g} ms"
