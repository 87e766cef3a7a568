"""Readings held against each other: what no single limit shows. Rows of the FDIR table look at what comes of it.

A string against its neighbours, the loads against the currents of their limiters, the array against a Sun that is seen,
the wheels against what they should have in common, a reading against its own noise. Whose part it is, an event names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bus.constants import EARTH_MU_M3_S2
from bus.pus import Severity
from node.devices.device import Values
from node.devices.equipment import Vector
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.managers.attitude import AttitudeManager
from node.fsw.managers.battery_watch import BatteryWatch
from node.fsw.managers.chips import ChipWatch
from node.fsw.managers.heat import BEGUN_S, FAST_S, LIT, SLOW_S, HeatWatch
from node.fsw.managers.noise import NoiseWatch
from node.fsw.managers.payload import PayloadManager
from node.fsw.managers.recovery import Recovery
from node.fsw.managers.terminal_watch import TerminalWatch
from node.fsw.managers.thermal import ThermalManager
from node.fsw.modes import AttitudeMode
from node.fsw.rules import HOLD

LOOK_NS = 5 * 10**9
"""Between two looks [A]: what is looked for here lasts, or it does no harm."""
CONFIRMED = 3
"""[A] Looks in a row before a part is named."""
STRING_SHARE, STRING_A = 0.3, 0.12
"""[A] So far below the second best a string is weak: of it, and at least four biases of its sensor."""
DEAD_SHARE, DEAD_A = 0.3, 0.1
"""[A] Of the current of its load a closed limiter carries at least; loads that are smaller tell nothing."""
ARRAY_SHARE, SUN_SEEN, SUN_WITHIN_RAD = 0.1, 0.9, 0.5
"""[A] Of the loads an array that sees the Sun gives at least: what loses strings gives more, and sheds load."""
WHEEL_SHARE = 0.03
"""[A] Of a wheel's momentum, in the one combination of four that turns nothing."""
ORBIT_M = 500.0
"""[A] A position is where the last one and its velocity lead; second-order errors of five seconds are metres."""
LOWEST_M = 6.3e6
"""Below it there is no orbit, and no pull to reckon with: a receiver without a fix may say zero."""
RATE_RAD_S = 1e-3
"""[A] A body that faces the Sun turns once a year; a gyro is good to a hundredth of this."""
DEVICES = ("pcdu", "battery-monitor", "thermal-controller", "attitude", "accelerators", "jobs", "gnss", "isl")
DRIFT_DB, FADE_DB = 0.5, 5.0
"""[A] By which the carrier falls within a look as the ground moves away, and what is no more of it."""
RATES = ("body_rate_rad_s.x", "body_rate_rad_s.y", "body_rate_rad_s.z")
OFF, GONE = 0, 5
"""States of an accelerator group: it is off; above the other, failed or quarantined."""
CLOCK_SHARE, CLOCK_LOOKS = 1e-3, 12
"""[A] On-board time against the computer's timer: quartz is better by a factor of ten, over a minute."""


class Parts(NamedTuple):
    """Who looks with it."""

    battery: BatteryWatch
    heat: HeatWatch
    chips: ChipWatch
    noise: NoiseWatch
    terminals: TerminalWatch


WATCHERS: tuple[type[Component], ...] = (BatteryWatch, HeatWatch, ChipWatch, NoiseWatch, TerminalWatch)


def watchers(  # noqa: PLR0917
    on_board: OnBoard, layout: Layout, acquisition: Acquisition, thermal: ThermalManager, recovery: Recovery,
    payload: PayloadManager,
) -> Parts:  # fmt: skip
    """All of them."""
    return Parts(
        BatteryWatch(on_board, layout, recovery), HeatWatch(on_board, layout, thermal),
        ChipWatch(on_board, layout, payload), NoiseWatch(on_board, layout, acquisition),
        TerminalWatch(on_board, layout),
    )  # fmt: skip


@dataclass(slots=True)
class State:
    """What the last look found, and for each part how many looks in a row found it wrong (named at `CONFIRMED`)."""

    bus_unaccounted_w: float = telemetered("float", "Power of all loads beyond the limiters' currents", "W")
    array_missing: int = telemetered("bool", "The Sun is seen, and the array does not give what it should")
    strings_weak: int = telemetered("int", "Array strings below their neighbours")
    limiters_dead: int = telemetered("int", "Limiters that are closed and carry nothing")
    wheels_apart: int = telemetered("bool", "A wheel has not the momentum that the others leave to it")
    sun_offset_rad: float = telemetered("float", "Angle to the Sun while it is held to be faced", "rad")
    pointing_loosened_rad: float = telemetered("float", "Error of the attitude beyond what it was", "rad", default=0.0)
    gyros_apart: int = telemetered("int", "Gyros that show a turn while the Sun is held")
    total_momentum_n_m_s: float = telemetered("float", "Momentum of body and wheels together", "N.m.s", default=0.0)
    hosts_crashed: int = telemetered("int", "Work lost while no accelerator tells why")
    pump_lag_fraction: float = telemetered("float", "Speed of the coolant pump below its order", "1")
    coolant_missing_fraction: float = telemetered("float", "Flow of the coolant below what its pump's speed gives", "1")
    radio_unheard_s: float = telemetered("float", "Time in contact without a word from the ground", "s")
    uplink_fall_db: float = telemetered("float", "Fall of the ground's carrier within a look", "dB")
    orbit_inconsistent: int = telemetered("bool", "A position is not where the one before it leads")
    clock_drifts: int = telemetered("bool", "On-board time leaves the computer's timer")
    due_ns: list[int] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    heard: float = -1.0
    heard_ns: int = 0
    carrier: list[float] = field(default_factory=list)
    orbit: list[float] = field(default_factory=list)
    orbit_ns: int = 0
    clock: list[int] = field(default_factory=list)
    work: list[float] = field(default_factory=list)
    pointing: list[float] = field(default_factory=list)


class Watch(Component):
    """Every look once in `LOOK_NS`."""

    name = "watch"
    state: State

    STRING = Event(
        120, "string_weak", Severity.LOW, "An array string gives less than its neighbours",
        (Arg("string", "enum", "array string", labels=lambda words: words.equipment.strings),
         Arg("share", "float", "of the best", "1")),
    )  # fmt: skip
    LIMITER = Event(
        121, "limiter_dead", Severity.LOW, "A closed limiter carries nothing",
        (Arg("lcl", "enum", "current limiter", labels=lambda words: words.equipment.lcls),
         Arg("current_a", "float", "what it carries", "A")),
    )  # fmt: skip
    GYRO = Event(
        125, "gyro_apart", Severity.LOW, "A gyro shows a turn while the attitude stands",
        (Arg("rate", "enum", "the rate that it measures", labels=RATES),
         Arg("rate_rad_s", "float", "what it shows", "rad/s")),
    )  # fmt: skip

    def __init__(  # noqa: PLR0917
        self, on_board: OnBoard, layout: Layout, acquisition: Acquisition, thermal: ThermalManager,
        attitude: AttitudeManager, parts: Parts,
    ) -> None:  # fmt: skip
        super().__init__(on_board, State())
        self.parts = parts
        equipment, index = on_board.equipment, layout.index
        self._stale = acquisition.stale
        self._devices = {name: acquisition.number(name) for name in DEVICES if acquisition.has(name)}
        self._thermal, self._attitude = thermal, attitude

        def places(names: Iterable[str]) -> Values:
            return np.array([index[name] for name in names], dtype=np.intp)

        self._strings = layout.parts("string_current_a")
        panels = np.array(equipment.string_panels or (0,) * len(self._strings))
        self._panels = [np.flatnonzero(panels == panel) for panel in range(int(panels.max(initial=0)) + 1)]
        self._currents, self._states = layout.parts("lcl_current_a"), layout.parts("lcl_state")
        self._least_w = np.array(equipment.lcl_loads_w or (0.0,) * len(equipment.lcls))
        self._wheels = layout.parts("wheel_momentum_n_m_s")
        self._null = _null_space(equipment.body.wheel_axes)
        self._axes = np.array(equipment.body.wheel_axes).reshape(-1, 3)
        self._inertia = np.array(equipment.body.inertia_kg_m2)
        self._lost, self._xids = index["job_lost_total_s"], layout.parts("accelerator_xid_count")
        self._pointing = index["pointing_error_rad"]
        self._groups = layout.parts("accelerator_state")
        self._rates = layout.parts("body_rate_rad_s")
        self._apart = WHEEL_SHARE * equipment.body.wheel_momentum_n_m_s
        self._orbit = places(
            f"gnss_{what}.{axis}" for what in ("position_teme_m", "velocity_teme_m_s") for axis in "xyz"
        )
        one = ("load_power_w", "array_power_w", "main_bus_voltage_v", "sun_intensity", "sun_error_rad",
               "pump_speed_fraction", "coolant_flow_kg_s", "radio_contact", "radio_uplink_received")  # fmt: skip
        self._carrier = places(("radio_contact", "radio_downlink_budget_bytes", "radio_uplink_cn0_dbhz")).tolist()
        (self._load, self._array, self._bus, self._sun, self._sun_error, self._speed, self._flow, self._contact,
         self._uplink) = (index[name] for name in one)  # fmt: skip
        self._looks: tuple[Callable[[Values, int], None], ...] = (
            self._look_at_power_and_chips, self._look_at_battery_and_wheels, self._look_at_loop_and_heat,
            self._look_at_links_and_clock, self._look_at_orbit_and_noise,
        )  # fmt: skip

    def cycle(self) -> None:
        """The looks whose time has come. They come one after the other over `LOOK_NS`, so that no cycle has all of
        them to do, and a thousand spacecraft of one age not all in the same one."""
        due_ns, now_ns = self.state.due_ns, self.on_board.time_ns
        if not due_ns:
            due_ns += [now_ns + place * LOOK_NS // len(self._looks) for place in range(len(self._looks))]
        for place, look in enumerate(self._looks):
            if now_ns >= due_ns[place]:
                due_ns[place] = max(due_ns[place] + LOOK_NS, now_ns)
                look(self.on_board.state.pool, now_ns)

    def _slow(self, now_ns: int) -> bool:
        """Every other look: what goes on for minutes."""
        return now_ns // LOOK_NS % 2 == 0 or self.on_board.cycle_ns > LOOK_NS

    def _fresh(self, *devices: str) -> bool:
        """Whether a design has these devices, and none is stale."""
        return not any(self._stale(self._devices[name]) if name in self._devices else True for name in devices)

    def _look_at_power_and_chips(self, pool: Values, now_ns: int) -> None:
        if self._fresh("pcdu"):
            self._look_at_power(pool)
        if self._slow(now_ns) and self._fresh("accelerators", "thermal-controller"):
            self.parts.chips.look(pool)

    def _look_at_battery_and_wheels(self, pool: Values, now_ns: int) -> None:
        if self._slow(now_ns) and self._fresh("battery-monitor"):
            self.parts.battery.look(pool)
        if self._fresh("attitude"):
            self._look_at_wheels(pool)
            self._look_at_pointing(pool)

    def _look_at_loop_and_heat(self, pool: Values, now_ns: int) -> None:
        """Heat only where all that it comes from is known, and light from outside does not change by a turn."""
        if self.on_board.equipment.coolant_hot_k > 0.0 and self._fresh("thermal-controller"):
            self._look_at_coolant(pool)
        if not self._slow(now_ns):
            return
        turns = self._attitude.state.attitude_phase != HOLD
        if turns or not self._fresh("thermal-controller", "pcdu", "accelerators", "attitude"):
            self.parts.heat.begin()
        else:
            self.parts.heat.look(pool)

    def _look_at_links_and_clock(self, pool: Values, now_ns: int) -> None:
        self._look_at_radio(pool, now_ns)
        self._look_at_clock(now_ns)
        if self._fresh("isl"):
            self.parts.terminals.look(pool)
        if self._fresh("accelerators", "jobs"):
            self._look_at_hosts(pool)

    def _look_at_orbit_and_noise(self, pool: Values, now_ns: int) -> None:
        if self._fresh("gnss"):
            self._look_at_orbit(pool, now_ns)
        self.parts.noise.look(pool)

    def _judge(self, what: str, wrong: NDArray[np.bool_], event: Event, values: Values) -> int:
        """How many parts are wrong by now; each is named once, and again only when it was well in between."""
        if not (self.state.wrong or wrong.any()):
            return 0
        count = 0
        for part in range(len(wrong)):
            key = f"{what}.{part}"
            looks = self.state.wrong.get(key, 0) + 1 if wrong[part] else 0
            if looks:
                self.state.wrong[key] = min(looks, CONFIRMED + 1)
            else:
                self.state.wrong.pop(key, None)
            if looks == CONFIRMED:
                self.event(event, part, float(values[part]))
            count += looks >= CONFIRMED
        return count

    def _look_at_power(self, pool: Values) -> None:
        state = self.state
        currents, volts, load_w = pool[self._currents], pool.item(self._bus), pool.item(self._load)
        state.bus_unaccounted_w = load_w - volts * float(currents.sum())
        strings = pool[self._strings]
        well = strings.copy()
        for panel in self._panels:
            well[panel] = np.sort(strings[panel])[-2:].min()
        low = well - strings > np.maximum(STRING_SHARE * well, STRING_A)
        state.strings_weak = self._judge("string", low, self.STRING, strings / np.maximum(well, STRING_A))
        closed = (pool[self._states] == 1.0) & (self._least_w / max(volts, 1.0) > DEAD_A)
        dead = closed & (currents < DEAD_SHARE * self._least_w / max(volts, 1.0))
        state.limiters_dead = self._judge("limiter", dead, self.LIMITER, currents)
        looks = pool.item(self._sun) > SUN_SEEN and pool.item(self._sun_error) < SUN_WITHIN_RAD
        state.array_missing = int(looks and pool.item(self._array) < ARRAY_SHARE * load_w)

    def _look_at_wheels(self, pool: Values) -> None:
        if self._null is not None:
            self.state.wheels_apart = int(abs(float(self._null @ pool[self._wheels])) > self._apart)
        held, state = self._attitude.state, self.state
        faces = held.attitude_phase == HOLD and held.attitude_mode == AttitudeMode.SUN
        state.sun_offset_rad = pool.item(self._sun_error) if faces else 0.0
        rates = pool[self._rates]
        momentum = self._inertia * rates + pool[self._wheels][: len(self._axes)] @ self._axes
        state.total_momentum_n_m_s = math.sqrt(float(momentum @ momentum))
        turning = np.abs(rates) > RATE_RAD_S if faces else np.zeros(len(rates), dtype=bool)
        state.gyros_apart = self._judge("gyro", turning, self.GYRO, rates)

    def _look_at_pointing(self, pool: Values) -> None:
        """The error that a held attitude settles at now against what it was: four wheels hide each other's death, but
        for that. A change of the light, and torquers at work, are another torque."""
        state, held, lit = self.state, self._attitude.state, pool.item(self._sun)
        error_rad = pool.item(self._pointing)
        other = held.attitude_phase != HOLD or held.wheels_unload
        if other or not state.pointing or abs(lit - state.pointing[3]) > LIT:
            state.pointing, state.pointing_loosened_rad = [error_rad, error_rad, 0.0, lit], 0.0
            return
        fast_rad, slow_rad, held_s, _ = state.pointing
        look_s = max(LOOK_NS, self.on_board.cycle_ns) / 1e9
        held_s += look_s
        fast_rad += (error_rad - fast_rad) * min(1.0, look_s / min(FAST_S, held_s))
        slow_rad += (error_rad - slow_rad) * min(1.0, look_s / min(SLOW_S, held_s))
        state.pointing = [fast_rad, slow_rad, held_s, lit]
        state.pointing_loosened_rad = fast_rad - slow_rad if held_s > BEGUN_S else 0.0

    def _look_at_coolant(self, pool: Values) -> None:
        state, speed = self.state, pool.item(self._speed)
        state.pump_lag_fraction = self._thermal.state.pump_ordered - speed
        rated = self.on_board.equipment.coolant_flow_kg_s
        state.coolant_missing_fraction = 1.0 - pool.item(self._flow) / (rated * speed) if speed > 0.3 else 0.0

    def _look_at_hosts(self, pool: Values) -> None:
        """Work that is lost while every group is as it was, and counts no error, was lost by its host."""
        state = self.state
        groups = pool[self._groups]
        gone = ((groups == OFF) | (groups > GONE)).astype(np.float64)
        now = [pool.item(self._lost), *pool[self._xids].tolist(), *gone.tolist()]
        if state.work and now[0] > state.work[0] and now[1:] == state.work[1:]:
            state.hosts_crashed += 1
        state.work = now

    def _look_at_orbit(self, pool: Values, now_ns: int) -> None:
        state, orbit = self.state, pool[self._orbit]
        step_s = (now_ns - state.orbit_ns) / 1e9
        if state.orbit and 0.0 < step_s < 2.5 * LOOK_NS / 1e9:
            last = np.array(state.orbit)
            here, speed = last[:3], last[3:]
            pull = -EARTH_MU_M3_S2 * here / max(LOWEST_M**2, float(here @ here)) ** 1.5
            away = orbit[:3] - (here + speed * step_s + 0.5 * pull * step_s**2)
            state.orbit_inconsistent = int(float(away @ away) > ORBIT_M**2)
        state.orbit, state.orbit_ns = orbit.tolist(), now_ns

    def _look_at_radio(self, pool: Values, now_ns: int) -> None:
        state, heard = self.state, pool.item(self._uplink)
        if not pool.item(self._contact) or heard != state.heard:
            state.heard_ns = now_ns
        state.heard, state.radio_unheard_s = heard, (now_ns - state.heard_ns) / 1e9
        carrier = [pool.item(place) for place in self._carrier]
        contact, budget_bytes, level_db = carrier
        same = bool(state.carrier) and bool(contact) and state.carrier[:2] == [contact, budget_bytes]
        if not same:
            state.carrier, state.uplink_fall_db = carrier, 0.0
            return
        state.uplink_fall_db = max(0.0, state.carrier[2] - level_db)
        state.carrier[2] += min(max(level_db - state.carrier[2], -DRIFT_DB), FADE_DB)

    def _look_at_clock(self, now_ns: int) -> None:
        state, obt_ns = self.state, self.on_board.state.obt_ns
        if not state.clock:
            state.clock = [now_ns, obt_ns]
        passed_ns = now_ns - state.clock[0]
        if passed_ns >= CLOCK_LOOKS * LOOK_NS:
            state.clock_drifts = int(abs(obt_ns - state.clock[1] - passed_ns) > CLOCK_SHARE * passed_ns)
            state.clock = [now_ns, obt_ns]


def _null_space(axes: tuple[Vector, ...]) -> Values | None:
    """The combination of four wheels that turns nothing, of length 1; None for fewer. By Cramer's rule."""
    if len(axes) != 4:
        return None
    others = [[axes[k] for k in range(4) if k != left] for left in range(4)]
    found = np.array([(-1.0) ** left * _volume(*three) for left, three in enumerate(others)])
    return found / float(np.sqrt(found @ found))


def _volume(a: Vector, b: Vector, c: Vector) -> float:
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
