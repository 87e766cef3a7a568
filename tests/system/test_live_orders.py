"""`skyrack command` and `skyrack inject` before anything is sent: wrong names and arguments, no run, two at once."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bus.errors import ScenarioError, SkyrackError, UnknownNameError, UserError
from bus.wire.messages import Injection, InjectionReport, InjectionState
from faults.catalogue.resolve import FAULTS
from faults.live.command import telecommand_command
from faults.live.inject import InjectOptions, _Order, inject_command, parts_of
from faults.run.compose import prepare
from faults.run_directory import RunDirectory
from faults.scenarios.choose import load_named


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
    first, second = (_Order("star-1", "string_open", (primitive,), 0, 10**9, token=token) for token in ("1a", "1b"))
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
