"""Scenario texts: what they become, every mistake at its place in one go, nothing but ScenarioError for any text."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bus.errors import EnvironmentFault, ScenarioError
from bus.scenario.model import KeplerOrbit, Scenario, TleOrbit
from faults.scenarios.load import ScenarioForm, load, load_text
from faults.scenarios.vocabulary import base_truth_signals

TEXT = """\
skyrack: 1
name: demo
epoch: 2026-08-12T00:00:00Z
duration: 20 min
tick: 1 s
seed: 7
environment: {solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}
spacecraft:
  - id: sc-1
    design: formation
    orbit: {sso: {altitude: 650 km, ltan: 18:00, argument_of_latitude: 0 deg}}
    initial: {battery_soc: 80 %, "thermal_temperature_k[radiator_1]": 20 degC}
  - id: star
    design: pathfinder
    orbit:
      tle:
        name: STARCLOUD-1
        source: CelesTrak GROUP=active 2026-08-12
        propagator: sgp4
        lines:
          - "1 66303U 25248L   26222.91582501  .00002578  00000+0  12398-3 0  9991"
          - "2 66303  45.4014 186.4206 0005240 340.0882  19.9800 15.21778484 42876"
stations: [svalbard]
timeline:
  - {at: 5 min, telecommand: {to: sc-1, name: test.ping}}
faults:
  - {id: dead, fault: string_open, target: sc-1, at: 2 min, for: 10 min, parameters: {string: 3}}
expectations: ["always sc-1.battery_soc > 0.2"]
"""


def scenario(text: str = TEXT) -> Scenario:
    return load_text(text, file="demo.yaml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        scenario(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_everything_is_resolved_to_si() -> None:
    flown = scenario()
    assert flown.ticks == 1200
    assert flown.epoch_utc == "2026-08-12T00:00:00Z"
    first, second = flown.spacecraft
    assert isinstance(first.orbit, KeplerOrbit)
    assert first.orbit.semi_major_axis_m == 7028137.0
    assert math.degrees(first.orbit.inclination_rad) == pytest.approx(97.986, abs=0.005)
    assert first.initial == {"battery_soc": 0.8, "thermal_temperature_k[radiator_1]": 293.15}
    assert isinstance(second.orbit, TleOrbit)
    assert flown.faults[0].at_s == 120.0
    assert flown.faults[0].until_s == 720.0
    # What the sentences need is among the base; the part that the fault strikes comes on top.
    assert flown.truth_signals["sc-1"] == (*base_truth_signals("formation"), "string_health[string_4]")
    assert flown.truth_signals["star"] == base_truth_signals("pathfinder")
    assert flown.range.missing_tock == "stop"
    assert Scenario.model_validate_json(flown.to_json()).digest == flown.digest


def test_the_digest_is_of_what_flies_not_of_the_file_it_came_from() -> None:
    again = load_text(TEXT.replace("seed: 7", "seed:   7   # lucky"), file="other.yaml")
    assert again.digest == scenario().digest
    assert scenario(TEXT.replace("seed: 7", "seed: 8")).digest != scenario().digest


def test_every_mistake_in_one_go_with_line_and_column() -> None:
    text = (
        TEXT.replace("650 km", "650").replace("design: pathfinder", "design: pathfidner").replace("seed: 7", "sed: 7")
    )
    text = (
        text.replace("to: sc-1", "to: sc-2")
        .replace("string: 3", "string: 4")
        .replace("string_open, t", "strng_open, t")
    )
    found = mistakes(text)
    assert found == [
        "demo.yaml:1:1: seed: found nothing; allowed: a whole number from 0 to 9007199254740992",
        "demo.yaml:6:1: sed: found an unknown field; "
        f"allowed: {', '.join(ScenarioForm.model_fields)} (did you mean seed?)",
        "demo.yaml:11:29: spacecraft[0].orbit.sso.altitude: found the plain number 650; "
        "allowed: a length in m, km, mm, cm",
        "demo.yaml:14:13: spacecraft[1].design: found 'pathfidner'; allowed: a design: ai1-august, "
        "ai1-june, fleet, formation, lowinc, pathfinder, sc3, sunrise (did you mean pathfinder?); or the path of a "
        "file, such as ./mine.yaml",
        "demo.yaml:25:35: timeline[0].telecommand.to: found 'sc-2'; allowed: a spacecraft of this scenario: sc-1, star "
        "(did you mean sc-1?)",
        "demo.yaml:27:23: faults[0].fault: found 'strng_open'; allowed: a known fault (did you mean string_open?)",
    ]


def test_a_refused_fault_points_at_its_parameter_or_its_name() -> None:
    (refused,) = mistakes(TEXT.replace("string: 3", "string: 400"))
    assert refused.startswith(
        "demo.yaml:27:95: faults[0].parameters.string: found the plain number 400; allowed: string_1"
    )
    assert mistakes(TEXT.replace("fault: string_open", "fault: strng_open")) == [
        "demo.yaml:27:23: faults[0].fault: found 'strng_open'; allowed: a known fault (did you mean string_open?)"
    ]
    assert mistakes(TEXT.replace("name: test.ping", "name: ping")) == [
        "demo.yaml:25:47: timeline[0].telecommand.name: found 'ping'; allowed: a known telecommand "
        "(did you mean test.ping?); `skyrack list telecommands` has all of them"
    ]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("skyrack: 1", "skyrack: 2", "1:10: skyrack: found the plain number 2; allowed: 1, the scenario format"),
        ("2026-08-12T00:00:00Z", "2026-08-12T00:00:00", "3:8: epoch: found '2026-08-12T00:00:00'; allowed: a UTC time"),
        ("2026-08-12T00:00:00Z", "2026-02-30T00:00:00Z", "a date and time that exist"),
        ("2026-08-12T00:00:00Z", "2026-06-30T23:59:60Z", "leap second"),
        ("20 min", "20.0004 min", "duration: found '20.0004 min'; allowed: a whole number of ticks of 1 s"),
        ("20 min", "0 s", "one tick to 366 d"),
        ("tick: 1 s", "tick: 1", "tick: found the plain number 1; allowed: a time in s, ms, min, h, d"),
        ("seed: 7", "seed: no", "seed: found 'no'; allowed: a whole number"),
        ("ltan: 18:00", "ltan: 24:10", "ltan: found '24:10'; allowed: a local time from 00:00 to 23:59"),
        ("storm_density_factor: 1.0, ", "", "7:14: environment.storm_density_factor: found nothing"),
        ("solar_event: none", "solar_event: S3", "environment.solar_event_at: found nothing; allowed: a time"),
        ("id: star", "id: ground", "spacecraft[1].id: found 'ground'; allowed: another id"),
        ("id: star", "id: sc-1", "spacecraft[1].id: found 'sc-1'; allowed: an id of its own"),
        ("80 %", "80", "battery_soc: found the plain number 80; allowed: 0 to 100 %"),
        ("20 degC", "5000 K", "thermal_temperature_k[radiator_1]: found '5000 K'; allowed: 1 K to 2000 K"),
        ("[svalbard]", "[svalbad]", "stations[0]: found 'svalbad'; allowed: a station of the catalogue: svalbard, or"),
        ("at: 2 min", "at: 0 s", "faults[0].at: found '0 s'; allowed: 1 s or later"),
        ("at: 5 min", "at: -1 min", "timeline[0].at: found '-1 min'; allowed: 0 s or later"),
        ("for: 10 min", "for: 0 s", "faults[0].for: found '0 s'; allowed: at least one tick"),
        ("for: 10 min", "for: 1 min, until: 9 min", "faults[0].until: found for and until together"),
        ("15.21778484 42876", "15.21778484 42875", "line 2 with checksum '5'; allowed: 6"),
        ("sso: {altitude", "sos: {altitude", "found an unknown field; allowed: tle, kepler, circular, sso, walker"),
        ("expectations: [", "expectations: [3, ", "expectations[0]: found the plain number 3; allowed: a text"),
    ],
)  # fmt: skip
def test_mistakes_and_what_they_say(old: str, new: str, expected: str) -> None:
    assert old in TEXT
    found = mistakes(TEXT.replace(old, new, 1))
    assert len(found) == 1, found
    assert expected in found[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "demo.yaml:1:1: text: found an empty file; allowed: a mapping of fields"),
        ("[1, 2]", "demo.yaml:1:1: file: found a list; allowed: a mapping of skyrack, name"),
        ("a: [", "demo.yaml:2:1"),
        ("a: 1\na: 2\n", "demo.yaml:2:1: 'a': found again (first in line 1); allowed: once"),
        ("a: !!python/object:os.system x", "allowed: no tags"),
        ("a: &x [*x]", "allowed: an anchor that was completed before"),
        ("--- 1\n--- 2\n", "found a second document"),
        ("? [a]\n: 1\n", "key: found a list; allowed: a name"),
        ("[" * 100 + "]" * 100, "found deeper nesting; allowed: at most 24 levels"),
        ("a: \x00", "demo.yaml:1:"),
        ("<<: {a: 1}", "found an unknown field"),
    ],
)
def test_texts_that_are_no_scenario_at_all(text: str, expected: str) -> None:
    assert expected in "\n".join(mistakes(text))


def test_a_bomb_of_aliases_is_refused_before_it_unfolds() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 10)]
    assert any("more than fits" in mistake for mistake in mistakes("\n".join(lines)))


def test_bytes_that_are_not_utf8() -> None:
    with pytest.raises(ScenarioError, match="bytes that are not UTF-8"):
        load_text(b"name: \xff\xfe")


def test_aliases_are_welcome_where_they_save_typing() -> None:
    text = TEXT.replace("orbit: {sso", "orbit: &o {sso").replace(
        "stations:", "  - {id: twin, design: formation, orbit: *o}\nstations:"
    )
    assert scenario(text).spacecraft[2].orbit == scenario(text).spacecraft[0].orbit


def test_orbits_count_those_of_the_first_spacecraft_in_whole_ticks() -> None:
    flown = scenario(TEXT.replace("20 min", "2 orbits").replace("at: 2 min", "at: 0.5 orbits"))
    assert flown.ticks == 11727  # 2 x 97.728 min at 650 km
    assert flown.faults[0].at_s == pytest.approx(2931.85, abs=0.01)


def test_an_element_set_months_away_is_a_warning_and_flies() -> None:
    flown = scenario(TEXT.replace("2026-08-12", "2026-12-12", 1))
    assert len(flown.warnings) == 1
    assert "elements of 2026-08-10, 123 days from the scenario's epoch" in flown.warnings[0]
    assert scenario().warnings == ()


def test_an_orbit_that_decays_before_the_end_is_a_mistake() -> None:
    decaying = TEXT.replace("12398-3 0  9991", "99999+0 0  9999").replace("15.21778484 42876", "16.45778484 42873")
    assert "elements that SGP4 rejects" in mistakes(decaying)[0]


def test_constellations_become_spacecraft_with_neighbours() -> None:
    block = """  - id: f
    design: formation
    orbit: {lattice: {pattern: suncatcher81, altitude: 650 km, ltan: 18:00, radius: 1 km, argument_of_latitude: 0 deg}}
    peers: neighbours
  - id: w
    design: formation
    orbit: {walker: {pattern: "53:24/4/1", kind: delta, altitude: 550 km, raan: 0 deg, argument_of_latitude: 0 deg}}
    peers: [sc-1]
  - id: p
    design: formation
    orbit: {planes: {altitude: 600 km, ltans: [06:00, 18:00], slots: 2, phase: 90 deg, argument_of_latitude: 0 deg}}
stations:"""
    flown = scenario(TEXT.replace("stations:", block, 1))
    by_id = {s.id: s for s in flown.spacecraft}
    assert len(by_id) == 2 + 81 + 24 + 4
    assert len(by_id["f-41"].peers) == 4
    assert by_id["w-4-6"].peers == ("sc-1",)
    assert by_id["p-2-2"].orbit.kind == "kepler"
    for one in flown.spacecraft:
        assert all(peer in by_id for peer in one.peers)


def test_peers_must_exist_and_be_others() -> None:
    assert (
        "peers[0]: found 'sc-9'"
        in mistakes(TEXT.replace("design: formation", "design: formation\n    peers: [sc-9]", 1))[0]
    )
    assert (
        "other spacecraft than itself"
        in mistakes(TEXT.replace("design: formation", "design: formation\n    peers: [sc-1]", 1))[0]
    )
    assert (
        "'neighbours' belongs to"
        in mistakes(TEXT.replace("design: formation", "design: formation\n    peers: neighbours", 1))[0]
    )


def test_an_unknown_fault_is_reported_beside_the_unknown_design_and_target_of_its_entry() -> None:
    wrong = TEXT.replace("string_open, t", "strng_open, t")
    fault = wrong.splitlines().index(next(line for line in wrong.splitlines() if "strng_open" in line)) + 1
    unknown = (
        f"demo.yaml:{fault}:23: faults[0].fault: found 'strng_open'; allowed: a known fault (did you mean string_open?)"
    )
    for also, other in (
        (("design: formation", "design: formatoin"), "spacecraft[0].design: found 'formatoin'"),
        (("target: sc-1", "target: sc-7"), "faults[0].target: found 'sc-7'"),
        (("at: 2 min, for", "at: 2, for"), "faults[0].at: found"),
    ):
        with pytest.raises(ScenarioError) as caught:
            load_text(wrong.replace(*also), file="demo.yaml")
        said = [str(mistake) for mistake in caught.value.mistakes]
        assert len(said) == 2 and unknown in said and any(other in line for line in said)


def test_a_peer_that_does_not_look_back_is_a_warning_where_it_is_named() -> None:
    one_sided = TEXT.replace("design: formation", "design: formation\n    peers: [star]", 1)
    (warning,) = scenario(one_sided).warnings
    line = one_sided.splitlines().index("    peers: [star]") + 1
    assert warning == (
        f"demo.yaml:{line}:13: spacecraft[0].peers[0]: found 'star', who does not name 'sc-1'; "
        "expected: 'sc-1' among the peers of 'star' as well: a link needs a head on either side"
    )
    head, _, tail = one_sided.partition("id: star\n")
    assert scenario(f"{head}id: star\n    peers: [sc-1]\n{tail}").warnings == ()
    walker = """  - id: w
    design: formation
    orbit: {walker: {pattern: "53:4/2/1", kind: delta, altitude: 550 km, raan: 0 deg, argument_of_latitude: 0 deg}}
    peers: [sc-1]
stations:"""
    (warning,) = scenario(TEXT.replace("stations:", walker, 1)).warnings
    assert "found 'sc-1', who does not name 'w-1-1' and 3 more" in warning


def test_a_station_written_out() -> None:
    block = (
        "[{id: roof, latitude: 48.1 deg, longitude: 11.6 deg, altitude: 520 m, mask: 10 deg, bands: [S, X], "
        "source: own}]"
    )
    station = scenario(TEXT.replace("[svalbard]", block)).stations[0]
    assert math.degrees(station.latitude_rad) == pytest.approx(48.1)
    assert (
        "bands[1]: found 'Q'; allowed: S, X, Ka, optical"
        in mistakes(TEXT.replace("[svalbard]", block.replace("[S, X]", "[S, Q]")))[0]
    )


@pytest.mark.parametrize(
    ("block", "fraction", "mean_s"),
    [
        ("[svalbard]", 0.0, 3600.0),
        ("[{station: svalbard, wet_fraction: 20 %}]", 0.2, 3600.0),
        ("[{station: svalbard, wet_fraction: 0.2, wet_spell: 30 min}]", 0.2, 1800.0),
        (
            "[{id: roof, latitude: 48.1 deg, longitude: 11.6 deg, altitude: 520 m, mask: 10 deg, bands: [Ka], "
            "source: own, wet_fraction: 5 %}]",
            0.05,
            3600.0,
        ),
    ],
)
def test_weather_of_a_station(block: str, fraction: float, mean_s: float) -> None:
    station = scenario(TEXT.replace("[svalbard]", block)).stations[0]
    assert (station.wet_fraction, station.wet_mean_s) == (fraction, mean_s)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        ("{station: svalbard, wet_fraction: 95 %}", "stations[0].wet_fraction: found '95 %'; allowed: 0 % to 90 %"),
        ("{station: svalbard, wet_spell: 20 s}", "stations[0].wet_spell: found '20 s'; allowed: 1 min to 30 d"),
        ("{station: svalbard, wet_spell: 20}", "stations[0].wet_spell: found the plain number 20; allowed: a time in"),
        ("{station: svalbad, wet_fraction: 1 %}", "stations[0].station: found 'svalbad'; allowed: a station of the"),
        ("{station: svalbard, rain: 1 %}", "found an unknown field; allowed: station, wet_fraction, wet_spell"),
    ],
)
def test_weather_that_cannot_be(block: str, expected: str) -> None:
    found = mistakes(TEXT.replace("[svalbard]", f"[{block}]"))
    assert len(found) == 1 and expected in found[0], found
    assert found[0].startswith("demo.yaml:")


def test_orders_are_in_si() -> None:
    block = "    orders: {pump_speed_command_fraction: 50 %, attitude_mode: nadir}\nstations:"
    flown = scenario(TEXT.replace("stations:", block, 1))
    (orders,) = flown.spacecraft[1].orders
    assert orders.values == {"pump_speed_command_fraction": 0.5, "attitude_mode": "nadir"}
    refused = mistakes(TEXT.replace("stations:", block.replace("50 %", "50 s"), 1))
    assert "orders.pump_speed_command_fraction: found '50 s'; allowed: a fraction in %" in refused[0]


def test_what_comes_after_the_end_is_a_warning_because_people_shorten_runs() -> None:
    flown = scenario(TEXT.replace("20 min", "3 min"))
    assert flown.ticks == 180
    assert flown.warnings == (
        "demo.yaml:25:10: timeline[0].at: found '5 min'; expected: a time before the end (180 s), or it never happens",
    )


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot read scenario"):
        load(tmp_path / "missing.yaml")
    path = tmp_path / "demo.yaml"
    path.write_text(TEXT)
    assert load(path).digest == scenario().digest


_TOKENS = st.sampled_from(
    [*TEXT.split(), "[", "]", "{", "}", ":", "-", "&a", "*a", "!!int", "|", ">", "'", '"', "\n  ", "\n", "\t", "#",
     "1e3", "no", "12:30:00", ".nan", ".inf", "-1", "2 orbits", "99999999999999999999", "null", "~", "<<", "%", "@"]
)  # fmt: skip


@settings(max_examples=300)
@given(st.text(max_size=200) | st.lists(_TOKENS, max_size=60).map(" ".join))
@example("\ud800")
@example("a: 'b\n\x85c'")
@example("- " * 500)
def test_nothing_but_scenario_error_for_any_text(text: str) -> None:
    with pytest.raises(ScenarioError):
        scenario(text)


@settings(max_examples=400)
@given(st.data())
def test_nothing_but_scenario_error_for_damaged_scenarios(data: st.DataObject) -> None:
    """One token of a good scenario replaced, or a piece cut out: it flies or it is refused, never anything else."""
    start = data.draw(st.integers(0, len(TEXT) - 1))
    end = data.draw(st.integers(start, min(len(TEXT), start + 30)))
    text = TEXT[:start] + data.draw(_TOKENS | st.text(max_size=10) | st.just("")) + TEXT[end:]
    try:
        scenario(text)
    except ScenarioError as error:
        assert error.mistakes
        assert all(mistake.line >= 1 for mistake in error.mistakes), error


@settings(max_examples=200)
@given(st.binary(max_size=200))
def test_nothing_but_scenario_error_for_any_bytes(content: bytes) -> None:
    with pytest.raises(ScenarioError):
        load_text(content)


def test_one_wrong_id_drags_no_other_mistakes_behind_it() -> None:
    (said,) = mistakes(TEXT.replace("id: sc-1", "id: SC_1"))
    assert "spacecraft[0].id: found 'SC_1'" in said
    (said,) = mistakes(
        TEXT.replace("id: dead,", "id: DEAD,").replace('["always', '["within 1 s of dead: sc-1.mode == SAFE", "always')
    )
    assert "faults[0].id: found 'DEAD'" in said


def test_what_happens_at_the_end_never_happens() -> None:
    (warning,) = scenario(TEXT.replace("at: 5 min", "at: 20 min")).warnings
    assert "timeline[0].at: found '20 min'; expected: a time before the end (1200 s), or it never happens" in warning
    (warning,) = scenario(TEXT.replace("at: 2 min, for: 10 min", "at: 20 min")).warnings
    assert "faults[0].at: found '20 min'" in warning
    assert scenario(TEXT.replace("for: 10 min", "until: 20 min")).warnings == ()


def test_more_faults_at_once_than_a_spacecraft_takes_are_warned_of() -> None:
    def many(count: int, length: str) -> str:
        entry = (
            "  - {{id: f{n}, fault: string_open, target: sc-1, at: {n} s, for: {length}, parameters: {{string: 3}}}}\n"
        )
        entries = "".join(entry.format(n=n, length=length) for n in range(1, count + 1))
        head, _, tail = TEXT.partition("faults:\n")
        return f"{head}faults:\n{entries}{tail.partition(chr(10))[2]}"

    assert scenario(many(256, "15 min")).warnings == ()
    assert scenario(many(300, "3 min")).warnings == ()
    (warning,) = scenario(many(300, "15 min")).warnings
    assert "faults[256].at: found 257 faults active at once on 'sc-1'; expected: at most 256" in warning


def test_thousands_of_mistakes_of_one_kind_are_one_line() -> None:
    entries = "".join(f"  - {{at: {n}, telecommand: {{to: sc-1, name: test.ping}}}}\n" for n in range(5000))
    (said,) = mistakes(TEXT.replace("timeline:\n", f"timeline:\n{entries}"))
    assert "timeline[0].at: found the plain number 0 (and 4999 more of this kind, to line 5024)" in said


def test_the_sun_as_numbers_and_the_earth_left_out() -> None:
    block = "{solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}"

    def environment(text: str) -> str:
        return TEXT.replace(block, text)

    flown = scenario(
        environment(
            "{solar_activity: {f107: 150, ap: 22}, storm_density_factor: 1.0, solar_event: none, albedo: off, "
            "earth_infrared: off}"
        )
    ).environment
    assert (flown.solar_f107, flown.solar_ap, flown.solar_activity) == (150.0, 22.0, "maximum")
    assert not flown.albedo and not flown.earth_infrared
    quiet = scenario(
        environment("{solar_activity: {f107: 70}, storm_density_factor: 1.0, solar_event: none, albedo: on}")
    ).environment
    assert (quiet.solar_ap, quiet.solar_activity, quiet.albedo, quiet.earth_infrared) == (15.0, "minimum", True, True)
    assert scenario().environment.solar_f107 == 0.0
    for wrong in ("{f107: 20}", "{f107: 150, ap: 900}", "{ap: 15}", "high"):
        text = f"{{solar_activity: {wrong}, storm_density_factor: 1.0, solar_event: none}}"
        assert len(mistakes(environment(text))) == 1
    assert len(mistakes(environment(block.replace("none}", "none, albedo: maybe}")))) == 1
