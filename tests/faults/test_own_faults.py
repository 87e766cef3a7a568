"""A user's own faults: a file beside the scenario, made of the primitives there are."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.scenario.model import Scenario
from faults.scenarios.choose import load_named
from tests.kits.runs import TINY

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
