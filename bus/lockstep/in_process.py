"""The in-process transport: all participants in one thread, as fast as they step. It still encodes to bytes, so that
nothing passes between participants that could not pass between processes, and the trace is the same.

No sockets and no clock here.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bus.errors import Diverged, ParticipantLost, SkyrackError
from bus.lockstep import instructions as do
from bus.lockstep.conductor import Conductor
from bus.lockstep.instructions import Instruction
from bus.lockstep.ticks import answer, read_tick
from bus.participant import Moment, Outbox, Participant
from bus.trace.writer import TraceWriter
from bus.wire.messages import Message

Commit = Callable[[Outbox], None]
AT_ONCE = 2
"""Ticks that are on their way together, with lookahead."""


class InProcess:
    """Runs participants under a conductor in lockstep.

    commit: per participant id, what makes its writes and records durable before its Tock counts. on_tick: called with
    each complete tick. on_outside: called with mail to outsiders (operator). rebuild: makes a fresh participant for
    `accident`. stopped: asked between ticks; a reason ends the run in order. `snapshot_every_ticks` 0: no snapshots.
    """

    def __init__(
        self,
        conductor: Conductor,
        participants: Iterable[Participant],
        tick_ns: int,
        trace: TraceWriter | None = None,
        *,
        commit: Mapping[str, Commit] | None = None,
        on_tick: Callable[[do.Record], None] | None = None,
        on_outside: Callable[[tuple[bytes, ...]], None] | None = None,
        rebuild: Callable[[str], Participant] | None = None,
        stopped: Callable[[], str] | None = None,
        snapshot_every_ticks: int = 0,
    ) -> None:
        self._conductor = conductor
        self._participants = {participant.id: participant for participant in participants}
        self._tick_ns = tick_ns
        self._trace = trace
        self._commit = dict(commit or {})
        self._on_tick = on_tick
        self._on_outside = on_outside
        self._rebuild = rebuild
        self._stopped = stopped
        self._every = snapshot_every_ticks
        self._queue: deque[Instruction] = deque()
        self._moments: dict[bytes, Moment] = {}
        self.complaints: deque[do.Complaint] = deque(maxlen=256)  # the newest; the conductor counts all
        self.refused_mail = 0  # messages with a good envelope and a bad body, dropped by their addressees

    def run(self) -> do.Finished:
        """The whole run. Raises ParticipantLost where a step fails, Diverged where a replay differs."""
        self.begin()
        return self.go_on()

    def fork(self, participants: Iterable[Participant], trace: TraceWriter | None = None, **options: Any) -> InProcess:
        """Another run with the beginning of this one, to be asked for between ticks (in `on_tick`); `go_on` flies the
        rest of it. `participants` are fresh and take over the state of these; `trace` holds the same records; options
        are those of the class."""
        twin = InProcess(copy.deepcopy(self._conductor), participants, self._tick_ns, trace, **options)
        twin._queue.extend(self._queue)
        for id, participant in twin._participants.items():
            participant.restore(self._participants[id].save())
        return twin

    def go_on(self) -> do.Finished:
        """What is left of the run; raises as `run`."""
        while True:
            passed = self.advance()
            if isinstance(passed, do.Finished):
                return passed

    def begin(self) -> None:
        """Everybody joins; `advance` then flies tick by tick."""
        self._look_for_stop()
        for id in sorted(self._participants):
            self._queue.extend(self._conductor.joined(id))

    def advance(self) -> do.Record | do.Finished:
        """On to the next complete tick, or to the end; raises as `run`."""
        queue = self._queue
        while queue:
            instruction = queue.popleft()
            if type(instruction) is do.SendTick:
                queue.extend(self._step(instruction))
                continue
            finished = self._carry_out(instruction)
            if finished is not None:
                return finished
            if type(instruction) is do.Record:
                return instruction
        missing = ", ".join(self._conductor.waiting)
        reason = self.complaints[-1].reason if self.complaints else "nobody of this id is in this process"
        raise ParticipantLost(missing, self._conductor.tick, reason)

    def stop(self, reason: str) -> None:
        """End in order after the open tick."""
        self._queue.extend(self._conductor.stop(reason))

    def accident(self, id: str) -> None:
        """What `kill -9` does to a process: the participant is gone, and a fresh one takes its session."""
        if self._rebuild is None:
            raise ValueError("accidents need `rebuild`")
        self._queue.extend(self._conductor.left(id, "an accident of the range"))
        # Ticks on their way to the lost one die with it.
        kept = [i for i in self._queue if not (type(i) is do.SendTick and i.id == id)]
        self._queue.clear()
        self._queue.extend(kept)
        self._participants[id] = self._rebuild(id)
        self._queue.extend(self._conductor.joined(id))

    def inject(self, frames: Sequence[bytes]) -> None:
        """Mail from outside; see `Conductor.inject`."""
        self._queue.extend(self._conductor.inject(frames))

    def _step(self, order: do.SendTick) -> list[Instruction]:
        """One Tick to one participant, its Tock back to the conductor."""
        participant = self._participants[order.id]
        frames = order.frames
        known = self._moments.get(frames[0]) if len(frames) == 1 else None
        if known is not None:
            moment = known  # everybody without mail shares this frame: it is read once
            inbox: list[Message] = []
        else:
            moment, inbox, refused = read_tick(frames, self._tick_ns)
            self.refused_mail += refused
            if len(frames) == 1 and not moment.beacons:
                if len(self._moments) >= AT_ONCE:
                    self._moments.clear()
                self._moments[frames[0]] = moment
        try:
            outbox = participant.step(moment, inbox)
            commit = self._commit.get(order.id)
            if commit is not None:
                commit(outbox)
            tock = answer(order.id, moment, outbox)
        except SkyrackError:
            raise
        except Exception as error:
            raise ParticipantLost(order.id, order.tick, f"its step failed: {type(error).__name__}: {error}") from error
        if self._every and (order.tick + 1) % self._every == 0:
            self._conductor.snapshot(order.id, order.tick, participant.save())
        return self._conductor.answered(order.id, tock)

    def _look_for_stop(self) -> None:
        reason = self._stopped() if self._stopped is not None else ""
        if reason:
            self._queue.extend(self._conductor.stop(reason))

    def _carry_out(self, instruction: Instruction) -> do.Finished | None:
        match instruction:
            case do.Record():
                if self._trace is not None:
                    self._trace.append(instruction.content)
                if self._on_tick is not None:
                    self._on_tick(instruction)
                self._look_for_stop()
            case do.Admit(id=id, snapshot=snapshot) if snapshot is not None:
                self._participants[id].restore(snapshot)
            case do.Outside(frames=frames):
                if self._on_outside is not None:
                    self._on_outside(frames)
            case do.Complaint():
                self.complaints.append(instruction)
            case do.Divergence(id=id, tick=tick, expected=expected, got=got):
                raise Diverged(id, tick, expected, got, hint="its step depends on something that is not in its state")
            case do.Lost(id=id, reason=reason) | do.Refuse(id=id, reason=reason):
                raise ParticipantLost(id, self._conductor.tick, reason)
            case do.Finished():
                if self._trace is not None:
                    self._trace.close(complete=instruction.complete, reason=instruction.reason, mail=instruction.mail)
                return instruction
            case _:
                pass
        return None


def run_in_process(
    conductor: Conductor,
    participants: Iterable[Participant],
    tick_ns: int,
    trace: TraceWriter | None = None,
    *,
    commit: Mapping[str, Commit] | None = None,
    on_tick: Callable[[do.Record], None] | None = None,
    on_outside: Callable[[tuple[bytes, ...]], None] | None = None,
    stopped: Callable[[], str] | None = None,
) -> do.Finished:
    """A run from its first tick to its closing one; see `InProcess`. The trace is closed when this returns, and left
    as a crash would leave it when it raises."""
    session = InProcess(
        conductor, participants, tick_ns, trace,
        commit=commit, on_tick=on_tick, on_outside=on_outside, stopped=stopped,
    )  # fmt: skip
    try:
        return session.run()
    finally:
        if trace is not None:
            trace.abandon()
