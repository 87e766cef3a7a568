"""What crossed a device's seam in a run, as JSON lines: written from the trace, read to answer from it.

The first line says which device it is; then one for each tick in which it was asked: what it felt (null: it makes the
value itself), what it was ordered, what it said. `reading_tick` is null where it gave no reading. Flight software is
one, too: it read and heard telecommands, it ordered and gave telemetry, packets as hexadecimal digits.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.errors import EnvironmentFault, UserError
from bus.files import write_whole
from bus.pus import MAX_PACKET_BYTES
from bus.scenario.model import Scenario
from bus.text.near import one_of
from bus.trace.reader import TraceReader
from bus.wire.codec import decode, peek
from bus.wire.messages import Kind
from bus.wire.outside import FLIGHT_SOFTWARE, SoftwareCycle
from faults.hil.probe import forms_of
from faults.recording.read import check_same, read_scenario
from faults.run_directory import open_run
from node.designs.load import with_designs
from node.devices.remote import LOAD_W
from node.hil.language import Measured, Order, Reading, Telemetry, dictionary_of

FORMAT = 1
MAX_BYTES = 1024 * 1024 * 1024


def record_command(run: Path, name: str, out: Path) -> int:
    """Write the file; gives the exit status."""
    directory = open_run(run)
    scenario = with_designs(read_scenario(directory))
    spacecraft, _, device = name.partition(".")
    rows: dict[int, dict[str, Any]] = {}
    software = device == FLIGHT_SOFTWARE
    with TraceReader(directory.trace) as reader:
        check_same(reader.header, scenario, directory)
        head = _head(scenario, spacecraft, device)
        for record in reader:
            for frame in record.mail:
                envelope = peek(frame)
                if envelope.kind is Kind.DEVICE_SAMPLE and envelope.source == spacecraft:
                    body = decode(frame).body
                    if body.device == device:
                        rows[record.tick - 1] = {
                            "tick": record.tick - 1, "feels": list(body.values), "orders": list(body.orders),
                            "reading_tick": None, "values": [], "measured": [],
                        }  # fmt: skip
                elif envelope.kind is Kind.SOFTWARE_CYCLE and envelope.source == spacecraft and software:
                    rows[record.tick - 1] = _cycle(record.tick - 1, decode(frame).body)
                elif envelope.kind is Kind.SOFTWARE_ANSWER and envelope.destination == spacecraft and software:
                    body = decode(frame).body
                    if record.tick - 2 in rows:
                        rows[record.tick - 2] |= {
                            "orders": list(body.orders), "telemetry": [packet.hex() for packet in body.telemetry]
                        }  # fmt: skip
                elif envelope.kind is Kind.DEVICE_READING and envelope.destination == spacecraft:
                    body = decode(frame).body
                    if body.device == device and record.tick - 2 in rows:
                        rows[record.tick - 2] |= {
                            "reading_tick": body.tick if body.values else None,
                            "values": list(body.values), "measured": list(body.measured),
                        }  # fmt: skip
    text = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in (head, *rows.values()))
    try:
        write_whole(out, text)
    except OSError as error:
        raise EnvironmentFault(f"cannot write {out}: {error.strerror}", hint="choose another --out") from error
    sys.stdout.write(f"{name}: {len(rows):,} ticks, into {out}\n")
    return 0


def _cycle(tick: int, body: SoftwareCycle) -> dict[str, Any]:
    return {
        "tick": tick, "boot": body.boot, "obt_ns": body.obt_ns, "reads": list(body.values),
        "telecommands": [packet.hex() for packet in body.telecommands], "orders": [], "telemetry": [],
    }  # fmt: skip


def _head(scenario: Scenario, spacecraft: str, device: str) -> dict[str, Any]:
    known = {f"{one.id}.{name}": one.design for one in scenario.spacecraft for name in one.devices}
    design = known.get(f"{spacecraft}.{device}")
    if design is None:
        found = f"{spacecraft}.{device}"[:80]
        raise UserError(
            f"found {found!r}; allowed: {one_of(known, found) if known else 'a run with a device outside'}",
            hint="SPACECRAFT.DEVICE, as in the run's report",
        )
    form = forms_of(design)[device]
    return {
        "skyrack_hil_record": FORMAT, "spacecraft": spacecraft, "device": device, "dictionary": dictionary_of(form),
        "channels": [channel.name for channel in form.channels],
        "sourced": [bool(channel.source) for channel in form.channels],
        "orders": [name for name, _ in form.orders],
    }  # fmt: skip


Said = Reading | Measured | Order | Telemetry


@dataclass(frozen=True, slots=True)
class Record:
    """A file that was read: who it was, and what it said to each tick."""

    device: str
    head: Mapping[str, Any]
    said: Mapping[int, tuple[Said, ...]]


def read_record(path: Path) -> Record:
    """Raises UserError with the line where it is none, EnvironmentFault where it cannot be read."""
    said: dict[int, tuple[Said, ...]] = {}
    head: dict[str, Any] = {}
    number = 0
    try:
        if path.exists() and not path.is_file():
            raise UserError(f"{path}: found a folder or a device; allowed: a file of `skyrack hil record`")
        if path.stat().st_size > MAX_BYTES:
            raise UserError(f"{path}: found {path.stat().st_size:,} bytes; allowed: at most {MAX_BYTES:,}")
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                row = json.loads(line.decode("utf-8"))
                if number == 1:
                    head = _checked(row)
                    continue
                tick = _whole(row["tick"])
                said[tick] = tuple((_flown if head["device"] == FLIGHT_SOFTWARE else _measures)(tick, row, head))
    except OSError as error:
        raise EnvironmentFault(
            f"cannot read {path}: {error.strerror}", hint="a file of `skyrack hil record`"
        ) from error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        what = f"{type(error).__name__}: {str(error)[:80]}"
        hint = "skyrack hil record RUN SPACECRAFT.DEVICE --out FILE"
        raise UserError(f"{path}:{number}: found {what}; allowed: a line of `skyrack hil record`", hint=hint) from error
    if not head:
        raise UserError(f"{path}: found an empty file; allowed: a file of `skyrack hil record`")
    return Record(str(head["device"]), head, said)


def _checked(head: Any) -> dict[str, Any]:
    if not isinstance(head, dict) or head.get("skyrack_hil_record") != FORMAT:
        raise ValueError(f"no record of format {FORMAT}")
    for name in ("channels", "sourced", "orders"):
        if not isinstance(head[name], list) or len(head[name]) > 2048:
            raise ValueError(f"{name} that are no list of at most 2048")
    if len(head["sourced"]) != len(head["channels"]):
        raise ValueError(f"{len(head['sourced'])} sourced of {len(head['channels'])} channels")
    if not isinstance(head["device"], str) or not isinstance(head["dictionary"], str):
        raise ValueError("no device or dictionary")
    bytes.fromhex(head["dictionary"])
    return head


def _measures(tick: int, row: Mapping[str, Any], head: Mapping[str, Any]) -> list[Said]:
    words: list[Said] = [
        Measured(tick, _one_of((*head["orders"], LOAD_W), what), _whole(element, 2**32 - 1), _finite(value))
        for what, element, value in row["measured"]
    ]
    if row["reading_tick"] is not None:
        values = tuple(map(_finite, row["values"]))
        if len(values) != len(head["channels"]):
            raise ValueError(f"{len(values)} values")
        words.insert(0, Reading(_whole(row["reading_tick"]), values))
    return words


def _flown(tick: int, row: Mapping[str, Any], head: Mapping[str, Any]) -> list[Said]:
    words: list[Said] = [
        Order(tick, _one_of(head["orders"], what), _whole(element, 2**32 - 1), _finite(value))
        for what, element, value in row["orders"]
    ]
    for packet in map(bytes.fromhex, row["telemetry"]):
        if len(packet) > MAX_PACKET_BYTES:
            raise ValueError(f"a packet of {len(packet)} bytes")
        words.append(Telemetry(tick, packet))
    return words


def _one_of(known: Sequence[str], value: object) -> str:
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{value!r}, no word of this record"[:64])
    return value


def _finite(value: object) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r}, no finite number"[:64])
    return float(value)


def _whole(value: object, most: int = 2**53) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{value!r}"[:64])
    return value
