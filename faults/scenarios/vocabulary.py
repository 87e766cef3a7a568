"""What scenario files may name, collected from all rooms: designs, stations, faults, telecommands, truth signals.

Part of the composition root: it knows every room, and holds no state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache

import numpy as np

from bus.constants import Epoch
from bus.dictionary import Dictionary
from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError
from bus.orbits.elements import satellite
from bus.scenario.model import OmmOrbit, Orbit, TleOrbit
from bus.telecommand_check import carried_labels, check_telecommand, in_units, is_hazardous
from bus.text.near import nearest
from bus.text.units import DIMENSIONS, dimension_of_name, parse, show
from bus.wire.messages import Scalar
from faults.catalogue.resolve import DesignInfo
from faults.oracle.expectation import Names
from faults.oracle.judge import parse as parse_sentence
from faults.oracle.judge import signals_needed
from node.assembly import device_readings, dictionary
from node.designs.load import load_design
from node.devices.definitions import ACCELERATOR_STATES, HEATER_STATES, JOB_STATES, LCL_STATES
from node.fsw.modes import Mode
from node.plant.names import UnknownField, every_name, kind_of, resolve
from node.plant.orbit.setup import Elements, Sgp4, span_m
from node.plant.radiation.flux_table import altitude_range_m
from node.plant.setup import first_limits
from node.plant.state import layout
from node.truth import NODE_SIGNALS

MODES = tuple(mode.name for mode in Mode)
LABELS: Mapping[str, tuple[str, ...]] = {
    "mode": MODES,
    "lcl_state": tuple(state.upper() for state in LCL_STATES),
    "heater_state": tuple(state.upper() for state in HEATER_STATES),
    "job_state": tuple(state.upper() for state in JOB_STATES),
    "accelerator_state": tuple(state.upper() for state in ACCELERATOR_STATES),
}
BASE_SIGNALS = (
    *NODE_SIGNALS,
    "illumination_fraction",
    "latitude_rad",
    "longitude_rad",
    "altitude_m",
    "battery_soc",
    "main_bus_voltage_v",
    "array_power_w",
    "load_power_w",
    "payload_power_w",
    "jobs_done",
    "heater_power_w",
    "array_temperature_k",
)
"""Sampled every tick of every run, for the report and the exports."""


class TruthNames(Collection[str]):
    """The truth signals of a design: parts by the design's names or by number, jobs by their ids or by number.

    job_ids None: they are not known, and any name is taken for one.
    """

    def __init__(self, design: str, station_ids: Sequence[str] = (), job_ids: Sequence[str] | None = ()) -> None:
        self._design = design
        self._stations = tuple(station_ids)
        self._jobs = job_ids

    def __contains__(self, name: object) -> bool:
        if name in NODE_SIGNALS:
            return True
        stem, bracket, _ = str(name).partition("[")
        if self._jobs is None and bracket and kind_of(stem) == "job":
            name = f"{stem}[0]"
        try:
            resolve(*self._fields(), str(name))
        except UnknownField:
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        yield from NODE_SIGNALS
        yield from every_name(*self._fields())

    def whole_limits(self, name: str) -> tuple[int, int] | None:
        """Least and greatest of a quantity that is counted in whole numbers; None of any other."""
        field, _ = resolve(*self._fields(), name)
        kind = layout(load_design(self._design).form.capacity_class).state[field].base
        if kind.kind == "b":
            return 0, 1
        return (0, int(np.iinfo(kind).max)) if kind.kind in "iu" else None

    def _fields(self) -> tuple[np.dtype[np.void], Mapping[str, Sequence[str]]]:
        form, named = load_design(self._design), self._jobs or ()
        jobs = [*named, *(str(place) for place in range(len(named), form.capacity.jobs))]
        return layout(form.form.capacity_class).state, {**form.names, "station": self._stations, "job": jobs}

    def __len__(self) -> int:
        return sum(1 for _ in self)


@lru_cache(maxsize=64)
def dictionary_of(design: str) -> Dictionary:
    """The dictionary of a design, made once."""
    return dictionary(design)


@lru_cache(maxsize=64)
def design_info(design: str, stations: tuple[str, ...] = ()) -> DesignInfo:
    """What can break in a design, and of the stations of its scenario."""
    form = load_design(design)
    return DesignInfo(form.name, {**form.names, "station": stations}, device_readings(design))


def names_of(
    designs: Mapping[str, str],
    faults: Collection[str] | None,
    station_ids: Sequence[str] = (),
    jobs: Mapping[str, Sequence[str]] | None = None,
) -> Names:
    """What an expectation may name: `designs` by spacecraft id (a design may be empty where it is not known), and ids
    of their `jobs` where they are known."""
    known = {spacecraft: design for spacecraft, design in designs.items() if design}
    job_ids = jobs or {}
    return Names(
        signals={s: TruthNames(known[s], station_ids, job_ids.get(s)) if s in known else None for s in designs},
        labels=LABELS,
        faults=faults,
        events={s: [event.name for event in dictionary_of(design).events] for s, design in known.items()},
        telecommands={s: list(dictionary_of(design).telecommand) for s, design in known.items()},
        alarms={s: _alarmed(design) for s, design in known.items()},
    )


@lru_cache(maxsize=64)
def _alarmed(design: str) -> tuple[str, ...]:
    """What the ground may raise an alarm about."""
    dictionary = dictionary_of(design)
    return (*dictionary.parameter, *(event.name for event in dictionary.events))


def base_truth_signals(design: str) -> tuple[str, ...]:
    """Signals sampled whether or not an expectation needs them: few enough to be cheap, enough for the report."""
    form = load_design(design)
    nodes = [form.form.battery.node, *form.radiators[:1]]
    nodes += [group.node for group in list(form.form.accelerators.values())[:1]]
    signals = [*BASE_SIGNALS, *(f"thermal_temperature_k[{node}]" for node in dict.fromkeys(nodes))]
    signals += [f"accelerator_rate[{group}]" for group in form.accelerators]
    for group in form.accelerators[:1]:
        signals += [f"accelerator_temperature_k[{group}]", f"accelerator_clock_fraction[{group}]"]
    return tuple(signals)


def checked_arguments(design: str, name: str, arguments: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """A telecommand's arguments in the dictionary's units. Raises as `check_telecommand`."""
    known = dictionary_of(design)
    return check_telecommand(known, name, in_units(known, name, arguments))


def hazardous(design: str, name: str, arguments: Mapping[str, Scalar]) -> bool:
    """Whether a checked telecommand needs a second word."""
    return is_hazardous(dictionary_of(design), name, arguments)


SCHEDULE = "schedule.insert"


def scheduled(design: str, at_s: float, name: str, arguments: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The arguments that put a checked telecommand into the on-board schedule. UnknownNameError for one that cannot
    wait there."""
    known = dictionary_of(design)
    waiting = carried_labels(known.telecommand)
    if name not in waiting:
        hint = "of the schedule's own telecommands, the one that inserts cannot wait in it"
        raise UnknownNameError("telecommand that can wait on board", name, [], hint=hint)
    return check_telecommand(known, SCHEDULE, {**arguments, "at": at_s, "telecommand": name})


def expectation_signals(
    text: str, designs: Mapping[str, str], faults: Sequence[str] | None, jobs: Mapping[str, Sequence[str]]
) -> dict[str, tuple[str, ...]]:
    """Truth signals that a sentence needs, per spacecraft. Raises ScenarioError."""
    return signals_needed(parse_sentence(text, names_of(designs, faults, jobs=jobs)))


def first_value(design: str, name: str, written: Scalar) -> float:
    """An initial value in SI. Raises UnknownNameError for a name there is not, Refused for a value that cannot be."""
    labels = LABELS.get(name.partition("[")[0])
    names = TruthNames(design)
    if name != "mode" and (name in NODE_SIGNALS or name not in names):
        near = nearest(name, names)
        raise UnknownNameError("initial value", name, near, hint="`skyrack list fields DESIGN` shows all")
    if labels is not None:
        if isinstance(written, str) and written in labels:
            return float(labels.index(written))
        if isinstance(written, bool) or not isinstance(written, int) or not 0 <= written < len(labels):
            raise Refused(show(written), ", ".join(f"{label} ({place})" for place, label in enumerate(labels)))
        return float(written)
    dimension = dimension_of_name(name)
    value = parse(written, dimension)
    low, high = first_limits(name)
    whole = names.whole_limits(name)
    if whole is not None and (not value.is_integer() or not whole[0] <= value <= whole[1]):
        raise Refused(show(written), f"a whole number from {whole[0]} to {whole[1]}")
    if not low <= value <= high:
        unit = "K" if dimension == "temperature" else next(iter(DIMENSIONS[dimension]))
        raise Refused(show(written), "0 to 100 %" if dimension == "fraction" else f"{low:g} {unit} to {high:g} {unit}")
    return value


def check_orbit(orbit: Orbit) -> None:
    """Refuses an orbit that leaves the altitudes of the trapped proton table. Raises ScenarioError."""
    low, high = altitude_range_m()
    lowest, highest = span_m(_mean_elements(orbit))
    if not low <= lowest <= highest <= high:
        raise ScenarioError(
            [
                Mistake(
                    "", 0, 0, "",
                    f"an orbit of {lowest / 1e3:.0f} to {highest / 1e3:.0f} km altitude (over the flattened Earth, "
                    "with 15 km for its swing)",
                    f"{low / 1e3:.0f} to {high / 1e3:.0f} km, where the proton flux table has values",
                )
            ]
        )  # fmt: skip


def _mean_elements(orbit: Orbit) -> Elements:
    if isinstance(orbit, TleOrbit | OmmOrbit):
        return Sgp4(satellite(orbit), Epoch.of("2000-01-01T12:00:00Z")).mean_elements()  # size and tilt only
    return Elements(orbit.semi_major_axis_m, orbit.eccentricity, orbit.inclination_rad, 0.0, 0.0, 0.0)
