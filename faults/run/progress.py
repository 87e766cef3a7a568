"""What a run looks like while it flies: simulated time, speed, and one line per spacecraft. Nothing of it is recorded.

On a terminal a table that redraws in place; elsewhere (a log, a pipe, CI) a plain line now and then; or silence.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from bus.clock import Stopwatch
from bus.scenario.model import Scenario
from bus.text.times import clock
from bus.trace.writer import Answer
from faults.recording.belief import telemetered_as
from faults.run.director import Director
from faults.scenarios.vocabulary import dictionary_of

MODES = ("LEOP", "NOMINAL", "SAFE", "SURVIVAL")
_STYLES = {"NOMINAL": "green", "LEOP": "magenta", "SAFE": "yellow", "SHED": "yellow", "LATE": "yellow"}
"""Of a status; what is not here is red, and green is only who is known to be in NOMINAL, with nothing wrong."""
_TROUBLES = ("LOST", "LATE", "DOWN", "DEAF", "SURVIVAL", "SAFE", "SHED", "LOW", "LIMIT")
SHOWN = ("mode", "battery_soc", "contact", "host_up", "payload_shed", "payload_power_w", "array_power_w")
WIDE = 110
"""Columns of a terminal from which on power is shown as well."""
POWERS = ("array", "payload")
LOW_CHARGE = 0.3
"""State of charge from which on it is told as trouble and drawn in red."""
MAX_FAULTS = 2
"""Acting faults named on a line; the others are counted."""
MAX_ROWS = 24
PLAIN_EVERY_S = 5.0
REDRAW_EVERY_S = 0.2
BAR = 10


@dataclass(frozen=True, slots=True)
class StatusSample:
    """What is shown of one spacecraft; NaN where it is not known.

    lost: the range has given it up. silent: it gave no answer to this tick. deaf: a fault blacks its uplink out.
    faults: what acts on it, in order of onset. limits: quantities beyond a soft limit of the design's dictionary.
    """

    mode: float = math.nan
    battery_soc: float = math.nan
    contact: float = math.nan
    host_up: float = math.nan
    payload_shed: float = math.nan
    payload_power_w: float = math.nan
    array_power_w: float = math.nan
    lost: bool = False
    silent: bool = False
    deaf: bool = False
    faults: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def mode_name(self) -> str:
        """The mode in words."""
        return MODES[int(self.mode)] if self.mode == self.mode and 0 <= self.mode < len(MODES) else "-"

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is wrong, in words, the worst first. A computer that is down has no mode."""
        said = (
            (self.lost, "LOST"),
            (self.silent and not self.lost, "LATE"),
            (self.host_up == 0, "DOWN"),
            (self.deaf, "DEAF"),
            (self.mode_name == "SURVIVAL", "SURVIVAL"),
            (self.mode_name == "SAFE", "SAFE"),
            (self.payload_shed > 0, "SHED"),
            (self.battery_soc < LOW_CHARGE, "LOW"),
            (bool(self.limits), "LIMIT"),
        )
        return tuple(word for true, word in said if true)

    @property
    def status(self) -> str:
        """In a word or two: what is wrong, or the mode."""
        return " ".join(self.troubles) or self.mode_name

    @property
    def acting(self) -> str:
        """The faults that act, in words."""
        more = len(self.faults) - MAX_FAULTS
        return ", ".join(self.faults[:MAX_FAULTS]) + (f" and {more} more" if more > 0 else "")

    def to_row(self) -> dict[str, Any]:
        """As JSON takes it: null where a figure is not known."""
        row = {each.name: getattr(self, each.name) for each in fields(self)}
        return row | {name: None for name in SHOWN if math.isnan(row[name])}

    @classmethod
    def of_row(cls, row: Mapping[str, Any]) -> StatusSample:
        """What `to_row` gave."""
        known: dict[str, Any] = {key: math.nan if value is None else value for key, value in row.items()}
        known["faults"], known["limits"] = tuple(known["faults"]), tuple(known["limits"])
        return cls(**known)


def in_order(samples: Mapping[str, StatusSample]) -> list[tuple[str, StatusSample]]:
    """By trouble: the lost and the down first, then what a fault acts on, then everybody else as in the scenario."""
    rank = {word: place for place, word in enumerate(_TROUBLES)}
    worst = len(_TROUBLES)

    def weight(item: tuple[str, StatusSample]) -> tuple[int, bool]:
        return min((rank[word] for word in item[1].troubles), default=worst), not item[1].faults

    return sorted(samples.items(), key=weight)


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


class _Limit(NamedTuple):
    """The soft limits of one truth signal, and where it is in a sample."""

    name: str
    place: int
    low: float
    high: float


def _limits(design: str, signals: Sequence[str]) -> list[_Limit]:
    """Of the signals that are sampled. The charge has a word of its own."""
    known, found = dictionary_of(design).parameter, []
    for place, signal in enumerate(signals):
        form = known.get(telemetered_as(signal))
        if form is not None and signal != "battery_soc" and (form.soft_low, form.soft_high) != (None, None):
            low = -math.inf if form.soft_low is None else form.soft_low
            found.append(_Limit(signal, place, low, math.inf if form.soft_high is None else form.soft_high))
    return found


class StatusSampler:
    """Takes the shown signals out of truth samples, by the scenario's order of signals."""

    def __init__(self, scenario: Scenario, director: Director | None = None) -> None:
        self._director = director
        self._places = {
            spacecraft: [names.index(name) if name in names else -1 for name in SHOWN]
            for spacecraft, names in scenario.truth_signals.items()
        }
        self._limits = {
            one.id: _limits(one.design, scenario.truth_signals.get(one.id, ())) for one in scenario.spacecraft
        }
        self._form = {id: struct.Struct(f"<{len(names)}d") for id, names in scenario.truth_signals.items()}

    def __call__(self, answers: Sequence[Answer]) -> dict[str, StatusSample]:
        """Samples by spacecraft, of one tick's answers."""
        found: dict[str, StatusSample] = {}
        acting = self._director.acting() if self._director else {}
        for answer in answers:
            places = self._places.get(answer.id)
            if places is None:
                continue
            faults, form = acting.get(answer.id, {}), self._form[answer.id]
            deaf, names = any(faults.values()), tuple(faults)
            if not answer.truth or len(answer.truth) != form.size:  # of another length: no sample
                before = found.get(answer.id, StatusSample())
                found[answer.id] = replace(before, silent=True, faults=names, deaf=deaf)
                continue
            values = form.unpack(answer.truth)
            figures: dict[str, Any] = {
                name: values[place] for name, place in zip(SHOWN, places, strict=True) if place >= 0
            }
            beyond = [
                name
                for name, place, low, high in self._limits.get(answer.id, ())
                if values[place] < low or values[place] > high  # what nobody gave, a NaN, is neither
            ]
            found[answer.id] = StatusSample(**figures, deaf=deaf, faults=names, limits=tuple(beyond))
        return found


class _Speed:
    """How many times as fast as time: since the first word, which comes when the first tick is flown."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def __call__(self, sim_s: float, now_s: float) -> str:
        """`x60`; empty where it is not known yet."""
        self._first = self._first or (sim_s, now_s)
        flown_s, took_s = sim_s - self._first[0], now_s - self._first[1]
        if not (flown_s > 0.0 and took_s > 0.0):
            return ""
        factor = flown_s / took_s
        return f"x{factor:,.0f}" if factor >= 10.0 else f"x{factor:.2g}"


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
        self._speed = _Speed()

    def say(self, text: str) -> None:
        """One line."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """A line if the last one is long enough ago."""
        now_s = self._watch.seconds
        factor = self._speed(tick * self._scenario.tick_ns / 1e9, now_s)
        if tick > self._scenario.ticks or (now_s < self._next_s and tick < self._scenario.ticks):
            return
        self._next_s = now_s + PLAIN_EVERY_S
        sim_s = tick * self._scenario.tick_ns / 1e9
        who = ", ".join(
            f"{name} {g.status}{f' {100 * g.battery_soc:.0f} %' if g.battery_soc == g.battery_soc else ''}"
            f"{' contact' if g.contact > 0 else ''}{f' ({g.acting})' if g.faults else ''}"
            for name, g in in_order(samples)[:MAX_ROWS]
        )
        if len(self._scenario.spacecraft) > MAX_ROWS:
            who += f", and {len(self._scenario.spacecraft) - MAX_ROWS} more"
        said = f"{clock(sim_s)} of {clock(self._scenario.duration_ns / 1e9)}{f', {factor}' if factor else ''}"
        self.say(f"{said}: {who}" if who else said)

    def close(self) -> None:
        """Nothing to put away."""


class Pretty:
    """A live table on a terminal (standard error, so that output can be piped)."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._watch = Stopwatch()
        self._speed = _Speed()
        self._drawn_s = -1.0
        self._live = Live(console=Console(stderr=True), auto_refresh=False, transient=True)
        self._live.start()

    def say(self, text: str) -> None:
        """A line above the table."""
        self._live.console.print(text, highlight=False)

    def show(self, tick: int, samples: Mapping[str, StatusSample]) -> None:
        """Draw the table, at most a few times a second."""
        now_s = self._watch.seconds
        factor = self._speed(tick * self._scenario.tick_ns / 1e9, now_s)
        if now_s - self._drawn_s < REDRAW_EVERY_S and tick < self._scenario.ticks:
            return
        self._drawn_s = now_s
        self._live.update(self._table(tick, samples, factor), refresh=True)

    def close(self) -> None:
        """Take the table away."""
        self._live.stop()

    def _table(self, tick: int, samples: Mapping[str, StatusSample], factor: str) -> Group:
        scenario = self._scenario
        sim_s, total_s = tick * scenario.tick_ns / 1e9, scenario.duration_ns / 1e9
        done = tick / scenario.ticks
        bar = "█" * round(30 * done) + "░" * (30 - round(30 * done))
        title = f"{scenario.name}  {bar}  {clock(sim_s)} of {clock(total_s)}  {factor}"
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
        wide = self._live.console.width >= WIDE
        for head in ("spacecraft", "state", "state of charge", *(POWERS if wide else ()), "contact", "faults"):
            table.add_column(head, header_style="dim", justify="right" if head in POWERS else "left")
        for name, status in in_order(samples)[:MAX_ROWS]:
            worst = status.troubles[0] if status.troubles else status.mode_name
            table.add_row(
                name,
                Text(status.status, style="dim" if worst == "-" else _STYLES.get(worst, "bold red")),
                _bar(status.battery_soc),
                *((_kilowatts(status.array_power_w), _kilowatts(status.payload_power_w)) if wide else ()),
                Text("● in contact", style="cyan") if status.contact > 0 else Text("-", style="dim"),
                Text(", ".join(filter(None, (*status.limits[:1], status.acting))), style="red"),
            )
        if len(scenario.spacecraft) > MAX_ROWS:
            table.add_row(f"and {len(scenario.spacecraft) - MAX_ROWS} more")
        return Group(Text(title, style="bold"), table)


def _kilowatts(power_w: float) -> Text:
    return Text(f"{power_w / 1e3:.2f} kW") if math.isfinite(power_w) else Text("-", style="dim")


def _bar(fraction: float) -> Text:
    if not math.isfinite(fraction):
        return Text("-", style="dim")
    full = round(BAR * min(max(fraction, 0.0), 1.0))
    style = "green" if fraction > 0.5 else "yellow" if fraction > LOW_CHARGE else "red"
    return Text(f"{'█' * full}{'░' * (BAR - full)} {100 * fraction:5.1f} %", style=style)


def observer(scenario: Scenario, *, wanted: bool) -> Observer:
    """The display that fits: a table on a terminal, lines elsewhere, nothing where it is not wanted."""
    if not wanted:
        return Silent()
    return Pretty(scenario) if sys.stderr.isatty() else Plain(scenario)
