"""Modes, their ladder and the payload's regimes: the whole product of modes, events, telecommands and regimes."""

from __future__ import annotations

import itertools

import pytest

from bus.pus import Code, Severity, Stage
from bus.wire.messages import Event, Verification
from node.devices.device import Order
from node.devices.equipment import JOB_KINDS
from node.fsw.modes import GROUND_EVENT, REGIME_NAMES, REGIMES, TABLE, Mode, ModeEvent, Regime, next_mode
from tests.kits.fake_spacecraft import Flight
from tests.kits.fdir_kit import CYCLE_NS, Board

LADDER = [Mode.NOMINAL, Mode.SAFE, Mode.SURVIVAL]
"""Downwards. LEOP stands beside NOMINAL."""
DAY_NS = 86_400 * 10**9


# ---- mode x event -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "event"), list(itertools.product(Mode, ModeEvent)))
def test_every_pair_of_mode_and_event_is_entered_or_refused_and_counted(mode: Mode, event: ModeEvent) -> None:
    flight = Flight(contact=True, initial={"mode": float(mode)})
    flight.fly(2)
    fsw = flight.node.software
    assert fsw is not None and fsw.modes.mode is mode
    following = next_mode(mode, event)
    assert fsw.modes.request(event) is (following is not None)
    assert fsw.modes.mode is (mode if following is None else following)
    assert fsw.modes.state.mode_events_refused == (following is None)
    messages = flight.fly(1)
    names = flight.events(messages)
    assert ("mode_event_refused" in names) is (following is None)
    assert ("mode_changed" in names) is (following is not None and following is not mode)
    for report in flight.bodies(Event, messages):
        if flight.dictionary.event[report.event].name == "mode_changed":
            assert (report.severity == Severity.INFORMATIVE) is (event in GROUND_EVENT.values())
    payload_may = following is Mode.NOMINAL or (following is None and mode is Mode.NOMINAL)
    assert flight.plant.inputs["accelerator_enable"][0][0] == payload_may


def test_the_table_is_a_ladder() -> None:
    """What flight software notices never leads upwards, except out of SURVIVAL, and only a step."""
    for (mode, event), following in TABLE.items():
        if event in GROUND_EVENT.values():
            continue
        if event is ModeEvent.CHARGE_RECOVERED:
            assert (mode, following) == (Mode.SURVIVAL, Mode.SAFE)
        elif mode is Mode.LEOP:
            assert following in {Mode.SAFE, Mode.SURVIVAL}
        else:
            assert LADDER.index(following) >= LADDER.index(mode), (mode, event)
    downwards = {ModeEvent.LOW_CHARGE, ModeEvent.CRITICAL_CHARGE, ModeEvent.REPEATED_REBOOT,
                 ModeEvent.MONITOR_SAFE, ModeEvent.MONITOR_SURVIVAL}  # fmt: skip
    assert all((mode, event) in TABLE for mode in Mode for event in downwards), "trouble is understood in every mode"


@pytest.mark.parametrize(("mode", "wanted"), list(itertools.product(Mode, Mode)))
def test_the_ground_commands_a_mode_in_every_mode_as_the_table_has_it(mode: Mode, wanted: Mode) -> None:
    flight = Flight(contact=True, initial={"mode": float(mode)})
    flight.fly(2)
    flight.command("mode.set", 1, mode=wanted.name)
    flight.fly(3)
    following = next_mode(mode, GROUND_EVENT[wanted])
    found = [v for v in flight.bodies(Verification) if v.request == 1]
    last = max(found, key=lambda v: v.sequence)
    if following is None:
        assert (last.stage, last.code) == (Stage.FAILED, Code.REFUSED_BY_MODE_TABLE)
    else:
        assert (last.stage, following) == (Stage.COMPLETED, wanted)
    assert flight.node.software is not None and flight.node.software.modes.mode is (
        mode if following is None else following
    )


ONLY_IN = {"payload.on": {Mode.NOMINAL}}
"""Every other telecommand is understood in every mode."""


@pytest.mark.parametrize("mode", list(Mode))
def test_every_telecommand_is_permitted_in_this_mode_or_refused_for_it(mode: Mode) -> None:
    """An argument that does not exist keeps those that are permitted from doing anything."""
    flight = Flight(contact=True, initial={"mode": float(mode)})
    flight.fly(2)
    forms = flight.dictionary.telecommands
    for request, form in enumerate(forms, 1):
        flight.command(form.name, request, no_such_argument=1)
        flight.fly(1)
    flight.fly(5)
    codes = {v.request: v.code for v in flight.bodies(Verification) if v.stage == Stage.REJECTED}
    for request, form in enumerate(forms, 1):
        permitted = mode in ONLY_IN.get(form.name, set(Mode))
        assert codes[request] == (Code.WRONG_ARGUMENT if permitted else Code.FORBIDDEN_IN_MODE), form.name


def test_a_single_look_at_a_low_charge_is_no_mode_event() -> None:
    board = Board("pathfinder").run(3)
    for soc in (0.15, 0.05):
        for _ in range(5):
            board.set("battery_soc", soc)
            board.run(1)
            board.set("battery_soc", 0.9)
            board.run(1)
    assert board.software.modes.mode is Mode.NOMINAL and board.heard("mode_changed") == 0
    board.set("battery_soc", 0.05)
    board.run(2)
    assert board.software.modes.mode is Mode.SURVIVAL


# ---- loops of SAFE ----------------------------------------------------------------------------------------------


def fall_and_climb(board: Board, at_s: float) -> None:
    """SAFE by a monitor's wish, and back by the ground."""
    board.cycles = round(at_s * 10**9 / CYCLE_NS)
    board.run(1)
    board.command("recovery.mode", mode="SAFE")
    board.run(1)
    assert board.command("mode.set", mode="NOMINAL") is None


def test_the_third_safe_mode_in_a_day_is_a_loop_and_says_so() -> None:
    board = Board("pathfinder").run(1)
    for hour in (1, 10, 24.9):
        assert board.heard("safe_mode_loop") == 0
        fall_and_climb(board, hour * 3600.0)
    assert board.heard("safe_mode_loop") == 1
    assert (board.software.modes.state.safe_entries, board.software.modes.safe_entries_recent()) == (3, 3.0)


def test_entries_that_are_a_day_apart_are_none() -> None:
    board = Board("pathfinder").run(1)
    for hour in (1, 10, 25.1, 40, 50):
        fall_and_climb(board, hour * 3600.0)
    assert board.heard("safe_mode_loop") == 0
    assert (board.software.modes.state.safe_entries, board.software.modes.safe_entries_recent()) == (5, 2.0)


def test_the_count_outlives_reboots_and_the_ground_s_own_safe_is_not_counted() -> None:
    board = Board("pathfinder").run(1)
    fall_and_climb(board, 100.0)
    board.command("mode.set", mode="SAFE")
    board.command("mode.set", mode="NOMINAL")
    fall_and_climb(board, 200.0)
    board.boot()
    assert board.software.modes.state.safe_entries == 2
    fall_and_climb(board, 300.0)
    assert board.heard("safe_mode_loop") == 1


def test_a_clock_that_was_set_back_makes_no_loop() -> None:
    board = Board("pathfinder").run(1)
    fall_and_climb(board, 5000.0)
    fall_and_climb(board, 6000.0)
    fall_and_climb(board, 100.0)
    assert board.heard("safe_mode_loop") == 0


# ---- regimes ----------------------------------------------------------------------------------------------------


def last_order(board: Board, device: str, what: str, element: int) -> float:
    found = [order for order in board.orders if order[:3] == (device, what, element)]
    return found[-1].value


def test_regimes_are_a_ladder_of_what_runs() -> None:
    admitted = [len(REGIMES[regime].admitted) for regime in Regime]
    assert admitted == sorted(admitted, reverse=True) == [3, 3, 1, 0, 0]
    assert [REGIMES[regime].refused for regime in Regime] == [0, 0, 0b1010, 0b1110, 0b1110]
    assert [JOB_KINDS[kind] for kind in range(4) if not 0b1010 >> kind & 1] == ["none", "inference"]


@pytest.mark.parametrize(("mode", "regime"), list(itertools.product(Mode, Regime)))
def test_a_regime_is_set_in_every_mode_and_acts_in_nominal(mode: Mode, regime: Regime) -> None:
    board = Board("formation", mode=mode).run(3)
    board.orders.clear()
    assert board.command("payload.regime", regime=REGIME_NAMES[regime]) is None
    board.run(2)
    assert board.heard("payload_regime_changed") == (regime is not Regime.FULL)
    refused = [order.value for order in board.orders if order[:2] == ("jobs", "refuse")]
    assert refused == ([] if REGIMES[regime].refused == 0 else [REGIMES[regime].refused])
    board.boot()
    board.orders.clear()
    board.run(2)
    on = mode is Mode.NOMINAL and REGIMES[regime].powered
    assert [last_order(board, "accelerators", "enable", group) for group in range(8)] == [on] * 8
    assert last_order(board, "jobs", "refuse", 0) == REGIMES[regime].refused, "it survives a reboot"
    board.run(1)
    half_w = 0.5 * sum(board.equipment.accelerator_group_power_w)
    limit_w = board.software.payload.limit_w()
    assert limit_w == (half_w if regime is Regime.CAPPED else 2.0 * half_w)


def test_the_regime_s_cap_is_shared_by_the_groups_and_a_lower_one_of_the_ground_stands() -> None:
    board = Board("formation").run(3)
    rated_w = board.equipment.accelerator_group_power_w[0]
    board.command("payload.regime", regime="capped")
    board.run(1)
    assert last_order(board, "accelerators", "power_cap", 3) == pytest.approx(0.5 * rated_w)
    board.command("payload.power_cap", power_w=8 * 0.25 * rated_w)
    assert board.software.payload.limit_w() == pytest.approx(8 * 0.25 * rated_w)
    board.command("payload.power_cap", power_w=0.0)
    board.command("payload.regime", regime="full")
    board.run(1)
    assert last_order(board, "accelerators", "power_cap", 3) == 0.0


def test_idle_switches_off_after_the_jobs_have_saved_or_their_time_is_up() -> None:
    board = Board("pathfinder").run(3)
    board.set("jobs_active", 1.0)
    board.command("payload.regime", regime="idle")
    board.run(30)
    assert last_order(board, "accelerators", "enable", 0) == 1.0 and last_order(board, "jobs", "job", 0) == 2.0
    board.set("jobs_active", 0.0)
    board.run(1)
    assert last_order(board, "accelerators", "enable", 0) == 0.0
    board.command("payload.regime", regime="full")
    board.run(1)
    assert (last_order(board, "accelerators", "enable", 0), last_order(board, "jobs", "job", 0)) == (1.0, 0.0)
    board.set("jobs_active", 1.0)
    board.command("payload.regime", regime="idle")
    board.run(60)
    assert last_order(board, "accelerators", "enable", 0) == 1.0
    board.run(2)
    assert last_order(board, "accelerators", "enable", 0) == 0.0


def test_a_group_that_the_ground_or_fdir_takes_out_goes_at_once() -> None:
    board = Board("formation").run(3)
    board.set("jobs_active", 2.0)
    board.command("payload.group", group="tpu_3", on=False)
    board.run(1)
    assert last_order(board, "accelerators", "enable", 2) == 0.0
    assert Order("jobs", "job", 0, 2) not in board.orders
