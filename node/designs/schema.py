"""The form of a design file: which figures a satellite has, in which unit, and what they may be."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bus.errors import Refused
from bus.text.forms import Form, says
from node.designs.fdir_entry import FdirEntry
from node.designs.figures import (
    Ampere,
    Conductance,
    Fraction,
    HeatCapacity,
    Kelvin,
    Kilogram,
    Number,
    Second,
    SquareMetre,
    Volt,
    Watt,
    curve,
    not_negative,
    positive,
)
from node.designs.parts import Axis, BatteryCell, Chip, Name, OpticalTerminal, RadioBand, SolarCell
from node.designs.procedure_entry import ProcedureEntry


class Drive(Form):
    """The array drive: the normal turns about `axis`; `rate` limits it."""

    axis: Axis = says("the normal turns about it")
    rate: Annotated[float, positive("rad/s")] = says("fastest turn")


class Panel(Form):
    """A part of the array that looks elsewhere or is of another size: some of its strings."""

    strings: Annotated[int, Field(ge=1)] = says("strings that it holds")
    share: Annotated[float, positive("1")] = says("of the array's area, over the sum of all panels' shares")
    normal: Axis = says("where it looks")


class Tracker(Form):
    """What power-point trackers do beside their efficiency. With it, they leave the point of greatest power where less
    is wanted, towards open circuit."""

    start_up: Annotated[float, not_negative("s")] = says("from first light until it gives power")
    power_limit: Watt | None = says("the most that one string's converter takes; none if left out", None)


class Array(Form):
    """The solar array: `strings` equal strings of `series` cells share `area` x `packing` of cells.

    With `panels` each of these has strings, share of the area and normal of its own.
    """

    cell: SolarCell = says("the solar cell")
    strings: Annotated[int, Field(ge=1)] = says("equal strings, each with a converter of its own")
    series: Annotated[int, Field(ge=1)] = says("cells of a string")
    area: SquareMetre = says("of all strings together")
    packing: Fraction = says("share of the area that is cells")
    control: Literal["mppt", "s3r"] = says("mppt: at the point of greatest power; s3r: shunted at the bus voltage")
    control_efficiency: Fraction = says("from the cells to the bus")
    cover_glass: Annotated[float, not_negative("kg/m2")] = says("in front of the cells, against radiation")
    normal: Axis = says("where the array looks with the drive at zero")
    drive: Drive | None = says("null if it is fixed")
    node: Name = says("thermal node of the panels")
    panels: Annotated[tuple[Panel, ...], Field(min_length=1)] | None = says("unequal parts; none if left out", None)
    tracker: Tracker | None = says("start-up and limit of its trackers; ideal ones if left out", None)

    @model_validator(mode="after")
    def _parts(self) -> Self:
        held = sum(panel.strings for panel in self.panels or ())
        if self.panels is not None and held != self.strings:
            raise Refused(f"panels with {held} strings", f"{self.strings} in all")
        if self.panels is not None and self.drive is not None:
            raise Refused("panels beside a drive", "`drive: null`: panels are fixed")
        if self.tracker is not None and self.control != "mppt":
            raise Refused(f"a tracker of an array whose control is {self.control}", "on control mppt")
        return self


class Battery(Form):
    """The battery: `groups` in parallel, each of `series` cells, together `energy` at nominal voltage."""

    cell: BatteryCell = says("the battery cell")
    groups: Annotated[int, Field(ge=1)] = says("in parallel, each connected by itself")
    series: Annotated[int, Field(ge=1)] = says("cells of a group")
    energy: Annotated[float, positive("J")] = says("of all groups, at nominal voltage")
    initial_soc: Fraction = says("charge at the epoch")
    node: Name = says("thermal node of the cells")


class PowerBus(Form):
    """The main power bus and its undervoltage protection."""

    kind: Literal["regulated", "unregulated"] = says("regulated: its voltage stands; unregulated: it is the battery's")
    voltage: Volt = says("nominal")
    charge_efficiency: Fraction = says("from bus to battery")
    discharge_efficiency: Fraction = says("from battery to bus")
    undervoltage: Volt = says("below it, loads are shed in hardware")
    undervoltage_recovery: Volt = says("above it, that ends")
    node: Name = says("thermal node that takes the losses")


class Cycle(Form):
    """A load that comes and goes by itself: on for `on` in every `every`, from `first` on."""

    every: Second = says("from one switching on to the next")
    on: Second = says("how long it is on then")
    first: Annotated[float, not_negative("s")] = says("after the epoch, when it is first switched on", 0.0)

    @model_validator(mode="after")
    def _within(self) -> Self:
        if self.on > self.every:
            raise Refused("on", "at most every")
        return self


class Lcl(Form):
    """A latching current limiter and the load behind it. Priority 0 is shed last.

    `cut_off`: the load has a thermostat that trips the limiter when its node is as hot as this. None by default.
    """

    kind: Literal["lcl", "rlcl"] = says("lcl: latches open; rlcl: closes again by itself, for essential loads")
    priority: Annotated[int, Field(ge=0, le=4)] = says("0 is shed last, 4 first")
    limit: Ampere = says("current that it lets through")
    trip_time: Second = says("at the limit, until it opens")
    load: Watt = says("what the load takes; 0 where a model says it (accelerators, heaters, radio)")
    node: Name = says("thermal node that the load heats")
    initially: Literal["on", "off"] = says("at the epoch", "on")
    inrush: Annotated[float, not_negative("C")] | None = says("charge that the load takes when switched on", None)
    cut_off: Kelvin | None = says("the load's own thermostat opens the limiter at this temperature of the node", None)
    cycle: Cycle | None = says("the load comes and goes; always there if left out", None)

    @model_validator(mode="after")
    def _cut_off(self) -> Self:
        if self.cut_off is not None and self.kind == "rlcl":
            raise Refused("cut_off on an essential limiter, which closes again", "on kind lcl")
        return self


class ThermalNode(Form):
    """A lump of the thermal network."""

    capacity: HeatCapacity = says("heat for a kelvin")
    initial: Kelvin = says("temperature at the epoch")


class Conductor(Form):
    """Between two thermal nodes: `gl` (conduction), `gr` (radiation, emissivity x area x view) or `heat_pipe`."""

    between: tuple[Name, Name] = says("the two nodes")
    gl: Conductance | None = says("conduction", None)
    gr: SquareMetre | None = says("radiation: emissivity x area x view factor", None)
    heat_pipe: Conductance | None = says("conduction of a heat pipe", None)
    heat_pipe_limit: Watt | None = says("the most that it carries", None)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if sum(v is not None for v in (self.gl, self.gr, self.heat_pipe)) != 1:
            raise Refused("not exactly one of gl, gr, heat_pipe", "one of them")
        if (self.heat_pipe is None) != (self.heat_pipe_limit is None):
            raise Refused("heat_pipe without heat_pipe_limit", "both")
        if self.between[0] == self.between[1]:
            raise Refused("the same node twice", "two different nodes")
        return self


class Face(Form):
    """An outer face: it sees the Sun, the Earth and cold space. `driven` faces turn with the array."""

    node: Name = says("thermal node behind it")
    kind: Literal["radiator", "array_front", "array_back", "blanket", "surface"] = says("faults act on radiators")
    normal: Axis = says("where it looks")
    driven: bool = says("turns with the array", False)
    area: SquareMetre = says("as seen from outside")
    absorptivity: Fraction = says("of sunlight, at first")
    absorptivity_end_of_life: Fraction | None = says("of sunlight, with the coating aged", None)
    emissivity: Fraction = says("in the infrared")
    fin_efficiency: Fraction | None = says("share of a plate of one temperature; 1 if left out", None)


class Heater(Form):
    """A heater with its own mechanical thermostat."""

    node: Name = says("thermal node that it heats")
    power: Watt = says("when on")
    lcl: Name = says("limiter that feeds it")
    on_below: Kelvin = says("its thermostat closes")
    off_above: Kelvin = says("its thermostat opens")

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if not self.on_below < self.off_above:
            raise Refused("on_below", "below off_above")
        return self


class Exchanger(Form):
    """Heat exchange between the loop and a thermal node; `share` of the flow passes it."""

    node: Name = says("thermal node on the other side")
    conductance: Conductance = says("between coolant and node, at nominal flow")
    share: Fraction = says("of the flow that passes it")


class Loop(Form):
    """The pumped loop: cold plates on the way from supply to return, radiators on the way back."""

    kind: Literal["single_phase", "two_phase"] = says("single_phase: liquid; two_phase: it boils at the plates")
    fluid_heat: Annotated[float, positive("J/kg K")] = says("specific heat of the liquid")
    density: Annotated[float, positive("kg/m3")] = says("of the liquid")
    freezing: Kelvin = says("it stands below this")
    latent_heat: Annotated[float, positive("J/kg")] | None = says("of evaporation, for two phases", None)
    cells_per_leg: Annotated[int, Field(ge=1, le=5)] = says("lumps of coolant in each leg")
    inventory: Kilogram = says("coolant in pipes, plates and radiators")
    accumulator: Kilogram = says("coolant that the accumulator holds; half full at first")
    initial: Kelvin = says("temperature of the coolant at the epoch")
    set_point: Kelvin = says("the supply that the valve holds")
    flow: Annotated[float, positive("kg/s")] = says("at nominal pump speed")
    head: Annotated[float, positive("Pa")] = says("pressure at nominal flow")
    shut_off_head: Annotated[float, positive("Pa")] = says("pressure without flow")
    pump_power: Watt = says("at nominal speed")
    pump_node: Name = says("thermal node that the pump heats")
    pump_lcl: Name = says("limiter that feeds it")
    spin_up: Second = says("time constant of the pump")
    valve_time: Second = says("time constant of the valve")
    plates: tuple[Exchanger, ...] = says("cold plates, in flow order")
    radiators: tuple[Exchanger, ...] = says("on the way back, in flow order")


class AcceleratorGroup(Form):
    """Equal accelerators on one cold plate, behind one LCL."""

    chip: Chip = says("the accelerator")
    count: Number = says("chips of the group; one tells for all")
    node: Name = says("cold plate")
    lcl: Name = says("limiter that feeds the group")
    kind: Literal["accelerator", "host"] = says("host: a processor that runs no jobs' gangs", "accelerator")
    mode: Name | None = says("power mode at the epoch; the chip's first if left out", None)

    @model_validator(mode="after")
    def _mode(self) -> Self:
        if self.mode is not None and self.mode not in self.chip.modes:
            raise Refused(f"mode {self.mode!r}", ", ".join(self.chip.modes) or "none: its chip has no modes")
        return self


class IslHead(Form):
    """An optical terminal: where it looks, which LCL feeds it, where its heat goes."""

    axis: Axis = says("where its mast points")
    lcl: Name = says("limiter that feeds it")
    node: Name = says("thermal node that it heats")


class Radio(Form):
    """Both bands' figures, and the LCL that the transmitter is fed from."""

    lcl: Name = says("limiter of the transmitter")
    transmitter_efficiency: Fraction = says("radiated power over power taken")
    s_band: RadioBand = says("the low-rate band")
    ka_band: RadioBand | None = says("the high-rate band; the standard one if left out", None)


class Attitude(Form):
    """Axes of the body and of its actuators. `inertia` along x, y, z."""

    sun_axis: Axis = says("to the Sun in sun pointing")
    sun_second_axis: Axis = says("as near to the orbit's normal as that allows")
    nadir_axis: Axis = says("to the Earth's centre in nadir pointing")
    nadir_second_axis: Axis = says("as near to the velocity as that allows")
    inertia: Annotated[tuple[float, ...], curve("kg m2", 3)] = says("moments about x, y, z")
    slew_rate: Annotated[float, positive("rad/s")] = says("fastest turn")
    wheel_torque: Annotated[float, positive("N m")] = says("of one reaction wheel")
    wheel_momentum: Annotated[float, positive("N m s")] = says("of one reaction wheel, full")
    torquer: Annotated[float, not_negative("A m2")] = says("of one magnetic torquer")
    drag_area: SquareMetre = says("mean, across the flow")
    sun_area: SquareMetre = says("mean, across sunlight")


class Device(Form):
    """A part that radiation strikes, besides the accelerators: bits of memory, or a count of parts."""

    kind: Literal["host", "sram", "ddr", "fpga", "latching_part"] = says("decides which errors radiation makes in it")
    amount: Number = says("bits of memory, or parts")
    lcl: Name | None = says("limiter that clears its latch-ups", None)
    latch_power: Watt | None = says("what it takes while latched", None)

    @model_validator(mode="after")
    def _latch(self) -> Self:
        if (self.lcl is None) != (self.latch_power is None):
            raise Refused("lcl without latch_power", "both or neither")
        return self


class FlightSoftware(Form):
    """Flight software of a user's own, as `flight_software:` or `fsw:` of a scenario puts it here."""

    name: str = says("package.module:Class, or `outside`")
    source: str = says("digest of its sources, 32 hex digits: others do not fly; outside, of its dictionary")
    apids: tuple[Annotated[int, Field(ge=0)], ...] = says(
        "outside: whose telemetry is read; commands go to the first", ()
    )
    words: str = says("outside: its dictionary as JSON, empty for that of the reference", "")


class DesignForm(Form):
    """A whole satellite."""

    title: str = says("one line for lists")
    traces_to: str = says("what it stands for, and where that is published")
    capacity_class: Literal["full", "fleet"] = says("full; fleet: few parts, for very many")
    mass: Kilogram = says("of the spacecraft")
    power_bus: PowerBus = says("main bus")
    array: Array = says("solar array")
    battery: Battery = says("battery")
    lcls: Annotated[dict[Name, Lcl], Field(min_length=1)] = says("limiters and the loads behind them, by name")
    nodes: Annotated[dict[Name, ThermalNode], Field(min_length=1)] = says("thermal nodes, by name")
    conductors: tuple[Conductor, ...] = says("between thermal nodes")
    faces: Annotated[tuple[Face, ...], Field(min_length=1)] = says("outer faces")
    heaters: dict[Name, Heater] = says("by name")
    loop: Loop | None = says("pumped loop; none if left out", None)
    accelerators: Annotated[dict[Name, AcceleratorGroup], Field(min_length=1)] = says("groups, by name")
    isl_heads: dict[Name, IslHead] = says("optical terminals, by name; head i serves peer i")
    radio: Radio = says("both bands")
    isl: OpticalTerminal | None = says("what the optical terminals are; needed with `isl_heads`", None)
    attitude: Attitude = says("axes and actuators")
    devices: dict[Name, Device] = says("what radiation strikes beside the accelerators, by name")
    shielding: Annotated[float, not_negative("kg/m2")] = says("aluminium around the electronics")
    fdir: tuple[FdirEntry, ...] = says("monitors that are changed, added or taken out of its FDIR table", ())
    on_board_procedures: tuple[ProcedureEntry, ...] = says("that flight software carries out by itself", ())
    flight_software: FlightSoftware | None = says("written by the range; a scenario's `flight_software:` says it", None)
