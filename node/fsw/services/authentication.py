"""Authentication of the uplink: only who has this spacecraft's key is heard, and each telecommand is good once.

A counter that was seen, or lies below the anti-replay window, is refused. Counter and window are in non-volatile memory
before the telecommand goes any further, so no reboot opens them again. No mode is asked: none is less protected.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.pus import Severity
from bus.wire.authentication import authentic, fresh
from bus.wire.messages import Message, Telecommand
from node.fsw.component import Arg, Component, Event, OnBoard, kept, telemetered

QUIET_NS = 60_000_000_000
"""Refusals within a minute of a report are counted and not reported again: whoever floods the uplink must not fill the
packet store as well. The length is an assumption."""


@dataclass(slots=True)
class State:
    """What was refused, and the anti-replay window. `seen`: bit i stands for the counter i below the highest."""

    uplink_not_authentic: int = telemetered("int", "Uplinked messages refused because their code does not fit")
    telecommands_replayed: int = telemetered(
        "int", "Telecommands refused because their counter was seen or lies below the anti-replay window"
    )
    telecommand_counter: int = telemetered("int", "Highest counter of an authentic telecommand", kept=True)
    seen: int = kept(lambda: 1)
    quiet_until_ns: int = -1


class Authentication(Component):
    """The door of the uplink."""

    name = "authentication"
    state: State

    REFUSED = Event(
        50, "uplink_refused", Severity.MEDIUM, "Somebody without the key, or with old telecommands, is on the uplink",
        (
            Arg("not_authentic", "int", "messages whose code did not fit, in this boot"),
            Arg("replayed", "int", "telecommands whose counter was not fresh, in this boot"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, key: bytes) -> None:
        super().__init__(on_board, State())
        self._key = key

    def admits(self, message: Message) -> bool:
        """Whether flight software may act on this message."""
        state = self.state
        counter = authentic(message, self._key)
        if counter < 0:
            state.uplink_not_authentic += 1
        elif not isinstance(message.body, Telecommand) or self._fresh(counter):
            return True
        else:
            state.telecommands_replayed += 1
        now_ns = self.on_board.time_ns
        if now_ns >= state.quiet_until_ns:
            state.quiet_until_ns = now_ns + QUIET_NS
            self.event(self.REFUSED, state.uplink_not_authentic, state.telecommands_replayed)
        return False

    def _fresh(self, counter: int) -> bool:
        """Take a counter that was never taken before."""
        state = self.state
        window = fresh(state.telecommand_counter, state.seen, counter)
        if window is None:
            return False
        state.telecommand_counter, state.seen = window
        self.keep()
        return True
