"""Storage and retrieval, service 15: which packets are kept, which go first, which go.

How the store works inside is a page of its own; here is what the ground can ask of it. A store is a service's share.
Verification reports are always kept: without them nobody could tell what became of a telecommand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Service
from node.fsw.component import (
    Arg,
    Component,
    Failure,
    OnBoard,
    Report,
    function,
    kept,
    telecommand,
    telemetered,
    telemetry,
)
from node.fsw.services.packet_store import Outgoing, PacketStore
from node.fsw.services.packets import values_packet
from node.fsw.services.store_shares import KIB, SHARES_BYTES
from node.fsw.services.transfer_gate import Window

_STREAMS = tuple(stream for stream in SHARES_BYTES if stream != Service.VERIFICATION)
_NAMES = tuple(Service(stream).name.lower() for stream in _STREAMS)
_STORE = Arg("store", "enum", "whose packets", labels=_NAMES)
TOTAL_BYTES = sum(SHARES_BYTES.values()) + 1024 * KIB
"""What all stores may have together [A]: a MiB more than they have at first, so that one can grow by itself."""
LEAST_BYTES = 4 * KIB
"""The largest packet, a structure of 256 values, and some air."""
_LOWEST = 999
_LONGEST_S = 3.2e8  # ten years


@dataclass(slots=True)
class State:
    """When the next report is due, what overflowed in this cycle, the acknowledgements so far; and what the ground said
    of streams: not kept, bounded instead of circular, not sent by themselves, size and priority."""

    acknowledgements: int = telemetered("int", "Telemetry acknowledgements received")
    store_not_kept: int = telemetered("int", "Packets not made because their store was disabled or full")
    disabled: set[int] = kept(set)
    bounded: set[int] = kept(set)
    suspended: set[int] = kept(set)
    sizes: dict[int, int] = kept(dict)
    priorities: dict[int, int] = kept(dict)
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

    SUMMARY = Report(
        1513, "store_summary", Service.STORAGE, 13,
        (
            Arg("summed_store", "enum", "Store", labels=_NAMES),
            Arg("summed_packets", "int", "Packets in it"),
            Arg("summed_bytes", "int", "Their bytes", "B"),
            Arg("summed_fill", "float", "Part of its size"),
            Arg("summed_first_s", "float", "On-board time of the first of them; 0: it is empty", "s"),
            Arg("summed_last_s", "float", "On-board time of the last of them", "s"),
        ),
    )  # fmt: skip
    STATUS = Report(
        1519, "store_status", Service.STORAGE, 19,
        (
            Arg("told_store", "enum", "Store", labels=_NAMES),
            Arg("told_enabled", "bool", "It takes packets"),
            Arg("told_sends", "bool", "It sends by itself: its open retrieval is not suspended"),
            Arg("told_retrieval", "int", "Packets that are still to be sent by a range of time"),
        ),
    )  # fmt: skip
    CONFIGURATION = Report(
        1523, "store_configuration", Service.STORAGE, 23,
        (
            Arg("configured_store", "enum", "Store", labels=_NAMES),
            Arg("configured_bytes", "int", "Its size", "B"),
            Arg("configured_bounded", "bool", "It stops when it is full, instead of dropping its oldest packets"),
            Arg("configured_priority", "int", "Its priority: the lowest goes first"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, boot: int) -> None:
        super().__init__(on_board, State())
        self.store = PacketStore(on_board.nvm, boot)
        state, store = self.state, self.store
        store.share_bytes.update(state.sizes)
        store.state.suspended = set(state.suspended)
        for stream, priority in state.priorities.items():
            store.prefer(stream, priority)

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
        return stream in self.state.bounded and not self.store.fits(stream, size)

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

    def take(self, budget_bytes: float, window: Window | None) -> list[Outgoing]:
        """What to send in this cycle of contact; `window`: of the plan, where there is one."""
        return self.store.take(budget_bytes, self.on_board.span_ns(self.RETRANSMIT), self.on_board.cycle_ns, window)

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

    @telecommand("store.summary", Service.STORAGE, 12, "Report what is in each store, a packet a store")
    def summary(self) -> Failure:
        """TC[15,12] summary-report the content of packet stores: TM[15,13]."""
        for place, stream in enumerate(_STREAMS):
            (number, first_ns, last_ns), used = self.store.times_ns(stream), self.store.used_bytes(stream)
            fill = used / self.store.share_bytes[stream]
            self.report(self.SUMMARY, place, number, used, fill, first_ns / 1e9, last_ns / 1e9)
        return None

    @telecommand("store.resume", Service.STORAGE, 15, "Send a service's packets by themselves again", _STORE)
    def resume(self, store: int) -> Failure:
        """TC[15,15] resume the open retrieval of packet stores."""
        return self._send(_STREAMS[store], by_itself=True)

    @telecommand(
        "store.suspend", Service.STORAGE, 16, "Send a service's packets only if they are asked for by a range of time",
        _STORE,
    )  # fmt: skip
    def suspend(self, store: int) -> Failure:
        """TC[15,16] suspend the open retrieval of packet stores."""
        return self._send(_STREAMS[store], by_itself=False)

    def _send(self, stream: int, *, by_itself: bool) -> Failure:
        chosen = self.state.suspended
        self.state.suspended = chosen - {int(stream)} if by_itself else chosen | {int(stream)}
        self.store.state.suspended = set(self.state.suspended)
        self.keep()
        return None

    @telecommand("store.abort", Service.STORAGE, 17, "Send what was asked for by a range of time no more", _STORE)
    def abort(self, store: int) -> Failure:
        """TC[15,17] abort the by-time-range retrieval of packet stores."""
        return Code.NONE, f"{self.store.abort(_STREAMS[store])} packets"

    @telecommand("store.status", Service.STORAGE, 18, "Report what each store does, a packet a store")
    def status(self) -> Failure:
        """TC[15,18] report the status of each packet store: TM[15,19]."""
        state = self.state
        for place, stream in enumerate(_STREAMS):
            taken, sent = stream not in state.disabled, stream not in state.suspended
            self.report(self.STATUS, place, taken, sent, self.store.asked_for(stream))
        return None

    @telecommand("store.configuration", Service.STORAGE, 22, "Report what each store is, a packet a store")
    def configuration(self) -> Failure:
        """TC[15,22] report the configuration of each packet store: TM[15,23]."""
        sizes, priorities = self.store.share_bytes, self.store.state.priorities
        for place, stream in enumerate(_STREAMS):
            bounded = stream in self.state.bounded
            self.report(self.CONFIGURATION, place, sizes[stream], bounded, priorities[stream])
        return None

    @telecommand(
        "store.resize", Service.STORAGE, 25, "Give a service another share; what is too much of a smaller one is lost",
        _STORE, Arg("size_bytes", "int", "its size", "B", LEAST_BYTES, TOTAL_BYTES), hazardous=True,
    )  # fmt: skip
    def resize(self, store: int, size_bytes: int) -> Failure:
        """TC[15,25] resize packet stores. A bounded one keeps what it has, so it cannot become smaller than that."""
        stream, shares = _STREAMS[store], self.store.share_bytes
        room = TOTAL_BYTES - sum(shares.values()) + shares[stream]
        if size_bytes > room:
            return Code.FULL, f"{size_bytes} B; all together have {TOTAL_BYTES} B, this one can have {room} B"
        if stream in self.state.bounded and size_bytes < self.store.used_bytes(stream):
            held = self.store.used_bytes(stream)
            return Code.REFUSED_BY_STATE, f"{size_bytes} B; {_NAMES[store]} is bounded and holds {held} B"
        self.state.sizes[int(stream)] = size_bytes
        self.keep()
        return Code.NONE, f"{self.store.resize(stream, size_bytes)} packets lost"

    @telecommand("store.circular", Service.STORAGE, 26, "When a share is full, drop its oldest packets", _STORE)
    def circular(self, store: int) -> Failure:
        """TC[15,26] change a packet store type to circular; all are that at first."""
        self.state.bounded.discard(int(_STREAMS[store]))
        self.keep()
        return None

    @telecommand("store.bounded", Service.STORAGE, 27, "When a share is full, take no more packets", _STORE)
    def bounded(self, store: int) -> Failure:
        """TC[15,27] change a packet store type to bounded."""
        self.state.bounded.add(int(_STREAMS[store]))
        self.keep()
        return None

    @function(
        "store.priority", 120, "Which packets go first in a contact; survives a reboot", _STORE,
        Arg("priority", "int", "the lowest goes first; verification has 10", low=0, high=_LOWEST),
    )  # fmt: skip
    def priority(self, store: int, priority: int) -> Failure:
        """The standard leaves the order to the virtual channels, which a bus of messages does not have."""
        self.state.priorities[int(_STREAMS[store])] = priority
        self.keep()
        self.store.prefer(_STREAMS[store], priority)
        return None

    @telemetry("int", "Packets in the store")
    def store_packets(self) -> int:
        """Of all boots."""
        return self.store.packets

    @telemetry("int", "Bytes in the store", "B")
    def store_bytes(self) -> int:
        """Of all boots."""
        return self.store.held_bytes

    @telemetry("int", "Streams of the boots in the store's books")
    def store_streams(self) -> int:
        """(boot, stream); settled ones are not among them."""
        return self.store.streams[0]

    @telemetry("int", "Streams of earlier boots that were settled and forgotten")
    def store_settled(self) -> int:
        """Since the first boot."""
        return self.store.streams[1]

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
