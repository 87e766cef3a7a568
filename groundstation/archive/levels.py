"""Service levels as the ground knows them: what was delivered, out of telemetry and the telecommands' own history.

Unknown is not zero: a figure that nobody has told is None, and `unknown` says why. No truth here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.errors import EnvironmentFault
from groundstation.archive.reader import ArchiveReader
from groundstation.archive.values import Question, Sample, newest, samples

FIGURES = (
    "accelerator_hours", "availability", "energy_kwh", "energy_per_accelerator_hour_kwh", "jobs_done", "jobs_per_hour",
    "inference_p99_s", "inference_p99_worst_s", "command_latency_s", "command_latency_worst_s", "command_wait_s",
)  # fmt: skip
"""In the order in which they are told."""
_COUNTERS = ("levels_counted_s", "accelerator_work_s", "accelerator_ready_s", "payload_energy_j")
_NOTHING = "no telemetry has told it"


@dataclass(slots=True)
class Levels:
    """One spacecraft, from the epoch to `until_s` (mission time). Hours are those of one accelerator at full clock.

    availability: share of `counted_s`, the time that flight software counted, in which accelerators took work.
    inference_p99_s: the median of the values reported of the worst service; the worst of them all beside it.
    command_latency_s: median time from a request to the report of its completion; command_wait_s: to its first
    transmission, which is the wait for a contact. unknown: why a figure is None, by its name.
    """

    until_s: float | None = None
    counted_s: float | None = None
    accelerator_hours: float | None = None
    availability: float | None = None
    energy_kwh: float | None = None
    energy_per_accelerator_hour_kwh: float | None = None
    jobs_done: int | None = None
    jobs_per_hour: float | None = None
    inference_p99_s: float | None = None
    inference_p99_worst_s: float | None = None
    command_latency_s: float | None = None
    command_latency_worst_s: float | None = None
    command_wait_s: float | None = None
    telecommands: int = 0
    unknown: dict[str, str] = field(default_factory=dict)

    def lack(self, reason: str, *names: str) -> None:
        """Say why figures are None."""
        self.unknown |= dict.fromkeys(names, reason)

    def derive(self) -> None:
        """Ratios out of their parts."""
        if self.jobs_done is not None and self.until_s:
            self.jobs_per_hour = self.jobs_done / (self.until_s / 3600.0)
        else:
            self.lack(self.unknown.get("jobs_done", _NOTHING), "jobs_per_hour")
        if self.energy_kwh is None or self.accelerator_hours is None:
            self.lack("one of its parts is unknown", "energy_per_accelerator_hour_kwh")
        elif self.accelerator_hours <= 0.0:
            self.lack("no accelerator has worked", "energy_per_accelerator_hour_kwh")
        else:
            self.energy_per_accelerator_hour_kwh = self.energy_kwh / self.accelerator_hours


def read_levels(archive: ArchiveReader, spacecraft: str) -> Levels:
    """What the archive tells of a spacecraft. Raises EnvironmentFault where there is none, or it is damaged."""
    levels = Levels()
    told = newest(archive, spacecraft)
    _count(levels, told)
    if "jobs_done" in told:
        levels.jobs_done = int(told["jobs_done"].value)
    else:
        levels.lack(_NOTHING, "jobs_done")
    _inference(levels, archive, spacecraft)
    take_latencies(levels, *command_times(archive, spacecraft))
    levels.derive()
    return levels


def _count(levels: Levels, told: dict[str, Sample]) -> None:
    if any(name not in told or not math.isfinite(told[name].value) for name in _COUNTERS):
        levels.lack(_NOTHING, "accelerator_hours", "availability", "energy_kwh")
        return
    counted_s, work_s, ready_s, energy_j = (told[name].value for name in _COUNTERS)
    sample = told[_COUNTERS[0]]
    levels.until_s = (sample.received_ns if sample.made_ns is None else sample.made_ns) / 1e9
    levels.counted_s = counted_s
    levels.accelerator_hours = work_s / 3600.0
    levels.energy_kwh = energy_j / 3.6e6
    if counted_s > 0.0:
        levels.availability = ready_s / counted_s
    else:
        levels.lack("flight software has counted no time yet", "availability")


def _inference(levels: Levels, archive: ArchiveReader, spacecraft: str) -> None:
    known = archive.dictionary(spacecraft).parameter
    names = tuple(name for name in known if name.startswith("job_p99_s."))
    values: dict[str, list[float]] = {}
    for sample in samples(archive, Question(spacecraft, names)) if names else ():
        if sample.value > 0.0 and math.isfinite(sample.value):  # a job that serves nobody reports none
            values.setdefault(sample.parameter, []).append(sample.value)
    take_p99(levels, list(values.values()), "no service has reported its latency")


def take_p99(levels: Levels, services: Sequence[Sequence[float]], otherwise: str) -> None:
    """The latencies of services (s), each as it was reported over time."""
    if not services:
        levels.lack(otherwise, "inference_p99_s", "inference_p99_worst_s")
        return
    levels.inference_p99_s = max(rank(values, 0.5) for values in services)
    levels.inference_p99_worst_s = max(max(values) for values in services)


def command_times(archive: ArchiveReader, spacecraft: str) -> tuple[list[float], list[float]]:
    """Of telecommands that COMPLETED: seconds from the request to the report, and to the first transmission."""
    sent = archive.first_sent()
    done = [
        (int(str(row["requested_ns"])), int(str(row["changed_ns"])), sent.get((row["ground_boot"], row["request"])))
        for row in archive.telecommands()
        if row["spacecraft"] == spacecraft and row["state"] == "COMPLETED"
    ]
    return (
        [(ended - asked) / 1e9 for asked, ended, _ in done],
        [(first - asked) / 1e9 for asked, _, first in done if first is not None],
    )


def take_latencies(levels: Levels, latencies_s: Sequence[float], waits_s: Sequence[float]) -> None:
    """Medians and the worst."""
    levels.telecommands = len(latencies_s)
    names = ("command_latency_s", "command_latency_worst_s", "command_wait_s")
    if not latencies_s or not waits_s:
        levels.lack("no telecommand has completed", *names)
        return
    levels.command_latency_s, levels.command_latency_worst_s = rank(latencies_s, 0.5), max(latencies_s)
    levels.command_wait_s = rank(waits_s, 0.5)


def rank(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile: the least value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def all_levels(archive: ArchiveReader, spacecraft: Sequence[str]) -> dict[str, Levels]:
    """Of each; one of whom the archive tells nothing has only unknowns."""
    found = {}
    for name in spacecraft:
        try:
            found[name] = read_levels(archive, name)
        except EnvironmentFault as fault:
            found[name] = Levels(unknown=dict.fromkeys(FIGURES, fault.message))
    return found
