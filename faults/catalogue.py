"""Every fault by name: its seam, its typed parameters, where it comes from, and the primitives it resolves to.

The entries are data (`catalogue.yaml`). Applying a primitive is `node/injection.py`'s business.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.messages import Scalar
from bus.vocabulary import ResolvedFault


@dataclass(frozen=True, slots=True)
class DesignInfo:
    """What can break in a design.

    groups: member names of each group, in index order: "string", "battery_group", "lcl", "thermal", "heater",
    "accelerator", "radiator". devices: "device.reading" names of everything that can be wrapped.
    """

    name: str
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FaultForm:
    """One catalogue entry. `parameters` by name; see `docs/reference/scenario.md`."""

    name: str


FAULTS: dict[str, FaultForm] = {}


def resolve_fault(name: str, design: DesignInfo, parameters: Mapping[str, Scalar], *, tick_s: float) -> ResolvedFault:
    """Primitives of a fault on a design. Raises UnknownNameError or ScenarioError (fields relative to the entry)."""
    raise NotImplementedError
