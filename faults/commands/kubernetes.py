"""The same containers for Kubernetes: an overlay on the tree's kustomize base, and one pod that holds all of a run.

The overlay brings what the base lacks: scenario, secrets, and as many pods of spacecraft as there are groups. The pod
is for `podman kube play`, and for a first look on one machine.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bus.errors import UserError
from bus.sockets.keys import BUNDLE

_CLOSED: dict[str, Any] = {
    "readOnlyRootFilesystem": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}


def overlay(base: Path, directory: Path, name: str, services: Sequence[str]) -> dict[str, Any]:
    """kustomization.yaml in `directory`. `services`: those of the spacecraft, in the order of the pods."""
    if not (base / "kustomization.yaml").is_file():
        raise UserError(f"--base: {base} has no kustomization.yaml", hint="--base docker/kubernetes/base")
    keys = [f"nodes-{place}{BUNDLE}=keys/{service}{BUNDLE}" for place, service in enumerate(services)]
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": name,
        "resources": [os.path.relpath(base.resolve(), directory.resolve())],
        "replicas": [{"name": "nodes", "count": len(services)}],
        "configMapGenerator": [{"name": "scenario", "files": ["scenario.json"]}],
        "secretGenerator": [
            {"name": "bus-keys", "files": [f"skyrack{BUNDLE}=keys/bus{BUNDLE}"]},
            {"name": "ground-keys", "files": [f"skyrack{BUNDLE}=keys/ground{BUNDLE}"]},
            {"name": "node-keys", "files": keys},
        ],
    }


def pod(name: str, directory: Path, services: Mapping[str, Any], user: str) -> dict[str, Any]:
    """All of a run in one pod, from the services of its compose file: one network, so each metrics port is another."""
    who, group = map(int, user.split(":"))
    volumes: dict[str, dict[str, Any]] = {"tmp": {"emptyDir": {}}}
    containers = []
    for place, (service, form) in enumerate(services.items()):
        mounts: list[dict[str, Any]] = [{"name": "tmp", "mountPath": "/tmp"}]
        places = [(f"./keys/{service}{BUNDLE}", f"/run/secrets/skyrack{BUNDLE}", True)]
        for volume in form["volumes"]:
            source, target, *read_only = volume.split(":")
            places.append((source, target, bool(read_only)))
        for source, target, only_read in places:
            path = directory.resolve() / source
            label = source.removeprefix("./").lower().replace("/", "-").replace(".", "-")
            volumes[label] = {"hostPath": {"path": str(path), "type": "Directory" if path.is_dir() else "File"}}
            mounts.append({"name": label, "mountPath": target, **({"readOnly": True} if only_read else {})})
        containers.append(
            {
                "name": service,
                "image": "localhost/skyrack",
                "imagePullPolicy": "IfNotPresent",
                "args": [_here(word, place) for word in form["command"]],
                "securityContext": dict(_CLOSED, runAsUser=who, runAsGroup=group),
                "volumeMounts": mounts,
            }
        )
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/name": "skyrack"}},
        "spec": {
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "containers": containers,
            "volumes": [{"name": label, **content} for label, content in volumes.items()],
        },
    }


def _here(word: str, place: int) -> str:
    """A word of a compose file's command for a pod, where everybody is at the same address and nothing is filled in."""
    word = word.replace("${RUN:-run}", "run").replace("tcp://bus:", "tcp://127.0.0.1:")
    if word.startswith("${SKYRACK_PACE:-"):
        return word.removeprefix("${SKYRACK_PACE:-").removesuffix("}")
    host, colon, port = word.partition("0.0.0.0:")
    return f"0.0.0.0:{int(port) + place}" if colon and not host else word
