"""Times of flight software are times: a finer or coarser tick does not change what it does, nor when."""

from __future__ import annotations

import dataclasses
from collections import Counter

import pytest

from bus.participant import Moment
from bus.wire.messages import Allocation, Event, Message, StoreReport, Telemetry
from node.assembly import stretched_times, wire
from node.node import Node
from tests.kits.fake_spacecraft import FakePlant, config

SECOND_NS = 1_000_000_000


class Flown:
    """A spacecraft whose charge falls at 100 s and rises at 200 s, at any tick."""

    def __init__(self, tick_ns: int, seconds: int = 400) -> None:
        plant = FakePlant()
        plant.set("station_visible[0]", 1)
        cfg = dataclasses.replace(config(), tick_ns=tick_ns)
        node = Node(cfg, wire(cfg, plant))
        self.at_s: dict[str, list[float]] = {}
        self.reports: Counter[int] = Counter()
        self.store_reports = 0
        for tick in range(seconds * SECOND_NS // tick_ns):
            start_ns = tick * tick_ns
            soc = 0.25 if 100 * SECOND_NS <= start_ns < 200 * SECOND_NS else 0.9
            plant.set("battery_soc", soc)
            inbox = []
            if tick == 0:
                body = Allocation(station="north", spacecraft="sat-1", band="S", rate_bps=1e6, on=True)
                inbox = [Message(0, "ground", 1, "sat-1", body)]
            seen: set[tuple[int, int]] = set()
            out = node.step(Moment(tick, start_ns, start_ns + tick_ns), inbox)
            for message in out.messages:
                body = message.body
                if isinstance(body, StoreReport):
                    self.store_reports += 1
                elif (body.stream, body.sequence) in seen:
                    continue
                elif isinstance(body, Event):
                    name = node.dictionary.event[body.event].name
                    self.at_s.setdefault(name, [body.obt_ns / 1e9])
                elif isinstance(body, Telemetry):
                    self.reports[body.structure] = max(self.reports[body.structure], 1)
        fsw = node.software
        assert fsw is not None
        self.generated = fsw.storage.store.generated
        self.fsw = fsw


@pytest.fixture(scope="module")
def second() -> Flown:
    return Flown(SECOND_NS)


@pytest.mark.parametrize("tick_ns", [SECOND_NS // 10, SECOND_NS // 4, 2 * SECOND_NS, 5 * SECOND_NS])
def test_what_flight_software_does_is_the_same_at_every_tick(second: Flown, tick_ns: int) -> None:
    flown = Flown(tick_ns)
    slack_s = 2 * max(tick_ns, SECOND_NS) / 1e9
    assert set(flown.at_s) == set(second.at_s) >= {"payload_shed", "payload_restored"}
    for name, (at_s,) in second.at_s.items():
        assert flown.at_s[name][0] == pytest.approx(at_s, abs=slack_s), name
    assert flown.reports == second.reports
    assert flown.store_reports == pytest.approx(second.store_reports, abs=2)
    assert flown.generated == pytest.approx(second.generated, abs=6)


def test_dwell_times_are_those_of_the_parameters(second: Flown) -> None:
    assert second.at_s["payload_shed"][0] == pytest.approx(105.0, abs=1.5)
    assert second.at_s["payload_restored"][0] == pytest.approx(260.0, abs=1.5)


def test_a_coarse_tick_says_which_times_it_stretches() -> None:
    assert stretched_times(SECOND_NS) == stretched_times(SECOND_NS // 10) == ()
    coarse = {t.name: (t.declared_s, t.flown_s) for t in stretched_times(8 * SECOND_NS)}
    assert coarse["power.shed_dwell_s"] == (5.0, 8.0)
    assert coarse["store.report_s"] == (10.0, 16.0)
    assert coarse["computer boot"] == (5.0, 8.0)
    assert "mode.stable_after_s" not in coarse  # 600 s are 75 ticks
