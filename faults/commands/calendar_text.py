"""A contact plan as an iCalendar object (RFC 5545): one event a contact, for any calendar program.

Only what such a plan needs: UTC times, text, lines of at most 75 octets. The same scenario gives the same bytes, so the
stamp of every event is the scenario's epoch and not the time of printing.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from faults.commands.contacts import utc

if TYPE_CHECKING:
    from datetime import datetime

    from bus.scenario.model import Scenario
    from groundstation.contacts.plan import PlannedContact

LINE_OCTETS = 75
"""Without the line break (RFC 5545, 3.1)."""
STATUS = {"served": "CONFIRMED", "in part": "TENTATIVE", "not served": "CANCELLED"}


def calendar(plan: Sequence[PlannedContact], scenario: Scenario) -> str:
    """The whole object, with CRLF at the end of every line."""
    return "".join(f"{fold(line)}\r\n" for line in _lines(plan, scenario))


def _lines(plan: Sequence[PlannedContact], scenario: Scenario) -> Iterator[str]:
    places = {station.id: station for station in scenario.stations}
    yield from ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Skyrack//contact plan//EN", "CALSCALE:GREGORIAN")
    for contact in plan:
        station = places[contact.station]
        degrees = (math.degrees(station.latitude_rad), math.degrees(station.longitude_rad))
        yield "BEGIN:VEVENT"
        yield f"UID:{scenario.digest}-{contact.station}-{contact.spacecraft}-{contact.aos_ns}@skyrack.invalid"
        yield f"DTSTAMP:{_stamp(utc(scenario.epoch_utc, 0))}"
        yield f"DTSTART:{_stamp(utc(scenario.epoch_utc, _seconds_ns(contact.aos_ns)))}"
        end_ns = max(_seconds_ns(contact.los_ns), _seconds_ns(contact.aos_ns) + 10**9)  # an event's end is after it
        yield f"DTEND:{_stamp(utc(scenario.epoch_utc, end_ns))}"
        yield f"SUMMARY:{escape(f'{contact.spacecraft} over {contact.station}')}"
        yield f"DESCRIPTION:{escape(_words(contact, scenario))}"
        yield f"LOCATION:{escape(contact.station)}"
        yield f"GEO:{degrees[0]:.6f};{degrees[1]:.6f}"
        yield f"STATUS:{STATUS[contact.state]}"
        yield "END:VEVENT"
    yield "END:VCALENDAR"


def _words(contact: PlannedContact, scenario: Scenario) -> str:
    lines = [f"Highest at {math.degrees(contact.max_elevation_rad):.1f} deg; antenna: {contact.state}"]
    for on_ns, off_ns in contact.served:
        on, off = utc(scenario.epoch_utc, on_ns), utc(scenario.epoch_utc, off_ns)
        lines.append(f"points there {on:%H:%M:%S} to {off:%H:%M:%S} UTC")
    if contact.instead:
        lines.append(f"else {', '.join(contact.instead)}")
    return "\n".join(lines)


def _seconds_ns(at_ns: int) -> int:
    return round(at_ns / 1e9) * 10**9


def _stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%dT%H%M%S}Z"


def escape(text: str) -> str:
    """A value of type TEXT (3.3.11)."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text


def fold(line: str) -> str:
    """Long lines go on after a line break and a blank, never within a character (3.1)."""
    rows, row, octets = [], "", 0
    for letter in line:
        length = len(letter.encode())
        if octets + length > LINE_OCTETS:
            rows.append(row)
            row, octets = " ", 1
        row, octets = row + letter, octets + length
    return "\r\n".join([*rows, row])
