"""One spacecraft's part of the report: its vital signs and its plots on one time axis.

Takes the signals that were recorded and draws those that it knows; a signal that is missing is a panel less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

from bus.text.times import clock
from faults.recording.recording import FaultRecord, Recording, intervals
from faults.report.html import tiles
from faults.report.svg import Chart, Line, Panel, Span, Strip, draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

ABSOLUTE_ZERO_DEGC = -273.15
MODES = ("LEOP", "NOMINAL", "SAFE", "SURVIVAL")
MAX_TEMPERATURES = 7
MAX_MARKS = 400
ECLIPSE_BELOW = 0.5
"""Illuminated fraction of the solar disc below which the plots are shaded."""


def spacecraft_section(recording: Recording, name: str, design: str) -> str:
    """The section of one spacecraft."""
    signals = {
        signal: values
        for (owner, signal), values in recording.signals.items()
        if owner == name and any(math.isfinite(value) for value in values.tolist())
    }
    if not signals:
        return f"<h2>{escape(name)}</h2><div class='card'><p class='soft'>No truth was recorded.</p></div>"
    tick_s = recording.scenario.tick_ns / 1e9
    chart = Chart(
        recording.times_s,
        recording.end_s,
        _parts(recording, name, signals, tick_s),
        shade=[
            (start, end)
            for start, end, dark in intervals(
                recording.times_s, _dark(signals.get("illumination_fraction"), recording.times_s), tick_s
            )
            if dark
        ],
        marks=[
            *((f.at_s, "m-fault", f"{f.id} strikes at {clock(f.at_s)}") for f in _struck(recording, name) if f.at_s),
            *(
                (t.sent_s, "m-tc", f"telecommand {t.name} sent at {clock(t.sent_s)}, {t.state}")
                for t in recording.telecommands[:MAX_MARKS]
                if t.spacecraft == name
            ),
        ],
    )
    return (
        f"<h2>{escape(name)} <span class='soft' style='font-weight:400'>{escape(design)}</span></h2><div class='card'>"
        + tiles(_vital_signs(signals, tick_s))
        + draw(chart, f"{name}: modes, contacts, faults, charge, power and temperatures over time")
        + "</div>"
    )


def _struck(recording: Recording, name: str) -> list[FaultRecord]:
    return [f for f in recording.faults if f.target == name and f.at_s is not None]


def _dark(illumination: Floats | None, times_s: Floats) -> Floats:
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    if illumination is None:
        return np.zeros(times_s.size)
    return (illumination < ECLIPSE_BELOW).astype(float)


def _vital_signs(signals: Mapping[str, Floats], tick_s: float) -> list[tuple[str, str]]:
    import numpy as np  # noqa: PLC0415

    signs = []
    if "battery_soc" in signals:
        signs.append((f"{100 * float(np.nanmin(signals['battery_soc'])):.1f} %", "least state of charge"))
    temperatures = [values for name, values in signals.items() if _is_temperature(name)]
    if temperatures:
        hottest = max(float(np.nanmax(values)) for values in temperatures)
        signs.append((f"{hottest + ABSOLUTE_ZERO_DEGC:.1f} °C", "hottest"))
    if "illumination_fraction" in signals:
        dark = float(np.nanmean(signals["illumination_fraction"] < ECLIPSE_BELOW))
        signs.append((f"{100 * dark:.1f} %", "of the time in shadow"))
    if "contact" in signals:
        signs.append((clock(float(np.nansum(signals["contact"] > 0)) * tick_s), "in contact"))
    if "payload_power_w" in signals:
        energy_j = float(np.nansum(signals["payload_power_w"])) * tick_s
        signs.append((f"{energy_j / 3.6e6:,.2f} kWh", "used by the payload"))
    if "mode" in signals and math.isfinite(float(signals["mode"][-1])):
        signs.append((MODES[int(signals["mode"][-1])], "mode at the end"))
    return signs


def _is_temperature(name: str) -> bool:
    return name.partition("[")[0].endswith("temperature_k")


def _parts(recording: Recording, name: str, signals: Mapping[str, Floats], tick_s: float) -> list[Panel | Strip]:
    times_s = recording.times_s
    parts: list[Panel | Strip] = []
    if "mode" in signals:
        spans = [
            Span(a, b, MODES[int(mode)], f"s-{MODES[int(mode)].lower()}")
            for a, b, mode in intervals(times_s, signals["mode"], tick_s)
        ]
        parts.append(Strip("Mode", [("flight software", spans)]))
    if "contact" in signals:
        inside = [(a, b) for a, b, on in intervals(times_s, signals["contact"], tick_s) if on > 0]
        parts.append(Strip("Contacts", _contacts(recording, name, inside)))
    faults = [
        (f.id, [Span(f.at_s, recording.end_s if f.cleared_s is None else f.cleared_s, f.fault, "s-fault")])
        for f in _struck(recording, name)
        if f.at_s is not None
    ]
    if faults:
        parts.append(Strip("Faults", faults))
    if "battery_soc" in signals:
        charge = Line("state of charge", 100.0 * signals["battery_soc"], 2)
        parts.append(Panel("Battery", "%", [charge], most=100.0))
    power = [
        Line(label, signals[signal] / 1e3, colour)
        for signal, label, colour in (
            ("array_power_w", "array", 4),
            ("load_power_w", "loads", 0),
            ("payload_power_w", "payload", 6),
            ("heater_power_w", "heaters", 1),
        )
        if signal in signals
    ]
    if power:
        parts.append(Panel("Power", "kW", power, least=0.0))
    temperatures = [
        Line(_short(signal), values + ABSOLUTE_ZERO_DEGC, index)
        for index, (signal, values) in enumerate(
            [(signal, values) for signal, values in signals.items() if _is_temperature(signal)][:MAX_TEMPERATURES]
        )
    ]
    if temperatures:
        parts.append(Panel("Temperature", "°C", temperatures))
    clocks = [
        Line(f"clock {_short(signal)}".strip(), 100.0 * values, 3 + index)
        for index, (signal, values) in enumerate(
            [(n, v) for n, v in signals.items() if n.startswith("accelerator_clock_fraction")][:4]
        )
    ]
    if clocks:
        parts.append(Panel("Accelerators", "%", clocks, least=0.0, most=100.0))
    parts += _jobs(signals)
    return parts


def _contacts(recording: Recording, name: str, inside: Sequence[tuple[float, float]]) -> list[tuple[str, list[Span]]]:
    """A row per station: when its antenna pointed here and the spacecraft heard it."""
    rows: dict[str, list[Span]] = {}
    for pointing in recording.pointings:
        if pointing.spacecraft != name:
            continue
        for start_s, end_s in inside:
            first_s, last_s = max(start_s, pointing.start_s), min(end_s, pointing.end_s)
            if first_s < last_s:
                rows.setdefault(pointing.station, []).append(Span(first_s, last_s, "", "s-contact"))
    stations = [station.id for station in recording.scenario.stations if station.id in rows]
    return [(station, rows[station]) for station in stations] or [
        ("any station", [Span(a, b, "", "s-contact") for a, b in inside])
    ]


def _jobs(signals: Mapping[str, Floats]) -> list[Panel | Strip]:
    """Useful work, where it was recorded: of all jobs, or job by job."""
    names = [name for name in signals if name.startswith(("job_progress_s", "job_work_s", "job_saved_s"))][:7]
    lines = [
        Line(name.replace("job_", "").replace("_s", "").replace("[", " of job ").rstrip("]"), signals[name] / 60.0, i)
        for i, name in enumerate(names)
    ]
    return [Panel("Jobs", "min", lines, least=0.0)] if lines else []


def _short(signal: str) -> str:
    """`thermal_temperature_k[radiator]` -> `radiator`; `array_temperature_k` -> `array`."""
    base, _, index = signal.partition("[")
    stem = base.removesuffix("_temperature_k").replace("_", " ")
    element = index.removesuffix("]").replace("_", " ")
    return element if stem in ("thermal", "accelerator clock fraction") else f"{stem} {element}".strip()
