"""What an export holds: truth, telemetry, events, telecommands, faults and contacts, as tables and as channels.

Truth comes from the trace, telemetry from the ground's archive: only what really arrived. No file format here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bus.dictionary import Parameter
from faults.recording.belief import form_of
from faults.recording.recording import Recording, said
from faults.run_directory import RunDirectory
from groundstation.archive.reader import ArchiveReader


@dataclass(frozen=True, slots=True)
class Table:
    """A flat table. kinds: float, int or text per column. about: unit, labels and meaning of columns, where known."""

    name: str
    columns: Sequence[str]
    kinds: Sequence[str]
    rows: Iterable[Sequence[object]]
    about: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Channel:
    """A stream of JSON messages: (nanoseconds since the scenario's epoch, message), rising in time."""

    topic: str
    name: str
    schema: dict[str, Any]
    messages: Iterable[tuple[int, dict[str, Any]]]


def tables(recording: Recording, directory: RunDirectory) -> Iterator[Table]:
    """Everything as tables: one of truth per spacecraft, one of each other kind."""
    for spacecraft in recording.scenario.spacecraft:
        names = list(recording.signals_of(spacecraft.id))
        if names:
            yield Table(
                f"truth_{spacecraft.id}",
                ["time_s", *names],
                ["float"] * (len(names) + 1),
                _truth_rows(recording, spacecraft.id, names),
                {name: about for name in names if (about := _about(form_of(recording, spacecraft.design, name)))},
            )
    if directory.archive.is_file():
        yield Table(
            "telemetry",
            ["spacecraft", "boot", "obt_s", "received_s", "parameter", "value", "made_s", "unit", "label"],
            ["text", "int", "float", "float", "text", "float", "float", "text", "text"],
            _telemetry_rows(recording, directory),
        )
    yield Table(
        "events",
        ["spacecraft", "at_s", "event", "severity", "arguments", "obt_s"],
        ["text", "float", "text", "int", "text", "float"],
        ([e.spacecraft, e.at_s, e.name, e.severity, said(e), e.obt_s] for e in recording.events),
    )
    stages = ("accepted", "started", "completed", "failed", "rejected")
    yield Table(
        "telecommands",
        [
            "spacecraft",
            "request",
            "telecommand",
            "station",
            "transmissions",
            "state",
            "sent_s",
            *(f"{s}_s" for s in stages),
        ],
        ["text", "int", "text", "text", "int", "text", *["float"] * (1 + len(stages))],
        (
            [t.spacecraft, t.request, t.name, t.station, t.transmissions, t.state, t.sent_s]
            + [t.stages_s.get(stage) for stage in stages]
            for t in recording.telecommands
        ),
    )
    yield Table(
        "faults",
        ["id", "fault", "target", "seam", "planned_s", "at_s", "cleared_s"],
        ["text"] * 4 + ["float"] * 3,
        ([f.id, f.fault, f.target, f.seam, f.planned_s, f.at_s, f.cleared_s] for f in recording.faults),
    )


def channels(recording: Recording, directory: RunDirectory) -> Iterator[Channel]:
    """Everything as streams of JSON messages."""
    for spacecraft in recording.scenario.spacecraft:
        names = list(recording.signals_of(spacecraft.id))
        if names:
            fields = {_field(name): _property(form_of(recording, spacecraft.design, name)) for name in names}
            messages = (
                (ns(row[0]), dict(zip(fields, map(_number, row[1:]), strict=True)))
                for row in _truth_rows(recording, spacecraft.id, names)
            )
            yield Channel(f"/{spacecraft.id}/truth", f"{spacecraft.id}.truth", schema(fields), messages)
        located = _locations(recording, spacecraft.id)
        if located is not None:
            yield located
        if directory.archive.is_file():
            yield from _telemetry_channels(recording, directory, spacecraft.id)
    text, number = {"type": "string"}, {"type": ["number", "null"]}
    yield Channel(
        "/events",
        "event",
        schema(
            {"spacecraft": text, "event": text, "severity": number, "arguments": {"type": "object"}, "obt_s": number}
        ),
        (
            (
                ns(e.sent_s if e.at_s is None else e.at_s),
                {
                    "spacecraft": e.spacecraft,
                    "event": e.name,
                    "severity": e.severity,
                    "arguments": dict(e.named) or {f"argument_{i}": v for i, v in enumerate(e.arguments)},
                    "obt_s": e.obt_s,
                },
            )
            for e in recording.events
        ),
    )
    yield Channel(
        "/telecommands",
        "telecommand",
        schema({"spacecraft": text, "telecommand": text, "station": text, "state": text, "ended_s": number}),
        (
            (
                ns(t.sent_s),
                {
                    "spacecraft": t.spacecraft,
                    "telecommand": t.name,
                    "station": t.station,
                    "state": t.state,
                    "ended_s": t.stages_s.get(t.state),
                },
            )
            for t in sorted(recording.telecommands, key=lambda t: t.sent_s)
        ),
    )
    yield Channel(
        "/faults",
        "fault",
        schema({"id": text, "fault": text, "target": text, "seam": text, "cleared_s": number}),
        (
            (ns(f.at_s), {"id": f.id, "fault": f.fault, "target": f.target, "seam": f.seam, "cleared_s": f.cleared_s})
            for f in sorted(recording.faults, key=lambda f: f.at_s or 0.0)
            if f.at_s is not None
        ),
    )


def _truth_rows(recording: Recording, spacecraft: str, names: Sequence[str]) -> Iterator[list[float]]:
    columns = [recording.signals[spacecraft, name].tolist() for name in names]
    for index, time_s in enumerate(recording.times_s.tolist()):
        yield [time_s, *(column[index] for column in columns)]


def _locations(recording: Recording, spacecraft: str) -> Channel | None:
    """Place on the map in the form that Foxglove knows (foxglove.LocationFix)."""
    wanted = [recording.signal(spacecraft, name) for name in ("latitude_rad", "longitude_rad", "altitude_m")]
    if any(signal is None for signal in wanted):
        return None
    latitude, longitude, altitude = (signal.tolist() for signal in wanted if signal is not None)
    form = schema({name: {"type": "number"} for name in ("latitude", "longitude", "altitude")})
    messages = (
        (ns(t), {"latitude": math.degrees(a), "longitude": math.degrees(o), "altitude": h})
        for t, a, o, h in zip(recording.times_s.tolist(), latitude, longitude, altitude, strict=True)
        if math.isfinite(a)
    )
    return Channel(f"/{spacecraft}/location", "foxglove.LocationFix", form, messages)


def _telemetry_rows(recording: Recording, directory: RunDirectory) -> Iterator[list[object]]:
    for spacecraft in recording.scenario.spacecraft:
        forms = recording.dictionaries[spacecraft.design].parameter
        for report in ArchiveReader(directory.archive).reports(spacecraft.id):
            made_s = recording.made_s(spacecraft.id, *report.place)
            for name, value in report.named():
                row = [spacecraft.id, report.boot, report.obt_ns / 1e9, report.received_ns / 1e9, name, value, made_s]
                yield [*row, forms[name].unit, forms[name].label(value)]


def _telemetry_channels(recording: Recording, directory: RunDirectory, spacecraft: str) -> Iterator[Channel]:
    design = next(s.design for s in recording.scenario.spacecraft if s.id == spacecraft)
    archive = ArchiveReader(directory.archive)
    for number, structure in archive.structures(spacecraft).items():
        fields = {_field(name): _property(form_of(recording, design, name)) for name in structure.parameters}
        messages = (
            (
                report.received_ns if (made_s := recording.made_s(spacecraft, *report.place)) is None else ns(made_s),
                {_field(name): _number(value) for name, value in report.named()},
            )
            for report in archive.reports(spacecraft)
            if report.structure.id == number
        )
        topic = f"/{spacecraft}/telemetry/{structure.name}"
        yield Channel(topic, f"{design}.{structure.name}", schema(fields), messages)


def _about(form: Parameter | None) -> dict[str, str]:
    """Unit, labels and meaning, as plain text."""
    if form is None:
        return {}
    labels = ", ".join(f"{number}={label}" for number, label in enumerate(form.labels))
    return {"unit": form.unit, "description": form.description, **({"labels": labels} if labels else {})}


def _property(form: Parameter | None) -> dict[str, Any]:
    """The same as a property of a JSON schema: viewers show title and description, labels are its named constants."""
    base: dict[str, Any] = {"type": ["number", "null"]}
    if form is None:
        return base
    unit = f" [{form.unit}]" if form.unit else ""
    named = [{"const": number, "title": label} for number, label in enumerate(form.labels)]
    return {
        **base,
        "description": form.description + unit,
        "unit": form.unit,
        **({"anyOf": [*named, {}]} if named else {}),
    }


def schema(fields: dict[str, Any]) -> dict[str, Any]:
    """JSON Schema of a message with these fields."""
    return {"type": "object", "properties": fields}


def _field(name: str) -> str:
    """A name that plot paths of viewers can spell: no brackets."""
    return name.replace("[", "_").replace("]", "").replace(".", "_")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def ns(seconds: float) -> int:
    """Nanoseconds since the epoch."""
    return round(seconds * 1e9)
