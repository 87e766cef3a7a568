"""All spacecraft of a run at a glance, the one in trouble first: a row each, and how each is folded below."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from bus.text.times import clock
from faults.oracle.judge import Judgement
from faults.recording.recording import Recording
from faults.report.html import badge, table
from faults.report.spacecraft import beyond_limits, hottest_degc, least_charge, signals_of, state_at_end, troubles

RANKS = ("LOST", "NO ANSWER", "DOWN", "UNKNOWN", "SURVIVAL", "SAFE", "SHED")
"""What a spacecraft can have been in, the worst first."""
OPEN_AT_MOST = 6
"""So many spacecraft are shown unfolded; of more, those in trouble only."""


@dataclass(frozen=True, slots=True)
class Row:
    """One spacecraft. words: what was wrong, the worst first, each with how long where that is known. own_faults:
    without those that struck the whole fleet."""

    id: str
    design: str
    end: str
    words: tuple[str, ...]
    rank: int
    failed_expectations: int
    failed_telecommands: int
    faults: int
    own_faults: int

    @property
    def in_trouble(self) -> bool:
        """Whether there is something to look at."""
        return bool(self.words or self.failed_expectations or self.failed_telecommands or self.own_faults)


def rows(recording: Recording, judgements: Sequence[Judgement]) -> list[Row]:
    """Of all spacecraft, by trouble; equal ones as in the scenario."""
    lost = {loss.id: loss for loss in recording.lost}
    tick_s = recording.scenario.tick_ns / 1e9
    found = []
    struck = Counter(id for id, _ in dict.fromkeys((fault.id, fault.target) for fault in recording.faults))
    everybody = len(recording.scenario.spacecraft)
    for spacecraft in recording.scenario.spacecraft:
        name = spacecraft.id
        signals = signals_of(recording, name)
        words = [f"LOST since {clock(lost[name].tick * tick_s)}"] if name in lost else []
        words += [f"{word} {duration}" for duration, word in troubles(signals, tick_s)]
        words += [f"{word} {duration}" for duration, word in beyond_limits(recording, name, signals, tick_s)]
        end = "LOST" if name in lost else state_at_end(signals) or "UNKNOWN"
        seen = [end, *(word.rstrip("0123456789: ") for word in words)]
        rank = min((RANKS.index(word) for word in seen if word in RANKS), default=len(RANKS))
        found.append(
            Row(
                name, spacecraft.design, end, tuple(words), rank,
                sum(j.verdict != "PASS" and f"{name}." in j.text for j in judgements),
                sum(t.spacecraft == name and t.state in ("failed", "rejected") for t in recording.telecommands),
                sum(f.target == name and f.at_s is not None for f in recording.faults),
                sum(
                    f.target == name and f.at_s is not None and (everybody == 1 or struck[f.id] < everybody)
                    for f in recording.faults
                ),
            )
        )  # fmt: skip
    return sorted(
        found, key=lambda r: (r.rank, -r.failed_expectations, -r.failed_telecommands, -r.faults)
    )  # fmt: skip


def overview(recording: Recording, found: Sequence[Row]) -> str:
    """The table. A figure that nobody recorded is a dash."""
    cells = []
    for row in found:
        signals = signals_of(recording, row.id)
        charge, hottest = least_charge(signals), hottest_degc(signals)
        cells.append(
            [
                f"<a href='#sc-{escape(row.id)}'>{escape(row.id)}</a>",
                escape(row.design),
                badge(row.end),
                escape(", ".join(row.words)) or "-",
                "-" if math.isnan(charge) else f"{100 * charge:.1f} %",
                "-" if math.isnan(hottest) else f"{hottest:.1f} °C",
                str(row.faults),
                str(row.failed_telecommands),
                str(row.failed_expectations),
            ]
        )
    heads = [
        "Spacecraft", "Design", "At the end", "Trouble", "Least charge #", "Hottest #", "Faults #",
        "Telecommands failed #", "Expectations not met #",
    ]  # fmt: skip
    return table(heads, cells, empty="No spacecraft.")


def unfolded(found: Sequence[Row]) -> frozenset[str]:
    """Whose section is open when the page is."""
    return frozenset(row.id for row in found if len(found) <= OPEN_AT_MOST or row.in_trouble)
