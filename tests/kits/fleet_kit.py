"""Constellations for tests: small ones, read as a user writes them, flown in this process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from faults.fleet.fly import Flown, fly
from faults.fleet.form import Constellation, read_fleet_text

HEAD = """\
skyrack: 1
name: two-shells
epoch: 2026-06-21T00:00:00Z
duration: {duration}
tick: 1 s
seed: 3
environment: {{solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}}
samples: 2
report_every: 40 s
constellation:
"""
DAWN = """\
  - id: dawn
    design: fleet
    place: {sun_synchronous: {altitude: 650 km, ltans: ["18:00"], slots: 4}}
"""
LOW = """\
  - id: low
    design: fleet
    place: {walker: {pattern: "30:6/2/1", kind: delta, altitude: 600 km}}
"""
LOW_LINE = HEAD.count("\n") + DAWN.count("\n") + 1
"""Where the second shell begins."""


def text(shells: Sequence[str] = (DAWN, LOW), duration: str = "120 s") -> str:
    """A file."""
    return HEAD.format(duration=duration) + "".join(shells)


def read(shells: Sequence[str] = (DAWN, LOW), duration: str = "120 s") -> Constellation:
    """As it is read."""
    return read_fleet_text(text(shells, duration), "two-shells.yaml")


def flown(what: Constellation, folder: Path, **options: object) -> Flown:
    """Flown to its end, without a word."""
    settings = {"resume": False, "every_s": 1e9, "told": lambda tick, ticks: None, "stopped": lambda: False, **options}
    return fly(what, folder, **settings)  # type: ignore[arg-type]
