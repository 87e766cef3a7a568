"""The truth of one spacecraft: its records filled from a setup, and the compiled tick that moves them on."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bus.constants import SOLAR_CONSTANT_W_M2, WGS72_MU_M3_S2, Epoch
from bus.draws import stable_id
from node.plant.attitude.setup import fill_attitude
from node.plant.compute.workload import Feeder
from node.plant.entry import bind
from node.plant.environment.environment import blank_sky, fill_environment, solar_level
from node.plant.link.optical_setup import OpticalHead, beacon, fill_optical, hear_beacons
from node.plant.link.setup import fill_link
from node.plant.names import resolve
from node.plant.orbit.setup import Sgp4, altitude_span_m, fill_drag, fill_kepler, fill_sgp4
from node.plant.power.cell_damage import fill_cells
from node.plant.radiation.belt import Belt, load_belt
from node.plant.radiation.setup import fill_radiation
from node.plant.radiation.solar_event import event_samples
from node.plant.setup import PlantSetup, check_first, check_numbers, fill, float_blocks
from node.plant.state import layout


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
        level = 1.0 if setup.solar_activity == "maximum" else 0.0
        if setup.solar_f107 > 0.0:
            level = solar_level(setup.solar_f107, setup.solar_ap)
        self.sky = blank_sky(self._epoch, level, SOLAR_CONSTANT_W_M2 if setup.sunlight else 0.0, seed=setup.seed)
        self.event = event_samples(setup.solar_event, setup.solar_event_at_s, setup.solar_event_samples)
        self._place = np.zeros(6)
        self._order_blocks = float_blocks(self.inputs)
        self._sgp4 = self._fill()
        self.belt = self._belt()
        records = (self.state, self.params, self.flight, self.inputs, self.work, self.sky)
        self._tick = bind(setup.capacity_class, records, self.belt, self.event, self._place)
        logs = setup.workload
        self._feeder = Feeder(logs) if logs.log is not None or logs.arrivals else None
        self._begin()

    def _fill(self) -> Sgp4 | None:
        setup = self.setup
        s, p, f, u = self.state[0], self.params[0], self.flight[0], self.inputs[0]
        fill(p, setup.parameters)
        fill_environment(s, p, setup.storm_density_factor)
        if not setup.earth_infrared:
            p["earth_ir_exitance_w_m2"] = 0.0
        if not setup.albedo:
            p["earth_albedo"] = 0.0
        fill_attitude(s, p, u, setup.attitude)
        fill_link(s, p, u, setup.sites, setup.radios)
        fill_optical(s, p, u, OpticalHead(**setup.isl_terminal), setup.isl_axes)
        solar = 1.0 if setup.solar_activity == "maximum" else 0.0
        fill_radiation(s, p, setup.shielding_kg_m2, setup.devices, solar)
        f["draw_seed"] = setup.seed & 0xFFFFFFFFFFFFFFFF
        f["draw_spacecraft"] = stable_id(setup.spacecraft)
        s["thruster_health"] = 1.0
        sgp4 = None
        if setup.satellite is not None:
            sgp4 = Sgp4(setup.satellite, self._epoch)
            if setup.propagator == "sgp4":
                fill_sgp4(f, sgp4)
            else:
                fill_kepler(f, sgp4.mean_elements(), WGS72_MU_M3_S2)
                sgp4 = None
        elif setup.elements is not None:
            fill_kepler(f, setup.elements)
        else:
            raise ValueError(f"{setup.spacecraft}: neither elements nor a published set")
        fill_drag(f, setup.mass_kg, setup.drag_area_m2)
        fill_cells(p, f, setup.cover_glass_kg_m2, setup.cell_proton_ratio, setup.solar_activity)
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
        self.state["battery_group_known_health"] = self.state["battery_group_health"]

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
        self._tick(tick, tick_s)

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
