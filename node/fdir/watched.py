"""Rows on what flight software finds when it holds readings against each other, and on what a part may take or count.

The rules of single limits are in `rules`. What is ours is marked [A].
"""

from __future__ import annotations

from collections.abc import Iterator

from bus.constants import SOLAR_CONSTANT_W_M2, SPEED_OF_LIGHT_M_S
from bus.pus import Severity
from node.designs.load import Design
from node.devices.equipment import FdirRow

LOOK_S = 5.0
"""Flight software holds readings against each other so often."""
MORE = 1.3
"""[A] Over the most that a limiter's loads take: limiters themselves are set 1.1 to 1.4 times their load."""
READ_A = 0.05
"""[A] And five standard deviations of its current's reading, which are more than some receivers take."""
GAUGE = 0.03
"""[A] Ten biases of the gauge: a mean of the groups is never outside of them."""
TURNED_S, NOISE_N_M_S = 60.0, 0.02
"""[A] A look at the momentum of body and wheels, and ten times the noise of its readings."""
LOW_ORBIT_RAD_S, ARM_M, AIR_PA, NATURAL = 1.13e-3, 0.1, 1e-3, 3.0
"""Turns of an orbit at 400 km (textbook); [A] the arm of sunlight and air, the pressure of the air there in a storm
(1e-11 kg/m3 at 7.7 km/s, drag coefficient 2.2), and a factor on all of it."""
STAYS = 12
"""[A] Looks in a minute: what SAFE has taken off shows in the charge by then."""
REGULATED = 0.95
"""[A] A regulated bus is never lower while its limiters are closed."""
LEAK_W, LEAK_SHARE, SHORT_SHARE = 15.0, 0.005, 0.1
"""[A] Of all loads: what no limiter accounts for is a leak, beyond the noise of the currents, or a short."""
COLD_K = 15.0
"""[A] Above freezing: from there it takes minutes at the least."""
STARVED, EMPTY = 0.2, 0.6
"""[A] Share of the flow that a pump's speed should give and that is missing."""
LEAK_A_MINUTE, ACCUMULATOR_LOW = 0.005, 0.15
"""[A] Of the accumulator: ten times the gauge's noise; and what is left when the loop is about to run dry."""
FADE_DB = 5.0
"""[A] A pass over a station is slower by a factor of ten."""
UNHEARD_S = 60.0
"""[A] The ground acknowledges what it hears within seconds."""
OFF_SUN_RAD = 0.06
"""[A] 3.4 deg: a held attitude is good to milliradians."""
LOOSE_RAD = 2e-4
"""[A] 40 arcseconds: an error of the held attitude that light, air and gravity do not bring within minutes."""
PUMP_LAG = 0.1
"""[A] Of full speed below its order."""
ROWS, CORRECTED = 3.5, 100.0
"""[A] Spare rows in ten seconds, corrected errors in a minute: far above what radiation makes outside of a storm."""
PARTS = (
    ("strings.weak", "strings_weak", "An array string gives less than its neighbours", 1),
    ("limiters.dead", "limiters_dead", "A closed limiter carries nothing", 1),
    ("wheels.apart", "wheels_apart", "A wheel has not the momentum that the others leave to it", 3),
    ("heat.unbalanced", "nodes_unbalanced", "The heat of a part goes another way than it should", 1),
    ("heaters.stuck", "heaters_stuck", "A heater is on far above where it should be off", 1),
    ("accelerators.wasteful", "groups_wasteful", "A group takes more than its work explains", 1),
    ("accelerators.shut_down", "groups_shut_down", "A group is off against its orders", 1),
    ("accelerators.warm", "groups_warm", "Chips are warmer than their power explains", 1),
    ("gyros.apart", "gyros_apart", "A gyro shows a turn while the attitude stands", 1),
    ("readings.frozen", "readings_frozen", "A reading has lost its own noise", 1),
    ("readings.noisy", "readings_noisy", "A reading has more than its own noise", 1),
    ("isl.lost", "isl_links_lost", "An optical link that stood is lost", 1),
    ("isl.weak", "isl_links_weak", "An optical link has less light than its range accounts for", 1),
    ("gnss.apart", "orbit_inconsistent", "A position is not where the one before it leads", 1),
    ("clock.drift", "clock_drifts", "On-board time leaves the computer's timer", 1),
)
"""Rows that tell of a number of wrong parts, or of one: monitor, reading, text, looks in a row."""

LINKS = ("isl_links_lost", "isl_links_weak")


def watched(design: Design, rated_w: float) -> Iterator[FdirRow]:
    """All of them. rated_w: of all accelerators together, at the bus."""
    yield from _limiters(design)
    yield from _battery(design)
    yield from _power(design, rated_w)
    yield from _loop(design)
    for monitor, reading, text, looks in PARTS:
        if (reading == "heaters_stuck" and not design.heaters) or (reading in LINKS and not design.isl_heads):
            continue
        yield FdirRow(monitor, reading, text, repetition=looks, interval_s=LOOK_S, high=0.5, deadline_s=3600.0)
    yield FdirRow(
        "attitude.off", "sun_offset_rad", "The Sun is held to be faced, and is not", repetition=3, interval_s=LOOK_S,
        high=OFF_SUN_RAD,
    )  # fmt: skip
    yield FdirRow(
        "torque.unexplained", "total_momentum_n_m_s", "A torque from nowhere: something leaks, or pushes", "delta",
        repetition=1, interval_s=TURNED_S, high=round(most_momentum_n_m_s(design), 4),
    )  # fmt: skip
    yield FdirRow(
        "pointing.loose", "pointing_loosened_rad", "The attitude is held less well than before: a wheel, or a torque",
        interval_s=LOOK_S, high=LOOSE_RAD,
    )  # fmt: skip
    yield FdirRow(
        "radio.unheard", "radio_unheard_s", "In contact, and not a word from the ground", repetition=1,
        interval_s=LOOK_S, high=UNHEARD_S, severity=int(Severity.LOW),
    )  # fmt: skip
    yield FdirRow(
        "radio.faded", "uplink_fall_db", "The ground's carrier fell at once: its antenna, the air or our receiver",
        repetition=2, interval_s=LOOK_S, high=FADE_DB, severity=int(Severity.LOW),
    )  # fmt: skip
    yield from _payload(design)


def most_w(design: Design, lcl: str) -> float:
    """What hangs behind a limiter takes at most, W."""
    form = design.form
    watts = form.lcls[lcl].load
    watts += sum(
        g.count * g.chip.cap_highest / g.chip.supply_efficiency for g in form.accelerators.values() if g.lcl == lcl
    )
    watts += sum(heater.power for heater in form.heaters.values() if heater.lcl == lcl)
    if form.radio.lcl == lcl:
        bands = [band for band in (form.radio.s_band, form.radio.ka_band) if band is not None]
        watts += max(band.power for band in bands) / form.radio.transmitter_efficiency
    if form.loop is not None and form.loop.pump_lcl == lcl:
        watts += form.loop.pump_power
    return watts


def _limiters(design: Design) -> Iterator[FdirRow]:
    """More than a load can take is a part that latched up: off and on again frees it."""
    form, bus = design.form, design.form.power_bus
    least_v = bus.undervoltage if bus.kind == "unregulated" else REGULATED * bus.voltage
    for name, lcl in form.lcls.items():
        high_a = MORE * most_w(design, name) / least_v + READ_A
        if not 0.0 < high_a < lcl.limit:
            continue  # the limiter itself is quicker
        answer: dict[str, object] = {}
        if lcl.kind != "rlcl":
            answer = {
                "telecommand": "recovery.cycle", "arguments": (("lcl", name),), "again_s": 60.0,
                "escalate_to": f"lcl.{name}.overload", "escalate_after": 3,
            }  # fmt: skip
        yield FdirRow(
            f"lcl.{name}.high", f"lcl_current_a.{name}", f"What limiter {name} feeds takes more than it can",
            high=round(high_a, 3), deadline_s=90.0, **answer,  # type: ignore[arg-type]
        )  # fmt: skip


def most_momentum_n_m_s(design: Design) -> float:
    """What gravity, sunlight and air can give body and wheels in a look, N m s, and the noise of the readings."""
    form = design.form.attitude
    gravity_n_m = 1.5 * LOW_ORBIT_RAD_S**2 * (max(form.inertia) - min(form.inertia))
    light_n_m = SOLAR_CONSTANT_W_M2 / SPEED_OF_LIGHT_M_S * 2.0 * form.sun_area * ARM_M
    air_n_m = AIR_PA * form.drag_area * ARM_M
    return NATURAL * TURNED_S * (gravity_n_m + light_n_m + air_n_m) + NOISE_N_M_S


def _battery(design: Design) -> Iterator[FdirRow]:
    """A group that is apart may be the first of more: work is saved before the payload gets less."""
    yield FdirRow(
        "battery.apart", "groups_apart", "The charge of a battery group does not go as it should", repetition=1,
        interval_s=LOOK_S, high=0.5, deadline_s=3600.0, at_most=1,
        telecommand="payload.checkpoint", arguments=(("job", "all"),),
    )  # fmt: skip
    yield FdirRow(
        "battery_soc.apart", "gauge_offset", "The gauge of the whole battery is outside of its groups'", repetition=1,
        interval_s=LOOK_S, low=-GAUGE, high=GAUGE, deadline_s=3600.0,
    )  # fmt: skip


def _power(design: Design, rated_w: float) -> Iterator[FdirRow]:
    loads_w = rated_w + sum(lcl.load for lcl in design.form.lcls.values())
    safe: dict[str, object] = {
        "severity": int(Severity.HIGH), "level": "system", "telecommand": "recovery.mode",
        "arguments": (("mode", "SAFE"), ("cause", "monitor")), "modes": ("LEOP", "NOMINAL"),
    }  # fmt: skip
    yield FdirRow(
        "bus.leak", "bus_unaccounted_w", "The bus feeds something that no limiter accounts for", interval_s=LOOK_S,
        high=round(max(LEAK_W, LEAK_SHARE * loads_w), 1),
    )  # fmt: skip
    yield FdirRow(
        "bus.short", "bus_unaccounted_w", "The bus is short-circuited beyond its limiters", repetition=2,
        interval_s=LOOK_S, high=round(max(LEAK_W, SHORT_SHARE * loads_w), 1), **safe,  # type: ignore[arg-type]
    )  # fmt: skip
    yield FdirRow(
        "array.lost", "array_missing", "The Sun is seen, and the array does not give what it should",
        interval_s=LOOK_S, high=0.5, **safe,  # type: ignore[arg-type]
    )  # fmt: skip
    safe |= {"arguments": (("mode", "SURVIVAL"), ("cause", "monitor")), "modes": ("SAFE",)}
    yield FdirRow(
        "bus.drained", "bus_unaccounted_w", "The bus stays short-circuited in SAFE", repetition=STAYS,
        interval_s=LOOK_S, high=round(max(LEAK_W, SHORT_SHARE * loads_w), 1), **safe,  # type: ignore[arg-type]
    )  # fmt: skip
    yield FdirRow(
        "array.gone", "array_missing", "The array gives nothing in SAFE", repetition=STAYS,
        interval_s=LOOK_S, high=0.5,
        **safe,  # type: ignore[arg-type]
    )  # fmt: skip


def _loop(design: Design) -> Iterator[FdirRow]:
    loop = design.form.loop
    if loop is None:
        return
    idle: dict[str, object] = {"telecommand": "payload.regime", "arguments": (("regime", "idle"),)}
    yield FdirRow(
        "pump.weak", "pump_lag_fraction", "The coolant pump is slower than ordered", interval_s=LOOK_S, high=PUMP_LAG,
        at_most=1, telecommand="thermal.pump_select", arguments=(("pump", "b"),),
    )  # fmt: skip
    yield FdirRow(
        "coolant.starved", "coolant_missing_fraction", "The pump moves less coolant than its speed should give",
        interval_s=LOOK_S, high=STARVED,
    )  # fmt: skip
    yield FdirRow(
        "coolant.empty", "coolant_missing_fraction", "The pump moves hardly any coolant", repetition=1,
        interval_s=LOOK_S, high=EMPTY, severity=int(Severity.HIGH), level="subsystem", **idle,  # type: ignore[arg-type]
    )  # fmt: skip
    yield FdirRow(
        "coolant.leak", "accumulator_fraction", "The accumulator runs empty", "delta", repetition=1, interval_s=60.0,
        low=-LEAK_A_MINUTE, at_most=1, telecommand="payload.checkpoint", arguments=(("job", "all"),),
    )  # fmt: skip
    yield FdirRow(
        "coolant.low", "accumulator_fraction", "The accumulator is nearly empty: the pump will draw vapour",
        low=ACCUMULATOR_LOW, severity=int(Severity.HIGH), level="subsystem", **idle,  # type: ignore[arg-type]
    )  # fmt: skip
    yield FdirRow(
        "coolant.cold", "coolant_supply_temperature_k", "The coolant is about to freeze", interval_s=LOOK_S,
        low=round(loop.freezing + COLD_K, 2), severity=int(Severity.HIGH), level="subsystem",
        telecommand="payload.regime", arguments=(("regime", "capped"),),  # the loop has no other heater
    )  # fmt: skip


def _payload(design: Design) -> Iterator[FdirRow]:
    for name in design.form.accelerators:
        yield FdirRow(
            f"accelerator.{name}.rows", f"accelerator_remapped_rows.{name}", f"Memory of {name} takes spare rows",
            "delta", repetition=1, interval_s=10.0, high=ROWS, severity=int(Severity.LOW),
        )  # fmt: skip
        yield FdirRow(
            f"accelerator.{name}.corrected", f"accelerator_ecc_corrected.{name}",
            f"Memory of {name} corrects many errors", "delta", repetition=1, interval_s=60.0, high=CORRECTED,
            severity=int(Severity.LOW),
        )  # fmt: skip
    yield FdirRow(
        "host.crashed", "hosts_crashed", "A host crashed: work was lost, and no accelerator tells why", "delta",
        repetition=1, interval_s=10.0, high=0.5, severity=int(Severity.LOW), again_s=10.0, at_most=16,
    )  # fmt: skip
    yield FdirRow(
        "hosts.lost_work", "job_lost_total_s", "Work was lost: what ran has crashed", "delta", repetition=1,
        interval_s=10.0, high=0.5, severity=int(Severity.LOW), again_s=10.0, at_most=16,
    )  # fmt: skip
