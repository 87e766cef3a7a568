"""What the machine does not allow is said before anything is started, with a next step that fits the reason."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
from pathlib import Path

import pytest

from bus.errors import MACHINE_HINTS, EnvironmentFault
from faults.run.processes import allow_descriptors
from faults.run_directory import RunDirectory
from tests.kits.runs import HOUSE, TINY, command


@pytest.mark.parametrize("number", sorted(MACHINE_HINTS))
def test_a_hint_fits_its_errno_whatever_was_being_done(number: int) -> None:
    with pytest.raises(EnvironmentFault) as caught:
        try:
            raise OSError(number, os.strerror(number))
        except OSError as error:
            raise EnvironmentFault("cannot write here", hint="choose another --out") from error
    assert caught.value.hint == MACHINE_HINTS[number] != "choose another --out"


def test_a_place_where_one_may_not_write_is_still_a_place_to_choose_anew() -> None:
    with pytest.raises(EnvironmentFault) as caught:
        try:
            raise PermissionError(errno.EACCES, "Permission denied")
        except OSError as error:
            raise EnvironmentFault("cannot write here", hint="choose another --out") from error
    assert caught.value.hint == "choose another --out"


def test_a_full_disk_is_named_by_whoever_writes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(EnvironmentFault, match="No space left") as caught:
        RunDirectory(tmp_path).write(tmp_path / "summary.json", b"x")
    assert "free some space" in caught.value.hint


def test_the_limit_is_raised_where_it_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    raised: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda what: (64, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda what, limits: raised.append(limits))
    allow_descriptors(3)
    assert raised == []
    allow_descriptors(70)
    assert raised == [(236, 4096)]


@pytest.mark.parametrize(("limit", "spacecraft"), [(24, 1), (64, 70)])
def test_too_few_descriptors_are_told_with_both_numbers_before_anything_is_started(
    tmp_path: Path, limit: int, spacecraft: int
) -> None:
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(TINY if spacecraft == 1 else _many(spacecraft))

    def few() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))

    result = subprocess.run(
        command("run", scenario, "--out", tmp_path / "run", "--no-progress"),
        capture_output=True, text=True, timeout=120, check=False, cwd=HOUSE, preexec_fn=few, env=dict(os.environ),
    )  # fmt: skip
    assert result.returncode == 2, result.stderr
    assert f"file descriptors, {limit} are allowed (ulimit -n)" in result.stderr
    assert "next: ulimit -n " in result.stderr and "Traceback" not in result.stderr


def _many(spacecraft: int) -> str:
    head, _, tail = TINY.partition("spacecraft:\n")
    one, _, rest = tail.partition("stations:")
    return (
        head
        + "spacecraft:\n"
        + "".join(one.replace("sc-1", f"sc-{n}") for n in range(1, spacecraft + 1))
        + "stations:"
        + rest
    )
