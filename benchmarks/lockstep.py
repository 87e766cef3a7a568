"""Lockstep with one process per spacecraft, and with many in each: ticks a second, beside the least that is still one.

    python benchmarks/lockstep.py [--scenario quick] [--spacecraft 100] [--ticks 300] [--grouped 1000] [--json]

`ticks_per_s` is the whole range: plant, flight software, ground, director, CURVE, snapshots, journals, trace and
archive. `barrier_ticks_per_s`, measured in the same run, is an asyncio ROUTER/DEALER barrier (zmq.asyncio, one await
then a non-blocking drain) of as many processes that do nothing but answer 100 bytes. `start_s` is from the first
process to the first complete tick; `private_mib` the largest private memory of a spacecraft process (a sample of ten).
`grouped_*` are those of `--grouped` spacecraft in as few processes as `skyrack run` takes for them on this machine;
`grouped_cpu_us` is the processor time of all processes for one spacecraft's step; two cores have 2,000,000 a second.
`grouped_mib` is the private memory of all of them together, without bus and ground. `busy_cores` is what everybody else
kept of this machine's cores while it was measured: a figure with much of it says little about Skyrack.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import zmq
import zmq.asyncio

HOUSE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(HOUSE))
sys.path.insert(0, str(HOUSE / "benchmarks"))

TARGET_TICKS_PER_S = 30.0
AIM_TICKS_PER_S = 60.0
TARGET_RATIO = 0.5
TARGET_START_S = 60.0
TARGET_PRIVATE_MIB = 96.0
TARGET_GROUPED_TICKS_PER_S = 5.0
GROUPED_TICKS = 60
BARRIER_TICKS = 200
SAMPLE = 10


async def empty(endpoint: str, name: str) -> None:
    """A process of the barrier: answers until it is told to end."""
    context = zmq.asyncio.Context()
    dealer = context.socket(zmq.DEALER)
    dealer.linger = 0
    dealer.routing_id = name.encode()
    dealer.connect(endpoint)
    await dealer.send(b"here")
    while (message := await dealer.recv()) != b"end":
        await dealer.send(message)
    context.destroy(linger=0)


async def barrier(processes: int, ticks: int) -> float:
    """Ticks a second of a bare barrier."""
    context = zmq.asyncio.Context()
    router = context.socket(zmq.ROUTER)
    router.linger = 1000
    plain: zmq.Socket[bytes] = zmq.Socket.shadow(router.underlying)  # the same socket, for draining without await
    port = router.bind_to_random_port("tcp://127.0.0.1")
    command = [sys.executable, __file__, "--empty", f"tcp://127.0.0.1:{port}"]
    children = [subprocess.Popen([*command, f"n{number}"]) for number in range(processes)]  # noqa: ASYNC220
    try:
        names = [(await router.recv_multipart())[0] for _ in children]
        start = 0.0
        for tick in range(-10, ticks):
            if tick == 0:
                start = perf_counter()
            for name in names:
                await router.send_multipart([name, b"x" * 100])
            missing = processes
            while missing:
                await router.recv_multipart()
                missing -= 1
                while missing:
                    try:
                        plain.recv_multipart(zmq.NOBLOCK)
                    except zmq.Again:
                        break
                    missing -= 1
        rate = ticks / (perf_counter() - start)
        for name in names:
            await router.send_multipart([name, b"end"])
        for child in children:
            child.wait(timeout=30)
    finally:
        for child in children:
            if child.poll() is None:
                child.kill()
        context.destroy(linger=0)
    return rate


def private_mib(pid: int) -> float:
    """Private memory of a process (clean and dirty), in MiB."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return sum(int(line.split()[1]) for line in rollup if line.startswith("Private_")) / 1024


def processor_s(pid: int) -> float:
    """Processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Watcher:
    """Hears the reports of a run: when the first tick was complete, what processor time the processes have had since,
    and once how large they are."""

    def __init__(self, run: Path, ticks: int) -> None:
        self._run, self._ticks, self._begun = run, ticks, perf_counter()
        self.start_s = 0.0
        self.sizes: list[float] = []
        self.total_mib = 0.0
        self._used: list[tuple[int, float]] = []

    @property
    def cpu_us_per_tick(self) -> float:
        """Processor time of all processes for one tick, between the first and the last look."""
        if len(self._used) < 2:
            return float("nan")
        (first, before_s), (last, after_s) = self._used[0], self._used[-1]
        return 1e6 * (after_s - before_s) / (last - first)

    def hear(self, who: str, report: dict[str, Any]) -> None:
        """One report of one process."""
        if report["report"] != "progress":
            return
        if not self.start_s:
            self.start_s = perf_counter() - self._begun
        pids = json.loads((self._run / "run.json").read_text(encoding="utf-8"))["pids"]
        if report["tick"] > 1 and (not self._used or report["tick"] > self._used[-1][0]):
            self._used = [*self._used[:1], (int(report["tick"]), sum(map(processor_s, pids.values())))]
        if not self.sizes and report["tick"] > self._ticks // 2:
            nodes = [pid for id, pid in sorted(pids.items()) if id not in ("bus", "ground")]
            self.sizes = [private_mib(pid) for pid in nodes[:: max(1, len(nodes) // SAMPLE)]]
            self.total_mib = sum(self.sizes) / len(self.sizes) * len(nodes)


def real(name: str, spacecraft: int, ticks: int, per_process: int = 1) -> dict[str, float]:
    """The range itself."""
    from in_process import enlarged  # noqa: PLC0415 - the barrier's processes must not load any of this

    from bus.sockets.keys import make_keys  # noqa: PLC0415
    from faults.run.compose import fly_in_process, prepare  # noqa: PLC0415
    from faults.run.processes import allow_descriptors, members  # noqa: PLC0415
    from faults.run.supervisor import Supervisor, supervise  # noqa: PLC0415
    from faults.run_directory import RunDirectory  # noqa: PLC0415
    from faults.scenarios.choose import find_scenario  # noqa: PLC0415
    from faults.scenarios.load import load  # noqa: PLC0415

    shipped = load(find_scenario(name))
    with tempfile.TemporaryDirectory() as path:  # the kernels are compiled before anything is measured
        fly_in_process(enlarged(shipped, 1, 3), RunDirectory(Path(path)))
    scenario = enlarged(shipped, spacecraft, ticks)
    with tempfile.TemporaryDirectory() as path:
        directory = RunDirectory(Path(path))
        prepare(directory, scenario, None)
        make_keys(directory.path / "keys", [each.id for each in scenario.spacecraft])
        allow_descriptors(spacecraft, per_process)
        bus, others = members(scenario, directory, "free", per_process)
        watcher = Watcher(directory.path, ticks)
        outcome = supervise(lambda: Supervisor(directory.path, bus, others, on_report=watcher.hear))
    if outcome.failure is not None:
        raise outcome.failure
    if not outcome.result.get("complete"):
        raise SystemExit(f"the run did not end in order: {outcome}")
    return {
        "ticks_per_s": (ticks - 1) / float(outcome.result["wall_s"]),
        "start_s": watcher.start_s,
        "private_mib": max(watcher.sizes, default=float("nan")),
        "total_mib": watcher.total_mib,
        "cpu_us": watcher.cpu_us_per_tick / spacecraft,
        "processes": float(len(others) - 1),
    }


class Others:
    """How many of this machine's cores are kept by processes that are not ours."""

    def __init__(self) -> None:
        self._begun, self._busy_s, self._own_s = perf_counter(), self._busy(), self._own()

    @staticmethod
    def _busy() -> float:
        user, nice, system, _, _, irq, soft = map(int, Path("/proc/stat").read_text(encoding="ascii").split()[1:8])
        return (user + nice + system + irq + soft) / os.sysconf("SC_CLK_TCK")

    @staticmethod
    def _own() -> float:
        used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(each.ru_utime + each.ru_stime for each in used)

    @property
    def cores(self) -> float:
        """Since this was made; call it when the children are gone."""
        others_s = self._busy() - self._busy_s - (self._own() - self._own_s)
        return max(0.0, others_s / (perf_counter() - self._begun))


def main() -> int:
    """Prints; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="quick", help="a shipped scenario or a file")
    parser.add_argument("--spacecraft", type=int, default=100, help="how many processes")
    parser.add_argument("--ticks", type=int, default=300, help="how many ticks")
    parser.add_argument("--grouped", type=int, default=1000, help="how many in groups; 0: none")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--empty", nargs=2, metavar=("ENDPOINT", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.empty:
        asyncio.run(empty(*options.empty))
        return 0
    others = Others()
    measured = real(options.scenario, options.spacecraft, options.ticks)
    many = together(options.scenario, options.grouped) if options.grouped else {}
    busy_cores = others.cores
    bare = asyncio.run(barrier(options.spacecraft, BARRIER_TICKS))
    ratio = measured["ticks_per_s"] / bare
    lines = [
        ("ticks_per_s", measured["ticks_per_s"], TARGET_TICKS_PER_S, f"ticks/s, {options.spacecraft} processes"),
        ("barrier_ticks_per_s", bare, None, "ticks/s of a bare asyncio barrier of as many processes"),
        ("ratio", ratio, TARGET_RATIO, "of the bare barrier"),
        ("start_s", measured["start_s"], -TARGET_START_S, "s from the first process to the first tick"),
        ("private_mib", measured["private_mib"], -TARGET_PRIVATE_MIB, "MiB private memory of a spacecraft process"),
    ]
    if many:
        what = f"{options.grouped} spacecraft in {many['processes']:.0f} processes"
        steps = many["ticks_per_s"] * options.grouped
        lines += [
            ("grouped_ticks_per_s", many["ticks_per_s"], TARGET_GROUPED_TICKS_PER_S, f"ticks/s, {what}"),
            ("grouped_node_steps_per_s", steps, None, "node-steps/s of them"),
            ("grouped_start_s", many["start_s"], -TARGET_START_S, "s from the first process to the first tick"),
            ("grouped_cpu_us", many["cpu_us"], None, "us of processor time for one of these steps, all processes"),
            ("grouped_mib", many["total_mib"], None, "MiB private memory of all of them"),
        ]
    lines.append(("busy_cores", busy_cores, None, f"of {os.cpu_count()} cores were kept by others meanwhile"))
    ok = all(bound is None or (value >= bound if bound > 0 else value <= -bound) for _, value, bound, _ in lines)
    figures = {
        "scenario": options.scenario, "spacecraft": options.spacecraft, "ticks": options.ticks,
        "grouped": options.grouped, **{name: round(value, 3) for name, value, _, _ in lines},
        **{f"target_{name}": abs(bound) for name, _, bound, _ in lines if bound is not None}, "ok": ok,
    }  # fmt: skip
    if options.json:
        print(json.dumps(figures))
        return 0 if ok else 1
    print(f"spacecraft, ground and bus over ZeroMQ, in lockstep; {options.ticks} ticks")
    for _, value, bound, words in lines:
        target = "" if bound is None else f" (target {'' if bound > 0 else 'at most '}{abs(bound):g})"
        print(f"  {value:9.2f} {words}{target}")
    return 0 if ok else 1


def together(name: str, spacecraft: int) -> dict[str, float]:
    """As `skyrack run` groups them on this machine."""
    from faults.run.groups import per_process_here  # noqa: PLC0415 - the barrier's processes must not load it

    return real(name, spacecraft, GROUPED_TICKS, per_process_here(spacecraft))


if __name__ == "__main__":
    raise SystemExit(main())
