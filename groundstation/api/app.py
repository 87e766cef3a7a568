"""The application: what is asked under which path, and how mistakes are told. `docs/how-to/api.md` shows its use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI

from bus.clock import Clock
from bus.web.forms import VERSION
from bus.web.serving import PREFIX, tell_errors
from groundstation.api import stream
from groundstation.api.commanding import command_routes
from groundstation.api.desk import Desk
from groundstation.api.looking import looking_routes

LOOK_EVERY_NS = 100_000_000
"""How often the archive is looked at [A]: a tenth of the shortest tick that people watch."""


def make_app(desk: Desk, clock: Clock, refused: Callable[[], Mapping[str, int]]) -> FastAPI:
    """The API of one run. `refused`: what the door has turned away."""

    async def look() -> None:
        while True:
            await desk.look()
            await clock.until(clock.now_ns() + LOOK_EVERY_NS)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await desk.look()  # who asks first is not told to ask again in a moment
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(look())]
            if desk.link is not None:
                tasks.append(group.create_task(desk.link.serve()))
            yield
            for task in tasks:
                task.cancel()

    app = FastAPI(
        title="Skyrack ground", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url=f"{PREFIX}/openapi.json",
        description="What the ground knows of a fleet, live and afterwards, and what operators may ask of it.",
    )  # fmt: skip

    tell_errors(app)
    app.include_router(looking_routes(desk, refused), prefix=PREFIX)
    app.include_router(command_routes(desk, clock), prefix=PREFIX)
    app.include_router(stream.routes(desk, clock), prefix=PREFIX)
    return app
