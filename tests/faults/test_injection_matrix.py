"""Single faults in different modes and phases of a day, each told apart from the run without it: are they seen, placed,
and answered before it is too late?

Cases of a world share their beginning. What nobody can see in a world, the catalogue says with its reason (`hidden`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bus.scenario.model import Scenario
from bus.text.units import parse_duration_ns
from bus.wire.messages import Scalar
from faults.campaign.cases import Case
from faults.campaign.outcome import Result, judged, result_of
from faults.campaign.shared import Flight, families, fly_family
from faults.catalogue.form import NONE, UNKNOWN, FaultForm
from faults.catalogue.resolve import FAULTS
from faults.run import compose as root
from faults.scenarios.load import load_text

ONSET_S, WATCHED_S = 200.0, 600.0
TEXT = """\
skyrack: 1
name: injections
epoch: {epoch}
duration: {duration:g} s
tick: 1 s
seed: 7
environment: {{solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}}
spacecraft:
{spacecraft}
stations: [svalbard]
timeline:
  - {{at: {ping:g} s, telecommand: {{to: probe, name: test.ping}}}}
faults: [{fault}]
"""
TRAINING = (
    "{kind: training, accelerators: 1, work: 5 h, checkpoint_every: 10 min, checkpoint_cost: 10 s, detect_after: 1 h}"
)
INFERENCE = (
    "{kind: inference, accelerators: 1, arrival_rate: 0.01 Hz, service_time: 600 ms, service_spread: 0.5, "
    "objective_p99: 3 s}"
)


@dataclass(frozen=True)
class World:
    """Where and how the probe flies, and what of the circumstances of `hidden` is so there."""

    ltan: str
    latitude_deg: float
    so: tuple[str, ...]
    mode: str = "NOMINAL"
    job: str = TRAINING
    epoch: str = "2026-08-12T00:00:00Z"


WORLDS = {
    "sunlit, at work": World("06:00", 200.0, ("no_contact",)),
    "contact, idle": World("06:00", 62.0, ("idle",), job=INFERENCE),
    "shadow, at work": World("12:00", 140.0, ("shadow", "no_contact")),
    "anomaly, at work": World("06:00", 200.0, ("no_contact",), epoch="2026-08-12T09:00:00Z"),
    "contact, safe": World("06:00", 62.0, ("safe",), mode="SAFE"),
}


def spacecraft(name: str, design: str, world: World, peer: str = "") -> str:
    latitude_deg = world.latitude_deg + (0.0 if name == "probe" else 0.01)
    orbit = f"{{sso: {{altitude: 650 km, ltan: '{world.ltan}', argument_of_latitude: {latitude_deg} deg}}}}"
    lines = [f"  - id: {name}", f"    design: {design}", f"    orbit: {orbit}", f"    initial: {{mode: {world.mode}}}"]
    if peer:  # the terminals acquire each other from the first boot on
        acquire = "{monitor: link, event: booted, action: {name: isl.head, arguments: {head: fore, on: true}}}"
        lines += [f"    peers: [{peer}]", f"    fdir: [{acquire}]"]
    return "\n".join([*lines, f"    jobs: [{world.job}]"])


def scenario(design: str, world: World, watched_s: float, fault: str = "") -> Scenario:
    pair = design == "formation"  # optical terminals need somebody to point at
    everybody = [spacecraft("probe", design, world, "peer" if pair else "")]
    everybody += [spacecraft("peer", design, world, "probe")] if pair else []
    return load_text(
        TEXT.format(
            epoch=world.epoch, duration=ONSET_S + watched_s, spacecraft="\n".join(everybody), ping=ONSET_S + 30.0,
            fault=fault,
        )
    )  # fmt: skip


def fault_line(name: str) -> str:
    form = FAULTS[name]
    given: dict[str, Scalar] = {key: 0 for key, one in form.parameters.items() if one.required}
    given.update(form.example.parameters)
    return f"{{id: struck, fault: {name}, target: probe, at: {ONSET_S:g} s, parameters: {json.dumps(given)}}}"


@dataclass(frozen=True)
class Injection:
    """What became of a fault in a world: its chain of verdicts, and why nobody can see it there, if so."""

    world: str
    name: str
    form: FaultForm
    chain: dict[str, Any]
    hidden: str

    def __str__(self) -> str:
        return f"{self.name} in {self.world}"


def hidden(form: FaultForm, world: World) -> str:
    """Why nobody can see a fault there; empty where somebody can."""
    reasons = [form.unseen, *(str(getattr(form.hidden, so)) for so in ("always", *world.so))]
    return next((reason for reason in reasons if reason), "")


def fly(folder: Path, names: Iterable[str], worlds: Iterable[str], watched_s: float = WATCHED_S) -> list[Injection]:
    """Every one of these faults in every one of these worlds."""
    names, found = list(names), []
    for place in worlds:
        world = WORLDS[place]
        by_design: dict[str, list[str]] = defaultdict(list)
        for name in names:
            by_design[FAULTS[name].example.design].append(name)
        for design, inside in by_design.items():
            flown = [scenario(design, world, watched_s)]
            flown += [scenario(design, world, watched_s, fault_line(name)) for name in inside]
            cases = [Case(n, {}, one, injected=("struck",) if n else ()) for n, one in enumerate(flown)]
            results: dict[int, Result] = {}

            def take(flight: Flight, results: dict[int, Result] = results) -> None:
                results[flight.case.number] = result_of(flight, root.dictionaries(flight.case.scenario))
                flight.trace.unlink()

            for family in families(cases):
                fly_family(family, folder, take)
            for number, name in enumerate(inside, 1):
                done = judged(results[number], results[0])
                assert not done["error"], (name, place, done["error"])
                (chain,) = done["chains"]
                found.append(Injection(place, name, FAULTS[name], chain, hidden(FAULTS[name], world)))
    return found


def told(missing: list[Injection], of: list[Injection]) -> str:
    return f"{len(missing)} of {len(of)}: " + ", ".join(map(str, missing))


def test_what_is_injected_is_judged_against_the_same_run_without_it(tmp_path: Path) -> None:
    seen, deaf = fly(tmp_path, ["string_open", "link_duplicate"], ["sunlit, at work"], watched_s=30.0)
    assert seen.chain["detected_s"] <= 20.0 and seen.chain["isolated_s"] <= 20.0 and not seen.hidden
    assert deaf.chain["detected_s"] is None and deaf.hidden == FAULTS["link_duplicate"].unseen
    shadow = WORLDS["shadow, at work"]
    assert hidden(FAULTS["string_open"], shadow) and not hidden(FAULTS["device_hung"], shadow)


@pytest.fixture(scope="module")
def injections(tmp_path_factory: pytest.TempPathFactory) -> list[Injection]:
    found = fly(tmp_path_factory.mktemp("matrix"), FAULTS, WORLDS)
    assert len(found) >= 500
    assert all(one.chain["activated_s"] is not None for one in found)
    return found


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_of_faults_that_somebody_can_see_at_least_99_in_a_hundred_are_seen(injections: list[Injection]) -> None:
    open_to_see = [one for one in injections if not one.hidden]
    missing = [one for one in open_to_see if one.chain["detected_s"] is None]
    assert len(missing) <= 0.01 * len(open_to_see), told(missing, open_to_see)


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_of_faults_that_are_seen_at_least_95_in_a_hundred_are_placed(injections: list[Injection]) -> None:
    seen = [one for one in injections if one.chain["detected_s"] is not None]
    missing = [one for one in seen if one.chain["isolated_s"] is None]
    assert len(missing) <= 0.05 * len(seen), told(missing, seen)


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_what_is_catastrophic_or_critical_is_answered_before_it_is_too_late(injections: list[Injection]) -> None:
    grave = [
        one for one in injections
        if one.form.severity <= 2 and not one.hidden and one.form.criticality not in (NONE, UNKNOWN)
    ]  # fmt: skip
    late = []
    for one in grave:
        limit_s = parse_duration_ns(one.form.criticality) / 1e9
        times = [one.chain["detected_s"], one.chain["responded_s"]]
        if any(after_s is None or after_s > min(limit_s, WATCHED_S) for after_s in times):
            late.append(one)
    assert grave and not late, told(late, grave)


@pytest.mark.slow
@pytest.mark.timeout(4 * 3600)
def test_what_is_said_to_be_hidden_is(injections: list[Injection]) -> None:
    """A reason that is no longer true would hide what the table learned to see. What is `unseen` for minutes may show
    in one world or another."""
    shown = [one for one in injections if one.hidden and not one.form.unseen and one.chain["detected_s"] is not None]
    assert not shown, told(shown, injections)
