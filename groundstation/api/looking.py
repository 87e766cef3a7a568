"""What is read: fleet, telemetry, events, alarms, contacts, map, dictionaries, service levels, the archive itself."""

from __future__ import annotations

import asyncio
import math
import sqlite3
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from bus.dictionary import Dictionary
from bus.errors import UserError
from bus.web.forms import VERSION
from groundstation.api import forms
from groundstation.api.desk import Desk
from groundstation.api.onboard import fdir, schedule
from groundstation.api.order import by_trouble, waiting_first
from groundstation.api.watch import alarm_form, event_form
from groundstation.archive.levels import all_levels
from groundstation.archive.values import Question, buckets, check_parameters, may_be_retired

SpacecraftId = Annotated[str, InPath(max_length=32, examples=["star-1"])]
Points = Annotated[int, Query(ge=1, le=5_000, description="how many stretches at most")]
Limit = Annotated[int, Query(ge=1, le=5_000)]
MissionTime = Annotated[float | None, Query(ge=-1e9, le=1e9, description="mission time in s")]
MOST_TOGETHER = 64
"""Parameters in one question."""


def looking_routes(desk: Desk, refused: Callable[[], Mapping[str, int]]) -> APIRouter:
    """Routes that change nothing."""
    router = APIRouter()

    @router.get("/about")
    async def about(request: Request) -> forms.About:
        """Who answers, as whom you ask, and the time."""
        return forms.About(
            api=VERSION, version=desk.facts.version, run=desk.facts.name, role=request.state.role,
            epoch_utc=desk.scenario.epoch_utc, tick_s=desk.scenario.tick_ns / 1e9,
            spacecraft=len(desk.scenario.spacecraft), now=desk.now(), refused=dict(refused()),
        )  # fmt: skip

    @router.get("/spacecraft")
    async def fleet() -> list[forms.FleetRow]:
        """The whole fleet at a glance, those in trouble first."""
        watch, now_ns = desk.watch, desk.now_ns()
        return by_trouble(watch.rows(-1, now_ns))

    @router.get("/spacecraft/{spacecraft}")
    async def one(spacecraft: SpacecraftId) -> forms.FleetRow:
        """One spacecraft at a glance."""
        desk.known(spacecraft)
        return desk.watch.row(spacecraft, desk.now_ns())

    @router.get("/spacecraft/{spacecraft}/telemetry")
    async def telemetry(spacecraft: SpacecraftId) -> dict[str, forms.Value]:
        """The newest value of everything it ever reported."""
        return await desk.values(spacecraft)

    @router.get("/spacecraft/{spacecraft}/telemetry/{parameter}")
    async def series(
        spacecraft: SpacecraftId,
        parameter: Annotated[str, InPath(max_length=64, examples=["battery_soc"])],
        from_s: MissionTime = None,
        to_s: MissionTime = None,
        points: Points = 600,
    ) -> forms.Series:
        """A parameter over time: least, greatest and last value of each of so many stretches."""
        return (await _series(desk, spacecraft, (parameter,), (from_s, to_s), points))[0]

    @router.get("/spacecraft/{spacecraft}/series")
    async def several(
        spacecraft: SpacecraftId,
        parameter: Annotated[list[str], Query(min_length=1, max_length=MOST_TOGETHER, examples=[["battery_soc"]])],
        from_s: MissionTime = None,
        to_s: MissionTime = None,
        points: Points = 600,
    ) -> list[forms.Series]:
        """Several parameters over the same time, the archive read once for all of them."""
        return await _series(desk, spacecraft, tuple(dict.fromkeys(parameter)), (from_s, to_s), points)

    @router.get("/spacecraft/{spacecraft}/fdir")
    async def table(spacecraft: SpacecraftId) -> forms.Fdir:
        """The FDIR table as it was last told: what is armed, masked, fired, and what was done."""
        dictionary = desk.known(spacecraft).dictionary
        return await asyncio.to_thread(fdir, desk.feed, spacecraft, dictionary, desk.feed.dating(spacecraft))

    @router.get("/spacecraft/{spacecraft}/schedule")
    async def waiting(spacecraft: SpacecraftId) -> forms.Schedule:
        """The schedule on board as it was last told."""
        dictionary = desk.known(spacecraft).dictionary
        return await asyncio.to_thread(schedule, desk.feed, spacecraft, dictionary, desk.feed.dating(spacecraft))

    @router.get("/spacecraft/{spacecraft}/dictionary")
    async def dictionary(spacecraft: SpacecraftId) -> Dictionary:
        """Everything it says and understands."""
        return desk.known(spacecraft).dictionary

    @router.get("/events")
    async def events(spacecraft: Annotated[str, Query(max_length=32)] = "", limit: Limit = 200) -> list[forms.EventRow]:
        """The newest events, the last received first."""
        if spacecraft:
            desk.known(spacecraft)
        rows = await asyncio.to_thread(desk.feed.newest_events, spacecraft, limit)
        return [event_form(row) for row in rows]

    @router.get("/alarms")
    async def alarms(spacecraft: Annotated[str, Query(max_length=32)] = "", *, over: bool = False) -> list[forms.Alarm]:
        """Alarms with their why, those that wait for somebody first; `over`: those that are over too."""
        if over:
            rows = [alarm_form(row) for row in await asyncio.to_thread(desk.feed.alarms)]
        else:
            rows = list(desk.watch.alarms.values())
        rows = [row for row in rows if not spacecraft or row.spacecraft == spacecraft]
        return waiting_first(rows)

    @router.get("/contacts")
    async def contacts(from_s: MissionTime = None, to_s: MissionTime = None) -> forms.Contacts:
        """Contacts ahead (by default the next day), and what the antennas really did."""
        now_s = (desk.now_ns() or max(0, desk.watch.until_ns)) / 1e9
        start_s, end_s = from_s if from_s is not None else now_s, to_s if to_s is not None else now_s + 86_400.0
        found = await asyncio.to_thread(desk.feed.contacts_between, round(start_s * 1e9), round(end_s * 1e9))
        turned = await asyncio.to_thread(desk.feed.allocations)
        rows = [
            forms.Contact(
                station=str(station), spacecraft=str(id), aos_s=_seconds(aos), los_s=_seconds(los),
                max_elevation_deg=math.degrees(float(str(elevation))),
            )
            for station, id, aos, los, _, elevation in found
        ]  # fmt: skip
        pointings = [
            forms.Pointing(
                station=str(station),
                spacecraft=str(id),
                on_s=_seconds(on),
                off_s=None if off is None else _seconds(off),
            )
            for station, on, id, off in turned
            if _seconds(on) <= end_s and (off is None or _seconds(off) >= start_s)
        ]
        return forms.Contacts(contacts=rows, pointings=pointings)

    @router.get("/map")
    async def world(at_s: MissionTime = None) -> forms.Map:
        """Where everybody is, now or at a time, by published elements."""
        return desk.map(at_s if at_s is not None else (desk.now_ns() or max(0, desk.watch.until_ns)) / 1e9)

    @router.get("/service-levels")
    async def levels() -> dict[str, dict[str, Any]]:
        """Service levels of each spacecraft out of telemetry; a figure that nobody has told is null and says why."""
        found = await asyncio.to_thread(all_levels, desk.feed, list(desk.watch.fleet))
        return {id: {name: getattr(row, name) for name in row.__slots__} for id, row in found.items()}

    @router.get("/recording", response_class=FileResponse)
    async def recording() -> FileResponse:
        """The archive as it is now, a whole SQLite file."""
        path = await asyncio.to_thread(_copy, desk.facts.archive)
        return FileResponse(
            path, filename=f"{desk.facts.name}.sqlite", media_type="application/vnd.sqlite3",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )  # fmt: skip

    return router


async def _series(
    desk: Desk, spacecraft: str, parameters: tuple[str, ...], span_s: tuple[float | None, float | None], points: int
) -> list[forms.Series]:
    known = desk.known(spacecraft)
    check_parameters(desk.feed, spacecraft, parameters)
    end_s = span_s[1] if span_s[1] is not None else max(0.0, desk.watch.until_ns / 1e9) + desk.scenario.tick_ns / 1e9
    start_s = span_s[0] if span_s[0] is not None else 0.0
    if end_s <= start_s:
        raise UserError(f"to_s {end_s:g} is not after from_s {start_s:g}", hint="ask for a span of time")
    width_ns = max(desk.scenario.tick_ns, math.ceil((end_s - start_s) * 1e9 / points))
    question = Question(spacecraft, parameters, round(start_s * 1e9), round(end_s * 1e9))
    found = await asyncio.to_thread(buckets, desk.feed, question, width_ns)
    retired = await asyncio.to_thread(may_be_retired, desk.feed, question)
    stretches: dict[str, list[forms.Stretch]] = {name: [] for name in parameters}
    for each in found:
        stretches[each.parameter].append(
            forms.Stretch(
                start_s=each.start_ns / 1e9, count=each.count, least=_finite(each.least),
                greatest=_finite(each.greatest), last=_finite(each.last),
            )
        )  # fmt: skip
    return [
        forms.Series(
            parameter=name, unit=form.unit, width_s=width_ns / 1e9, stretches=stretches[name], soft_low=form.soft_low,
            soft_high=form.soft_high, hard_low=form.hard_low, hard_high=form.hard_high, retired=retired,
        )
        for name, form in ((name, known.dictionary.parameter[name]) for name in parameters)
    ]  # fmt: skip


def _copy(archive: Path) -> Path:
    with tempfile.NamedTemporaryFile(prefix="skyrack-", suffix=".sqlite", delete=False) as file:
        path = Path(file.name)
    address = f"{archive.resolve().as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as source, closing(sqlite3.connect(path)) as target:
        source.backup(target, pages=1024)
    return path


def _finite(number: float | None) -> float | None:
    return number if number is not None and math.isfinite(number) else None


def _seconds(time_ns: object) -> float:
    return int(str(time_ns)) / 1e9
