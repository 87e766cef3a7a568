"""Two spacecraft with optical terminals that look at each other, stepped by hand: their mail and beacons, no ground."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bus.participant import Moment, Outbox
from bus.scenario.model import Scenario
from bus.wire.codec import decode, encode
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Account, Message
from faults.scenarios.load import load
from node.config import resolve
from node.fsw.software import FlightSoftware
from node.node import Node, assemble

TEXT = """\
skyrack: 1
name: pair
epoch: 2026-03-21T00:00:00Z
duration: DURATION
tick: TICK
seed: 7
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
stations: []
spacecraft:
  - id: rack-1
    design: formation
    orbit: {sso: {altitude: 650 km, ltan: "18:00", argument_of_latitude: 0 deg}}
    peers: [rack-2]
JOBS_1
  - id: rack-2
    design: formation
    orbit: {sso: {altitude: 650 km, ltan: "18:00", argument_of_latitude: DISTANCE deg}}
    peers: [rack-1]
JOBS_2
"""
IDS = ("rack-1", "rack-2")


def scenario_of(folder: Path, *, jobs_1: str = "", jobs_2: str = "", tick: str = "1 s", distance: str = "0.01",
                duration: str = "2 h") -> Scenario:  # fmt: skip
    text = TEXT.replace("DURATION", duration).replace("TICK", tick).replace("DISTANCE", distance)
    text = text.replace("JOBS_1", jobs_1).replace("JOBS_2", jobs_2)
    (folder / "pair.yaml").write_text(text)
    return load(folder / "pair.yaml")


class Pair:
    """Mail goes through its bytes; `between` may do what it likes with the nodes before each tick."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.nodes: dict[str, Node] = {id: assemble(resolve(scenario, id)) for id in IDS}
        for node in self.nodes.values():  # as the telecommand isl.head would have it
            node.parts.plant.inputs["isl_command"][0, 0] = 1
        self.mail: dict[str, list[Message]] = {id: [] for id in IDS}
        self.beacons: dict[str, bytes] = {}
        self.tick = 0
        self.carried: list[IslFrame] = []

    def software(self, id: str) -> FlightSoftware:
        found = self.nodes[id].software
        assert found is not None, f"the computer of {id} is down"
        return found

    def step(self, *, closing: bool = False, host_up: bool = True) -> dict[str, Outbox]:
        dt = self.scenario.tick_ns
        out = {}
        for id, node in self.nodes.items():
            peers = {peer: self.beacons[peer] for peer in IDS if peer != id and peer in self.beacons}
            moment = Moment(self.tick, self.tick * dt, (self.tick + 1) * dt, peers, host_up, closing)
            out[id] = node.step(moment, self.mail[id])
        self.mail = {id: [] for id in IDS}
        for id in IDS:
            self.beacons[id] = out[id].beacon
            for message in out[id].messages:
                if message.destination in IDS:
                    self.carried.append(message.body)
                    self.mail[message.destination].append(decode(encode(message)))
        self.tick += 1
        return out

    def run(self, ticks: int, between: Callable[[], None] | None = None) -> Pair:
        for _ in range(ticks):
            if between is not None:
                between()
            self.step()
        return self

    def until(self, done: Callable[[], bool], most: int, between: Callable[[], None] | None = None) -> Pair:
        for _ in range(most):
            if done():
                return self
            self.run(1, between)
        raise AssertionError(f"not within {most} ticks")

    def truth(self, id: str, name: str) -> float:
        return float(self.nodes[id].parts.plant.read(name))

    def locked(self) -> bool:
        return all(self.truth(id, "isl_state[fore]") == 4 for id in IDS)

    def accounts(self) -> dict[str, dict[str, float]]:
        """The final ones: what is on its way is heard first."""
        found = {}
        for id, out in self.step(closing=True).items():
            (account,) = [message.body for message in out.messages if isinstance(message.body, Account)]
            found[id] = dict(account.counters)
        return found
