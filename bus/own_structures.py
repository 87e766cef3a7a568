"""Structures that the ground made in flight: a spacecraft tells what they are, and packets of them are read by that.

A number means one list of parameters for ever: a structure that is changed gets another number on board. So it does not
matter in which order reports and packets come, or in which boot; until all of a structure's reports are there, its
packets are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.dictionary import Dictionary, Structure
from bus.pus import Service

SUBTYPES = {10: 25, 12: 26}
"""Of the reports of service 3 that tell a structure, housekeeping and diagnostic; and of the packets that follow."""
MOST = 4096
"""Structures that are remembered of one spacecraft [A]."""


@dataclass(slots=True)
class Told:
    """What is known of one structure: the subtype of the reports that tell it, how many parameters it has, and which,
    by their places from 1."""

    report: int
    name: int
    interval_s: float
    size: int
    places: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class OwnStructures:
    """Those of one spacecraft, by number. `left_out`: reports of more than are remembered, or that are senseless."""

    told: dict[int, Told] = field(default_factory=dict)
    left_out: int = 0

    def hear(self, known: Dictionary, structure: int, values: Sequence[float]) -> None:
        """A packet has come; a report that tells a structure is remembered."""
        form = known.structure.get(structure)
        if form is None or form.service != Service.HOUSEKEEPING or form.subtype not in SUBTYPES:
            return
        if len(values) != len(form.parameters):
            self.left_out += 1
            return
        number, name, interval_s, _, size, place, parameter = values
        told = self.told.get(int(number))
        if told is None:
            if len(self.told) >= MOST:
                self.left_out += 1
                return
            told = self.told[int(number)] = Told(form.subtype, int(name), interval_s, int(size))
        told.interval_s = interval_s
        if 1 <= place <= told.size and 0 <= parameter < len(known.parameters):
            told.places[int(place)] = int(parameter)

    def find(self, known: Dictionary, structure: int) -> Structure | None:
        """What a packet of this number holds: of the dictionary, or told in flight; None where that is not known."""
        form = known.structure.get(structure)
        if form is not None:
            return form
        told = self.told.get(structure)
        if told is None or len(told.places) < told.size:
            return None
        report = next(s for s in known.structures if s.service == Service.HOUSEKEEPING and s.subtype == told.report)
        stem = known.parameter[report.parameters[1]].label(told.name) or "own"
        return Structure(
            id=structure, name=f"{stem}.{structure}", interval_s=told.interval_s, subtype=SUBTYPES[told.report],
            parameters=tuple(known.parameters[told.places[place]].name for place in range(1, told.size + 1)),
        )  # fmt: skip

    def all(self, known: Dictionary) -> dict[int, Structure]:
        """Those of the dictionary, and those that are known in full, by number."""
        own = {number: self.find(known, number) for number in sorted(self.told)}
        return {**known.structure, **{number: form for number, form in own.items() if form is not None}}
