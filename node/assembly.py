"""The wiring of one spacecraft on one page: plant, devices, radio, flight software.

Everything is connected here and nowhere else. `dictionary` is generated from the declarations that the flight software
runs on, and imports neither numba nor the plant.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.dictionary import Dictionary

if TYPE_CHECKING:
    from node.config import NodeConfig
    from node.node import Node


def dictionary(design_name: str) -> Dictionary:
    """The telemetry and telecommand dictionary of a design. Raises UnknownNameError for a design there is not."""
    raise NotImplementedError


def assemble(config: NodeConfig) -> Node:
    """Build the spacecraft. Loads the plant, and with it numba, on first use."""
    raise NotImplementedError
