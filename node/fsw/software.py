"""The flight software: one cycle per tick, on on-board time, from readings and telecommands to orders and telemetry.

It sees readings, never truth. Its RAM is this object and is gone after a reset; what must survive is written to
non-volatile memory before it takes effect. The wiring of the components and the order of their work are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache

from bus.dictionary import Dictionary, OnBoardParameter
from bus.pus import CODE_TEXTS, PACKETS_MADE
from bus.snapshot.pack import pack, unpack
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Message, StoreReport, Telecommand, TelemetryAck
from node.devices.device import DeviceForm, Reading
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootRecord
from node.fsw.component import (
    Component,
    OnBoard,
    Words,
    events_of,
    parameters_of,
    reports_of,
    telecommands_of,
    telemetry_of,
)
from node.fsw.datapool import Layout, layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.managers.attitude import AttitudeManager
from node.fsw.managers.command_loss import CommandLoss
from node.fsw.managers.computer import ComputerManager
from node.fsw.managers.contact_plan import ContactPlan
from node.fsw.managers.devices import DeviceManager
from node.fsw.managers.guests import GuestManager
from node.fsw.managers.job_moves import TO_THE_TAKER
from node.fsw.managers.levels import ServiceLevels
from node.fsw.managers.link import LinkManager
from node.fsw.managers.memory import MemoryManager
from node.fsw.managers.migration import MigrationManager
from node.fsw.managers.mode import ModeManager
from node.fsw.managers.payload import PayloadManager
from node.fsw.managers.power import PowerManager
from node.fsw.managers.recovery import Recovery
from node.fsw.managers.shadow import ShadowEstimator
from node.fsw.managers.thermal import ThermalManager
from node.fsw.managers.watch import WATCHERS, Watch, watchers
from node.fsw.managers.workload import WorkloadManager
from node.fsw.modes import PROFILES, Mode
from node.fsw.monitors import functional_rows, monitor_events, parameter_rows
from node.fsw.protocol import Board, Cycle, Figures, Rows
from node.fsw.services.answers import Answers
from node.fsw.services.authentication import Authentication
from node.fsw.services.packets import Body, body
from node.fsw.services.st01_verification import Verification
from node.fsw.services.st02_device_access import DeviceAccess
from node.fsw.services.st03_housekeeping import Housekeeping
from node.fsw.services.st04_statistics import Statistics
from node.fsw.services.st05_events import Events
from node.fsw.services.st06_memory import MemoryAccess
from node.fsw.services.st09_time import TimeManagement
from node.fsw.services.st11_schedule_reports import ScheduleReports
from node.fsw.services.st11_scheduling import Schedule
from node.fsw.services.st12_functional import FunctionalMonitoring
from node.fsw.services.st12_monitoring import Monitoring
from node.fsw.services.st13_large_transfer import LargeTransfer
from node.fsw.services.st15_storage import Storage
from node.fsw.services.st17_test import ConnectionTest
from node.fsw.services.st18_procedures import Procedures
from node.fsw.services.st19_event_action import EventAction
from node.fsw.services.st20_parameters import Parameters

COMPONENTS: tuple[type[Component], ...] = (
    PowerManager,
    ModeManager,
    PayloadManager,
    WorkloadManager,
    ShadowEstimator,
    ThermalManager,
    ServiceLevels,
    LinkManager,
    ContactPlan,
    MigrationManager,
    GuestManager,
    ComputerManager,
    Acquisition,
    MemoryManager,
    MemoryAccess,
    Answers,
    DeviceManager,
    Recovery,
    Watch,
    *WATCHERS,
    AttitudeManager,
    CommandLoss,
    Authentication,
    Verification,
    DeviceAccess,
    Housekeeping,
    Statistics,
    Events,
    TimeManagement,
    Schedule,
    ScheduleReports,
    Monitoring,
    FunctionalMonitoring,
    LargeTransfer,
    Storage,
    ConnectionTest,
    Procedures,
    EventAction,
    Parameters,
)
"""In the order of their telemetry, parameters and telecommands in the dictionary."""
_ASCENDING = PowerManager.ASCENDING + ThermalManager.ASCENDING + AttitudeManager.ASCENDING


def on_board_parameters() -> tuple[OnBoardParameter, ...]:
    """Those of all components, in the order of the memory image."""
    return tuple(parameter for component in COMPONENTS for parameter in parameters_of(component))


@cache
def telecommand_names() -> tuple[str, ...]:
    """Those of all components, whether or not a design has what they need."""
    return tuple(t.name for component in COMPONENTS for t in telecommands_of(component))


def readings(pool: Layout) -> tuple[str, ...]:
    """Quantities that devices measure: numbers, no states."""
    return tuple(parameter.name for parameter in pool.parameters[: pool.measured] if parameter.type == "float")


def raised_by() -> dict[str, tuple[str, ...]]:
    """Events that each telecommand's handler reports, by the telecommand's name."""
    declared = [t for component in COMPONENTS for t in telecommands_of(component)]
    return {t.name: tuple(event.name for event in t.raises) for t in declared}


@lru_cache(maxsize=32)
def declarations(equipment: Equipment, forms: tuple[DeviceForm, ...]) -> tuple[Layout, Dictionary]:
    """The pool and the dictionary of a spacecraft with this equipment and these devices."""
    parameters = on_board_parameters()
    names = tuple(parameter.name for parameter in parameters)
    own = tuple(value for component in COMPONENTS for value in telemetry_of(component))
    pool = layout(forms, own)
    declared = (*(event for component in COMPONENTS for event in events_of(component)), *monitor_events(equipment))
    events = sorted(declared, key=lambda event: event.id)
    words = Words(
        equipment=equipment,
        devices=tuple(form.name for form in forms),
        structures=tuple(structure.name for structure in pool.structures if structure.interval_s),
        events=tuple(event.name for event in events),
        parameters=names,
        pool=tuple(pool.index),
        monitors=tuple(row.monitor for row in parameter_rows(equipment)),
        functional_monitors=tuple(row.monitor for row in functional_rows(equipment)),
        telecommands=telecommand_names(),
        readings=readings(pool),
    )
    reports = tuple(report for component in COMPONENTS for report in reports_of(component))
    telecommands = (t.resolve(words) for component in COMPONENTS for t in telecommands_of(component))
    dictionary = Dictionary(
        design=equipment.design,
        parameters=(*pool.parameters, *(value for report in reports for value in report.parameters(words))),
        structures=(*pool.structures, *(report.structure() for report in reports)),
        events=tuple(event.resolve(words) for event in events),
        telecommands=tuple(form for form in telecommands if form is not None),
        codes=CODE_TEXTS,
        on_board_parameters=parameters,
    )
    return pool, dictionary


class FlightSoftware:
    """The reference: implements `node.fsw.protocol.Software`, as anybody's own may."""

    def __init__(self, config: Board, nvm: NonVolatileMemory, boot: BootRecord) -> None:
        self.config = config
        pool = self.layout = declarations(config.equipment, config.devices)[0]
        parameters = config.dictionary.on_board_parameters
        board = self.on_board = OnBoard(config.equipment, config.cycle_ns, nvm, parameters, pool.size)
        self.storage = Storage(board, boot.boot)
        self.events = board.events = Events(board, self.storage)
        self.authentication = Authentication(board, config.telecommand_key)
        self.verification = Verification(board, self.storage)
        self.time = TimeManagement(board, pool, self.storage)
        self.schedule = Schedule(board, self.verification, telecommand_names())
        self.schedule_reports = ScheduleReports(board, self.schedule, self.storage, telecommand_names())
        self.device_access = DeviceAccess(board)
        self.housekeeping = Housekeeping(board, pool, self.storage)
        self.statistics = Statistics(board, pool, self.storage, readings(pool))
        self.test = ConnectionTest(board, pool, self.storage)
        self.parameters = Parameters(board, self.storage, _ASCENDING)
        self.attitude = AttitudeManager(board, pool, PROFILES[config.initial_mode].attitude)
        self.modes = ModeManager(board, self.attitude, config.initial_mode)
        self.acquisition = Acquisition(board, pool)
        self.shadow = ShadowEstimator(board, pool, self.acquisition)
        self.workload = WorkloadManager(board, pool, self.acquisition, self.shadow)
        self.power = PowerManager(board, pool, self.acquisition, self.modes, self.shadow)
        self.thermal = ThermalManager(board, pool, self.acquisition)
        self.payload = PayloadManager(board, self.modes, self.workload, self.power, self.thermal)
        self.link = LinkManager(board, pool, config.peers)
        self.migration = MigrationManager(board, pool, self.link, self.workload, self.payload)
        self.guests = GuestManager(board, pool, self.link, self.workload, self.payload)
        self.link.jobs = self._about_jobs
        self.computer = ComputerManager(board, boot, self.modes)
        self.levels = ServiceLevels(board, pool, self.acquisition)
        self.command_loss = CommandLoss(board, self.modes)
        self.contact_plan = ContactPlan(board, pool, self.storage, self._plan_rules)
        self.memory = MemoryManager(board, self.computer)
        self.large_transfer = LargeTransfer(board, self.storage)
        self.memory_access = MemoryAccess(board, self.storage, self.large_transfer)
        self.answers = Answers(board)
        self.devices = DeviceManager(board, pool)
        self.recovery = Recovery(board, pool, self.modes)
        self.power.battery_share = self.recovery.battery_share
        parts = watchers(board, pool, self.acquisition, self.thermal, self.recovery, self.payload)
        self.battery_watch, self.heat, self.chips, self.noise, self.terminal_watch = parts
        self.watch = Watch(board, pool, self.acquisition, self.thermal, self.attitude, parts)
        self.monitoring = Monitoring(board, pool, self.storage, self.acquisition.stale, self.answers)
        self.functional = FunctionalMonitoring(board, self.monitoring, self.answers, self.storage)
        self.event_action = EventAction(board, self.events, self.verification, self.storage, telecommand_names())
        self.procedures = Procedures(board, pool, self.storage, self.verification, self.acquisition.stale)
        by_class = {type(part): part for part in vars(self).values() if isinstance(part, Component)}
        self.components = tuple(by_class[component] for component in COMPONENTS)
        self._readers = [read for component in self.components for read in component.readers()]
        self.monitoring.connect(self._readers)
        self.events.connect(tuple(event.id for event in config.dictionary.events))
        self.event_action.connect(config.dictionary)
        self.schedule_reports.connect(config.dictionary)
        self.procedures.connect(config.dictionary, self._readers)
        self.verification.connect(
            config.dictionary, {name: call for part in self.components for name, call in part.handlers().items()}
        )
        board.map_memory(self.components)
        self._version = bytes.fromhex(config.dictionary.version)
        self._own = pool.own
        self._soc, self._active = pool.index["battery_soc"], pool.index["jobs_active"]
        self._contact, self._budget = pool.index["radio_contact"], pool.index["radio_downlink_budget_bytes"]
        self._battery = self.acquisition.number("battery-monitor")
        self._attitude = self.acquisition.number("attitude")
        self._figures = Figures()

    @staticmethod
    def declare(equipment: Equipment, devices: tuple[DeviceForm, ...]) -> Dictionary:
        """All that the components declare."""
        return declarations(equipment, devices)[1]

    def boot(self, obt_ns: int) -> None:
        """What a boot does before its first cycle: report itself, settle what a reset interrupted, order its mode."""
        self.on_board.state.obt_ns = obt_ns
        self.computer.start()
        self.verification.resume()
        self.schedule.start()
        self.computer.judge_boots()
        self.attitude.start()
        self.link.start()
        self.command_loss.start()
        self.payload.order_caps()
        self.thermal.start()
        self.migration.start()
        self.guests.start()
        self.workload.order_all()

    def step(self, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Message]) -> Cycle:
        """One cycle."""
        memory = self.on_board.state
        memory.cycle += 1
        memory.obt_ns = obt_ns
        self.computer.check_clock()
        self.acquisition.take(readings)
        if uplink:
            self._receive(uplink)
        full = not self.computer.safe_image
        if full:
            self.schedule.cycle()
        self.verification.cycle(self._mode)
        pool = memory.pool
        self.shadow.cycle()
        self.thermal.cycle()
        if not self.acquisition.stale(self._battery):
            self.power.cycle(pool.item(self._soc))
        if full:
            self.payload.cycle(pool.item(self._active))
            self.workload.cycle(pool.item(self._active))
            self.migration.cycle()
            self.guests.cycle()
        self.levels.cycle()
        if not self.acquisition.stale(self._attitude):
            self.attitude.cycle()
        if full:
            self.watch.cycle()
            self.monitoring.cycle(self.modes.mode)
            self.functional.cycle(self.modes.mode)
            self.event_action.cycle(self._mode)
            self.procedures.cycle(self._mode)
            self.recovery.cycle()
        self.computer.cycle()
        self.command_loss.cycle()
        self.contact_plan.cycle()
        self.time.cycle()
        if full:
            self.statistics.cycle()
        self.memory.cycle()
        self.large_transfer.cycle()
        if self.housekeeping.due() or self.test.due():
            pool[self._own :] = [read() for read in self._readers]
            self.housekeeping.report()
            self.test.report()
        self.events.end_cycle()
        downlink = self._downlink() if pool.item(self._contact) else []
        orders = memory.orders.copy()
        memory.orders.clear()
        if not memory.frames:
            return Cycle(orders, downlink, self.computer.state.reboot)
        frames, memory.frames = memory.frames, []
        return Cycle(orders, downlink, self.computer.state.reboot, frames)

    def _about_jobs(self, head: int, topic: str, values: Sequence[float]) -> None:
        """What a peer says of a job, to whichever end of the move it is for."""
        (self.guests if topic in TO_THE_TAKER else self.migration).hear(head, topic, values)

    def _mode(self) -> Mode:
        return self.modes.state.mode

    def _plan_rules(self) -> bool:
        """Whether nothing is wrong that the ground should see without asking."""
        quiet = not (self.computer.safe_image or self.command_loss.state.command_loss_stage)
        return quiet and self._mode() is Mode.NOMINAL

    def _receive(self, uplink: Sequence[Message]) -> None:
        for message in uplink:
            if isinstance(message.body, IslFrame):
                self.link.hear(message)
            elif self.authentication.admits(message):
                if isinstance(message.body, Telecommand):
                    self.command_loss.heard()
                    self.contact_plan.heard()
                    self.verification.receive(message.body)
                else:
                    self.storage.acknowledge(message.body.boot, message.body.stream, message.body.below)

    def figures(self) -> Figures:
        """Mode, payload, and how many packets there are."""
        store, known = self.storage.store, self._figures
        mode, shed = self.modes.state.mode, bool(self.power.state.payload_shed)
        if known[:4] != (mode, shed, store.generated, store.packets):
            made = {service: store.made(service) for service in PACKETS_MADE}
            known = self._figures = Figures(mode, shed, store.generated, store.packets, made)
        return known

    def account(self, uplink: Sequence[Message]) -> Rows:
        """Take only the acknowledgements: there is no cycle any more."""
        self._receive([message for message in uplink if isinstance(message.body, TelemetryAck)])
        return self.storage.store.account_rows()

    def arm(self, point: int) -> None:
        """Crash at this point of the next telecommand; 0 for none. For the range's faults."""
        self.verification.state.crash_at = point

    @property
    def memory_words(self) -> int:
        """Words of the memory image, for the plant's upsets."""
        return len(self.on_board.state.image.words)

    def flip(self, word: int, bit: int) -> None:
        """An upset in the memory image. For the range's faults."""
        self.on_board.flip(word, bit)

    def _downlink(self) -> list[Body | StoreReport]:
        out: list[Body | StoreReport] = []
        if self.storage.report_due():
            store = self.storage.store
            out.append(StoreReport(rows=tuple(store.report_rows()), settled=tuple(store.settled_rows())))
        budget_bytes, window = self.on_board.state.pool.item(self._budget), self.contact_plan.window()
        for boot, stream, sequence, packet in self.storage.take(budget_bytes, window):
            out.append(body(boot, stream, sequence, packet, self._version))
        return out

    def save(self) -> bytes:
        """All of its RAM: each component's state, and the memory they share."""
        states = {part.name: part.save() for part in self.components}
        return pack((self.on_board.save(), states), tuple[bytes, dict[str, bytes]])

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave; non-volatile memory must be as it was then."""
        shared, states = unpack(tuple[bytes, dict[str, bytes]], data)
        self.on_board.restore(shared)
        for part in self.components:
            part.restore(states[part.name])
