"""The flight software: one cycle per tick, on on-board time, from readings and telecommands to orders and telemetry.

It sees readings, never truth. Its RAM is this object and is gone after a reset; what must survive is written to
non-volatile memory before it takes effect. Work is done in rate groups, counted in cycles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any, NamedTuple

import numpy as np

from bus.dictionary import Dictionary
from bus.wire.messages import StoreReport, Telecommand, TelemetryAck
from node.devices.device import Order, Reading, Values
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootRecord
from node.fsw.datapool import Layout
from node.fsw.events import EventId
from node.fsw.functions import functions
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.power import ChargeMonitor, PayloadManager, Watch
from node.fsw.modes import ModeEvent
from node.fsw.rules import missed_cycles
from node.fsw.services.packets import Body, body
from node.fsw.services.reporting import Counters, Housekeeping, Reporter
from node.fsw.services.request_ledger import Ledger
from node.fsw.services.st01_verification import Commanding
from node.fsw.services.st15_storage import PacketStore
from node.fsw.services.st20_parameters import INDEX, Parameters

MEDIUM_GROUP_CYCLES = 10
"""The second rate group: watching counters. The first runs in every cycle; scrubbing has a parameter."""
_SAFE_AFTER, _STABLE_AFTER = INDEX["mode.safe_after_boots"], INDEX["mode.stable_after_cycles"]
_RETRANSMIT, _REPORT, _SCRUB = (
    INDEX["store.retransmit_cycles"], INDEX["store.report_cycles"], INDEX["memory.scrub_cycles"],
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SoftwareConfig:
    """What was compiled in: the equipment, the pool's layout, the dictionary, the length of a cycle."""

    equipment: Equipment
    layout: Layout
    dictionary: Dictionary
    cycle_ns: int


class Cycle(NamedTuple):
    """What one cycle gives: orders for the devices, messages for the radio, and whether a reboot is wanted."""

    orders: list[Order]
    downlink: list[Body | StoreReport]
    reboot: bool


class FlightSoftware:
    """The RAM of the on-board computer. Build it at every boot; `start` does what a boot does."""

    def __init__(self, config: SoftwareConfig, nvm: NonVolatileMemory) -> None:
        self.config = config
        self.boot = BootRecord.read(nvm)
        self._nvm = nvm
        self._dictionary = bytes.fromhex(config.dictionary.version)
        layout = config.layout
        self.pool = np.zeros(layout.size)
        self.counters = Counters()
        self.parameters = Parameters(nvm)
        self.store = PacketStore(nvm, self.boot.boot)
        self.reporter = Reporter(self.store, self.counters)
        self.housekeeping = Housekeeping(layout, self.reporter)
        self.orders: list[Order] = []
        self.modes = ModeManager(nvm, self.reporter, self.counters, self.orders)
        self.payload = PayloadManager(config.equipment, nvm, self.orders)
        self.charge = ChargeMonitor()
        self.watch = Watch(layout, config.equipment)
        self.cycle = 0
        self.reboot_wanted = False
        self._last_obt_ns = -1
        self._next_report = 0
        self._next_scrub = self.parameters.cycles(_SCRUB)
        self._devices = [
            (i, start, stop, form.stale_after_ticks) for i, (form, start, stop) in enumerate(layout.devices)
        ]
        self._fresh = np.zeros(layout.internals)
        self._ones = np.ones(layout.internals)
        self._invalid: set[int] = set()
        self._stale = [False] * len(self._devices)
        self._soc = layout.index["battery_soc"]
        self._active = layout.index["jobs_active"]
        self._contact = layout.index["radio_contact"]
        self._budget = layout.index["radio_downlink_budget_bytes"]
        self._battery = next(i for i, (form, _, _) in enumerate(layout.devices) if form.name == "battery-monitor")
        ledger = Ledger(nvm)
        self.commanding = Commanding(config.dictionary, functions(self), ledger, self.reporter, self.counters)

    def start(self, obt_ns: int) -> None:
        """What a boot does before its first cycle: report itself, settle what a reset interrupted, order its mode."""
        self.reporter.obt_ns = obt_ns
        boot = self.boot
        self.reporter.event(EventId.BOOTED, boot.boot, boot.reason, boot.in_a_row)
        self.commanding.resume()
        if boot.in_a_row >= self.parameters.cycles(_SAFE_AFTER):
            self.modes.request(ModeEvent.REPEATED_REBOOT)
        self.modes.order_attitude()
        self.orders.append(Order("radio", "transmitter", 0, 1))
        self.payload.order_caps()
        self.payload.jobs.order_all()

    def step(self, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Telecommand | TelemetryAck]) -> Cycle:
        """One cycle."""
        self.cycle += 1
        self.reporter.obt_ns = obt_ns
        self._check_clock(obt_ns)
        self._ingest(readings)
        pool, parameters = self.pool, self.parameters
        if uplink:
            self._receive(uplink)
        self.commanding.cycle(obt_ns, self._mode)
        if not self._stale[self._battery]:
            soc = pool.item(self._soc)
            self.charge.cycle(soc, parameters, self.modes)
            self.payload.cycle(soc, pool.item(self._active), self.modes.mode, parameters, self.reporter)
        if self.cycle % MEDIUM_GROUP_CYCLES == 0:
            self._medium_group()
        if self.cycle >= self._next_scrub:
            self._scrub()
        if self.housekeeping.due(self.cycle):
            pool[self.config.layout.internals :] = self._internals()
            self.housekeeping.report(self.cycle, pool)
        self.reporter.end_cycle(self.cycle)
        downlink = self._downlink() if pool.item(self._contact) else []
        orders = self.orders.copy()
        self.orders.clear()
        return Cycle(orders, downlink, self.reboot_wanted)

    def _mode(self) -> Any:
        return self.modes.mode

    def _check_clock(self, obt_ns: int) -> None:
        if self._last_obt_ns >= 0:
            missed = missed_cycles(obt_ns - self._last_obt_ns, self.config.cycle_ns)
            if missed:
                self.counters.clock_steps += 1
                self.reporter.event(EventId.CLOCK_STEPPED, (obt_ns - self._last_obt_ns) / 1e9)
        self._last_obt_ns = obt_ns

    def _ingest(self, readings: Sequence[Reading]) -> None:
        fresh, stale = self._fresh, self._stale
        for i, start, stop, stale_after in self._devices:
            reading = readings[i]
            fresh[start:stop] = reading.values
            is_stale = reading.age_ticks > stale_after
            if is_stale != stale[i]:
                stale[i] = is_stale
                self.counters.stale_devices += 1 if is_stale else -1
                if is_stale:
                    self.reporter.event(EventId.DEVICE_STALE, i, reading.age_ticks)
                else:
                    self.reporter.event(EventId.DEVICE_FRESH, i)
        if not isfinite(fresh.dot(self._ones)):
            self._keep_last_good(fresh)
        self.pool[: fresh.size] = fresh

    def _keep_last_good(self, fresh: Values) -> None:
        """Readings that are no numbers are counted, reported per device once, and replaced by the last good ones."""
        wrong = ~np.isfinite(fresh)
        self.counters.readings_invalid += int(wrong.sum())
        for i, start, stop, _ in self._devices:
            if wrong[start:stop].any():
                if i not in self._invalid:
                    self.reporter.event(EventId.READING_INVALID, i)
                self._invalid.add(i)
            else:
                self._invalid.discard(i)
        fresh[wrong] = self.pool[: fresh.size][wrong]

    def _receive(self, uplink: Sequence[Telecommand | TelemetryAck]) -> None:
        for message in uplink:
            if isinstance(message, Telecommand):
                self.commanding.receive(message)
            else:
                self.counters.acknowledgements += 1
                self.store.acknowledge(message.boot, message.stream, message.below)

    def acknowledge(self, uplink: Sequence[Telecommand | TelemetryAck]) -> None:
        """Take only the acknowledgements; for the end of a run, when there is no cycle any more."""
        self._receive([message for message in uplink if isinstance(message, TelemetryAck)])

    def _medium_group(self) -> None:
        self.watch.cycle(self.pool, self.reporter)
        if self.boot.in_a_row and self.cycle >= self.parameters.cycles(_STABLE_AFTER):
            self.boot = self.boot.proven(self._nvm)

    def _scrub(self) -> None:
        for word in self.parameters.scrub():
            self.counters.memory_corrected += 1
            self.reporter.event(EventId.MEMORY_CORRECTED, word)
        self._next_scrub = self.cycle + self.parameters.cycles(_SCRUB)

    def _downlink(self) -> list[Body | StoreReport]:
        out: list[Body | StoreReport] = []
        if self.cycle >= self._next_report:
            self._next_report = self.cycle + self.parameters.cycles(_REPORT)
            out.append(StoreReport(rows=tuple(self.store.report_rows())))
        budget = self.pool.item(self._budget)
        for boot, stream, sequence, packet in self.store.take(budget, self.parameters.cycles(_RETRANSMIT)):
            out.append(body(boot, stream, sequence, packet, self._dictionary))
        return out

    def _internals(self) -> list[float]:
        c, store = self.counters, self.store
        return [
            self.modes.mode, self.modes.attitude, self.payload.on, self.payload.shed, self.payload.jobs.everything_held,
            self.payload.cap_w,
            self.boot.boot, self.boot.reason, self.cycle,
            c.telecommands_received, c.telecommands_accepted, c.telecommands_rejected, c.telecommands_duplicate,
            c.telecommands_dropped, c.telecommands_completed, c.telecommands_failed,
            c.events_reported, c.events_suppressed, c.mode_events_refused, c.acknowledgements,
            store.packets, store.held_bytes, store.dropped, store.retransmissions, store.generated,
            c.cycle_overruns, c.clock_steps, c.stale_devices, c.readings_invalid, c.memory_corrected,
        ]  # fmt: skip

    def state(self) -> Any:
        """All of its RAM, as plain values."""
        return {
            "pool": self.pool.tobytes(),
            "image": self.parameters.image.tobytes(),
            "counters": self.counters.state(),
            "store": self.store.state(),
            "reporter": self.reporter.state(),
            "housekeeping": self.housekeeping.state(),
            "payload": self.payload.state(),
            "zone": self.charge.zone,
            "watch": self.watch.state(),
            "commanding": self.commanding.state(),
            "orders": [list(order) for order in self.orders],
            "core": [self.cycle, self._last_obt_ns, self._next_report, self._next_scrub, list(self._stale)],
            "invalid": sorted(self._invalid),
        }

    def load(self, state: Any) -> None:
        """Take over what `state` gave; non-volatile memory must be as it was then."""
        self.pool[:] = np.frombuffer(state["pool"])
        self.parameters.image[:] = np.frombuffer(state["image"])
        self.counters.load(state["counters"])
        self.store.load(state["store"])
        self.reporter.load(state["reporter"])
        self.housekeeping.load(state["housekeeping"])
        self.payload.load(state["payload"])
        self.charge.zone = state["zone"]
        self.watch.load(state["watch"])
        self.commanding.load(state["commanding"])
        self.orders[:] = [Order(*order) for order in state["orders"]]
        self.cycle, self._last_obt_ns, self._next_report, self._next_scrub, stale = state["core"]
        self._stale = list(stale)
        self._invalid = set(state["invalid"])
