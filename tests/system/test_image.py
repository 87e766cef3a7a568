"""The image: what it is built from is there and pinned. Where there is an engine and a base, it is built and flies."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from bus.trace.reader import TraceReader
from faults.run_directory import RunDirectory
from faults.scenarios.choose import find_scenario
from node.plant.cache import OUTSIDE
from tests.kits.runs import HOUSE, skyrack, summary_of, write

DOCKERFILE = (HOUSE / "docker" / "Dockerfile").read_text(encoding="utf-8")
BASE = os.environ.get("SKYRACK_PYTHON_IMAGE", "localhost/python-base:3.11")


def pinned(name: str) -> dict[str, str]:
    """Requirement -> its whole entry, hashes included, without who asked for it."""
    text = (HOUSE / name).read_text(encoding="utf-8")
    entries = re.findall(r"^[A-Za-z0-9].*\n(?:[ \t]+.*\n)*", text, re.MULTILINE)
    return {entry.split(" ")[0]: re.sub(r"\s+#.*", "", entry) for entry in entries}


def test_the_image_pins_a_part_of_what_everybody_pins() -> None:
    image, everybody = pinned("docker/requirements.lock"), pinned("requirements.lock")
    assert image
    assert {name: everybody.get(name) for name in image} == image


def test_what_is_copied_is_there_and_sent_to_the_builder() -> None:
    sent = {line[1:] for line in (HOUSE / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [name for line in re.findall(r"^COPY (?!--)(.+)$", DOCKERFILE, re.MULTILINE) for name in line.split()[:-1]]
    assert copied
    for name in copied:
        assert (HOUSE / name).exists(), name
        assert {name, name.partition("/")[0]} & sent, f"{name} is not in .dockerignore's exceptions"


def test_the_layer_of_the_physics_has_all_that_is_compiled() -> None:
    """It is built before the rest is there: what the compiler reads must be among what is copied until then."""
    before = DOCKERFILE[: DOCKERFILE.index("node.plant.entry")]
    copied = [name for line in re.findall(r"^COPY (?!--)(.+)$", before, re.MULTILINE) for name in line.split()[:-1]]
    program = "import sys, node.plant.entry; print([m for m in sys.modules if m.partition('.')[0] in ('bus', 'node')])"
    loaded = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True)
    for module in (*re.findall(r"'([a-z_.]+)'", loaded.stdout), *OUTSIDE):
        path = module.replace(".", "/")
        names = {f"{path}.py", f"{path}/__init__.py"}
        assert names & set(copied) or path.startswith("node/plant"), f"{module} is read before it is copied"


def podman(*arguments: object, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    words = ["podman", *(str(argument) for argument in arguments)]
    return subprocess.run(words, capture_output=True, text=True, timeout=600, check=check, **more)


@pytest.fixture(scope="module")
def image() -> str:
    """The image of this tree, or SKYRACK_IMAGE where that is built already. SKIPPED where there is no engine, or no
    base image; SKYRACK_CONTAINER_SETUP may name a program that makes both."""
    setup = os.environ.get("SKYRACK_CONTAINER_SETUP", "")
    if setup:
        subprocess.run([setup], check=True, timeout=600, stdout=subprocess.DEVNULL)
    if shutil.which("podman") is None:
        pytest.skip("no podman on this machine")
    if ready := os.environ.get("SKYRACK_IMAGE", ""):
        return ready
    if podman("image", "exists", BASE, check=False).returncode:
        pytest.skip(f"no base image {BASE}; SKYRACK_PYTHON_IMAGE names another")
    build = ["build", "--network", "host", "--build-arg", f"PYTHON_IMAGE={BASE}", "-f", "docker/Dockerfile"]
    certificates = ["-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    subprocess.run(["podman", *build, *certificates, "-t", "skyrack-test", "."], cwd=HOUSE, check=True, timeout=1800)
    return "localhost/skyrack-test"


SANDBOX = ("run", "--rm", "--read-only", "--cap-drop", "all", "--network", "none", "--tmpfs", "/tmp")


def in_the_image(image: str, scenario: Path | str, *arguments: str) -> dict[str, Any]:
    """Summary of a run in one container of it, without a network."""
    mount = ("-v", f"{scenario}:/s.json:ro") if isinstance(scenario, Path) else ()
    name = "/s.json" if isinstance(scenario, Path) else scenario
    flown = podman(
        *SANDBOX, "--user", "12345:12345", *mount, image, "run", name, "--json", "--out", "/tmp/o", *arguments
    )
    assert "compiling" not in flown.stderr
    summary = json.loads(flown.stdout)
    assert isinstance(summary, dict)
    return summary


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_image_flies_as_anybody_on_a_read_only_root_without_a_network(image: str, tmp_path: Path) -> None:
    generic = {"NUMBA_CPU_NAME": "generic"}
    compiler = [sys.executable, "-m", "node.plant.entry", "full", "fleet"]  # takes minutes on a busy machine
    subprocess.run(compiler, cwd=HOUSE, env={**os.environ, **generic}, check=True, timeout=1200)
    here = skyrack("run", "quick", "--in-process", "--json", "--out", tmp_path / "out", env=generic)
    expected = json.loads(here.stdout)["trace_hash"]
    assert in_the_image(image, "quick", "--in-process")["trace_hash"] == expected
    assert in_the_image(image, "quick")["trace_hash"] == expected
    assert in_the_image(image, "quick", "--per-process", "2")["trace_hash"] == expected


class Fleet:
    """A scenario as containers, for the time of a test."""

    def __init__(self, image: str, folder: Path, minutes: int, *more: str) -> None:
        self.folder = folder
        text = find_scenario("quick").read_text(encoding="utf-8")
        name = f"containers-{folder.name.replace('_', '-')[-12:]}-{os.getpid()}"
        text = re.sub(r"^name:.*$", f"name: {name}", text, flags=re.MULTILINE)
        text = re.sub(r"^duration:.*$", f"duration: {minutes} min", text, flags=re.MULTILINE)
        made = skyrack("compose", write(folder, text, "long.yaml"), "--out", folder / "c", *more)
        assert made.returncode == 0, made.stderr
        self.project = f"skyrack-{name}"
        self.directory = folder / "c"
        self.run = RunDirectory(self.directory / "out" / "run")
        ports = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
        numbers = [str(port.getsockname()[1]) for port in ports]
        for port in ports:
            port.close()
        ours = {"SKYRACK_IMAGE": image, "SKYRACK_OPERATOR_PORT": numbers[0], "SKYRACK_METRICS_PORT": numbers[1]}
        self._environment = {**os.environ, **ours}
        self.metrics = f"http://127.0.0.1:{numbers[1]}/metrics"

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        words = ["podman-compose", "-f", "compose.yaml", *arguments]
        return subprocess.run(
            words, cwd=self.directory, env=self._environment, capture_output=True, text=True, check=check, timeout=900
        )

    def container(self, service: str) -> str:
        return f"{self.project}_{service}_1"

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.compose("down", check=False)
        assert podman("ps", "-aq", "--filter", f"name={self.project}").stdout == ""

    def flies(self, least_bytes: int) -> None:
        """Wait until so much of the trace is there."""
        for _ in range(3000):
            with suppress(OSError):
                if self.run.trace.stat().st_size >= least_bytes:
                    return
            time.sleep(0.1)
        raise AssertionError(f"it does not fly: {podman('logs', self.container('bus'), check=False).stderr}")


@pytest.fixture
def composer() -> None:
    if shutil.which("podman-compose") is None:
        pytest.skip("no podman-compose on this machine")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("composer")
def test_containers_give_the_hash_of_one_process_and_the_status_of_the_run(image: str, tmp_path: Path) -> None:
    with Fleet(image, tmp_path, 5) as fleet:
        ended = fleet.compose("up", "--exit-code-from", "bus", check=False)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        summary = summary_of(fleet.run.path)
    assert summary["trace_hash"] == in_the_image(image, fleet.directory / "scenario.json", "--in-process")["trace_hash"]
    assert (fleet.directory / "archive" / "run.sqlite").stat().st_size > 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("composer")
@pytest.mark.parametrize("victim", ["node-dawn-1-and-1-more", "ground"])
def test_a_container_that_is_killed_comes_back_and_nobody_can_tell(image: str, tmp_path: Path, victim: str) -> None:
    with Fleet(image, tmp_path, 40, "--per-container", "2") as fleet:
        fleet.compose("up", "-d")
        fleet.flies(200_000)
        assert "skyrack_mission_time_seconds" in urllib.request.urlopen(fleet.metrics, timeout=30).read().decode()
        podman("kill", "--signal", "KILL", fleet.container(victim))
        podman("wait", fleet.container(victim), check=False)
        assert podman("inspect", "-f", "{{.State.Running}}", fleet.container("bus")).stdout == "true\n", "too late"
        podman("start", fleet.container(victim))
        assert podman("wait", fleet.container("bus")).stdout == "0\n"
        summary = summary_of(fleet.run.path)
    assert summary["complete"] and summary["lost"] == []
    assert summary["trace_hash"] == in_the_image(image, fleet.directory / "scenario.json", "--in-process")["trace_hash"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.usefixtures("composer")
def test_compose_down_leaves_results_that_can_be_read(image: str, tmp_path: Path) -> None:
    with Fleet(image, tmp_path, 600) as fleet:
        fleet.compose("up", "-d")
        fleet.flies(200_000)
        fleet.compose("down")
        summary = summary_of(fleet.run.path)
        with TraceReader(fleet.run.trace) as trace:
            assert trace.end is not None and not trace.end.complete and len(trace) > 0
    assert not summary["complete"]
    assert fleet.run.report.is_file()


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_pod_is_played(image: str, tmp_path: Path) -> None:
    """What `podman kube play` supports of the manifests: the pod with all of a run."""
    made = skyrack("compose", "quick", "--out", tmp_path, "--base", HOUSE / "docker" / "kubernetes" / "base")
    assert made.returncode == 0, made.stderr
    name = f"skyrack-pod-{os.getpid()}"
    text = (tmp_path / "pod.yaml").read_text(encoding="utf-8")
    text = text.replace("name: skyrack-quick", f"name: {name}").replace("image: localhost/skyrack", f"image: {image}")
    play = write(tmp_path, text, "play.yaml")
    played = podman("kube", "play", play, check=False)
    if "catatonit" in played.stderr:
        pytest.skip("podman has no catatonit here, without which it makes no pods")
    try:
        assert played.returncode == 0, played.stderr
        assert podman("wait", f"{name}-bus").stdout == "0\n", podman("logs", f"{name}-bus").stderr
    finally:
        podman("kube", "down", play, check=False)
    summary = summary_of(tmp_path / "out" / "run")
    assert summary["trace_hash"] == in_the_image(image, "quick", "--in-process")["trace_hash"]
