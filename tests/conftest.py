"""What holds in every test that runs a scenario."""

from __future__ import annotations

import sys

import pytest

from tests.kits import ledger


@pytest.fixture(autouse=True)
def _every_ledger_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever run of this process is concluded in a test, its ledger closes stream by stream, or nobody can say."""
    concluding = sys.modules.get("faults.run.conclude")
    if concluding is None:
        return
    read = concluding.read_recording

    def checked(directory):  # type: ignore[no-untyped-def]
        recording = read(directory)
        ledger.check(directory)
        return recording

    monkeypatch.setattr(concluding, "read_recording", checked)
