"""What of a run's mail is worth a line while it flies: telecommands that failed or were refused on board, and why."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from bus.errors import DecodeError
from bus.pus import CODE_TEXTS, Stage
from bus.wire.codec import decode, peek
from bus.wire.messages import Kind, Telecommand, Verification

MOST_KNOWN = 1000
"""Telecommands whose names are remembered until they end; an older one is told by its number."""
_FAILURES = {
    Stage.REJECTED: "was refused on board",
    Stage.START_FAILED: "did not start",
    Stage.PROGRESS_FAILED: "failed under way",
    Stage.FAILED: "failed",
}
_LOOKED_AT = (Kind.TELECOMMAND, Kind.VERIFICATION)


class FailedTelecommands:
    """Give it the mail of each tick; it gives a line for each telecommand that came to a bad end in it, once."""

    def __init__(self) -> None:
        self._names: OrderedDict[tuple[str, int, int], str] = OrderedDict()

    def __call__(self, mail: Sequence[bytes]) -> list[str]:
        """Lines, in the order of the mail."""
        said = []
        for frame in mail:
            if peek(frame).kind not in _LOOKED_AT:
                continue
            try:
                message = decode(frame)
            except DecodeError:
                continue  # its addressee dropped it too
            if isinstance(message.body, Telecommand):
                key = (message.destination, message.body.ground_boot, message.body.request)
                self._names[key] = message.body.name
                if len(self._names) > MOST_KNOWN:
                    self._names.popitem(last=False)
            elif isinstance(message.body, Verification):
                said += self._heard(message.source, message.body)
        return said

    def _heard(self, spacecraft: str, body: Verification) -> list[str]:
        words = _FAILURES.get(Stage(body.stage))
        if words is None:
            if body.stage == Stage.COMPLETED:
                self._names.pop((spacecraft, body.ground_boot, body.request), None)
            return []
        name = self._names.pop((spacecraft, body.ground_boot, body.request), None)
        if name is None:
            return []  # told already, or a report that comes twice
        why = body.detail or CODE_TEXTS.get(body.code, f"code {body.code}")
        return [f"{spacecraft}: telecommand {name} {words}: {why}"]
