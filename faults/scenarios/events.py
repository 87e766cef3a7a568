"""What happens in a scenario and what is expected of it: its faults and its sentences; its times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.scenario.model import Expectation, Fault
from bus.text.forms import Form
from bus.text.leaves import Leaf, Plain, duration, text
from bus.text.reader import Item
from bus.text.units import parse_duration_ns, show
from faults.catalogue.form import FaultForm, ResolvedFault
from faults.catalogue.resolve import FAULTS, find_fault, resolve_fault
from faults.scenarios.own_faults import check_own
from faults.scenarios.stacks import Names
from faults.scenarios.vocabulary import design_info, dictionary_of, expectation_signals
from groundstation.commanding.wishes import Fleet
from groundstation.procedures.declaration import Procedure
from node.injection.engine import LIMIT

MAX_ENTRIES = 10_000
_FOREVER_NS = 2**61
_ANY_ORBIT_S = 6000.0


def _time(value: object) -> object:
    """A time as written; what "orbits" means is known later."""
    parse_duration_ns(value, orbit_s=_ANY_ORBIT_S)
    return value


def _known_fault(name: str, info: ValidationInfo) -> str:
    known = (info.context or {}).get("faults", FAULTS)
    try:
        if known is not None:
            find_fault(name, known)
    except UnknownNameError as error:
        meant = f" (did you mean {' or '.join(error.nearest)}?)" if error.nearest else f"; {error.hint}"
        raise Refused(show(name), f"a known fault{meant}") from None
    return name


Time = Annotated[
    str,
    Leaf(
        _time,
        {
            "type": "string",
            "description": "a time in s, ms, min, h, d, or in orbits of the first spacecraft: '1 h 30 min', '2 orbits'",
            "pattern": r"^(\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*(ms|min|s|h|d|orbits?))+\s*$",
        },
    ),
]


class FaultEntry(Form):
    """A fault of the catalogue: what breaks, when, and how long; of several targets it strikes each."""

    id: Annotated[str, text(longest=48, pattern=r"[a-z][a-z0-9-]{0,47}", shape="an id such as 'dead-string'")]
    fault: Annotated[str, text(longest=64), AfterValidator(_known_fault)]
    target: Names
    at: Time
    for_: Annotated[Time | None, Field(alias="for")] = None
    until: Time | None = None
    parameters: dict[str, Plain] = Field(default_factory=dict)


Sentence = Annotated[str, text(longest=1000)]


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
    complete: bool = True
    """No id of a spacecraft is a mistake: names that are not in `designs` are wrong."""
    stations: tuple[str, ...] = ()
    procedures: Mapping[str, Procedure] | None = None
    """Those that there are, None: the shipped ones."""

    @property
    def spacecraft(self) -> Mapping[str, str] | None:
        """Whom events may name; None where that is not known."""
        return self.designs if self.complete else None

    def ns(self, item: Item, low_ns: int, *, last: bool = False) -> int:
        """The time written here, in nanoseconds since the epoch. What comes at the end or later (`last`: only later)
        is a warning: people shorten runs."""
        written = item.node.value if item.node is not None else None
        time_ns = parse_duration_ns(written, orbit_s=self.orbit_s)
        if not low_ns <= time_ns <= _FOREVER_NS:
            item.refuse(item.found, f"{low_ns / 1e9:g} s or later")
        elif time_ns > self.duration_ns or (time_ns == self.duration_ns and not last):
            item.warn(item.found, f"a time before the end ({self.duration_ns / 1e9:g} s), or it never happens")
        return time_ns


def read_faults(
    item: Item, span: Span, known: Mapping[str, FaultForm] | None = FAULTS
) -> tuple[list[Fault], tuple[str, ...] | None]:
    """Faults in the order of the file, resolved to primitives; and the ids of all, None if one of them is a mistake.
    `known`: what they may name; None: that is not known."""
    faults: list[tuple[Item, Fault]] = []
    fleet = Fleet(span.designs, dictionary_of)
    seen: dict[str, int] = {}
    complete = True
    for entry in item.list(0, MAX_ENTRIES):
        written = entry.below("id").node
        name = written.value if written is not None else None
        mark = entry.sheet.mark()
        form = entry.read(FaultEntry, spacecraft=span.spacecraft, faults=known)
        if not isinstance(name, str) or entry.below("id").refused:
            complete = False
        elif name in seen:
            entry.below("id").refuse(f"{name!r} again (first in line {seen[name]})", "an id of its own for every fault")
        else:
            seen[name] = entry.at.line
        if form is None:
            continue
        at_ns = span.ns(entry.below("at"), span.tick_ns)
        until_ns = _until(entry, form, at_ns, span)
        if known is None or not entry.sheet.clean_since(mark):
            continue
        several = form.target not in span.designs
        for target in fleet.named(form.target) if several and span.complete else (form.target,):
            resolved = _resolved(entry, form, target, span, known, has_end=until_ns is not None)
            if resolved is None:
                break  # the others have the same mistake
            faults.append((entry, Fault(
                id=form.id, fault=form.fault, target=target, at_s=at_ns / 1e9,
                until_s=None if until_ns is None else until_ns / 1e9, parameters=resolved.parameters,
                primitives=resolved.primitives,
            )))  # fmt: skip
    _warn_of_too_many(faults, span.duration_ns / 1e9)
    return [fault for _, fault in faults], tuple(seen) if complete else None


def _resolved(
    entry: Item, form: FaultEntry, target: str, span: Span, known: Mapping[str, FaultForm], *, has_end: bool
) -> ResolvedFault | None:
    """A fault on one of its targets; None after a mistake, of this entry or of the target's own."""
    design = span.designs.get(target, "")
    if not design:
        return None
    info = design_info(design, span.stations)
    try:
        resolved = resolve_fault(
            form.fault, info, form.parameters, tick_s=span.tick_ns / 1e9, has_end=has_end, faults=known
        )
        check_own(form.fault, resolved.primitives, info)
    except ScenarioError as error:
        entry.adopt(error)
        return None
    return resolved


def _warn_of_too_many(faults: Sequence[tuple[Item, Fault]], end_s: float) -> None:
    """A spacecraft takes so many injections at a time and refuses the others: said at the first that is too many."""
    by_target: dict[str, list[tuple[float, int, int, Item]]] = {}
    for entry, fault in faults:
        until_s = end_s if fault.until_s is None else fault.until_s
        changes = by_target.setdefault(fault.target, [])
        count = len(fault.primitives)
        changes += [(fault.at_s, 1, count, entry), (until_s, 0, -count, entry)]
    for target, changes in by_target.items():
        active = 0
        for _, _, change, entry in sorted(changes, key=lambda one: one[:2]):
            active += change
            if change > 0 and active > LIMIT:
                entry.below("at").warn(f"{active} faults active at once on {target!r}", f"at most {LIMIT}; others fail")
                break


def _until(entry: Item, form: FaultEntry, at_ns: int, span: Span) -> int | None:
    """End of a fault's window, or None: it stays until it is cleared."""
    if form.for_ is not None and form.until is not None:
        entry.below("until").refuse("for and until together", "one of them, or neither for a fault that stays")
    if form.until is not None:
        return span.ns(entry.below("until"), at_ns + span.tick_ns, last=True)
    if form.for_ is None:
        return None
    length_ns = entry.below("for").read(Annotated[int, window_length(span.tick_ns, span.orbit_s)])
    return None if length_ns is None else at_ns + int(length_ns)


def window_length(tick_ns: int, orbit_s: float) -> Leaf:
    """How long a fault lasts: at least one tick. One rule for files and for `skyrack inject`."""
    return duration(tick_ns, _FOREVER_NS, f"at least one tick, {tick_ns / 1e9:g} s", orbit_s=orbit_s)


def read_expectations(
    item: Item, span: Span, fault_ids: tuple[str, ...] | None
) -> tuple[list[Expectation], dict[str, dict[str, None]]]:
    """Sentences as written, and the truth signals they need per spacecraft (in order of first use)."""
    sentences = []
    signals: dict[str, dict[str, None]] = {}
    for entry in item.list(0, MAX_ENTRIES):
        sentence = entry.read(Sentence)
        if sentence is None:
            continue
        try:
            needed = expectation_signals(sentence, span.designs, fault_ids, span.jobs)
        except ScenarioError as error:
            for mistake in error.mistakes:
                if span.complete or not mistake.found.startswith("spacecraft "):
                    entry.refuse(mistake.found, mistake.allowed)
            continue
        sentences.append(Expectation(text=sentence))
        for spacecraft, names in needed.items():
            signals.setdefault(spacecraft, {}).update(dict.fromkeys(names))
    return sentences, signals
