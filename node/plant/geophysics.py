"""The Earth's magnetic field and upper atmosphere, as far as torquers, cosmic rays and drag need them.

Scalar kernels without state. Orbit, shadow and radiation belts may not live here.
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, error_model="numpy")
def density_kg_m3(altitude_m: float, solar_maximum: float) -> float:
    """Neutral density, 100 to 1500 km, log-linear in altitude between tabulated values; 0 ... 1 mixes minimum and
    maximum.

    Table: Larson and Wertz, Space Mission Analysis and Design, inside back cover (MSIS at F10.7 = 65.8 and 189);
    day-night and latitude variation are averaged out. Clamped at both ends.
    """
    low = (
        4.61e-7, 1.65e-9, 1.78e-10, 3.35e-11, 8.19e-12, 2.34e-12, 7.32e-13, 2.47e-13, 8.98e-14, 3.63e-14, 1.68e-14,
        9.14e-15, 5.74e-15, 3.99e-15, 2.96e-15, 2.28e-15, 1.80e-15, 1.44e-15, 1.17e-15, 9.9e-16, 8.2e-16, 6.8e-16,
        5.6e-16, 4.67e-16, 4.0e-16, 3.5e-16, 3.1e-16, 2.7e-16, 2.30e-16,
    )  # fmt: skip
    high = (
        5.10e-7, 2.04e-9, 3.52e-10, 1.06e-10, 3.96e-11, 1.66e-11, 7.55e-12, 3.61e-12, 1.80e-12, 9.25e-13, 4.89e-13,
        2.64e-13, 1.47e-13, 8.37e-14, 4.39e-14, 3.00e-14, 1.91e-14, 1.27e-14, 8.84e-15, 6.6e-15, 5.1e-15, 4.0e-15,
        3.2e-15, 2.59e-15, 2.2e-15, 1.9e-15, 1.6e-15, 1.4e-15, 1.22e-15,
    )  # fmt: skip
    place = min(27.999999, max(0.0, (altitude_m - 100e3) / 50e3))
    i = int(place)
    f = place - i
    bottom = math.log(low[i]) * (1.0 - solar_maximum) + math.log(high[i]) * solar_maximum
    top = math.log(low[i + 1]) * (1.0 - solar_maximum) + math.log(high[i + 1]) * solar_maximum
    return math.exp(bottom * (1.0 - f) + top * f)


@njit(cache=True, error_model="numpy")
def dipole_shell(x_m: float, y_m: float, z_m: float) -> float:
    """McIlwain's L in a dipole field: r / (Re cos^2 lambda), Earth-fixed axes; at most 1000 (over a magnetic pole).

    Eccentric dipole, epoch 2025: axis and offset from the Gauss coefficients of IGRF-14 (Fraser-Smith 1987 gives the
    formula for the offset).
    """
    x = x_m / 6371200.0 + 0.06223
    y = y_m / 6371200.0 - 0.06152
    z = z_m / 6371200.0 - 0.03670
    sine = x * 0.04743 - y * 0.15288 + z * 0.98711
    r2 = x * x + y * y + z * z
    across = r2 - sine * sine
    r = math.sqrt(r2)
    return min(1000.0, r * r2 / max(across, 1e-12))


@njit(cache=True, error_model="numpy")
def dipole_field(x_m: float, y_m: float, z_m: float) -> tuple[float, float, float]:
    """Magnetic flux density (T) of the tilted centred dipole of IGRF-14, epoch 2025, Earth-fixed axes.

    Within about 20 % of the full field in low orbit (30 % over the South Atlantic): enough for torquers.
    """
    gx = -1410.3e-9
    gy = 4545.5e-9
    gz = -29350.0e-9
    r2 = x_m * x_m + y_m * y_m + z_m * z_m
    r = math.sqrt(r2)
    ratio = 6371200.0 / r
    k = ratio * ratio * ratio
    radial = 3.0 * (gx * x_m + gy * y_m + gz * z_m) / r2
    return k * (radial * x_m - gx), k * (radial * y_m - gy), k * (radial * z_m - gz)
