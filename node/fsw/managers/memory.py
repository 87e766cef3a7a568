"""The memory image's errors: a scrubber mends single ones now and then; double ones are answered when they are read.

A word with a double error is loaded again from non-volatile memory; if that happens again soon, the memory itself is in
doubt, and a reset writes all of it anew.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.fsw.boot import BootReason
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, telemetered, telemetry
from node.fsw.managers.computer import ComputerManager

_WORD = Arg("word", "int", "which word: its number in the memory image")


@dataclass(slots=True)
class State:
    """When the next scrubbing is due, and until when another double error counts as one that recurs."""

    memory_corrected: int = telemetered("int", "Words of the memory image that the scrubber corrected")
    memory_uncorrected: int = telemetered("int", "Words of the memory image with two wrong bits")
    due_ns: int = 0
    doubtful_until_ns: int = 0


class MemoryManager(Component):
    """The scrubber, and the answer to double errors."""

    name = "memory"
    state: State

    CORRECTED = Event(
        11, "memory_corrected", Severity.LOW, "The scrubber corrected a word of the memory image", (_WORD,)
    )  # fmt: skip
    UNCORRECTED = Event(
        45, "memory_uncorrected", Severity.HIGH, "A word of the memory image had two wrong bits, and was loaded again",
        (_WORD,),
    )  # fmt: skip
    SCRUB = OnBoardParameter(
        name="memory.scrub_s", unit="s", description="Time between two scrubbings of the memory image",
        default=60.0, low=0.1, high=86_400.0,
    )  # fmt: skip
    RECUR = OnBoardParameter(
        name="memory.recur_s", unit="s", description="Two double errors within this time lead to a reset",
        default=3600.0, low=0.0, high=86_400.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, computer: ComputerManager) -> None:
        super().__init__(on_board, State())
        self._computer = computer
        self.state.due_ns = on_board.span_ns(self.SCRUB)

    def cycle(self) -> None:
        """Answer what was read, and scrub if it is due."""
        on_board = self.on_board
        image = on_board.state.image
        if image.trapped:
            self._answer()
        if on_board.time_ns < self.state.due_ns:
            return
        self.state.due_ns = on_board.time_ns + on_board.span_ns(self.SCRUB)
        if image.edac:
            for word in image.scrub():
                self.state.memory_corrected += 1
                self.event(self.CORRECTED, word)

    def _answer(self) -> None:
        state, on_board = self.state, self.on_board
        image, now_ns = on_board.state.image, on_board.time_ns
        for word in image.trapped:
            state.memory_uncorrected += 1
            self.event(self.UNCORRECTED, word)
            on_board.reload(word)
            if now_ns < state.doubtful_until_ns:
                self._computer.reset(BootReason.RESET)
            state.doubtful_until_ns = now_ns + on_board.span_ns(self.RECUR)
        image.trapped.clear()

    @function(
        "memory.edac", 60, "Switch error correction of the memory image; without it upsets act, and nothing mends them",
        Arg("on", "bool", "errors are corrected and detected"), hazardous=True,
    )  # fmt: skip
    def edac(self, on: bool) -> Failure:
        """A boot switches it on again."""
        image = self.on_board.state.image
        self.on_board.reread([place for place in image.switch(edac=on) if place not in image.trapped])
        return None

    @telemetry("bool", "Errors of the memory image are corrected and detected")
    def memory_edac(self) -> bool:
        """Unless the ground has switched it off."""
        return self.on_board.state.image.edac
