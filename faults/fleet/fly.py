"""A constellation from its first tick to its last, with checkpoints; then the worst spacecraft once more, alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bus.clock import Stopwatch
from faults.fleet import books, checkpoint
from faults.fleet.build_up import BuildUp, ShellPlan, build_up
from faults.fleet.flight import Flight
from faults.fleet.form import Constellation
from faults.fleet.steps import finer, names_of
from faults.fleet.tables import Tables
from node.designs.load import load_design

Told = Callable[[int, int], None]
CRITERIA = (
    ("lowest charge", "lowest_soc", min), ("hottest accelerator", "hottest_chip_k", max),
    ("hottest memory", "hottest_memory_k", max), ("least work", "work_done_s", min),
    ("longest shadow in all", "dark_s", max), ("longest brown-out", "brown_out_s", max),
)  # fmt: skip
"""By which the worst are found: a name, what it is read from, and which end is the worst."""


@dataclass(frozen=True)
class Worst:
    """The worst spacecraft by one criterion."""

    criterion: str
    field: str
    spacecraft: str
    value: float


@dataclass
class Flown:
    """A flight that is over, or was stopped. again: the worst, flown alone from the epoch; differing: those of them
    that were not the same to the bit. fine: the sampled ones alone, in finer steps. open_books: times at which a book
    did not close."""

    flight: Flight
    tables: Tables
    worst: list[Worst]
    again: tuple[Flight, Tables] | None
    differing: list[str]
    open_books: list[float]
    seconds: float
    steps: int
    tables_s: float
    build_up: BuildUp | None = None
    fine: tuple[Flight, Tables] | None = None


def fly(
    what: Constellation, folder: Path, *, resume: bool, every_s: float, told: Told, stopped: Callable[[], object]
) -> Flown:  # fmt: skip
    """Fly it. `every_s`: of real time between two checkpoints. Where it is `stopped`, a checkpoint is left behind."""
    watch, flight = Stopwatch(), Flight(what)
    tables = Tables(flight, what.samples)
    if resume:
        checkpoint.resume(folder, flight, tables)
    began, saved_s, tables_s = flight.tick, 0.0, 0.0
    open_books: list[float] = []
    flying = Stopwatch()
    while flight.tick < what.ticks:
        if stopped():
            checkpoint.save(folder, flight, tables)
            break
        flight.step()
        if flight.tick % what.report_ticks == 0 or flight.tick == what.ticks:
            seeing = Stopwatch()
            tables.see()
            if not books.closed(books.books(flight)):
                open_books.append(flight.time_s)
            tables_s += seeing.seconds
        told(flight.tick, what.ticks)
        if watch.seconds - saved_s >= every_s and flight.tick < what.ticks:
            checkpoint.save(folder, flight, tables)
            saved_s = watch.seconds
    steps = (flight.tick - began) * len(flight)
    done = Flown(flight, tables, [], None, [], open_books, flying.seconds, steps, tables_s)
    if flight.tick == what.ticks:
        done.worst = worst(flight)
        if what.launches is not None:
            plans = [ShellPlan(one.id, one.count, load_design(one.design).form.mass) for one in what.shells]
            done.build_up = build_up(what.launches, plans, what.seed)
        done.again = _alone(what, sorted({one.spacecraft for one in done.worst}), stopped)
        if done.again is not None:
            done.differing = done.again[0].same_bits(flight)
        fine = finer(what)
        if fine is not None:
            done.fine = _alone(fine, names_of(flight, tables), stopped)
    return done


def worst(flight: Flight) -> list[Worst]:
    """One spacecraft for each criterion that tells them apart; of equals the first in the file."""
    found = []
    for criterion, field, end in CRITERIA:
        candidates: list[tuple[float, int, str]] = []
        spread = False
        for number, wing in enumerate(flight.wings):
            values: Any = wing.memory[field].astype(np.float64)
            if field == "work_done_s":  # designs have more accelerators or fewer
                values /= max(wing.chips, 1.0)
            place = int(values.argmin() if end is min else values.argmax())
            spread = spread or bool(values.max() > values.min())
            candidates.append((float(values[place]), number, wing.names[place]))
        value, _, name = end(candidates, key=lambda one: one[0])
        if spread or len({one[0] for one in candidates}) > 1:
            found.append(Worst(criterion, field, name, value))
    return found


def _alone(what: Constellation, names: list[str], stopped: Callable[[], object]) -> tuple[Flight, Tables] | None:
    """These spacecraft alone, every report of them in full. None where that was stopped, or there is nobody."""
    if not names:
        return None
    flight = Flight(what, names)
    tables = Tables(flight, len(flight))
    while flight.tick < what.ticks:
        if stopped():
            return None
        flight.step()
        if flight.tick % what.report_ticks == 0 or flight.tick == what.ticks:
            tables.see()
    return flight, tables
