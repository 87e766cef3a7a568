"""The pytest plugin, as other people's repositories use it, and the run that it holds."""

from __future__ import annotations

import asyncio
import errno
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bus.errors import EnvironmentFault, UnknownNameError, UserError
from bus.files import write_whole
from faults.commands.init import init
from faults.plugin.emulation import Emulation
from faults.plugin.handles import Fault, Spacecraft
from faults.plugin.heard import TooLate
from faults.scenarios.choose import RunOptions, choose
from groundstation.commanding.wishes import Wish
from tests.kits.runs import HOUSE, TINY, skyrack, write

SIX_MINUTES = TINY.replace("duration: 60 s", "duration: 6 min")


@pytest.fixture
def run(tmp_path: Path) -> Emulation:
    return Emulation(choose(RunOptions(scenario=str(write(tmp_path, SIX_MINUTES)))).scenario, tmp_path / "run")


def run_pytest(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
        cwd=folder, capture_output=True, text=True, timeout=150, check=False,
        env={**os.environ, "PYTHONPATH": str(HOUSE)},
    )  # fmt: skip


def test_a_repository_of_ones_own_passes_as_it_is_written(tmp_path: Path) -> None:
    made = skyrack("init", tmp_path / "mine", cwd=tmp_path)
    assert made.returncode == 0 and "next: cd" in made.stdout
    assert skyrack("check", "scenario.yaml", cwd=tmp_path / "mine").returncode == 0
    result = run_pytest(tmp_path / "mine", "-n", "2")
    assert result.returncode == 0 and "2 passed" in result.stdout, result.stdout
    flown = skyrack("campaign", "campaign.yaml", cwd=tmp_path / "mine")
    assert flown.returncode == 0 and "6 cases: 6 pass" in flown.stdout, flown.stdout + flown.stderr
    again = skyrack("init", tmp_path / "mine", cwd=tmp_path)
    assert again.returncode == 2 and "is not empty" in again.stderr


def test_a_cubesat_passes_as_it_is_written(tmp_path: Path) -> None:
    """A design without radiators, with panels, trackers, modes and a cycle: no warning, and its computer comes back."""
    made = skyrack("init", tmp_path / "mine", "--design", "cubesat", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    checked = skyrack("check", "scenario.yaml", cwd=tmp_path / "mine")
    assert checked.returncode == 0 and "outer faces, mean" in checked.stdout
    assert "warning" not in checked.stdout
    flown = skyrack("run", "scenario.yaml", "--in-process", cwd=tmp_path / "mine")
    assert flown.returncode == 0, flown.stdout  # so small a load, and noise of its readings that is no short circuit
    result = run_pytest(tmp_path / "mine", "-n", "0", "-k", "computer")
    assert result.returncode == 0 and "1 passed" in result.stdout, result.stdout
    other = skyrack("init", tmp_path / "other", "--design", "cubesit", cwd=tmp_path)
    assert other.returncode == 2 and "did you mean cubesat" in other.stderr


def test_a_disk_that_is_full_leaves_no_half_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def full(path: Path, content: str) -> None:
        if len(written) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)
        write_whole(path, content)

    monkeypatch.setattr("bus.files.write_whole", full)
    with pytest.raises(EnvironmentFault, match="No space left"):
        init(tmp_path / "mine")
    assert len(written) == 3 and list((tmp_path / "mine").iterdir()) == []


def test_a_failure_tells_what_the_run_had_come_to(tmp_path: Path) -> None:
    write(tmp_path, SIX_MINUTES)
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n", encoding="utf-8"
    )
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        '@pytest.mark.skyrack("tiny.yaml", seed=9)\n'
        "async def test_never(spacecraft, inject):\n"
        '    await inject("sc-1", "reboot").acts()\n'
        '    await spacecraft().event("payload_shed", within="20 s")\n'
        '@pytest.mark.skyrack("tinny.yaml")\n'
        "async def test_misspelt(emulation): pass\n"
        '@pytest.mark.skyrack("tiny.yaml", sed=9)\n'
        "async def test_marker(emulation): pass\n"
        "async def test_none(emulation): pass\n",
        encoding="utf-8",
    )
    result = run_pytest(tmp_path, "-n", "0")
    out = result.stdout
    assert result.returncode == 1 and "1 failed, 3 errors" in out
    assert "TooLate: event sc-1.payload_shed: not within 20 s" in out
    assert "tiny, seed 9, at 0:00:2" in out and "fault reboot~1:" in out, out
    assert "booted boot 1" in out
    assert 'repeat it: pytest "test_it.py::test_never"' in out
    assert "cannot read scenario tinny.yaml" in out
    assert "found sed; allowed: seed, duration, designs" in out
    assert "which scenario?" in out


async def test_a_stale_sample_never_satisfies(run: Emulation) -> None:
    """A sensor that stands still makes no new samples; those received before, or received later and made before, are
    none either."""
    sc = run.spacecraft()
    known = await sc.telemetry("battery_soc", within="2 min")
    silence = sc.inject("link_blackout", direction="downlink", duration="40 s")
    await silence.acts()
    with pytest.raises(TooLate, match=r"telemetry sc-1.battery_soc: not within 30 s"):
        await sc.telemetry("battery_soc", within="30 s")
    assert sc.latest("battery_soc") == known  # it is still there, and it is old
    started_s = run.time_s
    late = await sc.telemetry("battery_soc", within="2 min")
    assert late.obt_s >= started_s - 1.0  # not one of those that had waited on board while nothing came down


async def test_what_happens_since_a_fault_is_not_missed(run: Emulation) -> None:
    sc = run.spacecraft("sc-1")
    await sc.telemetry("mode", within="2 min")
    struck = run.inject("sc-1", "sensor_stuck", sensor="battery-monitor.battery_soc", value="5 %", duration="1 min")
    await struck.acts()
    assert struck.active and not struck.refused
    changed = await sc.event("mode_changed", within="30 s", since=struck)
    assert changed.arguments["cause"] == "critical_charge"
    assert sc.truth("battery_soc") > 0.8
    await run.until(lambda: not struck.active, "2 min")
    with pytest.raises(TooLate):
        await sc.event("mode_changed", within="5 s")  # that one was before


async def test_a_fault_is_cleared(run: Emulation) -> None:
    struck: Fault = run.inject("sc-1", "string_open", string=2)
    await struck.acts()
    struck.clear()
    await run.until(lambda: not struck.active, 10.0)


async def test_telecommands_are_followed_to_their_end(run: Emulation) -> None:
    sc = run.spacecraft()
    done = await sc.command("mode.set", mode="SAFE", within="2 min")
    assert done.state == "COMPLETED" and [state for _, state in done.history][-1] == "COMPLETED"
    assert sc.truth("mode") == 2.0
    refused = await sc.command("payload.on", within="2 min")
    assert refused.state == "REJECTED" and refused.detail
    with pytest.raises(UserError, match="hazardous"):
        await sc.command("computer.reboot")
    booted = await sc.command("computer.reboot", confirm=True, within="2 min")
    assert booted.state == "COMPLETED"
    assert (await sc.event("booted", within="30 s")).arguments["reason"] == "telecommand"
    both = run.ask(Wish("all", "test.ping", {}))
    await run.until(lambda: all(one.done for one in both), "1 min")


async def test_several_wait_at_once(run: Emulation) -> None:
    sc = run.spacecraft()
    struck = sc.inject("reboot")
    booted, sample, _ = await asyncio.gather(
        sc.event("booted", within="1 min", since=struck),
        sc.telemetry("battery_soc", within="2 min"),
        run.run_for("30 s"),
    )
    assert booted.name == "booted" and sample.value > 0.5


async def test_it_ends_judged_and_repeats_to_the_bit(tmp_path: Path) -> None:
    hashes = []
    for name in ("a", "b"):
        scenario = choose(RunOptions(scenario=str(write(tmp_path, SIX_MINUTES)))).scenario
        run = Emulation(scenario, tmp_path / name)
        await run.spacecraft().command("test.ping", within="3 min")
        run.inject("sc-1", "string_open", string=2)
        await run.run_for(360.0 - run.time_s)
        summary = run.close()
        assert summary["expectations"][0]["verdict"] == "PASS"  # type: ignore[index]
        assert summary["telemetry"]["total"]["unaccounted"] == 0  # type: ignore[index]
        hashes.append(summary["trace_hash"])
        assert (tmp_path / name / "report.html").is_file()
    assert hashes[0] == hashes[1]


async def test_the_end_of_the_scenario_is_the_end_of_waiting(run: Emulation) -> None:
    with pytest.raises(TooLate, match="the scenario ended at 0:06:00"):
        await run.run_for("7 min")
    assert run.over and run.time_s == 360.0


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda run: run.spacecraft("sc-2"), "did you mean sc-1"),
        (lambda run: run.spacecraft().latest("battery_sok"), "did you mean battery_soc"),
        (lambda run: run.spacecraft().truth("battery_sok"), "did you mean battery_soc"),
        (lambda run: run.inject("sc-1", "string_opne", string=2), "did you mean string_open"),
        (lambda run: run.inject("sc-1", "string_open", strong=2), "string"),
        (lambda run: run.ask(Wish("sc-1", "mode.sett", {})), "did you mean mode.set"),
    ],
)
def test_misspelt_names_are_told(run: Emulation, ask: Callable[[Emulation], object], said: str) -> None:
    with pytest.raises((UnknownNameError, UserError), match=said):
        ask(run)


def test_nothing_is_known_before_the_first_tick(run: Emulation) -> None:
    sc: Spacecraft = run.spacecraft()
    assert sc.latest("battery_soc") is None and math.isnan(sc.truth("battery_soc"))
    assert "nothing received" in run.story()
