"""Service 5: what storm control lets through, what it squelches, and that it says so."""

from __future__ import annotations

from bus.pus import Severity
from bus.wire.messages import Event
from node.fsw.component import Component
from node.fsw.managers.memory import MemoryManager
from node.fsw.services.st01_verification import Verification
from node.fsw.software import FlightSoftware
from tests.kits.fake_spacecraft import Flight


def board(flight: Flight) -> FlightSoftware:
    software = flight.node.software
    assert software is not None
    return software


def storm(component: Component, reports: int, *, severity: Severity | None = None) -> None:
    for _ in range(reports):
        component.event(Verification.DUPLICATE, 1, 1, severity=severity)


def told(flight: Flight) -> int:
    return flight.events().count("telecommand_duplicate")


def squelched(flight: Flight) -> list[tuple[str, int]]:
    form = next(form for form in flight.dictionary.events if form.name == "events_squelched")
    reports = [form.named(e.arguments) for e in flight.bodies(Event) if e.event == form.id]
    return [(str(r["event"]), int(r["squelched"])) for r in reports]


def test_sixteen_at_once_then_eight_a_second_and_one_event_says_how_many_were_squelched() -> None:
    flight = Flight(contact=True)
    flight.fly(3)
    storm(board(flight).verification, 100)
    flight.fly(1)
    assert told(flight) == 16
    storm(board(flight).verification, 100)
    flight.fly(1)
    assert told(flight) == 24
    assert board(flight).events.state.events_squelched == 176
    assert squelched(flight) == []
    flight.fly(12)
    assert squelched(flight) == [("telecommand_duplicate", 176)]
    storm(board(flight).verification, 17)
    flight.fly(12)
    assert squelched(flight)[1:] == [("telecommand_duplicate", 1)]


def test_the_high_severities_and_other_events_pass_through_a_storm() -> None:
    flight = Flight(contact=True)
    flight.fly(3)
    storm(board(flight).verification, 100)
    board(flight).memory.event(MemoryManager.CORRECTED, 1)
    flight.fly(1)
    assert flight.events().count("memory_corrected") == 1
    for severity in (Severity.MEDIUM, Severity.HIGH):
        before = told(flight)
        storm(board(flight).verification, 50, severity=severity)
        flight.fly(1)
        assert told(flight) - before == 50


def test_burst_and_rate_are_parameters() -> None:
    flight = Flight(contact=True)
    flight.command("parameter.set", parameter="event.burst", value=2.0)
    flight.command("parameter.set", parameter="event.rate_hz", value=1.0)
    flight.fly(3)
    storm(board(flight).verification, 10)
    flight.fly(1)
    assert told(flight) == 2
    storm(board(flight).verification, 10)
    flight.fly(1)
    assert told(flight) == 3


def test_a_storm_survives_saving_and_restoring() -> None:
    flight, twin = Flight(contact=True), Flight(contact=True)
    flight.fly(3)
    twin.fly(3)
    storm(board(flight).verification, 40)
    board(twin).restore(board(flight).save())
    assert board(twin).events.state == board(flight).events.state
