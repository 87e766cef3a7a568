"""Who hears whom, and that every message that does not pass is counted."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.wire.messages import Allocation, Event, Message, StoreReport, Telecommand, TelemetryAck
from node.assembly import equipment
from node.designs.load import load_design
from node.devices.definitions import device_forms
from node.devices.device import Order
from node.devices.impairments import PRIMITIVES, Direction, Impairment
from node.devices.radio import UPLINK_LIMIT, Radio
from tests.kits.fake_spacecraft import STATIONS, TICK_NS, FakePlant, Flight

ACK = TelemetryAck(boot=1, stream=3, below=1)
EVENT = Event(boot=1, stream=5, sequence=0, obt_ns=0, event=1, severity=1, arguments=())


class Sensors:
    def __init__(self) -> None:
        form = next(f for f in device_forms(equipment(load_design("pathfinder"))) if f.name == "radio")
        self.plant = FakePlant()
        self.radio = Radio(form, self.plant, STATIONS, (1, "sat-1"), TICK_NS)
        self.radio.command(Order("radio", "transmitter", 0, 1.0))
        self.sequence = 0

    def up(self, *bodies: Any, tick: int = 1) -> list[Any]:
        mail = []
        for body in bodies:
            self.sequence += 1
            mail.append(Message(tick * TICK_NS, "ground", self.sequence, "sat-1", body))
        return [message.body for message in self.radio.receive(tick, mail)]

    def down(self, *bodies: Any, tick: int = 1) -> list[Any]:
        return [m.body for m in self.radio.send(tick, (tick + 1) * TICK_NS, bodies)]

    def point(self, station: str = "north", on: bool = True, visible: bool = True, rate_bps: float = 8000.0) -> None:
        self.plant.set(f"station_visible[{STATIONS.index(station)}]", visible)
        self.up(Allocation(station=station, spacecraft="sat-1", band="S", rate_bps=rate_bps, on=on))


def telecommand(station: str = "north") -> Telecommand:
    return Telecommand(
        ground_boot=1, request=1, station=station, name="test.ping", arguments={}, dictionary="", expires_ns=0
    )  # fmt: skip


def test_nothing_passes_without_an_antenna_that_points_here() -> None:
    bench = Sensors()
    bench.plant.set("station_visible[0]", 1)
    assert bench.up(telecommand(), ACK) == []
    assert bench.down(EVENT) == []
    assert bench.radio.uplink.dropped == {"not_allocated": 2}
    assert bench.radio.downlink.dropped == {"no_contact": 1}
    assert bench.radio.sample().values[0] == 0.0


def test_nothing_passes_below_the_horizon() -> None:
    bench = Sensors()
    bench.point(visible=False)
    assert bench.up(telecommand()) == []
    assert bench.down(EVENT) == []
    assert bench.radio.uplink.dropped == {"not_visible": 1}


def test_a_contact_passes_both_ways_and_ends_with_its_allocation() -> None:
    bench = Sensors()
    bench.point()
    assert bench.up(telecommand(), ACK) == [telecommand(), ACK]
    assert bench.down(EVENT) == [EVENT]
    bench.plant.set("uplink_cn0_dbhz[0]", 62.5)
    assert bench.radio.sample().values.tolist() == [1.0, 1000.0, 2.0, 0.0, 1.0, 0.0, 0.0, 62.5]
    assert bench.up(telecommand("south")) == []
    bench.point(on=False)
    assert bench.up(telecommand()) == [] and bench.down(EVENT) == []


def test_an_antenna_that_points_at_another_spacecraft_does_not_point_here() -> None:
    bench = Sensors()
    bench.point()
    bench.up(Allocation(station="north", spacecraft="sat-2", band="S", rate_bps=1.0, on=True))
    assert bench.down(EVENT) == []
    bench.up(Allocation(station="atlantis", spacecraft="sat-1", band="S", rate_bps=1.0, on=True))
    assert bench.radio.uplink.dropped == {"unknown_station": 1}


def test_the_transmitter_must_be_on() -> None:
    bench = Sensors()
    bench.point()
    bench.radio.command(Order("radio", "transmitter", 0, 0.0))
    assert bench.down(EVENT) == []
    assert bench.up(telecommand()) == [telecommand()]


def test_the_best_of_two_stations_is_used_and_a_rate_of_nothing_means_the_design_s() -> None:
    bench = Sensors()
    bench.point("north", rate_bps=8000.0)
    bench.point("south", rate_bps=0.0)
    bench.plant.set("frame_loss[0]", 0.5)
    assert bench.radio.station == 1
    assert bench.radio.sample().values[1] == 8000.0  # 64 kbit/s
    bench.plant.set("frame_loss[1]", 0.6)
    assert bench.radio.station == 0


def test_frame_loss_is_drawn_per_message() -> None:
    bench = Sensors()
    bench.point()
    bench.plant.set("frame_loss[0]", 0.3)
    bench.plant.set("uplink_frame_loss[0]", 0.3)
    down = sum(len(bench.down(*[EVENT] * 10, tick=t)) for t in range(100))
    up = sum(len(bench.up(*[ACK] * 10, tick=t)) for t in range(100))
    assert abs(down - 700) < 75 and abs(up - 700) < 75  # five standard deviations
    assert bench.radio.downlink.dropped == {"frame_loss": 1000 - down}
    assert bench.radio.uplink.dropped == {"frame_loss": 1000 - up}


def test_light_that_needs_longer_than_a_tick_arrives_in_a_later_one() -> None:
    bench = Sensors()
    bench.point()
    bench.plant.set("light_time_s[0]", 1.3)
    assert bench.up(ACK, tick=5) == [] and bench.down(EVENT, tick=5) == []
    assert bench.up(tick=6) == [ACK] and bench.down(tick=6) == [EVENT]
    assert bench.up(tick=7) == [] and bench.radio.uplink.idle


def test_the_receiver_is_bounded() -> None:
    bench = Sensors()
    bench.point()
    assert len(bench.up(*[ACK] * (UPLINK_LIMIT + 5))) == UPLINK_LIMIT
    assert bench.radio.uplink.dropped == {"overflow": 5}


def test_messages_of_the_ground_that_no_spacecraft_takes_are_counted() -> None:
    bench = Sensors()
    bench.point()
    assert bench.up(StoreReport(rows=())) == []
    assert bench.radio.uplink.dropped == {"not_for_a_spacecraft": 1}


def _direction(primitive: str, **parameters: float) -> Direction[int]:
    direction: Direction[int] = Direction(1, 2)
    direction.impairments.append(Impairment("f", primitive, parameters))
    return direction


def test_each_link_fault_does_what_it_says() -> None:
    assert _direction("blackout").passed(0, [1, 2]) == []
    assert _direction("loss").passed(0, [1, 2]) == []
    assert _direction("duplicate").passed(0, [1, 2]) == [1, 1, 2, 2]
    late = _direction("delay", ticks=2)
    assert [late.passed(tick, [tick]) for tick in range(4)] == [[], [], [0], [1]]
    shuffled = _direction("reorder").passed(0, list(range(50)))
    assert shuffled != list(range(50)) and sorted(shuffled) == list(range(50))
    corrupt = _direction("corrupt", probability=0.5)
    passed = sum(len(corrupt.passed(tick, [1] * 10)) for tick in range(100))
    assert abs(passed - 500) < 80 and corrupt.dropped == {"corrupt": 1000 - passed}


@given(
    st.lists(st.sampled_from(sorted(set(PRIMITIVES) - {"forge"})), min_size=1, max_size=3),
    st.lists(st.integers(0, 5), min_size=1, max_size=20),
)
@settings(max_examples=100)
def test_what_goes_in_comes_out_is_held_or_is_counted(primitives: list[str], loads: list[int]) -> None:
    """Without copies in the chain nothing is made, and without a reason nothing is lost."""
    direction: Direction[int] = Direction(1, 2)
    for i, primitive in enumerate(primitives):
        half = {"probability": 0.5} if "probability" in PRIMITIVES[primitive] else {}
        direction.impairments.append(Impairment(f"f{i}", primitive, half))
    out, serial = [], 0
    for tick, load in enumerate(loads):
        out += direction.passed(tick, list(range(serial, serial + load)))
        serial += load
    direction.impairments.clear()
    out += direction.passed(10**6, [])
    accounted = len(out) + sum(direction.dropped.values())
    assert direction.idle and set(out) <= set(range(serial))
    if {"duplicate", "replay"} & set(primitives):
        assert accounted >= serial
    else:
        assert accounted == serial and len(set(out)) == len(out)


@pytest.mark.parametrize("ticks", [1, 3])
def test_what_the_radio_holds_back_survives_saving(ticks: int) -> None:
    flight = Flight(contact=True)
    flight.inject(3, "downlink", "delay", ticks=ticks)
    flight.inject(3, "uplink", "delay", name="g")
    flight.fly(1)
    flight.command("test.ping")
    flight.fly(1)
    twin = Flight(contact=True)
    twin.node.restore(flight.node.save())
    twin.tick, twin._sequence = flight.tick, flight._sequence
    twin._inbox = list(flight._inbox)
    assert [m for _ in range(9) for m in flight.fly()] == [m for _ in range(9) for m in twin.fly()]
