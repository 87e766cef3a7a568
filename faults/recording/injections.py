"""What was injected into a run and what its targets said, read from the trace alone: of a run that flies, too."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bus.errors import DecodeError
from bus.trace.reader import TraceReader
from bus.wire.codec import decode, peek
from bus.wire.messages import Injection, InjectionReport, InjectionState, Kind, Seam
from faults.catalogue.injection_ids import fault_of


@dataclass(slots=True)
class Injected:
    """One injection. state: asked (the target has said nothing yet), active, cleared or refused; times are mission
    time, None where it never came to that."""

    id: str
    fault: str
    target: str
    seam: str
    state: str = "asked"
    at_s: float | None = None
    cleared_s: float | None = None
    reason: str = ""

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        return asdict(self)


class InjectionBook:
    """Injections out of a trace that may still grow; `look` reads on. `planned`: the fault of each injection that the
    scenario has."""

    def __init__(self, trace: Path, planned: dict[str, str]) -> None:
        self._trace, self._planned = trace, planned
        self._reader: TraceReader | None = None
        self._read = 0
        self._found: dict[tuple[str, str], Injected] = {}

    @property
    def rows(self) -> list[Injected]:
        """In the order in which they left the range."""
        return list(self._found.values())

    def look(self) -> None:
        """What has been recorded since. Raises EnvironmentFault, DecodeError."""
        if self._reader is None:
            self._reader = TraceReader(self._trace)
        else:
            self._reader.more()
        while self._read < len(self._reader):
            self._take(self._reader.record(self._read).mail)
            self._read += 1

    def close(self) -> None:
        """The file is not needed any more."""
        if self._reader is not None:
            self._reader.close()

    def _take(self, mail: tuple[bytes, ...]) -> None:
        for frame in mail:
            if peek(frame).kind not in (Kind.INJECTION, Kind.INJECTION_REPORT):
                continue
            try:
                message = decode(frame)
            except DecodeError:
                continue  # its addressee dropped it too
            body = message.body
            if isinstance(body, Injection) and not body.clear:
                known = self._planned.get(body.injection) or fault_of(body.injection)
                fault = known or f"{body.place} {body.primitive}"
                one = Injected(body.injection, fault, message.destination, Seam(body.seam).name.lower())
                self._found.setdefault((message.destination, body.injection), one)
            elif isinstance(body, InjectionReport):
                _report(self._found.get((message.source, body.injection)), body, message.sent_ns)


def injections_of(trace: Path, planned: dict[str, str]) -> list[Injected]:
    """In the order in which they left the range."""
    book = InjectionBook(trace, planned)
    try:
        book.look()
        return book.rows
    finally:
        book.close()


def _report(known: Injected | None, body: InjectionReport, sent_ns: int) -> None:
    if known is None:
        return
    known.state, known.reason = InjectionState(body.state).name.lower(), body.reason
    at_s = min(body.at_ns, sent_ns) / 1e9  # not after it was said
    if body.state == InjectionState.ACTIVE and known.at_s is None:
        known.at_s = at_s
    elif body.state == InjectionState.CLEARED:
        known.cleared_s = at_s
