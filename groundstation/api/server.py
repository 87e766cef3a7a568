"""Serving it: the desk of one run behind the door, with its tokens, until it is stopped."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bus.clock import Clock, MachineClock
from bus.web import serving
from bus.web.access import Role
from groundstation.api.app import make_app
from groundstation.api.desk import Desk, Facts
from groundstation.api.link import GroundLink


def serve(
    facts: Facts,
    link: Callable[[Clock], GroundLink | None],
    address: serving.Address,
    directory: Path,
    ready: Callable[[str, dict[str, str]], None],
) -> None:
    """Until it is stopped. `directory`: where the tokens are written; `ready` hears the address and the tokens."""
    clock = MachineClock()
    doors = serving.Doors(directory, (Role.OBSERVER, Role.OPERATOR))
    desk = Desk(facts, link(clock))
    serving.serve(lambda refused: make_app(desk, clock, refused), address, doors, clock, ready)
