"""`skyrack upload`: a file into the memory image of a spacecraft in a live run, in as many telecommands as it takes.

What fits one telecommand is a `memory.load`; more goes up in parts (service 13) and acts when all of them are there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bus.errors import EnvironmentFault, UserError
from bus.files import read_bounded
from bus.large_packets import ADDRESS_BYTES, UPLINK_BYTES, checksum, memory_load, uplink_parts
from bus.wire.messages import Scalar
from bus.wire.stacks import CommandStep
from faults.live.command import ask
from faults.live.stack import fleet_of
from faults.recording.read import read_dictionaries, read_scenario
from faults.run_directory import live_run
from groundstation.archive.reader import ArchiveReader
from groundstation.commanding.wishes import Fleet, Wish

WORD_BYTES = 8
MOST_STEPS = 128
"""[A] Of a stack, which is one message: 64 KiB. The images of the shipped designs have 14 KiB at most."""
MOST_FILE_BYTES = (MOST_STEPS * UPLINK_BYTES - ADDRESS_BYTES) // WORD_BYTES * WORD_BYTES
LOAD, FIRST = "memory.load", "transfer.first"


@dataclass(frozen=True, slots=True)
class UploadOptions:
    """As the command line has it. transaction: number of the large packet, 0: the next one."""

    address: int
    transaction: int = 0
    confirm: bool = False
    wait_s: float = 600.0
    as_json: bool = False


def upload_command(target: str, file: Path, run: Path | None, options: UploadOptions) -> int:
    """Send it and follow every part. Exit status 0 if all completed, 4 if not."""
    directory, _ = live_run(run)
    content = _read(file)
    fleet = fleet_of(read_scenario(directory), read_dictionaries(directory))
    (spacecraft, *more) = fleet.named(target)
    if more:
        raise UserError(f"{target}: an upload goes to one spacecraft", hint="one call for each")
    number = options.transaction
    if not number and len(content) > UPLINK_BYTES:
        rows = ArchiveReader(directory.archive).telecommands() if directory.archive.is_file() else []
        number = 1 + sum(row["name"] == FIRST and row["spacecraft"] == spacecraft for row in rows)
    steps = steps_of(fleet, spacecraft, options.address, content, number)
    return ask(
        directory, fleet, steps, stop=True, confirm=options.confirm, wait_s=options.wait_s, as_json=options.as_json
    )


def steps_of(fleet: Fleet, spacecraft: str, address: int, content: bytes, transaction: int) -> tuple[CommandStep, ...]:
    """Telecommands that load whole words of 8 B from this one on, in their order. Raises UserError and its kin."""
    known = fleet.of(spacecraft).telecommand
    if LOAD not in known or FIRST not in known:
        raise UserError(f"{spacecraft} knows no {LOAD} and {FIRST}", hint="its flight software is another one")
    words, last = len(content) // WORD_BYTES, next(a.high for a in known[LOAD].arguments if a.name == "address")
    if address < 0 or (last is not None and address + words - 1 > last):
        raise UserError(
            f"found words {address} to {address + words - 1}; allowed: 0 to {last or 0:g}, which is the image",
            hint="--address is the number of the first word",
        )
    if len(content) <= UPLINK_BYTES:
        given: dict[str, Scalar] = {"address": address, "crc": checksum(content), "data": content.hex()}
        return (fleet.step(Wish(spacecraft, LOAD, given)),)
    parts = uplink_parts(memory_load(address, content), transaction)
    return tuple(fleet.step(Wish(spacecraft, name, arguments)) for name, arguments in parts)


def _read(file: Path) -> bytes:
    try:
        content = read_bounded(file, MOST_FILE_BYTES)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot read {file}: {error.strerror}", hint=f"a file of at most {MOST_FILE_BYTES:,} bytes"
        ) from error
    if not content or len(content) % WORD_BYTES:
        raise UserError(
            f"{file}: found {len(content):,} bytes; allowed: whole words of {WORD_BYTES} bytes, one at least",
            hint="words as memory.dump gives them, the most significant byte first",
        )
    return content
