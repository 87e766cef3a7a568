"""What flight software has said of its FDIR and of its schedule: the newest word on each monitor, action and entry.

Monitors report what they find when it changes; whether they are enabled and masked, which events have actions, and what
is scheduled is reported when somebody asks for it. What nobody has asked for yet is null.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

from bus.dictionary import Argument, Dictionary
from groundstation.api import forms
from groundstation.archive.dating import Dating
from groundstation.archive.feed import Feed
from groundstation.archive.reader import Report

GOOD = ("unchecked", "within")
STRUCTURES = ("monitor_status", "check_transition", "event_action_status")
SUMMARY = "schedule_summary"
MOST_PACKETS = 5_000
MOST_EVENTS = 2_000
_ENDS = {"schedule_released": "released", "schedule_skipped": "skipped", "schedule_missed": "missed"}


def fdir(feed: Feed, spacecraft: str, dictionary: Dictionary, dating: Dating) -> forms.Fdir:
    """Every monitor with the newest word on it: those that find something wrong first, then the masked, then the
    disabled."""
    rows = {name: _unknown(name) for name in _labels(dictionary, "monitoring.enable", "monitor")}
    told_s = actions_told_s = None
    actions: dict[str, bool] = {}
    for report in feed.of_structures(spacecraft, STRUCTURES, MOST_PACKETS)[::-1]:
        said, at_s = _words(report, dictionary), _made_s(report, dating)
        if report.structure.name == "event_action_status":
            actions[str(said["acts_on"])], actions_told_s = said["acts"] == 1.0, at_s
        elif report.structure.name == "monitor_status":
            row, told_s = rows.setdefault(str(said["status_monitor"]), _unknown(str(said["status_monitor"]))), at_s
            row.enabled, row.masked = said["status_enabled"] == 1.0, said["status_masked"] == 1.0
            row.finding = str(said["status_finding"])
        else:
            name = str(said["checked_monitor"])
            row = rows.setdefault(name, _unknown(name))
            row.finding, row.value = str(said["check_now"]), _number(said["checked_value"])
            row.changed_s = at_s
            if row.finding not in GOOD:
                row.fired_s, row.times = at_s, row.times + 1
    for row in rows.values():
        row.violated = None if row.finding is None else row.finding not in GOOD
        row.action = actions.get(row.monitor) if actions_told_s is not None else None
    ordered = sorted(
        rows.values(), key=lambda row: (not row.violated, not row.masked, row.enabled is not False, row.monitor)
    )
    return forms.Fdir(told_s=told_s, actions_told_s=actions_told_s, monitors=ordered, acted=_acted(feed, spacecraft))


def schedule(feed: Feed, spacecraft: str, dictionary: Dictionary, dating: Dating) -> forms.Schedule:
    """What the newest answer about the schedule told, and what became of each entry since."""
    found = feed.of_structures(spacecraft, (SUMMARY,), MOST_PACKETS)
    if not found:
        return forms.Schedule(told_s=None, entries=[])
    newest = [report for report in found if (report.boot, report.obt_ns) == (found[0].boot, found[0].obt_ns)]
    ended: dict[int, str] = {}
    for _, _, _, name, _, obt_ns, _, arguments in feed.newest_events(spacecraft, MOST_EVENTS):
        if name in _ENDS and obt_ns >= found[0].obt_ns:
            ended[int(json.loads(arguments)["entry"])] = _ENDS[name]
    entries = []
    for report in newest:
        said = _words(report, dictionary)
        number = int(float(said["scheduled_entry"]))
        if number:
            entries.append(
                forms.ScheduleEntry(
                    entry=number, at_s=float(said["scheduled_at_s"]), telecommand=str(said["scheduled_telecommand"]),
                    sub_schedule=int(float(said["scheduled_sub_schedule"])),
                    group=int(float(said["scheduled_group"])), state=ended.get(number, "waits"),
                )
            )  # fmt: skip
    entries.sort(key=lambda entry: (entry.at_s, entry.entry))
    return forms.Schedule(told_s=_made_s(found[0], dating), entries=entries)


def _acted(feed: Feed, spacecraft: str) -> list[forms.Acted]:
    """Actions that events led to, the newest first."""
    found = []
    for _, _, _, name, _, _, received_ns, arguments in feed.newest_events(spacecraft, MOST_EVENTS):
        if name == "action_executed":
            said = json.loads(arguments)
            found.append(
                forms.Acted(event=str(said["cause"]), received_s=received_ns / 1e9, code=int(float(said["code"])))
            )
    return found


def _unknown(name: str) -> forms.Monitor:
    return forms.Monitor(
        monitor=name, enabled=None, masked=None, finding=None, violated=None, value=None, changed_s=None, fired_s=None,
        times=0, action=None,
    )  # fmt: skip


def _words(report: Report, dictionary: Dictionary) -> Mapping[str, float | str]:
    """Values by parameter, with labels for numbers where there are some."""
    return {name: dictionary.parameter[name].label(value) or value for name, value in report.named()}


def _labels(dictionary: Dictionary, telecommand: str, argument: str) -> tuple[str, ...]:
    form = dictionary.telecommand.get(telecommand)
    found: list[Argument] = [] if form is None else [each for each in form.arguments if each.name == argument]
    return found[0].labels if found else ()


def _made_s(report: Report, dating: Dating) -> float:
    """When it was made, by the clock of the mission where that is known, else by the one on board."""
    made_ns = dating.made_ns(report.obt_ns, report.received_ns)
    return (report.obt_ns if made_ns is None else made_ns) / 1e9


def _number(value: float | str) -> float | None:
    return value if isinstance(value, float) and math.isfinite(value) else None
