"""The link seam: an impairment in the radio's list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bus.wire.messages import Injection
from node.devices.impairments import PLACES, RECEIVERS, UPLINK_ONLY, Direction, Impairment
from node.devices.impairments import PRIMITIVES as LINK_PRIMITIVES
from node.injection.engine import SeamHandler
from node.injection.plant import _no_primitive


class LinkSeam(SeamHandler):
    """Impairments of the radio's two directions, and receivers that decode nothing."""

    def __init__(self, uplink: Direction[Any], downlink: Direction[Any], receivers: Sequence[list[str]]) -> None:
        self._directions: dict[str, Direction[Any]] = {"uplink": uplink, "downlink": downlink}
        self._receivers = dict(zip(RECEIVERS, receivers, strict=True))

    def refusal(self, injection: Injection) -> str:
        """Unknown direction or primitive."""
        if injection.place in self._receivers and injection.primitive != "blackout":
            return f"{injection.primitive} of {injection.place}; allowed: blackout"
        if injection.place not in PLACES:
            return f"no link '{injection.place}'; allowed: {', '.join(PLACES)}"
        if injection.primitive in UPLINK_ONLY and injection.place != "uplink":
            return f"{injection.primitive} of the {injection.place}; allowed: uplink"
        return _no_primitive(injection, LINK_PRIMITIVES)

    def start(self, injection: Injection, tick: int) -> bool:
        """Put the impairment into the list."""
        if injection.place in self._receivers:
            self._receivers[injection.place].append(injection.injection)
            return True
        impairments = self._directions[injection.place].impairments
        impairments.append(Impairment(injection.injection, injection.primitive, injection.parameters))
        return True

    def end(self, injection: Injection, tick: int) -> None:
        """Take it out; what it holds back still comes when it was to come."""
        if injection.place in self._receivers:
            self._receivers[injection.place].remove(injection.injection)
            return
        direction = self._directions[injection.place]
        direction.impairments = [i for i in direction.impairments if i.injection != injection.injection]

    def save(self) -> bytes:
        """Impairments remember nothing; what is held back is the radio's."""
        return b""

    def restore(self, data: bytes, active: Mapping[str, Injection]) -> None:
        """Put back what is active."""
        for direction in self._directions.values():
            direction.impairments = []
        for receiver in self._receivers.values():
            receiver.clear()
        for injection in active.values():
            self.start(injection, 0)
