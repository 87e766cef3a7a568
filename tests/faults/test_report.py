"""The report and its drawings: self-contained, escaped, honest about what is missing; the display while flying."""

from __future__ import annotations

import io
import json
import math
import re
import struct
from collections.abc import Sequence
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from bus.scenario.model import Environment, KeplerOrbit, RangeRules, Scenario, Spacecraft
from bus.text.times import clock
from bus.trace.writer import Answer
from bus.wire.codec import encode
from bus.wire.messages import InjectionState, Message, Telecommand, Verification
from faults.oracle.judge import Judgement
from faults.recording.books import Archived, Books, Ledger, Loss
from faults.recording.recording import EventRecord, FaultRecord, Recording, Reported, TelecommandRecord, intervals
from faults.recording.summary import TELECOMMAND_STATES, summarise
from faults.report.html import badge
from faults.report.page import overall, render
from faults.report.story import story
from faults.report.svg import Chart, Line, Panel, Span, Strip, draw, nice_ticks, thin
from faults.run.director import Director, Report
from faults.run.notices import FailedTelecommands
from faults.run.progress import Plain, Pretty, StatusSample, StatusSampler, _Speed, in_order
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import dictionary_of
from groundstation.alarms.states import Level
from tests.kits.runs import TINY

ORBIT = KeplerOrbit(
    semi_major_axis_m=7e6,
    eccentricity=0.0,
    inclination_rad=1.7,
    raan_rad=0.0,
    argument_of_perigee_rad=0.0,
    mean_anomaly_rad=0.0,
)
TICKS = 600
ACTIVE, CLEARED = InjectionState.ACTIVE, InjectionState.CLEARED


def scenario() -> Scenario:
    return Scenario(
        name="drawn",
        description="A <script>alert(1)</script> & more",
        epoch_utc="2026-06-21T00:00:00Z",
        duration_ns=TICKS * 10**9,
        tick_ns=10**9,
        seed=1,
        environment=Environment(
            solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
        ),
        spacecraft=(
            Spacecraft(id="dawn-1", design="formation", orbit=ORBIT),
            Spacecraft(id="dark-1", design="formation", orbit=ORBIT),
        ),
        stations=(),
        timeline=(),
        faults=(),
        expectations=(),
        range=RangeRules(missing_tock="stop", tock_timeout_s=10.0, snapshot_every_ticks=60),
        truth_signals={"dawn-1": ("mode", "battery_soc")},
    )


def recording(ticks: int = TICKS) -> Recording:
    times_s = np.arange(1.0, ticks + 1.0)
    signals = {
        "mode": np.where(times_s > 300, 2.0, 1.0),
        "contact": (times_s % 200 < 50).astype(float),
        "battery_soc": np.linspace(0.9, 0.4, ticks),
        "array_power_w": np.full(ticks, 1000.0),
        "illumination_fraction": (times_s < 400).astype(float),
        "thermal_temperature_k[radiator]": np.full(ticks, 280.0),
    }
    return Recording(
        scenario=scenario(),
        times_s=times_s,
        signals={("dawn-1", name): values for name, values in signals.items()},
        trace_hash="ab" * 32,
        complete=ticks == TICKS,
        ticks=ticks,
        faults=[FaultRecord("open", "string_open", "dawn-1", "plant", 100.0, 100.0, 200.0)],
        events=[EventRecord("dawn-1", 101.0, "payload_shed", 3, (0.25,))],
        telecommands=[TelecommandRecord("dawn-1", 1, 0, "test.ping", "svalbard", 20.0, 2, {"accepted": 22.0})],
        books=Books(
            counters={f"tc_{state}": 0.0 for state in TELECOMMAND_STATES} | {"tc_sent": 1.0, "tc_completed": 1.0},
            ledgers={"dawn-1": Ledger(10, 7, 1, 2), "dark-1": Ledger(10, 7, 1, 1)},
            archived=Archived("", {"dawn-1": 7, "dark-1": 7}, {"completed": 1}, 0),
        ),
    )


JUDGEMENTS = [
    Judgement("always dawn-1.battery_soc > 0.3", "PASS", 0.1, None),
    Judgement("always dawn-1.mode == NOMINAL", "FAIL", -1.0, 301.0),
    Judgement("always dark-1.mode == NOMINAL", "INCONCLUSIVE", None, None, "not recorded: dark-1.mode"),
]


def rendered(recorded: Recording, judgements: Sequence[Judgement]) -> str:
    return render(recorded, summarise(recorded, judgements, mode="processes", pace="free", wall_s=2.0), judgements)


def test_the_page_is_one_offline_file_and_says_what_happened() -> None:
    html = rendered(recording(), JUDGEMENTS)
    assert "<script" not in html
    assert re.findall(r"(?:https?:)?//[a-z0-9.-]+", html) == [], "an address in an offline page"
    assert re.findall(r'\b(?:src|href)="', html) == []
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more" in html
    for said in (
        "drawn",
        "FAIL",
        "always dawn-1.mode == NOMINAL",
        "0:05:01",
        "string_open",
        "payload_shed",
        "test.ping",
    ):
        assert said in html
    assert "not closed" in html, "dark-1's ledger does not close"
    assert "No truth was recorded" in html, "dark-1 has no signals"
    assert html.count("<svg") == 1


def test_a_run_that_stopped_early_says_so() -> None:
    html = rendered(recording(50), [])
    assert "The range stopped early." in html
    assert "0:00:50 of 0:10:00" in html


def test_what_is_unknown_is_no_figure_and_nothing_is_green() -> None:
    lost = recording()
    lost.books = Books(ledgers={id: Ledger(10, None, None, None) for id in ("dawn-1", "dark-1")})
    lost.lost = [Loss("ground", 30, "no answer in time")]
    html = rendered(lost, JUDGEMENTS[:1])
    assert "<title>drawn: INCONCLUSIVE</title>" in html
    assert "ground was lost at tick 30: no answer in time" in html
    assert "unknown of unknown" in html, "telecommands completed of sent"
    assert "closed</span>" not in html
    assert html.count('class="badge pass') == 2, "the one expectation that was judged, the one fault that was cleared"


def test_a_run_without_a_single_tick_still_has_a_report() -> None:
    empty = Recording(scenario=scenario(), times_s=np.zeros(0), signals={("dawn-1", "mode"): np.zeros(0)})
    assert "No truth was recorded" in rendered(empty, [])


@pytest.mark.parametrize(
    ("verdicts", "worst"),
    [([], "PASS"), (["PASS"], "PASS"), (["PASS", "INCONCLUSIVE"], "INCONCLUSIVE"), (["INCONCLUSIVE", "FAIL"], "FAIL")],
)
def test_the_worst_verdict_is_the_runs(verdicts: list[str], worst: str) -> None:
    assert overall([Judgement("x", verdict, None, None) for verdict in verdicts]) == worst  # type: ignore[arg-type]


@given(low=st.floats(-1e6, 1e6), height=st.floats(0.0, 1e6))
def test_ticks_cover_the_axis_with_round_numbers(low: float, height: float) -> None:
    ticks = nice_ticks(low, low + height)
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(ticks)
    slack = 1e-6 * max(1.0, abs(low) + height)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= low + height - slack


def test_thinning_keeps_what_stands_out() -> None:
    times_s = np.arange(100_000.0)
    values = np.zeros(100_000)
    values[54_321] = 9.0
    values[70_000:80_000] = math.nan
    points = thin(times_s, values)
    assert len(points) < 2_000
    assert (54_321.0, 9.0) in points
    assert any(math.isnan(value) for _, value in points)


def test_a_drawing_is_well_formed_and_stays_inside_its_frame() -> None:
    times_s = np.arange(1.0, 101.0)
    chart = Chart(
        times_s,
        100.0,
        [
            Strip(
                "Mode", [("software", [Span(0.0, 50.0, "NOMINAL", "s-nominal"), Span(50.0, 500.0, "S&FE", "s-safe")])]
            ),
            Panel("Battery", "%", [Line("charge", np.linspace(100.0, math.pi, 100), 2)], most=100.0),
            Panel("Nothing", "W", [Line("missing", np.full(100, math.nan), 1)]),
        ],
        shade=[(20.0, 40.0)],
        marks=[(60.0, "m-fault", 'a "quoted" tip')],
    )
    root = ElementTree.fromstring(draw(chart, "modes & charge"))
    width = float(root.attrib["viewBox"].split()[2])
    for element in root.iter("rect"):
        assert 0.0 <= float(element.attrib["x"]) <= width
        assert float(element.attrib["x"]) + float(element.attrib["width"]) <= width


def test_what_is_no_number_has_words_at_its_axis() -> None:
    panel = Panel("mode", "", [Line("as flown", np.array([1.0, 2.0]), 0)], labels=("LEOP", "NOMINAL", "S&FE"))
    drawn = ElementTree.fromstring(draw(Chart(np.array([1.0, 2.0]), 2.0, [panel]), "modes"))
    texts = [element.text for element in drawn.iter("text")]
    assert [text for text in texts if text in panel.labels] == ["LEOP", "NOMINAL", "S&FE"]
    assert "as flown: ends at S&FE " in [element.text for element in drawn.iter("title")]


def test_levels_of_alarms_do_not_look_alike() -> None:
    looks = {re.sub(">.*", "", badge(level.name.lower())) for level in Level if level}
    assert len(looks) == len([level for level in Level if level]) and not any("plain" in look for look in looks)


def test_the_speed_is_told_when_it_is_known() -> None:
    speed = _Speed()
    assert [speed(100.0, 3.0), speed(100.0, 4.0), speed(220.0, 5.0), speed(101.0, 103.0)] == ["", "", "x60", "x0.01"]


def test_a_missing_stretch_is_a_gap_in_the_line() -> None:
    values = np.array([1.0, 2.0, math.nan, 3.0, 4.0])
    svg = draw(Chart(np.arange(1.0, 6.0), 5.0, [Panel("x", "", [Line("y", values, 0)])]), "gap")
    (path,) = re.findall(r'class="line c0" d="([^"]*)"', svg)
    assert path.count("M") == 2


def test_intervals_of_a_stepwise_signal() -> None:
    values = np.array([1.0, 1.0, 2.0, math.nan, 2.0])
    assert intervals(np.arange(1.0, 6.0), values, 1.0) == [(0.0, 2.0, 1.0), (2.0, 3.0, 2.0), (4.0, 5.0, 2.0)]
    assert intervals(np.zeros(0), np.zeros(0), 1.0) == []


@pytest.mark.parametrize(("seconds", "text"), [(0, "0:00:00"), (3725.4, "1:02:05"), (90061, "1d 1:01:01")])
def test_times_are_told_as_on_a_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def answer(mode: float, soc: float) -> Answer:
    return Answer("dawn-1", 1, True, False, b"d" * 16, b"", struct.pack("<2d", mode, soc))


def test_a_computer_that_is_down_has_no_mode_in_the_report_and_trouble_comes_first() -> None:
    nan = math.nan
    flown = recording()
    signals = dict(flown.signals)
    down = (flown.times_s > 100) & (flown.times_s <= 160)
    gone = flown.times_s > 500
    signals["dawn-1", "host_up"] = np.where(gone, nan, np.where(down, 0.0, 1.0))
    signals["dawn-1", "mode"] = np.where(gone | down, nan, signals["dawn-1", "mode"])
    flown.signals = signals
    html = rendered(flown, JUDGEMENTS[:1])
    words = re.findall(r'<div class="tile"><b>([^<]*)</b><span>([^<]*)</span>', html)
    own = words[[name for _, name in words].index("at the end") :]
    assert own[:4] == [
        ("NO ANSWER", "at the end"), ("0:01:40", "NO ANSWER"), ("0:01:00", "DOWN"), ("0:03:20", "SAFE"),
    ]  # fmt: skip
    assert html.count("s-down") == 1 + 2, "the style, the time it was down, the time without an answer"


def test_a_mode_that_is_none_is_no_crash() -> None:
    flown = recording()
    flown.signals = {**flown.signals, ("dawn-1", "mode"): np.full(TICKS, 9.0)}
    assert "UNKNOWN" in rendered(flown, [])


UP = StatusSample(mode=1.0, battery_soc=0.9, contact=0.0, host_up=1.0, payload_shed=0.0)


@pytest.mark.parametrize(
    ("sample", "status"),
    [
        (UP, "NOMINAL"),
        (replace(UP, mode=math.nan, host_up=0.0), "DOWN"),
        (replace(UP, mode=2.0, payload_shed=1.0), "SAFE SHED"),
        (replace(UP, mode=3.0), "SURVIVAL"),
        (replace(UP, battery_soc=0.2), "LOW"),
        (replace(UP, deaf=True), "DEAF"),
        (StatusSample(silent=True), "LATE"),
        (StatusSample(silent=True, lost=True), "LOST"),
        (StatusSample(), "-"),
    ],
)
def test_the_display_says_first_what_is_wrong(sample: StatusSample, status: str) -> None:
    assert sample.status == status
    assert StatusSample.of_row(json.loads(json.dumps(sample.to_row()))).status == status
    screen = Console(width=150, force_terminal=True, color_system="standard", file=io.StringIO())
    shown = Pretty(scenario())
    shown.close()
    screen.print(shown._table(1, {"dawn-1": sample}, 1.0))
    written = screen.file.getvalue()  # type: ignore[attr-defined]
    green = "\x1b[32m" in written.replace("\x1b[32m██", "")
    assert green == (status == "NOMINAL"), "green is who is known to be well"


def test_trouble_comes_first_on_the_display() -> None:
    samples = {
        "a": UP,
        "b": replace(UP, faults=("open-string",)),
        "c": replace(UP, mode=2.0),
        "d": replace(UP, mode=math.nan, host_up=0.0),
        "e": UP,
        "f": StatusSample(lost=True),
    }
    assert [name for name, _ in in_order(samples)] == ["f", "d", "c", "b", "a", "e"]


def test_acting_faults_are_those_that_targets_report() -> None:
    director = Director(scenario())
    for injection, state in (("a", ACTIVE), ("b", ACTIVE), ("c", ACTIVE), ("d", ACTIVE), ("a", CLEARED)):
        director.reports.append(Report("dawn-1", injection, state, 0, ""))
    (sample,) = StatusSampler(scenario(), director)([answer(1.0, 0.5)]).values()
    assert sample.faults == ("b", "c", "d")
    assert sample.acting == "b, c and 1 more"
    (silent,) = StatusSampler(scenario(), director)([Answer("dawn-1", 1, True, False, b"", b"", b"")]).values()
    assert silent.status == "LATE"


def test_the_display_takes_its_figures_from_truth(capsys: pytest.CaptureFixture[str]) -> None:
    samples = StatusSampler(scenario())([answer(2.0, 0.5), Answer("ground", 1, True, False, b"", b"", b"")])
    assert list(samples) == ["dawn-1"]
    assert (samples["dawn-1"].mode_name, samples["dawn-1"].battery_soc) == ("SAFE", 0.5)
    assert math.isnan(samples["dawn-1"].contact), "contact was not sampled"
    assert StatusSample(mode=math.nan).mode_name == "-"
    display = Plain(scenario())
    display.show(1, samples)
    display.show(2, samples)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, "no second line so soon"
    assert lines[0].startswith("0:00:01 of 0:10:00")
    assert "dawn-1 SAFE 50 %" in lines[0]


def test_what_the_ground_was_told_stands_beside_the_truth() -> None:
    told = Reported(np.array([10.0, 70.0, 130.0]), np.array([0.9, 0.2, 0.2]))
    page = recording()
    page.belief = {("dawn-1", "battery_soc"): told}
    html = rendered(page, JUDGEMENTS)
    (dots,) = re.findall(r'class="dots c2" d="([^"]*)"', html)
    assert dots.count("M") == 3
    assert "as told to the ground" in html
    assert "as told to the ground" not in rendered(recording(), JUDGEMENTS)


def test_any_recorded_signal_is_drawn() -> None:
    page = recording()
    page.signals = {**page.signals, ("dawn-1", "wheel_momentum_n_m_s[0]"): np.ones(TICKS)}  # type: ignore[dict-item]
    assert "wheel momentum n m s" in rendered(page, JUDGEMENTS)


def test_telecommands_are_listed_with_their_arguments_and_reasons() -> None:
    page = recording()
    page.telecommands[0].arguments = {"power_w": 350.0}
    page.telecommands[0].detail = "argument outside its limits"
    html = rendered(page, JUDGEMENTS)
    assert "power_w=350<" in html
    assert "argument outside its limits" in html


def test_of_many_spacecraft_the_one_in_trouble_comes_first_and_the_others_are_folded() -> None:
    whole = recording()
    ids = [f"sat-{number}" for number in range(30)]
    whole.scenario = whole.scenario.model_copy(
        update={"spacecraft": tuple(Spacecraft(id=id, design="formation", orbit=ORBIT) for id in ids)}
    )
    fine = {"mode": np.ones(TICKS), "host_up": np.ones(TICKS), "battery_soc": np.full(TICKS, 0.9)}
    whole.signals = {(id, name): values for id in ids for name, values in fine.items()}
    safe = np.where(np.arange(TICKS) > 400, 2.0, 1.0)
    whole.signals = {**whole.signals, ("sat-17", "mode"): safe, ("sat-23", "host_up"): np.zeros(TICKS)}
    whole.faults, whole.events, whole.telecommands = (), (), ()
    html = rendered(whole, [])
    assert re.findall(r"<a href='#sc-([a-z0-9-]+)'", html)[:2] == ["sat-23", "sat-17"]
    assert re.findall(r"<details id='sc-([a-z0-9-]+)' open>", html) == ["sat-23", "sat-17"]
    assert html.count("<details") == 30


def test_a_telecommand_that_fails_is_told_once_by_name_and_reason() -> None:
    telecommand = Telecommand(
        ground_boot=1, request=4, station="svalbard", name="mode.set", arguments={"mode": "LEOP"}, dictionary="ab",
        expires_ns=10**12,
    )  # fmt: skip
    failed = Verification(boot=0, stream=1, sequence=7, obt_ns=5, ground_boot=1, request=4, stage=8, code=7)
    up = encode(Message(0, "ground", 0, "dawn-1", telecommand))
    down = encode(Message(1, "dawn-1", 0, "ground", failed))
    lines = FailedTelecommands()
    assert lines([up]) == []
    assert lines([down, down]) == [
        "dawn-1: telecommand mode.set failed: the mode table has no such transition"
    ]  # fmt: skip
    assert lines([down]) == []


def test_what_is_beyond_a_limit_of_the_dictionary_is_trouble_live_and_in_the_report() -> None:
    hot = "accelerator_temperature_k[tpu_1]"
    one = scenario().model_copy(update={"truth_signals": {"dawn-1": ("mode", hot)}})
    for value, troubles in ((363.0, ("LIMIT",)), (350.0, ()), (math.nan, ())):
        answer = Answer("dawn-1", 1, True, False, b"x" * 16, b"", struct.pack("<2d", 1.0, value))
        assert StatusSampler(one)([answer])["dawn-1"].troubles == troubles
    page = recording()
    page.dictionaries = {"formation": dictionary_of("formation")}
    page.signals = {**page.signals, ("dawn-1", hot): np.where(np.arange(TICKS) < 90, 363.0, 350.0)}  # type: ignore[dict-item]
    assert "LIMIT accelerator tpu 1 0:01:30" in rendered(page, JUDGEMENTS)


def test_the_story_is_in_the_order_of_time_and_one_row_where_many_are_alike() -> None:
    records = [
        TelecommandRecord(f"sc-{n}", 1, n, "payload.off", "svalbard", 60.0 * n, stages_s={"completed": 60.0 * n + 5.0})
        for n in range(1, 7)
    ]
    faults = [FaultRecord("out", "station_outage", f"sc-{n}", "plant", 35.0, 35.0, 90.0) for n in range(1, 7)]
    html = story(
        Recording(
            scenario=load_text(TINY), times_s=np.array([10.0, 20.0, 30.0, 40.0]),
            signals={("sc-1", "mode"): np.array([1.0, np.nan, 2.0, 1.0]),
                     ("sc-1", "payload_shed"): np.array([0.0, 1.0, 1.0, 0.0])},
            telecommands=records, faults=faults,
        )
    )  # fmt: skip
    said = ["payload shed", "NOMINAL to <b>SAFE</b>", "strikes", "SAFE to <b>NOMINAL</b>", "payload restored",
            "6 completed, the last at 0:06:05", "is over"]  # fmt: skip
    assert sorted(said, key=html.index) == said
    assert html.count("station_outage") == html.count("payload.off") == 1
