"""From elements to the orbit's parameters: Keplerian mean elements or published element sets, J2 secular rates, SGP4.

Plain values in, a parameter record filled. Runs once per spacecraft, never in a tick (`Sgp4.at` excepted).
Constants: mu, J2 and the equatorial radius of WGS-84 / EGM-96; element sets come with WGS-72, the constants
they were fitted with (Vallado et al. 2006, "Revisiting Spacetrack Report #3").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sgp4.api import SGP4_ERRORS, Satrec

from bus.constants import DAY_S, EARTH_J2, EARTH_MU_M3_S2, EARTH_RADIUS_M, TROPICAL_YEAR_S, WGS72_MU_M3_S2, Epoch
from node.plant.kernel.fields import Record


@dataclass(frozen=True, slots=True)
class Elements:
    """Mean Keplerian elements (Brouwer's, of J2 alone) at the scenario's epoch, TEME of date."""

    semi_major_axis_m: float
    eccentricity: float
    inclination_rad: float
    raan_rad: float
    argument_of_perigee_rad: float
    mean_anomaly_rad: float


def secular_rates(a_m: float, e: float, i_rad: float, mu_m3_s2: float = EARTH_MU_M3_S2) -> tuple[float, float, float]:
    """Rates (rad/s) of the node, the argument of perigee and the mean anomaly under J2, to its second order.

    Brouwer 1959 (Astronomical Journal 64, 378), J2 alone. The mean anomaly's rate holds the two-body mean motion too.
    """
    n = math.sqrt(mu_m3_s2 / a_m**3)
    eta = math.sqrt(1.0 - e * e)
    g = 0.5 * EARTH_J2 * (EARTH_RADIUS_M / (a_m * eta * eta)) ** 2
    c = math.cos(i_rad)
    c2 = c * c
    raan = -3.0 * g + 0.375 * g * g * (-5.0 + eta * (12.0 + 9.0 * eta) - c2 * (35.0 + eta * (36.0 + 5.0 * eta)))
    perigee = 1.5 * g * (5.0 * c2 - 1.0) + 0.09375 * g * g * (
        -35.0
        + eta * (24.0 + 25.0 * eta)
        + c2 * (90.0 - eta * (192.0 + 126.0 * eta) + c2 * (385.0 + eta * (360.0 + 45.0 * eta)))
    )
    anomaly = 1.5 * g * eta * (3.0 * c2 - 1.0) + 0.09375 * g * g * eta * (
        -15.0
        + eta * (16.0 + 25.0 * eta)
        + c2 * (30.0 - eta * (96.0 + 90.0 * eta) + c2 * (105.0 + eta * (144.0 + 25.0 * eta)))
    )
    return n * c * raan, n * perigee, n * (1.0 + anomaly)


def sun_synchronous_inclination_rad(a_m: float, e: float = 0.0) -> float:
    """The inclination whose node turns with the mean Sun, as J2's first order says: 2 pi in a tropical year.

    That is the inclination in use; the second order turns the node 0.0008 deg a day less. Raises ValueError if none is.
    """
    rate = 2.0 * math.pi / TROPICAL_YEAR_S
    n = math.sqrt(EARTH_MU_M3_S2 / a_m**3)
    cosine = -rate / (1.5 * n * EARTH_J2 * (EARTH_RADIUS_M / (a_m * (1.0 - e * e))) ** 2)
    if cosine < -1.0:
        raise ValueError(f"no sun-synchronous orbit has a semi-major axis of {a_m / 1e3:.0f} km")
    return math.acos(cosine)


def check_elements(elements: Elements) -> None:
    """Refuses what is no closed orbit above the ground. Raises ValueError."""
    values = (
        elements.semi_major_axis_m,
        elements.eccentricity,
        elements.inclination_rad,
        elements.raan_rad,
        elements.argument_of_perigee_rad,
        elements.mean_anomaly_rad,
    )
    if not all(math.isfinite(value) for value in values):
        raise ValueError("orbital elements must be finite numbers")
    if not 0.0 <= elements.eccentricity < 1.0:
        raise ValueError(f"eccentricity {elements.eccentricity} is not in [0, 1)")
    perigee_m = elements.semi_major_axis_m * (1.0 - elements.eccentricity) - EARTH_RADIUS_M
    if perigee_m < 100e3:
        raise ValueError(f"perigee {perigee_m / 1e3:.1f} km is below 100 km: no orbit lasts there")
    if not 0.0 <= elements.inclination_rad <= math.pi:
        raise ValueError(f"inclination {math.degrees(elements.inclination_rad)} deg is not in [0, 180]")


def fill_kepler(p: Record, elements: Elements, mu_m3_s2: float = EARTH_MU_M3_S2) -> None:
    """Parameters for J2-secular motion from mean elements at the epoch. Raises ValueError for a non-orbit."""
    check_elements(elements)
    raan_rate, perigee_rate, anomaly_rate = secular_rates(
        elements.semi_major_axis_m, elements.eccentricity, elements.inclination_rad, mu_m3_s2
    )
    p["orbit_kind"] = 0
    p["orbit_mu_m3_s2"] = mu_m3_s2
    p["orbit_j2_m2"] = EARTH_J2 * EARTH_RADIUS_M**2
    p["orbit_semi_major_axis_m"] = elements.semi_major_axis_m
    p["orbit_eccentricity"] = elements.eccentricity
    p["orbit_cos_inclination"] = math.cos(elements.inclination_rad)
    p["orbit_sin_inclination"] = math.sin(elements.inclination_rad)
    p["orbit_raan_rad"] = elements.raan_rad
    p["orbit_raan_rate_rad_s"] = raan_rate
    p["orbit_perigee_rad"] = elements.argument_of_perigee_rad
    p["orbit_perigee_rate_rad_s"] = perigee_rate
    p["orbit_anomaly_rad"] = elements.mean_anomaly_rad
    p["orbit_anomaly_rate_rad_s"] = anomaly_rate


class Sgp4:
    """A published element set flown with SGP4. Raises ValueError for one that SGP4 rejects."""

    def __init__(self, satellite: Satrec, epoch: Epoch) -> None:
        self._satellite = satellite
        self._refuse(satellite.error)
        self._epoch = epoch

    @staticmethod
    def _refuse(code: int) -> None:
        if code:
            raise ValueError(f"SGP4 rejects these elements: {SGP4_ERRORS.get(code, code)}")

    @property
    def age_s(self) -> float:
        """Scenario epoch minus element epoch."""
        days = (self._epoch.jd_whole - self._satellite.jdsatepoch) + (
            self._epoch.jd_fraction - self._satellite.jdsatepochF
        )
        return float(days) * DAY_S

    def at(self, time_s: float) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Position (m) and velocity (m/s), TEME, `time_s` after the epoch. Raises ValueError when SGP4 gives up."""
        code, r, v = self._satellite.sgp4(self._epoch.jd_whole, self._epoch.jd_fraction + time_s / DAY_S)
        self._refuse(code)
        return (r[0] * 1e3, r[1] * 1e3, r[2] * 1e3), (v[0] * 1e3, v[1] * 1e3, v[2] * 1e3)

    def mean_elements(self) -> Elements:
        """Brouwer mean elements, their angles carried secularly to the scenario's epoch (J2 only, no drag)."""
        sat = self._satellite
        a = sat.a * sat.radiusearthkm * 1e3  # Brouwer's, already freed of Kozai's convention by SGP4
        raan_rate, perigee_rate, anomaly_rate = secular_rates(a, sat.ecco, sat.inclo, WGS72_MU_M3_S2)
        age = self.age_s
        turn = 2.0 * math.pi
        return Elements(
            a,
            sat.ecco,
            sat.inclo,
            (sat.nodeo + raan_rate * age) % turn,
            (sat.argpo + perigee_rate * age) % turn,
            (sat.mo + anomaly_rate * age) % turn,
        )


def fill_sgp4(p: Record, sgp4: Sgp4) -> None:
    """Parameters of a spacecraft that SGP4 moves: its mean elements, for whoever asks, and the kind."""
    fill_kepler(p, sgp4.mean_elements(), WGS72_MU_M3_S2)
    p["orbit_kind"] = 1


def fill_drag(p: Record, mass_kg: float, drag_area_m2: float, drag_coefficient: float = 2.2) -> None:
    """What drag and thrust need. Cd 2.2 is the usual value for a flat-plate craft in free molecular flow (SMAD)."""
    if not mass_kg > 0.0 or drag_area_m2 < 0.0 or drag_coefficient < 0.0:
        raise ValueError("mass must be above zero, drag area and coefficient not below")
    p["orbit_inverse_mass_kg"] = 1.0 / mass_kg
    p["orbit_drag_area_per_mass_m2_kg"] = drag_coefficient * drag_area_m2 / mass_kg


def span_m(elements: Elements) -> tuple[float, float]:
    """Lowest and highest geodetic altitude of an orbit, 15 km to either side for J2's swing.

    The flattened Earth adds up to 21.4 km above the height over the equatorial radius.
    """
    a, e = elements.semi_major_axis_m, elements.eccentricity
    polar = 21385.0 * math.sin(elements.inclination_rad) ** 2
    return a * (1.0 - e) - EARTH_RADIUS_M - 15e3, a * (1.0 + e) - EARTH_RADIUS_M + polar + 15e3


def altitude_span_m(p: Record) -> tuple[float, float]:
    """As `span_m`, from the parameters of an orbit."""
    inclination = math.asin(min(1.0, float(p["orbit_sin_inclination"])))
    return span_m(
        Elements(float(p["orbit_semi_major_axis_m"]), float(p["orbit_eccentricity"]), inclination, 0.0, 0.0, 0.0)
    )
