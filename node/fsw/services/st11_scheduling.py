"""Time-based scheduling, service 11: telecommands that wait in non-volatile memory for their on-board time.

An entry leaves the schedule, in non-volatile memory, before its telecommand goes the way of all others (service 1), so
a reset can lose a release, which is then told, but never repeat it. As in the standard an entry whose time comes while
it, its sub-schedule or its group is disabled is deleted; so is one that is found too late, after the computer was down
or the clock was stepped. Sub-schedules are numbers, enabled at first; a group has to be created before an entry can
belong to it. What the schedule tells, and choice by a filter, are a page of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bus.dictionary import OnBoardParameter
from bus.pus import SCHEDULE_SOURCE, Code, Service, Severity
from bus.wire.messages import Telecommand
from node.fsw.component import (
    Arg,
    Component,
    Event,
    Failure,
    OnBoard,
    Request,
    kept,
    telecommand,
    telemetered,
    telemetry,
)
from node.fsw.services.st01_verification import Verification

CAPACITY = 128
"""Entries that the schedule holds [A]."""
NO_GROUP = 0
_NEVER_NS, _AT_ONCE_NS = 2**62, -(2**62)
_LONGEST_S = 3.2e8  # ten years
_ENTRY = Arg("entry", "int", "number of the entry, as its insertion told it", low=1, high=2**53)
_BY = Arg("by_s", "float", "by how much its time is moved", "s", -_LONGEST_S, _LONGEST_S)
_SUB_SCHEDULE = Arg("sub_schedule", "int", "number of a sub-schedule", low=0, high=255, default=0)
_GROUP = Arg("schedule_group", "int", "number of a group of entries; 0: in none", low=0, high=255, default=NO_GROUP)
_OWN_SUB_SCHEDULE = Arg("number", "int", "number of a sub-schedule", low=0, high=255)
_OWN_GROUP = Arg("number", "int", "number of a group of entries", low=1, high=255)


@dataclass(slots=True)
class Entry:
    """A telecommand that waits."""

    number: int
    release_ns: int
    sub_schedule: int
    group: int
    telecommand: str
    arguments: dict[str, Any]


@dataclass(slots=True)
class State:
    """Entries in the order of their times. `groups`: whether each is enabled. `under_way`: releases that may not have
    reached the ledger."""

    schedule_enabled: bool = telemetered("bool", "The schedule releases telecommands", default=True, kept=True)
    schedule_released: int = telemetered("int", "Telecommands that the schedule released", kept=True)
    schedule_skipped: int = telemetered("int", "Entries of the schedule that were disabled at their time", kept=True)
    schedule_missed: int = telemetered("int", "Entries of the schedule that were found too late", kept=True)
    entries: list[Entry] = kept(list)
    last_number: int = kept(int)
    disabled_sub_schedules: set[int] = kept(set)
    groups: dict[int, bool] = kept(dict)
    under_way: list[int] = kept(list)


class Schedule(Component):
    """Releases what is due, and keeps the list."""

    name = "schedule"
    state: State

    RELEASED = Event(
        41, "schedule_released", Severity.INFORMATIVE, "The schedule released a telecommand",
        (_ENTRY, Arg("release", "int", "number of the release, for its verification reports")),
    )  # fmt: skip
    SKIPPED = Event(
        42, "schedule_skipped", Severity.LOW, "An entry was disabled when its time came, and was deleted", (_ENTRY,)
    )  # fmt: skip
    MISSED = Event(
        43, "schedule_missed", Severity.MEDIUM, "An entry was found too late, and was deleted",
        (_ENTRY, Arg("late_s", "float", "time since it was due", "s")),
    )  # fmt: skip
    LATE = OnBoardParameter(
        name="schedule.late_s", unit="s", description="How late an entry may still be released",
        default=60.0, low=0.0, high=86_400.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, verification: Verification, telecommands: tuple[str, ...]) -> None:
        super().__init__(on_board, State())
        self._telecommands = telecommands
        self._verification = verification
        self._next_ns = _AT_ONCE_NS  # not after the first entry's time: "at once" is always right

    def start(self) -> None:
        """After a boot: releases that a reset lost on their way to the ledger are told."""
        state = self.state
        for number in state.under_way:
            if not self._verification.seen(SCHEDULE_SOURCE, number):
                self._verification.not_started(SCHEDULE_SOURCE, number)
        if state.under_way:
            state.under_way.clear()
            self.keep()

    def cycle(self) -> None:
        """Release what is due."""
        if self.on_board.state.obt_ns >= self._next_ns:
            self._release()

    def _release(self) -> None:
        state, now_ns = self.state, self.on_board.state.obt_ns
        entries = state.entries
        while entries and entries[0].release_ns <= now_ns and self._verification.room:
            entry = entries.pop(0)
            late_ns = now_ns - entry.release_ns
            if not self._enabled(entry):
                state.schedule_skipped += 1
                self.keep()
                self.event(self.SKIPPED, entry.number)
            elif late_ns > self.on_board.span_ns(self.LATE) + self.on_board.cycle_ns:
                state.schedule_missed += 1
                self.keep()
                self.event(self.MISSED, entry.number, late_ns / 1e9)
            else:
                self._send(entry)
        self._next_ns = entries[0].release_ns if entries else _NEVER_NS

    def _send(self, entry: Entry) -> None:
        state, verification = self.state, self._verification
        state.schedule_released += 1
        number = state.schedule_released
        state.under_way = [n for n in state.under_way if not verification.seen(SCHEDULE_SOURCE, n)] + [number]
        self.keep()
        self.event(self.RELEASED, entry.number, number)
        release = Telecommand(
            ground_boot=SCHEDULE_SOURCE, request=number, station="schedule", name=entry.telecommand,
            arguments=entry.arguments, dictionary=verification.dictionary, expires_ns=_NEVER_NS,
        )  # fmt: skip
        verification.receive(release)

    def _enabled(self, entry: Entry) -> bool:
        state = self.state
        return (
            state.schedule_enabled
            and entry.sub_schedule not in state.disabled_sub_schedules
            and state.groups.get(entry.group, True)
        )

    def restore(self, data: bytes) -> None:
        """What is due next is found again."""
        super().restore(data)
        self._next_ns = _AT_ONCE_NS

    def image_words(self) -> list[int]:
        """Two words for each place: the time of release; number, sub-schedule, group and telecommand."""
        words = [0] * (2 * CAPACITY)
        for place, entry in enumerate(self.state.entries):
            named = self._telecommands.index(entry.telecommand)
            words[2 * place] = entry.release_ns % 2**64
            words[2 * place + 1] = (entry.number % 2**32) << 32 | entry.sub_schedule << 24 | entry.group << 16 | named
        return words

    def take_image(self, words: list[int]) -> None:
        """Entries are released when, and as what, their words say now. Their arguments are elsewhere."""
        for place, entry in enumerate(self.state.entries):
            time_ns, said = words[2 * place], words[2 * place + 1]
            entry.release_ns = time_ns if time_ns < 2**63 else time_ns - 2**64
            entry.number, entry.sub_schedule, entry.group = said >> 32, said >> 24 & 255, said >> 16 & 255
            entry.telecommand = self._telecommands[(said & 0xFFFF) % len(self._telecommands)]
        self.state.entries.sort(key=lambda entry: (entry.release_ns, entry.number))
        self._next_ns = _AT_ONCE_NS

    @telemetry("int", "Entries in the schedule")
    def schedule_entries(self) -> int:
        """Disabled ones too."""
        return len(self.state.entries)

    def remove(self, entries: list[Entry]) -> Failure:
        """Take these entries out."""
        gone = {entry.number for entry in entries}
        self.state.entries = [entry for entry in self.state.entries if entry.number not in gone]
        return self._change()

    def _change(self) -> Failure:
        self.state.entries.sort(key=lambda entry: (entry.release_ns, entry.number))
        self._next_ns = _AT_ONCE_NS
        self.keep()
        return None

    @telecommand("schedule.enable", Service.SCHEDULING, 1, "Let the schedule release telecommands")
    def enable(self) -> Failure:
        """TC[11,1] enable the time-based schedule execution function."""
        self.state.schedule_enabled = True
        return self._change()

    @telecommand("schedule.disable", Service.SCHEDULING, 2, "Stop the schedule; entries whose time comes are deleted")
    def disable(self) -> Failure:
        """TC[11,2] disable the time-based schedule execution function."""
        self.state.schedule_enabled = False
        return self._change()

    @telecommand("schedule.reset", Service.SCHEDULING, 3, "Stop the schedule and delete all entries", hazardous=True)
    def reset(self) -> Failure:
        """TC[11,3] reset the time-based schedule: sub-schedules are as at first, and no group is left."""
        state = self.state
        state.schedule_enabled = False
        state.entries.clear()
        state.disabled_sub_schedules.clear()
        state.groups.clear()
        return self._change()

    @telecommand(
        "schedule.insert", Service.SCHEDULING, 4, "Put a telecommand into the schedule; its arguments stand beside it",
        Arg("at", "float", "on-board time of its release, since the epoch", "s", 0.0, _LONGEST_S), _SUB_SCHEDULE,
        _GROUP, Arg("telecommand", "telecommand", "what is released"),
    )  # fmt: skip
    def insert(self, at: float, sub_schedule: int, schedule_group: int, telecommand: Request) -> Failure:
        """TC[11,4] insert activities into the time-based schedule, one at a time."""
        state, release_ns, now_ns = self.state, round(at * 1e9), self.on_board.state.obt_ns
        if release_ns <= now_ns:
            return Code.IN_THE_PAST, f"at {at:.9g} s, on-board time is {now_ns / 1e9:.9g} s"
        if schedule_group != NO_GROUP and schedule_group not in state.groups:
            return self._no_group(schedule_group)
        if len(state.entries) >= CAPACITY:
            return Code.FULL, f"the schedule holds {CAPACITY} entries"
        state.last_number += 1
        entry = Entry(state.last_number, release_ns, sub_schedule, schedule_group, *telecommand)
        state.entries.append(entry)
        self._change()
        return Code.NONE, f"entry {entry.number}"

    @telecommand("schedule.delete", Service.SCHEDULING, 5, "Delete an entry of the schedule", _ENTRY)
    def delete(self, entry: int) -> Failure:
        """TC[11,5] delete time-based scheduled activities identified by request identifier."""
        found = self.find(entry)
        if found is None:
            return self.no_such(entry)
        return self.remove([found])

    @telecommand("schedule.shift", Service.SCHEDULING, 7, "Move an entry of the schedule in time", _ENTRY, _BY)
    def shift(self, entry: int, by_s: float) -> Failure:
        """TC[11,7] time-shift scheduled activities identified by request identifier."""
        found = self.find(entry)
        return self.no_such(entry) if found is None else self.move([found], by_s)

    @telecommand("schedule.shift_all", Service.SCHEDULING, 15, "Move all entries of the schedule in time", _BY)
    def shift_all(self, by_s: float) -> Failure:
        """TC[11,15] time-shift all scheduled activities."""
        return self.move(self.state.entries, by_s)

    @telecommand("schedule.enable_sub", Service.SCHEDULING, 20, "Enable a sub-schedule", _OWN_SUB_SCHEDULE)
    def enable_sub_schedule(self, number: int) -> Failure:
        """TC[11,20] enable time-based sub-schedules."""
        self.state.disabled_sub_schedules.discard(number)
        return self._change()

    @telecommand("schedule.disable_sub", Service.SCHEDULING, 21, "Disable a sub-schedule", _OWN_SUB_SCHEDULE)
    def disable_sub_schedule(self, number: int) -> Failure:
        """TC[11,21] disable time-based sub-schedules."""
        self.state.disabled_sub_schedules.add(number)
        return self._change()

    @telecommand(
        "schedule.create_group", Service.SCHEDULING, 22, "Create a group of the schedule", _OWN_GROUP,
        Arg("enabled", "bool", "its entries are released"),
    )  # fmt: skip
    def create_group(self, number: int, enabled: bool) -> Failure:
        """TC[11,22] create time-based scheduling groups."""
        if number in self.state.groups:
            return Code.REFUSED_BY_STATE, f"group {number} is there already"
        self.state.groups[number] = enabled
        self.state.groups = dict(sorted(self.state.groups.items()))
        return self._change()

    @telecommand("schedule.delete_group", Service.SCHEDULING, 23, "Delete a group that no entry is in", _OWN_GROUP)
    def delete_group(self, number: int) -> Failure:
        """TC[11,23] delete time-based scheduling groups."""
        if number not in self.state.groups:
            return self._no_group(number)
        inside = sum(entry.group == number for entry in self.state.entries)
        if inside:
            return Code.REFUSED_BY_STATE, f"group {number} has {inside} entries"
        del self.state.groups[number]
        return self._change()

    @telecommand("schedule.enable_group", Service.SCHEDULING, 24, "Enable a group of the schedule", _OWN_GROUP)
    def enable_group(self, number: int) -> Failure:
        """TC[11,24] enable time-based scheduling groups."""
        return self._switch_group(number, enabled=True)

    @telecommand("schedule.disable_group", Service.SCHEDULING, 25, "Disable a group of the schedule", _OWN_GROUP)
    def disable_group(self, number: int) -> Failure:
        """TC[11,25] disable time-based scheduling groups."""
        return self._switch_group(number, enabled=False)

    def _switch_group(self, number: int, *, enabled: bool) -> Failure:
        if number not in self.state.groups:
            return self._no_group(number)
        self.state.groups[number] = enabled
        return self._change()

    def _no_group(self, number: int) -> Failure:
        there = ", ".join(map(str, self.state.groups)) or "none"
        return Code.NO_SUCH_ENTRY, f"group {number}; there are: {there}; schedule.create_group makes one"

    def find(self, number: int) -> Entry | None:
        """The entry of this number, if it is there."""
        return next((entry for entry in self.state.entries if entry.number == number), None)

    def no_such(self, number: int) -> Failure:
        """What is said of an entry that is not there."""
        present = ", ".join(str(entry.number) for entry in self.state.entries[:20]) or "none"
        return Code.NO_SUCH_ENTRY, f"entry {number}; in the schedule: {present}"

    def move(self, entries: list[Entry], by_s: float) -> Failure:
        """All of them or none: where one would come to lie in the past, nothing is moved."""
        by_ns, now_ns = round(by_s * 1e9), self.on_board.state.obt_ns
        for entry in entries:
            late_ns = now_ns - entry.release_ns - by_ns
            if late_ns >= 0:
                return Code.IN_THE_PAST, f"entry {entry.number} would have been due {late_ns / 1e9:.9g} s ago"
        for entry in entries:
            entry.release_ns += by_ns
        return self._change()
