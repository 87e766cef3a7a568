"""The API for Python: the forms that the server sends, checked when they come. Consoles and tests use nothing else.

async with Client("http://127.0.0.1:8600", token) as ground:
    rows = await ground.fleet()
    answer = await ground.command("star-1", "payload.power_cap", {"power_w": 300.0}, wait_s=60.0)
    async for message in ground.live(fleet=True, alarms=True):
        ...
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import websockets
from websockets.exceptions import WebSocketException

from bus.errors import RangeFailure
from bus.web.access import SUBPROTOCOL
from bus.web.asking import Asker, checked
from bus.web.forms import VERSION, Scalar
from groundstation.api import forms

MOST_MESSAGE_BYTES = 16 * 1024 * 1024
"""Of one message of the stream: the rows of ten thousand spacecraft."""


class Client(Asker):
    """See the module, and `Asker` for what every call raises."""

    where = "api"

    async def about(self) -> forms.About:
        """Who answers, as whom you ask, and the time."""
        about = await self._one(forms.About, "/about")
        self.same_version(about.api, VERSION)
        return about

    async def fleet(self) -> list[forms.FleetRow]:
        """The whole fleet at a glance, those in trouble first."""
        return await self._many(forms.FleetRow, "/spacecraft")

    async def values(self, spacecraft: str) -> dict[str, forms.Value]:
        """The newest value of everything it ever reported."""
        found = await self._get(f"/spacecraft/{spacecraft}/telemetry")
        return checked(dict[str, forms.Value], found)

    async def series(
        self, spacecraft: str, parameter: str, from_s: float | None = None, to_s: float | None = None, points: int = 600
    ) -> forms.Series:
        """A parameter over time."""
        span = {"from_s": from_s, "to_s": to_s, "points": points}
        return await self._one(forms.Series, f"/spacecraft/{spacecraft}/telemetry/{parameter}", **span)

    async def several(
        self, spacecraft: str, parameters: Sequence[str], from_s: float | None = None, to_s: float | None = None,
        points: int = 600,
    ) -> list[forms.Series]:  # fmt: skip
        """Several parameters over the same time; the archive is read once for all of them."""
        span = {"from_s": from_s, "to_s": to_s, "points": points}
        return await self._many(forms.Series, f"/spacecraft/{spacecraft}/series", parameter=list(parameters), **span)

    async def dictionary(self, spacecraft: str) -> dict[str, Any]:
        """Everything it says and understands, as `bus.dictionary.Dictionary` in JSON."""
        found: dict[str, Any] = await self._get(f"/spacecraft/{spacecraft}/dictionary")
        return found

    async def fdir(self, spacecraft: str) -> forms.Fdir:
        """Its FDIR table as it was last told."""
        return await self._one(forms.Fdir, f"/spacecraft/{spacecraft}/fdir")

    async def schedule(self, spacecraft: str) -> forms.Schedule:
        """Its schedule as it was last told."""
        return await self._one(forms.Schedule, f"/spacecraft/{spacecraft}/schedule")

    async def events(self, spacecraft: str = "", limit: int = 200) -> list[forms.EventRow]:
        """The newest events, the last received first."""
        return await self._many(forms.EventRow, "/events", spacecraft=spacecraft, limit=limit)

    async def alarms(self, spacecraft: str = "", *, over: bool = False) -> list[forms.Alarm]:
        """Alarms with their why."""
        return await self._many(forms.Alarm, "/alarms", spacecraft=spacecraft, over=over)

    async def telecommands(
        self, spacecraft: str = "", *, open_: bool = False, limit: int = 200
    ) -> list[forms.TelecommandRow]:
        """Telecommands, the newest first."""
        return await self._many(forms.TelecommandRow, "/telecommands", spacecraft=spacecraft, open=open_, limit=limit)

    async def telecommand(self, ground_boot: int, request: int) -> forms.Followed:
        """One telecommand with everything that happened to it."""
        return await self._one(forms.Followed, f"/telecommands/{ground_boot}/{request}")

    async def contacts(self, from_s: float | None = None, to_s: float | None = None) -> forms.Contacts:
        """Contacts ahead, and what the antennas really did."""
        return await self._one(forms.Contacts, "/contacts", from_s=from_s, to_s=to_s)

    async def map(self, at_s: float | None = None) -> forms.Map:
        """Where everybody is."""
        return await self._one(forms.Map, "/map", at_s=at_s)

    async def levels(self) -> dict[str, dict[str, Any]]:
        """Service levels of each spacecraft."""
        found: dict[str, dict[str, Any]] = await self._get("/service-levels")
        return found

    async def procedures(self, spacecraft: str = "") -> list[forms.ProcedureForm]:
        """Procedures that can be started."""
        return await self._many(forms.ProcedureForm, "/procedures", spacecraft=spacecraft)

    async def procedure_runs(self) -> list[forms.ProcedureRun]:
        """Procedures that were started, the newest first."""
        return await self._many(forms.ProcedureRun, "/procedure-runs")

    async def check(self, order: forms.Order) -> forms.Checked:
        """What would be asked for; nothing is sent."""
        return await self._post(forms.Checked, "/telecommands/check", order)

    async def order(self, order: forms.Order, wait_s: float = 0.0) -> forms.Answer:
        """Ask for telecommands."""
        return await self._post(forms.Answer, "/telecommands", order, wait_s=wait_s)

    async def command(
        self, to: str, telecommand: str, arguments: Mapping[str, Scalar] | None = None, *,
        confirmed: bool = False, wait_s: float = 0.0,
    ) -> forms.Answer:  # fmt: skip
        """Ask for one telecommand."""
        step = forms.Step(to=to, telecommand=telecommand, arguments=dict(arguments or {}))
        return await self.order(forms.Order(steps=[step], confirmed=confirmed), wait_s)

    async def acknowledge(self, alarm: int) -> forms.Answer:
        """Say that an alarm was seen."""
        return await self._post(forms.Answer, f"/alarms/{alarm}/acknowledge", None)

    async def shelve(self, alarm: int, for_s: float) -> forms.Answer:
        """Put an alarm aside for a time."""
        return await self._post(forms.Answer, f"/alarms/{alarm}/shelve", forms.Shelf(for_s=for_s))

    async def start(
        self,
        procedure: str,
        spacecraft: list[str],
        arguments: Mapping[str, Scalar] | None = None,
        wait_s: float = 0.0,
    ) -> forms.Answer:
        """Start a procedure."""
        order = forms.ProcedureOrder(name=procedure, spacecraft=spacecraft, arguments=dict(arguments or {}))
        return await self._post(forms.Answer, "/procedure-runs", order, wait_s=wait_s)

    async def answer(self, run: int, word: str) -> forms.Answer:
        """Answer a procedure that asks."""
        return await self._post(forms.Answer, f"/procedure-runs/{run}/answer", forms.Word(answer=word))

    async def abort(self, run: int) -> forms.Answer:
        """End a procedure."""
        return await self._post(forms.Answer, f"/procedure-runs/{run}/abort", None)

    async def live(self, **wants: Any) -> AsyncGenerator[dict[str, Any], None]:
        """Messages of the stream, as `stream.Subscription` asks for them, until the connection ends (RangeFailure)."""
        url = f"ws{self.url.removeprefix('http')}/api/v1/live"
        headers = {"authorization": f"Bearer {self._token}"}
        try:
            async with websockets.connect(
                url, additional_headers=headers, subprotocols=[websockets.Subprotocol(SUBPROTOCOL)],
                max_size=MOST_MESSAGE_BYTES, proxy=None,
            ) as socket:  # fmt: skip
                await socket.send(json.dumps(wants))
                async for text in socket:
                    yield json.loads(text)
        except (WebSocketException, OSError) as error:
            raise RangeFailure(f"the stream of {self.url} has ended: {error}", hint="connect again") from error
        raise RangeFailure(f"the stream of {self.url} has ended", hint="connect again")
