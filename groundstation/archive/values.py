"""Values of parameters out of an archive: by time, parameter and spacecraft, down-sampled, newest. One way out for all.

A value has three times: the stamp of the clock on board, when it was made in mission time (by time correlation), and
when it was received. Late is not live: a value that was received long after it was made was played back, and says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bus.errors import UnknownNameError
from bus.text.near import nearest
from groundstation.archive.columns import FOREVER_NS, Columns, read_columns
from groundstation.archive.dating import TOLERANCE_NS, Dating
from groundstation.archive.reader import ArchiveReader, Report

Clock = Literal["made", "received", "onboard"]
Which = Literal["all", "live", "late"]
MOST_BUCKETS = 100_000
"""Of one parameter in one question."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One value. `obt_ns`: its stamp on board. `made_ns`: None where nothing is known of the clock. `late`: it was
    played back; by its stamp alone where nothing better is known."""

    parameter: str
    value: float
    boot: int
    stream: int
    sequence: int
    obt_ns: int
    made_ns: int | None
    received_ns: int
    late: bool

    def at_ns(self, clock: Clock) -> int | None:
        """Its time by one of the three clocks."""
        return {"made": self.made_ns, "received": self.received_ns, "onboard": self.obt_ns}[clock]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for. Times are by `clock`: from_ns <= t < to_ns; a value without such a time is in no span."""

    spacecraft: str
    parameters: tuple[str, ...]
    from_ns: int | None = None
    to_ns: int | None = None
    clock: Clock = "made"
    which: Which = "all"

    def takes(self, sample: Sample) -> bool:
        """Whether a value is asked for."""
        if self.which != "all" and sample.late is not (self.which == "late"):
            return False
        if self.from_ns is None and self.to_ns is None:
            return True
        at_ns = sample.at_ns(self.clock)
        return (
            at_ns is not None
            and (self.from_ns is None or at_ns >= self.from_ns)
            and (self.to_ns is None or at_ns < self.to_ns)
        )


@dataclass(slots=True)
class Bucket:
    """Values of one parameter over [start_ns, start_ns + width). least and greatest are None if none is a number;
    invalid: values that are none."""

    parameter: str
    start_ns: int
    count: int = 0
    late: int = 0
    invalid: int = 0
    least: float | None = None
    greatest: float | None = None
    last: float | None = None


def dated(report: Report, dating: Dating, live_ns: int) -> tuple[int | None, bool]:
    """When a report was made, and whether it came late."""
    made_ns = dating.made_ns(report.obt_ns, report.received_ns)
    return made_ns, report.received_ns - (report.obt_ns if made_ns is None else made_ns) > live_ns


def samples(archive: ArchiveReader, question: Question) -> Iterator[Sample]:
    """Every value that is asked for, in the order in which they were made: by boot, stream and sequence."""
    check_parameters(archive, question.spacecraft, question.parameters)
    dating, live_ns = archive.dating(question.spacecraft), archive.live_ns()
    wanted = frozenset(question.parameters)
    for report in archive.reports(question.spacecraft, holding=wanted):
        made_ns, late = dated(report, dating, live_ns)
        for name, value in report.named():
            if name in wanted:
                sample = Sample(name, value, *report.place, report.obt_ns, made_ns, report.received_ns, late)
                if question.takes(sample):
                    yield sample


def may_be_retired(archive: ArchiveReader, question: Question) -> bool:
    """Whether some of what is asked for may have been deleted by retention: a packet received up to the watermark of
    its stream was made before it. By the clock on board nobody can tell, so then it may."""
    until_ns = max((row.until_ns for row in archive.retired(question.spacecraft)), default=None)
    return until_ns is not None and (
        question.clock == "onboard" or question.from_ns is None or question.from_ns <= until_ns + TOLERANCE_NS
    )


def buckets(archive: ArchiveReader, question: Question, width_ns: int) -> list[Bucket]:
    """Least and greatest value over each stretch of `width_ns` (counted from the epoch) that holds any, by parameter
    and time. What cannot be put on the asked clock is left out. Raises ValueError for more than MOST_BUCKETS."""
    check_parameters(archive, question.spacecraft, question.parameters)
    from_ns, to_ns = _received_in(question)
    columns = read_columns(archive, question.spacecraft, question.parameters, from_ns, to_ns)
    live_ns = archive.live_ns()
    found: list[Bucket] = []
    for name in dict.fromkeys(question.parameters):
        found += _sampled(name, columns[name], question, width_ns, live_ns)
        if len(found) > MOST_BUCKETS * len(question.parameters):
            raise ValueError(f"more than {MOST_BUCKETS:,} stretches of {width_ns / 1e9:g} s")
    return found


def _received_in(question: Question) -> tuple[int, int]:
    """A span of receipt that everything asked for lies in: nothing is received before it was made."""
    if question.clock == "onboard" or question.from_ns is None:
        return 0, FOREVER_NS
    if question.clock == "made":
        return max(0, question.from_ns - TOLERANCE_NS), FOREVER_NS
    return max(0, question.from_ns), FOREVER_NS if question.to_ns is None else question.to_ns


def _sampled(name: str, columns: Columns, question: Question, width_ns: int, live_ns: int) -> list[Bucket]:
    import numpy as np  # noqa: PLC0415 - see `columns`

    late = columns.late(live_ns)
    at_ns = {"made": columns.made_ns, "received": columns.received_ns, "onboard": columns.obt_ns}[question.clock]
    take = columns.dated.copy() if question.clock == "made" else np.ones(len(at_ns), dtype=bool)
    if question.which != "all":
        take &= late == (question.which == "late")
    if question.from_ns is not None:
        take &= at_ns >= question.from_ns
    if question.to_ns is not None:
        take &= at_ns < question.to_ns
    value, late, stretch = columns.value[take], late[take], at_ns[take] // width_ns
    if not len(value):
        return []
    order = np.argsort(stretch, kind="stable")  # within one, as they were made
    value, late, stretch = value[order], late[order], stretch[order]
    begins = np.flatnonzero(np.concatenate(([True], stretch[1:] != stretch[:-1])))
    counts = np.diff(np.append(begins, len(value)))
    number = ~np.isnan(value)
    last = np.maximum.reduceat(np.where(number, np.arange(len(value)), -1), begins)
    rows = zip(
        stretch[begins].tolist(), counts.tolist(), np.add.reduceat(late, begins, dtype=np.int64).tolist(),
        np.add.reduceat(~number, begins, dtype=np.int64).tolist(), np.fmin.reduceat(value, begins).tolist(),
        np.fmax.reduceat(value, begins).tolist(), last.tolist(), strict=True,
    )  # fmt: skip
    return [
        Bucket(name, place * width_ns, count, lates, invalid, None if at < 0 else least, None if at < 0 else most,
               None if at < 0 else float(value[at]))
        for place, count, lates, invalid, least, most, at in rows
    ]  # fmt: skip


def newest(archive: ArchiveReader, spacecraft: str, which: Which = "all") -> dict[str, Sample]:
    """The newest value of every parameter in housekeeping, as made: by boot and sequence. `which` live: among those
    that were not played back."""
    dating, live_ns = archive.dating(spacecraft), archive.live_ns()
    found: dict[str, Sample] = {}
    wanted: set[int] = set()
    known = archive.structures(spacecraft)
    for report in archive.newest_reports(spacecraft):
        if report.structure.id in wanted:
            continue
        made_ns, late = dated(report, dating, live_ns)
        if which != "all" and late is not (which == "late"):
            continue
        wanted.add(report.structure.id)
        for name, value in report.named():
            if name not in found:
                found[name] = Sample(name, value, *report.place, report.obt_ns, made_ns, report.received_ns, late)
        if len(wanted) == len(known):
            break
    return found


def check_parameters(archive: ArchiveReader, spacecraft: str, parameters: Sequence[str]) -> None:
    """Raises UnknownNameError for a parameter that the dictionary of the spacecraft does not have."""
    known = archive.dictionary(spacecraft).parameter
    for name in parameters:
        if name not in known:
            raise UnknownNameError("parameter", name, nearest(name, known), hint="`skyrack list telemetry` has them")
