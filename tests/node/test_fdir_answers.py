"""What follows a finding: rows above rows, masks, modes, functional monitors, back-off; services 12 and 19 whole."""

from __future__ import annotations

from itertools import pairwise

import pytest

from bus.errors import ScenarioError
from bus.pus import Code
from node.fsw.modes import Mode
from node.fsw.services.st12_functional import STATES
from node.fsw.services.st19_event_action import arguments_crc
from tests.faults.test_fdir_rows import flown
from tests.kits.fdir_kit import Board

HOT, HOT_READING = "accelerator.gpu.hot", "accelerator_temperature_k.gpu"


def reports(board: Board, name: str) -> list[tuple[float, ...]]:
    """What was reported under this structure since the last call, read back from the packets' numbers."""
    taken, made[:] = [values for report, values in made if report == name], []
    return taken


made: list[tuple[str, tuple[float, ...]]] = []


@pytest.fixture
def board() -> Board:
    board = Board("pathfinder").run(3)
    made.clear()
    storage = board.software.storage
    storage.report = lambda report, *values: made.append((report.name, values))  # type: ignore[method-assign,assignment]
    return board


def refused(failure: object) -> bool:
    return isinstance(failure, tuple) and failure[0] is Code.REFUSED_BY_STATE


# ---- rows above rows --------------------------------------------------------------------------------------------


def test_what_has_not_helped_hands_over_and_what_is_long_ago_does_not_count(board: Board) -> None:
    board.set("device_age_s.gnss", 100.0)
    board.run(200)
    told = [event for event, _ in board.events if event.startswith("device.gnss")]
    assert told == ["device.gnss.silent", "device.gnss.silent", "device.gnss.hung", "device.gnss.hung"]
    assert board.heard("fdir_escalated") == 2 and board.software.answers.state.fdir_escalations == 2
    board.set("device_age_s.gnss", 0.0)
    board.run(4000)  # more than an hour: it is a new story
    board.set("device_age_s.gnss", 100.0)
    board.run(5)
    assert [event for event, _ in board.events if event.startswith("device.gnss")][4:] == ["device.gnss.silent"]


def test_a_weak_battery_group_gives_what_it_has_until_it_is_about_to_be_empty(board: Board) -> None:
    """One that lost most of its cells falls low in a shadow. Off the bus it would take no charge in the Sun either."""
    board.set("battery_group_soc.battery_2", 0.10)
    board.run(1500)
    assert (board.heard("battery.battery_2.low"), board.heard("battery.battery_2.draining")) == (1, 2)
    assert board.software.recovery.battery_groups_isolated() == 0
    board.set("battery_group_soc.battery_2", 0.04)
    board.run(5)
    assert board.heard("battery.battery_2.lost") == 1 and board.software.recovery.battery_groups_isolated() == 1


def test_a_group_that_fails_for_a_moment_stays_in_and_one_that_fails_again_is_taken_out(board: Board) -> None:
    def fail(cycles: int) -> None:
        board.set("accelerator_state.gpu", 6.0)
        board.run(cycles)
        board.set("accelerator_state.gpu", 2.0)
        board.run(10)

    fail(300)
    assert board.heard("accelerator.gpu.failed") == 1 and board.heard("fdir_late") == 0
    assert board.software.payload.state.taking_part == [True]
    board.run(600)
    fail(5)
    assert board.heard("accelerator.gpu.lost") == 1 and board.software.payload.state.taking_part == [False]


def test_a_group_that_stays_failed_is_taken_out_before_it_is_late(board: Board) -> None:
    board.set("accelerator_state.gpu", 6.0)
    board.run(590)
    assert board.software.payload.state.taking_part == [True]
    board.run(30)
    assert board.software.payload.state.taking_part == [False] and board.heard("fdir_late") == 0


def test_a_row_masks_others_while_its_action_is_given_time(board: Board) -> None:
    for wheel in range(2):
        board.set(f"wheel_momentum_n_m_s.{wheel}", 0.5)
    board.run(60)
    assert (board.heard("wheel.0.full"), board.heard("wheel.1.full")) == (1, 0)
    assert board.software.answers.monitors_masked() == 3
    board.run(80)
    assert board.heard("wheel.1.full") == 1 and board.software.modes.mode is Mode.SAFE


def test_a_row_looks_in_its_modes_only_and_forgets_in_others(board: Board) -> None:
    board.set("body_rate_rad_s.x", 1.0)
    board.run(10)
    assert board.software.modes.mode is Mode.SAFE and board.software.monitoring.state.monitors_violated == 0
    board.command("mode.set", mode="NOMINAL")
    board.run(10)
    assert board.heard("rate.x.high") == 1, "so long its action is given time"
    assert board.software.monitoring.state.monitors_violated == 1


def test_the_charge_is_judged_anew_in_a_mode_that_the_ground_commands(board: Board) -> None:
    board.set("battery_soc", 0.15)
    board.run(10)
    assert board.software.modes.mode is Mode.SAFE and board.software.modes.state.mode_cause.name == "LOW_CHARGE"
    board.command("mode.set", mode="NOMINAL")
    board.run(70)
    assert board.software.modes.mode is Mode.SAFE


def test_at_least_half_of_the_battery_groups_stay_on_the_bus(board: Board) -> None:
    assert board.command("battery.group", group="battery_1", on=False) is None
    assert refused(board.command("battery.group", group="battery_2", on=False))
    board.boot()
    assert board.software.recovery.battery_groups_isolated() == 1
    assert board.command("battery.group", group="battery_1", on=True) is None
    assert board.command("battery.group", group="battery_2", on=False) is None


# ---- limiters ---------------------------------------------------------------------------------------------------


def test_a_limiter_that_opens_again_waits_twice_as_long_each_time_and_stays_open_at_last(board: Board) -> None:
    closed: list[int] = []
    board.set("lcl_state.payload", 3.0)
    for _ in range(600):
        known = len(board.orders)
        board.run(1)
        if any(order[:2] == ("pcdu", "lcl") and order.value == 1.0 for order in board.orders[known:]):
            closed.append(board.cycles)
        board.command("recovery.rearm", lcl="payload")
    gaps = [b - a for a, b in pairwise(closed)]
    assert gaps == [30, 60, 120]
    assert refused(board.command("recovery.rearm", lcl="payload")) and board.heard("lcl_given_up") > 0
    board.run(3700)  # an hour without a trip: it counts as good
    assert board.command("recovery.rearm", lcl="payload") is None


# ---- functional monitors ----------------------------------------------------------------------------------------


def test_a_functional_monitor_is_defined_protected_and_deleted_in_flight(board: Board) -> None:
    spare = {"functional_monitor": "functional.spare.1"}
    both = {
        "monitor_1": HOT,
        "monitor_2": "accelerator.gpu.memory_hot",
        **{f"monitor_{i}": "none" for i in range(3, 9)},
    }
    assert refused(board.command("functional.enable", **spare))
    too_few = board.command("functional.add", at_least=3, **spare, **both)
    assert isinstance(too_few, tuple) and too_few[0] is Code.OUT_OF_RANGE
    assert board.command("functional.add", at_least=2, **spare, **both) is None
    assert refused(board.command("functional.add", at_least=2, **spare, **both))
    board.command("functional.enable", **spare)
    board.command("functional.protect", **spare)
    board.set(HOT_READING, 400.0)
    board.run(5)
    assert board.heard("functional.spare.1") == 0
    board.set("hbm_temperature_k.gpu", 400.0)
    board.run(5)
    assert board.heard("functional.spare.1") == 1 and board.software.functional.state.functional_failed == 1
    board.command("functional.status")
    states = {int(place): (protected, enabled, STATES[int(state)])
              for place, protected, enabled, state in reports(board, "functional_status")}  # fmt: skip
    names = [row.monitor for row in board.software.functional._rows]
    assert states[names.index("functional.spare.1")] == (True, True, "failed")
    board.command("functional.report", **spare)
    ((_, at_least, first, second, *none, enabled, protected),) = reports(board, "functional_definition")
    parameter_names = [row.monitor for row in board.software.monitoring._rows]
    assert [parameter_names[int(n) - 1] for n in (first, second)] == [HOT, "accelerator.gpu.memory_hot"]
    assert (at_least, set(none), enabled, protected) == (2, {0}, True, True)
    board.command("monitoring.disable", monitor=HOT)
    assert refused(board.command("monitoring.delete", monitor=HOT)), "it is combined"
    board.command("functional.disable", **spare)
    assert refused(board.command("functional.delete", **spare)), "it is protected"
    board.boot()
    board.command("functional.unprotect", **spare)
    assert board.command("functional.delete", **spare) is None
    assert board.command("monitoring.delete", monitor=HOT) is None


def test_what_its_monitors_cannot_tell_makes_a_functional_monitor_invalid_not_failed(board: Board) -> None:
    functional = board.software.functional
    place = [row.monitor for row in functional._rows].index("wheels.full")
    assert STATES[functional.status(place, Mode.NOMINAL)] == "running"
    for wheel in range(3):
        board.command("monitoring.disable", monitor=f"wheel.{wheel}.full")
    assert STATES[functional.status(place, Mode.NOMINAL)] == "invalid"
    board.command("monitoring.disable", monitor="wheel.3.full")
    assert STATES[functional.status(place, Mode.NOMINAL)] == "unchecked"
    assert STATES[functional.status(place, Mode.SURVIVAL)] == "unchecked"
    board.command("functional.off")
    for wheel in range(4):
        board.command("monitoring.enable", monitor=f"wheel.{wheel}.full")
    assert STATES[functional.status(place, Mode.NOMINAL)] == "unchecked"


# ---- services 12 and 19 -----------------------------------------------------------------------------------------


def test_transitions_wait_for_the_delay_and_are_reported_with_their_time(board: Board) -> None:
    board.command("monitoring.transition_delay", delay_s=30.0)
    board.set(HOT_READING, 400.0)
    board.run(25)
    assert reports(board, "check_transition") == [] and board.heard(HOT) > 0
    begun = board.cycles - 25
    board.run(15)
    ((*_, at_s),) = reports(board, "check_transition")
    assert begun < at_s <= begun + 3


def test_all_monitors_are_deleted_only_while_monitoring_is_off_and_nothing_combines_them(board: Board) -> None:
    assert refused(board.command("monitoring.delete_all"))
    board.command("monitoring.off")
    assert refused(board.command("monitoring.delete_all"))
    for row in board.equipment.fdir:
        if row.of:
            board.command("functional.disable", functional_monitor=row.monitor)
            assert board.command("functional.delete", functional_monitor=row.monitor) is None
    assert board.command("monitoring.delete_all") is None
    board.boot()
    board.command("monitoring.on")
    board.set(HOT_READING, 400.0)
    board.run(20)
    assert board.heard(HOT) == 0 and refused(board.command("monitoring.enable", monitor=HOT))


def test_the_status_of_every_monitor_and_action_is_reported(board: Board) -> None:
    board.command("monitoring.disable", monitor=HOT)
    board.command("monitoring.status")
    rows = reports(board, "monitor_status")
    looking = [row.monitor for row in board.equipment.fdir if row.reading]
    assert len(rows) == len(looking)
    assert [enabled for number, enabled, *_ in rows if board.software.monitoring._rows[int(number)].monitor == HOT] == [
        False
    ]
    board.command("event_action.disable", cause=HOT)
    board.command("event_action.status")
    acting = [row for row in board.equipment.fdir if row.telecommand]
    assert sorted(acts for _, acts in reports(board, "event_action_status")) == [False] + [True] * (len(acting) - 1)
    board.command("event_action.report", cause=HOT)
    ((_, telecommand, crc, enabled),) = reports(board, "event_action_definition")
    row = next(row for row in board.equipment.fdir if row.monitor == HOT)
    names = board.software.event_action._telecommands
    assert (names[int(telecommand)], crc, enabled) == (row.telecommand, arguments_crc(dict(row.arguments)), False)


def test_all_actions_are_deleted_and_the_function_is_off_then(board: Board) -> None:
    assert board.command("event_action.delete_all") is None
    board.command("event_action.on")
    board.set(HOT_READING, 400.0)
    board.run(5)
    assert board.heard(HOT) == 1 and board.heard("action_executed") == 0


# ---- `fdir:` ----------------------------------------------------------------------------------------------------


def test_ladders_masks_modes_and_functional_rows_are_written_in_a_scenario() -> None:
    _, rows = flown(
        "{monitor: last, action: {name: recovery.mode, arguments: {mode: SAFE}}, level: system}",
        "{monitor: mine, reading: battery_soc, below: 50 %, modes: [NOMINAL], masks: [charge.low], mask: 2 min,"
        " escalate: {to: last, after: 2, within: 10 min}}",
        "{monitor: both, of: [mine, charge.low], at_least: 2, action: {name: payload.off}}",
        "{monitor: wheel.0.full, masks: []}",
        "{monitor: accelerator.gpu.hot, escalate: null}",
    )
    mine = rows["mine"]
    assert (mine.modes, mine.masks, mine.mask_s) == (("NOMINAL",), ("charge.low",), 120.0)
    assert (mine.escalate_to, mine.escalate_after, mine.escalate_within_s) == ("last", 2, 600.0)
    assert (rows["both"].of, rows["both"].at_least) == (("mine", "charge.low"), 2)
    assert rows["wheel.0.full"].masks == () and rows["accelerator.gpu.hot"].escalate_to == ""


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["{monitor: thermal.hots.hot, action: {name: payload.off}}"], "thermal.host.hot"),
        (["{monitor: charge.low, escalate: {to: charge.lov}}"], "charge.low"),
        (["{monitor: charge.low, masks: [charge.low]}"], "another monitor"),
        (["{monitor: charge.low, modes: [NOMINL]}"], "NOMINAL"),
        (["{monitor: a, of: [charge.low, pump.lost]}"], "looks at a reading"),
        (["{monitor: a, of: [charge.low]}"], "2 to 8"),
        (["{monitor: a, of: [charge.low, charge.critical], at_least: 3}"], "1 to 2"),
        (["{monitor: a, of: [charge.low, charge.critical], below: 3}"], "one of them"),
        (["{monitor: lcl.payload.overload, remove: true}"], "lcl.payload.trip"),
        (["{monitor: charge.low, escalate: {to: charge.critical}}",
          "{monitor: charge.critical, escalate: {to: charge.low}}"], "charge.critical -> escalation -> charge.low"),
    ],
)  # fmt: skip
def test_mistakes_in_them_are_told(entries: list[str], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        flown(*entries)
    assert words in str(caught.value), str(caught.value)
    assert all(mistake.line for mistake in caught.value.mistakes)
