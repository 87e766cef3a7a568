"""Who has no key is not heard, and nobody is heard twice: forged, replayed, re-ordered and stale telecommands."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.wire.authentication import WINDOW, authentic, derived_key, sign
from bus.wire.messages import Message, Telecommand, TelemetryAck
from node.fsw.modes import Mode
from node.fsw.services.authentication import QUIET_NS
from tests.kits.fake_spacecraft import TICK_NS, Flight

KEY, OTHER = derived_key(1, "sat-1"), derived_key(1, "sat-2")
LINK, HOST = 3, 4


def cap(flight: Flight, power_w: float, counter: int, request: int, key: bytes = KEY) -> Message:
    body = Telecommand(
        ground_boot=1, request=request, station="north", name="payload.power_cap", arguments={"power_w": power_w},
        dictionary=flight.dictionary.version, expires_ns=10**15,
    )  # fmt: skip
    return sign(Message(flight.tick * TICK_NS, "ground", 1000 + request, "sat-1", body), key, counter)


def heard(flight: Flight, *messages: Message) -> Any:
    """The authentication component's state after these came up."""
    flight._inbox += messages
    flight.fly(1)
    assert flight.node.software is not None
    return flight.node.software.authentication.state


def executed(flight: Flight) -> int:
    assert flight.node.software is not None
    return flight.node.software.verification.state.telecommands_completed


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.fly(2)
    return flight


FORGERIES: dict[str, Callable[[Message], Message]] = {
    "no code": lambda m: m._replace(authentication=b""),
    "a short code": lambda m: m._replace(authentication=m.authentication[:-1]),
    "another key": lambda m: sign(m, OTHER, 5),
    "another argument": lambda m: m._replace(body=m.body.model_copy(update={"arguments": {"power_w": 9.0}})),
    "another request": lambda m: m._replace(body=m.body.model_copy(update={"request": 99})),
    "another expiry": lambda m: m._replace(body=m.body.model_copy(update={"expires_ns": 2**61})),
    "another time": lambda m: m._replace(sent_ns=m.sent_ns + 1),
    "another number": lambda m: m._replace(seq=m.seq + 1),
    "another counter": lambda m: m._replace(authentication=(77).to_bytes(8, "big") + m.authentication[8:]),
    "one bit": lambda m: m._replace(authentication=m.authentication[:-1] + bytes([m.authentication[-1] ^ 1])),
}


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("forgery", FORGERIES)
def test_no_forgery_executes_in_any_mode(forgery: str, mode: Mode) -> None:
    flight = Flight(contact=True, initial={"mode": float(mode)})
    flight.fly(2)
    state = heard(flight, FORGERIES[forgery](cap(flight, 100.0, 5, 1)))
    assert (state.uplink_not_authentic, executed(flight)) == (1, 0)
    assert flight.node.software is not None and flight.node.software.verification.state.telecommands_received == 0
    assert heard(flight, cap(flight, 100.0, 5, 1)).uplink_not_authentic == 1
    assert executed(flight) == 1


def test_a_telecommand_for_a_neighbour_is_not_ours() -> None:
    message = Message(0, "ground", 1, "sat-2", TelemetryAck(boot=1, stream=3, below=1))
    assert authentic(sign(message, KEY, 3), KEY) == 3
    assert authentic(sign(message, KEY, 3)._replace(destination="sat-1"), KEY) == -1


def test_a_replay_is_refused_at_once_and_after_a_reboot_and_in_safe_mode(flight: Flight) -> None:
    recorded = cap(flight, 100.0, 7, 50)
    heard(flight, recorded)
    assert heard(flight, recorded).telecommands_replayed == 1
    flight.inject(HOST, "computer", "reboot")
    flight.fly(20)
    assert heard(flight, recorded).telecommands_replayed == 1  # counted from the boot on
    flight.counter = 8
    flight.command("mode.set", mode="SAFE")
    flight.fly(2)
    assert heard(flight, recorded).telecommands_replayed == 2
    assert executed(flight) == 1  # the mode, in this boot


def test_a_new_request_under_an_old_counter_is_refused_too(flight: Flight) -> None:
    heard(flight, cap(flight, 100.0, 7, 1))
    assert heard(flight, cap(flight, 200.0, 7, 2)).telecommands_replayed == 1
    assert executed(flight) == 1


@given(st.permutations(range(1, 25)), st.integers(1, 4))
@settings(max_examples=20)
def test_within_the_window_order_does_not_matter_and_each_is_good_once(order: list[int], copies: int) -> None:
    flight = Flight(contact=True)
    flight.fly(2)
    messages = [cap(flight, 100.0 + n, n, n) for n in order]
    state = heard(flight, *(message for message in messages for _ in range(copies)))
    flight.fly(4)
    assert executed(flight) == 24
    assert state.telecommands_replayed == 24 * (copies - 1)


@pytest.mark.parametrize(("below", "taken"), [(1, True), (WINDOW - 1, True), (WINDOW, False), (WINDOW + 1000, False)])
def test_what_is_older_than_the_window_is_stale(flight: Flight, below: int, taken: bool) -> None:
    heard(flight, cap(flight, 100.0, 5000, 2))
    state = heard(flight, cap(flight, 200.0, 5000 - below, 1))
    assert state.telecommands_replayed == (not taken)
    assert executed(flight) == 1 + taken
    assert state.telecommand_counter == 5000


def test_a_forged_acknowledgement_releases_nothing(flight: Flight) -> None:
    flight.acknowledge = False
    flight.fly(5)
    assert flight.node.software is not None
    store = flight.node.software.storage.store
    before = store.packets
    ack = Message(flight.tick * TICK_NS, "ground", 1, "sat-1", TelemetryAck(boot=1, stream=3, below=10**6))
    assert heard(flight, sign(ack, OTHER, 0)).uplink_not_authentic == 1
    assert store.packets >= before


def test_a_flood_of_forgeries_is_one_event_a_minute_and_counted_to_the_last(flight: Flight) -> None:
    seconds = QUIET_NS // TICK_NS
    names: list[str] = []
    for n in range(3 * seconds):
        forged = [cap(flight, 1.0, 10 + n, 1000 * n + lane, OTHER) for lane in range(20)]
        state = heard(flight, *forged)
        names += flight.events(flight.log[-1:])
    flight.fly(2)
    assert state.uplink_not_authentic == 3 * seconds * 20
    assert flight.events().count("uplink_refused") == 3
    assert executed(flight) == 0


def test_a_stranger_who_replays_or_forges_the_uplink_reaches_nothing(flight: Flight) -> None:
    flight.inject(LINK, "uplink", "replay", name="recorder", ticks=3.0)
    flight.inject(LINK, "uplink", "forge", name="forger")
    flight.fly(1)
    for power_w in (100.0, 200.0, 300.0):
        flight.command("payload.power_cap", power_w=power_w)
        flight.fly(2)
    flight.fly(10)
    assert flight.node.software is not None
    state = flight.node.software.authentication.state
    assert executed(flight) == 3
    assert state.telecommands_replayed == 3
    assert state.uplink_not_authentic >= 3  # acknowledgements are forged as well
    assert flight.node.software.verification.state.telecommands_received == 3


def test_nobody_forges_the_downlink(flight: Flight) -> None:
    flight.inject(LINK, "downlink", "forge")
    flight.fly(2)
    reports = [m.body for m in flight.log if m.destination == "range"]
    assert [report.reason for report in reports] == ["forge of the downlink; allowed: uplink"]


def _hmac_sha_256(key: bytes, text: bytes) -> bytes:
    """By RFC 2104, from the hash alone."""
    padded = (hashlib.sha256(key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in padded) + text).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in padded) + inner).digest()


def test_the_code_of_a_telecommand_is_the_standard_s() -> None:
    """RFC 4231, test cases 1, 2 and 6; then what is signed: envelope, counter, and the body as it travels."""
    for key, text, digest in (
        (b"\x0b" * 20, b"Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"),
        (b"Jefe", b"what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
        (b"\xaa" * 131, b"Test Using Larger Than Block-Size Key - Hash Key First",
         "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
    ):  # fmt: skip
        assert _hmac_sha_256(key, text).hex() == digest
    body = Telecommand(ground_boot=1, request=7, station="pole", name="test.ping", arguments={"n": 3},
                       dictionary="00ff", expires_ns=10**12)  # fmt: skip
    message, key = Message(5, "ground", 9, "sat-1", body), derived_key(1, "sat-1")
    signed = sign(message, key, 42).authentication
    text = f"5 ground 9 sat-1 {int(body.kind)} 42\n".encode() + msgpack.packb(vars(body))
    assert signed == (42).to_bytes(8, "big") + _hmac_sha_256(key, text)
