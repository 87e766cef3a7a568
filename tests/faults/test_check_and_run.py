"""What `check` accepts flies: units, limits at both ends, one rule for files and for live requests."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.errors import ScenarioError, UserError
from bus.scenario.model import Scenario
from bus.telecommand_check import in_units
from faults.catalogue.resolve import resolve_fault
from faults.live.connection import pairs
from faults.live.orders import _duration
from faults.run import compose as root
from faults.run_directory import create
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import design_info, dictionary_of
from tests.kits.runs import TINY


def scenario(text: str) -> Scenario:
    return load_text(text, file="tiny.yaml")


def mistakes(text: str) -> list[str]:
    with pytest.raises(ScenarioError) as caught:
        scenario(text)
    return [str(mistake) for mistake in caught.value.mistakes]


def fly(text: str, folder: Path) -> None:
    flown = scenario(text)
    directory = create(flown.name, folder / "run")
    root.prepare(directory, flown, text)
    result = root.fly_in_process(flown, directory)
    assert result.failure is None, result.failure


def expecting(sentence: str) -> str:
    return TINY.replace("always sc-1.battery_soc > 20 %", sentence)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("always sc-1.battery_soc > 30", "found '30'; allowed: 0 to 1 for sc-1.battery_soc, or percent: 30 %"),
        ("always sc-1.battery_soc > -1", "allowed: 0 to 1 for sc-1.battery_soc"),
        ("always sc-1.main_bus_voltage_v > 20", "allowed: a voltage in V, kV, mV for sc-1.main_bus_voltage_v"),
        ("always sc-1.array_fluence_m2 < 5e14", "allowed: a fluence in 1/m2, 1/cm2 for sc-1.array_fluence_m2"),
        ("always sc-1.array_fluence_m2 < 5e14 cm2", "allowed: a fluence in 1/m2, 1/cm2"),
        ("always sc-1.coolant_flow_kg_s < 1 s", "allowed: a mass flow in kg/s, g/s"),
    ],
)
def test_a_bare_number_beside_a_signal_with_a_unit_is_refused(sentence: str, expected: str) -> None:
    (said,) = mistakes(expecting(sentence))
    assert expected in said


@pytest.mark.parametrize(
    "sentence",
    [
        "always sc-1.battery_soc > 0.3",
        "always sc-1.battery_soc > 30 %",
        "always sc-1.array_fluence_m2 < 5e14 1/cm2",
        "always sc-1.coolant_flow_kg_s < 10 kg/s",
        "always sc-1.dose_rate_gy_s < 1e-3",
        "always sc-1.dose_rate_gy_s < 1e-3 Gy/s",
        "always sc-1.proton_flux_10mev_cm2_s < 1e9 1/cm2/s",
    ],
)
def test_numbers_with_their_units(sentence: str) -> None:
    assert scenario(expecting(sentence)).expectations[0].text == sentence


@pytest.mark.parametrize(
    ("initial", "expected"),
    [
        ("mode: 9", "initial.mode: found the plain number 9; allowed: LEOP (0), NOMINAL (1)"),
        ("mode: SAVE", "initial.mode: found 'SAVE'; allowed: LEOP (0)"),
        ("battery_temperature_k: 5000 K", "battery_temperature_k: found '5000 K'; allowed: 1 K to 2000 K"),
        ("battery_temperature_k: 0 K", "allowed: 1 K to 2000 K"),
        ("battery_soc: 101 %", "battery_soc: found '101 %'; allowed: 0 to 100 %"),
        ("main_bus_voltage_v: 1e6 V", "allowed: 0 V to 100000 V"),
        ("array_fluence_m2: 5e14 cm2", "allowed: a fluence in 1/m2, 1/cm2"),
        ("latchups[host]: -1", "allowed: a whole number from"),
        ("lcl_state[obc]: 77", "lcl_state[obc]: found the plain number 77; allowed: "),
        ("battery_sock: 3", "a known initial value (did you mean battery_soc"),
    ],
)
def test_initial_values_that_no_model_takes_are_refused_by_check(initial: str, expected: str) -> None:
    (said,) = mistakes(
        TINY.replace("stations:", f"    initial: {{'{initial.replace(': ', chr(39) + ': ')}}}\nstations:")
    )
    assert expected in said


def test_initial_values_by_their_words_and_in_other_units() -> None:
    text = TINY.replace("stations:", "    initial: {mode: SAFE, array_fluence_m2: 5e14 1/cm2}\nstations:")
    assert scenario(text).spacecraft[0].initial == {"mode": 2.0, "array_fluence_m2": 5e18}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("tick: 1 s", "tick: 60 s"),
        ("tick: 1 s", "tick: 10 ms"),
        ("storm_density_factor: 1.0", "storm_density_factor: 0.1"),
        ("storm_density_factor: 1.0", "storm_density_factor: 20"),
        ("seed: 7", "seed: 0"),
        ("seed: 7", "seed: 9007199254740992"),
        ("[svalbard]", "[{station: svalbard, wet_fraction: 90 %, wet_spell: 30 d}]"),
        ("[svalbard]", "[{station: svalbard, wet_fraction: 0 %, wet_spell: 1 min}]"),
        ("[svalbard]", "[]"),
        ("2026-08-12", "2056-12-31"),
        ("2026-08-12", "1957-01-01"),
        ("stations:", "    initial: {battery_soc: 0 %, battery_temperature_k: 1 K}\nstations:"),
        ("stations:", "    initial: {battery_soc: 100 %, battery_temperature_k: 2000 K}\nstations:"),
        ("stations:", "range: {missing_tock: continue, tock_timeout: 100 ms, snapshot_every: 1}\nstations:"),
        ("altitude: 650 km", "altitude: 1940 km"),
        ("altitude: 650 km", "altitude: 285 km"),
    ],
)
def test_documented_limits_fly_at_both_ends(old: str, new: str, tmp_path: Path) -> None:
    assert old in TINY
    text = TINY.replace(old, new)
    duration = "3 min" if "60 s" in new else "30 ms" if "10 ms" in new else "3 s"
    fly(text.replace("duration: 60 s", f"duration: {duration}"), tmp_path)


@pytest.mark.parametrize("length", ["0 s", "-1 s", "5", "0.5 s"])
def test_a_window_is_measured_alike_in_a_file_and_live(length: str) -> None:
    fault = f"faults:\n  - {{id: a, fault: kill, target: sc-1, at: 5 s, for: {length}}}\nexpectations:"
    (said,) = [one for one in mistakes(TINY.replace("expectations:", fault)) if ".for:" in one]
    with pytest.raises(UserError) as caught:
        _duration(pairs((f"for={length}",))["for"], scenario(TINY))
    assert said.partition(".for: ")[2] == caught.value.message.partition(": ")[2]


@pytest.mark.parametrize("rate", ["1", "10 s", "2 kg/s", "-1 g/s"])
def test_a_leak_is_a_mass_flow_in_a_file_and_live(rate: str) -> None:
    fault = f"faults: [{{id: a, fault: coolant_leak, target: sc-1, at: 5 s, parameters: {{rate: {rate}}}}}]"
    (said,) = mistakes(TINY.replace("expectations:", f"{fault}\nexpectations:"))
    with pytest.raises(ScenarioError) as caught:
        resolve_fault("coolant_leak", design_info("pathfinder"), pairs((f"rate={rate}",)), tick_s=1.0)
    assert said.endswith(str(caught.value.mistakes[0]).partition(": ")[2])
    resolved = resolve_fault("coolant_leak", design_info("pathfinder"), {"rate": "10 g/s"}, tick_s=1.0)
    assert resolved.parameters == {"rate": 0.01}


@pytest.mark.parametrize("power", ["500", "5 s"])
def test_arguments_need_their_units_in_a_file_and_live(power: str) -> None:
    block = (
        f"timeline: [{{at: 5 s, telecommand: {{to: sc-1, name: payload.power_cap, arguments: {{power_w: {power}}}}}}}]"
    )
    (said,) = mistakes(TINY.replace("expectations:", f"{block}\nexpectations:"))
    with pytest.raises(ScenarioError) as caught:
        in_units(dictionary_of("pathfinder"), "payload.power_cap", pairs((f"power_w={power}",)))
    assert said.endswith(str(caught.value.mistakes[0]).partition("arguments.")[2])


def test_a_key_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match="string is given twice"):
        pairs(("string=1", "string=2"))
