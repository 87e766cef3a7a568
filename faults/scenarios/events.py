"""What happens in a scenario: its timeline of telecommands, its faults, its expectations.

Reads times and shapes; what the names mean is asked of the caller's vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from bus.errors import ScenarioError, UnknownNameError
from bus.scenario.model import Expectation, Fault, TimelineEntry
from bus.text.leaves import Leaf, duration
from bus.text.near import one_of
from bus.text.reader import Fields, Item
from faults.catalogue.form import FaultRequest
from faults.scenarios.names import Vocabulary

MAX_ENTRIES = 10_000
_FOREVER_NS = 2**61


@dataclass(frozen=True, slots=True)
class Span:
    """The frame of a scenario's events: its length, tick, the period that "orbits" counts, who flies which design."""

    duration_ns: int
    tick_ns: int
    orbit_s: float
    designs: Mapping[str, str]
    """Design of every spacecraft; empty for those whose own entry has a mistake."""
    jobs: Mapping[str, Sequence[str]]
    """Ids of the jobs of every spacecraft whose entry has none."""

    def read(self, item: Item, low_ns: int) -> int:
        """A time in nanoseconds since the epoch. After the scenario's end it is a warning only: people shorten runs."""
        time_ns = item.duration_ns(low_ns, _FOREVER_NS, f"{low_ns / 1e9:g} s or later", orbit_s=self.orbit_s)
        if time_ns > self.duration_ns:
            item.warn(item.found, f"a time before the end ({self.duration_ns / 1e9:g} s), or it never happens")
        return time_ns

    def spacecraft(self, item: Item) -> str:
        """One of the scenario's spacecraft; "" after a mistake."""
        name = item.text(longest=32)
        if name and name not in self.designs:
            item.refuse(item.found, f"a spacecraft of this scenario: {one_of(self.designs, name)}")
            return ""
        return name


def read_timeline(item: Item, span: Span, vocabulary: Vocabulary) -> list[TimelineEntry]:
    """Telecommands the operator asks for, in the order of their times (then of the file)."""
    entries = []
    for entry in item.list(0, MAX_ENTRIES):
        fields = entry.fields(("at", "telecommand"))
        at_ns = span.read(fields["at"], 0)
        telecommand = fields["telecommand"].fields(("to", "name", "arguments"))
        mark = entry.sheet.mark()
        spacecraft = span.spacecraft(telecommand["to"])
        name = telecommand["name"].text(longest=64)
        arguments = telecommand["arguments"].fields(None).scalars() if "arguments" in telecommand else {}
        if telecommand.broken or not entry.sheet.clean_since(mark):
            continue
        if not span.designs[spacecraft]:
            continue
        try:
            arguments = vocabulary.check_telecommand(span.designs[spacecraft], name, arguments)
        except (ScenarioError, UnknownNameError) as error:
            _adopt(telecommand, "name", error)
            continue
        entries.append(TimelineEntry(at_s=at_ns / 1e9, spacecraft=spacecraft, telecommand=name, arguments=arguments))
    return sorted(entries, key=lambda e: e.at_s)


def read_faults(item: Item, span: Span, vocabulary: Vocabulary) -> tuple[list[Fault], tuple[str, ...]]:
    """Faults in the order of the file, resolved to primitives; and the ids of all, mistaken ones too."""
    faults: list[Fault] = []
    seen: dict[str, int] = {}
    for entry in item.list(0, MAX_ENTRIES):
        mark = entry.sheet.mark()
        fields = entry.fields(("id", "fault", "target", "at", "for", "until", "parameters"))
        name = fields["id"].text(longest=48, pattern=r"[a-z][a-z0-9-]{0,47}", shape="an id such as 'dead-string'")
        if name in seen:
            fields["id"].refuse(f"{name!r} again (first in line {seen[name]})", "an id of its own for every fault")
        elif name:
            seen[name] = entry.at.line
        fault = fields["fault"].text(longest=64)
        if fault and vocabulary.find_fault is not None:
            _try(fields["fault"], vocabulary.find_fault, fault)
        target = span.spacecraft(fields["target"])
        at_ns = span.read(fields["at"], span.tick_ns)
        until_ns = _until(fields, at_ns, span)
        parameters = fields["parameters"].fields(None).scalars() if "parameters" in fields else {}
        if not entry.sheet.clean_since(mark):
            continue
        if not span.designs[target]:
            continue
        try:
            resolved = vocabulary.resolve_fault(
                FaultRequest(fault, target, span.designs[target], parameters, span.tick_ns / 1e9, until_ns is not None)
            )
        except (ScenarioError, UnknownNameError) as error:
            _adopt(fields, "fault", error)
            continue
        faults.append(
            Fault(
                id=name,
                fault=fault,
                target=target,
                at_s=at_ns / 1e9,
                until_s=None if until_ns is None else until_ns / 1e9,
                parameters=resolved.parameters,
                primitives=resolved.primitives,
            )
        )
    return faults, tuple(seen)


def _try(item: Item, find: Callable[[str], object], name: str) -> None:
    """A name that is not known is a mistake here, whatever else is wrong with its entry."""
    try:
        find(name)
    except (ScenarioError, UnknownNameError) as error:
        item.adopt(error)


def _until(fields: Fields, at_ns: int, span: Span) -> int | None:
    """End of a fault's window, or None: it stays until it is cleared."""
    if "for" in fields and "until" in fields:
        fields["until"].refuse("for and until together", "one of them, or neither for a fault that stays")
    if "until" in fields:
        return span.read(fields["until"], at_ns + span.tick_ns)
    if "for" in fields:
        length_ns = fields["for"].read(Annotated[int, window_length(span.tick_ns, span.orbit_s)])
        return None if length_ns is None else at_ns + int(length_ns)
    return None


def window_length(tick_ns: int, orbit_s: float) -> Leaf:
    """How long a fault lasts: at least one tick. One rule for files and for `skyrack inject`."""
    return duration(tick_ns, _FOREVER_NS, f"at least one tick, {tick_ns / 1e9:g} s", orbit_s=orbit_s)


def read_expectations(
    item: Item, span: Span, fault_ids: tuple[str, ...], vocabulary: Vocabulary
) -> tuple[list[Expectation], dict[str, dict[str, None]]]:
    """Sentences as written, and the truth signals they need per spacecraft (in order of first use)."""
    sentences = []
    signals: dict[str, dict[str, None]] = {}
    for entry in item.list(0, MAX_ENTRIES):
        text = entry.text(longest=1000)
        if not text:
            continue
        try:
            needed = vocabulary.expectation_signals(text, span.designs, fault_ids, span.jobs)
        except (ScenarioError, UnknownNameError) as error:
            _adopt_whole(entry, error)
            continue
        sentences.append(Expectation(text=text))
        for spacecraft, names in needed.items():
            signals.setdefault(spacecraft, {}).update(dict.fromkeys(names))
    return sentences, signals


def _adopt(fields: Fields, name: str, error: ScenarioError | UnknownNameError) -> None:
    """A refused name belongs to its field; refused parameters name their own."""
    (fields[name] if isinstance(error, UnknownNameError) else fields.item).adopt(error)


def _adopt_whole(item: Item, error: ScenarioError | UnknownNameError) -> None:
    """A refused sentence: whatever its reader says, it stands in this place of the file."""
    if isinstance(error, UnknownNameError):
        item.adopt(error)
        return
    for mistake in error.mistakes:
        item.refuse(mistake.found, mistake.allowed)
