"""The range over HTTP: which path asks what of the clock and of the faults. `docs/how-to/api.md` shows its use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Query, Request
from fastapi import Path as InPath

from bus.clock import Clock, MachineClock
from bus.web import range_forms as forms
from bus.web import serving
from bus.web.access import Role
from bus.web.forms import VERSION
from bus.wire.messages import Seam
from bus.wire.pace import ClockOrder
from faults.live.range_desk import Facts, RangeDesk
from faults.live.range_link import RangeLink

MOST_WAIT_S = 300.0
Wait = Annotated[float, Query(ge=0.0, le=MOST_WAIT_S, description="seconds of real time to wait for the targets' word")]
InjectionId = Annotated[str, InPath(min_length=1, max_length=64)]


def make_range_app(desk: RangeDesk, refused: Callable[[], Mapping[str, int]]) -> FastAPI:
    """The API of one run's range. `refused`: what the door has turned away."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            tasks = [] if desk.link is None else [group.create_task(desk.link.serve())]
            yield
            for task in tasks:
                task.cancel()

    app = FastAPI(
        title="Skyrack range", version=VERSION, lifespan=lifespan, docs_url=None, redoc_url=None,
        openapi_url=f"{serving.PREFIX}/openapi.json",
        description="A run's clock in hand, and its faults: what the ground must not know of.",
    )  # fmt: skip
    serving.tell_errors(app)
    _clock_routes(app, desk)
    _fault_routes(app, desk)

    @app.get(f"{serving.PREFIX}/about")
    def about(request: Request) -> forms.About:
        """Who answers, and who flies."""
        scenario = desk.scenario
        return forms.About(
            api=VERSION, version=desk.facts.version, run=desk.facts.name, role=request.state.role,
            epoch_utc=scenario.epoch_utc, tick_s=scenario.tick_ns / 1e9,
            spacecraft=[forms.Craft(id=one.id, design=one.design) for one in scenario.spacecraft],
            refused=dict(refused()),
        )  # fmt: skip

    return app


def _clock_routes(app: FastAPI, desk: RangeDesk) -> None:
    @app.get(f"{serving.PREFIX}/clock")
    async def clock() -> forms.Clock:
        """How the clock stands."""
        return desk.clock()

    @app.post(f"{serving.PREFIX}/clock/pause")
    async def pause() -> forms.Clock:
        """No further tick begins."""
        return await desk.hold(ClockOrder(verb="pause"))

    @app.post(f"{serving.PREFIX}/clock/resume")
    async def resume() -> forms.Clock:
        """Go on; the pause is no backlog."""
        return await desk.hold(ClockOrder(verb="resume"))

    @app.post(f"{serving.PREFIX}/clock/step")
    async def step(steps: forms.Steps) -> forms.Clock:
        """So many ticks, then pause."""
        return await desk.hold(ClockOrder(verb="step", steps=steps.ticks))

    @app.post(f"{serving.PREFIX}/clock/speed")
    async def speed(speed: forms.Speed) -> forms.Clock:
        """Another speed, or as fast as everybody answers."""
        verb = "free" if speed.speed is None else "speed"
        return await desk.hold(ClockOrder(verb=verb, speed=speed.speed or 1.0))


def _fault_routes(app: FastAPI, desk: RangeDesk) -> None:
    @app.get(f"{serving.PREFIX}/faults")
    def catalogue(target: Annotated[str, Query(max_length=32)] = "") -> list[forms.Fault]:
        """Every fault that there is; with a target, the parts that it has for each parameter."""
        return desk.catalogue(target)

    @app.post(f"{serving.PREFIX}/injections/check")
    def check(order: forms.FaultOrder) -> forms.Checked:
        """What would be injected: names and parameters checked, defaults filled in; nothing happens."""
        resolved = desk.resolved(order)
        primitives = [
            forms.Primitive(
                seam=Seam(one.seam).name.lower(), place=one.place, primitive=one.primitive,
                parameters=dict(one.parameters),
            )
            for one in resolved.injections
        ]  # fmt: skip
        return forms.Checked(target=resolved.target, fault=resolved.fault, primitives=primitives)

    @app.post(f"{serving.PREFIX}/injections")
    async def inject(order: forms.FaultOrder, wait_s: Wait = 0.0) -> forms.Injected:
        """Break something."""
        return await desk.inject(order, wait_s)

    @app.get(f"{serving.PREFIX}/injections")
    async def injections(*, active: bool = False) -> list[forms.Injection]:
        """What was injected, in its order, then what the scenario plans; `active`: only what acts."""
        return [one for one in await desk.injections() if not active or one.state == "active"]

    @app.post(f"{serving.PREFIX}/injections/clear")
    async def clear_all(wait_s: Wait = 0.0) -> forms.Injected:
        """End all that act."""
        return await desk.clear("", wait_s)

    @app.post(f"{serving.PREFIX}/injections/{{injection}}/clear")
    async def clear(injection: InjectionId, wait_s: Wait = 0.0) -> forms.Injected:
        """End one: an injection, or all of a fault's."""
        return await desk.clear(injection, wait_s)


def serve_range(
    facts: Facts,
    link: Callable[[Clock], RangeLink | None],
    address: serving.Address,
    directory: Path,
    ready: Callable[[str, dict[str, str]], None],
) -> None:
    """Until it is stopped. `directory`: where the token is written; `ready` hears the address and the token."""
    clock = MachineClock()
    desk = RangeDesk(facts, link(clock))
    doors = serving.Doors(directory, (Role.RANGE,))
    serving.serve(lambda refused: make_range_app(desk, refused), address, doors, clock, ready)
