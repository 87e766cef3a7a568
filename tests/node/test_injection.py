"""Injections at the four seams: they act in their window, leave no residue, and are refused with a reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.wire.messages import InjectionReport, InjectionState
from node.devices.impairments import PRIMITIVES as LINK_PRIMITIVES
from node.devices.impairments import UPLINK_ONLY
from node.fsw.boot import BootReason
from node.fsw.managers.power import PowerManager
from node.injection import faulty_device as faulty
from node.injection.engine import LIMIT
from node.injection.faulty_device import FaultyDevice
from tests.kits.fake_spacecraft import TICK_NS, Flight

PLANT, DEVICE, LINK, HOST = 1, 2, 3, 4
ACTIVE, CLEARED, REFUSED = InjectionState


def reports(flight: Flight, messages: list[Any] | None = None) -> list[tuple[str, int]]:
    return [(r.injection, r.state) for r in flight.bodies(InjectionReport, messages)]


def truth_of(flight: Flight) -> dict[str, bytes]:
    """Everything a fault could leave behind outside flight software."""
    parts = flight.node.parts
    return {
        "state": parts.plant.save(),
        "devices": b"".join(type(device).__name__.encode() for device in parts.devices),
        "clock": parts.clock.save(),
        "links": repr([parts.radio.uplink.impairments, parts.radio.downlink.impairments]).encode(),
        "crash": repr(parts.computer.state.crash_at).encode(),
        "injections": parts.injections.save(),
    }


PRIMITIVES = (
    [(PLANT, "string_health[3]", p, {"value": v}) for p in ("set", "scale", "add") for v in (0.0, 0.37)]
    + [(PLANT, "lcl_state[1]", "set", {"value": 3.0})]
    + [
        (DEVICE, place, p, {})
        for p in faulty.PRIMITIVES
        for place in ("battery-monitor", "battery-monitor.battery_soc")
    ]
    + [
        (LINK, place, p, {})
        for p in LINK_PRIMITIVES
        for place in ("uplink", "downlink")[: 1 if p in UPLINK_ONLY else 2]
    ]
    + [(HOST, "computer", "clock_jump", {"seconds": 100.0}), (HOST, "computer", "crash", {"point": 1})]
)


@given(
    st.lists(st.tuples(st.sampled_from(PRIMITIVES), st.integers(0, 4), st.integers(1, 6)), min_size=1, max_size=5),
    st.booleans(),
)
@settings(max_examples=80)
def test_no_primitive_leaves_a_residue(faults: list[tuple[tuple[int, str, str, Any], int, int]], by_hand: bool) -> None:
    """Any overlap of faults, ended by their windows or cleared by hand: truth is that of the undisturbed flight."""
    flight, quiet = Flight(), Flight()
    flight.fly(2)
    quiet.fly(2)
    for i, ((seam, place, primitive, parameters), delay, length) in enumerate(faults):
        during = 0 if by_hand and primitive != "clock_jump" else length  # a jump without an end is to stay
        flight.inject(seam, place, primitive, name=f"f{i}", delay=delay, during=during, **parameters)
    flight.fly(11)
    quiet.fly(11)
    if by_hand:
        for i in range(len(faults)):
            flight.inject(1, "x", "set", name=f"f{i}", clear=True)
        flight.fly(1)
        quiet.fly(1)
    assert flight.node.parts.injections.idle
    assert truth_of(flight) == truth_of(quiet)
    states = {report for report in reports(flight) if report[1] != REFUSED}
    assert states == {(f"f{i}", s) for i in range(len(faults)) for s in (ACTIVE, CLEARED)}


@given(
    st.lists(st.tuples(st.sampled_from(("set", "scale", "add")), st.floats(-2, 2)), min_size=1, max_size=4),
    st.permutations(range(4)),
)
@settings(max_examples=60)
def test_faults_on_one_field_act_in_order_of_onset_and_end_in_any_order(
    faults: list[tuple[str, float]], order: list[int]
) -> None:
    flight = Flight()
    flight.plant.set("string_health[0]", 0.8)
    flight.fly(1)
    active = {}
    for i, (primitive, value) in enumerate(faults):
        flight.inject(PLANT, "string_health[0]", primitive, name=f"f{i}", value=value)
        active[i] = (primitive, value)
        flight.fly(1)
        assert flight.plant.read("string_health[0]") == _fold(0.8, list(active.values()))
    for i in order:
        if i in active:
            del active[i]
            flight.inject(PLANT, "", "", name=f"f{i}", clear=True)
            flight.fly(1)
            assert flight.plant.read("string_health[0]") == _fold(0.8, list(active.values()))
    assert flight.plant.read("string_health[0]") == 0.8


def _fold(value: float, faults: list[tuple[str, float]]) -> float:
    for primitive, by in faults:
        value = by if primitive == "set" else value * by if primitive == "scale" else value + by
    return value


def test_an_injection_acts_from_its_start_to_its_end() -> None:
    flight = Flight()
    flight.fly(3)
    flight.inject(PLANT, "string_health[3]", "set", delay=2, during=3, value=0.0)
    seen = []
    for _ in range(7):
        flight.fly(1)
        seen.append(flight.plant.read("string_health[3]"))
    assert seen == [1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0]
    found = flight.bodies(InjectionReport)
    assert [(r.state, r.at_ns) for r in found] == [(ACTIVE, 5 * TICK_NS), (CLEARED, 8 * TICK_NS)]
    assert {m.destination for m in flight.log if isinstance(m.body, InjectionReport)} == {"range"}


def test_what_is_set_stays_set_whatever_the_physics_makes_of_it() -> None:
    flight = Flight()
    flight.inject(PLANT, "battery_soc", "set", value=0.5)
    flight.fly(2)
    flight.plant.set("battery_soc", 0.6)
    flight.fly(1)
    assert flight.plant.read("battery_soc") == 0.5


@pytest.mark.parametrize(
    ("seam", "place", "primitive", "parameters", "reason"),
    [
        (PLANT, "string_helth[3]", "set", {"value": 0.0}, "string_helth"),
        (PLANT, "string_health[9999]", "set", {"value": 0.0}, "string_health"),
        (PLANT, "string_health[3]", "melt", {}, "set, scale, add"),
        (PLANT, "string_health[3]", "set", {}, "'value' is missing"),
        (PLANT, "string_health[3]", "set", {"value": 0.0, "x": 1}, "unknown parameter 'x'"),
        (PLANT, "string_health[3]", "set", {"value": "low"}, "must be a number"),
        (PLANT, "string_health[3]", "strike", {"value": 1}, "allowed: corrected_upsets"),
        (PLANT, "upset_bits[0]", "strike", {"value": 0}, "from 1 to 1000"),
        (DEVICE, "batery-monitor", "stuck", {}, "battery-monitor"),
        (DEVICE, "battery-monitor.soc", "stuck", {}, "battery_soc"),
        (DEVICE, "battery-monitor", "explode", {}, "stuck, bias"),
        (LINK, "sidelink", "loss", {}, "uplink, downlink"),
        (LINK, "uplink", "loss", {"p": 1}, "unknown parameter 'p'"),
        (HOST, "toaster", "reboot", {}, "allowed: computer"),
        (HOST, "computer", "kill", {}, "'down_s' is missing"),
        (HOST, "computer", "kill", {"down_s": -1.0}, "negative"),
        (HOST, "computer", "crash", {"point": 99}, "1, 2, 3, 4, 5"),
        (HOST, "computer", "clock_drift", {}, "'ppb' is missing"),
        (HOST, "computer", "bitflip", {"bits": 73}, "'bits' must be from 1 to 72"),
    ],
)
def test_what_cannot_be_is_refused_with_the_reason(
    seam: int, place: str, primitive: str, parameters: Any, reason: str
) -> None:
    flight = Flight()
    flight.inject(seam, place, primitive, **parameters)
    flight.fly(2)
    (report,) = flight.bodies(InjectionReport)
    assert report.state == REFUSED and reason in report.reason
    assert flight.node.parts.injections.idle


def test_ids_windows_and_numbers_of_injections_are_watched() -> None:
    flight = Flight()
    flight.inject(LINK, "uplink", "loss")
    flight.fly(1)
    flight.inject(LINK, "uplink", "loss")
    flight.inject(LINK, "uplink", "loss", name="never", clear=True)
    flight.inject(LINK, "uplink", "loss", name="later", delay=100)
    flight.fly(1)
    flight.inject(LINK, "uplink", "loss", name="later", clear=True)
    flight.fly(1)
    assert reports(flight) == [("f", ACTIVE), ("f", REFUSED), ("never", REFUSED), ("later", CLEARED)]
    for i in range(LIMIT + 3):
        flight.inject(LINK, "uplink", "loss", name=f"g{i}", delay=9)
    flight.fly(1)
    assert sum(state == REFUSED for _, state in reports(flight)) == 2 + 4  # one was active already


def test_a_wrapper_is_in_place_only_while_its_fault_is() -> None:
    flight = Flight()
    before = list(flight.node.parts.devices)
    flight.inject(DEVICE, "pcdu", "bias", name="a", value=1.0, during=3)
    flight.inject(DEVICE, "pcdu.load_power_w", "stuck", name="b", during=5)
    flight.fly(2)
    assert sum(isinstance(device, FaultyDevice) for device in flight.node.parts.devices) == 1
    flight.fly(2)
    assert sum(isinstance(device, FaultyDevice) for device in flight.node.parts.devices) == 1
    flight.fly(2)
    assert all(a is b for a, b in zip(flight.node.parts.devices, before, strict=True))


def test_a_stuck_clock_is_what_flight_software_believes() -> None:
    flight = Flight(contact=True)
    flight.fly(3)
    flight.inject(DEVICE, "clock", "stuck", value=7.0)
    flight.fly(10)
    assert "clock_stepped" in flight.events()
    assert flight.node.software is not None and flight.node.software.on_board.state.obt_ns == 7 * TICK_NS


def test_what_is_changed_once_is_left_to_the_physics() -> None:
    flight = Flight()
    flight.inject(PLANT, "battery_soc", "put", name="a", value=0.5)
    flight.fly(1)
    assert flight.plant.read("battery_soc") == 0.5 and flight.node.parts.injections.idle
    flight.plant.set("battery_soc", 0.6)
    flight.inject(PLANT, "battery_soc", "count", name="b", value=0.25)
    flight.fly(1)
    assert flight.plant.read("battery_soc") == pytest.approx(0.85)
    assert reports(flight) == [("a", ACTIVE), ("a", CLEARED), ("b", ACTIVE), ("b", CLEARED)]


def test_a_change_under_a_fault_that_lasts_shows_when_that_ends() -> None:
    flight = Flight()
    flight.inject(PLANT, "string_health[0]", "scale", name="a", value=0.5, during=4)
    flight.fly(2)
    flight.inject(PLANT, "string_health[0]", "put", name="b", value=0.8)
    flight.fly(1)
    assert flight.plant.read("string_health[0]") == 0.4
    flight.fly(3)
    assert flight.plant.read("string_health[0]") == 0.8


def test_events_are_planted_as_a_negative_count_and_add_up() -> None:
    flight = Flight()
    flight.plant.set("upset_bits[0]", 7)  # of the tick before: gone in the next one
    for name, value in (("a", 2.0), ("b", 3.0)):
        flight.inject(PLANT, "upset_bits[0]", "strike", name=name, value=value)
    flight.fly(1)
    assert flight.plant.read("upset_bits[0]") == -5  # this plant has no radiation that takes them


def test_a_clock_drifts_and_stands_still_and_runs_on_from_there() -> None:
    flight, quiet = Flight(), Flight()
    ahead = []
    flight.inject(HOST, "computer", "clock_drift", name="a", delay=2, during=10, ppb=100_000_000)
    flight.inject(HOST, "computer", "clock_stop", name="b", delay=20, during=5)
    flight.inject(HOST, "computer", "clock_stop", name="c", delay=22, during=5)
    for _ in range(30):
        flight.fly(1)
        quiet.fly(1)
        ahead.append(round((flight.node.parts.clock.obt_ns - quiet.node.parts.clock.obt_ns) / TICK_NS, 3))
        if len(ahead) == 7:
            flight.node.parts.clock.restore(flight.node.parts.clock.save())
    assert ahead[1] == 0.0 and max(ahead) == 1.0  # a tenth of ten ticks
    assert ahead[19] == 1.0 and ahead[-1] == ahead[-3] == -6.0  # less seven ticks


@pytest.mark.parametrize(
    ("primitive", "parameters", "down", "reason"),
    [
        ("reboot", {}, 5, BootReason.RESET),
        ("kill", {"down_s": 20.0}, 25, BootReason.POWER_LOSS),
        ("hang", {}, 65, BootReason.WATCHDOG),
    ],
)
def test_what_ends_the_computer_drops_ram_and_nothing_else(
    primitive: str, parameters: Any, down: int, reason: BootReason
) -> None:
    """For exactly so many ticks no cycle runs, the plant flies on under its last orders, memory is kept."""
    flight = Flight(contact=True, signals=("host_up", "boot_count", "mode"))
    flight.command("parameter.set", parameter="power.shed_below_soc", value=0.33)
    flight.fly(20)
    inputs = flight.plant.inputs.copy()
    steps = flight.plant.steps
    flight.inject(HOST, "computer", primitive, **parameters)
    up = []
    for _ in range(down + 3):
        flight.fly(1)
        up.append(flight.truth()[0])
    assert up == [0.0] * down + [1.0] * 3
    assert flight.truth()[1:] == (2.0, 1.0)
    assert flight.plant.steps == steps + down + 3
    assert np.array_equal(inputs, flight.plant.inputs)
    fsw = flight.node.software
    assert fsw is not None and fsw.computer.boot.reason == reason and fsw.on_board.state.cycle == 3
    assert fsw.on_board.value(PowerManager.SHED_BELOW) == 0.33 and fsw.verification.state.telecommands_received == 0


@pytest.mark.parametrize(("primitive", "parameters", "down"), [("reboot", {}, 5), ("kill", {"down_s": 20.0}, 25)])
def test_a_restart_acts_until_flight_software_runs_again(
    primitive: str, parameters: dict[str, float], down: int
) -> None:
    flight = Flight(signals=("mode", "payload_shed", "host_up"))
    flight.fly(10)
    flight.inject(HOST, "computer", primitive, **parameters)
    for _ in range(down):
        flight.fly(1)
        assert math.isnan(flight.truth()[0]) and math.isnan(flight.truth()[1])
        assert [state for _, state in reports(flight)] == [ACTIVE]
    twin = Flight(signals=("mode", "payload_shed", "host_up"))
    twin.node.restore(flight.node.save())
    assert twin.node.save() == flight.node.save()
    flight.fly(1)
    assert flight.truth() == (1.0, 0.0, 1.0)
    assert [state for _, state in reports(flight)] == [ACTIVE, CLEARED]


def test_a_hang_that_ends_before_the_watchdog_bites_ends_in_a_reset_too() -> None:
    flight = Flight(signals=("host_up",))
    flight.fly(5)
    flight.inject(HOST, "computer", "hang", during=10)
    up = []
    for _ in range(18):
        flight.fly(1)
        up.append(flight.truth()[0])
    assert up == [0.0] * 15 + [1.0] * 3


def test_a_hang_is_over_when_the_watchdog_has_reset_the_computer() -> None:
    """Its window, open or without an end, does not matter: nothing is left of it."""
    flight = Flight(signals=("host_up",))
    flight.fly(5)
    flight.inject(HOST, "computer", "hang", name="stays")
    flight.inject(HOST, "computer", "hang", name="window", during=1000)
    flight.fly(60)
    assert reports(flight) == [("stays", ACTIVE), ("window", ACTIVE)]
    twin = Flight(signals=("host_up",))
    twin.node.restore(flight.node.save())
    twin.tick, twin._sequence, twin._inbox = flight.tick, flight._sequence, list(flight._inbox)
    for each in (flight, twin):
        each.fly(2)
        assert reports(each)[-2:] == [("stays", CLEARED), ("window", CLEARED)]
        assert each.node.parts.injections.idle
        each.fly(5)
        assert each.truth() == (1.0,)
    assert len(reports(twin)) == 2


def test_injections_go_on_after_restoring() -> None:
    """Save in the middle of everything; the twin does what the original does, and lets go as it does."""
    flight = Flight(contact=True, signals=("battery_soc", "mode"))
    flight.fly(5)
    flight.inject(PLANT, "string_health[3]", "scale", name="a", value=0.5, during=20)
    flight.inject(PLANT, "string_health[3]", "add", name="b", value=0.1, during=10)
    for i, primitive in enumerate(sorted(faulty.PRIMITIVES)):
        flight.inject(DEVICE, "battery-monitor", primitive, name=f"d{i}", during=6 + i)
    flight.inject(LINK, "downlink", "delay", name="l", ticks=3, during=12)
    flight.inject(HOST, "computer", "clock_jump", name="c", seconds=5.0, during=9)
    flight.inject(HOST, "computer", "reboot", name="r", delay=15)
    flight.fly(4)
    twin = Flight(contact=True, signals=("battery_soc", "mode"))
    twin.node.restore(flight.node.save())
    twin.tick, twin._sequence, twin._inbox = flight.tick, flight._sequence, list(flight._inbox)
    twin.archived = {**twin.archived, **flight.archived}  # type: ignore[assignment]
    flight.acknowledge = twin.acknowledge = False
    for _ in range(40):
        assert flight.fly(1) == twin.fly(1)
        assert flight.outboxes[-1] == twin.outboxes[-1]
        assert flight.node.save() == twin.node.save()
    assert twin.node.parts.injections.idle and twin.plant.read("string_health[3]") == 1.0
