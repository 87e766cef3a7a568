"""Event reporting, service 5: TM[5,1] to TM[5,4] by severity. Any event can be switched off; what is, is counted."""

from __future__ import annotations

from dataclasses import dataclass, field

from bus.pus import Service, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, telecommand, telemetered
from node.fsw.services.packets import event_packet
from node.fsw.services.st15_storage import Storage

OVERFLOW_QUIET_NS = 600 * 10**9
"""A full store says so every ten minutes, not in every cycle [A]; the count of dropped packets is always exact."""
_EVENT = Arg("event", "enum", "event report", labels=lambda words: words.events)


@dataclass(slots=True)
class State:
    """What is switched off, and until when each full store is quiet."""

    events_reported: int = telemetered("int", "Event reports made")
    events_suppressed: int = telemetered("int", "Event reports suppressed by telecommand")
    suppressed: set[int] = field(default_factory=set)
    quiet_until_ns: dict[int, int] = field(default_factory=dict)


class Events(Component):
    """Makes event packets for every component."""

    name = "events"
    state: State

    STORE_OVERFLOW = Event(
        12, "store_overflow", Severity.HIGH, "The packet store drops its oldest packets",
        (Arg("stream", "int", "service whose packets are dropped"), Arg("dropped", "int", "packets dropped just now")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, storage: Storage) -> None:
        super().__init__(on_board, State())
        self._storage = storage
        self._ids: tuple[int, ...] = ()

    def connect(self, ids: tuple[int, ...]) -> None:
        """The events of all components, in the order of the dictionary."""
        self._ids = ids

    def report(self, event: Event, arguments: tuple[float, ...], severity: int) -> None:
        """Report an event, unless the ground has switched it off."""
        if event.id in self.state.suppressed:
            self.state.events_suppressed += 1
            return
        self.state.events_reported += 1
        packet = event_packet(self.on_board.state.obt_ns, event.id, severity, arguments)
        self._storage.keep_packet(Service.EVENT, packet)

    def end_cycle(self) -> None:
        """Say which services' shares of the store overflow, each once in a while."""
        overflowing = self._storage.take_overflows()
        if not overflowing:
            return
        now_ns, quiet = self.on_board.time_ns, self.state.quiet_until_ns
        for stream, dropped in sorted(overflowing.items()):
            if stream != Service.EVENT and now_ns >= quiet.get(stream, 0):  # a full event store must not feed itself
                quiet[stream] = now_ns + OVERFLOW_QUIET_NS
                self.event(self.STORE_OVERFLOW, stream, dropped)

    @telecommand("event.enable", Service.EVENT, 5, "Enable an event report", _EVENT)
    def enable(self, event: int) -> Failure:
        """TC[5,5] enable report generation."""
        self.state.suppressed.discard(self._ids[event])
        return None

    @telecommand("event.disable", Service.EVENT, 6, "Disable an event report", _EVENT)
    def disable(self, event: int) -> Failure:
        """TC[5,6] disable report generation."""
        self.state.suppressed.add(self._ids[event])
        return None
