"""What the ground knows, for Prometheus: fleet, commanding, telemetry ledger, alarms, accelerators.

It hears the rows on their way to the archive and asks the ground for its totals. What was never received is absent,
not zero; how old the rest is stands beside it. Accelerators have the field names of NVIDIA's DCGM, so that dashboards
for data centres show them. Cardinality is bounded: `MOST_SPACECRAFT` are told of one by one, in the order of the
scenario, with `MOST_GROUPS` accelerator groups of each; `skyrack_spacecraft_untold` counts the others, which are in the
totals.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bus.accelerators import CLOCK, CLOCK_METRIC, DCGM, shown
from bus.dictionary import Dictionary
from bus.wire.messages import Kind
from groundstation.ground import Ground

if TYPE_CHECKING:
    from prometheus_client.core import Metric

MOST_SPACECRAFT = 200
MOST_GROUPS = 16

FLEET = {
    "battery_soc": ("skyrack_battery_charge_ratio", "State of charge, as received"),
    "array_power_w": ("skyrack_array_power_watts", "Power from the solar array, as received"),
    "load_power_w": ("skyrack_load_power_watts", "Power of all loads, as received"),
    "payload_power_w": ("skyrack_payload_power_watts", "Power of all accelerators, as received"),
    "jobs_active": ("skyrack_jobs_active", "Jobs that run, start or write a checkpoint, as received"),
    "job_queue_length": ("skyrack_job_queue_length", "Jobs that wait for free accelerators, as received"),
    "jobs_done": ("skyrack_jobs_done", "Jobs completed, as received"),
    "job_progress_s": ("skyrack_job_progress_seconds", "Useful work of all jobs, as received"),
    "job_lost_total_s": ("skyrack_job_lost_seconds", "Work that was done and lost again, as received"),
}
"""Telemetry -> (metric, what it is). Units are those of the dictionary."""
SERVICE_LEVEL = "job_p99_s"
"""Labelled by job: the 99th percentile of a service's latency."""
_MODE = "mode"


class GroundMetrics:
    """See the module. `note` is called with the rows of each step, `collect` whenever somebody asks."""

    def __init__(self, ground: Ground, dictionaries: Mapping[str, Dictionary]) -> None:
        """dictionaries: by spacecraft, in the order of the scenario."""
        self._ground = ground
        self._all = len(dictionaries)
        told = list(dictionaries)[:MOST_SPACECRAFT]
        plans = {d.version: _plan(d) for d in dictionaries.values()}
        self._plans = {name: plans[dictionaries[name].version] for name in told}
        self._modes = {name: d.parameter[_MODE].labels for name, d in dictionaries.items() if _MODE in d.parameter}
        self._values: dict[str, dict[str, float]] = {name: {} for name in told}
        self._newest: dict[tuple[str, int], tuple[int, int]] = {}  # by structure: a late packet is no news
        self._received_ns: dict[str, int] = {}
        self.now_ns: Callable[[], int] = lambda: 0  # whoever runs the ground knows better
        self._packets: Counter[str] = Counter()

    def note(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Rows of the archive, as they are committed."""
        for row in rows:
            if row[0] == "packets":
                self._packet(row)

    def _packet(self, row: tuple[object, ...]) -> None:
        _, spacecraft, boot, _, _, kind, obt_ns, received_ns, _, number, *_, payload = row
        assert isinstance(spacecraft, str) and isinstance(kind, int) and isinstance(received_ns, int)
        self._packets[Kind(kind).name.lower()] += 1
        plan = self._plans.get(spacecraft)
        if plan is None:
            return
        self._received_ns[spacecraft] = max(received_ns, self._received_ns.get(spacecraft, 0))
        assert isinstance(boot, int) and isinstance(obt_ns, int) and isinstance(number, int)
        wanted = plan.get(number) if kind == Kind.TELEMETRY else None
        before = self._newest.get((spacecraft, number), (-1, -1))
        if not wanted or (boot, obt_ns) < before or not isinstance(payload, bytes):
            return
        self._newest[spacecraft, number] = (boot, obt_ns)
        values = self._values[spacecraft]
        for place, name in wanted:
            if 8 * place + 8 <= len(payload):
                values[name] = struct.unpack_from("<d", payload, 8 * place)[0]

    def collect(self) -> Iterator[Metric]:
        """Every family, as Prometheus takes it."""
        yield from self._totals()
        yield from self._fleet()
        yield from self._accelerators()

    def _totals(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

        figures = self._ground.figures()
        yield GaugeMetricFamily("skyrack_mission_time_seconds", "Since the epoch", value=self.now_ns() / 1e9)
        yield GaugeMetricFamily("skyrack_spacecraft", "Spacecraft of the scenario", value=self._all)
        untold = self._all - len(self._plans)
        yield GaugeMetricFamily("skyrack_spacecraft_untold", "Spacecraft without figures of their own", value=untold)
        contact = GaugeMetricFamily("skyrack_contacts", "Antennas that point at a spacecraft now")
        contact.add_metric([], figures.contacts)
        yield contact
        requests = CounterMetricFamily("skyrack_telecommands", "Telecommands by what became of them", labels=["state"])
        for state, number in figures.telecommands.items():
            requests.add_metric([state.lower()], number)
        yield requests
        yield GaugeMetricFamily("skyrack_telecommands_open", "Telecommands under way", value=figures.open_telecommands)
        ledger = CounterMetricFamily("skyrack_telemetry_packets", "The ledger of the ground", labels=["entry"])
        for entry, packets_or_rows in figures.telemetry.items():
            ledger.add_metric([entry], packets_or_rows)
        yield ledger
        packets = CounterMetricFamily("skyrack_packets_received", "New ones since this process began", labels=["kind"])
        for kind, number in sorted(self._packets.items()):
            packets.add_metric([kind], number)
        yield packets
        alarms = GaugeMetricFamily("skyrack_alarms", "Alarms that are not over", labels=["level", "state"])
        for (level, state), number in sorted(figures.alarms.items()):
            alarms.add_metric([level, state], number)
        yield alarms
        raised = CounterMetricFamily("skyrack_alarms_raised", "Alarms ever raised", labels=["level"])
        for level, number in figures.alarms_raised.items():
            raised.add_metric([level], number)
        yield raised

    def _fleet(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415

        age = GaugeMetricFamily(
            "skyrack_telemetry_age_seconds", "Mission time since the last new packet", labels=["spacecraft"]
        )
        for name, received_ns in self._received_ns.items():
            age.add_metric([name], (self.now_ns() - received_ns) / 1e9)
        yield age
        mode = GaugeMetricFamily("skyrack_mode_info", "Mode, as received", labels=["spacecraft", "mode"])
        level = GaugeMetricFamily(
            "skyrack_job_latency_p99_seconds", "Latency of a service, as received", labels=["spacecraft", "job"]
        )
        for name, values in self._values.items():
            labels = self._modes.get(name, ())
            if _MODE in values and 0 <= values[_MODE] < len(labels):
                mode.add_metric([name, labels[int(values[_MODE])]], 1)
            for key, value in values.items():
                if key.partition(".")[0] == SERVICE_LEVEL and math.isfinite(value) and value > 0:
                    level.add_metric([name, key.partition(".")[2]], value)
        yield from (mode, level)
        for parameter, (metric, what) in FLEET.items():
            family = GaugeMetricFamily(metric, what, labels=["spacecraft"])
            for name, values in self._values.items():
                if math.isfinite(values.get(parameter, math.nan)):
                    family.add_metric([name], values[parameter])
            yield family

    def _accelerators(self) -> Iterator[Metric]:
        from prometheus_client.core import GaugeMetricFamily  # noqa: PLC0415
        from prometheus_client.core import Metric as Family  # noqa: PLC0415

        for parameter, (field, kind, what) in DCGM.items():
            family = Family(field, what, kind if kind == "gauge" else "unknown")
            for name, values in self._values.items():
                for key, value in values.items():
                    known, _, group = key.partition(".")
                    if known == parameter and math.isfinite(value):
                        family.add_sample(field, {"gpu": group, "Hostname": name}, shown(parameter, value))
            yield family
        clock = GaugeMetricFamily(*CLOCK_METRIC, labels=["Hostname", "gpu"])
        for name, values in self._values.items():
            for key, value in values.items():
                if key.partition(".")[0] == CLOCK and math.isfinite(value):
                    clock.add_metric([name, key.partition(".")[2]], value)
        yield clock


def _plan(dictionary: Dictionary) -> dict[int, list[tuple[int, str]]]:
    """Of each structure: where what is wanted stands in it."""
    groups: dict[str, int] = {}
    for parameter in dictionary.parameters:
        stem, _, label = parameter.name.partition(".")
        if stem == CLOCK:
            groups[label] = len(groups)

    def wanted(name: str) -> bool:
        stem, _, label = name.partition(".")
        if stem in DCGM or stem == CLOCK:
            return groups.get(label, MOST_GROUPS) < MOST_GROUPS
        return name in FLEET or name == _MODE or stem == SERVICE_LEVEL

    plans = {
        structure.id: [(place, name) for place, name in enumerate(structure.parameters) if wanted(name)]
        for structure in dictionary.structures
    }
    return {number: plan for number, plan in plans.items() if plan}
