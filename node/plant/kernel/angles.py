"""Angles for kernels: wrapping, sine and cosine together, the angle of two components.

Cheaper than calls of the C library, and their bits do not depend on which C library that is. No other mathematics may
live here.
"""

from __future__ import annotations

import math

from node.plant.kernel.kernel import kernel


@kernel
def wrap(angle_rad: float) -> float:
    """The same angle in [0, 2 pi)."""
    return max(0.0, angle_rad - 6.283185307179586 * math.floor(angle_rad / 6.283185307179586))  # -5e-324 rounds to -0


@kernel
def sincos(angle_rad: float) -> tuple[float, float]:
    """Sine and cosine, within 2e-16 of the truth for angles up to 1e5 rad (a NaN gives NaN).

    Reduction to a quarter turn in three parts (Cody and Waite 1980), then the polynomials of fdlibm's __kernel_sin and
    __kernel_cos (Sun Microsystems 1993, free to use).
    """
    quarter = math.floor(angle_rad * 0.6366197723675814 + 0.5)
    x = angle_rad - quarter * 1.57079632673412561417e00
    x -= quarter * 6.07710050630396597660e-11
    x -= quarter * 2.02226624879595063154e-21
    z = x * x
    sine = x + x * z * (
        -1.66666666666666324348e-01
        + z
        * (
            8.33333333332248946124e-03
            + z
            * (
                -1.98412698298579493134e-04
                + z * (2.75573137070700676789e-06 + z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10))
            )
        )
    )
    cosine = (1.0 - 0.5 * z) + z * z * (
        4.16666666666666019037e-02
        + z
        * (
            -1.38888888888741095749e-03
            + z
            * (
                2.48015872894767294178e-05
                + z * (-2.75573143513906633035e-07 + z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11))
            )
        )
    )
    turn = int(quarter) & 3
    if turn == 0:
        return sine, cosine
    if turn == 1:
        return cosine, -sine
    if turn == 2:
        return -sine, -cosine
    return -cosine, sine


@kernel
def arctan2(y: float, x: float) -> float:
    """The angle of (x, y) in [-pi, pi], within 5e-16 of the truth; 0 for the origin.

    The smaller component over the larger, reduced about 1/2 and 1, then fdlibm's polynomial (Sun Microsystems 1993).
    """
    ax = abs(x)
    ay = abs(y)
    small = min(ax, ay)
    large = max(ax, ay)
    if large == 0.0:
        return 0.0
    base = 0.0
    if small > 0.6875 * large:
        base = 0.7853981633974483
        t = (small - large) / (small + large)
    elif small > 0.4375 * large:
        base = 0.4636476090008061
        t = (2.0 * small - large) / (2.0 * large + small)
    else:
        t = small / large
    z = t * t
    w = z * z
    even = z * (
        3.33333333333329318027e-01
        + w
        * (
            1.42857142725034663711e-01
            + w
            * (
                9.09088713343650656196e-02
                + w * (6.66107313738753120669e-02 + w * (4.97687799461593236017e-02 + w * 1.62858201153657823623e-02))
            )
        )
    )
    odd = w * (
        -1.99999999998764832476e-01
        + w
        * (
            -1.11111104054623557880e-01
            + w * (-7.69187620504482999495e-02 + w * (-5.83357013379057348645e-02 + w * -3.65315727442169155270e-02))
        )
    )
    angle = base + (t - t * (even + odd))
    if ay > ax:
        angle = 1.5707963267948966 - angle
    if x < 0.0:
        angle = 3.141592653589793 - angle
    return -angle if y < 0.0 else angle
