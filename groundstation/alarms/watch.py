"""Alarms of a fleet: raised by limits, events and silence, each with why; acknowledged, shelved, cleared, closed.

An event tells of something that is over with it, unless the dictionary knows another event that ends it: then its alarm
lasts until that one. Of both the newer one counts by boot and sequence, whenever they come.

Late is not live: what was stored on board and is played back never moves the present picture. `AlarmRules.play_back`
says what it does instead: alarm (marked late), log (a row that nobody has to answer), ignore.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bus.dictionary import Dictionary, EventForm, Parameter, Structure
from bus.pus import Severity
from bus.wire.messages import Event, Scalar, Telemetry
from groundstation.alarms.limits import KEPT, Reading, Track, level_of, limited
from groundstation.alarms.states import OVER, TABLE, AlarmEvent, AlarmState, Level
from groundstation.config import AlarmRules

MAX_OPEN = 4096
"""Alarms that wait for somebody or something; more are counted and not kept."""
LONGEST_SHELF_S = 31_536_000.0  # a year
ORDERS, MODES = 5, 3
"""Telecommands and mode changes that an alarm shows."""
_OF_SEVERITY = {Severity.MEDIUM: Level.WARNING, Severity.HIGH: Level.CRITICAL}
_MODE_EVENT = "mode_changed"

Records = list[tuple[object, ...]]


@dataclass(slots=True)
class Alarm:
    """One alarm. `steps`: rows of its log; `times`: how often it came while nobody had answered; `about`, `words` and
    `place`: event, words and (boot, sequence) of the newest report of a condition."""

    number: int
    spacecraft: str
    subject: str
    kind: str
    level: int
    late: bool
    raised_ns: int
    obt_ns: int
    why: str
    state: str = AlarmState.ACTIVE.value
    times: int = 1
    steps: int = 0
    shelved_until_ns: int = 0
    about: str = ""
    words: dict[str, str] = field(default_factory=dict)
    place: tuple[int, int] = (-1, -1)


@dataclass(slots=True)
class Seen:
    """What is remembered of a spacecraft. heard_ns: of its last packet; structures: of the last of each structure;
    intervals_s: how often each comes by itself, 0: it does not. ended: (boot, sequence) of the newest event that
    ended a condition, by its subject."""

    heard_ns: int = 0
    structures: dict[int, int] = field(default_factory=dict)
    intervals_s: dict[int, float] = field(default_factory=dict)
    orders: dict[int, tuple[int, str]] = field(default_factory=dict)
    modes: list[tuple[int, str]] = field(default_factory=list)
    live: dict[str, Track] = field(default_factory=dict)
    late: dict[str, Track] = field(default_factory=dict)
    ended: dict[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(slots=True)
class AlarmsState:
    """All state. open: by (spacecraft, subject, late or not). totals: alarms raised by level, and what was left out."""

    next_number: int = 1
    open: dict[tuple[str, str, bool], Alarm] = field(default_factory=dict)
    seen: dict[str, Seen] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Cause:
    """What an alarm is of. `about`: the event or parameter that a procedure may answer."""

    spacecraft: str
    subject: str
    kind: str
    about: str
    because: str
    obt_ns: int
    late: bool = False
    readings: tuple[Reading, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)
    place: tuple[int, int] = (-1, -1)


class Alarms:
    """Watches every spacecraft. `answers`: the procedure that answers an event or parameter. `made_ns`: from a
    spacecraft and its stamp to the time on the ground at which it was given."""

    def __init__(
        self,
        dictionaries: Mapping[str, Dictionary],
        rules: AlarmRules,
        ground_boot: int,
        answers: Mapping[str, str],
        made_ns: Callable[[str, int], int] = lambda _, obt_ns: obt_ns,
    ) -> None:
        self._dictionaries = dictionaries
        self._rules = rules
        self._boot = ground_boot
        self._answers = answers
        self._made_ns = made_ns
        self._live_ns = round(rules.live_within_s * 1e9)
        self._silent_ns = round(rules.silent_s * 1e9)
        plans = {d.version: _plan(d) for d in dictionaries.values()}
        self._plans = {name: plans[d.version] for name, d in dictionaries.items()}
        self._versions = {name: bytes.fromhex(d.version) for name, d in dictionaries.items()}
        self.state = AlarmsState(
            seen={
                name: Seen(intervals_s={s.id: s.interval_s for s in d.structures}) for name, d in dictionaries.items()
            },
            totals={"warning": 0, "critical": 0, "logged": 0, "left_out": 0, "out_of_order": 0},
        )

    def telemetry(
        self, spacecraft: str, packet: Telemetry, structure: Structure | None, now_ns: int, records: Records
    ) -> None:
        """A packet of this structure has come: its limits, and that it has come."""
        seen = self.state.seen[spacecraft]
        self._heard(spacecraft, seen, now_ns, records)
        if packet.structure in seen.intervals_s:
            seen.structures[packet.structure] = now_ns
            name = self._dictionaries[spacecraft].structure[packet.structure].name
            self._clear((spacecraft, f"stale {name}", False), now_ns, "it comes again", records)
        plan = self._plans[spacecraft].get(packet.structure)
        if plan is None and structure is not None and packet.structure not in self._dictionaries[spacecraft].structure:
            plan = _limited(self._dictionaries[spacecraft], structure)
        if plan is None or packet.dictionary != self._versions[spacecraft]:
            return
        place = (packet.boot, packet.sequence)
        old = now_ns - self._made_ns(spacecraft, packet.obt_ns) > self._live_ns
        for position, form in plan:
            if position >= len(packet.values):
                continue
            live = seen.live.setdefault(form.name, Track())
            late = old or place <= live.newest
            if late and self._rules.play_back == "ignore":
                continue
            track = seen.late.setdefault(form.name, Track()) if late else live
            if place <= track.newest:
                self.state.totals["out_of_order"] += 1
                continue
            track.newest = place
            reading = (packet.obt_ns, now_ns, packet.values[position])
            if track.readings and track.readings[-1][0] == packet.obt_ns:
                continue  # the same sample, in another structure
            track.readings = [*track.readings, reading][-KEPT:]
            self._limit(spacecraft, form, track, late, records)

    def event(self, spacecraft: str, packet: Event, now_ns: int, records: Records) -> None:
        """An event has come."""
        seen = self.state.seen[spacecraft]
        self._heard(spacecraft, seen, now_ns, records)
        form = self._dictionaries[spacecraft].event.get(packet.event)
        name = form.name if form else f"event_{packet.event}"
        named = form.named(packet.arguments) if form else {}
        if name == _MODE_EVENT:
            said = [str(value) for value in named.values()]
            seen.modes = [*seen.modes, (packet.obt_ns, " to ".join(said[:2]) + f" ({', '.join(said[2:])})")][-MODES:]
        place = (packet.boot, packet.sequence)
        words = {key: value for key, value in named.items() if isinstance(value, str)}
        self._over(spacecraft, form, words, place, now_ns, records)
        level = _OF_SEVERITY.get(Severity(packet.severity))
        late = now_ns - self._made_ns(spacecraft, packet.obt_ns) > self._live_ns
        if level is None or (late and self._rules.play_back == "ignore"):
            return
        subject = " ".join(["event", name, *words.values()])
        lasts = name in self._dictionaries[spacecraft].lasting and place > seen.ended.get(subject, (-1, -1))
        told = ", ".join(
            f"{key} {value if isinstance(value, str) else format(value, '.9g')}" for key, value in named.items()
        )
        kind = "condition" if lasts else "event"
        cause = _Cause(
            spacecraft, subject, kind, name, f"{name}: {told}", packet.obt_ns, late, words=words, place=place
        )  # fmt: skip
        self._raise(cause, level, now_ns, records)

    def _over(  # noqa: PLR0917
        self,
        spacecraft: str,
        form: EventForm | None,
        words: Mapping[str, str],
        place: tuple[int, int],
        now_ns: int,
        records: Records,
    ) -> None:
        """What an event ends, live or late: the conditions of the event that it is the opposite of, and all those of an
        earlier boot, because flight software that begins anew reports again what is still so."""
        for alarm in [a for a in self.state.open.values() if a.spacecraft == spacecraft and a.kind == "condition"]:
            if alarm.place[0] < place[0]:
                self._move(alarm, AlarmEvent.CLEARS, "the computer has booted since", now_ns, records)
            elif form and form.ends == alarm.about and alarm.place < place and _same(alarm.words, words):
                self._move(alarm, AlarmEvent.CLEARS, form.name, now_ns, records)
        if form and form.ends:
            ended = self.state.seen[spacecraft].ended
            subject = " ".join(["event", form.ends, *words.values()])
            ended[subject] = max(place, ended.get(subject, place))

    def ordered(self, request: int, spacecraft: str, text: str, now_ns: int) -> None:
        """A telecommand was sent, or has ended; the newest word on each counts."""
        seen = self.state.seen.get(spacecraft)
        if seen is not None:
            seen.orders.pop(request, None)
            seen.orders[request] = (now_ns, text)
            while len(seen.orders) > ORDERS:
                del seen.orders[next(iter(seen.orders))]

    def completed(self, spacecraft: str, name: str, arguments: Mapping[str, Scalar]) -> None:
        """A telecommand was carried out: what it says of housekeeping decides what is awaited."""
        if not name.startswith("housekeeping."):
            return
        dictionary, seen = self._dictionaries[spacecraft], self.state.seen[spacecraft]
        structure = next((s for s in dictionary.structures if s.name == arguments.get("structure")), None)
        if structure is None:
            return
        if name == "housekeeping.disable":
            seen.intervals_s[structure.id] = 0.0
        elif name == "housekeeping.enable":
            seen.intervals_s[structure.id] = structure.interval_s
        elif name == "housekeeping.interval" and seen.intervals_s.get(structure.id):
            seen.intervals_s[structure.id] = float(arguments.get("interval_s", structure.interval_s))

    def step(self, now_ns: int, serving: Iterable[tuple[str, int]], records: Records) -> None:
        """Time passes. `serving`: spacecraft that antennas point at, and since when: only they can be missed."""
        for alarm in [a for a in self.state.open.values() if a.state == AlarmState.SHELVED]:
            if now_ns >= alarm.shelved_until_ns:
                event = AlarmEvent.CLEARS if alarm.kind == "event" else AlarmEvent.SHELF_OVER
                self._move(alarm, event, "", now_ns, records)
        for spacecraft, since_ns in serving:
            seen = self.state.seen[spacecraft]
            quiet_ns = now_ns - max(since_ns, seen.heard_ns)
            if quiet_ns > self._silent_ns:
                because = f"nothing was heard for {self._silent_ns / 1e9:g} s while an antenna pointed there"
                self._once(
                    _Cause(spacecraft, "silent", "silence", "silent", because, now_ns), Level.CRITICAL, now_ns, records
                )
                continue
            for structure, interval_s in seen.intervals_s.items():
                if not interval_s:
                    continue
                stale_ns = round(max(interval_s * self._rules.stale_intervals, self._rules.silent_s) * 1e9)
                if now_ns - max(since_ns, seen.structures.get(structure, 0)) > stale_ns:
                    name = self._dictionaries[spacecraft].structure[structure].name
                    because = f"no {name} for {stale_ns / 1e9:g} s, which comes every {interval_s:g} s"
                    cause = _Cause(spacecraft, f"stale {name}", "stale", name, because, now_ns)
                    self._once(cause, Level.WARNING, now_ns, records)

    def acknowledge(self, number: int, now_ns: int, records: Records) -> str:
        """An operator has seen it. Gives why not, or nothing."""
        return self._told(number, AlarmEvent.ACKNOWLEDGE, now_ns, records)

    def shelve(self, number: int, for_s: Scalar | None, now_ns: int, records: Records) -> str:
        """An operator does not want to see it for so long, unless it gets worse. Gives why not, or nothing."""
        if isinstance(for_s, bool | str | None) or not 0.0 < for_s <= LONGEST_SHELF_S:
            return f"for_s: found {for_s!r}; allowed: more than 0 to {LONGEST_SHELF_S:g} (s)"
        alarm = next((a for a in self.state.open.values() if a.number == number), None)
        if alarm is not None:
            alarm.shelved_until_ns = now_ns + round(for_s * 1e9)
        return self._told(number, AlarmEvent.SHELVE, now_ns, records)

    def _told(self, number: int, event: AlarmEvent, now_ns: int, records: Records) -> str:
        alarm = next((a for a in self.state.open.values() if a.number == number), None)
        if alarm is None:
            return f"no alarm {number} is open"
        before = alarm.state
        if (AlarmState(before), event) not in TABLE:
            return f"alarm {number} is {before} already"
        self._move(alarm, event, "by the operator", now_ns, records)
        return ""

    def _heard(self, spacecraft: str, seen: Seen, now_ns: int, records: Records) -> None:
        if seen.heard_ns != now_ns:
            seen.heard_ns = now_ns
            self._clear((spacecraft, "silent", False), now_ns, "it is heard again", records)

    def _limit(self, spacecraft: str, form: Parameter, track: Track, late: bool, records: Records) -> None:
        obt_ns, now_ns, value = track.readings[-1]
        level, words = level_of(form, value)
        before = track.level
        if not track.judge(level, self._rules.repetitions):
            return
        unit = f" {form.unit}" if form.unit not in ("", "1") else ""
        because = f"{form.name} {value:.6g}{unit} is {words}, {self._rules.repetitions} readings in a row"
        if track.level > before:
            cause = _Cause(spacecraft, form.name, "limit", form.name, because, obt_ns, late, tuple(track.readings))
            self._raise(cause, track.level, now_ns, records)
        elif track.level == Level.NORMAL:
            self._clear((spacecraft, form.name, late), now_ns, because, records)

    def _once(self, cause: _Cause, level: int, now_ns: int, records: Records) -> None:
        """A condition that is told of as long as it lasts raises one alarm."""
        alarm = self.state.open.get((cause.spacecraft, cause.subject, cause.late))
        if alarm is None or alarm.state == AlarmState.CLEARED:
            self._raise(cause, level, now_ns, records)

    def _raise(self, cause: _Cause, level: int, now_ns: int, records: Records) -> None:
        key, level = (cause.spacecraft, cause.subject, cause.late), int(level)
        alarm, totals = self.state.open.get(key), self.state.totals
        if alarm is not None:
            alarm.times += 1
            worse, alarm.level = level > alarm.level, max(level, alarm.level)
            alarm.place = max(alarm.place, cause.place)
            if cause.kind == "event" or (cause.kind == "condition" and not worse and alarm.state != AlarmState.CLEARED):
                self._write(alarm, now_ns, records)
                return
            alarm.kind, alarm.about, alarm.words = cause.kind, cause.about, dict(cause.words)
            alarm.why = self._why(cause)
            self._move(alarm, AlarmEvent.WORSE if worse and alarm.state != AlarmState.CLEARED else AlarmEvent.AGAIN,
                       cause.because, now_ns, records)  # fmt: skip
            return
        logged = cause.late and self._rules.play_back == "log"
        if len(self.state.open) >= MAX_OPEN and not logged:
            totals["left_out"] += 1
            return
        alarm = Alarm(
            self.state.next_number, cause.spacecraft, cause.subject, cause.kind, level, cause.late, now_ns,
            cause.obt_ns, self._why(cause), about=cause.about, words=dict(cause.words), place=cause.place,
        )  # fmt: skip
        self.state.next_number += 1
        if logged:
            alarm.state = AlarmState.LOGGED.value
            totals["logged"] += 1
        else:
            alarm.state = (AlarmState.CLEARED if cause.kind == "event" else AlarmState.ACTIVE).value
            totals["critical" if level == Level.CRITICAL else "warning"] += 1
            self.state.open[key] = alarm
        self._log(alarm, "raised", cause.because, now_ns, records)

    def _clear(self, key: tuple[str, str, bool], now_ns: int, detail: str, records: Records) -> None:
        alarm = self.state.open.get(key)
        if alarm is not None:
            self._move(alarm, AlarmEvent.CLEARS, detail, now_ns, records)

    def _move(self, alarm: Alarm, event: AlarmEvent, detail: str, now_ns: int, records: Records) -> None:
        after = TABLE.get((AlarmState(alarm.state), event))
        if after is None:
            return
        alarm.state = after.value
        if after in OVER:
            self.state.open.pop((alarm.spacecraft, alarm.subject, alarm.late), None)
        self._log(alarm, event.value, detail, now_ns, records)

    def _why(self, cause: _Cause) -> str:
        """What led to it, as the archive keeps it."""
        seen = self.state.seen[cause.spacecraft]
        return json.dumps({
            "because": cause.because,
            "readings": [[obt / 1e9, received / 1e9, value] for obt, received, value in cause.readings],
            "telecommands": [[at / 1e9, text] for at, text in seen.orders.values()],
            "modes": [[at / 1e9, text] for at, text in seen.modes],
            "procedure": next((name for of, name in self._answers.items() if fnmatchcase(cause.about, of)), ""),
        })  # fmt: skip

    def _write(self, alarm: Alarm, now_ns: int, records: Records) -> None:
        records.append((
            "alarms", self._boot, alarm.number, alarm.spacecraft, alarm.subject, alarm.kind, alarm.level, alarm.state,
            int(alarm.late), alarm.raised_ns, alarm.obt_ns, now_ns, alarm.times, alarm.why,
        ))  # fmt: skip

    def _log(self, alarm: Alarm, happening: str, detail: str, now_ns: int, records: Records) -> None:
        self._write(alarm, now_ns, records)
        records.append((
            "alarm_log", self._boot, alarm.number, alarm.steps, now_ns, happening, alarm.state, alarm.level, detail,
        ))  # fmt: skip
        alarm.steps += 1


def _same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two events are of the same part: what both name is the same."""
    return all(other[name] == word for name, word in one.items() if name in other)


def _plan(dictionary: Dictionary) -> dict[int, list[tuple[int, Parameter]]]:
    """By structure, the places of parameters that have limits."""
    found = {structure.id: _limited(dictionary, structure) for structure in dictionary.structures}
    return {structure: places for structure, places in found.items() if places}


def _limited(dictionary: Dictionary, structure: Structure) -> list[tuple[int, Parameter]]:
    return [
        (place, dictionary.parameter[name])
        for place, name in enumerate(structure.parameters)
        if name in dictionary.parameter and limited(dictionary.parameter[name])
    ]
