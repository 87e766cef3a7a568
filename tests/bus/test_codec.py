"""Message <-> bytes: round trips, limits, and that no byte string gets anything but DecodeError out of a decoder."""

from __future__ import annotations

import contextlib
import math
import struct
from zlib import crc32

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import DecodeError, MessageRefused
from bus.lockstep.ticks import answer, read_tick, read_tock, write_tick, write_tock
from bus.participant import Moment, Outbox
from bus.wire.bodies import BODIES
from bus.wire.codec import Header, covered, decode, digest, encode, pack_map, peek, read_body, restamp, seal
from bus.wire.crosslink import IslFrame
from bus.wire.executor import JobOrder, JobReport
from bus.wire.messages import (
    MAX_MESSAGE_BYTES,
    MAX_PIECE_BYTES,
    PROTOCOL_VERSION,
    Account,
    Allocation,
    Body,
    Bye,
    Event,
    Hello,
    Injection,
    InjectionReport,
    Kind,
    Message,
    OperatorAction,
    OperatorNote,
    OperatorReply,
    OperatorRequest,
    Piece,
    Refusal,
    StoreReport,
    Telecommand,
    Telemetry,
    TelemetryAck,
    Tick,
    Tock,
    Verification,
    Welcome,
)
from bus.wire.outside import DeviceReading, DeviceSample, SoftwareAnswer, SoftwareCycle
from bus.wire.pace import ClockOrder, ClockState
from bus.wire.stacks import CommandStep, OperatorConfirmation, OperatorStack

D16 = bytes(range(16))
PACKET = {"boot": 3, "stream": 3, "sequence": 2**53 - 1, "obt_ns": -5}
EXAMPLES: list[Body] = [
    Hello(protocol=1, role="node", dictionary="ab", versions={"python": "3.11"}),
    Welcome(scenario=(D16, D16), snapshot=(), next_tick=7),
    Refusal(reason="no: ü€"),
    Piece(what="snapshot", index=0, of=1, tick=4, digest=D16, content=b"\x00" * MAX_PIECE_BYTES),
    Tick(tick=1, count=0, digest=D16, beacons={"sat-a": b"x" * 80}, host_up=False, closing=True),
    Tock(tick=1, count=0, digest=D16, beacon=b"b" * 96, truth=b"t" * 800),
    Bye(reason=""),
    Telecommand(
        ground_boot=1, request=2, station="svalbard", name="ping",
        arguments={"a": True, "b": -3, "c": 0.1, "d": "text", "e": 0, "f": 1.0}, dictionary="", expires_ns=2**62,
    ),
    Telemetry(**PACKET, structure=1, dictionary=b"12345678", values=(0.1, -0.0, 1e308, 5e-324)),
    Event(**PACKET, event=9, severity=4, arguments=(1.0,)),
    Verification(**PACKET, ground_boot=1, request=2, stage=7, code=0, detail="done"),
    TelemetryAck(boot=1, stream=3, below=9),
    StoreReport(rows=tuple((2**53, 255, 2**53, 2**53) for _ in range(1024))),
    Allocation(station="svalbard", spacecraft="sat-a", band="Ka", rate_bps=1e9, on=True),
    IslFrame(topic="x" * 32, values=(0.0,) * 32, content=b"\xff" * 1024, volume_bytes=2**53),
    OperatorRequest(token=1, spacecraft="sat-a", name="ping", arguments={}),
    OperatorReply(token=1, request=-1, state="ACCEPTED", detail="", final=False),
    OperatorAction(token=1, verb="procedure.run", name="first-contact", run=2, spacecraft=("sat-a",), arguments={}),
    OperatorNote(token=1, run=2, state="RUNNING", text="1. contact: svalbard", final=False),
    Injection(
        injection="x", seam=1, place="string_health[3]", primitive="set", parameters={"value": 0}, start_ns=0, end_ns=0
    ),
    InjectionReport(injection="x", state=2, at_ns=5, reason=""),
    Account(rows=((1, 3, 9, 2),), counters={"tc_sent": 3.0}),
    OperatorStack(
        token=3, stop=True, asked_by="ada", asked_from="desk",
        steps=(CommandStep(("sat-a", "sat-b"), "mode.set", {"mode": "SAFE", "x": 1.5}, canary=("sat-a",)),),
    ),
    OperatorConfirmation(token=4, request=2),
    ClockOrder(verb="step", steps=3),
    ClockState(tick=7, paused=False, speed=60.0, steps=2),
    DeviceSample(device="pcdu", values=(28.0, None), orders=(("lcl", 3, 1.0),)),
    DeviceReading(device="pcdu", tick=7, values=(28.0, 3.0), measured=(("load_w", 3, 12.5),)),
    SoftwareCycle(boot=1, reason=2, obt_ns=-5, values=(28.0, None), telecommands=(b"\x18\x01",)),
    SoftwareAnswer(boot=1, connect=1, orders=(("pcdu.lcl", 3, 1.0),), telemetry=(b"\x08\x01", b"")),
    JobOrder(job="llm", life=1, up=True, state=1, begin=60, steps=64, checkpoint=2, strikes=1,
             groups=(("tpu_1", (310.5, 1.0)),)),
    JobReport(job="llm", life=1, ready=True, steps=64, kept=2, kept_steps=-1, event=1, figures={"loss": 0.5}),
]  # fmt: skip
EXAMPLES_OF = {body.kind: body for body in EXAMPLES}


def framed(body: Body, authentication: bytes = b"") -> bytes:
    return encode(Message(10**18, "sat-a", 12, "ground", body, authentication))


def resum(packed: bytes) -> bytes:
    """With a checksum that fits, so that what is behind it is tested too."""
    return packed + crc32(packed).to_bytes(4, "big")


CORPUS = [
    b"",
    b"\xc1" * 40,
    b"\x00" * 65536,
    b"\x00" * 65537,
    resum(b"\x91" * 1000 + b"\xc0"),  # nesting
    resum(b"\xdd\xff\xff\xff\xff" + b"\x90" * 100),  # an array that claims 4 G entries
    resum(b"\xdf\xff\xff\xff\xff" + b"\xc0" * 100),  # a map that does
    resum(b"\xc6\xff\xff\xff\xff" + b"\x00" * 100),  # a bin that does
    resum(b"\x98\x01" + b"\xd4\x01\x00" * 7),  # extension types
    resum(msgpack.packb([PROTOCOL_VERSION])),
    resum(msgpack.packb([True, 0, "a", 0, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a", 0, "b", 7, b"", b""]) + b"\x00"),  # something follows
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a", 0, "b", 7, {}, b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a", True, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0.0, "a", 0, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, -1, "a", 0, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 2**63, "a", 0, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a\n", 0, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "A", 0, "b", 7, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a", 0, "b", 99, b"", b""])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a", 0, "b", 7, b"", b"x" * 65])),
    resum(msgpack.packb([PROTOCOL_VERSION, 0, "a", 0, "b", 7, b"", b""])[:-2] + b"\xc5\x00\x00"),  # long form of a bin
]

BAD_BODIES = [
    b"",
    b"\xc0",
    b"\x80",
    msgpack.packb({"reason": b"bytes"}),
    msgpack.packb({"reason": 7}),
    msgpack.packb({"reason": "x", "extra": 1}),
    msgpack.packb({"reason": "x" * 1025}),
    msgpack.packb({1: "x"}),
    b"\x81\xa6reason\xa2\xff\xfe",  # no UTF-8
    b"\x81\xa6reason" + b"\x91" * 2000,
]


@pytest.mark.parametrize("body", EXAMPLES, ids=lambda body: type(body).__name__)
@pytest.mark.parametrize("authentication", [b"", b"\xc4" * 64])
def test_every_kind_comes_back_the_same(body: Body, authentication: bytes) -> None:
    message = Message(10**18, "sat-a", 12, "ground", body, authentication)
    frame = encode(message)
    again = decode(frame)
    assert again == message and repr(again) == repr(message)  # repr: True is not 1, -0.0 is not 0.0
    assert encode(again) == frame
    assert peek(frame) == Header(10**18, "sat-a", 12, "ground", body.kind, len(frame) - 6 - len(authentication))
    assert covered(frame) == covered(encode(message._replace(authentication=b"")))


def test_every_kind_has_an_example() -> None:
    assert {body.kind for body in EXAMPLES} == set(BODIES) == set(Kind)


@pytest.mark.parametrize("frame", CORPUS, ids=range(len(CORPUS)))
def test_the_corpus_is_refused(frame: bytes) -> None:
    for read in (decode, peek, covered, lambda frame: restamp(frame, 0, 0)):
        with pytest.raises(DecodeError):
            read(frame)


@pytest.mark.parametrize("content", BAD_BODIES, ids=range(len(BAD_BODIES)))
def test_bad_bodies_are_refused_and_can_be_forwarded(content: bytes) -> None:
    frame = seal(0, "sat-a", 0, "ground", Kind.BYE, content)
    assert peek(frame).kind is Kind.BYE
    with pytest.raises(DecodeError):
        decode(frame)
    with pytest.raises(DecodeError):
        read_body(Kind.BYE, content)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, True, b"7", "7", None])
def test_numbers_are_strict(bad: object) -> None:
    fields = {**EXAMPLES[8].__dict__, "values": (1.0, bad)}
    with pytest.raises(DecodeError):
        decode(seal(0, "sat-a", 0, "ground", Kind.TELEMETRY, pack_map(fields)))


CLOSED = [
    ("severity", EXAMPLES_OF[Kind.EVENT], range(1, 5)),
    ("stage", EXAMPLES_OF[Kind.VERIFICATION], range(1, 9)),
    ("seam", EXAMPLES_OF[Kind.INJECTION], range(1, 5)),
    ("state", EXAMPLES_OF[Kind.INJECTION_REPORT], range(1, 4)),
]


@pytest.mark.parametrize(("field", "example", "members"), CLOSED)
def test_an_enumeration_is_closed_to_its_members(field: str, example: Body, members: range) -> None:
    for number in (*range(-1, 300), 2**53):
        frame = seal(0, "sat-a", 0, "ground", example.kind, pack_map({**example.__dict__, field: number}))
        if number in members:
            assert getattr(decode(frame).body, field) == number
        else:
            with pytest.raises(DecodeError):
                decode(frame)


@pytest.mark.parametrize(
    ("kind", "field", "bad"),
    [
        (Kind.OPERATOR_REPLY, "state", "done"),
        (Kind.OPERATOR_REPLY, "request", 2**60),
        (Kind.EVENT, "obt_ns", 2**63),
        (Kind.EVENT, "obt_ns", -(2**63)),
        (Kind.EVENT, "stream", 256),
        (Kind.STORE_REPORT, "rows", [[0, 256, 0, 0]]),
        (Kind.STORE_REPORT, "rows", [[0, 3, -1, 0]]),
        (Kind.ACCOUNT, "rows", [[0, -1, 0, 0]]),
        (Kind.ALLOCATION, "band", "Q"),
        (Kind.HELLO, "protocol", -1),
    ],
)
def test_every_number_and_word_has_its_range(kind: Kind, field: str, bad: object) -> None:
    with pytest.raises(DecodeError):
        decode(seal(0, "sat-a", 0, "ground", kind, pack_map({**EXAMPLES_OF[kind].__dict__, field: bad})))


def test_another_protocol_is_named() -> None:
    packed = msgpack.packb([PROTOCOL_VERSION + 1, "whatever that one has in store"])
    with pytest.raises(DecodeError, match=f"protocol version {PROTOCOL_VERSION + 1}"):
        decode(resum(packed))


def test_the_sender_is_told_what_cannot_be_carried() -> None:
    bye = Bye(reason="")
    for message in (
        Message(-1, "a", 0, "b", bye),
        Message(0, "a", -1, "b", bye),
        Message(0, "A", 0, "b", bye),
        Message(0, "a", 0, "b" * 33, bye),
        Message(0, "a", 0, "b", bye, b"x" * 65),
        Message(0, "a", 0, "b", Event.model_construct(obt_ns=2**70)),
        Message(0, "a", 0, "b", Account(rows=tuple((2**53, 255, 2**53, 2**53) for _ in range(8192)), counters={})),
    ):
        with pytest.raises(MessageRefused) as caught:
            encode(message)
        assert isinstance(caught.value, ValueError)
    biggest = Message(0, "a", 0, "b", Piece.model_construct(content=b"x" * (MAX_MESSAGE_BYTES - 30)))
    assert len(encode(biggest)) == MAX_MESSAGE_BYTES
    with pytest.raises(MessageRefused, match="limit 65536"):
        encode(biggest._replace(source="aa"))


@given(st.binary(max_size=400))
@settings(max_examples=1500)
def test_no_bytes_but_decode_error(data: bytes) -> None:
    for frame in (data, resum(data), resum(bytes([0x98, PROTOCOL_VERSION]) + data)):
        for read in (decode, peek):
            try:
                read(frame)
            except DecodeError:
                continue


@given(
    st.sampled_from(EXAMPLES),
    st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255), st.sampled_from("xid")), min_size=1, max_size=6),
    st.booleans(),
)
@settings(max_examples=1500)
def test_mutated_frames_are_refused_or_are_messages(
    body: Body, edits: list[tuple[int, int, str]], sum_fits: bool
) -> None:
    original = framed(body)
    frame = bytearray(original[:-4] if sum_fits else original)
    for position, value, how in edits:
        place = position % len(frame)
        if how == "x":
            frame[place] = value
        elif how == "i":
            frame.insert(place, value)
        elif len(frame) > 1:
            del frame[place]
    mutated = resum(bytes(frame)) if sum_fits else bytes(frame)
    try:
        message = decode(mutated)
    except DecodeError:
        return
    assert sum_fits or mutated == original
    assert decode(encode(message)) == message


@given(st.binary(max_size=200), st.sampled_from(sorted(BODIES)))
@settings(max_examples=500)
def test_no_body_bytes_but_decode_error(content: bytes, kind: Kind) -> None:
    with contextlib.suppress(DecodeError):
        decode(seal(0, "sat-a", 0, "ground", kind, content))


@given(st.lists(st.binary(max_size=60), max_size=3))
@settings(max_examples=300)
def test_ticks_and_tocks_of_any_bytes(frames: list[bytes]) -> None:
    for read in (lambda f: read_tick(f, 10), lambda f: read_tock("sat-a", f)):
        with pytest.raises(DecodeError):
            read([*frames])
        with pytest.raises(DecodeError):
            read([framed(EXAMPLES[4]), *frames, b""])


def test_ticks_and_tocks_come_back_and_notice_changed_mail() -> None:
    event = framed(EXAMPLES[9])
    frames = write_tick(3, 10, [(peek(event), event)], {"sat-b": b"beacon"}, host_up=False)
    moment, inbox, refused = read_tick(frames, 10)
    assert moment == Moment(3, 30, 40, {"sat-b": b"beacon"}, host_up=False, closing=False)
    assert inbox == [decode(event)] and refused == 0
    other = framed(EXAMPLES[9], b"other authentication is none of the digest's business")
    assert len(read_tick([frames[0], other], 10).inbox) == 1
    for mail in ([], [framed(EXAMPLES[8])], [event, event]):
        with pytest.raises(DecodeError):
            read_tick([frames[0], *mail], 10)

    tock = write_tock("sat-a", moment, Outbox(messages=inbox, truth=b"t" * 8, beacon=b"b" * 80))
    received = read_tock("sat-a", tock)
    assert (received.tick, received.truth, received.beacon) == (3, b"t" * 8, b"b" * 80)
    assert [frame for _, frame in received.mail] == [event]
    assert answer("sat-a", moment, Outbox(messages=inbox, truth=b"t" * 8, beacon=b"b" * 80)) == received
    for much in (Outbox(truth=b"t" * 16_385), Outbox(beacon=b"b" * 513), Outbox(messages=inbox * 65_536)):
        with pytest.raises(MessageRefused):
            answer("sat-a", moment, much)
    for bad in ([tock[0]], [tock[0], framed(EXAMPLES[8])], [framed(EXAMPLES[4]), event], []):
        with pytest.raises(DecodeError):
            read_tock("sat-a", bad)
    with pytest.raises(DecodeError):
        read_tock("sat-b", tock)


def test_a_bad_body_in_the_mail_is_dropped_and_counted() -> None:
    good = framed(EXAMPLES[9])
    bad = seal(0, "sat-b", 0, "sat-a", Kind.EVENT, b"\xc1")
    frames = write_tick(0, 10, [(peek(f), f) for f in (bad, good)], {})
    assert read_tick(frames, 10)[1:] == ([decode(good)], 1)


def test_restamp_moves_only_time_and_number() -> None:
    frame = framed(EXAMPLES[7], b"key")
    again = decode(restamp(frame, 7, 8))
    assert again == decode(frame)._replace(sent_ns=7, seq=8)


def test_digest_knows_where_parts_end() -> None:
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"]) != digest([b"abc"])
    assert digest([b""]) != digest([])


def test_floats_travel_bit_for_bit() -> None:
    values = struct.unpack("<4d", struct.pack("<4Q", 1, 0x7FEFFFFFFFFFFFFF, 0x8000000000000000, 0x3FB999999999999A))
    body = Telemetry(**PACKET, structure=1, dictionary=b"12345678", values=values)
    assert struct.pack("<4d", *decode(framed(body)).body.values) == struct.pack("<4d", *values)
