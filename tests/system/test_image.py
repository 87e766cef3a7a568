"""The image: what it is built from is there and pinned. Where there is an engine and a base, it is built and flies."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.kits.runs import HOUSE, skyrack

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
        assert name in sent, f"{name} is not in .dockerignore's exceptions"


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_the_image_flies_as_anybody_on_a_read_only_root_without_a_network(tmp_path: Path) -> None:
    if shutil.which("podman") is None or subprocess.run(["podman", "image", "exists", BASE], check=False).returncode:
        pytest.skip(f"no podman, or no base image {BASE}")
    build = ["podman", "build", "--network", "host", "--build-arg", f"PYTHON_IMAGE={BASE}", "-f", "docker/Dockerfile"]
    certificates = ["-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    subprocess.run([*build, *certificates, "-t", "skyrack-test", "."], cwd=HOUSE, check=True, timeout=1200)
    sandbox = ["--rm", "--read-only", "--cap-drop", "all", "--network", "none", "--user", "12345:12345"]
    flown = subprocess.run(
        ["podman", "run", *sandbox, "--tmpfs", "/tmp", "skyrack-test", "run", "quick", "--in-process", "--json",
         "--out", "/tmp/out"], capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert "compiling" not in flown.stderr
    here = skyrack(
        "run", "quick", "--in-process", "--json", "--out", tmp_path / "out", env={"NUMBA_CPU_NAME": "generic"}
    )
    assert json.loads(flown.stdout)["trace_hash"] == json.loads(here.stdout)["trace_hash"]
