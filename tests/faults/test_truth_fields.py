"""Every field of truth is listed with a unit and what it means."""

from __future__ import annotations

import json

import pytest

from bus.errors import UserError
from faults.commands.look import list_command
from faults.truth.fields import field_rows
from node.plant.state import layout
from node.truth_meanings import MEANINGS


def test_every_field_has_a_meaning_and_no_meaning_is_left_over() -> None:
    assert set(MEANINGS) == set(layout("full").state.names or ()) | set(layout("fleet").state.names or ())


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("battery_soc", "1"), ("thermal_temperature_k", "K"), ("isl_rate_bps", "bit/s"), ("downlink_cn0_dbhz", "dB Hz"),
        ("proton_flux_10mev_cm2_s", "1/(cm2 s)"), ("wheel_momentum_n_m_s", "N m s"), ("isl_margin_db", "dB"),
        ("magnetic_field_body_t", "T"), ("array_fluence_m2", "1/m2"), ("cutoff_rigidity_gv", "GV"),
    ],
)  # fmt: skip
def test_units_are_told(name: str, unit: str) -> None:
    assert {row["name"]: row["unit"] for row in field_rows("formation")}[name] == unit


def test_a_design_lists_the_fields_of_its_own_parts(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_command("fields", "pathfinder", as_json=True) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["accelerator_temperature_k"]["of"] == ["gpu"]
    assert rows["job_state"]["description"].startswith("0 waiting")
    assert "isl_state" not in rows
    assert list_command("fields", "pathfinder", as_json=False) == 0
    with pytest.raises(UserError, match="whose fields"):
        list_command("fields", "", as_json=True)
