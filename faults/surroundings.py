"""What of a scenario's surroundings only the plant can judge: altitudes of orbits, solar events and users' tables.

Hooks of the vocabulary, nothing else. Imports no numba.
"""

from __future__ import annotations

from bus.errors import Mistake, ScenarioError
from bus.scenario import Orbit, TleOrbit
from node.plant.flux_table import altitude_range_m
from node.plant.orbit_setup import Elements, Epoch, Sgp4, span_m
from node.plant.solar_event import TableRefused, from_csv

Samples = tuple[tuple[float, ...], ...]


def check_orbit(orbit: Orbit) -> None:
    """Refuses an orbit that leaves the altitudes of the trapped proton table. Raises ScenarioError."""
    low, high = altitude_range_m()
    lowest, highest = span_m(_mean_elements(orbit))
    if not low <= lowest <= highest <= high:
        raise ScenarioError(
            [
                Mistake(
                    "", 0, 0, "",
                    f"an orbit of {lowest / 1e3:.0f} to {highest / 1e3:.0f} km altitude (over the flattened Earth, "
                    "with 15 km for its swing)",
                    f"{low / 1e3:.0f} to {high / 1e3:.0f} km, where the proton flux table has values",
                )
            ]
        )  # fmt: skip


def _mean_elements(orbit: Orbit) -> Elements:
    if isinstance(orbit, TleOrbit):
        return Sgp4(orbit.line1, orbit.line2, Epoch.of("2000-01-01T12:00:00Z")).mean_elements()  # size and tilt only
    return Elements(orbit.semi_major_axis_m, orbit.eccentricity, orbit.inclination_rad, 0.0, 0.0, 0.0)


def read_flux(text: str, onset_s: float, gaps: str, background: str) -> tuple[Samples, tuple[str, ...]]:
    """Samples of a user's table of integral proton flux, and what was done to get them. Raises ScenarioError."""
    try:
        event = from_csv(text, onset_s, gaps, background)
    except TableRefused as refused:
        raise ScenarioError([Mistake("", refused.line, 1, "", refused.found, refused.allowed)]) from None
    rows = [(row[0], *(float(f"{flux:.6g}") for flux in row[1:])) for row in event.samples.tolist()]
    return tuple(rows), event.notes
