"""The `stations:` list of a scenario, and the form of one station, which the catalogue shares."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from bus.scenario.model import Station
from bus.scenario.station_files import is_path, station_entries
from bus.text.near import one_of
from bus.text.reader import Fields, Item
from bus.wire.messages import ID_PATTERN, RESERVED_IDS

BANDS = ("S", "X", "Ka", "optical")
_DEG = math.pi / 180.0


def read_stations(item: Item, known: Mapping[str, Station]) -> list[Station]:
    """Names of the catalogue, alone or with their weather, stations written out, or files with stations."""
    stations: dict[str, Station] = {}
    for entry in _entries(item):
        written = entry.node.entries if entry.node is not None else None
        if written is not None and "station" not in written:
            station = read_station(entry.fields(STATION_FIELDS))
        else:
            fields = entry.fields(("station", *WEATHER_FIELDS)) if written is not None else None
            item = entry if fields is None else fields["station"]
            name = item.text(longest=64)
            if name and name not in known:
                item.refuse(item.found, f"a station of the catalogue: {one_of(known, name)}")
            if name not in known:
                continue
            station = known[name]
            if fields is not None:
                station = station.model_copy(update=_weather(fields))
        if station.id in stations:
            entry.refuse(f"{station.id!r} again", "every station once")
        stations[station.id] = station
    return list(stations.values())


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


MAX_STATIONS = 256
WEATHER_FIELDS = ("wet_fraction", "wet_spell")
STATION_FIELDS = ("id", "latitude", "longitude", "altitude", "mask", "bands", "source", *WEATHER_FIELDS)


def _weather(fields: Fields) -> dict[str, float]:
    """What a block says of the weather; nothing where it says nothing."""
    said: dict[str, float] = {}
    if share := fields.optional("wet_fraction"):
        said["wet_fraction"] = share.quantity("fraction", 0.0, 0.9, "0 % to 90 %")
    if spell := fields.optional("wet_spell"):
        said["wet_mean_s"] = spell.quantity("time", 60.0, 30 * 86400.0, "1 min to 30 d")
    return said


def read_station(fields: Fields) -> Station:
    """A station's block; after a mistake something harmless."""
    station = fields["id"].text(longest=32, pattern=ID_PATTERN, shape="an id such as 'my-station'")
    if station in RESERVED_IDS:
        fields["id"].refuse(f"{station!r}", f"another id ({', '.join(RESERVED_IDS)} are taken)")
    bands = tuple(dict.fromkeys(band.choice(BANDS) for band in fields["bands"].list(1, len(BANDS))))
    masks = _masks(fields["mask"], bands)
    return Station(
        id=station or "x",
        latitude_rad=fields["latitude"].quantity("angle", -90 * _DEG, 90 * _DEG, "-90 deg to 90 deg"),
        longitude_rad=fields["longitude"].quantity("angle", -180 * _DEG, 360 * _DEG, "-180 deg to 360 deg"),
        altitude_m=fields["altitude"].quantity("length", -500.0, 9000.0, "-500 m to 9000 m"),
        mask_rad=min(masks.values(), default=0.0),
        masks_rad=masks if len(set(masks.values())) > 1 else {},
        bands=bands,
        source=fields["source"].text(),
        **_weather(fields),
    )


def _masks(item: Item, bands: Sequence[str]) -> dict[str, float]:
    """The mask of each band: one for all of them, or `{S: 5 deg, Ka: 10 deg}` with every band."""
    if item.node is None or item.node.entries is None:
        return dict.fromkeys(bands, _mask(item))
    fields = item.fields(tuple(bands))
    return {band: _mask(fields[band]) for band in bands}


def _mask(item: Item) -> float:
    return item.quantity("angle", 0.0, 60 * _DEG, "0 deg to 60 deg")
