"""Campaigns: cases from a file, shared beginnings that change no bit, verdicts against a run without faults."""

from __future__ import annotations

import errno
import itertools
import json
import math
import re
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from pyarrow import parquet

from bus.errors import EnvironmentFault, ScenarioError, UserError
from bus.trace.reader import TraceReader
from faults.campaign.cases import Case, cases_of, combinations
from faults.campaign.figures import in_percent, wilson
from faults.campaign.fly import Folder, fly_campaign
from faults.campaign.form import Campaign, read_campaign
from faults.campaign.junit import junit
from faults.campaign.outcome import judged
from faults.campaign.pool import _pieces
from faults.campaign.report import About, render
from faults.campaign.shared import Family, families
from faults.run import compose as root
from faults.run_directory import RunDirectory
from tests.kits.injection_facts import event, facts, fault
from tests.kits.runs import TINY, skyrack

STRIKES = """\
campaign: 1
name: strikes
scenario: tiny.yaml
vary:
  strike:
    dead: {id: struck, fault: kill, target: sc-1, at: $at, parameters: {down: 20 s}}
    lying: {id: struck, fault: sensor_stuck, target: sc-1, at: $at, parameters: {sensor: battery-monitor.battery_soc, value: 5 %}}
    dark: {id: struck, fault: string_open, target: sc-1, at: $at, parameters: {string: 2}}
    nothing:
  at: [30 s, 70 s]
with:
  duration: 3 min
  faults: [$strike]
"""  # noqa: E501


def campaign(folder: Path, text: str = STRIKES, base: str = TINY) -> Campaign:
    (folder / "tiny.yaml").write_text(base, encoding="utf-8")
    path = folder / "campaign.yaml"
    path.write_text(text, encoding="utf-8")
    return read_campaign(path)


def flown(folder: Path, cases: list[Case], *, jobs: int = 1, resume: bool = False) -> list[dict[str, object]]:
    folder.mkdir(exist_ok=True)
    return fly_campaign(
        Folder(folder), "strikes", cases, jobs=jobs, resume=resume, told=lambda done, of: None, stopped=str
    )


def whole(case: Case, folder: Path) -> str:
    """The trace hash of a case flown by itself from its first tick, as `skyrack run` flies it."""
    folder.mkdir()
    root.fly_in_process(case.scenario, RunDirectory(folder))
    with TraceReader(folder / "trace.bin") as trace:
        assert trace.end is not None
        return trace.end.trace_hash


def test_a_shared_beginning_changes_no_bit(tmp_path: Path) -> None:
    text = STRIKES.replace("  at: [", "  seed: [7, 8]\n  mode: [SAFE, NOMINAL]\n  at: [").replace(
        "  faults: [$strike]",
        "  timeline: [{at: 40 s, telecommand: {to: sc-1, name: mode.set, arguments: {mode: $mode}}}]\n"
        "  faults: [$strike]",
    )
    cases = cases_of(campaign(tmp_path, text))
    found = families(cases)
    assert len(found) == 2  # one beginning for each seed
    forks = [tick for family in found for tick, _ in family.forks]
    assert min(forks) == 28  # two ticks before the earliest thing that some have and others have not
    results = flown(tmp_path / "out", cases)
    assert (
        len({result["trace_hash"] for result in results}) == len({id(case) for case in cases}) - 4
    )  # nothing at, twice
    for case in [*cases[::5], cases[-1]]:
        assert results[case.number]["trace_hash"] == whole(case, tmp_path / f"whole-{case.number}"), case.name


def test_results_do_not_depend_on_the_number_of_processes(tmp_path: Path) -> None:
    cases = cases_of(campaign(tmp_path))
    assert flown(tmp_path / "one", cases) == flown(tmp_path / "two", cases, jobs=2)
    assert (tmp_path / "one" / "results.json").read_bytes() == (tmp_path / "two" / "results.json").read_bytes()


@pytest.mark.parametrize("jobs", [1, 2, 3, 8])
@pytest.mark.parametrize(("number", "first", "most"), [(1, 0.8, 1), (7, 0.8, 8), (500, 0.8, 10), (500, 0.0, 40)])
def test_pieces_are_few_and_of_one_size(tmp_path: Path, jobs: int, number: int, first: float, most: int) -> None:
    case = cases_of(campaign(tmp_path))[0]
    scenario = case.scenario.model_copy(update={"duration_ns": 5700 * 10**9})
    forks = tuple(
        (round(5700 * (first + (0.98 - first) * n / number)) - 2, replace(case, number=n)) for n in range(number)
    )
    pieces = _pieces(Family(scenario, forks), jobs)
    assert [fork for piece in pieces for fork in piece.forks] == list(forks)
    assert len(pieces) <= most and (len(pieces) % jobs == 0 or len(pieces) == number)
    ticks = [sum(5700 - tick for tick, _ in piece.forks) for piece in pieces]
    assert all(0 < each <= 17 * 5700 for each in ticks)
    assert max(ticks) - min(ticks) <= 2 * max(5700 - tick for tick, _ in forks)  # but for a case at either edge


def test_a_campaign_that_was_killed_goes_on(tmp_path: Path) -> None:
    cases = cases_of(campaign(tmp_path))
    results, log = flown(tmp_path / "out", cases), tmp_path / "out" / "results.jsonl"
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:3]) + lines[3][:40])  # in the middle of a line
    assert flown(tmp_path / "out", cases, resume=True) == results
    assert [json.loads(line)["case"] for line in log.read_bytes().splitlines()[:3]] == [
        json.loads(line)["case"] for line in lines[:3]
    ]


def test_damaged_results_are_flown_again(tmp_path: Path) -> None:
    cases = cases_of(campaign(tmp_path))[:3]
    results, log = flown(tmp_path / "out", cases), tmp_path / "out" / "results.jsonl"
    lines = log.read_bytes().splitlines()
    changed = lines[0].replace(b'"injected": ', b'"injectet": ')
    assert changed != lines[0]
    strange = [b"[" * 200_000, b'{"case": Infinity}', b'{"case": 0}', b"null", b"\xff\x00", changed, b"5"]
    log.write_bytes(b"\n".join([*strange, *lines[1:]]))
    assert flown(tmp_path / "out", cases, resume=True) == results


def test_two_campaigns_do_not_fly_into_one_directory(tmp_path: Path) -> None:
    cases, seen = cases_of(campaign(tmp_path))[:2], []

    def told(done: int, of: int) -> None:
        with pytest.raises(UserError, match="another campaign is flying into"):
            flown(tmp_path / "out", cases, resume=True)
        seen.append(done)

    (tmp_path / "out").mkdir()
    folder = Folder(tmp_path / "out")
    fly_campaign(folder, "strikes", cases, jobs=1, resume=False, told=told, stopped=str)
    assert len(seen) > 1
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "campaign.json").write_text("[" * 200_000, encoding="utf-8")
    with pytest.raises(UserError, match="is no campaign's directory"):
        flown(tmp_path / "deep", cases, resume=True)


def test_a_full_disk_names_its_file_and_how_to_go_on(tmp_path: Path) -> None:
    def told(done: int, of: int) -> None:
        if done:
            raise OSError(errno.ENOSPC, "No space left on device")

    cases = cases_of(campaign(tmp_path))[:1]
    (tmp_path / "out").mkdir()
    with pytest.raises(EnvironmentFault, match=r"results.jsonl: No space left on device; go on with --resume"):
        fly_campaign(Folder(tmp_path / "out"), "full", cases, jobs=1, resume=False, told=told, stopped=str)


def test_a_campaign_that_is_stopped_leaves_no_traces_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    cases, began = cases_of(campaign(tmp_path)), []

    def stopped() -> str:  # once a process of the pool has begun a piece, and holds traces
        began.extend(scratch.glob("skyrack-*/*/*.bin"))
        return "SIGINT" if began else ""

    (tmp_path / "out").mkdir()
    folder = Folder(tmp_path / "out")
    fly_campaign(folder, "strikes", cases, jobs=2, resume=False, told=lambda done, of: None, stopped=stopped)
    assert began and not list(scratch.iterdir())


def test_another_campaign_is_not_gone_on_with(tmp_path: Path) -> None:
    flown(tmp_path / "out", cases_of(campaign(tmp_path))[:1])
    other = cases_of(campaign(tmp_path, STRIKES.replace("20 s", "21 s")))[:1]
    with pytest.raises(UserError, match="the campaign or its scenario was changed since"):
        flown(tmp_path / "out", other, resume=True)
    with pytest.raises(UserError, match="is no campaign's directory"):
        flown(tmp_path / "never", other, resume=True)


def test_what_the_faults_did_is_told_by_the_difference(tmp_path: Path) -> None:
    results = flown(tmp_path / "out", cases_of(campaign(tmp_path)))
    outcome = {tuple(result["values"].values()): result for result in results if result["asked"]}  # type: ignore[attr-defined]
    dead = outcome["dead", "30 s"]
    assert (dead["verdict"], dead["outcome"]) == ("PASS", "detected-recovered")
    chain = dead["chains"][0]  # type: ignore[index]
    assert chain["activated_s"] == 30.0
    assert chain["detected_by"] == chain["responded_by"] == "booted"
    assert chain["detected_s"] == pytest.approx(20 + 5, abs=2)  # down, and the time of a boot
    assert chain["recovered"] is True
    lying = outcome["lying", "70 s"]
    assert lying["outcome"] == "safe mode" and lying["chains"][0]["recovered"] is False  # type: ignore[index]
    dark = outcome["dark", "30 s"]
    assert (dark["outcome"], dark["chains"][0]["isolated_by"]) == ("detected-recovered", "string_weak")  # type: ignore[index]
    calm = outcome["nothing", "30 s"]
    assert calm["outcome"] is None and calm["control"] == calm["case"] and calm["chains"] == []


def test_a_fault_that_never_acts_is_no_pass(tmp_path: Path) -> None:
    results = flown(tmp_path / "out", cases_of(campaign(tmp_path, STRIKES.replace("[30 s, 70 s]", "[10 min]"))))
    struck = [result for result in results if result["injected"]]
    assert struck and all(r["verdict"] == "INCONCLUSIVE" and r["outcome"] == "not activated" for r in struck)


def test_an_event_of_the_control_is_no_detection() -> None:
    def result(number: int, events: list[tuple[float, str]], at_s: float | None = None) -> dict[str, object]:
        found = facts([fault(at_s)] if at_s else [], [event(t, name) for t, name in events])
        return {"case": number, "asked": True, "control": 1, "values": {}, "injected": ["f"] if at_s else [], "seed": 1,
                "error": "", "expectations": [], "trace_hash": "", "ticks": 9, **found}  # fmt: skip

    control = result(1, [(7.0, "device_stale"), (20.0, "device_stale")])
    same = judged(result(0, [(7.0, "device_stale"), (20.0, "device_stale")], 5.0), control)
    assert same["chains"][0]["detected_s"] is None and same["outcome"] == "masked"
    more = judged(result(0, [(7.0, "device_stale"), (9.0, "device_stale"), (20.0, "device_stale")], 5.0), control)
    assert more["chains"][0]["detected_s"] == 4.0  # the one that the control has only later
    early = judged(result(0, [(4.0, "other"), (7.0, "device_stale")], 5.0), control)
    assert early["chains"][0]["detected_s"] is None  # before the fault
    assert judged(result(0, [], 5.0), None)["outcome"] is None  # without a control nobody can say


def test_what_nobody_reported_is_unknown() -> None:
    control = {"case": 1, "control": 1, "injected": [], "error": "", "expectations": [], **facts([], [])}
    case = {**control, "case": 0, "injected": ["f"], **facts([fault(5.0)], [])}
    assert judged(case, control)["outcome"] == "masked"
    for unknown in ("host_up", "mode", "payload_j"):
        found = facts([fault(5.0)], [], **{unknown: None})
        assert judged({**case, **found}, control)["outcome"] == "unknown"


def test_every_pair_of_values_meets(tmp_path: Path) -> None:
    text = (
        "campaign: 1\nname: pairs\nscenario: tiny.yaml\ncombine: pairwise\nwith: {description: $a $b $c $d}\nvary:\n"
        "  a: {from: 1, to: 5}\n  b: [x, y, z]\n  c: [true, false]\n  d: {from: 1, to: 4}\n"
    )
    read = campaign(tmp_path, text)
    chosen = [tuple(value.label for value in values.values()) for values in combinations(read)]
    sizes = [range(5), range(3), range(2), range(4)]
    labels = [[str(n + 1) for n in range(5)], ["x", "y", "z"], ["true", "false"], [str(n + 1) for n in range(4)]]
    for i, j in itertools.combinations(range(4), 2):
        met = {(case[i], case[j]) for case in chosen}
        assert met == set(itertools.product(labels[i], labels[j]))
    assert 20 <= len(chosen) <= 26 < math.prod(len(size) for size in sizes)  # 5 x 4 are needed at least


def test_samples_are_drawn_between_the_bounds_and_the_same_each_time(tmp_path: Path) -> None:
    text = STRIKES.replace("vary:", "combine: sample\nsamples: 200\nvary:").replace(
        "at: [30 s, 70 s]", "at: {uniform: [30 s, 70 s]}"
    )
    drawn = [values["at"].label for values in combinations(campaign(tmp_path, text))]
    assert drawn == [values["at"].label for values in combinations(campaign(tmp_path, text))]
    numbers = [float(label.removesuffix(" s")) for label in drawn]
    assert 30 <= min(numbers) < 32 and 68 < max(numbers) < 70
    assert sum(numbers) / 200 == pytest.approx(50, abs=3 * 40 / math.sqrt(12 * 200))
    other = [v["at"].label for v in combinations(campaign(tmp_path, text.replace("vary:", "draw_seed: 2\nvary:")))]
    assert other != drawn


@pytest.mark.parametrize(
    ("change", "where", "said"),
    [
        (lambda t: t.replace("$at,", "$att,"), "campaign.yaml:6:", "found $att; allowed: $"),
        (lambda t: t.replace("kill,", "kil,"), "campaign.yaml:6:", "found 'kil'; allowed: a known fault"),
        (lambda t: t.replace("down: 20 s", "down: 20 m"), "campaign.yaml:6:", "found '20 m'"),
        (lambda t: t.replace("target: sc-1, at: $at, parameters: {down", "target: sc-2, at: $at, parameters: {down"),
         "campaign.yaml:6:", "sc-1"),
        (lambda t: t.replace("scenario: tiny", "scenario: tinny"), "campaign.yaml:3:", "tinny.yaml': cannot read"),
        (lambda t: t.replace("campaign: 1", "campaign: 2"), "campaign.yaml:1:", "allowed: 1, the campaign format"),
        (lambda t: t.replace("vary:", "varry:"), "campaign.yaml:4:", "an unknown field"),
        (lambda t: t.replace("[30 s, 70 s]", "[30 s, 30 s]"), "campaign.yaml:10:", "30 s again"),
        (lambda t: t.replace("[30 s, 70 s]", "{uniform: [30 s, 70 s]}"), "campaign.yaml:10:", "combine: sample"),
        (lambda t: t.replace("vary:", "combine: sample\nvary:"), "samples", "how many cases are drawn"),
        (lambda t: t.replace("with:", "with:\n  spacecraft: {sc-9: {initial: {battery_soc: 50 %}}}"),
         "campaign.yaml:12:", "found the id 'sc-9'; allowed: sc-1"),
        (lambda t: t.replace("[$strike]", "[$strike, $at]"), "campaign.yaml:10:", "a mapping of id, fault, target"),
        (lambda t: t.replace("with:", "  tilt: [1, 2]\nwith:"), "campaign.yaml:11:", "tilt, which changes nothing"),
        (lambda t: t.replace("with:", "  seed: {form: 1, to: 4}\nwith:"), "campaign.yaml:11:", "with form, to"),
        (lambda t: t.replace("vary:", "combine: sample\nsamples: null\nvary:"), "campaign.yaml:5:", "how many cases"),
        (lambda t: t.replace("with:", "  seed: {from: 1, to: 1300}\nwith:"), "campaign.yaml:5:", "10,400 cases"),
        (lambda t: t.replace("with:", "  seed: {from: 1, to: 5000}\nwith:").replace("vary", "combine: pairwise\nvary"),
         "campaign.yaml:6:", "at least 20,000 cases"),
        (lambda t: t.replace("[30 s, 70 s]", "{uniform: [-inf s, inf s]}"), "campaign.yaml:10:", "two rising numbers"),
        (lambda t: t.replace("[30 s, 70 s]", "[x$at]"), "campaign.yaml:10:", "which stands for itself"),
    ],
)  # fmt: skip
def test_mistakes_keep_their_file_and_line(
    tmp_path: Path, change: Callable[[str], str], where: str, said: str
) -> None:  # fmt: skip
    with pytest.raises((ScenarioError, UserError)) as caught:
        cases_of(campaign(tmp_path, change(STRIKES)))
    assert where in str(caught.value) and said in str(caught.value), str(caught.value)


@pytest.mark.parametrize("inner", ["[" + ", ".join(["$b"] * 1000) + "]", "'" + "$b" * 5000 + "'"])
def test_values_in_values_are_counted(tmp_path: Path, inner: str) -> None:
    text = (
        "campaign: 1\nname: bomb\nscenario: tiny.yaml\nwith: {description: $a}\nvary:\n"
        f"  a: {{x: {inner}}}\n  b: {{x: {inner.replace('b', 'c')}}}\n  c: {{x: {'z' * 1000}}}\n"
    )
    with pytest.raises(ScenarioError, match=r"in (values|texts), more than"):
        cases_of(campaign(tmp_path, text))


def test_a_mistake_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        campaign(tmp_path, "campaign: 1\nname: one\nscenario: tiny.yaml\nvary: {seed: []}\n")
    assert [mistake.field for mistake in caught.value.mistakes] == ["vary.seed"]


def test_a_mistake_in_the_scenario_below_is_that_files(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError) as caught:
        cases_of(campaign(tmp_path, base=TINY.replace("battery_soc > 20", "battery_sock > 20")))
    assert "tiny.yaml:14:5" in str(caught.value)
    assert len(caught.value.mistakes) == 1  # not once for every case


def test_shares_have_confidence_intervals() -> None:
    low, high = wilson(8, 10) or (0.0, 0.0)  # Wilson's interval for 8 of 10, in every table of it
    assert (low, high) == (pytest.approx(0.490, abs=5e-4), pytest.approx(0.943, abs=5e-4))
    assert wilson(0, 0) is None
    assert in_percent(8, 10) == "8 of 10: 80 % (49 to 94 %)" and in_percent(3, 3).startswith("3 of 3: 100 % (44 to 100")
    assert in_percent(9_999, 10_000) == "9999 of 10000: 99.99 % (99.9 to 99.998 %)"  # not all of them is not 100 %
    assert (wilson(0, 20) or (1, 1))[0] == 0.0 and (wilson(0, 20) or (1, 1))[1] == pytest.approx(0.161, abs=5e-4)


def test_the_command_flies_judges_and_repeats(tmp_path: Path) -> None:
    base = TINY.replace("always sc-1.battery_soc > 20 %", "always sc-1.mode == NOMINAL or sc-1.host_up == 0")
    read = campaign(tmp_path, base=base)
    result = skyrack("campaign", read.file, "-j", "2", "--out", tmp_path / "out", "--json")
    assert result.returncode == 1, result.stderr
    numbers = json.loads(result.stdout)
    assert (numbers["cases"], numbers["pass"], numbers["fail"], numbers["not_flown"]) == (8, 6, 2, 0)
    suite = ElementTree.parse(tmp_path / "out" / "junit.xml").getroot()
    assert suite.attrib["failures"] == "2" and len(suite.findall("testcase")) == 8
    again = suite.findall("testcase/failure")[0].text or ""
    bundle = again.split()[2]
    repeated = skyrack("run", bundle, "--in-process", "--json", "--out", tmp_path / "again", "--no-progress")
    assert repeated.returncode == 1
    stored = json.loads((tmp_path / "out" / "results.json").read_text())["results"]
    number = int(Path(bundle).stem.removeprefix("case-"))
    assert json.loads(repeated.stdout)["trace_hash"] == stored[number]["trace_hash"]
    page = (tmp_path / "out" / "report.html").read_text()
    without_library = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert (
        "http" not in without_library and "src=" not in without_library and "href=" not in page.split("<h2>")[0][-999:]
    )
    assert "Why sc-1 is" in page  # each that did not pass tells why
    again = parquet.read_table(tmp_path / "out" / "results.parquet").to_pylist()
    assert [row["trace_hash"] for row in again] == [row["trace_hash"] for row in stored]
    assert again[0]["value.strike"] == "dead" and again[0]["chains"][0]["fault"] == "kill"
    listed = skyrack("campaign", read.file, "--list")
    assert listed.stdout.splitlines()[0] == "    0  strike=dead at=30 s"


def test_nothing_flown_is_no_pass() -> None:
    assert "INCONCLUSIVE" in render(About("empty"), [])
    assert ElementTree.fromstring(junit("empty", [], {}).partition("?>")[2]).attrib["tests"] == "0"
