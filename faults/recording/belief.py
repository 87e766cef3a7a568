"""What the ground was told of quantities whose truth was recorded as well: measured beside true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bus.dictionary import Parameter
from bus.errors import EnvironmentFault
from bus.pus import Service
from faults.recording.recording import ParameterReport, Recording, Reported
from groundstation.archive.reader import ArchiveReader

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_PARAMETERS = 64
"""Reported quantities kept of one spacecraft; the archive has them all."""


def telemetered_as(signal: str) -> str:
    """The name in telemetry of a truth signal: parts stand behind a dot there (`x_k[gpu]`, `x_k.gpu`)."""
    base, bracket, part = signal.partition("[")
    return f"{base}.{part.rstrip(']')}" if bracket else base


def form_of(recording: Recording, design: str, signal: str) -> Parameter | None:
    """What a design's dictionary says of a truth signal, under its name in telemetry."""
    dictionary = recording.dictionaries.get(design)
    return dictionary.parameter.get(telemetered_as(signal)) if dictionary else None


def read_belief(recording: Recording, archive: ArchiveReader) -> dict[tuple[str, str], Reported]:
    """By (spacecraft, truth signal): values as reported, at the mission time at which their packet was made.

    A packet of which nobody knows when it was made is left out and counted. An unreadable archive tells nothing.
    """
    try:
        return dict(_belief(recording, archive))
    except EnvironmentFault:
        return {}


def read_parameters(recording: Recording, archive: ArchiveReader) -> list[ParameterReport]:
    """Every report of an on-board parameter that the ground has, by its time of receipt."""
    found = []
    for spacecraft in recording.scenario.spacecraft:
        try:
            reports = archive.on_board_parameters(spacecraft.id)
        except EnvironmentFault:
            continue
        for boot, sequence, received_ns, name, value, unit in reports:
            at_s = recording.made_s(spacecraft.id, boot, Service.PARAMETER, sequence)
            found.append(ParameterReport(spacecraft.id, name, value, unit, at_s, received_ns / 1e9))
    return sorted(found, key=lambda report: (report.received_s, report.spacecraft))


def _belief(recording: Recording, archive: ArchiveReader) -> Iterator[tuple[tuple[str, str], Reported]]:
    import numpy as np  # noqa: PLC0415 - `skyrack --help` must not wait for numpy

    for spacecraft in recording.scenario.spacecraft:
        dictionary = recording.dictionaries.get(spacecraft.design)
        if dictionary is None:
            continue
        own = recording.signals_of(spacecraft.id)
        told = [signal for signal in own if telemetered_as(signal) in dictionary.parameter][:MAX_PARAMETERS]
        reported = archive.reported(spacecraft.id, [telemetered_as(signal) for signal in told])
        for signal in told:
            times_s, values, undated = [], [], 0
            for boot, sequence, value in reported[telemetered_as(signal)]:
                made_s = recording.made_s(spacecraft.id, boot, Service.HOUSEKEEPING, sequence)
                if made_s is None:
                    undated += 1
                else:
                    times_s.append(made_s)
                    values.append(value)
            if times_s or undated:
                order = np.argsort(np.array(times_s), kind="stable")
                yield (spacecraft.id, signal), Reported(np.array(times_s)[order], np.array(values)[order], undated)
