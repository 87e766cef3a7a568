"""The barrier: Tick k out, all Tocks in, order the mail, Tick k+1. Events in, instructions out.

Whoever owns sockets or objects reports what happened by calling a method and carries out the returned instructions in
their order. The same events give the same instructions, and in lockstep every order of arrival gives the same records.

Lockstep: a tick ends when everybody has answered; `overdue` gives up who has not. A participant that left is waited
for; back again, it gets its snapshot and the Ticks since then, and must reproduce the recorded digests.
Paced: a tick ends when `overdue` says that its time is over. Late answers join the next record and their mail the next
Tick. Who falls behind is sent what it missed as it answers, and catches up; `lose` gives up who stays silent. A
participant that comes back goes through its recorded Ticks, then through those it missed with `host_up` false.

No I/O, no clock, no randomness in here, and no reading of message bodies other than Tock headers (and the mailroom's
allocations).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Literal

from bus.errors import DecodeError
from bus.lockstep import instructions as do
from bus.lockstep.instructions import Instruction
from bus.lockstep.lookahead import Lookahead
from bus.lockstep.mail import Envelope, Mailroom
from bus.lockstep.sessions import (
    BOUNDS,
    TRANSITIONS,
    Answers,
    Bounds,
    ParticipantPlan,
    Phase,
    Session,
    SessionEvent,
    TickRecord,
    counted,
    make_tick_records,
)
from bus.lockstep.ticks import ReceivedTock, read_tock
from bus.trace.writer import Answer, write_record


class Conductor:
    """See the module. One object conducts one run."""

    def __init__(
        self,
        participants: Sequence[ParticipantPlan],
        ticks: int,
        tick_ns: int,
        *,
        paced: bool = False,
        lookahead: bool = False,
        on_lost: Literal["stop", "continue"] = "stop",
        bounds: Bounds = BOUNDS,
    ) -> None:
        """`lookahead` changes the order in which Ticks go out, and nothing else."""
        plans = sorted(participants, key=lambda plan: plan.id)
        self._sessions = {plan.id: Session(plan) for plan in plans}
        if not plans or len(self._sessions) != len(plans) or ticks < 0 or tick_ns <= 0:
            raise ValueError("a run needs participants with distinct ids, ticks >= 0 and tick_ns > 0")
        self._mailroom = Mailroom(plans, outbox_bytes=bounds.outbox_bytes, inbox_bytes=bounds.inbox_bytes)
        self._tick_ns = tick_ns
        self._last = ticks
        self._paced = paced
        self._stop_on_lost = on_lost == "stop"
        self._bounds = bounds
        self._tick = -1
        self._finished, self._cut_short = False, ""
        self._waiting = set(self._sessions)  # for membership; never iterated unsorted
        self._answers = Answers()
        self._delivered: list[Envelope] = []
        self._ahead = Lookahead(plans if lookahead and not paced else ())

    @property
    def tick(self) -> int:
        """The open tick: sent, not complete. -1 before the start; equal to the number of ticks while closing."""
        return self._tick

    @property
    def made(self) -> int:
        """The newest tick that anybody's Tick was made for: the open one, or with lookahead the one after it."""
        return self._ahead.newest

    @property
    def closing(self) -> bool:
        """The open tick is the closing one."""
        return self._tick == self._last

    @property
    def finished(self) -> bool:
        """Nothing will happen any more."""
        return self._finished

    @property
    def waiting(self) -> tuple[str, ...]:
        """Whose answer (before the start: whose arrival) is needed now, in id order."""
        return tuple(sorted(self._waiting))

    @property
    def late(self) -> dict[str, int]:
        """Who owes answers to ticks before the open one, and how many. Nobody in lockstep."""
        late = {id: self._tick - 1 - session.answered for id, session in self._sessions.items()}
        return {id: n for id, n in late.items() if n > 0 and self._sessions[id].phase is not Phase.LOST}

    @property
    def counters(self) -> dict[str, dict[str, int]]:
        """Per participant id: everything counted so far (`roster.Counters`)."""
        return {**counted(self._sessions.values()), "outside": asdict(self._mailroom.outside)}

    def joined(self, id: str) -> list[Instruction]:
        """`id` has proved who it is and is ready for Ticks. The last to join starts the run."""
        session = self._sessions.get(id)
        if session is None:
            return [do.Refuse(id, f"{id} is not part of this run; expected: {', '.join(self._sessions)}")]
        if self._finished:
            return [do.Refuse(id, "the run is over")]
        if (session.phase, SessionEvent.JOINED) not in TRANSITIONS:
            return [do.Refuse(id, f"{id} is already here; two processes may not share an identity")]
        anew = not session.restorable and session.begin_anew(self._tick)
        if not session.restorable:
            reason = f"{id} cannot come back: not everything since its last snapshot is kept"
            return [do.Refuse(id, reason), *self._lose([session], reason)]
        returning = session.phase is not Phase.ABSENT
        session.happens(SessionEvent.JOINED)
        out: list[Instruction] = [do.Admit(id, session.snapshot_next, session.snapshot, returning)]
        if anew:
            note = f"it comes back at tick {self._tick} with nothing but its non-volatile memory"
            out.append(do.Complaint(id, self._tick, note))
            out += self.inject(self._mailroom.pointing(id))
        if returning:
            record = session.come_back(self._tick)
            if record is not None and record.digest is None and id not in self._ahead.held:
                self._waiting.add(id)
            out += self._replay(session)
        if self._tick < 0:
            self._waiting.discard(id)
            out += self._settle()
        return out

    def tock(self, id: str, frames: Sequence[bytes]) -> list[Instruction]:
        """Tock header and mail frames arrived from `id`."""
        session = self._sessions.get(id)
        if session is None or self._finished:
            return []
        if not session.present:
            session.counters.stale_tocks += 1
            return []
        try:
            received = read_tock(id, frames)
        except DecodeError as error:
            session.counters.malformed_tocks += 1
            session.complaint = error.message
            return [do.Complaint(id, self._tick, error.message)]
        return self.answered(id, received)

    def answered(self, id: str, received: ReceivedTock) -> list[Instruction]:
        """`id`, who is present, answers with this Tock, which was checked when it was read or made."""
        session = self._sessions[id]
        if self._finished:
            return []
        record = session.record(received.tick)
        if record is None or (session.phase is Phase.REPLAYING and received.tick != session.cursor):
            session.counters.stale_tocks += 1
            return []
        if record.digest is None:
            return self._accept(session, record, received)
        if session.phase is Phase.LIVE:
            complaint = session.answered_again(record, received.digest)
            return [do.Complaint(id, record.tick, complaint)] if complaint else []
        if record.digest != received.digest:
            reason = f"it did not reproduce tick {record.tick} after its return"
            return [
                do.Divergence(id, record.tick, record.digest.hex(), received.digest.hex()),
                *self._lose([session], reason),
            ]
        session.counters.replayed_ticks += 1
        session.commit_snapshot(received.tick)
        session.cursor += 1
        return self._replay(session)

    def snapshot(self, id: str, tick: int, content: bytes) -> list[Instruction]:
        """`id` saved its state after stepping `tick`; to be reported before the Tock of that tick, which makes it
        valid. Ticks up to it are forgotten."""
        session = self._sessions.get(id)
        if session is None or not session.present or not self._bounds.history_ticks:
            return []
        complaint = session.offer(tick, content)
        return [do.Complaint(id, self._tick, complaint)] if complaint else []

    def left(self, id: str, reason: str) -> list[Instruction]:
        """The process or connection of `id` is gone."""
        session = self._sessions.get(id)
        if session is None or self._finished or not session.happens(SessionEvent.LEFT):
            return []
        session.go_away(reason)
        if self._tick < 0:
            self._waiting.add(id)
        return [do.Away(id, self._tick, reason)]

    def overdue(self, tick: int) -> list[Instruction]:
        """Paced: the scheduled end of this tick has come. Lockstep, start (-1) and closing tick: its time-out is over.
        Ignored if `tick` is not the open one. A paced tick stays open while somebody has as much to catch up with as
        is kept; it is to be reported again."""
        if tick != self._tick or self._finished:
            return []
        if self._paced and not self.closing and tick >= 0:
            full = any(session.overfull(tick, self._bounds) for session in self._sessions.values())
            return [] if full else self._close()  # rather a slower run than one that loses who is merely slow
        return self._lose(
            [self._sessions[id] for id in self.waiting], "no answer in time" if tick >= 0 else "never came"
        )

    def lose(self, id: str, reason: str) -> list[Instruction]:
        """Whoever watches over `id` gives it up: it has been silent for too long, or dies whenever it is started."""
        session = self._sessions.get(id)
        if session is None or self._finished:
            return []
        session.complaint = reason
        return self._lose([session], reason)

    def inject(self, frames: Sequence[bytes]) -> list[Instruction]:
        """Mail from outside, delivered with the next Tick and recorded. Sent time and sequence are the conductor's;
        its source is kept (who may say so is decided by whoever calls this)."""
        if self._finished or self.made == self._last:
            return [do.Complaint("outside", self._tick, "the run is closing")]
        complaints = [self._mailroom.inject(frame, (self.made + 1) * self._tick_ns) for frame in frames]
        return [do.Complaint("outside", self._tick, complaint) for complaint in complaints if complaint]

    def stop(self, reason: str) -> list[Instruction]:
        """End after the newest tick made: the closing Tick follows, for the accounts. Before the start: end at once."""
        if self._tick < 0:
            return self._finish(False, reason)
        if self.made + 1 < self._last:
            self._last, self._cut_short = self.made + 1, reason
        return []

    def _open(self, tick: int) -> list[Instruction]:
        """Makes Tick `tick` for everybody who has none yet, and sends it to those there who are not held back."""
        self._tick = tick
        delivered, inboxes, outside = self._mailroom.sort(self._sessions, tick * self._tick_ns)
        self._delivered = self._ahead.with_early(delivered)
        out: list[Instruction] = [do.Outside(tuple(frame for _, frame in outside))] if outside else []
        have = self._ahead.open(tick, self._last)
        ids = [id for id in self._sessions if id not in have]
        make_tick_records(self._sessions, ids, tick, self._tick_ns, inboxes, self._bounds, closing=self.closing)
        out += self._call_on(id for id in self._sessions if id not in self._ahead.held)
        return out + self._settle() if self._ahead.held else out

    def _call_on(self, ids: Iterable[str]) -> list[Instruction]:
        """These are needed for the open tick, unless they have answered it already, as the lookahead set may have: they
        are waited for from now on, and those that are there are sent what they have not been sent yet."""
        out: list[Instruction] = []
        for id in ids:
            session = self._sessions[id]
            if session.phase is Phase.LOST or session.answered >= self._tick:
                continue
            self._waiting.add(id)
            if session.phase is Phase.LIVE:
                out += self._feed(session)
        return out

    def _feed(self, session: Session) -> list[Instruction]:
        """What a session has not been sent yet, up to its window: more would only fill queues that drop, and who was
        stopped for a minute would wake to a thousand Ticks at once."""
        ticks = session.next_ticks(self._bounds.window_ticks)
        return [do.SendTick(session.plan.id, record.tick, record.frames) for record in ticks]

    def _release(self) -> list[Instruction]:
        """Everybody else has answered the open tick, so all that the lookahead set can hear in the next one is known:
        it gets both Ticks at once, and its processes wake half as often. Only its own mail may be taken out of the
        mailroom now; the rest may still grow by what the set itself answers."""
        held = [id for id in self._sessions if id in self._ahead.held]
        ahead = self._tick + 1
        early, inboxes, _ = self._mailroom.sort(self._sessions, ahead * self._tick_ns, self._ahead.held)
        self._ahead.release(early)
        make_tick_records(
            self._sessions, held, ahead, self._tick_ns, inboxes, self._bounds, closing=ahead == self._last
        )
        return self._call_on(held) + self._settle()

    def _accept(self, session: Session, record: TickRecord, received: ReceivedTock) -> list[Instruction]:
        """The first answer to this record."""
        out: list[Instruction] = []
        plan, tick = session.plan, received.tick
        late = tick < self._tick
        session.accept(record, received, late)
        if received.mail:
            complaint = self._mailroom.accept(plan, session.counters, (tick + 1) * self._tick_ns, received.mail)
            out += [do.Complaint(plan.id, tick, complaint)] if complaint else []
        self._answers.add(Answer(plan.id, tick, record.host_up, late, *received[1:4]))
        if tick == self._tick:
            self._waiting.discard(plan.id)
        if session.phase is Phase.REPLAYING:
            session.cursor += 1
            out += self._replay(session)
        elif self._paced:
            out += self._feed(session)
        return out + self._settle()

    def _settle(self) -> list[Instruction]:
        """Goes on where nobody is waited for any more."""
        if self._finished or self._waiting:
            return []
        if self._tick < 0:
            return self._open(0)
        if self._ahead.held:
            return self._release()
        return [] if self._paced and not self.closing else self._close()

    def _replay(self, session: Session) -> list[Instruction]:
        """The next Tick of a participant that came back: verbatim where it answered before, because its state must
        become what it was, to the bit; with its computer down where the run went on without it, because nobody was
        there to act, while physics did not stand still. One at a time: a digest that differs must end it at once."""
        record = session.record(session.cursor)
        if record is None:
            if session.records and session.cursor < session.records[0].tick:
                return self._lose([session], "what it missed is more than is kept")
            session.happens(SessionEvent.CAUGHT_UP)
            return []
        if record.digest is None:
            if record.tick >= self._tick:
                session.happens(SessionEvent.CAUGHT_UP)
                return [] if session.plan.id in self._ahead.held else self._feed(session)
            record.turn_down(self._tick_ns)
        session.sent = record.tick
        return [do.SendTick(session.plan.id, record.tick, record.frames)]

    def _close(self) -> list[Instruction]:
        """The open tick is complete: record it and go on."""
        answers = self._answers.close(self._tick, self._sessions)
        content = write_record(self._tick, self.closing, self._delivered, answers)
        out: list[Instruction] = [do.Record(self._tick, content, answers)]
        if self.closing:
            lost = [id for id, session in self._sessions.items() if session.phase is Phase.LOST]
            reason = self._cut_short or ", without ".join(["flown to the end", *lost])
            return out + self._finish(not self._cut_short, reason)
        return out + self._open(self._tick + 1)

    def _lose(self, sessions: Sequence[Session], reason: str) -> list[Instruction]:
        """Gives these up, and the run with them where the scenario says so or nobody is left."""
        out: list[Instruction] = []
        for session in sessions:
            if session.happens(SessionEvent.GIVEN_UP):
                self._waiting.discard(session.plan.id)
                out.append(do.Lost(session.plan.id, self._tick, session.complaint or reason))
        if not out or self._finished:
            return out
        if self._stop_on_lost or all(session.phase is Phase.LOST for session in self._sessions.values()):
            return out + self._finish(False, "; ".join(f"{i.id}: {i.reason}" for i in out if isinstance(i, do.Lost)))
        return out + self._settle()

    def _finish(self, complete: bool, reason: str) -> list[Instruction]:
        """The end, whatever it is."""
        self._finished = True
        return [do.Finished(max(self._tick, 0), complete, reason, self._mailroom.drain(), self.counters)]
