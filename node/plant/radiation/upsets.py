"""What radiation does to devices: rates of five effects, and the events of a tick, drawn by hash.

A non-homogeneous Poisson process sampled per tick: the rates of all effects of all devices are summed, one draw says
how many events there are (exact inversion), and each event then finds its device and effect in proportion to the
rates. Superposition makes that the same law as a draw per effect, at the cost of one. What an event does may not
live here.

A fault plants events by leaving a negative count in a field of effects: so many come on top of this tick's own.
"""

# ruff: noqa: PLR0917  (kernels take scalars, and many of them)

from __future__ import annotations

import math

from node.plant.kernel.draws import geometric, poisson, prefix, unit
from node.plant.kernel.fields import Record
from node.plant.kernel.kernel import kernel

EFFECTS = ("corrected_upsets", "uncorrected_upsets", "silent_errors", "interrupts", "latchups")
"""State fields, in the order of the parameter rows."""
STREAM = 0x5EE
"""Stream id of single-event effects."""


@kernel
def effect_rate(s: Record, p: Record, device: int, effect: int) -> float:
    """Events per second of one effect on one device (a group of parts counts as one device)."""
    k = 5 * device + effect
    rate = (
        p.device_per_gy[k] * s.dose_rate_gy_s
        + p.device_cm2[k] * s.proton_flux_30mev_cm2_s
        + p.device_per_s[k] * s.cosmic_ray_fraction
    )
    return float(rate * s.device_sensitivity[device])


@kernel
def _device_rate(s: Record, p: Record, device: int) -> float:
    rate = (
        p.device_total[3 * device] * s.dose_rate_gy_s
        + p.device_total[3 * device + 1] * s.proton_flux_30mev_cm2_s
        + p.device_total[3 * device + 2] * s.cosmic_ray_fraction
    )
    return float(rate * s.device_sensitivity[device])


@kernel
def _strike(s: Record, p: Record, device: int, effect: int, count: int, bits: int) -> None:
    if effect == 0:
        s.corrected_upsets[device] += count
        s.upset_bits[device] += bits
    elif effect == 1:
        s.uncorrected_upsets[device] += count
        s.upset_bits[device] += bits
    elif effect == 2:
        s.silent_errors[device] += count
    elif effect == 3:
        s.interrupts[device] += count
    else:
        s.latchups[device] += count


@kernel
def draw_events(s: Record, p: Record, f: Record, tick: int, dt_s: float) -> None:
    """The events of this tick. More than 1000 in a tick are shared out in proportion, bits at their mean."""
    total = 0.0
    for device in range(p.radiation_device_count):
        total += _device_rate(s, p, device)
        s.corrected_upsets[device] = max(0, -s.corrected_upsets[device])
        s.uncorrected_upsets[device] = max(0, -s.uncorrected_upsets[device])
        s.silent_errors[device] = max(0, -s.silent_errors[device])
        s.interrupts[device] = max(0, -s.interrupts[device])
        s.latchups[device] = max(0, -s.latchups[device])
        s.upset_bits[device] = max(0, -s.upset_bits[device])
    mean = total * dt_s
    if not mean > 0.0:
        return
    head = prefix(f.draw_seed, 0x5EE, f.draw_spacecraft)
    count = poisson(mean, unit(head, tick, 0))
    if count == 0:
        return
    if count > 1000:
        for device in range(p.radiation_device_count):
            for effect in range(5):
                share = int(count * (effect_rate(s, p, device, effect) / total) + 0.5)
                _strike(s, p, device, effect, share, int(share / p.device_single_bit[device] + 0.5))
        return
    for event in range(count):
        aim = unit(head, tick, 2 * event + 1) * total
        device = 0
        rest = aim
        while device < p.radiation_device_count - 1 and rest >= _device_rate(s, p, device):
            rest -= _device_rate(s, p, device)
            device += 1
        effect = 0
        while effect < 4 and rest >= effect_rate(s, p, device, effect):
            rest -= effect_rate(s, p, device, effect)
            effect += 1
        bits = geometric(p.device_single_bit[device], unit(head, tick, 2 * event + 2))
        _strike(s, p, device, effect, 1, bits)


@kernel
def petersen_rate_per_bit_day(saturation_cm2: float, let_quarter: float) -> float:
    """Heavy-ion upset rate in geostationary orbit at solar minimum: 200 sigma / L_0.25^2 (Petersen 1998)."""
    return 200.0 * saturation_cm2 / (let_quarter * let_quarter)


@kernel
def weibull_cm2(let: float, threshold: float, width: float, shape: float, saturation_cm2: float) -> float:
    """Heavy-ion cross-section by the four-parameter Weibull curve."""
    if let <= threshold:
        return 0.0
    return saturation_cm2 * (1.0 - math.exp(-(((let - threshold) / width) ** shape)))


@kernel
def bendel_cm2(energy_mev: float, a_mev: float, b_mev: float) -> float:
    """Proton cross-section per bit by the two-parameter Bendel curve (Stapor 1990)."""
    if energy_mev <= a_mev:
        return 0.0
    y = math.sqrt(18.0 / a_mev) * (energy_mev - a_mev)
    return (b_mev / a_mev) ** 14 * (1.0 - math.exp(-0.18 * math.sqrt(y))) ** 4 * 1e-12
