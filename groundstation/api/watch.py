"""What is known of a fleet at this moment, kept up with the archive: newest values, alarms, contacts, a row for each.

Everything here comes out of the archive the way an export does, so what a console shows is what was archived. Whoever
looks asks `changed` since the revision it knows; nothing is queued for anybody, so nobody who is slow costs anything.
"""

from __future__ import annotations

import json
import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any, Literal

from bus.dictionary import Dictionary, Parameter
from bus.text.times import clock
from groundstation.alarms.limits import level_of, limited
from groundstation.alarms.states import OVER, Level
from groundstation.api import forms
from groundstation.archive.dating import Dating
from groundstation.archive.feed import EventRow, Feed, News
from groundstation.archive.reader import Report
from groundstation.archive.values import Sample, dated

MOST_EVENTS = 5_000
"""Newest events that are kept for live views; older ones are in the archive."""
BEGIN_PACKETS = 64
"""Newest packets of each spacecraft that are read at the start, for its row; all of it when somebody looks at it."""
STALE_INTERVALS = 4.0
"""As the ground's alarms have it: so many intervals without a report, and a value is stale."""
LEAST_STALE_S = 120.0
"""Nor is it before: a pass begins and ends near the mask."""
HORIZON_NS = 86_400 * 10**9


@dataclass(frozen=True, slots=True)
class Tables:
    """What a look at the archive's other tables has found: alarms that are not over, marks of what changes, and what
    the antennas do for each spacecraft next."""

    alarms: list[forms.Alarm]
    telecommands: tuple[object, ...]
    procedures: tuple[object, ...]
    contacts: dict[str, forms.NextContact]


def read_tables(feed: Feed, now_ns: int) -> Tables:
    """Look at them, at a time of the mission."""
    contacts: dict[str, forms.NextContact] = {}
    for station, id, aos_ns, los_ns, *_ in feed.contacts_between(now_ns, now_ns + HORIZON_NS):
        if str(id) not in contacts:
            contacts[str(id)] = forms.NextContact(station=str(station), now=False, aos_s=_s(aos_ns), los_s=_s(los_ns))
    ends = {(row.station, id): row.los_s for id, row in contacts.items()}
    for station, on_ns, id in feed.pointing():
        los_s = ends.get((str(station), str(id)))
        contacts[str(id)] = forms.NextContact(station=str(station), now=True, aos_s=_s(on_ns), los_s=los_s)
    alarms = [row for row in map(alarm_form, feed.alarms()) if row.state not in OVER]
    return Tables(alarms, feed.mark("telecommands", "changed_ns"), feed.mark("procedures", "changed_ns"), contacts)


@dataclass(slots=True)
class Known:
    """One spacecraft: the newest report of each structure, with the revision in which it came. `older`: samples out of
    the whole archive, of what no newer report has told, once somebody has asked for them."""

    design: str
    dictionary: Dictionary
    reports: dict[int, tuple[Report, int]] = field(default_factory=dict)
    older: dict[str, Sample] | None = None
    dating: Dating | None = None
    heard_ns: int | None = None
    last_event: forms.Last | None = None
    revision: int = 0
    stale: bool = False
    silent: bool = False
    missed: bool = False
    """A contact has ended in which nothing was heard of it."""
    holding: dict[str, list[int]] = field(default_factory=dict)
    """By parameter: the structures that have told it."""

    def take(self, report: Report, revision: int) -> None:
        """A report has come. One that was played back changes nothing where a newer one is known."""
        self.heard_ns, self.revision, self.dating, self.missed = report.received_ns, revision, None, False
        number = report.structure.id
        held = self.reports.get(number)
        if held is None or held[0].structure is not report.structure:
            for name in report.structure.parameters:
                if number not in self.holding.setdefault(name, []):
                    self.holding[name].append(number)
        if held is None or (held[0].boot, held[0].sequence) <= (report.boot, report.sequence):
            self.reports[number] = (report, revision)

    def newest(self, name: str) -> tuple[Report, float] | None:
        """The newest report that holds a parameter, and its value there."""
        best: Report | None = None
        for number in self.holding.get(name, ()):
            report = self.reports[number][0]
            if name in report.structure.parameters and (
                best is None or (best.boot, best.sequence) < (report.boot, report.sequence)
            ):
                best = report
        if best is None:
            return None
        place = best.structure.parameters.index(name)
        return (best, best.values[place]) if place < len(best.values) else None


class Watch:
    """See the module. `take` and everything else belong to one thread; `planes`: orbital plane by spacecraft."""

    def __init__(self, feed: Feed, planes: dict[str, str] | None = None) -> None:
        self._feed = feed
        self._planes = planes or {}
        self.revision = 0
        self.fleet = {id: Known(design, feed.dictionary(id)) for id, design in feed.fleet().items()}
        self.until_ns = feed.last_received_ns()
        self.events: deque[tuple[int, forms.EventRow]] = deque(maxlen=MOST_EVENTS)
        self.alarms: dict[tuple[int, int], forms.Alarm] = {}
        self.alarm_revision = self.telecommand_revision = self.procedure_revision = 0
        self.contacts: dict[str, forms.NextContact] = {}
        self._live_ns = feed.live_ns()
        self._digest: dict[str, object] = {}
        for id, known in self.fleet.items():
            for report in feed.newest_of(id, BEGIN_PACKETS):
                known.take(report, self.revision)
        self._take_events(feed.newest_events("", MOST_EVENTS)[::-1])

    def values(self, spacecraft: str, since: int = -1) -> dict[str, forms.Value]:
        """The newest value of every parameter that is known, where it came after a revision."""
        known = self.fleet[spacecraft]
        found: dict[str, forms.Value] = {}
        if since < 0:
            for name, sample in (known.older or {}).items():
                found[name] = self._value(
                    known, name, sample.value, made_ns=sample.made_ns, received_ns=sample.received_ns, late=sample.late
                )
        names = [n for r, rev in known.reports.values() if rev > since for n in r.structure.parameters]
        for name in dict.fromkeys(names):
            told = known.newest(name)
            if told is None or name not in known.dictionary.parameter:
                continue
            report, value = told
            old = (known.older or {}).get(name)
            if old is not None and (old.boot, old.sequence) > (report.boot, report.sequence):
                continue
            made_ns, late = dated(report, self._dating(spacecraft), self._live_ns)
            found[name] = self._value(known, name, value, made_ns=made_ns, received_ns=report.received_ns, late=late)
        return found

    def _dating(self, id: str) -> Dating:
        known = self.fleet[id]
        if known.dating is None:
            known.dating = self._feed.dating(id)
        return known.dating

    @staticmethod
    def _value(
        known: Known, name: str, value: float, *, made_ns: int | None, received_ns: int, late: bool
    ) -> forms.Value:
        form = known.dictionary.parameter[name]
        return forms.Value(
            value=value if math.isfinite(value) else None, text=_word(form, value), unit=form.unit,
            made_s=None if made_ns is None else made_ns / 1e9, received_s=received_ns / 1e9, late=late,
            limit=_limit(form, value),
        )  # fmt: skip

    def rows(self, since: int, now_ns: int | None) -> list[forms.FleetRow]:
        """Rows of spacecraft of which anything changed after a revision."""
        return [self.row(id, now_ns) for id, known in self.fleet.items() if known.revision > since]

    def row(self, id: str, now_ns: int | None) -> forms.FleetRow:
        """One spacecraft at a glance."""
        known = self.fleet[id]
        mine = [alarm for alarm in self.alarms.values() if alarm.spacecraft == id]
        stale = self._stale(known, now_ns)
        mode, cause = self._text(known, "mode"), self._text(known, "mode_cause")
        silent = ""
        if known.heard_ns is not None and self._silent(id, now_ns):
            silent = f"silent in a contact, last heard at {clock(known.heard_ns / 1e9)}"
        level, reason = _trouble(known, mine, mode, cause, silent)
        hottest = self._hottest(known)
        return forms.FleetRow(
            id=id, design=known.design, plane=self._planes.get(id, ""), level=level, reason=reason, alarms=len(mine),
            mode=mode, mode_cause=cause,
            battery_soc=self._number(known, "battery_soc"), power_in_w=self._number(known, "array_power_w"),
            power_out_w=self._number(known, "load_power_w"),
            hottest_k=hottest[0], hottest=hottest[1], in_shadow=self._flag(known, "in_shadow"),
            accelerators=self._accelerators(known), jobs_active=self._count(known, "jobs_active"),
            jobs_waiting=self._count(known, "job_queue_length"), jobs_done=self._count(known, "jobs_done"),
            contact=self.contacts.get(id), last_event=known.last_event,
            heard_s=None if known.heard_ns is None else known.heard_ns / 1e9, stale=stale,
        )  # fmt: skip

    def take(self, news: News) -> None:
        """What a look at the archive has found."""
        self.until_ns = news.until_ns
        if not (news.reports or news.events):
            return
        self.revision += 1
        for id, report in news.reports:
            if id in self.fleet:
                self.fleet[id].take(report, self.revision)
        self._take_events(news.events)

    def _take_events(self, events: list[EventRow]) -> None:
        for each in events:
            row = event_form(each)
            self.events.append((self.revision, row))
            if row.spacecraft in self.fleet:
                known = self.fleet[row.spacecraft]
                text = ", ".join(f"{key} {value}" for key, value in row.arguments.items())
                known.last_event = forms.Last(name=row.name, severity=row.severity, at_s=row.on_board_s, text=text)
                known.revision = self.revision

    def take_tables(self, tables: Tables) -> None:
        """What is no stream: alarms, telecommands, procedures, antennas. Each counts as changed when it differs."""
        alarms = {(row.ground_boot, row.alarm): row for row in tables.alarms}
        if alarms != self.alarms:
            touched = {row.spacecraft for key in alarms.keys() | self.alarms.keys()
                       for row in (alarms.get(key), self.alarms.get(key))
                       if row is not None and alarms.get(key) != self.alarms.get(key)}  # fmt: skip
            self.alarms, self.alarm_revision = alarms, self._moved(touched)
        if self._differs("telecommands", tables.telecommands):
            self.telecommand_revision = self._moved(set())
        if self._differs("procedures", tables.procedures):
            self.procedure_revision = self._moved(set())
        if tables.contacts != self.contacts:
            touched = {id for id in self.fleet if tables.contacts.get(id) != self.contacts.get(id)}
            for id in sorted(touched):
                self._look_back(self.fleet[id], self.contacts.get(id), tables.contacts.get(id))
            self.contacts = tables.contacts
            self._moved(touched)

    def look_for_silence(self, now_ns: int | None) -> None:
        """Whoever has fallen silent, or is heard again, has changed: no packet tells that."""
        touched = set()
        for id, known in self.fleet.items():
            found = self._stale(known, now_ns), self._silent(id, now_ns)
            if found != (known.stale, known.silent):
                known.stale, known.silent = found
                touched.add(id)
        if touched:
            self._moved(touched)

    @staticmethod
    def _look_back(known: Known, before: forms.NextContact | None, after: forms.NextContact | None) -> None:
        """An antenna has turned away: whether anything was heard while it pointed."""
        ended = before is not None and before.now and (after is None or not after.now)
        if ended and before is not None and (known.heard_ns is None or known.heard_ns / 1e9 < before.aos_s):
            known.missed = True

    def _silent(self, id: str, now_ns: int | None) -> bool:
        """Whether it says nothing although an antenna points at it, or did: between contacts silence is no trouble."""
        known, contact = self.fleet[id], self.contacts.get(id)
        if now_ns is None or known.heard_ns is None or not self._stale(known, now_ns):
            return False
        pointed = contact is not None and contact.now and now_ns / 1e9 - contact.aos_s > LEAST_STALE_S
        return pointed or known.missed

    def _moved(self, touched: set[str]) -> int:
        self.revision += 1
        for id in touched & self.fleet.keys():
            self.fleet[id].revision = self.revision
        return self.revision

    def _differs(self, what: str, digest: object) -> bool:
        before = self._digest.get(what)
        self._digest[what] = digest
        return before != digest

    def _stale(self, known: Known, now_ns: int | None) -> bool:
        """Whether nothing has come for longer than its reports should be apart."""
        if known.heard_ns is None or now_ns is None:
            return known.heard_ns is None
        least = min((s.interval_s for s in known.dictionary.structures if s.interval_s > 0.0), default=0.0)
        return now_ns - known.heard_ns > max(LEAST_STALE_S, STALE_INTERVALS * least) * 1e9

    def _number(self, known: Known, name: str) -> float | None:
        told = known.newest(name)
        return None if told is None or not math.isfinite(told[1]) else told[1]

    def _count(self, known: Known, name: str) -> int | None:
        number = self._number(known, name)
        return None if number is None else int(number)

    def _flag(self, known: Known, name: str) -> bool | None:
        number = self._number(known, name)
        return None if number is None else bool(number)

    def _text(self, known: Known, name: str) -> str | None:
        told = known.newest(name)
        return None if told is None else known.dictionary.parameter[name].label(told[1]) or f"{told[1]:g}"

    def _hottest(self, known: Known) -> tuple[float | None, str | None]:
        """Of all temperatures; unknown where one that is reported at all has not come yet or is no number."""
        names = [name for name, form in known.dictionary.parameter.items() if form.unit == "K"]
        heard = [(self._number(known, name), name) for name in names if name in known.holding]
        numbers = [(number, name) for number, name in heard if number is not None]
        if not numbers or len(numbers) < len(heard):
            return None, None
        number, name = max(numbers)
        return number, name

    def _accelerators(self, known: Known) -> forms.Accelerators:
        names = [name for name in known.dictionary.parameter if name.startswith("accelerator_state.")]
        states = [self._text(known, name) for name in names]
        if None in states:
            return forms.Accelerators(running=None, throttled=None, failed=None, idle=None)
        return accelerators(Counter(str(state) for state in states))


def accelerators(states: Counter[str]) -> forms.Accelerators:
    """Groups by what they do: off, booting and waiting are idle; what failed or was taken out has failed."""
    running, throttled = states["run"], states["throttled"]
    failed = states["failed"] + states["quarantined"] + states["ecc_pending"]
    idle = states.total() - running - throttled - failed
    return forms.Accelerators(running=running, throttled=throttled, failed=failed, idle=idle)


def event_form(row: EventRow) -> forms.EventRow:
    """An event of the archive as it is told."""
    spacecraft, _, _, name, severity, obt_ns, received_ns, arguments = row
    return forms.EventRow(
        spacecraft=spacecraft, name=name, severity=severity, on_board_s=obt_ns / 1e9, received_s=received_ns / 1e9,
        arguments=json.loads(arguments),
    )  # fmt: skip


def alarm_form(row: dict[str, Any]) -> forms.Alarm:
    """An alarm of the archive as it is told."""
    why = json.loads(row["why"])
    return forms.Alarm(
        ground_boot=row["ground_boot"], alarm=row["alarm"], spacecraft=row["spacecraft"], subject=row["subject"],
        kind=row["kind"], level=_LEVELS[row["level"]], state=row["state"], late=bool(row["late"]),
        raised_s=row["raised_ns"] / 1e9, changed_s=row["changed_ns"] / 1e9, times=row["times"],
        because=why["because"], readings=why["readings"], telecommands=why["telecommands"], modes=why["modes"],
        procedure=why["procedure"] or "",
    )  # fmt: skip


_LEVELS: tuple[forms.Level, ...] = ("normal", "warning", "critical")


def _word(form: Parameter, value: float) -> str:
    """What a number means where it is no quantity."""
    return ("yes" if value else "no") if form.type == "bool" and math.isfinite(value) else form.label(value)


_LIMITS: dict[int, Literal["inside", "soft", "hard"]] = {
    int(Level.NORMAL): "inside",
    int(Level.WARNING): "soft",
    int(Level.CRITICAL): "hard",
}


def _limit(form: Parameter, value: float) -> Literal["none", "inside", "soft", "hard"]:
    """How a value stands to its limits."""
    return _LIMITS[level_of(form, value)[0]] if limited(form) else "none"


def _told(alarm: forms.Alarm) -> str:
    """An alarm in words, its subject once."""
    return alarm.because if alarm.subject.split()[-1] in alarm.because else f"{alarm.subject}: {alarm.because}"


def _trouble(
    known: Known, alarms: list[forms.Alarm], mode: str | None, cause: str | None, silent: str
) -> tuple[forms.Level | None, str]:
    """How bad it is, and the worst of it in words. An alarm that is put aside is none, and one that is over is no worse
    than a warning; a mode that is not the nominal one is trouble whoever has acknowledged what."""
    if known.heard_ns is None:
        return None, "nothing was heard of it"
    found: list[tuple[int, bool, float, str]] = []
    for alarm in alarms:
        level, told = _LEVELS.index(alarm.level), _told(alarm)
        if alarm.state == "CLEARED":
            found.append((min(level, 1), False, alarm.raised_s, f"over, wants to be seen: {told}"))
        elif alarm.state != "SHELVED":
            found.append((level, True, alarm.raised_s, told))
    if mode in ("SAFE", "SURVIVAL"):
        words = (cause or "cause unknown").replace("_", " ")
        found.append((2 if mode == "SURVIVAL" else 1, True, -1.0, f"in {mode}: {words}"))
    if silent:
        found.append((1, True, -2.0, silent))
    level, _, _, reason = max(found, default=(0, True, 0.0, ""))
    return (_LEVELS[level], reason) if level else ("normal", "")


def _s(time_ns: object) -> float:
    return int(str(time_ns)) / 1e9
