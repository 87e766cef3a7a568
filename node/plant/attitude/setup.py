"""From plain figures to the attitude's parameters and a first attitude. Runs once per spacecraft, never in a tick."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from node.plant.kernel.fields import Record

Vector = tuple[float, float, float]

IDEAL, OWN_LAW, DIRECT, DAMP = range(4)
"""u.attitude_control: kinematic; the attitude unit's own law on real wheels; wheels and torquers as ordered; torquers
against all momentum there is, while the wheels run out."""
_PYRAMID = 1.0 / math.sqrt(3.0)


@dataclass(frozen=True, slots=True)
class AttitudeFigures:
    """Axes and actuators of a design. Defaults are our assumptions for a craft of half a tonne (a 0.2 N m wheel is
    the class of a Rockwell Collins RSI 12 or Bradford W18), scaled by `for_mass` for others.
    """

    sun_axis: Vector = (0.0, 0.0, 1.0)
    sun_second_axis: Vector = (0.0, 1.0, 0.0)
    nadir_axis: Vector = (0.0, 0.0, 1.0)
    nadir_second_axis: Vector = (1.0, 0.0, 0.0)
    slew_rate_rad_s: float = math.radians(0.5)
    safe_spin_rate_rad_s: float = math.radians(0.5)
    bandwidth_rad_s: float = 0.05
    inertia_kg_m2: Vector = (1500.0, 800.0, 2000.0)
    wheel_axes: Sequence[Vector] = (
        (_PYRAMID, _PYRAMID, _PYRAMID),
        (-_PYRAMID, _PYRAMID, _PYRAMID),
        (_PYRAMID, -_PYRAMID, _PYRAMID),
        (-_PYRAMID, -_PYRAMID, _PYRAMID),
    )
    wheel_torque_n_m: float = 0.2
    wheel_momentum_n_m_s: float = 20.0
    wheel_viscous_per_s: float = 2e-5
    wheel_coulomb_n_m: float = 2e-3
    torquer_a_m2: float = 100.0
    pressure_centre_m: Vector = (0.05, 0.02, 0.0)
    drag_area_m2: float = 2.2 * 10.0
    sun_area_m2: float = 1.3 * 100.0


def for_mass(mass_kg: float, area_m2: float) -> AttitudeFigures:
    """Figures scaled from the half-tonne default: inertia as mass x area, actuators with the inertia (assumption)."""
    base = AttitudeFigures()
    scale = max(1e-4, mass_kg * area_m2 / (575.0 * 105.0))
    return AttitudeFigures(
        inertia_kg_m2=(base.inertia_kg_m2[0] * scale, base.inertia_kg_m2[1] * scale, base.inertia_kg_m2[2] * scale),
        wheel_torque_n_m=base.wheel_torque_n_m * scale,
        wheel_momentum_n_m_s=base.wheel_momentum_n_m_s * scale,
        wheel_coulomb_n_m=base.wheel_coulomb_n_m * scale,
        torquer_a_m2=base.torquer_a_m2 * scale,
        drag_area_m2=2.2 * 0.1 * area_m2,
        sun_area_m2=1.3 * area_m2,
    )


def fill_attitude(s: Record, p: Record, u: Record, figures: AttitudeFigures) -> None:
    """Parameters, nominal health, identity attitude, ideal sun pointing. Raises ValueError for an impossible design."""
    if len(figures.wheel_axes) > 4:
        raise ValueError("at most four wheels")
    if min(figures.inertia_kg_m2) <= 0.0 or figures.slew_rate_rad_s <= 0.0:
        raise ValueError("inertia and slew rate must be above zero")
    for name in ("sun", "nadir"):
        first: Vector = getattr(figures, f"{name}_axis")
        second: Vector = getattr(figures, f"{name}_second_axis")
        unit, other = _unit(first, f"{name}_axis"), _unit(second, f"{name}_second_axis")
        if abs(sum(a * b for a, b in zip(unit, other, strict=True))) > 0.999:
            raise ValueError(f"{name}_axis and {name}_second_axis are parallel")
        third = _unit(tuple(np.cross(unit, other)), f"{name}_axis")  # as `quaternions.triad`, for axes not parallel
        p[f"{name}_frame_body"] = (*unit, *np.cross(third, unit), *third)
    p["sun_axis_body"] = _unit(figures.sun_axis, "sun_axis")
    p["slew_rate_rad_s"] = figures.slew_rate_rad_s
    p["safe_spin_rate_rad_s"] = figures.safe_spin_rate_rad_s
    p["attitude_bandwidth_rad_s"] = figures.bandwidth_rad_s
    p["inertia_kg_m2"] = figures.inertia_kg_m2
    p["wheel_count"] = len(figures.wheel_axes)
    for i, axis in enumerate(figures.wheel_axes):
        p["wheel_axis_body"][3 * i : 3 * i + 3] = _unit(axis, "wheel axis")
    p["wheel_torque_limit_n_m"] = figures.wheel_torque_n_m
    p["wheel_momentum_limit_n_m_s"] = figures.wheel_momentum_n_m_s
    p["wheel_viscous_per_s"] = figures.wheel_viscous_per_s
    p["wheel_coulomb_n_m"] = figures.wheel_coulomb_n_m
    p["torquer_limit_a_m2"] = figures.torquer_a_m2
    p["pressure_centre_m"] = figures.pressure_centre_m
    p["drag_area_m2"] = figures.drag_area_m2
    p["sun_area_m2"] = figures.sun_area_m2
    s["quaternion_body_from_teme"] = (0.0, 0.0, 0.0, 1.0)
    s["wheel_health"] = 1.0
    s["wheel_friction_factor"] = 1.0
    s["torquer_health"] = 1.0
    u["wheel_enable"] = 1
    u["momentum_unload"] = 1


def _unit(vector: Vector, name: str) -> Vector:
    length = math.sqrt(sum(x * x for x in vector))
    if not 1e-9 < length < 1e9:
        raise ValueError(f"{name} needs a direction")
    return vector[0] / length, vector[1] / length, vector[2] / length
