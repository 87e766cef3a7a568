"""Processes that are started by hand, as containers would be: run.json tells where everybody is."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.kits.runs import TINY, command, skyrack, write

Process = subprocess.Popen[str]
ANYWHERE = "tcp://127.0.0.1:0"


def endpoints_when(out: Path, ready: Callable[[dict[str, str]], bool], *needed: Process) -> dict[str, str]:
    """The endpoints in run.json once they are as wanted; fails when a process that is needed has ended."""
    while True:
        endpoints: dict[str, str] = json.loads((out / "run.json").read_text())["endpoints"]
        if ready(endpoints):
            return endpoints
        assert all(process.poll() is None for process in needed)
        time.sleep(0.02)


def test_the_ground_brings_its_door_along(tmp_path: Path) -> None:
    scenario, out = write(tmp_path, TINY.replace("duration: 60 s", "duration: 20 min")), tmp_path / "run"
    keys = ("--keys", tmp_path / "keys")
    binds = ("--bind", ANYWHERE, "--bind-range", ANYWHERE, "--bind-observe", ANYWHERE)
    bus = command("bus", "--scenario", scenario, *keys, "--out", out, "--pace", "x20", *binds)
    with subprocess.Popen(bus, stderr=subprocess.PIPE, text=True) as conducting:
        assert conducting.stderr is not None
        next(line for line in conducting.stderr if "are awaited at" in line)
        at = endpoints_when(out, lambda found: not found["time"].endswith(":0"), conducting)["time"]
        early = skyrack("command", "sc-1", "test.ping", "--run", out)
        node = command("node", "--id", "sc-1", "--connect", at, *keys, "--nvm", tmp_path / "nvm")
        ground = command("ground", "--connect", at, *keys, "--archive", tmp_path / "archive.sqlite", "--bind", ANYWHERE)
        with subprocess.Popen(node, text=True) as flying, subprocess.Popen(ground, text=True) as operating:
            endpoints = endpoints_when(out, lambda found: "operator" in found, conducting, operating)
            sent = skyrack("command", "sc-1", "test.ping", "--run", out, "--wait", "60")
            second = subprocess.run(node, capture_output=True, text=True, check=False, timeout=100)
            broken = skyrack("inject", "sc-1", "string_open", "string=2", "--run", out)
            conducting.send_signal(signal.SIGINT)
            conducting.communicate(timeout=60)
            assert (flying.wait(timeout=60), operating.wait(timeout=60)) == (0, 0)
    assert (early.returncode, "has `skyrack ground` come?" in early.stderr) == (2, True), early.stderr
    assert (sent.returncode, "COMPLETED" in sent.stdout) == (0, True), sent.stderr
    assert broken.returncode == 0, broken.stderr
    assert second.returncode == 2, second.stderr
    assert "the bus refuses sc-1: sc-1 already takes part, through another process" in second.stderr
    assert not any(endpoint.endswith(":0") for endpoint in endpoints.values()), "real ports, as bound"
