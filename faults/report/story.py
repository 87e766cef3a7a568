"""What happened, in the order of time: faults, telecommands, procedures, changes of mode, shedding, alarms.

One table for a reader who was not there. What happened to many alike is one row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from bus.text.times import clock
from faults.recording.recording import Recording, TelecommandRecord
from faults.report.html import badge, table
from faults.report.spacecraft import MODES

MAX_ROWS = 200
"""Rows shown; what is left out is said below."""
MOST_NAMED = 4


class Moment(NamedTuple):
    """One row."""

    at_s: float
    kind: str
    who: str
    what: str


def story(recording: Recording) -> str:
    """The table."""
    found = sorted(
        [*_faults(recording), *_telecommands(recording), *_procedures(recording), *_modes(recording),
         *_shedding(recording), *_alarms(recording)],
        key=lambda moment: moment.at_s,
    )  # fmt: skip
    rows = [[clock(at_s), kind, who, what] for at_s, kind, who, what in found[:MAX_ROWS]]
    more = len(found) - MAX_ROWS
    left_out = f"<p class='soft'>{more:,} more, later, are in the tables below.</p>" if more > 0 else ""
    return table(["Time #", "", "Spacecraft", "What"], rows, empty="Nothing but flying.") + left_out


def pairs_in_words(values: Mapping[str, object]) -> str:
    """Arguments as name=value, numbers without digits that say nothing."""
    return ", ".join(
        f"{name}={value:.12g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def several(spacecraft: Sequence[str]) -> str:
    """Who is meant; of many, how many."""
    if len(spacecraft) <= MOST_NAMED:
        return escape(", ".join(spacecraft))
    return f"<span title='{escape(', '.join(spacecraft))}'>{len(spacecraft)} spacecraft</span>"


def _faults(recording: Recording) -> Iterator[Moment]:
    struck: dict[tuple[str, str, float], list[str]] = {}
    over: dict[tuple[str, str, float], list[str]] = {}
    for fault in recording.faults:
        head, _, part = fault.id.rpartition(".")
        name = head if head and part.isdigit() else fault.id
        for when, at_s in ((struck, fault.at_s), (over, fault.cleared_s)):
            if at_s is not None and fault.target not in when.setdefault((name, fault.fault, at_s), []):
                when[name, fault.fault, at_s].append(fault.target)
    for (name, fault_name, at_s), whom in struck.items():
        yield Moment(at_s, "fault", several(whom), f"<code>{escape(name)}</code> ({escape(fault_name)}) strikes")
    for (name, _, at_s), whom in over.items():
        yield Moment(at_s, "fault", several(whom), f"<code>{escape(name)}</code> is over")


def _telecommands(recording: Recording) -> Iterator[Moment]:
    alike: dict[tuple[str, str], list[TelecommandRecord]] = {}
    for record in recording.telecommands:
        given = pairs_in_words(record.arguments)
        alike.setdefault((record.name, given), []).append(record)
    for (name, given), records in alike.items():
        ended = [at_s for one in records if (at_s := one.stages_s.get(one.state)) is not None]
        states = Counter(one.state for one in records)
        told = ", ".join(f"{count} {state}" if len(records) > 1 else state for state, count in states.items())
        until = f", the last at {clock(max(ended))}" if len(records) > 1 and ended else ""
        whom = several(list(dict.fromkeys(one.spacecraft for one in records)))
        arguments = f" <span class='soft'>{escape(given)}</span>" if given else ""
        first_s = min(one.sent_s for one in records)
        yield Moment(first_s, "telecommand", whom, f"<code>{escape(name)}</code>{arguments}: {told}{until}")


def _procedures(recording: Recording) -> Iterator[Moment]:
    for run in recording.operations.procedures or []:
        whom, name = several(run["spacecraft"]), f"<b>{escape(run['name'])}</b>"
        yield Moment(run["started_s"], "procedure", whom, f"{name} begins")
        detail = f" {escape(run['detail'])}" if run["detail"] else ""
        yield Moment(run["ended_s"], "procedure", whom, f"{name} ends: {escape(run['state'].lower())}{detail}")


def _mode(value: float) -> str:
    """A mode's name; a spacecraft may say what is none."""
    known = value.is_integer() and 0 <= value < len(MODES)
    return MODES[int(value)] if known else f"{value:g}, which is no mode"


def _changes(recording: Recording, signal: str) -> Iterator[tuple[str, float, float, float]]:
    """Changes of a signal of flight software between two samples that are known: spacecraft, time, before, after."""
    for spacecraft in recording.scenario.spacecraft:
        values = recording.signal(spacecraft.id, signal)
        if values is None:
            continue
        known = values == values  # noqa: PLR0124  (what is not a number is not known)
        times, seen = recording.times_s[known], values[known]
        for place in (seen[1:] != seen[:-1]).nonzero()[0]:
            yield spacecraft.id, float(times[place + 1]), float(seen[place]), float(seen[place + 1])


def _modes(recording: Recording) -> Iterator[Moment]:
    for spacecraft, at_s, before, after in _changes(recording, "mode"):
        yield Moment(at_s, "mode", escape(spacecraft), f"{_mode(before)} to <b>{_mode(after)}</b>")


def _shedding(recording: Recording) -> Iterator[Moment]:
    for spacecraft, at_s, _, after in _changes(recording, "payload_shed"):
        yield Moment(at_s, "payload", escape(spacecraft), "payload shed" if after else "payload restored")


def _alarms(recording: Recording) -> Iterator[Moment]:
    for row in recording.operations.alarms or []:
        yield Moment(row["raised_s"], "alarm", escape(row["spacecraft"]), _alarm(row))


def _alarm(row: Mapping[str, Any]) -> str:
    return f"{badge(row['level'])} {escape(row['because'])}"
