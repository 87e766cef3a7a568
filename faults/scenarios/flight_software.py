"""The `flight_software:` of a spacecraft: a class of a user's own instead of the reference. A design that flies it is a
design of its own, so that everything that knows a spacecraft by its design (dictionary, ground, exports) knows it too.
"""

from __future__ import annotations

from pathlib import Path

from bus.errors import Refused, UserError
from bus.text.reader import Item
from node import own_software
from node.assembly import dictionary
from node.designs.load import with_flight_software


def read_flight_software(item: Item, name: str, design: str) -> str:
    """The design with this flight software, or nothing after a mistake: then what it understands is not known."""
    try:
        return with_own(name, design, Path(item.sheet.file).parent)
    except Refused as error:
        item.refuse(error.found, error.allowed)
    return ""


def with_own(name: str, design: str, beside: Path | None = None) -> str:
    """The design with this flight software. Raises Refused where it may not fly, or cannot."""
    found = own_software.find(name, beside)
    flown = with_flight_software(design, name, found.source)
    try:
        dictionary(flown)
    except UserError as error:
        if isinstance(error.__cause__, Refused):
            raise error.__cause__ from error
        raise
    return flown
