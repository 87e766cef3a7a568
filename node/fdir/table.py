"""The FDIR table that flies: the rules' rows with what the design's `fdir:` changes, each entry checked against the
telemetry, events and telecommands that there are.

Mistakes are told with the place in the entry; a circle of actions is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from bus.dictionary import Dictionary, Parameter
from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError
from bus.on_board_steps import read_step
from bus.pus import Severity
from bus.telecommand_check import check_telecommand, in_units
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.units import dimension_of_name, parse, show
from bus.wire.messages import Scalar
from node.designs.fdir_entry import MAX_ENTRIES, ActionForm, FdirEntry
from node.designs.load import Design
from node.devices.equipment import FdirRow
from node.fdir.rules import generated
from node.fsw.monitors import FIRST_EVENT, MOST_COMBINED
from node.fsw.services.answers import Answers
from node.fsw.services.st18_procedures import Procedures
from node.fsw.services.st19_event_action import EventAction
from node.fsw.software import raised_by

Rows = dict[str, FdirRow]
WordsOf = Callable[[tuple[str, ...]], Dictionary]
"""A design's dictionary, if its monitors had these names."""
Steps = Mapping[str, tuple[str, ...]]
"""Steps of on-board procedures by their names."""
Raised = Mapping[str, tuple[str, ...]]
MAX_ROWS = 960
_ENABLING = {"monitoring.enable": "monitor", "functional.enable": "functional_monitor"}


def table_of(design: Design, words_of: WordsOf) -> tuple[FdirRow, ...]:
    """The rows that fly. Raises ScenarioError for a wrong entry."""
    rows = {row.monitor: row for row in generated(design)}
    if not design.form.fdir:
        return tuple(rows.values())
    words = words_of(_all_names(rows, (entry.monitor for entry in design.form.fdir)))
    steps = steps_of(design)
    for place, entry in enumerate(design.form.fdir):
        try:
            change(rows, entry, words, steps)
        except ScenarioError as error:
            raise ScenarioError([replace(m, field=f"fdir[{place}].{m.field}") for m in error.mistakes]) from None
    for place, entry in enumerate(design.form.fdir):
        idle = _idle(rows, entry)
        if idle is not None:
            raise ScenarioError([replace(idle, field=f"fdir[{place}].{idle.field}")])
    return tuple(rows.values())


def _idle(rows: Rows, entry: FdirEntry) -> Mistake | None:
    """An entry whose row nothing ever leads to: a name that was meant for another row, most likely."""
    row = rows.get(entry.monitor)
    if row is None or row.reading or row.event or row.of:
        return None
    if any(other.escalate_to == row.monitor for other in rows.values()):
        return None
    known = one_of([name for name in rows if name != entry.monitor], entry.monitor)
    allowed = (
        f"a monitor of this table ({known}), or a row with `reading`, `event` or `of`, or one that another row "
        "escalates to"
    )
    return Mistake("", 0, 0, "monitor", repr(entry.monitor), allowed)


def check(item: Item, rows: Iterable[FdirRow], words_of: WordsOf, steps: Steps) -> list[Any]:
    """Read a list of entries on top of these rows; mistakes are noted where they stand. The entries as plain values."""
    known = {row.monitor: row for row in rows}
    read = [(one, one.read(FdirEntry)) for one in item.list(0, MAX_ENTRIES)]
    words = words_of(_all_names(known, (entry.monitor for _, entry in read if entry is not None)))
    for one, entry in read:
        try:
            if entry is not None:
                change(known, entry, words, steps)
        except ScenarioError as error:
            one.adopt(error)
    for one, entry in read:
        idle = _idle(known, entry) if entry is not None else None
        if idle is not None:
            one.adopt(ScenarioError([idle]))
    return [one.node.plain() for one, _ in read if one.node is not None]


def _all_names(rows: Iterable[str], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*rows, *more]))


def change(rows: Rows, entry: FdirEntry, words: Dictionary, steps: Steps) -> None:
    """Take an entry into the table. Raises ScenarioError with every mistake; fields are below the entry."""
    wrong: list[Mistake] = []

    def refuse(field: str, found: str, allowed: str) -> None:
        wrong.append(Mistake("", 0, 0, field, found, allowed))

    row = rows.get(entry.monitor)
    if entry.remove:
        if row is None:
            refuse("monitor", repr(entry.monitor), f"a monitor of this table: {one_of(rows, entry.monitor)}")
            raise ScenarioError(wrong)
        user = _dangling(rows, entry.monitor)
        if user:
            refuse("monitor", f"{entry.monitor!r}, which {user} needs", "one that no row combines or escalates to")
            raise ScenarioError(wrong)
        del rows[entry.monitor]
        return
    if row is None:
        row = _new(rows, entry, words, refuse)
    if entry.reading is not None or entry.event is not None:
        row = _source(row, entry, words, refuse)
    for field in ("modes", "masks", "of"):
        names = getattr(entry, field) or ()
        for name in sorted({name for name in names if names.count(name) > 1}):
            refuse(field, f"{name!r} {names.count(name)} times", "each name once")
    if entry.of is not None:
        row = _combined(row, entry, rows, refuse)
    row = _checks(row, entry, words, refuse)
    row = _ladder(_rest(row, entry), entry, rows, refuse)
    if "action" in entry.model_fields_set:
        row = _action(row, entry.action, words, refuse)
    if not wrong and not row.low <= row.high:
        refuse(entry.limits[0] if entry.limits else "monitor", f"low limit {row.low:g} above high limit {row.high:g}",
               "a low limit that is not above the high one")  # fmt: skip
    if wrong:
        raise ScenarioError(wrong)
    circle = _circle({**rows, row.monitor: row}, row, _raised(words, steps))
    if circle:
        refuse("action", f"actions in a circle: {' -> '.join(circle)}", "an action that does not lead to its own event")
        raise ScenarioError(wrong)
    rows[entry.monitor] = row


def _dangling(rows: Rows, gone: str) -> str:
    """Who still names a row that is taken out."""
    users = (row.monitor for row in rows.values() if gone in (row.escalate_to, *row.of))
    return next(users, "")


def _new(rows: Rows, entry: FdirEntry, words: Dictionary, refuse: Any) -> FdirRow:
    row = FdirRow(entry.monitor, "", entry.description or f"Monitor {entry.monitor}")
    if entry.monitor in _own_events(words):
        refuse("monitor", repr(entry.monitor), "another name: an event of flight software has it")
    elif entry.of is not None or _escalated_to(entry):
        pass
    elif entry.reading is None and entry.event is None:
        known = one_of(rows, entry.monitor)
        refuse("monitor", repr(entry.monitor), f"a monitor of this table ({known}), or `reading` for a new one")
    elif entry.event is None and not entry.limits:
        refuse("", "a new monitor without a limit", "below, above, expected, falls or rises")
    elif entry.event is not None and entry.event in [other.event for other in rows.values()]:
        refuse("event", repr(entry.event), "an event that no other row answers")
    elif len(rows) >= MAX_ROWS:
        refuse("monitor", f"row {len(rows) + 1} of the table", f"at most {MAX_ROWS}")
    return row


def _own_events(words: Dictionary) -> list[str]:
    """Those of flight software itself; a monitor's own event has its row's action."""
    return [event.name for event in words.events if event.id < FIRST_EVENT]


def _escalated_to(entry: FdirEntry) -> bool:
    """A new row that only acts: it looks at nothing, and another one is to escalate to it."""
    return entry.reading is None and entry.event is None and not entry.limits and entry.action is not None


def _combined(row: FdirRow, entry: FdirEntry, rows: Rows, refuse: Any) -> FdirRow:
    of = tuple(dict.fromkeys(entry.of or ()))
    looking = [other.monitor for other in rows.values() if other.reading]
    for name in of:
        if name not in looking:
            refuse("of", repr(name), f"a monitor that looks at a reading: {one_of(looking, name)}")
    if not 2 <= len(of) <= MOST_COMBINED:
        refuse("of", f"{len(of)} monitors", f"2 to {MOST_COMBINED}")
    return replace(row, of=of, at_least=entry.at_least or len(of), reading="", event="")


def _ladder(row: FdirRow, entry: FdirEntry, rows: Rows, refuse: Any) -> FdirRow:
    """What acts when it has not helped, and who does not look meanwhile."""
    if row.of and not 1 <= row.at_least <= len(row.of):
        refuse("at_least", str(row.at_least), f"1 to {len(row.of)}, as many as it combines")
    for name in entry.masks or ():
        if name not in rows or name == row.monitor:
            refuse("masks", repr(name), f"another monitor of this table: {one_of(rows, name)}")
    if "escalate" in entry.model_fields_set:
        step = entry.escalate
        if step is None:
            return replace(row, escalate_to="")
        if step.to not in rows:
            refuse("escalate.to", repr(step.to), f"a monitor of this table or one further up: {one_of(rows, step.to)}")
        return replace(row, escalate_to=step.to, escalate_after=step.after, escalate_within_s=step.within)
    return row


def _source(row: FdirRow, entry: FdirEntry, words: Dictionary, refuse: Any) -> FdirRow:
    readings = [p.name for p in words.parameters if not p.name.startswith(("reported_", "checked_", "defined_"))]
    events = _own_events(words)
    if entry.reading is not None and entry.reading not in readings:
        refuse("reading", repr(entry.reading), f"a telemetry parameter: {one_of(readings, entry.reading)}")
        return row
    if entry.event is not None and entry.event not in events:
        refuse("event", repr(entry.event), f"an event: {one_of(events, entry.event)}")
        return row
    return replace(row, reading=entry.reading or "", event=entry.event or "")


def _checks(row: FdirRow, entry: FdirEntry, words: Dictionary, refuse: Any) -> FdirRow:
    """The limits in the reading's unit. One side of an existing monitor may be changed by itself."""
    if not entry.limits or not row.reading or row.reading not in words.parameter:
        return row
    parameter = words.parameter[row.reading]
    values: dict[str, float] = {}
    for name in entry.limits:
        try:
            values[name] = _in_unit(parameter, getattr(entry, name))
        except Refused as error:
            refuse(name, error.found, error.allowed)
    if "expected" in values:
        return replace(row, check="expected", low=values["expected"], high=values["expected"])
    delta = entry.limits[0] in ("falls", "rises")
    low, high = (row.low, row.high) if row.check == ("delta" if delta else "limit") else (-math.inf, math.inf)
    if delta:
        low, high = -values["falls"] if "falls" in values else low, values.get("rises", high)
        return replace(row, check="delta", low=low, high=high)
    return replace(row, check="limit", low=values.get("below", low), high=values.get("above", high))


def _in_unit(parameter: Parameter, written: Scalar) -> float:
    if parameter.labels:
        if isinstance(written, str) and written.lower() in (label.lower() for label in parameter.labels):
            return float([label.lower() for label in parameter.labels].index(written.lower()))
        if isinstance(written, bool) or not isinstance(written, int):
            raise Refused(show(written), one_of(parameter.labels, str(written)))
    if parameter.type == "bool" and isinstance(written, bool):
        return float(written)
    return parse(written, dimension_of_name(parameter.name))


def _rest(row: FdirRow, entry: FdirEntry) -> FdirRow:
    given = {
        "repetition": entry.repetition, "interval_s": entry.interval, "again_s": entry.again,
        "at_most": entry.at_most, "deadline_s": entry.deadline, "level": entry.level, "text": entry.description,
        "at_least": entry.at_least, "modes": entry.modes, "masks": entry.masks, "mask_s": entry.mask,
        "severity": None if entry.severity is None else int(Severity[entry.severity.upper()]), "enabled": entry.enabled,
    }  # fmt: skip
    return replace(row, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]


def _action(row: FdirRow, action: ActionForm | None, words: Dictionary, refuse: Any) -> FdirRow:
    if action is None:
        return replace(row, telecommand="", arguments=())
    try:
        checked = check_telecommand(words, action.name, in_units(words, action.name, action.arguments))
    except UnknownNameError as error:
        names = [form.name for form in words.telecommands]
        refuse("action.name", repr(error.name), f"a telecommand: {one_of(names, action.name)}")
        return row
    except ScenarioError as error:
        for mistake in error.mistakes:
            refuse(f"action.{mistake.field}", mistake.found, mistake.allowed)
        return row
    return replace(row, telecommand=action.name, arguments=tuple(checked.items()))


def steps_of(design: Design) -> Steps:
    """Steps of the on-board procedures of a design, by their names."""
    return {entry.name: entry.steps for entry in design.form.on_board_procedures}


def _raised(words: Dictionary, steps: Steps) -> Raised:
    """Events by the telecommand, or the on-board procedure, that raises them."""
    raised = dict(raised_by())
    for name, written in steps.items():
        events = [Procedures.ENDED.name, Procedures.FAILED.name]
        for text in written:
            try:
                events += raised.get(read_step(words, text).telecommand, ())
            except Refused:
                continue  # told where it stands
        raised[name] = tuple(events)
    return raised


def _circle(rows: Mapping[str, FdirRow], last: FdirRow, raised: Raised) -> list[str]:
    """Event, telecommand or row above, event and so on from this row's event back to it; empty if it does not come
    back."""
    causes: dict[str, list[FdirRow]] = {}
    for row in rows.values():
        if row.telecommand or row.escalate_to:
            causes.setdefault(row.event or row.monitor, []).append(row)
    first = last.event or last.monitor
    paths = [[first]]
    seen: list[str] = []
    while paths:
        path = paths.pop(0)
        for row in causes.get(path[-1], ()):
            for by, event in _follows(row, raised):
                if event == first:
                    return [*path, by, event]
                if event not in seen:
                    seen.append(event)
                    paths.append([*path, by, event])
    return []


def _follows(row: FdirRow, raised: Mapping[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    """What a row's event leads to: by which telecommand, or by escalation, and which event."""
    follows = []
    if row.telecommand:
        follows += [(row.telecommand, event) for event in (*raised.get(row.telecommand, ()), EventAction.EXECUTED.name)]
    if row.telecommand == "procedure.activate":
        steps = raised.get(str(dict(row.arguments)["procedure"]), ())
        follows += [(row.telecommand, event) for event in steps]
    if row.telecommand in _ENABLING:
        follows.append((row.telecommand, str(dict(row.arguments)[_ENABLING[row.telecommand]])))
    if row.escalate_to:
        follows += [("escalation", Answers.ESCALATED.name), ("escalation", row.escalate_to)]
    return follows
