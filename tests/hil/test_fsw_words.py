"""`fsw:` in a scenario and its dictionary file: what is taken, and what is refused with its place."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bus.errors import ScenarioError, UserError
from bus.scenario.model import Scenario
from bus.scenario.outside import OutsideDevice
from faults.scenarios.foreign_dictionary import load_foreign
from faults.scenarios.load import load_text
from faults.scenarios.outside import emulated
from node.assembly import dictionary, order_places, outside_forms, software_form
from node.designs.load import load_design
from node.hil.header import c_header, c_words
from tests.kits.fsw_kit import WORDS
from tests.kits.runs import TINY, skyrack


def scenario_of(folder: Path, fsw: str, *, words: str = WORDS, text: str = TINY) -> Scenario:
    (folder / "words.yaml").write_text(words, encoding="utf-8")
    changed = text.replace("    design: pathfinder\n", f"    design: pathfinder\n    fsw: {fsw}\n")
    return load_text(changed, file=str(folder / "fsw.yaml"))


def mistakes(folder: Path, fsw: str, *, words: str = WORDS, text: str = TINY) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        scenario_of(folder, fsw, words=words, text=text)
    return [str(mistake).replace(f"{folder}/", "") for mistake in raised.value.mistakes]


HERE = "{remote: 'tcp://127.0.0.1:5601', dictionary: words.yaml}"


def test_it_is_resolved_with_every_default_spelled_out_and_its_design_says_its_words(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, HERE)
    (one,) = scenario.spacecraft
    assert one.devices == {
        "fsw": OutsideDevice(
            endpoint="tcp://127.0.0.1:5601", part="software", layout="names", timeout_s=1.0, answers_ticks=True,
            allowed_misses=0,
        )
    }  # fmt: skip
    words = dictionary(one.design)
    assert [t.name for t in words.telecommands] == ["ping", "payload.limit"] and words.structure[1].interval_s == 10.0
    own = load_design(one.design).form.flight_software
    assert own is not None and own.apids == (100,)
    assert Scenario.model_validate_json(scenario.to_json()).spacecraft == scenario.spacecraft


def test_without_a_dictionary_it_speaks_as_the_reference_does(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "{remote: 'tcp://127.0.0.1:5601'}")
    ours, theirs = dictionary(scenario.spacecraft[0].design), dictionary("pathfinder")
    assert ours.telecommands == theirs.telecommands and ours.structures == theirs.structures


def test_one_word_flies_the_reference_and_the_scenario_is_then_the_plain_one(tmp_path: Path) -> None:
    scenario = scenario_of(tmp_path, "{remote: 'tcp://127.0.0.1:5601', part: simulated}")
    assert scenario.digest == load_text(TINY, file="tiny.yaml").digest


def test_campaigns_do_not_touch_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"fsw of sc-1 is outside, at tcp://127.0.0.1:5601, and a campaign flies many"):
        emulated(scenario_of(tmp_path, HERE), "a campaign")


@pytest.mark.parametrize(
    ("fsw", "words"),
    [
        ("{}", "fsw.yaml:11:10: spacecraft[0].fsw.remote: found nothing; allowed: tcp://HOST:PORT"),
        ("{remote: 'http://h:1'}", "fsw.remote: found 'http://h:1'"),
        ("{remote: 'tcp://h:1', part: real}", "fsw.part: found 'real'; allowed: simulated, software"),
        ("{remote: 'tcp://h:1', answers_ticks: false}", "fsw.answers_ticks: found an unknown field"),
        ("{remote: 'tcp://h:1', timeout: 5}", "fsw.timeout: found the plain number 5"),
        ("{remote: 'tcp://h:1', dictionary: none.yaml}", "fsw.dictionary: found 'none.yaml': No such file"),
        ("{remote: 'tcp://h:1', dictionary: /dev/zero}", "fsw.dictionary: found '/dev/zero', a folder or a device"),
        ("{remote: 'tcp://h:1', dictionary: .}", "fsw.dictionary: found"),
        ("[fsw]", "spacecraft[0].fsw: found"),
        ("{remote: 'tcp://h:1'}\n    devices: {pcdu: {remote: 'tcp://h:1'}}", "found tcp://h:1 for"),
        ("{remote: 'tcp://h:1'}\n    fdir: []", "spacecraft[0].fdir: found `fdir` beside `fsw` outside"),
    ],
)
def test_mistakes_name_their_place_and_what_is_allowed(fsw: str, words: str, tmp_path: Path) -> None:
    (mistake,) = mistakes(tmp_path, fsw)
    assert words in mistake


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "skyrack_dictionary: 1",
            "skyrack_dictionary: 2",
            "words.yaml:1:21: skyrack_dictionary: found the plain number 2; allowed: a whole number from 1 to 1",
        ),
        (
            "apids: [100]",
            "apids: [2047]",
            "apids[0]: found the plain number 2047; allowed: a whole number from 0 to 2046",
        ),
        ("apids: [100]", "apids: []", "apids: found an empty list; allowed: the APID"),
        ("type: int}", "type: text}", "parameters.boots.type: found 'text'; allowed: float, int, bool, enum"),
        ("type: int}", "type: enum}", "parameters.boots: found no labels; allowed: labels of an enum"),
        (
            "[battery_soc, boots]",
            "[battery_soc, boot]",
            "structures.housekeeping.parameters[1]: found structure housekeeping of 'boot', no parameter",
        ),
        (
            "{id: 2, parameters",
            "{id: 1, parameters",
            "words.yaml:8:14: structures.here.id: found structure ids twice: 1",
        ),
        (
            "{id: 2, parameters",
            "{id: 65535, parameters",
            "structures.here.id: found the plain number 65535; allowed: a whole number",
        ),
        ("severity: low", "severity: bad", "events.payload_off.severity: found 'bad'"),
        (
            "ping: {service: 17, subtype: 1}",
            "ping: {service: 8, subtype: 1, function: 1}",
            "found service 8, subtype 1",
        ),
        ("charge: {type: float", "charge: {type: str", "found a text; allowed: a text only as a telecommand's last"),
        ("boots: {type: int}", "Boots: {type: int}", "parameters.Boots: found"),
        ("structures:", "structure:", "structure: found an unknown field; allowed:"),
        ("skyrack_dictionary: 1", "{", "words.yaml:"),
    ],
)
def test_mistakes_of_the_dictionary_are_told_with_its_own_file(old: str, new: str, words: str, tmp_path: Path) -> None:
    found = mistakes(tmp_path, HERE, words=WORDS.replace(old, new, 1))
    assert any(words in mistake for mistake in found), found
    assert all("words.yaml" in mistake for mistake in found)


def test_a_timeline_is_checked_by_its_dictionary(tmp_path: Path) -> None:
    timeline = "timeline:\n  - {at: 5 s, telecommand: {to: sc-1, name: payload.limit, arguments: {charge: 95 %}}}\n"
    (mistake,) = mistakes(tmp_path, HERE, text=TINY + timeline)
    assert "arguments.charge" in mistake and "0.9" in mistake


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dictionary: words", "timeout: soon, dictionary: words", "fsw.timeout: found 'soon'"),
        ("dictionary: words", "part: real, dictionary: words", "fsw.part: found 'real'"),
        ("dictionary: words", "dictionry: words", "fsw.dictionry: found an unknown field"),
        ("{remote: 'tcp://127.0.0.1:5601', dictionary: words.yaml}", "[fsw]", "fsw: found"),
    ],
)
def test_a_mistake_beside_its_dictionary_brings_no_others_with_it(
    old: str, new: str, words: str, tmp_path: Path
) -> None:
    timeline = "timeline:\n  - {at: 5 s, telecommand: {to: sc-1, name: ping}}\n"
    (mistake,) = mistakes(tmp_path, HERE.replace(old, new), text=TINY + timeline)
    assert words in mistake


def test_one_program_cannot_fly_many_spacecraft(tmp_path: Path) -> None:
    text = TINY.replace(
        "    orbit: {sso: {altitude: 650 km, ltan: \"06:00\", argument_of_latitude: 85 deg}}\n",
        "    orbit:\n      walker: {pattern: '98:4/2/1', kind: delta, altitude: 650 km, raan: 0 deg, "
        "argument_of_latitude: 0 deg}\n",
    ).replace("sc-1.battery_soc", "sc-1-1-1.battery_soc")  # fmt: skip
    assert any("found fsw outside of 4 spacecraft" in mistake for mistake in mistakes(tmp_path, HERE, text=text))


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here")
@pytest.mark.parametrize("design", ["pathfinder", "sc3"])
def test_a_header_has_the_numbers_of_the_dictionary_and_compiles(design: str, tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text(WORDS, encoding="utf-8")
    words = c_words(*load_foreign(tmp_path / "words.yaml"))
    text = c_header(design, outside_forms(design), software_form(design), order_places(design), words)
    (tmp_path / "skyrack_hil.h").write_text(text, encoding="ascii")
    program = """#include "skyrack_hil.h"
    _Static_assert(SKYRACK_APID == 100 && SKYRACK_TC_PAYLOAD_LIMIT_SERVICE == 8, "telecommands");
    _Static_assert(SKYRACK_TC_PAYLOAD_LIMIT_FUNCTION == 1 && SKYRACK_TC_PING_SUBTYPE == 1, "telecommands");
    _Static_assert(SKYRACK_STRUCTURE_HERE == 2 && SKYRACK_EVENT_PAYLOAD_OFF == 1, "telemetry");
    _Static_assert(SKYRACK_FSW_CLOCK_OBT_S == 0 && SKYRACK_BOOT_WATCHDOG == 3, "readings");
    """
    (tmp_path / "it.c").write_text(program, encoding="ascii")
    command = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", str(tmp_path / "it.c")]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr


def test_a_dictionary_by_itself_is_refused_as_beside_a_scenario(tmp_path: Path) -> None:
    (tmp_path / "words.yaml").write_text(WORDS.replace("type: int", "type: text"), encoding="utf-8")
    with pytest.raises(ScenarioError, match=r"words.yaml:5:.*parameters.boots.type: found 'text'"):
        load_foreign(tmp_path / "words.yaml")
    result = skyrack("hil", "header", "pathfinder", "--dictionary", tmp_path / "none.yaml")
    assert result.returncode == 2 and "No such file" in result.stderr and "Traceback" not in result.stderr
