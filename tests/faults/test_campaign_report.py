"""The campaign's report: what its tables and pictures say, traced requirements, waivers, bundles."""

from __future__ import annotations

import builtins
import json
import re
from pathlib import Path
from typing import Any

import pytest

from bus.errors import ScenarioError, UserError
from faults.campaign.cases import cases_of
from faults.campaign.figures import by_fault, figures, in_time, margins
from faults.campaign.fly import Folder, fly_campaign
from faults.campaign.form import Campaign, read_campaign
from faults.campaign.junit import junit
from faults.campaign.pictures import MOST_LABEL, against_criticality, latencies, matrix
from faults.campaign.report import About, render
from faults.campaign.tables import write_parquet
from faults.campaign.tracing import failure_modes, shown_by, traced
from faults.catalogue.resolve import FAULTS
from faults.scenarios.choose import load_resolved
from tests.kits.runs import TINY, write

REQUIREMENTS = """\
requirements:
  - {id: EPS-010, text: It stays charged., expectations: ["always  sc-1.battery_soc > 20 %"]}
  - {id: OPS-001, text: It reaches its mode., expectations: ["eventually [$from, 60 s] sc-1.mode == $m", never x]}
  - {id: COM-007}
"""
STRIKES = """\
campaign: 1
name: strikes
scenario: tiny.yaml
requirements: requirements.yaml
waive: [{case: {at: 10 min}, reason: it comes too late}]
vary: {at: [20 s, 10 min]}
with:
  faults: [{id: struck, fault: string_open, target: sc-1, at: $at, parameters: {string: 2}}]
"""


def campaign(folder: Path, text: str = STRIKES, requirements: str = REQUIREMENTS) -> Campaign:
    write(folder, TINY)
    write(folder, requirements, "requirements.yaml")
    return read_campaign(write(folder, text, "campaign.yaml"))


def case(number: int, verdict: str = "PASS", outcome: str | None = "recovered", **changed: Any) -> dict[str, Any]:
    """A judged result as results.json has it."""
    chain = {
        "id": "f", "fault": "kill", "target": "a", "refused": "", "activated_s": 10.0, "detected_s": 5.0,
        "detected_by": "booted", "reported_s": 6.0, "responded_s": 7.0, "responded_by": "booted", "recovered": True,
        "isolated_s": 5.0, "recovered_s": 8.0,
    }  # fmt: skip
    row: dict[str, Any] = {
        "case": number, "asked": True, "control": 99, "values": {"fault": "kill", "phase": f"phase {number}"},
        "injected": ["f"], "seed": 1, "error": "", "trace_hash": "ab" * 16, "ticks": 60, "verdict": verdict,
        "outcome": outcome, "chains": [chain], "events": [], "spacecraft": {"a": {"modes": [[0.0, "NOMINAL"]]}},
        "expectations": [{"text": "always a.x > 1", "verdict": verdict, "robustness": 2.0 - number,
                          "first_violation_s": None, "reason": ""}],
        "faults": [{"id": "f", "fault": "kill", "target": "a", "planned_s": 10.0, "at_s": 10.0, "cleared_s": None,
                    "refused": ""}],
    }  # fmt: skip
    return {**row, **changed}


def plain(page: str) -> str:
    """Without what draws the pictures."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_the_page_tells_what_is_in_the_results() -> None:
    results = [case(0), case(1, "FAIL", "safe mode"), case(2, "INCONCLUSIVE", "not activated", waived="on purpose")]
    catalogue = {"kill": FAULTS["kill"].model_copy(update={"criticality": "6 s"})}
    page = render(About("strikes", repeat={1: "skyrack run x"}, catalogue=catalogue), results)
    assert page.count("get") and page.count('class="plot"') == 3
    told = plain(page)
    assert "http" not in told and "<script" not in told
    for words in ("on purpose", "skyrack run x", "0:00:06", "0 of 3: 0 % (0 to 56 %)", FAULTS["kill"].fmeca):
        assert words in told, words
    assert 'href="#case-1"' in told and 'id="case-1"' in told and 'id="case-0"' not in told


def test_what_is_recovered_is_drawn_beside_detection_and_answer() -> None:
    drawing = latencies([case(0)])
    assert [f'"name":"{stage}"' in drawing for stage in ("detected", "answered", "recovered")] == 3 * [True]


def test_worst_margins_and_times_before_it_is_critical() -> None:
    results = [case(0), case(3, "FAIL")]
    (row,) = margins(results)
    assert (row["worst"], row["case"], row["PASS"], row["FAIL"]) == (-1.0, 3, 1, 1)
    chains = by_fault(results)["kill"]
    assert in_time(chains, 7.0) == (2, 2) and in_time(chains, 6.9) == (0, 2) and in_time(chains, None) is None
    assert figures([case(0, waived="x", verdict="INCONCLUSIVE")])["waived"] == 1


def test_labels_are_data_and_never_markup() -> None:
    strange = "</script><b>&" + "x" * 60
    results = [case(0, values={"fault": strange, "phase": "p"}), case(1, values={"fault": strange + "y", "phase": "p"})]
    page = render(About("</title><script>alert(1)"), results)
    assert "<script>alert" not in page and "</script><b>" not in page
    drawing = matrix(results)
    assert "</script><b>" not in drawing
    labels = re.findall(r"x{20,}[^\"]*", drawing)
    assert len(set(labels)) == 2 and all(len(label) <= MOST_LABEL + 5 for label in labels)  # told apart, though cut


@pytest.mark.parametrize("number", [0, 1, 500])
def test_pictures_of_any_number_of_cases(number: int) -> None:
    results = [case(n, values={"fault": f"fault {n // 10}", "phase": f"{n % 10}"}) for n in range(number)]
    page = render(About("many", catalogue=FAULTS), results)
    assert page.count('class="plot"') == (3 if number else 0)
    assert len(plain(page)) < 600_000
    assert (
        bool(matrix(results)) == bool(latencies(results)) == bool(against_criticality(results, FAULTS)) == bool(number)
    )


def test_requirements_are_traced_both_ways(tmp_path: Path) -> None:
    read = campaign(tmp_path)

    def one(text: str, verdict: str) -> dict[str, Any]:
        return {"text": text, "verdict": verdict, "robustness": 1.0, "first_violation_s": None, "reason": ""}

    shown = "eventually [5 s, 60 s] sc-1.mode == SAFE"
    results = [
        case(
            0, expectations=[one("always sc-1.battery_soc > 20 %", "PASS"), one(shown, "PASS"), one("never y", "PASS")]
        ),
        case(1, expectations=[one("always sc-1.battery_soc > 20 %", "PASS"), one(shown, "FAIL")]),
    ]
    rows = {row["id"]: row for row in traced(read.requirements, results)}
    assert [row["verdict"] for row in rows.values()] == ["PASS", "FAIL", "not covered"]
    assert rows["OPS-001"]["not_asked"] == ["never x"] and rows["EPS-010"]["cases"] == [0, 1]
    assert shown_by(read.requirements, shown) == ["OPS-001"] and shown_by(read.requirements, "never y") == []
    told = plain(render(About("r", requirements=read.requirements), results))
    assert "not covered" in told and "not asked: never x" in told
    assert "never y" in told.split("Expectations that show no requirement")[1]


def test_failure_modes_that_nobody_brought_about_are_named() -> None:
    rows = {row["id"]: row for row in failure_modes([case(4)], FAULTS)}
    assert set(rows) == {form.fmeca for form in FAULTS.values()}
    assert rows[FAULTS["kill"].fmeca]["cases"] == [4] and rows[FAULTS["kill"].fmeca]["acted"] == 1
    assert rows[FAULTS["string_open"].fmeca]["cases"] == []


@pytest.mark.parametrize(
    ("text", "requirements", "said"),
    [
        (STRIKES.replace("{at: 10 min}", "{at: 10 mim}"), REQUIREMENTS, "did you mean 10 min"),
        (STRIKES.replace("{case: {at", "{case: {att"), REQUIREMENTS, "allowed: at"),
        (STRIKES.replace("reason: it comes too late", "reason: ''"), REQUIREMENTS, "reason"),
        (STRIKES, REQUIREMENTS.replace("COM-007", "EPS-010"), "requirements.yaml:4:"),
        (STRIKES, "requirements: []\n", "requirements.yaml:1:"),
        (STRIKES.replace("requirements.yaml", "nowhere.yaml"), REQUIREMENTS, "nowhere.yaml"),
    ],
)
def test_mistakes_in_waivers_and_requirements(tmp_path: Path, text: str, requirements: str, said: str) -> None:
    with pytest.raises((ScenarioError, UserError)) as caught:
        campaign(tmp_path, text, requirements)
    assert said in str(caught.value), str(caught.value)


def test_what_is_waived_is_no_error_and_a_bundle_repeats_it(tmp_path: Path) -> None:
    read = campaign(tmp_path)
    cases = cases_of(read)
    (tmp_path / "out").mkdir()
    folder = Folder(tmp_path / "out")
    results = fly_campaign(
        folder, "strikes", cases, jobs=1, resume=False, told=lambda done, of: None, stopped=str
    )  # fmt: skip
    late = next(result for result in results if result["values"] == {"at": "10 min"})
    assert (late["verdict"], late["waived"]) == ("INCONCLUSIVE", "it comes too late")
    suite = junit("strikes", results, {})
    assert 'errors="0"' in suite and 'skipped="1"' in suite and "waived: it comes too late" in suite
    bundle = tmp_path / "out" / "not-passed" / f"case-{late['case']:05d}.json"
    assert load_resolved(bundle).scenario.faults == cases[late["case"]].scenario.faults
    content = json.loads(bundle.read_text())
    for field, value in (("skyrack", "0.0.1"), ("bundle", 2)):
        bundle.write_text(json.dumps({**content, field: value}))
        with pytest.raises(UserError, match=r"allowed: format 1 by Skyrack"):
            load_resolved(bundle)
    bundle.write_text(json.dumps({**content, "scenario": None}))
    with pytest.raises(UserError, match="is no resolved scenario"):
        load_resolved(bundle)


def test_without_pyarrow_there_is_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def absent(name: str, *rest: Any) -> Any:
        if name == "pyarrow":
            raise ImportError(name)
        return there(name, *rest)

    monkeypatch.setattr(builtins, "__import__", absent)
    assert write_parquet(tmp_path / "results.parquet", [case(0)]) is False
    assert not (tmp_path / "results.parquet").exists()
