"""The compiled tick as a file: the same to the bit as the kernels, loaded without numba, found wherever it is kept."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faults.run import warm
from node.plant import cache, entry
from node.plant.step import EVERY, SUB_STEPS, fly
from tests.kits.plant_kit import plant

HOUSE = Path(__file__).resolve().parents[2]

FLY = """
import sys
from bus.participant import Moment
from faults.scenarios.choose import load_named
from node.node import assemble
from node.config import resolve
scenario = load_named("first-light").scenario
for spacecraft in scenario.spacecraft:
    node = assemble(resolve(scenario, spacecraft.id))
    node.step(Moment(0, 0, scenario.tick_ns), [])
print([name for name in ("numba", "zmq") if name in sys.modules])
"""


def test_a_spacecraft_flies_without_numba() -> None:
    """Nor does loading and checking a scenario need it."""
    plant("pathfinder")  # compiled from here on
    flown = subprocess.run([sys.executable, "-c", FLY], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert flown.stdout.strip() == "[]"


def test_the_entry_is_the_kernels_to_the_bit() -> None:
    ours, theirs = plant("formation"), plant("formation")
    place = np.zeros(6)
    for tick in range(120):
        ours.step(tick, 1.0, {})
        fly(
            theirs.state[0], theirs.params[0], theirs.flight[0], theirs.inputs[0], theirs.work[0], theirs.sky[0],
            theirs.belt, theirs.event, tick, 1.0, SUB_STEPS["full"], EVERY["full"], place,
        )  # fmt: skip
    assert ours.state["dose_gy"][0] > 0.0
    assert ours.save() == theirs.save()


def test_code_is_kept_under_the_digest_of_the_sources() -> None:
    plant("pathfinder")
    kept = entry.compiled("full")
    assert kept is not None
    assert kept.parent.name == cache.key()
    assert cache.sources_digest() in cache.key()


def test_a_changed_constant_is_a_changed_source(tmp_path: Path) -> None:
    """Compiled code holds the constants: what the plant takes from outside its folder is in the digest, all of it."""
    for name in ("node/plant", "node/fsw", "bus"):
        shutil.copytree(HOUSE / name, tmp_path / name)
    before = cache.sources_digest(tmp_path)
    assert before == cache.sources_digest()
    constants = tmp_path / "bus/constants.py"
    constants.write_text(constants.read_text().replace("1361.0", "1361.1"))
    assert cache.sources_digest(tmp_path) != before
    taken = {
        name
        for path in (HOUSE / "node/plant").rglob("*.py")
        for name in re.findall(r"^\s*(?:from|import) (bus[.\w]*)", path.read_text(), re.MULTILINE)
    }
    assert "from node.fsw import rules\n" in (HOUSE / "node/fleet_software.py").read_text()  # a fleet compiles them
    assert taken | {"node.fsw.rules"} == set(cache.OUTSIDE)


def test_a_read_only_directory_serves_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An image's: code is read where it is; what numba may want to write goes to the temporary directory."""
    plant("pathfinder")
    kept = entry.compiled("full")
    assert kept is not None
    image = tmp_path / "image" / cache.key()
    image.mkdir(parents=True)
    (image / kept.name).write_bytes(kept.read_bytes())
    monkeypatch.setenv("SKYRACK_CACHE_DIR", str(tmp_path / "image"))
    monkeypatch.setattr(cache, "_writable", lambda folder: False)
    monkeypatch.setattr(cache.tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
    cache.places.cache_clear()
    try:
        assert entry.compiled("full") == image / kept.name
        assert entry.compiled("fleet") is None
        assert cache.places()[-1].is_relative_to(tmp_path / "tmp")
    finally:
        cache.places.cache_clear()


@pytest.mark.parametrize("change", ["cut", "one bit", "the name", "empty", "older form"])
def test_damaged_code_is_never_loaded_and_made_anew(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plant("pathfinder")
    kept = entry.compiled("full")
    assert kept is not None
    data = kept.read_bytes()
    seal, _, content = data.partition(b"\n")
    place = len(data) // 2
    broken = {
        "cut": data[:place],
        "one bit": data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :],
        "the name": seal + b"\nx" + content[1:],
        "empty": b"",
        "older form": content,
    }[change]
    folder = tmp_path / cache.key()
    folder.mkdir()
    (folder / kept.name).write_bytes(broken)
    monkeypatch.setenv("SKYRACK_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(entry, "_compile", lambda capacity_class: content)
    cache.places.cache_clear()
    try:
        assert entry.compiled("full") is None and entry.damaged("full") == [folder / kept.name]
        assert entry._code("full") == content
        assert f"{folder / kept.name} is damaged" in capsys.readouterr().err
        assert entry.compiled("full") == folder / kept.name and entry.damaged("full") == []
        assert (folder / kept.name).read_bytes() == data
        heard: list[str] = []
        (folder / kept.name).write_bytes(broken)
        monkeypatch.setattr(warm, "_compile", lambda names: heard.append(f"compiled {names}"))
        warm.compile_classes(["full"], heard.append)
        assert "is damaged" in heard[0] and "compiled ['full']" in heard
    finally:
        cache.places.cache_clear()


def test_the_compiler_forgets_what_it_kept_before_it_gives_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "places", lambda: (tmp_path, tmp_path))
    (tmp_path / "step_1").mkdir()
    (tmp_path / "step_1" / "fly.nbi").write_bytes(b"damaged")
    (tmp_path / "tick-fleet.bin").write_bytes(b"kept")
    seen = []

    def compiler(names: list[str]) -> subprocess.CompletedProcess[bytes]:
        seen.append(sorted(path.name for path in tmp_path.iterdir()))
        return subprocess.CompletedProcess(names, -11 if len(seen) == 1 else 0, b"", b"")

    monkeypatch.setattr(warm, "_compiler", compiler)
    warm._compile(["full"])
    assert seen == [["step_1", "tick-fleet.bin"], ["tick-fleet.bin"]]


@pytest.mark.parametrize("trap", ["open to others", "a link"])
def test_code_is_not_taken_from_a_directory_that_others_can_write(
    trap: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path))
    own = cache._own_temporary()
    assert own == cache._own_temporary() and own.stat().st_mode & 0o777 == 0o700
    own.rmdir()
    if trap == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o700)
        own.symlink_to(tmp_path / "elsewhere")
    else:
        own.mkdir()
        own.chmod(0o777)
    other = cache._own_temporary()
    assert other not in (own, own.resolve()) and other.stat().st_mode & 0o777 == 0o700


def test_an_entry_takes_arrays_that_stay_whole() -> None:
    subject = plant("pathfinder")
    records = [subject.state, subject.params, subject.flight, subject.inputs, subject.work]
    with pytest.raises(ValueError, match="contiguous"):
        entry.bind("full", records, subject.belt, subject.event, np.zeros(6))
    with pytest.raises(ValueError, match="contiguous"):
        entry.bind("full", [*records, subject.sky], subject.belt, subject.event, np.zeros(12)[::2])
