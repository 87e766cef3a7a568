"""Service levels against numbers made by hand: what was told, what was not, and why; a flight beside its truth."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from bus.dictionary import Dictionary, Parameter, Structure
from faults.report.levels import figure_in_words, service_levels
from groundstation.archive.levels import FIGURES, Levels, all_levels, rank, read_levels
from groundstation.archive.reader import ArchiveReader
from groundstation.archive.writer import Archive
from tests.kits.ground_kit import SECOND_NS
from tests.kits.runs import TINY, fly_text, skyrack

NAMES = (
    "levels_counted_s", "accelerator_work_s", "accelerator_ready_s", "payload_energy_j", "jobs_done", "job_p99_s.0",
    "job_p99_s.1",
)  # fmt: skip
WORDS = Dictionary(
    design="test",
    parameters=tuple(Parameter(name=name, unit="", type="float", description=name) for name in NAMES),
    structures=(Structure(id=6, name="levels", parameters=NAMES, interval_s=60.0),),
    events=(),
    telecommands=(),
    codes={},
)


def told(path: Path, rows: list[tuple[float, ...]], commands: list[tuple[int, int, int]] = []) -> ArchiveReader:  # noqa: B006
    """Reports once an hour, and telecommands (asked, first sent, completed, in seconds)."""
    archive = Archive(path, durable=False)
    records: list[tuple[object, ...]] = [
        ("dictionaries", WORDS.version, "test", WORDS.model_dump_json()),
        ("spacecraft", "sat-1", "test", WORDS.version),
    ]
    for hour, values in enumerate(rows, 1):
        payload = struct.pack(f"<{len(values)}d", *values)
        at_ns = hour * 3600 * SECOND_NS
        records.append(
            ("packets", "sat-1", 1, 3, hour, 21, at_ns, at_ns + SECOND_NS, "pole", 6, 0,
             bytes.fromhex(WORDS.version), payload)
        )  # fmt: skip
    for request, (asked, sent, done) in enumerate(commands, 1):
        state = "COMPLETED" if done else "EXPIRED"
        asked_ns = asked * SECOND_NS
        records += [
            ("telecommands", 1, request, "sat-1", "test.ping", "{}", "operator", asked_ns, 0, state, 1,
             done * SECOND_NS, ""),
            ("telecommand_log", 1, request, 1, asked_ns, "asked", "QUEUED", ""),
            ("telecommand_log", 1, request, 2, sent * SECOND_NS, "radiated", "SENT", ""),
            ("telecommand_log", 1, request, 3, sent * SECOND_NS + 1, "radiated", "SENT", ""),
        ]  # fmt: skip
    archive.write(records)
    archive.close()
    return ArchiveReader(path)


def test_figures_by_hand(tmp_path: Path) -> None:
    archive = told(
        tmp_path / "a.sqlite",
        [
            (3600.0, 3600.0 * 6, 1800.0, 3.6e7, 1.0, 0.2, 0.0),
            (7200.0, 3600.0 * 14, 5400.0, 7.2e7, 3.0, 0.6, 0.0),
            (10_800.0, 3600.0 * 20, 8100.0, 1.08e8, 6.0, 0.3, 0.0),
        ],
        [(0, 100, 130), (10, 110, 700), (20, 5000, 5010), (30, 6000, 0)],
    )
    levels = read_levels(archive, "sat-1")
    assert levels.until_s == 10_801.0  # nothing is known of the clock: by the time of receipt
    assert levels.accelerator_hours == 20.0
    assert levels.availability == 0.75
    assert levels.energy_kwh == pytest.approx(30.0)
    assert levels.energy_per_accelerator_hour_kwh == pytest.approx(1.5)
    assert levels.jobs_done == 6 and levels.jobs_per_hour == pytest.approx(6 / 3.0002777777777778)
    assert (levels.inference_p99_s, levels.inference_p99_worst_s) == (0.3, 0.6)
    # latencies 130, 690, 4990 s; waits 100, 100, 4980 s; the one that expired is none
    assert (levels.telecommands, levels.command_latency_s, levels.command_latency_worst_s) == (3, 690.0, 4990.0)
    assert levels.command_wait_s == 100.0
    assert levels.unknown == {}


def test_what_nobody_told_is_unknown_and_says_why(tmp_path: Path) -> None:
    levels = read_levels(told(tmp_path / "a.sqlite", []), "sat-1")
    assert all(getattr(levels, figure) is None for figure in FIGURES)
    assert set(levels.unknown) == set(FIGURES)
    assert levels.unknown["accelerator_hours"] == "no telemetry has told it"
    assert levels.unknown["command_latency_s"] == "no telecommand has completed"


def test_no_work_is_zero_hours_and_no_energy_for_each(tmp_path: Path) -> None:
    levels = read_levels(told(tmp_path / "a.sqlite", [(3600.0, 0.0, 0.0, 3.6e6, 0.0, 0.0, 0.0)]), "sat-1")
    assert (levels.accelerator_hours, levels.availability, levels.energy_kwh) == (0.0, 0.0, 1.0)
    assert levels.energy_per_accelerator_hour_kwh is None
    assert levels.unknown["energy_per_accelerator_hour_kwh"] == "no accelerator has worked"
    assert "inference_p99_s" in levels.unknown


def test_a_spacecraft_without_an_archive_is_unknown(tmp_path: Path) -> None:
    (levels,) = all_levels(ArchiveReader(tmp_path / "none.sqlite"), ["sat-1"]).values()
    assert set(levels.unknown) == set(FIGURES) and levels.accelerator_hours is None


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.25, 1.0), (0.26, 2.0), (0.5, 2.0), (0.75, 3.0), (0.99, 4.0), (1.0, 4.0)]
)
def test_nearest_rank(share: float, value: float) -> None:
    assert rank([4.0, 1.0, 3.0, 2.0], share) == value


def test_every_figure_has_words_and_unknown_is_never_a_number() -> None:
    for figure in FIGURES:
        assert figure_in_words(figure, None) == "unknown"
        assert any(sign.isdigit() for sign in figure_in_words(figure, 3.0))
    html = service_levels({"spacecraft": {"sat-1": {"belief": vars_of(Levels()), "truth": vars_of(Levels())}}})
    assert "nothing was received" in html and html.count("unknown") == 2 * len(FIGURES)
    many = {f"sat-{n}": {"belief": vars_of(Levels()), "truth": vars_of(Levels())} for n in range(100)}
    assert "80 more spacecraft are in summary.json" in service_levels({"spacecraft": many})


def vars_of(levels: Levels) -> dict[str, object]:
    return {name: getattr(levels, name) for name in levels.__dataclass_fields__}


def test_a_flight_beside_its_truth(tmp_path: Path) -> None:
    """What is believed is what was true, but for the seconds at the beginning and the end, and noise of one watt."""
    summary = fly_text(TINY.replace("60 s", "20 min").replace("stations: [svalbard]", "stations: [svalbard, tromso]"),
                       tmp_path)  # fmt: skip
    sides = summary["service_levels"]["spacecraft"]["sc-1"]
    belief, truth = sides["belief"], sides["truth"]
    assert belief["until_s"] is not None and truth["until_s"] == 1200.0
    rate_s = truth["accelerator_hours"] * 3600.0
    missing_s = 1200.0 - belief["until_s"] + 10.0
    assert rate_s - missing_s - 1.0 <= belief["accelerator_hours"] * 3600.0 <= rate_s + 10.0
    assert belief["energy_kwh"] == pytest.approx(truth["energy_kwh"], rel=(missing_s + 10.0) / 1000.0)
    assert 0.0 < belief["availability"] <= 1.0
    assert "availability" in truth["unknown"] and truth["availability"] is None
    answer = skyrack("archive", "levels", tmp_path / "run", "--json")
    assert json.loads(answer.stdout)["sc-1"]["accelerator_hours"] == belief["accelerator_hours"]
    shown = skyrack("archive", "levels", tmp_path / "run")
    assert "Accelerator-hours delivered" in shown.stdout and shown.returncode == 0
    assert "Service levels" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
