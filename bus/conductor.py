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
from typing import Literal

from bus.instructions import Instruction
from bus.roster import ParticipantPlan


class Conductor:
    """See the module. `tick` is the open tick, -1 before everybody has joined."""

    def __init__(
        self,
        participants: Sequence[ParticipantPlan],
        ticks: int,
        tick_ns: int,
        *,
        paced: bool = False,
        on_lost: Literal["stop", "continue"] = "stop",
        history_ticks: int = 4096,
        history_bytes: int = 32 * 1024 * 1024,
        behind_ticks: int = 64,
        outbox_bytes: int = 4 * 1024 * 1024,
        inbox_bytes: int = 8 * 1024 * 1024,
    ) -> None:
        """`history_*`: what is kept per participant since its snapshot (0: nobody ever comes back). `behind_ticks`:
        how many unanswered Ticks a paced participant may have before it is lost. `*_bytes`: mail per tick."""

    @property
    def tick(self) -> int:
        """The open tick: sent, not complete. -1 before the start, `ticks` while closing."""
        raise NotImplementedError

    @property
    def finished(self) -> bool:
        """Nothing will happen any more."""
        raise NotImplementedError

    @property
    def waiting(self) -> tuple[str, ...]:
        """Whose answer (before the start: whose arrival) the open tick still needs, in id order."""
        raise NotImplementedError

    @property
    def counters(self) -> dict[str, dict[str, int]]:
        """Per participant id: everything counted so far (`roster.Counters`), outside mail under "outside"."""
        raise NotImplementedError

    def joined(self, id: str) -> list[Instruction]:
        """`id` has proved who it is and is ready for Ticks. The last to join starts the run."""
        raise NotImplementedError

    def tock(self, id: str, frames: Sequence[bytes]) -> list[Instruction]:
        """Tock header and mail frames arrived from `id`."""
        raise NotImplementedError

    def snapshot(self, id: str, tick: int, content: bytes) -> list[Instruction]:
        """`id` saved its state after stepping `tick`; to be reported before the Tock of that tick, which makes it
        valid. Ticks up to it are forgotten."""
        raise NotImplementedError

    def left(self, id: str, reason: str) -> list[Instruction]:
        """The process or connection of `id` is gone."""
        raise NotImplementedError

    def overdue(self, tick: int) -> list[Instruction]:
        """Lockstep: the time-out of this tick is over (-1: of the start). Paced: its scheduled end has come. Ignored if
        `tick` is not the open one."""
        raise NotImplementedError

    def inject(self, frames: Sequence[bytes]) -> list[Instruction]:
        """Mail from outside, delivered with the next Tick and recorded. Sent time and sequence are the conductor's;
        its source is kept (who may say so is decided by whoever calls this)."""
        raise NotImplementedError

    def stop(self, reason: str) -> list[Instruction]:
        """End after the open tick: the closing Tick follows, so that the accounts are complete."""
        raise NotImplementedError
