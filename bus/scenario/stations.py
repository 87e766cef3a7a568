"""The `stations:` list of a scenario, and the form of one station, which the catalogue shares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from bus.constants import DAY_S
from bus.errors import Refused
from bus.scenario.model import Station
from bus.scenario.station_files import is_path, station_entries
from bus.text.forms import Form
from bus.text.leaves import Later, Text, choice, quantity, text
from bus.text.near import one_of
from bus.text.reader import Item
from bus.wire.messages import ID_PATTERN, RESERVED_IDS

MAX_STATIONS = 256
_DEG = math.pi / 180.0


def _own_id(name: str) -> str:
    if name in RESERVED_IDS:
        raise Refused(f"{name!r}", f"another id ({', '.join(RESERVED_IDS)} are taken)")
    return name


Id = Annotated[str, text(longest=32, pattern=ID_PATTERN, shape="an id such as 'my-station'"), AfterValidator(_own_id)]
Mask = Annotated[float, quantity("angle", 0.0, 60 * _DEG, "0 deg to 60 deg")]


class MasksForm(Form):
    """A mask for each band of a station."""

    S: Mask = 0.0
    X: Mask = 0.0
    Ka: Mask = 0.0
    optical: Mask = 0.0


BANDS = tuple(MasksForm.model_fields)
Masks = Annotated[Any, Later(Mask | MasksForm)]


Name = Annotated[str, text(longest=64)]
Wet = Annotated[float | None, quantity("fraction", 0.0, 0.9, "0 % to 90 %")]
Spell = Annotated[float | None, quantity("time", 60.0, 30 * DAY_S, "1 min to 30 d")]


class KnownStationForm(Form):
    """A station of the catalogue, with its weather."""

    station: Name
    wet_fraction: Wet = None
    wet_spell: Spell = None


class StationForm(Form):
    """A station written out. A site of whose weather nothing is said is dry."""

    id: Id
    latitude: Annotated[float, quantity("angle", -90 * _DEG, 90 * _DEG, "-90 deg to 90 deg")]
    longitude: Annotated[float, quantity("angle", -180 * _DEG, 360 * _DEG, "-180 deg to 360 deg")]
    altitude: Annotated[float, quantity("length", -500.0, 9000.0, "-500 m to 9000 m")]
    mask: Masks
    bands: Annotated[tuple[Annotated[str, choice(BANDS)], ...], Field(min_length=1, max_length=len(BANDS))]
    source: Text
    wet_fraction: Wet = None
    wet_spell: Spell = None


Stations = Annotated[
    Any, Later(Name | Annotated[list[Name | KnownStationForm | StationForm], Field(max_length=MAX_STATIONS)])
]


def read_stations(item: Item, known: Mapping[str, Station]) -> list[Station]:
    """Names of the catalogue, alone or with their weather, stations written out, or files with stations."""
    stations: dict[str, Station] = {}
    for entry in _entries(item):
        station = read_station(entry) if _written_out(entry) else _known(entry, known)
        if station is None:
            continue
        if station.id in stations:
            entry.refuse(f"{station.id!r} again", "every station once")
        stations[station.id] = station
    return list(stations.values())


def _written_out(entry: Item) -> bool:
    return entry.node is not None and entry.node.entries is not None and not entry.has("station")


def _known(entry: Item, known: Mapping[str, Station]) -> Station | None:
    """A station of the catalogue, by name alone or in a block."""
    weather: dict[str, float] = {}
    if entry.node is not None and entry.node.entries is not None:
        parts = entry.parts(KnownStationForm)
        entry, name, weather = entry.below("station"), parts["station"], _weather(parts)
    else:
        name = entry.read(Name)
    if name is not None and name not in known:
        entry.refuse(entry.found, f"a station of the catalogue: {one_of(known, name)}")
    return known[name].model_copy(update=weather) if name in known else None


def _entries(item: Item) -> Iterator[Item]:
    """One by one, those of files in the place of their file; 256 at most in all."""
    single = item.node is not None and is_path(item.node.value)
    count = 0
    for entry in [item] if single else item.list(0, MAX_STATIONS):
        inside = station_entries(entry) if entry.node is not None and is_path(entry.node.value) else [entry]
        count += len(inside)
        if count > MAX_STATIONS:
            entry.refuse(f"{count} stations", f"at most {MAX_STATIONS}")
            return
        yield from inside


def _weather(parts: Mapping[str, Any]) -> dict[str, float]:
    """What a block says of the weather; nothing where it says nothing."""
    said = {"wet_fraction": parts["wet_fraction"], "wet_mean_s": parts["wet_spell"]}
    return {name: value for name, value in said.items() if value is not None}


def read_station(entry: Item) -> Station:
    """A station's block; after a mistake something harmless."""
    parts = entry.parts(StationForm)
    bands = tuple(dict.fromkeys(parts["bands"] or ()))
    masks = _masks(entry.below("mask"), bands) if entry.has("mask") else {}
    return Station(
        id=parts["id"] or "x",
        latitude_rad=parts["latitude"] or 0.0,
        longitude_rad=parts["longitude"] or 0.0,
        altitude_m=parts["altitude"] or 0.0,
        mask_rad=min(masks.values(), default=0.0),
        masks_rad=masks if len(set(masks.values())) > 1 else {},
        bands=bands,
        source=parts["source"] or "",
        **_weather(parts),
    )


def _masks(item: Item, bands: Sequence[str]) -> dict[str, float]:
    """The mask of each band: one for all of them, or `{S: 5 deg, Ka: 10 deg}` with every band."""
    if item.node is None or item.node.entries is None:
        return dict.fromkeys(bands, item.read(Mask) or 0.0)
    item.mapping(bands)
    return {band: item.below(band).read(Mask) or 0.0 for band in bands}
