"""The contact plan: what it says is what is flown, priorities decide, and its times are those of another program."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.dictionary import Dictionary
from bus.scenario.model import Scenario, TimelineEntry
from faults.commands.calendar_text import LINE_OCTETS, calendar, escape, fold
from faults.scenarios.load import load_text
from groundstation.config import resolve
from groundstation.contacts.plan import contact_plan
from tests.kits.ground_kit import DICTIONARY, GroundBench
from tests.kits.runs import skyrack

EPOCH = "2026-08-12T00:00:00Z"
CLOSE_TOGETHER = """\
skyrack: 1
name: shared
epoch: 2026-08-12T00:00:00Z
duration: 4 h
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - {id: sc-1, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}
  - {id: sc-2, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 75 deg}}}
  - {id: sc-3, design: pathfinder, orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 65 deg}}}
stations: [svalbard, kiruna]
"""
"""Three behind each other over two stations: more in view than antennas."""


def first_served(priority: int) -> str:
    return CLOSE_TOGETHER.replace("- {id: sc-3,", f"- {{id: sc-3, priority: {priority},")


def flown(scenario: Scenario) -> set[tuple[object, ...]]:
    """(station, spacecraft, on, off) of every antenna as a ground flies the scenario, telecommands waiting and all."""
    words = {"pathfinder": Dictionary(**{**DICTIONARY.model_dump(), "design": "pathfinder"})}
    config = resolve(
        scenario.model_copy(update={"timeline": (TimelineEntry(at_s=0.0, spacecraft="sc-2", telecommand="test.ping",
                                                               arguments={}),)}),
        words,
    )  # fmt: skip
    bench = GroundBench(config)
    for _ in range(scenario.ticks):
        bench.step()
    found: dict[tuple[object, object], tuple[object, ...]] = {}
    for _, station, on_ns, craft, off_ns in [row for row in bench.records if row[0] == "allocations"]:
        found[station, on_ns] = (station, craft, on_ns, scenario.duration_ns if off_ns is None else off_ns)
    return {row for row in found.values() if row[2] != row[3]}


@pytest.mark.parametrize("text", [CLOSE_TOGETHER, first_served(1), first_served(9)])
def test_what_is_planned_is_what_is_flown(text: str) -> None:
    scenario = load_text(text)
    planned = {(c.station, c.spacecraft, *span) for c in contact_plan(scenario) for span in c.served}
    assert planned == flown(scenario)
    assert len(planned) > 10


def served_s(text: str, spacecraft: str) -> float:
    plan = contact_plan(load_text(text))
    return sum(off - on for c in plan if c.spacecraft == spacecraft for on, off in c.served) / 1e9


def test_who_has_priority_is_served_whole_and_the_others_say_why_not() -> None:
    plan = contact_plan(load_text(first_served(1)))
    assert {c.state for c in plan} >= {"served", "in part"}
    for contact in plan:
        if contact.spacecraft == "sc-3" and contact.state != "served":
            assert {"svalbard", "kiruna"} & {*contact.instead}  # the other station serves it meanwhile
        elif contact.state != "served":
            assert contact.instead
    assert served_s(first_served(1), "sc-3") > served_s(CLOSE_TOGETHER, "sc-3") > served_s(first_served(9), "sc-3")


def test_a_scenario_without_priorities_keeps_its_digest() -> None:
    plain, same = load_text(CLOSE_TOGETHER), load_text(first_served(5))
    assert b"priority" not in plain.to_json()
    assert plain.digest == same.digest != load_text(first_served(4)).digest
    assert Scenario.model_validate_json(load_text(first_served(4)).to_json()).spacecraft[2].priority == 4


# Skyfield 1.55, EarthSatellite.find_events with the catalogue's coordinates and masks, ISS elements as below, one day.
SKYFIELD = (
    ("weilheim", 41511.51, 41975.79, 26.63),
    ("awarua", 44225.03, 44624.46, 14.88),
    ("weilheim", 47282.27, 47791.23, 69.99),
    ("awarua", 49942.51, 50464.91, 82.24),
    ("weilheim", 53111.43, 53608.50, 41.04),
    ("awarua", 55771.37, 56275.90, 36.46),
    ("weilheim", 58927.48, 59437.37, 73.51),
    ("awarua", 61605.73, 62112.82, 38.74),
    ("weilheim", 64744.24, 65203.41, 24.88),
    ("awarua", 67415.67, 67934.71, 68.12),
    ("awarua", 73271.04, 73625.95, 11.82),
)
ISS_DAY = """\
skyrack: 1
name: iss
epoch: 2026-08-12T00:00:00Z
duration: 1 d
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: iss
    design: pathfinder
    orbit:
      tle:
        lines:
          - "1 25544U 98067A   26223.50000000  .00009878  00000-0  18200-3 0  5082"
          - "2 25544  51.6498 109.4756 0003572  55.9686 274.8005 15.49815350868473"
        source: made for this test
        propagator: sgp4
stations: [weilheim, awarua]
"""


def test_pass_times_of_another_program() -> None:
    plan = contact_plan(load_text(ISS_DAY))
    found = [(c.station, c.aos_ns / 1e9, c.los_ns / 1e9, c.max_elevation_rad * 57.29577951308232) for c in plan]
    assert [row[0] for row in found] == [row[0] for row in SKYFIELD]
    for (_, aos, los, top), (_, aos_there, los_there, top_there) in zip(found, SKYFIELD, strict=True):
        # UT1 - UTC and polar motion are left out here: below 0.1 s of a pass
        assert aos == pytest.approx(aos_there, abs=0.2) and los == pytest.approx(los_there, abs=0.2)
        assert top == pytest.approx(top_there, abs=0.02)


def events(text: str) -> list[dict[str, str]]:
    """A reader of content lines by RFC 5545: 3.1 unfolding, 3.6.1 events, 3.3.11 text."""
    assert text.endswith("\r\n") and "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    found: list[dict[str, str]] = []
    lines = text.replace("\r\n ", "").split("\r\n")[:-1]
    assert lines[0] == "BEGIN:VCALENDAR" and lines[-1] == "END:VCALENDAR" and "VERSION:2.0" in lines
    for line in lines[1:-1]:
        name, colon, value = line.partition(":")
        assert colon and re.fullmatch(r"[A-Z-]+", name), line
        if line == "BEGIN:VEVENT":
            found.append({})
        elif found and line != "END:VEVENT":
            assert name not in found[-1], f"{name} twice"
            found[-1][name] = re.sub(r"\\(.)", lambda m: "\n" if m[1] in "nN" else m[1], value)
    return found


def moment_s(stamp: str) -> float:
    epoch = datetime.fromisoformat(EPOCH.replace("Z", "+00:00"))
    return (datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - epoch).total_seconds()


def test_the_calendar_holds_the_plan() -> None:
    scenario = load_text(first_served(1))
    plan = contact_plan(scenario)
    found = events(calendar(plan, scenario))
    assert len(found) == len(plan) == len({event["UID"] for event in found})
    for event, contact in zip(found, plan, strict=True):
        assert moment_s(event["DTSTART"]) == pytest.approx(contact.aos_ns / 1e9, abs=0.51)
        assert moment_s(event["DTEND"]) == pytest.approx(contact.los_ns / 1e9, abs=1.01)
        assert moment_s(event["DTEND"]) > moment_s(event["DTSTART"])
        assert event["SUMMARY"] == f"{contact.spacecraft} over {contact.station}"
        assert {"DTSTAMP", "GEO", "LOCATION", "STATUS"} <= event.keys()
    statuses = {"served": "CONFIRMED", "in part": "TENTATIVE", "not served": "CANCELLED"}
    assert [event["STATUS"] for event in found] == [statuses[contact.state] for contact in plan]


@given(st.text())
def test_any_text_comes_back_out_of_a_folded_line(text: str) -> None:
    plain = re.sub(r"[\x00-\x1f\x7f]", "", text)
    line = fold("SUMMARY:" + escape(plain))
    assert all(len(row.encode()) <= LINE_OCTETS for row in line.split("\r\n"))
    written = line.replace("\r\n ", "").removeprefix("SUMMARY:")
    assert re.sub(r"\\(.)", lambda m: m[1], written) == plain


def test_contacts_as_a_user_asks_for_them(tmp_path: Path) -> None:
    file = tmp_path / "shared.yaml"
    file.write_text(first_served(1))
    text = skyrack("contacts", file, "--station", "svalbard", "--from", "1 h", "--to", "2026-08-12T03:00:00Z")
    assert text.returncode == 0, text.stderr
    rows = json.loads(
        skyrack("contacts", file, "--station", "svalbard", "--from", "1 h", "--to", "3 h", "--json").stdout
    )
    assert len(text.stdout.splitlines()) == len(rows) + 1 > 2
    assert {row["station"] for row in rows} == {"svalbard"}
    assert all(row["los_s"] > 3600.0 and row["aos_s"] < 10_800.0 for row in rows)
    assert rows[0]["aos_utc"].startswith("2026-08-12T0")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--station", "svalbart"), "svalbard"),
        (("--spacecraft", "sc-9"), "sc-1"),
        (("--from", "yesterday"), "such as '2 h' since 2026-08-12T00:00:00Z"),
        (("--from", "3 h", "--to", "2 h"), "--from is not before --to"),
        (("--from=-1 h",), "found '-1 h'; allowed: 0 s to"),
        (("--to", "9999 h"), "found '9999 h'; allowed: 0 s to"),
        (("--to", "2020-01-01T00:00:00Z"), "the run goes from 2026-08-12T00:00:00Z to"),
        (("--json", "--ical"), "one of them"),
        (("--ical", "--to", "1 s", "--spacecraft", "sc-3"), "at least one event"),
    ],
)
def test_mistakes_are_answered_with_what_is_allowed(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    file = tmp_path / "shared.yaml"
    file.write_text(CLOSE_TOGETHER)
    done = skyrack("contacts", file, *options)
    assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr


def test_a_priority_out_of_range_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "shared.yaml"
    file.write_text(first_served(10))
    done = skyrack("check", file)
    assert done.returncode == 2 and "shared.yaml:11:" in done.stderr and "1 to 9" in done.stderr
