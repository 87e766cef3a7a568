"""Flight software outside, in virtual time: a pilot that does as a script says, and a flight with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bus.scenario.model import Scenario
from bus.space_packets import Packet, cuc_of, read_telecommand_packet, request_id, telemetry_packet
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from node.assembly import software_form
from node.hil.gateway import Gateway
from node.hil.language import Cycle, Layout, Order, Reading, Telecommand, Telemetry, Word
from node.hil.software_party import SoftwareParty
from tests.kits.hil_kit import MS, Board, FakeBench, FakeLine
from tests.kits.runs import TINY

WORDS = """\
skyrack_dictionary: 1
apids: [100]
parameters:
  battery_soc: {type: float, unit: "1", description: State of charge}
  boots: {type: int}
structures:
  housekeeping: {id: 1, parameters: [battery_soc, boots], interval: 10 s}
  here: {id: 2, parameters: [], service: 17, subtype: 2}
events:
  payload_off: {id: 1, severity: low, arguments: {charge: {type: float, unit: "1"}}}
telecommands:
  ping: {service: 17, subtype: 1}
  payload.limit:
    {service: 8, subtype: 1, function: 1, arguments: {charge: {type: float, unit: "1", low: 0.0, high: 0.9}}}
"""


class Pilot(Board):
    """Says its charge every ten cycles, sheds the payload below a limit, and carries out telecommands."""

    apid = 100

    def __init__(self, design: str = "pathfinder", layout: Layout = "names", *, delay_ns: int = MS) -> None:
        form = software_form(design)
        super().__init__(form, layout, delay_ns=delay_ns)
        self.places = {channel.name: place for place, channel in enumerate(form.channels)}
        self.cycle = Cycle(0, 0, 0, 0)
        self.cycles: list[Cycle] = []
        self.readings: list[Reading] = []
        self.telecommands: list[Packet] = []
        self.count = 0
        self.shed = False

    def packet(self, service: int, subtype: int, data: bytes = b"") -> Telemetry:
        """The next one."""
        made = Packet(self.apid, self.count, service, subtype, data, cuc_of(self.cycle.obt_ns))
        self.count += 1
        return Telemetry(self.cycle.tick, telemetry_packet(made))

    def charge(self, reading: Reading) -> float:
        return reading.values[self.places["battery-monitor.battery_soc"]]

    def step(self, reading: Reading) -> Sequence[Word]:
        """What it does with what it reads."""
        import struct  # noqa: PLC0415

        if self.cycle.tick % 10:
            return []
        return [self.packet(3, 25, struct.pack(">Hdq", 1, self.charge(reading), self.cycle.boot))]

    def take(self, packet: bytes) -> Sequence[Word]:
        """What it does with a telecommand."""
        said = read_telecommand_packet(packet)
        self.telecommands.append(said)
        words: list[Word] = [self.packet(1, 1, request_id(packet)), self.packet(1, 7, request_id(packet))]
        if said.service == 8:
            words.append(Order(self.cycle.tick, "accelerators.enable", 0, 0.0))
        return words

    def other(self, word: Word) -> list[Word]:
        match word:
            case Cycle():
                if word.boot != self.cycle.boot:
                    self.count = 0
                self.cycle = word
                self.cycles.append(word)
            case Reading():
                self.readings.append(word)
                return list(self.step(word))
            case Telecommand():
                return list(self.take(word.packet))
            case _:
                pass
        return []


class Flown(NamedTuple):
    directory: RunDirectory
    summary: dict[str, Any]
    pilot: Pilot
    line: FakeLine

    @property
    def row(self) -> dict[str, Any]:
        (row,) = self.summary["devices_outside"]
        assert isinstance(row, dict)
        return row


def scenario_of(folder: Path, *, fsw: str = "", text: str = TINY) -> Scenario:
    """TINY with its flight software outside; `fsw`: more words about it."""
    (folder / "words.yaml").write_text(WORDS, encoding="utf-8")
    line = f"    fsw: {{remote: 'tcp://127.0.0.1:5601', timeout: 100 ms, dictionary: words.yaml{fsw}}}\n"
    changed = text.replace("    design: pathfinder\n", f"    design: pathfinder\n{line}")
    return load_text(changed, file=str(folder / "fsw.yaml"))


def fly(
    folder: Path,
    pilot: Pilot,
    scenario: Scenario | None = None,
    *,
    watch: Callable[[int, FakeLine], None] | None = None,
) -> Flown:
    """The scenario with this pilot; `watch` may do something to its line after each tick."""
    scenario = scenario or scenario_of(folder)
    bench = FakeBench()
    line = FakeLine(bench, pilot)
    one = scenario.spacecraft[0]
    party = SoftwareParty(one.id, software_form(one.design), one.devices["fsw"], line, tick_ns=scenario.tick_ns)
    gateway = Gateway([party], bench)
    gateway.open()
    directory = create(scenario.name, folder / "run")
    root.prepare(directory, scenario, "")

    def each(record: Any) -> None:
        bench.now += 300 * MS
        if watch is not None:
            watch(record.tick, line)

    everybody = root.build_all(scenario, gateway=[gateway])
    flown = root.fly_in_process(scenario, directory, participants=everybody, on_tick=each)
    assert flown.failure is None, flown.failure
    return Flown(directory, dict(conclude(directory, flown, mode="in-process", pace="free")), pilot, line)
