"""What can be wrong with one direction of the link: loss, delay, duplicate, reorder, corrupt, blackout, and a
stranger who sends again what was heard (replay), or what was heard with other content (forge).

An impairment is in the radio's list only while its injection is active. Draws are functions of (seed, injection,
spacecraft, tick, position). No geometry is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Generic, TypeVar, cast

from bus.draws import stable_id, uniform
from bus.wire.messages import Body, Message, Scalar, Telecommand

T = TypeVar("T")

PRIMITIVES: dict[str, dict[str, float]] = {
    "loss": {"probability": 1.0},
    "corrupt": {"probability": 1.0},
    "duplicate": {"probability": 1.0},
    "reorder": {},
    "delay": {"ticks": 1},
    "blackout": {},
    "replay": {"probability": 1.0, "ticks": 60},
    "forge": {"probability": 1.0},
}
"""Each primitive's parameters with what they are when left out."""
UPLINK_ONLY = ("replay", "forge")
"""What somebody does who listens to the ground and has a transmitter."""
RECEIVERS = ("receiver_a", "receiver_b")
"""Each of them can die: that is a blackout, and all that can befall it alone."""
PLACES = ("uplink", "downlink", *RECEIVERS)
HELD_LIMIT = 4096
_FAR = 1_000_000


class Impairment:
    """One active link fault of one direction."""

    def __init__(self, injection: str, primitive: str, parameters: Mapping[str, Scalar]) -> None:
        self.injection = injection
        self.primitive = primitive
        given = {name: float(value) for name, value in parameters.items() if not isinstance(value, str)}
        values = {**PRIMITIVES[primitive], **given}
        self.probability = values.get("probability", 1.0)
        self.ticks = int(values.get("ticks", 0))
        self._stream = stable_id(f"link.{injection}")

    def copies(self, seed: int, spacecraft: int, tick: int, lane: int) -> list[int]:
        """What becomes of one message: for each copy that goes on, by how many ticks it is late."""
        if self.primitive == "blackout":
            return []
        if self.primitive == "delay":
            return [self.ticks]
        if self.primitive in ("reorder", "forge") or self._draw(seed, spacecraft, tick, lane) >= self.probability:
            return [0]
        if self.primitive == "replay":
            return [0, self.ticks]
        return [0, 0] if self.primitive == "duplicate" else []

    def forged(self, seed: int, spacecraft: int, tick: int, items: list[T]) -> list[T]:
        """What a stranger without the key makes of what passes."""
        draws = (self._draw(seed, spacecraft, tick, lane) for lane in range(len(items)))
        return [_forgery(item) for item, draw in zip(items, draws, strict=True) if draw < self.probability]

    def shuffled(self, seed: int, spacecraft: int, tick: int, items: list[T]) -> list[T]:
        """The messages of one tick in another order."""
        keys = [(self._draw(seed, spacecraft, tick, lane), lane) for lane in range(len(items))]
        return [items[lane] for _, lane in sorted(keys)]

    def _draw(self, seed: int, spacecraft: int, tick: int, lane: int) -> float:
        return uniform(seed, self._stream, spacecraft, tick, lane)


def _forgery(item: T) -> T:
    """The same message, but for a later request or more packets to release, with the code that was heard."""
    assert isinstance(item, Message), "only the uplink is forged"
    number = "request" if isinstance(item.body, Telecommand) else "below"
    body = item.body.model_copy(update={number: getattr(item.body, number) + _FAR})
    return cast("T", item._replace(body=body))


@dataclass(slots=True)
class Flow:
    """What one direction remembers: what is held back until which tick, and what was dropped why."""

    held: list[tuple[int, Message | Body]] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)


class Direction(Generic[T]):
    """Uplink or downlink: what impairs it, what is held back, what was dropped why."""

    def __init__(self, seed: int, spacecraft: int) -> None:
        self._seed = seed
        self._spacecraft = spacecraft
        self.impairments: list[Impairment] = []
        self.state = Flow()

    @property
    def held(self) -> list[tuple[int, T]]:
        """What is held back, and until which tick."""
        return cast("list[tuple[int, T]]", self.state.held)

    @property
    def dropped(self) -> dict[str, int]:
        """What goes no further, by reason."""
        return self.state.dropped

    @property
    def idle(self) -> bool:
        """Whether messages pass untouched."""
        return not self.impairments and not self.state.held

    def drop(self, why: str) -> None:
        """Count a message that goes no further."""
        self.dropped[why] = self.dropped.get(why, 0) + 1

    def hold(self, release_tick: int, item: T) -> None:
        """Keep a message back; when there is no room it is dropped and counted."""
        if len(self.held) >= HELD_LIMIT:
            self.drop("overflow")
        else:
            self.held.append((release_tick, item))

    def passed(self, tick: int, items: list[T]) -> list[T]:
        """What comes out in this tick: what was held for it, oldest first, then what passes of `items`."""
        if self.idle:
            return items
        out = [item for release_tick, item in self.held if release_tick <= tick]
        self.state.held = [entry for entry in self.state.held if entry[0] > tick]
        for lane, item in enumerate(items):
            for delay in self._fate(tick, lane):
                if delay:
                    self.hold(tick + delay, item)
                else:
                    out.append(item)
        for impairment in self.impairments:
            if impairment.primitive == "forge":
                out += impairment.forged(self._seed, self._spacecraft, tick, items)
            if impairment.primitive == "reorder":
                out = impairment.shuffled(self._seed, self._spacecraft, tick, out)
        return out

    def _fate(self, tick: int, lane: int) -> list[int]:
        delays = [0]
        for impairment in self.impairments:
            following: list[int] = []
            for copy, delay in enumerate(delays):
                copies = impairment.copies(self._seed, self._spacecraft, tick, (lane << 8) | copy)
                if not copies:
                    self.drop(impairment.primitive)
                following += [delay + more for more in copies]
            delays = following
        return delays
