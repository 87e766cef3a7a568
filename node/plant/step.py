# ruff: noqa: PLR0917 - kernels take records by position and compare integers one by one
"""The table of contents of the plant: which model moves when, in one kernel per capacity class.

Once per tick: orbit, environment, attitude, link, radiation, array, light on faces, coolant flow. In each sub-step:
accelerators, heaters, limiters and bus, battery, heat. At the end: ageing and what follows from the new state.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from node.plant.attitude.attitude import settle_attitude, step_attitude
from node.plant.compute.compute import advance_chips, assemble_chips, heat_accelerators, step_accelerators
from node.plant.compute.jobs import step_jobs
from node.plant.environment.environment import step_environment, step_sky
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel
from node.plant.link.link import step_link, step_weather
from node.plant.link.optical import step_optical
from node.plant.orbit.orbit import place_orbit, step_orbit
from node.plant.power.battery import age_battery, count_charge
from node.plant.power.limiters import cycle_loads, order_lcls
from node.plant.power.power import finish_array, step_array, step_power
from node.plant.radiation.belt import Belt
from node.plant.radiation.radiation import step_event, step_radiation
from node.plant.radiation.solar_event import Samples
from node.plant.radiation.strikes import draw_latched, heat_latched, no_strikes, step_strikes
from node.plant.thermal.loop import assemble_loop, finish_loop, step_loop
from node.plant.thermal.thermal import advance, assemble, heat_heaters, light_faces, look_out, solve, step_heaters

Vector = NDArray[np.float64]

SUB_STEPS = {"full": 10, "fleet": 1}
"""Electrical, fluid and thermal steps per tick: 10 Hz for one spacecraft of its own, 1 Hz in a fleet."""
EVERY = {"full": 1, "fleet": 8}
"""Ticks from one look at place, surroundings, attitude, links, radiation and array to the next. A fleet looks every
eighth tick (60 km of flight): eclipses begin up to 7 s late; doses and counts are those of the whole time."""


@kernel
def surroundings(s: Record, p: Record, f: Record, u: Record, sky: Record, belt: Belt, tick: int, dt_s: float) -> None:
    """Environment, attitude, links and radiation at the place where the spacecraft is."""
    step_environment(s, p, sky)
    step_attitude(s, p, u, sky, dt_s)
    step_weather(s, p, sky, tick, dt_s)
    step_link(s, p, u, sky)
    step_optical(s, p, f, u, tick, dt_s)
    step_radiation(s, p, f, sky, belt, tick, dt_s)


@kernel
def sub_step(s: Record, p: Record, u: Record, w: Record, dt_s: float) -> None:
    """Electrical, fluid and thermal truth, one step."""
    for i in range(p.node_count):
        w.node_heat_w[i] = 0.0
    for k in range(p.lcl_count):
        w.lcl_demand_w[k] = 0.0
    step_accelerators(s, p, u, w, dt_s)
    step_heaters(s, p, u, w)
    draw_latched(s, p, w)
    if p.loop_kind != 0:
        w.lcl_demand_w[p.pump_lcl] += w.pump_drawn_w
    step_power(s, p, u, w, dt_s)
    heat_accelerators(s, p, w)
    heat_heaters(s, p, w)
    heat_latched(s, p, w)
    if p.loop_kind != 0:
        s.pump_power_w = w.pump_drawn_w * w.lcl_served[p.pump_lcl]
        w.node_heat_w[p.pump_node] += s.pump_power_w
    assemble(s, p, w, dt_s)
    assemble_loop(s, p, w)
    assemble_chips(s, p, w, dt_s)
    solve(p, w)
    advance(s, p, w, dt_s)
    advance_chips(s, p, w, dt_s)
    s.battery_temperature_k = s.thermal_temperature_k[p.battery_node]
    s.array_temperature_k = s.thermal_temperature_k[p.array_node]


@kernel
def inside(
    s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, tick_s: float, sub_steps: int, every: int,
    fresh: bool,
) -> None:  # fmt: skip
    """Everything within the spacecraft over one tick. Not `fresh`: `w` is as the tick before left it."""
    if tick == 0:
        count_charge(s, p)
    if tick % every == 0:
        step_strikes(s, p, f, w, tick)
        step_array(s, p, u, tick_s * every)
        look_out(s, p)
    else:
        no_strikes(p, w)
    step_jobs(s, p, f, u, w, tick, tick_s)
    order_lcls(s, p, u)
    cycle_loads(p, w, tick * tick_s)
    if fresh or tick % every == 0:
        light_faces(s, p, w)
    step_loop(s, p, u, w, tick_s)
    dt_s = tick_s / sub_steps
    for _ in range(sub_steps):
        sub_step(s, p, u, w, dt_s)
    finish_loop(s, p, tick_s)
    if tick % every == 0:
        finish_array(s, p)
        age_battery(s, p, tick_s * every)


@kernel
def one(
    s: Record, p: Record, f: Record, u: Record, w: Record, sky: Record, belt: Belt, tick: int, tick_s: float,
    sub_steps: int, every: int, fresh: bool, place: Vector,
) -> None:  # fmt: skip
    """One tick of one spacecraft, under a sky at the end of the tick. `place` is used by SGP4's spacecraft only."""
    if tick % every == 0:
        end_s = (tick + 1) * tick_s
        long_s = tick_s * every
        if f.orbit_kind == 1:
            place_orbit(s, f, u, end_s, long_s, place[0], place[1], place[2], place[3], place[4], place[5])
        else:
            step_orbit(s, f, u, end_s, long_s)
        surroundings(s, p, f, u, sky, belt, tick, long_s)
    inside(s, p, f, u, w, tick, tick_s, sub_steps, every, fresh)


@kernel
def fly(
    s: Record, p: Record, f: Record, u: Record, w: Record, sky: Record, belt: Belt, event: Samples, tick: int,
    tick_s: float, sub_steps: int, every: int, place: Vector,
) -> None:  # fmt: skip
    """The entry: one tick of one spacecraft. Tick -1 only brings place, sky and attitude to time 0."""
    step_sky(sky, (tick + 1) * tick_s)
    step_event(sky, event)
    if tick >= 0:
        one(s, p, f, u, w, sky, belt, tick, tick_s, sub_steps, every, True, place)
        return
    if f.orbit_kind == 1:
        place_orbit(s, f, u, 0.0, 0.0, place[0], place[1], place[2], place[3], place[4], place[5])
    else:
        step_orbit(s, f, u, 0.0, 0.0)
    step_environment(s, p, sky)
    settle_attitude(s, p, u, sky)
    step_link(s, p, u, sky)
