"""Real ground sites by name: coordinates, mask, bands and where the figures come from. Data: `stations.yaml`."""

from __future__ import annotations

from bus.scenario import Station


def stations() -> dict[str, Station]:
    """The catalogue, by id, in the file's order."""
    raise NotImplementedError
