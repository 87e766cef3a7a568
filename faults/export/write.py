"""`skyrack export`: a run's trace and archive for other tools.

CSV needs nothing; MCAP needs the mcap package, Parquet pyarrow (`pip install 'skyrack[export]'`).
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bus.errors import EnvironmentFault
from faults.export.rows import Channel, Table, channels, tables
from faults.recording.read import read_recording
from faults.run_directory import RunDirectory, open_run

BATCH_ROWS = 10_000
_MISSING = "install it with: pip install 'skyrack[export]' (make install has it already)"


def export_command(run: Path, to: str, out: Path | None) -> int:
    """Write the run in one format and say where."""
    directory = open_run(run)
    try:
        written = {"mcap": _mcap, "csv": _csv, "parquet": _parquet}[to](directory, out)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write the export: {error.strerror}: {error.filename}", hint="choose another place with --out"
        ) from error
    for path in written:
        sys.stdout.write(f"{path}\n")
    return 0


def _mcap(directory: RunDirectory, out: Path | None) -> list[Path]:
    """One MCAP file with JSON messages and their schemas; opens in Foxglove."""
    try:
        from mcap.writer import CompressionType, Writer  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise EnvironmentFault("MCAP needs the package mcap", hint=_MISSING) from error
    recording = read_recording(directory)
    path = out or directory.path / "export.mcap"
    path.parent.mkdir(parents=True, exist_ok=True)
    epoch_ns = _epoch_ns(recording.scenario.epoch_utc)
    with path.open("wb") as file:
        writer: Any = Writer(file, compression=CompressionType.ZSTD if _has_zstandard() else CompressionType.NONE)
        writer.start(profile="", library="skyrack")
        writer.add_metadata("run", {"scenario": recording.scenario.name, "trace_hash": recording.trace_hash})
        ids = {}
        for channel in channels(recording, directory):
            schema = json.dumps(channel.schema).encode()
            number = writer.register_schema(channel.name, "jsonschema", schema)
            ids[channel.topic] = writer.register_channel(channel.topic, "json", number)
            _write_channel(writer, ids[channel.topic], channel, epoch_ns)
        writer.finish()
    return [path]


def _write_channel(writer: Any, number: int, channel: Channel, epoch_ns: int) -> None:
    for sequence, (at_ns, message) in enumerate(channel.messages):
        stamp = epoch_ns + at_ns
        data = json.dumps(message, allow_nan=False).encode()
        writer.add_message(channel_id=number, log_time=stamp, publish_time=stamp, sequence=sequence, data=data)


def _csv(directory: RunDirectory, out: Path | None) -> list[Path]:
    """One file per table."""
    folder = out or directory.path / "csv"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for table in tables(read_recording(directory), directory):
        path = folder / f"{table.name}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)
        written.append(path)
    return written


def _parquet(directory: RunDirectory, out: Path | None) -> list[Path]:
    """One file per table."""
    try:
        import pyarrow as arrow  # noqa: PLC0415 - an optional dependency
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise EnvironmentFault("Parquet needs the package pyarrow", hint=_MISSING) from error
    folder = out or directory.path / "parquet"
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    kinds = {"float": arrow.float64(), "int": arrow.int64(), "text": arrow.string()}
    for table in tables(read_recording(directory), directory):
        path = folder / f"{table.name}.parquet"
        schema = arrow.schema([(name, kinds[kind]) for name, kind in zip(table.columns, table.kinds, strict=True)])
        with ExitStack() as stack:
            writer = stack.enter_context(parquet.ParquetWriter(path, schema))
            for rows in _batches(table):
                columns = [list(column) for column in zip(*rows, strict=True)]
                arrays = [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))
        written.append(path)
    return written


def _batches(table: Table) -> Iterable[Sequence[Sequence[object]]]:
    batch: list[Sequence[object]] = []
    for row in table.rows:
        batch.append(row)
        if len(batch) == BATCH_ROWS:
            yield batch
            batch = []
    if batch:
        yield batch


def _epoch_ns(epoch_utc: str) -> int:
    """The scenario's epoch in nanoseconds since 1970, in UTC."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    moment = datetime.fromisoformat(epoch_utc.replace("Z", "+00:00"))
    return int((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1)) * 1000


def _has_zstandard() -> bool:
    try:
        import zstandard  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True
