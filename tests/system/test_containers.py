"""`skyrack compose`: what it writes is closed and complete, and its command lines fly, as processes of this machine."""

from __future__ import annotations

import json
import re
import shutil
import socket
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

import skyrack
from bus.errors import EnvironmentFault, UserError
from bus.sockets.keys import load_key, load_telecommand_key, make_keys, spacecraft_in, write_bundle
from faults.commands.compose import Wanted, compose_command
from faults.commands.replay import replay
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
    found: list[str] = []
    for word in words:
        said = word.replace("${RUN:-run}", "run").replace("${SKYRACK_PACE:-free}", "free")
        said = said.replace("/run/secrets/skyrack.keys", str(folder / "keys" / f"{service}.keys"))
        said = re.sub(r"^/data/", f"{folder}/", said)
        said = re.sub(r"0\.0\.0\.0:\d+", "127.0.0.1:0", said).replace("tcp://bus:5600", at)
        found.append("127.0.0.1" if said in ("bus", "ground") and found else said)
    return [word for word in found if word != "--stay"]


def test_it_names_the_engine_that_is_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = Wanted("quick", tmp_path, 1, "free", (), ())
    for here, said, noted in (
        ("docker", "docker compose up", ""),
        ("podman-compose", "podman-compose up", ""),
        ("", "docker compose up", "no docker and no podman-compose here"),
    ):
        monkeypatch.setattr(shutil, "which", lambda name, here=here: name if name == here else None)
        assert compose_command(wanted) == 0
        told = capsys.readouterr()
        assert f"&& {said} --exit-code-from bus" in told.out and noted in told.err


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
    assert summary["telemetry"] == expected["telemetry"], "the archive is among the results, and settles the ledger"
    assert (tmp_path / "out" / "run" / "report.html").is_file()
    run, kept = tmp_path / "out" / "run", tmp_path / "kept"
    assert replay(run, "path-1").same and replay(run, "ground").same, "with the secrets beside the results"
    (tmp_path / "keys").rename(kept)
    with pytest.raises(UserError, match="the key of path-1's telecommands is not in"):
        replay(run, "path-1")
    assert replay(run, "path-1", kept).same
    make_keys(kept, ["path-1", "dawn-1"])
    with pytest.raises(UserError, match="of another run: they were made anew"):
        replay(run, "path-1", kept)


def test_a_bus_that_cannot_begin_leaves_nothing_in_the_way_of_the_next(tmp_path: Path) -> None:
    keys, out = tmp_path / "keys", tmp_path / "out" / "run"
    words = ("bus", "--scenario", "quick", "--out", out, "--bind-range", "tcp://127.0.0.1:0")
    lacking = call(*words, "--keys", tmp_path / "bus.keys")
    assert (lacking.returncode, "bus.keys is missing" in lacking.stderr) == (2, True), lacking.stderr
    assert not out.exists()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        at = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        refused = call(*words, "--keys", keys, "--bind", at)
    assert refused.returncode == 2, refused.stderr
    assert f"cannot bind {at} for the time plane: the port is in use" in refused.stderr
    assert not out.exists() and "report" not in refused.stderr


BASE = HOUSE / "docker" / "kubernetes" / "base"


def test_the_overlay_gives_each_pod_its_own_keys(tmp_path: Path) -> None:
    written(tmp_path, "--base", BASE, "--per-container", 2, scenario="first-light")
    overlay = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())
    assert (tmp_path / overlay["resources"][0]).resolve() == BASE
    assert overlay["replicas"] == [{"name": "nodes", "count": 2}]
    files = {each["name"]: each["files"] for each in overlay["secretGenerator"]}
    assert [line.partition("=")[0] for line in files["node-keys"]] == ["nodes-0.keys", "nodes-1.keys"]
    for line in (line for lines in files.values() for line in lines):
        assert (tmp_path / line.partition("=")[2]).is_file(), line
    pods = [spacecraft_in(tmp_path / line.partition("=")[2]) for line in files["node-keys"]]
    ids = [each["id"] for each in json.loads((tmp_path / "scenario.json").read_text())["spacecraft"]]
    assert sorted(id for pod in pods for id in pod) == sorted(ids)


def test_the_pod_has_everybody_at_ports_of_their_own(tmp_path: Path) -> None:
    written(tmp_path, "--base", BASE, "--pace", "x60")
    spec = yaml.safe_load((tmp_path / "pod.yaml").read_text())["spec"]
    assert [each["name"] for each in spec["containers"]] == ["bus", "ground", "node-dawn-1", "node-path-1"]
    words = [word for each in spec["containers"] for word in each["args"]]
    assert not [word for word in words if "$" in word or "//bus:" in word]
    doors = [word for word in words if word.startswith("0.0.0.0:")]
    assert len(doors) == len(set(doors)) == 2
    assert "x60" in words
    for each in spec["containers"]:
        assert each["securityContext"]["readOnlyRootFilesystem"]
        assert each["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert {mount["name"] for mount in each["volumeMounts"]} <= {volume["name"] for volume in spec["volumes"]}
    assert all(Path(volume["hostPath"]["path"]).exists() for volume in spec["volumes"] if "hostPath" in volume)


def manifests() -> list[dict[str, Any]]:
    """Every object of the tree's base, and of the campaign."""
    files = [path for path in (BASE.parent).rglob("*.yaml") if path.name not in ("kustomization.yaml", "campaign.yaml")]
    return [form for path in sorted(files) for form in yaml.safe_load_all(path.read_text())]


def test_the_base_runs_the_commands_of_this_release_and_nobody_as_root() -> None:
    verbs = typer.main.get_command(skyrack.app).commands  # type: ignore[attr-defined]
    seen = []
    for form in manifests():
        if form["kind"] not in ("Job", "StatefulSet", "Deployment"):
            continue
        spec = form["spec"]["template"]["spec"]
        assert spec["securityContext"]["runAsNonRoot"] and not spec["automountServiceAccountToken"]
        for each in spec["containers"]:
            if "args" in each:
                verb, *arguments = [re.sub(r"\$\((\w+)\)", "free", word) for word in each["args"]]
                verbs[verb].make_context(verb, arguments)
                seen.append(verb)
            else:
                assert each["command"][0] == "dask" and each["command"][1] == each["name"]
            assert each["securityContext"] == {
                "readOnlyRootFilesystem": True, "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
            }  # fmt: skip
            assert each["resources"]["limits"]["memory"]
    assert sorted(seen) == ["bus", "campaign", "ground", "node"]


def test_the_ground_cannot_reach_the_range_plane() -> None:
    policies = [form for form in manifests() if form["kind"] == "NetworkPolicy"]
    bus = next(each for each in policies if each["metadata"]["name"] == "bus")
    doors = [
        {"who": json.dumps(rule["from"]), "ports": [port["port"] for port in rule["ports"]]}
        for rule in bus["spec"]["ingress"]
    ]
    assert [door["ports"] for door in doors if "ground" in door["who"]] == [[5600]]
    assert [door["who"] for door in doors if 5601 in door["ports"]] == [
        json.dumps([{"podSelector": {"matchLabels": {"skyrack/role": "console"}}}])
    ]
    leaving = next(each for each in policies if each["metadata"]["name"] == "participants")
    assert [port["port"] for rule in leaving["spec"]["egress"] for port in rule["ports"]] == [5600, 53, 53]


@pytest.mark.slow
def test_the_manifests_are_what_the_schemas_of_kubernetes_say(tmp_path: Path) -> None:
    """Strictly, offline: schemas come with the package, which is no part of the locked set (110 MB)."""
    schemas = pytest.importorskip("kubernetes_validate", reason="pip install kubernetes-validate brings the schemas")
    if shutil.which("kubectl") is None:
        pytest.skip("no kubectl, which builds the overlay")
    written(tmp_path, "--base", BASE, scenario="first-light")
    built = subprocess.run(["kubectl", "kustomize", tmp_path], capture_output=True, text=True, check=True).stdout
    forms = [*yaml.safe_load_all(built), yaml.safe_load((tmp_path / "pod.yaml").read_text()), *manifests()]
    assert len(forms) > 20
    for form in forms:
        schemas.validate(form, "1.32", strict=True)


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
        (("compose", "quick", "--base", "."), "--base: . has no kustomization.yaml", "docker/kubernetes/base"),
    ],
)
def test_what_is_wrong_is_told_with_status_2(
    arguments: tuple[str, ...], complaint: str, hint: str, tmp_path: Path
) -> None:
    result = call(*arguments, cwd=tmp_path)
    assert result.returncode == 2, result.stderr
    assert complaint in result.stderr and hint in result.stderr and "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == [] or {path.name for path in tmp_path.iterdir()} <= {"out", "containers"}
