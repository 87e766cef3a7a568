"""The contact plan: what it takes, what it survives, when the transmitter is on, and which transfers begin."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.pus import Code, Service, Stage
from bus.wire.messages import Event, Telemetry, Verification
from node.devices.nvm import NonVolatileMemory
from node.fsw.managers.contact_plan import CAPACITY, Entry, window_of
from node.fsw.services.packet_store import PacketStore
from node.fsw.services.packet_streams import FRAME_BYTES
from node.fsw.services.packets import DOWNLINK_PARTS, large_packet_of, values_packet
from node.fsw.software import FlightSoftware
from tests.kits.fake_spacecraft import Flight

HOST = 4
BYTES_A_SECOND = 1000
SECOND, MARGIN_S = 10**9, 10
RATE_BPS = 8.0 * BYTES_A_SECOND


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.command("mode.set", mode="NOMINAL")
    flight.fly(3)
    return flight


def board(flight: Flight) -> FlightSoftware:
    software = flight.node.software
    assert software is not None
    return software


def do(flight: Flight, name: str, **arguments: object) -> tuple[Code, str]:
    request = flight.command(name, **arguments).request
    flight.fly(3)
    reports = [v for v in flight.bodies(Verification) if v.request == request]
    report = next(v for v in reports if v.stage in (Stage.REJECTED, Stage.COMPLETED, Stage.FAILED))
    return Code(report.code), report.detail


def insert(flight: Flight, start_s: float, end_s: float, station: int = 1) -> Code:
    return do(flight, "plan.insert", start_s=start_s, end_s=end_s, station=station)[0]


def value(flight: Flight, name: str) -> float:
    software = board(flight)
    names = [parameter.name for parameter in software.layout.parameters[software.layout.own :]]
    return float(software._readers[names.index(name)]())


def transmitter(flight: Flight) -> float:
    return float(flight.plant.inputs["transmitter_on"][0][0])


def planned(flight: Flight) -> list[tuple[float, float]]:
    return [(e.start_ns / 1e9, e.end_ns / 1e9) for e in board(flight).contact_plan.state.entries]


def test_entries_are_kept_in_their_order_and_told(flight: Flight) -> None:
    assert insert(flight, 500.0, 600.0, 2) is Code.NONE
    assert insert(flight, 100.0, 200.0, 1) is Code.NONE
    assert insert(flight, 200.0, 500.0, 3) is Code.NONE  # they may touch
    assert planned(flight) == [(100.0, 200.0), (200.0, 500.0), (500.0, 600.0)]
    names = ("contact_plan_entries", "planned_contact_start_s", "planned_contact_end_s", "planned_contact_station")
    assert [value(flight, name) for name in names] == [3.0, 100.0, 200.0, 1.0]


@pytest.mark.parametrize(
    ("start_s", "end_s", "code"),
    [
        (1.0, 2.0, Code.IN_THE_PAST),
        (300.0, 300.0, Code.OUT_OF_RANGE),
        (300.0, 200.0, Code.OUT_OF_RANGE),
        (90.0, 101.0, Code.REFUSED_BY_STATE),
        (199.0, 201.0, Code.REFUSED_BY_STATE),
        (120.0, 130.0, Code.REFUSED_BY_STATE),
        (50.0, 900.0, Code.REFUSED_BY_STATE),
        (100.0, 200.0, Code.REFUSED_BY_STATE),
        (200.0, 201.0, Code.NONE),
        (1.0, 100.0, Code.NONE),
    ],
)
def test_what_is_over_or_overlaps_is_refused(flight: Flight, start_s: float, end_s: float, code: Code) -> None:
    assert insert(flight, 100.0, 200.0) is Code.NONE
    assert insert(flight, start_s, end_s) is code
    assert len(planned(flight)) == 1 + (code is Code.NONE)


def test_the_table_is_bounded(flight: Flight) -> None:
    for place in range(CAPACITY):
        assert insert(flight, 1000.0 + 10 * place, 1005.0 + 10 * place) is Code.NONE
    assert insert(flight, 90_000.0, 90_010.0) is Code.FULL
    assert insert(flight, 90_000.0, 90_010.0) is Code.FULL
    assert do(flight, "plan.delete", at_s=1001.0)[0] is Code.NONE
    assert insert(flight, 90_000.0, 90_010.0) is Code.NONE
    assert do(flight, "plan.delete", at_s=1007.0)[0] is Code.NO_SUCH_ENTRY
    assert do(flight, "plan.clear") == (Code.NONE, f"{CAPACITY} contacts")
    assert planned(flight) == []


def test_a_plan_survives_a_reboot_and_loses_what_went_by_meanwhile(flight: Flight) -> None:
    insert(flight, 30.0, 40.0)
    insert(flight, 500.0, 600.0)
    do(flight, "plan.transmitter", switching="planned")
    flight.inject(HOST, "computer", "reboot")
    flight.fly(60)
    assert planned(flight) == [(500.0, 600.0)]
    assert value(flight, "transmitter_switching") == 1.0
    assert value(flight, "planned_contacts_missed") + value(flight, "planned_contacts_met") == 1.0


def test_contacts_that_are_over_go_and_are_counted_as_met_or_missed(flight: Flight) -> None:
    insert(flight, 40.0, 60.0)
    insert(flight, 80.0, 100.0, 7)
    flight.fly(65 - flight.tick)
    assert [value(flight, f"planned_contacts_{what}") for what in ("met", "missed")] == [1.0, 0.0]
    flight.point(on=False)
    flight.fly(105 - flight.tick)
    assert [value(flight, f"planned_contacts_{what}") for what in ("met", "missed")] == [1.0, 1.0]
    flight.point()
    flight.fly(5)
    told = [e for e in flight.bodies(Event) if flight.dictionary.event[e.event].name == "planned_contact_missed"]
    assert [e.arguments for e in told] == [(7.0, 80.0)]


def test_the_transmitter_is_always_on_until_the_ground_wants_it_otherwise(flight: Flight) -> None:
    flight.fly(1)
    assert transmitter(flight) == 1.0
    insert(flight, 2000.0, 2100.0)
    flight.fly(1000)
    assert transmitter(flight) == 1.0


def test_the_transmitter_is_on_around_planned_contacts_only(flight: Flight) -> None:
    do(flight, "parameter.set", parameter="plan.answer_s", value=0.0)
    insert(flight, 200.0, 300.0)
    insert(flight, 500.0, 600.0)
    flight.command("plan.transmitter", switching="planned")
    flight.fly(2)
    flight.point(on=False)
    on = []
    while flight.tick < 700:
        flight.fly(1)
        if transmitter(flight):
            on.append(flight.tick)
    lead = 30
    assert on[0] == 200 - lead and on[-1] == 699 + 1
    wanted = [*range(200 - lead, 300 + lead), *range(500 - lead, 700 + 1)]  # with the last contact the plan is over
    assert on == wanted


def silent(flight: Flight) -> None:
    """The transmitter is off, and the next contact is far."""
    do(flight, "parameter.set", parameter="plan.answer_s", value=60.0)
    insert(flight, 5000.0, 5100.0)
    do(flight, "plan.transmitter", switching="planned")
    flight.fly(70)
    assert transmitter(flight) == 0.0


def test_a_telecommand_outside_the_plan_is_answered(flight: Flight) -> None:
    silent(flight)
    since = len(flight.log)
    flight.command("test.connection")
    flight.fly(5)
    assert flight.bodies(Verification, flight.log[since:])
    assert transmitter(flight) == 1.0
    flight.fly(70)
    assert transmitter(flight) == 0.0


def test_a_lower_mode_switches_it_on(flight: Flight) -> None:
    silent(flight)
    flight.plant.set("battery_soc", 0.1)
    flight.plant.state["battery_group_soc"] = 0.1
    flight.fly(120)
    assert board(flight).modes.mode.name in ("SAFE", "SURVIVAL")
    assert transmitter(flight) == 1.0


@pytest.mark.parametrize("step_s", [-100.0, 100.0, 6000.0])
def test_a_clock_that_steps_suspends_the_plan(flight: Flight, step_s: float) -> None:
    silent(flight)
    flight.inject(HOST, "computer", "clock_jump", seconds=step_s)
    flight.fly(5)
    assert transmitter(flight) == 1.0 and value(flight, "contact_plan_suspended") == 1.0
    assert "contact_plan_suspended" in flight.events()
    assert insert(flight, 90_000.0, 90_100.0) is Code.REFUSED_BY_STATE
    assert planned(flight) == [(5000.0, 5100.0)]  # nothing is thrown away by a clock that may be wrong
    assert do(flight, "plan.resume")[0] is Code.NONE
    assert value(flight, "contact_plan_suspended") == 0.0
    assert planned(flight) == ([] if step_s == 6000.0 else [(5000.0, 5100.0)])


def test_a_clock_that_stands_still_suspends_the_plan(flight: Flight) -> None:
    """A late clock would have the transmitter off when the contact begins."""
    silent(flight)
    flight.inject(HOST, "computer", "clock_stop")
    flight.fly(29)
    assert value(flight, "contact_plan_suspended") == 0.0
    flight.fly(5)
    assert transmitter(flight) == 1.0 and value(flight, "contact_plan_suspended") == 1.0


def test_a_clock_set_back_while_the_computer_was_down_suspends_the_plan(flight: Flight) -> None:
    silent(flight)
    flight.inject(HOST, "computer", "reboot")
    flight.inject(HOST, "computer", "clock_jump", name="g", seconds=-1000.0)
    flight.fly(60)
    assert value(flight, "boot_count") == 2.0 and value(flight, "contact_plan_suspended") == 1.0


def large_parts(flight: Flight, since: int = 0) -> dict[int, list[int]]:
    """Seconds since the epoch at which parts of each large packet left, by its number."""
    found: dict[int, list[int]] = defaultdict(list)
    for message in flight.log[since:]:
        body = message.body
        if isinstance(body, Telemetry) and body.stream == Service.LARGE_TRANSFER:
            found[int(body.values[0])].append(round(message.sent_ns / 1e9))
    return found


def test_a_transfer_that_does_not_end_in_time_waits_and_others_go(flight: Flight) -> None:
    flight.point(rate_bps=RATE_BPS)
    flight.command("store.suspend", store="housekeeping")
    flight.fly(10)
    insert(flight, 40.0, 53.0)
    insert(flight, 200.0, 300.0)
    flight.command("memory.dump", address=0, length=900)  # 7 KiB and more: not in 3 s
    flight.fly(54 - flight.tick)
    assert large_parts(flight) == {}
    assert value(flight, "transfers_held") >= 1.0 and "transfer_held" in flight.events()
    assert flight.bodies(Verification)  # what is behind it goes
    flight.fly(300 - flight.tick)
    (ticks,) = large_parts(flight).values()
    assert ticks[0] >= 200 and ticks[-1] < 290


def test_a_transfer_longer_than_any_contact_begins_all_the_same(flight: Flight) -> None:
    flight.point(rate_bps=RATE_BPS / 4)
    flight.command("store.suspend", store="housekeeping")
    flight.fly(10)
    insert(flight, 40.0, 55.0)
    insert(flight, 80.0, 95.0)
    insert(flight, 120.0, 135.0)
    flight.command("memory.dump", address=0, length=900)
    flight.fly(150 - flight.tick)
    (ticks,) = large_parts(flight).values()
    assert {tick // 40 for tick in ticks} == {1, 2, 3}
    assert all(tick % 40 < 15 for tick in ticks if tick < 135)  # then the plan is over
    assert board(flight).storage.store.used_bytes(Service.LARGE_TRANSFER) == 0


def test_what_was_asked_for_by_time_waits_too(flight: Flight) -> None:
    flight.command("store.suspend", store="housekeeping")
    flight.fly(600)
    flight.point(rate_bps=RATE_BPS)
    now = flight.tick
    insert(flight, now + 20.0, now + 36.0)
    insert(flight, now + 100.0, now + 200.0)
    flight.command("store.retrieve", store="housekeeping", from_s=0.0, to_s=float(now))
    flight.fly(40)
    store, since = board(flight).storage.store, len(flight.log)
    asked = store.asked_for(Service.HOUSEKEEPING)
    assert asked > 10 and not [
        t for t in flight.bodies(Telemetry) if t.stream == Service.HOUSEKEEPING and t.obt_ns > 10**11
    ]
    flight.fly(now + 200 - flight.tick)
    sent = [t for t in flight.bodies(Telemetry, flight.log[since:]) if t.stream == Service.HOUSEKEEPING]
    assert store.asked_for(Service.HOUSEKEEPING) == 0 and len(sent) == asked


def part(number: int, size: int) -> bytes:
    return values_packet(0, DOWNLINK_PARTS[1], np.full(max(1, size // 8), float(number)))


@given(
    st.lists(st.tuples(st.integers(0, 80), st.integers(5, 70)), min_size=1, max_size=8),
    st.lists(st.tuples(st.integers(0, 400), st.integers(500, 60_000)), max_size=8),
    st.lists(st.integers(0, 400), max_size=20),
    st.integers(1, 8),
)
def test_no_transfer_runs_past_the_end_of_a_planned_contact(
    contacts: list[tuple[int, int]], dumps: list[tuple[int, int]], events: list[int], late_s: int
) -> None:
    """Whatever is planned and asked for, with acknowledgements that take their time: what fits a contact is never in
    two of them, what does not is in contacts only, and every packet is sent in the end, once all is told."""
    store, entries, at = PacketStore(NonVolatileMemory(), 1), [], 10
    for gap, length in contacts:
        entries.append(Entry((at + gap) * SECOND, (at + gap + length) * SECOND, 1))
        at += gap + length
    plan = list(entries)
    sent: dict[int, list[int]] = defaultdict(list)
    sizes: dict[int, int] = {}
    acknowledge: list[tuple[int, int, int]] = []
    got: set[tuple[int, int]] = set()
    for now in range(at):
        for number, (asked, size) in enumerate(dumps):
            if asked == now:
                packets = [part(number, min(1400, size - begun)) for begun in range(0, size, 1400)]
                sizes[number] = sum(len(packet) + FRAME_BYTES for packet in packets)
                for packet in packets:
                    store.append(Service.LARGE_TRANSFER, packet)
        for _ in range(events.count(now)):
            store.append(Service.EVENT, bytes(100))
        while entries and entries[0].end_ns <= now * SECOND:
            entries.pop(0)
        for due, stream, below in acknowledge:
            if due == now:
                store.acknowledge(1, stream, below)
        window = window_of(entries, now * SECOND, MARGIN_S * SECOND, BYTES_A_SECOND / SECOND) if entries else None
        for _, stream, sequence, packet in store.take(BYTES_A_SECOND, 10 * SECOND, SECOND, window):
            got.add((stream, sequence))
            acknowledge.append((now + late_s, stream, sequence + 1))
            number = large_packet_of(packet) if stream == Service.LARGE_TRANSFER else None
            if number is not None:
                sent[number].append(now)
    for number, times in sent.items():
        inside = {place for t in times for place, e in enumerate(plan) if e.start_ns <= t * SECOND < e.end_ns}
        assert all(any(e.start_ns <= t * SECOND < e.end_ns for e in plan) for t in times)
        first = min(inside)
        longest = max((e.end_ns - e.start_ns) // SECOND for e in plan[first:]) - MARGIN_S
        if sizes[number] <= longest * BYTES_A_SECOND:
            assert len(inside) == 1
    rows = store.account_rows()
    for _, stream, generated, first_held in rows:
        assert all((stream, sequence) in got for sequence in range(first_held)) and first_held <= generated
    for _ in range(600):  # the plan is over
        for _, stream, sequence, _ in store.take(BYTES_A_SECOND, 10 * SECOND, SECOND):
            got.add((stream, sequence))
            store.acknowledge(1, stream, sequence + 1)
    assert store.packets == 0
    assert len(got) == store.generated
