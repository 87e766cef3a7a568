"""One spacecraft's part of the report: its vital signs and its plots on one time axis.

Takes the signals that were recorded and draws those that it knows; a signal that is missing is a panel less.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from bus.constants import CELSIUS_ZERO_K
from bus.pus import Severity
from bus.text.times import clock
from faults.recording.belief import form_of
from faults.recording.recording import FaultRecord, Recording, intervals
from faults.report.html import tiles
from faults.report.svg import Chart, Line, Panel, Span, Strip, draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

MODES = ("LEOP", "NOMINAL", "SAFE", "SURVIVAL")
MAX_LINES = 7
MAX_MARKS = 400


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a panel shows: signals by their base names, in `unit`, which is SI times `factor` plus `offset`.

    least, most: always inside the axis.
    """

    title: str
    unit: str
    bases: tuple[str, ...]
    factor: float = 1.0
    offset: float = 0.0
    least: float | None = None
    most: float | None = None


PANELS = (
    Quantity("Battery", "%", ("battery_soc",), 100.0, most=100.0),
    Quantity(
        "Power", "kW", ("array_power_w", "load_power_w", "payload_power_w", "heater_power_w"), 1e-3, least=0.0
    ),
    Quantity(
        "Temperature",
        "°C",
        (
            "thermal_temperature_k", "accelerator_temperature_k", "hbm_temperature_k", "array_temperature_k",
            "battery_temperature_k", "radiator_temperature_k",
        ),
        offset=-CELSIUS_ZERO_K,
    ),
    Quantity("Accelerators", "%", ("accelerator_clock_fraction",), 100.0, least=0.0, most=100.0),
    Quantity("Main bus", "V", ("main_bus_voltage_v",)),
    Quantity("Jobs", "min", ("job_progress_s", "job_work_s", "job_saved_s"), 1 / 60, least=0.0),
)  # fmt: skip
"""Panels of every spacecraft, where it has such signals. Any other signal that was recorded gets a panel of its own."""
KNOWN = frozenset((
    "mode", "contact", "illumination_fraction", "boot_count", "host_up", "payload_shed", "telemetry_generated",
    "telemetry_on_board", "verifications_generated", "housekeeping_generated", "events_generated",
    "time_reports_generated", "check_reports_generated", "parameter_reports_generated", "software_faults",
    "accelerator_rate", "jobs_done", "latitude_rad", "longitude_rad", "altitude_m",
))  # fmt: skip
"""Signals that are shown in words, or are nobody's curve."""
COLOURS = {"battery_soc": 2, "array_power_w": 4, "load_power_w": 0, "payload_power_w": 6, "heater_power_w": 1}
LABELS = {
    "battery_soc": "state of charge", "array_power_w": "array", "load_power_w": "loads", "payload_power_w": "payload",
    "heater_power_w": "heaters",
}  # fmt: skip
ECLIPSE_BELOW = 0.5
"""Illuminated fraction of the solar disc below which the plots are shaded."""


def signals_of(recording: Recording, name: str) -> dict[str, Floats]:
    """What was recorded of a spacecraft, without signals that nobody ever gave."""
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    return {signal: values for signal, values in recording.signals_of(name).items() if np.isfinite(values).any()}


def spacecraft_section(recording: Recording, name: str, design: str, *, unfolded: bool = True) -> str:
    """The section of one spacecraft."""
    signals = signals_of(recording, name)
    head = (
        f"<details id='sc-{escape(name)}'{' open' if unfolded else ''}><summary><h2>{escape(name)} "
        f"<span class='soft' style='font-weight:400'>{escape(design)}</span></h2></summary><div class='card'>"
    )
    if not signals:
        return head + "<p class='soft'>No truth was recorded.</p></div></details>"
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
        head
        + tiles(_vital_signs(signals, tick_s))
        + "<div class='scroll'>"
        + draw(chart, f"{name}: modes, contacts, faults, events, charge, power and temperatures over time")
        + "</div></div></details>"
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
    charge, hottest = least_charge(signals), hottest_degc(signals)
    if not math.isnan(charge):
        signs.append((f"{100 * charge:.1f} %", "least state of charge"))
    if not math.isnan(hottest):
        signs.append((f"{hottest:.1f} °C", "hottest"))
    if "illumination_fraction" in signals:
        dark = float(np.nanmean(signals["illumination_fraction"] < ECLIPSE_BELOW))
        signs.append((f"{100 * dark:.1f} %", "of the time in shadow"))
    if "contact" in signals:
        signs.append((clock(float(np.nansum(signals["contact"] > 0)) * tick_s), "in contact"))
    if "payload_power_w" in signals:
        energy_j = float(np.nansum(signals["payload_power_w"])) * tick_s
        signs.append((f"{energy_j / 3.6e6:,.2f} kWh", "used by the payload"))
    wrong = troubles(signals, tick_s)
    last = state_at_end(signals)
    return [*([(last, "at the end")] if last else []), *wrong, *signs]


def least_charge(signals: Mapping[str, Floats]) -> float:
    """As a share; NaN where it was not recorded."""
    import numpy as np  # noqa: PLC0415

    return float(np.nanmin(signals["battery_soc"])) if "battery_soc" in signals else math.nan


def hottest_degc(signals: Mapping[str, Floats]) -> float:
    """Of all temperatures that were recorded; NaN where there is none."""
    import numpy as np  # noqa: PLC0415

    temperatures = [float(np.nanmax(values)) for name, values in signals.items() if _is_temperature(name)]
    return max(temperatures) - CELSIUS_ZERO_K if temperatures else math.nan


def troubles(signals: Mapping[str, Floats], tick_s: float) -> list[tuple[str, str]]:
    """How long it was down, gave no answer, or stood in a mode or a state that nobody wants."""
    import numpy as np  # noqa: PLC0415

    said = []
    up, mode, shed = (signals.get(name) for name in ("host_up", "mode", "payload_shed"))
    if up is not None:
        said += [(np.isnan(up), "NO ANSWER"), (up == 0, "DOWN")]
    if mode is not None:
        said += [(mode == MODES.index(name), name) for name in ("SURVIVAL", "SAFE")]
    if shed is not None:
        said.append((shed > 0, "SHED"))
    return [(clock(float(samples.sum()) * tick_s), name) for samples, name in said if samples.any()]


def beyond_limits(
    recording: Recording, name: str, signals: Mapping[str, Floats], tick_s: float
) -> list[tuple[str, str]]:
    """How long each quantity truly was beyond a soft limit of the dictionary, for those that ever were."""
    found = []
    for signal, values in signals.items():
        low, high = soft_limits(recording, name, signal)
        outside = (values < low) | (values > high)
        if outside.any():
            found.append((clock(float(outside.sum()) * tick_s), f"LIMIT {_label(signal)}"))
    return found


def state_at_end(signals: Mapping[str, Floats]) -> str:
    """The mode it ended in; a computer that is down has none, and of who gives no answer nobody knows."""
    up, mode = signals.get("host_up"), signals.get("mode")
    if up is not None and not up[-1] > 0:
        return "DOWN" if up[-1] == 0 else "NO ANSWER"
    if mode is None:
        return ""
    return _mode(float(mode[-1])) if math.isfinite(float(mode[-1])) else "UNKNOWN"


def _mode(value: float) -> str:
    """In words; what is no mode of ours is UNKNOWN."""
    return MODES[int(value)] if value in range(len(MODES)) else "UNKNOWN"


def _presence(host_up: Floats) -> Floats:
    """1 where the computer runs, 0 where it is down, -1 where nobody answered."""
    import numpy as np  # noqa: PLC0415

    return np.nan_to_num(host_up, nan=-1.0)


def _is_temperature(name: str) -> bool:
    return name.partition("[")[0].endswith("temperature_k")


def _parts(recording: Recording, name: str, signals: Mapping[str, Floats], tick_s: float) -> list[Panel | Strip]:
    times_s = recording.times_s
    parts: list[Panel | Strip] = []
    if "mode" in signals or "host_up" in signals:
        spans = [
            Span(a, b, _mode(mode), f"s-{_mode(mode).lower()}")
            for a, b, mode in intervals(times_s, signals.get("mode", times_s[:0]), tick_s)
        ]
        spans += [
            Span(a, b, "DOWN" if up == 0 else "NO ANSWER", "s-down")
            for a, b, up in intervals(times_s, _presence(signals.get("host_up", times_s[:0])), tick_s)
            if up <= 0
        ]
        parts.append(Strip("Mode", [("flight software", spans)]))
    if "contact" in signals:
        inside = [(a, b) for a, b, on in intervals(times_s, signals["contact"], tick_s) if on > 0]
        parts.append(Strip("Contacts", _contacts(recording, name, inside)))
    lost_s = [loss.tick * tick_s for loss in recording.lost if loss.id == name]  # what acts longer nobody knows
    last_s = min([recording.end_s, *lost_s])
    faults = [
        (f.id, [Span(f.at_s, last_s if f.cleared_s is None else f.cleared_s, f.fault, "s-fault")])
        for f in _struck(recording, name)
        if f.at_s is not None
    ]
    if faults:
        parts.append(Strip("Faults", faults))
    events = _events(recording, name)
    if events:
        parts.append(Strip("Events", events))
    known = {base for panel in PANELS for base in panel.bases} | KNOWN
    others = dict.fromkeys(_base(signal) for signal in signals if _base(signal) not in known)
    for quantity in (*PANELS, *(Quantity(base.replace("_", " "), "", (base,)) for base in others)):
        chosen = [signal for signal in signals if _base(signal) in quantity.bases][:MAX_LINES]
        if chosen:
            parts.append(_panel(recording, name, {signal: signals[signal] for signal in chosen}, quantity))
    return parts


def _panel(recording: Recording, name: str, signals: Mapping[str, Floats], quantity: Quantity) -> Panel:
    """True values as lines, and as dots of the same colour what the ground was told of them."""
    lines, limits = [], dict[float, str]()
    for place, (signal, values) in enumerate(signals.items()):
        colour = COLOURS.get(signal, (place + 1) % 8)
        lines.append(Line(_label(signal), quantity.factor * values + quantity.offset, colour))
        told = recording.belief.get((name, signal))
        if told is not None and told.times_s.size:
            points = quantity.factor * told.values + quantity.offset
            lines.append(Line(f"{_label(signal)}, as told to the ground", points, colour, told.times_s, points=True))
        for value, words in _limits(recording, name, signal):
            limits.setdefault(quantity.factor * value + quantity.offset, words)
    return Panel(quantity.title, quantity.unit, lines, quantity.least, quantity.most, tuple(limits.items()))


def _limits(recording: Recording, name: str, signal: str) -> list[tuple[float, str]]:
    """Limits that the dictionary gives a quantity under its name in telemetry."""
    design = next(each.design for each in recording.scenario.spacecraft if each.id == name)
    form = form_of(recording, design, signal)
    if form is None:
        return []
    bounds = (
        (form.hard_low, "hard limit"), (form.soft_low, "soft limit"), (form.soft_high, "soft limit"),
        (form.hard_high, "hard limit"),
    )  # fmt: skip
    return [(value, words) for value, words in bounds if value is not None]


def soft_limits(recording: Recording, name: str, signal: str) -> tuple[float, float]:
    """Lowest and highest value within the soft limits; infinite where there is none."""
    design = next(each.design for each in recording.scenario.spacecraft if each.id == name)
    form = form_of(recording, design, signal)
    low = form.soft_low if form else None
    high = form.soft_high if form else None
    return (-math.inf if low is None else low, math.inf if high is None else high)


def _events(recording: Recording, name: str) -> list[tuple[str, list[Span]]]:
    """A row per severity that came, the worst first. An event of unknown time is in the table only."""
    rows = []
    for severity in sorted(Severity, reverse=True):
        spans = [
            Span(e.at_s, e.at_s, "", f"s-severity-{severity}", f"{e.name} at {clock(e.at_s)}, {severity.name.lower()}")
            for e in recording.events
            if e.spacecraft == name and e.severity == severity and e.at_s is not None
        ][:MAX_MARKS]
        if spans:
            rows.append((severity.name.lower(), spans))
    return rows


def _base(signal: str) -> str:
    return signal.partition("[")[0]


def _label(signal: str) -> str:
    if signal.startswith("job_"):
        return signal.replace("job_", "").replace("_s", "").replace("[", " of job ").rstrip("]")
    return LABELS.get(signal) or _short(signal)


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


def _short(signal: str) -> str:
    """`thermal_temperature_k[radiator]` -> `radiator`; `array_temperature_k` -> `array`."""
    base, _, index = signal.partition("[")
    stem = base.removesuffix("_temperature_k").replace("_", " ")
    element = index.removesuffix("]").replace("_", " ")
    return element if stem in ("thermal", "accelerator clock fraction") else f"{stem} {element}".strip()
