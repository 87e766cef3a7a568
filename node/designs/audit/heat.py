"""The steady state of a design's thermal network at a constant load, averaged over an orbit. For audits only.

The same figures as the plant's, but no time: Newton's method on the heat balances of all thermal nodes and of the
coolant. Light is that of one day, averaged over the orbit. numba is imported only when asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bus.constants import EARTH_RADIUS_M, STEFAN_BOLTZMANN_W_M2_K4
from node.designs.audit.orbit import Circle, Day, body_nadirs, turned
from node.designs.load import Design
from node.designs.network import SPACE_K

Vector = NDArray[np.float64]
EARTH_IR_W_M2 = 237.0  # orbit average, ECSS-E-ST-10-04C
ALBEDO = 0.30  # orbit average, ECSS-E-ST-10-04C


@dataclass(frozen=True, slots=True)
class Steady:
    """Temperatures of thermal nodes by name, of the coolant, and the heat in each heat pipe over its limit."""

    temperature_k: dict[str, float]
    supply_k: float
    pipe_load: float


def plate_temperature_k(heat_w: float, area_m2: float, emissivity: float, faces: int, absorbed_w_m2: float) -> float:
    """Mean temperature of a plate that radiates from `faces` faces of `area_m2`: eps sigma T^4 n A = Q + q A."""
    return float(
        ((heat_w / area_m2 + absorbed_w_m2) / (faces * emissivity * STEFAN_BOLTZMANN_W_M2_K4) + SPACE_K**4) ** 0.25
    )


def absorbed_w(design: Design, orbit: Circle, day: Day, *, sunlit: bool) -> Vector:
    """Light and heat that each face takes up, orbit average (`sunlit`: as if there were no eclipse)."""
    from node.plant.environment.environment import view_factor  # noqa: PLC0415 - numba

    form = design.form
    ratio = EARTH_RADIUS_M / orbit.radius_m
    share = 1.0 if sunlit else 1.0 - day.eclipse_s / orbit.period_s
    sun_axis = form.attitude.sun_axis
    nadirs = [
        (turned(direction, sun_axis, form.attitude.sun_second_axis), light)
        for direction, light in body_nadirs(day.beta_rad)
    ]
    heats = np.zeros(len(form.faces))
    for index, face in enumerate(form.faces):
        cosine = sum(a * b for a, b in zip(face.normal, sun_axis, strict=True))
        heat = face.absorptivity * day.sunlight_w_m2 * max(0.0, cosine) * share
        epsilon = face.emissivity * (face.fin_efficiency or 1.0)
        for direction, light in nadirs:
            down = sum(a * b for a, b in zip(face.normal, direction, strict=True))
            view = view_factor.py_func(down, ratio) / len(nadirs)
            heat += epsilon * EARTH_IR_W_M2 * view
            heat += face.absorptivity * day.sunlight_w_m2 * ALBEDO * max(0.0, light) * view
        heats[index] = heat * face.area
    return heats


def steady(design: Design, node_heat_w: dict[str, float], face_heat_w: Vector) -> Steady:
    """The balance of every thermal node and of the coolant at these heats."""
    form = design.form
    names = list(form.nodes)
    place = {name: i for i, name in enumerate(names)}
    n = len(names)
    heat = np.zeros(n)
    for name, watts in node_heat_w.items():
        heat[place[name]] += watts
    emit = np.zeros(n)
    for face, watts in zip(form.faces, face_heat_w, strict=True):
        heat[place[face.node]] += watts
        emit[place[face.node]] += face.area * face.emissivity * (face.fin_efficiency or 1.0) * STEFAN_BOLTZMANN_W_M2_K4
    linear, quartic = np.zeros((n, n)), np.zeros((n, n))
    for conductor in form.conductors:
        a, b = (place[name] for name in conductor.between)
        table = linear if conductor.gr is None else quartic
        value = conductor.gl or conductor.heat_pipe or (conductor.gr or 0.0) * STEFAN_BOLTZMANN_W_M2_K4
        for i, j in ((a, b), (b, a)):
            table[i, i] += value
            table[i, j] -= value
    whole, source = _with_coolant(design, place, linear)
    size = len(whole)
    kelvin = np.full(size, 300.0)
    for _ in range(60):
        t = kelvin[:n]
        residual = whole @ kelvin - source
        residual[:n] += quartic @ t**4 + emit * (t**4 - SPACE_K**4) - heat
        slope = whole.copy()
        slope[:n, :n] += quartic * (4.0 * t**3) + np.diag(emit * 4.0 * t**3)
        change = np.linalg.solve(slope, -residual)
        kelvin += np.clip(change, -60.0, 60.0)
        if float(np.abs(change).max()) < 1e-6:
            break
    temperatures = {name: float(kelvin[i]) for i, name in enumerate(names)}
    supply = float(kelvin[n]) if size > n else 0.0
    if form.loop is not None and supply < form.loop.set_point:  # the valve or the accumulator holds the set point
        for exchanger in form.loop.plates:
            temperatures[exchanger.node] += form.loop.set_point - supply
        supply = form.loop.set_point
    pipes = [
        abs(temperatures[c.between[0]] - temperatures[c.between[1]]) * c.heat_pipe / c.heat_pipe_limit
        for c in form.conductors
        if c.heat_pipe is not None and c.heat_pipe_limit
    ]
    return Steady(temperatures, supply, max(pipes, default=0.0))


def _with_coolant(design: Design, place: dict[str, int], linear: Vector) -> tuple[Vector, Vector]:
    """The linear part with the coolant's unknowns: supply and return temperature, or the saturation temperature."""
    loop, n = design.form.loop, len(place)
    if loop is None:
        return linear, np.zeros(n)
    extra = 2 if loop.kind == "single_phase" else 1
    whole = np.zeros((n + extra, n + extra))
    whole[:n, :n] = linear
    supply, back = n, n + extra - 1
    rate = loop.flow * loop.fluid_heat
    for index, exchanger in enumerate((*loop.plates, *loop.radiators)):
        node = place[exchanger.node]
        coolant = supply if index < len(loop.plates) else back
        value = exchanger.conductance
        if loop.kind == "single_phase":
            through = rate * exchanger.share
            value = through * (1.0 - float(np.exp(-value / through))) if through > 0.0 else 0.0
        whole[node, node] += value
        whole[node, coolant] -= value
        row = back if index < len(loop.plates) else supply  # the leg that this exchanger warms or cools
        whole[row, node] -= value
        whole[row, coolant] += value
    if loop.kind == "single_phase":
        for row, coming in ((back, supply), (supply, back)):
            whole[row, row] += rate
            whole[row, coming] -= rate
    return whole, np.zeros(n + extra)
