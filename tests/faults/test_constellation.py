"""A constellation flies: the same bits alone, in parts and after a restart; its books close; its files are whole."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet
from typer.testing import CliRunner

from bus.errors import UserError
from faults.fleet import checkpoint
from faults.fleet.books import books, closed
from faults.fleet.flight import Flight
from faults.fleet.form import read_fleet_text
from faults.fleet.results import write_results
from faults.fleet.steps import finer
from node.fleet import Fleet
from node.fsw import rules
from skyrack import app
from tests.kits import fleet_kit as kit
from tests.kits.runs import command, skyrack

pytestmark = pytest.mark.timeout(900)  # whoever comes first compiles


def at_the_end(flight: Flight) -> Flight:
    while flight.tick < flight.what.ticks:
        flight.step()
    return flight


def test_one_spacecraft_of_a_fleet_is_the_same_alone_and_in_any_company() -> None:
    what = kit.read()
    everybody = at_the_end(Flight(what))
    assert len(everybody) == 10
    for names in (["dawn-1-3"], ["low-2-2"], ["low-1-1", "low-1-3", "dawn-1-1"]):
        assert at_the_end(Flight(what, names)).same_bits(everybody) == []


def test_other_luck_is_seen() -> None:
    """The comparison of bits can fail."""
    one, other = kit.read(), kit.read().__class__(**{**vars_of(kit.read()), "seed": 4})
    a, b = Flight(one, ["low-2-2"]), Flight(other, ["low-2-2"])
    a.wings[0].fleet.states["battery_soc"][0] *= np.float32(0.999)
    assert a.same_bits(b) == ["low-2-2"]


def vars_of(what: object) -> dict[str, Any]:
    return {name: getattr(what, name) for name in what.__dataclass_fields__}  # type: ignore[attr-defined]


def test_threads_and_order_of_shells_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = at_the_end(Flight(kit.read()))
    monkeypatch.setattr("node.fleet.get_num_threads", lambda: 1)
    assert at_the_end(Flight(kit.read((kit.LOW, kit.DAWN)))).same_bits(one) == []


def test_a_flight_that_is_gone_on_with_leaves_the_same_tables(tmp_path: Path) -> None:
    what = kit.read()
    through, stopped = tmp_path / "through", tmp_path / "stopped"
    through.mkdir(), stopped.mkdir()
    write_results(through, kit.flown(what, through))
    ticks: list[int] = []
    part = kit.flown(what, stopped, stopped=lambda: ticks.append(1) or len(ticks) > 7)
    assert 0 < part.flight.tick < what.ticks
    write_results(stopped, kit.flown(what, stopped, resume=True))
    files = sorted(path.name for path in (through / "tables").iterdir())
    assert files == ["local_time.parquet", "planes.parquet", "sampled-fleet.parquet", "worst-fleet.parquet"]
    for name in files:
        assert (through / "tables" / name).read_bytes() == (stopped / "tables" / name).read_bytes(), name


@pytest.mark.slow
def test_a_flight_that_was_killed_leaves_the_same_tables(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(kit.text(duration="20000 s").replace("report_every: 40 s", "report_every: 800 s"))
    through, killed = tmp_path / "through", tmp_path / "killed"
    assert skyrack("fleet", file, "--out", through).returncode == 0
    process = subprocess.Popen(command("fleet", file, "--out", killed, "--checkpoint-every", "0"))
    deadline = time.monotonic() + 120.0
    while not (killed / "checkpoint.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (killed / "summary.json").exists()
    assert skyrack("fleet", file, "--resume", killed).returncode == 0
    for path in sorted((through / "tables").iterdir()):
        assert path.read_bytes() == (killed / "tables" / path.name).read_bytes(), path.name


@pytest.mark.slow
def test_ctrl_c_ends_with_a_checkpoint_and_the_next_step(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(kit.text(duration="200000 s").replace("report_every: 40 s", "report_every: 8000 s"))
    process = subprocess.Popen(
        command("fleet", file, "--out", tmp_path / "out", "--checkpoint-every", "0"), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 120.0
    while not (tmp_path / "out/checkpoint.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted by SIGINT at tick" in said
    assert f"go on with: skyrack fleet {file} --resume {tmp_path / 'out'}" in said
    assert (tmp_path / "out/checkpoint.json").exists() and not (tmp_path / "out/summary.json").exists()


def test_only_a_flight_that_was_stopped_is_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(kit.text())
    runner = CliRunner()
    no_flight = runner.invoke(app, ["fleet", str(file), "--resume", str(tmp_path)])
    assert isinstance(no_flight.exception, UserError) and "no scenario.yaml" in no_flight.exception.message
    (tmp_path / "scenario.yaml").write_text(kit.text())
    (tmp_path / "summary.json").write_text("{}")
    flown = runner.invoke(app, ["fleet", str(file), "--resume", str(tmp_path)])
    assert isinstance(flown.exception, UserError) and "to its end" in flown.exception.message


def test_a_checkpoint_of_another_constellation_is_refused(tmp_path: Path) -> None:
    ticks: list[int] = []
    kit.flown(kit.read(), tmp_path, stopped=lambda: ticks.append(1) or len(ticks) > 3)
    with pytest.raises(UserError, match="another constellation"):
        kit.flown(kit.read((kit.DAWN,)), tmp_path, resume=True)
    (array,) = tmp_path.glob("checkpoint-*/states-0.npy")
    array.write_bytes(array.read_bytes()[:1000])
    with pytest.raises(UserError, match="cannot be read"):
        kit.flown(kit.read(), tmp_path, resume=True)
    checkpoint.forget(tmp_path)
    assert not list(tmp_path.iterdir())


@settings(max_examples=6)
@given(soc=st.floats(0.0, 1.0), seconds=st.integers(40, 200))
def test_the_books_close_whatever_the_charge(soc: float, seconds: int) -> None:
    flight = Flight(kit.read(duration=f"{seconds} s"))
    for wing in flight.wings:
        for name in ("battery_soc", "battery_group_soc"):
            wing.fleet.states[name] = soc
    while flight.tick < flight.what.ticks:
        flight.step()
        found = books(flight)
        assert closed(found), found


def test_flight_software_sheds_and_goes_safe_as_one_spacecraft_does() -> None:
    """At 10 % of charge in the shadow: SAFE, and groups are shed one at a time; at full charge in the Sun neither."""
    flight = Flight(kit.read(duration="400 s"))
    (wing,) = flight.wings
    for name in ("battery_soc", "battery_group_soc"):
        wing.fleet.states[name][0] = 0.12
    at_the_end(flight)
    memory = wing.memory
    assert memory["charge_zone"][0] == rules.CHARGE_LOW and memory["safe"][0] == 1
    assert wing.fleet.orders["accelerator_enable"][0].tolist() == [0, 0, 0, 0]
    assert wing.fleet.states["payload_power_w"][0] == 0.0
    assert memory["safe"][1:].sum() == 0 and memory["work_done_s"][1:].min() > 0.0


def test_the_files_say_what_flew(tmp_path: Path) -> None:
    what = kit.read()
    done = kit.flown(what, tmp_path)
    summary = write_results(tmp_path, done)
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    assert summary["spacecraft"] == 10 and summary["books_closed"] and summary["flown_again_differing"] == []
    assert [row["spacecraft"] for row in summary["shells"]] == [4, 6]
    planes = parquet.read_table(tmp_path / "tables/planes.parquet").to_pylist()
    assert [row["time_s"] for row in planes[::3]] == [40.0, 80.0, 120.0]
    assert sum(row["spacecraft"] for row in planes) == 30
    row, states = planes[-1], done.flight.wings[0].fleet.states["battery_soc"][7:10].astype(float)
    assert (row["shell"], row["plane"]) == ("low", "2")
    assert (row["battery_soc_min"], row["battery_soc_max"]) == (states.min(), states.max())
    assert row["battery_soc_p50"] == np.median(states)
    sampled = parquet.read_table(tmp_path / "tables/sampled-fleet.parquet").to_pylist()
    assert len(sampled) == 3 * 2 and sampled[-1]["thermal_temperature_k[radiator_1]"] > 200.0
    page = (tmp_path / "report.html").read_text()
    assert "dawn" in page and not re.findall(r"<(?:script|link|img)[^>]* (?:src|href)=", page)


def test_the_error_of_coarse_steps_is_measured_on_the_sampled_spacecraft(tmp_path: Path) -> None:
    text = kit.text(duration="1600 s").replace("tick: 1 s", "tick: 4 s").replace("40 s", "320 s")
    done = kit.flown(read_fleet_text(text, "x.yaml"), tmp_path)
    assert done.fine is not None and done.fine[0].tick_s == 1.0 and done.fine[1].times_s == done.tables.times_s
    steps = write_results(tmp_path, done)["steps"]
    by_hand = [
        states["battery_soc"].astype(float)
        for states in (done.tables.full(0)[0], done.fine[1].full(0)[0])
    ]  # fmt: skip
    assert steps["battery_soc"]["mean_absolute"] == np.abs(by_hand[0] - by_hand[1]).mean()
    assert 0.0 < steps["battery_soc"]["greatest"] < 0.02 and abs(steps["illumination_fraction"]["mean"]) < 0.2
    assert finer(kit.read()) is None


def test_places_that_are_no_orbit_are_refused() -> None:
    what = kit.read((kit.DAWN,))
    flight = Flight(what)
    rows = what.shells[0].planes[0].places.copy()
    rows[0, 1] = 1.5
    from faults.fleet.flight import _setup  # noqa: PLC0415
    from node.designs.load import load_design  # noqa: PLC0415

    with pytest.raises(ValueError, match="eccentricity"):
        Fleet.placed(_setup(what, load_design("fleet"), what.shells[0].planes[0].places[0]), rows, ["a"] * 4)
    assert len(flight) == 4
