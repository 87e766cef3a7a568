"""`skyrack search`: finds planted weaknesses, shrinks them, and leaves a scenario that does the same again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bus.errors import ScenarioError, UserError
from faults.catalogue.resolve import FAULTS
from faults.run.warm import warm_up
from faults.scenarios.own_designs import Shelf
from faults.search.flights import Flights
from faults.search.look import Budget, Found, Watch, look
from faults.search.space import Limits, space_of
from faults.search.steps import Kind, Step
from faults.search.tell import keep
from faults.search.texts import Source, found_text, load_found, read_source
from tests.kits.runs import skyrack
from tests.kits.weak_fdir import COOL, SOUND, WEAKNESSES, Weakness, scenario_of

REMOVED = replace(WEAKNESSES[0], duration="5 min", faults=("accelerator_interface_worn", "accelerator_straggler"))


def source_of(weakness: Weakness, folder: Path) -> Source:
    folder.mkdir(exist_ok=True)
    path = folder / "weak.yaml"
    path.write_text(scenario_of(weakness), encoding="utf-8")
    source = read_source(str(path), (), "", Shelf())
    warm_up(source.scenario, lambda text: None)
    return source


def search(weakness: Weakness, folder: Path, runs: int, watch: Watch | None = None) -> tuple[Source, Found]:
    source = source_of(weakness, folder)
    window_s = (30.0, source.scenario.duration_ns / 1e9 * 2 // 3)
    limits = Limits(faults=weakness.faults, telecommands=("none",), window_s=window_s)
    flights = Flights(source.scenario, FAULTS, folder)
    return source, look(space_of(source.scenario, FAULTS, limits), 1, Budget(runs=runs), flights.fly, watch or Watch())


def violated_by(found: Found, weakness: Weakness, folder: Path) -> bool:
    """Whether the least sequence violates with this table too."""
    assert found.least is not None
    flown = Flights(source_of(weakness, folder).scenario, FAULTS, folder).fly(found.least.steps)
    assert not flown.failure
    return bool(flown.violated)


def test_a_removed_row_is_found_and_what_is_left_is_a_scenario_that_shows_it(tmp_path: Path) -> None:
    source, found = search(REMOVED, tmp_path / "weak", runs=30)
    assert found.why_ended == "found" and found.least is not None
    assert [str(step.kind) for step in found.least.steps] == ["rack accelerator_interface_worn"]
    assert not violated_by(found, replace(SOUND, duration="5 min"), tmp_path / "sound")
    content = keep(source, found, tmp_path, FAULTS)
    assert content["found"]["violated"] == [COOL] and content["found"]["trace_hash"]
    again = load_found(tmp_path / "found.yaml", source.shelf)
    assert [fault.fault for fault in again.faults] == ["accelerator_interface_worn"]
    assert json.loads((tmp_path / "search.json").read_text())["ended"] == "found"


def test_a_sequence_flown_from_a_way_point_is_to_the_bit_the_same_flown_whole(tmp_path: Path) -> None:
    scenario = source_of(replace(SOUND, duration="5 min"), tmp_path).scenario
    first = Step(Kind("fault", "rack", "accelerator_straggler"), 100.0, (("group", "gpu"),), 60.0)
    asked = Step(Kind("telecommand", "rack", "payload.off"), 170.0)
    last = Step(Kind("fault", "rack", "reboot"), 250.0)
    shared = Flights(scenario, FAULTS, tmp_path)
    shared.fly(())
    for steps in ((first, asked), (first, asked, last), (first, last), (last,)):
        whole = Flights(scenario, FAULTS, tmp_path).fly(steps)
        assert shared.fly(steps) == whole and whole.ticks == 300, steps
    assert shared.shared > shared.ticks / 4
    shared.close()
    assert not list(tmp_path.glob("*.way")) and not list(tmp_path.glob("*.bin"))


def test_who_stops_it_keeps_the_best_so_far(tmp_path: Path) -> None:
    flown: list[str] = []
    watch = Watch(lambda found, doing: flown.append(doing), lambda: "SIGINT" if len(flown) >= 2 else "")
    source, found = search(replace(SOUND, duration="2 min", faults=REMOVED.faults), tmp_path, 30, watch)
    assert found.why_ended == "interrupted" and found.least is None and found.best is not None
    content = keep(source, found, tmp_path, FAULTS)
    assert content["ended"] == "interrupted" and content["nearest_steps"]
    assert not (tmp_path / "found.yaml").exists()


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    path = tmp_path / "weak.yaml"
    path.write_text(scenario_of(SOUND), encoding="utf-8")
    for written, said in (
        ("always rack.battery_sok > 3 %", "battery_soc"),
        ("always rack.battery_soc > 3 K", "fraction"),
        ("always rick.battery_soc > 3 %", "rack"),
        ("sometimes rack.battery_soc > 3 %", "always"),
    ):
        with pytest.raises(ScenarioError) as wrong:
            read_source(str(path), [written], "", Shelf())
        mistake = wrong.value.mistakes[0]
        assert mistake.file == "--property" and said in f"{mistake.found} {mistake.allowed}", mistake
    with pytest.raises(ScenarioError) as wrong:
        read_source(str(path), [], "90 parsecs", Shelf())
    assert wrong.value.mistakes[0].file == "--duration"
    path.write_text(scenario_of(SOUND).partition("expectations")[0], encoding="utf-8")
    with pytest.raises(UserError, match="what is to be violated"):
        read_source(str(path), [], "", Shelf())
    with pytest.raises(UserError, match="is resolved"):
        read_source(str(tmp_path / "scenario.json"), [], "", Shelf())


def test_what_it_names_is_named_from_where_it_is_written(tmp_path: Path) -> None:
    """The scenario's own files are found from the new file as well."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "own.yaml").write_text("faults: {}\n", encoding="utf-8")
    text = scenario_of(REMOVED).replace("stations:", "catalogue: own.yaml\nstations:")
    (tmp_path / "mine" / "weak.yaml").write_text(text, encoding="utf-8")
    source = read_source(str(tmp_path / "mine" / "weak.yaml"), (), "", Shelf())
    step = Step(Kind("fault", "rack", "accelerator_straggler"), 100.0, (("group", "gpu"),))
    out = tmp_path / "out"
    out.mkdir()
    (out / "found.yaml").write_text(found_text(source, (step,), [COOL], out), encoding="utf-8")
    assert "catalogue: ../mine/own.yaml" in (out / "found.yaml").read_text(encoding="utf-8")
    assert len(load_found(out / "found.yaml", Shelf()).faults) == 1


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("weakness", WEAKNESSES, ids=lambda one: one.name)
def test_every_planted_weakness_is_found_and_shrunk_to_at_most_three_steps(weakness: Weakness, tmp_path: Path) -> None:
    _, found = search(weakness, tmp_path / "weak", runs=400)
    assert found.least is not None, found.tried.words()
    assert len(found.least.steps) <= 3, found.least.steps
    assert violated_by(found, weakness, tmp_path / "weak")
    assert not violated_by(found, replace(SOUND, duration=weakness.duration, prop=weakness.prop), tmp_path / "sound")


@pytest.mark.slow
def test_the_command_finds_and_run_repeats_it(tmp_path: Path) -> None:
    (tmp_path / "weak.yaml").write_text(scenario_of(REMOVED), encoding="utf-8")
    options = ("--faults", ",".join(REMOVED.faults), "--telecommands", "none", "--budget", "30 runs", "--json")
    made = skyrack("search", "weak.yaml", *options, "--out", "out/found", cwd=tmp_path)
    assert made.returncode == 1, made.stderr
    content = json.loads(made.stdout)
    again = skyrack("run", "out/found/found.yaml", "--in-process", "--json", cwd=tmp_path)
    assert again.returncode == 1, again.stderr
    summary = json.loads(again.stdout)
    assert summary["trace_hash"] == content["found"]["trace_hash"]
    assert [one["verdict"] for one in summary["expectations"]] == ["FAIL"]
    none = skyrack("search", "weak.yaml", "--faults", "accelerator_straggler", "--telecommands", "none", "--budget",
                   "3 runs", cwd=tmp_path)  # fmt: skip
    assert none.returncode == 0 and "nothing found (budget)" in none.stdout and "faults tried: 1 of 1" in none.stdout
    for options, said in (
        (("--budget", "soon"), "--budget: found 'soon'"),
        (("--within", "1 d"), "steps from"),
        (("--property", "never rack.accelerator_temperature_k[gpu] > 0 degC"), "violates already"),
        (("--faults", "string_opn"), "did you mean string_open"),
    ):
        wrong = skyrack("search", "weak.yaml", *options, cwd=tmp_path)
        assert wrong.returncode == 2 and said in wrong.stderr and "Traceback" not in wrong.stderr, wrong.stderr
