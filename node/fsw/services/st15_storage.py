"""Storage and retrieval, service 15: which packets are kept, which go first, which go.

How the store works inside is a page of its own; here is what the ground can ask of it. A store is a service's share.
Verification reports are always kept: without them nobody could tell what became of a telecommand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Service
from node.fsw.component import (
    Arg,
    Component,
    Failure,
    OnBoard,
    Report,
    kept,
    telecommand,
    telemetered,
    telemetry,
)
from node.fsw.services.packet_store import SHARES_BYTES, Outgoing, PacketStore
from node.fsw.services.packets import values_packet

_STREAMS = tuple(stream for stream in SHARES_BYTES if stream != Service.VERIFICATION)
_STORE = Arg("store", "enum", "whose packets", labels=tuple(Service(stream).name.lower() for stream in _STREAMS))
_LONGEST_S = 3.2e8  # ten years


def _stops(service: Service) -> OnBoardParameter:
    name = service.name.lower()
    return OnBoardParameter(
        name=f"store.{name}_stops", unit="", description=f"A full {name} store stops (1), or drops its oldest (0)",
        default=0.0, low=0.0, high=1.0,
    )  # fmt: skip


@dataclass(slots=True)
class State:
    """When the next report is due, what overflowed in this cycle, the acknowledgements so far, and which streams are
    not kept."""

    acknowledgements: int = telemetered("int", "Telemetry acknowledgements received")
    store_not_kept: int = telemetered("int", "Packets not made because their store was disabled or full")
    disabled: set[int] = kept(set)
    report_due_ns: int = 0
    overflows: dict[int, int] = field(default_factory=dict)
    store: bytes = b""


class Storage(Component):
    """The store as a part of flight software: who fills it, what it says of itself."""

    name = "storage"
    state: State

    RETRANSMIT = OnBoardParameter(
        name="store.retransmit_s", unit="s", description="Contact without acknowledgement before repeating",
        default=10.0, low=0.1, high=3600.0,
    )  # fmt: skip
    REPORT = OnBoardParameter(
        name="store.report_s", unit="s", description="Time between two store reports in contact",
        default=10.0, low=0.1, high=3600.0,
    )  # fmt: skip

    HOUSEKEEPING_STOPS = _stops(Service.HOUSEKEEPING)
    EVENT_STOPS = _stops(Service.EVENT)
    STOPS: ClassVar[Mapping[int, OnBoardParameter]] = {
        Service.HOUSEKEEPING: HOUSEKEEPING_STOPS,
        Service.EVENT: EVENT_STOPS,
    }

    def __init__(self, on_board: OnBoard, boot: int) -> None:
        super().__init__(on_board, State())
        self.store = PacketStore(on_board.nvm, boot)

    def keep_packet(self, stream: int, packet: bytes) -> None:
        """Number a packet and keep it until the ground has it, unless its store is disabled, or full and to stop then.
        What is not kept gets no number, so nobody misses it; it is counted."""
        if stream in self.state.disabled or self._stopped(stream, len(packet)):
            self.state.store_not_kept += 1
            return
        dropped = self.store.append(stream, packet)
        if dropped:
            overflows = self.state.overflows
            overflows[int(stream)] = overflows.get(stream, 0) + dropped

    def _stopped(self, stream: int, size: int) -> bool:
        stops = self.STOPS.get(stream)
        return stops is not None and not self.store.fits(stream, size) and self.on_board.sane(stops) >= 0.5

    def report(self, report: Report, *values: float) -> None:
        """Answer a telecommand with these values."""
        packet = values_packet(self.on_board.state.obt_ns, report.id, np.array(values, dtype=np.float64))
        self.keep_packet(report.service, packet)

    def take_overflows(self) -> dict[int, int]:
        """Packets dropped since the last call, by stream."""
        overflows = self.state.overflows
        if overflows:
            self.state.overflows = {}
        return overflows

    def acknowledge(self, boot: int, stream: int, below: int) -> None:
        """The ground has everything below this."""
        self.state.acknowledgements += 1
        self.store.acknowledge(boot, stream, below)

    def report_due(self) -> bool:
        """Whether the store report goes first in this cycle of contact."""
        now_ns = self.on_board.time_ns
        if now_ns < self.state.report_due_ns:
            return False
        self.state.report_due_ns = now_ns + self.on_board.span_ns(self.REPORT)
        return True

    def take(self, budget_bytes: float) -> list[Outgoing]:
        """What to send in this cycle of contact."""
        return self.store.take(budget_bytes, self.on_board.span_ns(self.RETRANSMIT), self.on_board.cycle_ns)

    def save(self) -> bytes:
        """With the store's own."""
        self.state.store = self.store.save()
        return super().save()

    def restore(self, data: bytes) -> None:
        """With the store's own."""
        super().restore(data)
        self.store.restore(self.state.store)

    @telecommand("store.enable", Service.STORAGE, 1, "Keep a service's packets", _STORE)
    def enable(self, store: int) -> Failure:
        """TC[15,1] enable the storage function of packet stores."""
        self.state.disabled.discard(int(_STREAMS[store]))
        self.keep()
        return None

    @telecommand(
        "store.disable", Service.STORAGE, 2, "Keep a service's packets no more; survives a reboot", _STORE,
        hazardous=True,
    )  # fmt: skip
    def disable(self, store: int) -> Failure:
        """TC[15,2] disable the storage function of packet stores."""
        self.state.disabled.add(int(_STREAMS[store]))
        self.keep()
        return None

    @telecommand(
        "store.retrieve", Service.STORAGE, 9, "Send a service's packets of a range of on-board time before all others",
        _STORE, Arg("from_s", "float", "made at this time or later", "s", 0.0, _LONGEST_S),
        Arg("to_s", "float", "made before this time", "s", 0.0, _LONGEST_S),
    )  # fmt: skip
    def retrieve(self, store: int, from_s: float, to_s: float) -> Failure:
        """TC[15,9] start the by-time-range retrieval of packet stores."""
        if from_s >= to_s:
            return Code.OUT_OF_RANGE, f"from {from_s:.9g} s to {to_s:.9g} s is no range of time"
        found = self.store.retrieve(_STREAMS[store], round(from_s * 1e9), round(to_s * 1e9))
        return Code.NONE, f"{found} packets"

    @telecommand(
        "store.delete", Service.STORAGE, 11, "Delete a service's packets up to a time; they are lost", _STORE,
        Arg("to_s", "float", "made before this on-board time", "s", 0.0, _LONGEST_S), hazardous=True,
    )  # fmt: skip
    def delete(self, store: int, to_s: float) -> Failure:
        """TC[15,11] delete the content of packet stores up to the specified time."""
        return Code.NONE, f"{self.store.delete(_STREAMS[store], round(to_s * 1e9))} packets"

    @telemetry("int", "Packets in the store")
    def store_packets(self) -> int:
        """Of all boots."""
        return self.store.packets

    @telemetry("int", "Bytes in the store", "B")
    def store_bytes(self) -> int:
        """Of all boots."""
        return self.store.held_bytes

    @telemetry("int", "Packets dropped because the store was full, or by telecommand")
    def store_dropped(self) -> int:
        """Since the boot."""
        return self.store.state.dropped

    @telemetry("int", "Packets sent again")
    def store_retransmissions(self) -> int:
        """Since the boot."""
        return self.store.state.retransmissions

    @telemetry("int", "Packets generated, all boots")
    def telemetry_generated(self) -> int:
        """Of all boots."""
        return self.store.generated
