"""`skyrack compose`: a scenario as containers, in a directory that a compose engine takes as it is.

The directory holds compose.yaml, the scenario resolved, a secret for each container, and what the containers write to.
Nothing is started here.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from bus.clock import parse_pace
from bus.errors import EnvironmentFault
from bus.files import write_whole
from bus.scenario.model import Scenario
from bus.sockets.keys import BUNDLE, make_keys, write_bundle
from faults.commands.kubernetes import overlay, pod
from faults.run.groups import in_groups
from faults.scenarios.choose import load_named
from faults.scenarios.own_jobs import may_be_contained

ANYBODY = "10001:10001"
"""The user of the image; root has the files made for it, anybody else has them made for himself."""
SECRET = f"/run/secrets/skyrack{BUNDLE}"
ARCHIVE = "/data/archive/${RUN:-run}.sqlite"
ENGINES = {"docker": "docker compose", "podman-compose": "podman-compose"}
"""Programs, and how they are called to read a compose file."""
BUS_PORTS = (5600, 5601, 5602)
OPERATOR_PORT = 5603
METRICS_PORT = 9464
"""The port that OpenTelemetry gives to a Prometheus endpoint of a program; Prometheus itself has 9090."""
_HEAD = """\
# Written by `skyrack compose`. Start it in its own directory; the exit status is the run's:
#
#   docker compose up --exit-code-from bus        (or podman-compose)
#   docker compose down
#
# Results are in out/run/. The next run needs a name of its own: RUN=second docker compose up ...
"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What was typed. `per_container`: spacecraft in a container."""

    scenario: str
    out: Path
    per_container: int
    pace: str
    designs: tuple[Path, ...]
    procedures: tuple[Path, ...]
    base: Path | None = None


def compose_command(wanted: Wanted) -> int:
    """Write the directory; gives the exit status."""
    parse_pace(wanted.pace)
    chosen = load_named(wanted.scenario, wanted.designs, wanted.procedures)
    may_be_contained(chosen.scenario)
    for note in chosen.notes:
        sys.stderr.write(f"note: {note}\n")
    groups = in_groups([each.id for each in chosen.scenario.spacecraft], wanted.per_container)
    try:
        _write(wanted, chosen.scenario, groups)
    except OSError as error:
        fault = EnvironmentFault(f"cannot write {wanted.out}: {error.strerror}", hint="choose a directory with --out")
        raise fault from error
    sys.stdout.write(
        f"{chosen.scenario.name}: bus, ground and {len(chosen.scenario.spacecraft)} spacecraft in {len(groups)} "
        f"containers, in {wanted.out}\nnext: cd {wanted.out} && {_engine()} up --exit-code-from bus\n"
    )
    return 0


def _engine() -> str:
    """What reads a compose file here; the first of them where there is none, which is said."""
    found = next((name for name in ENGINES if shutil.which(name)), "")
    if not found:
        sys.stderr.write(f"note: no {' and no '.join(ENGINES)} here: they fly where one of them is installed\n")
    return ENGINES[found or "docker"]


def _write(wanted: Wanted, scenario: Scenario, groups: Sequence[Sequence[str]]) -> None:
    out = wanted.out
    for folder in ("out", "archive", "nvm", "keys"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    (out / "keys").chmod(0o700)
    write_whole(out / "scenario.json", scenario.to_json())
    everybody = [each.id for each in scenario.spacecraft]
    with TemporaryDirectory(dir=out / "keys") as made:
        make_keys(Path(made), everybody)
        for service, identity, aboard in (
            ("bus", "bus", everybody),
            ("ground", "ground", everybody),
            ("console", "operator", everybody),
            *((service_of(group), "", group) for group in groups),
        ):
            write_bundle(Path(made), out / "keys" / f"{service}{BUNDLE}", identity, aboard)
    procedures = [path.name for path in wanted.procedures]
    for path in wanted.procedures:
        (out / "procedures").mkdir(exist_ok=True)
        shutil.copyfile(path, out / "procedures" / path.name)
    write_whole(out / "prometheus.yml", yaml.safe_dump(prometheus(), sort_keys=False))
    content = services(scenario, groups, wanted.pace, procedures)
    write_whole(out / "compose.yaml", _HEAD + as_yaml(content))
    user = f"{os.getuid()}:{os.getgid()}" if os.getuid() else ANYBODY
    if wanted.base is not None:
        name, names = f"skyrack-{scenario.name.lower()}", [service_of(group) for group in groups]
        write_whole(out / "kustomization.yaml", as_yaml(overlay(wanted.base, out, name, names)))
        parts = {name: form for name, form in content["services"].items() if "profiles" not in form}
        write_whole(out / "pod.yaml", as_yaml(pod(name, out, parts, user)))
    if os.getuid() == 0:
        _give_away(out, *map(int, ANYBODY.split(":")))
    write_whole(out / ".env", f"SKYRACK_USER={user}\n")


def _give_away(out: Path, user: int, group: int) -> None:
    for path in (
        out / "scenario.json",
        *(each for top in ("out", "archive", "nvm", "keys") for each in _tree(out / top)),
    ):
        os.chown(path, user, group)


def _tree(top: Path) -> list[Path]:
    return [top, *top.rglob("*")]


def service_of(ids: Sequence[str]) -> str:
    """The service that carries these spacecraft."""
    return f"node-{ids[0]}" + (f"-and-{len(ids) - 1}-more" if len(ids) > 1 else "")


class _Plain(yaml.SafeDumper):
    """Without anchors: the file is for people too."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never an alias."""
        return True


def as_yaml(content: dict[str, Any]) -> str:
    """In the order in which it was said."""
    return str(yaml.dump(content, Dumper=_Plain, sort_keys=False, width=120))


def services(
    scenario: Scenario, groups: Sequence[Sequence[str]], pace: str, procedures: Sequence[str]
) -> dict[str, Any]:
    """The whole compose file, as a map."""
    names = [service_of(group) for group in groups]
    time, range_, observe = (f"tcp://0.0.0.0:{port}" for port in BUS_PORTS)
    own = [word for name in procedures for word in ("--procedures", f"/data/procedures/{name}")]
    folder = ["./procedures:/data/procedures:ro"] if procedures else []
    connect = ["--connect", f"tcp://bus:{BUS_PORTS[0]}", "--keys", SECRET]
    metrics = ["--metrics", f"0.0.0.0:{METRICS_PORT}"]
    bus = {
        **_container("bus"),
        "command": [
            "bus", "--scenario", "/data/scenario.json", "--keys", SECRET, "--pace", "${SKYRACK_PACE:-" + pace + "}",
            "--out", "/data/out/${RUN:-run}", "--bind", time, "--bind-range", range_, "--bind-observe", observe,
            "--advertise", "bus", "--archive", ARCHIVE, *metrics, *own,
        ],
        "volumes": [
            "./scenario.json:/data/scenario.json:ro", "./out:/data/out", "./archive:/data/archive:ro", *folder,
        ],
        "networks": ["range"],
        "healthcheck": _health(),
        "stop_grace_period": "70s",
    }  # fmt: skip
    ground = {
        **_container("ground"),
        "command": [
            "ground", *connect, "--archive", ARCHIVE,
            "--bind", f"tcp://0.0.0.0:{OPERATOR_PORT}", "--advertise", "ground", "--stay", *metrics, *own,
        ],
        "volumes": ["./archive:/data/archive", *folder],
        "networks": ["range", "door"],
        "ports": [
            f"127.0.0.1:${{SKYRACK_{name}_PORT:-{port}}}:{port}"
            for name, port in (("OPERATOR", OPERATOR_PORT), ("METRICS", METRICS_PORT))
        ],
        "healthcheck": _health(),
        "restart": "on-failure:3",
    }  # fmt: skip
    nodes = {
        name: {
            **_container(name),
            "command": ["node", "--ids", ",".join(group), *connect, "--nvm", "/data/nvm/${RUN:-run}", "--stay"],
            "volumes": ["./nvm:/data/nvm"],
            "networks": ["range"],
            "restart": "on-failure:3",
        }
        for name, group in zip(names, groups, strict=True)
    }
    console = {
        **_container("console"),
        "profiles": ["console"],
        "entrypoint": ["skyrack"],
        "command": ["--help"],
        "environment": {"SKYRACK_RUN": "/data/out/${RUN:-run}"},
        "volumes": ["./out:/data/out:ro"],
        "networks": ["range"],
    }
    watch = {
        "image": "${PROMETHEUS_IMAGE:-docker.io/prom/prometheus:v3.5.0}",
        "profiles": ["prometheus"],
        "volumes": ["./prometheus.yml:/etc/prometheus/prometheus.yml:ro"],
        "networks": ["range", "door"],
        "ports": ["127.0.0.1:9090:9090"],
    }
    return {
        "name": f"skyrack-{scenario.name.lower()}",
        "services": {"bus": bus, "ground": ground, **nodes, "console": console, "prometheus": watch},
        "networks": {"range": {"internal": True}, "door": {}},
        "secrets": {name: {"file": f"./keys/{name}{BUNDLE}"} for name in ("bus", "ground", "console", *names)},
    }


def _container(secret: str) -> dict[str, Any]:
    """What every container of the range is: nobody in particular, with nothing that it does not need."""
    return {
        "image": "${SKYRACK_IMAGE:-skyrack}",
        "user": "${SKYRACK_USER:-" + ANYBODY + "}",
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "tmpfs": ["/tmp"],
        "secrets": [{"source": secret, "target": f"skyrack{BUNDLE}"}],
    }


def _health() -> dict[str, Any]:
    """Whether its loop turns: the metrics are served by it."""
    ask = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{METRICS_PORT}/metrics', timeout=4).read()"
    return {"test": ["CMD", "python3", "-c", ask], "interval": "10s", "timeout": "5s", "start_period": "30s"}


def prometheus() -> dict[str, Any]:
    """What Prometheus is told: whom to ask."""
    targets = [f"{name}:{METRICS_PORT}" for name in ("bus", "ground")]
    return {
        "global": {"scrape_interval": "5s"},
        "scrape_configs": [{"job_name": "skyrack", "static_configs": [{"targets": targets}]}],
    }
