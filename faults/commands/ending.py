"""How a call of `skyrack` ends where the machine is in the way: output that nobody takes, memory that is not there.

Exit status 1 says that an expectation failed, so nothing else may end with it: no closed pipe, no interpreter's end.
"""

from __future__ import annotations

import errno
import io
import os
import resource
import select
import sys
from typing import TYPE_CHECKING, TextIO

from bus.errors import MACHINE_HINTS, EnvironmentFault, RangeFailure, SkyrackError

if TYPE_CHECKING:
    from typing_extensions import Buffer

LEAST_ADDRESS_BYTES = 512 * 1024 * 1024
"""Address space of one call: a run in one process was seen to take 420 MiB (Linux, two cores)."""
_MEMORY = MACHINE_HINTS[errno.ENOMEM]
_NEXT = {
    **MACHINE_HINTS,
    errno.EACCES: "choose a place that you may use",
    errno.EPERM: "choose a place that you may use",
    errno.EFBIG: "the file is larger than `ulimit -f` or the disk allows",
    errno.ENAMETOOLONG: "choose a shorter name",
    errno.EIO: "the disk refused: check its health",
}
"""What the machine can refuse whatever the call was, and the next step."""
_NO_MEMORY = ("cannot allocate memory", "failed to map segment", "out of memory")
_NO_THREAD = "can't start new thread"


class Outlet(io.RawIOBase):
    """A standard stream. A reader that has gone away ends the output, not the call; a full disk is the user's to mend,
    and is told once (`told`), or not at all where nobody would read it."""

    def __init__(self, descriptor: int, *, told: bool) -> None:
        super().__init__()
        self._descriptor, self._told, self._gone = descriptor, told, False

    def writable(self) -> bool:
        """It is written to."""
        return True

    def fileno(self) -> int:
        """The stream's own."""
        return self._descriptor

    def isatty(self) -> bool:
        """Whether a person looks at it."""
        return os.isatty(self._descriptor)

    def write(self, data: Buffer, /) -> int:
        """Everything that can be written; what nobody takes counts as written."""
        view = memoryview(data)
        length = view.nbytes
        while view.nbytes and not self._gone:
            try:
                view = view[os.write(self._descriptor, view) :]
            except BlockingIOError:
                poll = select.poll()
                poll.register(self._descriptor, select.POLLOUT)
                poll.poll()
            except OSError as error:
                self._gone = True
                if self._told and error.errno != errno.EPIPE:
                    raise EnvironmentFault(
                        f"cannot write the output: {error.strerror}", hint="send it somewhere with room for it"
                    ) from error
        return length


def take_outlets() -> None:
    """Stand between the program and its standard streams. Streams that are closed lead nowhere."""
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, which is this one
    sys.stdout = _stream(1, sys.stdout, told=True)
    sys.stderr = _stream(2, sys.stderr, told=False)


def _stream(descriptor: int, before: TextIO | None, *, told: bool) -> TextIO:
    encoding = before.encoding if before is not None else "utf-8"
    outlet = Outlet(descriptor, told=told)
    return io.TextIOWrapper(
        io.BufferedWriter(outlet), encoding, errors="backslashreplace", line_buffering=outlet.isatty() or not told
    )


def check_memory() -> None:
    """Refuse to begin in less room than the libraries need: OpenBLAS ends the process with status 1 where it gets none.

    We use none of its threads, each of which would take some 10 MiB of address space. Raises EnvironmentFault.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_BYTES:
        raise EnvironmentFault(
            f"`ulimit -v` allows {limit // 1024:,} KiB, and {LEAST_ADDRESS_BYTES // 1024:,} KiB are needed",
            hint=_MEMORY,
        )


def explain(error: BaseException) -> SkyrackError | None:
    """An error of the machine's in a sentence; None for what must be a fault of ours."""
    if isinstance(error, MemoryError):
        return EnvironmentFault("there is not enough memory", hint=_MEMORY)
    if isinstance(error, ImportError) and any(words in str(error).lower() for words in _NO_MEMORY):
        return EnvironmentFault(f"cannot load {error.name or 'a library'}: {error}", hint=_MEMORY)
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return EnvironmentFault("the machine gives no more threads", hint=_NEXT[errno.EAGAIN])
    if isinstance(error, BrokenPipeError | EOFError):
        return RangeFailure("somebody this call was talking with has gone", hint="see log/ in the run's directory")
    if isinstance(error, OSError) and error.errno in _NEXT:
        where = f": {error.filename}" if error.filename else ""
        return EnvironmentFault(f"{error.strerror}{where}", hint=_NEXT[error.errno])
    return None
