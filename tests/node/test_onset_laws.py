"""The laws of onset against closed forms: Poisson counts, the duty of what comes and goes, a straight ramp, edges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import pytest

from bus.draws import stable_id, uniform
from bus.errors import Refused
from bus.onset import Law, Reader, compiled, names_in
from bus.wire.messages import Injection, InjectionState, Scalar, Seam
from node.injection.engine import Injections, SeamHandler
from node.injection.sight import Sight

TICK_NS = 1_000_000_000


class Eyes(Sight):
    """Truth out of a dictionary, the real draws."""

    def __init__(self, seed: int = 7, spacecraft: str = "sc-1") -> None:
        self.truth: dict[str, float] = {}
        self._seed, self._who = seed, stable_id(spacecraft)

    def reader(self, name: str) -> Reader:
        self.truth[name]  # a name there is not is a KeyError
        return lambda: self.truth[name]

    def draw(self, what: str, step: int, lane: int, *, each: bool = False) -> float:
        return uniform(self._seed, stable_id(f"onset.{what}"), self._who if each else 0, step, lane)


class Place(SeamHandler):
    """A seam that remembers what acts on it, and with which value."""

    def __init__(self) -> None:
        self.acting: dict[str, float] = {}

    def refusal(self, injection: Injection) -> str:
        return ""

    def start(self, injection: Injection, tick: int) -> bool:
        self.acting[injection.injection] = float(injection.parameters.get("value", 0.0))
        return injection.primitive != "once"

    def end(self, injection: Injection, tick: int) -> None:
        del self.acting[injection.injection]

    def save(self) -> bytes:
        return b""

    def restore(self, data: bytes, active: Mapping[str, Injection]) -> None:
        self.acting = {name: float(one.parameters.get("value", 0.0)) for name, one in active.items()}


def bench(law: Law, *, eyes: Eyes | None = None, name: str = "x", **fields: object) -> tuple[Injections, Place, Eyes]:
    eyes, place = eyes or Eyes(), Place()
    engine = Injections({Seam.PLANT: place}, eyes, TICK_NS)
    body: dict[str, object] = {
        "injection": name, "seam": Seam.PLANT, "place": "p", "primitive": "set", "parameters": {"value": 1.0},
        "start_ns": 0, "end_ns": 0, "law": law.as_map(), **fields,
    }  # fmt: skip
    assert not engine.receive(Injection.model_validate(body), 0)
    return engine, place, eyes


def strikes(engine: Injections, ticks: int, before: Callable[[int], None] = lambda tick: None) -> list[int]:
    """The ticks in which it began."""
    found = []
    for tick in range(ticks):
        before(tick)
        found += [tick for report in engine.step(tick, tick * TICK_NS) if report.state == InjectionState.ACTIVE]
    return found


# ---- conditions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "truth", "found"),
    [
        ("a 1.0 <", {"a": 0.5}, True),
        ("a 1.0 < b 2 == and", {"a": 0.5, "b": 3.0}, False),
        ("a 1.0 < b 2 == or", {"a": 0.5, "b": math.nan}, True),
        ("a 1.0 < b 2 == and", {"a": 0.5, "b": math.nan}, None),
        ("a 1.0 < b 2 == and", {"a": 1.5, "b": math.nan}, False),
        ("a not", {"a": 0.0}, True),
        ("a 1 < not", {"a": math.nan}, None),
    ],
)
def test_a_condition_has_three_answers(condition: str, truth: dict[str, float], found: bool | None) -> None:
    assert compiled(condition, lambda name: lambda: truth[name])() is found
    assert set(names_in(condition)) <= set(truth)


@pytest.mark.parametrize("condition", ["", "and", "1 <", "1 2", "1 2 < <", "a 1 < and", "a " * 200])
def test_what_is_no_condition_is_refused(condition: str) -> None:
    with pytest.raises(Refused):
        compiled(condition, lambda name: lambda: 0.0)


def test_a_law_survives_its_journey_and_refuses_what_it_does_not_know() -> None:
    law = Law(when="a 1 <", edge=True, times=3, delay_ns=5, clear="a 2 >", on_ns=1, off_ns=2, ramp_ns=9, to={"v": 2.0})
    assert Law.of(law.as_map()) == law
    wrong: list[dict[str, Scalar]] = [
        {"wen": "a"}, {"times": -1}, {"times": "3"}, {"edge": 1}, {"on_ns": 5}, {"ramp_ns": 5}, {"rate_per_s": -1.0},
    ]  # fmt: skip
    for found in wrong:
        with pytest.raises(Refused):
            Law.of(found)


def test_an_unknown_quantity_is_refused_by_the_spacecraft() -> None:
    engine = Injections({Seam.PLANT: Place()}, Eyes(), TICK_NS)
    one = Injection(
        injection="x", seam=Seam.PLANT, place="p", primitive="set", parameters={}, start_ns=0, end_ns=0,
        law={"when": "nothing 1 <"},
    )  # fmt: skip
    (report,) = engine.receive(one, 0)
    assert report.state == InjectionState.REFUSED and "law" in report.reason


def course(values: list[float]) -> Callable[[Eyes], Callable[[int], None]]:
    def of(eyes: Eyes) -> Callable[[int], None]:
        def at(tick: int) -> None:
            eyes.truth["a"] = values[min(tick, len(values) - 1)]

        return at

    return of


@pytest.mark.parametrize(
    ("law", "values", "ticks"),
    [
        (Law(when="a 1 >=", times=9, length_ns=TICK_NS), [0, 1, 1, 0, 0, 1], [1, 5]),  # edges, not levels
        (Law(when="a 1 >=", times=9, length_ns=TICK_NS), [1, 1, 0, 1], [0, 3]),  # a level: true at once is enough
        (Law(when="a 1 >=", edge=True, times=9, length_ns=TICK_NS), [1, 1, 0, 1], [3]),  # an entry: seen false first
        (Law(when="a 1 >=", times=1, length_ns=TICK_NS), [0, 1, 0, 1, 0, 1], [1]),
        (Law(when="a 1 >=", times=9, length_ns=TICK_NS, delay_ns=2 * TICK_NS), [0, 1, 0, 0, 0, 1, 0, 0], [3, 7]),
        (Law(when="a 1 >=", times=9, length_ns=TICK_NS), [0, math.nan, 1, math.nan, 1], [2]),  # unknown is no edge
        (Law(when="a 1 >=", times=9), [0, 1, 0, 1], [1]),  # it acts still
    ],
)
def test_a_condition_strikes_as_it_comes_true(law: Law, values: list[float], ticks: list[int]) -> None:
    eyes = Eyes()
    eyes.truth["a"] = values[0]
    engine, _, _ = bench(law, eyes=eyes)
    assert strikes(engine, len(values), course(values)(eyes)) == ticks


def test_a_window_bounds_when_it_may_begin() -> None:
    eyes = Eyes()
    eyes.truth["a"] = 1.0
    engine, _, _ = bench(
        Law(when="a 1 >=", times=9, length_ns=TICK_NS), eyes=eyes, start_ns=3 * TICK_NS, end_ns=6 * TICK_NS
    )
    assert strikes(engine, 12, course([1, 1, 1, 1, 0, 1, 0, 1])(eyes)) == [3, 5]
    assert engine.idle


def test_a_condition_ends_what_it_clears() -> None:
    eyes = Eyes()
    eyes.truth["a"] = 0.0
    engine, place, _ = bench(Law(clear="a 1 >="), eyes=eyes, start_ns=2 * TICK_NS)
    seen = []
    for tick in range(6):
        eyes.truth["a"] = float(tick >= 4)
        engine.step(tick, tick * TICK_NS)
        seen.append("x" in place.acting)
    assert seen == [False, False, True, True, False, False]


# ---- chance -------------------------------------------------------------------------------------------------------


def test_counts_are_those_of_a_poisson_process() -> None:
    """Mean and variance of the counts in windows of 500 s, and the share of long gaps, at a rate of 0.01/s: the ticks
    in which something comes are a Bernoulli sequence of p = 1 - exp(-rate tick)."""
    rate, ticks, width = 1e-2, 60_000, 500
    engine, _, _ = bench(Law(rate_per_s=rate), primitive="once")
    found = strikes(engine, ticks)
    p = 1.0 - math.exp(-rate)
    counts = [0] * (ticks // width)
    for tick in found:
        counts[tick // width] += 1
    mean = sum(counts) / len(counts)
    variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
    expected = width * p
    assert abs(len(found) - ticks * p) < 4.0 * math.sqrt(ticks * p * (1 - p))
    assert abs(variance / (expected * (1 - p)) - 1.0) < 4.0 * math.sqrt(2.0 / len(counts))
    gaps = [b - a for a, b in itertools.pairwise(found)]
    long = sum(gap > 100 for gap in gaps) / len(gaps)  # P(gap > 100 ticks) = (1 - p)^100
    share = (1 - p) ** 100
    assert abs(long - share) < 4.0 * math.sqrt(share * (1 - share) / len(gaps))


def test_a_rate_follows_what_drives_it() -> None:
    """Strikes fall where the flux is: ten times the flux for a tenth of the time brings as many."""
    eyes = Eyes()
    eyes.truth["flux"] = 1.0
    engine, _, _ = bench(Law(rate_per_s=1e-3, drive="flux"), eyes=eyes, primitive="once")

    def flux(tick: int) -> None:
        eyes.truth["flux"] = 0.0 if tick % 1000 >= 500 else 10.0 if tick % 1000 < 100 else 1.0

    found = strikes(engine, 40_000, flux)
    inside = [tick for tick in found if tick % 1000 < 100]
    outside = [tick for tick in found if 100 <= tick % 1000 < 500]
    assert len(inside) + len(outside) == len(found)  # none where there is no flux
    assert abs(len(inside) - 4_000 * (1 - math.exp(-1e-2))) < 4.0 * math.sqrt(40)
    assert abs(len(outside) - 16_000 * (1 - math.exp(-1e-3))) < 4.0 * math.sqrt(16)


def test_one_draw_strikes_all_targets_unless_each_draws_by_itself() -> None:
    def found(spacecraft: str, *, each: bool) -> list[int]:
        law = Law(rate_per_s=1e-2, each=each)
        engine, _, _ = bench(law, eyes=Eyes(spacecraft=spacecraft), primitive="once")
        return strikes(engine, 2_000)

    assert found("sc-1", each=False) == found("sc-2", each=False) != []
    assert found("sc-1", each=True) != found("sc-2", each=True)


def test_parts_of_a_fault_strike_together() -> None:
    def found(name: str) -> list[int]:
        return strikes(bench(Law(rate_per_s=1e-2), name=name, primitive="once")[0], 2_000)

    assert found("storm.0") == found("storm.1") != found("other")


# ---- what comes and goes, what grows ------------------------------------------------------------------------------


def duty(law: Law, ticks: int) -> float:
    engine, place, _ = bench(law)
    on = 0
    for tick in range(ticks):
        engine.step(tick, tick * TICK_NS)
        on += "x" in place.acting
    return on / ticks


def test_a_fixed_rhythm_is_kept_to_the_tick() -> None:
    engine, place, _ = bench(Law(on_ns=2 * TICK_NS, off_ns=3 * TICK_NS), end_ns=12 * TICK_NS)
    seen = ""
    for tick in range(15):
        engine.step(tick, tick * TICK_NS)
        seen += "#" if "x" in place.acting else "."
    assert seen == "##...##...##..."


def test_drawn_lengths_have_their_duty() -> None:
    """on / (on + off) = 100 / 400. A cycle's share has a relative spread of about (1 - duty) sqrt(2 / cycles) for
    exponential lengths; 100 cycles, four of these."""
    found = duty(Law(on_ns=100 * TICK_NS, off_ns=300 * TICK_NS, drawn=True), 40_000)
    assert abs(found / 0.25 - 1.0) < 4.0 * 0.75 * math.sqrt(2.0 / 100)


def test_a_ramp_is_a_straight_line_in_steps() -> None:
    law = Law(ramp_ns=10 * TICK_NS, step_ns=2 * TICK_NS, to={"value": 0.0})
    engine, place, _ = bench(law, parameters={"value": 1.0}, start_ns=3 * TICK_NS)
    found = []
    for tick in range(20):
        engine.step(tick, tick * TICK_NS)
        found.append(place.acting.get("x"))
    expected = [None] * 3 + [1.0 - min(1.0, (tick // 2) * 2 / 10) for tick in range(17)]
    assert found == pytest.approx(expected)


def test_a_snapshot_in_the_middle_goes_on_alike() -> None:
    """Rests, grows and waits: the other half of the run is the same after a restore into a fresh engine."""
    law = Law(
        rate_per_s=0.02, length_ns=40 * TICK_NS, on_ns=5 * TICK_NS, off_ns=4 * TICK_NS, drawn=True,
        ramp_ns=20 * TICK_NS, to={"value": 3.0},
    )  # fmt: skip
    for cut in (50, 163, 171, 240):
        whole, place, _ = bench(law)
        half, _, _ = bench(law)
        strikes(half, cut)
        strikes(whole, cut)
        again, later, _ = bench(law)
        again.restore(half.save())
        for tick in range(cut, cut + 200):
            assert whole.step(tick, tick * TICK_NS) == again.step(tick, tick * TICK_NS)
            assert place.acting == later.acting, (cut, tick)


def test_cleared_by_hand_it_strikes_no_more() -> None:
    engine, place, _ = bench(Law(rate_per_s=0.5, length_ns=3 * TICK_NS))
    assert strikes(engine, 10)
    clear = Injection(
        injection="x", seam=Seam.PLANT, place="", primitive="", parameters={}, start_ns=0, end_ns=0, clear=True
    )
    (report,) = engine.receive(clear, 10)
    assert report.state == InjectionState.CLEARED and not place.acting
    assert engine.idle and not strikes(engine, 20)
