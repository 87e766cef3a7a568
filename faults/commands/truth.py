"""`skyrack truth`: the plants of a scenario alone, under its orders, as a table. No flight software, no ground.

For anyone who wants to lay our physics beside their own tool. The same plants as in a run, the same seed, the same
faults of the plant; telecommands and expectations of the scenario do not act.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TextIO

from bus.clock import Stopwatch
from bus.errors import EnvironmentFault, Refused, UnknownNameError, UserError
from bus.files import whole
from bus.scenario.model import Scenario
from bus.text.near import nearest
from bus.text.times import clock
from bus.text.units import parse_duration_ns
from faults.commands.truth_fields import DEFAULT_FIELDS, Column, fleet_columns
from faults.commands.truth_script import Script, silent_faults
from faults.run.warm import warm_up
from faults.scenarios.choose import load_named
from node.config import resolve

if TYPE_CHECKING:
    from node.designs.load import Design
    from node.plant.plant import Plant

SUFFIXES = (".csv", ".parquet")
QUIET_S = 2.0
"""Shorter flights than this say nothing of their progress."""
SAY_EVERY_S = 5.0
BATCH_ROWS = 4096
A_MOMENT_S = 1e-6
Row = list[float | str | None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TruthOptions:
    """What the user asked for; empty means the scenario's own, or the default."""

    scenario: str
    fields: tuple[str, ...] = ()
    every: str = "10 s"
    spacecraft: tuple[str, ...] = ()
    duration: str = ""
    out: Path | None = None
    designs: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Craft:
    """One spacecraft in the table: its plant and what it was made of."""

    id: str
    plant: Plant
    design: Design
    peers: tuple[str, ...]
    script: Script


@dataclass(frozen=True, slots=True)
class Span:
    """How long, how often, in ticks; and how long a tick is."""

    ticks: int
    every: int
    tick_s: float


class Table(Protocol):
    """Where rows go."""

    def write(self, row: Row) -> None:
        """One row, in the order of the heads."""
        ...


def truth_command(options: TruthOptions) -> int:
    """Fly the plants and write the table; 3 if a fault had to be refused. Raises UserError and its kin for everything
    that was asked for wrongly."""
    scenario = load_named(options.scenario, options.designs).scenario
    tick_ns = scenario.tick_ns
    every = _ticks(options.every, tick_ns, "--every")
    ticks = _ticks(options.duration, tick_ns, "--duration") if options.duration else scenario.ticks
    if options.out is not None and options.out.suffix not in SUFFIXES:
        raise UserError(f"cannot write {options.out}", hint=f"its name ends in {' or '.join(SUFFIXES)}")
    chosen = _chosen(scenario, options.spacecraft)
    names = [name.strip() for text in options.fields for name in _split(text)] or list(DEFAULT_FIELDS)
    silent = silent_faults(scenario.faults, chosen)
    if silent:
        _say(f"faults that do not act: {silent}")
    warm_up(scenario, _say)
    crafts = [_craft(scenario, who) for who in chosen]
    table_of = fleet_columns([(craft.plant, craft.design) for craft in crafts], names)
    heads = list(dict.fromkeys(column.name for columns in table_of for column in columns))
    with _table(options.out, ["time_s", "spacecraft", *heads]) as table:
        lines = [[{c.name: c for c in columns}.get(head) for head in heads] for columns in table_of]
        _fly(crafts, lines, Span(ticks, every, tick_ns / 1e9), table)
    if options.out is not None:
        _say(f"{options.out}: {len(crafts)} spacecraft, {clock(ticks * tick_ns / 1e9)}, {len(heads)} columns")
    refused = [f"{craft.id}: {reason}" for craft in crafts for reason in craft.script.refused]
    for reason in refused:
        _say(f"a fault was refused: {reason}")
    return 3 if refused else 0


def _fly(crafts: Sequence[Craft], lines: Sequence[Sequence[Column | None]], span: Span, table: Table) -> None:
    """All plants together, tick by tick, because peers hear each other's beacons of the tick before.

    The row of the epoch is read a microsecond after it: before the first step no order has acted and nothing flows.
    """
    watch, said = Stopwatch(), QUIET_S
    ticks, every, tick_s = span.ticks, span.every, span.tick_s
    talking = any(craft.peers for craft in crafts)
    for craft in crafts:
        craft.script.act(0)
    beacons = {craft.id: craft.plant.beacon() for craft in crafts}
    before = [craft.plant.save() for craft in crafts]
    for craft in crafts:
        craft.plant.step(0, A_MOMENT_S, {peer: beacons[peer] for peer in craft.peers if peer in beacons})
    for tick in range(ticks + 1):
        if tick % every == 0:
            for craft, line in zip(crafts, lines, strict=True):
                table.write([tick * tick_s, craft.id, *(None if column is None else column.read() for column in line)])
            if watch.seconds > said:
                speed = tick * tick_s / watch.seconds
                _say(f"{clock(tick * tick_s)} of {clock(ticks * tick_s)}, x{speed:,.0f}")
                said = watch.seconds + SAY_EVERY_S
        if tick == 0:
            for craft, state in zip(crafts, before, strict=True):
                craft.plant.restore(state)
        if tick == ticks:
            return
        if talking:
            beacons = {craft.id: craft.plant.beacon() for craft in crafts}
        for craft in crafts:
            if tick > 0:
                craft.script.act(tick)
            craft.plant.step(tick, tick_s, {peer: beacons[peer] for peer in craft.peers if peer in beacons})


def _craft(scenario: Scenario, who: str) -> Craft:
    from node.designs.setup import plant_setup  # noqa: PLC0415 - numba
    from node.plant.plant import Plant  # noqa: PLC0415 - numba

    config = resolve(scenario, who)
    plant = Plant(
        plant_setup(
            config.design,
            config.spacecraft,
            stations=config.stations,
            environment=config.environment,
            epoch_utc=config.epoch_utc,
            seed=config.seed,
            peer_heads=config.peer_heads,
        )
    )
    script = Script(scenario, config.spacecraft, config.design.name, plant)
    return Craft(who, plant, config.design, tuple(config.spacecraft.peers), script)


def _chosen(scenario: Scenario, wanted: Sequence[str]) -> list[str]:
    known = [spacecraft.id for spacecraft in scenario.spacecraft]
    for who in wanted:
        if who not in known:
            raise UnknownNameError("spacecraft", who, nearest(who, known), hint=f"here fly {', '.join(known[:20])}")
    return [who for who in known if who in wanted] if wanted else known


def _ticks(text: str, tick_ns: int, option: str) -> int:
    """A time as whole ticks, at least one."""
    try:
        nanoseconds = parse_duration_ns(text)
    except Refused as error:
        raise UserError(f"{option}: found {error.found}", hint=f"allowed: {error.allowed}") from None
    ticks, rest = divmod(nanoseconds, tick_ns)
    if ticks < 1 or rest:
        raise UserError(f"{option} {text}", hint=f"allowed: whole ticks of {tick_ns / 1e9:g} s")
    return ticks


def _split(text: str) -> list[str]:
    return [name for name in text.split(",") if name.strip()]


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


@contextmanager
def _table(out: Path | None, heads: Sequence[str]) -> Iterator[Table]:
    """Standard output, or a file that takes its name only when it is whole."""
    if out is None:
        yield CsvTable(sys.stdout, heads)
        sys.stdout.flush()
        return
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole(out) as draft:
            if out.suffix == ".parquet":
                table = ParquetTable(draft, heads)
                yield table
                table.close()
            else:
                with draft.open("w", encoding="utf-8", newline="") as stream:
                    yield CsvTable(stream, heads)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {out}: {error.strerror}", hint="choose another --out") from error


class CsvTable:
    """Comma-separated values. A quantity that a spacecraft does not have is an empty cell."""

    def __init__(self, stream: TextIO, heads: Sequence[str]) -> None:
        self._writer = csv.writer(stream, lineterminator="\n")
        self._writer.writerow(heads)

    def write(self, row: Row) -> None:
        """One line; ten significant digits."""
        self._writer.writerow([f"{cell:.10g}" if isinstance(cell, float) else cell for cell in row])


class ParquetTable:
    """Apache Parquet, written in batches of rows."""

    def __init__(self, path: Path, heads: Sequence[str]) -> None:
        try:
            import pyarrow  # noqa: PLC0415 - an extra
            import pyarrow.parquet  # noqa: PLC0415
        except ImportError:
            raise EnvironmentFault("Parquet needs pyarrow", hint="install skyrack[export], or write a .csv") from None
        self._arrow = pyarrow
        types = [(head, pyarrow.string() if head == "spacecraft" else pyarrow.float64()) for head in heads]
        self._schema = pyarrow.schema(types)
        self._writer = pyarrow.parquet.ParquetWriter(path, self._schema)
        self._rows: list[Row] = []

    def write(self, row: Row) -> None:
        """One row; a full batch goes to the file."""
        self._rows.append(row)
        if len(self._rows) >= BATCH_ROWS:
            self._flush()

    def close(self) -> None:
        """The rest, and the footer."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            cells = [list(column) for column in zip(*self._rows, strict=True)]
            self._writer.write_table(self._arrow.table(cells, schema=self._schema))
            self._rows.clear()
