"""Flight software, flown in a node whose plant stands still."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.pus import Code, Service, Stage
from bus.wire.messages import Event, Telemetry, TelemetryAck, Verification
from node.devices.definitions import device_forms
from node.fsw.component import telemetry_of
from node.fsw.managers.power import PowerManager
from node.fsw.modes import TABLE, Mode, ModeEvent
from node.fsw.services.st01_verification import PER_CYCLE, QUEUE_LIMIT, CrashPoint
from node.fsw.software import COMPONENTS
from tests.kits.fake_spacecraft import TICK_NS, Flight, config

PLANT, DEVICE, LINK, HOST = 1, 2, 3, 4


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True, signals=("mode", "payload_shed", "telemetry_generated", "telemetry_on_board"))
    flight.fly(3)
    return flight


def stages(flight: Flight, request: int) -> list[tuple[Stage, Code]]:
    """Verification reports on a request, each once however often it was sent."""
    found = {v.sequence + 10**6 * v.boot: v for v in flight.bodies(Verification) if v.request == request}
    return [(Stage(found[key].stage), Code(found[key].code)) for key in sorted(found)]


VALUES = {"str": "", "steps": "wait 1 h", "bool": True, "int": 1, "float": 0.4, "telecommand": "test.ping"}
DONE = [(Stage.ACCEPTED, Code.NONE), (Stage.STARTED, Code.NONE), (Stage.COMPLETED, Code.NONE)]


# ---- modes ------------------------------------------------------------------------------------------------------


def test_only_the_ground_leads_out_of_safe_upwards() -> None:
    upwards = {event for (mode, event), to in TABLE.items() if mode is Mode.SAFE and to in {Mode.NOMINAL, Mode.LEOP}}
    assert upwards == {ModeEvent.GROUND_NOMINAL, ModeEvent.GROUND_LEOP}


def test_safe_mode_holds_over_charge_and_reboot(flight: Flight) -> None:
    flight.command("mode.set", mode="SAFE")
    flight.fly(2)
    assert flight.plant.inputs["accelerator_enable"][0][0] == 0
    flight.command("payload.on")
    flight.inject(HOST, "computer", "reboot")
    flight.fly(120)
    assert flight.truth()[0] == Mode.SAFE
    assert flight.plant.inputs["accelerator_enable"][0][0] == 0
    flight.command("payload.on")
    flight.command("mode.set", mode="NOMINAL")
    flight.fly(3)
    assert flight.truth()[0] == Mode.NOMINAL
    assert flight.plant.inputs["accelerator_enable"][0][0] == 1


def test_low_charge_leads_to_safe_and_a_lower_one_to_survival_and_back(flight: Flight) -> None:
    flight.plant.set("battery_soc", 0.18)
    flight.fly(3)
    assert flight.truth()[0] == Mode.SAFE
    flight.plant.set("battery_soc", 0.08)
    flight.fly(3)
    assert flight.truth()[0] == Mode.SURVIVAL
    assert flight.plant.inputs["attitude_mode"][0][0] == 2
    flight.command("mode.set", mode="NOMINAL")
    flight.fly(3)
    assert stages(flight, 1)[-1] == (Stage.FAILED, Code.REFUSED_BY_MODE_TABLE)
    flight.plant.set("battery_soc", 0.22)
    flight.fly(3)
    assert flight.truth()[0] == Mode.SURVIVAL  # hysteresis
    flight.plant.set("battery_soc", 0.27)
    flight.fly(58)
    assert flight.truth()[0] == Mode.SURVIVAL  # and dwell
    flight.fly(5)
    assert flight.truth()[0] == Mode.SAFE
    flight.plant.set("battery_soc", 0.9)
    flight.fly(100)
    assert flight.truth()[0] == Mode.SAFE


def test_three_unintended_boots_in_a_row_lead_to_safe(flight: Flight) -> None:
    for _ in range(2):
        flight.inject(HOST, "computer", "reboot")
        flight.fly(10)
        assert flight.truth()[0] == Mode.NOMINAL
    flight.inject(HOST, "computer", "kill", down_s=3.0)
    flight.fly(15)
    assert flight.truth()[0] == Mode.SAFE


def test_a_boot_that_proves_itself_breaks_the_row(flight: Flight) -> None:
    flight.command("parameter.set", parameter="mode.stable_after_s", value=10.0)
    flight.fly(1)
    for _ in range(4):
        flight.inject(HOST, "computer", "reboot")
        flight.fly(40)
    assert flight.truth()[0] == Mode.NOMINAL


# ---- the payload rule -------------------------------------------------------------------------------------------


def test_payload_is_shed_on_low_charge_and_restored_with_hysteresis(flight: Flight) -> None:
    enable = flight.plant.inputs["accelerator_enable"][0]
    assert enable[0] == 1
    flight.plant.set("battery_soc", 0.28)
    flight.fly(4)
    assert flight.truth()[1] == 0.0  # dwell of five cycles
    flight.fly(2)
    assert flight.truth()[1] == 1.0 and enable[0] == 0
    flight.plant.set("battery_soc", 0.45)
    flight.fly(100)
    assert flight.truth()[1] == 1.0
    flight.plant.set("battery_soc", 0.6)
    flight.fly(61)
    assert flight.truth()[1] == 0.0 and enable[0] == 1
    assert {"payload_shed", "payload_restored"} <= set(flight.events(flight.fly(2)) + flight.events())


# ---- telecommands -----------------------------------------------------------------------------------------------


def test_a_telecommand_is_accepted_started_and_completed(flight: Flight) -> None:
    flight.command("test.ping")
    flight.fly(3)
    assert stages(flight, 1) == DONE
    reports = [t for t in flight.bodies(Telemetry) if t.stream == 17]
    assert len({t.sequence for t in reports}) == 1


@pytest.mark.parametrize(
    ("name", "arguments", "code"),
    [
        ("no.such", {}, Code.UNKNOWN_TELECOMMAND),
        ("mode.set", {}, Code.WRONG_ARGUMENT),
        ("mode.set", {"mode": 1}, Code.WRONG_ARGUMENT),
        ("mode.set", {"mode": "SAVE"}, Code.OUT_OF_RANGE),
        ("mode.set", {"mode": "SAFE", "now": True}, Code.WRONG_ARGUMENT),
        ("payload.power_cap", {"power_w": -1.0}, Code.OUT_OF_RANGE),
        ("payload.power_cap", {"power_w": True}, Code.WRONG_ARGUMENT),
        ("payload.power_cap", {"power_w": 1e9}, Code.OUT_OF_RANGE),
        ("housekeeping.interval", {"structure": "core", "interval_s": 0}, Code.OUT_OF_RANGE),
        ("housekeeping.interval", {"structure": "core", "interval_s": "2"}, Code.WRONG_ARGUMENT),
    ],
)
def test_a_wrong_telecommand_is_rejected_on_board_too(
    flight: Flight, name: str, arguments: dict[str, object], code: Code
) -> None:
    flight.command(name, **arguments)
    flight.fly(3)
    assert stages(flight, 1) == [(Stage.REJECTED, code)]


def test_refused_for_dictionary_expiry_and_mode(flight: Flight) -> None:
    good = flight.command("test.ping", 50)
    flight.send(good.model_copy(update={"request": 51, "dictionary": "0" * 16}))
    flight.send(good.model_copy(update={"request": 52, "expires_ns": flight.tick * TICK_NS}))
    flight.fly(2)
    flight.command("mode.set", 53, mode="SAFE")
    flight.command("payload.on", 54)
    flight.fly(3)
    codes = [stages(flight, request)[-1] for request in (51, 52, 54)]
    assert [stage for stage, _ in codes] == [Stage.REJECTED] * 3
    assert [code for _, code in codes] == [Code.WRONG_DICTIONARY, Code.EXPIRED, Code.FORBIDDEN_IN_MODE]


NOT_HERE = {
    "transfer.first", "transfer.part", "transfer.last",
    "payload.migrate_abort", "payload.forget_guest",  # tests/node/test_migration.py
    "computer.image",  # restarts
    "computer.reboot", "mode.set", "schedule.reset", "time.set", "memory.load", "monitoring.add",
    "monitoring.delete", "monitoring.delete_all", "functional.add", "functional.delete", "event_action.delete",
    "event_action.delete_all", "event_action.enable", "event_action.disable", "event_action.report",
}  # fmt: skip
"""They end this test, or need what they name in another state: flown in tests of their own."""


def test_every_telecommand_of_the_dictionary_can_be_executed(flight: Flight) -> None:
    own: dict[str, dict[str, Any]] = {
        "schedule.insert": {"at": 10_000.0, "schedule_group": 9}, "schedule.shift": {"entry": 2},
        "schedule.report_one": {"entry": 2}, "schedule.detail_one": {"entry": 2},
        "schedule.delete_group": {"number": 8}, "schedule.shift_where": {"from_s": 0.0, "to_s": 1e6},
        "store.resize": {"size_bytes": 65_536}, "procedure.unload": {"procedure": "spare.2"},
        "store.retrieve": {"to_s": 9.0}, "plan.insert": {"start_s": 9000.0, "end_s": 9010.0},
        "plan.delete": {"at_s": 9005.0},
        "statistics.enable": {"interval_s": 5.0}, "housekeeping.create": {"interval_s": 5.0},
    }  # fmt: skip
    for number, service in enumerate(("housekeeping", "diagnostic")):
        kind = "own" if service == "housekeeping" else service
        flight.command(
            f"{service}.create", 1001 + number, structure=f"{kind}.2", interval_s=1.0, parameters="battery_soc"
        )
        for verb in ("describe", "append", "enable", "disable", "one_shot", "interval"):
            if service == "diagnostic" or verb in {"describe", "append"}:
                own[f"{service}.{verb}"] = {"structure": f"{kind}.2"}
    flight.command("schedule.insert", 1000, at=10_000.0, sub_schedule=0, schedule_group=0, telecommand="test.ping")
    flight.command("procedure.load", 1005, procedure="spare.2", part=1, steps="wait 1 s")
    flight.command("schedule.create_group", 1003, number=8, enabled=True)
    flight.command("schedule.create_group", 1004, number=9, enabled=True)
    request = 0
    for form in flight.dictionary.telecommands:
        if form.name in NOT_HERE:
            continue
        arguments = {a.name: VALUES[a.type] if not a.labels else a.labels[0] for a in form.arguments}
        arguments |= own.get(form.name, {})
        request += 1
        flight.command(form.name, request, **arguments)
        flight.fly(2)
    flight.fly(5)
    assert {request: stages(flight, request) for request in range(1, request + 1)} == dict.fromkeys(
        range(1, request + 1), DONE
    )


def test_orders_reach_the_plant(flight: Flight) -> None:
    flight.command("payload.power_cap", power_w=100.0)
    flight.command("power.lcl", lcl="payload", on=False)
    flight.command("attitude.set", mode="nadir")
    flight.command("thermal.pump", speed_fraction=0.25)
    flight.command("thermal.heater", heater=flight.node.software.config.equipment.heaters[0], order="on")  # type: ignore[union-attr]
    flight.plant.inputs["lcl_command"] = 9
    flight.fly(2)
    inputs = flight.plant.inputs
    assert inputs["accelerator_power_cap_w"][0][0] == 100.0
    lcls = flight.node.software.config.equipment.lcls  # type: ignore[union-attr]
    assert inputs["lcl_command"][0][lcls.index("payload")] == 0
    assert inputs["attitude_mode"][0][0] == 1
    assert inputs["pump_speed_command_fraction"][0][0] == 0.25
    assert inputs["heater_command"][0][0] == 1


def test_the_queue_is_bounded_and_says_so(flight: Flight) -> None:
    for request in range(1, QUEUE_LIMIT + 11):
        flight.command("test.ping", request)
    flight.fly(1)
    fsw = flight.node.software
    assert fsw is not None
    assert fsw.verification.state.telecommands_dropped == 10
    assert fsw.verification.state.telecommands_completed == PER_CYCLE and fsw.verification.state.cycle_overruns == 1
    flight.fly(QUEUE_LIMIT // PER_CYCLE)
    assert fsw.verification.state.telecommands_completed == QUEUE_LIMIT


@pytest.mark.parametrize("point", list(CrashPoint))
def test_a_crash_at_every_point_leaves_one_terminal_state_and_no_second_execution(
    flight: Flight, point: CrashPoint
) -> None:
    """The ground repeats until it sees an answer; the effect is counted by the boot record and the parameter."""
    flight.inject(HOST, "computer", "crash", point=int(point))
    telecommand = flight.command("parameter.set", 7, parameter="power.shed_below_soc", value=0.25)
    flight.fly(1)
    assert flight.node.software is None  # crashed
    flight.fly(12)
    flight.send(telecommand)
    flight.fly(5)
    terminal = [s for s in stages(flight, 7) if s[0] in {Stage.COMPLETED, Stage.FAILED, Stage.REJECTED}]
    fsw = flight.node.software
    assert fsw is not None
    done = fsw.on_board.value(PowerManager.SHED_BELOW) == 0.25
    expected = {
        CrashPoint.BEFORE_ACCEPTANCE: ((Stage.COMPLETED, Code.NONE), True),
        CrashPoint.ACCEPTANCE_RECORDED: ((Stage.FAILED, Code.NOT_STARTED), False),
        CrashPoint.START_RECORDED: ((Stage.FAILED, Code.INTERRUPTED), False),
        CrashPoint.EFFECT_DONE: ((Stage.FAILED, Code.INTERRUPTED), True),
        CrashPoint.COMPLETION_RECORDED: ((Stage.COMPLETED, Code.NONE), True),
    }[point]
    assert (terminal, done) == ([expected[0]], expected[1])
    assert fsw.verification.state.telecommands_completed == (point is CrashPoint.BEFORE_ACCEPTANCE)


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.integers(1, 6)),
        st.tuples(st.just("reboot"), st.just(0)),
        st.tuples(st.just("crash"), st.sampled_from([int(p) for p in CrashPoint])),
        st.tuples(st.just("fly"), st.integers(1, 8)),
    ),
    max_size=30,
)


@given(ACTIONS)
@settings(max_examples=40)
def test_nothing_is_executed_twice_and_everything_seen_ends_once(actions: list[tuple[str, int]]) -> None:
    flight = Flight(contact=True)
    flight.fly(2)
    serial = 0
    for what, n in actions:
        if what == "send":
            flight.command("test.ping", n)
        elif what == "fly":
            flight.fly(n)
        else:
            serial += 1
            arguments = {"point": n} if what == "crash" else {}
            flight.inject(HOST, "computer", what, name=f"f{serial}", **arguments)
            flight.fly(1)
            flight.inject(HOST, "computer", what, name=f"f{serial}", clear=True)
    flight.fly(40)
    for request in range(1, 7):
        seen = stages(flight, request)
        terminal = [s for s in seen if s[0] in {Stage.COMPLETED, Stage.FAILED, Stage.REJECTED}]
        assert len(terminal) == (1 if seen else 0)
        assert sum(s[0] is Stage.STARTED for s in seen) <= 1
    reports = {(t.boot, t.sequence) for t in flight.bodies(Telemetry) if t.stream == 17}
    completed = sum(stages(flight, request)[-1:] == DONE[-1:] for request in range(1, 7))
    assert len(reports) <= completed + sum(a[0] == "crash" for a in actions)


# ---- reports ----------------------------------------------------------------------------------------------------


def test_housekeeping_reports_what_the_pool_holds_at_its_interval(flight: Flight) -> None:
    flight.plant.set("battery_soc", 0.77)
    messages = flight.fly(60)
    core = [t for t in flight.bodies(Telemetry, messages) if t.structure == 1]
    assert len(core) == 6
    structure = flight.dictionary.structure[1]
    values = dict(zip(structure.parameters, core[-1].values, strict=True))
    assert values["battery_soc"] == pytest.approx(0.77, abs=0.02)
    assert (values["mode"], values["boot_count"], values["payload_on"]) == (1, 1, 1)
    assert core[-1].dictionary.hex() == flight.dictionary.version
    for form in flight.dictionary.structures:
        for report in flight.bodies(Telemetry):
            if report.structure == form.id:
                assert len(report.values) == len(form.parameters)


def test_structures_are_enabled_retimed_and_reported_once(flight: Flight) -> None:
    flight.command("housekeeping.disable", structure="core")
    flight.command("housekeeping.interval", structure="power", interval_s=2.0)
    flight.command("housekeeping.one_shot", structure="flight")
    messages = flight.fly(21)
    by_structure = [t.structure for t in flight.bodies(Telemetry, messages)]
    assert by_structure.count(1) == 0
    assert by_structure.count(2) == 10
    assert by_structure.count(5) == 1
    flight.command("housekeeping.enable", structure="core")
    assert 1 in [t.structure for t in flight.bodies(Telemetry, flight.fly(11))]


def test_an_event_can_be_switched_off_and_is_counted(flight: Flight) -> None:
    flight.command("event.disable", event="payload_shed")
    flight.fly(1)
    flight.plant.set("battery_soc", 0.28)
    flight.fly(10)
    fsw = flight.node.software
    assert fsw is not None and fsw.events.state.events_suppressed == 1
    assert "payload_shed" not in flight.events()


def test_parameters_are_set_within_limits_reported_and_survive_a_reboot(flight: Flight) -> None:
    flight.command("parameter.set", parameter="power.shed_below_soc", value=0.4)
    flight.command("parameter.set", parameter="power.shed_below_soc", value=1.4)
    flight.fly(2)
    assert stages(flight, 2)[-1] == (Stage.FAILED, Code.OUT_OF_RANGE)
    flight.inject(HOST, "computer", "reboot")
    flight.fly(10)
    flight.command("parameter.get", parameter="power.shed_below_soc")
    flight.fly(2)
    reports = [t for t in flight.bodies(Telemetry) if t.stream == 20]
    number, value = reports[-1].values
    assert flight.dictionary.parameter["reported_parameter"].labels[int(number)] == "power.shed_below_soc"
    assert value == 0.4


def test_thresholds_cannot_be_set_across_each_other(flight: Flight) -> None:
    flight.command("parameter.set", parameter="power.shed_below_soc", value=0.5)
    flight.command("parameter.set", parameter="power.restore_above_soc", value=0.6)
    flight.command("parameter.set", parameter="power.shed_below_soc", value=0.5)
    flight.fly(3)
    assert [stages(flight, request)[-1][0] for request in (1, 2, 3)] == [Stage.FAILED, Stage.COMPLETED, Stage.COMPLETED]


def test_counters_of_the_equipment_that_move_are_told(flight: Flight) -> None:
    flight.fly(10)
    flight.plant.set("lcl_trip_count[2]", 1)
    flight.plant.set("accelerator_xid_count[0]", 1)
    equipment = flight.node.software.config.equipment  # type: ignore[union-attr]
    names = flight.events(flight.fly(12))
    assert names.count(f"lcl.{equipment.lcls[2]}.trip") == 1
    assert names.count(f"accelerator.{equipment.accelerator_groups[0]}.xid") == 1


def test_a_device_that_drops_out_is_told_and_started_again_and_the_charge_rules_rest(flight: Flight) -> None:
    flight.inject(DEVICE, "battery-monitor", "dropout", during=30)
    flight.fly(2)
    flight.plant.set("battery_soc", 0.05)
    names = flight.events(flight.fly(20))
    assert names.count("device.battery_monitor.silent") == 1
    assert flight.truth()[0] == Mode.NOMINAL
    assert flight.node.software.devices.state.device_resets == 1  # type: ignore[union-attr]
    flight.fly(14)
    assert flight.truth()[0] == Mode.SURVIVAL
    assert flight.node.software.acquisition.state.stale_devices == 0  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("primitive", "resets", "switches", "mode"),
    [("hung", 1, 0, Mode.NOMINAL), ("side_dead", 2, 1, Mode.NOMINAL), ("dropout", 2, 1, Mode.SAFE)],
)
def test_a_silent_device_is_started_again_then_switched_then_safe_comes(
    flight: Flight, primitive: str, resets: int, switches: int, mode: Mode
) -> None:
    flight.inject(DEVICE, "attitude", primitive, during=600)
    flight.fly(200)
    software = flight.node.software
    assert software is not None
    assert (software.devices.state.device_resets, software.devices.state.device_switches) == (resets, switches)
    assert software.modes.mode is mode


def test_a_reading_that_is_no_number_is_counted_and_the_last_good_one_kept(flight: Flight) -> None:
    flight.plant.set("battery_soc", float("nan"))
    flight.fly(15)
    fsw = flight.node.software
    assert fsw is not None
    assert fsw.on_board.state.pool[fsw.layout.index["battery_soc"]] == pytest.approx(0.9, abs=0.02)
    assert fsw.acquisition.state.readings_invalid == 15 * 1
    assert flight.events().count("reading_invalid") == 1


def test_a_clock_jump_is_noticed(flight: Flight) -> None:
    flight.inject(HOST, "computer", "clock_jump", seconds=-3600.0)
    messages = flight.fly(2)
    assert flight.events(messages).count("clock_stepped") == 1
    assert flight.bodies(Event, messages)[-1].obt_ns < 0


def test_telemetry_generated_is_acknowledged_or_on_board(flight: Flight) -> None:
    flight.acknowledge = False
    flight.fly(100)
    for stream, below in ((3, 8), (5, 1)):  # the booting was acknowledged before
        flight.send(TelemetryAck(boot=1, stream=stream, below=below))
    flight.fly(1)
    assert flight.truth()[2] - flight.truth()[3] == 9
    account = flight.close().messages[0].body
    assert sum(row[2] for row in account.rows) == flight.truth()[2]
    assert sum(row[2] - row[3] for row in account.rows) == flight.truth()[3]


# ---- declarations -----------------------------------------------------------------------------------------------


def test_every_value_of_a_component_is_reported_under_its_own_name(flight: Flight) -> None:
    """Set through the state, read back from a report: declaration, pool and structure agree."""
    fsw = flight.node.software
    assert fsw is not None
    expected: dict[str, float] = {}
    for n, part in enumerate(fsw.components):
        for m, parameter in enumerate(telemetry_of(type(part))):
            if parameter.type == "int" and hasattr(part.state, parameter.name):
                expected[parameter.name] = 1000.0 + 100 * n + m
                setattr(part.state, parameter.name, int(expected[parameter.name]))
    assert len(expected) >= 15
    flight.acknowledge = False
    flight.counter = int(expected["telecommand_counter"])
    flight.command("housekeeping.one_shot", structure="software")
    report = flight.bodies(Telemetry, flight.fly(1))[-1]
    values = dict(zip(flight.dictionary.structure[report.structure].parameters, report.values, strict=True))
    ours = {"telecommands_received": 1, "telecommands_accepted": 1, "telecommands_completed": 1}
    for name, value in expected.items():
        assert value <= values[name] <= value + 3, name
    for name in ours:
        assert values[name] == expected[name] + 1
    assert (values["boot_count"], values["mode"], values["payload_on"], values["payload_shed"]) == (1, 1, 1, 0)
    assert values["cycle"] == fsw.on_board.state.cycle and values["store_packets"] > 0


def test_numbers_and_names_of_what_is_declared_are_unique(flight: Flight) -> None:
    dictionary = flight.dictionary
    keys = [(form.service, form.subtype, form.function) for form in dictionary.telecommands]
    assert len(set(keys)) == len(keys)
    for items in (dictionary.telecommands, dictionary.events, dictionary.on_board_parameters, dictionary.structures):
        assert len({item.name for item in items}) == len(items)
    for numbered in (dictionary.events, dictionary.structures):
        assert len({item.id for item in numbered}) == len(numbered)
    assert len({component.name for component in COMPONENTS}) == len(COMPONENTS)
    assert all((form.function is not None) == (form.service == Service.FUNCTION) for form in dictionary.telecommands)


def test_the_dictionary_is_complete_and_its_names_are_unique(flight: Flight) -> None:
    dictionary = flight.dictionary
    names = [p.name for p in dictionary.parameters]
    assert len(set(names)) == len(names)
    known = set(names)
    for structure in dictionary.structures:
        assert set(structure.parameters) <= known
    reported = {name for s in dictionary.structures for name in s.parameters}
    assert known - reported == {"obt_s"}  # stamped on every packet
    assert {"reported_parameter", "reported_value"} <= known
    assert all(form.low <= form.default <= form.high for form in dictionary.on_board_parameters)
    assert len({s.name for s in device_forms(flight.node.software.config.equipment)}) == 10  # type: ignore[union-attr]
    assert config().initial_mode is Mode.NOMINAL


def test_jobs_are_thrown_back_by_telecommand_and_it_is_told(flight: Flight) -> None:
    flight.command("payload.rollback", 800, job="all", checkpoints=2)
    flight.fly(3)
    assert stages(flight, 800)[-1] == (Stage.COMPLETED, Code.NONE)
    assert flight.plant.inputs["job_rollback"][0][:4].tolist() == [2.0] * 4
    assert "job_rolled_back" in flight.events()
    flight.command("payload.rollback", 801, job="all", checkpoints=0)
    flight.fly(3)
    assert stages(flight, 801)[-1][1] is Code.OUT_OF_RANGE
