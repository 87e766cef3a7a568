"""What tests of whole runs share: the image, built once, where there is an engine to build it with."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.kits import containers


@pytest.fixture(scope="session")
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
    if containers.podman("image", "exists", containers.BASE, check=False).returncode:
        pytest.skip(f"no base image {containers.BASE}; SKYRACK_PYTHON_IMAGE names another")
    containers.build("skyrack-test")
    return "localhost/skyrack-test"


@pytest.fixture(scope="session")
def cluster_image(image: str) -> str:
    """The image with Dask in it, or SKYRACK_CLUSTER_IMAGE. SKIPPED where only the other was given."""
    if ready := os.environ.get("SKYRACK_CLUSTER_IMAGE", ""):
        return ready
    if os.environ.get("SKYRACK_IMAGE", ""):
        pytest.skip("SKYRACK_CLUSTER_IMAGE does not name an image with Dask")
    containers.build("skyrack-cluster-test", "--build-arg", "EXTRA=cluster")
    return "localhost/skyrack-cluster-test"


@pytest.fixture
def composer(image: str) -> str:
    """The image, where there is also what reads a compose file."""
    if shutil.which("podman-compose") is None:
        pytest.skip("no podman-compose on this machine")
    return image
