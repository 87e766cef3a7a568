"""The vocabulary in which models say what they need: a capacity class, and fields of a structured dtype.

No field of any model and no number of any design may live here.
"""

from __future__ import annotations

from typing import Any, Protocol

Field = tuple[str, str] | tuple[str, str, tuple[int, ...]]
"""(name, numpy type code) or (name, numpy type code, shape), as `numpy.dtype` takes them."""

Record = Any
"""One element of a structured array: a numpy record in Python, a numba record inside a kernel."""


class Capacity(Protocol):
    """How many of each a capacity class has room for. How many there are is a parameter, never a type."""

    @property
    def stations(self) -> int:
        """Ground stations."""
        ...

    @property
    def isl_heads(self) -> int:
        """Optical inter-satellite terminals."""
        ...

    @property
    def accelerator_groups(self) -> int:
        """Accelerator groups; each is a radiation device too."""
        ...

    @property
    def radiation_devices(self) -> int:
        """Radiation devices: the accelerator groups first, then host and avionics parts."""
        ...


def shaped(name: str, code: str, count: int) -> Field:
    """A sub-array field; at least one element, because numba knows no empty nested array."""
    return (name, code, (max(1, count),))
