"""A text file as a text: bounded, never a device or a directory, and in an encoding that was said."""

from __future__ import annotations

import stat
from pathlib import Path

from bus.errors import EnvironmentFault, Mistake, ScenarioError

MAX_BYTES = 16 * 1024 * 1024


def read_file(path: Path, what: str = "file", *, hint: str = "", most: int = MAX_BYTES) -> bytes:
    """The bytes of a regular file. Raises EnvironmentFault with a sentence for everything else."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "a device or a pipe"
            raise EnvironmentFault(f"cannot read {what} {path}: it is {kind}", hint=hint or "give a regular file")
        with path.open("rb") as stream:
            content = stream.read(most + 1)
    except (OSError, ValueError) as error:
        raise EnvironmentFault(f"cannot read {what} {path}: {getattr(error, 'strerror', error)}", hint=hint) from error
    if len(content) > most:
        raise EnvironmentFault(f"{path} is larger than {most} bytes", hint=hint or f"is this a {what}?")
    return content


def decode(raw: bytes, shown: str) -> str:
    """UTF-8, with a byte-order mark or without. Other encodings are refused by name, never half-read."""
    if raw[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        raise _refused(shown, 1, "text", "UTF-32", "UTF-8 text")
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or (raw[:1000].count(0) > len(raw[:1000]) // 4):
        raise _refused(shown, 1, "text", "UTF-16", "UTF-8 text")
    if raw[:2] == b"\x1f\x8b" or raw[:4] == b"PK\x03\x04":
        raise _refused(shown, 1, "text", "a compressed file", "UTF-8 text; unpack it first")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        line, column = before.count(b"\n") + 1, len(before.rpartition(b"\n")[2].decode("utf-8", "replace")) + 1
        byte = f"0x{raw[error.start]:02x}"
        found = f"bytes that are not UTF-8: the byte {byte} (Latin-1 or Windows-1252?)"
        raise ScenarioError([Mistake(shown, line, column, "text", found, "UTF-8 text")]) from None


def _refused(shown: str, line: int, field: str, found: str, allowed: str) -> ScenarioError:
    return ScenarioError([Mistake(shown, line, 1, field, found, allowed)])
