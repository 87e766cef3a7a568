"""Every procedure that ships, flown in virtual time on a spacecraft over real stations, to the end that it names."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest

from faults.run_directory import RunDirectory
from faults.scenarios.load import load_text
from groundstation.archive.reader import ArchiveReader
from groundstation.procedures.load import shipped
from node.fsw.software import on_board_parameters
from tests.kits.runs import fly_text

SCENARIO = """\
skyrack: 1
name: flown
epoch: 2026-06-21T00:00:00Z
duration: {duration}
tick: 5 s
seed: 7
environment: {{solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}}
spacecraft:
  - {{id: sc-1, design: pathfinder, orbit: {{sso: {{altitude: 650 km, ltan: "12:00", argument_of_latitude: 60 deg}}}},
     initial: {{{initial}}}}}
{others}stations: [svalbard, fairbanks, troll, awarua, singapore, kiruna, inuvik, hartebeesthoek]
timeline:
  - {{at: 1 min, procedure: {{name: {name}, spacecraft: {spacecraft}, arguments: {{{arguments}}}}}}}
{faults}expectations:
{expectations}
"""
OTHER = """\
  - {id: sc-2, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "12:00", argument_of_latitude: 61 deg}}}
"""
FLIP = "faults:\n  - {id: flip, fault: memory_bitflip, target: sc-1, at: 2 min, parameters: {word: 3, bit: 5}}\n"
PATCH = "address: 3, data: '3FF0000000000000'"


def flown(
    tmp_path: Path, name: str, arguments: str, duration: str, *expectations: str, initial: str = "battery_soc: 80 %",
    spacecraft: str = "sc-1", faults: str = "",
) -> tuple[str, dict[str, str], dict[str, Any]]:  # fmt: skip
    """The state in which the procedure ended, its log as step and outcome, and the summary."""
    sentences = "\n".join(f'  - "{text}"' for text in expectations or ("always sc-1.battery_soc > 20 %",))
    text = SCENARIO.format(
        duration=duration, initial=initial, name=name, spacecraft=spacecraft, arguments=arguments, faults=faults,
        expectations=sentences, others=OTHER if "sc-2" in spacecraft else "",
    )  # fmt: skip
    summary = fly_text(text, tmp_path)
    (run,) = summary["procedures"]
    assert [row["text"] for row in summary["expectations"] if row["verdict"] != "PASS"] == []
    return run["state"], {line["step"]: line["outcome"] for line in run["log"]}, summary


def test_first_contact_leads_out_of_leop(tmp_path: Path) -> None:
    state, log, _ = flown(
        tmp_path, "first-contact", "", "30 min", "within 10 s of telecommand sc-1.mode.set: sc-1.mode == NOMINAL",
        initial="mode: LEOP",
    )  # fmt: skip
    assert (state, log["telemetry mode"], log["telemetry mode equals NOMINAL"]) == ("COMPLETED", "LEOP", "NOMINAL")


def test_safe_mode_recovery_leads_out_of_safe(tmp_path: Path) -> None:
    state, log, _ = flown(
        tmp_path, "safe-mode-recovery", "charge: 60 %", "1 h",
        "within 10 s of telecommand sc-1.mode.set: sc-1.mode == NOMINAL", initial="mode: SAFE",
    )  # fmt: skip
    assert (state, log["telemetry payload_shed equals False"]) == ("COMPLETED", "False")


def test_battery_reconditioning_discharges_and_charges_the_real_battery(tmp_path: Path) -> None:
    state, log, _ = flown(
        tmp_path, "battery-reconditioning", "discharge_to: 70 %, charge_to: 90 %", "2 h 30 min",
        "eventually sc-1.battery_soc < 70 %", "eventually [60 min, 150 min] sc-1.battery_soc > 90 %",
        "always sc-1.mode == NOMINAL", "always sc-1.payload_shed == 0",
    )  # fmt: skip
    assert state == "COMPLETED"
    assert float(log["telemetry battery_soc below 0.7"]) < 0.7
    assert float(log["telemetry battery_soc above 0.9"]) > 0.9


def test_battery_reconditioning_stops_where_safe_begins(tmp_path: Path) -> None:
    state, log, summary = flown(
        tmp_path, "battery-reconditioning", "discharge_to: 21 %, charge_to: 90 %", "30 min",
        "always [5 min, 30 min] sc-1.payload_power_w > 100 W",
    )  # fmt: skip
    assert state == "FAILED"
    assert log["check 0.21 is above 0.2, where SAFE begins, by 0.02"] == "CheckFailed: does not hold"
    assert summary["telecommands"]["sent"] == 1  # it only asked for the limit


def test_payload_start_up_goes_up_in_steps_and_asks_for_the_last(tmp_path: Path) -> None:
    state, log, _ = flown(
        tmp_path, "payload-start-up", "power_w: 600 W, group: gpu, settle_s: 60 s", "90 min",
        "always [5 min, 6 min] sc-1.payload_power_w < 320 W",
    )  # fmt: skip
    assert state == "COMPLETED"
    assert log["ask Full power? [yes | no]"] == "nobody answered, yes"
    assert log["command payload.power_cap power_w=600.0"] == "COMPLETED"


def test_payload_start_up_ends_with_the_payload_off_where_dies_are_too_warm(tmp_path: Path) -> None:
    state, log, _ = flown(
        tmp_path, "payload-start-up", "power_w: 600 W, group: gpu, settle_s: 60 s, die_below_k: 250 K", "30 min",
        "within 10 s of telecommand sc-1.payload.off: sc-1.payload_power_w < 50 W",
    )  # fmt: skip
    assert state == "FAILED"
    assert log["command payload.off"] == "COMPLETED"


def test_accelerator_quarantine_takes_a_group_out(tmp_path: Path) -> None:
    state, log, _ = flown(tmp_path, "accelerator-quarantine", "group: gpu", "30 min")
    assert state == "COMPLETED"
    assert log["command payload.group group=gpu on=False"] == "COMPLETED"


def test_a_parameter_rolls_over_a_fleet(tmp_path: Path) -> None:
    state, log, summary = flown(
        tmp_path, "rolling-parameter-change",
        "parameter: power.shed_below_soc, value: 0.35, watch_s: 10 min", "1 h", spacecraft="[sc-1, sc-2]",
    )  # fmt: skip
    assert state == "COMPLETED"
    assert log["ask The other 1 too? [yes | no]"] == "nobody answered, yes"
    values = [(row["spacecraft"], row["value"]) for row in summary["parameters"]]
    assert values[-2:] == [("sc-1", 0.35), ("sc-2", 0.35)]


def test_a_schedule_is_uploaded_and_pauses_the_payload(tmp_path: Path) -> None:
    state, _, _ = flown(
        tmp_path, "schedule-upload", "pause_at_s: 1000 s, resume_at_s: 1200 s", "30 min",
        "always [1010 s, 1195 s] sc-1.payload_power_w < 50 W", "always [1300 s, 1800 s] sc-1.payload_power_w > 100 W",
    )  # fmt: skip
    assert state == "COMPLETED"


def test_a_contact_plan_is_uploaded_and_flown(tmp_path: Path) -> None:
    """Every contact that was planned is met, and the transmitter is off between them; nothing is lost by that."""
    state, log, summary = flown(tmp_path, "contact-plan-upload", "ahead_s: 6 h, switching: planned", "3 h")
    planned = sum(step.startswith("command plan.insert") for step in log)
    assert (state, log["command plan.transmitter switching=planned"]) == ("COMPLETED", "COMPLETED") and planned > 4
    archive = ArchiveReader(RunDirectory(tmp_path / "run").archive)
    latest = archive.latest("sc-1")
    met, missed = (latest[f"planned_contacts_{what}"][0] for what in ("met", "missed"))
    assert missed == 0.0 and planned - 2 <= met <= planned  # the last report is older than the last contact's end
    on = [value for _, value in archive.series("sc-1", "transmitter_ordered")]
    assert 0.3 < on.count(0.0) / len(on) < 0.9
    assert summary["telemetry"]["total"]["declared_lost"] == 0
    late = [value for at_ns, value in archive.series("sc-1", "load_power_w") if at_ns > 2600 * 10**9]
    assert min(late) < max(late)


def test_a_memory_patch_is_there_by_checksum_and_dump(tmp_path: Path) -> None:
    state, log, _ = flown(tmp_path, "memory-patch", PATCH, "10 min")
    assert state == "COMPLETED"
    assert log["command memory.dump address=3 length=1"] == "COMPLETED, 3ff0000000000000"
    assert log["command memory.check address=3 length=1"].startswith("COMPLETED, ")


def test_a_memory_patch_that_is_disturbed_stops_and_asks_and_is_taken_back(tmp_path: Path) -> None:
    """A bit flips between the load and the check: the checksum is another, and nobody answers."""
    state, log, _ = flown(tmp_path, "memory-patch", PATCH, "1 h", faults=FLIP)
    assert state == "FAILED"
    (asked,) = [step for step in log if step.startswith("ask Checksum")]
    assert log[asked] == "nobody answered, restore"
    before = struct.pack(">d", on_board_parameters()[3].default).hex()
    assert log["command memory.dump address=3 length=1"] == f"COMPLETED, {before}"
    assert log["check the patch is in place"] == "CheckFailed: does not hold"


FLOWN_HERE = {
    "first-contact", "safe-mode-recovery", "battery-reconditioning", "payload-start-up", "accelerator-quarantine",
    "rolling-parameter-change", "schedule-upload", "contact-plan-upload", "memory-patch",
}  # fmt: skip


def test_no_procedure_ships_that_is_not_flown_here() -> None:
    assert set(shipped()) == FLOWN_HERE


@pytest.mark.parametrize("name", sorted(FLOWN_HERE))
def test_a_typo_in_its_arguments_is_told_where_it_stands(name: str) -> None:
    text = SCENARIO.format(
        duration="10 min", initial="", name=name, spacecraft="sc-1", arguments="nonsense: 1", faults="", others="",
        expectations='  - "always sc-1.battery_soc > 20 %"',
    )  # fmt: skip
    with pytest.raises(Exception, match=r"timeline\[0\]\.procedure\.arguments\.nonsense"):
        load_text(text)
