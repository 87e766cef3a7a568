"""What the computer does about itself: silence from the ground, a dead receiver, resets without end."""

from __future__ import annotations

import pytest

from bus.pus import Code, Severity, Stage
from bus.wire.messages import Event, Verification
from node.fsw.managers.command_loss import NOTED_NS
from node.fsw.modes import Mode
from tests.kits.fake_spacecraft import Flight

LINK, HOST = 3, 4


@pytest.fixture
def flight() -> Flight:
    """In contact; a minute of silence is much."""
    flight = Flight(contact=True, signals=("mode",))
    flight.fly(3)
    flight.command("parameter.set", parameter="command_loss.after_s", value=60.0)
    flight.fly(2)
    return flight


def software(flight: Flight):  # type: ignore[no-untyped-def]
    assert flight.node.software is not None
    return flight.node.software


def told(flight: Flight, name: str) -> list[tuple[float, ...]]:
    number = next(event.id for event in flight.dictionary.events if event.name == name)
    found = {(e.boot, e.sequence): e.arguments for e in flight.bodies(Event) if e.event == number}
    return [found[key] for key in sorted(found)]


def completed(flight: Flight, request: int) -> bool:
    return any(
        v.request == request and v.stage == Stage.COMPLETED and v.code == Code.NONE for v in flight.bodies(Verification)
    )


# ---- the command-loss timer -------------------------------------------------------------------------------------


def test_silence_leads_to_the_other_receiver_and_then_to_safe(flight: Flight) -> None:
    flight.fly(55)
    assert told(flight, "command_loss") == []
    flight.fly(10)
    assert told(flight, "command_loss") == [(1.0, 1.0, 60.0)]
    assert flight.node.parts.radio.state.receiver == 1 and flight.truth()[0] == Mode.NOMINAL
    flight.fly(60)
    assert told(flight, "command_loss")[1:] == [(2.0, 0.0, 120.0)]
    assert flight.truth()[0] == Mode.SAFE and flight.node.parts.radio.state.receiver == 0
    flight.fly(60)
    assert flight.node.parts.radio.state.receiver == 1  # they take turns until somebody is heard
    state = software(flight).command_loss.state
    assert (state.command_loss_stage, state.receiver_swaps) == (2, 3)
    severity = next(event.severity for event in flight.dictionary.events if event.name == "command_loss")
    assert severity == Severity.HIGH


def test_a_dead_receiver_is_answered_by_the_swap(flight: Flight) -> None:
    flight.inject(LINK, "receiver_a", "blackout")
    flight.fly(2)
    for _ in range(4):
        flight.command("test.ping", 900)
        flight.fly(5)
    assert not completed(flight, 900) and flight.node.parts.radio.uplink.dropped["dead_receiver"] >= 4
    assert software(flight).on_board.state.pool[flight.dictionary.parameters.index(
        next(p for p in flight.dictionary.parameters if p.name == "radio_contact")
    )] == 1.0  # it looks well  # fmt: skip
    flight.fly(60)
    assert told(flight, "command_loss")[0][:2] == (1.0, 1.0)
    flight.command("test.ping", 901)
    flight.fly(3)
    assert completed(flight, 901)
    assert told(flight, "command_found") == [(1.0,)] and software(flight).command_loss.state.command_loss_stage == 0
    assert flight.truth()[0] == Mode.NOMINAL


def test_both_receivers_dead_is_beyond_help_and_one_that_lives_again_is_found(flight: Flight) -> None:
    flight.inject(LINK, "receiver_a", "blackout", name="a", during=400)
    flight.inject(LINK, "receiver_b", "blackout", name="b")
    flight.fly(350)
    assert flight.truth()[0] == Mode.SAFE
    flight.fly(60)
    for request in range(901, 930):
        flight.command("test.ping", request)
        flight.fly(5)
    assert any(completed(flight, request) for request in range(901, 930))


def test_telecommands_hold_the_timer_off_and_the_schedule_does_not(flight: Flight) -> None:
    for _ in range(4):
        flight.command("test.ping")
        flight.fly(40)
    assert told(flight, "command_loss") == []
    obt_s = software(flight).on_board.state.obt_ns / 1e9
    for k in range(4):
        flight.command("schedule.insert", at=obt_s + 15.0 * (k + 1), sub_schedule=0, schedule_group=0,
                       telecommand="test.ping")  # fmt: skip
    flight.fly(70)
    assert len(told(flight, "command_loss")) == 1


def test_a_forged_telecommand_is_no_voice_of_the_ground(flight: Flight) -> None:
    flight.config = flight.config.__class__(**{
        **{name: getattr(flight.config, name) for name in flight.config.__slots__}, "telecommand_key": b"x" * 32,
    })  # fmt: skip
    for _ in range(14):
        flight.command("test.ping")
        flight.fly(5)
    assert len(told(flight, "command_loss")) == 1


def test_the_silence_and_the_receiver_survive_a_reboot(flight: Flight) -> None:
    flight.fly(62)
    assert flight.node.parts.radio.state.receiver == 1
    flight.inject(HOST, "computer", "reboot")
    flight.fly(20)
    assert software(flight).command_loss.state.radio_receiver_used == 1
    flight.fly(60)
    assert flight.truth()[0] == Mode.SAFE


def test_by_default_three_days_of_silence_are_needed_and_reboots_do_not_hide_them() -> None:
    flight = Flight()
    flight.fly(3)
    loss = software(flight).command_loss
    assert loss.on_board.value(loss.AFTER) == 3 * 86_400.0
    loss.state.since_ns = NOTED_NS
    flight.fly(2)
    flight.inject(HOST, "computer", "reboot")
    flight.fly(20)
    assert software(flight).command_loss.command_silence_s() >= 600.0


def test_the_ground_selects_a_receiver(flight: Flight) -> None:
    flight.command("radio.receiver", receiver="b")
    flight.fly(3)
    assert flight.node.parts.radio.state.receiver == 1
    assert software(flight).on_board.state.pool.item(software(flight).layout.index["radio_receiver"]) == 1.0


def test_a_receiver_can_only_die(flight: Flight) -> None:
    flight.inject(LINK, "receiver_a", "loss")
    flight.fly(2)
    assert "allowed: blackout" in flight.log[-1].body.reason or any(
        "allowed: blackout" in getattr(m.body, "reason", "") for m in flight.log
    )


# ---- the safe image ---------------------------------------------------------------------------------------------


def resets(flight: Flight, count: int) -> None:
    for _ in range(count):
        flight.inject(HOST, "computer", "reboot")
        flight.fly(10)


def test_resets_without_end_lead_to_the_safe_image_and_a_telecommand_out_of_it(flight: Flight) -> None:
    obt_s = software(flight).on_board.state.obt_ns / 1e9
    flight.command("schedule.insert", 500, at=obt_s + 100.0, sub_schedule=0, schedule_group=0, telecommand="test.ping")
    flight.fly(2)
    resets(flight, 4)
    assert not software(flight).computer.safe_image and flight.truth()[0] == Mode.SAFE
    resets(flight, 1)
    assert software(flight).computer.safe_image and told(flight, "safe_image") == [(5.0,)]
    assert flight.plant.inputs["accelerator_enable"][0][0] == 0
    flight.command("parameter.set", 501, parameter="command_loss.after_s", value=86_400.0)
    flight.command("mode.set", 502, mode="NOMINAL")
    flight.fly(150)
    assert completed(flight, 502) and flight.plant.inputs["accelerator_enable"][0][0] == 0  # no payload here
    assert software(flight).schedule.state.schedule_released == 0  # what may have caused the resets has no turn
    flight.inject(HOST, "computer", "reboot")
    flight.fly(10)
    assert software(flight).computer.safe_image and len(told(flight, "safe_image")) == 2
    flight.command("computer.image", 503, image="full")
    flight.fly(15)
    assert not software(flight).computer.safe_image and software(flight).computer.boots_in_a_row() == 0
    flight.command("mode.set", 504, mode="NOMINAL")
    flight.fly(5)
    assert flight.plant.inputs["accelerator_enable"][0][0] == 1


def test_a_watchdog_reset_is_counted(flight: Flight) -> None:
    flight.inject(HOST, "computer", "hang")
    flight.fly(75)
    assert software(flight).computer.state.watchdog_resets == 1
