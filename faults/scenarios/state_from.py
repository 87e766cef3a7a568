"""`state_from: TABLE.csv@TIME` or `RUN@TIME`: a spacecraft begins as another flight left it.

A table is what `skyrack truth --fields all` writes; of a run, what its record holds. Taken over is what a spacecraft
carries in itself: charge, temperatures, currents, ageing, health; not where it is, nor which way it looks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from bus.errors import DecodeError, EnvironmentFault, NoTrace, Refused, ScenarioError, UnknownNameError
from bus.text import tables, units
from bus.text.reader import Item
from bus.trace.reader import TraceReader
from faults.scenarios.vocabulary import first_value
from node.designs.load import load_design
from node.plant.compute import compute
from node.plant.power import battery, limiters, power, tracker
from node.plant.thermal import loop, thermal

SHAPE = "FILE.csv@TIME or RUN@TIME, such as 'monday.csv@180 min'"
CARRIED = (power, limiters, battery, thermal, loop, compute, tracker)
"""Models whose state a spacecraft carries in itself."""
WHOLE_CHARGE = "battery_soc"
GROUP_CHARGES = ("battery_group_soc", "battery_group_turn_soc", "battery_group_peak_soc")
LEAST = (WHOLE_CHARGE, GROUP_CHARGES[0])
"""Without one of these a state says too little to begin from."""


def read_state(item: Item, written: str, design: str) -> dict[str, float]:
    """First values by name, in SI. What is wrong is noted with its line."""
    source, at, moment = written.rpartition("@")
    try:
        if not at or not source:
            raise Refused(units.show(written), SHAPE)
        time_s = units.parse(moment.strip(), "time")
    except Refused as error:
        item.refuse(error.found, SHAPE if error.allowed != SHAPE else error.allowed)
        return {}
    path = Path(item.sheet.file).parent / source.strip()
    try:
        told = dict(_of_run(path, time_s) if path.is_dir() else _of_table(path, time_s))
    except ScenarioError as error:
        for mistake in error.mistakes:
            if mistake.line:
                item.sheet.mistakes.append(mistake)
            else:
                item.refuse(f"{units.show(written)}: {mistake.found}", mistake.allowed)
        return {}
    except Refused as error:
        item.refuse(error.found, error.allowed)
        return {}
    values: dict[str, float] = {}
    for name, value in told.items():
        if name.partition("[")[0] not in _carried(load_design(design).form.capacity_class):
            continue
        try:
            values[name] = first_value(design, name, _in_words(name, value))
        except (UnknownNameError, Refused):
            continue  # another design's part, or a figure that is no first value
    if not any(name.partition("[")[0] in LEAST for name in values):
        item.refuse(
            f"{units.show(written)}, which says nothing of this design's battery",
            "a flight of a like design: a table of `skyrack truth --fields all`, or a run that records its state",
        )
    return values


def _in_words(name: str, value: float) -> float | int | str:
    """As a first value is written: whole numbers where parts have states."""
    kind = units.dimension_of_name(name)
    if kind in ("number", "fraction"):
        return int(value) if value.is_integer() and kind == "number" else value
    return f"{value!r} {units.unit_of_name(name)}"


@lru_cache(maxsize=2)
def _carried(capacity_class: str) -> frozenset[str]:
    from node.plant.kernel.capacity import CLASSES  # noqa: PLC0415 - beside its use

    fields = [field[0] for model in CARRIED for field in model.state_fields(CLASSES[capacity_class])]
    return frozenset(fields)


def _of_table(path: Path, time_s: float) -> Iterator[tuple[str, float]]:
    """The last row that is not after the time."""
    shown = str(path)
    rows = iter(tables.rows(tables.read_file(path, shown).text, shown))
    header = next(rows, None)
    names = [] if header is None else [cell.strip() for cell in header.cells]
    if "time_s" not in names:
        raise tables.refused(shown, 1, "header", "no column 'time_s'", "a table of `skyrack truth --fields all`")
    who = names.index("spacecraft") if "spacecraft" in names else None
    best: list[str] | None = None
    place, latest, flown = names.index("time_s"), -math.inf, set()
    for line, row in rows:
        try:
            moment = float(row[place])
        except (ValueError, IndexError):
            raise tables.refused(shown, line, "time_s", "no time", "a number of seconds") from None
        latest = max(latest, moment)
        flown |= {row[who]} if who is not None and who < len(row) else set()
        if len(flown) > 1:
            raise tables.refused(shown, line, "spacecraft", "a second spacecraft", "a table of one")
        if moment <= time_s + 1e-9:
            best = row
    if best is None or latest < time_s - 1e-9:
        raise Refused(f"{time_s:g} s, of which {shown} says nothing", f"a time up to {latest:g} s")
    for name, cell in zip(names, best, strict=False):
        if name not in ("time_s", "spacecraft") and not tables.is_nothing(cell):
            try:
                value = float(cell)
            except ValueError:
                continue
            if math.isfinite(value):
                yield name, value


def _of_run(path: Path, time_s: float) -> Iterator[tuple[str, float]]:
    """The sample of the tick that ends at the time, of a run with one spacecraft."""
    trace = path / "trace.bin"
    try:
        with TraceReader(trace) as reader:
            flown = [entry for entry in reader.header.participants if entry.signals]
            if len(flown) != 1:
                raise Refused(f"{path}, in which {len(flown)} spacecraft fly", "a run of one spacecraft, or a table")
            ticks, matrix = reader.truth(flown[0].id)
            tick = round(time_s * 1e9 / reader.header.tick_ns) - 1
            rows = [row for row, number in zip(matrix.tolist(), ticks.tolist(), strict=True) if number == tick]
            if not rows:
                raise Refused(f"{time_s:g} s, of which the run says nothing", "a time within the run")
            yield from ((n, v) for n, v in zip(flown[0].signals, rows[0], strict=True) if math.isfinite(v))
    except (DecodeError, NoTrace, EnvironmentFault) as error:
        raise Refused(f"{path}, which cannot be read: {error}", "the directory of a run") from None
