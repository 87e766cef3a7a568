"""A spacecraft with a sound FDIR table, and five weaknesses planted in it by a scenario's own `fdir:`.

Its chips are watched by one row (as shipped there are two, and the second would hide what is done to the first): above
89 degC their group goes off. When they lose contact to their plate they reach 91.0 degC with it, 92.0 degC without it.
A payload that draws too much trips its limiter five times, then it is switched off for good.
"""

from __future__ import annotations

from dataclasses import dataclass

_FRAME = """\
skyrack: 1
name: weak
epoch: 2026-06-21T00:00:00Z
duration: {duration}
tick: 1 s
seed: 7
environment: {{solar_activity: minimum, storm_density_factor: 1.0, solar_event: none}}
stations: [svalbard]
spacecraft:
  - id: rack
    design: pathfinder
    orbit: {{circular: {{altitude: 500 km, inclination: 97.4 deg, raan: 0 deg, argument_of_latitude: 70 deg}}}}
    fdir:
      - {{monitor: accelerator.gpu.memory_hot, remove: true}}
{rows}"""

COOL = "never rack.accelerator_temperature_k[gpu] > 91.5 degC"
CALM = "never rack.lcl_trip_count[payload] > 5"
PAYLOAD = (
    "accelerator_interface_worn", "accelerator_straggler", "accelerator_memory_error", "accelerator_contained",
    "accelerator_interrupt", "load_overcurrent", "pump_wear",
)  # fmt: skip


@dataclass(frozen=True)
class Weakness:
    """rows: what is planted. prop: what it lets be violated. duration: of the flight."""

    name: str
    rows: tuple[str, ...]
    prop: str = COOL
    duration: str = "10 min"
    faults: tuple[str, ...] = PAYLOAD


SOUND = Weakness("sound", ())
WEAKNESSES = (
    Weakness("a row removed", ("{monitor: accelerator.gpu.hot, remove: true}",)),
    Weakness("a dwell too long", ("{monitor: accelerator.gpu.hot, repetition: 600}",)),
    Weakness("a mask never lifted", (
        "{monitor: accelerator.gpu.xid, masks: [accelerator.gpu.hot], mask: 7 d, action: {name: statistics.reset}}",)),
    Weakness("two actions that undo each other", (
        "{monitor: payload.idle, reading: lcl_state.payload, expected: on, repetition: 5, interval: 1 s, again: 10 s, "
        "at_most: 16, action: {name: power.lcl, arguments: {lcl: payload, on: true}}}",), CALM, "20 min"),
    Weakness("a limit on the wrong side", (
        "{monitor: accelerator.gpu.hot, remove: true}",
        "{monitor: accelerator.gpu.hotter, reading: accelerator_temperature_k.gpu, below: 200 K, repetition: 2, "
        "interval: 1 s, action: {name: payload.group, arguments: {group: gpu, on: false}}}")),
)  # fmt: skip


def scenario_of(weakness: Weakness) -> str:
    """The scenario's text, its property as its only expectation."""
    rows = "".join(f"      - {row}\n" for row in weakness.rows)
    return _FRAME.format(rows=rows, duration=weakness.duration) + f"expectations:\n  - {weakness.prop}\n"
