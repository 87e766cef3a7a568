"""`skyrack export`: a run's trace and archive for other tools. A file has its name when it is whole, never before.

CSV needs nothing; MCAP needs the mcap package, Parquet pyarrow (`pip install 'skyrack[export]'`).
"""

from __future__ import annotations

import csv
import itertools
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from bus.errors import EnvironmentFault
from bus.files import whole
from faults.export.rows import Channel, Table, channels, tables
from faults.export.topics import happenings
from faults.recording.read import read_recording
from faults.recording.recording import Recording
from faults.run_directory import RunDirectory, open_run
from groundstation.config import GROUND_ID

BATCH_ROWS = 10_000
_MISSING = "install it with: pip install 'skyrack[export]' (make install has it already)"


def export_command(run: Path, to: str, out: Path | None) -> int:
    """Write the run in one format and say where. Exit status 3 if its trace is not whole, or its archive not what the
    ground wrote: then it is what was left."""
    directory = open_run(run)
    recording = read_recording(directory)
    try:
        written = {"mcap": _mcap, "csv": _csv, "parquet": _parquet}[to](recording, directory, out)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot write the export: {error.strerror}: {error.filename}", hint="choose another place with --out"
        ) from error
    for path in written:
        sys.stdout.write(f"{path}\n")
    if recording.damage:
        sys.stderr.write(f"error: {recording.damage}\n  next: the export holds these, and no more\n")
        return 3
    trouble = recording.books.archived.trouble
    if trouble and (GROUND_ID in recording.books.accounts or not directory.archive.is_file()):
        sys.stderr.write(
            f"error: the archive is not what the ground wrote: {trouble}\n"
            "  next: do not take the export's telemetry for the run's; what is of the trace is whole\n"
        )
        return 3
    return 0


def _mcap(recording: Recording, directory: RunDirectory, out: Path | None) -> list[Path]:
    """One MCAP file with JSON messages and their schemas; opens in Foxglove."""
    try:
        from mcap.writer import CompressionType, Writer  # noqa: PLC0415 - an optional dependency
    except ImportError as error:
        raise EnvironmentFault("MCAP needs the package mcap", hint=_MISSING) from error
    path = out or directory.path / "export.mcap"
    path.parent.mkdir(parents=True, exist_ok=True)
    zero_ns, zero_utc = _mcap_zero(recording.scenario.epoch_utc)
    if not zero_utc.startswith("1970"):
        sys.stderr.write(f"note: MCAP knows no time before 1970: its times count from {zero_utc} (so its metadata)\n")
    with whole(path) as draft, draft.open("wb") as file:
        writer: Any = Writer(file, compression=CompressionType.ZSTD if _has_zstandard() else CompressionType.NONE)
        writer.start(profile="", library="skyrack")
        about = {"scenario": recording.scenario.name, "trace_hash": recording.trace_hash, "damage": recording.damage}
        writer.add_metadata("run", {**about, "epoch_utc": recording.scenario.epoch_utc, "log_time_zero_utc": zero_utc})
        ids = {}
        for channel in itertools.chain(channels(recording, directory), happenings(recording, directory)):
            schema = json.dumps(channel.schema).encode()
            number = writer.register_schema(channel.name, "jsonschema", schema)
            ids[channel.topic] = writer.register_channel(channel.topic, "json", number)
            _write_channel(writer, ids[channel.topic], channel, zero_ns)
        writer.finish()
    return [path]


def _mcap_zero(epoch_utc: str) -> tuple[int, str]:
    """What an MCAP file counts its times from, which are not negative: 1970, or the scenario's epoch if that is
    before. Gives the epoch on that scale, and the zero in words."""
    epoch_ns = _epoch_ns(epoch_utc)
    return (epoch_ns, "1970-01-01T00:00:00Z") if epoch_ns >= 0 else (0, epoch_utc)


def _write_channel(writer: Any, number: int, channel: Channel, zero_ns: int) -> None:
    for sequence, (at_ns, message) in enumerate(channel.messages):
        stamp = zero_ns + at_ns
        data = json.dumps(message, allow_nan=False).encode()
        writer.add_message(channel_id=number, log_time=stamp, publish_time=stamp, sequence=sequence, data=data)


def _csv(recording: Recording, directory: RunDirectory, out: Path | None) -> list[Path]:
    """One file per table."""

    def write(table: Table, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(table.columns)
            writer.writerows(table.rows)

    return _folder(tables(recording, directory), out or directory.path / "csv", "csv", write)


def _parquet(recording: Recording, directory: RunDirectory, out: Path | None) -> list[Path]:
    """One file per table."""
    try:
        import pyarrow as arrow  # noqa: PLC0415 - an optional dependency
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError as error:
        raise EnvironmentFault("Parquet needs the package pyarrow", hint=_MISSING) from error
    kinds = {"float": arrow.float64(), "int": arrow.int64(), "text": arrow.string()}

    def write(table: Table, path: Path) -> None:
        schema = arrow.schema(
            [
                arrow.field(name, kinds[kind], metadata=table.about.get(name) or None)
                for name, kind in zip(table.columns, table.kinds, strict=True)
            ]
        )
        with parquet.ParquetWriter(path, schema) as writer:
            for rows in _batches(table):
                columns = [list(column) for column in zip(*rows, strict=True)]
                arrays = [arrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))

    return _folder(tables(recording, directory), out or directory.path / "parquet", "parquet", write)


def _folder(found: Iterable[Table], folder: Path, suffix: str, write: Callable[[Table, Path], None]) -> list[Path]:
    """A folder of tables. None of them appears before all are written."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    with ExitStack() as stack:
        for table in found:
            paths.append(folder / f"{table.name}.{suffix}")
            write(table, stack.enter_context(whole(paths[-1])))
    return paths


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
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 1000


def _has_zstandard() -> bool:
    try:
        import zstandard  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True
