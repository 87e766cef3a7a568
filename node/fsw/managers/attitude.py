"""Where the spacecraft points: the attitude in force, and the phases that lead to it from any attitude and rate.

The attitude unit closes its loops by itself, ten times a second. What is decided here is which of its laws rules: away
with the rate by torquers, to the Sun, to what is ordered, or nothing. Only rates, angles and wheel momenta are known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered, telemetry
from node.fsw.datapool import Layout
from node.fsw.modes import ATTITUDE_MODES, AttitudeMode
from node.fsw.rules import ACQUIRE, DETUMBLE, FREE, HOLD, SLEW, attitude_phase, unloads

WHEELS = ("0", "1", "2", "3")
"""As the attitude unit numbers them; three hold the attitude as well as four."""
FEWEST_WHEELS = 3
PHASES = ("free", "detumble", "sun_acquisition", "slew", "hold")
WHEELS_HOLD, TORQUERS_DAMP = 1, 3
"""Laws of the attitude unit."""
CATCH_SHARE = 0.5
"""[A] Of one full wheel: three wheels take at least 0.8 of it about any axis, and a turn needs some."""
STOP_TURNS = 1.3
"""[A] Times the momentum of the fastest ordinary turn: a turn is no tumble."""
DWELL_NS = {FREE: 0, DETUMBLE: 3 * 10**9, ACQUIRE: 10 * 10**9, SLEW: 30 * 10**9, HOLD: 30 * 10**9}
"""[A] So long without a break must readings call for a phase."""
LOST_NS = 60 * 10**9
"""[A] The same for an attitude that was held and is lost: sensors are blinded for seconds now and then."""
LATE_TURNS, LATE_S, DETUMBLE_LATE_S = 2.0, 900.0, 86_400.0
"""[A] A turn is late after so many half turns at the design's rate and some time; a detumble after a day."""
_PHASE = Arg("phase", "enum", "phase of the attitude", labels=PHASES)


@dataclass(slots=True)
class State:
    """What is ordered, and how far it is. `wanted`: the phase that readings call for, for `held_ns` now."""

    attitude_mode: int = telemetered("enum", "Attitude mode ordered", labels=ATTITUDE_MODES, kept=True)
    attitude_phase: int = telemetered("enum", "Phase of the attitude", labels=PHASES, default=HOLD, kept=True)
    wheels_unload: int = telemetered("bool", "Torquers bleed the momentum of the wheels")
    wheel_share: float = telemetered("float", "Momentum of the fullest wheel over what it can hold", "1", default=0.0)
    body_momentum_n_m_s: float = telemetered("float", "Momentum of the body's own turning", "N.m.s", default=0.0)
    wheel_in_use: list[bool] = kept(list)
    wanted: int = HOLD
    held_ns: int = 0
    since_ns: int = 0
    told_late: bool = field(default=False)


class AttitudeManager(Component):
    """The attitude in force; survives a reboot."""

    name = "attitude"
    state: State

    PHASE = Event(
        70, "attitude_phase", Severity.INFORMATIVE,
        "The phase of the attitude changed; severity medium when what was held is lost",
        (Arg("phase_before", "enum", "phase until now", labels=PHASES), _PHASE),
    )  # fmt: skip
    LATE = Event(
        71, "attitude_late", Severity.MEDIUM, "A phase of the attitude takes longer than it should",
        (_PHASE, Arg("error_rad", "float", "angle that is left", "rad")),
    )  # fmt: skip
    UNLOAD = Event(
        72, "wheels_unload", Severity.INFORMATIVE, "Torquers begin or end to bleed the momentum of the wheels",
        (Arg("on", "bool", "they bleed"), Arg("wheel_share", "float", "fullest wheel over what it can hold", "1")),
    )  # fmt: skip
    UNLOAD_ABOVE = OnBoardParameter(
        name="attitude.unload_above", unit="1", description="Share of a wheel's momentum above which torquers bleed it",
        default=0.25, low=0.0, high=1.0,
    )  # fmt: skip
    UNLOAD_BELOW = OnBoardParameter(
        name="attitude.unload_below", unit="1", description="Share of a wheel's momentum below which they end",
        default=0.10, low=0.0, high=1.0,
    )  # fmt: skip
    WITHIN = OnBoardParameter(
        name="attitude.within_rad", unit="rad", description="Error below which an attitude is reached",
        default=0.05, low=0.001, high=0.5,
    )  # fmt: skip
    LOST = OnBoardParameter(
        name="attitude.lost_rad", unit="rad", description="Error above which an attitude that was held is lost",
        default=0.35, low=0.01, high=3.2,
    )  # fmt: skip
    ASCENDING = ((WITHIN.name, LOST.name), (UNLOAD_BELOW.name, UNLOAD_ABOVE.name))

    def __init__(self, on_board: OnBoard, layout: Layout, first: AttitudeMode) -> None:
        super().__init__(on_board, State(attitude_mode=int(first), wheel_in_use=[True] * len(WHEELS)))
        body, index = on_board.equipment.body, layout.index
        self._body = body
        rates, wheels = (f"body_rate_rad_s.{axis}" for axis in "xyz"), (f"wheel_momentum_n_m_s.{n}" for n in WHEELS)
        self._places = np.array([index[name] for name in (*rates, *wheels, "sun_error_rad", "pointing_error_rad")])
        turn = max(body.inertia_kg_m2) * body.slew_rate_rad_s
        self._catch_below = CATCH_SHARE * body.wheel_momentum_n_m_s
        # without torquers there is nothing but the wheels, whatever the rate
        self._stop_above = math.inf if body.torquer_a_m2 <= 0.0 else max(body.wheel_momentum_n_m_s, STOP_TURNS * turn)
        self._late_ns = round((LATE_TURNS * math.pi / body.slew_rate_rad_s + LATE_S) * 1e9)
        self.state.wanted = self.state.attitude_phase

    @telemetry("int", "Reaction wheels that take part")
    def wheels_in_use(self) -> int:
        """Of all that there are."""
        return sum(self.state.wheel_in_use)

    def hold(self, attitude: int) -> None:
        """Another attitude mode."""
        state = self.state
        before, state.attitude_mode = state.attitude_mode, int(attitude)
        phase = state.attitude_phase
        if attitude == AttitudeMode.TUMBLE:
            phase = FREE
        elif attitude != before and phase != DETUMBLE:
            phase = ACQUIRE if attitude == AttitudeMode.SUN or phase in {FREE, ACQUIRE} else SLEW
        if phase == state.attitude_phase:
            self.keep()
            self.order()
        else:
            self._enter(phase)

    def order(self) -> None:
        """Tell the attitude unit what is in force."""
        order, phase = self.on_board.order, self.state.attitude_phase
        mode = AttitudeMode.SUN if phase in {DETUMBLE, ACQUIRE} else self.state.attitude_mode
        order("attitude", "mode", 0, mode)
        order("attitude", "control", 0, TORQUERS_DAMP if phase == DETUMBLE else WHEELS_HOLD)

    def start(self) -> None:
        """What a boot tells the unit: all of it, for nobody knows what it was told last."""
        self.order()
        self.on_board.order("attitude", "unload", 0, self.state.wheels_unload)
        for wheel, used in enumerate(self.state.wheel_in_use):
            self.on_board.order("attitude", "wheel", wheel, 1 if used else 0)

    def cycle(self) -> None:
        """One look at the readings."""
        state, pool, value = self.state, self.on_board.state.pool, self.on_board.sane
        x, y, z, *wheels, to_sun_rad, error_rad = pool.take(self._places).tolist()
        ix, iy, iz = self._body.inertia_kg_m2
        hx, hy, hz = ix * x, iy * y, iz * z
        state.body_momentum_n_m_s = math.sqrt(hx * hx + hy * hy + hz * hz)
        state.wheel_share = max(map(abs, wheels)) / self._body.wheel_momentum_n_m_s
        phase, to_sun = state.attitude_phase, state.attitude_mode == AttitudeMode.SUN
        if phase == DETUMBLE:  # the only one that asks for the wheels' momentum too
            for (ax, ay, az), h in zip(self._body.wheel_axes, wheels, strict=False):
                hx, hy, hz = hx + h * ax, hy + h * ay, hz + h * az
        nadir = state.attitude_mode == AttitudeMode.NADIR and phase in {SLEW, HOLD}
        error = error_rad if nadir else to_sun_rad
        wanted = attitude_phase(
            phase, to_sun, state.body_momentum_n_m_s, math.sqrt(hx * hx + hy * hy + hz * hz), self._stop_above,
            self._catch_below, error, value(self.WITHIN), value(self.LOST), math.sqrt(x * x + y * y + z * z),
            1.2 * self._body.slew_rate_rad_s,
        )  # fmt: skip
        state.held_ns = state.held_ns + self.on_board.cycle_ns if wanted == state.wanted else self.on_board.cycle_ns
        state.wanted = wanted
        if wanted == phase:
            self._look_at_time(error)
        elif state.held_ns >= (LOST_NS if phase == HOLD and wanted == ACQUIRE else DWELL_NS[wanted]):
            self._enter(wanted, Severity.MEDIUM if phase == HOLD else None)
        if state.attitude_phase == HOLD:
            self._unload(unloads(
                state.wheels_unload, state.wheel_share, value(self.UNLOAD_ABOVE), value(self.UNLOAD_BELOW)
            ))  # fmt: skip

    def _enter(self, phase: int, severity: Severity | None = None) -> None:
        state = self.state
        before, state.attitude_phase = state.attitude_phase, phase
        self.keep()
        state.wanted, state.held_ns = phase, 0
        state.since_ns, state.told_late = self.on_board.time_ns, False
        self.event(self.PHASE, before, phase, severity=severity)
        self.order()

    def _look_at_time(self, error: float) -> None:
        """What takes too long is told once and ordered again; a turn that wheels cannot make begins anew."""
        state = self.state
        if state.attitude_phase in {FREE, HOLD} or state.told_late:
            return
        late_ns = round(DETUMBLE_LATE_S * 1e9) if state.attitude_phase == DETUMBLE else self._late_ns
        if self.on_board.time_ns - state.since_ns < late_ns:
            return
        state.told_late = True
        self.event(self.LATE, state.attitude_phase, error)
        if state.attitude_phase == DETUMBLE:
            self.order()
        elif state.attitude_phase == SLEW:
            self._enter(ACQUIRE)
        elif self._body.torquer_a_m2 > 0.0:
            self._enter(DETUMBLE)

    def _unload(self, on: int) -> None:
        state = self.state
        if on != state.wheels_unload:
            state.wheels_unload = on
            self.event(self.UNLOAD, on, state.wheel_share)
            self.on_board.order("attitude", "unload", 0, on)

    @function(
        "attitude.set", 10, "Select the attitude mode; the next mode change brings its own",
        Arg("mode", "enum", "attitude mode", labels=ATTITUDE_MODES), raises=(PHASE,),
    )  # fmt: skip
    def set(self, mode: int) -> Failure:
        """Any attitude, in any mode."""
        self.hold(mode)
        return None

    @function("attitude.acquire", 90, "Begin anew: take the rates away, find the Sun, then what is ordered",
              raises=(PHASE,))  # fmt: skip
    def acquire(self) -> Failure:
        """From wherever it is."""
        if self.state.attitude_phase == FREE:
            return Code.REFUSED_BY_STATE, "the attitude is not held; attitude.set first"
        self._enter(DETUMBLE if self._body.torquer_a_m2 > 0.0 else ACQUIRE)
        return None

    @function(
        "attitude.wheel", 11, "Let a reaction wheel take part, or not; survives a reboot, and three must be left",
        Arg("wheel", "enum", "reaction wheel", labels=WHEELS),
        Arg("on", "bool", "takes part"),
    )  # fmt: skip
    def wheel(self, wheel: int, on: bool) -> Failure:
        """The unit shares its torque out among those that take part."""
        used = self.state.wheel_in_use
        if not on and used[wheel] and sum(used) <= FEWEST_WHEELS:
            return Code.REFUSED_BY_STATE, f"only {FEWEST_WHEELS} take part"
        used[wheel] = on
        self.keep()
        self.on_board.order("attitude", "wheel", wheel, 1 if on else 0)
        return None
