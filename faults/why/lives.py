"""The lives of a run: as it was, flown again to a time, and as it would have been without each of its faults.

A fault without which something would not have happened is a cause of it (a necessary one: Lewis 1973, "Causation";
Halpern and Pearl 2005, "Causes and explanations"). Nobody has to know how the fault works to say so.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bus.errors import Diverged, SkyrackError
from bus.lockstep.in_process import InProcess
from bus.lockstep.instructions import Finished
from bus.participant import Participant
from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader, read_record
from bus.trace.writer import TraceWriter
from faults.fork.fly import Outside, begin, deliver, outside_mail, same_answers
from faults.recording.read import read_trace
from faults.recording.recording import Recording
from faults.recording.summary import changes_since
from faults.run import compose as root
from faults.run.director import LEAD_TICKS
from faults.run.outside import played
from faults.run_directory import RunDirectory

MOST_FAULTS = 16
"""Faults that are taken away one by one; the latest before the time asked about."""


@dataclass(slots=True)
class Lives:
    """actual: the run up to the time, with every event report made on board. without: the same without one fault, by
    its id. calm: without any. trouble: why there are no other lives than the recorded one."""

    actual: Recording
    without: dict[str, Recording] = field(default_factory=dict)
    calm: Recording | None = None
    trouble: str = ""


def fly_lives(
    source: RunDirectory, scenario: Scenario, last_tick: int, faults: Sequence[str], told: Callable[[str], None]
) -> Lives:
    """Fly the run again to the end of `last_tick`, and without each of the faults. Each life leaves the run where its
    fault would strike. Raises Diverged where the run cannot be flown again, and what reading it raises."""
    with tempfile.TemporaryDirectory(prefix="skyrack-") as name, TraceReader(source.trace) as trace:
        return _Lives(source, scenario, last_tick, Path(name), outside_mail(trace), told).fly(faults)


@dataclass(slots=True)
class _Lives:
    source: RunDirectory
    scenario: Scenario
    last_tick: int
    folder: Path
    outside: Outside
    told: Callable[[str], None]

    def fly(self, faults: Sequence[str]) -> Lives:
        """All of them."""
        waiting = self._forks(faults)
        found: dict[str, Recording] = {}
        trace = TraceWriter(self.folder / "actual.bin", root.trace_header(self.scenario))
        everybody = self._everybody(self.scenario)
        session = InProcess(root.conductor_of(self.scenario, history=False), everybody, self.scenario.tick_ns, trace)
        begin(session, self.outside)
        with TraceReader(self.source.trace) as recorded:
            for there in recorded:
                for names in waiting.pop(there.tick - 1, ()):
                    found[",".join(names)] = self._without(session, trace, names)
                passed = session.advance()
                if isinstance(passed, Finished):
                    break
                same_answers(read_record(passed.content), there)
                deliver(session, self.outside, passed.tick)
                if passed.tick >= self.last_tick:
                    break
        trace.abandon()
        actual = self._read(self.folder / "actual.bin", self.scenario, everybody)
        alone = {name: found[name] for name in faults if name in found}
        return Lives(actual, alone, found.get(",".join(faults)))

    def _forks(self, faults: Sequence[str]) -> dict[int, list[tuple[str, ...]]]:
        """By the tick after which they leave: the faults that each life lacks."""
        onsets = {fault.id: round(fault.at_s * 1e9) // self.scenario.tick_ns for fault in self.scenario.faults}
        groups = [(name,) for name in faults] + ([tuple(faults)] if len(faults) > 1 else [])
        forks: dict[int, list[tuple[str, ...]]] = {}
        for names in groups:
            first = min(onsets[name] for name in names)
            forks.setdefault(max(first - LEAD_TICKS, -1), []).append(names)
        return forks

    def _without(self, session: InProcess, trunk: TraceWriter, names: Sequence[str]) -> Recording:
        self.told(f"without {', '.join(names)}")
        kept = tuple(fault for fault in self.scenario.faults if fault.id not in names)
        scenario = self.scenario.model_copy(update={"faults": kept})
        path = self.folder / "without.bin"
        trace, everybody = trunk.fork(path, root.trace_header(scenario)), self._everybody(scenario)
        if trunk.records:
            branch = session.fork(everybody, trace)
        else:
            branch = InProcess(root.conductor_of(scenario, history=False), everybody, scenario.tick_ns, trace)
            begin(branch, self.outside)
        while True:
            passed = branch.advance()
            if isinstance(passed, Finished):
                break
            deliver(branch, self.outside, passed.tick)
            if passed.tick >= self.last_tick:
                break
        trace.abandon()
        return self._read(path, scenario, everybody)

    def _everybody(self, scenario: Scenario) -> list[Participant]:
        return root.build_all(scenario, self.source.own_procedures, played(scenario, self.source.trace))

    def _read(self, path: Path, scenario: Scenario, everybody: Sequence[Participant]) -> Recording:
        held = root.events_held(everybody)
        with TraceReader(path) as reader:
            return read_trace(reader, scenario, root.dictionaries(scenario), held).recording


def lives_of(
    source: RunDirectory, recording: Recording, until_s: float, candidates: Sequence[str], told: Callable[[str], None]
) -> Lives:
    """As `fly_lives`; where the run cannot be flown again, what was recorded, and why."""
    last_tick = min(round(until_s * 1e9) // recording.scenario.tick_ns, recording.ticks) - 1
    try:
        return fly_lives(source, recording.scenario, last_tick, candidates[-MOST_FAULTS:], told)
    except Diverged as error:
        changes = changes_since(recording.versions)
        return Lives(recording, trouble="; ".join([error.message, *changes]))
    except SkyrackError as error:
        return Lives(recording, trouble=error.message)
