"""A user's own designs: named by path or from a directory, kept with the run, wrong ones in nobody's way."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bus.errors import ScenarioError, UserError
from faults.commands.look import list_command
from faults.commands.replay import replay
from faults.run.compose import fly_in_process, prepare
from faults.run_directory import RunDirectory
from faults.scenarios.choose import RunOptions, choose, load_named, load_resolved
from faults.scenarios.own_designs import Shelf
from node.designs.load import DESIGNS, SHIPPED, read_resolved
from tests.kits.runs import TINY, skyrack, summary_of

TEXT = (DESIGNS / "pathfinder.yaml").read_text()
HEAVY = TEXT.replace("mass: [60 kg,", "mass: [61 kg,")
WRONG = TEXT.replace("mass: [60 kg,", "mass: [60,")


def beside(directory: Path, design: str = HEAVY, written: str = "./mine.yaml") -> Path:
    (directory / "mine.yaml").write_text(design)
    scenario = directory / "tiny.yaml"
    scenario.write_text(TINY.replace("design: pathfinder", f"design: {written}"))
    return scenario


def test_a_design_lies_beside_its_scenario(tmp_path: Path) -> None:
    scenario = load_named(str(beside(tmp_path))).scenario
    name = scenario.spacecraft[0].design
    assert name.startswith("mine@")
    assert scenario.designs == {name: HEAVY}
    assert read_resolved(scenario.to_json()).digest == scenario.digest


def test_another_text_is_another_design(tmp_path: Path) -> None:
    first = load_named(str(beside(tmp_path))).scenario
    second = load_named(str(beside(tmp_path, HEAVY.replace("61 kg", "62 kg")))).scenario
    assert first.spacecraft[0].design != second.spacecraft[0].design
    assert first.digest != second.digest


def test_shipped_designs_do_not_travel() -> None:
    scenario = load_named("quick").scenario
    assert not scenario.designs
    assert b'"designs"' not in scenario.to_json()


def test_a_directory_of_designs(tmp_path: Path) -> None:
    scenario = beside(tmp_path, written="heavy-finder")
    (tmp_path / "heavy-finder.yaml").write_text(HEAVY)
    with pytest.raises(ScenarioError, match=r"tiny.yaml:10:13: spacecraft.0..design: found 'heavy-finder'"):
        load_named(str(scenario))
    assert load_named(str(scenario), (tmp_path,)).scenario.spacecraft[0].design.startswith("heavy-finder@")
    assert choose(RunOptions(str(scenario), designs=(tmp_path,))).scenario.designs


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("./none.yaml", "does not exist"),
        ("./", "no file"),
        ("./latin.yaml", "latin.yaml:1:11: text: found bytes that are not UTF-8"),
    ],
)
def test_a_path_that_leads_nowhere(tmp_path: Path, written: str, found: str) -> None:
    (tmp_path / "latin.yaml").write_bytes("title: Gerät".encode("latin-1"))
    with pytest.raises(ScenarioError, match=found):
        load_named(str(beside(tmp_path, written=written)))


def test_mistakes_of_a_design_stand_in_its_own_file(tmp_path: Path) -> None:
    line = WRONG[: WRONG.index("mass: [60,")].count("\n") + 1
    with pytest.raises(ScenarioError) as caught:
        load_named(str(beside(tmp_path, WRONG)))
    assert [(m.file, m.line, m.column) for m in caught.value.mistakes] == [(str(tmp_path / "mine.yaml"), line, 7)]


def test_a_wrong_design_is_listed_with_its_first_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    beside(tmp_path)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    (tmp_path / "sunrise.yaml").write_text(TEXT)
    assert list_command("designs", "", (tmp_path,), as_json=True) == 0
    rows = {(row["name"], row["file"]): row for row in json.loads(capsys.readouterr().out)}
    assert rows["mine", str(tmp_path / "mine.yaml")]["valid"]
    assert "wrong.yaml:" in rows["wrong", str(tmp_path / "wrong.yaml")]["description"]
    assert "a shipped design has it" in rows["sunrise", str(tmp_path / "sunrise.yaml")]["description"]
    assert {name for name, file in rows if not file} == set(SHIPPED)
    for what in ("telecommands", "telemetry", "designs"):
        assert list_command(what, "", (tmp_path,), as_json=False) == 0
    assert list_command("telemetry", str(tmp_path / "mine.yaml"), as_json=False) == 0


def test_a_file_beside_the_shipped_ones_is_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pathfinder.yaml").write_text(TEXT)
    beside(tmp_path)
    monkeypatch.setattr("faults.scenarios.own_designs.DESIGNS", tmp_path)
    assert set(Shelf().files) == {"mine", "tiny"}
    assert Shelf().find("mine").startswith("mine@")


def test_a_run_repeats_when_the_file_has_gone(tmp_path: Path) -> None:
    chosen = load_named(str(beside(tmp_path)))
    directory = RunDirectory(tmp_path / "run")
    directory.path.mkdir()
    prepare(directory, chosen.scenario, chosen.text)
    fly_in_process(chosen.scenario, directory)
    (tmp_path / "mine.yaml").unlink()
    assert replay(directory.path, "sc-1").same
    assert replay(directory.path, "ground").same
    again = choose(RunOptions(str(directory.scenario)))
    assert again.scenario.digest == chosen.scenario.digest
    assert choose(RunOptions(str(directory.scenario), seed=8)).scenario.seed == 8
    with pytest.raises(UserError, match="as long as"):
        choose(RunOptions(str(directory.scenario), duration="1 h"))


def test_a_text_that_was_changed_on_the_way_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "scenario.json"
    file.write_bytes(load_named(str(beside(tmp_path))).scenario.to_json().replace(b"61 kg", b"62 kg"))
    with pytest.raises(UserError, match="not the one it is named after"):
        load_resolved(file)


def test_processes_fly_it_and_give_the_same_bits(tmp_path: Path) -> None:
    (tmp_path / "designs").mkdir()
    (tmp_path / "designs" / "mine.yaml").write_text(HEAVY)
    scenario = tmp_path / "tiny.yaml"
    scenario.write_text(TINY.replace("design: pathfinder", "design: mine"))
    hashes = []
    for out, arguments in (("one", ["--in-process"]), ("many", [])):
        flown = skyrack(
            "run", scenario, "--designs", tmp_path / "designs", "--out", tmp_path / out, "--no-progress", *arguments
        )
        assert flown.returncode == 0, flown.stderr
        hashes.append(summary_of(tmp_path / out)["trace_hash"])
    assert hashes[0] == hashes[1]
    exported = skyrack("export", tmp_path / "many", "--to", "csv")
    assert exported.returncode == 0, exported.stderr
