"""The world: day and night, the stations, and everybody's place by published elements; trouble stands out."""

from __future__ import annotations

import math

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.widgets import Static

from bus.errors import SkyrackError
from groundstation.api import forms
from groundstation.console import words
from groundstation.console.frame import Frame

EVERY_S = 2.0
ANOMALY = ((-90.0, 40.0), (-50.0, 0.0))
"""Longitudes and latitudes in which protons of the South Atlantic Anomaly are felt in a low orbit, roughly: for the
eye alone; the range's own map decides."""


class MapScreen(Frame):
    """See the module."""

    title_words = "Map"
    DEFAULT_CSS = "#world { padding: 0 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._map: forms.Map | None = None

    def parts(self) -> ComposeResult:
        """One picture."""
        yield Static(id="world")

    def on_mount(self) -> None:
        """Read again and again."""
        super().on_mount()
        self.set_interval(EVERY_S, self._load)
        self._load()

    def draw(self) -> None:
        """What is known."""
        if self._map is not None:
            self.query_one("#world", Static).update(
                world(self._map, self._levels(), self.size.width - 2, self.size.height - 4)
            )

    def _levels(self) -> dict[str, str | None]:
        return {id: row.level for id, row in self.store.rows.items()}

    @work(exclusive=True, group="map")
    async def _load(self) -> None:
        if self.console.screen is not self:
            return
        try:
            self._map = await self.store.client.map()
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        self.draw()

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Dark is night. △ stations; ● ▲ ✖ ? spacecraft by their state, several in one place are counted. Dots outline the South
Atlantic Anomaly. ☼: the Sun overhead."""


def world(place: forms.Map, levels: dict[str, str | None], width: int, height: int) -> Text:
    """Longitude to the right from -180, latitude downwards from 90 degrees."""
    wide, high = max(20, width), max(8, height - 1)
    cells: dict[tuple[int, int], tuple[str, str]] = {}

    def at(longitude: float, latitude: float) -> tuple[int, int]:
        return min(wide - 1, int((longitude + 180.0) / 360.0 * wide)), min(
            high - 1, int((90.0 - latitude) / 180.0 * high)
        )

    (west, east), (south, north) = ANOMALY
    for step in range(64):
        share = step / 63.0
        x, y = west + (east - west) * share, south + (north - south) * share
        for longitude, latitude in ((x, south), (x, north), (west, y), (east, y)):
            cells[at(longitude, latitude)] = ("·", "#cc79a7")
    for station in place.stations:
        cells[at(station.longitude_deg, station.latitude_deg)] = ("△", "bold #56b4e9")
    cells[at(place.sun.longitude_deg, place.sun.latitude_deg)] = ("☼", "bold #f0e442")
    worst = {"critical": 3, None: 2, "warning": 1, "normal": 0}
    here: dict[tuple[int, int], list[str]] = {}
    for one in place.spacecraft:
        here.setdefault(at(one.longitude_deg, one.latitude_deg), []).append(one.id)
    labels = len(place.spacecraft) <= 24
    for (x, y), ids in here.items():
        level = max((levels.get(id) for id in ids), key=lambda level: worst[level])
        sign, look = words.SIGNS[level]
        cells[x, y] = (sign if len(ids) == 1 else str(min(9, len(ids))), look)
        for offset, letter in enumerate(f" {ids[0]}" if labels else ""):
            cells.setdefault((x + 1 + offset, y), (letter, look))
    text = Text(no_wrap=True)
    sun = _unit(place.sun)
    for y in range(high):
        latitude = 90.0 - (y + 0.5) * 180.0 / high
        for x in range(wide):
            letter, look = cells.get((x, y), (" ", ""))
            longitude = -180.0 + (x + 0.5) * 360.0 / wide
            day = sum(a * b for a, b in zip(sun, _direction(longitude, latitude), strict=True)) > 0.0
            text.append(letter, f"{look} on {'#30445c' if day else '#101418'}".strip())
        text.append("\n")
    return text


def _unit(place: forms.Place) -> tuple[float, float, float]:
    return _direction(place.longitude_deg, place.latitude_deg)


def _direction(longitude_deg: float, latitude_deg: float) -> tuple[float, float, float]:
    longitude, latitude = math.radians(longitude_deg), math.radians(latitude_deg)
    return math.cos(latitude) * math.cos(longitude), math.cos(latitude) * math.sin(longitude), math.sin(latitude)
