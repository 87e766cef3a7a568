"""Element sets and catalogue files: format to the column, all four formats, bad entries by line, selection."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_scenario_file import VOCABULARY

from bus.errors import EnvironmentFault, ScenarioError
from bus.orbits import tle
from faults.scenarios.choose import RunOptions, choose
from faults.scenarios.element_sets import parse_catalogue, read_catalogue, select
from faults.scenarios.from_catalogue import Flight, scenario_text
from faults.scenarios.load import load_text

# The element set that NORAD's report and Vallado et al. verify SGP4 with (AIAA 2006-6753, SGP4-VER.TLE).
LINE1 = "1 00005U 58002B   00179.78495062  .00000023  00000-0  28098-4 0  4753"
LINE2 = "2 00005  34.2682 348.7242 1859667 331.7664  19.3264 10.82419157413667"
STAR1 = "1 66303U 25248L   26222.91582501  .00002578  00000+0  12398-3 0  9991"
STAR2 = "2 66303  45.4014 186.4206 0005240 340.0882  19.9800 15.21778484 42876"
OMM = {
    "OBJECT_NAME": "STARCLOUD-1", "OBJECT_ID": "2025-248L", "EPOCH": "2026-08-10T21:58:47.280864",
    "MEAN_MOTION": 15.21778484, "ECCENTRICITY": 0.000524, "INCLINATION": 45.4014, "RA_OF_ASC_NODE": 186.4206,
    "ARG_OF_PERICENTER": 340.0882, "MEAN_ANOMALY": 19.98, "EPHEMERIS_TYPE": 0, "CLASSIFICATION_TYPE": "U",
    "NORAD_CAT_ID": 66303, "ELEMENT_SET_NO": 999, "REV_AT_EPOCH": 4287, "BSTAR": 0.00012398,
    "MEAN_MOTION_DOT": 2.578e-05, "MEAN_MOTION_DDOT": 0,
}  # fmt: skip


def csv_of(*records: dict[str, object]) -> str:
    return "\n".join([",".join(OMM), *(",".join(str(record[key]) for key in OMM) for record in records)]) + "\n"


def test_what_a_set_says() -> None:
    elements = tle.parse_tle(LINE1, LINE2, "VANGUARD 1", 7)
    assert elements.catalogue_number == 5
    assert elements.epoch == datetime(2000, 6, 27, 18, 50, 19, 733568, tzinfo=UTC)
    assert elements.period_s == pytest.approx(86400 / 10.82419157)
    assert elements.line == 7


@pytest.mark.parametrize(
    ("line1", "line2", "expected"),
    [
        (LINE1[:-1] + "4", LINE2, "line 1: found checksum '4'; allowed: 3"),
        (LINE1[:-1], LINE2, "line 1: found 68 columns; allowed: 69"),
        (LINE2, LINE1, "line 1: found a line that begins with '2 '"),
        (LINE1, STAR2, "line 2: found catalogue number '66303'"),
        (LINE1.replace("00179.", "00 79."), LINE2, "checksum"),
        (LINE1.replace("  .00000023", " +0.0000002"), LINE2, "checksum"),
        ("1 é" + LINE1[3:], LINE2, "columns of the two-line format"),
    ],
)
def test_mistakes_of_a_set(line1: str, line2: str, expected: str) -> None:
    with pytest.raises(tle.TleError) as caught:
        tle.parse_tle(line1, line2)
    assert expected in str(caught.value)


def test_elements_that_sgp4_rejects() -> None:
    """Error 6 of SGP4: below the Earth's surface at epoch."""
    sunk = LINE2.replace("1859667", "4859667")
    with pytest.raises(tle.TleError, match="SGP4 rejects"):
        tle.parse_tle(LINE1, sunk[:-1] + str(tle.checksum(sunk)))


@pytest.mark.parametrize(
    ("number", "field"), [(5, "00005"), (99999, "99999"), (100000, "A0000"), (148493, "E8493"), (339999, "Z9999")]
)
def test_alpha_5(number: int, field: str) -> None:
    """Space-Track's examples of the alpha-5 scheme."""
    assert tle.alpha5(number) == field
    assert tle.number_of(field) == number


def test_an_omm_becomes_the_lines_that_celestrak_publishes_with_it() -> None:
    """The same object's two-line set of the same epoch, apart from the counters that do not fly."""
    for text in (json.dumps([OMM], indent=1), json.dumps(OMM), csv_of(OMM)):
        (elements,) = parse_catalogue(text, "x").elements
        assert elements.line1[:63] == STAR1[:63]
        assert elements.line2[:63] == STAR2[:63]
        assert elements.name == "STARCLOUD-1"


def test_two_and_three_line_files_and_mixtures() -> None:
    text = f"0 VANGUARD 1\n{LINE1}\n{LINE2}\n\n# comment\n{STAR1}\r\n{STAR2}\r\nVANGUARD AGAIN\n{LINE1}\n{LINE2}"
    catalogue = parse_catalogue(text, "x")
    assert [(e.name, e.line) for e in catalogue.elements] == [("VANGUARD 1", 2), ("", 6), ("VANGUARD AGAIN", 9)]
    assert catalogue.bad_count == 0


def test_bad_entries_are_said_by_line_and_do_not_hide_good_ones() -> None:
    text = f"A\n{LINE1[:-1]}9\n{LINE2}\nB\n{STAR1}\n{STAR2}\nC\n{LINE1}\nD\n{STAR2}\n"
    catalogue = parse_catalogue(text, "x.3le")
    assert [e.name for e in catalogue.elements] == ["B"]
    assert str(catalogue.bad[0]).startswith("x.3le:2:1: 'A' line 1: found checksum '9'; allowed: 3")
    assert [m.line for m in catalogue.bad] == [2, 9, 10]
    rows = parse_catalogue(csv_of(OMM, {**OMM, "BSTAR": "high"}, {**OMM, "ECCENTRICITY": 1.5}), "x.csv")
    assert [(m.line, m.field) for m in rows.bad] == [(3, "BSTAR"), (4, "'STARCLOUD-1'")]
    bad = json.dumps({**OMM, "EPOCH": "today"})
    entries = parse_catalogue("[\n" + json.dumps(OMM) + ",\n" + bad + ",\n{oops", "x.json")
    assert [m.line for m in entries.bad] == [3, 4]


@pytest.mark.parametrize("text", ["", "hello", "a,b\n1,2\n", "[]", "{}", "[[[[", "null", "1 2 3\n"])
def test_files_of_no_known_format(text: str) -> None:
    with pytest.raises(ScenarioError):
        parse_catalogue(text, "x")


def test_selection_by_glob_or_number_keeps_the_newest_set_of_an_object() -> None:
    newer = {**OMM, "EPOCH": "2026-08-11T21:58:47.280864"}
    catalogue = parse_catalogue(csv_of(OMM, newer, {**OMM, "NORAD_CAT_ID": 7, "OBJECT_NAME": "OTHER"}), "x")
    assert [e.catalogue_number for e in select(catalogue, ["starcloud*", "7"])] == [66303, 7]
    assert select(catalogue, ["66303"])[0].epoch.day == 11
    with pytest.raises(ScenarioError, match="a name, a glob or a NORAD number of the 3 sets"):
        select(catalogue, ["STARLINK*"])


def test_a_set_that_was_wanted_and_could_not_be_read_is_said() -> None:
    catalogue = parse_catalogue(f"A\n{LINE1[:-1]}9\n{LINE2}\nB\n{STAR1}\n{STAR2}\n", "x.3le")
    with pytest.raises(ScenarioError) as caught:
        select(catalogue, ["A"])
    assert [m.line for m in caught.value.mistakes] == [0, 2]
    assert "checksum" in str(caught.value)


def test_a_selection_becomes_a_scenario_that_flies(tmp_path: Path) -> None:
    path = tmp_path / "two.3le"
    path.write_text(f"STARCLOUD-1\n{STAR1}\n{STAR2}\n7TH HEAVEN (X)\n{LINE1[:-1]}9\n{LINE2}\n")
    text, notes = scenario_text(path, ["*"], Flight(design="pathfinder", stations=["svalbard"]))
    flown = load_text(text, VOCABULARY)
    assert [s.id for s in flown.spacecraft] == ["starcloud-1"]
    assert flown.epoch_utc == "2026-08-10T21:58:48Z"
    assert flown.ticks == 2 * 5678 - 1  # two orbits of 5677.57 s
    assert "1 bad entries" in notes[0]
    assert "epoch 2026-08-10T21:58:48Z: that of the newest elements (STARCLOUD-1)" in notes[1]
    assert "taken for granted" in notes[2]
    with pytest.raises(ScenarioError, match="did you mean pathfinder"):
        choose(RunOptions(tle=path, select=("*",), design="pathfinders"))


def test_ids_are_made_of_names_and_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    path.write_text(csv_of(OMM, {**OMM, "NORAD_CAT_ID": 8}, {**OMM, "NORAD_CAT_ID": 9, "OBJECT_NAME": "2nd & LAST"}))
    text, _ = scenario_text(path, ["*"], Flight(design="pathfinder"))
    flown = load_text(text, VOCABULARY).spacecraft
    assert [s.id for s in flown] == ["starcloud-1-66303", "starcloud-1-8", "sc-2nd-last"]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="cannot read"):
        read_catalogue(tmp_path / "missing.tle")


_PIECES = st.sampled_from(
    ["\n", LINE1, LINE2, STAR1, "NAME", "0 X", "[", "{", '"', ",", "1 ", "2 ", csv_of(OMM), json.dumps(OMM)]
)


@settings(max_examples=300)
@given(st.text(max_size=200) | st.lists(_PIECES, max_size=12).map("".join))
@example("[" * 100_000)
@example("{" + '"a":[' * 50_000)
@example('[{"EPOCH": "0001-01-01", "NORAD_CAT_ID": 1e999}]')
def test_nothing_but_scenario_error_for_any_text(text: str) -> None:
    try:
        parse_catalogue(text, "x")
    except ScenarioError as error:
        assert error.mistakes


@settings(max_examples=300)
@given(st.sampled_from([LINE1, LINE2]), st.integers(0, 68), st.characters())
def test_a_damaged_line_is_refused_or_parsed_never_a_crash(line: str, at: int, character: str) -> None:
    damaged = line[:at] + character + line[at + 1 :]
    damaged = damaged[:68] + str(tle.checksum(damaged))
    try:
        tle.parse_tle(damaged if line is LINE1 else LINE1, damaged if line is LINE2 else LINE2)
    except tle.TleError as error:
        assert error.found
