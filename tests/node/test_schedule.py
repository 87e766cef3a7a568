"""Service 11: telecommands that wait on board, over reboots, and are released once."""

from __future__ import annotations

from typing import Any

import pytest

from bus.pus import SCHEDULE_SOURCE, Code, Service, Stage
from bus.telecommand_check import parts
from bus.wire.messages import Telemetry, Verification
from node.assembly import dictionary
from node.fsw.modes import Mode
from node.fsw.services.st01_verification import QUEUE_LIMIT, CrashPoint
from node.fsw.services.st11_scheduling import CAPACITY, Schedule
from tests.kits.fake_spacecraft import Flight

HOST = 4


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True, signals=("mode",))
    flight.fly(3)
    return flight


def insert(flight: Flight, at_s: float, name: str, *, sub: int = 0, group: int = 0, **arguments: Any) -> int:
    """A telecommand that will be released; the number of the request that inserts it."""
    return flight.command(
        "schedule.insert", at=float(at_s), sub_schedule=sub, schedule_group=group, telecommand=name, **arguments
    ).request


def schedule(flight: Flight) -> Schedule:
    software = flight.node.software
    assert software is not None
    return software.schedule


def reports(flight: Flight, source: int) -> dict[int, list[tuple[Stage, Code, str]]]:
    found = {(v.boot, v.sequence): v for v in flight.bodies(Verification) if v.ground_boot == source}
    by_request: dict[int, list[tuple[Stage, Code, str]]] = {}
    for key in sorted(found):
        report = found[key]
        by_request.setdefault(report.request, []).append((Stage(report.stage), Code(report.code), report.detail))
    return by_request


def ends(flight: Flight, source: int = SCHEDULE_SOURCE) -> list[tuple[Stage, Code]]:
    return [stages[-1][:2] for _, stages in sorted(reports(flight, source).items())]


def test_a_telecommand_waits_and_goes_the_way_of_all_others_at_its_time(flight: Flight) -> None:
    request = insert(flight, 20, "mode.set", mode="SAFE")
    flight.fly(10)
    assert reports(flight, 1)[request][-1] == (Stage.COMPLETED, Code.NONE, "entry 1")
    assert flight.truth()[0] == Mode.NOMINAL
    flight.fly(12)
    assert flight.truth()[0] == Mode.SAFE
    assert [stage for stage, _, _ in reports(flight, SCHEDULE_SOURCE)[1]] == [
        Stage.ACCEPTED, Stage.STARTED, Stage.COMPLETED,
    ]  # fmt: skip
    assert schedule(flight).state.entries == [] and "schedule_released" in flight.events()


def test_what_is_released_meets_the_acceptance_check_of_that_moment(flight: Flight) -> None:
    insert(flight, 20, "payload.on")
    flight.command("mode.set", mode="SAFE")
    flight.fly(25)
    assert ends(flight) == [(Stage.REJECTED, Code.FORBIDDEN_IN_MODE)]


@pytest.mark.parametrize("doomed", [{}, {"mode": "PARTY"}, {"mode": "SAFE", "speed": 1}])
def test_a_wrong_telecommand_is_refused_when_it_is_inserted(flight: Flight, doomed: dict[str, Any]) -> None:
    insert(flight, 100, "mode.set", **doomed)
    insert(flight, 100, "mode.sett", mode="SAFE")
    flight.command("schedule.insert", at=100.0, sub_schedule=0, schedule_group=0, telecommand="schedule.insert")
    insert(flight, 2, "test.ping")
    flight.fly(3)
    assert [stages[-1][0] for stages in reports(flight, 1).values()] == [Stage.REJECTED] * 3 + [Stage.FAILED]
    assert [stages[-1][1] for stages in reports(flight, 1).values()][1:] == [
        Code.UNKNOWN_TELECOMMAND, Code.UNKNOWN_TELECOMMAND, Code.IN_THE_PAST,
    ]  # fmt: skip
    assert schedule(flight).state.entries == []


def test_the_schedule_survives_a_reboot_and_is_bounded(flight: Flight) -> None:
    insert(flight, 60, "mode.set", mode="SAFE")
    insert(flight, 5000, "test.ping")
    flight.fly(2)
    flight.inject(HOST, "computer", "reboot")
    flight.fly(20)
    assert [entry.number for entry in schedule(flight).state.entries] == [1, 2]
    flight.fly(40)
    assert flight.truth()[0] == Mode.SAFE
    for n in range(CAPACITY):
        insert(flight, 1000 + n, "test.ping")
        flight.fly(1)
    assert len(schedule(flight).state.entries) == CAPACITY
    flight.fly(2)
    assert list(reports(flight, 1).values())[-1][-1][1] is Code.FULL


def test_a_release_is_never_repeated_and_a_lost_one_is_told(flight: Flight) -> None:
    expected = []
    for point in CrashPoint:
        before = flight.tick
        insert(flight, before + 5, "test.ping")
        flight.fly(3)
        flight.inject(HOST, "computer", "crash", point=int(point), name=f"c{int(point)}")
        flight.fly(700)  # good running between two crashes
        expected.append({
            CrashPoint.BEFORE_ACCEPTANCE: (Stage.FAILED, Code.NOT_STARTED),
            CrashPoint.ACCEPTANCE_RECORDED: (Stage.FAILED, Code.NOT_STARTED),
            CrashPoint.START_RECORDED: (Stage.FAILED, Code.INTERRUPTED),
            CrashPoint.EFFECT_DONE: (Stage.FAILED, Code.INTERRUPTED),
            CrashPoint.COMPLETION_RECORDED: (Stage.COMPLETED, Code.NONE),
        }[point])  # fmt: skip
        assert ends(flight) == expected
    assert schedule(flight).state.schedule_released == len(CrashPoint)


def test_entries_are_deleted_shifted_reported_and_reset(flight: Flight) -> None:
    flight.command("schedule.create_group", number=7, enabled=True)
    for at_s in (100, 200, 300):
        insert(flight, at_s, "test.ping", sub=2, group=7)
    flight.command("schedule.delete", entry=1)
    flight.command("schedule.shift", entry=3, by_s=-150.0)
    flight.command("schedule.shift_all", by_s=10.0)
    flight.command("schedule.shift_all", by_s=-1000.0)
    flight.command("schedule.delete", entry=1)
    flight.fly(3)
    assert [(e.number, e.release_ns // 10**9) for e in schedule(flight).state.entries] == [(3, 160), (2, 210)]
    assert [stages[-1][1] for stages in reports(flight, 1).values()][-2:] == [Code.IN_THE_PAST, Code.NO_SUCH_ENTRY]
    flight.command("schedule.report")
    flight.command("schedule.report_one", entry=2)
    flight.fly(2)

    label = flight.dictionary.parameter["scheduled_telecommand"].labels[
        int(flight.bodies(Telemetry)[-1].values[-1])
    ]  # fmt: skip
    told = [t.values[:5] for t in flight.bodies(Telemetry) if t.stream == Service.SCHEDULING]
    assert told == [(2, 3, 160, 2, 7), (2, 2, 210, 2, 7), (1, 2, 210, 2, 7)] and label == "test.ping"
    flight.command("schedule.reset")
    flight.fly(2)
    assert not schedule(flight).state.entries and not schedule(flight).state.schedule_enabled


@pytest.mark.parametrize(
    ("switch", "back", "argument"),
    [
        ("schedule.disable", "schedule.enable", {}),
        ("schedule.disable_sub", "schedule.enable_sub", {"number": 2}),
        ("schedule.disable_group", "schedule.enable_group", {"number": 7}),
    ],
)
def test_what_is_disabled_at_its_time_is_deleted_and_counted(
    flight: Flight, switch: str, back: str, argument: dict[str, int]
) -> None:
    flight.command("schedule.create_group", number=7, enabled=True)
    flight.command(switch, **argument)
    insert(flight, 10, "test.ping", sub=2, group=7)
    insert(flight, 30, "test.ping", sub=2, group=7)
    flight.fly(15)
    flight.command(back, **argument)
    flight.fly(20)
    state = schedule(flight).state
    assert (state.schedule_skipped, state.schedule_released, state.entries) == (1, 1, [])
    assert "schedule_skipped" in flight.events()


def test_a_clock_that_jumps_ahead_releases_nothing_that_is_too_late(flight: Flight) -> None:
    for at_s in (100, 3590):
        insert(flight, at_s, "mode.set", mode="SAFE" if at_s == 100 else "NOMINAL")
    flight.fly(2)
    flight.inject(HOST, "computer", "clock_jump", seconds=3590.0)
    flight.fly(5)
    assert (schedule(flight).state.schedule_missed, schedule(flight).state.schedule_released) == (1, 1)
    assert flight.truth()[0] == Mode.NOMINAL and "schedule_missed" in flight.events()


def test_many_at_one_time_wait_for_room_in_the_queue(flight: Flight) -> None:
    for _ in range(QUEUE_LIMIT + 10):
        insert(flight, 100, "test.ping")
        flight.fly(1)
    flight.fly(100)
    assert ends(flight) == [(Stage.COMPLETED, Code.NONE)] * (QUEUE_LIMIT + 10)


def told(flight: Flight, subtype: int) -> list[tuple[float, ...]]:
    """Values of the reports of this subtype."""
    ids = [s.id for s in flight.dictionary.structures if (s.service, s.subtype) == (Service.SCHEDULING, subtype)]
    return [t.values for t in flight.bodies(Telemetry) if t.structure in ids]


def test_groups_are_created_used_reported_and_deleted(flight: Flight) -> None:
    insert(flight, 100, "test.ping", group=3)
    flight.command("schedule.create_group", number=3, enabled=False)
    flight.command("schedule.create_group", number=3, enabled=True)
    insert(flight, 15, "test.ping", sub=1, group=3)
    flight.command("schedule.disable_sub", number=9)
    flight.command("schedule.report_groups")
    flight.command("schedule.report_subs")
    flight.command("schedule.delete_group", number=3)
    flight.command("schedule.enable_group", number=4)
    flight.fly(4)
    codes = [stages[-1][1] for stages in reports(flight, 1).values()]
    assert codes == [
        Code.NO_SUCH_ENTRY, Code.NONE, Code.REFUSED_BY_STATE, Code.NONE, Code.NONE, Code.NONE, Code.NONE,
        Code.REFUSED_BY_STATE, Code.NO_SUCH_ENTRY,
    ]  # fmt: skip
    assert told(flight, 27) == [(3, 0, 1)] and told(flight, 19) == [(1, 1, 1), (9, 0, 0)]
    flight.inject(HOST, "computer", "reboot")
    flight.fly(15)
    assert schedule(flight).state.schedule_skipped == 1  # its group was disabled, over the reboot
    flight.command("schedule.delete_group", number=3)
    flight.command("schedule.report_groups")
    flight.fly(2)
    assert schedule(flight).state.groups == {} and told(flight, 27)[-1] == (0, 0, 0)


def test_a_filter_chooses_by_time_sub_schedule_and_group(flight: Flight) -> None:
    flight.command("schedule.create_group", number=5, enabled=True)
    for at_s, sub, group in ((100, 0, 0), (200, 1, 5), (300, 1, 0), (400, 2, 5)):
        insert(flight, at_s, "mode.set", sub=sub, group=group, mode="SAFE")
    everything: dict[str, Any] = {"from_s": 0.0, "to_s": 1e6, "only_sub": -1, "only_group": -1}
    flight.command("schedule.report_where", **everything | {"from_s": 200.0, "to_s": 400.0})
    flight.command("schedule.report_where", **everything | {"only_group": 5})
    flight.command("schedule.report_where", **everything | {"only_sub": 1, "only_group": 0})
    flight.command("schedule.report_where", **everything | {"only_sub": 77})
    flight.fly(4)
    assert [values[:2] for values in told(flight, 13)] == [(2, 2), (2, 3), (2, 2), (2, 4), (1, 3), (0, 0)]
    flight.command("schedule.shift_where", **everything | {"only_group": 5}, by_s=-150.0)
    flight.command("schedule.shift_where", **everything, by_s=-90.0)  # one of them would come to lie in the past
    flight.command("schedule.delete_where", **everything | {"only_sub": 1})
    flight.fly(3)
    assert [(e.number, e.release_ns // 10**9) for e in schedule(flight).state.entries] == [(1, 100), (4, 250)]
    last = [flight.bodies(Verification)[-1].detail, *(c[-1][1] for c in list(reports(flight, 1).values())[-2:])]
    assert last == ["2 entries", Code.IN_THE_PAST, Code.NONE]


def test_details_tell_every_argument(flight: Flight) -> None:
    insert(flight, 100, "mode.set", mode="SAFE")
    insert(flight, 200, "parameter.set", parameter="memory.scrub_s", value=30.0)
    insert(flight, 300, "test.ping")
    for verb, argument in (("detail_one", {"entry": 2}), ("detail", {}), ("detail_one", {"entry": 9})):
        flight.command(f"schedule.{verb}", **argument)
    flight.fly(3)
    place = flight.dictionary.telecommand["parameter.set"].arguments[0].labels.index("memory.scrub_s")
    names = flight.dictionary.parameter["detailed_telecommand"].labels
    read = [(v[0], v[1], names[int(v[5])], *v[6:]) for v in told(flight, 10)]
    assert read == [
        (1, 2, "parameter.set", 2, 1, place), (1, 2, "parameter.set", 2, 2, 30.0),
        (3, 1, "mode.set", 1, 1, Mode.SAFE), (3, 2, "parameter.set", 2, 1, place), (3, 2, "parameter.set", 2, 2, 30.0),
        (3, 3, "test.ping", 0, 0, 0),
    ]  # fmt: skip
    assert list(reports(flight, 1).values())[-1][-1][1] is Code.NO_SUCH_ENTRY


def test_no_telecommand_shares_an_argument_s_name_with_one_that_carries_it() -> None:
    words = dictionary("pathfinder")
    for carrier in (form for form in words.telecommands if form.carrier):
        assert carrier.arguments[-1].type == "telecommand"
        for form in words.telecommands:
            if form.carrier is None:
                names = {a.name for a in form.arguments}
                assert not names & {a.name for a in carrier.arguments}, (carrier.name, form.name)
                given = {"telecommand": form.name} | dict.fromkeys(names, 0)
                assert set(parts(words.telecommand, carrier, given).arguments) == names
