"""The range's own health, for Prometheus: ticks, who is here and who is late, mail, what was turned away.

Totals only: their number does not depend on the number of spacecraft. What happens in the mission is the ground's.
Lines to what is outside are few, and each has its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from bus.process.handshake import Handshake
from bus.sockets.refusals import Refusals

if TYPE_CHECKING:
    from prometheus_client.core import Metric

    from bus.lockstep.conductor import Conductor
    from bus.process.pacing import Pacing
    from bus.process.plan import OutsideFigures

COUNTED = ("late_tocks", "missed_ticks", "replayed_ticks", "returns", "mail_sent", "mail_received", "snapshots")
"""Of the conductor's counters, those that tell how a run goes; what was turned away is told of as refused."""


def range_metrics(  # noqa: PLR0917 - the server's own parts
    conductor: Conductor, pacing: Pacing, refused: Refusals, traffic: Counter[str], handshake: Handshake, lost: int
) -> Iterator[Metric]:
    """Every family."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

    late = conductor.late
    for name, what, value in (
        ("skyrack_tick", "The open tick, -1 before the first", conductor.tick),
        ("skyrack_participants_present", "Participants with a session through a socket", len(handshake.sessions)),
        ("skyrack_participants_awaited", "Participants whose answer is needed now", len(conductor.waiting)),
        ("skyrack_participants_late", "Participants that owe answers to past ticks", len(late)),
        ("skyrack_participants_lost", "Participants that were given up", lost),
        ("skyrack_most_ticks_behind", "By how many ticks the last of them is behind", max(late.values(), default=0)),
    ):
        yield GaugeMetricFamily(name, what, value=value)
    yield CounterMetricFamily("skyrack_schedule_slips", "Ticks that the schedule gave up", value=pacing.slips)
    totals: Counter[str] = Counter()
    for counters in conductor.counters.values():
        totals.update({name: counters.get(name, 0) for name in COUNTED})
    family = CounterMetricFamily("skyrack_participant_events", "What happened at all sessions", labels=["event"])
    for name in COUNTED:
        family.add_metric([name], totals[name])
    yield family
    family = CounterMetricFamily("skyrack_socket_events", "What the ports counted", labels=["event"])
    for name, number in sorted(traffic.items()):
        family.add_metric([name], number)
    yield family
    yield CounterMetricFamily("skyrack_refused", "What was turned away at the borders", value=refused.total)


def outside_metrics(figures: Mapping[str, OutsideFigures]) -> Iterator[Metric]:
    """Of each line to a device or flight software that is outside; nothing where there are none."""
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily  # noqa: PLC0415

    if not figures:
        return
    up = GaugeMetricFamily("skyrack_outside_answers", "Whether somebody answers at a line", labels=["line"])
    took = GaugeMetricFamily(
        "skyrack_outside_round_trip_p99_seconds", "Real time of 99 % of the answers, where they are waited for",
        labels=["line"],
    )  # fmt: skip
    counts = CounterMetricFamily("skyrack_outside_events", "What happened at a line", labels=["line", "event"])
    for line, found in figures.items():
        up.add_metric([line], float(found.answers))
        if found.round_trip_p99_s is not None:
            took.add_metric([line], found.round_trip_p99_s)
        for event, number in found.counts.items():
            counts.add_metric([line, event], number)
    yield from (up, took, counts)
