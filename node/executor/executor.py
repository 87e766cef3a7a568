"""Participant `executor`: runs the programs that do the work of jobs, on behalf of all spacecraft.

As the gateway to devices outside it is where the range ends, and so no function of tick and inbox: what programs say is
recorded as its mail, and from the trace a spacecraft flies again without them.

In lockstep it waits for each program's answer to what it was granted, as long as the scenario allows; paced, it takes
what is there.
"""

from __future__ import annotations

import select
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from bus.clock import MachineClock
from bus.draws import bits, stable_id
from bus.participant import Moment, Outbox
from bus.scenario.model import Scenario
from bus.scenario.workload import Job
from bus.snapshot.pack import Stateful
from bus.wire.executor import EXECUTOR_ID, JobOrder
from bus.wire.messages import Account, Message
from node.executor.child import Child
from node.executor.seat import Counts, Seat

STREAM = 0x57E
"""Stream id of which bit a silent error flips."""
LISTENS = 4
"""How often in a tick a program is asked for more when nobody waits for it."""
LOOK_NS = 100_000_000
"""At most so long without a look at programs that have ended."""


class Place(Protocol):
    """Where a job's program is started, and what it may read there."""

    def write(self, order: JobOrder, time_s: float) -> None:
        """What is wanted now, and how its accelerators are."""
        ...

    def start(self, order: JobOrder) -> Child:
        """The program."""
        ...


class Hall(Protocol):
    """Real time, and waiting for any of the programs."""

    def now_ns(self) -> int:
        """Monotonic."""
        ...

    def wait(self, children: Sequence[Child], until_ns: int) -> None:
        """Return when something may have come of one of them, or then."""
        ...


class MachineHall:
    """The real thing."""

    def __init__(self) -> None:
        self._clock = MachineClock()

    def now_ns(self) -> int:
        """Monotonic."""
        return self._clock.now_ns()

    def wait(self, children: Sequence[Child], until_ns: int) -> None:
        """Wait on their lines and on their keepers."""
        poll = select.poll()
        for child in children:
            for descriptor in child.descriptors:
                poll.register(descriptor, select.POLLIN)
        poll.poll(max(0, until_ns - self._clock.now_ns() + 999_999) // 1_000_000)


@dataclass(slots=True)
class State:
    """Numbers of what was sent, and what became of the jobs, in the order of the scenario."""

    seq: int = 0
    counts: list[Counts] = field(default_factory=list)


def seat_of(scenario: Scenario, spacecraft: str, job: Job, place: Place) -> Seat:
    """A job's seat. Which bits its silent errors flip is drawn as everything is: from the scenario's seed."""
    who, which = stable_id(spacecraft), stable_id(job.id)
    return Seat(spacecraft, job, place.start, lambda number: bits(scenario.seed, STREAM, who, number, which) >> 1)


class Executor(Stateful):
    """See the module. `paced`: nobody is waited for. seats and places: of all jobs, in the scenario's order."""

    state: State

    def __init__(self, seats: Sequence[Seat], places: Sequence[Place], hall: Hall, *, paced: bool = False) -> None:
        self._seats, self._hall, self._paced = list(seats), hall, paced
        self._places = {(seat.spacecraft, seat.job.id): place for seat, place in zip(seats, places, strict=True)}
        for seat in seats:
            seat.waits = not paced
        self.state = State(counts=[seat.counts for seat in seats])

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return EXECUTOR_ID

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick: tell the programs what they may do, and bring back what they did."""
        outbox = Outbox()
        if moment.closing:
            self._send(outbox, moment, "bus", self._account())
            self.close()
            return outbox
        orders = {(m.source, m.body.job): m for m in inbox if isinstance(m.body, JobOrder)}
        for seat in self._seats:
            seat.listen()
            message = orders.get((seat.spacecraft, seat.job.id))
            if message is not None:
                self._places[seat.spacecraft, seat.job.id].write(message.body, message.sent_ns / 1e9)
                seat.order(message.body, moment.tick, self._hall.now_ns())
        self._listen()
        for seat in self._seats:
            seat.judge(self._hall.now_ns())
            report = seat.report()
            if report is not None:
                self._send(outbox, moment, seat.spacecraft, report)
        return outbox

    def _listen(self) -> None:
        """Hear the programs out, in lockstep until everybody has answered or has had the time for it."""
        if self._paced:
            for _ in range(LISTENS):
                for seat in self._seats:
                    seat.listen()
            return
        while True:
            now_ns = self._hall.now_ns()
            waiting = [seat for seat in self._seats if seat.owes and now_ns < seat.due_ns]
            if not waiting:
                return
            children = [seat.child for seat in waiting if seat.child is not None]
            self._hall.wait(children, min(now_ns + LOOK_NS, *(seat.due_ns for seat in waiting)))
            for seat in waiting:
                seat.listen()

    def told(self) -> list[dict[str, Any]]:
        """What each program said last of its work, how it ended, and its log; no part of what is recorded."""
        return [
            {
                "spacecraft": seat.spacecraft, "job": seat.job.id, "figures": seat.figures, "why": seat.why,
                "log_bytes": seat.log_bytes, "log_dropped": seat.log_dropped,
            }
            for seat in self._seats
        ]  # fmt: skip

    def _account(self) -> Account:
        counters = {
            f"{number}.{what}": float(count)
            for number, seat in enumerate(self._seats)
            for what, count in {**asdict(seat.counts), "event": int(seat.life.event)}.items()
        }
        return Account(rows=(), counters=counters)

    def _send(self, outbox: Outbox, moment: Moment, destination: str, body: object) -> None:
        outbox.messages.append(Message(moment.end_ns, self.id, self.state.seq, destination, body))
        self.state.seq += 1

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave."""
        super().restore(snapshot)
        for seat, counts in zip(self._seats, self.state.counts, strict=True):
            seat.counts = counts

    def close(self) -> None:
        """No program is left."""
        for seat in self._seats:
            seat.end()
        for seat in self._seats:
            seat.close()
