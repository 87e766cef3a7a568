"""What changes, as it changes: a websocket that tells its client what it has subscribed to, as fast as it takes it.

Nothing is queued for a client. What it is told next is worked out when it is ready for more, from what is known then
and what it was told last: one that is slow gets fewer and newer messages, one that stopped costs nothing. Values and
rows are newest ones; events are all told while they are among the newest that are kept, and else a gap is told, with
the time from which the client can ask the archive for them.
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import Field, ValidationError

from bus.clock import Clock
from bus.errors import EnvironmentFault
from bus.web.access import SUBPROTOCOL
from bus.web.forms import Form, Id
from groundstation.api import forms
from groundstation.api.desk import Desk

TELL_EVERY_NS = 100_000_000
"""A client is told at most so often."""
TIME_EVERY_NS = 1_000_000_000
MOST_CLIENTS = 64


class Subscription(Form):
    """What a client wants to be told. spacecraft: whose values; the rest by kind."""

    fleet: bool = False
    spacecraft: Annotated[tuple[Id, ...], Field(max_length=64)] = ()
    events: bool = False
    alarms: bool = False
    telecommands: bool = False
    procedures: bool = False


def routes(desk: Desk, clock: Clock) -> APIRouter:
    """The websocket."""
    router = APIRouter()
    clients: set[Client] = set()

    @router.websocket("/live")
    async def live(socket: WebSocket) -> None:
        offered = socket.scope.get("subprotocols", [])
        await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
        if len(clients) >= MOST_CLIENTS:
            await socket.close(1013, f"{MOST_CLIENTS} consoles are connected; close one")
            return
        client = Client(socket, desk, clock)
        clients.add(client)
        try:
            await client.serve()
        finally:
            clients.discard(client)

    return router


class Client:
    """One client, from its first subscription to its end."""

    def __init__(self, socket: WebSocket, desk: Desk, clock: Clock) -> None:
        self._socket, self._desk, self._clock = socket, desk, clock
        self._wants = Subscription()
        self._told = -1
        self._timed_ns = -TIME_EVERY_NS
        self._moment: forms.Now | None = None

    async def serve(self) -> None:
        """Until it goes."""
        try:
            async with asyncio.TaskGroup() as group:
                telling = group.create_task(self._tell())
                group.create_task(self._hear(telling))
        except* (WebSocketDisconnect, RuntimeError, ConnectionError):
            pass  # it has gone: a send to it fails in one of these ways

    async def _hear(self, telling: asyncio.Task[None]) -> None:
        try:
            while True:
                text = await self._socket.receive_text()
                try:
                    wants = Subscription.model_validate_json(text)
                except ValidationError as error:
                    first = error.errors()[0]
                    place = ".".join(str(part) for part in first["loc"]) or "the message"
                    await self._socket.send_json({"kind": "mistake", "detail": f"{place}: {first['msg']}"})
                    continue
                self._wants, self._told, self._timed_ns = wants, -1, -TIME_EVERY_NS
        finally:
            telling.cancel()

    async def _tell(self) -> None:
        while True:
            for message in self._next():
                await self._socket.send_json(message)
            await self._clock.until(self._clock.now_ns() + TELL_EVERY_NS)

    def _next(self) -> list[dict[str, Any]]:
        """What it does not know yet."""
        messages: list[dict[str, Any]] = []
        moment, now_ns = self._desk.now(), self._clock.now_ns()
        if now_ns - self._timed_ns >= TIME_EVERY_NS or (self._moment and self._moment.ground != moment.ground):
            self._timed_ns, self._moment = now_ns, moment
            messages.append({"kind": "now", **moment.model_dump()})
        try:
            watch = self._desk.watch
        except EnvironmentFault:
            return messages
        since, self._told = self._told, watch.revision
        if since == watch.revision:
            return messages
        wants, mission_ns = self._wants, self._desk.now_ns()
        if wants.fleet:
            rows = watch.rows(since, mission_ns)
            if rows:
                messages.append({"kind": "fleet", "rows": [row.model_dump() for row in rows]})
        for id in wants.spacecraft:
            if id in watch.fleet:
                values = watch.values(id, since)
                if values:
                    told = {name: value.model_dump() for name, value in values.items()}
                    messages.append({"kind": "values", "spacecraft": id, "values": told})
        if wants.events and since >= 0:
            messages += self._events(since)
        if wants.alarms and watch.alarm_revision > since:
            messages.append({"kind": "alarms", "rows": [row.model_dump() for row in watch.alarms.values()]})
        for wanted, revision, kind in (
            (wants.telecommands, watch.telecommand_revision, "telecommands"),
            (wants.procedures, watch.procedure_revision, "procedures"),
        ):
            if wanted and revision > since:
                messages.append({"kind": kind})
        return messages

    def _events(self, since: int) -> list[dict[str, Any]]:
        kept = self._desk.watch.events
        rows = [row.model_dump() for revision, row in kept if revision > since]
        messages: list[dict[str, Any]] = []
        if kept and len(kept) == kept.maxlen and kept[0][0] > since + 1:
            messages.append({"kind": "gap", "of": "events", "until_s": kept[0][1].received_s})
        if rows:
            messages.append({"kind": "events", "rows": rows})
        return messages
