"""Battery groups against each other and each against its own current, and the gauge of the whole against its groups.

Equal groups on one pair of terminals share the current: one that gives far less is open or worn out. The charge of each
goes as its own current says: one that goes faster has lost cells, or burns charge inside. `Watch` looks with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bus.pus import Severity
from node.devices.device import Values
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.recovery import Recovery

APART = 0.03
"""[A] Charge of a group away from the others' mean, or of the gauge outside of all groups': ten biases of the gauge."""
SWING, SWING_SHARE = 0.002, 0.3
"""[A] Of a group's charge within a span away from what its current says: seven sigmas of a sample's difference, and of
the swing itself."""
SHARE_A, SHARE = 0.3, 0.3
"""[A] Of a group's current away from the mean of all: four biases of two shunts, and of the mean."""
SAMPLE_S, SAMPLES = 30.0, 10
"""[A] Charges are means over a sample; swings are of the last five minutes."""
CONFIRMED = 3
"""[A] Looks in a row before a group is named."""


def _no_values() -> Values:
    return np.zeros(0)


@dataclass(slots=True)
class State:
    """A sample: for each group the charge that had left it, what of that is unsure, and its state of charge; the oldest
    first. `sums`: of the looks of the sample that is being taken; `strayed`: what the last one showed."""

    groups_apart: int = telemetered("int", "Battery groups whose charge or current does not go as it should")
    gauge_offset: float = telemetered("float", "Charge of the whole battery outside of that of its groups", "1")
    wrong: list[int] = field(default_factory=list)
    samples: list[Values] = field(default_factory=list)
    passed: Values = field(default_factory=_no_values)
    sums: Values = field(default_factory=_no_values)
    current: Values = field(default_factory=_no_values)
    strayed: Values = field(default_factory=_no_values)
    groups_on: float = -1.0
    looks: int = 0
    at_ns: int = 0


Found = tuple[NDArray[np.bool_], Values]
"""Which groups are wrong, and by how much."""


class BatteryWatch(Component):
    """Of all groups that are on the bus."""

    name = "battery_watch"
    state: State

    GROUP = Event(
        122, "battery_group_apart", Severity.LOW, "The charge of a battery group does not go as the others'",
        (Arg("battery_group", "enum", "battery group", labels=lambda words: words.equipment.battery_groups),
         Arg("difference", "float", "to what it should be", "1")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, recovery: Recovery) -> None:
        super().__init__(on_board, State())
        index, equipment = layout.index, on_board.equipment
        self._recovery = recovery
        self._groups, self._currents = layout.parts("battery_group_soc"), layout.parts("battery_group_current_a")
        self._soc = index["battery_soc"]
        self._full_c = equipment.battery_charge_c / max(len(self._groups), 1)

    def look(self, pool: Values) -> None:
        """Once more. The caller knows that the battery monitor is not stale."""
        state, now_ns = self.state, self.on_board.time_ns
        charge, current, whole = pool[self._groups], pool[self._currents], pool.item(self._soc)
        state.gauge_offset = whole - min(max(whole, float(charge.min())), float(charge.max()))
        isolated = self._recovery.state.isolated
        on = ~np.array(isolated, dtype=bool) if len(isolated) == len(charge) else np.ones(len(charge), dtype=bool)
        off, apart = self._swings(charge, current, on, now_ns)
        if np.count_nonzero(on) > 1:
            for wrong, values in (_shares(current, on), _strays(charge)):
                off, apart = off | wrong, np.where(wrong, values, apart)
        if not (off.any() or state.groups_apart):
            state.wrong = [0] * len(charge)
            return
        state.wrong = state.wrong or [0] * len(charge)
        for group, is_wrong in enumerate(off.tolist()):
            state.wrong[group] = state.wrong[group] + 1 if is_wrong else 0
            if state.wrong[group] == CONFIRMED:
                self.event(self.GROUP, group, float(apart[group]))
        state.groups_apart = sum(looks >= CONFIRMED for looks in state.wrong)

    def _swings(self, charge: Values, current: Values, on: NDArray[np.bool_], now_ns: int) -> Found:
        """Whose charge does not go as its own current says, and by how much. Between two looks the current may have
        gone either way: as much is allowed for."""
        state, n = self.state, len(charge)
        step_s, state.at_ns = (now_ns - state.at_ns) / 1e9, now_ns
        groups_on = float(np.count_nonzero(on))
        unseen = step_s > max(SAMPLE_S, 1.5 * self.on_board.cycle_ns / 1e9)  # the monitor was silent
        if state.groups_on != groups_on or unseen:
            state.groups_on, state.current = groups_on, current
            state.passed, state.sums, state.looks = np.zeros(2 * n), np.zeros(3 * n), 0
            state.samples, state.strayed = [], np.zeros(n)
        state.passed[:n] += (current + state.current) * (0.5 * step_s)
        state.passed[n:] += np.abs(current - state.current) * (0.5 * step_s)
        state.current = current
        state.sums[: 2 * n] += state.passed
        state.sums[2 * n :] += charge
        state.looks += 1
        if state.looks * step_s >= SAMPLE_S:
            sample, state.looks = state.sums / state.looks, 0
            state.sums = np.zeros(3 * n)
            state.strayed = self._strayed(sample)
            state.samples = [*state.samples, sample][-SAMPLES:]
        return on & (state.strayed != 0.0), state.strayed

    def _strayed(self, sample: Values) -> Values:
        """How far the charge of each went from what its current says; 0 where errors of gauge and looks explain it."""
        n = len(self._groups)
        if not self.state.samples or self._full_c <= 0.0:
            return np.zeros(n)
        passed, unsure, swing = (sample - self.state.samples[0]).reshape(3, n)
        expected = -passed / self._full_c
        limit = SWING + SWING_SHARE * np.minimum(np.abs(expected), np.abs(swing)) + unsure / self._full_c
        return np.where(np.abs(swing - expected) > limit, swing - expected, 0.0)


def _strays(charge: Values) -> Found:
    """Whose charge is far from the others'."""
    away = charge - (charge.sum() - charge) / (len(charge) - 1)
    far = np.abs(away)
    most = float(far.max())
    return (far > APART) & (far >= most - 1e-9), away


def _shares(current: Values, on: NDArray[np.bool_]) -> Found:
    """Whose current is not the others': the one that gives less, or that takes what another one gives."""
    flows = current[on]
    mean = float(flows.sum()) / len(flows)
    away = np.where(on, current - mean, 0.0)
    far = np.abs(away) > max(SHARE_A, SHARE * abs(mean))
    if not far.any():
        return far, away
    against = flows.min() < -SHARE_A and flows.max() > SHARE_A
    blame = away if against else np.abs(current)
    return far & (blame <= float(blame[far].min()) + 1e-9), away
