"""Element sets and catalogue files: format to the column, all four formats, bad entries by line, selection."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sgp4 import omm as library
from sgp4.api import Satrec

from bus.constants import Epoch
from bus.errors import EnvironmentFault, ScenarioError
from bus.orbits import tle
from bus.orbits.elements import satellite
from bus.orbits.omm import KEYWORDS
from bus.scenario.model import OmmOrbit, Scenario, TleOrbit
from faults.scenarios.choose import RunOptions, choose
from faults.scenarios.element_sets import parse_catalogue, read_catalogue, select
from faults.scenarios.from_catalogue import Flight, scenario_text
from faults.scenarios.load import load_text
from groundstation.contacts.propagation import propagator
from node.plant.orbit.setup import Sgp4

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
        (LINE1[:30] + LINE1[31:], LINE2, "found 68 columns, the first wrong one is ' ' in column 32; allowed: 69"),
        (LINE2, LINE1, "line 1: found a line that begins with '2 '"),
        (LINE1, STAR2, "line 2: found catalogue number '66303'"),
        (LINE1.replace("00179.", "00 79."), LINE2, "checksum"),
        (
            LINE1.replace(" .00000023", "0.00000023"),
            LINE2,
            "found '0' in column 34 (first derivative of mean motion, columns 34 to 43); allowed: a blank, + or -",
        ),
        (
            "1 é" + LINE1[3:],
            LINE2,
            "found '\\xe9' in column 3 (catalogue number, columns 3 to 7); allowed: a",
        ),
        (LINE1.replace("00005U", "0 005U"), LINE2, "found ' ' in column 4 (catalogue number, columns 3 to 7)"),
        (
            LINE1[:62] + "4" + LINE1[63:],
            LINE2,
            "found '4' in column 63 (ephemeris type); allowed: a blank or",
        ),
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
    assert tle.number_of(field) == number


def test_every_column_that_is_wrong_is_named_with_what_may_be_there() -> None:
    for which, line in ((1, LINE1), (2, LINE2)):
        for at in range(69):
            damaged = line[:at] + "é" + line[at + 1 :]
            lines = (damaged, LINE2) if which == 1 else (LINE1, damaged)
            with pytest.raises(tle.TleError) as caught:
                tle.parse_tle(*lines)
            assert (caught.value.line, caught.value.column) == (which, at + 1)
            assert f"in column {at + 1}" in caught.value.found and caught.value.allowed
            (said,) = mistakes_of(f"NAME\n{lines[0]}\n{lines[1]}\n")
            assert said.startswith(f"x:{1 + which}:{at + 1}: 'NAME' line {which}: found ")


def summed(line: str) -> str:
    """With its right checksum."""
    return line[:68] + str(tle.checksum(line))


@pytest.mark.parametrize(
    ("line", "columns", "value", "allowed"),
    [
        (2, (8, 16), "180.0001", "0 to 180 deg"),
        (2, (17, 25), "360.0001", "0 to 360 deg"),
        (2, (34, 42), "400.0000", "0 to 360 deg"),
        (2, (43, 51), "999.9999", "0 to 360 deg"),
        (2, (52, 63), "17.60000000", "0.05 to 17.5 revolutions a day"),
        (2, (52, 63), " 0.00000000", "0.05 to 17.5 revolutions a day"),
        (1, (20, 32), "000.50000000", "a day of 2000, from 1 to 366.99999999"),
    ],
)
def test_values_out_of_range_are_named_with_their_columns(
    line: int, columns: tuple[int, int], value: str, allowed: str
) -> None:
    lines = [LINE1, LINE2]
    whole = lines[line - 1]
    lines[line - 1] = summed(whole[: columns[0]] + value + whole[columns[1] :])
    with pytest.raises(tle.TleError) as caught:
        tle.parse_tle(*lines)
    assert (caught.value.line, caught.value.column, caught.value.allowed) == (line, columns[0] + 1, allowed)
    assert "column" in caught.value.found


@pytest.mark.parametrize(
    ("year_and_day", "epoch"),
    [
        ("27000.99999999", None),
        ("27001.00000000", "2027-01-01T00:00:00"),
        ("27365.99999999", "2027-12-31T23:59:59.999136"),
        ("27366.00000000", None),
        ("27366.25000000", None),
        ("28366.25000000", "2028-12-31T06:00:00"),
        ("28366.99999999", "2028-12-31T23:59:59.999136"),
        ("28367.00000000", None),
        ("00366.50000000", "2000-12-31T12:00:00"),
        ("56366.00000000", "2056-12-31T00:00:00"),
        ("57001.00000000", "1957-01-01T00:00:00"),
        ("99366.00000000", None),
    ],
)
def test_days_of_the_year_are_those_of_that_year(year_and_day: str, epoch: str | None) -> None:
    line1 = summed(STAR1[:18] + year_and_day + STAR1[32:])
    text = f"      tle: {{source: x, propagator: j2, lines: ['{line1}', '{STAR2}']}}"
    if epoch:
        assert tle.parse_tle(line1, STAR2).epoch == datetime.fromisoformat(epoch).replace(tzinfo=UTC)
        assert flown(text).spacecraft[0].id == "one"
        return
    with pytest.raises(tle.TleError, match=f"found day {year_and_day[2:]} in columns 21 to 32; allowed: a day of "):
        tle.parse_tle(line1, STAR2)
    with pytest.raises(ScenarioError, match="line 1 with day"):
        flown(text)


def flown(orbit: str) -> Scenario:
    """A scenario with one spacecraft on this orbit."""
    head = (
        "skyrack: 1\nname: x\nepoch: 2026-08-11T00:00:00Z\nduration: 10 s\ntick: 1 s\nseed: 1\nstations: []\n"
        "environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}\n"
        "spacecraft:\n  - id: one\n    design: pathfinder\n    orbit:\n"
    )
    return load_text(head + orbit + "\n")


def mistakes_of(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        parse_catalogue(text, "x")
    return [str(mistake) for mistake in caught.value.mistakes]


def test_an_omm_flies_as_the_sgp4_library_reads_it() -> None:
    """Against the library's own reader of OMM, to the last digit that goes in: plant and ground, a day on."""
    full = {**OMM, "MEAN_ANOMALY": 19.98001234, "MEAN_MOTION": 15.217784840123, "ECCENTRICITY": 0.00052412345}
    theirs = Satrec()
    library.initialize(theirs, {**{key: str(value) for key, value in full.items()}})
    for text in (json.dumps([full], indent=1), json.dumps(full), csv_of(full)):
        (elements,) = parse_catalogue(text, "x").elements
        assert (elements.name, elements.catalogue_number) == ("STARCLOUD-1", 66303)
        ours = satellite(elements.orbit)
        for day in (0.0, 0.3, 1.0):
            there = theirs.sgp4(theirs.jdsatepoch, theirs.jdsatepochF + day)[1]
            assert ours.sgp4(theirs.jdsatepoch, theirs.jdsatepochF + day)[1] == pytest.approx(there, abs=1e-5)
    whole = f"{elements.epoch:%Y-%m-%dT%H:%M:%S.%f}Z"
    ground = propagator(elements.orbit, Epoch.of(whole))(86400.0)
    truth, _ = Sgp4(satellite(elements.orbit), Epoch.of(whole)).at(86400.0)
    there = theirs.sgp4(theirs.jdsatepoch, theirs.jdsatepochF + 1.0)[1]
    assert truth == ground == pytest.approx([1e3 * x for x in there], abs=1e-2)  # its epoch is good to 0.5 us: 4 mm


def test_what_an_omm_says_is_written_down_to_the_last_digit(tmp_path: Path) -> None:
    full = {
        **OMM,
        "MEAN_ANOMALY": 19.980012345678,
        "BSTAR": 1e-05,
        "MEAN_MOTION_DDOT": -3e-21,
        "NORAD_CAT_ID": 987654321,
    }
    (tmp_path / "one.json").write_text(json.dumps(full))
    text, _ = scenario_text(tmp_path / "one.json", ["987654321"], Flight(design="pathfinder"))
    orbit = load_text(text).spacecraft[0].orbit
    assert isinstance(orbit, OmmOrbit)
    (elements,) = parse_catalogue(json.dumps(full), "x").elements
    assert orbit == elements.orbit.model_copy(update={"source": "one.json, line 1"})
    assert orbit.catalogue_number == 987654321 and orbit.mean_anomaly_deg == 19.980012345678 and orbit.bstar == 1e-05
    assert Scenario.model_validate_json(load_text(text).to_json()).spacecraft[0].orbit == orbit


def test_an_omm_and_the_lines_that_celestrak_publishes_with_it_are_one_orbit() -> None:
    (elements,) = parse_catalogue(json.dumps(OMM), "x").elements
    lines = tle.parse_tle(STAR1, STAR2)
    assert elements.epoch == pytest.approx(lines.epoch, abs=timedelta(milliseconds=1))
    here, there = (satellite(one.orbit).sgp4(2461263.5, 0.4)[1] for one in (elements, lines))
    assert here == pytest.approx(there, abs=0.05)


@pytest.mark.parametrize("keyword", [*KEYWORDS, "EPHEMERIS_TYPE", "OBJECT_NAME", "TLE_LINE1"])
@pytest.mark.parametrize("value", ["four", None, True, [1], {}, "", float("inf"), float("nan"), -1e12, "1e999"])
def test_each_field_that_is_wrong_is_named_in_our_words(keyword: str, value: object) -> None:
    needed = keyword in KEYWORDS
    text = isinstance(value, str) and keyword in ("OBJECT_NAME", "TLE_LINE1")
    if text or (value in (None, "") and not needed):
        assert len(parse_catalogue(json.dumps({**OMM, keyword: value}), "x").elements) == 1
        return
    (said,) = mistakes_of("\n[" + json.dumps({**OMM, keyword: value}) + "]")
    assert said.startswith("x:2:1: ") and f"{keyword}: found " in said and "; allowed: " in said
    assert not re.search(r"float|int\(|list\b(?<!a list)|dict|bool|NoneType|Invalid|literal|must be in|isoformat", said)
    if keyword in KEYWORDS:
        missing = {key: v for key, v in OMM.items() if key != keyword}
        assert f"{keyword}: found nothing" in mistakes_of(json.dumps(missing))[0]


@pytest.mark.parametrize(
    ("year", "flies"),
    [("0001", False), ("1926", False), ("1956", False), ("1957", True), ("2056", True), ("2057", False),
     ("2061", False), ("2156", False), ("9999", False)],
)  # fmt: skip
def test_an_omm_has_four_digits_of_year(year: str, flies: bool) -> None:
    text = json.dumps({**OMM, "EPOCH": f"{year}-03-01T00:00:00"})
    if flies:
        assert parse_catalogue(text, "x").elements[0].epoch == datetime(int(year), 3, 1, tzinfo=UTC)
    else:
        assert mistakes_of(text)[0].endswith("; allowed: a time from 1957 to 2056")


def test_lines_and_numbers_in_one_record() -> None:
    beside = {"TLE_LINE1": STAR1, "TLE_LINE2": STAR2}
    for more in (beside, {"TLE_LINE1": "", "TLE_LINE2": ""}, {"TLE_LINE1": None, "TLE_LINE2": "x"}):
        (elements,) = parse_catalogue(json.dumps({**OMM, **more}), "x").elements
        assert isinstance(elements.orbit, OmmOrbit)
    (elements,) = parse_catalogue(json.dumps({"OBJECT_NAME": "S", **beside}), "x").elements
    assert isinstance(elements.orbit, TleOrbit) and elements.catalogue_number == 66303
    (said,) = mistakes_of(json.dumps({**OMM, **beside, "MEAN_ANOMALY": 20.5}))
    assert "TLE_LINE1: found lines of another orbit or epoch than the numbers beside them" in said
    (said,) = mistakes_of(json.dumps({"OBJECT_NAME": "S", **beside, "TLE_LINE2": STAR2[:-1] + "0"}))
    assert "TLE_LINE2: found checksum '0'" in said


@pytest.mark.parametrize(
    ("keyword", "value"),
    [("REF_FRAME", "GCRF"), ("TIME_SYSTEM", "TAI"), ("CENTER_NAME", "MARS"), ("MEAN_ELEMENT_THEORY", "DSST"),
     ("EPHEMERIS_TYPE", 4)],
)  # fmt: skip
def test_elements_that_are_not_sgp4s_are_refused_by_their_keyword(keyword: str, value: object) -> None:
    assert f"'STARCLOUD-1' {keyword}: found " in mistakes_of(json.dumps({**OMM, keyword: value}))[0]


def test_an_omm_in_a_scenario_is_refused_where_its_value_stands() -> None:
    record = json.dumps(OMM).replace('"', "")
    good = f"      omm: {{source: x, propagator: sgp4, record: {record}}}".replace("2026-08-10T", "2026-08-10 ")
    with pytest.raises(ScenarioError, match="EPOCH"):
        flown(good.replace("21:58:47.280864", "'21:58'"))
    text = "      omm:\n        source: x\n        propagator: sgp4\n        record: " + json.dumps(OMM) + "\n"
    orbit = flown(text).spacecraft[0].orbit
    assert isinstance(orbit, OmmOrbit) and (orbit.source, orbit.propagator) == ("x", "sgp4")
    with pytest.raises(ScenarioError) as caught:
        flown(text.replace("0.000524,", "1.000524,"))
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.field) == (16, "spacecraft[0].orbit.omm.record.ECCENTRICITY")


def test_two_and_three_line_files_and_mixtures() -> None:
    text = f"0 VANGUARD 1\n{LINE1}\n{LINE2}\n\n# comment\n{STAR1}\r\n{STAR2}\r\nVANGUARD AGAIN\n{LINE1}\n{LINE2}"
    catalogue = parse_catalogue(text, "x")
    assert [(e.name, e.line) for e in catalogue.elements] == [("VANGUARD 1", 2), ("", 6), ("VANGUARD AGAIN", 9)]
    assert catalogue.bad_count == 0


def test_bad_entries_are_said_by_line_and_do_not_hide_good_ones() -> None:
    text = f"A\n{LINE1[:-1]}9\n{LINE2}\nB\n{STAR1}\n{STAR2}\nC\n{LINE1}\nD\n{STAR2}\n"
    catalogue = parse_catalogue(text, "x.3le")
    assert [e.name for e in catalogue.elements] == ["B"]
    assert str(catalogue.bad[0].mistake).startswith("x.3le:2:69: 'A' line 1: found checksum '9'; allowed: 3")
    assert [b.mistake.line for b in catalogue.bad] == [2, 8, 10]
    rows = parse_catalogue(csv_of(OMM, {**OMM, "BSTAR": "high"}, {**OMM, "ECCENTRICITY": 1.5}), "x.csv")
    assert [(b.mistake.line, b.mistake.field) for b in rows.bad] == [
        (3, "'STARCLOUD-1' BSTAR"), (4, "'STARCLOUD-1' ECCENTRICITY"),
    ]  # fmt: skip
    bad = json.dumps({**OMM, "EPOCH": "today"})
    entries = parse_catalogue("[\n" + json.dumps(OMM) + ",\n" + bad + ",\n{oops", "x.json")
    assert [(b.mistake.line, b.mistake.column) for b in entries.bad] == [(3, 1), (4, 2)]


@pytest.mark.parametrize("text", ["", "hello", "a,b\n1,2\n", "[]", "{}", "[[[[", "null", "1 2 3\n"])
def test_files_of_no_known_format(text: str) -> None:
    with pytest.raises(ScenarioError):
        parse_catalogue(text, "x")


def test_selection_by_glob_or_number_keeps_the_newest_set_of_an_object() -> None:
    newer = {**OMM, "EPOCH": "2026-08-11T21:58:47.280864"}
    catalogue = parse_catalogue(csv_of(OMM, newer, {**OMM, "NORAD_CAT_ID": 7, "OBJECT_NAME": "OTHER"}), "x")
    chosen = select(catalogue, ["starcloud*", "7"])
    assert [e.catalogue_number for e in chosen.elements] == [66303, 7]
    assert select(catalogue, ["66303"]).elements[0].epoch.day == 11
    assert chosen.notes == (
        "STARCLOUD-1: 2 sets of this object; that of line 3 flies, epoch 2026-08-11T21:58:47Z, the newest",
    )
    with pytest.raises(ScenarioError, match="a name, a glob or a NORAD number of the 3 sets"):
        select(catalogue, ["STARLINK*"])


def test_two_sets_of_one_object_and_epoch_are_said() -> None:
    text = f"A\n{STAR1}\n{STAR2}\nA\n{STAR1}\n{summed(STAR2.replace('186.4206', '187.4206'))}\n"
    chosen = select(parse_catalogue(text, "x"), ["A", "66303"])
    assert [e.line for e in chosen.elements] == [2]
    assert chosen.notes[0].endswith("the first of this epoch (again on line 5)")


def test_the_reasons_of_a_selection_are_its_own() -> None:
    bad = "".join(f"WRECK {n}\n{LINE1[:-1]}9\n{LINE2}\n" for n in range(4)) + f"BEACON\n{STAR1[:-1]}7\n{STAR2}\n"
    catalogue = parse_catalogue(f"{bad}B\n{STAR1}\n{STAR2}\n", "x.3le")
    for pattern in ("BEACON", "bea*"):
        with pytest.raises(ScenarioError) as caught:
            select(catalogue, [pattern])
        assert [m.line for m in caught.value.mistakes] == [0, 14]
        assert "'BEACON' line 1: found checksum '7'" in str(caught.value)
    with pytest.raises(ScenarioError) as caught:
        select(catalogue, ["NOBODY"])
    assert [m.line for m in caught.value.mistakes] == [0]
    assert select(catalogue, ["B"]).notes == ()
    (note,) = select(catalogue, ["B*"]).notes
    assert note.startswith("1 bad entries of the selection were left out, the first: x.3le:14:69: 'BEACON' line 1")
    assert select(catalogue, ["66303"]).notes[0].startswith("1 bad entries of the selection")


PROSE = [
    "STARCLOUD, FRAGMENT 2", "# elements, 1 September", "[FRAGMENT] STARCLOUD", "1 STARCLOUD", "2 STARCLOUD", "{oops",
    "<html><body><pre>", "EPOCH = see below", "a, b, c; d", '"',
    "Nach Bahnen fragten Sie; hier sind einige, ohne Gewähr.",
]  # fmt: skip


@pytest.mark.parametrize("prose", PROSE)
def test_good_sets_fly_with_any_prose_before_between_and_after(prose: str) -> None:
    text = f"{prose}\n\nVANGUARD 1\n{LINE1}\n{LINE2}\n{prose}\n{prose}\nS\n{STAR1}\n{STAR2}\n{prose}\n"
    catalogue = parse_catalogue(text, "x")
    assert [(e.name, e.line) for e in catalogue.elements] == [("VANGUARD 1", 4), ("S", 9)] and not catalogue.bad
    assert len(parse_catalogue(f"{prose}\n{STAR1}\n{STAR2}\n", "x").elements) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CCSDS_OMM_VERS = 2.0\nOBJECT_NAME = A\nEPOCH = 2026-01-01T00:00:00\nMEAN_MOTION = 15\n", "KEY = VALUE lines"),
        ("<?xml version='1.0'?>\n<ndm><omm/></ndm>", "XML, such as an OMM in XML"),
        ("<!DOCTYPE html><title>404</title><body>No <b>such</b> group", "a page of HTML that begins with '404 No such"),
        ("Dear customer,\nnothing today.\n", "no element set; it begins with 'Dear customer, nothing today.'"),
        ("EPOCH,MEAN_MOTION,ECCENTRICITY,INCLINATION\n1,2,3,4\n", "no column NORAD_CAT_ID, RA_OF_ASC_NODE"),
        ("", "no text"),
    ],
)
def test_a_file_of_another_kind_is_recognised_in_one_sentence(text: str, said: str) -> None:
    (mistake,) = mistakes_of(text)
    assert said in mistake


def test_a_csv_may_have_prose_above_and_other_separators() -> None:
    text = "# of 1 September\n\n" + csv_of(OMM).replace(",", ";")
    assert [(e.name, e.line) for e in parse_catalogue(text, "x").elements] == [("STARCLOUD-1", 4)]


def test_nothing_of_a_list_is_dropped_unsaid() -> None:
    one, two = json.dumps(OMM), json.dumps({**OMM, "NORAD_CAT_ID": 8})
    lines = parse_catalogue(f"{one}\n{two}\n", "x")
    assert [e.line for e in lines.elements] == [1, 2], "JSON lines"
    assert not lines.bad
    assert len(parse_catalogue(f"[{one}]\n[{two}]", "x").elements) == 1
    for text, line, said in (
        (f"[{one},\n{two},\n", 3, "the end of the file within a list"),
        (f"[{one}]\n[{two}]", 2, "'[{"),
        (f"[{one}] and more", 1, "'and more'"),
    ):
        (bad,) = parse_catalogue(text, "x").bad
        assert (bad.mistake.line, bad.mistake.found[: len(said)]) == (line, said)


@pytest.mark.parametrize("key", ["INCLINATION", "epoch"])
def test_a_key_given_twice_is_named(key: str) -> None:
    text = json.dumps(OMM)[:-1] + f', "{key}": 5}}'
    (mistake,) = mistakes_of(text)
    assert f"'STARCLOUD-1' {key.upper()}: found it twice; allowed: once" in mistake
    head, row = csv_of(OMM).split()
    (mistake,) = mistakes_of(f"{head},{key}\n{row},5\n")
    assert f"header: found column '{key.upper()}' twice" in mistake


def test_a_number_without_end_is_named() -> None:
    (mistake,) = mistakes_of(json.dumps(OMM).replace("66303", "9" * 5000))
    assert "NORAD_CAT_ID: found an infinite number" in mistake


def test_a_selection_becomes_a_scenario_that_flies(tmp_path: Path) -> None:
    path = tmp_path / "two.3le"
    path.write_text(f"STARCLOUD-1\n{STAR1}\n{STAR2}\n7TH HEAVEN (X)\n{LINE1[:-1]}9\n{LINE2}\n")
    text, notes = scenario_text(path, ["*"], Flight(design="pathfinder", stations=["svalbard"]))
    flown = load_text(text)
    assert [s.id for s in flown.spacecraft] == ["starcloud-1"]
    assert flown.epoch_utc == "2026-08-10T21:58:48Z"
    assert flown.ticks == 2 * 5678 - 1  # two orbits of 5677.57 s
    assert notes[0].startswith("1 bad entries of the selection were left out")
    assert "epoch 2026-08-10T21:58:48Z: that of the newest elements (STARCLOUD-1)" in notes[1]
    assert "taken for granted" in notes[2]
    with pytest.raises(ScenarioError, match="did you mean pathfinder"):
        choose(RunOptions(tle=path, select=("*",), design="pathfinders"))


def test_ids_are_made_of_names_and_stay_apart(tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    path.write_text(csv_of(OMM, {**OMM, "NORAD_CAT_ID": 8}, {**OMM, "NORAD_CAT_ID": 9, "OBJECT_NAME": "2nd & LAST"}))
    text, _ = scenario_text(path, ["*"], Flight(design="pathfinder"))
    flown = load_text(text).spacecraft
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


_LETTERS = st.characters(exclude_characters="\r\n{}[]<")
_PROSE = st.text(_LETTERS, max_size=48).filter(lambda t: not re.match(r"\s*[12] ", t))


@settings(max_examples=200)
@given(st.lists(_PROSE, min_size=3, max_size=3))
def test_any_prose_leaves_good_sets_as_they_are(prose: list[str]) -> None:
    text = f"{prose[0]}\nA\n{LINE1}\n{LINE2}\n{prose[1]}\nB\n{STAR1}\n{STAR2}\n{prose[2]}\n"
    catalogue = parse_catalogue(text, "x")
    assert [(e.name, e.line) for e in catalogue.elements] == [("A", 3), ("B", 7)] and not catalogue.bad


@settings(max_examples=200)
@given(
    st.sampled_from([*KEYWORDS, "OBJECT_NAME", "EPHEMERIS_TYPE"]), st.text(max_size=30) | st.integers() | st.floats()
)
def test_any_value_of_any_field_flies_or_is_named(keyword: str, value: object) -> None:
    try:
        parse_catalogue(json.dumps({**OMM, keyword: value}), "x")
    except ScenarioError as error:
        assert keyword in error.mistakes[0].field or "SGP4 rejects" in error.mistakes[0].found
        assert error.mistakes[0].allowed
