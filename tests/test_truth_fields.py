"""Names of truth without the models: the same as theirs, from a cache that may be missing, damaged or unwritable."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from node.plant.state import layout
from node.truth_fields import _fields, fields

HOUSE = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("record", ["state", "order"])
@pytest.mark.parametrize("capacity_class", ["full", "fleet"])
def test_the_same_names_types_and_rooms_as_the_models(capacity_class: str, record: str) -> None:
    ours, theirs = fields(capacity_class, record), getattr(layout(capacity_class), record)
    assert ours.names == theirs.names
    for name in theirs.names:
        assert (ours[name].base, ours[name].shape) == (theirs[name].base, theirs[name].shape)


@pytest.mark.parametrize("content", [None, "", "{}", "[1", '{"state": 3, "order": []}'])
def test_what_is_not_kept_or_damaged_is_asked_of_the_models(content: str | None, tmp_path: Path) -> None:
    kept = tmp_path / "fields-full.json"
    if content is not None:
        kept.write_text(content)
    fresh = _fields("full", kept)
    assert np.dtype(fresh["state"]) == fields("full")
    assert _fields("full", kept) == fresh
    assert [path.name for path in tmp_path.iterdir()] == ["fields-full.json"]


def test_a_cache_that_cannot_be_written_is_only_slow(tmp_path: Path) -> None:
    assert _fields("full", tmp_path / "missing" / "fields-full.json")["order"]


def test_loading_a_scenario_needs_no_numba() -> None:
    fields("full")  # kept from now on
    program = (
        "import sys; from faults.scenario_choice import load_named; load_named('first-light'); "
        "print([m for m in ('numba', 'zmq') if m in sys.modules])"
    )
    loaded = subprocess.run([sys.executable, "-c", program], cwd=HOUSE, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
