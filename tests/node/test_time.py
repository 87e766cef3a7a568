"""Service 9: time reports in contact at the rate that the ground sets, and the clock set."""

from __future__ import annotations

import pytest

from bus.pus import Service
from bus.wire.messages import Telemetry
from tests.kits.fake_spacecraft import Flight


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.fly(3)
    return flight


def reported(flight: Flight) -> list[tuple[float, float]]:
    """(rate, on-board time) of each time report."""
    return [(t.values[0], t.values[1]) for t in flight.bodies(Telemetry) if t.stream == Service.TIME]


def test_reports_come_in_contact_at_the_rate_that_is_set(flight: Flight) -> None:
    flight.fly(47)
    assert [rate for rate, _ in reported(flight)] == [4.0] * 3
    gaps = [b - a for (_, a), (_, b) in zip(reported(flight), reported(flight)[1:], strict=False)]
    assert gaps == pytest.approx([16.0, 16.0], abs=1e-3)
    flight.command("time.report_rate", exponent=1)
    flight.fly(2)
    before = len(reported(flight))
    flight.fly(20)
    assert len(reported(flight)) - before == 10
    flight.point(on=False)
    flight.fly(2)
    before = len(reported(flight))
    flight.fly(20)
    flight.point()
    flight.fly(1)
    assert len(reported(flight)) - before <= 1  # what would have waited was never made


def test_the_rate_survives_a_reboot(flight: Flight) -> None:
    flight.command("time.report_rate", exponent=0)
    flight.fly(2)
    flight.inject(4, "computer", "reboot")
    flight.fly(10)
    assert reported(flight)[-1][0] == 0.0


@pytest.mark.parametrize("time_s", [5.0, 100_000.0])
def test_the_clock_is_set_forward_and_back_and_the_step_is_told(flight: Flight, time_s: float) -> None:
    flight.command("time.set", time_s=time_s)
    flight.fly(1)
    flight.command("time.report_rate", exponent=0)
    flight.fly(3)
    assert reported(flight)[-1][1] == pytest.approx(time_s + 3.0, abs=1e-3)
    assert flight.events().count("clock_stepped") == 1
