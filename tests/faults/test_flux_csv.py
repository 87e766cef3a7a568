"""Tables of proton flux: what is read, repaired and said, what is refused; background, fill values, parts of events."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Refused, ScenarioError
from faults.scenarios.flux_csv import QUIET_RATIO, Flux, Wanted, background, read_flux
from node.plant.radiation.shielding import ENERGIES_MEV

HEADER = "utc,gt1MeV_pfu,gt10MeV_pfu,gt50MeV_pfu,gt100MeV_pfu\n"
TOP = 1 + ENERGIES_MEV.index(100.0)


def read(text: str, **wanted: object) -> Flux:
    return read_flux(text, "flux.csv", Wanted(**wanted))  # type: ignore[arg-type]


def mistake(text: str, **wanted: object) -> str:
    with pytest.raises(ScenarioError) as caught:
        read(text, **wanted)
    (one,) = caught.value.mistakes
    return str(one)


def line(minute: float, *fluxes: object) -> str:
    moment = datetime(2025, 3, 1, 6, tzinfo=UTC) + timedelta(minutes=minute)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}," + ",".join(str(f) for f in fluxes) + "\n"


def table(fluxes: list[tuple[float, float]], channels: str = ">=10 MeV (pfu),>=50 MeV (pfu),>=100 MeV (pfu)") -> str:
    """(minute, flux above 10 MeV) -> a table with a fifth of it above 50 and a tenth above 100 MeV."""
    return f"time_tag,{channels}\n" + "".join(line(m, f, round(0.2 * f, 6), round(0.1 * f, 6)) for m, f in fluxes)


def wide(minutes: list[int], peak: float = 200.0) -> str:
    rows = [
        line(m, f"{10 * f:.4f}", f"{f:.4f}", f"{0.1 * f:.5f}", f"{0.05 * f:.5f}")
        for m in minutes
        for f in [0.2 + peak * m / max(minutes)]
    ]
    return HEADER + "".join(rows)


SHORT = table([(5 * n, 3.0 + 90.0 * n) for n in range(10)])
"""An event of 45 minutes, with no quiet hour before it."""
QUIET_THEN_EVENT = [(5 * n, 3.0) for n in range(16)] + [(75 + 5 * n, 3.0 + 60.0 * n) for n in range(1, 25)]


def test_a_table_becomes_samples() -> None:
    flux = read(wide(list(range(0, 600, 5))), onset_s=5000.0, background="keep")
    assert flux.samples[0][0] == 5000.0 and flux.samples[-1][0] == 5000.0 + 595 * 60.0
    assert flux.samples[-1][1] == pytest.approx(200.2) and flux.samples[-1][TOP] == pytest.approx(10.01)
    assert (np.diff(np.array(flux.samples)[:, 1:], axis=1) <= 0.0).all()
    assert any("power law" in note for note in flux.notes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (wide([0, 5]).replace("gt10MeV_pfu", "gt10MeV_cm-2s-1"), "flux.csv:1:1: found column 'gt10MeV_cm-2s-1'"),
        (wide([0, 5]).replace("utc", "when"), "flux.csv:1:1: found no columns of times; allowed: exactly one"),
        (wide([0, 5]).replace("gt1MeV", "gt10MeV"), "flux.csv:1:1: found two columns above 10 MeV"),
        (wide([*range(0, 100, 5), *range(300, 600, 5)]), "flux.csv:22:1: found gap of 3.4 h"),
        (wide([0, 5, 5, 10]), "flux.csv:4:1: found time '2025-03-01T06:05:00Z'; allowed: one after the line before"),
        (wide([0, 5, 10]).replace("T06:05:00Z", ""), "flux.csv:3:1: found '2025-03-01', a date without a time in the"),
        (wide([0, 5, 10]).replace("200.2000", "much"), "flux.csv:4:1: found 'much' in column 3; allowed: a number"),
        (HEADER, "flux.csv:1:1: found 1 lines"),
        ("", "flux.csv:1:1: found an empty table"),
        ("utc,gt10MeV_pfu,gt50MeV_pfu\n" + line(0, 1, 1) + line(5, 1, 1), "flux.csv:1:1: found channels from 10 to 50"),
        (HEADER + line(0, 1, 2, 3, 4) * 1 + line(5, 1, 2, 30, 40), "flux that grows with energy, as in most rows"),
        (HEADER + line(0, 9, 8, "", "") + line(5, 9, 8, "NA", 1), "found 1 usable rows (1 rows without enough data"),
    ],
)  # fmt: skip
def test_a_bad_table_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in mistake(text)


def test_lines_are_counted_as_an_editor_does() -> None:
    text = (
        wide([0, 5, 10])
        .replace("\n", "\r\n")
        .replace("06:10:00Z", "06:10")
        .replace(HEADER[:-1], f"# mine\r\n\r\n{HEADER[:-1]}")
    )
    assert mistake(text).startswith("flux.csv:6:1: found '2025-03-01T06:10'")


def test_gaps_are_interpolated_only_when_asked_and_holes_are_said() -> None:
    flux = read(wide([*range(0, 100, 5), *range(300, 600, 5)]), gaps="interpolate")
    assert any("gap of 3.4 h before line 22: interpolated" in note for note in flux.notes)
    rows = wide(list(range(0, 60, 5))).splitlines()
    for word in ("", "NA", "-1", "-99999", "null", "nan", r"\N"):
        no_middle = [*rows[:5], rows[5].rsplit(",", 2)[0] + f",{word}," + rows[5].rsplit(",", 1)[1], *rows[6:]]
        assert any(">50 MeV missing from 1 rows, the first on line 6" in n for n in read("\n".join(no_middle)).notes)
        no_top = [*rows[:5], rows[5].rsplit(",", 1)[0] + f",{word}", *rows[6:]]
        assert any("left out, the first on line 6" in note for note in read("\n".join(no_top)).notes)


def test_an_event_without_a_quiet_hour_is_not_its_own_background() -> None:
    quiet, kept = read(SHORT), read(SHORT, background="keep")
    assert quiet.samples == kept.samples
    assert any("no quiet hour in the table, so no background is taken away: >10 MeV" in n for n in quiet.notes)


def test_a_quiet_hour_is_taken_away() -> None:
    flux = read(table(QUIET_THEN_EVENT))
    assert "quiet-time background taken away (pfu): >10 MeV 3, >50 MeV 0.6, >100 MeV 0.3" in flux.notes
    assert flux.samples[0][1] == 0.0 and flux.samples[-1][1] == pytest.approx(60.0 * 24)


@pytest.mark.parametrize("minutes", [10, 59, 61, 119])
@pytest.mark.parametrize("step", [1, 5, 60])
@pytest.mark.parametrize("missing", [0, 3])
def test_background_is_an_hour_that_was_there_and_quiet(minutes: int, step: int, missing: int) -> None:
    rising = [(m, 3.0 + 18.0 * m) for m in range(0, minutes, step) if not missing or m % (7 * missing)]
    if len(rising) >= 2 and step < 60:
        assert read(table(rising)).samples == read(table(rising), background="keep").samples
    flat = [(m, 3.0) for m in range(0, minutes, step) if not missing or m % (7 * missing) or not m]
    if len(flat) >= 2:
        taken = read(table(flat)).samples[0][1] == 0.0
        assert taken == (len(range(0, minutes, step)) * step >= 60)


@settings(max_examples=200)
@given(
    st.lists(st.one_of(st.floats(0.0, 1e4), st.just(math.nan)), min_size=2, max_size=60),
    st.sampled_from([60.0, 300.0, 900.0, 3600.0]),
    st.data(),
)
def test_no_background_is_more_than_a_few_times_the_least_value(
    values: list[float], step: float, data: st.DataObject
) -> None:
    skipped = data.draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values)))
    times = np.cumsum(np.array(skipped) * step)
    fluxes = np.array([values]).T
    for energy in (10.0, 100.0):
        (level,) = background(times, fluxes, np.array([energy]))
        if not math.isnan(level):
            assert level <= 1.001 * min(QUIET_RATIO * np.nanmin(fluxes), 100.0 / energy)


FILLS = ["9999", "99999", "99999.9", "999999", "1e20", "1e31", "9.96921e36", "inf"]


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("columns", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 1, 2)])
def test_fill_values_do_not_fly(fill: str, columns: tuple[int, ...]) -> None:
    rows = table(QUIET_THEN_EVENT).splitlines()
    clean = read("\n".join(rows))
    cells = rows[25].split(",")
    for column in columns:
        cells[1 + column] = fill
    flux = read("\n".join([*rows[:25], ",".join(cells), *rows[26:]]))
    assert any("on line 26" in note for note in flux.notes)
    by_time = {row[0]: row for row in clean.samples}
    for row in flux.samples:
        assert row[1:] == pytest.approx(by_time[row[0]][1:], rel=1e-6) or row[0] == 24 * 300.0
        assert max(row[1:]) <= 1.1 * max(r[1] for r in clean.samples)


@pytest.mark.parametrize("cells", ["200,9000,30", "500,500,500", "20000,20000,20000", "0.5,60,60"])
def test_rows_that_cannot_have_been_are_left_out_with_their_line(cells: str) -> None:
    rows = table(QUIET_THEN_EVENT).splitlines()
    moment = rows[30].split(",")[0]
    flux = read("\n".join([*rows[:30], f"{moment},{cells}", *rows[31:]]))
    assert len(flux.samples) == len(rows) - 2
    assert any("left out, the first on line 31" in note for note in flux.notes)


@settings(max_examples=200)
@given(
    st.lists(
        st.lists(st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.sampled_from([9999.0, 1e31, 1.0, 0.0])),
                 min_size=3, max_size=3),
        min_size=2, max_size=20,
    )
)  # fmt: skip
def test_no_table_that_is_taken_is_more_than_a_sun_ever_sent(rows: list[list[float]]) -> None:
    text = "utc,gt10MeV_pfu,gt50MeV_pfu,gt100MeV_pfu\n" + "".join(line(5 * n, *row) for n, row in enumerate(rows))
    try:
        flux = read(text, gaps="interpolate")
    except ScenarioError as error:
        assert error.mistakes[0].line >= 1
        return
    samples = np.array(flux.samples)
    assert np.isfinite(samples).all() and (samples >= 0.0).all() and (samples[:, 1:] <= 2e5).all()
    assert (np.diff(samples[:, 1:], axis=1) <= 0.0).all() and (np.diff(samples[:, 0]) > 0.0).all()


def test_begin_says_where_in_the_table_the_run_begins() -> None:
    begin = datetime(2025, 3, 1, 8, 2, 30, tzinfo=UTC)
    whole, part = (read(table(QUIET_THEN_EVENT), onset_s=60.0, begin=b) for b in (None, begin))
    assert part.samples[0][0] == 60.0 and part.samples[1][0] == 60.0 + 150.0
    assert part.samples[0][1] == pytest.approx(0.5 * (whole.samples[24][1] + whole.samples[25][1]))
    assert [row[1:] for row in part.samples[1:]] == [row[1:] for row in whole.samples[25:]]
    falling = table([(5 * n, 1000.0 / (1 + n)) for n in range(40)])
    flux = read(falling, begin=begin, background="keep")
    (said,) = [n for n in flux.notes if "peak" in n]
    assert said.startswith("the peak above 10 MeV, 1000 pfu on line 2, lies before `begin`: from there on it is 39.")
    for outside in (timedelta(days=-1), timedelta(days=1)):
        with pytest.raises(Refused, match=r"a time of the table: 2025-03-01T06:00:00Z or later, before .*T09:15"):
            read(falling, begin=begin + outside)


@pytest.mark.parametrize("value", ["32767", "12345", "8888.8"])
def test_a_lone_value_far_above_its_neighbours_flies_and_is_told(value: str) -> None:
    rows = ["time_tag,>=10 MeV (pfu),>=50 MeV (pfu),>=100 MeV (pfu)"]
    for k in range(40):
        flux = 3.0 if k < 15 else 3.0 + 60.0 * (k - 14)
        first = value if k == 24 else f"{flux:g}"
        rows.append(f"2025-03-01T{6 + k // 12:02d}:{5 * (k % 12):02d}:00Z,{first},{flux / 5:g},{flux / 10:g}")
    notes = read("\n".join(rows) + "\n").notes
    assert any("one row that stands 10 times" in note and "line 26" in note for note in notes), notes
    plain = [line.replace(f",{value},", ",603,") for line in rows]
    assert not any("neighbours" in note for note in read("\n".join(plain) + "\n").notes)
