"""Plants for tests: a design on an orbit at the June solstice."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bus.scenario.model import Environment, KeplerOrbit, Spacecraft, Station
from node.designs.load import load_design
from node.designs.setup import plant_setup
from node.plant.plant import Plant
from node.plant.setup import PlantSetup
from node.plant.state import layout

SVALBARD = Station(
    id="svalbard",
    latitude_rad=math.radians(78.23),
    longitude_rad=math.radians(15.41),
    altitude_m=450.0,
    mask_rad=math.radians(5.0),
    bands=("S",),
    source="test",
)


def setup(
    design: str = "formation",
    *,
    spacecraft: str = "sc-1",
    seed: int = 1,
    anomaly_deg: float = 0.0,
    raan_deg: float = 180.0,
    inclination_deg: float = 97.986,
    altitude_m: float = 650e3,
    initial: dict[str, float] | None = None,
) -> PlantSetup:
    """A dawn-dusk orbit (node at 18 h) unless told otherwise."""
    orbit = KeplerOrbit(
        semi_major_axis_m=6378137.0 + altitude_m,
        eccentricity=0.0,
        inclination_rad=math.radians(inclination_deg),
        raan_rad=math.radians(raan_deg),
        argument_of_perigee_rad=0.0,
        mean_anomaly_rad=math.radians(anomaly_deg),
    )
    return plant_setup(
        load_design(design),
        Spacecraft(id=spacecraft, design=design, orbit=orbit, initial=initial or {}),
        stations=[SVALBARD],
        environment=Environment(
            solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
        ),
        epoch_utc="2026-06-21T00:00:00Z",
        seed=seed,
    )


def plant(design: str = "formation", **options: Any) -> Plant:
    """A plant at time 0."""
    return Plant(setup(design, **options))


def fly(subject: Plant, ticks: int, first: int = 0, tick_s: float = 1.0) -> Plant:
    """Fly some ticks."""
    for tick in range(first, first + ticks):
        subject.step(tick, tick_s, {})
    return subject


def bare(capacity_class: str = "full") -> tuple[Any, Any, Any, Any]:
    """Empty state, parameter, order and work records, for a model alone."""
    shape = layout(capacity_class)
    s, p, u, w = (np.zeros(1, dtype) for dtype in (shape.state, shape.param, shape.order, shape.work))
    return s[0], p[0], u[0], w[0]
