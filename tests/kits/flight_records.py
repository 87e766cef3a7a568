"""A spacecraft's records for tests of orbit, environment, attitude, link and radiation: those models alone."""

# ruff: noqa: PLR0917  (property tests and kernels take many values)

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from bus.constants import EARTH_RADIUS_M, Epoch
from node.plant.attitude import attitude
from node.plant.attitude.setup import AttitudeFigures, fill_attitude
from node.plant.environment import environment
from node.plant.environment.environment import Sky, blank_sky, fill_environment, step_environment, step_sky
from node.plant.kernel.capacity import CLASSES
from node.plant.link import link, optical
from node.plant.link.optical_setup import OpticalHead, fill_optical
from node.plant.link.setup import GroundSite, fill_link
from node.plant.orbit import orbit
from node.plant.orbit.orbit import step_orbit
from node.plant.orbit.setup import Elements, fill_drag, fill_kepler, sun_synchronous_inclination_rad
from node.plant.power import limiters
from node.plant.power.cell_damage import fill_cells
from node.plant.radiation import radiation
from node.plant.radiation.belt import Belt, load_belt
from node.plant.radiation.radiation import step_event, step_radiation
from node.plant.radiation.setup import Device, fill_radiation
from node.plant.radiation.solar_event import no_event

MODELS: Any = (orbit, environment, attitude, link, optical, radiation, limiters)
SOLSTICE = "2026-06-21T08:24:00Z"
IDENTITY = [("draw_seed", "u8"), ("draw_spacecraft", "u8")]


@dataclass
class Craft:
    """One-element arrays; `s`, `p`, `f`, `u`, `sky` are their records."""

    state: Any
    param: Any
    flight: Any
    order: Any
    sky_array: Any
    belt: Belt
    event: Any

    @property
    def s(self) -> Any:
        return self.state[0]

    @property
    def p(self) -> Any:
        return self.param[0]

    @property
    def f(self) -> Any:
        return self.flight[0]

    @property
    def u(self) -> Any:
        return self.order[0]

    @property
    def sky(self) -> Any:
        return self.sky_array[0]


def sso(altitude_m: float, ltan_h: float = 18.0, epoch: str = SOLSTICE) -> Elements:
    """A circular sun-synchronous orbit, its node placed by the mean Sun."""
    a = EARTH_RADIUS_M + altitude_m
    mean_sun = math.radians((280.460 + 0.9856474 * Epoch.of(epoch).days_j2000) % 360.0)
    raan = (mean_sun + math.radians((ltan_h - 12.0) * 15.0)) % (2.0 * math.pi)
    return Elements(a, 0.0, sun_synchronous_inclination_rad(a), raan, 0.0, 0.0)


def new_sky(epoch: Epoch, solar_maximum: float) -> Sky:
    """A sky at time 0."""
    sky = blank_sky(epoch, solar_maximum)
    step_sky(sky[0], 0.0)
    return sky


def craft(
    elements: Elements | None = None,
    *,
    epoch: str = SOLSTICE,
    capacity: str = "full",
    sites: tuple[GroundSite, ...] = (),
    devices: tuple[Device, ...] = (),
    shielding_kg_m2: float = 26.99,
    activity: str = "minimum",
    heads: tuple[tuple[float, float, float], ...] = (),
    head: OpticalHead | None = None,
    figures: AttitudeFigures | None = None,
    drag_m2: float = 0.0,
) -> Craft:
    """A spacecraft with nominal health at its epoch."""
    cap = CLASSES[capacity]

    def record(kind: str, more: Any = ()) -> Any:
        fields = [field for model in MODELS for field in getattr(model, kind)(cap)]
        return np.zeros(1, dtype=np.dtype([*fields, *more], align=True))

    solar_maximum = 1.0 if activity == "maximum" else 0.0
    made = Craft(
        record("state_fields"),
        record("param_fields"),
        np.zeros(1, dtype=np.dtype([*orbit.param_fields(cap), *radiation.flight_fields(cap), *IDENTITY], align=True)),
        record("input_fields"),
        new_sky(Epoch.of(epoch), solar_maximum),
        load_belt(activity, Epoch.of(epoch).year),
        no_event(),
    )
    made.f["draw_seed"], made.f["draw_spacecraft"] = 7, 11
    fill_kepler(made.f, elements or sso(650e3, epoch=epoch))
    fill_drag(made.f, 575.0, drag_m2)
    fill_cells(made.p, made.f, 0.26, 3000.0, activity)
    made.s["lcl_state"] = limiters.ON
    fill_environment(made.s, made.p)
    fill_attitude(made.s, made.p, made.u, figures or AttitudeFigures())
    fill_link(made.s, made.p, made.u, sites)
    fill_optical(made.s, made.p, made.u, head or OpticalHead(), heads)
    fill_radiation(made.s, made.p, shielding_kg_m2, devices, solar_maximum)
    return made


@njit(cache=True, error_model="numpy")
def _fly(
    states: Any, params: Any, flights: Any, orders: Any, skies: Any, belt: Any, event: Any,
    first: int, ticks: int, dt_s: float, models: int, out: Any,
) -> None:  # fmt: skip
    """Every spacecraft, tick by tick. `out`: a row for each tick of the first one, or no rows."""
    sky = skies[0]
    for k in range(first, first + ticks):
        time_s = (k + 1) * dt_s
        step_sky(sky, time_s)
        step_event(sky, event)
        for i in range(states.shape[0]):
            s = states[i]
            p = params[i]
            f = flights[i]
            u = orders[i]
            step_orbit(s, f, u, time_s, dt_s)
            step_environment(s, p, sky)
            if models & 1:
                attitude.step_attitude(s, p, u, sky, dt_s)
            if models & 2:
                link.step_weather(s, p, sky, k, dt_s)
                link.step_link(s, p, u, sky)
                optical.step_optical(s, p, f, u, k, dt_s)
            if models & 4:
                step_radiation(s, p, f, sky, belt, k, dt_s)
        if out.shape[0] > 0:
            row = out[k - first]
            s = states[0]
            row[0] = s.illumination_fraction
            row[1] = s.beta_rad
            row[2] = s.dose_rate_gy_s
            row[3] = s.proton_flux_10mev_cm2_s
            row[4] = s.proton_flux_30mev_cm2_s
            row[5] = s.proton_flux_100mev_cm2_s
            row[6] = s.l_shell
            row[7] = s.cosmic_ray_fraction


HISTORY = ("illumination", "beta", "dose_rate", "flux_10", "flux_30", "flux_100", "l_shell", "cosmic")
ALL = 7
"""Bits of `models`: 1 attitude, 2 links, 4 radiation."""


def fly(c: Craft, ticks: int, dt_s: float = 1.0, first: int = 0, models: int = ALL) -> None:
    """`ticks` ticks from tick `first`."""
    out = np.zeros((0, len(HISTORY)))
    _fly(c.state, c.param, c.flight, c.order, c.sky_array, c.belt, c.event, first, ticks, dt_s, models, out)


def fly_together(crafts: list[Craft], ticks: int, dt_s: float) -> Any:
    """The states of all, stepped together under the first one's sky; the crafts themselves stay as they are."""
    kinds = ("state", "param", "flight", "order")
    many = [np.concatenate([getattr(c, kind) for c in crafts]) for kind in kinds]
    one, out = crafts[0], np.zeros((0, len(HISTORY)))
    _fly(*many, one.sky_array.copy(), one.belt, one.event, 0, ticks, dt_s, ALL, out)
    return many[0]


def history(c: Craft, ticks: int, dt_s: float, models: int = 0) -> dict[str, Any]:
    """Like `fly` from tick 0, keeping a column for each name of HISTORY."""
    out = np.zeros((ticks, len(HISTORY)))
    _fly(c.state, c.param, c.flight, c.order, c.sky_array, c.belt, c.event, 0, ticks, dt_s, models, out)
    return {name: out[:, i] for i, name in enumerate(HISTORY)}
