"""What holds in every test that runs a scenario."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, settings

from tests.kits import ledger

settings.register_profile("skyrack", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("skyrack")  # how fast a machine is says nothing of the code that is tested on it


@pytest.fixture(autouse=True)
def _every_ledger_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever run of this process is concluded in a test: where its summary says that a ledger closes, it closes
    stream by stream and packet by packet."""
    concluding = sys.modules.get("faults.run.conclude")
    if concluding is None:
        return
    read, summarise, seen = concluding.read_recording, concluding.summarise, []

    def reading(directory):  # type: ignore[no-untyped-def]
        seen.append(directory)
        return read(directory)

    def summarising(*arguments, **options):  # type: ignore[no-untyped-def]
        summary = summarise(*arguments, **options)
        ledger.check(seen[-1], ledger.said_to_close(summary))
        return summary

    monkeypatch.setattr(concluding, "read_recording", reading)
    monkeypatch.setattr(concluding, "summarise", summarising)
