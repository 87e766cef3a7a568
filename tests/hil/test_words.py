"""`devices:` in a scenario: what is taken, and what is refused with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError, UserError
from bus.scenario.model import Scenario
from bus.scenario.outside import OutsideDevice
from faults.commands.look import check_command
from faults.run.outside import open_gateway
from faults.scenarios.load import load_text
from tests.kits.runs import TINY, skyrack, write


def scenario_of(devices: str) -> Scenario:
    text = TINY.replace("    design: pathfinder\n", f"    design: pathfinder\n    devices: {devices}\n")
    return load_text(text, file="outside.yaml")


def mistakes(devices: str) -> list[str]:
    with pytest.raises(ScenarioError) as raised:
        scenario_of(devices)
    return [str(mistake) for mistake in raised.value.mistakes]


def test_a_device_outside_is_resolved_with_every_default_spelled_out() -> None:
    scenario = scenario_of("{pcdu: {remote: 'tcp://127.0.0.1:5601'}}")
    assert scenario.spacecraft[0].devices == {
        "pcdu": OutsideDevice(
            endpoint="tcp://127.0.0.1:5601", part="hardware", layout="names", timeout_s=1.0, answers_ticks=True,
            allowed_misses=0,
        )
    }  # fmt: skip
    again = Scenario.model_validate_json(scenario.to_json())
    assert again.spacecraft == scenario.spacecraft


def test_one_word_flies_it_emulated_and_the_scenario_is_then_the_plain_one() -> None:
    scenario = scenario_of("{pcdu: {remote: 'tcp://127.0.0.1:5601', part: simulated}}")
    assert scenario.spacecraft[0].devices == {}
    assert scenario.digest == load_text(TINY, file="tiny.yaml").digest


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ("{pcdo: {remote: 'tcp://h:1'}}", "outside.yaml:11:15: spacecraft[0].devices.pcdo: found 'pcdo'; allowed: "
         "pcdu, battery-monitor, thermal-controller, gnss, attitude, accelerators, dosimeter (did you mean pcdu?)"),
        ("{radio: {remote: 'tcp://h:1'}}", "found 'radio' (it is always emulated)"),
        ("{pcdu: {}}", "spacecraft[0].devices.pcdu.remote: found nothing; allowed: tcp://HOST:PORT"),
        ("{pcdu: {remote: 'http://h:1'}}", "found 'http://h:1'; allowed: tcp://HOST:PORT, udp://HOST:PORT or serial:"),
        ("{pcdu: {remote: 'tcp://h:70000'}}", "found port 70000; allowed: 1 to 65535"),
        ("{pcdu: {remote: 'serial:///dev/ttyS0?baud=7'}}", "found baud=7; allowed: 9600, 19200"),
        ("{pcdu: {remote: 'tcp://h:1', part: real}}", "devices.pcdu.part: found 'real'; allowed: simulated, software"),
        ("{pcdu: {remote: 'tcp://h:1', timeout: 5}}", "devices.pcdu.timeout: found the plain number 5"),
        ("{pcdu: {remote: 'tcp://h:1', wait: 5 s}}", "devices.pcdu.wait: found an unknown field"),
        ("{pcdu: {remote: 'tcp://h:1'}, gnss: {remote: 'tcp://h:1'}}",
         "found tcp://h:1 for gnss of sc-1; allowed: another endpoint: pcdu of sc-1 has it"),
        ("[pcdu]", "spacecraft[0].devices: found a list; allowed: a mapping of devices: pcdu"),
    ],
)  # fmt: skip
def test_mistakes_name_their_place_and_what_is_allowed(devices: str, words: str) -> None:
    (mistake,) = mistakes(devices)
    assert words in mistake


def test_one_device_cannot_be_that_of_many_spacecraft() -> None:
    text = TINY.replace(
        "    orbit: {sso: {altitude: 650 km, ltan: \"06:00\", argument_of_latitude: 85 deg}}\n",
        "    orbit:\n      walker: {pattern: '98:4/2/1', kind: delta, altitude: 650 km, raan: 0 deg, "
        "argument_of_latitude: 0 deg}\n"
        "    devices: {pcdu: {remote: 'tcp://127.0.0.1:5601'}}\n",
    ).replace("sc-1.battery_soc", "sc-1-1-1.battery_soc")  # fmt: skip
    with pytest.raises(ScenarioError, match="found devices outside of 4 spacecraft; allowed: those of one spacecraft"):
        load_text(text, file="many.yaml")


def test_a_device_that_answers_no_ticks_flies_by_the_clock_only() -> None:
    scenario = scenario_of("{pcdu: {remote: 'tcp://127.0.0.1:5601', answers_ticks: false}}")
    with pytest.raises(UserError, match="pcdu of sc-1 answers no ticks") as raised:
        open_gateway(scenario, paced=False)
    assert raised.value.hint == "fly it by the clock: --pace realtime"


def test_check_shows_what_is_outside_and_what_needs_pace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    devices = "{pcdu: {remote: 'tcp://h:1'}, dosimeter: {remote: 'udp://h:2', part: software, answers_ticks: false}}"
    text = TINY.replace("    design: pathfinder\n", f"    design: pathfinder\n    devices: {devices}\n")
    assert check_command(str(write(tmp_path, text)), as_json=False) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines() if "://h" in line]
    assert lines[0] == ["sc-1", "pcdu", "hardware", "tcp://h:1", "names", "1.0", "0", "in", "lockstep", "or", "paced"]
    assert lines[1] == ["sc-1", "dosimeter", "software", "udp://h:2", "names", "1.0", "0", "with", "--pace", "only"]


def test_campaigns_and_searches_do_not_touch_a_bench(tmp_path: Path) -> None:
    text = TINY.replace(
        "    design: pathfinder\n", "    design: pathfinder\n    devices: {pcdu: {remote: 'tcp://h:1'}}\n"
    )
    path = write(tmp_path, text)
    (tmp_path / "many.yaml").write_text("campaign: 1\nname: many\nscenario: tiny.yaml\nvary: {seed: [1, 2]}\n")
    for arguments in (("campaign", tmp_path / "many.yaml", "--out", tmp_path / "out"), ("search", path)):
        result = skyrack(*arguments)
        assert result.returncode == 2, result.stdout
        assert "pcdu of sc-1 is outside, at tcp://h:1, and a " in result.stderr and "Traceback" not in result.stderr
