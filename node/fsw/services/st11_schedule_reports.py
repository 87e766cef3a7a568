"""What the schedule tells, and entries chosen by a filter, service 11: summaries, details, deletion and shift of many.

A filter is a range of on-board time, one sub-schedule or all, one group or all. A detail report tells an entry's
arguments too, a packet each. Entries themselves are kept by the schedule.
"""

from __future__ import annotations

from collections.abc import Iterable

from bus.dictionary import Dictionary
from bus.large_packets import checksum
from bus.pus import Code, Service
from bus.wire.messages import Scalar
from node.fsw.component import Arg, Component, Failure, OnBoard, Report, Stateless, telecommand
from node.fsw.services.st11_scheduling import NO_GROUP, Entry, Schedule
from node.fsw.services.st15_storage import Storage

ALL = -1
_LONGEST_S = 3.2e8  # ten years
_ENTRY = Arg("entry", "int", "number of the entry, as its insertion told it", low=1, high=2**53)
_BY = Arg("by_s", "float", "by how much its time is moved", "s", -_LONGEST_S, _LONGEST_S)
_FILTER = (
    Arg("from_s", "float", "released at this on-board time or later", "s", 0.0, _LONGEST_S, default=0.0),
    Arg("to_s", "float", "released before this on-board time", "s", 0.0, _LONGEST_S, default=_LONGEST_S),
    Arg("only_sub", "int", "of this sub-schedule; -1: of any", low=ALL, high=255, default=ALL),
    Arg("only_group", "int", "of this group, 0: of none; -1: of any", low=ALL, high=255, default=ALL),
)


class ScheduleReports(Component):
    """Reads the schedule, and has it change what a filter chooses."""

    name = "schedule_reports"
    state: Stateless

    SUMMARY = Report(
        1011, "schedule_summary", Service.SCHEDULING, 13,
        (
            Arg("scheduled_entries", "int", "Entries that the answer is about"),
            Arg("scheduled_entry", "int", "Number of the entry told here; 0: there is none"),
            Arg("scheduled_at_s", "float", "On-board time at which it is released, since the epoch", "s"),
            Arg("scheduled_sub_schedule", "int", "Its sub-schedule"),
            Arg("scheduled_group", "int", "Its group; 0: none"),
            Arg("scheduled_telecommand", "enum", "Its telecommand", labels=lambda words: words.telecommands),
        ),
    )  # fmt: skip
    DETAIL = Report(
        1110, "schedule_detail", Service.SCHEDULING, 10,
        (
            Arg("detailed_entries", "int", "Entries that the answer is about"),
            Arg("detailed_entry", "int", "Number of the entry told here; 0: there is none"),
            Arg("detailed_at_s", "float", "On-board time at which it is released, since the epoch", "s"),
            Arg("detailed_sub_schedule", "int", "Its sub-schedule"),
            Arg("detailed_group", "int", "Its group; 0: none"),
            Arg("detailed_telecommand", "enum", "Its telecommand", labels=lambda words: words.telecommands),
            Arg("detailed_arguments", "int", "Arguments that it has"),
            Arg("detailed_argument", "int", "Place of the argument told here, from 1; 0: it has none"),
            Arg("detailed_value", "float", "Its value; the position of a label; the CRC-16 of a text"),
        ),
    )  # fmt: skip
    SUB_SCHEDULE = Report(
        1119, "sub_schedule_status", Service.SCHEDULING, 19,
        (
            Arg("sub_schedule_number", "int", "Number of a sub-schedule with entries, or that is disabled; -1: none"),
            Arg("sub_schedule_enabled", "bool", "It is enabled"),
            Arg("sub_schedule_entries", "int", "Entries in it"),
        ),
    )  # fmt: skip
    GROUP = Report(
        1127, "schedule_group_status", Service.SCHEDULING, 27,
        (
            Arg("group_number", "int", "Number of a group; 0: there is none"),
            Arg("group_enabled", "bool", "It is enabled"),
            Arg("group_entries", "int", "Entries in it"),
        ),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, schedule: Schedule, storage: Storage, telecommands: tuple[str, ...]) -> None:
        super().__init__(on_board, Stateless())
        self._schedule = schedule
        self._storage = storage
        self._telecommands = telecommands
        self._dictionary: Dictionary | None = None

    def connect(self, dictionary: Dictionary) -> None:
        """Every component is built: what the entries' arguments are is known."""
        self._dictionary = dictionary

    def _chosen(self, from_s: float, to_s: float, only_sub: int, only_group: int) -> list[Entry]:
        return [
            entry
            for entry in self._schedule.state.entries
            if from_s <= entry.release_ns / 1e9 < to_s
            and only_sub in (ALL, entry.sub_schedule)
            and only_group in (ALL, entry.group)
        ]

    @telecommand("schedule.delete_where", Service.SCHEDULING, 6, "Delete what a filter chooses", *_FILTER)
    def delete_where(self, from_s: float, to_s: float, only_sub: int, only_group: int) -> Failure:
        """TC[11,6] delete the time-based scheduled activities identified by a filter."""
        chosen = self._chosen(from_s, to_s, only_sub, only_group)
        return self._schedule.remove(chosen) or (Code.NONE, f"{len(chosen)} entries")

    @telecommand("schedule.shift_where", Service.SCHEDULING, 8, "Move what a filter chooses in time", *_FILTER, _BY)
    def shift_where(self, from_s: float, to_s: float, only_sub: int, only_group: int, by_s: float) -> Failure:
        """TC[11,8] time-shift the scheduled activities identified by a filter."""
        chosen = self._chosen(from_s, to_s, only_sub, only_group)
        return self._schedule.move(chosen, by_s) or (Code.NONE, f"{len(chosen)} entries")

    @telecommand("schedule.detail_one", Service.SCHEDULING, 9, "Report an entry with its arguments", _ENTRY)
    def detail_one(self, entry: int) -> Failure:
        """TC[11,9] detail-report time-based scheduled activities identified by request identifier."""
        found = self._schedule.find(entry)
        return self._schedule.no_such(entry) if found is None else self._detail([found])

    @telecommand("schedule.detail_where", Service.SCHEDULING, 11, "Report what a filter chooses, in detail", *_FILTER)
    def detail_where(self, from_s: float, to_s: float, only_sub: int, only_group: int) -> Failure:
        """TC[11,11] detail-report the time-based scheduled activities identified by a filter."""
        return self._detail(self._chosen(from_s, to_s, only_sub, only_group))

    @telecommand("schedule.report_one", Service.SCHEDULING, 12, "Report an entry of the schedule", _ENTRY)
    def report_one(self, entry: int) -> Failure:
        """TC[11,12] summary-report time-based scheduled activities identified by request identifier."""
        found = self._schedule.find(entry)
        return self._schedule.no_such(entry) if found is None else self._summary([found])

    @telecommand("schedule.report_where", Service.SCHEDULING, 14, "Report what a filter chooses", *_FILTER)
    def report_where(self, from_s: float, to_s: float, only_sub: int, only_group: int) -> Failure:
        """TC[11,14] summary-report the time-based scheduled activities identified by a filter."""
        return self._summary(self._chosen(from_s, to_s, only_sub, only_group))

    @telecommand("schedule.detail", Service.SCHEDULING, 16, "Report the schedule in detail, a packet per argument")
    def detail(self) -> Failure:
        """TC[11,16] detail-report all time-based scheduled activities."""
        return self._detail(self._schedule.state.entries)

    @telecommand("schedule.report", Service.SCHEDULING, 17, "Report the schedule, a packet per entry")
    def report(self) -> Failure:
        """TC[11,17] summary-report all time-based scheduled activities."""
        return self._summary(self._schedule.state.entries)

    @telecommand("schedule.report_subs", Service.SCHEDULING, 18, "Report the status of each sub-schedule")
    def report_subs(self) -> Failure:
        """TC[11,18] report the status of each time-based sub-schedule: TM[11,19]."""
        state = self._schedule.state
        known = sorted({entry.sub_schedule for entry in state.entries} | state.disabled_sub_schedules)
        self._each(self.SUB_SCHEDULE, ALL, {number: number not in state.disabled_sub_schedules for number in known},
                   [entry.sub_schedule for entry in state.entries])  # fmt: skip
        return None

    @telecommand("schedule.report_groups", Service.SCHEDULING, 26, "Report the status of each group")
    def report_groups(self) -> Failure:
        """TC[11,26] report the status of each time-based scheduling group: TM[11,27]."""
        state = self._schedule.state
        self._each(self.GROUP, NO_GROUP, state.groups, [entry.group for entry in state.entries])
        return None

    def _each(self, report: Report, nobody: int, enabled: dict[int, bool], of: list[int]) -> None:
        for number, is_enabled in enabled.items():
            self._storage.report(report, number, is_enabled, of.count(number))
        if not enabled:
            self._storage.report(report, nobody, 0, 0)

    def _summary(self, entries: list[Entry]) -> Failure:
        """TM[11,13]."""
        for entry in entries:
            self._storage.report(self.SUMMARY, len(entries), *self._head(entry))
        if not entries:
            self._storage.report(self.SUMMARY, 0, 0, 0.0, 0, 0, 0)
        return None

    def _detail(self, entries: Iterable[Entry]) -> Failure:
        """TM[11,10]."""
        chosen = list(entries)
        for entry in chosen:
            values = self._values(entry)
            for place, value in enumerate(values):
                told = (len(values), place + 1, value)
                self._storage.report(self.DETAIL, len(chosen), *self._head(entry), *told)
            if not values:
                self._storage.report(self.DETAIL, len(chosen), *self._head(entry), 0, 0, 0.0)
        if not chosen:
            self._storage.report(self.DETAIL, *(0.0,) * 9)
        return None

    def _head(self, entry: Entry) -> tuple[float, ...]:
        told = self._telecommands.index(entry.telecommand)
        return entry.number, entry.release_ns / 1e9, entry.sub_schedule, entry.group, told

    def _values(self, entry: Entry) -> list[float]:
        """Its arguments as numbers, in the order of the dictionary."""
        form = None if self._dictionary is None else self._dictionary.telecommand.get(entry.telecommand)
        return [] if form is None else [_number(entry.arguments[a.name], a.labels) for a in form.arguments]


def _number(value: Scalar, labels: tuple[str, ...]) -> float:
    if not isinstance(value, str):
        return float(value)
    return float(labels.index(value)) if value in labels else float(checksum(value.encode()))
