"""Many spacecraft live at 1 Hz, with full flight software: who is late, how soon answers come, what grows.

    python benchmarks/live.py [--scenario quick] [--spacecraft 1000] [--per-process N] [--seconds 60] [--json]

Real time, a tick a second, everything as in `skyrack run --pace realtime`: plant, flight software, ground, director,
CURVE, snapshots, journals, trace, archive. `signals` of each spacecraft go into the trace in every tick; the ground
archives what comes down in contacts.

`late_share`: answers that came after their tick was over, of all; `late_at_start`: how many more in the first 10 ticks,
which count for nothing else: that is when everybody boots. `answer_p50_ms`, `answer_p99_ms`: from a Tick leaving the
bus to its answer being taken, over all spacecraft and ticks. `archive_p99_ms`: from the ground's Tick leaving to its
answer, before which it has committed to the archive. (Mail of a step is the ground's with the next tick: that second is
the range's design, and is in neither.) `slips`: ticks that the schedule gave up. `start_s`: from the first process to
the first tick. `mib`: private memory of all processes; `mib_per_hour`, `descriptors_per_hour`: the slope over the
second half. `cpu_us`: processor time of all processes for one spacecraft's step. `busy_cores`: what others kept of this
machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))
sys.path.insert(0, str(HOUSE / "benchmarks"))

TARGET_LATE_SHARE = 0.001
TARGET_ARCHIVE_MS = 500.0
TARGET_ANSWER_MS = 100.0  # where each spacecraft has a process of its own
TARGET_MIB = 8 * 1024.0
TARGET_START_S = 60.0
WARM_UP_TICKS = 10
LOOK_EVERY_S = 2.0
TIMES = "SKYRACK_BENCHMARK_TIMES"
ANSWER = struct.Struct("=IIf?")


def bus() -> int:
    """The bus's process, which notes when Ticks leave and answers come, and writes that down at its end."""
    from bus.lockstep.conductor import Conductor  # noqa: PLC0415
    from bus.process.server import BusServer  # noqa: PLC0415
    from faults.run import bus_process  # noqa: PLC0415

    left: dict[tuple[str, int], float] = {}
    places: dict[str, int] = {}
    leave, tock = BusServer._leave_with, Conductor.tock
    times = Path(os.environ[TIMES])
    with times.open("wb") as file:  # not kept in memory: what grows in a long run is to be Skyrack's

        def leaving(self: BusServer, order: Any) -> Any:
            left[order.id, order.tick] = perf_counter()
            return leave(self, order)

        def answered(self: Conductor, id: str, frames: Any) -> Any:
            open_tick = self.tick
            made = tock(self, id, frames)
            session = self._sessions.get(id)
            begun = left.pop((id, session.answered), None) if session is not None else None
            if begun is not None and session is not None and session.answered >= WARM_UP_TICKS:
                place = places.setdefault(id, len(places))
                late = session.answered < open_tick
                file.write(ANSWER.pack(place, session.answered, perf_counter() - begun, late))
            return made

        BusServer._leave_with, Conductor.tock = leaving, answered  # type: ignore[method-assign]
        status = bus_process.main()
    times.with_suffix(".json").write_text(json.dumps(list(places)), encoding="ascii")
    return status


def answers_of(times: Path) -> tuple[dict[str, list[tuple[int, float]]], int]:
    """Tick and seconds of every answer, by participant; how many of them came after their tick was over."""
    names: list[str] = json.loads(times.with_suffix(".json").read_text(encoding="ascii"))
    found: dict[str, list[tuple[int, float]]] = {name: [] for name in names}
    late = 0
    for place, tick, took_s, was_late in ANSWER.iter_unpack(times.read_bytes()):
        found[names[place]].append((tick, took_s))
        late += was_late
    return found, late


class Watch:
    """Looks at the processes of a run now and then."""

    def __init__(self, run: Path) -> None:
        self._run, self._begun, self._next = run, perf_counter(), 0.0
        self.start_s = 0.0
        self.rows: list[tuple[float, int, float, int, float]] = []  # at, tick, MiB, descriptors, CPU seconds
        self.roles: list[dict[str, float]] = []  # at each look: MiB of bus, ground and all spacecraft
        self.slips = 0

    def hear(self, who: str, report: dict[str, Any]) -> None:
        """One report of one process."""
        from lockstep import private_mib, processor_s  # noqa: PLC0415

        if report["report"] != "progress":
            return
        now = perf_counter()
        self.start_s = self.start_s or now - self._begun
        self.slips = int(report["slips"])
        if now < self._next or report["tick"] < WARM_UP_TICKS:
            return
        self._next = now + LOOK_EVERY_S
        pids: dict[str, int] = json.loads((self._run / "run.json").read_text(encoding="utf-8"))["pids"]
        try:
            each = [
                (private_mib(pid), len(os.listdir(f"/proc/{pid}/fd")), processor_s(pid))  # noqa: PTH208
                for pid in pids.values()
            ]
        except (FileNotFoundError, ProcessLookupError):
            return  # the run has just ended
        role = dict.fromkeys(("bus", "ground", "spacecraft"), 0.0)
        for name, (size, _, _) in zip(pids, each, strict=True):
            role[name if name in role else "spacecraft"] += size
        self.roles.append(role)
        mib, descriptors, cpu_s = (sum(column) for column in zip(*each, strict=True))
        self.rows.append((now, int(report["tick"]), mib, int(descriptors), cpu_s))


def slope_per_hour(points: list[tuple[float, float]]) -> float:
    """Least squares over the second half of the points."""
    points = points[len(points) // 2 :]
    if len(points) < 3:
        return float("nan")
    mean_x, mean_y = (sum(column) / len(points) for column in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return 3600.0 * sum((x - mean_x) * (y - mean_y) for x, y in points) / spread


def share(values: list[float], part: float) -> float:
    """The value below which so large a part of them lies."""
    return sorted(values)[min(len(values) - 1, int(part * len(values)))] if values else float("nan")


@dataclass(slots=True)
class Flown:
    """What is left of a run: who looked at it, the bus's counters, answers by participant, how busy others were."""

    watch: Watch
    counters: dict[str, dict[str, int]]
    answers: dict[str, list[tuple[int, float]]]
    late: int
    nodes: list[str]
    processes: int
    signals: int
    busy_cores: float


def flown(name: str, spacecraft: int, ticks: int, per_process: int, pace: str) -> Flown:
    """The run."""
    from in_process import enlarged  # noqa: PLC0415
    from lockstep import Others  # noqa: PLC0415

    from bus.sockets.keys import make_keys  # noqa: PLC0415
    from faults.run.compose import prepare  # noqa: PLC0415
    from faults.run.groups import per_process_here  # noqa: PLC0415
    from faults.run.processes import allow_descriptors, members  # noqa: PLC0415
    from faults.run.supervisor import Member, Supervisor, supervise  # noqa: PLC0415
    from faults.run.warm import warm_up  # noqa: PLC0415
    from faults.run_directory import RunDirectory  # noqa: PLC0415
    from faults.scenarios.choose import find_scenario  # noqa: PLC0415
    from faults.scenarios.load import load  # noqa: PLC0415

    scenario = enlarged(load(find_scenario(name)), spacecraft, WARM_UP_TICKS + ticks)
    warm_up(scenario, lambda text: print(text, file=sys.stderr))
    per_process = per_process or per_process_here(spacecraft)
    allow_descriptors(spacecraft, per_process)
    others = Others()
    with tempfile.TemporaryDirectory() as path:
        directory = RunDirectory(Path(path))
        prepare(directory, scenario, None)
        make_keys(directory.path / "keys", [each.id for each in scenario.spacecraft])
        conducting, flying = members(scenario, directory, pace, per_process)
        times = {TIMES: str(directory.path / "times.bin")}
        conducting = Member("bus", (sys.executable, __file__, "--bus"), {**conducting.environment, **times})
        watch = Watch(directory.path)
        hear: Callable[[str, dict[str, Any]], None] = watch.hear
        outcome = supervise(lambda: Supervisor(directory.path, conducting, flying, on_report=hear))
        if outcome.failure is not None:
            raise outcome.failure
        answers, late = answers_of(directory.path / "times.bin")
    nodes = [each.id for each in scenario.spacecraft]
    signals = max(map(len, scenario.truth_signals.values()))
    return Flown(watch, outcome.result["counters"], answers, late, nodes, len(flying) - 1, signals, others.cores)


def figures_of(name: str, spacecraft: int, seconds: int, per_process: int) -> dict[str, float]:
    """Of a run in real time."""
    run = flown(name, spacecraft, seconds, per_process, "realtime")
    watch, counters, nodes = run.watch, run.counters, run.nodes
    answers = [took_s for id in nodes for _, took_s in run.answers.get(id, [])]
    archived = [took_s for _, took_s in run.answers.get("ground", [])]
    late_with_start = sum(counters[id]["late_tocks"] for id in nodes)
    first, last = watch.rows[0], watch.rows[-1]
    steps = (last[1] - first[1]) * spacecraft
    return {
        "processes": run.processes,
        "signals": run.signals,
        "start_s": watch.start_s,
        "late_share": run.late / max(1, sum(map(len, run.answers.values()))),
        "late_at_start": late_with_start - run.late,
        "slips": watch.slips,
        "answer_p50_ms": 1e3 * share(answers, 0.5),
        "answer_p99_ms": 1e3 * share(answers, 0.99),
        "archive_p99_ms": 1e3 * share(archived, 0.99),
        "mib": max(row[2] for row in watch.rows),
        "mib_per_hour": slope_per_hour([(row[0], row[2]) for row in watch.rows]),
        "descriptors": max(row[3] for row in watch.rows),
        "descriptors_per_hour": slope_per_hour([(row[0], float(row[3])) for row in watch.rows]),
        "cpu_us": 1e6 * (last[4] - first[4]) / max(1, steps),
        "busy_cores": run.busy_cores,
    }


def main() -> int:
    """Prints; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="quick", help="a shipped scenario or a file")
    parser.add_argument("--spacecraft", type=int, default=1000)
    parser.add_argument("--per-process", type=int, default=0, help="as `skyrack run` by default")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--bus", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bus:
        return bus()
    figures = figures_of(options.scenario, options.spacecraft, options.seconds, options.per_process)
    figures["per_core"] = 1e6 / figures["cpu_us"]
    figures["per_gib"] = 1024 * options.spacecraft / figures["mib"]
    targets = {
        "late_share": TARGET_LATE_SHARE,
        "archive_p99_ms": TARGET_ARCHIVE_MS,
        "mib": TARGET_MIB,
        "start_s": TARGET_START_S,
    }
    if options.per_process == 1:
        targets["answer_p99_ms"] = TARGET_ANSWER_MS
    ok = all(figures[name] <= target for name, target in targets.items())
    if options.json:
        rounded = {name: round(value, 5) for name, value in figures.items()}
        print(json.dumps({"spacecraft": options.spacecraft, "seconds": options.seconds, **rounded, "ok": ok}))
        return 0 if ok else 1
    print(f"{options.spacecraft} spacecraft live at 1 Hz for {options.seconds} s")
    for name, value in figures.items():
        target = f" (target at most {targets[name]:g})" if name in targets else ""
        print(f"  {value:12.4g} {name}{target}")
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
