"""How many node-steps a second one process flies, with ground, director, trace and archive on.

    python benchmarks/in_process.py [--scenario quick] [--spacecraft 3] [--ticks 3000] [--json]

`node_steps_per_s` counts spacecraft times ticks over the time from the first Tick to the end. `bus_us` is what one
participant-tick costs in the bus alone (encode, order, decode, trace), measured in the same run with participants that
do nothing but answer. `no_op_node_steps_per_s` is the same run with flight software that reads nothing and says
nothing: what is between the two is what flight software and its telemetry cost. One core: nothing runs in parallel.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bus.dictionary import Dictionary
from bus.lockstep.conductor import Conductor
from bus.lockstep.in_process import run_in_process
from bus.lockstep.sessions import Bounds
from bus.participant import Moment, Outbox
from bus.scenario.model import Scenario
from bus.trace.writer import TraceWriter
from bus.wire.messages import Message
from faults.run.compose import build_all, fly_in_process, participant_plans, trace_header
from faults.run_directory import RunDirectory
from faults.scenarios.choose import find_scenario
from faults.scenarios.flight_software import with_own
from faults.scenarios.load import load
from node.devices.device import DeviceForm, Reading
from node.devices.equipment import Equipment
from node.devices.nvm import NonVolatileMemory
from node.fsw.protocol import Board, BootRecord, Cycle, Software
from node.own_software import allow

TARGET_NODE_STEPS_PER_S = 5000.0
TARGET_BUS_US = 40.0
WARM_UP_TICKS = 5  # compiles or loads the kernels, outside the measured time


class NoOp(Software):
    """Flight software that does nothing, through the seam of anybody's own."""

    @staticmethod
    def declare(equipment: Equipment, devices: tuple[DeviceForm, ...]) -> Dictionary:
        """It says and understands nothing."""
        return Dictionary(
            design=equipment.design, parameters=(), structures=(), events=(), telecommands=(), codes={}
        )  # fmt: skip

    def __init__(self, board: Board, nvm: NonVolatileMemory, boot: BootRecord) -> None:
        """Nothing to begin with."""

    def step(self, obt_ns: int, readings: Sequence[Reading], uplink: Sequence[Message]) -> Cycle:
        """One cycle."""
        return Cycle(())

    def save(self) -> bytes:
        """Nothing to save."""
        return b""

    def restore(self, data: bytes) -> None:
        """Nothing to restore."""


def without_software(scenario: Scenario) -> Scenario:
    """The same scenario; everybody flies `NoOp`, which needs no ground signals of its own."""
    name = f"{Path(__file__).stem}:{NoOp.__name__}"
    allow(f"{Path(__file__).resolve().parent}/{name}")
    designs = {one.design: with_own(name, one.design) for one in scenario.spacecraft}
    fleet = tuple(one.model_copy(update={"design": designs[one.design]}) for one in scenario.spacecraft)
    return scenario.model_copy(update={"spacecraft": fleet})


@dataclass
class Silent:
    """Answers with a truth sample and a beacon of the usual size, and no mail."""

    id: str

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick."""
        return Outbox(truth=b"\x00" * 160, beacon=b"\x00" * 88)

    def save(self) -> bytes:
        """Nothing to save."""
        return b""

    def restore(self, snapshot: bytes) -> None:
        """Nothing to restore."""


def enlarged(scenario: Scenario, count: int, ticks: int) -> Scenario:
    """The scenario with `count` spacecraft (its own, again and again under new names) and without judgement."""
    own = scenario.spacecraft
    fleet = [own[n % len(own)].model_copy(update={"id": f"sat-{n}", "peers": ()}) for n in range(count)]
    signals = {f"sat-{n}": scenario.truth_signals.get(own[n % len(own)].id, ()) for n in range(count)}
    changes = {
        "spacecraft": tuple(fleet), "truth_signals": signals, "timeline": (), "faults": (), "expectations": (),
        "duration_ns": ticks * scenario.tick_ns,
    }  # fmt: skip
    return scenario.model_copy(update=changes)


def fly(scenario: Scenario) -> float:
    """Seconds of wall time for the ticks of the scenario."""
    with tempfile.TemporaryDirectory() as path:
        participants = build_all(scenario)
        flown = fly_in_process(scenario, RunDirectory(Path(path)), participants=participants)
    if flown.failure is not None:
        raise flown.failure
    return flown.wall_s


def bus_alone_us(scenario: Scenario) -> float:
    """Microseconds per participant-tick with participants that do nothing."""
    plans = participant_plans(scenario)
    best = float("inf")
    for _ in range(3):
        conductor = Conductor(plans, scenario.ticks, scenario.tick_ns, bounds=Bounds(history_ticks=0))
        with tempfile.TemporaryDirectory() as path:
            trace = TraceWriter(Path(path) / "trace.bin", trace_header(scenario))
            start = perf_counter()
            run_in_process(conductor, [Silent(plan.id) for plan in plans], scenario.tick_ns, trace)
            best = min(best, perf_counter() - start)
    return best / (scenario.ticks + 1) / len(plans) * 1e6


def main() -> int:
    """Prints; exit status 1 if a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scenario", default="quick", help="a shipped scenario or a file")
    parser.add_argument("--spacecraft", type=int, default=3, help="how many fly")
    parser.add_argument("--ticks", type=int, default=3000, help="how many ticks each")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    options = parser.parse_args()
    scenario = load(find_scenario(options.scenario))
    fly(enlarged(scenario, options.spacecraft, WARM_UP_TICKS))
    measured = enlarged(scenario, options.spacecraft, options.ticks)
    wall_s = min(fly(measured) for _ in range(2))
    no_op_s = min(fly(without_software(measured)) for _ in range(2))
    bus_us = bus_alone_us(measured)
    rate = options.spacecraft * options.ticks / wall_s
    ok = rate >= TARGET_NODE_STEPS_PER_S and bus_us <= TARGET_BUS_US
    figures = {
        "scenario": options.scenario,
        "spacecraft": options.spacecraft,
        "ticks": options.ticks,
        "wall_s": round(wall_s, 3),
        "node_steps_per_s": round(rate, 1),
        "no_op_node_steps_per_s": round(options.spacecraft * options.ticks / no_op_s, 1),
        "target_node_steps_per_s": TARGET_NODE_STEPS_PER_S,
        "bus_us": round(bus_us, 2),
        "target_bus_us": TARGET_BUS_US,
        "ok": ok,
    }
    if options.json:
        print(json.dumps(figures))
    else:
        print(f"{options.spacecraft} spacecraft, ground and director, {options.ticks} ticks, trace and archive on")
        print(f"  {rate:10,.0f} node-steps/s on one core (target {TARGET_NODE_STEPS_PER_S:,.0f})")
        print(f"  {figures['no_op_node_steps_per_s']:10,.0f} with flight software that does nothing")
        print(f"  {bus_us:10.1f} us per participant-tick in the bus (target {TARGET_BUS_US:g})")
    return 0 if ok else 1


if __name__ == "__main__":
    raise SystemExit(main())
