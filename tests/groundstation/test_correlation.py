"""Time correlation: offset and drift out of time reports, delayed copies among them, and after a step."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from bus.correlation import dated_ns
from groundstation.telemetry.correlation import MAX_POINTS, STEPPED_AFTER, Estimate, Track, correlate
from node.devices.clock import Clock
from node.devices.device import DeviceForm
from tests.kits.runs import TINY, fly, write

S = 10**9


class Link:
    """A clock that is `ahead_s` ahead and gains `ppb`, reported every 16 s."""

    def __init__(self, ahead_s: float, ppb: int) -> None:
        self.track, self.ahead_s, self.ppb, self.sequence = Track(), ahead_s, ppb, 0

    def report(self, at_s: int, late_s: int = 0) -> Estimate | None:
        sent_ns = at_s * S
        obt_ns = sent_ns + sent_ns * self.ppb // 10**9 + round(self.ahead_s * S)
        self.sequence += 1
        return correlate(self.track, 1, self.sequence, obt_ns, sent_ns + (1 + late_s) * S, S)


def test_offset_at_once_and_drift_after_a_minute() -> None:
    link = Link(0.25, 400)
    first = link.report(1000)
    assert first is not None and first.drift is None and first.offset_s == pytest.approx(0.2504, abs=1e-9)
    last = [link.report(1000 + 16 * n) for n in range(1, 200)][-1]
    assert last is not None and last.reports == MAX_POINTS
    assert last.drift == pytest.approx(400e-9, rel=1e-6)
    assert last.offset_s == pytest.approx(0.25 + 4184 * 400e-9, abs=1e-8)


def test_delayed_and_repeated_copies_do_not_move_the_line() -> None:
    link = Link(0.0, -300)
    estimates = [link.report(16 * n, late_s=10 if n % 3 == 0 else 0) for n in range(1, 60)]
    assert [e is None for e in estimates] == [n % 3 == 0 for n in range(1, 60)]
    last = [e for e in estimates if e][-1]
    assert last.drift == pytest.approx(-300e-9, rel=1e-6)
    link.sequence = 3
    assert link.report(2000) is None


@pytest.mark.parametrize(("step_s", "patience"), [(30.0, 1), (-30.0, STEPPED_AFTER), (-0.3, STEPPED_AFTER)])
def test_a_step_of_the_clock_begins_anew(step_s: float, patience: int) -> None:
    link = Link(0.0, 100)
    for n in range(30):
        link.report(16 * n)
    link.ahead_s = step_s
    estimates = [link.report(600 + 16 * n) for n in range(patience)]
    assert estimates[:-1] == [None] * (patience - 1)
    last = estimates[-1]
    assert last is not None and last.reports == 1 and last.offset_s == pytest.approx(step_s, abs=1e-3)


def test_the_archive_of_a_run_knows_the_drift(tmp_path: Path) -> None:
    out = tmp_path / "out"
    fly(out, write(tmp_path, TINY.replace("60 s", "240 s")), "--in-process")
    with sqlite3.connect(out / "archive.sqlite") as archive:
        rows = archive.execute("SELECT offset_s, drift, reports FROM time_correlation ORDER BY received_ns").fetchall()
    truth = Clock(DeviceForm("clock", ()), 7, "sc-1")._drift_ppb / 1e9
    assert len(rows) > 8
    assert rows[-1][1] == pytest.approx(truth, abs=1e-9)


@pytest.mark.parametrize(("ahead_s", "ppb"), [(0.0, 0), (3600.0, 0), (-7200.0, 500), (1e6, -2000)])
def test_a_stamp_is_dated_by_the_line_and_not_by_the_clock(ahead_s: float, ppb: int) -> None:
    link = Link(ahead_s, ppb)
    assert link.track.line is None
    for n in range(40):
        link.report(16 * n)
    for at_s in (100, 624, 3000):
        stamp_ns = at_s * S + at_s * S * ppb // 10**9 + round(ahead_s * S)
        assert link.track.line and dated_ns(link.track.line, stamp_ns) == pytest.approx(at_s * S, abs=20_000)
