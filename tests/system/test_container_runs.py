"""Runs in containers, undisturbed and disturbed: by the README's lines, killed, paused, cut off, taken down.

Each row of the table "What happens when" in docs/how-to/container.md is flown here, in `test_slow_disk.py` or in
`test_container_mistakes.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
import urllib.request
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.trace.reader import TraceReader
from bus.wire.codec import decode
from bus.wire.messages import Telecommand
from faults.commands.replay import replay
from faults.recording.read import read_recording
from tests.kits.containers import Fleet, free_port, in_the_image, podman, until
from tests.kits.runs import HOUSE, skyrack, summary_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

NODE, PAIR = "node-dawn-1", "node-dawn-1-and-1-more"
FLYING_BYTES = 200_000
"""Of trace: some tens of ticks."""
TROUBLE_S = 30.0
PATIENT = "{tock_timeout: 2 min}"
"""On schedule the silence is counted from the first Tick that is late, and a busy machine adds to it."""


def clone(folder: Path) -> Path:
    """What the README's lines need of a clean clone: what git has of it and nothing else."""
    listed = subprocess.run(
        ["git", "ls-files", "docker", "README.md"], cwd=HOUSE, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.split():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOUSE / name, folder / name)
    return folder


def by_the_readme(folder: Path, image: str) -> str:
    """Its lines for this engine and an image that is built already."""
    blocks = re.findall(r"(?ms)^```text\n(.*?)^```", (folder / "README.md").read_text(encoding="utf-8"))
    lines = next(block for block in blocks if "docker build" in block)
    for there, here in (
        ("docker build -f docker/Dockerfile -t skyrack .", ":"),
        ("docker compose", "podman-compose"),
        ("docker run", "podman run"),
        (" skyrack compose", f" {image} compose"),
    ):
        assert there in lines
        lines = lines.replace(there, here)
    return lines


def test_first_light_by_the_lines_of_the_readme(composer: str, tmp_path: Path) -> None:
    """The trace hash is that of the same image in one process, and of processes in the image."""
    folder = clone(tmp_path / "clone")
    ours = {"SKYRACK_IMAGE": composer, "SKYRACK_OPERATOR_PORT": free_port(), "SKYRACK_METRICS_PORT": free_port()}

    def shell(script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-eu", "-c", script], cwd=folder, env={**os.environ, **ours}, capture_output=True, text=True,
            timeout=1800, check=False,
        )  # fmt: skip

    try:
        flown = shell(by_the_readme(folder, composer))
    finally:
        shell("cd docker && podman-compose down")
    assert podman("ps", "-aq", "--filter", "name=skyrack-first-light").stdout == ""
    assert flown.returncode == 0, flown.stdout + flown.stderr
    summary = summary_of(folder / "docker" / "out" / "run")
    assert summary["complete"] and {row["verdict"] for row in summary["expectations"]} == {"PASS"}
    assert summary["trace_hash"] == in_the_image(composer, "first-light", "--in-process")["trace_hash"]
    assert summary["trace_hash"] == in_the_image(composer, "first-light")["trace_hash"]


def closed(summary: dict[str, Any]) -> None:
    """Nobody is lost, and every packet of everybody is accounted for."""
    assert summary["complete"] and summary["lost"] == [], summary["lost"]
    assert {row["unaccounted"] for row in summary["telemetry"]["spacecraft"].values()} == {0}


def as_undisturbed(fleet: Fleet, image: str) -> None:
    """The run ends well, and its trace is that of the same image in one process."""
    assert fleet.ended() == 0, fleet.said("bus")
    summary = fleet.summary()
    closed(summary)
    assert summary["trace_hash"] == in_the_image(image, fleet.directory / "scenario.json", "--in-process")["trace_hash"]


def kill(fleet: Fleet, service: str) -> None:
    """As the machine would for want of memory: the engine was not asked, and starts it again by its policy."""
    before = fleet.process(service)
    os.kill(before, signal.SIGKILL)
    until(lambda: fleet.process(service) not in {0, before}, f"{service} started again")


@pytest.mark.parametrize("victim", [PAIR, "ground"])
def test_a_container_that_is_killed_comes_back_and_nobody_can_tell(composer: str, tmp_path: Path, victim: str) -> None:
    with Fleet(composer, tmp_path, 40, "--per-container", "2", rules=PATIENT) as fleet:
        fleet.up()
        assert "skyrack_mission_time_seconds" in urllib.request.urlopen(fleet.metrics, timeout=30).read().decode()
        kill(fleet, victim)
        as_undisturbed(fleet, composer)
        assert "back at tick" in fleet.said("bus")
        for who in ("path-1", "ground"):
            replayed = replay(fleet.run.path, who)
            assert replayed.same or replayed.differences, "the image is compiled for any CPU, this machine for its own"


def test_who_was_given_up_boots_from_its_volume_and_says_so(composer: str, tmp_path: Path) -> None:
    """Paced, and away for longer than the bus keeps ticks: 4,096 of them."""
    rules = "{missing_tock: continue, tock_timeout: 10 s, snapshot_every: 60}"
    with Fleet(composer, tmp_path, 300, rules=rules, pace="x200") as fleet:
        fleet.up()
        podman("kill", fleet.container(NODE))
        until(lambda: "dawn-1 is given up" in fleet.said("bus"), "given up")
        tick = fleet.tick()
        until(lambda: fleet.tick() > tick + 4500, "longer than is kept")
        podman("start", fleet.container(NODE))
        until(lambda: "dawn-1 boots at tick" in fleet.said(NODE), "booted from its memory", 120)
        fleet.ended()
        summary = fleet.summary()
        boots = read_recording(fleet.run).signal("dawn-1", "boot_count")
    assert summary["complete"]
    assert "nothing but its non-volatile memory" in fleet.last["bus"]
    assert boots is not None and (boots[0], boots[-1]) == (1.0, 2.0)


def paused(fleet: Fleet) -> None:
    podman("pause", fleet.container(NODE))
    time.sleep(TROUBLE_S)
    podman("unpause", fleet.container(NODE))


def cut_off(fleet: Fleet) -> None:
    fleet.link(NODE, "down")
    time.sleep(TROUBLE_S)
    fleet.link(NODE, "up")


@pytest.mark.parametrize("trouble", [paused, cut_off])
def test_thirty_seconds_of_trouble_in_lockstep_and_nobody_can_tell(
    composer: str, tmp_path: Path, trouble: Callable[[Fleet], None]
) -> None:
    with Fleet(composer, tmp_path, 20) as fleet:
        fleet.up()
        trouble(fleet)
        as_undisturbed(fleet, composer)


@pytest.mark.parametrize("trouble", [paused, cut_off])
def test_thirty_seconds_of_trouble_on_schedule_close_every_ledger(
    composer: str, tmp_path: Path, trouble: Callable[[Fleet], None]
) -> None:
    with Fleet(composer, tmp_path, 40, rules=PATIENT, pace="x20") as fleet:
        fleet.up()
        trouble(fleet)
        assert fleet.ended() == 0, fleet.said("bus")
        closed(fleet.summary())
        assert "late: dawn-1 by" in fleet.last["bus"]


def test_a_ground_that_is_killed_on_schedule_sends_nothing_twice(composer: str, tmp_path: Path) -> None:
    """Killed before the first telecommand is due, and again when all are sent."""
    with Fleet(composer, tmp_path, 30, rules=PATIENT, pace="x10") as fleet:
        fleet.up(least_bytes=1)
        kill(fleet, "ground")
        until(lambda: fleet.tick() > 300, "all are sent")
        kill(fleet, "ground")
        assert fleet.ended() == 0, fleet.said("bus")
        summary = fleet.summary()
        closed(summary)
        sent: Counter[tuple[str, int, int]] = Counter()
        with TraceReader(fleet.run.trace) as trace:
            for record in trace:
                bodies = [(message.destination, message.body) for message in map(decode, record.mail)]
                sent.update((to, it.ground_boot, it.request) for to, it in bodies if isinstance(it, Telecommand))
    assert set(sent) == {("dawn-1", 1, 0), ("path-1", 1, 1)}, "what is repeated keeps its number, and executes once"
    assert (summary["telecommands"]["sent"], summary["telecommands"]["completed"]) == (2, 2)


def test_a_bus_that_is_killed_is_judged_afterwards_and_not_begun_again(composer: str, tmp_path: Path) -> None:
    """As the host of the bus that is switched off. The others notice, and end."""
    with Fleet(composer, tmp_path, 600) as fleet:
        fleet.up()
        assert "is still flying" in skyrack("report", fleet.run.path).stderr
        os.kill(fleet.process("bus"), signal.SIGKILL)
        podman("wait", fleet.container("bus"))
        ticks = fleet.ticks()
        assert ticks > 10
        reported = skyrack("report", fleet.run.path)
        assert reported.returncode == 3 and "bus was lost" in reported.stdout, reported.stderr
        summary = fleet.summary()
        assert (summary["complete"], summary["ticks"], summary["wall_s"]) == (False, ticks, None)
        assert summary["recorded"]["archive"]["packets"] > 0 and fleet.run.report.is_file()
        podman("start", fleet.container("bus"))
        assert fleet.ended() == 2
        assert "is not empty" in fleet.said("bus") and "a run needs a directory of its own" in fleet.said("bus")


def at_once(fleet: Fleet) -> None:
    """Before anybody has come."""


def awaited(fleet: Fleet) -> None:
    """The bus has begun its trace, and waits for the others."""
    fleet.flies(1)


def begun(fleet: Fleet) -> None:
    until(lambda: fleet.ticks() > 0, "the first tick")


def in_full_flight(fleet: Fleet) -> None:
    fleet.flies(FLYING_BYTES)


def over(fleet: Fleet) -> None:
    fleet.ended()


@pytest.mark.parametrize("moment", [at_once, awaited, begun, in_full_flight, over])
def test_compose_down_at_any_moment_leaves_results_and_nothing_running(
    composer: str, tmp_path: Path, moment: Callable[[Fleet], None]
) -> None:
    with Fleet(composer, tmp_path, 5 if moment is over else 600) as fleet:
        fleet.compose("up", "-d")
        moment(fleet)
        fleet.compose("down")
        assert podman("ps", "-aq", "--filter", f"name={fleet.project}").stdout == ""
        assert fleet.networks() == []
        if not fleet.run.path.exists():  # nothing was flown, and nothing is left
            assert moment in (at_once, awaited)
            return
        summary = fleet.summary()
        with TraceReader(fleet.run.trace) as trace:
            assert trace.end is not None and trace.end.complete == summary["complete"] == (moment is over)
    assert fleet.run.report.is_file()
