"""Who never sees a station while the run lasts: a run without a contact looks well and hears nothing."""

from __future__ import annotations

from dataclasses import replace

from bus.constants import Epoch
from bus.scenario.model import Orbit, Scenario, Station
from bus.text.times import clock
from groundstation.config import ContactRules
from groundstation.contacts.prediction import Predictor

RADIO_BANDS = frozenset({"S", "Ka"})  # what every design's radio has
LOOK_AHEAD_NS = 3 * 86_400 * 10**9
"""Whoever saw no station in three days hardly ever will."""
_STRIDE_NS = 3600 * 10**9
_SHOWN = 5


def without_contact(scenario: Scenario) -> list[str]:
    """Warnings of spacecraft that never rise over a station's mask. A scenario without stations means it so."""
    if not scenario.stations:
        return []
    stations = tuple(station for station in scenario.stations if not RADIO_BANDS.isdisjoint(station.bands))
    mute = [station.id for station in scenario.stations if station not in stations]
    notes = [f"station {name}: neither S nor Ka among its bands, so no spacecraft can use it" for name in mute]
    until_ns = min(scenario.duration_ns, LOOK_AHEAD_NS)
    epoch = Epoch.of(scenario.epoch_utc)
    alone = [one.id for one in scenario.spacecraft if not _rises(epoch, one.orbit, stations, until_ns)]
    if alone:
        more = f" and {len(alone) - _SHOWN} more" if len(alone) > _SHOWN else ""
        span = "the run" if until_ns == scenario.duration_ns else f"its first {clock(until_ns / 1e9)}"
        names = ", ".join(alone[:_SHOWN]) + more
        notes.append(f"{names}: no contact with any station in {span}; `skyrack list stations` has others")
    return notes


def _rises(epoch: Epoch, orbit: Orbit, stations: tuple[Station, ...], until_ns: int) -> bool:
    """Whether a contact begins before `until_ns`."""
    rules = replace(ContactRules(), horizon_s=_STRIDE_NS / 1e9)
    predictor = Predictor(epoch, (orbit,), stations, rules)
    found, now_ns = predictor.first(), 0
    while not found and now_ns <= until_ns + 2 * round(rules.longest_s * 1e9):  # a contact is told when it has ended
        now_ns += _STRIDE_NS
        found = predictor.advance(now_ns)
    return any(contact.aos_ns < until_ns for contact in found)
