"""The fault catalogue: complete forms, defaults that resolve, refusals that help, places that exist in the plant."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import ScenarioError, UnknownNameError
from bus.wire.messages import Injection, Scalar, Seam
from faults.catalogue.answers import answers
from faults.catalogue.form import CRITICALITY, GROUPS, UNKNOWN
from faults.catalogue.resolve import FAULTS, DesignInfo, resolve_fault
from faults.scenarios.vocabulary import design_info
from node.assembly import equipment
from node.designs.load import SHIPPED, load_design
from node.devices.impairments import PLACES
from node.fdir.kinds import kind_of, parts_of
from node.plant.names import resolve
from node.plant.state import layout

DESIGN = DesignInfo(
    name="test",
    groups={group: tuple(f"{group}_{i}" for i in range(3)) for group in GROUPS},
    sensors=(
        "battery-monitor.battery_soc",
        "pcdu.string_current_a.string_0",
        "thermal-controller.thermal_temperature_k.battery",
    ),
)
THERMISTOR = "thermal_temperature_k.battery"
SAMPLES: dict[str, Scalar] = {
    "member": 1,
    "sensor": THERMISTOR,
    "reading": "5 K",
    "reading rate": "1 K/min",
    "quantity": "2",
    "integer": 0,
    "device": "pcdu",
}


def complete(fault: str) -> dict[str, Scalar]:
    """A value for each parameter that has no default."""
    required = [p for p in FAULTS[fault].parameters.values() if p.required]
    return {p.name: "1 kW" if p.dimension == "power" else SAMPLES[p.kind] for p in required}


def refusal(fault: str, parameters: dict[str, Scalar], *, has_end: bool = False) -> str:
    with pytest.raises(ScenarioError) as caught:
        resolve_fault(fault, DESIGN, parameters, tick_s=1.0, has_end=has_end)
    return "\n".join(f"{m.field}: found {m.found}; allowed: {m.allowed}" for m in caught.value.mistakes)


def test_ids_are_unique_and_every_seam_has_faults() -> None:
    ids = [fault.fmeca for fault in FAULTS.values()]
    assert len(set(ids)) == len(ids)
    assert {fault.seam for fault in FAULTS.values()} == set(Seam)


def test_every_row_of_every_table_is_there_for_a_fault_and_every_such_fault_is_one() -> None:
    kinds = {}
    for name in SHIPPED:
        design = load_design(name)
        kinds.update(dict.fromkeys(kind_of(row.monitor, parts_of(design)) for row in equipment(design).fdir))
    assert set(kinds) == set(answers())
    assert {fault for faults in answers().values() for fault in faults} <= set(FAULTS)


def test_what_is_catastrophic_or_critical_has_a_row_or_a_reason() -> None:
    answered = {fault for faults in answers().values() for fault in faults}
    assert {name for name, form in FAULTS.items() if form.severity <= 2 and not form.unseen} - answered == WATCHDOG


WATCHDOG = {"kill", "hang", "commanding_crash"}
"""The computer itself is down: its watchdog answers, and no row can."""


def test_every_fault_has_a_time_to_criticality_or_a_reason_why_not() -> None:
    listed = re.findall(r"^  ([a-z0-9_]+): ", CRITICALITY.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(FAULTS)
    assert all(form.criticality_why for form in FAULTS.values())
    known = {name for name, form in FAULTS.items() if form.severity <= 2 and form.criticality == UNKNOWN}
    assert known == {"receiver_failed", "receiver_dead", "link_outage", "device_side_dead", "actuator_deaf"}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_resolves_to_primitives_a_message_can_carry(name: str) -> None:
    resolved = resolve_fault(name, DESIGN, complete(name), tick_s=1.0)
    form = FAULTS[name]
    assert len(resolved.primitives) == len(form.primitives)
    for seam, place, primitive, parameters in resolved.primitives:
        assert seam == form.seam
        assert "$" not in place + repr(parameters)
        Injection(
            injection="x", seam=seam, place=place, primitive=primitive, parameters=parameters, start_ns=0, end_ns=0
        )


@pytest.mark.parametrize("name", FAULTS)
def test_every_parameter_of_a_form_is_used(name: str) -> None:
    form = FAULTS[name]
    written = " ".join(f"{p.place} {dict(p.parameters)}" for p in form.primitives)
    assert set(re.findall(r"\$([a-z_]+)", written)) == set(form.parameters)


@pytest.mark.parametrize("design", SHIPPED)
def test_every_place_exists_in_every_design_that_has_the_part(design: str) -> None:
    """Plant places are fields of the state; devices and their readings are those of the design."""
    info = design_info(design)
    form = load_design(design)
    state = layout(form.form.capacity_class).state
    for name, fault in FAULTS.items():
        members = [p for p in fault.parameters.values() if p.kind == "member"]
        if any(not info.groups[p.of] for p in members):
            continue
        parameters = {**complete(name), **{p.name: info.groups[p.of][0] for p in members}}
        if "sensor" in parameters:
            parameters["sensor"] = f"thermal_temperature_k.{info.groups['thermal_node'][0]}"
        for seam, place, _, _ in resolve_fault(name, info, parameters, tick_s=1.0).primitives:
            if seam == Seam.PLANT:
                resolve(state, form.names, place)
            elif seam == Seam.DEVICE:
                assert any(one == place or one.startswith(place + ".") for one in info.sensors)
            else:
                assert place in (*PLACES, "computer")


def test_what_a_list_says_of_a_parameter() -> None:
    assert FAULTS["kill"].parameters["down"].summary == "how long, 1 s to 1 d, default 30 s"
    assert FAULTS["string_open"].parameters["string"].summary == "which string"
    assert FAULTS["link_loss"].parameters["direction"].summary == "which way (uplink, downlink), default downlink"


def test_parameters_in_si_with_defaults_filled_in() -> None:
    resolved = resolve_fault("radiator_puncture", DESIGN, {"radiator": "radiator_2"}, tick_s=1.0)
    assert resolved.parameters == {"radiator": "radiator_2", "remaining": pytest.approx(0.3)}
    assert resolved.primitives == ((Seam.PLANT, "radiator_health[radiator_2]", "set", {"value": pytest.approx(0.3)}),)
    by_index = resolve_fault("radiator_puncture", DESIGN, {"radiator": 2, "remaining": 0.3}, tick_s=1.0)
    assert by_index.primitives == resolved.primitives


def test_durations_become_ticks_of_the_scenario() -> None:
    for tick_s, ticks in ((1.0, 5), (0.5, 10), (30.0, 1)):
        (primitive,) = resolve_fault("link_delay", DESIGN, {}, tick_s=tick_s).primitives
        assert primitive == (Seam.LINK, "uplink", "delay", {"ticks": ticks})


def test_a_reading_takes_the_unit_of_its_sensor() -> None:
    def offset(sensor: str, value: Scalar) -> Scalar:
        return resolve_fault("sensor_bias", DESIGN, {"sensor": sensor, "offset": value}, tick_s=1.0).primitives[0][3][
            "value"
        ]

    assert offset("battery_soc", "-30 %") == pytest.approx(-0.3)
    assert offset(THERMISTOR, "-20 K") == -20.0
    assert offset("pcdu.string_current_a.string_0", "500 mA") == 0.5
    stuck = {"sensor": THERMISTOR, "value": "20 degC"}
    assert resolve_fault("sensor_stuck", DESIGN, stuck, tick_s=1.0).primitives[0][3] == {"value": 293.15}
    drift = {"sensor": THERMISTOR, "rate": "6 K/min"}
    assert resolve_fault("sensor_drift", DESIGN, drift, tick_s=1.0).primitives[0][3] == {
        "rate_per_s": pytest.approx(0.1)
    }


def test_an_optional_value_that_is_left_out_is_left_out_of_the_primitive() -> None:
    assert resolve_fault("sensor_stuck", DESIGN, {"sensor": "battery_soc"}, tick_s=1.0).primitives[0][3] == {}


@pytest.mark.parametrize(
    ("fault", "parameters", "expected"),
    [
        ("string_open", {}, "parameters.string: found nothing; allowed: string_0, string_1"),
        ("string_open", {"string": 3}, "parameters.string: found the plain number 3"),
        ("string_open", {"string": "string_02"}, "(did you mean string_2 or string_0"),
        ("string_open", {"strin": 1}, "strin: found an unknown parameter; allowed: string (did you mean string?)"),
        ("kill", {"down": 30}, "parameters.down: found the plain number 30; allowed: a time in s, ms, min, h, d"),
        ("kill", {"down": "2 d"}, "parameters.down: found '2 d'; allowed: 1 s to 1 d"),
        ("link_loss", {"probability": "120 %"}, "parameters.probability: found '120 %'; allowed: 0 to 100 %"),
        ("link_loss", {"direction": "up"}, "parameters.direction: found 'up'; allowed: uplink, downlink"),
        ("sensor_bias", {"sensor": "soc", "offset": "3 %"}, "parameters.sensor: found 'soc'; allowed: "),
        ("sensor_bias", {"sensor": "battery_soc", "offset": "3 K"}, "offset: found '3 K'; allowed: a fraction"),
        ("sensor_bias", {"sensor": THERMISTOR, "offset": "3 degC"}, "a temperature difference in K"),
        ("sensor_drift", {"sensor": "battery_soc", "rate": "3 %"}, "rate: found '3 %'; allowed: a fraction"),
        ("wheel_failed", {"wheel": 4}, "wheel: found the plain number 4; allowed: a whole number from 0 to 3"),
    ],
)  # fmt: skip
def test_refusals_say_where_what_and_what_else(fault: str, parameters: dict[str, Scalar], expected: str) -> None:
    assert expected in refusal(fault, parameters)


def test_a_fault_that_is_over_at_once_takes_no_window() -> None:
    assert "for: found a window; allowed: neither for nor until" in refusal("reboot", {}, has_end=True)


def test_a_part_that_the_design_does_not_have() -> None:
    bare = DesignInfo("bare")
    with pytest.raises(ScenarioError, match="nothing: design 'bare' has no heater"):
        resolve_fault("heater_stuck", bare, {"heater": 0}, tick_s=1.0)


def test_an_unknown_fault_and_its_nearest() -> None:
    with pytest.raises(UnknownNameError) as caught:
        resolve_fault("string_opened", DESIGN, {}, tick_s=1.0)
    assert caught.value.nearest[0] == "string_open"


_SCALARS = st.none() | st.booleans() | st.integers(-5, 10) | st.floats() | st.text(max_size=12)


@given(st.sampled_from(sorted(FAULTS)), st.data())
def test_any_parameters_resolve_or_are_refused(fault: str, data: st.DataObject) -> None:
    names = [*FAULTS[fault].parameters, "other"]
    parameters = data.draw(st.dictionaries(st.sampled_from(names), _SCALARS, max_size=4))
    try:
        resolve_fault(fault, DESIGN, parameters, tick_s=1.0)  # type: ignore[arg-type]
    except ScenarioError as error:
        assert error.mistakes
