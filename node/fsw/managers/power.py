"""Managers: each holds one on-board decision and gives orders only when something changes.

Here are their memory, their readings and their orders.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from node.devices.device import Order, Values
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.datapool import Layout
from node.fsw.events import EventId
from node.fsw.managers.mode import PROFILES, ModeManager
from node.fsw.managers.workload import JobManager
from node.fsw.modes import Mode, ModeEvent
from node.fsw.rules import CHARGE_CRITICAL, CHARGE_GOOD, charge_zone, group_power_cap_w, payload_shed
from node.fsw.services.reporting import Reporter
from node.fsw.services.st20_parameters import INDEX, Parameters

_SHED_BELOW, _RESTORE_ABOVE = INDEX["power.shed_below_soc"], INDEX["power.restore_above_soc"]
_SHED_DWELL, _RESTORE_DWELL = INDEX["power.shed_dwell_cycles"], INDEX["power.restore_dwell_cycles"]
_SAFE_BELOW, _SURVIVAL_BELOW = INDEX["power.safe_below_soc"], INDEX["power.survival_below_soc"]
_GOOD_ABOVE = INDEX["power.good_above_soc"]
_SAVE = INDEX["payload.save_cycles"]
_KEY = "payload"
_HEAD = struct.Struct("<Bd")


class PayloadManager:
    """Which accelerator groups run, and at what power: the ground's wish, the mode, and the charge.

    Jobs get some time for a checkpoint before all groups go off, except in SURVIVAL, where nothing waits.
    """

    def __init__(self, equipment: Equipment, nvm: NonVolatileMemory, orders: list[Order]) -> None:
        self._nvm = nvm
        self._orders = orders
        self._rated_w = equipment.accelerator_group_power_w
        self._total_w = sum(self._rated_w)
        self.jobs = JobManager(equipment, nvm, orders)
        self.shed = 0
        self._count = 0
        self._ordered: list[int] = []
        record = nvm.get(_KEY)
        if record is None:
            self.on, self.cap_w, self.taking_part = True, 0.0, [True] * len(self._rated_w)
        else:
            on, self.cap_w = _HEAD.unpack_from(record)
            self.on, self.taking_part = bool(on), [bool(flag) for flag in record[_HEAD.size :]]

    def keep(self) -> None:
        """Write the ground's wish to non-volatile memory."""
        self._nvm.put(_KEY, _HEAD.pack(self.on, self.cap_w) + bytes(self.taking_part))

    def cycle(self, soc: float, active: float, mode: Mode, parameters: Parameters, reporter: Reporter) -> None:
        """Shed on low charge, restore with hysteresis, order what changed."""
        image = parameters.image
        shed, self._count = payload_shed(
            self.shed, self._count, soc, image.item(_SHED_BELOW), image.item(_RESTORE_ABOVE),
            parameters.cycles(_SHED_DWELL), parameters.cycles(_RESTORE_DWELL),
        )  # fmt: skip
        if shed != self.shed:
            self.shed = shed
            reporter.event(EventId.PAYLOAD_SHED if shed else EventId.PAYLOAD_RESTORED, soc)
        run = self.on and not shed and PROFILES[mode].payload
        if run:
            self.jobs.go_on()
        elif (
            active > 0.0
            and mode is not Mode.SURVIVAL
            and any(self._ordered)
            and not self.jobs.may_switch_off(active, parameters.cycles(_SAVE))
        ):
            return
        wanted = [1 if run and part else 0 for part in self.taking_part]
        if wanted != self._ordered:
            self._ordered = wanted
            self._orders.extend(Order("accelerators", "enable", i, on) for i, on in enumerate(wanted))

    def order_caps(self) -> None:
        """Tell every group its share of the power limit; 0 is no limit, for the groups as for the whole."""
        for i, rated in enumerate(self._rated_w):
            cap = group_power_cap_w(self.cap_w, rated, self._total_w)
            self._orders.append(Order("accelerators", "power_cap", i, cap))

    def state(self) -> Any:
        """What is in RAM only."""
        return [self.shed, self._count, list(self._ordered), self.jobs.state()]

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        self.shed, self._count, ordered, jobs = state
        self.jobs.load(jobs)
        self._ordered = list(ordered)


class ChargeMonitor:
    """Turns the state of charge into mode events, only where they lead somewhere."""

    def __init__(self) -> None:
        self.zone = CHARGE_GOOD

    def cycle(self, soc: float, parameters: Parameters, modes: ModeManager) -> None:
        """One look at the charge."""
        image = parameters.image
        self.zone = zone = charge_zone(
            self.zone, soc, image.item(_SAFE_BELOW), image.item(_SURVIVAL_BELOW), image.item(_GOOD_ABOVE)
        )
        mode = modes.mode
        if zone == CHARGE_GOOD:
            if mode is Mode.SURVIVAL and modes.cause is ModeEvent.CRITICAL_CHARGE:
                modes.request(ModeEvent.CHARGE_RECOVERED)
        elif zone == CHARGE_CRITICAL:
            if mode is not Mode.SURVIVAL:
                modes.request(ModeEvent.CRITICAL_CHARGE)
        elif mode is Mode.LEOP or mode is Mode.NOMINAL:
            modes.request(ModeEvent.LOW_CHARGE)


class Watch:
    """Looks at counters of the equipment that should not move, every few cycles, and reports those that did."""

    def __init__(self, layout: Layout, equipment: Equipment) -> None:
        trips = [p for p in layout.index if p.startswith("lcl_trip_count.")]
        errors = [p for p in layout.index if p.startswith("accelerator_xid_count.")]
        last = [p.replace("_count", "") for p in errors]
        self._trips = np.array([layout.index[p] for p in trips], dtype=np.intp)
        self._errors = np.array([layout.index[p] for p in errors], dtype=np.intp)
        self._last = [layout.index[p] for p in last]
        self._seen: Values | None = None

    def cycle(self, pool: Values, reporter: Reporter) -> None:
        """Compare with the last look; the first look only remembers."""
        trips, errors = pool[self._trips], pool[self._errors]
        now = np.concatenate((trips, errors))
        seen, self._seen = self._seen, now
        if seen is None or np.array_equal(seen, now):
            return
        for position in np.flatnonzero(now != seen):
            i = int(position)
            if i < len(trips):
                reporter.event(EventId.LCL_TRIPPED, i, float(now[i]))
            else:
                group = i - len(trips)
                reporter.event(EventId.ACCELERATOR_ERROR, group, pool.item(self._last[group]))

    def state(self) -> Any:
        """What is in RAM only."""
        return None if self._seen is None else self._seen.tolist()

    def load(self, state: Any) -> None:
        """Take over what `state` gave."""
        self._seen = None if state is None else np.array(state, dtype=np.float64)
