"""Procedures in virtual time: each word, each end, and a ground that comes back in the middle of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.dictionary import Argument, Dictionary, Parameter, Structure, TelecommandForm
from bus.scenario.model import ProcedureEntry
from bus.wire.messages import OperatorAction, OperatorNote, Scalar, Telemetry
from groundstation.procedures.declaration import Procedure, like, number, procedure
from groundstation.procedures.engine import Asked, Procedures, Surroundings
from groundstation.procedures.source_check import check_source
from groundstation.procedures.state import ProcedureEffects, RunState
from groundstation.procedures.words import (
    CommandFailed,
    NotInTime,
    ask,
    check,
    command,
    contact,
    contacts_ahead,
    note,
    telemetry,
    wait,
)
from tests.kits.ground_kit import DICTIONARY, SECOND_NS, GroundBench, config

WORDS = DICTIONARY.model_copy(
    update={
        "parameters": (
            *DICTIONARY.parameters,
            Parameter(name="mode", unit="", type="enum", description="mode", labels=("NOMINAL", "SAFE")),
            Parameter(name="lit", unit="", type="bool", description="in the light"),
        ),
        "telecommands": (
            *DICTIONARY.telecommands,
            TelecommandForm(name="memory.wipe", service=8, subtype=1, description="wipe", hazardous=True),
        ),
        "structures": (*DICTIONARY.structures, Structure(id=3, name="core", parameters=("mode", "lit"), interval_s=1)),
    }
)
FLEET = {"sat-1": WORDS, "sat-2": WORDS, "sat-3": WORDS}


class Bench:
    """An engine with a world of the test's: what is in contact, and what becomes of telecommands."""

    def __init__(self, *known: Procedure, entries: tuple[ProcedureEntry, ...] = ()) -> None:
        self.known = {one.name: one for one in known}
        self.entries = entries
        self.engine = self.make()
        self.now_ns = 0
        self.effects = ProcedureEffects()
        self.sent: list[tuple[str, str, Mapping[str, Scalar]]] = []
        self.ends: dict[int, tuple[str, str]] = {}
        self.refuse = False
        self.stations: dict[str, str] = {}

    def make(self) -> Procedures:
        return Procedures(self.known, FLEET, self.entries, ground_boot=1, live_within_s=60.0)

    def begin(self, name: str, /, *spacecraft: str, **arguments: Scalar) -> None:
        asked = Asked(name, spacecraft or ("sat-1",), arguments, "operator", 7)
        self.engine.begin(asked, self.now_ns, self.effects)

    def step(self, ticks: int = 1, **readings: float) -> None:
        for _ in range(ticks):
            start_ns, self.now_ns = self.now_ns, self.now_ns + SECOND_NS
            if readings:
                self.hear(**readings)
            self.engine.due(start_ns, self.now_ns, self.effects)
            around = Surroundings(self._ask, self._outcome, self._station, self._ahead)
            self.engine.step(self.now_ns, around, self.effects)

    def hear(self, spacecraft: str = "sat-1", late_s: float = 0.0, **readings: float) -> None:
        for structure in WORDS.structures:
            if any(name in readings for name in structure.parameters):
                values = tuple(readings.get(name, 0.0) for name in structure.parameters)
                packet = Telemetry(
                    boot=0, stream=3, sequence=0, obt_ns=self.now_ns - round(late_s * 1e9), structure=structure.id,
                    dictionary=bytes(8), values=values,
                )  # fmt: skip
                self.engine.heard(spacecraft, packet, structure, packet.obt_ns, self.now_ns)

    def restart(self) -> None:
        """A new engine from what the old one saved."""
        saved = self.engine.save()
        self.engine = self.make()
        self.engine.restore(saved)

    def _ask(self, spacecraft: str, name: str, arguments: Mapping[str, Scalar], origin: str) -> int:
        assert origin.startswith("procedure ")
        self.sent.append((spacecraft, name, dict(arguments)))
        if self.refuse:
            self.ends[len(self.sent) - 1] = ("REJECTED", "no")
        return len(self.sent) - 1

    def _outcome(self, request: int) -> tuple[str, str] | None:
        return self.ends.pop(request, None)

    def _station(self, spacecraft: str) -> str:
        return self.stations.get(spacecraft, "")

    def _ahead(self, spacecraft: str, until_ns: int) -> list[tuple[int, int, int]]:
        spans = [(100, 200, 2), (400, 500, 1), (90_000, 90_100, 2)]
        return [(on * SECOND_NS, off * SECOND_NS, number) for on, off, number in spans if on * SECOND_NS < until_ns]

    @property
    def state(self) -> tuple[str, str]:
        row = next(row for row in reversed(self.effects.records) if row[0] == "procedures")
        return str(row[8]), str(row[10])

    @property
    def paper(self) -> list[tuple[str, str]]:
        """(step, outcome) of every line as the archive keeps it: the last word on each."""
        lines = {row[3]: (str(row[6]), str(row[7])) for row in self.effects.records if row[0] == "procedure_log"}
        return [lines[place] for place in sorted(lines)]


@procedure("walk", low=number("1", "least charge", low=0.0, high=1.0, default=0.4))
async def walk(low: float) -> None:
    """Every word once."""
    station = await contact().within("1 h")
    note(f"over {station}")
    charge = await telemetry("battery_soc").above(low).within("10 min")
    check(charge < 1.0, "the gauge is not stuck")
    await command("mode.set", mode="NOMINAL")
    await wait("5 s")
    go = await ask("Pump?", "yes", "no").within("1 min", otherwise="no")
    if go == "yes":
        await command("thermal.pump", to=("sat-1", "sat-2"), speed_fraction=0.5)


def walked(restart_at: int = -1) -> Bench:
    bench = Bench(walk, entries=(ProcedureEntry(at_s=2.0, name="walk", spacecraft=("sat-1",), arguments={}),))
    for tick in range(30):
        if tick == restart_at:
            bench.restart()
        if tick == 4:
            bench.stations["sat-1"] = "pole"
        if tick in (6, 8):
            bench.hear(battery_soc=0.3 if tick == 6 else 0.7)
        if tick == 10:
            bench.ends[0] = ("COMPLETED", "")
        if tick == 18:
            assert bench.engine.answer(1, "perhaps") == "found 'perhaps'; allowed: yes | no"
            assert bench.engine.answer(1, "yes") == ""
        if tick == 22:
            bench.ends[1], bench.ends[2] = ("COMPLETED", ""), ("COMPLETED", "")
        bench.step()
    return bench


def test_a_procedure_runs_to_its_end_and_its_log_reads_like_paper() -> None:
    bench = walked()
    assert bench.state == ("COMPLETED", "")
    assert bench.paper == [
        ("contact", "pole"),
        ("note over pole", "done"),
        ("telemetry battery_soc above 0.4", "0.7"),
        ("check the gauge is not stuck", "done"),
        ("command mode.set mode=NOMINAL", "COMPLETED"),
        ("wait 5 s", "done"),
        ("ask Pump? [yes | no]", "yes"),
        ("command thermal.pump speed_fraction=0.5 (sat-1, sat-2)", "COMPLETED, 2 spacecraft"),
    ]
    assert [name for _, name, _ in bench.sent] == ["mode.set", "thermal.pump", "thermal.pump"]


@pytest.mark.parametrize("tick", range(1, 30))
def test_a_ground_that_comes_back_at_any_tick_goes_on_and_sends_nothing_twice(tick: int) -> None:
    undisturbed, killed = walked(), walked(restart_at=tick)
    assert killed.sent == undisturbed.sent
    assert killed.effects.records == undisturbed.effects.records
    assert killed.engine.save() == undisturbed.engine.save()


VERSION = {"now": 1}


@procedure("changing")
async def changing() -> None:
    """Does something else once the file was changed."""
    await wait("1 s")
    if VERSION["now"] == 2:
        await command("test.ping")
    await contact()
    check(VERSION["now"] != 3, "the file is the same")


@pytest.mark.parametrize(("ticks", "version"), [(1, 1), (3, 1), (3, 2)])
def test_a_procedure_that_says_something_else_after_a_restart_is_stopped(ticks: int, version: int) -> None:
    bench = Bench(changing)
    VERSION["now"] = 1
    bench.begin("changing")
    bench.step(ticks)
    VERSION["now"] = version
    try:
        bench.restart()
        bench.step(3)
    finally:
        VERSION["now"] = 1
    if version == 2:
        assert bench.state[0] == RunState.DIVERGED
        assert "test.ping" in bench.state[1]
    else:
        assert bench.state[0] == RunState.RUNNING
    assert bench.sent == []


def test_a_procedure_that_a_restarted_ground_does_not_know_is_stopped() -> None:
    bench = Bench(changing)
    bench.begin("changing")
    bench.step()
    del bench.known["changing"]
    bench.restart()
    bench.step()
    assert bench.state == ("DIVERGED", "this ground has no such procedure")


@procedure("careless")
async def careless() -> None:
    """Forgets an await."""
    await wait("1 s")
    command("test.ping")
    await contact()


@procedure("crooked")
async def crooked() -> None:
    """Makes a mistake of a program's."""
    await wait("1 s")
    raise ZeroDivisionError("none")


@procedure("nonsense", which=number("1", "which line", low=0.0, high=9.0))
async def nonsense(which: float) -> None:
    """What is no single value ends it, before anything is sent, logged or saved."""
    strange: Any = [object()]
    match int(which):
        case 0:
            await command("mode.set", mode=strange)
        case 1:
            await command(strange)
        case 2:
            await command("test.ping", to=strange)
        case 3:
            await telemetry("battery_soc").above(strange)
        case 4:
            await ask("Go?", strange)
        case 5:
            note(strange)
        case 6:
            await strange
        case 7:
            await wait(float("nan"))


@procedure("wiper", sure=number("1", "whether it says so", low=0.0, high=1.0))
async def wiper(sure: float) -> None:
    """Sends something hazardous whose name is only known when it runs."""
    name = "memory." + "wipe"
    await command(name, confirmed=sure > 0.5)


@procedure("endless")
async def endless() -> None:
    """Never ends."""
    while True:
        await contact()


@procedure("brave", group=like("thermal.pump", "speed_fraction"))
async def brave(group: float) -> None:
    """Goes on without what failed."""
    try:
        await command("thermal.pump", speed_fraction=group)
    except CommandFailed as failure:
        note(str(failure))
    try:
        await telemetry("mode").equals("SAFE").within("3 s")
    except NotInTime:
        note("no matter")


def test_a_step_that_is_not_awaited_ends_a_procedure_before_anything_is_sent() -> None:
    bench = Bench(careless)
    bench.begin("careless")
    bench.step(5)
    assert bench.state == ("FAILED", "'command test.ping' is written but not awaited")
    assert bench.sent == []


def test_what_a_procedure_does_wrong_ends_it_and_not_the_ground() -> None:
    bench = Bench(crooked)
    bench.begin("crooked")
    bench.step(3)
    assert bench.state[0] == "FAILED"
    assert bench.state[1].startswith("ZeroDivisionError in line ")


@pytest.mark.parametrize("sure", [False, True])
def test_a_hazardous_telecommand_needs_a_second_word_when_it_runs(sure: bool) -> None:
    bench = Bench(wiper)
    bench.begin("wiper", sure=float(sure))
    bench.step(2)
    assert bench.sent == ([("sat-1", "memory.wipe", {})] if sure else [])
    if not sure:
        assert bench.state == ("FAILED", "memory.wipe is hazardous; allowed: confirmed=True beside its name")


@pytest.mark.parametrize("which", range(8))
def test_nonsense_ends_a_procedure_and_not_the_ground(which: int) -> None:
    bench = Bench(nonsense)
    bench.begin("nonsense", which=float(which))
    bench.step()
    bench.restart()
    assert bench.state[0] == "FAILED", bench.state
    assert bench.sent == []


def test_a_procedure_without_end_is_ended_and_never_stalls_a_tick() -> None:
    bench = Bench(endless)
    bench.stations["sat-1"] = "pole"
    bench.begin("endless")
    bench.step()
    assert 60 <= len(bench.paper) <= 65
    bench.step(200)
    assert bench.state == ("FAILED", "it took more than 10,000 steps")


def test_stops_can_be_caught_and_time_limits_are_exact() -> None:
    bench = Bench(brave)
    bench.refuse = True
    bench.begin("brave", group=0.5)
    bench.step(3)
    assert bench.state[0] == "RUNNING"
    bench.step()
    assert bench.state == ("COMPLETED", "")
    assert ("telemetry mode equals SAFE", "NotInTime: telemetry mode equals SAFE: not within 3 s") in bench.paper


def test_play_back_answers_no_procedure() -> None:
    bench = Bench(brave)
    bench.refuse = True
    bench.begin("brave", group=0.5)
    bench.step()
    bench.now_ns += SECOND_NS
    bench.hear(late_s=61.0, mode=1.0)
    assert bench.engine.state.runs[1].pending is not None
    assert bench.engine.state.runs[1].pending.value is None
    bench.hear(late_s=59.0, mode=1.0)
    assert bench.engine.state.runs[1].pending.value == "SAFE"


def test_refusals_name_what_is_allowed() -> None:
    bench = Bench(walk, brave)
    for name, spacecraft, arguments, said in (
        ("wlak", ("sat-1",), {}, "unknown procedure 'wlak'; did you mean walk?"),
        ("walk", ("sat-9",), {}, "unknown spacecraft 'sat-9'; did you mean sat-"),
        ("walk", ("sat-1", "sat-2"), {}, "one spacecraft: walk is for one at a time"),
        ("walk", ("sat-1",), {"low": 2.0}, "arguments.low: found 2.0; allowed: a number from 0 to 1"),
        ("walk", ("sat-1",), {"lwo": 1.0}, "arguments.lwo: found an unknown argument; allowed: low"),
        ("brave", ("sat-1",), {}, "arguments.group: found nothing; allowed: a number from 0 to 1"),
    ):
        bench.begin(name, *spacecraft, **arguments)
        assert bench.state[0] == "REJECTED"
        assert said in bench.state[1], bench.state[1]
    notes = bench.effects.notes
    assert len(notes) == 6
    assert all(note.final for note in notes)


@procedure("typos")
async def typos() -> None:
    """One mistake a line."""
    await command("mode.sett", mode="SAFE")
    await command("mode.set", mode="SAVE")
    await command("mode.set", mode="SAFE", cycle=3)
    await command("mode.set")
    await command("thermal.pump", to="sat-7", speed_fraction=0.5)
    await telemetry("batery_soc").above(0.3)
    await telemetry("mode").equals("SAVE")
    await telemetry("battery_soc").above("30 K").within("2 parsecs")
    await wiat("3 s")  # type: ignore[name-defined] # noqa: F821


def test_typos_are_found_with_line_and_column_before_anything_runs() -> None:
    mistakes = check_source(typos, FLEET, ("sat-1", "sat-2"))
    first = typos.line + 3
    assert [(m.line - first, m.found, m.allowed) for m in mistakes] == [
        (0, "'mode.sett'", "test.ping, thermal.pump, parameter.get, mode.set, memory.wipe (did you mean mode.set?)"),
        (1, "'SAVE'", "NOMINAL | SAFE"),
        (2, "an unknown argument", "mode, cycles, force (did you mean cycles?)"),
        (3, "nothing", "NOMINAL | SAFE"),
        (4, "'sat-7'", "sat-1, sat-2, sat-3 (did you mean sat-3 or sat-2 or sat-1?)"),
        (5, "'batery_soc'", mistakes[5].allowed),
        (6, "'SAVE'", "NOMINAL | SAFE"),
        (7, "'30 K'", mistakes[7].allowed),
        (7, "'2 parsecs'", "a time such as '90 s' or '2 h', to 366 d"),
        (8, "wiat", mistakes[9].allowed),
    ]
    assert "did you mean battery_soc" in mistakes[5].allowed
    assert "wait" in mistakes[9].allowed
    assert check_source(walk, FLEET, ("sat-1",)) == []


def test_what_only_a_run_knows_is_refused_before_it_is_sent() -> None:
    @procedure("blind", name=Argument(name="name", unit="", type="str", description="of a parameter"))
    async def blind(name: str) -> None:
        await telemetry(name).within("1 min")

    bench = Bench(blind)
    bench.begin("blind", name="batery_soc")
    bench.step()
    assert bench.state == ("FAILED", "unknown parameter 'batery_soc'; did you mean battery_soc?")


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["step", "reading", "done", "failed", "answer", "restart", "abort"]), max_size=60))
def test_whatever_happens_a_run_has_one_end_and_no_telecommand_goes_twice(events: list[str]) -> None:
    bench = Bench(walk)
    bench.stations["sat-1"] = "pole"
    bench.begin("walk")
    for event in events:
        match event:
            case "reading":
                bench.hear(battery_soc=0.9)
            case "done" | "failed":
                bench.ends[len(bench.sent) - 1] = ("COMPLETED" if event == "done" else "FAILED", "")
            case "answer":
                bench.engine.answer(1, "yes")
            case "abort":
                bench.engine.abort(1, bench.now_ns, bench.effects)
            case "restart":
                bench.restart()
        bench.step()
    bench.engine.close(bench.now_ns, bench.effects)
    assert len(bench.sent) <= 3
    ends = [row[8] for row in bench.effects.records if row[0] == "procedures" and row[8] not in ("RUNNING", "ASKING")]
    assert len(ends) == 1
    assert sum(bench.engine.state.totals.values()) == 1


def test_the_operator_runs_answers_and_aborts_through_the_ground() -> None:
    bench = GroundBench(config())
    dictionary: Dictionary = bench.config.spacecraft[0].dictionary
    assert dictionary is DICTIONARY
    bench.step(("operator", OperatorAction(token=4, verb="procedure.run", name="nothing", spacecraft=("sat-1",))))
    bench.step(("operator", OperatorAction(token=5, verb="procedure.answer", run=1, arguments={"answer": "yes"})))
    bench.step(("operator", OperatorAction(token=6, verb="procedure.abort", run=9)))
    notes = [body for body in bench.bodies(OperatorNote) if isinstance(body, OperatorNote)]
    assert [(note.token, note.state, note.text[:30]) for note in notes] == [
        (4, "REJECTED", "unknown procedure 'nothing'"),
        (5, "REJECTED", "procedure run 1 asks nothing"),
        (6, "REJECTED", "no procedure run 9 is under wa"),
    ]


@procedure("look-ahead")
async def look_ahead() -> None:
    """What is planned, and a telecommand made of it."""
    coming = await contacts_ahead("2 h")
    await wait("5 s")
    for span in coming:
        await command("mode.set", mode="NOMINAL")
        note(f"{span.start_s:g} {span.end_s:g} {span.station}")


@pytest.mark.parametrize("restart_at", [-1, 3, 7])
def test_contacts_ahead_are_values_and_outlive_a_ground_that_dies(restart_at: int) -> None:
    bench = Bench(look_ahead)
    bench.begin("look-ahead")
    for tick in range(20):
        if tick == restart_at:
            bench.restart()
        bench.ends.update(dict.fromkeys(range(len(bench.sent)), ("COMPLETED", "")) if tick > 8 else {})
        bench.step()
    assert bench.state[0] == "COMPLETED" and len(bench.sent) == 2
    assert bench.paper[0] == ("contacts ahead 7200 s", "100.000 200.000 2;400.000 500.000 1")
    assert [step for step, _ in bench.paper if step.startswith("note")] == ["note 100 200 2", "note 400 500 1"]
