"""What stands in the computer for flight software that is outside: packets up and down, what is lost, and a reset."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from bus.binary import form_of, read_telecommand, report_data
from bus.dictionary import Argument, Dictionary, EventForm, Parameter, Structure, TelecommandForm
from bus.pus import CODE_TEXTS, Code, Service, Severity, Stage
from bus.space_packets import Packet as SpacePacket
from bus.space_packets import cuc_of, read_telecommand_packet, read_telemetry_packet, request_id, telemetry_packet
from bus.wire.authentication import sign
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Body, Event, Message, StoreReport, Telecommand, Telemetry, TelemetryAck, Verification
from bus.wire.outside import MAX_PACKETS, SoftwareAnswer
from node.assembly import dictionary, equipment
from node.designs.load import load_design
from node.devices.definitions import device_forms
from node.devices.device import Order, Reading
from node.devices.nvm import NonVolatileMemory
from node.foreign.packets import downlinked, is_numbered, uplinked
from node.foreign.software import MAX_REQUESTS, ForeignSoftware, counters_of, foreign_software
from node.fsw.boot import BootReason, BootRecord
from node.fsw.modes import Mode
from node.fsw.protocol import Board
from node.fsw.services.packets import body

CHARGE = Argument(name="charge", unit="1", type="float", description="", low=0.0, high=0.9)
WORDS = Dictionary(
    design="pathfinder",
    parameters=(
        Parameter(name="soc", unit="1", type="float", description=""),
        Parameter(name="payload", unit="", type="enum", description="", labels=("off", "on")),
    ),
    structures=(
        Structure(id=1, name="core", parameters=("soc", "payload"), interval_s=10.0),
        Structure(id=2, name="here", parameters=(), interval_s=0.0, service=17, subtype=2),
        Structure(id=3, name="mine", parameters=("soc",), interval_s=0.0, service=200, subtype=1),
    ),
    events=(EventForm(id=7, name="off", severity=2, arguments=(CHARGE,), description=""),),
    telecommands=(
        TelecommandForm(name="ping", service=17, subtype=1, description=""),
        TelecommandForm(name="limit", service=8, subtype=1, function=5, description="", arguments=(CHARGE,)),
    ),
    codes=CODE_TEXTS,
)
KEY, S = bytes(32), 10**9
PARTS = equipment(load_design("pathfinder"))
FORMS = device_forms(PARTS)


class Craft:
    """The software of one boot after the other, stepped by hand."""

    def __init__(self) -> None:
        self.nvm = NonVolatileMemory()
        self.counter = 0
        self.obt_ns = 5 * S
        self.connect = 1
        self.contact = True
        self.fsw = self.boot(BootReason.FIRST_START)

    def boot(self, reason: BootReason) -> ForeignSoftware:
        board = Board(PARTS, FORMS, WORDS, S, Mode.NOMINAL, KEY, ())
        self.fsw = foreign_software((100, 101))(board, self.nvm, BootRecord.begin(self.nvm, reason))
        return self.fsw

    def up(self, body: Body, *, counter: int | None = None, key: bytes = KEY) -> Message:
        if counter is None:
            self.counter += 1
            counter = self.counter
        return sign(Message(self.obt_ns, "ground", counter, "sc-1", body), key, counter)

    def said(self, *telemetry: bytes, boot: int = 0, orders: tuple[tuple[str, int, float], ...] = ()) -> Message:
        boot = boot or BootRecord.read(self.nvm).boot
        body = SoftwareAnswer(boot=boot, connect=self.connect, orders=orders, telemetry=telemetry)
        return Message(self.obt_ns, "hil", 1, "sc-1", body)

    def step(self, *mail: Message) -> tuple[list[Order], list[Body], BootReason | None]:
        self.obt_ns += S
        readings = [Reading(np.zeros(len(form.channels)), age) for age, form in enumerate(FORMS)]
        readings[-1].values[:2] = self.contact, 1e6
        readings[1].values[0] = np.nan
        orders, packets, reboot, _ = self.fsw.step(self.obt_ns, readings, list(mail))
        return list(orders), [p for p in packets if not isinstance(p, StoreReport)], reboot

    @property
    def handed(self) -> list[SpacePacket]:
        assert self.fsw.outgoing is not None
        return [read_telecommand_packet(packet) for packet in self.fsw.outgoing.telecommands]


def packet(service: int, subtype: int, data: bytes = b"", count: int = 0, apid: int = 100) -> bytes:
    return telemetry_packet(SpacePacket(apid, count, service, subtype, data, cuc_of(3 * S)))


def telecommand(request: int, name: str = "ping", expires_ns: int = 10**15, **arguments: float) -> Telecommand:
    return Telecommand(
        ground_boot=1, request=request, station="svalbard", name=name, arguments=arguments, dictionary=WORDS.version,
        expires_ns=expires_ns,
    )  # fmt: skip


@pytest.fixture
def craft() -> Craft:
    return Craft()


def test_what_is_asked_is_every_channel_then_every_age_and_what_is_no_number_is_null(craft: Craft) -> None:
    craft.step()
    asked = craft.fsw.outgoing
    assert asked is not None and (asked.boot, asked.reason, asked.obt_ns) == (1, BootReason.FIRST_START, 6 * S)
    channels = sum(len(form.channels) for form in FORMS)
    assert asked.values[channels:] == tuple(range(len(FORMS))) and len(asked.values) == channels + len(FORMS)
    assert asked.values[:2] == (0.0, None)


def test_orders_are_given_to_their_device(craft: Craft) -> None:
    orders, _, _ = craft.step(craft.said(orders=(("battery-monitor.group", 1, 0.0),)))
    assert orders == [Order("battery-monitor", "group", 1, 0.0)]


def test_reports_events_and_verification_go_down_with_the_time_that_they_bear(craft: Craft) -> None:
    craft.step(craft.up(telecommand(9, "limit", charge=0.5)))
    (tc,) = craft.handed
    assert (tc.apid, tc.sequence, tc.service, tc.subtype, tc.data) == (100, 0, 8, 1, struct.pack(">Hd", 5, 0.5))
    assert craft.fsw.outgoing is not None
    identity = request_id(craft.fsw.outgoing.telecommands[0])
    _, sent, _ = craft.step(craft.said(
        packet(3, 25, struct.pack(">HdH", 1, 0.75, 1)),
        packet(17, 2, count=1),
        packet(200, 1, struct.pack(">d", 0.25), count=2),
        packet(5, 2, struct.pack(">Hd", 7, 0.4), count=3),
        packet(1, 7, identity, count=4),
        packet(1, 8, identity + struct.pack(">H", 4) + b"zu voll", count=5),
        packet(1, 5, identity + b"\x03", count=6),
    ))  # fmt: skip
    reports = [one for one in sent if isinstance(one, Telemetry)]
    assert [(r.stream, r.structure, r.values, r.obt_ns) for r in reports] == [
        (17, 2, (), 3 * S), (3, 1, (0.75, 1.0), 3 * S), (3, 3, (0.25,), 3 * S),
    ]  # fmt: skip
    (event,) = [one for one in sent if isinstance(one, Event)]
    assert (event.event, event.severity, event.arguments) == (7, Severity.LOW, (0.4,))
    verified = [(v.request, v.stage, v.code, v.detail) for v in sent if isinstance(v, Verification)]
    assert verified == [(9, Stage.COMPLETED, 0, ""), (9, Stage.FAILED, Code.OUT_OF_RANGE, "zu voll"),
                        (9, Stage.PROGRESS, 0, "step 3")]  # fmt: skip
    assert counters_of(craft.nvm) == {}


def test_a_telecommand_that_is_sent_again_has_its_sequence_count_again_and_a_replay_is_not_handed_over(
    craft: Craft,
) -> None:
    first = craft.up(telecommand(1))
    craft.step(first, craft.up(telecommand(2)))
    assert [tc.sequence for tc in craft.handed] == [0, 1]
    craft.step(craft.up(telecommand(1)), first)
    assert [tc.sequence for tc in craft.handed] == [0]
    assert counters_of(craft.nvm) == {"telecommands_replayed": 1}
    craft.boot(BootReason.RESET)
    craft.step(craft.up(telecommand(3)), craft.up(telecommand(2)))
    assert [tc.sequence for tc in craft.handed] == [2, 1], "a reset forgets neither"


def test_what_is_not_authentic_expired_or_too_much_is_counted_and_not_handed_over(craft: Craft) -> None:
    craft.step(
        craft.up(telecommand(1), key=bytes(31) + b"x"),
        craft.up(telecommand(2, expires_ns=S)),
        craft.up(telecommand(3, "limit", charge=0.1)),
        craft.up(telecommand(4).model_copy(update={"dictionary": "0" * 16})),
        craft.up(telecommand(5).model_copy(update={"name": "nothing"})),
    )
    assert [tc.service for tc in craft.handed] == [8]
    craft.step(*(craft.up(telecommand(10 + n)) for n in range(MAX_PACKETS + 3)))
    assert len(craft.handed) == MAX_PACKETS
    assert counters_of(craft.nvm) == {"uplink_not_authentic": 1, "telecommands_dropped": 3 + 3}


def test_the_requests_it_remembers_are_bounded(craft: Craft) -> None:
    for number in range(MAX_REQUESTS + 10):
        craft.step(craft.said(), craft.up(telecommand(number)))
    reports = [packet(1, 1, struct.pack(">HH", 0x1864, 0xC000 + at), count) for count, at in enumerate((0, 200))]
    _, sent, _ = craft.step(craft.said(*reports))
    assert [v.request for v in sent if isinstance(v, Verification)] == [200]
    assert counters_of(craft.nvm) == {"not_in_the_dictionary": 1}


@pytest.mark.parametrize(
    "data",
    [
        packet(3, 25, struct.pack(">HdH", 9, 0.75, 1)),
        packet(3, 25, struct.pack(">Hd", 1, 0.75)),
        packet(3, 25, struct.pack(">HdH", 1, float("nan"), 1)),
        packet(3, 25, b"\x00"),
        packet(17, 2, b"more"),
        packet(99, 1),
        packet(5, 2, struct.pack(">Hd", 8, 0.4)),
        packet(5, 9, struct.pack(">Hd", 7, 0.4)),
        packet(5, 2, struct.pack(">Hd", 7, float("inf"))),
        packet(1, 7, b"\x18\x64\xc0\x00"),
        packet(17, 2, apid=7),
    ],
)
def test_what_is_not_in_the_dictionary_goes_down_byte_by_byte(data: bytes, craft: Craft) -> None:
    _, (sent,), _ = craft.step(craft.said(data))
    assert isinstance(sent, Telemetry) and (sent.stream, sent.structure) == (Service.HOUSEKEEPING, 65_535)
    size, *numbers = sent.values
    assert b"".join(int(number).to_bytes(6, "big") for number in numbers)[: int(size)] == data
    assert counters_of(craft.nvm) == {"not_in_the_dictionary": 1}


def test_gaps_in_a_sequence_are_counted_by_apid_and_a_line_that_came_up_again_begins_anew(craft: Craft) -> None:
    for count, apid in ((16_382, 100), (0, 101), (16_383, 100), (2, 100), (1, 101)):
        craft.step(craft.said(packet(17, 2, count=count, apid=apid)))
    assert counters_of(craft.nvm) == {"packets_missing": 2}
    craft.connect = 2
    craft.step(craft.said(packet(17, 2, count=0)))
    assert counters_of(craft.nvm) == {"packets_missing": 2}


def test_packets_stay_until_the_ground_has_them_and_without_contact_none_leaves(craft: Craft) -> None:
    craft.contact = False
    craft.step(craft.said(packet(17, 2), packet(17, 2, count=1)))
    assert craft.fsw.figures()[2:4] == (2, 2)
    craft.contact = True
    _, sent, _ = craft.step()
    assert len(sent) == 2
    craft.step(craft.up(TelemetryAck(boot=1, stream=17, below=1)))
    assert craft.fsw.figures()[2:4] == (2, 1)
    assert craft.fsw.account([]) == [(1, 17, 2, 1)]


def test_without_an_answer_for_a_minute_the_watchdog_asks_for_a_reset(craft: Craft) -> None:
    craft.step(craft.said())
    asked = [craft.step()[2] for _ in range(63)]
    assert asked == [None] * 62 + [BootReason.WATCHDOG], "60 s and the two ticks of the way"
    craft.boot(BootReason.WATCHDOG)
    assert craft.step()[2] is None


def test_what_was_asked_of_an_earlier_boot_is_answered_too_late(craft: Craft) -> None:
    craft.boot(BootReason.RESET)
    orders, sent, _ = craft.step(craft.said(packet(17, 2), boot=1, orders=(("pcdu.lcl", 0, 0.0),)))
    assert (orders, sent) == ([], [])
    assert counters_of(craft.nvm) == {"answers_dropped": 1, "packets_dropped": 1}


def test_a_twin_goes_on_to_the_bit(craft: Craft) -> None:
    craft.contact = False
    craft.step(craft.said(packet(17, 2, count=4)), craft.up(telecommand(1)))
    saved, records = craft.fsw.save(), craft.nvm.records()
    twin = Craft()
    twin.nvm.load(records)
    board = Board(PARTS, FORMS, WORDS, S, Mode.NOMINAL, KEY, ())
    twin.fsw = foreign_software((100, 101))(board, twin.nvm, BootRecord.read(twin.nvm))
    twin.fsw.restore(saved)
    twin.obt_ns, twin.counter = craft.obt_ns, craft.counter
    for one in (craft, twin):
        one.contact = True
    mail = (craft.said(packet(17, 2, count=7)), craft.up(telecommand(2)))
    assert craft.step(*mail) == twin.step(*mail)
    assert craft.fsw.outgoing == twin.fsw.outgoing and craft.nvm.records() == twin.nvm.records()
    assert craft.fsw.save() == twin.fsw.save()


def test_frames_of_peers_have_no_word_in_the_protocol_and_are_counted(craft: Craft) -> None:
    craft.step(Message(craft.obt_ns, "sc-2", 1, "sc-1", IslFrame.model_construct()))
    assert counters_of(craft.nvm) == {"crosslink_frames_dropped": 1}


def test_at_the_end_what_was_on_its_way_is_kept_and_telecommands_come_too_late(craft: Craft) -> None:
    rows = craft.fsw.account([craft.said(packet(17, 2)), craft.up(telecommand(1))])
    assert rows == [(1, 17, 1, 0)]
    assert counters_of(craft.nvm) == {"telecommands_dropped": 1}


@pytest.mark.parametrize("design", ["pathfinder", "sc3"])
def test_all_that_the_reference_says_and_understands_passes_as_packets(design: str) -> None:
    """Software that speaks as the reference does needs no dictionary of its own."""
    words = dictionary(design)
    for structure in words.structures:
        values = tuple(float(place % 2) for place in range(len(structure.parameters)))
        number = struct.pack(">H", structure.id) if is_numbered(words, structure) else b""
        told = SpacePacket(1, 0, structure.service, structure.subtype, number + report_data(words, structure, values))
        read = read_telemetry_packet(telemetry_packet(told))
        stream, kept = downlinked(words, read, 0, lambda identity: None)
        found = body(1, stream, 0, kept, bytes(8))
        assert isinstance(found, Telemetry) and (found.structure, found.values) == (structure.id, values)
    for event in words.events:
        data = struct.pack(">H", event.id) + form_of(event.arguments).pack(*[1] * len(event.arguments))
        stream, kept = downlinked(words, SpacePacket(1, 0, 5, event.severity, data), 0, lambda identity: None)
        found = body(1, stream, 0, kept, bytes(8))
        assert isinstance(found, Event) and (found.event, len(found.arguments)) == (event.id, len(event.arguments))
    for form in words.telecommands:
        if form.carrier is None and not any(argument.type == "steps" for argument in form.arguments):
            given = {argument.name: example(argument) for argument in form.arguments}
            said = telecommand(1, form.name).model_copy(update={"arguments": given, "dictionary": words.version})
            up = read_telecommand_packet(uplinked(words, said, 1, 0))
            back, arguments = read_telecommand(words, up.service, up.subtype, up.data)
            assert (back.name, arguments) == (form.name, given)


def example(argument: Argument) -> float | int | bool | str:
    match argument.type:
        case "float":
            return 0.5
        case "int":
            return 1
        case "bool":
            return True
        case "enum" | "list":
            return argument.labels[0]
        case _:
            return "00"
