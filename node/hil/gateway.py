"""Participant `hil`: talks to all that is outside (devices, flight software), on behalf of all spacecraft.

It is where the range ends, and so the only participant whose step is no function of tick and inbox. What it sends is
recorded as everybody's mail is: from the trace a spacecraft flies again without a device, to the bit.

In lockstep it waits for each device's answer to the tick, as long as the scenario allows; paced, it takes what is
there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from bus.errors import EnvironmentFault
from bus.participant import Moment, Outbox
from bus.process.plan import OutsideFigures
from bus.snapshot.pack import Stateful
from bus.wire.messages import Account, Message
from bus.wire.outside import FLIGHT_SOFTWARE, GATEWAY_ID, DeviceSample, SoftwareCycle
from node.hil.party import Counts, Line, Party
from node.hil.software_party import SoftwareCounts

START_NS = 10_000_000_000
"""Real time that devices have before the first tick to answer a greeting."""
LOOK_EVERY_NS = 10_000_000
LISTENS = 8
"""How often in a tick a line is asked for more when nobody waits for it: a flood stays in its own queue."""


class Bench(Protocol):
    """Where the lines end: real time, and waiting for any of them."""

    def now_ns(self) -> int:
        """Monotonic."""
        ...

    def wait(self, lines: Sequence[Line], until_ns: int) -> Sequence[Line]:
        """Return when something may have come on one of the lines, or then; gives those on which it may."""
        ...


Key = tuple[str, str]
"""Spacecraft and device, or its flight software."""
AnyParty = Party[Any, Any]
Said = DeviceSample | SoftwareCycle


@dataclass(slots=True)
class State:
    """Numbers of what was sent, and what became of what came."""

    seq: int = 0
    counts: dict[str, Counts | SoftwareCounts] = field(default_factory=dict)


class Gateway(Stateful):
    """See the module. `paced`: nobody is waited for."""

    state: State

    def __init__(self, parties: Sequence[AnyParty], bench: Bench, *, paced: bool = False) -> None:
        self._parties = sorted(parties, key=lambda party: (party.spacecraft, party.device))
        self._bench, self._paced = bench, paced
        for party in self._parties:
            party.timed = not paced  # paced, an answer is seen with the next tick only, whenever it came
        self.state = State(counts={f"{party.spacecraft}.{party.device}": party.counts for party in self._parties})

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return GATEWAY_ID

    def open(self) -> None:
        """Before the first tick: everybody is there and is the right one. Raises EnvironmentFault."""
        until_ns = self._bench.now_ns() + START_NS
        while True:
            now_ns = self._bench.now_ns()
            for party in self._parties:
                party.tend(now_ns)
            open_ = [party for party in self._parties if not party.greeted and not party.refusal]
            if not open_ or now_ns >= until_ns:
                break
            self._bench.wait([party.line for party in open_], min(until_ns, now_ns + LOOK_EVERY_NS))
        wrong = [party for party in self._parties if not party.greeted]
        if wrong:
            what = "flight software" if wrong[0].device == FLIGHT_SOFTWARE else "device"
            first, more = wrong[0], f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
            trouble = f" ({first.line.trouble})" if first.line.trouble else ""
            said = first.said_instead
            why = said or f"nobody answered within {START_NS / 1e9:g} s{trouble}"
            self.close("not everybody is there")
            raise EnvironmentFault(
                f"{first.name} at {first.outside.endpoint}: {why}{more}",
                hint=f"put the right {what} there, or fly it emulated: `part: simulated`"
                if said
                else f"start the {what} first, or fly it emulated: `part: simulated`",
            )

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick: hand on what each of them is told, and bring back what it says."""
        outbox = Outbox()
        if moment.closing:
            self._send(outbox, moment, "bus", self._account())
            self.close("the run is over")
            return outbox
        samples = _newest(inbox)
        for party in self._parties:
            party.tend(self._bench.now_ns())
        if self._paced:
            self._listen()
            self._bring(outbox, moment)
        for party in self._parties:
            found = samples.get((party.spacecraft, party.device))
            if found is not None:
                sent_ns, body = found
                tick = sent_ns // (moment.end_ns - moment.start_ns) - 1
                time_ns = max(0, body.obt_ns) if isinstance(body, SoftwareCycle) else sent_ns
                party.ask(tick, time_ns, body, self._bench.now_ns())
        if not self._paced:
            self._hear_out()
            self._bring(outbox, moment)
        return outbox

    def _listen(self) -> None:
        for _ in range(LISTENS):
            for party in self._parties:
                party.listen(self._bench.now_ns())

    def _hear_out(self) -> None:
        """Listen until everybody has said all, or has had the time for it."""
        began_ns = self._bench.now_ns()
        while True:
            now_ns = self._bench.now_ns()
            ends = [(party, began_ns + round(1e9 * party.outside.timeout_s)) for party in self._parties if party.owes]
            waiting = [(party, end_ns) for party, end_ns in ends if now_ns < end_ns]
            if not waiting:
                return
            ready = self._bench.wait([party.line for party, _ in waiting], min(end_ns for _, end_ns in waiting))
            for party, _ in waiting:
                if any(party.line is line for line in ready):
                    party.listen(self._bench.now_ns())

    def _bring(self, outbox: Outbox, moment: Moment) -> None:
        for party in self._parties:
            body = party.collect(moment.tick)
            if body is not None:
                self._send(outbox, moment, party.spacecraft, body)

    def timing(self) -> dict[str, dict[str, Any]]:
        """How long each device took to answer, by spacecraft and device. Real time, so no part of what is recorded."""
        return {f"{party.spacecraft}.{party.device}": party.timing.row() for party in self._parties}

    def figures(self) -> dict[str, OutsideFigures]:
        """Of each line, for whoever watches."""
        return {
            f"{party.spacecraft}.{party.device}": OutsideFigures(
                party.greeted, asdict(party.counts), party.timing.quantile_s(0.99)
            )
            for party in self._parties
        }

    def _account(self) -> Account:
        counters = {
            f"{name}.{what}": float(count)
            for name, counts in self.state.counts.items()
            for what, count in asdict(counts).items()
        }
        return Account(rows=(), counters=counters)

    def _send(self, outbox: Outbox, moment: Moment, destination: str, body: object) -> None:
        outbox.messages.append(Message(moment.end_ns, self.id, self.state.seq, destination, body))
        self.state.seq += 1

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave."""
        super().restore(snapshot)
        for party in self._parties:
            party.counts = self.state.counts[f"{party.spacecraft}.{party.device}"]

    def close(self, reason: str) -> None:
        """Hang up everywhere."""
        for party in self._parties:
            party.part(reason)


def _newest(inbox: Sequence[Message]) -> dict[Key, tuple[int, Said]]:
    """By device, when its newest sample was sent, and the sample with the orders of all; of flight software, the
    newest cycle with all telecommands. There are several where a spacecraft was late in a paced run."""
    found: dict[Key, tuple[int, Said]] = {}
    for message in inbox:
        body = message.body
        if isinstance(body, DeviceSample):
            key = (message.source, body.device)
            _, before = found.get(key, (0, None))
            if isinstance(before, DeviceSample):
                body = body.model_copy(update={"orders": (*before.orders, *body.orders)})
            found[key] = message.sent_ns, body
        elif isinstance(body, SoftwareCycle):
            key = (message.source, FLIGHT_SOFTWARE)
            _, before = found.get(key, (0, None))
            if isinstance(before, SoftwareCycle):
                body = body.model_copy(update={"telecommands": (*before.telecommands, *body.telecommands)})
            found[key] = message.sent_ns, body
    return found
