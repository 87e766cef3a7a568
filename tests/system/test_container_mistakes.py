"""What is wrong with containers is told in words with status 2, harms nobody else, and leaves nothing running."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from bus.errors import HandshakeRefused, UserError
from faults.scenarios.choose import find_scenario, load_resolved
from faults.scenarios.load import load
from groundstation.process import serve_ground
from node.process import builder
from tests.kits.containers import Fleet, in_the_image, podman
from tests.kits.runs import write

FAKE_TIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")


def test_a_scenario_of_another_release_is_refused_by_who_fetches_it(tmp_path: Path) -> None:
    newer = b'{"skyrack": 1, "weather": "of tomorrow"}'
    with pytest.raises(HandshakeRefused, match=r"none of this release: .*weather") as node:
        builder(tmp_path, None)(["sat-1"], newer)
    with pytest.raises(HandshakeRefused, match=r"none of this release: .*weather"):
        serve_ground(newer, lambda _: {}, tmp_path / "a.sqlite", tmp_path, operator_endpoint="tcp://127.0.0.1:0")
    assert node.value.exit_status == 2 and "skyrack --version" in node.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_scenario_of_another_release_is_refused_by_the_bus(tmp_path: Path) -> None:
    content = load(find_scenario("quick")).to_json().decode()
    path = write(tmp_path, content.replace("{", '{"weather":"of tomorrow",', 1), "scenario.json")
    with pytest.raises(UserError, match=r"is no resolved scenario of this release: .*weather") as refused:
        load_resolved(path)
    assert refused.value.exit_status == 2


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_second_container_of_one_identity_is_refused_and_the_run_goes_on(composer: str, tmp_path: Path) -> None:
    with Fleet(composer, tmp_path, 60) as fleet:
        fleet.up()
        second = fleet.alone("node", "node-dawn-1", "--ids", "dawn-1", "--connect", "tcp://bus:5600")
        other = fleet.alone("node", "node-path-1", "--ids", "dawn-1", "--connect", "tcp://bus:5600")
        assert fleet.ended() == 0, fleet.said("bus")
        summary = fleet.summary()
    assert second.returncode == 2, second.stderr
    assert "the bus refuses dawn-1: dawn-1 already takes part, through another process" in second.stderr
    assert (other.returncode, "unknown spacecraft 'dawn-1'" in other.stderr) == (2, True), other.stderr
    assert summary["complete"] and summary["lost"] == []


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_what_a_container_lacks_is_told(composer: str, tmp_path: Path) -> None:
    """A secret, a volume that may be written, a scenario of its release: each ends that container with status 2."""
    fleet = Fleet(composer, tmp_path, 5)
    (fleet.directory / "keys" / "ground.keys").unlink()
    for name in ("nvm", "out"):
        os.chown(fleet.directory / name, 0, 0)
        (fleet.directory / name).chmod(0o755)
    bus = ("--scenario", "/data/scenario.json", "--bind", "tcp://127.0.0.1:0", "--out")
    connect = ("--connect", "tcp://127.0.0.1:1")
    told = {
        "cannot read the key file": fleet.alone("ground", "", *connect, network="none"),
        "cannot write to /data/out/run": fleet.alone("bus", "bus", *bus, "/data/out/run", network="none"),
        "the secret /run/secrets/skyrack.keys is missing": fleet.alone("bus", "", *bus, "/tmp/run", network="none"),
    }
    for words, done in told.items():
        assert done.returncode == 2 and words in done.stderr and "Traceback" not in done.stderr, done.stderr
    assert podman("ps", "-aq", "--filter", f"name={fleet.project}").stdout == ""


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_memory_that_cannot_be_written_ends_its_container_and_the_run_says_who_is_missing(
    composer: str, tmp_path: Path
) -> None:
    with Fleet(composer, tmp_path, 5) as fleet:
        os.chown(fleet.directory / "nvm", 0, 0)
        (fleet.directory / "nvm").chmod(0o755)
        fleet.compose("up", "-d")
        assert podman("wait", fleet.container("node-dawn-1")).stdout == "2\n"
        assert "cannot write the non-volatile memory" in fleet.said("node-dawn-1")


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_port_that_is_in_use_is_named_and_nothing_is_left(composer: str, tmp_path: Path) -> None:
    with Fleet(composer, tmp_path, 5) as fleet, socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        fleet.environment["SKYRACK_OPERATOR_PORT"] = port
        begun = fleet.compose("up", "-d", check=False)
        said = begun.stdout + begun.stderr
        assert port in said and "address already in use" in said, said


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_container_with_a_wrong_clock_flies_the_same(composer: str, tmp_path: Path) -> None:
    """Ten years behind: nothing of a run depends on the date, only stamps in the record of operators do."""
    if not FAKE_TIME.is_file():
        pytest.skip("no libfaketime on this machine (apt-get install libfaketime)")
    with Fleet(composer, tmp_path, 10) as fleet:
        path = fleet.directory / "compose.yaml"
        form = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name in ("node-dawn-1", "ground"):
            behind = {"LD_PRELOAD": "/faketime.so", "FAKETIME": "-10y", "DONT_FAKE_MONOTONIC": "1"}
            form["services"][name]["environment"] = behind
            form["services"][name]["volumes"].append(f"{FAKE_TIME}:/faketime.so:ro")
        path.write_text(yaml.safe_dump(form), encoding="utf-8")
        fleet.compose("up", "-d")
        fleet.flies(1)
        assert int(podman("exec", fleet.container("ground"), "date", "+%Y").stdout) < 2017
        assert fleet.ended() == 0, fleet.said("bus")
        summary = fleet.summary()
    expected = in_the_image(composer, fleet.directory / "scenario.json", "--in-process")
    assert summary["trace_hash"] == expected["trace_hash"]


@pytest.mark.slow
def test_without_an_engine_the_tests_of_containers_say_so(tmp_path: Path) -> None:
    """SKIPPED with the reason, never passed."""
    words = ["-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", "-m", "slow", "-k", "port_that_is", __file__]
    found = subprocess.run(
        [sys.executable, *words], env={**os.environ, "PATH": str(tmp_path), "SKYRACK_CONTAINER_SETUP": ""},
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert "no podman on this machine" in found.stdout, found.stdout
