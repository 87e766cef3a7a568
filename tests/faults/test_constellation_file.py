"""The file of a constellation: what it means, and every mistake where it stands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml

from bus.constants import EARTH_RADIUS_M
from bus.errors import ScenarioError
from bus.orbits import constellations
from faults.commands.look import check_command
from faults.commands.schema import fleet_schema
from faults.fleet import form
from faults.fleet.form import bytes_each, read_fleet_text
from faults.scenarios.load import load_text
from tests.kits import fleet_kit as kit

WALKER = '{walker: {pattern: "30:6/2/1", kind: delta, altitude: 600 km}}'


def mistakes(text: str, file: str = "two-shells.yaml") -> list[str]:
    with pytest.raises(ScenarioError) as refused:
        read_fleet_text(text, file)
    return [str(mistake) for mistake in refused.value.mistakes]


def with_low(place: str) -> str:
    return kit.text().replace(WALKER, place)


def test_a_walker_shell_has_the_places_of_a_scenarios_walker_to_the_bit() -> None:
    slots = constellations.walker(
        inclination_rad=np.deg2rad(53.0), total=24, planes=4, phasing=3, altitude_m=550e3, raan_rad=0.3,
        argument_of_latitude_rad=1.1,
    )  # fmt: skip
    shapes = [(550e3, float(np.deg2rad(53.0)))] * 4
    nodes = [0.3 + constellations.TWO_PI * plane / 4 for plane in range(4)]
    planes = form_planes(shapes, nodes, 6, constellations.TWO_PI * 3 / 24, 1.1)
    mine = [
        (label, *row[:6]) for plane in planes for label, row in zip(plane.labels, plane.places.tolist(), strict=True)
    ]
    theirs = [
        (s.label, s.orbit.semi_major_axis_m, s.orbit.eccentricity, s.orbit.inclination_rad, s.orbit.raan_rad,
         s.orbit.argument_of_perigee_rad, s.orbit.mean_anomaly_rad)
        for s in slots
    ]  # fmt: skip
    assert mine == theirs


def form_planes(*arguments: object) -> list[form.Plane]:
    from faults.fleet.shells import evenly  # noqa: PLC0415

    return evenly(*arguments)  # type: ignore[arg-type]


def test_sun_synchronous_planes_rise_in_equal_steps_and_keep_their_local_time() -> None:
    place = '{sun_synchronous: {altitude: 500 km, to: 1800 km, planes: 3, ltans: ["06:00", "18:00"], slots: 2}}'
    shell = read_fleet_text(with_low(place), "x.yaml").shells[1]
    heights = [round(float(plane.places[0, 0] - EARTH_RADIUS_M) / 1e3) for plane in shell.planes]
    assert heights == [500, 1150, 1800] * 2
    tilts = [float(plane.places[0, 2]) for plane in shell.planes]
    assert tilts[:3] == sorted(tilts[:3]) and np.rad2deg(tilts[0]) == pytest.approx(97.40, abs=0.02)
    apart = (shell.planes[3].places[0, 3] - shell.planes[0].places[0, 3]) % (2.0 * np.pi)
    assert apart == pytest.approx(np.pi)
    assert shell.names()[:3] == ["low-1-1", "low-1-2", "low-2-1"]


def test_clusters_are_the_lattice_of_a_scenario() -> None:
    place = (
        '{cluster: {pattern: suncatcher81, altitude: 650 km, ltan: "18:00", argument_of_latitude: 0 deg, radius: 1 km, '
        "clusters: 2}}"
    )
    shell = read_fleet_text(with_low(place), "x.yaml").shells[1]
    assert shell.count == 162 and [plane.label for plane in shell.planes] == ["1", "2"]


def test_a_catalogue_flies_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "sets.txt").write_text(
        "ISS (ZARYA)\n"
        "1 25544U 98067A   08264.51782528 -.00002182  00000-0 -11606-4 0  2927\n"
        "2 25544  51.6416 247.4627 0006703 130.5360 325.0288 15.72125391563537\n"
    )
    text = with_low("{catalogue: {file: sets.txt}}").replace("2026-06-21", "2008-09-21")
    found = read_fleet_text(text, str(tmp_path / "two.yaml"))
    assert found.shells[1].names() == ["low-iss-zarya"]
    assert found.shells[1].planes[0].places[0, 0] == pytest.approx(6_725_000.0, abs=10_000.0)
    assert [str(m) for m in mistakes(with_low("{catalogue: {file: none.txt}}"), str(tmp_path / "two.yaml"))] == [
        f"{tmp_path / 'two.yaml'}:{kit.LOW_LINE + 2}:31: constellation[1].place.catalogue.file: found 'none.txt': "
        f"cannot read {tmp_path / 'none.txt'}: No such file or directory; allowed: a catalogue of element sets"
    ]


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ('{walker: {pattern: "30:6/2/1", kind: delta, altitude: 40 km}}', "altitude: found '40 km'; allowed: 250 km"),
        ('{walker: {pattern: "30:6/2/1", kind: delta, altitude: 9000 km}}', "altitude: found '9000 km'; allowed:"),
        ('{walker: {pattern: "30:7/2/1", kind: delta, altitude: 600 km}}', "a multiple of p"),
        ('{walker: {pattern: "30:9000000/2/1", kind: delta, altitude: 600 km}}', "spacecraft in all; allowed: at most"),
        ("{}", "an empty mapping; allowed: exactly one of walker, sun_synchronous, cluster, catalogue"),
        ('{sun_synchronous: {altitude: 600 km, planes: 3, ltans: ["06:00"], slots: 2}}', "3 planes without `to`"),
        ('{sun_synchronous: {altitude: 600 km, ltans: ["25:00"], slots: 2}}', "a local time from 00:00 to 23:59"),
        ('{sun_synchronous: {altitude: 1990 km, ltans: ["06:00"], slots: 2}}', "the proton flux table has values"),
    ],
)  # fmt: skip
def test_a_shell_that_cannot_be_is_refused_with_its_line(place: str, said: str) -> None:
    found = mistakes(with_low(place))
    assert all(each.startswith(f"two-shells.yaml:{kit.LOW_LINE + 2}:") for each in found), found
    assert any(said in each for each in found), found


def test_other_mistakes_are_told_too() -> None:
    assert "capacity class 'full'" in mistakes(kit.text().replace("design: fleet", "design: formation", 1))[0]
    assert "did you mean" in mistakes(kit.text().replace("design: fleet", "design: fleat", 1))[0]
    assert "'dawn' again" in mistakes(kit.text((kit.DAWN, kit.DAWN)))[0]
    assert "a whole number of ticks" in mistakes(kit.text(duration="120500 ms"))[0]
    bench = re.sub(
        r"environment: \{.*?\}", "environment: {bench: {ambient: 22 degC, convection: 5 W/m2 K}}", kit.text()
    )
    assert "a constellation on a bench" in mistakes(bench)[0]
    assert "skyrack run" in mistakes("skyrack: 1\nname: x\nspacecraft: []\n")[0]
    assert "constellation: found nothing" in str(mistakes("skyrack: 1\n"))
    with pytest.raises(ScenarioError, match=r"constellation: found a constellation; allowed: .*skyrack fleet"):
        load_text(kit.text())


def test_check_says_what_would_fly_and_an_editor_is_told_the_form(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two.yaml"
    file.write_text(kit.text())
    assert check_command(str(file), as_json=False) == 0
    said = capsys.readouterr().out
    assert "dawn: 4 of design fleet in 1 planes (sun_synchronous)" in said and "no mistakes found" in said
    assert check_command(str(file), as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["spacecraft"] == 10
    file.write_text(kit.text().replace("design: fleet", "design: fleat"))
    assert check_command(str(file), as_json=True) == 2
    assert json.loads(capsys.readouterr().out)["mistakes"][0]["line"] == 12
    validator = jsonschema.Draft202012Validator(fleet_schema())
    assert not list(validator.iter_errors(yaml.safe_load(kit.text().replace("2026-06-21T00:00:00Z", '"2026"'))))
    assert list(validator.iter_errors(yaml.safe_load(kit.text().replace("walker", "wolker"))))


def test_more_than_memory_is_refused_before_the_start_with_the_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(form, "free_mib", lambda: 1.0)
    (said,) = mistakes(kit.text((kit.DAWN.replace("slots: 4", "slots: 4000"),)))
    assert f"{bytes_each()} bytes each" in said and "at most" in said and said.startswith("two-shells.yaml:11:")
    assert bytes_each() <= 2048
