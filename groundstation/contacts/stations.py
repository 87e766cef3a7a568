"""Real ground sites by name: coordinates, mask, bands and where the figures come from. Data: `stations.yaml`.

Reading the catalogue only.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from types import MappingProxyType

from bus.scenario.model import Station
from bus.scenario.stations import read_station
from bus.text.reader import Sheet

CATALOGUE = Path(__file__).with_name("stations.yaml")


@cache
def stations() -> MappingProxyType[str, Station]:
    """The catalogue, by id, in the file's order."""
    sheet = Sheet(CATALOGUE.name)
    known: dict[str, Station] = {}
    for entry in sheet.compose(CATALOGUE.read_bytes()).below("stations").list(1):
        station = read_station(entry)
        if station.id in known:
            entry.refuse(f"{station.id!r} again", "every station once")
        known[station.id] = station
    sheet.finish()
    return MappingProxyType(known)
