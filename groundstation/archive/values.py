"""Values of parameters out of an archive: by time, parameter and spacecraft, down-sampled, newest. One way out for all.

A value has three times: the stamp of the clock on board, when it was made in mission time (by time correlation), and
when it was received. Late is not live: a value that was received long after it was made was played back, and says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from bus.errors import UnknownNameError
from bus.text.near import nearest
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

    def take(self, sample: Sample) -> None:
        """One value more."""
        self.count += 1
        self.late += sample.late
        if math.isnan(sample.value):
            self.invalid += 1
            return
        self.least = sample.value if self.least is None else min(self.least, sample.value)
        self.greatest = sample.value if self.greatest is None else max(self.greatest, sample.value)
        self.last = sample.value


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
    found: dict[tuple[int, int], Bucket] = {}
    order = {name: place for place, name in enumerate(question.parameters)}
    for sample in samples(archive, question):
        at_ns = sample.at_ns(question.clock)
        if at_ns is None:
            continue
        key = (order[sample.parameter], at_ns // width_ns)
        bucket = found.get(key)
        if bucket is None:
            if len(found) >= MOST_BUCKETS * len(order):
                raise ValueError(f"more than {MOST_BUCKETS:,} stretches of {width_ns / 1e9:g} s")
            bucket = found[key] = Bucket(sample.parameter, key[1] * width_ns)
        bucket.take(sample)
    return [found[key] for key in sorted(found)]


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
