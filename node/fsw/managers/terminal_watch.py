"""Optical terminals: a link that stood and is lost, and light that the range to the peer does not account for.

`Watch` looks with it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from bus.pus import Severity
from node.devices.device import Values, slug
from node.fsw.component import Arg, Component, Event, OnBoard, Words, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers.link import LOCKED

FINE = LOCKED - 1
"""Of `isl_state`: its own loop is closed, and it waits for its peer's."""

WEAK_DB = 1.0
"""[A] Below what the link budget gives: ten sigmas of the terminal's light meter."""
CONFIRMED = 3
"""[A] Looks in a row before a terminal is named."""


def _heads(words: Words) -> tuple[str, ...]:
    return words.equipment.isl_heads


@dataclass(slots=True)
class State:
    """`stood`: the terminals had found each other. `lost`, `weak`: looks in a row."""

    isl_links_lost: int = telemetered("int", "Optical links that stood and are lost")
    isl_links_weak: int = telemetered("int", "Optical links with less light than their range accounts for")
    stood: list[bool] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    weak: list[int] = field(default_factory=list)


class TerminalWatch(Component):
    """Of every optical terminal."""

    name = "terminal_watch"
    state: State

    LOST = Event(
        130, "isl_lost", Severity.LOW, "An optical link that stood is lost",
        (Arg("head", "enum", "optical terminal", labels=_heads), Arg("range_m", "float", "to its peer", "m")),
    )  # fmt: skip
    WEAK = Event(
        131, "isl_weak", Severity.LOW, "An optical link has less light than its range accounts for",
        (Arg("head", "enum", "optical terminal", labels=_heads), Arg("missing_db", "float", "how much is gone", "dB")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout) -> None:
        heads = on_board.equipment.isl_heads
        n = len(heads)
        super().__init__(on_board, State(stood=[False] * n, lost=[0] * n, weak=[0] * n))
        self._near_m, self._near_db = on_board.equipment.isl_near_m, on_board.equipment.isl_near_db
        self._places = [
            (layout.index[f"isl_state.{slug(head)}"], layout.index[f"isl_range_m.{slug(head)}"],
             layout.index[f"isl_margin_db.{slug(head)}"]) for head in heads
        ]  # fmt: skip

    def look(self, pool: Values) -> None:
        """Once more. The caller knows that the terminals are not stale."""
        state = self.state
        for head, (at, range_at, margin_at) in enumerate(self._places):
            if FINE <= pool.item(at) <= LOCKED:
                state.stood[head], state.lost[head] = True, 0
                beyond = max(pool.item(range_at), 1.0) / max(self._near_m, 1.0)
                missing_db = self._near_db - max(0.0, 20.0 * math.log10(beyond)) - pool.item(margin_at)
                state.weak[head] = state.weak[head] + 1 if missing_db > WEAK_DB else 0
                if state.weak[head] == CONFIRMED:
                    self.event(self.WEAK, head, missing_db)
            elif state.stood[head]:
                state.lost[head] += 1
                state.weak[head] = 0
                if state.lost[head] == CONFIRMED:
                    self.event(self.LOST, head, pool.item(range_at))
        state.isl_links_lost = sum(looks >= CONFIRMED for looks in state.lost)
        state.isl_links_weak = sum(looks >= CONFIRMED for looks in state.weak)
