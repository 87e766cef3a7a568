"""The `stations:` list of a scenario, and the form of one station, which the catalogue shares."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bus.scenario.model import Station
from bus.text.near import one_of
from bus.text.reader import Fields, Item
from bus.wire.messages import ID_PATTERN, RESERVED_IDS

BANDS = ("S", "X", "Ka", "optical")
_DEG = math.pi / 180.0


def read_stations(item: Item, known: Mapping[str, Station]) -> list[Station]:
    """Names of the catalogue, alone or with their weather, or stations written out."""
    stations: dict[str, Station] = {}
    for entry in item.list(0, 256):
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
    return Station(
        id=station or "x",
        latitude_rad=fields["latitude"].quantity("angle", -90 * _DEG, 90 * _DEG, "-90 deg to 90 deg"),
        longitude_rad=fields["longitude"].quantity("angle", -180 * _DEG, 360 * _DEG, "-180 deg to 360 deg"),
        altitude_m=fields["altitude"].quantity("length", -500.0, 9000.0, "-500 m to 9000 m"),
        mask_rad=fields["mask"].quantity("angle", 0.0, 60 * _DEG, "0 deg to 60 deg"),
        bands=bands,
        source=fields["source"].text(),
        **_weather(fields),
    )
