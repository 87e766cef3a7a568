"""The barrier: Tick k out, all Tocks in, order the mail, Tick k+1. Events in, instructions out.

Whoever owns sockets or objects reports what happened by calling a method and carries out the returned instructions in
their order. The same events give the same instructions, and in lockstep every order of arrival gives the same records.

Lockstep: a tick ends when everybody has answered; `overdue` gives up who has not. A participant that left is waited
for; back again, it gets its snapshot and the Ticks since then, and must reproduce the recorded digests.
Paced: a tick ends when `overdue` says that its time is over. Late answers join the next record and their mail the next
Tick. A participant that comes back goes through its recorded Ticks, then through those it missed with `host_up` false.

No I/O, no clock, no randomness in here, and no reading of message bodies other than Tock headers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Literal

from bus import instructions as do
from bus.answers import Answers
from bus.errors import DecodeError
from bus.exchange import ReceivedTock, read_tock
from bus.instructions import Instruction
from bus.lookahead import Lookahead
from bus.post import Letter, PostOffice
from bus.roster import BOUNDS, TRANSITIONS, Bounds, Happening, Page, ParticipantPlan, Phase, Seat, counted, make_pages
from bus.trace import write_record


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
        """`lookahead` (`lookahead.py`) changes the order in which Ticks go out, and nothing else."""
        plans = sorted(participants, key=lambda plan: plan.id)
        self._seats = {plan.id: Seat(plan) for plan in plans}
        if not plans or len(self._seats) != len(plans) or ticks < 0 or tick_ns <= 0:
            raise ValueError("a run needs participants with distinct ids, ticks >= 0 and tick_ns > 0")
        self._post = PostOffice(plans, outbox_bytes=bounds.outbox_bytes, inbox_bytes=bounds.inbox_bytes)
        self._tick_ns = tick_ns
        self._last = ticks
        self._paced = paced
        self._stop_on_lost = on_lost == "stop"
        self._bounds = bounds
        self._tick = -1
        self._finished, self._cut_short = False, ""
        self._waiting = set(self._seats)  # for membership; never iterated unsorted
        self._answers = Answers()
        self._delivered: list[Letter] = []
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
    def counters(self) -> dict[str, dict[str, int]]:
        """Per participant id: everything counted so far (`roster.Counters`)."""
        return {**counted(self._seats.values()), "outside": asdict(self._post.outside)}

    def joined(self, id: str) -> list[Instruction]:
        """`id` has proved who it is and is ready for Ticks. The last to join starts the run."""
        seat = self._seats.get(id)
        if seat is None:
            return [do.Refuse(id, f"{id} is not part of this run; expected: {', '.join(self._seats)}")]
        if self._finished:
            return [do.Refuse(id, "the run is over")]
        if (seat.phase, Happening.JOINED) not in TRANSITIONS:
            return [do.Refuse(id, f"{id} is already here; two processes may not share an identity")]
        if not seat.restorable:
            reason = f"{id} cannot come back: not everything since its last snapshot is kept"
            return [do.Refuse(id, reason), *self._lose([seat], reason)]
        returning = seat.phase is not Phase.ABSENT
        seat.happens(Happening.JOINED)
        out: list[Instruction] = [do.Admit(id, seat.snapshot_next, seat.snapshot, returning)]
        if returning:
            page = seat.come_back(self._tick)
            if page is not None and page.digest is None and id not in self._ahead.held:
                self._waiting.add(id)
            out += self._replay(seat)
        if self._tick < 0:
            self._waiting.discard(id)
            out += self._settle()
        return out

    def tock(self, id: str, frames: Sequence[bytes]) -> list[Instruction]:
        """Tock header and mail frames arrived from `id`."""
        seat = self._seats.get(id)
        if seat is None or self._finished:
            return []
        if not seat.present:
            seat.counters.stale_tocks += 1
            return []
        try:
            received = read_tock(id, frames)
        except DecodeError as error:
            seat.counters.malformed_tocks += 1
            seat.complaint = error.message
            return [do.Complaint(id, self._tick, error.message)]
        page = seat.page(received.tick)
        if page is None or (seat.phase is Phase.REPLAYING and received.tick != seat.cursor):
            seat.counters.stale_tocks += 1
            return []
        if page.digest is None:
            return self._accept(seat, page, received)
        if seat.phase is Phase.LIVE:
            complaint = seat.answered_again(page, received.digest)
            return [do.Complaint(id, page.tick, complaint)] if complaint else []
        if page.digest != received.digest:
            reason = f"it did not reproduce tick {page.tick} after its return"
            return [do.Divergence(id, page.tick, page.digest.hex(), received.digest.hex()), *self._lose([seat], reason)]
        seat.counters.replayed_ticks += 1
        seat.commit_snapshot(received.tick)
        seat.cursor += 1
        return self._replay(seat)

    def snapshot(self, id: str, tick: int, content: bytes) -> list[Instruction]:
        """`id` saved its state after stepping `tick`; to be reported before the Tock of that tick, which makes it
        valid. Ticks up to it are forgotten."""
        seat = self._seats.get(id)
        if seat is None or not seat.present or not self._bounds.history_ticks:
            return []
        complaint = seat.offer(tick, content)
        return [do.Complaint(id, self._tick, complaint)] if complaint else []

    def left(self, id: str, reason: str) -> list[Instruction]:
        """The process or connection of `id` is gone."""
        seat = self._seats.get(id)
        if seat is None or self._finished or not seat.happens(Happening.LEFT):
            return []
        seat.go_away(reason)
        if self._tick < 0:
            self._waiting.add(id)
        return [do.Away(id, self._tick, reason)]

    def overdue(self, tick: int) -> list[Instruction]:
        """Paced: the scheduled end of this tick has come. Lockstep, start (-1) and closing tick: its time-out is over.
        Ignored if `tick` is not the open one."""
        if tick != self._tick or self._finished:
            return []
        if self._paced and not self.closing and tick >= 0:
            return self._close()
        return self._lose([self._seats[id] for id in self.waiting], "no answer in time" if tick >= 0 else "never came")

    def inject(self, frames: Sequence[bytes]) -> list[Instruction]:
        """Mail from outside, delivered with the next Tick and recorded. Sent time and sequence are the conductor's;
        its source is kept (who may say so is decided by whoever calls this)."""
        if self._finished or self.made == self._last:
            return [do.Complaint("outside", self._tick, "the run is closing")]
        complaints = [self._post.inject(frame, (self.made + 1) * self._tick_ns) for frame in frames]
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
        delivered, inboxes, outside = self._post.sort(self._seats, tick * self._tick_ns)
        self._delivered = self._ahead.with_early(delivered)
        out: list[Instruction] = [do.Outside(tuple(frame for _, frame in outside))] if outside else []
        have = self._ahead.open(tick, self._last)
        ids = [id for id in self._seats if id not in have]
        make_pages(self._seats, ids, tick, self._tick_ns, inboxes, self._bounds, closing=self.closing)
        behind: list[Seat] = []
        for id, seat in self._seats.items():
            if seat.phase is Phase.LOST or id in self._ahead.held or seat.answered >= tick:
                continue
            self._waiting.add(id)
            if seat.phase is Phase.LIVE and id not in have:
                if tick - seat.answered > self._bounds.behind_ticks:
                    behind.append(seat)
                else:
                    out += self._from(seat, tick)
        out += self._lose(behind, f"it is more than {self._bounds.behind_ticks} ticks behind")
        return out + self._settle() if self._ahead.held else out

    def _from(self, seat: Seat, tick: int) -> list[Instruction]:
        """This Tick and those after it that are made."""
        pages = [seat.page(each) for each in range(tick, self.made + 1)]
        return [do.SendTick(seat.plan.id, page.tick, page.frames) for page in pages if page is not None]

    def _release(self) -> list[Instruction]:
        """Everybody else has answered: those held back get the open Tick and the next."""
        held = [id for id in self._seats if id in self._ahead.held]
        ahead = self._tick + 1
        early, inboxes, _ = self._post.sort(self._seats, ahead * self._tick_ns, self._ahead.held)
        self._ahead.release(early)
        make_pages(self._seats, held, ahead, self._tick_ns, inboxes, self._bounds, closing=ahead == self._last)
        self._waiting.update(id for id in held if self._seats[id].phase is not Phase.LOST)
        live = [seat for seat in map(self._seats.__getitem__, held) if seat.phase is Phase.LIVE]
        return [instruction for seat in live for instruction in self._from(seat, self._tick)] + self._settle()

    def _accept(self, seat: Seat, page: Page, received: ReceivedTock) -> list[Instruction]:
        """The first answer to this page."""
        out: list[Instruction] = []
        plan, tick = seat.plan, received.tick
        late = tick < self._tick
        seat.accept(page, received, late)
        if received.mail:
            complaint = self._post.accept(plan, seat.counters, (tick + 1) * self._tick_ns, received.mail)
            out += [do.Complaint(plan.id, tick, complaint)] if complaint else []
        self._answers.add(do.Answer(plan.id, tick, page.host_up, late, *received[1:4]))
        if tick == self._tick:
            self._waiting.discard(plan.id)
        if seat.phase is Phase.REPLAYING:
            seat.cursor += 1
            out += self._replay(seat)
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

    def _replay(self, seat: Seat) -> list[Instruction]:
        """The next Tick of a participant that came back, verbatim or, if it missed it, with its computer down."""
        page = seat.page(seat.cursor)
        if page is None:
            if seat.pages and seat.cursor < seat.pages[0].tick:
                return self._lose([seat], "what it missed is more than is kept")
            seat.happens(Happening.CAUGHT_UP)
            return []
        if page.digest is None:
            if page.tick >= self._tick:
                seat.happens(Happening.CAUGHT_UP)
                return [] if seat.plan.id in self._ahead.held else self._from(seat, page.tick)
            page.turn_down(self._tick_ns)
        return [do.SendTick(seat.plan.id, page.tick, page.frames)]

    def _close(self) -> list[Instruction]:
        """The open tick is complete: record it and go on."""
        answers = self._answers.close(self._tick, self._seats)
        content = write_record(self._tick, self.closing, self._delivered, answers)
        out: list[Instruction] = [do.Record(self._tick, content, answers)]
        if self.closing:
            lost = [id for id, seat in self._seats.items() if seat.phase is Phase.LOST]
            reason = self._cut_short or ", without ".join(["flown to the end", *lost])
            return out + self._finish(not self._cut_short, reason)
        return out + self._open(self._tick + 1)

    def _lose(self, seats: Sequence[Seat], reason: str) -> list[Instruction]:
        """Gives these up, and the run with them where the scenario says so or nobody is left."""
        out: list[Instruction] = []
        for seat in seats:
            if seat.happens(Happening.GIVEN_UP):
                self._waiting.discard(seat.plan.id)
                out.append(do.Lost(seat.plan.id, self._tick, seat.complaint or reason))
        if not out or self._finished:
            return out
        if self._stop_on_lost or all(seat.phase is Phase.LOST for seat in self._seats.values()):
            return out + self._finish(False, "; ".join(f"{i.id}: {i.reason}" for i in out if isinstance(i, do.Lost)))
        return out + self._settle()

    def _finish(self, complete: bool, reason: str) -> list[Instruction]:
        """The end, whatever it is."""
        self._finished = True
        return [do.Finished(max(self._tick, 0), complete, reason, self._post.drain(), self.counters)]
