"""The range plane's request and acknowledgement: injections from outside a run, and what became of them.

A client with the range key sends one frame a message. Hello: answered by Welcome, whose `next_tick` is the next tick
to be made (mission time = next_tick * tick_ns). Injection: answered by OperatorReply (state "recorded", `token` the
tick whose mail carries it) or Refusal; its InjectionReports follow as they come from the target.
Decides and encodes; sockets are the caller's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Protocol

from bus.codec import decode, encode, peek
from bus.errors import DecodeError
from bus.messages import Body, Hello, Injection, InjectionReport, Kind, Message, OperatorReply, Refusal, Welcome
from bus.zap import Peer

MAX_FOLLOWED = 1024  # injections whose reports are still passed on; the oldest is forgotten


class _Sender(Protocol):
    def send(self, routing: bytes, frames: Sequence[bytes]) -> bool: ...


class InjectionDesk:
    """See the module."""

    def __init__(self, targets: frozenset[str]) -> None:
        self._targets = targets
        self._followed: OrderedDict[str, bytes] = OrderedDict()

    def hear(self, peer: Peer, frames: Sequence[bytes], tick: int) -> tuple[bytes, list[bytes]]:
        """(reply, mail for the conductor) to one request. Whatever is wrong with it is in the reply."""
        try:
            if len(frames) != 1:
                raise DecodeError(f"a request is one frame, not {len(frames)}")
            message = decode(frames[0])
        except DecodeError as error:
            return self._reply(Refusal(reason=error.message)), []
        body = message.body
        if isinstance(body, Hello):
            return self._reply(Welcome(scenario=(), snapshot=(), next_tick=max(0, tick + 1))), []
        if not isinstance(body, Injection):
            return self._reply(Refusal(reason=f"{message.kind.name} has no business on the range plane")), []
        if message.destination not in self._targets or message.destination in ("range", "bus"):
            return self._reply(Refusal(reason=f"{message.destination} is no target of this run")), []
        if message.source != peer.identity:
            return self._reply(Refusal(reason=f"this key belongs to {peer.identity}, not to {message.source}")), []
        self._followed[body.injection] = peer.routing
        if len(self._followed) > MAX_FOLLOWED:
            self._followed.popitem(last=False)
        tick = max(0, tick + 1)
        detail = f"recorded, delivered with tick {tick}"
        return self._reply(OperatorReply(token=tick, request=-1, state="recorded", detail=detail, final=False)), [
            frames[0]
        ]

    def overhear(self, frames: Sequence[bytes], sender: _Sender) -> None:
        """Pass on the injection reports in a Tick for the range's director to whoever asked for the injection."""
        if not self._followed:
            return
        for frame in frames[1:]:
            if peek(frame).kind is Kind.INJECTION_REPORT:
                report = decode(frame).body
                if isinstance(report, InjectionReport) and report.injection in self._followed:
                    sender.send(self._followed[report.injection], [frame])

    @staticmethod
    def _reply(body: Body) -> bytes:
        return encode(Message(0, "bus", 0, "range", body))
