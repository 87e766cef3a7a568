"""What a fork changes: what is to happen after its time, and what is expected. The beginning stays as it was."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from bus.errors import UserError
from bus.scenario.model import Scenario
from bus.text.files import read_file
from bus.text.forms import Form
from bus.text.leaves import text
from bus.text.near import one_of
from bus.text.reader import Item, Sheet
from faults.live.connection import pairs
from faults.run.director import LEAD_TICKS
from faults.scenarios.events import Expected, read_expectations, read_faults
from faults.scenarios.fault_entry import FaultEntry
from faults.scenarios.orbits import period_s
from faults.scenarios.own_faults import faults_of
from faults.scenarios.timeline import TimelineForm, read_timeline
from faults.scenarios.times import Span


class ChangeForm(Form):
    """A change file. `without`: ids of faults of the run that are not to strike, if they come after the fork."""

    faults: tuple[FaultEntry, ...] = ()
    without: tuple[Annotated[str, text(longest=48)], ...] = ()
    timeline: tuple[TimelineForm, ...] = ()
    expectations: tuple[Expected, ...] = ()


def changed(scenario: Scenario, at_ns: int, file: Path | None, faults: Sequence[str]) -> Scenario:
    """The scenario with what a change file says, and with faults as they are typed. Raises ScenarioError with every
    mistake, what would strike before `at_ns` among them."""
    found = scenario
    if file is not None:
        sheet = Sheet(str(file))
        root = sheet.compose(read_file(file, "change", hint="docs/how-to/fork.md shows one"))
        found = _with(root, found, at_ns)
        sheet.finish()
    if faults:
        sheet = Sheet("--fault")
        entries = [_entry(words, at_ns, scenario, number) for number, words in enumerate(faults, 1)]
        found = _with(sheet.compose(json.dumps({"faults": entries})), found, at_ns)
        sheet.finish()
    return found


def _entry(words: str, at_ns: int, scenario: Scenario, number: int) -> dict[str, Any]:
    """`sc-1 string_open string=2 at='22 min' for='5 min'` as a scenario writes it."""
    try:
        target, fault, *given = shlex.split(words)
    except ValueError:
        raise UserError(
            f"--fault '{words}': found {words!r}; allowed: a spacecraft, a fault, and its parameters",
            hint="for example --fault \"sc-1 string_open string=2 at='22 min'\"",
        ) from None
    parameters = pairs(tuple(given))
    earliest_s = (at_ns + LEAD_TICKS * scenario.tick_ns) / 1e9
    entry: dict[str, Any] = {
        "id": f"forked-{number}", "fault": fault, "target": target, "at": parameters.pop("at", f"{earliest_s:g} s"),
    }  # fmt: skip
    for name in ("for", "until"):
        if name in parameters:
            entry[name] = parameters.pop(name)
    return {**entry, "parameters": parameters} if parameters else entry


def _with(root: Item, scenario: Scenario, at_ns: int) -> Scenario:
    if root.read(ChangeForm, spacecraft=_designs(scenario), faults=faults_of(scenario)) is None:
        return scenario
    span = Span(
        scenario.duration_ns, scenario.tick_ns, period_s(scenario.spacecraft[0].orbit), _designs(scenario),
        {one.id: one.job_ids for one in scenario.spacecraft}, stations=tuple(s.id for s in scenario.stations),
    )  # fmt: skip
    kept = _without(root.below("without"), scenario, at_ns) if root.has("without") else scenario.faults
    earliest_s = (at_ns + LEAD_TICKS * scenario.tick_ns) / 1e9
    update: dict[str, Any] = {"faults": kept}
    if root.has("faults"):
        new, _ = read_faults(root.below("faults"), span, faults_of(scenario))
        taken = {fault.id for fault in kept}
        for item in root.below("faults").list():
            if item.below("id").read(str) in taken:
                item.below("id").refuse(item.below("id").found, "an id that no fault of the run has")
        _not_before(root.below("faults"), [fault.at_s for fault in new], earliest_s)
        update["faults"] = (*kept, *new)
    if root.has("timeline"):
        timeline = read_timeline(root.below("timeline"), span)
        for name, one in (("timeline", timeline.telecommands), ("stacks", timeline.stacks),
                          ("procedures", timeline.procedures)):  # fmt: skip
            _not_before(root.below("timeline"), [entry.at_s for entry in one], earliest_s)
            update[name] = tuple(sorted((*getattr(scenario, name), *one), key=lambda entry: entry.at_s))
    if root.has("expectations"):
        ids = tuple(fault.id for fault in update["faults"])
        sentences, signals = read_expectations(root.below("expectations"), span, ids)
        _recorded(root.below("expectations"), scenario, signals)
        update["expectations"] = (*scenario.expectations, *sentences)
    return scenario.model_copy(update=update)


def _designs(scenario: Scenario) -> dict[str, str]:
    return {one.id: one.design for one in scenario.spacecraft}


def _not_before(item: Item, times_s: Sequence[float], earliest_s: float) -> None:
    early = [at_s for at_s in times_s if at_s < earliest_s]
    if early and not item.refused:
        item.refuse(
            f"something at {min(early):g} s", f"times from {earliest_s:g} s on: before that the run is as it was"
        )


def _without(item: Item, scenario: Scenario, at_ns: int) -> tuple[Any, ...]:
    known = {fault.id: fault for fault in scenario.faults}
    gone = set()
    for entry in item.list():
        name = entry.read(str)
        if name not in known:
            entry.refuse(entry.found, one_of(known, str(name)) if known else "nothing: the run has no faults")
        elif known[name].at_s * 1e9 < at_ns + LEAD_TICKS * scenario.tick_ns:
            entry.refuse(
                f"{name}, which strikes at {known[name].at_s:g} s", f"a fault after the fork at {at_ns / 1e9:g} s"
            )
        else:
            gone.add(name)
    return tuple(fault for fault in scenario.faults if fault.id not in gone)


def _recorded(item: Item, scenario: Scenario, signals: dict[str, dict[str, None]]) -> None:
    """What the run did not record cannot be asked of its beginning."""
    for spacecraft, names in signals.items():
        missing = [name for name in names if name not in scenario.truth_signals.get(spacecraft, ())]
        if missing:
            item.refuse(
                f"{spacecraft}.{missing[0]}", "signals that the run recorded; `record:` in its scenario adds some"
            )
