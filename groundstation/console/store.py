"""What the console knows, kept up to date from the API's stream; it reconnects by itself and fills in what it missed.

Screens read it when they draw. Times go on by the machine's clock between messages: a countdown needs no packet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from bus.clock import Clock
from bus.errors import HandshakeRefused, SkyrackError
from bus.web import range_forms
from bus.web.range_client import RangeClient
from groundstation.api import forms
from groundstation.api.client import Client
from groundstation.api.order import by_trouble

MOST_EVENTS = 2_000
AGAIN_NS = 1_000_000_000
"""Between two attempts to connect."""
QUIET_NS = 3_500_000_000
"""The stream tells the time each second; without it for so long the line is dead."""


@dataclass
class Store:
    """See the module. `changed` is called after every message; `revision` counts them. `looked`: whether all values of
    the spacecraft that is looked at have come. `range`: where its token was given, with how the run's clock stood a
    moment ago."""

    client: Client
    clock: Clock
    changed: Callable[[], None] = lambda: None
    about: forms.About | None = None
    moment: forms.Now | None = None
    rows: dict[str, forms.FleetRow] = field(default_factory=dict)
    alarms: list[forms.Alarm] = field(default_factory=list)
    events: deque[forms.EventRow] = field(default_factory=lambda: deque(maxlen=MOST_EVENTS))
    values: dict[str, forms.Value] = field(default_factory=dict)
    looking_at: str = ""
    looked: bool = False
    connected: bool = False
    trouble: str = "connecting"
    range: RangeClient | None = None
    clock_state: range_forms.Clock | None = None
    range_trouble: str = ""
    revision: int = 0
    telecommands_revision: int = 0
    procedures_revision: int = 0
    _heard_ns: int = 0
    _missed: bool = True

    def mission_s(self) -> float | None:
        """The time now, counted on from when it was told; None while nobody knows it."""
        moment = self.moment
        if moment is None or moment.mission_s is None:
            return None
        since_ns = min(self.clock.now_ns() - self._heard_ns, QUIET_NS)
        rate = 0.0 if self.held else moment.rate or 0.0
        return moment.mission_s + since_ns / 1e9 * rate

    @property
    def held(self) -> bool:
        """Whether the range says that the run is paused."""
        return self.clock_state is not None and self.clock_state.paused is True

    def ground(self) -> str:
        """Whether the ground answers, in a word; a dead line is told as such, whatever was last heard."""
        if not self.connected or self.clock.now_ns() - self._heard_ns > QUIET_NS:
            return "no connection"
        return self.moment.ground if self.moment else "connecting"

    def fleet(self) -> list[forms.FleetRow]:
        """Those in trouble first."""
        return by_trouble(list(self.rows.values()))

    def counts(self) -> dict[str | None, int]:
        """Spacecraft by level."""
        found: dict[str | None, int] = {"critical": 0, "warning": 0, None: 0, "normal": 0}
        for row in self.rows.values():
            found[row.level] += 1
        return found

    def subscription(self) -> dict[str, Any]:
        """What it wants to be told."""
        return {
            "fleet": True, "events": True, "alarms": True, "telecommands": True, "procedures": True,
            "spacecraft": [self.looking_at] if self.looking_at else [],
        }  # fmt: skip

    async def look_at(self, spacecraft: str) -> None:
        """Values of this one from now on; none where it is empty. Raises what the client raises."""
        self.looking_at, self.values, self.looked = spacecraft, {}, False
        if spacecraft:
            self.values = await self.client.values(spacecraft) | self.values
            self.looked = True
            self._told()

    async def follow(self) -> None:
        """Until cancelled. Raises HandshakeRefused where it will never be let in."""
        while True:
            try:
                self.about = await self.client.about()
                await self._back_fill()
                wants = self.subscription()
                async with aclosing(self.client.live(**wants)) as stream:
                    async for message in stream:
                        self._take(message)
                        if wants != self.subscription():
                            break
            except HandshakeRefused:
                raise
            except SkyrackError as error:
                self.connected, self.trouble = False, error.message
                self._told()
                await self.clock.until(self.clock.now_ns() + AGAIN_NS)

    async def follow_range(self) -> None:
        """How the run's clock stands, again and again, until cancelled. Raises HandshakeRefused for a wrong token."""
        assert self.range is not None
        while True:
            try:
                self.clock_state, self.range_trouble = await self.range.clock(), ""
            except HandshakeRefused:
                raise
            except SkyrackError as error:
                self.clock_state, self.range_trouble = None, error.message
            await self.clock.until(self.clock.now_ns() + AGAIN_NS)

    async def _back_fill(self) -> None:
        """What happened while nobody listened."""
        held = {(row.spacecraft, row.name, row.on_board_s, row.received_s) for row in self.events}
        for row in reversed(await self.client.events(limit=1_000)):
            if (row.spacecraft, row.name, row.on_board_s, row.received_s) not in held:
                self.events.append(row)
        if self.looking_at:
            self.values = await self.client.values(self.looking_at)
        self.telecommands_revision += 1
        self.procedures_revision += 1

    def _take(self, message: dict[str, Any]) -> None:
        kind = message["kind"]
        self.connected, self.trouble = True, ""
        if kind == "now":
            self.moment = forms.Now.model_validate({key: value for key, value in message.items() if key != "kind"})
            self._heard_ns = self.clock.now_ns()
        elif kind == "fleet":
            self.rows |= {row["id"]: forms.FleetRow.model_construct(**_row(row)) for row in message["rows"]}
        elif kind == "values" and message["spacecraft"] == self.looking_at:
            self.values |= {name: forms.Value.model_construct(**each) for name, each in message["values"].items()}
        elif kind == "events":
            self.events.extend(forms.EventRow.model_construct(**row) for row in message["rows"])
        elif kind == "alarms":
            self.alarms = [forms.Alarm.model_construct(**row) for row in message["rows"]]
        elif kind == "telecommands":
            self.telecommands_revision += 1
        elif kind == "procedures":
            self.procedures_revision += 1
        self._told()

    def _told(self) -> None:
        self.revision += 1
        self.changed()


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A fleet row of the stream with its parts as forms. A thousand of them come each second, out of our own server
    whose version was compared, so they are not checked one by one."""
    contact, last = row["contact"], row["last_event"]
    return {
        **row,
        "accelerators": forms.Accelerators.model_construct(**row["accelerators"]),
        "contact": None if contact is None else forms.NextContact.model_construct(**contact),
        "last_event": None if last is None else forms.Last.model_construct(**last),
    }
