"""Test, service 17: are you alive?"""

from __future__ import annotations

from dataclasses import dataclass

from bus.pus import Service
from node.fsw.component import Component, Failure, OnBoard, telecommand
from node.fsw.datapool import TEST_REPORT, Layout
from node.fsw.services.packets import values_packet
from node.fsw.services.st15_storage import Storage


@dataclass(slots=True)
class State:
    """Answers that are due at the end of this cycle, when the pool is complete."""

    wanted: int = 0


class ConnectionTest(Component):
    """TM[17,2] for each TC[17,1]."""

    name = "test"
    state: State

    def __init__(self, on_board: OnBoard, layout: Layout, storage: Storage) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._positions = layout.positions(TEST_REPORT)

    def due(self) -> bool:
        """Whether anything is to be reported in this cycle."""
        return self.state.wanted > 0

    def report(self) -> None:
        """Answer."""
        memory = self.on_board.state
        for _ in range(self.state.wanted):
            packet = values_packet(memory.obt_ns, TEST_REPORT.id, memory.pool[self._positions])
            self._storage.keep_packet(Service.TEST, packet)
        self.state.wanted = 0

    @telecommand("test.ping", Service.TEST, 1, "Are you alive? Answered by a test report")
    def ping(self) -> Failure:
        """TC[17,1] are-you-alive connection test."""
        self.state.wanted += 1
        return None
