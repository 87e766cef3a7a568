"""Service 4: statistics of chosen readings against numpy's, over the same cycles."""

from __future__ import annotations

import numpy as np
import pytest

from bus.pus import Code, Service, Stage
from bus.wire.messages import Telemetry, Verification
from node.fsw.services.st04_statistics import CAPACITY, Figures
from tests.kits.fake_spacecraft import Flight


@pytest.fixture
def flight() -> Flight:
    flight = Flight(contact=True)
    flight.fly(3)
    return flight


def reports(flight: Flight) -> list[tuple[float, ...]]:
    return [t.values for t in flight.bodies(Telemetry) if t.stream == Service.STATISTICS]


def test_figures_are_numpy_s() -> None:
    values = np.cos(np.arange(500.0)) * 3.0 + 1e6
    figures = Figures()
    for value in values:
        figures.take(float(value))
    assert (figures.samples, figures.least, figures.greatest) == (500, values.min(), values.max())
    assert figures.mean == pytest.approx(values.mean(), rel=1e-14)
    assert figures.squares / 500 == pytest.approx(values.var(), rel=1e-6)


def test_a_chosen_reading_is_sampled_reported_reset_and_deleted(flight: Flight) -> None:
    flight.command("statistics.add", reading="battery_soc")
    flight.fly(10)
    flight.plant.set("battery_soc", 0.5)
    flight.fly(10)
    flight.command("statistics.report")
    flight.fly(2)
    (reading, span_s, samples, least, greatest, mean, deviation) = reports(flight)[-1]
    assert flight.dictionary.parameter["statistics_reading"].labels[int(reading)] == "battery_soc"
    assert samples == 20 and span_s == pytest.approx(20.0)
    assert (least, greatest) == pytest.approx((0.5, 0.9), abs=0.05)
    assert mean == pytest.approx(0.7, abs=0.05) and deviation == pytest.approx(0.2, abs=0.05)
    flight.command("statistics.reset")
    flight.fly(3)
    flight.command("statistics.report")
    flight.fly(2)
    assert reports(flight)[-1][2] == 3 and reports(flight)[-1][4] == pytest.approx(0.5, abs=0.05)
    flight.command("statistics.delete", reading="battery_soc")
    flight.command("statistics.report")
    flight.command("statistics.delete", reading="battery_soc")
    flight.fly(2)
    assert len(reports(flight)) == 2
    last = flight.bodies(Verification)[-1]
    assert (last.stage, last.code) == (Stage.FAILED, Code.NO_SUCH_ENTRY)


def test_reports_come_by_themselves_where_that_is_enabled(flight: Flight) -> None:
    flight.command("statistics.add", reading="battery_soc")
    flight.command("statistics.enable", interval_s=5.0)
    flight.fly(21)
    assert len(reports(flight)) == 4
    flight.command("statistics.disable")
    flight.fly(20)
    assert len(reports(flight)) == 4


def test_the_choice_is_bounded(flight: Flight) -> None:
    labels = flight.dictionary.telecommand["statistics.add"].arguments[0].labels
    for name in labels[: CAPACITY + 1]:
        flight.command("statistics.add", reading=name)
        flight.fly(1)
    flight.fly(2)
    last = flight.bodies(Verification)[-1]
    assert (last.stage, last.code) == (Stage.FAILED, Code.FULL)
