"""The ground's figures for Prometheus: what it received and nothing else, under known names, and never too many."""

from __future__ import annotations

import struct

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bus.lockstep.in_process import run_in_process
from bus.participant import Outbox, Participant
from bus.scenario.model import Scenario
from bus.sockets.metrics import exposition
from bus.trace.writer import TraceWriter
from bus.wire.messages import Kind
from faults.run.compose import build_all, conductor_of, dictionaries, trace_header
from faults.scenarios.choose import find_scenario
from faults.scenarios.load import load
from groundstation.config import GROUND_ID
from groundstation.ground import Ground
from groundstation.metrics import FLEET, MOST_GROUPS, MOST_SPACECRAFT, GroundMetrics

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def series(metrics: GroundMetrics) -> Series:
    """As Prometheus's own reader sees them."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(exposition(metrics.collect()).decode())
        for sample in family.samples
    }


@pytest.fixture(scope="module")
def flown() -> tuple[Scenario, Series, dict[tuple[str, str], float]]:
    """`quick`: the figures at its end, and the newest value of each parameter as the packets have it."""
    scenario = load(find_scenario("quick"))
    participants: list[Participant] = build_all(scenario)
    ground = next(each for each in participants if isinstance(each, Ground))
    forms = {one.id: dictionaries(scenario)[one.design] for one in scenario.spacecraft}
    metrics, newest, last = GroundMetrics(ground, forms), dict[tuple[str, str], float](), dict[tuple[str, int], int]()

    def commit(outbox: Outbox) -> None:
        metrics.note(outbox.records)
        for row in outbox.records:
            if row[0] == "packets" and row[5] == Kind.TELEMETRY:
                _, spacecraft, _, _, _, _, obt_ns, _, _, number, _, _, payload = row
                assert isinstance(spacecraft, str) and isinstance(number, int)
                assert isinstance(obt_ns, int) and isinstance(payload, bytes)
                if obt_ns < last.get((spacecraft, number), 0):
                    continue
                last[spacecraft, number] = obt_ns
                names = forms[spacecraft].structure[number].parameters
                for name, value in zip(names, struct.unpack(f"<{len(payload) // 8}d", payload), strict=False):
                    newest[spacecraft, name] = value

    run_in_process(
        conductor_of(scenario, history=False), participants, scenario.tick_ns,
        TraceWriter(None, trace_header(scenario)), commit={GROUND_ID: commit},
    )  # fmt: skip
    return scenario, series(metrics), newest


def test_the_fleet_is_what_was_received(flown: tuple[Scenario, Series, dict[tuple[str, str], float]]) -> None:
    scenario, told, newest = flown
    heard = {spacecraft for spacecraft, _ in newest}
    assert heard
    for one in scenario.spacecraft:
        for parameter, (metric, _) in FLEET.items():
            value = newest.get((one.id, parameter))
            assert told.get((metric, (("spacecraft", one.id),))) == value, (one.id, parameter)
    assert told["skyrack_spacecraft", ()] == len(scenario.spacecraft)


def test_accelerators_have_the_names_and_units_of_dcgm(
    flown: tuple[Scenario, Series, dict[tuple[str, str], float]],
) -> None:
    _, told, newest = flown
    temperatures = {key: value for key, value in told.items() if key[0] == "DCGM_FI_DEV_GPU_TEMP"}
    assert temperatures
    for (_, labels), celsius in temperatures.items():
        label = dict(labels)
        kelvin = newest[label["Hostname"], f"accelerator_temperature_k.{label['gpu']}"]
        assert celsius == pytest.approx(kelvin - 273.15, abs=1e-3)
    assert any(name == "DCGM_FI_DEV_POWER_USAGE" for name, _ in told)
    assert any(name == "DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS" for name, _ in told)


def test_commanding_and_the_ledger_are_there(flown: tuple[Scenario, Series, dict[tuple[str, str], float]]) -> None:
    _, told, _ = flown
    assert told["skyrack_telecommands_total", (("state", "completed"),)] == 2
    assert told["skyrack_telemetry_packets_total", (("entry", "archived"),)] > 100
    assert told["skyrack_packets_received_total", (("kind", "verification"),)] > 0


def test_who_was_never_heard_has_no_figures_and_no_zero() -> None:
    scenario = load(find_scenario("quick"))
    ground = next(each for each in build_all(scenario) if isinstance(each, Ground))
    told = series(GroundMetrics(ground, {o.id: dictionaries(scenario)[o.design] for o in scenario.spacecraft}))
    assert not [key for key in told if dict(key[1]).get("spacecraft") or dict(key[1]).get("Hostname")]


def test_a_late_packet_is_no_news() -> None:
    scenario = load(find_scenario("quick"))
    ground = next(each for each in build_all(scenario) if isinstance(each, Ground))
    form = dictionaries(scenario)["pathfinder"]
    metrics = GroundMetrics(ground, {"path-1": form})
    structure = next(each for each in form.structures if "battery_soc" in each.parameters)
    for obt_ns, charge in ((5, 0.5), (4, 0.9)):
        payload = struct.pack(f"<{len(structure.parameters)}d", *[charge] * len(structure.parameters))
        metrics.note(
            [("packets", "path-1", 1, 3, obt_ns, Kind.TELEMETRY, obt_ns, 9, "", structure.id, 0, b"", payload)]
        )
    assert series(metrics)["skyrack_battery_charge_ratio", (("spacecraft", "path-1"),)] == 0.5


def test_the_number_of_series_is_bounded_whatever_flies() -> None:
    scenario = load(find_scenario("quick"))
    ground = next(each for each in build_all(scenario) if isinstance(each, Ground))
    form = dictionaries(scenario)[scenario.spacecraft[0].design]
    fleet = {f"sat-{number}": form for number in range(MOST_SPACECRAFT + 50)}
    metrics = GroundMetrics(ground, fleet)
    for name in fleet:
        for structure in form.structures:
            payload = struct.pack(f"<{len(structure.parameters)}d", *[1.0] * len(structure.parameters))
            row = ("packets", name, 1, 3, 1, Kind.TELEMETRY, 1, 9, "", structure.id, 0, b"", payload)
            metrics.note([row])
    told = series(metrics)
    assert told["skyrack_spacecraft_untold", ()] == 50
    assert len({dict(labels).get("spacecraft") for _, labels in told} - {None}) == MOST_SPACECRAFT
    jobs = sum(name.startswith("job_p99_s.") for name in form.parameter)
    each = len(FLEET) + 2 + jobs + 8 * MOST_GROUPS
    assert len(told) <= 60 + MOST_SPACECRAFT * each
