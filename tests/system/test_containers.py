"""`skyrack compose`: what it writes is closed, complete and flies, with its command lines as processes of this machine."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import skyrack
from bus.errors import EnvironmentFault
from bus.sockets.keys import load_key, load_telecommand_key, make_keys, spacecraft_in, write_bundle
from tests.kits.runs import HOUSE, command, fly, summary_of
from tests.kits.runs import skyrack as call

FLEET = ["sat-1", "sat-2", "sat-3"]


def written(folder: Path, *more: object, scenario: str = "quick") -> dict[str, Any]:
    result = call("compose", scenario, "--out", folder, *more)
    assert result.returncode == 0, result.stderr
    content = yaml.safe_load((folder / "compose.yaml").read_text())
    assert isinstance(content, dict)
    return content


def test_every_container_is_closed_and_has_a_secret_of_its_own(tmp_path: Path) -> None:
    content = written(tmp_path)
    ours = {name: each for name, each in content["services"].items() if name != "prometheus"}
    assert set(ours) == {"bus", "ground", "console", "node-dawn-1", "node-path-1"}
    for name, each in ours.items():
        assert (each["read_only"], each["cap_drop"], each["tmpfs"]) == (True, ["ALL"], ["/tmp"]), name
        assert each["secrets"] == [{"source": name, "target": "skyrack.keys"}]
        file = tmp_path / content["secrets"][name]["file"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    published = [port for each in content["services"].values() for port in each.get("ports", ())]
    assert published and all(port.startswith("127.0.0.1:") for port in published)
    assert [name for name, each in ours.items() if "door" in each["networks"]] == ["ground"]
    assert content["networks"]["range"] == {"internal": True}
    assert ours["console"]["profiles"] == ["console"]


def test_a_bundle_has_what_its_process_needs_and_nothing_else(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    make_keys(keys, FLEET)
    for name, identity, aboard in (("bus", "bus", FLEET), ("ground", "ground", FLEET), ("pair", "", FLEET[:2])):
        write_bundle(keys, tmp_path / f"{name}.keys", identity, aboard)
    contents = {name: set(json.loads((tmp_path / f"{name}.keys").read_text())) for name in ("bus", "ground", "pair")}
    assert {name for name in contents["bus"] if name.endswith(".key")} == {"bus.key"}
    assert contents["bus"] >= {"node-sat-3.pub", "operator.pub", "range.pub"}
    assert {name for name in contents["ground"] if "range" in name or "node" in name} == set()
    assert contents["pair"] == {
        "bus.pub", "node-sat-1.key", "node-sat-2.key", "telecommand-sat-1.key", "telecommand-sat-2.key",
    }  # fmt: skip
    pair = tmp_path / "pair.keys"
    assert spacecraft_in(pair) == FLEET[:2]
    assert load_key(pair, "sat-1") == load_key(keys, "sat-1")
    assert load_telecommand_key(pair, "sat-2") == load_telecommand_key(keys, "sat-2")
    with pytest.raises(EnvironmentFault, match=r"holds no node-sat-3\.key: it is another process's"):
        load_key(pair, "sat-3")
    pair.chmod(0o644)
    with pytest.raises(EnvironmentFault, match="can be read by other users"):
        load_key(pair, "sat-1")


def test_spacecraft_share_containers_and_each_flies_once(tmp_path: Path) -> None:
    content = written(tmp_path, "--per-container", 2, scenario="first-light")
    aboard = [
        each["command"][each["command"].index("--ids") + 1].split(",")
        for name, each in content["services"].items()
        if name.startswith("node-")
    ]
    assert sorted(map(len, aboard)) == [1, 2]
    ids = [each["id"] for each in json.loads((tmp_path / "scenario.json").read_text())["spacecraft"]]
    assert sorted(id for group in aboard for id in group) == sorted(ids)
    assert all(re.fullmatch(r"[a-zA-Z0-9._-]+", name) for name in content["services"])


def test_the_commands_are_those_of_this_release(tmp_path: Path) -> None:
    content = written(tmp_path)
    verbs = typer.main.get_command(skyrack.app).commands  # type: ignore[attr-defined]
    for name, each in content["services"].items():
        if name not in ("prometheus", "console"):
            verb, *arguments = each["command"]
            verbs[verb].make_context(verb, arguments)  # raises for an option that there is not


def test_the_compose_file_of_the_tree_is_the_one_of_first_light(tmp_path: Path) -> None:
    written(tmp_path, scenario="first-light")
    shipped = (HOUSE / "docker" / "compose.yaml").read_text()
    assert (tmp_path / "compose.yaml").read_text() == shipped, "skyrack compose first-light --out docker"


def here(words: list[str], folder: Path, service: str, at: str = "") -> list[str]:
    """A container's command line for this machine: its paths, its secret, and any free port."""
    found = []
    for word in words:
        said = word.replace("${RUN:-run}", "run").replace("${SKYRACK_PACE:-free}", "free")
        said = said.replace("/run/secrets/skyrack.keys", str(folder / "keys" / f"{service}.keys"))
        said = re.sub(r"^/data/", f"{folder}/", said)
        said = re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", said).replace("tcp://bus:5600", at)
        found.append("127.0.0.1" if said in ("bus", "ground") and found else said)
    return [word for word in found if word != "--stay"]


def test_what_it_writes_flies_with_the_same_hash(tmp_path: Path) -> None:
    content = written(tmp_path, "--per-container", 2)["services"]
    with subprocess.Popen(
        command(*here(content["bus"]["command"], tmp_path, "bus")), stderr=subprocess.PIPE, text=True
    ) as bus:
        assert bus.stderr is not None
        at = next(line for line in bus.stderr if "are awaited at" in line).split()[-1]
        others = [name for name in content if name == "ground" or name.startswith("node-")]
        lines = [here(content[name]["command"], tmp_path, name, at) for name in others]
        processes = [subprocess.Popen(command(*line)) for line in lines]
        said = bus.stderr.read()
        assert [process.wait(timeout=60) for process in (bus, *processes)] == [0] * (1 + len(processes)), said
    summary = summary_of(tmp_path / "out" / "run")
    expected = fly(tmp_path / "here", "quick", "--in-process")
    assert summary["trace_hash"] == expected["trace_hash"]
    assert (tmp_path / "archive" / "run.sqlite").stat().st_size > 0
    assert (tmp_path / "out" / "run" / "report.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "complaint", "hint"),
    [
        (("bus", "--scenario", "quick", "--keys", "x.keys"), "the secret x.keys is missing", "skyrack compose"),
        (("node", "--ids", "sat-1", "--keys", "x.keys"), "cannot read the key file x.keys", ""),
        (("ground", "--keys", "x.keys", "--metrics", "9464"), "--metrics: found '9464'; allowed: HOST:PORT", ""),
        (("ground", "--advertise", "tcp://x"), "--advertise: found 'tcp://x'; allowed: a host's name", "port"),
        (("compose", "quik"), "unknown scenario 'quik'; did you mean quick?", ""),
        (("compose", "quick", "--pace", "fast"), "unknown pace 'fast'", ""),
        (("compose", "quick", "--out", "/proc/no"), "cannot write /proc/no", "--out"),
    ],
)
def test_what_is_wrong_is_told_with_status_2(
    arguments: tuple[str, ...], complaint: str, hint: str, tmp_path: Path
) -> None:
    result = call(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert complaint in result.stderr and hint in result.stderr and "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == [] or [path.name for path in tmp_path.iterdir()] == ["out"]
