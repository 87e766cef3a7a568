"""`skyrack truth`: what its table says, which orders it follows, and what it answers to mistakes."""

from __future__ import annotations

import csv
import io
import math
import subprocess
import sys
from pathlib import Path

import pytest
from pyarrow import parquet

import skyrack
from bus.errors import EnvironmentFault, ScenarioError, UnknownNameError, UserError
from bus.text import units
from faults.commands.truth import TruthOptions, truth_command
from faults.scenarios.choose import load_named
from faults.scenarios.load import load_text
from faults.scenarios.orders import LIMITS, WORDS, check_order, find_order, order_names
from faults.truth.fields import DEFAULT_FIELDS
from node.designs.audit.margins import audit
from node.designs.load import SHIPPED, load_design
from node.plant.state import layout

ONE = """
skyrack: 1
name: one
epoch: 2026-06-21T00:00:00Z
duration: 10 min
tick: 1 s
seed: 5
environment: {solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}
stations: [svalbard]
spacecraft:
  - id: one
    design: pathfinder
    orbit: {circular: {altitude: 500 km, inclination: 45 deg, raan: 0 deg, argument_of_latitude: 0 deg}}
    orders: ORDERS
"""


def scenario(tmp_path: Path, orders: str = "{}") -> str:
    path = tmp_path / "one.yaml"
    path.write_text(ONE.replace("ORDERS", orders))
    return str(path)


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def fly(capsys: pytest.CaptureFixture[str], name: str, **options: object) -> list[dict[str, str]]:
    assert truth_command(TruthOptions(name, **options)) == 0  # type: ignore[arg-type]
    return rows(capsys.readouterr().out)


# --- the table


def test_rows_begin_at_zero_and_end_with_the_scenario(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = fly(capsys, scenario(tmp_path), every="150 s")
    assert [float(row["time_s"]) for row in found] == [0, 150, 300, 450, 600]
    assert {row["spacecraft"] for row in found} == {"one"}
    assert list(found[0])[2:] == list(DEFAULT_FIELDS)
    assert all(math.isfinite(float(cell)) for row in found for key, cell in row.items() if key != "spacecraft")


def test_two_flights_are_the_same_to_the_bit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = scenario(tmp_path)
    assert fly(capsys, name, fields=("all",), every="200 s") == fly(capsys, name, fields=("all",), every="200 s")


def test_how_often_changes_no_physics(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = scenario(tmp_path)
    assert fly(capsys, name, every="10 s")[-1] == fly(capsys, name, every="10 min")[-1]


def test_fields_parts_and_reductions(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = "battery_group_soc, battery_group_soc[min],battery_group_soc[battery_2]"
    found = fly(capsys, scenario(tmp_path), fields=(wanted, "radiator_temperature_k"), every="10 min")
    heads = ["battery_group_soc[battery_1]", "battery_group_soc[battery_2]", "battery_group_soc[min]"]
    assert list(found[0]) == ["time_s", "spacecraft", *heads, "radiator_temperature_k"]
    last = found[-1]
    assert float(last[heads[2]]) == min(float(last[heads[0]]), float(last[heads[1]]))
    assert 200.0 < float(last["radiator_temperature_k"]) < 340.0


def test_every_column_says_its_unit() -> None:
    plain = {"accelerator_rate_total"}  # a count of chips
    assert [f for f in DEFAULT_FIELDS if units.dimension_of_name(f) == "number" and f not in plain] == []


def test_csv_and_parquet_hold_the_same(tmp_path: Path) -> None:
    name = scenario(tmp_path)
    for suffix in ("csv", "parquet"):
        assert truth_command(TruthOptions(name, every="60 s", out=tmp_path / "new" / f"day.{suffix}")) == 0
    table = parquet.read_table(tmp_path / "new" / "day.parquet").to_pylist()
    text = rows((tmp_path / "new" / "day.csv").read_text())
    assert len(table) == len(text) == 11
    for left, right in zip(table, text, strict=True):
        assert left["spacecraft"] == right["spacecraft"]
        assert all(left[key] == pytest.approx(float(right[key]), rel=1e-9) for key in right if key != "spacecraft")
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["day.csv", "day.parquet"]


def test_a_day_of_two_designs_leaves_cells_empty(capsys: pytest.CaptureFixture[str]) -> None:
    found = fly(
        capsys, "solstice", spacecraft=("pathfinder", "ai1-june"), fields=("accelerator_power_w",), every="1 s",
        duration="2 s",
    )  # fmt: skip
    assert [row["spacecraft"] for row in found] == ["pathfinder", "ai1-june"] * 3
    assert found[-1]["accelerator_power_w[gpu]"] == ""
    assert found[-2]["accelerator_power_w[tray_1]"] == ""


def test_time_stands_once_and_every_field_is_written(tmp_path: Path) -> None:
    name = scenario(tmp_path)
    options = TruthOptions(name, fields=("all", "time_s"), every="5 min", out=tmp_path / "all.parquet")
    assert truth_command(options) == 0
    assert parquet.read_schema(tmp_path / "all.parquet").names.count("time_s") == 1


def test_the_first_row_is_of_a_spacecraft_that_lives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = fly(capsys, scenario(tmp_path), every="1 s", duration="1 s")
    assert float(first["time_s"]) == 0.0
    assert float(first["load_power_w"]) > 0.0
    for field in ("load_power_w", "main_bus_voltage_v", "battery_soc", "radiator_temperature_k"):
        assert float(first[field]) == pytest.approx(float(second[field]), rel=0.05), field


def test_a_part_that_one_spacecraft_lacks_is_blank_and_one_that_all_lack_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    both = {"spacecraft": ("pathfinder", "ai1-june"), "every": "1 s", "duration": "1 s"}
    found = fly(capsys, "solstice", fields=("accelerator_power_w[tray_1]",), **both)
    assert sorted({row["accelerator_power_w[tray_1]"] == "" for row in found}) == [False, True]
    with pytest.raises(UnknownNameError):
        fly(capsys, "solstice", fields=("accelerator_power_w[nobody]",), **both)


# --- orders


def test_orders_act(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fields = ("payload_power_w", "sun_error_rad", "accelerator_state[gpu]")
    free = fly(capsys, scenario(tmp_path), fields=fields, every="10 min")[-1]
    assert float(free["payload_power_w"]) > 600.0
    capped = fly(capsys, scenario(tmp_path, "{accelerator_power_cap_w: 400 W}"), fields=fields, every="10 min")[-1]
    assert float(capped["payload_power_w"]) == pytest.approx(400.0, rel=1e-6)
    off = fly(capsys, scenario(tmp_path, "{'accelerator_enable[gpu]': off}"), fields=fields, every="10 min")[-1]
    assert float(off["payload_power_w"]) == 0.0
    down = fly(capsys, scenario(tmp_path, "{attitude_mode: nadir}"), fields=fields, every="10 min")[-1]
    assert float(down["sun_error_rad"]) > 0.1 > float(free["sun_error_rad"])


def test_a_later_order_wins(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = "{lcl_command: on, 'lcl_command[payload]': off}"
    found = fly(capsys, scenario(tmp_path, orders), fields=("lcl_state",), every="10 min")[-1]
    assert float(found["lcl_state[payload]"]) == 0.0
    assert float(found["lcl_state[storage]"]) == 1.0


def test_orders_act_from_their_time_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    orders = (
        "[{at: 5 min, accelerator_power_cap_w: 400 W}, {at: 0 s, 'lcl_command[storage]': off},"
        " {at: 7 min, 'accelerator_enable[gpu]': off}]"
    )
    found = fly(capsys, scenario(tmp_path, orders), fields=("payload_power_w", "lcl_state[storage]"), every="1 s")
    power = [float(row["payload_power_w"]) for row in found]
    assert power[299] > 600.0
    assert power[302] == pytest.approx(power[419]) == pytest.approx(400.0, rel=1e-3)
    assert power[425] == 0.0
    assert {row["lcl_state[storage]"] for row in found} == {"0"}


def test_orders_at_zero_are_the_same_in_both_forms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flown = [
        fly(capsys, scenario(tmp_path, orders), fields=("all",), every="5 min")
        for orders in ("{attitude_mode: nadir}", "[{at: 0 s, attitude_mode: nadir}]")
    ]
    assert flown[0] == flown[1]


def test_orders_that_never_act_are_warned_of() -> None:
    flown = load_text(ONE.replace("ORDERS", "[{at: 1 h, attitude_mode: nadir}]"), file="one.yaml")
    (warning,) = flown.warnings
    assert "orders[0].at" in warning and "600 s" in warning


# --- faults

FAULTS = """
faults:
  - {id: dead-string, fault: string_open, target: one, at: 2 min, for: 3 min, parameters: {string: string_1}}
  - {id: stuck, fault: hang, target: one, at: 1 min}
"""


def test_faults_of_the_plant_act_and_the_others_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = scenario(tmp_path)
    Path(name).write_text(Path(name).read_text() + FAULTS)
    assert truth_command(TruthOptions(name, fields=("string_health[string_1]", "array_available_w"), every="1 s")) == 0
    told = capsys.readouterr()
    health = [float(row["string_health[string_1]"]) for row in rows(told.out)]
    assert health[:121] == [1.0] * 121  # a row is the truth at the end of the tick before
    assert health[121:301] == [0.0] * 180
    assert health[301:] == [1.0] * 300
    (line,) = [line for line in told.err.splitlines() if "do not act" in line]
    assert "stuck (host)" in line and "dead-string" not in line


@pytest.mark.parametrize(
    ("orders", "line", "says"),
    [
        ("{acelerator_power_cap_w: 400 W}", "orders.acelerator_power_cap_w", "accelerator_power_cap_w"),
        ("{'heater_command[batery_heater]': on}", "orders", "heater_command[battery_heater]"),
        ("{accelerator_power_cap_w: 400}", "orders.accelerator_power_cap_w", "a power in W"),
        ("{attitude_mode: sideways}", "orders.attitude_mode", "sun (0), nadir (1)"),
        ("{valve_command_fraction: 300 %}", "orders.valve_command_fraction", "-1 to 1"),
        ("{accelerator_enable: 7}", "orders.accelerator_enable", "quarantined (2)"),
        ("[{attitude_mode: nadir}]", "orders[0].at", "a time in s"),
        ("[{at: -1 s, attitude_mode: nadir}]", "orders[0].at", "0 s or later"),
        ("[{at: 1 min, attitude_mod: nadir}]", "orders[0].attitude_mod", "attitude_mode"),
        ("[nadir]", "orders[0]", "a mapping"),
        ("nadir", "orders", "a mapping"),
    ],
)
def test_wrong_orders_are_refused_with_their_line(orders: str, line: str, says: str) -> None:
    with pytest.raises(ScenarioError) as error:
        load_text(ONE.replace("ORDERS", orders), file="one.yaml")
    (mistake,) = error.value.mistakes
    assert mistake.line == 14
    assert line in mistake.field
    assert says in mistake.allowed


@pytest.mark.parametrize("design", SHIPPED)
def test_every_order_of_every_design_is_taken(design: str) -> None:
    for name in order_names(design):
        field, _ = find_order(design, name)
        low, high = LIMITS.get(field, (0.0, 1.0))
        check_order(design, name, WORDS[field][0] if field in WORDS else 0.5 * (low + high))


def test_words_and_limits_are_of_orders_there_are() -> None:
    known = layout("full").order.names or ()
    assert set(WORDS) <= set(known)
    assert set(LIMITS) <= set(known)


# --- truth and the audit, which know nothing of each other


def test_the_audit_foresees_what_truth_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Formation in its season, three orbits: depth of discharge, radiators and dies as the closed forms say."""
    fields = (
        "battery_soc",
        "radiator_temperature_k",
        "accelerator_temperature_k[max]",
        "load_power_w",
        "array_power_w",
    )
    found = fly(capsys, "solstice", spacecraft=("formation",), fields=fields, every="1 min", duration="294 min")
    last = [{key: float(row[key]) for key in fields} for row in found[-98:]]
    design, scenario = load_design("formation"), load_named("solstice").scenario
    orbit = next(s.orbit for s in scenario.spacecraft if s.id == "formation")
    margins = {m.name.split(",")[0].split(" (")[0]: m.value for m in audit(design, orbit, scenario.epoch_utc)}
    charge = [row["battery_soc"] for row in last]
    assert 100.0 * (max(charge) - min(charge)) == pytest.approx(margins["discharge"], abs=3.0)
    radiators = [row["radiator_temperature_k"] - 273.15 for row in last]
    assert sum(radiators) / len(radiators) == pytest.approx(margins["radiators"], abs=3.0)
    assert max(row["accelerator_temperature_k[max]"] for row in last) - 273.15 == pytest.approx(
        margins["dies"], abs=8.0
    )
    assert all(row["load_power_w"] / 1e3 < margins["load carried"] for row in last)


@pytest.mark.parametrize("name", [name for name in SHIPPED if name != "fleet"])
def test_every_design_flies_an_orbit_in_sane_ranges(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    fields = (
        "battery_soc", "thermal_temperature_k[min]", "thermal_temperature_k[max]", "accelerator_temperature_k[max]",
        "power_balance_residual_w", "thermal_residual_j", "power_served_fraction", "lcl_trip_count[sum]",
        "undervoltage_count", "accelerator_rate_total",
    )  # fmt: skip
    found = fly(capsys, "solstice", spacecraft=(name,), fields=fields, every="30 s", duration="100 min")[7:]  # booted
    values = {field: [float(row[field]) for row in found] for field in fields}
    assert min(values["battery_soc"]) > 0.3 and max(values["battery_soc"]) < 0.96
    assert min(values["thermal_temperature_k[min]"]) > 170.0  # multi-layer insulation in the dark
    assert max(values["thermal_temperature_k[max]"]) < 353.0
    assert max(values["accelerator_temperature_k[max]"]) < 273.15 + 89.0  # below the hardware slowdown
    assert max(map(abs, values["power_balance_residual_w"])) < 1e-6
    assert max(map(abs, values["thermal_residual_j"])) < 1e-6
    assert min(values["power_served_fraction"]) == 1.0
    assert max(values["lcl_trip_count[sum]"]) == max(values["undervoltage_count"]) == 0.0
    assert min(values["accelerator_rate_total"]) > 0.5


# --- mistakes


def test_unknown_field_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as error:
        truth_command(TruthOptions(scenario(tmp_path), fields=("batery_soc",)))
    assert "battery_soc" in error.value.nearest


def test_unknown_part_names_the_parts(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as error:
        truth_command(TruthOptions(scenario(tmp_path), fields=("thermal_temperature_k[radiator_9]",)))
    assert "thermal_temperature_k[radiator_1]" in error.value.nearest


def test_flight_software_has_no_fields_here(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as error:
        truth_command(TruthOptions(scenario(tmp_path), fields=("mode",)))
    assert "flight software" in error.value.hint


def test_unknown_spacecraft(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError) as error:
        truth_command(TruthOptions(scenario(tmp_path), spacecraft=("two",)))
    assert "one" in error.value.hint


@pytest.mark.parametrize("options", [{"every": "0.5 s"}, {"every": "10"}, {"duration": "0 s"}, {"every": "-1 s"}])
def test_times_that_are_none(tmp_path: Path, options: dict[str, str]) -> None:
    with pytest.raises(UserError) as error:
        truth_command(TruthOptions(scenario(tmp_path), **options))  # type: ignore[arg-type]
    assert error.value.exit_status == 2
    assert "allowed" in error.value.hint


def test_other_file_names_are_refused_before_anything_flies(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="xlsx"):
        truth_command(TruthOptions(scenario(tmp_path), out=tmp_path / "day.xlsx"))


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EnvironmentFault):
        truth_command(TruthOptions(scenario(tmp_path), out=tmp_path / "file" / "day.csv"))


def test_command_line(tmp_path: Path) -> None:
    command = [sys.executable, str(Path(skyrack.__file__)), "truth", scenario(tmp_path)]
    good = subprocess.run([*command, "--every", "10 min", "--fields", "battery_soc"], capture_output=True, check=False)
    assert good.returncode == 0
    assert good.stdout.decode().splitlines()[0] == "time_s,spacecraft,battery_soc"
    bad = subprocess.run([*command, "--fields", "batery_soc"], capture_output=True, check=False)
    assert bad.returncode == 2
    assert b"did you mean battery_soc" in bad.stderr
    assert bad.stdout == b""
