"""`skyrack command` and `skyrack inject` before anything is sent: wrong names and arguments, no run, two at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bus.errors import ScenarioError, SkyrackError, UnknownNameError, UserError
from bus.wire.codec import encode
from bus.wire.messages import Injection, InjectionReport, InjectionState, Message
from bus.wire.stacks import OperatorStack
from faults.catalogue.resolve import FAULTS
from faults.live.command import Options, telecommand_command
from faults.live.inject import InjectOptions, _Injecting, inject_command
from faults.live.orders import FaultOrder, parts_of
from faults.live.upload import UploadOptions, steps_of, upload_command
from faults.run.compose import prepare
from faults.run_directory import RunDirectory
from faults.scenarios.choose import load_named
from faults.scenarios.vocabulary import dictionary_of
from groundstation.commanding.wishes import Fleet


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a run that seems to be going on; nobody listens at its endpoints."""
    directory = RunDirectory(tmp_path_factory.mktemp("live"))
    chosen = load_named("first-light")
    prepare(directory, chosen.scenario, chosen.text)
    content = {"supervisor": os.getpid(), "state": "running", "endpoints": {}}
    directory.write(directory.run, json.dumps(content))
    return directory.path


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("dusk-9", "mode.set", "mode=SAFE"), "unknown spacecraft 'dusk-9'; did you mean dusk-1"),
        (("dusk-1", "mode.sett", "mode=SAFE"), "unknown telecommand 'mode.sett'; did you mean mode.set"),
        (("dusk-1", "mode.set", "mode=SAVE"), "arguments.mode: found 'SAVE'; allowed: LEOP | NOMINAL | SAFE"),
        (("dusk-1", "mode.set", "mod=SAFE"), "arguments.mod: found an unknown argument; allowed: mode"),
        (("dusk-1", "mode.set"), "arguments.mode: found nothing; allowed: LEOP | NOMINAL | SAFE"),
        (("dusk-1", "mode.set", "SAFE"), "'SAFE' is not name=value"),
        (("dusk-1", "payload.power_cap", "power_w=12 kV"), "arguments.power_w: found '12 kV'; allowed: "),
        (("dusk-1", "mode.set", "mode=SAFE"), "run.json names no endpoint for the operator plane"),
    ],
)
def test_a_telecommand_that_cannot_be_sent_says_what_to_do(live: Path, words: tuple[str, ...], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        telecommand_command(words[0], words[1], words[2:], live, wait_s=1.0, as_json=False)
    assert caught.value.message.startswith(expected)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("who", "size", "address", "expected"),
    [
        ("dusk-9", 8, 0, "unknown spacecraft 'dusk-9'; did you mean dusk-1"),
        ("all", 8, 0, "all: an upload goes to one spacecraft"),
        ("dusk-1", 0, 0, "found 0 bytes; allowed: whole words of 8 bytes"),
        ("dusk-1", 12, 0, "found 12 bytes; allowed: whole words of 8 bytes"),
        ("dusk-1", 20_000, 0, "it has more than 16,376 bytes"),
        ("dusk-1", 800, 10**6, "found words 1000000 to 1000099; allowed: 0 to"),
        ("dusk-1", 800, 0, "transfer.first, transfer.part, transfer.last: hazardous"),
        ("dusk-1", 128, 0, "memory.load: hazardous"),
    ],
)
def test_an_upload_that_cannot_be_sent_says_what_to_do(  # noqa: PLR0917
    live: Path, tmp_path: Path, who: str, size: int, address: int, expected: str
) -> None:
    (tmp_path / "patch.bin").write_bytes(bytes(size))
    with pytest.raises(UserError) as caught:
        upload_command(who, tmp_path / "patch.bin", live, UploadOptions(address, wait_s=1.0))
    assert expected in caught.value.message and caught.value.hint


def test_an_upload_is_one_stack_of_parts_that_is_one_message() -> None:
    known = dictionary_of("sc3")
    last = next(a.high for a in known.telecommand["memory.load"].arguments if a.name == "address")
    assert last is not None
    content = (bytes(range(256)) * 64)[: 8 * int(last)]  # all of the largest image but a word
    assert len(content) == 8 * last
    steps = steps_of(Fleet({"one": "sc3"}, lambda design: known), "one", 0, content, 7)
    assert [s.name for s in steps] == ["transfer.first", *["transfer.part"] * (len(steps) - 2), "transfer.last"]
    assert b"".join(bytes.fromhex(str(s.arguments["part_data"])) for s in steps) == bytes(4) + content
    encode(
        Message(
            0, "operator", 0, "ground", OperatorStack(token=1, steps=steps, stop=True, asked_by="x", asked_from="y")
        )
    )
    (alone,) = steps_of(Fleet({"one": "sc3"}, lambda design: known), "one", 3, content[:128], 7)
    assert alone.name == "memory.load" and alone.arguments["data"] == content[:128].hex()


@pytest.mark.parametrize(
    ("words", "kind", "expected"),
    [
        (("sta-1", "string_open", "string=0"), UnknownNameError, "unknown spacecraft 'sta-1'; did you mean star-1"),
        (("star-1", "string_opn"), UnknownNameError, "unknown fault 'string_opn'; did you mean string_open?"),
        (("star-1", "string_open", "string=string_99"), ScenarioError, "parameters.string: found 'string_99'"),
        (("star-1", "string_open"), ScenarioError, "parameters.string: found nothing"),
        (("star-1", "string_open", "string=0", "for=10"), UserError, "for=10: found the plain number 10; allowed: a"),
        (("star-1", "reboot", "for=1 min"), ScenarioError, "for: found a window; allowed: neither for nor until"),
    ],
)
def test_a_fault_that_cannot_be_injected_says_what_is_allowed(
    live: Path, words: tuple[str, ...], kind: type[SkyrackError], expected: str
) -> None:
    with pytest.raises(kind) as caught:
        inject_command(InjectOptions(words[0], words[1], words[2:], run=live, wait_s=1.0))
    assert caught.value.message.startswith(expected)
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("words", "options", "expected"),
    [
        (("dusk-1", "computer.reboot"), Options(), "computer.reboot: hazardous"),
        (("design:path", "test.ping"), Options(), "unknown design 'path'"),
        (("dusk-1,dawn-9", "test.ping"), Options(), "unknown spacecraft 'dawn-9'; did you mean dawn-1"),
        (("dusk-1", "test.ping"), Options(canary="dawn-1"), "canary dawn-1 is not in the group"),
        (("dusk-1", "test.ping"), Options(condition="mode == SAFE"), "a condition without a canary"),
        (("dusk-1", "test.ping"), Options(precondition="mode == SAVE"), "precondition: found 'SAVE'; allowed: "),
        (("dusk-1", "test.ping"), Options(precondition="battery_soc > 3 kW"), "precondition: found '3 kW'; allowed: "),
        (("dusk-1", "test.ping"), Options(release="soon"), "release: found 'soon'; allowed: "),
        (("", ""), Options(), "which telecommand?"),
        (("dusk-1", "test.ping"), Options(stack=Path("x.yaml")), "--stack goes without a telecommand"),
        (("all", "test.ping"), Options(canary="dusk-1", condition="battery_soc > 50 %"), "run.json names no endpoint"),
        (("all", "computer.reboot"), Options(confirm=True), "run.json names no endpoint for the operator plane"),
    ],
)
def test_an_order_to_several_that_cannot_be_sent_says_what_to_do(
    live: Path, words: tuple[str, str], options: Options, expected: str
) -> None:
    with pytest.raises(UserError) as caught:
        telecommand_command(words[0], words[1], (), live, wait_s=1.0, as_json=False, options=options)
    assert caught.value.message.startswith(expected)
    assert caught.value.hint


def test_mistakes_of_a_stack_are_told_where_they_stand_all_at_once(live: Path, tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text(
        "on_failure: stop\n"
        "steps:\n"
        "  - {to: [dusk-1, dawn-9], telecommand: test.ping}\n"
        "  - {to: all, telecommand: test.pong}\n"
        "  - {to: dusk-1, telecommand: mode.set, arguments: {mode: SAVE}}\n"
        "  - {to: dusk-1, telecommand: test.ping, precondition: mode == SAVE}\n"
    )
    with pytest.raises(ScenarioError) as caught:
        telecommand_command("", "", (), live, wait_s=1.0, as_json=False, options=Options(stack=path))
    found = [(mistake.line, mistake.found) for mistake in caught.value.mistakes]
    assert found == [(3, "'dawn-9'"), (4, "'test.pong'"), (5, "'SAVE'"), (6, "'SAVE'")]
    path.write_text("on_failure: maybe\nsteps: []\nstep: 1\n")
    with pytest.raises(ScenarioError) as caught:
        telecommand_command("", "", (), live, wait_s=1.0, as_json=False, options=Options(stack=path))
    assert [mistake.line for mistake in caught.value.mistakes] == [1, 2, 3]


def test_no_live_run_says_how_to_start_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="no run is going on below out/") as caught:
        telecommand_command("a", "test.ping", (), None, wait_s=1.0, as_json=False)
    assert "skyrack run" in caught.value.hint
    with pytest.raises(UserError, match="no run's directory"):
        inject_command(InjectOptions("a", "string_open", run=tmp_path, wait_s=1.0))


def test_two_people_may_inject_the_same_fault_in_the_same_tick() -> None:
    primitive = Injection(
        injection="-",
        seam=1,
        place="string_health[0]",
        primitive="set",
        parameters={"value": 0.0},
        start_ns=0,
        end_ns=0,
    )
    first, second = [
        _Injecting(FaultOrder("star-1", "string_open", (primitive,), 0, 10**9, token=token)) for token in ("1a", "1b")
    ]
    [mine], [other] = first.stamped(7), second.stamped(7)
    assert mine.injection != other.injection
    assert mine.start_ns == 9 * 10**9
    report = InjectionReport(injection=other.injection, state=InjectionState.REFUSED, at_ns=0, reason="no")
    assert not first.heard(report, False)
    assert not first.refused
    assert second.heard(report, False)
    assert second.refused


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (InjectOptions(), "nothing to inject"),
        (InjectOptions("star-1"), "which fault? star-1 alone breaks nothing"),
        (InjectOptions("star-1", "string_open", clear="worn"), "--clear worn ends one fault; it goes without 'star-1'"),
    ],
)
def test_an_incomplete_order_says_what_is_missing(options: InjectOptions, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        inject_command(options)
    assert caught.value.message == expected
    assert "skyrack inject --clear FAULT_ID" in caught.value.hint


def test_the_id_of_a_fault_stands_for_all_its_injections() -> None:
    scenario = load_named("first-light").scenario
    assert [parts_of(fault.id, scenario) for fault in scenario.faults] == [[fault.id] for fault in scenario.faults]
    several, count = next((name, len(form.primitives)) for name, form in FAULTS.items() if len(form.primitives) > 1)
    live = f"live-{several}-12-ab"
    assert parts_of(live, scenario) == [f"{live}.{index}" for index in range(count)]
    assert parts_of(f"{live}.0", scenario) == [f"{live}.0"]
    assert parts_of("live-string_open-12-ab", scenario) == ["live-string_open-12-ab"]
    assert parts_of("whatever", scenario) == ["whatever"]
