"""`skyrack_workload` in a program that nobody grants anything: all its steps, its checkpoints, and what flips bits."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from skyrack_workload import Canary, Checksum, Duplicate, Workload, flip
from tests.kits.runs import HOUSE


def test_a_flip_is_one_bit_of_one_array_and_the_seed_says_which() -> None:
    arrays = [np.zeros(4, np.float32), np.zeros((2, 3), np.int16)]
    assert flip(arrays, 8 * 16 + 9) == (1, 1, 1) and arrays[1].tobytes() == b"\0\2" + bytes(10)
    assert flip(arrays, 8 * 16 + 9 + 8 * 28) == (1, 1, 1) and not arrays[1].any()  # the same place, and back
    assert flip(arrays, 31) == (0, 3, 7)
    assert str(arrays[0][0]) == "-0.0" and not arrays[0][1:].any()


def test_all_bits_have_the_same_odds() -> None:
    arrays = [np.zeros(3, np.uint8), np.zeros(1, np.uint8)]
    places = {flip(arrays, seed) for seed in range(32)}
    assert len(places) == 32 and all((array == 255).all() for array in arrays)


def test_bits_of_what_is_no_memory_of_its_own_are_refused() -> None:
    with pytest.raises(ValueError, match="not contiguous"):
        flip([np.zeros((4, 4))[:, 1]], 0)


@pytest.mark.parametrize("guard", [Checksum, Duplicate])
def test_a_check_holds_until_a_bit_of_what_it_guards_flips(guard: type) -> None:
    array = np.arange(100.0)
    check = guard(lambda: [array])
    assert check.holds()
    flip([array], 4711)
    assert not check.holds()
    check.seal()
    assert check.holds()


def test_a_canary_tells_of_itself_only() -> None:
    array, canary = np.arange(100.0), Canary(np.full(16, 0xA5, np.uint8))
    flip([array], 4711)
    assert canary.holds()
    flip([canary.array], 3)
    assert not canary.holds()


def test_alone_it_does_all_steps_keeps_the_newest_checkpoints_and_goes_back(tmp_path: Path) -> None:
    state, done = np.zeros(1), []
    work = Workload(tmp_path, checkpoint_every=2)

    def load(path: Path) -> None:
        state[:] = np.load(path)

    def save(path: Path) -> None:
        np.save(path, state)

    for step in work.steps(31, save=save, load=load, suffix=".npy"):
        assert state[0] == step
        done.append(step)
        state += 1
        if step == 6 and done.count(6) == 1:
            work.roll_back()
    assert done == [*range(7), *range(6, 31)]
    kept = sorted(path.name for path in tmp_path.iterdir())
    assert kept == [f"checkpoint-{step:09d}.npy" for step in range(14, 31, 2)]


def test_alone_it_begins_anew_whatever_an_earlier_run_left(tmp_path: Path) -> None:
    """One of another program, or of another shape of its arrays."""
    (tmp_path / "checkpoint-000000000.txt").write_text("of another", encoding="utf-8")
    (tmp_path / "checkpoint-000000100.txt").write_text("of another", encoding="utf-8")
    total = 0

    def load(path: Path) -> None:
        nonlocal total
        total = int(path.read_text(encoding="utf-8"))

    def save(path: Path) -> None:
        path.write_text(str(total), encoding="utf-8")

    work = Workload(tmp_path)
    for step in work.steps(4, save=save, load=load, suffix=".txt"):
        total += step
    assert total == 6 and [path.name for path in tmp_path.iterdir()] == ["checkpoint-000000000.txt"]


def test_going_back_further_than_is_kept_is_an_error_at_once() -> None:
    for checkpoints in (0, -1, 9):
        with pytest.raises(ValueError, match=f"{checkpoints} checkpoints back: 1 to 8 are kept"):
            Workload().roll_back(checkpoints)


def test_alone_it_is_struck_as_it_is_told(tmp_path: Path) -> None:
    memory = np.zeros(8, np.uint8)
    work = Workload(tmp_path, strikes={3: [0, 9]})
    assert [int(memory.sum()) for _ in work.steps(5, arrays=lambda: [memory])] == [0, 0, 0, 3, 3]
    assert work.struck == [(0, 0, 0), (0, 1, 1)]


def test_the_example_trains_alone(tmp_path: Path) -> None:
    program = HOUSE / "docs" / "examples" / "hil" / "train.py"
    command = [sys.executable, str(program), "--steps", "150"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path)
    assert result.stdout.startswith("150 steps, 0 errors found: loss 0.0") and "accuracy 100.0%" in result.stdout


@pytest.mark.slow
def test_the_example_compares_protections(tmp_path: Path) -> None:
    program = HOUSE / "docs" / "examples" / "hil" / "train.py"
    command = [sys.executable, str(program), "--compare"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    rows = {words[0]: words[1:] for words in map(str.split, result.stdout.splitlines()[2:])}
    assert list(rows) == ["undisturbed", "none", "canary", "checksum", "duplicate"]
    strikes, found = ({name: int(row[place]) for name, row in rows.items()} for place in (0, 1))
    assert 0 == found["none"] < found["canary"] < found["checksum"] == strikes["checksum"] == strikes["none"]
    assert found["duplicate"] == strikes["duplicate"] > 1.9 * strikes["none"]
    assert rows["checksum"][2:] == rows["duplicate"][2:] == rows["undisturbed"][2:]
    assert float(rows["none"][2]) > 100 * float(rows["undisturbed"][2])
