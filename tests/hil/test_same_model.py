"""The same scenario with a device emulated and with our stub serving the same model from outside gives the same
telemetry, the declared latency aside; and a run with a device outside is flown again without it, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from bus.lockstep.in_process import InProcess, run_in_process
from bus.participant import Participant
from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from bus.trace.writer import TraceWriter
from bus.wire.codec import decode
from bus.wire.messages import Plane
from bus.wire.outside import DeviceReading, DeviceSample
from faults.commands.replay import replay
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.director import Director
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from node.assembly import outside_forms, wire
from node.config import resolve
from node.devices.device import Order, Reading
from node.devices.remote import LATENCY_TICKS
from node.devices.simulated import SimulatedDevice
from node.hil import language
from node.hil.device_party import DeviceParty
from node.hil.gateway import Gateway
from node.node import Node
from tests.kits.hil_kit import FakeBench, FakeLine, ModelBoard
from tests.kits.runs import TINY

DEVICES = ("pcdu", "thermal-controller")
TEXT = TINY.replace("duration: 60 s", "duration: 2 min").replace(
    "stations: [svalbard]",
    """stations: [svalbard]
timeline:
  - {at: 20 s, telecommand: {to: sc-1, name: mode.set, arguments: {mode: SAFE}}}
  - {at: 40 s, telecommand: {to: sc-1, name: power.lcl, arguments: {lcl: storage, "on": false}, confirmed: true}}
  - {at: 60 s, telecommand: {to: sc-1, name: thermal.heater, arguments: {heater: battery_heater, order: on}}}
faults:
  - {id: open-string, fault: string_open, target: sc-1, at: 30 s, for: 60 s, parameters: {string: 2}}""",
)


def scenario_of(devices: str = "") -> Scenario:
    text = TEXT.replace("    design: pathfinder\n", f"    design: pathfinder\n{devices}")
    return load_text(text, file="outside.yaml")


OUTSIDE = "    devices: {pcdu: {remote: 'tcp://127.0.0.1:5601', part: software, layout: fixed}, thermal-controller: {remote: 'udp://127.0.0.1:5602'}}\n"  # noqa: E501


class Delayed:
    """An emulated device whose readings come as late as those from outside, and whose orders act a tick later."""

    def __init__(self, inner: SimulatedDevice) -> None:
        self.inner = inner
        self._past: list[list[float]] = []
        self._orders: list[Order] = []
        self.name, self.side = inner.name, 0

    def sample(self) -> Reading:
        for order in self._orders:
            if order.what not in ("reset", "side"):
                self.inner.command(order)
        self._orders = []
        reading = self.inner.sample()
        self._past.append(reading.values.tolist())
        values = reading.values.copy()
        if len(self._past) > LATENCY_TICKS:
            values[:] = self._past.pop(0)
        return Reading(values, 0)

    def command(self, order: Order) -> None:
        self._orders.append(order)

    def save(self) -> bytes:
        return b""

    def restore(self, data: bytes) -> None:
        raise AssertionError("nobody restores it")


def emulated(scenario: Scenario) -> Node:
    config = resolve(scenario, "sc-1")
    parts = wire(config)
    for place, device in enumerate(parts.devices):
        if device.name in DEVICES:
            assert isinstance(device, SimulatedDevice)
            parts.devices[place] = Delayed(device)
    return Node(config, parts)


def fly(scenario: Scenario, everybody: list[Participant], path: Path) -> list[tuple[int, str, object]]:
    """The whole run; gives what `crossed`."""
    trace = TraceWriter(path, root.trace_header(scenario))
    run_in_process(root.conductor_of(scenario, history=False, lookahead=True), everybody, scenario.tick_ns, trace)
    return crossed(path)


def crossed(path: Path) -> list[tuple[int, str, object]]:
    """What crosses space, without the numbers that mail to devices takes as well, and the truth."""
    found: list[tuple[int, str, object]] = []
    with TraceReader(path) as reader:
        for record in reader:
            messages = [decode(frame) for frame in record.mail]
            found += [(m.sent_ns, m.source, m.body) for m in messages if m.plane is Plane.SPACE]
        times, values = reader.truth("sc-1")
        found.append((len(times), "truth", values.tobytes()))
    return found


def gateway(scenario: Scenario) -> tuple[Gateway, list[ModelBoard]]:
    bench, boards, parties = FakeBench(), [], []
    forms = {form.name: form for form in outside_forms("pathfinder")}
    for name, device in scenario.spacecraft[0].devices.items():
        board = ModelBoard(forms[name], scenario.seed, "sc-1", device.layout)
        boards.append(board)
        parties.append(DeviceParty("sc-1", forms[name], device, FakeLine(bench, board), tick_ns=scenario.tick_ns))
    made = Gateway(parties, bench)
    made.open()
    return made, boards


class Flown(NamedTuple):
    """A run with both devices outside, served by the very model."""

    directory: RunDirectory
    crossed: list[tuple[int, str, object]]
    boards: list[ModelBoard]
    gateway: Gateway


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    scenario = scenario_of(OUTSIDE)
    directory = create(scenario.name, tmp_path_factory.mktemp("outside") / "run")
    root.prepare(directory, scenario, "")
    made, boards = gateway(scenario)
    flown = root.fly_in_process(scenario, directory, participants=root.build_all(scenario, gateway=[made]))
    assert flown.failure is None, flown.failure
    conclude(directory, flown, mode="in-process", pace="free")
    return Flown(directory, crossed(directory.trace), boards, made)


def test_emulated_and_outside_give_the_same_telemetry(outside: Flown, tmp_path: Path) -> None:
    plain = scenario_of()
    expected = fly(plain, [emulated(plain), root.build_ground(plain), Director(plain)], tmp_path / "emulated.bin")
    assert len(expected) > 50
    assert outside.crossed == expected
    orders = [(w.what, w.value) for board in outside.boards for w in board.heard if isinstance(w, language.Order)]
    assert {("lcl", 0.0), ("heater", 1.0)} <= set(orders), "or this test says little of orders"
    assert [counts.misses for counts in outside.gateway.state.counts.values()] == [0, 0]


def test_without_the_latency_they_would_differ(outside: Flown, tmp_path: Path) -> None:
    """So that the comparison above can fail."""
    plain = scenario_of()
    assert fly(plain, root.build_all(plain), tmp_path / "at_once.bin") != outside.crossed


def test_a_run_with_devices_outside_is_flown_again_without_them(outside: Flown) -> None:
    heard = [len(board.heard) for board in outside.boards]
    result = replay(outside.directory.path, "sc-1")
    assert result.same and result.compared == 121, result
    assert [len(board.heard) for board in outside.boards] == heard


def test_the_trace_holds_what_crossed_the_seam(outside: Flown) -> None:
    with TraceReader(outside.directory.trace) as reader:
        bodies = [decode(frame).body for record in reader for frame in record.mail]
    samples = [body for body in bodies if isinstance(body, DeviceSample)]
    readings = [body for body in bodies if isinstance(body, DeviceReading)]
    # The last sample is delivered with the closing tick, in which the gateway hangs up; readings have a tick less.
    assert (len(samples), len(readings)) == (2 * 120, 2 * 119)
    assert {body.device for body in readings} == set(DEVICES)


def test_a_spacecraft_whose_process_is_lost_comes_back_and_nobody_can_tell(outside: Flown, tmp_path: Path) -> None:
    """Its mailboxes are part of its state; and whether ticks go out in twos is no matter either."""
    scenario = scenario_of(OUTSIDE)
    made, _ = gateway(scenario)
    trace = TraceWriter(tmp_path / "trace.bin", root.trace_header(scenario))
    session = InProcess(
        root.conductor_of(scenario), root.build_all(scenario, gateway=[made]), scenario.tick_ns, trace,
        rebuild=lambda id: root.build_node(scenario, id), snapshot_every_ticks=32,
    )  # fmt: skip
    session.begin()
    for _ in range(50):
        session.advance()
    session.accident("sc-1")
    session.go_on()
    with TraceReader(tmp_path / "trace.bin") as ours, TraceReader(outside.directory.trace) as theirs:
        assert ours.trace_hash() == theirs.trace_hash()
