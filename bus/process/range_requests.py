"""The range plane's request and acknowledgement: injections from outside a run, and what became of them.

A client with the range key sends one frame a message. Hello: answered by Welcome, whose `next_tick` is the next tick
to be made (mission time = next_tick * tick_ns). Injection: answered by OperatorReply (state "recorded", `token` the
tick whose mail carries it) or Refusal; its InjectionReports follow as they come from the target. An Injection with
`clear` may be addressed to "range": the range_requests knows from the reports where it is active.
ClockOrder (pause, step, resume, speed, free): answered by ClockState, how it stands then; nothing is recorded.
Decides and encodes; sockets are the caller's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from bus.errors import DecodeError, Refused
from bus.process.rate_limit import RateLimit
from bus.process.watchman import kind_of
from bus.sockets.access import Peer
from bus.wire.codec import decode, encode, peek
from bus.wire.messages import (
    Body,
    Hello,
    Injection,
    InjectionReport,
    InjectionState,
    Kind,
    Message,
    OperatorReply,
    Refusal,
    Welcome,
)
from bus.wire.pace import ClockOrder, ClockState

MAX_FOLLOWED = 1024  # injections whose reports are still passed on; the oldest is forgotten
MAX_ACTIVE = 65536  # injections known to be active, over all targets; the oldest is forgotten
MAX_NAMED = 12  # active injections that a refusal names


class _Sender(Protocol):
    def send(self, routing: bytes, frames: Sequence[bytes]) -> bool: ...


class RangeRequests:
    """See the module."""

    def __init__(
        self, targets: frozenset[str], limit: RateLimit | None = None,
        clock: Callable[[ClockOrder], ClockState] | None = None,
    ) -> None:  # fmt: skip
        """`clock`: carries out what is asked of the run's clock, and says how it stands."""
        self._targets, self._limit, self._clock = targets, limit, clock
        self.refused = ""  # what kind of refusal the last request got
        self._followed: OrderedDict[str, bytes] = OrderedDict()
        self._active: OrderedDict[tuple[str, str], None] = OrderedDict()  # (injection, target), in order of onset

    def hear(self, peer: Peer, frames: Sequence[bytes], tick: int) -> tuple[bytes, list[bytes]]:
        """(reply, mail for the conductor) to one request. Whatever is wrong with it is in the reply."""
        self.refused = ""
        too_many = self._limit.refusal(peer.routing) if self._limit is not None else ""
        if too_many:
            return self._refuse("too many requests", too_many)
        try:
            if len(frames) != 1:
                raise DecodeError(f"a request is one frame, not {len(frames)}")
            message = decode(frames[0])
        except DecodeError as error:
            return self._refuse(kind_of(error), error.message)
        body = message.body
        if isinstance(body, Hello):
            return self._reply(Welcome(scenario=(), snapshot=(), next_tick=max(0, tick + 1))), []
        if isinstance(body, ClockOrder) and self._clock is not None:
            try:
                return self._reply(self._clock(body)), []
            except Refused as refused:
                return self._reply(Refusal(reason=f"found {refused.found}; needed {refused.allowed}")), []
        if not isinstance(body, Injection):
            return self._refuse("wrong plane", f"{message.kind.name} has no business on the range plane")
        if message.source != peer.identity:
            return self._refuse("foreign source", f"this key belongs to {peer.identity}, not to {message.source}")
        if body.clear and message.destination == "range":
            targets = [target for injection, target in self._active if injection == body.injection]
            if len(targets) != 1:
                return self._reply(Refusal(reason=self._not_there(body.injection, targets))), []
            message = message._replace(destination=targets[0])
            frames = [encode(message)]
        if message.destination not in self._targets or message.destination in ("range", "bus"):
            return self._reply(Refusal(reason=f"{message.destination} is no target of this run")), []
        self._followed[body.injection] = peer.routing
        if len(self._followed) > MAX_FOLLOWED:
            self._followed.popitem(last=False)
        tick = max(0, tick + 1)
        what = f"{message.destination} {body.injection}: end " if body.clear else ""
        detail = f"{what}recorded, delivered with tick {tick}"
        return self._reply(OperatorReply(token=tick, request=-1, state="recorded", detail=detail, final=False)), [
            frames[0]
        ]

    def overhear(self, frames: Sequence[bytes], sender: _Sender) -> None:
        """Take note of the injection reports in a Tick for the range's director; pass them on to whoever asked."""
        for frame in frames[1:]:
            if peek(frame).kind is not Kind.INJECTION_REPORT:
                continue
            try:
                message = decode(frame)
            except DecodeError:
                continue  # the director drops it too
            self._note(message.body, message.source)
            if message.body.injection in self._followed:
                sender.send(self._followed[message.body.injection], [frame])

    def _note(self, report: InjectionReport, target: str) -> None:
        if report.state == InjectionState.ACTIVE:
            self._active[report.injection, target] = None
            if len(self._active) > MAX_ACTIVE:
                self._active.popitem(last=False)
        elif report.state == InjectionState.CLEARED:
            self._active.pop((report.injection, target), None)

    def _not_there(self, injection: str, targets: Sequence[str]) -> str:
        """Why an end without a target cannot be passed on."""
        if targets:
            return f"'{injection}' is active at {' and '.join(targets)}: say at which it is to end"
        active = [f"{name} ({target})" for name, target in self._active]
        more = f" and {len(active) - MAX_NAMED} more" if len(active) > MAX_NAMED else ""
        return f"no injection '{injection}' is active; active: {', '.join(active[-MAX_NAMED:]) or 'none'}{more}"

    def _refuse(self, kind: str, reason: str) -> tuple[bytes, list[bytes]]:
        self.refused = kind
        return self._reply(Refusal(reason=reason[:1000])), []

    @staticmethod
    def _reply(body: Body) -> bytes:
        return encode(Message(0, "bus", 0, "range", body))
