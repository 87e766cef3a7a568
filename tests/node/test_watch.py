"""Readings held against each other: each look finds what it is for, names the part, and is silent on its neighbours'
good days."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from node.designs.load import load_design
from node.fsw.managers.noise import JUMPS, WINDOW
from node.fsw.managers.watch import CONFIRMED, LOOK_NS
from node.fsw.modes import Mode
from tests.kits.fdir_kit import CYCLE_NS, Board

LOOK = LOOK_NS // CYCLE_NS
"""Cycles."""
SEEN = 5 * LOOK
"""Cycles in which three looks confirm what the next one tells."""


def watching(design: str = "pathfinder") -> Board:
    board = Board(design, watching=True)
    board.healthy()
    return board


def rows(board: Board) -> list[str]:
    """Rows of the table that fired."""
    known = {row.monitor for row in board.equipment.fdir}
    return [name for name, _ in board.events if name in known]


def listening(board: Board) -> dict[str, list[int]]:
    """The parts that the watch's events name, by event, from now on."""
    heard: dict[str, list[int]] = {}
    for watch in (board.software.watch, *board.software.watch.parts):
        told = watch.event

        def event(form: object, *values: float, told: Callable[..., None] = told) -> None:
            heard.setdefault(form.name, []).append(int(values[0]))  # type: ignore[attr-defined]
            told(form, *values)

        watch.event = event  # type: ignore[method-assign,assignment]
    return heard


def shine(board: Board, amps: float) -> None:
    """Every string gives so much."""
    for name in board.place:
        if name.startswith("string_current_a."):
            board.set(name, amps)


@pytest.mark.parametrize(("amps", "weak"), [(0.0, True), (3.0, True), (4.0, False), (5.0, False)])
def test_a_string_below_its_neighbours_is_named_once_and_again_after_it_was_well(amps: float, weak: bool) -> None:
    board = watching()
    heard = listening(board)
    shine(board, 5.0)
    board.set("string_current_a.string_3", amps)
    board.run(10 * LOOK)
    assert heard == ({"string_weak": [2]} if weak else {})
    assert rows(board) == (["strings.weak"] if weak else [])
    assert board.software.watch.state.strings_weak == int(weak)
    shine(board, 5.0)
    board.run(SEEN)
    board.set("string_current_a.string_3", amps)
    board.run(SEEN)
    assert heard == ({"string_weak": [2, 2]} if weak else {})


def test_in_the_shadow_no_string_is_weaker_than_another() -> None:
    board = watching()
    shine(board, 0.05)
    board.set("string_current_a.string_3", 0.0)
    assert rows(board.run(SEEN)) == []


def test_two_looks_are_no_finding() -> None:
    board = watching()
    shine(board, 5.0)
    board.set("string_current_a.string_3", 0.0)
    board.run((CONFIRMED - 1) * LOOK)
    board.set("string_current_a.string_3", 5.0)
    assert rows(board.run(SEEN)) == []


def test_a_closed_limiter_that_carries_nothing_is_named_and_an_open_one_is_not() -> None:
    board = watching()
    heard = listening(board)
    board.set("lcl_current_a.storage", 0.0)
    board.set("lcl_state.storage", 0.0)
    board.run(SEEN)
    assert "limiters.dead" not in rows(board)
    board.set("lcl_state.storage", 1.0)
    board.run(SEEN)
    assert heard == {"limiter_dead": [board.equipment.lcls.index("storage")]}
    assert "limiters.dead" in rows(board)


@pytest.mark.parametrize(
    ("share", "found"), [(0.004, []), (0.03, ["bus.leak"]), (0.3, ["bus.short", "bus.leak"])]
)  # fmt: skip
def test_what_no_limiter_accounts_for_is_a_leak_or_a_short(share: float, found: list[str]) -> None:
    board = watching()
    form = load_design("pathfinder").form
    loads_w = sum(board.equipment.lcl_loads_w)
    rated_w = sum(g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in form.accelerators.values())
    board.set("load_power_w", loads_w + share * (loads_w + rated_w))
    board.run(SEEN)
    assert rows(board) == found
    assert board.software.modes.mode == (Mode.SAFE if "bus.short" in found else Mode.NOMINAL)


@pytest.mark.parametrize(
    ("sun", "off_rad", "lost"), [(1.0, 0.0, True), (0.0, 0.0, False), (0.5, 0.0, False), (1.0, 1.0, False)]
)  # fmt: skip
def test_an_array_is_lost_when_it_gives_nothing_while_its_sun_is_seen(sun: float, off_rad: float, lost: bool) -> None:
    board = watching()
    board.set("array_power_w", 0.0)
    board.set("sun_intensity", sun)
    board.set("sun_error_rad", off_rad)
    board.run(SEEN)
    assert ("array.lost" in rows(board)) is lost


def test_a_battery_group_that_leaves_the_others_is_named() -> None:
    board = watching()
    heard = listening(board)
    board.set("battery_group_soc.battery_2", 0.88)
    assert rows(board.run(SEEN)) == []
    board.set("battery_group_soc.battery_2", 0.80)
    assert rows(board.run(SEEN)) == ["battery.apart"]
    assert 1 in heard["battery_group_apart"]


def test_wheels_show_the_one_combination_that_turns_nothing() -> None:
    """Momentum of the body moves all four; what is left when it is taken out has no other cause than a wheel."""
    board = watching()
    most = board.equipment.body.wheel_momentum_n_m_s
    axes = board.equipment.body.wheel_axes
    for wheel, axis in enumerate(axes):  # what holds a momentum about x
        board.set(f"wheel_momentum_n_m_s.{wheel}", 0.2 * most * axis[0])
    assert rows(board.run(SEEN)) == []
    board.set("wheel_momentum_n_m_s.2", 0.2 * most * axes[2][0] + 0.2 * most)
    assert rows(board.run(SEEN)) == ["wheels.apart"]


def test_a_gyro_that_turns_while_the_sun_stands_is_named_and_a_slew_is_not() -> None:
    board = watching()
    heard = listening(board)
    board.set("body_rate_rad_s.y", 2e-3)
    board.software.attitude.state.attitude_mode = 1  # it is being turned to another attitude
    board.run(SEEN)
    assert heard == {}
    board.software.attitude.state.attitude_mode = 0
    board.run(SEEN)
    assert heard == {"gyro_apart": [1]} and "gyros.apart" in rows(board)


def test_the_sun_beside_where_it_is_held_is_told() -> None:
    board = watching()
    board.set("sun_error_rad", 0.05)
    assert rows(board.run(SEEN)) == []
    board.set("sun_error_rad", 0.07)
    assert rows(board.run(SEEN)) == ["attitude.off"]


@pytest.mark.parametrize(
    ("reading", "value", "row"),
    [
        ("pump_speed_fraction", 0.7, "pump.weak"),
        ("coolant_flow_kg_s", 0.7, "coolant.starved"),
        ("coolant_flow_kg_s", 0.3, "coolant.empty"),
    ],
)
def test_a_pump_is_held_against_its_order_and_a_flow_against_its_pump(reading: str, value: float, row: str) -> None:
    board = watching("ai1-june")
    whole = board.equipment.coolant_flow_kg_s
    if reading == "pump_speed_fraction":
        whole = board.software.thermal.state.pump_ordered
        board.set(reading, whole)
    board.run(SEEN)
    assert rows(board) == []
    board.set(reading, value * whole)
    board.run(SEEN)
    assert row in rows(board)


def test_a_position_is_where_the_one_before_it_leads() -> None:
    board = watching()

    def fly(cycles: int, jump_m: float = 0.0) -> None:
        for _ in range(cycles):
            second = board.cycles + 1
            board.set("gnss_position_teme_m.x", 7.0e6)
            board.set("gnss_position_teme_m.y", 10.0 * second + jump_m)
            board.set("gnss_velocity_teme_m_s.y", 10.0)
            board.run(1)

    board.software.watch.state.orbit = []
    board.set("gnss_position_teme_m.x", 7.0e6)
    fly(SEEN)
    state = board.software.watch.state
    assert state.orbit_inconsistent == 0
    fly(SEEN, jump_m=2000.0)
    assert rows(board) == ["gnss.apart"] and state.orbit_inconsistent == 0, "once: the next one follows again"


def test_a_contact_without_a_word_is_told_and_a_word_ends_it() -> None:
    board = watching()
    board.set("radio_contact", 1.0)
    board.run(50)
    board.set("radio_uplink_received", 1.0)
    board.run(50)
    assert "radio.unheard" not in rows(board)
    board.run(30)
    assert "radio.unheard" in rows(board)


@pytest.mark.parametrize(("share", "found"), [(1e-4, []), (1e-2, ["clock.drift"]), (-1e-2, ["clock.drift"])])
def test_on_board_time_that_leaves_the_timer_is_told(share: float, found: list[str]) -> None:
    board = watching()
    begun = board.cycles
    for cycle in range(1, 100):
        board.software.step(round((begun + cycle * (1.0 + share)) * CYCLE_NS), board.readings, ())
    assert rows(board) == found


class Noise:
    """Every reading that has noise has its own."""

    def __init__(self, board: Board) -> None:
        watch = board.software.noise
        self.board, self.rng = board, Random(7)
        names = [p.name for p in board.config.dictionary.parameters]
        self.known = {names[p]: float(s) for p, s in zip(watch.places, watch.noise, strict=True)}
        self.middle = {name: float(board.readings[i].values[k]) for name, (i, k) in board.place.items()}

    def fly(self, cycles: int, frozen: str = "", noisy: str = "") -> Board:
        for _ in range(cycles):
            for name, sigma in self.known.items():
                if name != frozen:
                    times = 100.0 if name == noisy else 1.0
                    self.board.set(name, self.middle[name] + times * self.rng.gauss(0.0, sigma))
            self.board.run(1)
        return self.board


def test_readings_with_their_own_noise_are_neither_frozen_nor_noisy() -> None:
    assert rows(Noise(watching()).fly(3 * WINDOW * LOOK)) == []


def test_a_reading_that_lost_its_noise_is_named() -> None:
    board = watching()
    heard, noise = listening(board), Noise(board)
    noise.fly((WINDOW - 2) * LOOK, frozen="battery_voltage_v")
    assert heard == {}
    noise.fly(4 * LOOK, frozen="battery_voltage_v")
    floats = [p.name for p in board.config.dictionary.parameters if p.type == "float"]
    assert heard == {"reading_frozen": [floats.index("battery_voltage_v")]}
    assert rows(board) == ["readings.frozen"]


def test_a_quiet_reading_that_jumps_again_and_again_is_named() -> None:
    board = watching()
    heard, noise = listening(board), Noise(board)
    noise.fly(2 * WINDOW * LOOK, noisy="battery_voltage_v")
    floats = [p.name for p in board.config.dictionary.parameters if p.type == "float"]
    assert set(heard["reading_noisy"]) == {floats.index("battery_voltage_v")} and JUMPS < WINDOW
    assert "readings.noisy" in rows(board)


def test_what_a_stale_device_said_last_is_held_against_nothing() -> None:
    board = watching()
    shine(board, 5.0)
    board.set("string_current_a.string_3", 0.0)
    board.set("device_age_s.pcdu", 1000.0)
    board.run(SEEN)
    assert "strings.weak" not in rows(board)


def test_a_limiter_is_switched_off_and_on_again_in_its_turn() -> None:
    board = watching()
    place = board.equipment.lcls.index("storage")
    assert board.command("recovery.cycle", lcl="storage") is None
    board.run(3)
    assert [order.value for order in board.orders if order[:3] == ("pcdu", "lcl", place)] == [0.0, 1.0]
    assert board.heard("lcl_rearmed") == 1


def test_a_snapshot_in_the_middle_of_a_count_goes_on_as_the_original() -> None:
    board, again = watching(), watching()
    for one in (board, again):
        shine(one, 5.0)
        one.set("string_current_a.string_3", 0.0)
        one.run(LOOK + 2)
    again.software.restore(again.software.save())
    assert board.run(SEEN).events == again.run(SEEN).events and board.heard("strings.weak") == 1
