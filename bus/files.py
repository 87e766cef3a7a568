"""Files on other people's machines: read with a bound, written whole or not at all.

Raises OSError only, with words of ours where the system has none, so that callers name the file and the next step.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO


def read_bounded(path: Path, limit_bytes: int) -> bytes:
    """The content of an ordinary file. OSError where it cannot be had or has more than `limit_bytes`."""
    with open_regular(path) as file:
        content = file.read(limit_bytes + 1)
    if len(content) > limit_bytes:
        raise OSError(errno.EFBIG, f"it has more than {limit_bytes:,} bytes", str(path))
    return content


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
