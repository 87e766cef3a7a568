"""The books of a constellation: energy, work and spacecraft. Each must close at every report."""

from __future__ import annotations

from typing import Any

import numpy as np

from faults.fleet.flight import Flight, Wing

TOLERANCE = 1e-7
"""Of what went through a book. A spacecraft's powers balance to 1e-9 in every tick; what a fleet keeps in single
precision, work, has 6e-8."""
JOULES_A_KWH = 3.6e6


def energy(flight: Flight) -> dict[str, Any]:
    """What came from arrays and batteries, and where it went, in kWh; by the powers at each look."""
    sums = {name: _total(flight, f"{name}_j") / JOULES_A_KWH for name in ("array", "battery", "load", "loss")}
    left = sums["array"] + sums["battery"] - sums["load"] - sums["loss"]
    through = sums["load"] + sums["loss"]
    return {
        "array_kwh": sums["array"], "from_battery_kwh": sums["battery"], "load_kwh": sums["load"],
        "loss_kwh": sums["loss"], "payload_kwh": _total(flight, "payload_j") / JOULES_A_KWH, "residual_kwh": left,
        "closed": bool(abs(left) <= TOLERANCE * max(through, 1e-9)),
    }  # fmt: skip


def work(flight: Flight) -> dict[str, Any]:
    """Hours of accelerators: all there were, and what became of them."""
    names = ("done", "limited", "off", "down")
    sums = {name: _total(flight, f"work_{name}_s") / 3600.0 for name in names}
    there = sum(len(wing) * wing.chips for wing in flight.wings) * flight.time_s / 3600.0
    left = there - sum(sums.values())
    return {
        "accelerator_h": there, **{f"{name}_h": value for name, value in sums.items()}, "residual_h": left,
        "share_done": sums["done"] / there if there > 0.0 else None,
        "closed": bool(abs(left) <= TOLERANCE * max(there, 1e-9)),
    }  # fmt: skip


def spacecraft(flight: Flight) -> dict[str, Any]:
    """Who is in which state now."""
    states = {"nominal": 0, "shedding": 0, "safe": 0, "without_power": 0}
    for wing in flight.wings:
        for name, there in _states(wing).items():
            states[name] += there
    return {"flown": len(flight), **states, "closed": sum(states.values()) == len(flight)}


def _states(wing: Wing) -> dict[str, int]:
    volts = wing.fleet.states["main_bus_voltage_v"]
    dead = volts <= 0.5 * wing.design.form.power_bus.voltage
    safe = ~dead & (wing.memory["safe"] != 0)
    shed = ~dead & ~safe & (wing.memory["groups_shed"] > 0)
    nominal = ~dead & (wing.memory["safe"] == 0) & (wing.memory["groups_shed"] == 0)
    counts = (("nominal", nominal), ("shedding", shed), ("safe", safe), ("without_power", dead))
    return {name: int(np.count_nonzero(which)) for name, which in counts}


def books(flight: Flight) -> dict[str, Any]:
    """All of them."""
    return {"energy": energy(flight), "work": work(flight), "spacecraft": spacecraft(flight)}


def closed(found: dict[str, Any]) -> bool:
    """Whether all of them close."""
    return all(book["closed"] for book in found.values())


def _total(flight: Flight, name: str) -> float:
    return float(sum(wing.memory[name].sum(dtype=np.float64) for wing in flight.wings))
