"""How a fault of a scenario begins and ends where no plain time says it: conditions, chance, other faults; what comes
and goes, and what grows. Becomes a law as it travels (`bus.onset`)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from bus.errors import Mistake, Refused, ScenarioError
from bus.onset import LONGEST, Law
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.units import UNITS, parse_duration_ns, show
from faults.catalogue.form import FaultForm, Primitive
from faults.oracle.expectation import (
    All,
    Any,
    Comparison,
    Condition,
    Names,
    Not,
    Number,
    Occurs,
    Operand,
    Signal,
    signals_of,
)
from faults.oracle.judge import parse_condition
from faults.scenarios.fault_entry import FaultEntry, RampForm
from faults.scenarios.times import Span, window_length

ONSETS = ("at", "when", "rate", "follows")
_ANOMALY = "proton_flux_10mev_cm2_s >= 10 and -50 deg <= latitude_rad <= 20 deg"
"""The South Atlantic Anomaly where the trapped protons above 10 MeV are dense: 10 /cm2/s is an assumption (quiet low
orbit has less than 1, the heart of the anomaly hundreds to thousands), and so are the latitudes, which leave out the
polar caps, where a solar event's protons come down."""
LEVELS = {
    "in_eclipse": "illumination_fraction < 0.5",
    "in_sunlight": "illumination_fraction >= 0.5",
    "in_anomaly": _ANOMALY,
    "in_contact": "contact == 1",
}
"""Conditions by name: true at the first look is enough."""
EDGES = {
    "eclipse_entry": LEVELS["in_eclipse"],
    "eclipse_exit": LEVELS["in_sunlight"],
    "anomaly_entry": _ANOMALY,
    "anomaly_exit": f"not ({_ANOMALY})",
    "contact_start": LEVELS["in_contact"],
    "contact_end": "contact == 0",
}
"""Conditions by name that must come true in the run, having been false."""
NAMED = {**LEVELS, **EDGES}
RATE = "a rate such as 0.2/orbit, 3/d, 2/Gy (of dose), 1e-6 cm2 or 1e-6 cm2 above 30 MeV (of protons)"
_RATE = re.compile(
    r"\s*(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)\s*(?:/\s*([A-Za-z()]+)|(cm2|m2)(?:\s+above\s+(\d+)\s*MeV)?)\s*"
)
_FLUXES = {"10": "proton_flux_10mev_cm2_s", "30": "proton_flux_30mev_cm2_s", "100": "proton_flux_100mev_cm2_s"}
_PER_TIME = {"s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0, "day": 86400.0}
RAMPED = ("quantity", "probability", "reading", "reading rate")
"""Kinds of parameters that may grow."""


@dataclass(frozen=True, slots=True)
class Onset:
    """When an entry strikes, in nanoseconds. opens_ns: at the earliest. until_ns: its end, None where that is no time.
    closes_ns: from when on it begins no more, 0: never. length_ns: how long each strike of one that waits lasts.
    said: how it begins where that is no time, as it was written."""

    opens_ns: int
    until_ns: int | None = None
    closes_ns: int = 0
    length_ns: int = 0
    delay_ns: int = 0
    said: str = ""


def read_onset(entry: Item, form: FaultEntry, span: Span) -> Onset | None:
    """What an entry says of its times. None after a mistake."""
    mark = entry.sheet.mark()
    given = [name for name in ONSETS if getattr(form, name) is not None]
    if len(given) != 1:
        told = " and ".join(given) + " together" if given else "nothing"
        entry.below(given[-1] if given else "at").refuse(told, f"one of {', '.join(ONSETS)}")
        return None
    if given[0] == "at":
        return _at(entry, form, span, mark)
    if form.until is not None:
        entry.below("until").refuse(f"until with {given[0]}", "for, a length; or clear, a condition")
    if form.each and form.rate is None:
        entry.below("each").refuse(
            f"each with {given[0]}", "a rate; conditions are every target's own, or one's that is named"
        )
    if form.delay is not None and form.rate is not None:
        entry.below("delay").refuse("delay with rate", "none: chance needs no delay")
    if form.window is not None and form.follows is not None:
        entry.below("window").refuse("window with follows", "none: it begins after the other one")
    opens_ns, closes_ns = span.tick_ns, 0
    if form.window is not None:
        first, last = (entry.place(("window", place)) for place in (0, 1))
        opens_ns = max(span.ns(first, 0), span.tick_ns)
        closes_ns = span.ns(last, opens_ns + span.tick_ns, last=True)
    length_ns = _length(entry.below("for"), span) if form.for_ is not None else 0
    delay_ns = span.length_ns(entry.below("delay"), 0) if form.delay is not None else 0
    _check_course(entry, form, span)
    said = f"{given[0]} {getattr(form, given[0])}"
    found = Onset(opens_ns, None, closes_ns, length_ns, delay_ns, said)
    return found if entry.sheet.clean_since(mark) else None


def _at(entry: Item, form: FaultEntry, span: Span, mark: int) -> Onset | None:
    for name in ("delay", "window", "times", "each"):
        if getattr(form, name) not in (None, False):
            entry.below(name).refuse(f"{name} with at", f"{name} with when, rate or follows")
    at_ns = span.ns(entry.below("at"), span.tick_ns)
    until_ns = None
    if form.for_ is not None and form.until is not None:
        entry.below("until").refuse("for and until together", "one of them, or neither for a fault that stays")
    if form.until is not None:
        until_ns = span.ns(entry.below("until"), at_ns + span.tick_ns, last=True)
    elif form.for_ is not None:
        until_ns = at_ns + _length(entry.below("for"), span)
    _check_course(entry, form, span)
    return Onset(at_ns, until_ns) if entry.sheet.clean_since(mark) else None


def _length(item: Item, span: Span) -> int:
    return item.read(Annotated[int, window_length(span.tick_ns, span.orbit_s)]) or 0


def _check_course(entry: Item, form: FaultEntry, span: Span) -> None:
    """The times of what comes and goes, and of what grows: none of them shorter than a tick."""
    for name in ("on", "off") if form.intermittent is not None else ():
        span.length_ns(entry.below(f"intermittent.{name}"), span.tick_ns)
    if form.ramp is not None:
        over_ns = span.length_ns(entry.below("ramp.over"), span.tick_ns)
        if form.ramp.every is not None and span.length_ns(entry.below("ramp.every"), span.tick_ns) > over_ns > 0:
            entry.below("ramp.every").refuse(entry.below("ramp.every").found, "no longer than `over`")
        if form.ramp.parameter in form.parameters:
            entry.below(f"parameters.{form.ramp.parameter}").refuse("a value and a ramp", "one of them")


def law_of(form: FaultEntry, onset: Onset, span: Span, names: Names) -> tuple[Law, str]:
    """The law of an entry on one target (`names.own`), and the spacecraft whose truth its condition is about, if it has
    one. Raises ScenarioError with a mistake below the entry."""
    when, edge, watched, rate, drive, clear = "", False, "", 0.0, "", ""
    if form.when is not None:
        when, edge, watched = _condition("when", form.when, names)
    if form.clear is not None:
        clear, _, whose = _condition("clear", form.clear, names)
        if whose != names.own:
            allowed = f"a condition on the truth of {names.own}, which it is cleared on"
            raise ScenarioError([Mistake("", 0, 0, "clear", f"a condition on {whose}", allowed)])
    if form.rate is not None:
        try:
            rate, drive = read_rate(form.rate, span.orbit_s)
        except Refused as refused:
            raise ScenarioError([Mistake("", 0, 0, "rate", refused.found, refused.allowed)]) from None

    def time(written: str | None) -> int:
        return parse_duration_ns(written, orbit_s=span.orbit_s) if written is not None else 0

    waits = form.at is None
    law = Law(
        when=when, edge=edge, rate_per_s=rate, drive=drive, each=form.each,
        times=form.times or (1 if waits and form.rate is None else 0), length_ns=onset.length_ns,
        delay_ns=onset.delay_ns, clear=clear,
        on_ns=time(form.intermittent.on) if form.intermittent else 0,
        off_ns=time(form.intermittent.off) if form.intermittent else 0,
        drawn=form.intermittent.drawn if form.intermittent else False,
        ramp_ns=time(form.ramp.over) if form.ramp else 0,
        step_ns=time(form.ramp.every) if form.ramp else 0,
    )  # fmt: skip
    return law, watched


def _condition(field: str, written: str, names: Names) -> tuple[str, bool, str]:
    try:
        return condition_of(written, names)
    except Refused as refused:
        found, allowed = refused.found, refused.allowed
    except ScenarioError as error:
        found, allowed = error.mistakes[0].found, error.mistakes[0].allowed
    raise ScenarioError([Mistake("", 0, 0, field, found, allowed)])


def read_rate(written: str, orbit_s: float) -> tuple[float, str]:
    """Strikes a second, and the true quantity they are per unit of, if any. Raises Refused."""
    match = _RATE.fullmatch(written)
    if match is None or not 0.0 < float(match[1]) < 1e12:
        raise Refused(show(written), RATE)
    number, per, area, above = float(match[1]), match[2], match[3], match[4] or "10"
    if area:
        if above not in _FLUXES:
            raise Refused(show(written), f"above {', '.join(_FLUXES)} MeV, which truth knows")
        return number * (1e4 if area == "m2" else 1.0), _FLUXES[above]
    if per in ("orbit", "orbits"):
        return number / orbit_s, ""
    if per in _PER_TIME:
        return number / _PER_TIME[per], ""
    if per in UNITS and UNITS[per][1] == UNITS["Gy"][1] and per != "Gy/s":
        return number / float(UNITS[per][0]), "dose_rate_gy_s"
    raise Refused(show(written), RATE)


def condition_of(written: str, names: Names) -> tuple[str, bool, str]:
    """A condition as it travels, whether it is an edge, and whose truth it is about. Raises ScenarioError, Refused."""
    named = NAMED.get(written.strip())
    if named is None and re.fullmatch(r"\s*[a-z_]+\s*", written):
        known = names.signals.get(names.own) or ()
        if written.strip() not in known:
            raise Refused(
                show(written), f"a condition such as 'battery_soc < 40 %', or {one_of(NAMED, written.strip())}"
            )
    condition = parse_condition(named or written, names)
    owners = tuple(dict.fromkeys(signal.spacecraft for signal in signals_of(condition)))
    if len(owners) != 1:
        raise Refused(f"a condition on {', '.join(owners)}", "one on the truth of one spacecraft")
    travels = _polish(condition)
    if len(travels) > LONGEST:
        raise Refused(f"a condition of {len(travels)} characters as it travels", f"at most {LONGEST}")
    return travels, written.strip() in EDGES, owners[0]


def _polish(condition: Condition) -> str:
    match condition:
        case Comparison(left, comparator, right):
            return f"{_operand(left)} {_operand(right)} {comparator}"
        case Occurs():
            raise Refused("an event, telecommand or alarm", "comparisons of truth; `follows` is for other faults")
        case Not(operand):
            return f"{_polish(operand)} not"
        case All(operands) | Any(operands):
            first, *others = [_polish(each) for each in operands]
            word = "and" if isinstance(condition, All) else "or"
            return " ".join([first, *(f"{each} {word}" for each in others)])


def _operand(operand: Operand) -> str:
    match operand:
        case Number(value):
            return repr(value)
        case Signal(_, name):
            return name


def ramp_between(
    form: RampForm, fault: FaultForm, start: Sequence[Primitive], end: Sequence[Primitive]
) -> list[dict[str, float]]:
    """Of each primitive, the numbers at the end of the ramp that are others than at its start. Raises Refused."""
    known = fault.parameters.get(form.parameter)
    if known is not None and known.kind not in RAMPED:
        allowed = [name for name, one in fault.parameters.items() if one.kind in RAMPED]
        raise Refused(
            f"{form.parameter}, which is a {known.kind}", f"a quantity: {', '.join(allowed) or 'it has none'}"
        )
    found = []
    for (_, _, _, here), (_, _, _, there) in zip(start, end, strict=True):
        found.append({
            name: float(value) for name, value in there.items()
            if isinstance(value, (int, float)) and not isinstance(value, bool) and value != here.get(name)
        })  # fmt: skip
    if not any(found):
        raise Refused(f"a ramp from {show(form.from_)} to {show(form.to)}", "two values that differ")
    return found
