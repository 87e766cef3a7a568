"""What coarse steps cost: the sampled spacecraft once more, alone, in ticks of a second or less, and what differs."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from faults.fleet.flight import Flight
from faults.fleet.form import Constellation
from faults.fleet.tables import QUANTITIES, Tables, measured

FINE_NS = 10**9
"""Ticks as long as that are fine: those at which one spacecraft's electrics and heat are stepped in a fleet."""


def finer(what: Constellation) -> Constellation | None:
    """The same in ticks of at most a second, with reports at the same times; None where they are fine as they are."""
    parts = -(-what.tick_ns // FINE_NS)
    while what.tick_ns % parts:
        parts += 1
    if parts == 1:
        return None
    return dataclasses.replace(what, tick_ns=what.tick_ns // parts, report_ticks=what.report_ticks * parts)


def names_of(flight: Flight, tables: Tables) -> list[str]:
    """The sampled spacecraft."""
    return [wing.names[k] for wing, chosen in zip(flight.wings, tables.samples, strict=True) for k in chosen.tolist()]


def errors(coarse: tuple[Flight, Tables], fine: tuple[Flight, Tables]) -> dict[str, dict[str, float | None]]:
    """Coarse minus fine by quantity, over all reports of the sampled spacecraft: mean, mean of the absolute, greatest
    absolute; and the mean of the fine ones to lay it beside."""
    return {name: _error(*(_all(*each, name) for each in (coarse, fine))) for name in QUANTITIES}


def _all(flight: Flight, tables: Tables, name: str) -> Any:
    rows = [measured(*tables.full(number), wing.radiator, name) for number, wing in enumerate(flight.wings)]
    return np.concatenate(rows)


def _error(coarse: Any, fine: Any) -> dict[str, float | None]:
    apart = coarse - fine
    apart, fine = apart[~np.isnan(apart)], fine[~np.isnan(fine)]
    if not apart.size:
        return dict.fromkeys(("mean", "mean_absolute", "greatest", "fine_mean"))
    return {
        "mean": float(apart.mean()), "mean_absolute": float(np.abs(apart).mean()),
        "greatest": float(np.abs(apart).max()), "fine_mean": float(fine.mean()),
    }  # fmt: skip
