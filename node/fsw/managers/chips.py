"""What the chips of a group take against what they do, and how warm they are against what they take.

Work costs power as the chips' sheet says. A group that takes more than its work and its temperature explain computes
slower than its clock (a straggler) or leaks; one that is warmer over its plate than its power explains has a worn
interface. `Watch` looks with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bus.pus import Severity
from node.devices.device import Values
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.payload import PayloadManager

SPAN_S = 45.0
"""[A] Over which powers and temperatures are smoothed: several time constants of a die on its plate."""
BEGUN_S = 90.0
"""[A] Nothing is judged before a group has been on for so long."""
CONFIRMED = 3
"""[A] Looks in a row before a group is named."""
EXCESS_SHARE = 0.005
"""[A] Of a group's rated power, beyond what its work explains: seven sigmas of a single H100's smoothed reading."""
WARM_K, WARM_SHARE = 1.5, 0.2
"""[A] Over what the power explains: of dies that tell whole degrees, above plates good to half a degree."""
OFF, BOOT, GONE = 0, 1, 6
"""States of a group: off, boot, idle, run, throttled, ecc_pending, failed, quarantined."""
CLOSED = 1
"""Of a limiter's states."""


def _no_values() -> Values:
    return np.zeros(0)


@dataclass(slots=True)
class State:
    """Smoothed: power beyond what work explains, heat of a die, and how warm it is over its plate."""

    groups_wasteful: int = telemetered("int", "Accelerator groups that take more than their work explains")
    groups_warm: int = telemetered("int", "Accelerator groups warmer than their power explains")
    groups_shut_down: int = telemetered("int", "Accelerator groups that are off against their orders")
    excess_w: Values = field(default_factory=_no_values)
    die_w: Values = field(default_factory=_no_values)
    over_k: Values = field(default_factory=_no_values)
    on_s: Values = field(default_factory=_no_values)
    wasteful: list[int] = field(default_factory=list)
    warm: list[int] = field(default_factory=list)
    shut: list[int] = field(default_factory=list)
    at_ns: int = 0


class ChipWatch(Component):
    """Of every accelerator group."""

    name = "chips"
    state: State

    WASTEFUL = Event(
        128, "group_wasteful", Severity.LOW, "A group takes more than its work explains: it is slow, or it leaks",
        (Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups),
         Arg("excess_w", "float", "beyond that", "W")),
    )  # fmt: skip
    WARM = Event(
        129, "group_warm", Severity.LOW, "Chips are warmer than their power explains: heat does not get out of them",
        (Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups),
         Arg("excess_k", "float", "beyond that", "K")),
    )  # fmt: skip

    SHUT = Event(
        132, "group_shut_down", Severity.LOW, "A group is off although it was ordered on and its limiter is closed",
        (Arg("group", "enum", "accelerator group", labels=lambda words: words.equipment.accelerator_groups),
         Arg("temperature_k", "float", "of its dies", "K")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, payload: PayloadManager) -> None:
        super().__init__(on_board, State())
        self._payload = payload
        chips, places = on_board.equipment.chips, layout.parts
        kelvin, limiters = places("thermal_temperature_k"), places("lcl_state")
        self._states, self._powers = places("accelerator_state"), places("accelerator_power_w")
        self._dies, self._rates = places("accelerator_temperature_k"), places("accelerator_rate")
        self._limiters = np.array([limiters[chip.lcl] for chip in chips], dtype=np.intp)
        self._clocks = places("accelerator_clock_fraction")
        self._plates = np.array([kelvin[chip.node] for chip in chips], dtype=np.intp)

        def each(name: str) -> Values:
            return np.array([getattr(chip, name) for chip in chips])

        self._count, self._efficiency = each("count"), each("efficiency")
        self._idle, self._dynamic, self._memory = each("idle_w"), each("dynamic_w"), each("memory_w")
        self._leakage, self._at, self._scale = each("leakage_w"), each("leakage_at_k"), each("leakage_scale_k")
        self._floor, self._slope = each("voltage_floor"), each("voltage_slope")
        self._die_k_w = each("die_k_w")
        known = each("excess_known").astype(bool)
        self._most_w = np.where(known, EXCESS_SHARE * self._count * each("highest_w"), np.inf)

    def look(self, pool: Values) -> None:
        """Once more. The caller knows that no device it reads is stale."""
        state, now_ns = self.state, self.on_board.time_ns
        groups = pool[self._states]
        on = (groups > BOOT) & (groups < GONE)
        ordered = np.array(self._payload.state.ordered or [0] * len(groups))
        shut = (groups == OFF) & (ordered == 1) & (pool[self._limiters] == CLOSED)
        if not state.on_s.size:
            zeros = np.zeros(len(on))
            state.excess_w, state.die_w, state.over_k, state.on_s = zeros, zeros.copy(), zeros.copy(), zeros.copy()
            state.wasteful, state.warm, state.shut = ([0] * len(on) for _ in range(3))
        step_s, state.at_ns = (now_ns - state.at_ns) / 1e9, now_ns
        state.on_s += step_s
        state.on_s *= on
        state.groups_shut_down = self._judge(state.shut, shut, self.SHUT, pool[self._dies])
        if not on.any() and not (state.groups_wasteful or state.groups_warm):
            return
        clock, dies = pool[self._clocks], pool[self._dies]
        volts = np.maximum(self._floor, 1.0 - self._slope * (1.0 - clock))
        leakage = self._leakage * np.exp(np.minimum(6.0, (dies - self._at) / self._scale))
        power = pool[self._powers] * self._efficiency
        work = pool[self._rates]  # chips, load and clock in one
        memory = self._memory * work
        explained = self._count * (self._idle + leakage) + self._dynamic * work * volts * volts + memory
        share = np.minimum(1.0, step_s / np.clip(state.on_s, step_s, max(SPAN_S, step_s)))
        for smooth, value in (
            (state.excess_w, power - explained),
            (state.die_w, (power - memory) / self._count),
            (state.over_k, dies - pool[self._plates]),
        ):
            np.add(smooth, (value - smooth) * share, out=smooth)
        judged = on & (state.on_s > BEGUN_S)
        expected_k = state.die_w * self._die_k_w
        excess_k = state.over_k - expected_k
        wasteful = judged & (state.excess_w > self._most_w)
        warm = judged & (excess_k > WARM_K + WARM_SHARE * expected_k)
        state.groups_wasteful = self._judge(state.wasteful, wasteful, self.WASTEFUL, state.excess_w)
        state.groups_warm = self._judge(state.warm, warm, self.WARM, excess_k)

    def _judge(self, looks: list[int], wrong: NDArray[np.bool_], event: Event, values: Values) -> int:
        for group, is_wrong in enumerate(wrong.tolist()):
            looks[group] = looks[group] + 1 if is_wrong else 0
            if looks[group] == CONFIRMED:
                self.event(event, group, float(values[group]))
        return sum(one >= CONFIRMED for one in looks)
