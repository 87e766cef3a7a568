# ruff: noqa: PLR0917 - kernels take records by position and compare integers one by one
"""The table of contents of the plant: which model moves when, in one kernel per capacity class.

Once per tick: orbit, environment, attitude, link, radiation, array, light on faces, coolant flow. In each sub-step:
accelerators, heaters, limiters and bus, battery, heat. At the end: ageing and what follows from the new state.
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from bus.draws import stable_id
from node.plant.attitude import settle_attitude, step_attitude
from node.plant.attitude_setup import fill_attitude
from node.plant.battery import age_battery
from node.plant.belt import Belt, load_belt
from node.plant.compute import advance_chips, assemble_chips, heat_accelerators, step_accelerators
from node.plant.environment import fill_environment, new_sky, step_environment, step_sky
from node.plant.fields import Record
from node.plant.jobs import step_jobs
from node.plant.limiters import order_lcls
from node.plant.link import step_link, step_weather
from node.plant.link_setup import fill_link
from node.plant.loop import assemble_loop, finish_loop, step_loop
from node.plant.names import resolve
from node.plant.optical import step_optical
from node.plant.optical_setup import OpticalHead, beacon, fill_optical, hear_beacons
from node.plant.orbit import place_orbit, step_orbit
from node.plant.orbit_setup import MU_WGS72_M3_S2, Epoch, Sgp4, altitude_span_m, fill_drag, fill_kepler, fill_sgp4
from node.plant.power import finish_array, step_array, step_power
from node.plant.radiation import step_event, step_radiation
from node.plant.radiation_setup import fill_radiation
from node.plant.setup import PlantSetup, check_first, check_numbers, fill, float_blocks
from node.plant.solar_event import Samples, event_samples
from node.plant.state import layout
from node.plant.strikes import draw_latched, heat_latched, no_strikes, step_strikes
from node.plant.thermal import advance, assemble, heat_heaters, light_faces, look_out, solve, step_heaters
from node.plant.workload import Feeder

Records = NDArray[np.void]
Vector = NDArray[np.float64]

SUB_STEPS = {"full": 10, "fleet": 1}
"""Electrical, fluid and thermal steps per tick: 10 Hz for one spacecraft of its own, 1 Hz in a fleet."""
EVERY = {"full": 1, "fleet": 8}
"""Ticks from one look at place, surroundings, attitude, links, radiation and array to the next. A fleet looks every
eighth tick (60 km of flight): eclipses begin up to 7 s late; doses and counts are those of the whole time."""


@njit(cache=True, error_model="numpy")
def surroundings(s: Record, p: Record, f: Record, u: Record, sky: Record, belt: Belt, tick: int, dt_s: float) -> None:
    """Environment, attitude, links and radiation at the place where the spacecraft is."""
    step_environment(s, p, sky)
    step_attitude(s, p, u, sky, dt_s)
    step_weather(s, p, sky, tick, dt_s)
    step_link(s, p, u, sky)
    step_optical(s, p, f, u, tick, dt_s)
    step_radiation(s, p, f, sky, belt, tick, dt_s)


@njit(cache=True, error_model="numpy")
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


@njit(cache=True, error_model="numpy")
def inside(
    s: Record, p: Record, f: Record, u: Record, w: Record, tick: int, tick_s: float, sub_steps: int, every: int
) -> None:
    """Everything within the spacecraft over one tick."""
    if tick % every == 0:
        step_strikes(s, p, f, w, tick)
        step_array(s, p, u, tick_s * every)
        look_out(s, p)
    else:
        no_strikes(p, w)
    step_jobs(s, p, f, u, w, tick, tick_s)
    order_lcls(s, p, u)
    light_faces(s, p, w)
    step_loop(s, p, u, w, tick_s)
    dt_s = tick_s / sub_steps
    for _ in range(sub_steps):
        sub_step(s, p, u, w, dt_s)
    finish_loop(s, p, tick_s)
    if tick % every == 0:
        finish_array(s, p)
        age_battery(s, p, tick_s * every)


@njit(cache=True, error_model="numpy")
def one(
    s: Record, p: Record, f: Record, u: Record, w: Record, sky: Record, belt: Belt, tick: int, tick_s: float,
    sub_steps: int, every: int, place: Vector,
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
    inside(s, p, f, u, w, tick, tick_s, sub_steps, every)


@njit(cache=True, error_model="numpy")
def fly(
    states: Records, params: Records, flights: Records, orders: Records, works: Records, skies: Records, belt: Belt,
    event: Samples, tick: int, tick_s: float, sub_steps: int, every: int, place: Vector,
) -> None:  # fmt: skip
    """The entry: one tick of the spacecraft in element 0. Tick -1 only brings place, sky and attitude to time 0."""
    s, p, f, u, w, sky = states[0], params[0], flights[0], orders[0], works[0], skies[0]
    step_sky(sky, (tick + 1) * tick_s)
    step_event(sky, event)
    if tick >= 0:
        one(s, p, f, u, w, sky, belt, tick, tick_s, sub_steps, every, place)
        return
    if f.orbit_kind == 1:
        place_orbit(s, f, u, 0.0, 0.0, place[0], place[1], place[2], place[3], place[4], place[5])
    else:
        step_orbit(s, f, u, 0.0, 0.0)
    step_environment(s, p, sky)
    settle_attitude(s, p, u, sky)
    step_link(s, p, u, sky)


class Plant:
    """The truth of one spacecraft: one-element structured arrays, and the tick that moves them on.

    `state`, `inputs` (what flight software orders, acting from the next tick) and `params` are structured arrays of
    length one.
    """

    def __init__(self, setup: PlantSetup) -> None:
        self.setup = setup
        self.names = setup.names
        shape = layout(setup.capacity_class)
        self.state = np.zeros(1, shape.state)
        self.params = np.zeros(1, shape.param)
        self.inputs = np.zeros(1, shape.order)
        self.flight = np.zeros(1, shape.flight)
        self.work = np.zeros(1, shape.work)
        self._epoch = Epoch.of(setup.epoch_utc)
        self.sky = new_sky(self._epoch, 1.0 if setup.solar_activity == "maximum" else 0.0, seed=setup.seed)
        self.event = event_samples(setup.solar_event, setup.solar_event_at_s, setup.solar_event_samples)
        self._sub_steps = SUB_STEPS[setup.capacity_class]
        self._every = EVERY[setup.capacity_class]
        self._place = np.zeros(6)
        self._order_blocks = float_blocks(self.inputs)
        self._sgp4 = self._fill()
        self.belt = self._belt()
        logs = setup.workload
        self._feeder = Feeder(logs) if logs.log is not None or logs.arrivals else None
        self._begin()

    def _fill(self) -> Sgp4 | None:
        setup = self.setup
        s, p, f, u = self.state[0], self.params[0], self.flight[0], self.inputs[0]
        fill(p, setup.parameters)
        fill_environment(s, p, setup.storm_density_factor)
        fill_attitude(s, p, u, setup.attitude)
        fill_link(s, p, u, setup.sites, setup.radios)
        fill_optical(s, p, u, OpticalHead(**setup.isl_terminal), setup.isl_axes)
        solar = 1.0 if setup.solar_activity == "maximum" else 0.0
        fill_radiation(s, p, setup.shielding_kg_m2, setup.devices, solar)
        f["draw_seed"] = setup.seed & 0xFFFFFFFFFFFFFFFF
        f["draw_spacecraft"] = stable_id(setup.spacecraft)
        s["thruster_health"] = 1.0
        sgp4 = None
        if setup.tle is not None:
            sgp4 = Sgp4(*setup.tle, self._epoch)
            if setup.propagator == "sgp4":
                fill_sgp4(f, sgp4)
            else:
                fill_kepler(f, sgp4.mean_elements(), MU_WGS72_M3_S2)
                sgp4 = None
        elif setup.elements is not None:
            fill_kepler(f, setup.elements)
        else:
            raise ValueError(f"{setup.spacecraft}: neither elements nor two-line elements")
        fill_drag(f, setup.mass_kg, setup.drag_area_m2)
        fill(s, setup.state)
        fill(u, setup.orders)
        return sgp4

    def _belt(self) -> Belt:
        """The proton table around the orbit. Raises ValueError for one that leaves it."""
        lowest_m, highest_m = altitude_span_m(self.flight[0])
        try:
            return load_belt(self.setup.solar_activity, self._epoch.year, lowest_m, highest_m)
        except ValueError as error:
            raise ValueError(f"{self.setup.spacecraft}: {error}") from None

    def _begin(self) -> None:
        """Bring place, sky and attitude to time 0, then apply the scenario's initial values."""
        self._fly(-1, 1.0)
        for name, value in self.setup.initial.items():
            check_first(name, value)
            if name == "battery_soc":
                self._set_charge(value)
                continue
            array, index = self.locate(name)
            array[index] = value

    def _set_charge(self, soc: float) -> None:
        for field in ("battery_soc", "battery_group_soc", "battery_group_turn_soc", "battery_group_peak_soc"):
            self.state[field] = soc

    def step(self, tick: int, tick_s: float, beacons: dict[str, bytes]) -> None:
        """Truth moves on from tick * tick_s to (tick + 1) * tick_s."""
        if tick < 0 or not 0.0 < tick_s <= 60.0:
            raise ValueError(f"tick {tick} of {tick_s} s: allowed are ticks from 0, of up to a minute")
        if self.setup.peers:
            hear_beacons(self.inputs[0], self.setup.peers, beacons)
        if self._feeder is not None:
            self._feeder.step(tick, tick_s, self.state[0], self.inputs[0])
        check_numbers(self.inputs, self._order_blocks)
        self._fly(tick, tick_s)

    def _fly(self, tick: int, tick_s: float) -> None:
        if self._sgp4 is not None:
            r, v = self._sgp4.at((tick + 1) * tick_s)
            self._place[:] = (*r, *v)
        fly(
            self.state, self.params, self.flight, self.inputs, self.work, self.sky, self.belt, self.event, tick,
            tick_s, self._sub_steps, self._every, self._place,
        )  # fmt: skip

    def read(self, name: str) -> float:
        """The value of a name of truth now."""
        array, index = self.locate(name)
        return float(array[index])

    def locate(self, name: str) -> tuple[NDArray[Any], int]:
        """An array and an index that alias the state. Raises UnknownField (a KeyError) with the nearest names."""
        field, index = resolve(self.state.dtype, self.names, name)
        if index is None:
            return self.state[field], 0
        return self.state[field][0], index

    def beacon(self) -> bytes:
        """Place, velocity, attitude and optical heads for declared peers."""
        return beacon(self.state[0], len(self.setup.isl_axes))

    def save(self) -> bytes:
        """State and orders, and the queue of jobs if there is one."""
        queue = b"" if self._feeder is None else self._feeder.save()
        return self._digest() + self.state.tobytes() + self.inputs.tobytes() + queue

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises ValueError if it is not from the same layout."""
        head, states = self._digest(), self.state.nbytes
        rest = len(head) + states + self.inputs.nbytes
        if snapshot[: len(head)] != head or len(snapshot) < rest or (len(snapshot) > rest) != bool(self._feeder):
            raise ValueError("snapshot of another plant: capacity class, fields or length differ")
        if self._feeder is not None:
            self._feeder.restore(snapshot[rest:])
        self.state[:] = np.frombuffer(snapshot, self.state.dtype, 1, len(head))
        self.inputs[:] = np.frombuffer(snapshot, self.inputs.dtype, 1, len(head) + states)

    def _digest(self) -> bytes:
        text = f"{self.state.dtype.descr}{self.inputs.dtype.descr}"
        return hashlib.blake2b(text.encode(), digest_size=8).digest()
