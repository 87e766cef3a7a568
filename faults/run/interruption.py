"""SIGINT and SIGTERM while a run flies in this process: the first asks for its end in order, the second is not patient.

A run of several processes has its supervisor for this.
"""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """A context in which a signal is only noted: `signal` is its name, empty until one came. Main thread only.

    A second signal raises KeyboardInterrupt, for a run whose open tick never ends.
    """

    def __init__(self) -> None:
        self.signal = ""
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Interruption:
        self._before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = signal.Signals(number).name
