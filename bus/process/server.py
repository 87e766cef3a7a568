"""The bus process: carries out what the conductor decides, over the ports, at the pace of the clock.

It owns the time plane (ROUTER for participants), the range plane (ROUTER for injections from outside), the observers'
XPUB and the participants that live in the bus process (the director). Nothing that arrives on a socket can end it or
stall it: what does not decode is counted and dropped.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bus.clock import Clock, MachineClock
from bus.errors import DecodeError, Diverged, ParticipantLost, RangeFailure, SkyrackError
from bus.lockstep import instructions as do
from bus.lockstep.conductor import Conductor
from bus.lockstep.ticks import answer, read_tick
from bus.process.handshake import Handshake
from bus.process.log import Log
from bus.process.pacing import Pacing
from bus.process.plan import BusOutcome, BusPlan, Recorder
from bus.process.range_metrics import outside_metrics, range_metrics
from bus.process.range_requests import RangeRequests
from bus.process.rate_limit import RateLimit
from bus.process.watchman import Watchman, kind_of, refused_mail
from bus.sockets.access import Grants, Keypair, Peer
from bus.sockets.metrics import MetricsDoor
from bus.sockets.ports import Network, PublisherPort, RouterPort
from bus.wire.codec import decode, encode, peek
from bus.wire.messages import OPERATOR_MAIL, Body, Bye, Kind, Message, Refusal, Welcome
from bus.wire.pieces import split

if TYPE_CHECKING:
    from prometheus_client.core import Metric

PROGRESS_EVERY_NS = 250_000_000
PATIENCE_S = 2.5  # a stop that was asked for ends the run within this, answered or not
_HANG_UP_LOOKS, _HANG_UP_LOOK_NS = 100, 10_000_000  # 1 s for participants to read the goodbye and close


class BusServer:
    """One run. `report` hears of ready, endpoints, progress, away, lost, back (see docs of the run's `run.json`)."""

    def __init__(
        self,
        plan: BusPlan,
        key: Keypair,
        grants: Grants,
        recorder: Recorder,
        *,
        report: Callable[[str, Mapping[str, object]], None],
        clock: Clock | None = None,
    ) -> None:
        self._plan, self._key, self._grants, self._recorder, self._report = plan, key, grants, recorder, report
        self._clock = clock or MachineClock()
        self._conductor = Conductor(
            plan.participants,
            plan.ticks,
            plan.tick_ns,
            paced=plan.speed is not None,
            lookahead=True,
            on_lost=plan.missing_tock,
        )
        self._pacing = Pacing(
            plan,
            self._clock,
            self._conductor,
            self._overdue,
            self._dispatch,
            late=self._late,
            give_up=self.give_up,
        )
        self._local = {participant.id: participant for participant in plan.local}
        self._handshake = Handshake(plan.scenario, plan.dictionaries)
        self._range_requests = RangeRequests(
            frozenset(participant.id for participant in plan.participants), RateLimit(self._clock), self._pacing.order
        )
        self._counters: Counter[str] = Counter()
        self._log = Log(self._clock, lambda reason: report("log_stopped", {"id": "bus", "reason": reason}))
        self._watchman: Watchman
        self._done = asyncio.Event()
        self._finished: do.Finished | None = None
        self._failure: SkyrackError | None = None
        self._lost: list[do.Lost] = []
        self._last_loss: ParticipantLost | None = None
        self._divergence: Diverged | None = None
        self._here = 0
        self._reported_ns = self._clock.now_ns()
        self._network: Network
        self._time: RouterPort
        self._range: RouterPort
        self._observe: PublisherPort
        self._carry: dict[type[Any], Callable[[Any], Iterable[do.Instruction] | None]] = {
            do.Admit: self._admit,
            do.Refuse: self._refuse,
            do.SendTick: self._send_tick,
            do.Record: self._record,
            do.Outside: self._outside,
            do.Complaint: lambda order: self._log.write(f"{order.id} at tick {order.tick}: {order.reason}"),
            do.Away: self._away,
            do.Lost: self._give_up,
            do.Divergence: self._diverged,
            do.Finished: self._finish,
        }

    async def run(self) -> BusOutcome:
        """Open the planes, fly, say goodbye."""
        door = MetricsDoor(self._plan.metrics, self._metrics) if self._plan.metrics else None
        with Network(self._grants) as network:
            self._network = network
            self._time = network.router(self._plan.time_endpoint, self._key, "time")
            self._range = network.router(self._plan.range_endpoint, self._key, "range")
            self._observe = network.publisher(self._plan.observe_endpoint, self._key, "observe")
            for port in (self._time, self._range):
                await network.prove_closed(port.endpoint, self._key.public)
            endpoints = {"time": self._time.endpoint, "range": self._range.endpoint, "observe": self._observe.endpoint}
            self._report("ready", {"endpoints": endpoints})
            self._pacing.moved()
            self._watchman = Watchman(network.refused, self._clock, self._report, self._log.say)
            async with asyncio.TaskGroup() as group:
                duties = [self._serve_time(), self._serve_range(), self._pacing.keep(), self._pacing.watch_over_late()]
                duties.append(self._watchman.keep())
                duties += [] if door is None else [door.serve()]
                tasks = [group.create_task(self._on_duty(duty)) for duty in duties]
                try:
                    for id in self._local:
                        self._carry_out(self._conductor.joined(id))
                except SkyrackError as error:
                    self._fail(error)
                await self._done.wait()
                for task in tasks:
                    task.cancel()
            self._watchman.look()
            tick = max(0, self._conductor.tick)
            finished = self._finished or do.Finished(tick, False, "it failed", (), self._conductor.counters)
            traffic = dict(sorted((network.counters + self._counters).items()))
            await self._say_goodbye(self._failure.message if self._failure else finished.reason)
        refused = (*self._watchman.refused.rows(), *refused_mail(finished.counters))
        return BusOutcome(finished, self._failure, traffic, self._pacing.slips, tuple(self._lost), refused)

    def stop(self, reason: str) -> None:
        """End after the open tick; after PATIENCE_S in any case."""
        asyncio.get_running_loop().call_later(PATIENCE_S, self._fail, RangeFailure(f"{reason}, in an open tick"))
        self._carry_out(self._conductor.stop(reason))

    def told(self, words: Mapping[str, Any]) -> None:
        """What the supervisor knows and the bus cannot see: that a process will not be started again."""
        if words.get("tell") == "lose":
            self.give_up(str(words["id"]), str(words["reason"]))

    def give_up(self, id: str, reason: str) -> None:
        """Go on without this participant, or stop, as the scenario says."""
        self._carry_out(self._conductor.lose(id, reason))

    def _metrics(self) -> Iterator[Metric]:
        figures = self._network.counters + self._counters
        lost = len(self._lost)
        yield from range_metrics(self._conductor, self._pacing, self._watchman.refused, figures, self._handshake, lost)
        yield from outside_metrics(self._plan.outside())

    def _late(self, id: str, ticks: int) -> None:
        self._report("late", {"id": id, "tick": self._conductor.tick, "behind": ticks})

    def _fail(self, error: SkyrackError) -> None:
        if not self._done.is_set():
            self._failure = error
            self._done.set()

    async def _on_duty(self, duty: Coroutine[Any, Any, None]) -> None:
        try:
            await duty
        except SkyrackError as error:
            self._fail(error)

    async def _serve_time(self) -> None:
        while True:
            for peer, frames in await self._time.receive():
                try:
                    self._hear(peer, frames)
                except DecodeError as error:
                    self._counters["garbage"] += 1
                    self._watchman.refused.count("time", kind_of(error), peer.identity)
                    self._log.write(f"{peer.identity}: {error.message}")

    def _hear(self, peer: Peer, frames: list[bytes]) -> None:
        if not frames:
            raise DecodeError("an empty message")
        kind = peek(frames[0]).kind
        if kind is Kind.HELLO:
            self._greet(peer, decode(frames[0]))
        elif not self._handshake.is_current(peer):
            raise DecodeError(f"{kind.name} without a session")
        elif kind is Kind.TOCK:
            self._pacing.heard(peer.identity)
            self._carry_out(self._conductor.tock(peer.identity, frames))
        elif kind is Kind.PIECE:
            complete = self._handshake.piece(peer, decode(frames[0]))
            if complete is not None:
                self._carry_out(self._conductor.snapshot(peer.identity, *complete))
        elif kind is Kind.BYE:
            self._leave(peer.identity, decode(frames[0]).body.reason)
        elif kind in OPERATOR_MAIL and peer.role == "ground":
            self._carry_out(self._conductor.inject(frames[:1]))
        else:
            raise DecodeError(f"{kind.name} has no business on the time plane")

    def _greet(self, peer: Peer, hello: Message) -> None:
        verdict = self._handshake.examine(peer, hello)
        if isinstance(verdict, str):
            self._watchman.refused.count("time", "refused hello", peer.identity)
            self._log.write(f"{peer.identity} is refused: {verdict}")
            self._send(peer.routing, Refusal(reason=verdict), peer.identity)
            return
        if verdict:  # it wants the scenario first
            digests = tuple(piece.digest for piece in verdict)
            self._send(peer.routing, Welcome(scenario=digests, snapshot=(), next_tick=0), peer.identity)
            for piece in verdict:
                self._send(peer.routing, piece, peer.identity)
            return
        old = self._handshake.sessions.get(peer.identity)
        if old is not None and self._time.send(old, [b""]):
            reason = f"{peer.identity} already takes part, through another process"
            self._send(peer.routing, Refusal(reason=reason), peer.identity)
            return
        if old is not None:
            self._leave(peer.identity, "its connection is gone")
        self._handshake.admit(peer)
        endpoints = self._handshake.endpoints(peer, hello)
        if endpoints:
            self._report("endpoints", {"endpoints": endpoints})
        self._carry_out(self._conductor.joined(peer.identity))

    def _leave(self, identity: str, reason: str) -> None:
        self._handshake.leave(identity)
        self._carry_out(self._conductor.left(identity, reason))

    async def _serve_range(self) -> None:
        while True:
            for peer, frames in await self._range.receive():
                reply, mail = self._range_requests.hear(peer, frames, self._conductor.made)
                self._range.send(peer.routing, [reply])
                if self._range_requests.refused:
                    self._watchman.refused.count("range", self._range_requests.refused, peer.identity)
                if mail:
                    self._carry_out(self._conductor.inject(mail))

    def _overdue(self, tick: int) -> None:
        self._carry_out(self._conductor.overdue(tick))

    def _carry_out(self, instructions: Iterable[do.Instruction]) -> None:
        todo = deque(instructions)
        while todo:
            instruction = todo.popleft()
            todo.extend(self._carry[type(instruction)](instruction) or ())

    def _send(self, routing: bytes, body: Body, destination: str) -> bool:
        return self._time.send(routing, [encode(Message(0, "bus", 0, destination, body))])

    def _admit(self, order: do.Admit) -> None:
        self._pacing.moved()
        self._pacing.forget(order.id)
        routing = self._handshake.sessions.get(order.id)
        if routing is None:  # it lives in this process
            return
        pieces = [] if order.snapshot is None else split("snapshot", order.next_tick, order.snapshot)
        digests = tuple(piece.digest for piece in pieces)
        self._send(routing, Welcome(scenario=(), snapshot=digests, next_tick=order.next_tick), order.id)
        for piece in pieces:
            self._send(routing, piece, order.id)
        if order.replaying:
            self._report("back", {"id": order.id, "tick": order.next_tick})
        else:
            self._here += 1
            self._report(
                "here", {"id": order.id, "here": self._here, "of": len(self._plan.participants) - len(self._local)}
            )

    def _refuse(self, order: do.Refuse) -> None:
        routing = self._handshake.leave(order.id)
        if routing is not None:
            self._send(routing, Refusal(reason=order.reason), order.id)

    def _away(self, order: do.Away) -> None:
        self._pacing.forget(order.id)
        self._report("away", {"id": order.id, "tick": order.tick, "reason": order.reason})

    def _send_tick(self, order: do.SendTick) -> Iterable[do.Instruction] | None:
        return None if self._pacing.hold(order) else self._leave_with(order)

    def _dispatch(self, order: do.SendTick) -> None:
        self._carry_out(self._leave_with(order) or ())

    def _leave_with(self, order: do.SendTick) -> list[do.Instruction] | None:
        self._pacing.moved()
        local = self._local.get(order.id)
        if local is not None:
            self._range_requests.overhear(order.frames, self._range)
            moment, inbox, _ = read_tick(order.frames, self._plan.tick_ns)
            return self._conductor.answered(local.id, answer(local.id, moment, local.step(moment, inbox)))
        routing = self._handshake.sessions.get(order.id)
        if routing is None or self._time.send(routing, order.frames):
            return None
        self._handshake.leave(order.id)
        return self._conductor.left(order.id, "its connection is gone")

    def _record(self, order: do.Record) -> None:
        self._recorder.append(order.content)
        self._observe.publish(order.content)
        now_ns = self._clock.now_ns()
        if now_ns - self._reported_ns >= PROGRESS_EVERY_NS:
            self._reported_ns = now_ns
            self._report("progress", {"tick": order.tick + 1, "ticks": self._plan.ticks, "slips": self._pacing.slips})

    def _outside(self, order: do.Outside) -> None:
        ground = self._handshake.sessions.get("ground")
        for frame in order.frames:
            if ground is not None and peek(frame).destination == "operator":
                self._time.send(ground, [frame])

    def _give_up(self, order: do.Lost) -> None:
        self._lost.append(order)
        self._report("lost", {"id": order.id, "tick": order.tick, "reason": order.reason})
        self._last_loss = ParticipantLost(
            order.id,
            order.tick,
            order.reason,
            hint=f"see log/{order.id}.log; the scenario's `range: tock_timeout` sets the patience",
        )
        routing = self._handshake.leave(order.id)
        if routing is not None:
            self._send(routing, Bye(reason=f"given up at tick {order.tick}: {order.reason}"), order.id)

    def _diverged(self, order: do.Divergence) -> None:
        self._divergence = Diverged(
            order.id, order.tick, order.expected, order.got, hint="its code is not deterministic"
        )

    def _finish(self, order: do.Finished) -> None:
        self._finished = order
        if not order.complete:
            self._failure = self._divergence or self._last_loss or RangeFailure(order.reason)
        self._done.set()

    async def _say_goodbye(self, reason: str) -> None:
        """Bye to everybody; unless somebody hangs, wait until they have hung up: then they have read it."""
        body, there = Bye(reason=reason[:1000]), sorted(self._handshake.sessions.items())
        there = [(identity, routing) for identity, routing in there if self._send(routing, body, identity)]
        looks = _HANG_UP_LOOKS if self._finished is not None else 0
        while there and (looks := looks - 1) >= 0:
            await self._clock.until(self._clock.now_ns() + _HANG_UP_LOOK_NS)
            there = [(identity, routing) for identity, routing in there if self._time.send(routing, [b""])]
