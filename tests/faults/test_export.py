"""Exports: each format read back with somebody else's reader, and held against the recording."""

from __future__ import annotations

import csv
import json
import math
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest
from mcap.reader import make_reader
from pyarrow import parquet

from bus.errors import EnvironmentFault
from faults.export.write import export_command
from faults.recording.read import read_recording
from faults.recording.recording import Recording
from faults.run import compose as root
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from groundstation.archive.feed import Feed
from groundstation.archive.reader import ArchiveReader
from tests.kits.runs import TINY

EPOCH_NS = 1_786_492_800 * 10**9
"""2026-08-12T00:00:00Z, from `date -u -d 2026-08-12 +%s`."""


JOB = """\
    jobs:
      - {id: train, kind: training, accelerators: 1, work: 1 h, checkpoint_every: 20 s, checkpoint_cost: 2 s}"""
ALARMED = """faults:
  - id: lies
    fault: sensor_stuck
    target: sc-1
    at: 10 s
    for: 20 s
    parameters: {sensor: battery_soc, value: 10 %}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    text = TINY.replace(
        "stations: [svalbard]",
        "stations: [svalbard]\ntimeline:\n  - {at: 5 s, telecommand: {to: sc-1, name: test.ping}}",
    )
    text = text.replace("    orbit:", f"{JOB}\n    orbit:")
    text += ALARMED
    scenario = load_text(text, file="tiny.yaml")
    directory = create(scenario.name, tmp_path_factory.mktemp("exported") / "run")
    root.prepare(directory, scenario, text)
    assert root.fly_in_process(scenario, directory).failure is None
    return directory


@pytest.fixture(scope="module")
def recording(run: RunDirectory) -> Recording:
    return read_recording(run)


def test_csv(run: RunDirectory, recording: Recording, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export_command(run.path, "csv", tmp_path / "tables") == 0
    printed = capsys.readouterr().out.split()
    names = {Path(path).stem for path in printed}
    assert names == {"truth_sc-1", "telemetry", "events", "telecommands", "faults"}
    with (tmp_path / "tables" / "truth_sc-1.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    assert [float(row["battery_soc"]) for row in rows] == recording.signals["sc-1", "battery_soc"].tolist()
    with (tmp_path / "tables" / "telemetry.csv").open(newline="") as file:
        telemetry = list(csv.DictReader(file))
    assert {row["spacecraft"] for row in telemetry} == {"sc-1"}
    assert all(float(row["received_s"]) >= float(row["obt_s"]) for row in telemetry)
    assert any(row["parameter"] == "battery_soc" for row in telemetry)


def test_parquet(run: RunDirectory, recording: Recording, tmp_path: Path) -> None:
    assert export_command(run.path, "parquet", tmp_path / "tables") == 0
    table = parquet.read_table(tmp_path / "tables" / "truth_sc-1.parquet")
    assert table.num_rows == 60
    assert table["time_s"].to_pylist() == recording.times_s.tolist()
    assert table["mode"].to_pylist() == recording.signals["sc-1", "mode"].tolist()
    telecommands = parquet.read_table(tmp_path / "tables" / "telecommands.parquet").to_pylist()
    assert [(row["telecommand"], row["state"]) for row in telecommands] == [("test.ping", "completed")]
    assert parquet.read_table(tmp_path / "tables" / "faults.parquet").num_rows == 1


def test_mcap(run: RunDirectory, recording: Recording) -> None:
    assert export_command(run.path, "mcap", None) == 0
    with (run.path / "export.mcap").open("rb") as file:
        reader = make_reader(file)
        summary = reader.get_summary()
        assert summary is not None
        schemas = {schema.name: schema for schema in summary.schemas.values()}
        assert all(schema.encoding == "jsonschema" for schema in schemas.values())
        assert "foxglove.LocationFix" in schemas
        messages = [(c.topic, m.log_time, json.loads(m.data)) for _, c, m in reader.iter_messages()]
    truth = [(at, message) for topic, at, message in messages if topic == "/sc-1/truth"]
    assert len(truth) == 60
    assert [at for at, _ in truth] == [EPOCH_NS + tick * 10**9 for tick in range(1, 61)]
    assert truth[-1][1]["battery_soc"] == recording.signals["sc-1", "battery_soc"][-1]
    places = [message for topic, _, message in messages if topic == "/sc-1/location"]
    assert places[0]["latitude"] == math.degrees(recording.signals["sc-1", "latitude_rad"][0])
    jobs = [(topic, message) for topic, _, message in messages if topic.startswith("/sc-1/jobs/")]
    assert {(topic, message["job"]) for topic, message in jobs} == {("/sc-1/jobs/train", "train")}
    told = ArchiveReader(run.archive).series("sc-1", "job_work_s.0")
    assert [message["work_s"] for _, message in jobs] == list(dict.fromkeys(value for _, value in told))
    assert {message["state"] for _, message in jobs} <= {"waiting", "running", "checkpoint", "restart"}
    alarms = [(at, message) for topic, at, message in messages if topic == "/alarms"]
    steps = Feed(run.archive).alarm_steps()
    assert [(message["subject"], message["happening"]) for _, message in alarms] == [
        (step.subject, step.happening) for step in steps
    ]
    assert alarms and [at for at, _ in alarms] == [EPOCH_NS + round(step.at_s * 1e9) for step in steps]
    declared = json.loads(schemas["sc-1.truth"].data)["properties"]
    assert set(truth[0][1]) == set(declared)


@pytest.mark.parametrize("harm", ["gone", "another run's", "rows gone"])
def test_an_archive_that_is_not_the_runs_is_said(
    run: RunDirectory, tmp_path: Path, capsys: pytest.CaptureFixture[str], harm: str
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(run.path, copy)
    archive = copy / run.archive.name
    if harm == "gone":
        archive.unlink()
    else:
        other = "UPDATE meta SET value = 'x' WHERE key = 'scenario'"
        with closing(sqlite3.connect(archive)) as connection, connection:
            connection.execute("DELETE FROM packets" if harm == "rows gone" else other)
    assert export_command(copy, "csv", tmp_path / "tables") == 3
    said = {"gone": "there is none", "another run's": "it is of another scenario", "rows gone": "it holds 0 packets"}
    assert f"the archive is not what the ground wrote: {said[harm]}" in capsys.readouterr().err


@pytest.mark.parametrize(("to", "package"), [("mcap", "mcap.writer"), ("parquet", "pyarrow")])
def test_a_missing_package_is_said_with_how_to_get_it(
    to: str, package: str, run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EnvironmentFault) as caught:
        export_command(run.path, to, None)
    assert "pip install" in caught.value.hint


def test_a_place_that_cannot_be_written_is_the_users_mistake(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for to in ("csv", "parquet", "mcap"):
        with pytest.raises(EnvironmentFault, match="cannot write the export"):
            export_command(run.path, to, tmp_path / "file" / "x")
