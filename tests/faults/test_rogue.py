"""A spacecraft that holds a valid key and sends well-formed nonsense: it costs itself, never the verdict on the others.

What it sends passes the encoding as it stands, without the schema's checks: a foreign program would not make them.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from bus.errors import MessageRefused
from bus.participant import Moment, Outbox, Participant
from bus.wire import messages as m
from bus.wire.codec import encode
from bus.wire.messages import Body, Message
from faults.commands.replay import replay
from faults.export.write import export_command
from faults.recording.read import read_recording
from faults.recording.summary import to_json
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.progress import StatusSampler
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from tests.kits.runs import TINY

TEXT = TINY.replace(
    "stations: [svalbard]",
    """\
  - id: rogue
    design: pathfinder
    orbit: {sso: {altitude: 650 km, ltan: "06:00", argument_of_latitude: 86 deg}}
stations: [svalbard]
timeline:
  - {at: 5 s, telecommand: {to: sc-1, name: test.ping}}
  - {at: 6 s, telecommand: {to: rogue, name: test.ping}}
faults:
  - {id: open, fault: string_open, target: rogue, at: 10 s, for: 5 s, parameters: {string: string_1}}""",
).replace("duration: 60 s", "duration: 30 s")
TICKS = 30
HUGE, EDGE = 2**53, 2**62
NUMBERS: tuple[Any, ...] = (-1, 0, 4, 9, 255, 256, 65535, 65536, HUGE - 1, HUGE, HUGE + 1, 2**63, -EDGE, 0.5, 1e308,
                            math.nan, math.inf, True, None, "text", b"bytes", (), {})  # fmt: skip


def _examples() -> list[Body]:
    packet: dict[str, Any] = {"boot": 0, "sequence": 0, "obt_ns": 0}
    return [
        m.Telemetry(stream=3, structure=1, dictionary=b"x" * 8, values=(1.0,), **packet),
        m.Event(stream=5, event=1, severity=1, arguments=(1.0,), **packet),
        m.Verification(stream=1, ground_boot=0, request=0, stage=1, code=0, **packet),
        m.StoreReport(rows=((0, 3, 0, 5),)),
        m.InjectionReport(injection="string_open", state=1, at_ns=0),
        m.Account(rows=((0, 3, 5, 0),), counters={"tc_completed": 1.0}),
        m.Telecommand(ground_boot=0, request=0, station="svalbard", name="test.ping", arguments={}, dictionary="x",
                      expires_ns=EDGE),
        m.TelemetryAck(boot=0, stream=3, below=0),
        m.Allocation(station="svalbard", spacecraft="sc-1", band="S", rate_bps=1.0, on=False),
        m.OperatorRequest(token=0, spacecraft="sc-1", name="test.ping", arguments={}),
        m.Injection(injection="mine", seam=1, place="string_health[0]", primitive="set", parameters={"value": 0.0},
                    start_ns=0, end_ns=0),
    ]  # fmt: skip


def nonsense() -> list[Body]:
    """Every message with every field in turn at every number, and rows and values at their edges."""
    made: list[Body] = []
    for body in _examples():
        made.append(body)
        for name in type(body).model_fields:
            made += [type(body).model_construct(**{**body.__dict__, name: number}) for number in NUMBERS]
    row = (HUGE, 255, HUGE, HUGE)
    made += [
        m.StoreReport(rows=(row, (0, 3, HUGE, HUGE), (0, 1, HUGE, HUGE), (0, 1, HUGE, 0))),
        m.StoreReport(rows=tuple((boot, 3, HUGE, HUGE) for boot in range(1024))),
        m.Account(rows=(row, (0, 3, 0, HUGE), (0, 3, HUGE, 0), (0, 3, HUGE, 0)), counters={"sc-1.archived": 1e308}),
        m.Telemetry(boot=HUGE, stream=255, sequence=HUGE - 1, obt_ns=EDGE, structure=1, dictionary=b"x" * 8,
                    values=(1e308, -1e308, 5e-324) * 600),
        *(m.Event(boot=0, stream=5, sequence=3 * k, obt_ns=-EDGE, event=k, severity=4, arguments=(1e308,) * 16)
          for k in range(300)),
        *(m.Verification(boot=0, stream=1, sequence=k, obt_ns=EDGE, ground_boot=0, request=k % 3, stage=1 + k % 8,
                         code=k, detail="\x00\u202e<script>" * 50) for k in range(64)),
        *(m.InjectionReport(injection=name, state=state, at_ns=at_ns, reason="\x1b[2J")
          for name in ("string_open", "sc-1", "x" * 64) for state in (1, 2, 3) for at_ns in (0, EDGE)),
    ]  # fmt: skip
    return made


class Rogue:
    """Takes the place of a spacecraft. Sends a part of the nonsense each tick, to everybody, under every name."""

    id = "rogue"

    def __init__(self, signals: int) -> None:
        self._left = nonsense()
        self._share = -(-len(self._left) // (TICKS - 2))
        self._signals = signals
        self._seq = 0

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        out = Outbox()
        share, self._left = self._left[: self._share], self._left[self._share :]
        for body in [*share, *(share if moment.closing else ())]:
            for source, to in (("rogue", "ground"), ("rogue", "sc-1"), ("rogue", "range"), ("sc-1", "ground")):
                out.messages.append(Message(moment.end_ns, source, self._seq, to, body))
                self._seq += 1
        if moment.closing:
            for body in nonsense():
                if isinstance(body, m.Account | m.InjectionReport):
                    out.messages.append(Message(moment.end_ns, "rogue", self._seq, "range", body))
                    self._seq += 1
        value = (math.nan, math.inf, -math.inf, 1e308, -1e308, 17.0, -1.0, 5e-324)[moment.tick % 8]
        out.truth = struct.pack("<d", value) * self._signals if moment.tick % 5 else b"odd"
        out.beacon = struct.pack("<12d", *[value] * 12) if moment.tick % 3 else b"x"
        return out

    def save(self) -> bytes:
        return b"no state"

    def restore(self, snapshot: bytes) -> None:
        return


def _sendable(rogue: Rogue) -> Rogue:
    """Only what msgpack can carry reaches the wire; the rest is refused by the encoder, as anywhere."""
    kept = []
    for body in rogue._left:
        try:
            encode(Message(0, "rogue", 0, "ground", body))
            kept.append(body)
        except MessageRefused:
            continue
    assert len(kept) > 1500
    rogue._left = kept
    rogue._share = -(-len(kept) // (TICKS - 2))
    return rogue


def _fly(out: Path, *, rogue: bool) -> RunDirectory:
    scenario = load_text(TEXT, file="rogue.yaml")
    directory = create(scenario.name, out)
    root.prepare(directory, scenario, TEXT)
    people: list[Participant] = root.build_all(scenario)
    if rogue:
        people = [p for p in people if p.id != "rogue"]
        people.insert(1, _sendable(Rogue(len(scenario.truth_signals["rogue"]))))
    sampler = StatusSampler(scenario)
    flown = root.fly_in_process(
        scenario, directory, participants=people, on_tick=lambda record: [
            each.mode_name for each in sampler(record.answers).values()
        ] and None,
    )  # fmt: skip
    assert flown.failure is None and flown.finished is not None and flown.finished.complete
    conclude(directory, flown, mode="in-process", pace="free")
    return directory


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return _fly(tmp_path_factory.mktemp("rogue") / "run", rogue=True)


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return _fly(tmp_path_factory.mktemp("honest") / "run", rogue=False)


def test_the_run_has_its_summary_and_its_report(flown: RunDirectory) -> None:
    summary = json.loads(flown.summary.read_text())
    assert summary["complete"] and summary["ticks"] == TICKS and summary["error"] == ""
    assert to_json(summary)
    page = flown.report.read_text()
    assert "<script" not in page and "\x1b" not in page and "nan" not in page.lower().split("<style>")[0]


def test_the_others_are_judged_as_if_it_were_not_there(flown: RunDirectory, honest: RunDirectory) -> None:
    ours, theirs = (json.loads(each.summary.read_text()) for each in (flown, honest))
    assert ours["expectations"] == theirs["expectations"] and ours["expectations"][0]["verdict"] == "PASS"
    assert ours["telemetry"]["spacecraft"]["sc-1"] == theirs["telemetry"]["spacecraft"]["sc-1"]
    left, right = read_recording(flown), read_recording(honest)
    mine = [t for t in left.telecommands if t.spacecraft == "sc-1"]
    assert mine == [t for t in right.telecommands if t.spacecraft == "sc-1"]
    assert [e for e in left.events if e.spacecraft == "sc-1"] == [e for e in right.events if e.spacecraft == "sc-1"]
    assert [p for p in left.pointings if p.spacecraft == "sc-1"] == [
        p for p in right.pointings if p.spacecraft == "sc-1"
    ]
    assert {f.id for f in left.faults} == {f.id for f in right.faults}, "nobody else's fault is invented"
    for (who, name), values in left.signals.items():
        if who == "sc-1":
            assert values.tobytes() == right.signals[who, name].tobytes()


def test_its_own_books_are_not_closed_by_saying_so(flown: RunDirectory) -> None:
    rows = json.loads(flown.summary.read_text())["telemetry"]["spacecraft"]["rogue"]
    assert rows is None or all(number is None or number >= 0 for name, number in rows.items() if name != "unaccounted")


@pytest.mark.parametrize("to", ["csv", "parquet", "mcap"])
def test_it_can_be_exported(to: str, flown: RunDirectory, tmp_path: Path) -> None:
    assert export_command(flown.path, to, tmp_path / "out" / "x") == 0


@pytest.mark.parametrize("who", ["sc-1", "ground", "range"])
def test_the_others_replay(who: str, flown: RunDirectory) -> None:
    assert replay(flown.path, who).exit_status == 0


def test_what_it_sends_under_another_name_is_counted(tmp_path: Path) -> None:
    """At the border, by the conductor, with the kind of offence."""
    scenario = load_text(TEXT, file="rogue.yaml")
    directory = create(scenario.name, tmp_path / "run")
    root.prepare(directory, scenario, TEXT)
    people = [p for p in root.build_all(scenario) if p.id != "rogue"]
    people.insert(1, _sendable(Rogue(len(scenario.truth_signals["rogue"]))))
    flown = root.fly_in_process(scenario, directory, participants=people)
    assert flown.finished is not None
    counted = flown.finished.counters["rogue"]
    assert counted["mail_foreign_source"] > 1000
    assert counted["mail_forbidden_kind"] > 0 or counted["mail_not_heard"] > 0
