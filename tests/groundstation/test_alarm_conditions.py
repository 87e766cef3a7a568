"""Alarms of conditions: raised by an event, over with its opposite, late or live, and with a new boot; and what is late
is told by time correlation."""

from __future__ import annotations

import pytest

from bus.dictionary import Argument, Dictionary, EventForm
from bus.pus import Severity
from bus.wire.messages import Event, Telemetry
from groundstation.alarms.watch import Alarms
from groundstation.config import AlarmRules
from node.assembly import dictionary
from tests.kits.ground_kit import DICTIONARY, SECOND_NS, GroundBench, config

DEVICE = Argument(name="device", unit="", type="enum", description="which", labels=("gnss", "wheel"))
STALE = EventForm(id=6, name="device_stale", severity=Severity.MEDIUM, arguments=(DEVICE,), description="stale")
FRESH = EventForm(
    id=7, name="device_fresh", severity=Severity.INFORMATIVE, arguments=(DEVICE,), description="fresh",
    ends="device_stale",
)  # fmt: skip
WORDS = DICTIONARY.model_copy(update={"events": (STALE, FRESH)})
GNSS, WHEEL = 0.0, 1.0


class Desk:
    """Alarms that hear events, one a second."""

    def __init__(self) -> None:
        self.alarms = Alarms({"sat-1": Dictionary(**WORDS.model_dump())}, AlarmRules(), 1, {})
        self.records: list[tuple[object, ...]] = []
        self.now_s, self.sequence = 1000, 0

    def hear(self, form: EventForm, device: float, late_s: int = 0, sequence: int = -1, boot: int = 1) -> None:
        self.now_s += 1
        if sequence < 0:
            sequence = self.sequence
            self.sequence += 1
        report = Event(
            boot=boot, stream=5, sequence=sequence, obt_ns=(self.now_s - late_s) * SECOND_NS, event=form.id,
            severity=form.severity, arguments=(device,),
        )  # fmt: skip
        self.alarms.event("sat-1", report, self.now_s * SECOND_NS, self.records)

    @property
    def story(self) -> list[tuple[object, ...]]:
        return [(row[2], row[5], row[6]) for row in self.records if row[0] == "alarm_log"]

    @property
    def times(self) -> list[object]:
        return [row[12] for row in self.records if row[0] == "alarms"]


def test_an_alarm_lasts_until_the_opposite_event_of_the_same_part() -> None:
    desk = Desk()
    desk.hear(STALE, GNSS)
    desk.hear(STALE, GNSS)
    desk.hear(FRESH, WHEEL)
    assert desk.story == [(1, "raised", "ACTIVE")] and desk.times[-1] == 2
    desk.hear(FRESH, GNSS)
    assert desk.story[1:] == [(1, "cleared", "CLEARED")]
    desk.hear(STALE, GNSS)
    assert desk.story[2:] == [(1, "again", "ACTIVE")]
    assert desk.alarms.acknowledge(1, 0, desk.records) == ""
    desk.hear(FRESH, GNSS)
    assert desk.story[-1] == (1, "cleared", "CLOSED") and desk.alarms.state.open == {}


def test_the_opposite_that_was_played_back_ends_it_too() -> None:
    desk = Desk()
    desk.hear(STALE, GNSS)
    desk.hear(FRESH, GNSS, late_s=900)
    assert desk.story == [(1, "raised", "ACTIVE"), (1, "cleared", "CLEARED")]


def test_an_older_opposite_ends_nothing_and_an_older_report_lasts_no_more() -> None:
    desk = Desk()
    desk.hear(STALE, GNSS, sequence=10)
    desk.hear(FRESH, GNSS, sequence=9, late_s=900)
    assert desk.story == [(1, "raised", "ACTIVE")]
    desk.hear(FRESH, GNSS, sequence=20)
    desk.hear(STALE, GNSS, sequence=15, late_s=900)  # it was stale, and is not: an alarm that is over already
    assert desk.story[2:] == [(2, "raised", "CLEARED")]


def test_a_boot_ends_what_the_computer_before_it_had_reported() -> None:
    desk = Desk()
    desk.hear(STALE, GNSS)
    desk.hear(STALE, WHEEL)
    desk.hear(STALE, WHEEL, boot=2, sequence=0)  # still so: it says it again
    assert desk.story == [
        (1, "raised", "ACTIVE"), (2, "raised", "ACTIVE"), (1, "cleared", "CLEARED"), (2, "cleared", "CLEARED"),
        (2, "again", "ACTIVE"),
    ]  # fmt: skip


def test_a_shelved_condition_comes_back_while_it_lasts() -> None:
    desk = Desk()
    desk.hear(STALE, GNSS)
    assert desk.alarms.shelve(1, 60.0, desk.now_s * SECOND_NS, desk.records) == ""
    desk.alarms.step((desk.now_s + 61) * SECOND_NS, [], desk.records)
    assert desk.story[-1] == (1, "shelf over", "ACTIVE")


def test_every_event_that_ends_another_names_one_that_there_is() -> None:
    words = dictionary("pathfinder")
    severity = {event.name: event.severity for event in words.events}
    ends = {event.name: event.ends for event in words.events if event.ends}
    assert {"device_fresh": "device_stale", "payload_restored": "payload_shed"}.items() <= ends.items()
    assert set(ends.values()) <= severity.keys(), "each ends an event that there is"
    assert min(severity["device_stale"], severity["payload_shed"]) >= Severity.MEDIUM, "these alarm"


@pytest.mark.parametrize("ahead_s", [0, 3600, -3600])
@pytest.mark.parametrize(("late_s", "is_late"), [(0, False), (900, True)])
def test_what_is_late_is_told_by_time_correlation_and_not_by_the_clock_on_board(
    ahead_s: int, late_s: int, is_late: bool
) -> None:
    bench = GroundBench(config())
    version = bytes.fromhex(DICTIONARY.version)
    for number in range(3):
        now_ns = bench.tick * SECOND_NS
        report = Telemetry(
            boot=0, stream=9, sequence=number, obt_ns=now_ns + ahead_s * SECOND_NS, structure=1009,
            dictionary=version, values=(4.0, 0.0),
        )  # fmt: skip
        bench.step(("sat-1", report))
    stamp_ns = (bench.tick - late_s + ahead_s) * SECOND_NS
    shed = Event(boot=0, stream=5, sequence=0, obt_ns=stamp_ns, event=7, severity=3, arguments=(0.25,))
    bench.step(("sat-1", shed))
    (alarm,) = [row for row in bench.records if row[0] == "alarms"]
    assert alarm[8] == int(is_late)
