"""Laws of onset as scenarios write them: what they become, what is refused where, and a flight in which all act."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ScenarioError
from bus.onset import Law, compiled
from bus.scenario.model import Fault, Scenario
from faults.run.compose import fly_in_process, prepare
from faults.run.director import following, plan
from faults.run.known import injections_of_run
from faults.run_directory import create
from faults.scenarios.load import load_text
from faults.scenarios.onset import NAMED, condition_of, read_rate
from faults.scenarios.vocabulary import names_of
from tests.kits.runs import TINY

TWO = TINY.replace(
    "stations:",
    """\
  - id: sc-2
    design: pathfinder
    orbit: {sso: {altitude: 650 km, ltan: "12:00", argument_of_latitude: 85 deg}}
stations:""",
)


def scenario(*faults: str, duration: str = "120 s") -> Scenario:
    text = TWO.replace("duration: 60 s", f"duration: {duration}")
    return load_text(text + "faults:\n" + "".join(f"  - {{{fault}}}\n" for fault in faults), file="s.yaml")


def one(fault: str) -> tuple[Fault, Law]:
    found = scenario(f"id: x, fault: string_open, target: sc-1, parameters: {{string: 0}}, {fault}").faults[0]
    return found, Law.of(found.laws[0]) if found.laws else Law()


def test_what_stands_in_a_file_becomes_a_law() -> None:
    fault, law = one("at: 20 s, for: 5 s")
    assert law == Law() and not fault.laws and (fault.at_s, fault.until_s) == (20.0, 25.0)
    fault, law = one(
        'when: "battery_soc < 40 % and mode == SAFE", window: [20 s, 100 s], delay: 5 s, for: 10 s, times: 3'
    )
    assert law == Law(when="battery_soc 0.4 < mode 2.0 == and", times=3, delay_ns=5 * 10**9, length_ns=10 * 10**9) and (
        fault.at_s,
        fault.closes_s,
    ) == (20.0, 100.0)
    _, law = one("when: eclipse_entry")
    assert law == Law(when="illumination_fraction 0.5 <", edge=True, times=1)
    _, law = one("rate: 7.2/h, for: 2 s, each: true")
    assert law == Law(rate_per_s=0.002, each=True, length_ns=2 * 10**9)
    _, law = one("at: 10 s, intermittent: {on: 5 s, off: 7 s, drawn: true}, clear: battery_soc > 90 %")
    assert law == Law(on_ns=5 * 10**9, off_ns=7 * 10**9, drawn=True, clear="battery_soc 0.9 >")


@pytest.mark.parametrize(
    ("written", "rate", "drive"),
    [
        ("2/Gy", 2.0, "dose_rate_gy_s"),
        ("2 / rad(Si)", 200.0, "dose_rate_gy_s"),
        ("0.5/orbit", 1e-4, ""),
        ("1/d", 1 / 86400, ""),
        ("1e-6 cm2", 1e-6, "proton_flux_10mev_cm2_s"),
        ("1e-6 cm2 above 100 MeV", 1e-6, "proton_flux_100mev_cm2_s"),
    ],
)
def test_a_rate_is_per_time_per_dose_or_a_cross_section(written: str, rate: float, drive: str) -> None:
    found, drives = read_rate(written, 5000.0)
    assert (found, drives) == (pytest.approx(rate), drive)


@pytest.mark.parametrize("name", NAMED)
def test_every_named_condition_reads_truth_that_there_is(name: str) -> None:
    names = names_of({"sc-1": "pathfinder"}, ())
    condition, _, whose = condition_of(name, replace(names, own="sc-1"))
    assert whose == "sc-1"
    assert compiled(condition, lambda one: lambda: 0.0)() in (True, False)


@pytest.mark.parametrize(
    ("fault", "field", "found", "allowed"),
    [
        ("target: sc-1", "at", "nothing", "one of at, when, rate, follows"),
        ("target: sc-1, at: 1 s, when: eclipse_entry", "when", "at and when together", "one of at, when"),
        ("target: sc-1, when: eclipse_entri", "when", "eclipse_entri", "eclipse_entry"),
        ("target: sc-1, when: batery_soc < 4 %", "when", "batery_soc", "battery_soc"),
        ("target: sc-1, when: battery_soc < 4 K", "when", "4 K", "a fraction"),
        ("target: sc-1, when: mode == SAVE", "when", "SAVE", "SAFE"),
        ("target: sc-1, when: sc-3.mode == SAFE", "when", "sc-3", "sc-1"),
        ("target: sc-1, when: sc-1.mode == sc-2.mode", "when", "sc-1, sc-2", "one spacecraft"),
        ("target: sc-1, rate: often", "rate", "often", "a rate such as"),
        ("target: sc-1, rate: 0/h", "rate", "0/h", "a rate such as"),
        ("target: sc-1, rate: 1 cm2 above 50 MeV", "rate", "50", "above 10, 30, 100 MeV"),
        ("target: sc-1, follows: y", "follows", "y", "the id of another fault"),
        ("target: sc-1, follows: x", "follows", "x after x", "does not follow this one"),
        ("target: sc-1, at: 5 s, delay: 3 s", "delay", "delay with at", "when, rate or follows"),
        ("target: sc-1, rate: 1/h, until: 50 s", "until", "until with rate", "for"),
        ("target: sc-1, when: in_eclipse, window: [50 s, 20 s]", "window[1]", "20 s", "51 s or later"),
        ("target: sc-1, when: in_eclipse, window: [50 s]", "window", "a list of 1", "at least 2"),
        ("target: sc-1, when: in_eclipse, each: true", "each", "each with when", "a rate"),
        ("target: sc-1, at: 5 s, clear: sc-2.mode == SAFE", "clear", "sc-2", "sc-1"),
        ("target: sc-1, at: 5 s, intermittent: {on: 0 s, off: 5 s}", "intermittent.on", "0 s", "1 s or longer"),
        ("target: sc-1, at: 5 s, ramp: {parameter: string, from: 0, to: 1, over: 9 s}", "ramp", "member", "none"),
        ("target: 'sx-*', at: 5 s", "target", "sx-*", "a spacecraft"),
    ],
)
def test_mistakes_are_told_where_they_stand(fault: str, field: str, found: str, allowed: str) -> None:
    parameters = "" if "ramp" in fault else ", parameters: {string: 0}"
    with pytest.raises(ScenarioError) as error:
        scenario(f"id: x, fault: string_open, {fault}{parameters}")
    mistake = error.value.mistakes[0]
    assert mistake.field == f"faults[0].{field}" and mistake.line > 0
    assert found in mistake.found and allowed in mistake.allowed


def test_an_instant_fault_has_no_course_and_a_ramp_needs_two_ends() -> None:
    with pytest.raises(ScenarioError, match="over at once"):
        scenario("id: x, fault: reboot, target: sc-1, at: 5 s, clear: mode == SAFE")
    for wrong in ("from: 50 %, to: 50 %", "from: 50 %, to: 200 %", "from: 5 K, to: 10 %"):
        with pytest.raises(ScenarioError):
            scenario(
                "id: x, fault: string_degraded, target: sc-1, at: 5 s, parameters: {string: 0}, "
                f"ramp: {{parameter: remaining, {wrong}, over: 10 s}}"
            )


def test_what_never_comes_is_warned_of() -> None:
    late = scenario(
        "id: x, fault: string_open, target: sc-1, when: in_eclipse, window: [200 s, 300 s], parameters: {string: 0}"
    )
    assert any("never happens" in warning for warning in late.warnings)


def test_one_entry_strikes_parts_and_a_plane_together() -> None:
    found = scenario("id: x, fault: string_open, target: 'sc-*', rate: 1/h, parameters: {string: [0, 2]}").faults
    assert [fault.target for fault in found] == ["sc-1", "sc-2"]
    assert [place for _, place, _, _ in found[0].primitives] == ["string_health[string_1]", "string_health[string_3]"]
    assert len({law.items().__str__() for fault in found for law in fault.laws}) == 1


ALL = (
    "id: level, fault: string_open, target: sc-1, when: in_sunlight, delay: 5 s, for: 4 s, parameters: {string: 0}",
    "id: chance, fault: string_open, target: all, rate: 120/h, for: 3 s, parameters: {string: [1, 2]}",
    "id: both, fault: string_open, target: all, when: sc-1.illumination_fraction > 0.1, delay: 9 s, for: 5 s, "
    "parameters: {string: 3}",
    "id: after, fault: string_open, target: sc-2, follows: both, delay: 10 s, for: 7 s, parameters: {string: 4}",
    "id: grow, fault: string_degraded, target: sc-2, at: 20 s, ramp: {parameter: remaining, from: 100 %, to: 0 %, "
    "over: 40 s}, parameters: {string: 4}",
    "id: rhythm, fault: string_open, target: sc-2, at: 20 s, until: 90 s, intermittent: {on: 10 s, off: 10 s}, "
    "parameters: {string: 5}",
    "id: never, fault: string_open, target: sc-2, when: mode == SURVIVAL, parameters: {string: 6}",
)


def test_who_follows_leaves_later_and_who_watches_leaves_to_the_watched() -> None:
    flown = scenario(*ALL)
    assert {(item.target, item.injection.injection) for item in plan(flown)} == {
        ("sc-1", "level"), ("sc-1", "chance.0"), ("sc-1", "chance.1"), ("sc-2", "chance.0"), ("sc-2", "chance.1"),
        ("sc-1", "both.watch"), ("sc-2", "grow"), ("sc-2", "rhythm"), ("sc-2", "never"),
    }  # fmt: skip
    followed = following(flown)
    assert {cause: [one.fault for one in ones] for cause, ones in followed.items()} == {
        "both.watch": ["both"], "both": ["after"],
    }  # fmt: skip


def flown_truth(folder: Path) -> tuple[str, dict[tuple[str, str], Any], Any]:
    from faults.recording.read import read_recording  # noqa: PLC0415

    text = TWO.replace("duration: 60 s", "duration: 120 s") + "faults:\n" + "".join(f"  - {{{one}}}\n" for one in ALL)
    flying = load_text(text, file="s.yaml")
    directory = create("laws", folder)
    prepare(directory, flying, text)
    assert fly_in_process(flying, directory).failure is None
    recording = read_recording(directory)
    return recording.trace_hash, dict(recording.signals), recording


def test_all_laws_act_in_a_flight(tmp_path: Path) -> None:
    _, signals, recording = flown_truth(tmp_path / "run")
    at = {(fault.id, fault.target): (fault.at_s, fault.cleared_s) for fault in recording.faults}
    assert at["level", "sc-1"] == (6.0, 10.0)  # seen at the first tick that it waits, the second of all
    assert at["both", "sc-1"] == at["both", "sc-2"] == (12.0, 17.0)  # watched on one: two ticks later on all
    assert at["after", "sc-2"] == (22.0, 29.0)
    assert at["never", "sc-2"] == (None, None)
    assert at["chance.0", "sc-1"] == at["chance.1", "sc-2"] != (None, None)
    rows = injections_of_run(recording)
    assert {row["id"] for row in rows if row["verdict"] == "INCONCLUSIVE"} == {"never"}
    chances = [row["activated"]["at_s"] for row in rows if (row["id"], row["target"]) == ("chance", "sc-1")]
    assert chances == [row["activated"]["at_s"] for row in rows if (row["id"], row["target"]) == ("chance", "sc-2")]
    assert len(chances) > 1 and len(chances) == rows[1]["strikes"]  # each strike is a row, of both parts together
    share = signals["sc-2", "string_health[string_5]"]
    assert share[60 + 10] == 0.0 and share[40] == pytest.approx(0.5)
    on = signals["sc-2", "string_health[string_6]"]
    assert (
        "".join("#" if value == 0.0 else "." for value in on)[20:95] == "#" * 10 + ("." * 10 + "#" * 10) * 3 + "." * 5
    )


@pytest.mark.slow
def test_laws_give_the_same_trace_in_processes(tmp_path: Path) -> None:
    from tests.kits.runs import fly  # noqa: PLC0415

    path = tmp_path / "laws.yaml"
    path.write_text(
        TWO.replace("duration: 60 s", "duration: 120 s") + "faults:\n" + "".join(f"  - {{{one}}}\n" for one in ALL)
    )
    hashes = {
        fly(tmp_path / name, path, *how)["trace_hash"]
        for name, how in (("one", ["--in-process"]), ("many", []), ("grouped", ["--per-process", "2"]))
    }
    assert len(hashes) == 1
