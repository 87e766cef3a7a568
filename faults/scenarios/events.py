"""What happens in a scenario and what is expected of it: its faults and its sentences; its times."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Annotated

from bus.errors import Mistake, Refused, ScenarioError
from bus.onset import Law
from bus.scenario.model import Expectation, Fault
from bus.text.forms import Form
from bus.text.leaves import text
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.units import show
from bus.wire.messages import Scalar
from faults.catalogue.form import FaultForm, Primitive, ResolvedFault
from faults.catalogue.resolve import FAULTS, resolve_fault
from faults.oracle.expectation import Names
from faults.scenarios.fault_entry import MAX_MEMBERS, FaultEntry
from faults.scenarios.onset import Onset, law_of, ramp_between, read_onset
from faults.scenarios.own_faults import check_own
from faults.scenarios.times import Span
from faults.scenarios.vocabulary import design_info, dictionary_of, expectation_signals, names_of
from groundstation.commanding.wishes import Fleet
from node.injection.engine import LIMIT

MAX_ENTRIES = 10_000


Sentence = Annotated[str, text(longest=1000)]


class WaivedForm(Form):
    """A sentence that may stay INCONCLUSIVE, and why that is no matter. FAIL is one all the same."""

    sentence: Sentence
    waive: Annotated[str, text(longest=200)]


Expected = Sentence | WaivedForm


def read_faults(
    item: Item, span: Span, known: Mapping[str, FaultForm] | None = FAULTS
) -> tuple[list[Fault], tuple[str, ...] | None]:
    """Faults in the order of the file, resolved to primitives; and the ids of all, None if one of them is a mistake.
    `known`: what they may name; None: that is not known."""
    faults: list[tuple[Item, Fault]] = []
    followers: list[tuple[Item, str, str]] = []
    fleet = Fleet(span.designs, dictionary_of)
    names = names_of(span.designs, (), span.stations, span.jobs)
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
        onset = read_onset(entry, form, span)
        if form.follows is not None:
            followers.append((entry, form.id, form.follows))
        if known is None or onset is None or not entry.sheet.clean_since(mark):
            continue
        several = form.target not in span.designs
        targets = fleet.named(form.target) if several and span.complete else (form.target,)
        for target in targets:
            fault = _resolved(entry, form, target, span, known, onset=onset, names=names, alone=len(targets) == 1)
            if fault is None:
                break  # the others have the same mistake
            faults.append((entry, fault))
    _check_followers(followers, seen)
    _warn_of_too_many(faults, span.duration_ns / 1e9)
    first_s = {fault.id: fault.at_s for _, fault in reversed(faults)}
    found = [_after(fault, first_s) for _, fault in faults]
    return found, tuple(seen) if complete else None


def _after(fault: Fault, first_s: Mapping[str, float]) -> Fault:
    """A fault that follows another is not earlier than it."""
    return fault.model_copy(update={"at_s": first_s.get(fault.follows, fault.at_s)}) if fault.follows else fault


def _resolved(
    entry: Item,
    form: FaultEntry,
    target: str,
    span: Span,
    known: Mapping[str, FaultForm],
    *,
    onset: Onset,
    names: Names,
    alone: bool,
) -> Fault | None:
    """A fault on one of its targets; None after a mistake, of this entry or of the target's own."""
    design = span.designs.get(target, "")
    if not design:
        return None
    info = design_info(design, span.stations)
    has_end = onset.until_ns is not None or onset.length_ns > 0 or any((form.clear, form.intermittent, form.ramp))

    def primitives(parameters: Mapping[str, Scalar]) -> ResolvedFault:
        found = resolve_fault(form.fault, info, parameters, tick_s=span.tick_ns / 1e9, has_end=has_end, faults=known)
        check_own(form.fault, found.primitives, info)
        return found

    laws: list[Law] = []
    struck: list[Primitive] = []
    said: dict[str, dict[Scalar, None]] = {}
    try:
        base, watched = law_of(form, onset, span, replace(names, own=target))
        named = form.when is not None and f"{watched}." in form.when  # else it is every target's own
        watched = watched if watched != target or (named and not alone) else ""
        for members in _combinations(form.parameters):
            if form.ramp is None:
                resolved = primitives(members)
                laws += [base] * len(resolved.primitives)
            else:
                resolved = primitives({**members, form.ramp.parameter: form.ramp.from_})
                there = primitives({**members, form.ramp.parameter: form.ramp.to})
                ends = ramp_between(form.ramp, known[form.fault], resolved.primitives, there.primitives)
                laws += [replace(base, to=end) if end else replace(base, ramp_ns=0, step_ns=0) for end in ends]
            struck += resolved.primitives
            for name, value in resolved.parameters.items():
                said.setdefault(name, {})[value] = None
    except ScenarioError as error:
        entry.adopt(error)
        return None
    except Refused as error:
        entry.below("ramp" if form.ramp else "fault").refuse(error.found, error.allowed)
        return None
    if len(struck) > MAX_MEMBERS:
        entry.below("parameters").refuse(f"{len(struck)} places at once", f"at most {MAX_MEMBERS}")
        return None
    parameters = {name: _joined(tuple(values)) for name, values in said.items()}
    return Fault(
        id=form.id, fault=form.fault, target=target, at_s=onset.opens_ns / 1e9,
        until_s=None if onset.until_ns is None else onset.until_ns / 1e9, parameters=parameters,
        primitives=tuple(struck), laws=tuple(law.as_map() for law in laws) if any(law != Law() for law in laws) else (),
        closes_s=onset.closes_ns / 1e9 or None, onset=onset.said, watched=watched,
        follows=form.follows or "", waive=form.waive,
    )  # fmt: skip


def _combinations(parameters: Mapping[str, Scalar | tuple[Scalar, ...]]) -> Iterator[dict[str, Scalar]]:
    """One set of parameters for each member of the lists among them."""
    values = [value if isinstance(value, tuple) else (value,) for value in parameters.values()]
    if math.prod(len(each) for each in values) > MAX_MEMBERS:
        raise ScenarioError(
            [Mistake("", 0, 0, "parameters", "lists in lists", f"at most {MAX_MEMBERS} places at once")]
        )
    for chosen in itertools.product(*values):
        yield dict(zip(parameters, chosen, strict=True))


def _joined(values: tuple[Scalar, ...]) -> Scalar:
    return values[0] if len(values) == 1 else ", ".join(str(value) for value in values)[:256]


def _check_followers(followers: Sequence[tuple[Item, str, str]], known: Mapping[str, int]) -> None:
    """Whoever follows must follow another that is there, and in the end one that follows nobody."""
    before = {name: cause for _, name, cause in followers}
    for entry, name, cause in followers:
        if cause not in known:
            entry.below("follows").refuse(show(cause), f"the id of another fault: {one_of(known, cause)}")
            continue
        passed, last = [name], cause
        while last in before and last not in passed:
            passed.append(last)
            last = before[last]
        if last in passed:
            entry.below("follows").refuse(" after ".join([*passed, last]), "a fault that does not follow this one")


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


def read_expectations(
    item: Item, span: Span, fault_ids: tuple[str, ...] | None
) -> tuple[list[Expectation], dict[str, dict[str, None]]]:
    """Sentences as written, and the truth signals they need per spacecraft (in order of first use)."""
    sentences = []
    signals: dict[str, dict[str, None]] = {}
    for entry in item.list(0, MAX_ENTRIES):
        waive = ""
        if entry.node is not None and entry.node.entries is not None:
            form = entry.read(WaivedForm)
            sentence, waive = (form.sentence, form.waive) if form is not None else (None, "")
        else:
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
        sentences.append(Expectation(text=sentence, waive=waive))
        for spacecraft, names in needed.items():
            signals.setdefault(spacecraft, {}).update(dict.fromkeys(names))
    return sentences, signals
