"""Quantities: exactness, refusal of bare numbers, and nothing but Refused for any text."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import Refused
from bus.text import units


@pytest.mark.parametrize(
    ("text", "dimension", "si"),
    [
        ("650 km", "length", 650e3),
        ("650km", "length", 650e3),
        ("98.6 deg", "angle", math.radians(98.6)),
        ("80 %", "fraction", 0.8),
        (0.8, "fraction", 0.8),
        ("5 kW", "power", 5000.0),
        ("-3.5e2 W", "power", -350.0),
        ("12 kWh", "energy", 43.2e6),
        ("20 degC", "temperature", 293.15),
        ("-40 degC", "temperature", 233.15),
        ("300 K", "temperature", 300.0),
        ("9.6 Tbit/s", "bit rate", 9.6e12),
        ("150 rad(Si)", "dose", 1.5),
        ("1 h 30 min", "time", 5400.0),
        (3, "number", 3.0),
    ],
)
def test_quantities_in_si(text: object, dimension: str, si: float) -> None:
    assert units.parse(text, dimension) == pytest.approx(si, rel=1e-15)


@pytest.mark.parametrize(
    "text", [650, 650.0, "650", "650 kg", "km", "", " ", "six km", "1e999 km", True, None, "650 km km"]
)
def test_a_length_needs_a_number_and_a_unit_of_length(text: object) -> None:
    with pytest.raises(Refused) as caught:
        units.parse(text, "length")
    assert caught.value.allowed == "a length in m, km, mm, cm"


def test_durations_are_exact_to_the_nanosecond() -> None:
    assert units.parse_duration_ns("0.1 s") == 100_000_000
    assert units.parse_duration_ns("1 d 2 h 3 min 4.000000005 s") == 93_784_000_000_005
    assert units.parse_duration_ns("2 orbits", orbit_s=5863.5) == 11_727_000_000_000
    with pytest.raises(Refused, match="orbits"):
        units.parse_duration_ns("2 turns", orbit_s=5863.5)
    with pytest.raises(Refused):
        units.parse_duration_ns("2 orbits")


def test_a_value_in_the_unit_a_dictionary_wants() -> None:
    assert units.parse_as("5 kW", "W") == 5000.0
    assert units.parse_as("293.15 K", "degC") == pytest.approx(20.0)
    assert units.parse_as(7, "") == 7.0
    with pytest.raises(Refused):
        units.parse_as(7, "W")


@pytest.mark.parametrize(
    ("name", "dimension"),
    [
        ("thermal_temperature_k[radiator]", "temperature"),
        ("battery_soc", "fraction"),
        ("body_rate_rad_s.x", "angular rate"),
        ("array_angle_rad", "angle"),
        ("wheel_momentum_n_m_s[0]", "angular momentum"),
        ("payload_power_w", "power"),
        ("mode", "number"),
        ("torquer_command_a_m2[0]", "magnetic moment"),
        ("radiator_area_m2", "area"),
    ],
)
def test_the_dimension_is_the_end_of_the_name(name: str, dimension: str) -> None:
    assert units.dimension_of_name(name) == dimension


@given(st.text(max_size=60) | st.floats() | st.integers() | st.none(), st.sampled_from(sorted(units.DIMENSIONS)))
def test_nothing_but_a_finite_number_or_unit_error(value: object, dimension: str) -> None:
    try:
        assert math.isfinite(units.parse(value, dimension))
    except Refused as error:
        assert error.allowed


@given(st.decimals(0, 10**6, places=6), st.sampled_from(["km", "m", "cm"]))
def test_reading_back_what_was_written(number: object, unit: str) -> None:
    assert units.parse(f"{number} {unit}", "length") == pytest.approx(
        float(str(number)) * {"km": 1e3, "m": 1, "cm": 0.01}[unit]
    )


def test_one_table_of_units() -> None:
    assert units.UNITS["year"][0] == 31_557_600
    for kind, known in units.DIMENSIONS.items():
        written = [unit for unit in known if unit not in ("", "degC", "GV", "1/cm2/s")]
        assert len({units.compound(unit)[1] for unit in written}) <= 1, kind
        assert all(units.compound(unit)[0] == known[unit] for unit in written), kind


@pytest.mark.parametrize(
    ("text", "kind", "si"),
    [
        ("10 g/s", "mass flow", 0.01),
        ("5e14 1/cm2", "fluence", 5e18),
        ("3.6 kJ/kg K", "J/kg K", 3600.0),
        ("1e13 1/cm2 year", "1/m2 s", 1e17 / 31557600.0),
        ("45 degC", "K", 318.15),
    ],
)
def test_products_and_quotients_of_units(text: str, kind: str, si: float) -> None:
    assert units.parse(text, kind) == pytest.approx(si, rel=1e-15)


@pytest.mark.parametrize(("text", "kind"), [("5e14 cm2", "fluence"), (1, "mass flow"), ("3 kg", "kg/s"), (3, "W/K")])
def test_a_quantity_of_another_kind_or_of_none_is_refused(text: object, kind: str) -> None:
    with pytest.raises(Refused):
        units.parse(text, kind)
