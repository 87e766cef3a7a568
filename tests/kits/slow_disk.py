"""`python -m tests.kits.slow_disk SECONDS VERB ...`: skyrack on a disk where every write of a step takes so long."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import skyrack
from bus.trace.writer import TraceWriter
from groundstation.archive.writer import Archive
from node.nvm_file import Journal


def slowed(write: Callable[..., Any], by_s: float) -> Callable[..., Any]:
    """The same, and then it waits for the disk."""

    def writing(*arguments: Any, **options: Any) -> Any:
        done = write(*arguments, **options)
        time.sleep(by_s)
        return done

    return writing


def main() -> None:
    """From the arguments to the exit status."""
    by_s = float(sys.argv.pop(1))
    for kind, name in ((TraceWriter, "append"), (Archive, "write"), (Journal, "commit")):
        setattr(kind, name, slowed(getattr(kind, name), by_s))
    skyrack.main()


if __name__ == "__main__":
    main()
