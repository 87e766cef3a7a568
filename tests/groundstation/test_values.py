"""Values out of an archive: three times, late and live, down-sampling, newest; the same bits by every way out."""

from __future__ import annotations

import csv
import json
import math
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import UnknownNameError
from bus.trace.reader import TraceReader
from bus.wire.codec import decode
from bus.wire.messages import Telemetry
from faults.export.write import export_command
from faults.run_directory import RunDirectory
from groundstation.archive.columns import made_of
from groundstation.archive.dating import Dating
from groundstation.archive.reader import ArchiveReader
from groundstation.archive.values import Question, buckets, newest, samples
from groundstation.archive.writer import Archive
from tests.kits.ground_kit import DICTIONARY, SECOND_NS
from tests.kits.runs import TINY, fly_text, skyrack

S = SECOND_NS
VERSION = bytes.fromhex(DICTIONARY.version)


def written(path: Path, rows: list[tuple[int, int, int, tuple[float, ...]]], ahead_s: float = 0.0) -> ArchiveReader:
    """An archive of housekeeping: (sequence, made s, received s, values), by a clock that is `ahead_s` ahead."""
    archive = Archive(path, durable=False)
    archive.write([
        ("dictionaries", DICTIONARY.version, "test", DICTIONARY.model_dump_json()),
        ("spacecraft", "sat-1", "test", DICTIONARY.version),
        ("meta", "live_within_s", "60.0"),
        *(("time_correlation", "sat-1", at * S, 1, ahead_s, 0.0, 2) for at in (10, 5000)),
        *(
            ("packets", "sat-1", 1, 3, sequence, 21, round((made + ahead_s) * S), received * S, "pole", 1, 0, VERSION,
             struct.pack(f"<{len(values)}d", *values))
            for sequence, made, received, values in rows
        ),
    ])  # fmt: skip
    archive.close()
    return ArchiveReader(path)


ROWS = [
    (0, 10, 11, (0.5, 28.0)),
    (1, 20, 21, (0.7, 28.0)),
    (2, 70, 400, (0.1, 27.0)),  # played back
    (3, 130, 400, (float("nan"), 27.0)),  # played back, and no number
    (4, 395, 400, (0.4, 29.0)),
]


@pytest.mark.parametrize("ahead_s", [0.0, 3600.0, -7200.0])
def test_three_times_and_what_is_late(tmp_path: Path, ahead_s: float) -> None:
    archive = written(tmp_path / "a.sqlite", ROWS, ahead_s)
    found = list(samples(archive, Question("sat-1", ("battery_soc",))))
    assert [s.sequence for s in found] == [0, 1, 2, 3, 4]
    assert [s.made_ns for s in found] == [made * S for _, made, _, _ in ROWS]
    assert [s.received_ns for s in found] == [received * S for _, _, received, _ in ROWS]
    assert [s.obt_ns for s in found] == [round((made + ahead_s) * S) for _, made, _, _ in ROWS]
    assert [s.late for s in found] == [False, False, True, True, False]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"which": "live"}, [0, 1, 4]),
        ({"which": "late"}, [2, 3]),
        ({"from_ns": 20 * S, "to_ns": 130 * S}, [1, 2]),
        ({"from_ns": 400 * S, "clock": "received"}, [2, 3, 4]),
        ({"to_ns": 3620 * S, "clock": "onboard"}, [0]),
        ({"from_ns": 20 * S, "which": "live"}, [1, 4]),
    ],
)
def test_questions_by_time_and_lateness(tmp_path: Path, changes: dict[str, int], expected: list[int]) -> None:
    archive = written(tmp_path / "a.sqlite", ROWS, ahead_s=3600.0)
    found = samples(archive, Question("sat-1", ("battery_soc",), **changes))  # type: ignore[arg-type]
    assert [sample.sequence for sample in found] == expected


def test_down_sampling_by_hand(tmp_path: Path) -> None:
    archive = written(tmp_path / "a.sqlite", ROWS)
    found = buckets(archive, Question("sat-1", ("main_bus_voltage_v", "battery_soc")), 60 * S)
    assert [(b.parameter, b.start_ns // S, b.count, b.late, b.invalid, b.least, b.greatest, b.last) for b in found] == [
        ("main_bus_voltage_v", 0, 2, 0, 0, 28.0, 28.0, 28.0),
        ("main_bus_voltage_v", 60, 1, 1, 0, 27.0, 27.0, 27.0),
        ("main_bus_voltage_v", 120, 1, 1, 0, 27.0, 27.0, 27.0),
        ("main_bus_voltage_v", 360, 1, 0, 0, 29.0, 29.0, 29.0),
        ("battery_soc", 0, 2, 0, 0, 0.5, 0.7, 0.7),
        ("battery_soc", 60, 1, 1, 0, 0.1, 0.1, 0.1),
        ("battery_soc", 120, 1, 1, 1, None, None, None),
        ("battery_soc", 360, 1, 0, 0, 0.4, 0.4, 0.4),
    ]


@settings(max_examples=30)
@given(values=st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), width_s=st.integers(1, 50))
def test_down_sampling_against_numpy(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], width_s: int
) -> None:
    rows = [(n, 7 * n, 7 * n + 1, (value, 0.0)) for n, value in enumerate(values)]
    archive = written(tmp_path_factory.mktemp("values") / "a.sqlite", rows)
    found = buckets(archive, Question("sat-1", ("battery_soc",)), width_s * S)
    times, array = 7 * np.arange(len(values)), np.array(values)
    assert [b.start_ns // S // width_s for b in found] == sorted(set((times // width_s).tolist()))
    for bucket in found:
        inside = array[times // width_s == bucket.start_ns // S // width_s]
        assert (bucket.count, bucket.least, bucket.greatest, bucket.last) == (
            inside.size, inside.min(), inside.max(), inside[-1],
        )  # fmt: skip


def test_newest_as_made_and_newest_that_was_live(tmp_path: Path) -> None:
    late_last = [*ROWS, (5, 396, 900, (0.2, 26.0))]
    archive = written(tmp_path / "a.sqlite", late_last)
    assert newest(archive, "sat-1")["battery_soc"].value == 0.2
    live = newest(archive, "sat-1", "live")["battery_soc"]
    assert (live.value, live.sequence, live.late) == (0.4, 4, False)
    assert archive.latest("sat-1")["battery_soc"] == (0.2, 396 * S)


def test_an_unknown_parameter_is_refused_with_the_nearest(tmp_path: Path) -> None:
    archive = written(tmp_path / "a.sqlite", ROWS)
    with pytest.raises(UnknownNameError, match="battery_sco"):
        list(samples(archive, Question("sat-1", ("battery_sco",))))


# A clock that was right, was stepped back by an hour at 6,000 s and forward by two at 9,000 s.
STEPPED = [
    *((at * S, 0.0, 0.0) for at in range(3000, 6000, 16)),
    *((at * S, -3600.0, 0.0) for at in range(6000, 9000, 16)),
    *((at * S, 3600.0, 1e-6) for at in range(9000, 12_000, 16)),
]


@pytest.mark.parametrize(
    ("onboard_s", "received_s", "made_s"),
    [
        (3500.0, 3501, 3500.0),  # the same stamp twice: it cannot have been made at 7,100 s, that was later
        (3500.0, 7101, 7100.0),
        (2500.0, 6101, 6100.0),
        (12_620.0, 9021, 9020.0),
        (100.0, 3001, 100.0),  # before any report: along the first stretch
    ],
)
def test_stamps_of_a_clock_that_was_stepped(onboard_s: float, received_s: int, made_s: float) -> None:
    found = Dating(STEPPED).made_ns(round(onboard_s * S), received_s * S)
    assert found is not None and found / S == pytest.approx(made_s, abs=1e-3)


def test_nothing_is_known_of_a_clock_that_never_reported() -> None:
    assert Dating([]).made_ns(5 * S, 6 * S) is None


def test_what_came_down_is_what_archive_and_export_give_value_by_value(tmp_path: Path) -> None:
    """Mail that reached the ground, archive and CSV: the same values to the bit, each once."""
    fly_text(TINY.replace("60 s", "5 min"), tmp_path)
    directory = RunDirectory(tmp_path / "run")
    archive = ArchiveReader(directory.archive)
    words, structures = archive.dictionary("sc-1"), archive.structures("sc-1")
    came: dict[tuple[int, int, int, str], str] = {}
    with TraceReader(directory.trace) as trace:
        for record in trace:
            for message in map(decode, record.mail):
                body = message.body
                if isinstance(body, Telemetry) and message.destination == "ground":
                    for name, value in zip(structures[body.structure].parameters, body.values, strict=True):
                        came[body.boot, body.stream, body.sequence, name] = value.hex()
    shown = {
        (s.boot, s.stream, s.sequence, s.parameter): s.value.hex()
        for s in samples(archive, Question("sc-1", tuple(words.parameter)))
    }
    assert shown == came and len(came) > 1000
    export_command(directory.path, "csv", tmp_path / "csv")
    with (tmp_path / "csv" / "telemetry.csv").open(encoding="utf-8") as file:
        exported = [(row["parameter"], float(row["value"]).hex()) for row in csv.DictReader(file)]
    assert sorted(exported) == sorted((key[3], value) for key, value in came.items())
    answer = skyrack("archive", "latest", directory.path, "sc-1", "--json")
    latest = {row["parameter"]: row["value"] for row in json.loads(answer.stdout)}
    assert latest == {n: s.value if math.isfinite(s.value) else None for n, s in newest(archive, "sc-1").items()}
    for name, sample in newest(archive, "sc-1").items():
        assert came[sample.boot, sample.stream, sample.sequence, name] == sample.value.hex()
    text = skyrack("archive", "range", directory.path, "sc-1", "battery_soc", "mode", "--every", "1 min")
    assert text.returncode == 0 and len(text.stdout.splitlines()) >= 9, text.stderr
    few = skyrack("archive", "range", directory.path, "sc-1", "battery_soc", "--most", "3", "--json")
    assert len(json.loads(few.stdout)) == 3 and "rows more" in few.stderr
    for wrong, words_said in (
        (("range", directory.path, "sc-1", "battery_sco"), "battery_soc"),
        (("range", directory.path, "sc-1", "battery_soc", "--every", "5"), "such as"),
        (("range", directory.path, "sc-1", "battery_soc", "--every", "0 s"), "more than 0 s"),
        (("latest", directory.path, "sc-7"), "no spacecraft 'sc-7'"),
    ):
        done = skyrack("archive", *wrong)
        assert done.returncode == 2 and words_said in done.stderr and "Traceback" not in done.stderr


VALUES = st.floats(-1e9, 1e9) | st.just(math.nan)


class OneByOne:
    """Down-sampling as one would do it by hand: a value at a time."""

    def __init__(self, archive: ArchiveReader, question: Question, width_ns: int) -> None:
        self.rows: dict[tuple[int, int], list[Any]] = {}
        for sample in samples(archive, question):
            at_ns = sample.at_ns(question.clock)
            if at_ns is not None:
                key = (question.parameters.index(sample.parameter), at_ns // width_ns)
                self.rows.setdefault(key, []).append(sample)

    def told(self) -> list[tuple[Any, ...]]:
        found = []
        for (place, stretch), all_ in sorted(self.rows.items()):
            numbers = [each.value for each in all_ if not math.isnan(each.value)]
            late, invalid = sum(each.late for each in all_), len(all_) - len(numbers)
            ends = (min(numbers), max(numbers), numbers[-1]) if numbers else (None, None, None)
            found.append((place, stretch, len(all_), late, invalid, *ends))
        return found


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 400), st.integers(0, 300), st.lists(st.floats(-1e9, 1e9) | st.just(math.nan), max_size=2)
        ),
        max_size=40,
    ),
    clock=st.sampled_from(("made", "received", "onboard")),
    which=st.sampled_from(("all", "live", "late")),
    span=st.none() | st.tuples(st.integers(0, 300), st.integers(1, 300)),
    ahead_s=st.sampled_from((0.0, 37.5, -12.25)),
    width_s=st.integers(1, 90),
)
def test_columns_say_what_samples_say(  # noqa: PLR0917 - what is drawn
    tmp_path_factory: pytest.TempPathFactory, rows: list[Any], clock: Any, which: Any, span: Any, ahead_s: float,
    width_s: int,
) -> None:  # fmt: skip
    packets = [(n, made, made + after, tuple(values)) for n, (made, after, values) in enumerate(rows)]
    archive = written(tmp_path_factory.mktemp("columns") / "a.sqlite", packets, ahead_s)
    from_ns, to_ns = (None, None) if span is None else (span[0] * S, (span[0] + span[1]) * S)
    names = ("main_bus_voltage_v", "battery_soc")
    question = Question("sat-1", names, from_ns, to_ns, clock, which)
    found = [
        (names.index(b.parameter), b.start_ns // (width_s * S), b.count, b.late, b.invalid, b.least, b.greatest, b.last)
        for b in buckets(archive, question, width_s * S)
    ]
    assert found == OneByOne(archive, question, width_s * S).told()


@given(
    estimates=st.lists(
        st.tuples(st.integers(0, 10**14), st.floats(-1e4, 1e4), st.none() | st.floats(-1e-4, 1e-4)), max_size=8
    ),
    stamps=st.lists(st.tuples(st.integers(0, 10**14), st.integers(0, 10**14)), min_size=1, max_size=20),
)
def test_many_stamps_are_dated_as_each_alone(estimates: list[Any], stamps: list[tuple[int, int]]) -> None:
    dating = Dating(sorted(estimates, key=lambda row: row[0]))
    obt, received = (np.array(column, dtype=np.int64) for column in zip(*stamps, strict=True))
    made, dated = made_of(dating, obt, received)
    alone = [dating.made_ns(*stamp) for stamp in stamps]
    assert [int(at) if known else None for at, known in zip(made, dated, strict=True)] == alone
