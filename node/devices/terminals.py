"""The optical terminals as a device that carries frames to peers: one hop, on the link that stands, at its rate.

Whether a link stands, how far and how fast is the plant's to say, on either side of it by itself. A frame waits here
until its bytes have crossed; what cannot be carried is refused or lost, and counted. What a frame means is not known
here. Frames are not authenticated: see `docs/models/link.md`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from bus.wire.crosslink import IslFrame
from bus.wire.messages import Message
from node.devices import simulated
from node.devices.device import DeviceForm
from node.devices.simulated import KnowingDevice
from node.truth import PlantLike, Values, place

QUEUE_LIMIT = 64
"""Frames that wait at one head, and frames on their way from all of them [A]; what is more is refused."""
HEARD_LIMIT = 64
"""Frames that all heads take in one tick [A]; the rest is lost and counted."""
LOCKED = 4
"""The state of a terminal in which it carries data (`definitions.ISL_STATES`)."""


@dataclass(slots=True)
class State(simulated.State):
    """`waiting`: head and frame, oldest first. `crossed_bytes`: of the first of each head, by head. `flying`: until
    which tick, and frames on their way for longer than a tick. `refused`, `lost`: by reason. "broken_off" is the
    sender's loss, the link broke before the last byte had gone; all others are the receiver's, after it was sent."""

    waiting: list[tuple[int, IslFrame]] = dataclasses.field(default_factory=list)
    crossed_bytes: dict[int, float] = dataclasses.field(default_factory=dict)
    flying: list[tuple[int, int, IslFrame]] = dataclasses.field(default_factory=list)
    sent: int = 0
    received: int = 0
    sent_bytes: int = 0
    lost: dict[str, int] = dataclasses.field(default_factory=dict)
    refused: dict[str, int] = dataclasses.field(default_factory=dict)


class Terminals(KnowingDevice):
    """All heads. `peers`: who is at the other end of each; a head without one carries nothing."""

    state: State

    def __init__(  # noqa: PLR0917
        self, form: DeviceForm, measured: Values, inputs: dict[str, NDArray[Any]], tick_s: float, plant: PlantLike,
        peers: Sequence[str],
    ) -> None:  # fmt: skip
        super().__init__(form, measured, inputs, tick_s)
        heads = range(min(len(peers), inputs["head"].size))
        self._peers = tuple(peers[: len(heads)])
        self._heads = {peer: head for head, peer in enumerate(self._peers)}
        self._state = [place(plant, f"isl_state[{i}]") for i in heads]
        self._rate_bps = [place(plant, f"isl_rate_bps[{i}]") for i in heads]
        self._light_time_s = [place(plant, f"isl_light_time_s[{i}]") for i in heads]
        self._tick_s = tick_s
        self.state = State(self.state.held)

    @property
    def busy(self) -> bool:
        """Something waits or is on its way."""
        return bool(self.state.waiting or self.state.flying)

    def receive(self, inbox: Sequence[Message]) -> list[Message]:
        """Frames that arrive in this tick: those that come from a peer whose link stands at this end as well."""
        heard: list[Message] = []
        for message in inbox:
            head = self._heads.get(message.source)
            if head is None:
                self._count(self.state.lost, "not_a_peer")
            elif self._state[head][0] != LOCKED:
                self._count(self.state.lost, "no_link")
            elif len(heard) >= HEARD_LIMIT:
                self._count(self.state.lost, "overflow")
            else:
                heard.append(message)
        self.state.received += len(heard)
        return heard

    def unheard(self, heard: Sequence[Message]) -> None:
        """Nobody was there to take what arrived: the computer is down."""
        self.state.received -= len(heard)
        for _ in heard:
            self._count(self.state.lost, "computer_down")

    def take(self, frames: Sequence[tuple[int, IslFrame]]) -> None:
        """Frames that flight software gives to heads. One without a link that stands refuses them."""
        for head, frame in frames:
            if not 0 <= head < len(self._peers):
                self._count(self.state.refused, "not_a_peer")
            elif self._state[head][0] != LOCKED:
                self._count(self.state.refused, "no_link")
            elif sum(other == head for other, _ in self.state.waiting) >= QUEUE_LIMIT:
                self._count(self.state.refused, "overflow")
            else:
                self.state.waiting.append((head, frame))

    def send(self, tick: int) -> list[tuple[str, IslFrame]]:
        """Peers and frames that leave with this tick: their last byte has gone, and light takes no further tick."""
        state = self.state
        arriving = [(head, frame) for until, head, frame in state.flying if until <= tick]
        state.flying = [entry for entry in state.flying if entry[0] > tick]
        room = [float(rate[0]) * self._tick_s / 8.0 for rate in self._rate_bps]
        waiting: list[tuple[int, IslFrame]] = []
        full: set[int] = set()  # heads whose first frame is still crossing; membership only
        for head, frame in state.waiting:
            if self._state[head][0] != LOCKED:
                state.crossed_bytes.pop(head, None)
                self._count(state.lost, "broken_off")
                continue
            left = frame.size_bytes - (0.0 if head in full else state.crossed_bytes.get(head, 0.0))
            late = int(float(self._light_time_s[head][0]) / self._tick_s)
            if head in full or left > room[head] or (late and len(state.flying) >= QUEUE_LIMIT):
                if head not in full:
                    full.add(head)
                    state.crossed_bytes[head] = frame.size_bytes - left + min(left, room[head])
                waiting.append((head, frame))
                continue
            state.crossed_bytes.pop(head, None)
            room[head] -= left
            state.sent += 1
            state.sent_bytes += frame.size_bytes
            if late:
                state.flying.append((tick + late, head, frame))
            else:
                arriving.append((head, frame))
        state.waiting = waiting
        return [(self._peers[head], frame) for head, frame in arriving]

    def tell(self, own: Values) -> None:
        """Frames so far: sent, received, lost, refused, waiting; and bytes sent."""
        state = self.state
        own[0], own[1], own[2] = state.sent, state.received, sum(state.lost.values())
        own[3], own[4], own[5] = sum(state.refused.values()), len(state.waiting) + len(state.flying), state.sent_bytes

    def counters(self) -> dict[str, float]:
        """For the final account; nothing where nobody is a peer."""
        state = self.state
        if not self._peers:
            return {}
        counters: dict[str, float] = {"isl.sent": state.sent, "isl.received": state.received}
        counters["isl.bytes"] = state.sent_bytes
        counters["isl.waiting"], counters["isl.flying"] = len(state.waiting), len(state.flying)
        for name, reasons in (("lost", state.lost), ("refused", state.refused)):
            counters.update({f"isl.{name}.{why}": n for why, n in sorted(reasons.items())})
        return counters

    @staticmethod
    def _count(reasons: dict[str, int], why: str) -> None:
        reasons[why] = reasons.get(why, 0) + 1
