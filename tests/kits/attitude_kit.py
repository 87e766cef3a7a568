"""The attitude manager on the plant's attitude, nothing else: days of tumbling in seconds.

The manager flies at a cycle of its own and sees readings as the attitude unit makes them; orbit, field, wheels and
torquers are the plant's kernels.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from node.assembly import equipment
from node.designs.load import load_design
from node.designs.setup import attitude_figures
from node.devices.definitions import device_forms
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.component import OnBoard
from node.fsw.managers.attitude import PHASES, AttitudeManager
from node.fsw.modes import AttitudeMode
from node.fsw.software import declarations, on_board_parameters
from node.plant.attitude.setup import OWN_LAW
from node.plant.orbit.setup import Elements
from tests.kits.flight_records import craft, fly

EARTH_M = 6378137.0
LOW_INCLINATION = {"pathfinder": (340e3, 45.0), "lowinc": (600e3, 30.0)}
"""Designs whose reference orbit is no dawn-dusk one: altitude, inclination in degrees."""
RATE_NOISE, ANGLE_NOISE, WHEEL_NOISE = 1e-5, 5e-5, 1e-3
"""As the attitude unit's form declares."""


class Told:
    """Takes event reports."""

    def __init__(self) -> None:
        self.events: list[tuple[str, tuple[float, ...], int]] = []

    def report(self, event: Any, arguments: tuple[float, ...], severity: int) -> None:
        self.events.append((event.name, arguments, int(severity)))


class Steered:
    """A body in orbit, and the manager that steers it. Attitude and rate are random unless set."""

    def __init__(self, design: str, seed: int = 1, rate_rad_s: float = 0.0, cycle_s: int = 1) -> None:
        self.rng = np.random.default_rng(seed)
        self.form = load_design(design).form.attitude
        parts: Equipment = equipment(load_design(design))
        self.layout = declarations(parts, device_forms(parts))[0]
        self.nvm, self.told, self.cycle_s = NonVolatileMemory(), Told(), cycle_s
        self._parts = parts
        elements = None
        anomaly = float(self.rng.uniform(0.0, 2.0 * math.pi))
        if design in LOW_INCLINATION:
            altitude_m, degrees = LOW_INCLINATION[design]
            raan = float(self.rng.uniform(0.0, 2.0 * math.pi))
            elements = Elements(EARTH_M + altitude_m, 0.0, math.radians(degrees), raan, 0.0, anomaly)
        self.craft = craft(elements, figures=attitude_figures(load_design(design)))
        fly(self.craft, 1, models=1)
        self.craft.u["attitude_control"] = OWN_LAW
        quaternion, spin = self.rng.normal(size=4), self.rng.normal(size=3)
        self.craft.s["quaternion_body_from_teme"] = quaternion / np.linalg.norm(quaternion)
        self.craft.s["body_rate_rad_s"] = spin / np.linalg.norm(spin) * rate_rad_s
        self.second = 1
        self.boot()

    def boot(self) -> None:
        """Start, or start again with what non-volatile memory holds."""
        self.board = OnBoard(self._parts, self.cycle_s * 10**9, self.nvm, on_board_parameters(), self.layout.size)
        self.board.events = self.told
        self.manager = AttitudeManager(self.board, self.layout, AttitudeMode.SUN)
        self.manager.start()
        self._obey()

    def _obey(self) -> None:
        for order in self.board.state.orders:
            field = {"mode": "attitude_mode", "control": "attitude_control", "unload": "momentum_unload"}.get(
                order.what
            )
            if field is None:
                self.craft.u["wheel_enable"][order.element] = order.value
            else:
                self.craft.u[field] = order.value
        self.board.state.orders.clear()

    def _measure(self) -> None:
        s, pool, place, noise = self.craft.s, self.board.state.pool, self.layout.index, self.rng.normal
        for name in ("sun_error_rad", "pointing_error_rad"):
            pool[place[name]] = float(s[name]) + noise() * ANGLE_NOISE
        for i, axis in enumerate("xyz"):
            pool[place[f"body_rate_rad_s.{axis}"]] = float(s["body_rate_rad_s"][i]) + noise() * RATE_NOISE
        for i in range(4):
            pool[place[f"wheel_momentum_n_m_s.{i}"]] = float(s["wheel_momentum_n_m_s"][i]) + noise() * WHEEL_NOISE

    def step(self) -> None:
        """One cycle."""
        fly(self.craft, self.cycle_s, first=self.second, models=1)
        self.second += self.cycle_s
        self._measure()
        self.board.state.cycle += 1
        self.manager.cycle()
        self._obey()

    def fly(self, span_s: float) -> None:
        for _ in range(math.ceil(span_s / self.cycle_s)):
            self.step()

    def until(self, phase: str, limit_s: float) -> float:
        """Seconds until the phase is reached; infinite where it is not within the limit."""
        begin = self.second
        while PHASES[self.manager.state.attitude_phase] != phase:
            if self.second - begin > limit_s:
                return math.inf
            self.step()
        return float(self.second - begin)

    @property
    def phase(self) -> str:
        return PHASES[self.manager.state.attitude_phase]

    def phases(self) -> list[str]:
        """Those that were entered, in order."""
        return [PHASES[int(arguments[1])] for name, arguments, _ in self.told.events if name == "attitude_phase"]
