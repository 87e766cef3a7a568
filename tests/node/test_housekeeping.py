"""Structures that the ground makes in flight: bounded, kept, and read on the ground by what the spacecraft tells."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from bus.dictionary import Structure
from bus.errors import ScenarioError
from bus.own_structures import OwnStructures
from bus.pus import Code, Service, Stage
from bus.telecommand_check import check_telecommand
from bus.wire.messages import Telemetry, Verification
from groundstation.archive.reader import ArchiveReader
from node.fsw.services.st03_housekeeping import DIAGNOSTIC, MOST_PARAMETERS, NUMBERS, OWN, Housekeeping
from tests.kits.fake_spacecraft import Flight
from tests.kits.runs import TINY, fly, skyrack

HOST = 4


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.fly(3)
    return flight


def housekeeping(flight: Flight) -> Housekeeping:
    software = flight.node.software
    assert software is not None
    return software.housekeeping


def ends(flight: Flight) -> list[Code]:
    last = {v.request: Code(v.code) for v in flight.bodies(Verification) if v.stage >= Stage.COMPLETED or v.stage == 2}
    return [last[request] for request in sorted(last)]


def packets(flight: Flight) -> list[tuple[Structure, dict[str, float]]]:
    """What the ground reads of the structures made in flight."""
    known, own = flight.dictionary, OwnStructures()
    heard = [t for t in flight.bodies(Telemetry) if t.stream == Service.HOUSEKEEPING]
    for packet in heard:
        own.hear(known, packet.structure, packet.values)
    assert own.left_out == 0
    found = [(own.find(known, t.structure), t.values) for t in heard if t.structure not in known.structure]
    return [(form, dict(zip(form.parameters, values, strict=True))) for form, values in found if form is not None]


def test_a_structure_is_made_enabled_and_read(flight: Flight) -> None:
    flight.command("housekeeping.create", structure="own.1", interval_s=5.0, parameters="battery_soc, mode,boot_count")
    flight.fly(20)
    assert packets(flight) == [] and housekeeping(flight).state.own_structures == 1
    flight.command("housekeeping.enable", structure="own.1")
    flight.fly(21)
    read = packets(flight)
    assert len(read) == 4 and ends(flight) == [Code.NONE, Code.NONE]
    form, values = read[-1]
    assert form.parameters == ("battery_soc", "mode", "boot_count") and form.name.startswith("own.1.")
    assert values["battery_soc"] == pytest.approx(0.9, abs=0.05) and (values["mode"], values["boot_count"]) == (1, 1)
    flight.command("housekeeping.interval", structure="own.1", interval_s=1.0)
    flight.fly(11)
    assert len(packets(flight)) - len(read) == 10
    flight.command("housekeeping.disable", structure="own.1")
    flight.command("housekeeping.one_shot", structure="own.1")
    before = len(packets(flight))
    flight.fly(10)
    assert len(packets(flight)) - before == 1


def test_a_diagnostic_structure_comes_in_every_cycle(flight: Flight) -> None:
    flight.command("diagnostic.create", structure="diagnostic.2", interval_s=1.0, parameters="main_bus_voltage_v")
    flight.command("diagnostic.append", structure="diagnostic.2", parameters="cycle")
    flight.command("diagnostic.enable", structure="diagnostic.2")
    flight.fly(12)
    cycles = [int(values["cycle"]) for form, values in packets(flight) if form.subtype == 26]
    assert len(cycles) >= 10 and cycles == list(range(cycles[0], cycles[0] + len(cycles)))
    flight.command("diagnostic.disable", structure="diagnostic.2")
    flight.command("diagnostic.one_shot", structure="diagnostic.2")
    flight.command("diagnostic.interval", structure="diagnostic.2", interval_s=60.0)
    flight.command("diagnostic.describe", structure="diagnostic.2")
    flight.command("diagnostic.delete", structure="diagnostic.2")
    flight.fly(3)
    assert set(ends(flight)) == {Code.NONE} and housekeeping(flight).state.own == {}


def test_what_is_changed_gets_a_new_number_so_that_nothing_old_is_read_by_it(flight: Flight) -> None:
    flight.command("housekeeping.create", structure="own.3", interval_s=2.0, parameters="battery_soc")
    flight.command("housekeeping.enable", structure="own.3")
    flight.fly(5)
    flight.command("housekeeping.append", structure="own.3", parameters="payload_power_w")
    flight.fly(5)
    flight.command("housekeeping.disable", structure="own.3")
    flight.command("housekeeping.delete", structure="own.3")
    flight.command("housekeeping.create", structure="own.3", interval_s=2.0, parameters="cycle,mode")
    flight.command("housekeeping.enable", structure="own.3")
    flight.fly(5)
    read = [form.parameters for form, _ in packets(flight)]
    assert set(read) == {("battery_soc",), ("battery_soc", "payload_power_w"), ("cycle", "mode")}
    assert len({form.id for form, _ in packets(flight)}) == 3
    for form, values in packets(flight):
        if "mode" in form.parameters:
            assert values["mode"] == 1 and values["cycle"] > 10


def test_until_all_of_a_structure_is_told_its_packets_are_not_read(flight: Flight) -> None:
    flight.command("housekeeping.create", structure="own.1", interval_s=2.0, parameters="battery_soc,mode")
    flight.command("housekeeping.enable", structure="own.1")
    flight.fly(8)
    heard = [t for t in flight.bodies(Telemetry) if t.stream == Service.HOUSEKEEPING]
    reports = [t for t in heard if t.structure == Housekeeping.STRUCTURE.id]
    data = next(t for t in heard if t.structure not in flight.dictionary.structure)
    own = OwnStructures()
    for report in (reports[1], reports[0]):  # whatever the order
        assert own.find(flight.dictionary, data.structure) is None
        own.hear(flight.dictionary, report.structure, report.values)
    found = own.find(flight.dictionary, data.structure)
    assert found is not None and found.parameters == ("battery_soc", "mode")


def test_they_survive_a_reboot_and_a_restored_snapshot(flight: Flight) -> None:
    flight.command("housekeeping.create", structure="own.8", interval_s=4.0, parameters="cycle")
    flight.command("housekeeping.enable", structure="own.8")
    flight.fly(6)
    twin = Flight(contact=True)
    twin.node.restore(flight.node.save())
    assert housekeeping(twin).state == housekeeping(flight).state
    flight.inject(HOST, "computer", "reboot")
    flight.fly(30)
    booted = [values["cycle"] for _, values in packets(flight)]
    assert booted[-6:] == [4, 8, 12, 16, 20, 24]  # counted anew from the boot, by the same definition


def test_number_size_and_rate_are_bounded(flight: Flight) -> None:
    pool = [p.name for p in flight.dictionary.parameters[:80] if len(p.name) < 30]
    some = [",".join(pool[8 * i : 8 * i + 8]) for i in range(5)]
    flight.command("diagnostic.create", structure="diagnostic.1", interval_s=0.05, parameters=some[0])
    for more in some[1:4]:
        flight.command("diagnostic.append", structure="diagnostic.1", parameters=more)
    flight.fly(2)
    assert ends(flight) == [Code.NONE] * 4
    assert len(housekeeping(flight).state.own[len(OWN)].parameters) == MOST_PARAMETERS
    flight.command("diagnostic.append", structure="diagnostic.1", parameters=some[4])
    flight.command("diagnostic.enable", structure="diagnostic.1")  # 640 values a second
    flight.command("diagnostic.interval", structure="diagnostic.1", interval_s=1.0)
    flight.command("diagnostic.enable", structure="diagnostic.1")
    flight.command("diagnostic.interval", structure="diagnostic.1", interval_s=0.1)
    flight.command("diagnostic.create", structure="diagnostic.1", interval_s=1.0, parameters="mode")
    flight.command("diagnostic.delete", structure="diagnostic.1")
    flight.command("housekeeping.delete", structure="own.2")
    flight.command("housekeeping.create", structure="own.2", interval_s=1.0, parameters="mode,mode")
    flight.fly(3)
    assert ends(flight)[4:] == [
        Code.FULL, Code.FULL, Code.NONE, Code.NONE, Code.FULL, Code.REFUSED_BY_STATE, Code.REFUSED_BY_STATE,
        Code.REFUSED_BY_STATE, Code.WRONG_ARGUMENT,
    ]  # fmt: skip
    assert 20_000 + NUMBERS * (len(OWN) + len(DIAGNOSTIC)) <= 65_535


def test_the_ground_refuses_an_unknown_parameter_with_its_like(flight: Flight) -> None:
    arguments = {"structure": "own.1", "interval_s": 5.0, "parameters": "mode, batery_soc"}
    with pytest.raises(ScenarioError) as caught:
        check_telecommand(flight.dictionary, "housekeeping.create", arguments)
    (mistake,) = caught.value.mistakes
    assert (mistake.field, mistake.found) == (
        "arguments.parameters",
        "'batery_soc'",
    ) and "battery_soc" in mistake.allowed
    arguments["parameters"] = ",".join(["mode"] * 60)
    with pytest.raises(ScenarioError) as caught:
        check_telecommand(flight.dictionary, "housekeeping.create", arguments)
    assert caught.value.mistakes[0].allowed == "at most 256 characters"


def test_archive_and_export_show_the_values(tmp_path: Path) -> None:
    scenario = tmp_path / "own.yaml"
    scenario.write_text(
        TINY.replace("duration: 60 s", "duration: 100 s")
        + """timeline:
  - at: 5 s
    telecommand:
      to: sc-1
      name: housekeeping.create
      arguments: {structure: own.1, interval_s: 5 s, parameters: "thermal_temperature_k.battery, memory_corrected"}
  - {at: 6 s, telecommand: {to: sc-1, name: housekeeping.enable, arguments: {structure: own.1}}}
  - {at: 7 s, telecommand: {to: sc-1, name: housekeeping.disable, arguments: {structure: software}}}
"""
    )
    out = tmp_path / "out"
    fly(out, scenario, "--in-process")
    reader = ArchiveReader(out / "archive.sqlite")
    own = [form for number, form in reader.structures("sc-1").items() if number >= 20_000]
    assert [form.parameters for form in own] == [("thermal_temperature_k.battery", "memory_corrected")]
    assert len(reader.series("sc-1", "memory_corrected")) >= 10
    assert reader.latest("sc-1")["memory_corrected"][0] == 0.0
    assert skyrack("export", out, "--to", "csv", "--out", tmp_path / "tables").returncode == 0
    with (tmp_path / "tables" / "telemetry.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.reader(file) if row[4] == "memory_corrected"]
    assert len(rows) == len(reader.series("sc-1", "memory_corrected"))
