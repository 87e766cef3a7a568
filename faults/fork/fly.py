"""Flying a run again from its beginning, in one process, and leaving it at a tick with another scenario.

Until then everything is compared with what was recorded, mail from outside included: what cannot be reproduced is said,
and nothing is told about a fork of something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress

from bus.clock import Stopwatch
from bus.errors import Diverged, RangeFailure, SkyrackError
from bus.lockstep.in_process import InProcess
from bus.lockstep.instructions import Finished, Record
from bus.lockstep.mail import OUTSIDE_SEQ
from bus.participant import Outbox
from bus.scenario.model import Scenario
from bus.trace.reader import TickRecord, TraceReader, read_record
from bus.trace.writer import TraceWriter
from bus.wire.codec import peek
from faults.recording.read import check_same
from faults.recording.summary import changes_since
from faults.run import compose as root
from faults.run.outside import played
from faults.run_directory import RunDirectory
from groundstation.archive.writer import Archive
from groundstation.config import GROUND_ID

BEFORE_START, WITH_START = 0, 1
"""Ticks whose outside mail has to be there before the first tick is open, and while it is."""


Outside = Mapping[int, Sequence[bytes]]
"""Mail from outside as it was recorded, by the tick it was delivered with."""


def outside_mail(trace: TraceReader) -> Outside:
    """What operators and injectors sent while a run flew."""
    found = {}
    for record in trace:
        frames = [frame for frame in record.mail if peek(frame).seq >= OUTSIDE_SEQ]
        if frames:
            found[record.tick] = sorted(frames, key=lambda frame: peek(frame).seq)
    return found


def begin(session: InProcess, outside: Outside) -> None:
    """Everybody joins, with the mail of the first two ticks."""
    session.inject(outside.get(BEFORE_START, ()))
    session.begin()
    session.inject(outside.get(WITH_START, ()))


def deliver(session: InProcess, outside: Outside, tick: int) -> None:
    """After the end of `tick`: mail of the tick after the next, which is the first that is still to be made."""
    session.inject(outside.get(tick + 2, ()))


def fork(
    source: RunDirectory, original: Scenario, scenario: Scenario, last_tick: int, out: RunDirectory,
    *, told: Callable[[int], None], stopped: Callable[[], str] = str,
) -> root.Flown:  # fmt: skip
    """Fly `original` again up to the end of `last_tick`, and from there on `scenario`. `told`: ticks as they pass.

    Raises Diverged where the run cannot be reproduced, RangeFailure where it has not come so far.
    """
    watch = Stopwatch()
    archive = Archive(out.archive, durable=False)
    trace = TraceWriter(out.trace, root.trace_header(scenario))
    digest = scenario.digest

    def commit(outbox: Outbox) -> None:
        named = ("meta", "scenario")
        archive.write([(*named, digest) if row[:2] == named else row for row in outbox.records])

    commits = {GROUND_ID: commit}
    try:
        with TraceReader(source.trace) as recorded, TraceReader(source.trace) as again:
            check_same(recorded.header, original, source)
            outside = outside_mail(again)
            session = InProcess(
                root.conductor_of(original, history=False),
                root.build_all(original, source.own_procedures, played(original, source.trace)),
                original.tick_ns, trace, commit=commits, stopped=stopped,
            )  # fmt: skip
            begin(session, outside)
            finished = _same(session, iter(recorded), outside, last_tick, told)
            if finished is None:
                everybody = root.build_all(scenario, source.own_procedures, played(scenario, source.trace))
                session = session.fork(everybody, trace, commit=commits, stopped=stopped)
                finished = _rest(session, outside, last_tick, told)
    except Diverged as error:
        trace.abandon()
        with TraceReader(source.trace) as recorded:
            raise since_then(error, recorded.header.versions) from None
    except SkyrackError as error:
        trace.abandon()
        return root.Flown(None, watch.seconds, error)
    finally:
        with suppress(SkyrackError):
            archive.close()
    return root.Flown(finished, watch.seconds, interrupted="" if finished.complete else stopped())


def since_then(error: Diverged, recorded: Mapping[str, str]) -> Diverged:
    """The same, with what is another one here than where the run was recorded."""
    changes = "; ".join(changes_since(recorded))
    if not changes:
        return error
    return Diverged(error.participant, error.tick, error.expected, error.got, hint=changes)


def _same(
    session: InProcess, recorded: Iterator[TickRecord], outside: Outside, last_tick: int, told: Callable[[int], None]
) -> Finished | None:
    """Up to the end of `last_tick`, compared with what was recorded; the end where a signal asked for it."""
    while True:
        passed = session.advance()
        if isinstance(passed, Finished):
            return passed
        here, there = read_record(passed.content), next(recorded, None)
        if there is None:
            raise RangeFailure(
                f"the run was recorded only up to tick {here.tick - 1}", hint="fork it at an earlier time"
            )
        same_answers(here, there)
        deliver(session, outside, passed.tick)
        told(passed.tick + 1)
        if passed.tick >= last_tick:
            return None


def same_answers(here: TickRecord, there: TickRecord) -> None:
    """Raises Diverged where a tick flown again has other answers than the recorded one."""
    digests = {answer.id: answer.digest for answer in here.answers}
    for answer in there.answers:
        if answer.late or answer.digest != digests.get(answer.id, answer.digest):
            raise Diverged(
                answer.id, there.tick, answer.digest.hex() or "none", digests.get(answer.id, b"").hex() or "none",
                hint="a run that was late, lost a process, or was flown by another version cannot be flown again",
            )  # fmt: skip


def _rest(session: InProcess, outside: Outside, last_tick: int, told: Callable[[int], None]) -> Finished:
    while True:
        passed = session.advance()
        if isinstance(passed, Finished):
            return passed
        assert isinstance(passed, Record)
        deliver(session, outside, passed.tick)
        told(passed.tick + 1)
