"""A spacecraft as a function of (tick, inbox), with its state in three parts, to the bit; fake plant and real plant."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_nvm import replay

from bus.errors import DecodeError, UnknownNameError, UserError
from bus.participant import Moment
from bus.wire.codec import encode
from bus.wire.messages import Account, Kind, Message, Packet, TelemetryAck
from docs.reference.forms import undescribed
from docs.reference.generate import pages
from node.assembly import dictionary, wire
from node.config import resolve
from node.fsw.modes import Mode
from node.node import Node, assemble
from node.truth import NODE_SIGNALS
from tests.kits.fake_spacecraft import TICK_NS, Flight, config, scenario

PLANT, DEVICE, LINK, HOST = 1, 2, 3, 4
SIGNALS = ("battery_soc", *NODE_SIGNALS, "string_health[3]")


def busy(flight: Flight, ticks: int = 60) -> Flight:
    """A flight in which much happens."""
    for tick in range(ticks):
        if tick == 3:
            flight.command("housekeeping.interval", structure="core", interval_s=2.0)
        if tick == 8:
            flight.inject(PLANT, "string_health[3]", "scale", name="s", value=0.5, during=20)
            flight.inject(DEVICE, "battery-monitor", "noise", name="n", sigma=0.01, during=30)
            flight.inject(LINK, "downlink", "loss", name="l", probability=0.3, during=40)
        if tick == 20:
            flight.inject(HOST, "computer", "reboot", name="r")
        if tick == 30:
            flight.command("parameter.set", parameter="power.shed_below_soc", value=0.35)
        flight.fly(1)
    return flight


def test_the_same_inboxes_give_the_same_bytes_and_another_seed_others() -> None:
    def run(seed: int) -> list[object]:
        flight = busy(Flight(contact=True, signals=SIGNALS, seed=seed))
        return [([encode(m) for m in out.messages], out.truth, out.beacon, out.writes) for out in flight.outboxes]

    assert run(1) == run(1)
    assert run(1) != run(2)


@given(st.integers(1, 70))
@settings(max_examples=15)
def test_a_saved_spacecraft_goes_on_to_the_bit(split: int) -> None:
    flight = busy(Flight(contact=True, signals=SIGNALS), split)
    saved = flight.node.save()
    twin = Flight(contact=True, signals=SIGNALS)
    twin.node.restore(saved)
    assert twin.node.save() == saved
    flight.acknowledge = twin.acknowledge = False
    twin.tick, twin._sequence, twin._request = flight.tick, flight._sequence, flight._request
    twin._inbox, twin.counter = list(flight._inbox), flight.counter
    busy(flight, 40)
    busy(twin, 40)
    assert flight.outboxes[-40:] == twin.outboxes[-40:]
    assert flight.node.save() == twin.node.save()


def test_committed_writes_are_the_non_volatile_memory() -> None:
    flight = busy(Flight(contact=True))
    assert (
        replay([w for out in flight.outboxes for w in out.writes]) | _factory(flight) == flight.node.parts.nvm.records()
    )


def _factory(flight: Flight) -> dict[str, bytes]:
    """Nothing: even what the factory wrote is in the first outbox."""
    assert "mode" in dict(flight.outboxes[0].writes)
    return {}


def test_a_spacecraft_that_lost_its_process_goes_on_from_its_non_volatile_memory() -> None:
    """Paced runs: plant caught up, memory read back from the journal, flight software reset."""
    flight = Flight(contact=True, acknowledge=False)
    flight.command("mode.set", mode="SAFE")
    flight.fly(30)
    journal = replay([w for out in flight.outboxes for w in out.writes])
    twin = Flight(contact=True)
    twin.node.remember(journal, flight.tick)
    assert twin.plant.steps == flight.plant.steps
    twin.tick = flight.tick
    twin.fly(2)
    fsw = twin.node.software
    assert fsw is not None and (fsw.computer.boot.boot, fsw.modes.mode) == (2, Mode.SAFE)
    rows = {row[:2]: row[2:] for row in twin.close().messages[0].body.rows}
    assert {key[0] for key in rows} == {0, 2}, "all of the first boot is acknowledged to the end"
    assert sum(row[0] for key, row in rows.items() if key[0] == 0) == len(flight.node.parts.nvm.names("tm."))


def test_a_computer_that_is_not_there_flies_on_and_boots_when_it_is_back() -> None:
    flight = Flight(signals=("host_up", "boot_count", "mode"))
    flight.fly(5)
    flight.fly(4, host_up=False)
    assert flight.truth()[0] == 0.0 and flight.plant.steps == 9
    flight.fly(1)
    assert flight.truth() == (1.0, 2.0, 1.0)


def test_a_range_that_loses_the_computer_does_not_end_a_power_loss_early() -> None:
    flight = Flight(signals=("host_up",))
    flight.fly(2)
    flight.inject(HOST, "computer", "kill", down_s=20.0)
    flight.fly(3)
    flight.fly(2, host_up=False)
    flight.fly(20)
    assert flight.truth() == (0.0,)
    flight.fly(1)
    assert flight.truth() == (1.0,)


def test_telecommands_to_a_computer_that_is_down_are_counted_as_lost() -> None:
    flight = Flight(contact=True)
    flight.fly(2)
    flight.inject(HOST, "computer", "reboot")
    flight.command("test.ping")
    flight.fly(2)
    assert flight.node.parts.radio.uplink.dropped["computer_down"] == 1 + 1  # and the acknowledgement of the boot


@given(st.lists(st.integers(0, 30), max_size=6), st.floats(0.0, 0.9), st.booleans())
@settings(max_examples=25)
def test_generated_is_archived_or_on_board(reboots: list[int], loss: float, contact_ends: bool) -> None:
    """Whatever the link and the computer do: no packet is lost as long as the store does not overflow."""
    flight = Flight(contact=True, signals=("telemetry_generated", "telemetry_on_board"))
    flight.inject(LINK, "downlink", "loss", name="l", probability=loss)
    flight.inject(LINK, "uplink", "duplicate", name="d")
    for tick in range(60):
        if tick in reboots:
            flight.inject(HOST, "computer", "reboot", name=f"r{tick}")
        if tick == 40 and contact_ends:
            flight.point(on=False)
        flight.fly(1)
    account: Account = flight.close().messages[0].body
    own = {row[:2] for row in account.rows}
    for boot, stream, generated, first in account.rows:
        if boot == 0:  # settled: all boots without a row of their own, to the last packet
            settled = [numbers for (b, s), numbers in flight.archived.items() if s == stream and (b, s) not in own]
            assert all(numbers == set(range(len(numbers))) for numbers in settled)
            assert sum(map(len, settled)) == generated == first
            continue
        archived = flight.archived[(boot, stream)]
        assert archived <= set(range(generated))
        assert archived >= set(range(first))  # nothing was released that the ground did not have
        assert len(archived | set(range(first, generated))) == generated
    if not reboots:
        assert sum(row[2] for row in account.rows) == flight.truth()[0]


def test_the_account_closes_and_hears_the_last_acknowledgements() -> None:
    flight = Flight(contact=True, acknowledge=False)
    flight.fly(25)
    flight.send(TelemetryAck(boot=1, stream=3, below=1))
    steps = flight.plant.steps
    out = flight.close()
    (message,) = out.messages
    assert (message.kind, message.destination, flight.plant.steps) == (Kind.ACCOUNT, "range", steps)
    rows = {row[:2]: row[2:] for row in message.body.rows}
    assert rows[(1, 3)] == (2, 1)
    assert message.body.counters["downlink.sent"] > 0
    assert ("tm.1.3.0", None) in out.writes


def test_messages_leave_in_order_with_sequence_numbers_of_their_own() -> None:
    flight = busy(Flight(contact=True))
    keys = [(m.sent_ns, m.source, m.seq) for m in flight.log]
    assert keys == sorted(keys) and len(set(keys)) == len(keys)
    assert [m.seq for m in flight.log] == list(range(1, len(keys) + 1))
    for out, tick in zip(flight.outboxes, range(len(flight.outboxes)), strict=True):
        assert {m.sent_ns for m in out.messages} <= {(tick + 1) * TICK_NS}


def test_truth_is_sampled_at_the_end_of_the_tick_in_the_order_asked_for() -> None:
    flight = Flight(contact=True, signals=SIGNALS)
    flight.fly(12)
    truth = dict(zip(SIGNALS, flight.truth(), strict=True))
    assert truth == {
        "battery_soc": 0.9, "mode": 1.0, "boot_count": 1.0, "host_up": 1.0, "telemetry_generated": 2.0,
        "telemetry_on_board": 0.0, "contact": 1.0, "payload_shed": 0.0, "string_health[3]": 1.0,
        "verifications_generated": 0.0, "housekeeping_generated": 1.0, "events_generated": 1.0,
        "time_reports_generated": 0.0, "check_reports_generated": 0.0, "parameter_reports_generated": 0.0,
        "software_faults": 0.0,
    }  # fmt: skip


def test_bad_input_is_refused_with_the_next_step() -> None:
    with pytest.raises(UnknownNameError, match=r"'sat-2'; did you mean sat-1"):
        resolve(scenario(), "sat-2")
    with pytest.raises(UserError, match="initial mode 7"):
        config(initial={"mode": 7.0})
    with pytest.raises(UnknownNameError, match="truth signal 'nonsense'"):
        Flight(signals=("nonsense",))
    with pytest.raises(UnknownNameError, match="did you mean pathfinder"):
        dictionary("pathfindr")
    flight = Flight()
    for garbage in (b"", b"x" * 40, flight.node.save()[:-1], Flight(seed=2).node.save()):
        with pytest.raises(DecodeError):
            flight.node.restore(garbage)


def test_the_dictionary_is_made_without_numba_and_without_the_plant_s_kernels() -> None:
    code = (
        "import sys; from node.assembly import dictionary; d = dictionary('pathfinder'); "
        "assert not {'numba', 'sgp4', 'zmq'} & set(sys.modules); print(d.version)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert out.stdout.strip() == dictionary("pathfinder").version


def test_every_field_of_a_design_says_what_it_is() -> None:
    assert not undescribed()


@pytest.mark.parametrize(
    "name",
    ["telecommands.md", "telemetry.md", "design.md", "faults.md", "fdir.md", "scenarios.md", "../faults/README.md"],
)
def test_the_reference_pages_say_what_is_declared(name: str) -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / name
    assert page.read_text(encoding="utf-8") == pages()[name], "stale: run `python -m docs.reference.generate`"


def test_a_real_plant_flies_and_can_be_saved_and_restored() -> None:
    """Two nodes on the real physics: one flies on, one is restored half-way; both end with the same bits."""
    cfg = config(signals=("battery_soc", "altitude_m", "contact", "array_power_w"), initial={"battery_soc": 0.7})
    node, twin = assemble(cfg), Node(cfg, wire(cfg))
    rows = []
    for tick in range(200):
        if tick == 100:
            twin.restore(node.save())
        moment = Moment(tick, tick * TICK_NS, (tick + 1) * TICK_NS)
        inbox: list[Message] = []
        out = node.step(moment, inbox)
        rows.append(np.frombuffer(out.truth))
        if tick >= 100:
            assert twin.step(moment, inbox) == out
    truth = np.array(rows)
    assert twin.save() == node.save()
    assert abs(truth[0, 0] - 0.7) < 0.001 and np.ptp(truth[:, 0]) > 0.0
    assert 5e5 < truth[:, 1].min() < truth[:, 1].max() < 8e5
    assert node.parts.signals.own.telemetry_generated > 10 and not any(isinstance(m.body, Packet) for m in out.messages)
