"""Devices that were outside: what became of what they said, and whether the timing held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from faults.recording.recording import Recording

VALID, INVALID = "VALID", "INVALID"


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
    return f"{who}: timing {row['timing']}; {', '.join(counts) or 'it never answered'}"
