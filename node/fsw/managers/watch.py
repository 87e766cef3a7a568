"""Readings held against each other: what no single limit shows. Rows of the FDIR table look at what comes of it.

A string against its neighbours, the loads against the currents of their limiters, the array against a Sun that is seen,
the wheels against what they should have in common, a reading against its own noise. Whose part it is, an event names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from bus.constants import EARTH_MU_M3_S2
from bus.pus import Severity
from node.devices.device import Values
from node.devices.equipment import Vector
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.managers.attitude import AttitudeManager
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
GROUP_APART = 0.03
"""[A] Charge of a battery group away from the others' mean: ten biases of the gauge."""
WHEEL_SHARE = 0.03
"""[A] Of a wheel's momentum, in the one combination of four that turns nothing."""
ORBIT_M = 500.0
"""[A] A position is where the last one and its velocity lead; second-order errors of five seconds are metres."""
LOWEST_M = 6.3e6
"""Below it there is no orbit, and no pull to reckon with: a receiver without a fix may say zero."""
RATE_RAD_S = 1e-3
"""[A] A body that faces the Sun turns once a year; a gyro is good to a hundredth of this."""
WINDOW = 24
"""Looks over which a reading that has noise must change [A]."""
JUMP_SIGMAS, JUMP_SHARE, JUMPS = 25.0, 0.005, 6
"""[A] Second differences of a quiet reading beyond its noise, and beyond what a load that comes and goes does to it (an
800 V battery bends by 2 V then); and how many of a window make it noisy."""
QUIET_UNITS = ("V", "K")
"""What moves slowly where nothing is wrong."""
CLOCK_SHARE, CLOCK_LOOKS = 1e-3, 12
"""[A] On-board time against the computer's timer: quartz is better by a factor of ten, over a minute."""


@dataclass(slots=True)
class State:
    """What the last look found, and for each part how many looks in a row found it wrong (named at `CONFIRMED`)."""

    bus_unaccounted_w: float = telemetered("float", "Power of all loads beyond the limiters' currents", "W")
    array_missing: int = telemetered("bool", "The Sun is seen, and the array does not give what it should")
    strings_weak: int = telemetered("int", "Array strings below their neighbours")
    limiters_dead: int = telemetered("int", "Limiters that are closed and carry nothing")
    groups_apart: int = telemetered("int", "Battery groups whose charge leaves the others'")
    wheels_apart: int = telemetered("bool", "A wheel has not the momentum that the others leave to it")
    sun_offset_rad: float = telemetered("float", "Angle to the Sun while it is held to be faced", "rad")
    gyros_apart: int = telemetered("int", "Gyros that show a turn while the Sun is held")
    pump_lag_fraction: float = telemetered("float", "Speed of the coolant pump below its order", "1")
    coolant_missing_fraction: float = telemetered("float", "Flow of the coolant below what its pump's speed gives", "1")
    radio_unheard_s: float = telemetered("float", "Time in contact without a word from the ground", "s")
    readings_frozen: int = telemetered("int", "Readings without their own noise")
    readings_noisy: int = telemetered("int", "Readings with more than their own noise")
    orbit_inconsistent: int = telemetered("bool", "A position is not where the one before it leads")
    clock_drifts: int = telemetered("bool", "On-board time leaves the computer's timer")
    due_ns: list[int] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    heard: float = -1.0
    heard_ns: int = 0
    last: list[float] = field(default_factory=list)
    before: list[float] = field(default_factory=list)
    same: list[int] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    window: int = 0
    orbit: list[float] = field(default_factory=list)
    orbit_ns: int = 0
    clock: list[int] = field(default_factory=list)


def _names(index: Iterable[str], stem: str) -> list[str]:
    return [name for name in index if name.startswith(stem + ".")]


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
    GROUP = Event(
        122, "battery_group_apart", Severity.LOW, "The charge of a battery group leaves the others'",
        (Arg("battery_group", "enum", "battery group", labels=lambda words: words.equipment.battery_groups),
         Arg("difference", "float", "to the mean of the others", "1")),
    )  # fmt: skip
    GYRO = Event(
        125, "gyro_apart", Severity.LOW, "A gyro shows a turn while the attitude stands",
        (Arg("axis", "enum", "its axis", labels=("x", "y", "z")), Arg("rate_rad_s", "float", "what it shows", "rad/s")),
    )  # fmt: skip
    FROZEN = Event(
        123, "reading_frozen", Severity.LOW, "A reading has lost its own noise",
        (Arg("reading", "enum", "reading", labels=lambda words: words.readings),),
    )  # fmt: skip
    NOISY = Event(
        124, "reading_noisy", Severity.LOW, "A reading has more than its own noise",
        (Arg("reading", "enum", "reading", labels=lambda words: words.readings),),
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, layout: Layout, acquisition: Acquisition, thermal: ThermalManager,
        attitude: AttitudeManager,
    ) -> None:  # fmt: skip
        super().__init__(on_board, State())
        equipment, index = on_board.equipment, layout.index
        self._stale, self._number = acquisition.stale, acquisition.number
        self._thermal, self._attitude = thermal, attitude

        def places(names: Iterable[str]) -> Values:
            return np.array([index[name] for name in names], dtype=np.intp)

        self._strings = places(_names(index, "string_current_a"))
        self._currents, self._states = places(_names(index, "lcl_current_a")), places(_names(index, "lcl_state"))
        self._least_w = np.array(equipment.lcl_loads_w or (0.0,) * len(equipment.lcls))
        self._groups = places(_names(index, "battery_group_soc"))
        self._wheels = places(_names(index, "wheel_momentum_n_m_s"))
        self._null = _null_space(equipment.body.wheel_axes)
        self._rates = places(_names(index, "body_rate_rad_s"))
        self._apart = WHEEL_SHARE * equipment.body.wheel_momentum_n_m_s
        self._orbit = places(
            f"gnss_{what}.{axis}" for what in ("position_teme_m", "velocity_teme_m_s") for axis in "xyz"
        )
        one = ("load_power_w", "array_power_w", "main_bus_voltage_v", "sun_intensity", "sun_error_rad",
               "pump_speed_fraction", "coolant_flow_kg_s", "radio_contact", "radio_uplink_received")  # fmt: skip
        (self._load, self._array, self._bus, self._sun, self._sun_error, self._speed, self._flow, self._contact,
         self._uplink) = (index[name] for name in one)  # fmt: skip
        self._read(layout)
        self._looks: tuple[Callable[[Values, int], None], ...] = (
            self._look_at_power_and_array, self._look_at_battery_and_wheels, self._look_at_loop_and_orbit,
            self._look_at_radio_and_clock, self._look_at_noise,
        )  # fmt: skip

    def _read(self, layout: Layout) -> None:
        """The readings whose noise is known, where they are, and which of them are quiet."""
        known = [
            (start + place, device, channel.noise, channel.unit in QUIET_UNITS, channel.name)
            for device, (form, start, _) in enumerate(layout.devices)
            for place, channel in enumerate(form.channels)
            if channel.type == "float" and channel.noise > 0.0 and channel.noise >= channel.quantum
        ]
        self._noisy_places = np.array([one[0] for one in known], dtype=np.intp)
        self._noisy_devices = [one[1] for one in known]
        self._noise = np.array([one[2] for one in known])
        self._quiet = np.array([one[3] for one in known])
        floats = [p.name for p in layout.parameters[: layout.measured] if p.type == "float"]
        self._numbers = [floats.index(one[4]) for one in known]

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

    def _look_at_power_and_array(self, pool: Values, now_ns: int) -> None:
        del now_ns
        if not self._stale(self._number("pcdu")):
            self._look_at_power(pool)

    def _look_at_battery_and_wheels(self, pool: Values, now_ns: int) -> None:
        del now_ns
        if not self._stale(self._number("battery-monitor")):
            self._look_at_groups(pool)
        if not self._stale(self._number("attitude")):
            self._look_at_wheels(pool)

    def _look_at_loop_and_orbit(self, pool: Values, now_ns: int) -> None:
        if self.on_board.equipment.coolant_hot_k > 0.0 and not self._stale(self._number("thermal-controller")):
            self._look_at_coolant(pool)
        if not self._stale(self._number("gnss")):
            self._look_at_orbit(pool, now_ns)

    def _look_at_radio_and_clock(self, pool: Values, now_ns: int) -> None:
        self._look_at_radio(pool, now_ns)
        self._look_at_clock(now_ns)

    def _judge(self, what: str, wrong: Values, event: Event, values: Values) -> int:
        """How many parts are wrong by now; each is named once, and again only when it was well in between."""
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
        well = float(np.sort(strings)[-2:].min())
        low = well - strings > max(STRING_SHARE * well, STRING_A)
        state.strings_weak = self._judge("string", low, self.STRING, strings / max(well, STRING_A))
        closed = (pool[self._states] == 1.0) & (self._least_w / max(volts, 1.0) > DEAD_A)
        dead = closed & (currents < DEAD_SHARE * self._least_w / max(volts, 1.0))
        state.limiters_dead = self._judge("limiter", dead, self.LIMITER, currents)
        looks = pool.item(self._sun) > SUN_SEEN and pool.item(self._sun_error) < SUN_WITHIN_RAD
        state.array_missing = int(looks and pool.item(self._array) < ARRAY_SHARE * load_w)

    def _look_at_groups(self, pool: Values) -> None:
        charge = pool[self._groups]
        if len(charge) < 2:
            return
        others = (charge.sum() - charge) / (len(charge) - 1)
        apart = np.abs(charge - others)
        wrong = (apart > GROUP_APART) & (apart >= apart.max() - 1e-9)
        self.state.groups_apart = self._judge("group", wrong, self.GROUP, charge - others)

    def _look_at_wheels(self, pool: Values) -> None:
        if self._null is not None:
            self.state.wheels_apart = int(abs(float(self._null @ pool[self._wheels])) > self._apart)
        held, state = self._attitude.state, self.state
        faces = held.attitude_phase == HOLD and held.attitude_mode == AttitudeMode.SUN
        state.sun_offset_rad = pool.item(self._sun_error) if faces else 0.0
        rates = pool[self._rates]
        turning = np.abs(rates) > RATE_RAD_S if faces else np.zeros(len(rates), dtype=bool)
        state.gyros_apart = self._judge("gyro", turning, self.GYRO, rates)

    def _look_at_coolant(self, pool: Values) -> None:
        state, speed = self.state, pool.item(self._speed)
        state.pump_lag_fraction = self._thermal.state.pump_ordered - speed
        rated = self.on_board.equipment.coolant_flow_kg_s
        state.coolant_missing_fraction = 1.0 - pool.item(self._flow) / (rated * speed) if speed > 0.3 else 0.0

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

    def _look_at_clock(self, now_ns: int) -> None:
        state, obt_ns = self.state, self.on_board.state.obt_ns
        if not state.clock:
            state.clock = [now_ns, obt_ns]
        passed_ns = now_ns - state.clock[0]
        if passed_ns >= CLOCK_LOOKS * LOOK_NS:
            state.clock_drifts = int(abs(obt_ns - state.clock[1] - passed_ns) > CLOCK_SHARE * passed_ns)
            state.clock = [now_ns, obt_ns]

    def _look_at_noise(self, pool: Values, now_ns: int) -> None:
        """Frozen: not one change in a window. Noisy: too many bends in it. A stale device begins anew."""
        del now_ns
        state, values = self.state, pool[self._noisy_places]
        size = len(values)
        if not state.last:
            state.last, state.before = values.tolist(), values.tolist()
            state.same, state.jumps = [0] * size, [0] * size
            return
        last, before = np.array(state.last), np.array(state.before)
        same = np.where(values == last, np.array(state.same) + 1, 0)
        stale = np.array([self._stale(device) for device in self._noisy_devices])
        same[stale] = 0
        usual = np.maximum(JUMP_SIGMAS * self._noise, JUMP_SHARE * np.abs(values))
        bends = self._quiet & ~stale & (np.abs(values - 2.0 * last + before) > usual)
        jumps = np.array(state.jumps) + bends
        for place in np.flatnonzero(same == WINDOW).tolist():
            self.event(self.FROZEN, self._numbers[place])
        for place in np.flatnonzero(bends & (jumps == JUMPS)).tolist():
            self.event(self.NOISY, self._numbers[place])
        state.readings_frozen, state.readings_noisy = int((same >= WINDOW).sum()), int((jumps >= JUMPS).sum())
        state.window = (state.window + 1) % WINDOW
        state.jumps = [0] * size if state.window == 0 else jumps.tolist()
        state.before, state.last, state.same = state.last, values.tolist(), same.tolist()


def _null_space(axes: tuple[Vector, ...]) -> Values | None:
    """The combination of four wheels that turns nothing, of length 1; None for fewer. By Cramer's rule."""
    if len(axes) != 4:
        return None
    others = [[axes[k] for k in range(4) if k != left] for left in range(4)]
    found = np.array([(-1.0) ** left * _volume(*three) for left, three in enumerate(others)])
    return found / float(np.sqrt(found @ found))


def _volume(a: Vector, b: Vector, c: Vector) -> float:
    return a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
