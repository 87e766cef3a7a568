"""The `stations:` list of a scenario, and the form of one station, which the catalogue shares."""

from __future__ import annotations

import math
from collections.abc import Mapping

from bus.messages import ID_PATTERN, RESERVED_IDS
from bus.scenario import Station
from bus.yaml_fields import Fields, Item, one_of

BANDS = ("S", "X", "Ka", "optical")
_DEG = math.pi / 180.0


def read_stations(item: Item, known: Mapping[str, Station]) -> list[Station]:
    """Names of the catalogue, or stations written out."""
    stations: dict[str, Station] = {}
    for entry in item.list(0, 256):
        if entry.node is not None and entry.node.entries is not None:
            station = read_station(entry.fields(STATION_FIELDS))
        else:
            name = entry.text(longest=64)
            if name and name not in known:
                entry.refuse(entry.found, f"a station of the catalogue: {one_of(known, name)}")
            if name not in known:
                continue
            station = known[name]
        if station.id in stations:
            entry.refuse(f"{station.id!r} again", "every station once")
        stations[station.id] = station
    return list(stations.values())


STATION_FIELDS = ("id", "latitude", "longitude", "altitude", "mask", "bands", "source")


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
    )
