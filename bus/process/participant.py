"""The asyncio shell of any participant: connect, shake hands, restore, then Tick in, step, commit, Tock out.

The participant itself sees no socket, no clock and no await. The shell commits what a step wrote before it sends the
Tock, sends snapshots on the scenario's schedule, and ends within 5 s of a signal or of the bus going away.
A participant whose process has no other socket waits for its Ticks inside libzmq (see `ports.DealerPort.receive`).

Several participants may share a process: each has its own key, connection and session, and the bus cannot tell. They
share one loop, the scenario, and their end: what ends one by an error ends the process, and all of them come back.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import traceback
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from bus.draws import stable_id
from bus.errors import INTERRUPTED, DecodeError, HandshakeRefused, RangeFailure, SkyrackError, in_words
from bus.lockstep.ticks import read_tick, write_tock
from bus.participant import Outbox, Participant
from bus.process import lifeline
from bus.process.handshake import DOOR, SCENARIO
from bus.sockets.keys import load_key, load_public, role_of
from bus.sockets.ports import DealerPort, Network
from bus.wire.codec import decode, encode, pack_map, seal
from bus.wire.messages import PROTOCOL_VERSION, Body, Bye, Hello, Kind, Message, Piece, Refusal, Tick, Welcome
from bus.wire.pieces import Assembly, address, cut

CONNECT_WITHIN_S = 60.0  # a container may start before its bus does
ANSWER_WITHIN_S = 30.0
_WHO_IS_WHO = "each identity in one process, and everybody of one release (`skyrack --version`), with this run's keys"
LOOP_EVERY_TURNS = 16
"""Where mail is always there, no wait would let the loop have its turn: signals and the supervisor's end are its."""
GC_THRESHOLD = 20_000  # a step makes few cycles; the default of 700 would look for them in every other tick


@dataclass
class Service:
    """A participant, built, with what its process adds.

    dictionary: version of its TM/TC dictionary. begin: called once before the first Tick, with its number, and whether
    the participant was restored from a snapshot. commit: makes a step's writes (or the ground's records) durable.
    close: called once at the end. side_task: runs beside the loop (the ground's operator port) until cancelled; with
    it the process has other sockets. endpoints: theirs by plane, for run.json. outside: mail to somebody beyond
    this process that the bus passed back.
    """

    participant: Participant
    tick_ns: int
    snapshot_every_ticks: int = 0
    dictionary: str = ""
    begin: Callable[[int, bool], None] = lambda next_tick, restored: None
    commit: Callable[[Outbox], None] = lambda outbox: None
    close: Callable[[], None] = lambda: None
    side_task: Callable[[Shell], Awaitable[None]] | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    outside: Callable[[Message], None] = lambda message: None


@dataclass(frozen=True)
class Credentials:
    """Where and as whom to take part. `keys` is the directory with `<name>.key` and `bus.pub`; `versions` are shown in
    the handshake, for the bus's log."""

    identity: str
    endpoint: str
    keys: Path
    versions: tuple[tuple[str, str], ...] = ()


def another_release(error: Exception) -> HandshakeRefused:
    """What to raise where the scenario that the bus flies cannot be read here: whoever wrote it knows other fields."""
    return HandshakeRefused(
        f"the scenario that the bus flies is none of this release: {in_words(error)}", hint=_WHO_IS_WHO
    )


class Shell:
    """One participant's life on the bus."""

    def __init__(self, credentials: Credentials, port: DealerPort) -> None:
        self._credentials = credentials
        self._port = port
        self.tick = -1
        self.stopping = ""
        self._offset = stable_id(credentials.identity)  # so that not everybody saves in the same tick
        self.dropped = 0  # messages whose body did not decode

    def stop(self, reason: str) -> None:
        """End soon."""
        self.stopping = reason
        self._port.interrupt(RangeFailure(reason))

    def forward(self, frame: bytes) -> bool:
        """Hand the bus a message from outside this process; it enters at the next tick boundary and is recorded."""
        return self._port.push([frame])

    async def shake_hands(
        self, dictionary: str, scenario: bytes | None, endpoints: Mapping[str, str] | None = None
    ) -> tuple[Welcome, bytes]:
        """Welcome, and the content of the pieces that follow it: a snapshot, or the scenario if None was given."""
        versions = {**dict(self._credentials.versions), **{DOOR + plane: at for plane, at in (endpoints or {}).items()}}
        if scenario is not None:
            versions[SCENARIO] = address(scenario).hex()
        role = role_of(self._credentials.identity)
        await self._say(Hello(protocol=PROTOCOL_VERSION, role=role, dictionary=dictionary, versions=versions))
        welcome: Welcome | None = None
        assembly: Assembly | None = None
        async with asyncio.timeout(ANSWER_WITHIN_S):
            while True:
                for frames in await self._port.receive(most=1):  # what follows the answer is for `serve`
                    body = decode(frames[0]).body if frames[0] else None
                    if isinstance(body, Refusal):
                        raise HandshakeRefused(
                            f"the bus refuses {self._credentials.identity}: {body.reason}", hint=_WHO_IS_WHO
                        )
                    if isinstance(body, Bye):
                        raise RangeFailure(f"the bus says goodbye: {body.reason}")
                    if isinstance(body, Welcome):
                        welcome = body
                        digests = body.scenario or body.snapshot
                        if not digests:
                            return welcome, b""
                        assembly = Assembly("scenario" if body.scenario else "snapshot", digests)
                    elif isinstance(body, Piece) and welcome and assembly:
                        complete = assembly.add(body)
                        if complete:
                            return welcome, complete[1]

    def word(self, body: Body) -> bytes:
        """A frame of this participant's for the bus itself."""
        return encode(Message(0, self._credentials.identity, 0, "bus", body))

    async def _say(self, body: Body) -> None:
        await self._port.send([self.word(body)])

    async def serve(self, service: Service) -> str:
        """Ticks until the bus says Bye; gives its reason. RangeFailure if it goes away without one."""
        port = self._port
        alone = service.side_task is None
        for turn in count():
            if turn % LOOP_EVERY_TURNS == 0:
                await asyncio.sleep(0)
            if self.stopping:
                break
            answers, goodbye = self.answer(service, await port.receive(block=alone))
            if goodbye is not None:
                return goodbye
            for answer in answers:
                await port.send(answer)
        return self.stopping

    def answer(self, service: Service, messages: Iterable[list[bytes]]) -> tuple[list[list[bytes]], str | None]:
        """Step with these Ticks, in their order: the answers, to be sent together (whoever wakes for each would only
        get in the way), and the bus's goodbye if it has come."""
        participant, commit, identity = service.participant, service.commit, self._credentials.identity
        every = service.snapshot_every_ticks
        answers: list[list[bytes]] = []
        for frames in messages:
            if not frames[0]:
                continue  # the bus asks whether this connection stands
            try:
                moment, inbox, dropped = read_tick(frames, service.tick_ns)
            except DecodeError:
                message = decode(frames[0])
                if isinstance(message.body, Tick):
                    raise
                if isinstance(message.body, Bye):
                    return [], message.body.reason
                service.outside(message)
                continue
            self.dropped += dropped
            self.tick = moment.tick
            outbox = participant.step(moment, inbox)
            commit(outbox)
            if every and not moment.closing and (moment.tick + 1 + self._offset) % every == 0:
                pieces = cut("snapshot", moment.tick, participant.save())
                answers += [[seal(0, identity, 0, "bus", Kind.PIECE, pack_map(piece))] for piece in pieces]
            answers.append(write_tock(identity, moment, outbox))
        return answers, None


@dataclass(frozen=True, slots=True)
class Ending:
    """Why a process left; `stopped`: not because the bus said so; `signal`: by which signal, or empty."""

    reason: str
    stopped: bool
    signal: str


Build = Callable[[Sequence[str], bytes], list[Service]]
"""From the identities of a process and the scenario's canonical JSON to what takes part, in the same order."""


class _Seat:
    """One participant of this process."""

    def __init__(self, credentials: Credentials, network: Network) -> None:
        identity = credentials.identity
        key, server = load_key(credentials.keys, identity), load_public(credentials.keys, "bus")
        routing = f"{identity}/{os.getpid():x}-{os.urandom(4).hex()}".encode()
        self.identity = identity
        self.port = network.dealer(credentials.endpoint, key, server, routing)
        self.shell = Shell(credentials, self.port)
        self.service: Service

    async def sit_down(self, scenario: bytes) -> None:
        """Shake hands, and be as it was before if it was here before."""
        service = self.service
        welcome, snapshot = await self.shell.shake_hands(service.dictionary, scenario, service.endpoints)
        if snapshot:
            service.participant.restore(snapshot)
        service.begin(welcome.next_tick, bool(snapshot))

    async def serve(self) -> str:
        """To the end, with its side task."""
        service, side_task = self.service, self.service.side_task
        if side_task is None:
            return await self.shell.serve(service)

        async def run_companion() -> None:
            await side_task(self.shell)

        async with asyncio.TaskGroup() as group:
            beside = group.create_task(run_companion())
            try:
                return await self.shell.serve(service)
            finally:
                beside.cancel()

    def say_bye(self, reason: str) -> None:
        """As far as the connection carries it."""
        self.port.push([self.shell.word(Bye(reason=reason[:1000]))])


class _Crowd:
    """Several participants in one loop: each answers from the loop's callback as soon as its socket has something. A
    task for each would cost as much again as its step does."""

    def __init__(self, seats: Sequence[_Seat]) -> None:
        self._seats = seats
        self._there = len(seats)
        self._reason = ""
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(self) -> str:
        """Until the bus has said Bye to all of them; gives the reason of the first. Raises what befalls any of them."""
        for seat in self._seats:
            seat.port.on_fault = partial(self._broken, seat)
            seat.port.on_readable(partial(self._turn, seat))
        return await self._over

    def _turn(self, seat: _Seat) -> None:
        """Everything that has come for one of them."""
        try:
            while not self._over.done() and (messages := seat.port.taken()):
                answers, goodbye = seat.shell.answer(seat.service, messages)
                if goodbye is not None:
                    self._left(seat, goodbye)
                    return
                for answer in answers:
                    if not seat.port.push(answer):
                        seat.port.check()
                        raise RangeFailure(f"{seat.identity} cannot send its answer: its queue is full")
        except Exception as error:
            self._fail(error)

    def _broken(self, seat: _Seat, fault: RangeFailure) -> None:
        """What came before the break is still read: it may say goodbye."""
        self._turn(seat)
        if seat.port.on_fault is not None:
            self._fail(fault)

    def _left(self, seat: _Seat, goodbye: str) -> None:
        seat.port.on_fault = None
        seat.port.quiet()
        self._reason = self._reason or goodbye
        self._there -= 1
        if not self._there and not self._over.done():
            self._over.set_result(self._reason)

    def _fail(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)


async def take_part(party: Sequence[Credentials], build: Build, scenario: bytes | None) -> Ending:
    """All of it, for everybody in this process; gives how it ended. `build` makes them from the scenario's canonical
    JSON; with `scenario` None it is fetched from the bus, else the bus's must be the same."""
    services = build([each.identity for each in party], scenario) if scenario is not None else []
    with Network() as network:
        try:
            seats = [_Seat(credentials, network) for credentials in party]
            return await _take_seats(seats, services, build, scenario, party[0].endpoint)
        finally:
            for service in services:
                service.close()


async def _take_seats(
    seats: Sequence[_Seat], services: list[Service], build: Build, scenario: bytes | None, endpoint: str
) -> Ending:
    """`services`: what is built already, or nothing; filled here, in the order of the seats."""
    stopping: list[str] = []

    def stop(reason: str) -> None:
        stopping.append(reason)
        for seat in seats:
            seat.shell.stop(reason)

    with lifeline.Lifeline(stop) as line:
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                for seat in seats:
                    await seat.port.opened()
            if scenario is None:
                _, scenario = await seats[0].shell.shake_hands("", None)
                with line.aside():
                    services += build([seat.identity for seat in seats], scenario)
            for seat, service in zip(seats, services, strict=True):
                seat.service = service
            await _together([seat.sit_down(scenario) for seat in seats])
            gc.collect()
            gc.freeze()  # what exists now lives to the end: later collections need not look at it
            gc.set_threshold(GC_THRESHOLD)
            reason = await (_Crowd(seats).serve() if len(seats) > 1 else seats[0].serve())
            return Ending(stopping[0] if stopping else reason, bool(stopping), line.signal)
        except Exception as group:
            error = _innermost(group)
            if isinstance(error, TimeoutError):
                raise RangeFailure(f"no bus answers at {endpoint}", hint="is it running? see run.json") from None
            why = stopping[0] if stopping else f"it failed: {type(error).__name__}: {error}"
            for seat in seats:  # tell the bus before the traceback tells the log
                seat.say_bye(why)
            if not stopping:
                raise
            return Ending(stopping[0], True, line.signal)


_T = TypeVar("_T")


async def _together(duties: Sequence[Coroutine[Any, Any, _T]]) -> list[_T]:
    """All of them at once, and their results in order. The first that fails ends the others."""
    if len(duties) == 1:
        return [await duties[0]]
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(duty) for duty in duties]
    return [task.result() for task in tasks]


def run_participants(party: Sequence[Credentials], build: Build, scenario: bytes | None = None) -> int:
    """A process with its participants from here to its end; gives the exit status: 130 where a signal ended it. Errors
    go to the supervisor and stderr."""
    lifeline.bind_to_supervisor()
    name = party[0].identity + (f" and {len(party) - 1} more" if len(party) > 1 else "")
    try:
        ending = asyncio.run(take_part(party, build, scenario))
    except Exception as error:
        cause = _innermost(error)
        if not isinstance(cause, SkyrackError):
            traceback.print_exc(file=sys.stderr)
            cause = RangeFailure(f"{name} failed: {type(cause).__name__}: {cause}", hint="see its log")
        lifeline.report_error(cause)
        return cause.exit_status
    lifeline.report("ended", {"id": party[0].identity, "reason": ending.reason, "orderly": not ending.stopped})
    if ending.signal:
        sys.stderr.write(f"interrupted by {ending.signal}\n")
        return INTERRUPTED
    return 0


def _innermost(error: BaseException) -> BaseException:
    """What went wrong first, without the groups that tasks wrap around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
