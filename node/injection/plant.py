"""The plant seam: a field of truth is set, scaled or added to while a fault lasts; or it is changed once and left to
the physics (put, count), or radiation's events are planted in the next tick (strike)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from bus.snapshot.pack import pack, unpack
from bus.wire.messages import Injection, Scalar
from node.injection.engine import SeamHandler, unknown_parameter
from node.truth import PlantLike, place

_SAVED = dict[str, tuple[list[float], list[str]]]


ONCE = ("put", "count", "strike")
"""What is over at once."""
EVENTS = ("corrected_upsets", "uncorrected_upsets", "silent_errors", "interrupts", "latchups", "upset_bits")
"""What radiation does in a tick, and so may be planted."""
MOST_STRUCK = 1000
"""Events planted at one time; the fields of a fleet hold 16 bits."""


def struck_in_vain(place: str, primitive: str, parameters: Mapping[str, Scalar]) -> str:
    """Why this strike cannot be, or nothing."""
    if primitive != "strike":
        return ""
    if place.partition("[")[0] not in EVENTS:
        return f"a strike on {place}; allowed: {', '.join(EVENTS)}"
    value = parameters.get("value")
    if isinstance(value, str) or value is None or not 1 <= value <= MOST_STRUCK:
        return f"parameter 'value' must be from 1 to {MOST_STRUCK}"
    return ""


def _no_primitive(injection: Injection, known: Mapping[str, Mapping[str, object]]) -> str:
    if injection.primitive not in known:
        return f"unknown primitive '{injection.primitive}'; allowed: {', '.join(known)}"
    return unknown_parameter(known[injection.primitive], injection.parameters)


class PlantSeam(SeamHandler):
    """Fields of truth. Several faults on one field act in order of onset; the last to go leaves the first value."""

    PRIMITIVES: Mapping[str, Mapping[str, object]] = {
        "set": {"value": 0}, "scale": {"value": 0}, "add": {"value": 0},
        "put": {"value": 0}, "count": {"value": 0}, "strike": {"value": 0},
    }  # fmt: skip

    class _Place(NamedTuple):
        field: NDArray[Any]
        before: list[float]  # one value; a list because several faults share it
        faults: dict[str, tuple[str, float]]

    def __init__(self, plant: PlantLike) -> None:
        self._plant = plant
        self._places: dict[str, PlantSeam._Place] = {}

    def refusal(self, injection: Injection) -> str:
        """Unknown primitive or field."""
        reason = _no_primitive(injection, self.PRIMITIVES)
        if reason:
            return reason
        if "value" not in injection.parameters:
            return "parameter 'value' is missing"
        try:
            place(self._plant, injection.place)
        except (KeyError, IndexError, TypeError) as error:
            return f"no such place in the plant: {error.args[0] if error.args else injection.place}"
        return struck_in_vain(injection.place, injection.primitive, injection.parameters)

    def start(self, injection: Injection, tick: int) -> bool:
        """Change the field."""
        if injection.primitive in ONCE:
            self._once(injection.place, injection.primitive, float(injection.parameters["value"]))
            return False
        spot = self._places.get(injection.place)
        if spot is None:
            field = place(self._plant, injection.place)
            spot = self._places[injection.place] = self._Place(field, [field[0].item()], {})
        spot.faults[injection.injection] = (injection.primitive, float(injection.parameters["value"]))
        self._act(spot)
        return True

    def change(self, injection: Injection, tick: int) -> None:
        """In its place among the faults on the field."""
        spot = self._places[injection.place]
        spot.faults[injection.injection] = (injection.primitive, float(injection.parameters["value"]))
        self._act(spot)

    def hold(self, tick: int) -> None:
        """What is set stays set, whatever the physics makes of it."""
        for spot in self._places.values():
            primitive, value = next(reversed(spot.faults.values()))
            if primitive == "set":
                spot.field[0] = value

    def end(self, injection: Injection, tick: int) -> None:
        """Take one fault away; with the last one the field is what it was."""
        spot = self._places[injection.place]
        del spot.faults[injection.injection]
        self._act(spot)
        if not spot.faults:
            del self._places[injection.place]

    def _once(self, name: str, primitive: str, value: float) -> None:
        """Change what physics goes on with; a fault that lasts stays over it."""
        spot = self._places.get(name)
        field = place(self._plant, name)
        before = field[0].item() if spot is None else spot.before[0]
        if primitive == "strike":
            after = min(before, 0) - round(value)
        else:
            after = value if primitive == "put" else before + value
        if spot is None:
            field[0] = after
        else:
            spot.before[0] = after
            self._act(spot)

    @staticmethod
    def _act(spot: PlantSeam._Place) -> None:
        result = spot.before[0]
        for primitive, value in spot.faults.values():
            result = value if primitive == "set" else result * value if primitive == "scale" else result + value
        spot.field[0] = result

    def save(self) -> bytes:
        """What the fields were before, and which faults act on them in which order."""
        return pack({name: (spot.before, list(spot.faults)) for name, spot in self._places.items()}, _SAVED)

    def restore(self, data: bytes, active: Mapping[str, Injection]) -> None:
        """The plant has been restored with the faults in it; only what was before has to be known again."""
        self._places.clear()
        for name, (before, order) in unpack(_SAVED, data).items():
            faults = {i: (active[i].primitive, float(active[i].parameters["value"])) for i in order}
            self._places[name] = self._Place(place(self._plant, name), before, faults)
