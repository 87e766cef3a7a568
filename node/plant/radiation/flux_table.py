"""The trapped proton table as a file: where it comes from, and which altitudes it covers. Imports no numba.

`tests/oracles/aep8/build_flux_table.py` makes the file.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent / "data"


@lru_cache(maxsize=1)
def about() -> dict[str, Any]:
    """The table's provenance: axes, models, epochs, versions."""
    text: dict[str, Any] = json.loads((DATA / "trapped_protons.json").read_text())
    return text


def altitude_range_m() -> tuple[float, float]:
    """Where the table has values."""
    levels = about()["altitude_km"]
    return levels[0] * 1e3, levels[-1] * 1e3


def check_altitudes(lowest_m: float, highest_m: float) -> None:
    """Refuses an orbit that leaves the table. Raises ValueError that says what is allowed."""
    low, high = altitude_range_m()
    if not (low <= lowest_m <= highest_m <= high):
        raise ValueError(
            f"altitudes {lowest_m / 1e3:.0f} to {highest_m / 1e3:.0f} km leave the proton flux table; "
            f"allowed: {low / 1e3:.0f} to {high / 1e3:.0f} km"
        )
