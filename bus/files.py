"""Files on other people's machines: read with a bound whatever stands behind the name, written whole or not at all.

Raises OSError only, with words of ours where the system has none, so that callers name the file and the next step.
"""

from __future__ import annotations

import errno
import os
import select
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

PIPE_PATIENCE_MS = 10_000
"""How long a pipe or terminal may say nothing: a shell's <(command) begins to write when it likes."""
_CHUNK_BYTES = 1 << 16


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """The content of a file, pipe or device. OSError where it cannot be had or has more than `limit_bytes`."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        kind = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(kind):
            raise IsADirectoryError(errno.EISDIR, "it is a directory", str(path))
        waits = None if stat.S_ISREG(kind) else select.poll()
        if waits is not None:
            waits.register(descriptor, select.POLLIN)
        chunks: list[bytes] = []
        left = limit_bytes + 1
        while left > 0:
            if waits is not None and not waits.poll(PIPE_PATIENCE_MS):
                raise TimeoutError(errno.ETIMEDOUT, "nothing comes out of it", str(path))
            chunk = os.read(descriptor, min(left, _CHUNK_BYTES))
            if not chunk:
                return b"".join(chunks)
            chunks.append(chunk)
            left -= len(chunk)
    finally:
        os.close(descriptor)
    raise OSError(errno.EFBIG, f"it has more than {limit_bytes:,} bytes", str(path))


def open_regular(path: Path) -> BinaryIO:
    """An ordinary file for reading, never a pipe or a device, which would have no end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))
    return os.fdopen(descriptor, "rb")


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Where to write what shall appear under `path` once it is whole. What fails leaves what was there before."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is no ordinary file", str(path))  # a device must not be replaced
    draft = path.with_name(path.name + ".partial")
    try:
        yield draft
        draft.replace(path)
    finally:
        with suppress(OSError):
            draft.unlink()


def write_whole(path: Path, content: bytes | str) -> None:
    """A small file, whole or not at all."""
    with whole(path) as draft:
        draft.write_bytes(content.encode() if isinstance(content, str) else content)
