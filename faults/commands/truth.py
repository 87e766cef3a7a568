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
from typing import Protocol, TextIO

from bus.clock import Stopwatch
from bus.errors import EnvironmentFault, Refused, UnknownNameError, UserError
from bus.files import whole
from bus.scenario.model import Scenario
from bus.text.near import nearest
from bus.text.times import clock
from bus.text.units import parse_duration_ns
from faults.run.warm import warm_up
from faults.scenarios.choose import load_named
from faults.truth.fields import Column, default_fields, fleet_columns
from faults.truth.flight import Craft, craft, fly
from faults.truth.script import silent_faults

SUFFIXES = (".csv", ".parquet")
QUIET_S = 2.0
"""Shorter flights than this say nothing of their progress."""
SAY_EVERY_S = 5.0
BATCH_ROWS = 4096
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


class _Rows:
    """Writes what is seen, and says how far it is."""

    def __init__(
        self, crafts: Sequence[Craft], lines: Sequence[Sequence[Column | None]], span: Span, table: Table
    ) -> None:
        self._crafts, self._lines, self._span, self._table = crafts, lines, span, table
        self._watch, self._said = Stopwatch(), QUIET_S

    def see(self, tick: int) -> None:
        """A tick is over."""
        span = self._span
        if tick % span.every:
            return
        for one, line in zip(self._crafts, self._lines, strict=True):
            cells = [None if column is None else column.read() for column in line]
            self._table.write([tick * span.tick_s, one.id, *cells])
        if self._watch.seconds > self._said:
            speed = tick * span.tick_s / self._watch.seconds
            _say(f"{clock(tick * span.tick_s)} of {clock(span.ticks * span.tick_s)}, x{speed:,.0f}")
            self._said = self._watch.seconds + SAY_EVERY_S


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
    names = [name.strip() for text in options.fields for name in _split(text)]
    silent = silent_faults(scenario.faults, chosen)
    if silent:
        _say(f"faults that do not act: {silent}")
    warm_up(scenario, _say)
    crafts = [craft(scenario, who) for who in chosen]
    names = names or default_fields([one.design for one in crafts])
    table_of = fleet_columns([(one.plant, one.design) for one in crafts], names)
    heads = list(dict.fromkeys(column.name for columns in table_of for column in columns))
    with _table(options.out, ["time_s", "spacecraft", *heads]) as table:
        lines = [[{c.name: c for c in columns}.get(head) for head in heads] for columns in table_of]
        rows = _Rows(crafts, lines, Span(ticks, every, tick_ns / 1e9), table)
        fly(crafts, ticks, tick_ns / 1e9, rows.see)
    if options.out is not None:
        _say(f"{options.out}: {len(crafts)} spacecraft, {clock(ticks * tick_ns / 1e9)}, {len(heads)} columns")
    refused = [f"{one.id}: {reason}" for one in crafts for reason in one.script.refused]
    for reason in refused:
        _say(f"a fault was refused: {reason}")
    return 3 if refused else 0


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
