"""Generated scenarios: what `check` accepts flies a few ticks without a mistake and without a failure of the range."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from bus.errors import ScenarioError
from faults.catalogue.form import ParameterForm
from faults.catalogue.resolve import FAULTS
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run_directory import create
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import LABELS, TruthNames, design_info
from node.designs.load import SHIPPED

TICKS = 4
ORBITS = st.sampled_from(
    [
        {"sso": {"altitude": "650 km", "ltan": "18:00", "argument_of_latitude": "85 deg"}},
        {"circular": {"altitude": "300 km", "inclination": "0 deg", "raan": "360 deg",
                      "argument_of_latitude": "0 deg"}},
        {"circular": {"altitude": "1900 km", "inclination": "180 deg", "raan": "0 deg",
                      "argument_of_latitude": "0 deg"}},
        {"kepler": {"semi_major_axis": "7000 km", "eccentricity": 0.01, "inclination": "51.6 deg", "raan": "0 deg",
                    "argument_of_perigee": "0 deg", "mean_anomaly": "0 deg"}},
        {"planes": {"altitude": "600 km", "ltans": ["06:00", "18:00"], "slots": 1, "phase": "0 deg",
                    "argument_of_latitude": "0 deg"}},
    ]
)  # fmt: skip
VALUES = st.sampled_from(
    ["0 %", "30 %", "100 %", "110 %", 0, 1, 3, -1, 0.5, "0 K", "290 K", "5000 K", "20 degC", "0 W", "1 kW", "28 V",
     "1 s", "5e14 1/cm2", "SAFE", "off", "1 A", "1 kg", "1 rad"]
)  # fmt: skip


@st.composite
def parameter(draw: st.DrawFn, form: ParameterForm, design: str) -> Any:
    """Mostly something that fits; sometimes anything."""
    info = design_info(design)
    fitting: list[Any] = [value for value in (form.low, form.high, form.default) if value is not None]
    fitting += [*form.choices, *info.groups.get(form.of, ())]
    if form.kind in ("sensor", "device"):
        fitting += [one if form.kind == "sensor" else one.partition(".")[0] for one in info.sensors]
    return draw(st.sampled_from(fitting) if fitting and draw(st.integers(0, 9)) else VALUES)


@st.composite
def fault(draw: st.DrawFn, name: str, design: str, tick_s: int) -> dict[str, Any]:
    kind = draw(st.sampled_from(sorted(FAULTS)))
    forms = FAULTS[kind].parameters.values()
    parameters = {form.name: draw(parameter(form, design)) for form in forms if form.required or draw(st.booleans())}
    entry = {"id": name, "fault": kind, "target": "sc-1", "at": f"{draw(st.integers(1, TICKS)) * tick_s} s"}
    window = draw(st.sampled_from([{}, {"for": f"{tick_s} s"}, {"until": "3 d"}, {"for": "1 orbits"}]))
    return {**entry, **window, "parameters": parameters}


@st.composite
def scenarios(draw: st.DrawFn) -> str:
    """A scenario as text (JSON is YAML)."""
    design, tick_s = draw(st.sampled_from(SHIPPED)), draw(st.sampled_from([1, 1, 10, 60]))
    names = [name for name in TruthNames(design) if name.partition("[")[0] not in LABELS]
    names += ["battery_soc", "mode", "battery_temperature_k"] * (len(names) // 6)
    flown = {
        "skyrack": 1,
        "name": "made up",
        "epoch": draw(st.sampled_from(["2026-08-12T00:00:00Z", "1957-01-01T00:00:00Z", "2056-12-31T23:59:59Z"])),
        "duration": f"{TICKS * tick_s} s",
        "tick": f"{tick_s} s",
        "seed": draw(st.integers(0, 2**53)),
        "environment": {
            "solar_activity": draw(st.sampled_from(["minimum", "maximum"])),
            "storm_density_factor": draw(st.sampled_from([0.1, 1, 20])),
            "solar_event": draw(st.sampled_from(["none", "S5", "may_2024"])),
            "solar_event_at": "0 s",
        },
        "spacecraft": [
            {"id": "sc-1", "design": design, "orbit": draw(ORBITS),
             "initial": draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=1))},
            {"id": "sc-2", "design": "pathfinder", "orbit": draw(ORBITS),
             "peers": draw(st.sampled_from([[], ["sc-1"]]))},
        ],
        "stations": draw(st.sampled_from([[], ["svalbard"], [{"station": "svalbard", "wet_fraction": "90 %"}]])),
        "timeline": draw(
            st.lists(
                st.sampled_from([("test.ping", {}), ("mode.set", {"mode": "SAFE"})]).map(
                    lambda told: {
                        "at": "0 s",
                        "telecommand": {"to": "sc-2", "name": told[0], "arguments": told[1]},
                    }
                ),
                max_size=2,
            )
        ),
        "faults": [draw(fault(f"f{n}", design, tick_s)) for n in range(draw(st.integers(0, 2)))],
        "expectations": draw(
            st.lists(st.sampled_from(["always sc-2.battery_soc > 5 %", "never sc-2.mode == SAFE"]), max_size=2)
        ),
    }  # fmt: skip
    return json.dumps(flown)


def flies(text: str) -> None:
    try:
        scenario = load_text(text, file="made-up.yaml")
    except ScenarioError as error:
        event("refused")
        assert all(mistake.line for mistake in error.mistakes)
        return
    event("accepted")
    with tempfile.TemporaryDirectory() as folder:
        directory = create(scenario.name, Path(folder) / "run")
        root.prepare(directory, scenario, text)
        result = root.fly_in_process(scenario, directory)
        assert result.failure is None, result.failure
        conclude(directory, result, mode="in-process", pace="free")


QUIETLY = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@settings(max_examples=6, suppress_health_check=QUIETLY, derandomize=True)
@given(scenarios())
def test_what_check_accepts_flies(text: str) -> None:
    flies(text)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@settings(max_examples=100, suppress_health_check=QUIETLY)
@given(scenarios())
def test_what_check_accepts_flies_many_times(text: str) -> None:
    flies(text)
