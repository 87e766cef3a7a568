"""One list of dresses of an instant, and every reader that meets them: all read the same, or refuse by name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_element_sets import OMM
from test_scenario_file import TEXT

from bus.errors import Refused, ScenarioError
from bus.text.instants import parse_instant
from faults.scenarios.element_sets import parse_catalogue
from faults.scenarios.flux_csv import Wanted, read_flux
from faults.scenarios.from_catalogue import Flight, scenario_text
from faults.scenarios.job_trace_csv import seconds
from faults.scenarios.load import load_text

SIX = datetime(2026, 9, 1, 6, tzinfo=UTC)
READ = {
    "2026-09-01T06:00:00Z": SIX,
    "2026-09-01T06:00:00+00:00": SIX,
    "2026-09-01T09:00:00+03:00": SIX,
    "2026-09-01T00:30:00-05:30": SIX,
    "2026-09-01T09:00:00+0300": SIX,
    "2026-09-01T09:00:00+03": SIX,
    "2026-09-01t06:00:00z": SIX,
    "2026-09-01 06:00:00Z": SIX,
    "2026-09-01 06:00:00 UTC": SIX,
    "  2026-09-01T06:00:00Z ": SIX,
    "2026-09-01T06:00:00,5Z": SIX + timedelta(microseconds=500_000),
    "2026-09-01T06:00:00.123456789Z": SIX + timedelta(microseconds=123_457),
    "2026-244T06:00:00Z": SIX,
}
NO_ZONE = {"2026-09-01T06:00:00": SIX, "2026-244 06:00:00.25": SIX + timedelta(microseconds=250_000)}
REFUSED = {
    "2026-09-01T05:59:60Z": "a leap second",
    "2026-08-31T24:00:00Z": "hour 24",
    "2026-W36-2T06:00:00Z": "a week date",
    "2026-09-01": "a date without a time",
    "2026-244": "a date without a time",
    "2026-09-01T06": "a time without minutes and seconds",
    "2026-09-01T06Z": "a time without minutes and seconds",
    "2026-09-01T06:00": "a time without seconds",
    "2026-09-01T06:00+03:00": "a time without seconds",
    "2026-09-31T06:00:00Z": "which no calendar or clock has",
    "2026-366T06:00:00Z": "which no calendar or clock has",
    "2026-000T06:00:00Z": "which no calendar or clock has",
    "2026-09-01T25:00:00Z": "which no calendar or clock has",
    "2026-09-01T06:60:00Z": "which no calendar or clock has",
    "2026-09-01T06:00:00+15:00": "an offset that no place has",
    "20260901T060000Z": "",
    "01.09.2026 06:00:00": "",
    "yesterday": "",
    "2026-09-01T06:00:00Z[UTC]": "",
    "٢٠٢٦-09-01T06:00:00Z": "",
}


def omm(text: str, folder: Path) -> datetime:
    return parse_catalogue(json.dumps({**OMM, "EPOCH": text}), "x").elements[0].epoch


def flux(text: str, folder: Path) -> datetime:
    rows = f'"{text}",3,2,1\n2026-09-01T06:30:00Z,3,2,1\n2026-09-01T07:00:00Z,3,2,1\n'
    samples = read_flux("utc,gt10MeV_pfu,gt50MeV_pfu,gt100MeV_pfu\n" + rows, "x", Wanted()).samples
    return SIX + timedelta(minutes=30) - timedelta(seconds=samples[1][0])


def log(text: str, folder: Path) -> datetime:
    return datetime.fromtimestamp(seconds(text, 1.0), UTC)


def scenario(text: str, folder: Path) -> datetime:
    flown = load_text(TEXT.replace("2026-08-12T00:00:00Z", json.dumps(text, ensure_ascii=False)))
    return datetime.fromisoformat(flown.epoch_utc)


def option(text: str, folder: Path) -> datetime:
    path = folder / "one.json"
    path.write_text(json.dumps(OMM))
    made, _ = scenario_text(path, ["*"], Flight(design="pathfinder", epoch=text))
    return datetime.fromisoformat(load_text(made).epoch_utc)


Reader = Callable[[str, Path], datetime]
READERS: dict[str, Reader] = {"EPOCH": omm, "time column": flux, "": log, "epoch": scenario, "--epoch": option}
BY_NAME = pytest.mark.parametrize("field", READERS)


@BY_NAME
@pytest.mark.parametrize("dress", READ)
def test_an_instant_in_any_dress_is_the_same_instant(dress: str, field: str, tmp_path: Path) -> None:
    assert abs(READERS[field](dress, tmp_path) - READ[dress]) < timedelta(microseconds=1)


@BY_NAME
@pytest.mark.parametrize("dress", NO_ZONE)
def test_without_a_zone_files_are_utc_and_scenarios_must_say(dress: str, field: str, tmp_path: Path) -> None:
    if "epoch" in field:
        with pytest.raises(ScenarioError, match=r"a UTC time such as .* with its Z"):
            READERS[field](dress, tmp_path)
    else:
        assert abs(READERS[field](dress, tmp_path) - NO_ZONE[dress]) < timedelta(microseconds=1)


@BY_NAME
@pytest.mark.parametrize("dress", REFUSED)
def test_what_is_no_whole_instant_is_refused_by_name(dress: str, field: str, tmp_path: Path) -> None:
    with pytest.raises((ScenarioError, Refused)) as caught:
        READERS[field](dress, tmp_path)
    said = str(caught.value)
    assert REFUSED[dress] in said and field in said and "; allowed: " in said
    assert not re.search(r"isoformat|must be in|Invalid|strptime|datetime", said)


@given(
    st.datetimes(datetime(1958, 1, 1), datetime(2055, 1, 1)),
    st.integers(-14 * 60, 14 * 60),
    st.sampled_from("Tt "),
    st.sampled_from(".,"),
)
def test_every_instant_comes_back(moment: datetime, ahead: int, between: str, point: str) -> None:
    there = moment.replace(tzinfo=timezone(timedelta(minutes=ahead)))
    text = there.isoformat(between, timespec="microseconds").replace(".", point)
    assert parse_instant(text) == there


@given(st.text(max_size=80) | st.from_regex(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)?", fullmatch=True))
def test_any_text_is_an_instant_or_refused(text: str) -> None:
    try:
        assert parse_instant(text).tzinfo is UTC
    except Refused as error:
        assert error.found and error.allowed
