"""Every fault of the catalogue is flown on a shipped design, with its example: it acts, it shows within the time that
its entry says, and when it is cleared its places are what they would have been.

One campaign: the cases of a world share their beginning, and each is told apart from the undisturbed run.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from bus.wire.codec import decode, peek
from bus.wire.messages import Kind, Packet, Scalar, Seam, Telemetry
from faults.campaign.cases import Case
from faults.campaign.shared import Flight, families, fly_family
from faults.catalogue.form import DesignInfo, FaultForm, SignForm
from faults.catalogue.resolve import FAULTS, resolve_fault
from faults.recording.read import read_trace
from faults.recording.recording import Recording
from faults.run import compose as root
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import design_info
from node.devices.device import slug

LASTING = ("set", "scale", "add")
ONSET_S = 150.0
"""By then accelerators have booted and their job runs."""
PLACE = "{{sso: {{altitude: 650 km, ltan: '06:00', argument_of_latitude: {place} deg}}}}"
WORLD = """\
skyrack: 1
name: signatures
epoch: 2026-08-12T00:00:00Z
duration: {duration} s
tick: 1 s
seed: 7
environment: {{solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}}
spacecraft:
{spacecraft}
stations: [svalbard]
timeline:
  - {{at: {ping} s, telecommand: {{to: probe, name: test.ping}}}}
faults: [{fault}]
"""
JOB = "{kind: training, accelerators: 1, work: 5 h, checkpoint_every: 10 min, checkpoint_cost: 10 s, detect_after: 1 h}"
Readings = Mapping[str, Mapping[tuple[int, int, int], float]]


def spacecraft(name: str, design: str, place: float, peer: str = "") -> str:
    lines = [f"  - id: {name}", f"    design: {design}", f"    orbit: {PLACE.format(place=place)}"]
    lines += [f"    peers: [{peer}]"] if peer else []
    return "\n".join([*lines, f"    jobs: [{JOB}]"])


def world(design: str, watched_s: float, fault: str = "") -> Scenario:
    """A design over Svalbard at work, in sight of its like where it has optical terminals to point."""
    pair = design == "formation"
    everybody = [spacecraft("probe", design, 85.0, "peer" if pair else "")]
    everybody += [spacecraft("peer", design, 85.01, "probe")] if pair else []
    text = WORLD.format(
        duration=round(ONSET_S + watched_s), spacecraft="\n".join(everybody), ping=round(ONSET_S) + 5, fault=fault
    )  # fmt: skip
    return load_text(text)


@dataclass(frozen=True)
class Flown:
    """A fault, flown: what was recorded of it, of the run without it, and what telemetry held in both. `held`: places
    that it holds; `places`: those that any fault of its world holds."""

    name: str
    signs: tuple[SignForm, ...]
    held: tuple[str, ...]
    places: tuple[str, ...]
    run: Recording
    readings: Readings
    calm: Recording
    calm_readings: Readings


def example_of(form: FaultForm, info: DesignInfo) -> dict[str, Scalar]:
    """Its example; what it leaves out is the first of its kind, for faults that show nothing."""
    given: dict[str, Scalar] = dict(form.example.parameters)
    for key, one in form.parameters.items():
        if one.required and key not in given:
            given[key] = 0
    return given


def sign_of(sign: SignForm, values: Mapping[str, Scalar]) -> SignForm:
    """With the parameters of the example in its name."""
    name = sign.name
    for key in sorted(values, key=len, reverse=True):
        value = str(values[key])
        name = name.replace(f"${key}", value if sign.what == "truth" else slug(value))
    return sign.model_copy(update={"name": name})


def watched_s(form: FaultForm) -> float:
    """Those that show at once fly a short family: a tick costs the same whatever it shows."""
    return 12.0 if max((one.within for one in form.shows), default=0) <= 10 * 10**9 else 65.0


def fault_line(name: str, parameters: Mapping[str, Scalar]) -> str:
    given = json.dumps(parameters)
    span = f"for: {watched_s(FAULTS[name]) - 3:g} s, " if FAULTS[name].window == "any" else ""
    return f"{{id: struck, fault: {name}, target: probe, at: {ONSET_S:g} s, {span}parameters: {given}}}"


def fly(folder: Path, names: Iterable[str]) -> dict[str, Flown]:
    """All of them, each beside the undisturbed run of its world."""
    worlds: dict[tuple[str, float], list[str]] = defaultdict(list)
    for name in names:
        worlds[FAULTS[name].example.design, watched_s(FAULTS[name])].append(name)
    flown: dict[str, Flown] = {}
    for (design, span), inside in worlds.items():
        info = design_info(design, ("svalbard",))
        found = {}
        for name in inside:
            given = example_of(FAULTS[name], info)
            resolved = resolve_fault(name, info, given, tick_s=1.0)
            held = [p for seam, p, what, _ in resolved.primitives if seam == Seam.PLANT and what in LASTING]
            signs = tuple(sign_of(one, resolved.parameters) for one in FAULTS[name].shows)
            found[name] = (signs, tuple(held), fault_line(name, given))
        wanted = [one.name for signs, _, _ in found.values() for one in signs if one.what == "truth"]
        wanted += [place for _, held, _ in found.values() for place in held]
        scenarios = [world(design, span), *(world(design, span, line) for _, _, line in found.values())]
        signals = tuple(dict.fromkeys([*scenarios[0].truth_signals["probe"], *wanted]))
        cases = [
            Case(n, {}, one.model_copy(update={"truth_signals": {**one.truth_signals, "probe": signals}}))
            for n, one in enumerate(scenarios)
        ]
        places = tuple(dict.fromkeys(place for _, held, _ in found.values() for place in held))
        told: dict[int, tuple[Recording, Readings]] = {}

        def take(flight: Flight, told: dict[int, tuple[Recording, Readings]] = told) -> None:
            assert flight.failure is None, flight.failure
            told[flight.case.number] = recorded(flight)
            flight.trace.unlink()

        (family,) = families(cases)
        fly_family(family, folder, take)
        for number, (name, (signs, held, _)) in enumerate(found.items(), 1):
            flown[name] = Flown(name, signs, held, places, *told[number], *told[0])
    return flown


def recorded(flight: Flight) -> tuple[Recording, Readings]:
    """A case's recording, and every value that its telemetry held: (boot, stream, sequence) -> value, by name."""
    books = root.dictionaries(flight.case.scenario)
    book = books[flight.case.scenario.spacecraft[0].design]
    readings: dict[str, dict[tuple[int, int, int], float]] = defaultdict(dict)
    with TraceReader(flight.trace) as reader:
        recording = read_trace(reader, flight.case.scenario, books, flight.held).recording
    with TraceReader(flight.trace) as reader:
        for frame in (frame for record in reader for frame in record.mail):
            if peek(frame).kind not in (Kind.TELEMETRY, Kind.EVENT):
                continue
            message = decode(frame)
            body = message.body
            if message.source == "probe" and isinstance(body, Packet):
                readings["obt_ns"][body.boot, body.stream, body.sequence] = float(body.obt_ns)
            if message.source == "probe" and isinstance(body, Telemetry) and body.structure in book.structure:
                for name, value in zip(book.structure[body.structure].parameters, body.values, strict=True):
                    readings[name][body.boot, body.stream, body.sequence] = float(value)
    return recording, readings


def shown(sign: SignForm, one: Flown) -> str:
    """Nothing where the sign is there; else what was found in its place."""
    until = ONSET_S + sign.within / 1e9
    if sign.what == "event":
        mine, calm = (
            sum(
                e.name == sign.name and ONSET_S <= (e.sent_s if e.at_s is None else e.at_s) <= until for e in run.events
            )
            for run in (one.run, one.calm)
        )
        heard = sorted({e.name for e in one.run.events if (e.at_s or e.sent_s) >= ONSET_S})
        return "" if mine > calm else f"{mine} of {sign.name}, {calm} without the fault; there were {heard}"
    if sign.what == "truth":
        mine_v, calm_v = one.run.signal("probe", sign.name), one.calm.signal("probe", sign.name)
        assert mine_v is not None and calm_v is not None, sign.name
        window = one.run.times_s <= until
        changes = mine_v[window] - calm_v[window]
    else:
        if sign.name not in one.calm_readings:
            return f"no reading {sign.name} came down"
        mine_r, calm_r = one.readings[sign.name], one.calm_readings[sign.name]
        changes = np.array([mine_r[key] - calm_r[key] for key in mine_r if key in calm_r])
    ways = {"rises": changes > 0, "falls": changes < 0, "differs": changes != 0}
    return "" if ways[sign.goes].any() else f"{sign.name} {sign.goes} never: {changes[-3:]}"


@pytest.fixture(scope="module")
def flown(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Flown]:
    return fly(tmp_path_factory.mktemp("signatures"), FAULTS)


def test_every_fault_acts_and_ends_on_a_shipped_design(flown: dict[str, Flown]) -> None:
    assert set(flown) == set(FAULTS)
    wrong = {}
    for name, one in flown.items():
        states = [(fault.at_s, fault.cleared_s is not None, fault.refused) for fault in one.run.faults]
        if states != [(ONSET_S, True, "")] * len(FAULTS[name].primitives):
            wrong[name] = states
    assert not wrong


def test_every_fault_shows_what_it_is_said_to_show(flown: dict[str, Flown]) -> None:
    wrong = {name: [said for sign in one.signs if (said := shown(sign, one))] for name, one in flown.items()}
    assert not {name: said for name, said in wrong.items() if said}


def test_what_a_fault_shows_is_an_effect_and_not_the_field_that_it_sets(flown: dict[str, Flown]) -> None:
    assert not {name: one.held for name, one in flown.items() if {s.name for s in one.signs} & set(one.held)}
    assert not [name for name, form in FAULTS.items() if bool(form.shows) == bool(form.unseen)]


def test_a_fault_that_is_cleared_leaves_its_fields_as_they_would_have_been(flown: dict[str, Flown]) -> None:
    wrong = {}
    for name, one in flown.items():
        for place in one.held:
            mine, calm = one.run.signal("probe", place), one.calm.signal("probe", place)
            assert mine is not None and calm is not None
            if mine[-1] != calm[-1]:
                wrong[name] = (place, mine[-1], calm[-1])
    assert not wrong


def test_a_fault_that_is_cleared_leaves_nothing_anywhere_but_what_it_says_it_keeps(flown: dict[str, Flown]) -> None:
    """Over every place that any fault of its world can hold, and over who is struck by what at the end."""
    wrong: dict[str, list[str]] = {}
    for name, one in flown.items():
        for place in one.places:
            mine, calm = one.run.signal("probe", place), one.calm.signal("probe", place)
            assert mine is not None and calm is not None
            if mine[-1] != calm[-1] and not FAULTS[name].keeps:
                wrong.setdefault(name, []).append(place)
        if any(fault.cleared_s is None for fault in one.run.faults):
            wrong.setdefault(name, []).append("still active")
    assert not wrong
