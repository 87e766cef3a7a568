"""Angles for kernels: wrapping, and sine and cosine together.

`sincos` is cheaper than two calls of the C library, and its bits do not depend on which C library that is. No other
mathematics may live here.
"""

from __future__ import annotations

import math

from numba import njit


@njit(cache=True, error_model="numpy")
def wrap(angle_rad: float) -> float:
    """The same angle in [0, 2 pi)."""
    return angle_rad - 6.283185307179586 * math.floor(angle_rad / 6.283185307179586)


@njit(cache=True, error_model="numpy")
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
