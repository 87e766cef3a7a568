"""Service 18: steps are read, run, bounded, stopped; what is loaded survives a reboot, what runs does not."""

from __future__ import annotations

from typing import Any

import pytest

from bus.errors import Refused, ScenarioError
from bus.on_board_steps import MOST_STEPS, Do, Step, read_steps
from bus.pus import Code, Service, Stage
from bus.telecommand_check import check_telecommand
from bus.wire.messages import Event, Telemetry, Verification
from node.fsw.modes import Mode
from node.fsw.services.st18_procedures import MOST_ACTIVE, Procedures
from node.fsw.software import FlightSoftware
from tests.kits.fake_spacecraft import Flight

HOST = 4


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True, signals=("mode",))
    flight.fly(3)
    return flight


def board(flight: Flight) -> FlightSoftware:
    software = flight.node.software
    assert software is not None
    return software


def procedures(flight: Flight) -> Procedures:
    return board(flight).procedures


def load(flight: Flight, steps: str, name: str = "spare.1", part: int = 1, *, go: bool = True) -> None:
    flight.command("procedure.load", procedure=name, part=part, steps=steps)
    if go:
        flight.command("procedure.activate", procedure=name)
    flight.fly(1)


def codes(flight: Flight) -> list[Code]:
    last = {v.request: Code(v.code) for v in flight.bodies(Verification) if v.stage in (Stage.REJECTED, 7, 8)}
    return [last[request] for request in sorted(last)]


def said(flight: Flight, name: str) -> list[tuple[float, ...]]:
    numbers = [event.id for event in flight.dictionary.events if event.name == name]
    return [e.arguments for e in flight.bodies(Event) if e.event in numbers]


# ---- steps as they are written ----------------------------------------------------------------------------------


def test_steps_are_read_in_peoples_units(flight: Flight) -> None:
    text = "wait 1 min; until battery_soc > 50 % within 2 h"
    text += ";if mode == SAFE do parameter.set parameter=memory.scrub_s value=30"
    assert read_steps(flight.dictionary, text) == [
        Step(Do.WAIT, span_s=60.0),
        Step(Do.UNTIL, "battery_soc > 0.5", 7200.0),
        Step(Do.TELECOMMAND, "mode == 2", 0.0, "parameter.set", {"parameter": "memory.scrub_s", "value": 30.0}),
    ]


@pytest.mark.parametrize(
    ("steps", "found", "allowed"),
    [
        ("jump 5", "step 1: 'jump 5'", "stop unless CONDITION"),
        ("", "''", "wait TIME"),
        ("wait 5 s; wait", "step 2: 'wait'", "wait TIME"),
        ("wait 5", "step 1: '5'", "a time in s"),
        ("wait 3 d", "step 1: '3 d'", "up to 86400 s"),
        ("check batery_soc > 5 %", "step 1: 'batery_soc'", "battery_soc or"),
        ("check mode == HAPPY", "step 1: 'HAPPY'", "SURVIVAL"),
        ("check checked_value > 1", "step 1: 'checked_value'", "comes by itself"),
        ("until battery_soc > 5 %", "step 1", "until CONDITION within TIME"),
        ("do mode.sett mode=SAFE", "step 1: 'mode.sett'", "mode.set or time.set"),
        ("do mode.set mode=PARTY", "step 1: mode.set: arguments.mode: 'PARTY'", "SURVIVAL"),
        ("do mode.set mode=SAFE speed=1", "step 1: mode.set: arguments.speed", "mode"),
        ("do mode.set SAFE", "step 1: 'SAFE'", "name=value"),
        ("do procedure.activate procedure=spare.1", "step 1: procedure.activate", "about no procedure"),
        ("do schedule.insert at=5", "step 1: schedule.insert", "carries no other"),
    ],
)
def test_what_is_wrong_is_told_with_the_step_on_the_ground_and_on_board(
    flight: Flight, steps: str, found: str, allowed: str
) -> None:
    with pytest.raises(Refused) as caught:
        read_steps(flight.dictionary, steps)
    assert found in caught.value.found and allowed in caught.value.allowed
    given: dict[str, Any] = {"procedure": "spare.1", "part": 1, "steps": steps}
    with pytest.raises(ScenarioError) as refused:
        check_telecommand(flight.dictionary, "procedure.load", given)
    assert refused.value.mistakes[0].field == "arguments.steps"
    flight.command("procedure.load", **given)
    flight.fly(2)
    assert codes(flight) == [Code.WRONG_ARGUMENT] and procedures(flight).state.programs == {}


# ---- run --------------------------------------------------------------------------------------------------------


def test_telecommands_waits_and_conditions_come_in_their_order(flight: Flight) -> None:
    load(flight, "do mode.set mode=SAFE; wait 10 s; do mode.set mode=NOMINAL; until battery_soc < 50 % within 1 min")
    load(flight, "do mode.set mode=SAFE", part=2, go=False)  # refused: it is under way
    flight.fly(5)
    assert flight.truth()[0] == Mode.SAFE
    flight.fly(8)
    assert flight.truth()[0] == Mode.NOMINAL and procedures(flight).procedures_active() == 1
    flight.plant.set("battery_soc", 0.4)
    flight.plant.state["battery_group_soc"] = 0.4
    flight.fly(15)
    assert procedures(flight).procedures_active() == 0 and procedures(flight).state.procedures_ended == 1
    assert said(flight, "procedure_started") == [(0,)] and said(flight, "procedure_ended") == [(0, 4)]
    assert codes(flight) == [Code.NONE, Code.NONE, Code.REFUSED_BY_STATE]


@pytest.mark.parametrize(
    ("steps", "step", "code"),
    [
        ("do test.ping; check battery_soc < 10 %; do mode.set mode=SAFE", 2, Code.REFUSED_BY_STATE),
        ("until battery_soc < 10 % within 20 s; do mode.set mode=SAFE", 1, Code.REFUSED_BY_STATE),
        ("do mode.set mode=LEOP; do mode.set mode=SAFE", 1, Code.REFUSED_BY_MODE_TABLE),
    ],
)
def test_a_step_that_fails_ends_the_procedure_and_says_why(flight: Flight, steps: str, step: int, code: Code) -> None:
    load(flight, steps)
    flight.fly(30)
    assert said(flight, "procedure_failed") == [(0, step, code)] and flight.truth()[0] == Mode.NOMINAL
    assert procedures(flight).state.procedures_failed == 1 and not procedures(flight).state.runs


def test_a_condition_that_does_not_hold_skips_a_step_or_ends_well(flight: Flight) -> None:
    load(flight, "if battery_soc < 10 % do mode.set mode=SAFE; stop unless payload_shed == true; do mode.set mode=SAFE")
    flight.fly(5)
    assert flight.truth()[0] == Mode.NOMINAL and said(flight, "procedure_ended") == [(0, 2)]


def test_a_reading_of_a_stale_device_holds_for_nothing(flight: Flight) -> None:
    flight.inject(2, "battery-monitor", "dropout", probability=1.0)
    flight.fly(40)
    load(flight, "check battery_soc > 1 %; do mode.set mode=SAFE")
    flight.fly(3)
    assert said(flight, "procedure_failed") == [(0, 1, Code.REFUSED_BY_STATE)]


def test_stop_suspend_resume_and_abort(flight: Flight) -> None:
    steps = "wait 10 s; do mode.set mode=SAFE; wait 10 s; do mode.set mode=NOMINAL"
    load(flight, steps)
    flight.command("procedure.suspend", procedure="spare.1")
    flight.fly(40)
    assert flight.truth()[0] == Mode.NOMINAL
    flight.command("procedure.suspend", procedure="spare.1")
    flight.command("procedure.status")
    flight.command("procedure.resume", procedure="spare.1")
    flight.fly(3)
    status = [t.values for t in flight.bodies(Telemetry) if t.stream == Service.PROCEDURE]
    assert status == [(1, 0, 2, 1, 4)] and flight.truth()[0] == Mode.SAFE
    flight.command("procedure.stop", procedure="spare.1")
    flight.fly(15)  # its wait comes to an end, and that is all
    assert flight.truth()[0] == Mode.SAFE and said(flight, "procedure_ended") == [(0, 3)]
    flight.command("procedure.activate", procedure="spare.1")
    flight.command("procedure.abort", procedure="spare.1")
    flight.command("procedure.abort", procedure="spare.1")
    flight.fly(30)
    assert codes(flight)[2:] == [
        Code.NONE, Code.REFUSED_BY_STATE, Code.NONE, Code.NONE, Code.NONE, Code.NONE, Code.NONE, Code.REFUSED_BY_STATE,
    ]  # fmt: skip
    assert flight.truth()[0] == Mode.SAFE


def test_all_are_aborted_and_the_engine_is_switched_off_over_a_reboot(flight: Flight) -> None:
    for number in (1, 2):
        load(flight, "wait 1 h", f"spare.{number}")
    flight.command("procedure.abort_all")
    flight.fly(2)
    assert [t.values for t in flight.bodies(Telemetry) if t.stream == Service.PROCEDURE] == [(2, 0, 1), (2, 1, 1)]
    flight.command("procedure.off")
    flight.fly(2)
    flight.inject(HOST, "computer", "reboot")
    flight.fly(10)
    flight.command("procedure.activate", procedure="spare.1")
    flight.command("procedure.on")
    flight.command("procedure.activate", procedure="spare.1")
    flight.fly(3)
    assert codes(flight)[-3:] == [Code.REFUSED_BY_STATE, Code.NONE, Code.NONE]


def test_after_a_reboot_it_is_loaded_and_does_not_run(flight: Flight) -> None:
    load(flight, "wait 30 s; do mode.set mode=SAFE")
    flight.fly(5)
    saved = board(flight).save()
    board(flight).restore(saved)
    assert procedures(flight).procedures_active() == 1
    flight.inject(HOST, "computer", "reboot")
    flight.fly(60)
    assert procedures(flight).procedures_active() == 0 and flight.truth()[0] == Mode.NOMINAL
    assert len(procedures(flight).state.programs[0]) == 2
    flight.command("procedure.activate", procedure="spare.1")
    flight.fly(35)
    assert flight.truth()[0] == Mode.SAFE
    flight.command("procedure.unload", procedure="spare.1")
    flight.command("procedure.activate", procedure="spare.1")
    flight.fly(3)
    assert codes(flight)[-2:] == [Code.NONE, Code.NO_SUCH_ENTRY]


def test_steps_and_time_are_bounded(flight: Flight) -> None:
    many = "; ".join(["wait 1 s"] * 16)
    for part in range(1, MOST_STEPS // 16 + 2):
        load(flight, many, part=part, go=False)
    assert codes(flight)[-1] is Code.FULL or flight.fly(2) is not None
    flight.fly(1)
    assert codes(flight) == [Code.NONE] * (MOST_STEPS // 16) + [Code.FULL]
    flight.command("parameter.set", parameter="procedure.longest_s", value=10.0)
    flight.command("procedure.activate", procedure="spare.1")
    flight.fly(20)
    assert len(said(flight, "procedure_failed")) == 1 and MOST_ACTIVE > 1


def test_an_event_starts_a_procedure(flight: Flight) -> None:
    """Service 19 answers with a sequence: a telecommand in a telecommand."""
    load(flight, 'do payload.power_cap power_w="100 W"; wait 5 s; do mode.set mode=SAFE', go=False)
    flight.command(
        "event_action.add", on_event="telecommand_duplicate", telecommand="procedure.activate", procedure="spare.1"
    )
    flight.command("event_action.enable", cause="telecommand_duplicate")
    flight.fly(3)
    flight.command("test.ping", 77)
    flight.fly(1)
    flight.command("test.ping", 77)
    flight.fly(12)
    assert codes(flight) == [Code.NONE] * 4
    assert said(flight, "procedure_started") == [(0,)] and flight.truth()[0] == Mode.SAFE
