"""Lockstep with one process per spacecraft: ticks a second of the real thing, and of the least that is still one.

    python benchmarks/lockstep.py [--scenario quick] [--spacecraft 100] [--ticks 300] [--json]

`ticks_per_s` is the whole range: plant, flight software, ground, director, CURVE, snapshots, journals, trace and
archive. `barrier_ticks_per_s`, measured in the same run, is an asyncio ROUTER/DEALER barrier (zmq.asyncio, one await
then a non-blocking drain) of as many processes that do nothing but answer 100 bytes. `start_s` is from the first
process to the first complete tick; `private_mib` the largest private memory of a spacecraft process (a sample of ten).
"""

from __future__ import annotations

import argparse
import asyncio
import json
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


class Watcher:
    """Hears the reports of a run: when the first tick was complete, and once how large the processes are."""

    def __init__(self, run: Path, ticks: int) -> None:
        self._run, self._ticks, self._begun = run, ticks, perf_counter()
        self.start_s = 0.0
        self.sizes: list[float] = []

    def hear(self, who: str, report: dict[str, Any]) -> None:
        """One report of one process."""
        if report["report"] != "progress":
            return
        if not self.start_s:
            self.start_s = perf_counter() - self._begun
        if not self.sizes and report["tick"] > self._ticks // 2:
            pids = json.loads((self._run / "run.json").read_text(encoding="utf-8"))["pids"]
            nodes = [pid for id, pid in sorted(pids.items()) if id not in ("bus", "ground")]
            self.sizes = [private_mib(pid) for pid in nodes[:: max(1, len(nodes) // SAMPLE)]]


def real(name: str, spacecraft: int, ticks: int) -> dict[str, float]:
    """The range itself."""
    from in_process import enlarged  # noqa: PLC0415 - the barrier's processes must not load any of this

    from bus.sockets.keys import make_keys  # noqa: PLC0415
    from faults.run.compose import fly_in_process, prepare  # noqa: PLC0415
    from faults.run.processes import members  # noqa: PLC0415
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
        bus, others = members(scenario, directory, "free")
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
    }


def main() -> int:
    """Prints; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="quick", help="a shipped scenario or a file")
    parser.add_argument("--spacecraft", type=int, default=100, help="how many processes")
    parser.add_argument("--ticks", type=int, default=300, help="how many ticks")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--empty", nargs=2, metavar=("ENDPOINT", "NAME"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.empty:
        asyncio.run(empty(*options.empty))
        return 0
    measured = real(options.scenario, options.spacecraft, options.ticks)
    bare = asyncio.run(barrier(options.spacecraft, BARRIER_TICKS))
    ratio = measured["ticks_per_s"] / bare
    ok = (
        measured["ticks_per_s"] >= TARGET_TICKS_PER_S
        and ratio >= TARGET_RATIO
        and measured["start_s"] <= TARGET_START_S
        and measured["private_mib"] <= TARGET_PRIVATE_MIB
    )
    figures = {
        "scenario": options.scenario,
        "spacecraft": options.spacecraft,
        "ticks": options.ticks,
        "ticks_per_s": round(measured["ticks_per_s"], 2),
        "barrier_ticks_per_s": round(bare, 2),
        "ratio": round(ratio, 3),
        "start_s": round(measured["start_s"], 2),
        "private_mib": round(measured["private_mib"], 1),
        "target_ticks_per_s": TARGET_TICKS_PER_S,
        "target_ratio": TARGET_RATIO,
        "target_start_s": TARGET_START_S,
        "target_private_mib": TARGET_PRIVATE_MIB,
        "ok": ok,
    }
    if options.json:
        print(json.dumps(figures))
        return 0 if ok else 1
    print(f"{options.spacecraft} spacecraft processes, ground and bus over ZeroMQ, {options.ticks} ticks in lockstep")
    for value, words in (
        (figures["ticks_per_s"], f"ticks/s (target {TARGET_TICKS_PER_S:g}, aim {AIM_TICKS_PER_S:g})"),
        (
            figures["barrier_ticks_per_s"],
            f"ticks/s of a bare asyncio barrier: {ratio:.2f} of it (target {TARGET_RATIO})",
        ),
        (figures["start_s"], f"s from the first process to the first tick (target {TARGET_START_S:g})"),
        (figures["private_mib"], f"MiB private memory of a spacecraft process (target {TARGET_PRIVATE_MIB:g})"),
    ):
        print(f"  {value:8} {words}")
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
