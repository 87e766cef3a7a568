"""Small participants and the processes of a small run, for the tests of everything that is alive.

Run as a program it is one process of a run: `live_fakes.py supervisor|bus|node|ground RUN ID`, told what to do by
RUN/plan.json.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from bus.lockstep.sessions import ParticipantPlan  # noqa: E402
from bus.participant import Moment, Outbox  # noqa: E402
from bus.process.bus import run_bus  # noqa: E402
from bus.process.participant import Credentials, Service, run_participants  # noqa: E402
from bus.process.plan import BusPlan  # noqa: E402
from bus.sockets.keys import make_keys  # noqa: E402
from bus.trace.writer import Traced, TraceHeader, TraceWriter  # noqa: E402
from bus.wire.codec import peek  # noqa: E402
from bus.wire.messages import Account, Event, Kind, Message, Plane  # noqa: E402
from faults.run.groups import label  # noqa: E402
from faults.run.supervisor import Member, Supervisor, supervise  # noqa: E402

TICK_NS = 1_000_000_000
SLOW_S = 0.3
SCENARIO = b'{"name": "fake"}'


class Fake:
    """Sends one event to the ground and one to its neighbour a tick; its truth is a hash of all it ever received."""

    def __init__(self, id: str, everybody: Sequence[str], harm: dict[str, float] | None = None) -> None:
        self.id = id
        self._others = [other for other in everybody if other != id]
        self._state = hashlib.blake2b(id.encode(), digest_size=16).digest()
        self._seq = 0
        self._harm = harm or {}

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        if moment.tick == self._harm.get("raise"):
            raise ValueError("a bug in a participant")
        if moment.tick == self._harm.get("kill") and once("killed-" + self.id):
            os.kill(os.getpid(), signal.SIGKILL)
        if moment.tick == self._harm.get("slow"):
            time.sleep(self._harm.get("slow_s", SLOW_S))
        if moment.tick == self._harm.get("hang"):
            os.kill(os.getpid(), signal.SIGSTOP)
        if moment.closing:
            account = Account(rows=(), counters={"seq": float(self._seq)})
            return Outbox([Message(moment.end_ns, self.id, self._next(), "bus", account)])
        text = repr([(m.sent_ns, m.source, m.seq, m.destination, m.body) for m in inbox])
        self._state = hashlib.blake2b(self._state + text.encode(), digest_size=16).digest()
        value = float(self._state[0])
        messages = [
            Message(moment.end_ns, self.id, self._next(), other, event(moment.tick, value))
            for other in (self._others[0], self._others[-1])
        ]
        return Outbox(messages, truth=self._state, beacon=self._state[:8])

    def _next(self) -> int:
        self._seq += 1
        return self._seq

    def save(self) -> bytes:
        return self._state + self._seq.to_bytes(8, "big") + bytes(100_000)

    def restore(self, snapshot: bytes) -> None:
        self._state, self._seq = snapshot[:16], int.from_bytes(snapshot[16:24], "big")


def event(tick: int, value: float) -> Event:
    return Event(boot=0, stream=5, sequence=tick, obt_ns=tick, event=1, severity=1, arguments=(value,))


def once(name: str) -> bool:
    """True the first time in a run: a fake that died and came back does not die again."""
    try:
        (Path(os.environ["FAKE_RUN"]) / name).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def plans(ids: Sequence[str]) -> tuple[ParticipantPlan, ...]:
    return tuple(ParticipantPlan(id, frozenset({Plane.TIME, Plane.SPACE}), ()) for id in ids)


def members(run: Path, plan: dict[str, Any]) -> tuple[Member, list[Member]]:
    """Writes RUN/plan.json; gives the bus and the others. `plan`: ids, ticks and what a BusPlan takes; harm per id;
    groups: those who share a process."""
    run.mkdir(parents=True, exist_ok=True)
    (run / "plan.json").write_text(json.dumps(plan), encoding="utf-8")

    def member(role: str, id: str, name: str = "", carries: tuple[str, ...] = ()) -> Member:
        return Member(name or id, (sys.executable, str(HERE), role, str(run), id), {"FAKE_RUN": str(run)}, carries)

    grouped = [id for group in plan.get("groups", ()) for id in group]
    alone = [member("ground" if id == "ground" else "node", id) for id in plan["ids"] if id not in grouped]
    together = [member("node", ",".join(group), label(group), tuple(group)) for group in plan.get("groups", ())]
    return member("bus", "bus"), [*together, *alone]


def supervisor(run: Path, plan: dict[str, Any], **more: Any) -> Supervisor:
    bus, others = members(run, plan)
    make_keys(run / "keys", [id for id in plan["ids"] if id != "ground"])
    return Supervisor(run, bus, others, **more)


def bus_plan(plan: dict[str, Any]) -> BusPlan:
    more = {k: v for k, v in plan.items() if k not in ("ids", "groups", "harm", "snapshot_every_ticks")}
    return BusPlan(plans(plan["ids"]), tick_ns=TICK_NS, scenario=SCENARIO, **more)


def main(role: str, run: Path, id: str) -> int:
    plan = json.loads((run / "plan.json").read_text(encoding="utf-8"))
    if role == "supervisor":
        outcome = supervise(lambda: supervisor(run, plan))
        (run / "outcome.json").write_text(json.dumps({"result": outcome.result, "wall_s": outcome.wall_s}))
        return 0 if outcome.failure is None else outcome.failure.exit_status
    if role == "bus":
        traced = tuple(Traced(id, "node") for id in sorted(plan["ids"]))
        header = TraceHeader("0" * 32, 1, TICK_NS, plan["ticks"], traced)
        writer = TraceWriter(run / "trace", header)

        def finish(outcome: Any) -> dict[str, object]:
            done = outcome.finished
            writer.close(complete=done.complete, reason=done.reason, mail=done.mail)
            return {
                "trace_hash": writer.trace_hash,
                "accounts": sum(peek(frame).kind is Kind.ACCOUNT for frame in done.mail),
            }

        return run_bus(bus_plan(plan), run / "keys", writer, finish)

    def build(ids: Sequence[str], scenario: bytes) -> list[Service]:
        fakes = [Fake(id, plan["ids"], plan.get("harm", {}).get(id)) for id in ids]
        return [Service(fake, TICK_NS, plan.get("snapshot_every_ticks", 0)) for fake in fakes]

    party = [Credentials(one, os.environ["SKYRACK_CONNECT"], run / "keys") for one in id.split(",")]
    return run_participants(party, build)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
