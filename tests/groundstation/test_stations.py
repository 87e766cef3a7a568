"""The station catalogue: complete, plausible, and in places where the sites really are."""

from __future__ import annotations

import math

import pytest

from bus.wire.messages import RESERVED_IDS
from groundstation.contacts.stations import stations


def test_every_station_is_on_earth_and_says_where_its_figures_come_from() -> None:
    known = stations()
    assert len(known) >= 25
    for name, station in known.items():
        assert station.id == name
        assert name not in RESERVED_IDS
        assert abs(station.latitude_rad) <= math.pi / 2
        assert abs(station.longitude_rad) <= math.pi
        assert -100.0 < station.altitude_m < 3000.0
        assert 0.0 < math.degrees(station.mask_rad) <= 25.0
        assert station.bands
        assert len(station.source) > 10


@pytest.mark.parametrize(
    ("name", "latitude_deg", "longitude_deg"),
    [
        # From other lists than the catalogue's: encyclopaedia and station pages, to a tenth of a degree.
        ("svalbard", 78.23, 15.41),
        ("troll", -72.01, 2.53),
        ("kiruna", 67.88, 21.06),
        ("inuvik", 68.4, -133.5),
        ("hartebeesthoek", -25.89, 27.69),
        ("new-norcia", -31.05, 116.19),
        ("mcmurdo", -77.84, 166.67),
        ("punta-arenas", -52.94, -70.85),
    ],
)
def test_sites_are_where_they_are(name: str, latitude_deg: float, longitude_deg: float) -> None:
    station = stations()[name]
    assert math.degrees(station.latitude_rad) == pytest.approx(latitude_deg, abs=0.1)
    assert math.degrees(station.longitude_rad) == pytest.approx(longitude_deg, abs=0.1)


def test_the_catalogue_cannot_be_changed_by_its_users() -> None:
    with pytest.raises(TypeError):
        stations()["mine"] = stations()["troll"]  # type: ignore[index]
