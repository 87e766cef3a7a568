"""What share of an orbit each declared inter-satellite link can stand, from geometry alone.

The Earth's limb, the reach of the heads on both sides, the Sun in their eyes, light enough; in the two attitudes of
nominal flight, held perfectly. Faults, power and acquisition are the run's to show.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bus.constants import EARTH_RADIUS_M, Epoch
from bus.scenario.model import Scenario
from groundstation.contacts.propagation import Propagator, propagator
from node.designs.audit.orbit import circle, sun
from node.designs.load import Design, load_design

ATTITUDES = ("sun", "nadir")
SAMPLES = 90
LIMB_M = EARTH_RADIUS_M + 100e3  # the atmosphere below 100 km bends and absorbs
FAINTEST = 0.01  # of the power for the full rate; less carries nothing
_STEP_S = 1.0
Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Link:
    """One declared link, seen from one side. `head` is empty where there is none left for this peer."""

    spacecraft: str
    peer: str
    head: str
    stands: dict[str, float]

    def as_row(self) -> dict[str, object]:
        """For tables and JSON."""
        shares = {f"stands in {attitude} pointing": f"{100 * share:.0f} %" for attitude, share in self.stands.items()}
        return {"spacecraft": self.spacecraft, "head": self.head or "none left", "peer": self.peer, **shares}


def links(scenario: Scenario) -> list[Link]:
    """Every declared link of the scenario, over the first orbit of its spacecraft."""
    epoch = Epoch.of(scenario.epoch_utc)
    begin = datetime.fromisoformat(scenario.epoch_utc)
    everybody = {one.id: one for one in scenario.spacecraft}
    craft = {one.id: _Craft(load_design(one.design), propagator(one.orbit, epoch)) for one in scenario.spacecraft}
    found = []
    for one in scenario.spacecraft:
        period_s = circle(one.orbit, scenario.epoch_utc).period_s if one.peers else 0.0
        for place, peer in enumerate(one.peers):
            theirs = everybody[peer].peers
            back = theirs.index(one.id) if one.id in theirs else len(craft[peer].axes)
            heads = list(craft[one.id].design.form.isl_heads)
            if place >= len(heads) or back >= len(craft[peer].axes):
                found.append(
                    Link(one.id, peer, heads[place] if place < len(heads) else "", dict.fromkeys(ATTITUDES, 0.0))
                )
                continue
            here, there = craft[one.id], craft[peer]
            stands = dict.fromkeys(ATTITUDES, 0)
            for k in range(SAMPLES):
                time_s = period_s * k / SAMPLES
                light, _ = sun(begin + timedelta(seconds=time_s))
                for attitude in _standing(here, there, (place, back), time_s, light):
                    stands[attitude] += 1
            found.append(Link(one.id, peer, heads[place], {name: n / SAMPLES for name, n in stands.items()}))
    return found


def warnings(found: Sequence[Link]) -> list[str]:
    """Links that never stand in either attitude."""
    return [
        f"{one.spacecraft}, peer {one.peer}: "
        + (f"head '{one.head}' never sees it in sun or nadir pointing" if one.head else "no head is left for it")
        for one in found
        if not any(one.stands.values())
    ]


class _Craft:
    """One spacecraft: where it is, and where its heads look."""

    def __init__(self, design: Design, where: Propagator) -> None:
        self.design = design
        self.where = where
        self.axes = [head.axis for head in design.form.isl_heads.values()]
        self._seen: dict[float, tuple[Vector, Vector] | None] = {}

    def state(self, time_s: float) -> tuple[Vector, Vector] | None:
        """Position and velocity, or None where the elements are of no use."""
        if time_s not in self._seen:
            now, then = self.where(time_s), self.where(time_s + _STEP_S)
            moved = None if now is None or then is None else (now, _scaled(_less(then, now), 1.0 / _STEP_S))
            self._seen[time_s] = moved
        return self._seen[time_s]

    def look(self, head: int, attitude: str, state: tuple[Vector, Vector], light: Vector) -> Vector:
        """Where a head looks, in TEME."""
        form = self.design.form.attitude
        if attitude == "nadir":
            body = _triad(form.nadir_axis, form.nadir_second_axis)
            space = _triad(_scaled(state[0], -1.0), state[1])
        else:
            body = _triad(form.sun_axis, form.sun_second_axis)
            space = _triad(light, _cross(*state))
        parts = [_dot(self.axes[head], axis) for axis in body]
        x, y, z = (sum(part * axis[i] for part, axis in zip(parts, space, strict=True)) for i in range(3))
        return x, y, z


def _standing(here: _Craft, there: _Craft, heads: tuple[int, int], time_s: float, light: Vector) -> Iterator[str]:
    """The attitudes in which the link stands at this moment."""
    mine, theirs = here.state(time_s), there.state(time_s)
    if mine is None or theirs is None:
        return
    line = _less(theirs[0], mine[0])
    distance_m = math.sqrt(_dot(line, line))
    towards = _scaled(line, 1.0 / distance_m) if distance_m else light
    along = -_dot(mine[0], towards)
    off2 = _dot(mine[0], mine[0]) - along * along
    if (0.0 < along < distance_m and off2 < LIMB_M * LIMB_M) or not _bright(here.design, distance_m):
        return
    for attitude in ATTITUDES:
        sides = ((here, heads[0], mine, towards), (there, heads[1], theirs, _scaled(towards, -1.0)))
        if all(_sees(craft, craft.look(head, attitude, state, light), to, light) for craft, head, state, to in sides):
            yield attitude


def _sees(craft: _Craft, axis: Vector, towards: Vector, light: Vector) -> bool:
    terminal = craft.design.form.isl
    if terminal is None:
        return False
    return _dot(axis, towards) >= math.cos(terminal.field) and _dot(towards, light) <= math.cos(terminal.sun_exclusion)


def _bright(design: Design, distance_m: float) -> bool:
    """Friis without pointing loss, as much as a hundredth of the power for the full rate."""
    terminal = design.form.isl
    if terminal is None:
        return False
    gain = (math.pi * terminal.aperture / terminal.wavelength) ** 2 * terminal.efficiency
    spread = (terminal.wavelength / (4.0 * math.pi * max(1.0, distance_m))) ** 2
    received_w: float = terminal.power * min(1.0, gain * gain * spread) * 10.0 ** (-terminal.loss / 10.0)
    return received_w >= FAINTEST * terminal.threshold


def _triad(first: Vector, second: Vector) -> tuple[Vector, Vector, Vector]:
    a = _scaled(first, 1.0 / math.sqrt(_dot(first, first)))
    b = _less(second, _scaled(a, _dot(second, a)))
    length = math.sqrt(_dot(b, b))
    b = _scaled(b, 1.0 / length) if length > 1e-9 else (0.0, 0.0, 1.0)
    return a, b, _cross(a, b)


def _dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def _less(a: Vector, b: Vector) -> Vector:
    return a[0] - b[0], a[1] - b[1], a[2] - b[2]


def _scaled(a: Vector, factor: float) -> Vector:
    return a[0] * factor, a[1] * factor, a[2] * factor
