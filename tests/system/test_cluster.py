"""Campaigns on a Dask cluster: the same results, whoever flew them and whoever was lost meanwhile."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from bus.errors import EnvironmentFault, RangeFailure, UserError
from faults.campaign import cluster as subject
from faults.campaign.cases import Case, cases_of
from faults.campaign.cluster import Cluster, connected
from faults.campaign.fly import Folder, fly_campaign
from faults.campaign.form import read_campaign
from tests.kits.runs import TINY, command, write

STRIKES = """\
campaign: 1
name: strikes
scenario: tiny.yaml
vary:
  strike:
    dead: {id: struck, fault: kill, target: sc-1, at: $at, parameters: {down: 5 s}}
    dark: {id: struck, fault: string_open, target: sc-1, at: $at, parameters: {string: 2}}
  at: [20 s, 30 s]
with:
  faults: [$strike]
"""


def cases_in(folder: Path, text: str = STRIKES) -> list[Case]:
    write(folder, TINY)
    return cases_of(read_campaign(write(folder, text, "strikes.yaml")))


def flown(folder: Path, cases: list[Case], jobs: int | Cluster) -> bytes:
    folder.mkdir()
    fly_campaign(
        Folder(folder), "strikes", cases, jobs=jobs, resume=False, told=lambda done, of: None, stopped=str
    )  # fmt: skip
    return (folder / "results.json").read_bytes()


@contextmanager
def local(workers: int, *, processes: bool) -> Iterator[LocalCluster]:
    with LocalCluster(
        n_workers=workers, threads_per_worker=1, processes=processes, protocol="tcp://", host="127.0.0.1",
        dashboard_address="127.0.0.1:0",
    ) as cluster:  # fmt: skip
        yield cluster


def test_a_cluster_gives_the_results_of_this_machine(tmp_path: Path) -> None:
    cases, heard = cases_in(tmp_path), list[str]()
    with local(1, processes=False) as there, connected(there.scheduler_address, heard.append) as cluster:
        assert (cluster.size, heard) == (1, [])
        assert flown(tmp_path / "dask", cases, cluster) == flown(tmp_path / "one", cases, 1)
        assert (cluster.lost, cluster.again) == (0, 0)


def test_workers_that_are_another_skyrack_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = subject.facts()
    other = {**mine, "sources": "0" * 16}
    with local(1, processes=False) as there:
        monkeypatch.setattr(subject, "facts", lambda: mine)
        with connected(there.scheduler_address, lambda text: None) as cluster:
            monkeypatch.setattr(subject, "facts", lambda: other)  # somebody else comes once the cluster is checked
            with pytest.raises(UserError, match=r"is not this Skyrack: sources 0{16} instead of"):
                flown(tmp_path / "out", cases_in(tmp_path), cluster)
    assert subject._difference(mine, other) == f"sources {'0' * 16} instead of {mine['sources']}"
    assert subject._difference(mine, {**mine, "cpu": "another"}) == ""  # said, but no reason to refuse
    assert "no Skyrack" in subject._difference(mine, ModuleNotFoundError("No module named 'faults'"))


@pytest.mark.parametrize("address", ["", "tcp://", "tcp://host", "http://host:80", "tcp://host:0", "tcp://host:99999"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(UserError, match="allowed: tcp://HOST:PORT"), connected(address, lambda text: None):
        pass


def test_a_cluster_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "ANSWERS_WITHIN_S", 0.5)
    monkeypatch.setattr(subject, "WORKER_WITHIN_S", 0.5)
    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(EnvironmentFault, match=r"no Dask scheduler answers at .* within 0.5 s"):
            connected(address, lambda text: None).__enter__()
    with local(0, processes=False) as there, pytest.raises(EnvironmentFault, match=r"has no worker within 0.5 s"):
        connected(there.scheduler_address, lambda text: None).__enter__()


def test_a_cluster_without_workers_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subject, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(subject, "MOST_LOOKS_ALONE", 3)
    with local(1, processes=False) as there, connected(there.scheduler_address, lambda text: None) as cluster:
        cluster.client.retire_workers(list(cluster.client.nthreads()))
        with pytest.raises(RangeFailure, match="has no workers any more"):
            flown(tmp_path / "out", cases_in(tmp_path), cluster)


# ---- worker processes that are killed ---------------------------------------------------------------------------

MANY = STRIKES.replace("at: [20 s, 30 s]", "at: [20 s, 30 s]\n  seed: {from: 1, to: 3}")
"""A family for each seed, and so a piece."""
BEGINS_WITHIN_S = 600.0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_lost_workers_change_no_result(tmp_path: Path) -> None:
    cases = cases_in(tmp_path, MANY)
    expected = flown(tmp_path / "one", cases, 1)
    with local(1, processes=True) as there, connected(there.scheduler_address, lambda text: None) as cluster:
        assert flown(tmp_path / "dask", cases, cluster) == expected
    with local(2, processes=True) as there, connected(there.scheduler_address, lambda text: None) as cluster:
        victims: list[int] = list(cluster.client.run(os.getpid).values())[:1]

        def told(done: int, of: int) -> None:
            while done and victims:
                os.kill(victims.pop(), signal.SIGKILL)

        (tmp_path / "lost").mkdir()
        folder = Folder(tmp_path / "lost")
        fly_campaign(folder, "strikes", cases, jobs=cluster, resume=False, told=told, stopped=str)
        assert folder.results.read_bytes() == expected
        assert cluster.lost == 1 and cluster.again >= 1


def lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_killed_campaign_goes_on_on_the_cluster(tmp_path: Path) -> None:
    cases_in(tmp_path, MANY)
    with local(2, processes=True) as there:
        words = command("campaign", tmp_path / "strikes.yaml", "--cluster", there.scheduler_address)
        first = subprocess.Popen(
            [*words, "--out", tmp_path / "out"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + BEGINS_WITHIN_S
        while not lines(tmp_path / "out" / "results.jsonl"):
            assert first.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        first.kill()
        first.wait()
        assert not (tmp_path / "out" / "results.json").exists()
        second = subprocess.run(
            [*words, "--resume", tmp_path / "out", "--json"], capture_output=True, text=True, check=False
        )
        assert second.returncode in (0, 1), second.stderr
        assert json.loads(second.stdout)["not_flown"] == 0
    third = subprocess.run(
        command("campaign", tmp_path / "strikes.yaml", "-j", "1", "--out", tmp_path / "here"),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert third.returncode in (0, 1), third.stderr

    def content(folder: str) -> Any:
        return json.loads((tmp_path / folder / "results.json").read_text())

    assert content("out") == content("here")
