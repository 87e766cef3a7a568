"""Designs as data: what is shipped is complete, what is wrong is refused where it was written."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import Refused, ScenarioError, UnknownNameError
from bus.text.units import parse
from node.designs.elimination import minimum_degree
from node.designs.figures import read_figure
from node.designs.load import DESIGNS, SHIPPED, load_design, read_design
from node.designs.plant import plant_orders, plant_parameters, plant_state


def test_every_shipped_design_lies_where_it_belongs() -> None:
    assert {path.stem for path in DESIGNS.glob("*.yaml")} >= {*SHIPPED, "parts"}


@pytest.mark.parametrize("name", SHIPPED)
def test_every_figure_has_a_unit_and_a_source(name: str) -> None:
    design = load_design(name)
    assert len(design.figures) > 150
    for figure in design.figures:
        assert figure.source.strip(), figure
        assert figure.line > 0
    assert sum(figure.assumed for figure in design.figures) < len(design.figures)


@pytest.mark.parametrize("name", SHIPPED)
def test_designs_become_finite_parameters(name: str) -> None:
    design = load_design(name)
    for values in (plant_parameters(design), plant_state(design), plant_orders(design)):
        for field, value in values.items():
            assert np.all(np.isfinite(np.asarray(value, float))), field


def test_dictionaries_need_no_numba() -> None:
    code = "import sys, node.designs.load as d; d.load_design('formation').names; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, cwd=DESIGNS.parents[1]).returncode == 0


def test_an_unknown_design_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="pathfinder"):
        load_design("pathfindr")


MISTAKES = {
    "missing unit": ("mass: [60 kg,", "mass: [60,", "mass", "unit"),
    "wrong unit": ("mass: [60 kg,", "mass: [60 W,", "mass", "convertible to kg"),
    "missing source": ('mass: [60 kg, "Starcloud-1, press (secondary reading)"]', "mass: [60 kg]", "mass", "source"),
    "unknown node": ("between: [host, cold_plate]", "between: [host, cold_plat]", "conductors[2]", "cold_plate"),
    "negative capacity": ("structure: {capacity: [18 kJ/K", "structure: {capacity: [-18 kJ/K", "structure", "above 0"),
    "unknown limiter": ("node: cold_plate, lcl: payload}", "node: cold_plate, lcl: paylod}", "gpu.lcl", "payload"),
    "unknown part": ("cell: {part: triple_junction}", "cell: {part: tripple_junction}", "part", "triple_junction"),
    "unknown field": ("control: mppt", "control: mppt\n  colour: blue", "colour", ""),
    "unknown choice": ("control: mppt", "control: shunt", "control", ""),
    "missing field": ("  control: mppt\n", "", "control", ""),
    "hysteresis upside down": ("on_below: [5 degC", "on_below: [15 degC", "battery_heater", "off_above"),
    "curve that falls": (
        "cell: {part: nmc_cell}",
        "cell: {part: nmc_cell, open_circuit_voltage: [[3, 3.5, 3.4, 3.6, 3.7, 3.8, 3.9, 4, 4.05, 4.1, 4.2], V, x]}",
        "battery.cell",
        "rise",
    ),
    "curve too short": (
        "cell: {part: nmc_cell}",
        "cell: {part: nmc_cell, open_circuit_voltage: [[3.0, 4.2], V, x]}",
        "battery.cell",
        "11 values",
    ),
    "knee above open circuit": (
        "cell: {part: triple_junction}",
        "cell: {part: triple_junction, power_point_voltage: [2.9 V, x]}",
        "array.cell",
        "below open_circuit_voltage",
    ),
    "too many strings": ("strings: 20", "strings: 41", "array.strings", "at most 40"),
    "conductor of two kinds": (
        "gl: [8 W/K, assumption]}",
        "gl: [8 W/K, assumption], gr: [1 m2, assumption]}",
        "conductors[2]",
        "one of them",
    ),
    "thermostat on what closes again": (
        "obc: {kind: rlcl,",
        "obc: {cut_off: [80 degC, x], kind: rlcl,",
        "lcls.obc",
        "kind lcl",
    ),
    "not a number": ("mass: [60 kg,", "mass: [sixty kg,", "mass", "a number"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused_with_file_and_line(mistake: str) -> None:
    before, after, field, allowed = MISTAKES[mistake]
    text = (DESIGNS / "pathfinder.yaml").read_text()
    assert before in text
    with pytest.raises(ScenarioError) as caught:
        read_design(text.replace(before, after, 1), "mine.yaml", "mine")
    hit = [m for m in caught.value.mistakes if field in m.field and allowed in f"{m.allowed} {m.found}"]
    assert hit, caught.value.mistakes
    line = text[: text.index(before)].count("\n") + 1
    assert hit[0].file == "mine.yaml"
    assert line - 1 <= hit[0].line <= line + 2 or mistake == "missing field"


def test_several_mistakes_are_found_in_one_go() -> None:
    text = (DESIGNS / "pathfinder.yaml").read_text()
    wrong = text.replace("mass: [60 kg,", "mass: [60,").replace("strings: 20", "strings: 0")
    with pytest.raises(ScenarioError) as caught:
        read_design(wrong, "mine.yaml", "mine")
    assert len(caught.value.mistakes) == 2


@pytest.mark.parametrize(
    ("text", "unit", "value"),
    [
        ("45 degC", "K", 318.15),
        ("12 kWh", "J", 43.2e6),
        ("0.5 deg/s", "rad/s", 0.008726646259971648),
        ("1e13 1/cm2 year", "1/m2 s", 1e17 / 31557600.0),
        ("3.6 kJ/kg K", "J/kg K", 3600.0),
        ("-6.5 mV/K", "V/K", -0.0065),
        ("44 rad(Si)", "Gy", 0.44),
        ("60 %", "1", 0.6),
        ("9.6 Tbit/s", "bit/s", 9.6e12),
        ("-28 dB/K", "dB/K", -28.0),
    ],
)
def test_units(text: str, unit: str, value: float) -> None:
    assert parse(text, unit) == pytest.approx(value, rel=1e-12)


@given(value=st.one_of(st.none(), st.text(max_size=12), st.floats(), st.lists(st.text(max_size=8), max_size=3)))
@settings(max_examples=200)
def test_a_figure_is_read_or_refused(value: object) -> None:
    with contextlib.suppress(Refused):
        assert np.isfinite(read_figure(value, "W"))


@given(st.integers(2, 14), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_elimination_along_the_order_solves_the_system(count: int, random: object) -> None:
    pairs = [(i, random.randrange(i)) for i in range(1, count)]  # type: ignore[attr-defined]
    pairs += [(random.randrange(count), random.randrange(count)) for _ in range(count // 2)]  # type: ignore[attr-defined]
    matrix = np.diag([5.0 + i for i in range(count)])
    for a, b in pairs:
        if a != b:
            matrix[a, b] -= 0.1 + 0.01 * a
            matrix[b, a] -= 0.2
    right = np.arange(1.0, count + 1.0)
    order = minimum_degree(count, pairs)
    work, x, y = matrix.copy(), np.zeros(count), right.copy()
    for step, k in enumerate(order.pivots):
        near = order.neighbours[order.starts[step] : order.starts[step + 1]]
        for i in near:
            factor = work[i, k] / work[k, k]
            y[i] -= factor * y[k]
            for j in near:
                work[i, j] -= factor * work[k, j]
    for step in reversed(range(count)):
        k = order.pivots[step]
        near = order.neighbours[order.starts[step] : order.starts[step + 1]]
        x[k] = (y[k] - sum(work[k, j] * x[j] for j in near)) / work[k, k]
    assert matrix @ x == pytest.approx(right, abs=1e-9)
