"""The image: what it is built from is there and pinned. Where there is an engine and a base, it is built and flies."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from node.plant.cache import OUTSIDE
from tests.kits.containers import in_the_image, podman
from tests.kits.runs import HOUSE, skyrack, summary_of, write

DOCKERFILE = (HOUSE / "docker" / "Dockerfile").read_text(encoding="utf-8")


def pinned(name: str) -> dict[str, str]:
    """Requirement -> its whole entry, hashes included, without who asked for it."""
    text = (HOUSE / name).read_text(encoding="utf-8")
    entries = re.findall(r"^[A-Za-z0-9].*\n(?:[ \t]+.*\n)*", text, re.MULTILINE)
    return {entry.split(" ")[0]: re.sub(r"\s+#.*", "", entry) for entry in entries}


@pytest.mark.parametrize("lock", ["requirements", "cluster"])
def test_the_image_pins_a_part_of_what_everybody_pins(lock: str) -> None:
    image, everybody = pinned(f"docker/{lock}.lock"), pinned("requirements.lock")
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


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_the_pod_of_a_campaign_on_dask_is_played(cluster_image: str, tmp_path: Path) -> None:
    """Scheduler, workers and campaign as in docker/kubernetes/campaign-cluster; results are those of this machine."""
    text = (HOUSE / "docker" / "kubernetes" / "campaign-cluster" / "pod.yaml").read_text(encoding="utf-8")
    name = f"skyrack-campaign-{os.getpid()}"
    text = text.replace("name: skyrack-campaign", f"name: {name}").replace("campaign-results", f"{name}-results")
    play = write(tmp_path, text.replace("image: localhost/skyrack-cluster", f"image: {cluster_image}"), "play.yaml")
    played = podman("kube", "play", play, check=False)
    if "catatonit" in played.stderr:
        pytest.skip("podman has no catatonit here, without which it makes no pods")
    try:
        assert played.returncode == 0, played.stderr
        assert podman("wait", f"{name}-campaign").stdout == "0\n", podman("logs", f"{name}-campaign").stderr
        told = podman("logs", f"{name}-campaign")
        assert "luck: 4 cases" in told.stdout + told.stderr
    finally:
        podman("kube", "down", play, check=False)
        podman("volume", "rm", f"{name}-results", check=False)
