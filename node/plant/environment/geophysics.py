"""The Earth's magnetic field and upper atmosphere, as far as torquers, cosmic rays and drag need them.

Scalar kernels without state. Orbit, shadow and radiation belts may not live here.
"""

from __future__ import annotations

import math

from bus.constants import GEOMAGNETIC_RADIUS_M
from node.plant.kernel.kernel import kernel


@kernel
def density_kg_m3(altitude_m: float, solar_maximum: float) -> float:
    """Neutral density, 100 to 1500 km, log-linear in altitude between tabulated values; 0 ... 1 mixes minimum and
    maximum.

    Table: Larson and Wertz, Space Mission Analysis and Design, inside back cover (MSIS at F10.7 = 65.8 and 189);
    day-night and latitude variation are averaged out. Clamped at both ends.
    """
    # natural logarithms of 4.61e-7 ... 2.30e-16 and 5.10e-7 ... 1.22e-15 kg/m3, every 50 km
    low = (
        -14.58987, -20.22249, -22.44924, -24.11948, -25.52811, -26.78087, -27.94300, -29.02939, -30.04119, -30.94696,
        -31.71740, -32.32612, -32.79132, -33.15499, -33.45359, -33.71460, -33.95099, -34.17413, -34.38177, -34.54883,
        -34.73723, -34.92444, -35.11859, -35.30020, -35.45507, -35.58860, -35.70996, -35.84811, -36.00845,
    )  # fmt: skip
    high = (
        -14.48886, -20.01032, -21.76739, -22.96758, -23.95219, -24.82162, -25.60947, -26.34731, -27.04323, -27.70898,
        -28.34641, -28.96283, -29.54834, -30.11154, -30.75686, -31.13758, -31.58909, -31.99717, -32.35949, -32.65171,
        -32.90954, -33.15248, -33.37563, -33.58712, -33.75032, -33.89692, -34.06877, -34.20230, -34.33993,
    )  # fmt: skip
    place = min(27.999999, max(0.0, (altitude_m - 100e3) / 50e3))
    i = int(place)
    f = place - i
    bottom = low[i] * (1.0 - solar_maximum) + high[i] * solar_maximum
    top = low[i + 1] * (1.0 - solar_maximum) + high[i + 1] * solar_maximum
    return math.exp(bottom * (1.0 - f) + top * f)


@kernel
def dipole_shell(x_m: float, y_m: float, z_m: float) -> float:
    """McIlwain's L in a dipole field: r / (Re cos^2 lambda), Earth-fixed axes; at most 1000 (over a magnetic pole).

    Eccentric dipole, epoch 2025: axis and offset from the Gauss coefficients of IGRF-14 (Fraser-Smith 1987 gives the
    formula for the offset).
    """
    x = x_m / GEOMAGNETIC_RADIUS_M + 0.06223
    y = y_m / GEOMAGNETIC_RADIUS_M - 0.06152
    z = z_m / GEOMAGNETIC_RADIUS_M - 0.03670
    sine = x * 0.04743 - y * 0.15288 + z * 0.98711
    r2 = x * x + y * y + z * z
    across = r2 - sine * sine
    r = math.sqrt(r2)
    return min(1000.0, r * r2 / max(across, 1e-12))


@kernel
def dipole_field(x_m: float, y_m: float, z_m: float) -> tuple[float, float, float]:
    """Magnetic flux density (T) of the tilted centred dipole of IGRF-14, epoch 2025, Earth-fixed axes.

    Within about 20 % of the full field in low orbit (30 % over the South Atlantic): enough for torquers.
    """
    gx = -1410.3e-9
    gy = 4545.5e-9
    gz = -29350.0e-9
    r2 = x_m * x_m + y_m * y_m + z_m * z_m
    r = math.sqrt(r2)
    ratio = GEOMAGNETIC_RADIUS_M / r
    k = ratio * ratio * ratio
    radial = 3.0 * (gx * x_m + gy * y_m + gz * z_m) / r2
    return k * (radial * x_m - gx), k * (radial * y_m - gy), k * (radial * z_m - gz)
