"""Flies sequences: each from the latest moment that was flown before and from which it is the same, to the bit.

Along the undisturbed run, and before each later step of every sequence, a way point is kept: everybody's state and the
records so far. A sequence goes on from the latest way point behind which lie exactly its own first steps.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bus.errors import SkyrackError
from bus.lockstep.in_process import InProcess
from bus.lockstep.instructions import Record
from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from bus.trace.writer import TraceWriter
from faults.catalogue.form import FaultForm
from faults.oracle.judge import Judgement
from faults.recording.read import read_trace
from faults.recording.recording import Recording
from faults.run import compose as root
from faults.run.conclude import judge_all
from faults.run.director import LEAD_TICKS
from faults.search.steps import Step, Steps, planned
from node.fsw.modes import Mode

MOST_WAY_POINTS = 64
"""Kept at once [A]; each is some megabytes. The one that was not used for longest goes first."""
TRUNK_STOPS = 16
LEAST_APART_TICKS = 60
"""Way points nearer to each other than this would cost more than they save: one takes as long as some 60 ticks."""


@dataclass(frozen=True, slots=True)
class Struck:
    """A fault that acted: in which mode and light its spacecraft then was; None where nobody knows."""

    fault: str
    target: str
    mode: str | None
    sunlit: bool | None


@dataclass(frozen=True, slots=True)
class Flown:
    """What a sequence did. judgements: of the properties, in their order. told: what was seen on the way, for the
    search to tell what is new. failure: why the range stopped, empty if it did not."""

    steps: Steps
    judgements: tuple[Judgement, ...]
    told: frozenset[str] = frozenset()
    struck: tuple[Struck, ...] = ()
    refused: tuple[str, ...] = ()
    trace_hash: str = ""
    ticks: int = 0
    failure: str = ""

    @property
    def violated(self) -> tuple[str, ...]:
        """The properties that do not hold."""
        return tuple(one.text for one in self.judgements if one.verdict == "FAIL")


@dataclass(slots=True)
class _WayPoint:
    session: InProcess
    trace: TraceWriter


class Flights:
    """Sequences on one scenario, flown in this process. `folder` holds traces while they are needed. ticks: flown in
    all; shared: those that needed not be flown again."""

    def __init__(
        self, scenario: Scenario, catalogue: Mapping[str, FaultForm], folder: Path, *, stopped: Callable[[], str] = str
    ) -> None:
        self.scenario = scenario
        self.ticks = self.shared = 0
        self._catalogue, self._folder, self._stopped = catalogue, folder, stopped
        self._dictionaries = root.dictionaries(scenario)
        self._points: OrderedDict[tuple[Steps, int], _WayPoint] = OrderedDict()
        self._numbers = itertools.count()
        every = max(LEAST_APART_TICKS, scenario.ticks // TRUNK_STOPS)
        self._stops = range(every - 1, scenario.ticks, every)

    def fly(self, steps: Steps) -> Flown:
        """One sequence to the end, judged."""
        scenario = planned(steps, self.scenario, self._catalogue)
        everybody = root.build_all(scenario)
        path = self._folder / f"{next(self._numbers):08d}.bin"
        found = self._latest(steps)
        if found is None:
            begin = -1
            trace = TraceWriter(path, root.trace_header(scenario))
            session = InProcess(
                root.conductor_of(scenario, history=False), everybody, scenario.tick_ns, trace, stopped=self._stopped
            )
            session.begin()
        else:
            begin, point = found
            trace = point.trace.fork(path, root.trace_header(scenario))
            session = point.session.fork(everybody, trace, stopped=self._stopped)
        failure = ""
        try:
            self._to_the_end(session, trace, steps, begin)
        except SkyrackError as error:
            failure = error.message
        finally:
            trace.abandon()
        self.ticks += scenario.ticks - begin - 1
        self.shared += begin + 1
        if failure:
            path.unlink(missing_ok=True)
            return Flown(steps, (), failure=failure)
        with TraceReader(path) as reader:
            held = root.events_held(everybody)
            recording = read_trace(reader, scenario, dict(self._dictionaries), held).recording
        path.unlink(missing_ok=True)
        return _read(steps, recording)

    def close(self) -> None:
        """Drop every way point."""
        for point in self._points.values():
            self._drop(point)
        self._points.clear()

    # ---- way points -----------------------------------------------------------------------------------------------

    def _fork_tick(self, step: Step) -> int:
        """The last tick that knows nothing of a step."""
        return round(step.at_s * 1e9) // self.scenario.tick_ns - LEAD_TICKS

    def _before(self, steps: Steps, tick: int) -> Steps:
        """The steps of which something is known at a tick."""
        return tuple(step for step in steps if self._fork_tick(step) < tick)

    def _latest(self, steps: Steps) -> tuple[int, _WayPoint] | None:
        fitting = [key for key in self._points if self._before(steps, key[1]) == key[0]]
        if not fitting:
            return None
        best = max(fitting, key=lambda key: key[1])
        self._points.move_to_end(best)
        return best[1], self._points[best]

    def _to_the_end(self, session: InProcess, trace: TraceWriter, steps: Steps, begin: int) -> None:
        later = {self._fork_tick(step) for step in steps[1:]}
        first = self._fork_tick(steps[0]) if steps else self.scenario.ticks
        last = begin
        while True:
            passed = session.advance()
            if not isinstance(passed, Record):
                return
            tick = passed.tick
            wanted = tick in later or (tick <= first and tick in self._stops)
            if wanted and tick - last >= LEAST_APART_TICKS and tick < self.scenario.ticks - 1:
                last = tick
                self._keep(session, trace, self._before(steps, tick), tick)

    def _keep(self, session: InProcess, trace: TraceWriter, before: Steps, tick: int) -> None:
        if (before, tick) in self._points:
            return
        scenario = planned(before, self.scenario, self._catalogue)
        header = root.trace_header(scenario)
        kept = trace.fork(self._folder / f"{next(self._numbers):08d}.way", header)
        self._points[before, tick] = _WayPoint(session.fork(root.build_all(scenario), kept), kept)
        while len(self._points) > MOST_WAY_POINTS:
            self._drop(self._points.popitem(last=False)[1])

    @staticmethod
    def _drop(point: _WayPoint) -> None:
        point.trace.abandon()
        if point.trace.path is not None:
            point.trace.path.unlink(missing_ok=True)


# ---- what came of it --------------------------------------------------------------------------------------------


def _read(steps: Steps, recording: Recording) -> Flown:
    told = {f"event {event.spacecraft} {event.name}" for event in recording.events}
    for spacecraft in recording.scenario.spacecraft:
        modes = recording.signal(spacecraft.id, "mode")
        known = [] if modes is None else np.unique(modes[~np.isnan(modes)]).tolist()
        told |= {f"mode {spacecraft.id} {Mode(int(mode)).name}" for mode in known}
    own = [fault for fault in recording.faults if fault.id.startswith("step-")]
    acted = {(fault.id.partition(".")[0], fault.target): fault for fault in own if fault.at_s is not None}
    struck = tuple(
        Struck(fault.fault, fault.target, *_state(recording, fault.target, fault.at_s or 0.0))
        for fault in acted.values()
    )
    refused = tuple(dict.fromkeys(f"{fault.fault}: {fault.refused}" for fault in own if fault.refused))
    return Flown(
        steps, tuple(judge_all(recording)), frozenset(told), struck, refused, recording.trace_hash, recording.ticks,
        "" if recording.complete else recording.damage or "cut short",
    )  # fmt: skip


def _state(recording: Recording, target: str, at_s: float) -> tuple[str | None, bool | None]:
    """Mode and light at the last sample before a time."""
    place = int(np.searchsorted(recording.times_s, at_s, side="right")) - 1

    def at(name: str) -> float | None:
        values: Sequence[float] | np.ndarray | None = recording.signal(target, name)
        value = float(values[max(place, 0)]) if values is not None and len(values) else float("nan")
        return None if np.isnan(value) else value

    mode, light = at("mode"), at("illumination_fraction")
    return None if mode is None else Mode(int(mode)).name, None if light is None else light > 0.5
