"""The constellations that come with Skyrack: they are read, an editor takes them, and they fly as their page says."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from bus.constants import EARTH_RADIUS_M
from bus.errors import UnknownNameError
from faults.commands.fleet import find_fleet, is_constellation, shipped_fleets
from faults.commands.schema import fleet_schema
from faults.fleet.flight import Flight
from faults.fleet.form import read_fleet, read_fleet_text
from faults.fleet.launches import per_launch
from faults.fleet.results import write_results
from node.designs.load import load_design
from tests.kits import fleet_kit as kit

NAMES = tuple(shipped_fleets())
SMALL = ("suncatcher-81", "sunrise-gigawatt")
"""The places of a million take seconds to lay out."""


def test_they_are_found_by_name() -> None:
    assert NAMES == ("million", "suncatcher-81", "sunrise-gigawatt")
    assert is_constellation("million") and not is_constellation("first-light")
    with pytest.raises(UnknownNameError, match="did you mean million"):
        find_fleet("milion")


@pytest.mark.parametrize("name", NAMES)
def test_an_editor_takes_them(name: str) -> None:
    written = yaml.safe_load(shipped_fleets()[name].read_text())
    written["epoch"] = str(written["epoch"])
    assert not list(jsonschema.Draft202012Validator(fleet_schema()).iter_errors(written))


@pytest.mark.parametrize("name", SMALL)
def test_they_are_read_without_a_word(name: str) -> None:
    assert read_fleet(shipped_fleets()[name]).warnings == ()


def test_the_million_is_a_million_and_its_arithmetic_is_that_of_its_sources() -> None:
    """200 t an hour are 1.75 Mt a year, more than the filing's 1 Mt; 100 kW a tonne is not what the sheets give."""
    what = read_fleet(shipped_fleets()["million"])
    assert what.count == 1_000_000 and what.flown == 200 and what.launches is not None
    masses = {shell.id: load_design(shell.design).form.mass for shell in what.shells}
    assert {name: per_launch(what.launches, mass) for name, mass in masses.items()} == {"sso": 95, "load": 80}
    offered_t_a_year = what.launches.vehicle.payload / 1e3 * 365.25 * 86400.0 / what.launches.vehicle.every
    assert offered_t_a_year == pytest.approx(200.0 * 24 * 365.25)
    total_t = sum(shell.count * masses[shell.id] for shell in what.shells) / 1e3
    assert total_t == pytest.approx(2.26e6)
    names = what.shells[1].names()
    assert len(set(names)) == len(names) and max(map(len, names)) <= 32


def test_the_sunlit_share_of_a_ring_is_that_of_a_closed_form() -> None:
    """A circular orbit in a cylinder's shadow: acos(sqrt(h^2 + 2 R h) / ((R + h) cos beta)) / pi is dark.

    (Vallado, Fundamentals of Astrodynamics, section 5.3.) A cone is thinner by a quarter of a degree to either side.
    """
    place = '{walker: {pattern: "30:720/1/0", kind: delta, altitude: 600 km}}'
    flight = Flight(read_fleet_text(kit.HEAD.format(duration="1 s").replace("40 s", "1 s") + kit.LOW.replace(
        '{walker: {pattern: "30:6/2/1", kind: delta, altitude: 600 km}}', place), "x.yaml"))  # fmt: skip
    flight.step()
    states = flight.wings[0].fleet.states
    beta, r = float(states["beta_rad"].mean()), (EARTH_RADIUS_M + 600e3) / EARTH_RADIUS_M
    dark = np.arccos(np.sqrt(r * r - 1.0) / (r * np.cos(beta))) / np.pi
    assert float(1.0 - states["illumination_fraction"].mean()) == pytest.approx(float(dark), abs=0.004)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", NAMES)
def test_they_fly_and_their_books_close(name: str, tmp_path: Path) -> None:
    what = read_fleet(shipped_fleets()[name])
    summary = write_results(tmp_path, kit.flown(what, tmp_path))
    assert summary["books_closed"] and summary["flown_again_differing"] == []
    shells = {row["shell"]: row for row in summary["shells"]}
    if name == "suncatcher-81":  # 19.7 min of shadow in 97.7 min at the solstice (arXiv 2511.19468's orbit)
        assert shells["cluster"]["sunlit_share"] == pytest.approx(1.0 - 19.7 / 97.7, abs=0.005)
    if name == "sunrise-gigawatt":
        assert summary["build_up"]["accelerators_rated_gw"] == pytest.approx(0.88, abs=0.05)
    if name == "million":
        assert 400.0 < summary["build_up"]["full_d"] < 700.0
        assert summary["build_up"]["accelerators_rated_gw"] == pytest.approx(138.0, abs=1.0)
