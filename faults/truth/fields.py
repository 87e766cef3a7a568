"""Which true quantities `skyrack truth` writes: names, groups of parts, reductions, and two that are derived.

"thermal_temperature_k[radiator_1]" is one column; "accelerator_temperature_k" is one for each group;
"accelerator_temperature_k[max]" is the greatest of them. Every name ends in its unit.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bus.errors import UnknownNameError
from bus.text.units import unit_of_name
from node.designs.load import Design, load_design
from node.truth import NODE_SIGNALS
from node.truth_meanings import MEANINGS

if TYPE_CHECKING:
    from node.plant.plant import Plant

DEFAULT_FIELDS = (
    "illumination_fraction",
    "beta_rad",
    "altitude_m",
    "latitude_rad",
    "longitude_rad",
    "array_available_w",
    "array_power_w",
    "array_temperature_k",
    "load_power_w",
    "payload_power_w",
    "heater_power_w",
    "battery_soc",
    "battery_voltage_v",
    "battery_current_a",
    "battery_temperature_k",
    "main_bus_voltage_v",
    "radiator_heat_w",
    "radiator_temperature_k",
    "coolant_supply_temperature_k",
    "accelerator_temperature_k[max]",
    "hbm_temperature_k[max]",
    "accelerator_clock_fraction[min]",
    "accelerator_rate_total",
)
"""What one wants to see of a day: light, power, battery, heat, accelerators."""

REDUCTIONS = ("min", "mean", "max", "sum")
DERIVED = ("radiator_temperature_k", "accelerator_rate_total")
"""Mean over the radiators; sum over the accelerator groups, in chips at full clock."""
HINT = "`skyrack truth ... --fields all` writes every one; `skyrack list fields DESIGN` shows them"


def default_fields(designs: Sequence[Design]) -> list[str]:
    """What one sees without asking: all of them, but for radiators where nobody has some."""
    if any(design.radiators for design in designs):
        return list(DEFAULT_FIELDS)
    return [name for name in DEFAULT_FIELDS if name != "radiator_temperature_k"]


def field_rows(design_name: str) -> list[dict[str, Any]]:
    """Every field of truth that a design has: its unit, what it means, and its parts if there are several."""
    from node.plant.names import kind_of, parts_of  # noqa: PLC0415 - numba
    from node.plant.state import layout  # noqa: PLC0415 - numba

    design = load_design(design_name)
    dtype = layout(design.form.capacity_class).state
    rows = []
    for name in sorted(dtype.names or ()):
        kind = kind_of(name) if dtype[name].shape else None
        parts = parts_of(dtype, design.names, name) if dtype[name].shape and kind not in ("station", "job") else []
        if dtype[name].shape and kind not in ("station", "job") and not parts:
            continue
        of = [f"a {kind} of the scenario"] if kind in ("station", "job") else parts
        rows.append({"name": name, "unit": unit_of_name(name), "description": MEANINGS[name], "of": of})
    return rows


Reader = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of one spacecraft: its name and how to read it now."""

    name: str
    read: Reader


def fleet_columns(crafts: Sequence[tuple[Plant, Design]], names: Sequence[str]) -> list[list[Column]]:
    """Columns of each spacecraft for these names ("all": everything). What one of them lacks another may have.

    Time has a column of its own already. Raises UnknownNameError, with the nearest names, for what none of them has.
    """
    found: list[dict[str, Column]] = [{} for _ in crafts]
    for name in names:
        missing: list[UnknownNameError] = []
        for (plant, design), own in zip(crafts, found, strict=True):
            try:
                for column in _all(plant) if name == "all" else _columns(plant, design, name):
                    if column.name != "time_s":
                        own.setdefault(column.name, column)
            except UnknownNameError as error:
                missing.append(error)
        if len(missing) == len(crafts):
            raise missing[0]
    return [list(own.values()) for own in found]


def _all(plant: Plant) -> list[Column]:
    from node.plant.names import every_name  # noqa: PLC0415 - numba

    return [Column(name, _reader(plant, name)) for name in every_name(plant.state.dtype, plant.names)]


def _columns(plant: Plant, design: Design, name: str) -> list[Column]:
    from node.plant.names import UnknownField, parts_of  # noqa: PLC0415 - numba

    if name in NODE_SIGNALS:
        raise UnknownNameError("field", name, [], hint=f"'{name}' belongs to flight software, and none flies here")
    if name == "radiator_temperature_k":
        if not design.radiators:
            raise UnknownNameError("field", name, [], hint=f"{design.name} has no radiators; {HINT}")
        nodes = [f"thermal_temperature_k[{node}]" for node in design.radiators]
        return [Column(name, _reduced("mean", [_reader(plant, node) for node in nodes]))]
    if name == "accelerator_rate_total":
        rates = [f"accelerator_rate[{group}]" for group in design.accelerators]
        return [Column(name, _reduced("sum", [_reader(plant, rate) for rate in rates]))]
    dtype = plant.state.dtype
    stem, _, rest = name.partition("[")
    if stem in (dtype.names or ()) and dtype[stem].shape:
        members = [f"{stem}[{part}]" for part in parts_of(dtype, plant.names, stem)]
        readers = [_reader(plant, member) for member in members]
        if not rest:
            return [Column(member, reader) for member, reader in zip(members, readers, strict=True)]
        if rest[:-1] in REDUCTIONS and rest.endswith("]") and readers:
            return [Column(name, _reduced(rest[:-1], readers))]
    try:
        return [Column(name, _reader(plant, name))]
    except UnknownField as error:
        near = list(error.nearest) or difflib.get_close_matches(stem, [*(dtype.names or ()), *DERIVED], 3)
        raise UnknownNameError("field", name, near, hint=HINT) from None


def _reader(plant: Plant, name: str) -> Reader:
    array, index = plant.locate(name)
    view: Any = array

    def read() -> float:
        return float(view[index])

    return read


def _reduced(how: str, readers: Sequence[Reader]) -> Reader:
    if how == "sum":
        return lambda: sum(read() for read in readers)
    if how == "mean":
        return lambda: sum(read() for read in readers) / len(readers)
    best = min if how == "min" else max
    return lambda: best(read() for read in readers)
