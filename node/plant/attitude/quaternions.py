"""Vectors, axes and quaternions for kernels: scalars in, tuples of scalars out.

Quaternions are scalar last; R(a b) = R(a) R(b). Nothing that knows a record may live here.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

from node.plant.kernel.kernel import kernel


@kernel
def cross(ax: float, ay: float, az: float, bx: float, by: float, bz: float) -> tuple[float, float, float]:
    """Vector product."""
    return ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx


@kernel
def triad(
    ax: float, ay: float, az: float, bx: float, by: float, bz: float
) -> tuple[float, float, float, float, float, float, float, float, float]:
    """Right-handed axes: the first along a, the second in the half-plane of b. Parallel a and b: any second axis."""
    n = 1.0 / math.sqrt(ax * ax + ay * ay + az * az)
    ax *= n
    ay *= n
    az *= n
    cx, cy, cz = cross(ax, ay, az, bx, by, bz)
    c = math.sqrt(cx * cx + cy * cy + cz * cz)
    if c < 1e-9 * math.sqrt(bx * bx + by * by + bz * bz):
        if abs(ax) < 0.9:
            cx, cy, cz = cross(ax, ay, az, 1.0, 0.0, 0.0)
        else:
            cx, cy, cz = cross(ax, ay, az, 0.0, 1.0, 0.0)
        c = math.sqrt(cx * cx + cy * cy + cz * cz)
    cx /= c
    cy /= c
    cz /= c
    bx, by, bz = cross(cx, cy, cz, ax, ay, az)
    return ax, ay, az, bx, by, bz, cx, cy, cz


@kernel
def quaternion_of(
    m00: float, m01: float, m02: float, m10: float, m11: float, m12: float, m20: float, m21: float, m22: float
) -> tuple[float, float, float, float]:
    """Scalar-last unit quaternion of a rotation matrix, by the largest of its components (Shepperd 1978)."""
    trace = m00 + m11 + m22
    if trace > 0.0:
        k = math.sqrt(trace + 1.0)
        w = 0.5 * k
        k = 0.5 / k
        return (m21 - m12) * k, (m02 - m20) * k, (m10 - m01) * k, w
    if m00 >= m11 and m00 >= m22:
        k = math.sqrt(max(1e-300, 1.0 + m00 - m11 - m22))
        x = 0.5 * k
        k = 0.5 / k
        return x, (m10 + m01) * k, (m02 + m20) * k, (m21 - m12) * k
    if m11 >= m22:
        k = math.sqrt(max(1e-300, 1.0 + m11 - m00 - m22))
        y = 0.5 * k
        k = 0.5 / k
        return (m10 + m01) * k, y, (m21 + m12) * k, (m02 - m20) * k
    k = math.sqrt(max(1e-300, 1.0 + m22 - m00 - m11))
    z = 0.5 * k
    k = 0.5 / k
    return (m02 + m20) * k, (m21 + m12) * k, z, (m10 - m01) * k


@kernel
def product(
    ax: float, ay: float, az: float, aw: float, bx: float, by: float, bz: float, bw: float
) -> tuple[float, float, float, float]:
    """Quaternion product: R(a b) = R(a) R(b)."""
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )
