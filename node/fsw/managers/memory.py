"""The memory image: a scrubber compares it with non-volatile memory now and then, and corrects what upsets flipped."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.component import Arg, Component, Event, OnBoard, telemetered


@dataclass(slots=True)
class State:
    """When the next comparison is due."""

    memory_corrected: int = telemetered("int", "Words of the memory image that the scrubber corrected")
    due_ns: int = 0


class MemoryManager(Component):
    """The scrubber."""

    name = "memory"
    state: State

    CORRECTED = Event(
        11, "memory_corrected", Severity.LOW, "The scrubber corrected a word of the memory image",
        (Arg("word", "int", "which word: the on-board parameter's number"),),
    )  # fmt: skip
    SCRUB = OnBoardParameter(
        name="memory.scrub_s", unit="s", description="Time between two comparisons of the memory image",
        default=60.0, low=0.1, high=86_400.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard) -> None:
        super().__init__(on_board, State())
        self.state.due_ns = on_board.span_ns(self.SCRUB)

    def cycle(self) -> None:
        """Scrub if it is due."""
        on_board = self.on_board
        if on_board.time_ns < self.state.due_ns:
            return
        image = on_board.state.image
        stored = np.array([on_board.stored(parameter) for parameter in on_board.parameters])
        wrong = np.flatnonzero(image.view(np.uint64) != stored.view(np.uint64))
        image[:] = stored
        for word in wrong:
            self.state.memory_corrected += 1
            self.event(self.CORRECTED, int(word))
        self.state.due_ns = on_board.time_ns + on_board.span_ns(self.SCRUB)
