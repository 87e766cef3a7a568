"""A user's own faults: a file beside the scenario, made of the primitives there are."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from bus.errors import ScenarioError, UnknownNameError
from bus.scenario.model import Scenario
from faults.catalogue.resolve import FAULTS
from faults.live.connection import pairs
from faults.live.orders import fault_order, parts_of
from faults.run_directory import RunDirectory, read_run
from faults.scenarios.choose import load_named
from faults.scenarios.own_faults import faults_of
from tests.kits.runs import TINY, command, skyrack, summary_of, write

MINE = """\
faults:
  dusty_string:
    seam: plant
    window: any
    severity: 4
    fmeca: EPS-ARR-90
    source: own test campaign
    description: A string behind dust.
    signature: its current is low
    parameters:
      string: {kind: member, of: string, text: which string}
      left: {kind: quantity, dimension: fraction, low: 0, high: 1, default: 80 %, text: what is left}
    primitives:
      - {place: "string_health[$string]", primitive: set, parameters: {value: $left}}
"""
USED = """\
catalogue: ./faults.yaml
faults:
  - {id: dust, fault: dusty_string, target: sc-1, at: 10 s, parameters: {string: string_2, left: 70 %}}
"""


def loaded(tmp_path: Path, mine: str = MINE, used: str = USED) -> Scenario:
    (tmp_path / "faults.yaml").write_text(mine)
    (tmp_path / "tiny.yaml").write_text(TINY + used)
    return load_named(str(tmp_path / "tiny.yaml")).scenario


def test_an_own_fault_becomes_primitives(tmp_path: Path) -> None:
    (fault,) = loaded(tmp_path).faults
    assert fault.primitives == ((1, "string_health[string_2]", "set", {"value": 0.7}),)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("severity: 4", "severity: 9", r"faults.yaml:5:\d+: faults.dusty_string.severity"),
        ("string_health[", "string_helth[", r"tiny.yaml:17:.*the field 'string_helth\[string_2\]'"),
        ("primitive: set", "primitive: sett", r"tiny.yaml:17:.*the primitive 'sett'; allowed: .*set"),
        ("value: $left", "vaule: $left", r"tiny.yaml:17:.*unknown parameter 'vaule'"),
        (
            "seam: plant",
            "seam: link",
            r"tiny.yaml:17:.*the place 'string_health\[string_2\]'; allowed: uplink, downlink",
        ),
        ("dusty_string:", "string_open:", r"'string_open' in .*a name that no shipped fault has"),
        ("faults:", "fautls:", "faults.yaml:1:1"),
    ],
)
def test_what_no_spacecraft_would_take_is_refused(tmp_path: Path, before: str, after: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        loaded(tmp_path, MINE.replace(before, after, 1))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"tiny.yaml:15:12: catalogue: found .*none.yaml': no file there") as caught:
        loaded(tmp_path, used=USED.replace("./faults.yaml", "./none.yaml"))
    assert len(caught.value.mistakes) == 1, "one mistake causes no others"


def test_it_travels_with_the_run_and_can_be_injected_without_the_file(tmp_path: Path) -> None:
    scenario = Scenario.model_validate_json(loaded(tmp_path, used=USED.partition("faults:\n")[0]).to_json())
    (tmp_path / "faults.yaml").unlink()
    order = fault_order("sc-1", "dusty_string", pairs(("string=2", "left=70 %")), scenario)
    (injection,) = order.injections
    assert (injection.place, injection.parameters) == ("string_health[string_3]", {"value": 0.7})
    assert set(faults_of(scenario)) == {*FAULTS, "dusty_string"}
    with pytest.raises(UnknownNameError, match="did you mean dusty_string"):
        fault_order("sc-1", "dusty_strin", pairs(("string=2",)), scenario)


def test_an_injected_one_is_held_against_the_design_too(tmp_path: Path) -> None:
    scenario = loaded(tmp_path, MINE.replace("primitive: set", "primitive: sett"), "")
    assert scenario.catalogue == "", "who names no catalogue carries none"
    scenario = scenario.model_copy(update={"catalogue": MINE.replace("primitive: set", "primitive: sett")})
    with pytest.raises(ScenarioError, match="the primitive 'sett'"):
        fault_order("sc-1", "dusty_string", pairs(("string=2",)), scenario)


def test_its_id_stands_for_all_its_injections(tmp_path: Path) -> None:
    twice = MINE + '      - {place: "string_health[0]", primitive: set, parameters: {value: $left}}\n'
    scenario = loaded(tmp_path, twice, USED.partition("faults:\n")[0])
    assert parts_of("live-dusty_string-7-ab", scenario) == [f"live-dusty_string-7-ab.{n}" for n in (0, 1)]


@pytest.mark.slow
def test_it_is_injected_into_a_live_run_whose_file_is_gone(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(MINE)
    text = TINY.replace("duration: 60 s", "duration: 10 d") + "catalogue: ./faults.yaml\n"
    out = tmp_path / "run"
    words = command("run", write(tmp_path, text), "--pace", "x20", "--out", out, "--no-progress")
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True) as flying:
        try:
            while read_run(RunDirectory(out)).get("state") != "running":
                assert flying.poll() is None
                time.sleep(0.02)
            (tmp_path / "faults.yaml").unlink()
            broken = skyrack("inject", "sc-1", "dusty_string", "string=2", "left=70 %", "--run", out)
            flying.send_signal(signal.SIGINT)
            flying.wait(timeout=60)
        finally:
            flying.kill()
    assert (broken.returncode, "dusty_string" in broken.stdout) == (0, True), broken.stderr
    (fault,) = summary_of(out)["faults"]
    assert (fault["fault"], fault["refused"]) == ("dusty_string", "") and fault["at_s"] is not None
