"""What a run looks like while it flies: simulated time, speed, and one line per spacecraft. Nothing of it is recorded.

On a terminal a table that redraws in place; elsewhere (a log, a pipe, CI) a plain line now and then; or silence.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bus.clock import Stopwatch
from bus.scenario.model import Scenario
from bus.text.times import clock
from bus.trace.writer import Answer

MODES = ("LEOP", "NOMINAL", "SAFE", "SURVIVAL")
_STYLES = {"NOMINAL": "green", "SAFE": "yellow", "SURVIVAL": "red", "LEOP": "magenta"}
SHOWN = ("mode", "battery_soc", "contact")
MAX_ROWS = 24
PLAIN_EVERY_S = 5.0
REDRAW_EVERY_S = 0.2
BAR = 10


@dataclass(frozen=True, slots=True)
class StatusSample:
    """What is shown of one spacecraft; NaN where it is not known."""

    mode: float = math.nan
    battery_soc: float = math.nan
    contact: float = math.nan

    @property
    def mode_name(self) -> str:
        """The mode in words."""
        return MODES[int(self.mode)] if self.mode == self.mode and 0 <= self.mode < len(MODES) else "-"


class Observer(Protocol):
    """Whoever is told how a run goes."""

    def say(self, text: str) -> None:
        """Something happened that is worth a line."""
        ...

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """The run has come to the end of this tick."""
        ...

    def close(self) -> None:
        """It is over."""
        ...


class StatusSampler:
    """Takes the shown signals out of truth samples, by the scenario's order of signals."""

    def __init__(self, scenario: Scenario) -> None:
        self._places = {
            spacecraft: [names.index(name) if name in names else -1 for name in SHOWN]
            for spacecraft, names in scenario.truth_signals.items()
        }

    def __call__(self, answers: Sequence[Answer]) -> dict[str, StatusSample]:
        """Glimpses by spacecraft, of one tick's answers."""
        found = {}
        for answer in answers:
            places = self._places.get(answer.id)
            if places is None or not answer.truth:
                continue
            found[answer.id] = StatusSample(
                *(struct.unpack_from("<d", answer.truth, 8 * place)[0] if place >= 0 else math.nan for place in places)
            )
        return found


class Silent:
    """Says nothing."""

    def say(self, text: str) -> None:
        """Nothing."""

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Plain:
    """A line on standard error every few seconds."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._watch = Stopwatch()
        self._next_s = 0.0
        self._begun = 0.0

    def say(self, text: str) -> None:
        """One line."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """A line if the last one is long enough ago."""
        now_s = self._watch.seconds
        self._begun = self._begun or now_s
        if tick > self._scenario.ticks or (now_s < self._next_s and tick < self._scenario.ticks):
            return
        self._next_s = now_s + PLAIN_EVERY_S
        sim_s = tick * self._scenario.tick_ns / 1e9
        who = ", ".join(
            f"{name} {g.mode_name} {100 * g.battery_soc:.0f} %{' contact' if g.contact > 0 else ''}"
            for name, g in list(samples.items())[:MAX_ROWS]
        )
        speed = sim_s / (now_s - self._begun) if now_s > self._begun else 0.0
        self.say(f"{clock(sim_s)} of {clock(self._scenario.duration_ns / 1e9)}, x{speed:.0f}: {who}")

    def close(self) -> None:
        """Nothing to put away."""


class Pretty:
    """A live table on a terminal (standard error, so that output can be piped)."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._watch = Stopwatch()
        self._begun = 0.0
        self._drawn_s = -1.0
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def say(self, text: str) -> None:
        """A line above the table."""
        self._live.console.print(text, highlight=False)

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """Draw the table, at most a few times a second."""
        now_s = self._watch.seconds
        self._begun = self._begun or now_s
        if now_s - self._drawn_s < REDRAW_EVERY_S and tick < self._scenario.ticks:
            return
        self._drawn_s = now_s
        self._live.update(self._table(tick, samples, now_s - self._begun), refresh=True)

    def close(self) -> None:
        """Take the table away."""
        self._live.stop()

    def _table(self, tick: int, samples: Mapping[str, StatusSample], wall_s: float) -> Group:
        scenario = self._scenario
        sim_s, total_s = tick * scenario.tick_ns / 1e9, scenario.duration_ns / 1e9
        done = tick / scenario.ticks
        speed = sim_s / wall_s if wall_s > 0 else 0.0
        bar = "█" * round(30 * done) + "░" * (30 - round(30 * done))
        title = f"{scenario.name}  {bar}  {clock(sim_s)} of {clock(total_s)}  x{speed:,.0f}"
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        for head in ("spacecraft", "mode", "state of charge", "contact"):
            table.add_column(head, header_style="dim")
        for name, status in list(samples.items())[:MAX_ROWS]:
            table.add_row(
                name,
                Text(status.mode_name, style=_STYLES.get(status.mode_name, "")),
                _bar(status.battery_soc),
                Text("● in contact", style="cyan") if status.contact > 0 else Text("-", style="dim"),
            )
        if len(samples) > MAX_ROWS:
            table.add_row(f"and {len(samples) - MAX_ROWS} more", "", "", "")
        return Group(Text(title, style="bold"), table)


def _bar(fraction: float) -> Text:
    if not math.isfinite(fraction):
        return Text("-", style="dim")
    full = round(BAR * min(max(fraction, 0.0), 1.0))
    style = "green" if fraction > 0.5 else "yellow" if fraction > 0.3 else "red"
    return Text(f"{'█' * full}{'░' * (BAR - full)} {100 * fraction:5.1f} %", style=style)


def observer(scenario: Scenario, *, wanted: bool) -> Observer:
    """The display that fits: a table on a terminal, lines elsewhere, nothing where it is not wanted."""
    if not wanted:
        return Silent()
    return Pretty(scenario) if sys.stderr.isatty() else Plain(scenario)
