"""A spacecraft in a fleet has the same bits as the same spacecraft alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bus.constants import EARTH_MU_M3_S2
from node.fleet import Fleet
from node.plant.orbit.setup import Elements
from node.plant.plant import Plant
from tests.kits.plant_kit import fly, setup

pytestmark = pytest.mark.timeout(900)  # whoever comes first compiles: a minute of a core's time, of a core of one's own

SETUPS = [
    setup(
        "fleet", spacecraft=f"sc-{k}", anomaly_deg=51.0 * k, raan_deg=180.0 + 7.0 * k, seed=3,
        altitude_m=650e3 + 1e3 * (k // 3),
    )
    for k in range(7)
]  # fmt: skip


def differing(a: Any, b: Any) -> list[str]:
    """Fields that are not the same to the bit (padding between them is nobody's)."""
    return [name for name in a.dtype.names if a[name].tobytes() != b[name].tobytes()]


def test_one_is_many_to_the_bit() -> None:
    fleet = Fleet(SETUPS)
    fleet.step(0, 1.0, 100)
    fleet.step(100, 1.0, 33)
    for k, each in enumerate(SETUPS):
        alone = fly(Plant(each), 133)
        assert differing(alone.state, fleet.states[k : k + 1]) == []


def test_spacecraft_placed_by_a_table_are_the_same_as_plants_of_their_own() -> None:
    """From the epoch on: what a plant works out of its orbit, and how it begins."""
    rows = [[getattr(one.elements, name) for name in Elements.__dataclass_fields__] for one in SETUPS]
    fleet = Fleet.placed(SETUPS[4], np.array([[*row, EARTH_MU_M3_S2] for row in rows]), [s.spacecraft for s in SETUPS])
    for k, each in enumerate(SETUPS):
        alone = Plant(each)
        assert differing(alone.state, fleet.states[k : k + 1]) == []
        assert differing(alone.flight, fleet.flights[k : k + 1]) == []
    fleet.step(0, 1.0, 24)
    for k, each in enumerate(SETUPS):
        assert differing(fly(Plant(each), 24).state, fleet.states[k : k + 1]) == []


def test_blocks_change_nothing() -> None:
    one, many = Fleet(SETUPS), Fleet(SETUPS)
    one.step(0, 1.0, 50)
    for tick in range(50):
        many.step(tick, 1.0)
    assert differing(one.states, many.states) == []


def test_everyone_has_their_own_place_and_luck() -> None:
    fleet = Fleet.spread(SETUPS[0], 16)
    fleet.step(0, 1.0, 20)
    assert len({x.tobytes() for x in fleet.states["position_teme_m"]}) == 16
    assert len(np.unique(fleet.flights["draw_spacecraft"])) == 16


def test_the_books_of_charge_close_in_a_fleet() -> None:
    """To the rounding of single precision, and a fleet that begins late has books as well."""
    for first in (0, 64):
        fleet = Fleet(SETUPS)
        fleet.step(first, 1.0, 50)
        held, rest = fleet.states["battery_held_c"], fleet.states["battery_charge_residual_c"]
        assert np.all(held > 0.0) and np.all(np.abs(rest) <= 1e-6 * held)


def test_a_state_takes_a_kilobyte_and_a_half() -> None:
    assert Fleet(SETUPS[:1]).state_bytes <= 1500


def test_books_close_in_single_precision_too() -> None:
    fleet = Fleet(SETUPS)
    for tick in range(0, 3000, 50):
        fleet.step(tick, 1.0, 50)
        load = fleet.states["load_power_w"]
        gap = fleet.states["array_power_w"] + fleet.states["battery_power_w"] - load - fleet.states["power_loss_w"]
        assert np.all(np.abs(gap) <= 1e-9 * np.maximum(1.0, load))


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one"):
        Fleet([])
    with pytest.raises(ValueError, match="share one design"):
        Fleet([SETUPS[0], setup("formation", spacecraft="other")])
