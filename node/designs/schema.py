"""The form of a design file: which figures a satellite has, in which unit, and what they may be."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bus.errors import Refused
from bus.text.forms import Form
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
from node.designs.parts import Axis, BatteryCell, Chip, OpticalTerminal, RadioBand, SolarCell

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,31}$")]


class Drive(Form):
    """The array drive: the normal turns about `axis`; `rate` limits it."""

    axis: Axis
    rate: Annotated[float, positive("rad/s")]


class Array(Form):
    """The solar array: `strings` equal strings of `series` cells share `area` x `packing` of cells."""

    cell: SolarCell
    strings: Annotated[int, Field(ge=1)]
    series: Annotated[int, Field(ge=1)]
    area: SquareMetre
    packing: Fraction
    control: Literal["mppt", "s3r"]
    control_efficiency: Fraction
    cover_glass: Annotated[float, not_negative("kg/m2")]
    normal: Axis
    drive: Drive | None
    node: Name


class Battery(Form):
    """The battery: `groups` in parallel, each of `series` cells, together `energy` at nominal voltage."""

    cell: BatteryCell
    groups: Annotated[int, Field(ge=1)]
    series: Annotated[int, Field(ge=1)]
    energy: Annotated[float, positive("J")]
    initial_soc: Fraction
    node: Name


class PowerBus(Form):
    """The main power bus and its undervoltage protection."""

    kind: Literal["regulated", "unregulated"]
    voltage: Volt
    charge_efficiency: Fraction
    discharge_efficiency: Fraction
    undervoltage: Volt
    undervoltage_recovery: Volt
    node: Name


class Lcl(Form):
    """A latching current limiter and the load behind it. Priority 0 is shed last.

    `cut_off`: the load has a thermostat that trips the limiter when its node is as hot as this. None by default.
    """

    kind: Literal["lcl", "rlcl"]
    priority: Annotated[int, Field(ge=0, le=4)]
    limit: Ampere
    trip_time: Second
    load: Watt
    node: Name
    initially: Literal["on", "off"] = "on"
    inrush: Annotated[float, not_negative("C")] | None = None
    cut_off: Kelvin | None = None

    @model_validator(mode="after")
    def _cut_off(self) -> Self:
        if self.cut_off is not None and self.kind == "rlcl":
            raise Refused("cut_off on an essential limiter, which closes again", "on kind lcl")
        return self


class ThermalNode(Form):
    """A lump of the thermal network."""

    capacity: HeatCapacity
    initial: Kelvin


class Conductor(Form):
    """Between two thermal nodes: `gl` (conduction), `gr` (radiation, emissivity x area x view) or `heat_pipe`."""

    between: tuple[Name, Name]
    gl: Conductance | None = None
    gr: SquareMetre | None = None
    heat_pipe: Conductance | None = None
    heat_pipe_limit: Watt | None = None

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

    node: Name
    kind: Literal["radiator", "array_front", "array_back", "blanket", "surface"]
    normal: Axis
    driven: bool = False
    area: SquareMetre
    absorptivity: Fraction
    absorptivity_end_of_life: Fraction | None = None
    emissivity: Fraction
    fin_efficiency: Fraction | None = None


class Heater(Form):
    """A heater with its own mechanical thermostat."""

    node: Name
    power: Watt
    lcl: Name
    on_below: Kelvin
    off_above: Kelvin

    @model_validator(mode="after")
    def _hysteresis(self) -> Self:
        if not self.on_below < self.off_above:
            raise Refused("on_below", "below off_above")
        return self


class Exchanger(Form):
    """Heat exchange between the loop and a thermal node; `share` of the flow passes it."""

    node: Name
    conductance: Conductance
    share: Fraction


class Loop(Form):
    """The pumped loop: cold plates on the way from supply to return, radiators on the way back."""

    kind: Literal["single_phase", "two_phase"]
    fluid_heat: Annotated[float, positive("J/kg K")]
    density: Annotated[float, positive("kg/m3")]
    freezing: Kelvin
    latent_heat: Annotated[float, positive("J/kg")] | None = None
    cells_per_leg: Annotated[int, Field(ge=1, le=5)]
    inventory: Kilogram
    accumulator: Kilogram
    initial: Kelvin
    set_point: Kelvin
    flow: Annotated[float, positive("kg/s")]
    head: Annotated[float, positive("Pa")]
    shut_off_head: Annotated[float, positive("Pa")]
    pump_power: Watt
    pump_node: Name
    pump_lcl: Name
    spin_up: Second
    valve_time: Second
    plates: tuple[Exchanger, ...]
    radiators: tuple[Exchanger, ...]


class AcceleratorGroup(Form):
    """Equal accelerators on one cold plate, behind one LCL."""

    chip: Chip
    count: Number
    node: Name
    lcl: Name
    kind: Literal["accelerator", "host"] = "accelerator"


class IslHead(Form):
    """An optical terminal: where it looks, which LCL feeds it, where its heat goes."""

    axis: Axis
    lcl: Name
    node: Name


class Radio(Form):
    """Both bands' figures, and the LCL that the transmitter is fed from."""

    lcl: Name
    transmitter_efficiency: Fraction
    s_band: RadioBand
    ka_band: RadioBand | None = None


class Attitude(Form):
    """Axes of the body and of its actuators. `inertia` along x, y, z."""

    sun_axis: Axis
    sun_second_axis: Axis
    nadir_axis: Axis
    nadir_second_axis: Axis
    inertia: Annotated[tuple[float, ...], curve("kg m2", 3)]
    slew_rate: Annotated[float, positive("rad/s")]
    wheel_torque: Annotated[float, positive("N m")]
    wheel_momentum: Annotated[float, positive("N m s")]
    torquer: Annotated[float, not_negative("A m2")]
    drag_area: SquareMetre
    sun_area: SquareMetre


class Device(Form):
    """A part that radiation strikes, besides the accelerators: bits of memory, or a count of parts."""

    kind: Literal["host", "sram", "ddr", "fpga", "latching_part"]
    amount: Number
    lcl: Name | None = None
    latch_power: Watt | None = None

    @model_validator(mode="after")
    def _latch(self) -> Self:
        if (self.lcl is None) != (self.latch_power is None):
            raise Refused("lcl without latch_power", "both or neither")
        return self


class DesignForm(Form):
    """A whole satellite."""

    title: str
    traces_to: str
    capacity_class: Literal["full", "fleet"]
    mass: Kilogram
    power_bus: PowerBus
    array: Array
    battery: Battery
    lcls: Annotated[dict[Name, Lcl], Field(min_length=1)]
    nodes: Annotated[dict[Name, ThermalNode], Field(min_length=1)]
    conductors: tuple[Conductor, ...]
    faces: Annotated[tuple[Face, ...], Field(min_length=1)]
    heaters: dict[Name, Heater]
    loop: Loop | None = None
    accelerators: Annotated[dict[Name, AcceleratorGroup], Field(min_length=1)]
    isl_heads: dict[Name, IslHead]
    radio: Radio
    isl: OpticalTerminal | None = None
    attitude: Attitude
    devices: dict[Name, Device]
    shielding: Annotated[float, not_negative("kg/m2")]
