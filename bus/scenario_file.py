"""Scenario text -> the resolved `Scenario`, with every mistake found in one go.

The grammar's top level lives here; orbits, timeline and faults are read by `scenario_orbits.py` and
`scenario_events.py`. No vocabulary of its own: names are checked against the caller's `Vocabulary`.
"""

from __future__ import annotations

from pathlib import Path

from bus.scenario import Scenario
from bus.vocabulary import FaultRequest, ResolvedFault, Vocabulary

__all__ = ["FaultRequest", "ResolvedFault", "Vocabulary", "load", "load_text"]


def load(path: Path, vocabulary: Vocabulary) -> Scenario:
    """The scenario in a file. Raises ScenarioError with every Mistake, or EnvironmentFault if it cannot be read."""
    raise NotImplementedError


def load_text(text: str, vocabulary: Vocabulary, *, file: str = "<text>") -> Scenario:
    """The scenario in a text; `file` is the name used in mistakes. Warnings are in `Scenario.warnings`."""
    raise NotImplementedError
