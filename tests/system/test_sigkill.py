"""kill -9 of the ground and of a spacecraft in the middle of their writing, again and again.

In lockstep nobody can tell: trace, archive and non-volatile memory are those of the undisturbed flight, to the bit. A
spacecraft that boots from its file alone loses nothing of what it had answered, and every ledger closes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.kits.runs import HOUSE

KILLS = [200, pytest.param(1000, marks=pytest.mark.slow)]


def flown(who: str, folder: Path, kills: int) -> dict[str, Any]:
    arguments = [sys.executable, "-m", "tests.kits.sigkill", who, str(folder), str(kills), "1"]
    result = subprocess.run(arguments, capture_output=True, text=True, check=False, cwd=HOUSE)
    assert result.returncode == 0, result.stderr
    found: dict[str, Any] = json.loads(result.stdout)
    assert found["killed"]["kills"] == kills
    return found


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kills", KILLS)
@pytest.mark.parametrize("who", ["ground", "retention", "node"])
def test_in_lockstep_nobody_can_tell_that_it_was_killed(who: str, kills: int, tmp_path: Path) -> None:
    found = flown(who, tmp_path, kills)
    killed, undisturbed = found["killed"], found["undisturbed"]
    for what in (
        "trace",
        "archive",
        "journal",
        "generated",
        "archived",
        "declared_lost",
        "on_board",
        "retired",
        "boots",
    ):
        assert killed[what] == undisturbed[what], what
    assert killed["replayed"] > kills
    assert killed["archived"] + killed["retired"] > kills
    assert (killed["retired"] > kills) == (who == "retention")
    assert (killed["torn"] > kills // 2) == (who == "node")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kills", [60, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_spacecraft_that_boots_from_its_file_loses_nothing_it_had_answered(kills: int, tmp_path: Path) -> None:
    killed = flown("file", tmp_path, kills)["killed"]
    assert killed["boots"] >= kills
    assert killed["torn"] > kills // 2
    assert killed["archived"] > kills
