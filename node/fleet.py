# ruff: noqa: PLR0917 - kernels take records by position
"""Very many spacecraft at once: the plant's own kernels over an array of states, on all cores.

A spacecraft in a fleet has the same bits as the same spacecraft alone (`node.plant.step.Plant`): the same kernel moves
it, and its random numbers are hashes of its name. Spacecraft of a fleet share one design and one sky and do not see
each other. No flight software runs here: orders stay as they are set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import get_num_threads, njit, prange
from numpy.typing import NDArray

from bus.constants import Epoch
from bus.draws import stable_id
from node.plant.entry import bind
from node.plant.environment.environment import SKY, step_sky
from node.plant.kernel.fields import Record
from node.plant.orbit.setup import Elements, altitude_span_m, fill_kepler
from node.plant.plant import Plant
from node.plant.power.cell_damage import fill_cells
from node.plant.radiation.belt import Belt, load_belt
from node.plant.radiation.radiation import step_event
from node.plant.radiation.solar_event import Samples
from node.plant.setup import PlantSetup
from node.plant.step import EVERY, SUB_STEPS, one

Records = NDArray[np.void]

BLOCK_TICKS = 64
"""Ticks flown in one go: a spacecraft stays in the cache that long, and the sky of each tick is worked out once."""


@njit(cache=True, error_model="numpy")
def skies_of_block(skies: Records, event: Samples, tick: int, tick_s: float) -> None:
    """The sky at the end of each tick of a block."""
    for k in range(skies.shape[0]):
        step_sky(skies[k], (tick + k + 1) * tick_s)
        step_event(skies[k], event)


@njit(cache=True, error_model="numpy", parallel=True, nogil=True)
def fly_fleet(
    states: Records, params: Records, flights: Records, orders: Records, works: Records, skies: Records, belt: Belt,
    tick: int, tick_s: float, sub_steps: int, every: int, place: NDArray[np.float64],
) -> None:  # fmt: skip
    """A block of ticks for every spacecraft, shared out among as many threads as there are works."""
    shares = works.shape[0]
    count = states.shape[0]
    for share in prange(shares):
        first = share * count // shares
        last = (share + 1) * count // shares
        for i in range(first, last):
            for k in range(skies.shape[0]):
                one(
                    states[i], params[0], flights[i], orders[i], works[share], skies[k], belt, tick + k, tick_s,
                    sub_steps, every, k == 0, place,
                )  # fmt: skip


class Fleet:
    """Spacecraft of one design on Keplerian orbits. `states[i]`, `orders[i]` belong to `setups[i]`."""

    def __init__(self, setups: Sequence[PlantSetup]) -> None:
        """Raises ValueError for spacecraft that do not fit together: another design, epoch or Sun, or an SGP4 orbit."""
        plants = [Plant(setup) for setup in setups]
        if not plants:
            raise ValueError("a fleet needs at least one spacecraft")
        first = plants[0]
        for plant in plants:
            if plant.params.tobytes() != first.params.tobytes():
                raise ValueError("spacecraft of a fleet share one design and its stations")
            if plant.setup.satellite is not None and plant.setup.propagator == "sgp4":
                raise ValueError("a fleet flies Keplerian elements (propagator j2)")
            if plant.sky.tobytes() != first.sky.tobytes() or not np.array_equal(plant.event, first.event):
                raise ValueError("spacecraft of a fleet share one epoch, one Sun and one seed")
        spans = [plant.belt.altitude_m for plant in plants]
        lowest_m, highest_m = min(float(levels[0]) for levels in spans), max(float(levels[-1]) for levels in spans)
        first.belt = load_belt(first.setup.solar_activity, Epoch.of(first.setup.epoch_utc).year, lowest_m, highest_m)
        self._take(first, [plant.state for plant in plants], [p.flight for p in plants], [p.inputs for p in plants])

    @classmethod
    def spread(cls, setup: PlantSetup, count: int) -> Fleet:
        """`count` copies of one spacecraft, spread evenly along its orbit, each with its own luck. For benchmarks."""
        plant = Plant(setup)
        fleet = cls.__new__(cls)
        fleet._take(plant, [plant.state], [plant.flight], [plant.inputs], count)
        index = np.arange(count)
        fleet.flights["orbit_anomaly_rad"] += 2.0 * np.pi * index / count
        fleet.flights["draw_spacecraft"] += index.astype(np.uint64)
        return fleet

    @classmethod
    def placed(cls, setup: PlantSetup, places: NDArray[np.float64], names: Sequence[str]) -> Fleet:
        """Spacecraft that differ in orbit and name alone, each at the epoch as `Plant` would have it.

        places: a row each of `Elements` in its order, then the Earth's mu (m3/s2) that they go with; setup: any one
        of them. Raises ValueError for a row that is no orbit.
        """
        plant = Plant(setup)
        fleet = cls.__new__(cls)
        fleet._take(plant, [plant.state], [plant.flight], [plant.inputs], len(places))
        shapes, which = np.unique(places[:, (0, 1, 2, 6)], axis=0, return_inverse=True)
        shared = np.repeat(plant.flight, len(shapes))
        for row, (a_m, e, i_rad, mu_m3_s2) in zip(shared, shapes.tolist(), strict=True):
            fill_kepler(row, Elements(a_m, e, i_rad, 0.0, 0.0, 0.0), mu_m3_s2)
            fill_cells(plant.params[0], row, setup.cover_glass_kg_m2, setup.cell_proton_ratio, setup.solar_activity)
        fleet.flights[:] = shared[which.reshape(-1)]
        for name, column in (("orbit_raan_rad", 3), ("orbit_perigee_rad", 4), ("orbit_anomaly_rad", 5)):
            fleet.flights[name] = places[:, column]
        fleet.flights["draw_spacecraft"] = [stable_id(name) for name in names]
        spans = [altitude_span_m(row) for row in shared]
        low_m, high_m = min(low for low, _ in spans), max(high for _, high in spans)
        fleet._belt = load_belt(setup.solar_activity, Epoch.of(setup.epoch_utc).year, low_m, high_m)
        fleet._begin(setup.capacity_class, plant)
        return fleet

    def _begin(self, capacity_class: str, plant: Plant) -> None:
        """Bring every spacecraft to time 0 with the entry that a single one has."""
        one, flight, orders = plant.state.copy(), plant.flight.copy(), plant.inputs.copy()
        begun = one.copy()
        records = (one, plant.params, flight, orders, plant.work, self._sky.copy())
        tick = bind(capacity_class, records, self._belt, self._event, self._place)
        for k in range(len(self)):
            one[0], flight[0] = begun[0], self.flights[k]
            tick(-1, 1.0)
            self.states[k] = one[0]

    def _take(
        self,
        plant: Plant,
        states: list[Records],
        flights: list[Records],
        orders: list[Records],
        copies: int = 1,
    ) -> None:
        self.states: Records = np.repeat(np.concatenate(states), copies)
        self.flights: Records = np.repeat(np.concatenate(flights), copies)
        self.orders: Records = np.repeat(np.concatenate(orders), copies)
        self.params = plant.params
        self._belt: Belt = plant.belt
        self._event: Samples = plant.event
        self._sky: Record = plant.sky
        self._sub_steps = SUB_STEPS[plant.setup.capacity_class]
        self._every = EVERY[plant.setup.capacity_class]
        self._works: Records = np.zeros(4 * get_num_threads(), plant.work.dtype)
        self._place = np.zeros(6)

    def __len__(self) -> int:
        return len(self.states)

    @property
    def state_bytes(self) -> int:
        """Bytes of state per spacecraft."""
        return int(self.states.dtype.itemsize)

    def step(self, tick: int, tick_s: float, ticks: int = 1) -> None:
        """Fly `ticks` ticks from `tick` on."""
        while ticks > 0:
            block = min(ticks, BLOCK_TICKS)
            skies = np.zeros(block, SKY)
            skies[:] = self._sky[0]
            skies_of_block(skies, self._event, tick, tick_s)
            fly_fleet(
                self.states, self.params, self.flights, self.orders, self._works, skies, self._belt, tick, tick_s,
                self._sub_steps, self._every, self._place,
            )  # fmt: skip
            tick += block
            ticks -= block
