"""The chain behind a state, built backwards: effect, action, monitor, reading, truth, cause. Out of event reports, the
FDIR table that flew, and what would have been without each fault."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bus.pus import Severity
from bus.text.times import clock
from bus.wire.messages import Seam
from faults.catalogue.injection_ids import fault_of
from faults.recording.recording import EventRecord, FaultRecord, Recording, said
from faults.why.lives import Lives
from node.devices.equipment import FdirRow
from node.fsw.modes import MODE_NAMES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SETBACKS = ("mode_changed", "booted", "payload_shed", "group_shed")
COUNTS = ("_generated", "telemetry_on_board", "boot_count", "host_up", "contact", "mode", "payload_shed")
"""Signals that tell of flight software, not of the plant."""
DEGRADED = ("SAFE", "SURVIVAL")


@dataclass(frozen=True, slots=True)
class Link:
    """One step. at_s: mission time, None where it is not known. words: empty where the link is missing."""

    kind: str
    at_s: float | None
    words: str
    missing: str = ""


@dataclass(slots=True)
class Why:
    """The answer. state: in a word or two. causes: ids of faults, the likeliest first; `certain` where it would not
    have happened without the first. links: in the order of time."""

    spacecraft: str
    at_s: float
    state: str
    causes: list[str] = field(default_factory=list)
    certain: bool = False
    links: list[Link] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        first = next((link.at_s for link in self.links if link.at_s is not None), None)
        return {
            "spacecraft": self.spacecraft, "at_s": self.at_s, "state": self.state, "causes": self.causes,
            "certain": self.certain, "notes": self.notes,
            "links": [
                {"kind": link.kind, "at_s": link.at_s, "words": link.words, "missing": link.missing,
                 "after_s": None if link.at_s is None or first is None else link.at_s - first}
                for link in self.links
            ],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Board:
    """What is known of the software on board: the FDIR table that flew, and which device measures each reading."""

    rows: Sequence[FdirRow]
    sensors: Mapping[str, str]

    def row(self, monitor: EventRecord | None) -> FdirRow | None:
        """The row whose event this is."""
        return next((row for row in self.rows if monitor is not None and row.monitor == monitor.name), None)


def explain(lives: Lives, spacecraft: str, at_s: float, board: Board, *, operator: bool = False) -> Why:
    """Why it is where it is at `at_s`. `operator`: as somebody without access to the range can know it, from the
    readings on."""
    run = lives.actual
    events = [e for e in run.events if e.spacecraft == spacecraft and e.at_s is not None and e.at_s <= at_s]
    why = Why(spacecraft, at_s, _state(run, spacecraft, at_s))
    effect = _effect(run, spacecraft, at_s, events)
    faults = [] if operator else _acting(run, spacecraft, at_s)
    if effect is None:
        why.notes.append("nothing on board says that anything is wrong")
        _without_effect(why, lives, spacecraft, faults)
        _note_trouble(why, lives, operator=operator)
        return why
    monitor = _led_to(effect, events, board.rows)
    if not operator:
        row = board.row(monitor)
        _name_causes(why, lives, effect, faults, lambda name: _fit(name, faults, run, row, board))
        _truth(why, lives, spacecraft, faults)
    _on_board(why, effect, monitor, events, board)
    _note_trouble(why, lives, operator=operator)
    why.links.sort(key=lambda link: (math.inf if link.at_s is None else link.at_s, _ORDER.index(link.kind)))
    return why


def _note_trouble(why: Why, lives: Lives, *, operator: bool) -> None:
    """Why there are no other lives than the recorded one, to whom that matters."""
    if lives.trouble and not operator:
        why.notes.append(f"only what was recorded is known ({lives.trouble})")


_ORDER = ("cause", "truth", "reading", "monitor", "telecommand", "action", "effect", "state")


# ---- what is to be explained ------------------------------------------------------------------------------------


def _state(run: Recording, spacecraft: str, at_s: float) -> str:
    mode, up = _at(run, spacecraft, "mode", at_s), _at(run, spacecraft, "host_up", at_s)
    if up == 0.0:
        return "computer down"
    known = mode in range(len(MODE_NAMES))  # whoever is not ours may say anything; what is no number is none either
    return MODE_NAMES[int(mode)] if known else "unknown"


def _at(run: Recording, spacecraft: str, signal: str, at_s: float) -> float:
    values = run.signal(spacecraft, signal)
    if values is None or not values.size:
        return math.nan
    place = min(int(run.times_s.searchsorted(at_s, side="right")), values.size) - 1
    return float(values[place]) if place >= 0 else math.nan


def _effect(run: Recording, spacecraft: str, at_s: float, events: Sequence[EventRecord]) -> EventRecord | None:
    """The event that brought the present state: the last change to a mode that is not left since, or the last other
    setback, or the last report of medium or high severity."""
    mode = _state(run, spacecraft, at_s)
    if mode in DEGRADED:
        found = [e for e in events if e.name == "mode_changed" and e.named.get("mode_now") == mode]
        if found:
            return found[-1]
    down = run.signal(spacecraft, "host_up")
    if mode == "computer down" and down is not None:
        since = _since(run.times_s, down, at_s)
        return EventRecord(spacecraft, since, "computer down", int(Severity.HIGH), ())
    boots = [e for e in events if e.name == "booted" and e.named.get("reason") != "first_start"]
    sheds = [e for e in events if e.name in ("payload_shed", "group_shed")]
    loud = [e for e in events if e.severity >= Severity.MEDIUM and e.name not in SETBACKS]
    return max((*boots, *sheds, *loud), key=lambda e: e.at_s or 0.0, default=None)


def _since(times_s: Floats, down: Floats, at_s: float) -> float:
    place = min(int(times_s.searchsorted(at_s, side="right")), down.size) - 1
    while place > 0 and down[place - 1] == 0.0:
        place -= 1
    return float(times_s[place])


# ---- causes -----------------------------------------------------------------------------------------------------


def _acting(run: Recording, spacecraft: str, at_s: float) -> list[FaultRecord]:
    """Faults that acted before, on it or on its link; the latest last."""
    found = [f for f in run.faults if f.target == spacecraft and f.at_s is not None and f.at_s <= at_s]
    return sorted(found, key=lambda f: (f.at_s or 0.0, f.id))


def _fault_id(fault: FaultRecord, run: Recording) -> str:
    """The scenario's id of an injection, or the injection's own."""
    head, _, part = fault.id.rpartition(".")
    planned = {each.id for each in run.scenario.faults}
    return head if head in planned and part.isdigit() else fault.id


def _happened(run: Recording, effect: EventRecord, at_s: float) -> int:
    """How often the same came about up to then: the same event, of the same part and with the same words."""
    if effect.name == "computer down":
        return int(_state(run, effect.spacecraft, at_s) == "computer down")
    words = {name: value for name, value in effect.named.items() if isinstance(value, str)}
    return sum(
        e.spacecraft == effect.spacecraft
        and e.name == effect.name
        and e.at_s is not None
        and e.at_s <= at_s
        and words.items() <= e.named.items()
        for e in run.events
    )


def _name_causes(
    why: Why, lives: Lives, effect: EventRecord, faults: Sequence[FaultRecord], fit: Callable[[str], tuple[int, float]]
) -> None:
    """Those without which it would not have happened, then the others by how well they fit."""
    at_s, run = effect.at_s or 0.0, lives.actual
    number = _happened(run, effect, at_s)
    needed: list[str] = []
    others: list[str] = []
    for fault in faults:
        name = _fault_id(fault, run)
        if (fault.at_s or 0.0) > at_s or name in (*needed, *others):
            continue
        other = lives.without.get(name)
        (needed if other is not None and _happened(other, effect, at_s) < number else others).append(name)
    ranked = sorted(others, key=fit, reverse=True)
    why.causes = [*reversed(needed), *ranked]
    why.certain = bool(needed)
    for fault in faults:
        name = _fault_id(fault, run)
        if why.causes and name == why.causes[0]:
            sure = "without it this would not have happened" if why.certain else "the likeliest of what acted"
            kind = fault_of(fault.fault) or fault.fault
            why.links.append(Link("cause", fault.at_s, f"{name}: {kind} ({fault.seam}) on {fault.target}; {sure}"))
            break
    if why.certain:
        return
    if lives.calm is not None and _happened(lives.calm, effect, at_s) >= number:
        why.causes = []
        why.links = []
        why.notes.append("it happens without any of the faults too: look at design, environment and telecommands")
    elif lives.calm is not None and len(others) > 1:
        why.notes.append("no single fault is needed for it, all of them together are: they back each other")
    elif not faults:
        why.notes.append("no fault acted before: look at design, environment and telecommands")


def _fit(
    name: str, faults: Sequence[FaultRecord], run: Recording, row: FdirRow | None, board: Board
) -> tuple[int, float]:
    """How well a fault fits what was seen: it strikes the device that gave the wrong reading; it strikes the spacecraft
    rather than its link; then the latest."""
    device = board.sensors.get(row.reading, "") if row is not None else ""
    planned = next((fault for fault in run.scenario.faults if fault.id == name), None)
    struck = {place.partition(".")[0] for _, place, *_ in planned.primitives} if planned is not None else set()
    at_s = max((f.at_s or 0.0 for f in faults if _fault_id(f, run) == name), default=0.0)
    on_board = planned is not None and any(Seam(seam) is not Seam.LINK for seam, *_ in planned.primitives)
    return int(bool(device) and device in struck) + int(on_board), at_s


def _without_effect(why: Why, lives: Lives, spacecraft: str, faults: Sequence[FaultRecord]) -> None:
    """Faults act and nothing on board saw them: they are named, with what is otherwise in truth."""
    run = lives.actual
    for fault in reversed(faults):
        name = _fault_id(fault, run)
        if name in why.causes:
            continue
        why.causes.append(name)
        why.links.append(Link("cause", fault.at_s, f"{name}: {fault.fault} ({fault.seam}) acts, and nothing saw it"))
    _truth(why, lives, spacecraft, faults)
    why.links.sort(key=lambda link: link.at_s or 0.0)


def _truth(why: Why, lives: Lives, spacecraft: str, faults: Sequence[FaultRecord]) -> None:
    """The first true quantity that is another one than without the first cause."""
    if not why.causes:
        return
    other = lives.without.get(why.causes[0])
    if other is None:
        why.links.append(Link("truth", None, "", "the run was not flown without it, so what it changed is not known"))
        return
    apart = _first_apart(lives.actual, other, spacecraft)
    if apart is None:
        why.links.append(Link("truth", None, "no recorded true quantity left its course: only what is read did"))
        return
    since_s, name, here, there = apart
    why.links.append(Link("truth", since_s, f"{name} {' instead of '.join(told_apart(here, there))}"))


def told_apart(one: float, other: float) -> tuple[str, str]:
    """Two values that differ, with as many figures as it takes to see that, six at least."""
    for figures in range(6, 18):
        shown = f"{one:.{figures}g}", f"{other:.{figures}g}"
        if shown[0] != shown[1]:
            break
    return shown


def _first_apart(run: Recording, other: Recording, spacecraft: str) -> tuple[float, str, float, float] | None:
    """(since, signal, value, value in the other): the earliest plant signal that differs, of those the one that differs
    most against its range."""
    import numpy as np  # noqa: PLC0415

    found: list[tuple[float, float, str, float, float]] = []
    for (owner, name), values in run.signals.items():
        there = other.signals.get((owner, name))
        if owner != spacecraft or there is None or any(name.startswith(c) or name.endswith(c) for c in COUNTS):
            continue
        n = min(values.size, there.size)
        a, b = values[:n], there[:n]
        apart = ~np.isclose(a, b, rtol=1e-9, atol=1e-12, equal_nan=True)
        if apart.any():
            place = int(np.argmax(apart))
            span = float(np.nanmax(a) - np.nanmin(a)) or 1.0
            share = abs(float(a[place]) - float(b[place])) / span
            found.append((float(run.times_s[place]), -share, name, float(a[place]), float(b[place])))
    if not found:
        return None
    since_s, _, name, here, was = min(found)
    return since_s, name, here, was


# ---- on board ---------------------------------------------------------------------------------------------------


def _led_to(effect: EventRecord, events: Sequence[EventRecord], rows: Sequence[FdirRow]) -> EventRecord | None:
    """The monitor's event whose action brought the effect, or the effect itself where it is a monitor's event."""
    monitors = {row.monitor: row for row in rows}
    if effect.name in monitors:
        return effect
    at_s = effect.at_s or 0.0
    near = [e for e in events if e.name == "action_executed" and e.at_s is not None and abs(e.at_s - at_s) <= 2.0]
    for action in near:
        row = monitors.get(str(action.named.get("cause", "")))
        if row is not None and _brings(row, effect):
            before = [e for e in events if e.name == row.monitor and (e.at_s or 0.0) <= (action.at_s or 0.0)]
            if before:
                return before[-1]
    return None


def _brings(row: FdirRow, effect: EventRecord) -> bool:
    arguments = dict(row.arguments)
    if effect.name == "mode_changed":
        return row.telecommand == "recovery.mode" and arguments.get("mode") == effect.named.get("mode_now")
    if effect.name in ("payload_shed", "group_shed"):
        return row.telecommand.startswith("payload.")
    if effect.name == "booted":
        return row.telecommand == "computer.reboot"
    return False


def _on_board(
    why: Why, effect: EventRecord, monitor: EventRecord | None, events: Sequence[EventRecord], board: Board
) -> None:
    """Reading, monitor, action and effect, with what each said."""
    row = board.row(monitor)
    if monitor is not None and row is not None:
        device = board.sensors.get(row.reading, "")
        began_s = None if monitor.at_s is None else monitor.at_s - row.confirmation_s
        if row.reading:
            value = monitor.named.get("value")
            shown = f" {value:.6g}" if isinstance(value, float) else ""
            of = f", measured by {device}" if device else ""
            why.links.append(Link("reading", began_s, f"{row.reading}{shown}{of}"))
        why.links.append(
            Link(
                "monitor",
                monitor.at_s,
                f"{row.monitor}: {row.text}, confirmed in {row.confirmation_s:g} s ({row.level})",
            )
        )
        if row.telecommand and monitor is not effect:
            words = " ".join([row.telecommand, *(f"{name}={value}" for name, value in row.arguments)])
            why.links.append(Link("action", effect.at_s, words))
    elif effect.name == "mode_changed" and effect.severity == Severity.INFORMATIVE:
        why.links.append(Link("telecommand", effect.at_s, "the ground asked for the mode"))
    elif effect.name == "mode_changed":
        cause = effect.named.get("cause", "")
        why.links.append(Link("monitor", None, "", f"flight software gives {cause} as the reason, no row of FDIR does"))
    elif effect.name != "computer down":
        why.links.append(Link("monitor", None, "", "no row of the FDIR table led to it"))
    told = said(effect)
    why.links.append(Link("effect", effect.at_s, f"{effect.name}{': ' + told if told else ''}"))
    last = next((e for e in reversed(events) if e.at_s is not None), None)
    if last is not None and last is not effect and last.severity >= Severity.MEDIUM:
        why.notes.append(f"the last loud report is {last.name} at {clock(last.at_s or 0.0)}")
