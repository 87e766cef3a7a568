"""Containers for tests: the image of this tree, runs in one container of it, and a scenario as containers of its own.

An engine is podman; where there is none, the fixtures of `tests/system/conftest.py` skip and say so. Every container
of a test is gone when it ends, and that is looked at.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bus.errors import NoTrace
from bus.trace.reader import TraceReader
from faults.run_directory import RunDirectory
from faults.scenarios.choose import find_scenario
from tests.kits.runs import HOUSE, skyrack, summary_of, write

BASE = os.environ.get("SKYRACK_PYTHON_IMAGE", "localhost/python-base:3.11")
SANDBOX = ("run", "--rm", "--read-only", "--cap-drop", "all", "--network", "none", "--tmpfs", "/tmp")
PATIENCE_S = 1800.0
LOOK_EVERY_S = 0.1


def podman(*arguments: object, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
    """One call of the engine. What it printed is in the failure."""
    words = ["podman", *(str(argument) for argument in arguments)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE_S, check=False, **more)
    assert not check or done.returncode == 0, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done


def build(tag: str, *more: str, context: Path = HOUSE) -> None:
    """The image of a tree, on the base that is here."""
    words = ["build", "--network", "host", "--build-arg", f"PYTHON_IMAGE={BASE}", "-f", "docker/Dockerfile"]
    certificates = ["-v", "/etc/ssl/certs:/etc/ssl/certs:ro"]
    subprocess.run(["podman", *words, *certificates, *more, "-t", tag, "."], cwd=context, check=True, timeout=2400)


def in_the_image(image: str, scenario: Path | str, *arguments: str) -> dict[str, Any]:
    """Summary of a run in one container of it, as nobody in particular and without a network."""
    mount = ("-v", f"{scenario}:/s.json:ro") if isinstance(scenario, Path) else ()
    name = "/s.json" if isinstance(scenario, Path) else scenario
    flown = podman(
        *SANDBOX,
        "--user",
        "12345:12345",
        *mount,
        image,
        "run",
        name,
        "--json",
        "--out",
        "/tmp/o",
        *arguments,
        check=False,
    )
    assert flown.returncode in (0, 1), flown.stderr
    assert "compiling" not in flown.stderr
    summary = json.loads(flown.stdout)
    assert isinstance(summary, dict)
    return summary


def until(condition: Callable[[], bool], what: str, for_s: float = PATIENCE_S) -> None:
    """Look until it holds; a failure says what was waited for."""
    for _ in range(round(for_s / LOOK_EVERY_S)):
        if condition():
            return
        time.sleep(LOOK_EVERY_S)
    raise AssertionError(f"never: {what}")


def free_port() -> str:
    """A port of this machine that nobody has just now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def lasting(text: str, name: str, minutes: int, rules: str = "") -> str:
    """A scenario under another name, that lasts so long; `rules`: its `range:`."""
    text = re.sub(r"^name:.*$", f"name: {name}", text, flags=re.MULTILINE)
    text = re.sub(r"^duration:.*$", f"duration: {minutes} min", text, flags=re.MULTILINE)
    return text + (f"range: {rules}\n" if rules else "")


class Fleet:
    """A scenario as containers, for the time of a test."""

    def __init__(self, image: str, folder: Path, minutes: int, *more: str, rules: str = "", pace: str = "") -> None:
        name = f"containers-{folder.name.replace('_', '-')[-12:]}-{os.getpid()}"
        text = lasting(find_scenario("quick").read_text(encoding="utf-8"), name, minutes, rules)
        made = skyrack("compose", write(folder, text, "long.yaml"), "--out", folder / "c", *more)
        assert made.returncode == 0, made.stderr
        self.project = f"skyrack-{name}"
        self.directory = folder / "c"
        self.run = RunDirectory(self.directory / "out" / "run")
        metrics = free_port()
        ours = {"SKYRACK_IMAGE": image, "SKYRACK_OPERATOR_PORT": free_port(), "SKYRACK_METRICS_PORT": metrics}
        self.environment = {**os.environ, **ours, **({"SKYRACK_PACE": pace} if pace else {})}
        self.metrics = f"http://127.0.0.1:{metrics}/metrics"

        self.last: dict[str, str] = {}

    def compose(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """One call of podman-compose in the directory."""
        words = ["podman-compose", "-f", "compose.yaml", *arguments]
        return subprocess.run(
            words, cwd=self.directory, env=self.environment, capture_output=True, text=True, check=check, timeout=1200
        )

    def container(self, service: str) -> str:
        """Its name at the engine."""
        return f"{self.project}_{service}_1"

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.compose("down", "-t", "2", check=False)
        assert podman("ps", "-aq", "--filter", f"name={self.project}").stdout == ""

    def alone(self, verb: str, secret: str, *arguments: str, network: str = "") -> subprocess.CompletedProcess[str]:
        """A container of its own beside the fleet, with its volumes and the secret of this service."""
        mounts = [f"{self.directory}/{name}:/data/{name}" for name in ("scenario.json", "out", "archive", "nvm")]
        mounts += [f"{self.directory}/keys/{secret}.keys:/run/secrets/skyrack.keys:ro"] if secret else []
        volumes = [word for mount in mounts for word in ("-v", mount)]
        words = ("--rm", "--read-only", "--cap-drop", "all", "--tmpfs", "/tmp", "--user", "10001:10001", *volumes)
        image, keys = self.environment["SKYRACK_IMAGE"], ("--keys", "/run/secrets/skyrack.keys")
        nets = ("--network", network or f"{self.project}_range")
        return podman("run", *words, *nets, image, verb, *keys, *arguments, check=False)

    def said(self, service: str) -> str:
        """What a container has printed so far."""
        done = podman("logs", self.container(service), check=False)
        return done.stdout + done.stderr

    def flies(self, least_bytes: int) -> None:
        """Wait until so much of the trace is there."""
        until(lambda: self.trace_bytes() >= least_bytes, f"{least_bytes} bytes of trace\n{self.project}")

    def trace_bytes(self) -> int:
        """How long the trace is; 0 where there is none."""
        return self.run.trace.stat().st_size if self.run.trace.is_file() else 0

    def ticks(self) -> int:
        """How many are complete in the trace."""
        if not self.trace_bytes():
            return 0
        try:
            with TraceReader(self.run.trace) as trace:
                return trace.flown
        except NoTrace:  # its header is being written
            return 0

    def up(self, least_bytes: int = 200_000) -> None:
        """Start all of it, and wait until it flies: until so much of the trace is there."""
        self.compose("up", "-d")
        self.flies(least_bytes)

    def tick(self) -> int:
        """Ticks flown, as the bus tells of itself."""
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9464/metrics').read().decode())"
        told = podman("exec", self.container("bus"), "python3", "-c", ask, check=False).stdout
        found = re.search(r"^skyrack_tick (\S+)$", told, re.MULTILINE)
        return int(float(found[1])) if found else -1

    def process(self, service: str) -> int:
        """Its process id on this machine; 0 while it does not run."""
        return int(podman("inspect", "-f", "{{.State.Pid}}", self.container(service)).stdout)

    def link(self, service: str, state: str) -> None:
        """Its network, `down` or `up`: nothing goes out or in, and nobody is told."""
        words = ["nsenter", "-t", str(self.process(service)), "-n", "ip", "link", "set", "eth0", state]
        subprocess.run(words, check=True, capture_output=True, timeout=60)

    def networks(self) -> list[str]:
        """Those of this fleet that there are."""
        return podman("network", "ls", "-q", "--filter", f"name={self.project}").stdout.split()

    def ended(self) -> int:
        """Wait for the bus; gives the run's exit status, and keeps what it said in `last`."""
        status = int(podman("wait", self.container("bus")).stdout)
        self.last["bus"] = self.said("bus")
        return status

    def summary(self) -> dict[str, Any]:
        """The run's. Where it says that a ledger closes, it closes packet by packet."""
        return summary_of(self.run.path)
