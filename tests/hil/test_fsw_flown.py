"""Flights with flight software outside, in virtual time: what passes, what happens without it, that a run repeats."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing, redirect_stderr
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from bus.errors import UserError
from bus.trace.reader import TraceReader
from bus.wire.codec import decode
from bus.wire.outside import SoftwareAnswer
from faults.commands.replay import replay
from faults.hil.play import Player
from faults.hil.record import read_record, record_command
from faults.recording.software import in_words
from faults.recording.summary import exit_status, shortcomings
from faults.run import compose as root
from faults.run.outside import Played
from faults.run_directory import create
from groundstation.archive.reader import ArchiveReader, unpack_values
from node.fsw.boot import BootReason
from node.hil.language import Order, Reading, Telemetry, Word
from tests.kits.fsw_kit import Flown, Pilot, fly, scenario_of
from tests.kits.hil_kit import MS, Answer, FakeLine
from tests.kits.runs import TINY

COMMANDED = (
    TINY
    + """\
timeline:
  - {at: 5 s, telecommand: {to: sc-1, name: ping}}
  - {at: 15 s, telecommand: {to: sc-1, name: payload.limit, arguments: {charge: 40 %}}}
"""
)
RESET = COMMANDED + "faults:\n  - {id: reset, fault: reboot, target: sc-1, at: 30 s}\n"


@pytest.fixture(scope="module")
def commanded(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    folder = tmp_path_factory.mktemp("commanded")
    return fly(folder, Pilot(), scenario_of(folder, text=RESET))


def telecommands(flown: Flown) -> dict[str, str]:
    archive = ArchiveReader(flown.directory.archive)
    return {str(row["name"]): str(row["state"]) for row in archive.telecommands()}


def test_telecommands_come_up_as_packets_and_its_reports_complete_them(commanded: Flown) -> None:
    ping, limit = commanded.pilot.telecommands
    assert (ping.apid, ping.sequence, ping.service, ping.subtype, ping.data) == (100, 0, 17, 1, b"")
    assert (limit.sequence, limit.service, limit.subtype) == (1, 8, 1)
    assert limit.data == bytes.fromhex("0001 3fd999999999999a"), "function 1, then 0.4 as a double, big-endian"
    assert telecommands(commanded) == {"ping": "COMPLETED", "payload.limit": "COMPLETED"}
    assert commanded.row["counts"]["telecommands"] == 2


def test_its_telemetry_is_archived_with_the_names_of_its_dictionary_and_the_ledger_closes(commanded: Flown) -> None:
    (ledger,) = commanded.summary["telemetry"]["spacecraft"].values()
    assert ledger["unaccounted"] == 0 and ledger["archived"] >= 9
    read = {reading.tick: commanded.pilot.charge(reading) for reading in commanded.pilot.readings}
    archive = ArchiveReader(commanded.directory.archive)
    told = [(row.obt_ns, row.values) for row in archive.reports("sc-1") if row.structure.name == "housekeeping"]
    assert len(told) == 5, "one each ten ticks, none while the computer was down"
    for obt_ns, values in told:
        assert values[0] == read[round(obt_ns / 1e9) - 1]


def test_it_reads_what_devices_measured_and_never_truth(commanded: Flown) -> None:
    """The charge has the battery monitor's step of 0.05 %, and its offset."""
    charges = np.array([commanded.pilot.charge(reading) for reading in commanded.pilot.readings])
    assert np.allclose(charges / 0.0005, np.round(charges / 0.0005), atol=1e-6)


def test_an_order_acts_on_the_plant(tmp_path: Path) -> None:
    class Off(Pilot):
        def step(self, reading: Reading) -> list[Word]:
            return [Order(reading.tick, "pcdu.lcl", 5, 0.0)] if reading.tick == 20 else []

    flown = fly(tmp_path, Off())
    states = [reading.values[flown.pilot.places["pcdu.lcl_state.storage"]] for reading in flown.pilot.readings]
    # Read at the end of tick 20, answered in 21, given in 22, acting in 23: its state is read at the end of that.
    assert states[:23] == [1.0] * 23 and states[23:] == [0.0] * (len(states) - 23)


def test_a_reset_drops_what_was_on_its_way_and_the_next_cycle_has_another_boot(commanded: Flown) -> None:
    ticks = [cycle.tick for cycle in commanded.pilot.cycles]
    assert [c.boot for c in commanded.pilot.cycles if c.tick < 30] == [1] * 30
    gap = [tick for tick in range(59) if tick not in ticks]
    assert gap == list(range(gap[0], gap[0] + 5)) and gap[0] in (29, 30), "five seconds for a boot"
    after = next(cycle for cycle in commanded.pilot.cycles if cycle.boot == 2)
    assert after.reason == BootReason.RESET
    counts = commanded.row["counts"]
    assert counts["answers_dropped"] in (1, 2) and commanded.row["timing"] == "VALID", "nobody was asked: no misses"


def test_the_same_again_is_the_same_to_the_bit_and_the_trace_speaks_for_it(commanded: Flown, tmp_path: Path) -> None:
    again = fly(tmp_path, Pilot(delay_ns=7), scenario_of(tmp_path, text=RESET))
    assert again.summary["trace_hash"] == commanded.summary["trace_hash"]
    assert replay(commanded.directory.path, "sc-1").same
    played = create("again", tmp_path / "played")
    scenario = scenario_of(tmp_path, text=RESET)
    root.prepare(played, scenario, "")
    everybody = root.build_all(scenario, gateway=[Played(commanded.directory.trace)])
    assert root.fly_in_process(scenario, played, participants=everybody).failure is None
    with TraceReader(played.trace) as ours, TraceReader(commanded.directory.trace) as theirs:
        assert ours.trace_hash() == theirs.trace_hash()


def test_a_record_answers_in_its_place_and_it_is_the_same_run(commanded: Flown, tmp_path: Path) -> None:
    out = tmp_path / "fsw.jsonl"
    assert record_command(commanded.directory.path, "sc-1.fsw", out) == 0

    class Recorded(Pilot):
        def __init__(self) -> None:
            super().__init__()
            self.player = Player(read_record(out))

        def hear(self, data: bytes) -> Answer:
            return [(MS, self.player.hear(data))]

    again = fly(tmp_path, Recorded(), scenario_of(tmp_path, text=RESET))
    assert again.summary["trace_hash"] == commanded.summary["trace_hash"]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"orders": [["pcdu.nothing", 0, 1.0]]}, ":2: found ValueError: 'pcdu.nothing', no word"),
        ({"orders": [["pcdu.lcl", -1, 1.0]]}, ":2: found ValueError: -1"),
        ({"telemetry": ["xy"]}, ":2: found ValueError"),
        ({"telemetry": ["00" * 8193]}, ":2: found ValueError: a packet of 8193 bytes"),
        ({"telemetry": [7]}, ":2: found TypeError"),
    ],
)
def test_a_wrong_line_of_a_record_is_named(
    row: dict[str, object], words: str, commanded: Flown, tmp_path: Path
) -> None:
    out = tmp_path / "fsw.jsonl"
    record_command(commanded.directory.path, "sc-1.fsw", out)
    head, first, *_ = out.read_text(encoding="utf-8").splitlines()
    out.write_text(f"{head}\n{json.dumps({**json.loads(first), **row})}\n", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        read_record(out)
    assert words in raised.value.message


def test_gone_for_good_nobody_switches_anything_the_watchdog_resets_and_the_run_is_invalid(tmp_path: Path) -> None:
    def watch(tick: int, line: FakeLine) -> None:
        if tick == 10:
            line.unplug()

    text = TINY.replace("duration: 60 s", "duration: 150 s") + "  - always sc-1.lcl_state[payload] == ON\n"
    scenario = scenario_of(tmp_path, text=text + "  - always sc-1.boot_count <= 2\n", fsw=", part: hardware")
    flown = fly(tmp_path, Pilot(), scenario, watch=watch)
    row, boots = flown.row, flown.pilot.cycles
    assert (row["device"], row["part"], row["timing"]) == ("fsw", "hardware", "INVALID") and row["counts"][
        "misses"
    ] > 100
    assert exit_status(flown.summary) == 3 and row["counts"]["watchdog_resets"] == 2
    assert shortcomings(flown.summary)[0].startswith("the timing of fsw of sc-1 is INVALID")
    assert {cycle.boot for cycle in boots} == {1}, "it heard no more"
    _, payload, boots_2 = flown.summary["expectations"]
    assert payload["verdict"] == "PASS", "the plant flies on with what was ordered last"
    # The last answer, to tick 10, is there in tick 12; the 63rd cycle without one is that of tick 75, then 5 s of boot.
    assert (boots_2["verdict"], boots_2["first_violation_s"]) == ("FAIL", pytest.approx(81 + 63 + 5, abs=2))


def test_it_comes_back_and_goes_on_in_the_boot_that_it_left(tmp_path: Path) -> None:
    def watch(tick: int, line: FakeLine) -> None:
        if tick == 20:
            line.unplug()
        line.plugged = line.plugged or tick == 35

    flown = fly(tmp_path, Pilot(), scenario_of(tmp_path, fsw=", allowed_misses: 20"), watch=watch)
    row = flown.row
    assert row["timing"] == "VALID" and (row["counts"]["connects"], row["counts"]["cuts"]) == (2, 1)
    ticks = [cycle.tick for cycle in flown.pilot.cycles]
    assert ticks[-1] == 58 and {cycle.boot for cycle in flown.pilot.cycles} == {1}
    assert row["counts"]["packets_missing"] == 0 if "packets_missing" in row["counts"] else True


class Odd(Pilot):
    """Says what nobody can read, in one tick each."""

    def step(self, reading: Reading) -> list[Word]:
        tick = reading.tick
        if tick == 10:
            return [self.packet(3, 25, b"\x00\x09" + bytes(8)), self.packet(200, 1, b"of the mission's own")]
        if tick == 12:
            nan = bytes.fromhex("7ff8000000000000")
            return [self.packet(3, 25, b"\x00\x01" + nan + bytes(8)), self.packet(1, 7, b"\x18\x64\xc0\x07")]
        if tick == 14:
            self.count += 5
            return [Telemetry(tick, b"no packet"), self.packet(17, 2)]
        if tick == 16:
            self.apid = 7
            words: list[Word] = [self.packet(17, 2)]
            self.apid = 2047
            words.append(self.packet(17, 2))
            self.apid = 100
            return words
        if tick == 18:
            return [
                Order(tick, "pcdu.lcl", 99, 1.0),
                Order(tick, "pcdu.lcl", 0, 7.0),
                Order(tick, "clock.step", 0, 1.0),
            ]
        return []


@pytest.fixture(scope="module")
def told() -> io.StringIO:
    """What stands on standard error after the flight of `odd`."""
    return io.StringIO()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory, told: io.StringIO) -> Flown:
    with redirect_stderr(told):
        return fly(tmp_path_factory.mktemp("odd"), Odd())


def test_what_is_not_in_the_dictionary_is_kept_raw_and_counted_and_nothing_is_lost_uncounted(odd: Flown) -> None:
    counts = odd.row["counts"]
    assert {name: counts[name] for name in (
        "packets", "not_in_the_dictionary", "no_packets", "idle_packets", "packets_missing")} == {
        "packets": 8, "not_in_the_dictionary": 5, "no_packets": 1, "idle_packets": 1, "packets_missing": 5,
    }  # fmt: skip
    (ledger,) = odd.summary["telemetry"]["spacecraft"].values()
    assert (ledger["archived"], ledger["unaccounted"]) == (6, 0)
    with closing(sqlite3.connect(odd.directory.archive)) as archive:
        query = "SELECT payload FROM packets WHERE number = 65535 ORDER BY sequence"
        kept = [unpack_values(payload) for (payload,) in archive.execute(query)]
    assert len(kept) == 5
    size, *numbers = kept[1]
    content = b"".join(int(number).to_bytes(6, "big") for number in numbers)[: int(size)]
    assert content[7:9] == bytes((200, 1)) and content[20:-2] == b"of the mission's own"


def test_orders_that_the_design_does_not_have_are_refused_and_the_others_act(odd: Flown) -> None:
    (row,) = odd.summary["flight_software"]
    assert row["refused"] == {"order_value": 2}
    assert row["crashes"] is None, "nobody sees whether a program outside crashed"
    assert "): crashes unknown, refused: 2 order_value" in in_words(row)
    obt_ns = [cycle.obt_ns for cycle in odd.pilot.cycles]
    assert max(b - a for a, b in pairwise(obt_ns)) == pytest.approx(2e9, abs=1e6)


def test_what_was_refused_is_told_in_the_words_of_the_protocol(odd: Flown, told: io.StringIO) -> None:
    (line,) = told.getvalue().splitlines()
    assert line.startswith("flight software outside of sc-1: refused order pcdu.lcl, element 99, value 1; allowed: ")


def test_everything_that_crossed_is_in_the_trace(odd: Flown) -> None:
    with TraceReader(odd.directory.trace) as reader:
        mail = [decode(frame) for record in reader for frame in record.mail]
    answers = [message.body for message in mail if isinstance(message.body, SoftwareAnswer)]
    assert sum(len(answer.telemetry) for answer in answers) == 8
    assert json.loads(odd.directory.summary.read_text())["devices_outside"] == [odd.row]
