"""The wiring of one spacecraft on one page: plant, devices, radio, computer, fault seams.

Everything is connected here and nowhere else. `dictionary` is generated from the declarations that the flight software
runs on, and imports neither numba nor the plant's kernels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from bus.dictionary import Dictionary, read_dictionary
from bus.errors import Refused, UserError
from bus.wire.messages import Seam
from bus.wire.outside import FLIGHT_SOFTWARE
from node import own_software
from node.computer import BOOT_S, WATCHDOG_S, Computer
from node.designs.load import OUTSIDE, Design, load_design
from node.devices.clock import Clock
from node.devices.definitions import CLOCK_NAME, device_forms
from node.devices.device import NEVER_OUTSIDE, RESET, SIDE, Channel, Device, DeviceForm
from node.devices.equipment import Body, Equipment, FdirRow
from node.devices.hosts import SELECT, Hosts
from node.devices.nvm import NonVolatileMemory
from node.devices.order_limits import STEP, SWITCH, WORDS, OrderLimit, limit_of
from node.devices.radio import Radio
from node.devices.remote import Loads, RemoteDevice
from node.devices.sensors import Sensors
from node.devices.simulated import SimulatedDevice
from node.devices.terminals import Terminals
from node.executor.mailbox import OwnJobs
from node.fdir.figures import battery_charge_c, chip_figures, heat_figures, isl_near_db, isl_near_m, panels
from node.fdir.rules import coolant_hot_k
from node.fdir.table import WordsOf, table_of
from node.foreign.software import foreign_software
from node.fsw.protocol import Board, Software
from node.fsw.software import FlightSoftware, declarations, on_board_parameters
from node.harness import Harness, Limits
from node.hil.remotes import Remotes
from node.injection.device import DeviceSeam
from node.injection.engine import Injections
from node.injection.host import HostSeam
from node.injection.link import LinkSeam
from node.injection.plant import PlantSeam
from node.injection.sight import TruthSight
from node.injection.upsets import MemoryUpsets
from node.plant.attitude.setup import OWN_LAW, AttitudeFigures
from node.plant.names import parts_of
from node.plant.state import layout
from node.truth import PlantLike, Signals, field, place

if TYPE_CHECKING:
    from node.config import NodeConfig
    from node.plant.plant import Plant


@dataclass(slots=True)
class Parts:
    """A spacecraft taken apart."""

    plant: PlantLike
    clock: Clock
    sensors: Sensors
    devices: list[Device]
    radio: Radio
    nvm: NonVolatileMemory
    computer: Computer
    injections: Injections
    signals: Signals
    dictionary: Dictionary
    upsets: MemoryUpsets
    terminals: Terminals | None
    remotes: Remotes | None
    own_jobs: OwnJobs | None


def equipment(design: Design) -> Equipment:
    """What flight software must know of a design, its FDIR table included."""
    return replace(_parts_of(design), fdir=table_of(design, words_of(design)))


def words_of(design: Design) -> WordsOf:
    """The dictionary of a design by the names of its monitors: what the entries of an FDIR table can name."""
    parts = _parts_of(design)
    return lambda names: dictionary_for(replace(parts, fdir=tuple(FdirRow(name, "", "") for name in names)))


def _parts_of(design: Design) -> Equipment:
    groups = design.form.accelerators.values()
    return Equipment(
        design=design.name,
        strings=design.strings,
        battery_groups=design.battery_groups,
        lcls=design.lcls,
        thermal_nodes=design.thermal_nodes,
        heaters=design.heaters,
        accelerator_groups=design.accelerators,
        isl_heads=design.isl_heads,
        isl_near_m=isl_near_m(design),
        isl_near_db=isl_near_db(design),
        job_slots=design.capacity.jobs,
        lcl_priorities=tuple(design.lcl_priorities.values()),
        lcl_loads_w=tuple(lcl.load if lcl.cycle is None else 0.0 for lcl in design.form.lcls.values()),
        string_panels=panels(design),
        coolant_flow_kg_s=0.0 if design.form.loop is None else design.form.loop.flow,
        accelerator_group_chips=tuple(float(g.count) for g in groups),
        procedures=tuple((entry.name, entry.steps) for entry in design.form.on_board_procedures),
        body=_body(design),
        accelerator_group_power_w=tuple(g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in groups),
        accelerator_group_lowest_w=tuple(g.count * g.chip.cap_lowest / g.chip.supply_efficiency for g in groups),
        accelerator_group_priorities=tuple(design.lcl_priorities[g.lcl] for g in groups),
        accelerator_group_hot_k=tuple(g.chip.slowdown for g in groups),
        accelerator_group_memory_hot_k=tuple(g.chip.memory_limit for g in groups),
        battery_energy_j=design.form.battery.energy,
        battery_charge_w=design.form.battery.energy * design.form.battery.cell.charge_rate,
        battery_charge_c=battery_charge_c(design),
        coolant_hot_k=coolant_hot_k(design),
        heat=heat_figures(design),
        chips=chip_figures(design),
    )


def _body(design: Design) -> Body:
    form = design.form.attitude
    return Body(
        inertia_kg_m2=(form.inertia[0], form.inertia[1], form.inertia[2]),
        wheel_axes=tuple(AttitudeFigures().wheel_axes),
        wheel_momentum_n_m_s=form.wheel_momentum,
        torquer_a_m2=form.torquer,
        slew_rate_rad_s=form.slew_rate,
    )


@lru_cache(maxsize=32)
def dictionary(design_name: str) -> Dictionary:
    """The telemetry and telecommand dictionary of a design, as its flight software declares it. Raises UnknownNameError
    for a design there is not, UserError for flight software that cannot fly."""
    design = load_design(design_name)
    return flight_software(design, equipment(design))[1]


def dictionary_for(parts: Equipment) -> Dictionary:
    """The dictionary of any equipment with the reference flight software."""
    return declarations(parts, device_forms(parts))[1]


def flight_software(design: Design, parts: Equipment) -> tuple[type[Software], Dictionary]:
    """Whose flight software a design flies, and what it declares. Raises UserError where it cannot fly here."""
    own = design.form.flight_software
    if own is None:
        return FlightSoftware, dictionary_for(parts)
    if own.name == OUTSIDE:
        words = read_dictionary(own.words) if own.words else dictionary_for(parts)
        return foreign_software(own.apids), words.model_copy(update={"design": design.name})
    try:
        found = own_software.find(own.name)
        if found.source != own.source:
            was, now = own.source[:8], found.source[:8]
            raise Refused(f"flight software {own.name!r} with sources {now}", f"those that were flown, {was}")
        return found.software, own_software.declared(own.name, found.software, parts, device_forms(parts))
    except Refused as error:
        hint = f"{own_software.OPTION} [DIRECTORY/]{own.name}, as it was when the run was begun"
        raise UserError(f"flight software: {error}", hint=hint) from error


class Stretched(NamedTuple):
    """A time of a spacecraft that comes out longer than it is declared, because it is counted in whole ticks."""

    name: str
    declared_s: float
    flown_s: float


def stretched_times(tick_ns: int) -> tuple[Stretched, ...]:
    """Which times a tick of this length stretches, in the order of the dictionary."""
    own = [(p.name, p.default) for p in on_board_parameters() if p.unit == "s" and p.default > 0.0]
    own += [("computer boot", BOOT_S), ("computer watchdog", WATCHDOG_S)]
    stretched = []
    for name, declared_s in own:
        flown_ns = -(-round(declared_s * 1e9) // tick_ns) * tick_ns
        if flown_ns > round(declared_s * 1e9):
            stretched.append(Stretched(name, declared_s, flown_ns / 1e9))
    return tuple(stretched)


def device_readings(design_name: str) -> tuple[str, ...]:
    """Every "device.reading" of a design: what a fault at the device seam can name."""
    forms = device_forms(equipment(load_design(design_name)))
    return tuple(f"{form.name}.{channel.name}" for form in forms for channel in form.channels)


def all_forms(design_name: str) -> tuple[DeviceForm, ...]:
    """The devices of a design."""
    return device_forms(equipment(load_design(design_name)))


def outside_forms(design_name: str) -> tuple[DeviceForm, ...]:
    """Those of them that can be outside: a board, a bench instrument or another program."""
    return tuple(form for form in all_forms(design_name) if form.name not in NEVER_OUTSIDE)


def software_form(design_name: str) -> DeviceForm:
    """What flight software outside reads and can order, as if it were a device: every channel of every device, then the
    age of each device's reading; every order of every device."""
    design = load_design(design_name)
    forms = device_forms(equipment(design))
    names = [form.name for form in forms]
    channels = [replace(c, name=f"{form.name}.{c.name}", source="read") for form in forms for c in form.channels]
    channels += [
        Channel(f"{name}.age_ticks", "", "int", f"Age of what {name} gave, in ticks", source="read") for name in names
    ]
    inputs = {(form.name, what): field for form in forms for what, field in form.orders}
    orders = [
        (f"{device}.{what}", limit.in_words(WORDS.get(inputs.get((device, what), ""), ())))
        for (device, what), limit in sorted(order_limits(design, forms).items(), key=lambda o: names.index(o[0][0]))
    ]
    return DeviceForm(FLIGHT_SOFTWARE, tuple(channels), tuple(orders))


def order_places(design_name: str) -> dict[str, tuple[str, ...]]:
    """The names of what orders are for, in the order of their elements, by kind of part."""
    names = load_design(design_name).names
    return {kind: names[kind] for kind in ("lcl", "battery_group", "heater", "accelerator", "isl_head")}


def wire(config: NodeConfig, plant: PlantLike | None = None) -> Parts:
    """Everything connected. `plant` replaces the real one, in tests of what is around it."""
    if plant is None:
        plant = _plant(config)
    who = (config.seed, config.id)
    tick_s = config.tick_ns / 1e9
    parts = equipment(config.design)
    forms = device_forms(parts)
    software, words = flight_software(config.design, parts)
    by_name = {form.name: form for form in forms}
    measured = tuple(channel for form in forms for channel in form.channels if channel.source)
    clock = Clock(by_name[CLOCK_NAME], *who)
    radio = Radio(by_name["radio"], plant, [station.id for station in config.stations], who, config.tick_ns)
    sensors = Sensors(plant, measured, *who)
    peers = config.spacecraft.peers
    limits = order_limits(config.design, forms)
    outside = _outside(config, forms, plant, sensors, limits)
    devices = _devices(forms, clock, radio, sensors, plant, tick_s, peers, outside)
    remotes = Remotes(list(outside.values()), plant) if outside else None
    terminals = next((device for device in devices if isinstance(device, Terminals)), None)
    nvm = NonVolatileMemory()
    board = Board(parts, forms, words, config.tick_ns, config.initial_mode, config.telecommand_key, peers)
    own = config.design.form.flight_software
    harness = Harness(software, board, limits, config.id, outside=own is not None and own.name == OUTSIDE)
    computer = Computer(harness, nvm, config.tick_ns)
    signals = Signals(plant, config.truth_signals)
    injections = Injections(
        {
            Seam.PLANT: PlantSeam(plant),
            Seam.DEVICE: DeviceSeam(devices, forms, who, tick_s),
            Seam.LINK: LinkSeam(radio.uplink, radio.downlink, radio.dead_receivers),
            Seam.HOST: HostSeam(computer, clock, who, config.tick_ns),
        },
        TruthSight(plant, signals, who),
        config.tick_ns,
    )
    upsets = MemoryUpsets(plant, *_memory(config.design), computer, who)
    own_jobs = _own_jobs(config, forms, plant, sensors) if config.spacecraft.programs else None
    return Parts(plant, clock, sensors, devices, radio, nvm, computer, injections, signals, words, upsets,
                 terminals, remotes, own_jobs)  # fmt: skip


def _memory(design: Design) -> tuple[int | None, int]:
    """The on-board computer's memory among what radiation strikes (the accelerator groups come first), and its bits."""
    for number, device in enumerate(design.form.devices.values(), start=len(design.accelerators)):
        if device.kind == "sram":
            return number, int(device.amount)
    return None, 0


def order_limits(design: Design, forms: tuple[DeviceForm, ...]) -> Limits:
    """What each order of each device takes in this design."""
    inputs = layout(design.form.capacity_class).order
    limits = {(form.name, what): SWITCH for form in forms for what in (RESET, SIDE)}
    limits |= {("radio", "receiver"): SWITCH, (CLOCK_NAME, "step"): STEP}
    if design.isl_heads:
        limits["jobs", SELECT] = OrderLimit(1, -1.0, design.capacity.jobs - 1.0, whole=True)
    for form in forms:
        for what, name in form.orders:
            kind, shape = inputs[name].base.kind, inputs[name].shape
            elements = len(parts_of(inputs, design.names, name)) if shape else 1
            limits[form.name, what] = limit_of(name, elements, kind)
    return limits


def plant_of(config: NodeConfig) -> Plant:
    """The truth of a spacecraft at the epoch, whose attitude is ideal. Raises ValueError for one whose orbit no
    model reaches."""
    from node.designs.setup import plant_setup  # noqa: PLC0415 (numba and sgp4 only where a spacecraft flies)
    from node.plant.plant import Plant  # noqa: PLC0415

    return Plant(
        plant_setup(
            config.design,
            config.spacecraft,
            stations=config.stations,
            environment=config.environment,
            epoch_utc=config.epoch_utc,
            seed=config.seed,
            peer_heads=config.peer_heads,
            guests=config.guests,
        )
    )


def _plant(config: NodeConfig) -> PlantLike:
    """The same, whose attitude holds itself as the device's own law has it."""
    plant = plant_of(config)
    field(plant.inputs, "attitude_control")[:] = OWN_LAW
    return plant


def _outside(
    config: NodeConfig, forms: tuple[DeviceForm, ...], plant: PlantLike, sensors: Sensors, limits: Limits
) -> dict[str, RemoteDevice]:
    """Mailboxes for what the scenario says is outside, by name."""
    found: dict[str, RemoteDevice] = {}
    start = 0
    for form in forms:
        stop = start + sum(bool(channel.source) for channel in form.channels)
        if form.name in config.spacecraft.devices:
            inputs = {order: field(plant.inputs, name) for order, name in form.orders}
            takes = {order: limits[form.name, order] for order in inputs}
            factors = [place(plant, f"lcl_overload_factor[{k}]") for k in range(len(config.design.lcls))]
            loads = Loads(factors, field(plant.params, "lcl_load_w"))
            found[form.name] = RemoteDevice(form, sensors.values[start:stop], inputs, takes, loads)
        start = stop
    return found


def _own_jobs(config: NodeConfig, forms: tuple[DeviceForm, ...], plant: PlantLike, sensors: Sensors) -> OwnJobs:
    """What stands on board for the programs of its jobs."""
    (form,) = [form for form in forms if form.name == "accelerators"]
    before = forms[: forms.index(form)]
    start = sum(bool(channel.source) for other in before for channel in other.channels)
    measured = sensors.values[start : start + len(form.channels)]
    return OwnJobs(config.spacecraft.programs, plant, form, measured, config.tick_ns / 1e9)


def _devices(  # noqa: PLR0917
    forms: tuple[DeviceForm, ...],
    clock: Clock,
    radio: Radio,
    sensors: Sensors,
    plant: PlantLike,
    tick_s: float,
    peers: Sequence[str],
    outside: Mapping[str, Device],
) -> list[Device]:
    """One device per form, in the order of the forms. A simulated one gets its slice of the sensors."""
    devices: list[Device] = []
    start = 0
    for form in forms:
        if form.name == clock.name:
            devices.append(clock)
        elif form.name == radio.name:
            devices.append(radio)
        else:
            inputs = {order: field(plant.inputs, name) for order, name in form.orders}
            stop = start + sum(bool(channel.source) for channel in form.channels)
            measured = sensors.values[start:stop]
            if form.name in outside:
                devices.append(outside[form.name])
            elif form.name == "jobs" and "guest_number" in inputs:
                devices.append(Hosts(form, measured, inputs, tick_s, plant))
            elif form.name == "isl":
                devices.append(Terminals(form, measured, inputs, tick_s, plant, peers))
            else:
                devices.append(SimulatedDevice(form, measured, inputs, tick_s))
            start = stop
    return devices
