"""Tells what is turned away at a process's borders: now and then a line in its log and a report, and all at the end;
and that its process lives, for who would wait for it in vain.

Decides nothing: what is refused was refused by whoever counted it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from bus.clock import Clock
from bus.errors import DecodeError
from bus.sockets.refusals import Refusals, in_words

LOOK_EVERY_NS = 250_000_000
TELL_EVERY_NS = 5_000_000_000
_MAIL_KINDS = {
    "malformed_tocks": "malformed Tock",
    "conflicting_tocks": "second and different answer",
    "mail_malformed": "malformed mail",
    "mail_foreign_source": "foreign source",
    "mail_forbidden_kind": "wrong plane",
    "mail_mistimed": "wrong time",
    "mail_repeated": "repeated sequence number",
    "mail_unknown_destination": "unknown destination",
    "mail_not_heard": "destination that does not hear it",
}
"""Counters of the conductor that say that something was turned away, in words."""


def kind_of(error: DecodeError) -> str:
    """What kind of frame it was."""
    if error.message.startswith("protocol version"):
        return "wrong version"
    return "no session" if error.message.endswith("without a session") else "garbage frame"


def refused_mail(counters: Mapping[str, Mapping[str, int]]) -> list[dict[str, Any]]:
    """Mail that the bus dropped, by participant."""
    return [
        {"plane": "mail", "kind": kind, "source": id, "count": counts[counter]}
        for id, counts in counters.items()
        for counter, kind in _MAIL_KINDS.items()
        if counts.get(counter)
    ]


class Watchman:
    """See the module. `keep` runs beside the sockets until it is cancelled."""

    def __init__(
        self,
        refused: Refusals,
        clock: Clock,
        report: Callable[[str, Mapping[str, object]], None],
        log: Callable[[str], None],
    ) -> None:
        self.refused = refused
        self._clock, self._report, self._log = clock, report, log
        self._told = 0
        self._told_ns = clock.now_ns() - TELL_EVERY_NS

    async def keep(self) -> None:
        """The first is told at once, what follows every few seconds."""
        while True:
            await self._clock.until(self._clock.now_ns() + LOOK_EVERY_NS)
            self._report("alive", {})
            if self._clock.now_ns() - self._told_ns >= TELL_EVERY_NS:
                self.look()

    def look(self) -> None:
        """Tell, if there is anything new."""
        if self.refused.total == self._told:
            return
        self._told, self._told_ns = self.refused.total, self._clock.now_ns()
        rows = self.refused.rows()
        self._report("refused", {"rows": rows})
        self._log(in_words(rows))
