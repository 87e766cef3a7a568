"""From a run's directory to a `Recording`: one pass over the trace, and the ground's archive for the ledger.

Reads a trace that ended in order and one that was cut off by a crash alike. Judges and draws nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from bus.dictionary import Dictionary
from bus.errors import DecodeError, UserError, in_words
from bus.files import read_bounded
from bus.pus import Stage
from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from bus.wire.codec import decode, peek
from bus.wire.messages import (
    Allocation,
    Event,
    Injection,
    InjectionReport,
    InjectionState,
    Kind,
    Message,
    Packet,
    Seam,
    Telecommand,
    Verification,
)
from faults.catalogue.injection_ids import fault_of, injection_ids
from faults.recording.belief import read_belief, read_parameters
from faults.recording.books import losses, read_books
from faults.recording.crosslinks import read_crosslinks
from faults.recording.levels import read_service_levels
from faults.recording.operations import read_operations
from faults.recording.packet_times import PacketTimes
from faults.recording.recording import EventRecord, FaultRecord, Pointing, Recording, TelecommandRecord
from faults.recording.retention import read_retired
from faults.run_directory import RunDirectory
from groundstation.archive.reader import ArchiveReader
from groundstation.config import GROUND_ID

if TYPE_CHECKING:
    from bus.trace.writer import Answer, Traced, TraceHeader

_INTERESTING = frozenset(
    {Kind.TELECOMMAND, Kind.EVENT, Kind.VERIFICATION, Kind.ALLOCATION, Kind.INJECTION, Kind.INJECTION_REPORT}
)
MAX_FILE_BYTES = 256 * 1024 * 1024
"""Of a JSON file in a run's directory: a resolved scenario of a thousand spacecraft has some megabytes."""
_RUN_HINT = "a run's directory holds what one run left, as it left it"
_GREATEST = 1e150
"""No truth signal is larger in any unit, and the square of what is smaller is still a number."""
MAX_STRIKES = 1_000
"""Onsets kept of one injection."""
MAX_EVENTS = 200_000
"""Events kept of one run; whoever wants more reads the archive."""


def read_scenario(directory: RunDirectory) -> Scenario:
    """The resolved scenario of a run."""
    try:
        return Scenario.model_validate_json(read_bounded(directory.scenario, MAX_FILE_BYTES))
    except OSError as error:
        raise UserError(f"cannot read {directory.scenario}: {error.strerror}", hint=_RUN_HINT) from error
    except ValueError as error:
        raise UserError(
            f"{directory.scenario} is damaged, or no resolved scenario of this release: {in_words(error)}",
            hint=_RUN_HINT,
        ) from error


def read_dictionaries(directory: RunDirectory) -> dict[str, Dictionary]:
    """The dictionaries of a run, by design."""
    try:
        content = json.loads(read_bounded(directory.dictionaries, MAX_FILE_BYTES))
        return {design: Dictionary.model_validate(form) for design, form in content.items()}
    except OSError as error:
        raise UserError(f"cannot read {directory.dictionaries}: {error.strerror}", hint=_RUN_HINT) from error
    except (ValueError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{directory.dictionaries} is damaged, or holds no dictionaries of this release: {in_words(error)}",
            hint=_RUN_HINT,
        ) from error


def check_same(header: TraceHeader, scenario: Scenario, directory: RunDirectory) -> None:
    """A trace and the scenario beside it belong together. UserError where one of them was exchanged or changed."""
    if header.scenario_digest != scenario.digest:
        raise UserError(f"{directory.trace} was not recorded from {directory.scenario}", hint=_RUN_HINT)


def read_recording(directory: RunDirectory) -> Recording:
    """Everything that was recorded. Raises DecodeError or UserError where there is no trace to read."""
    scenario, dictionaries = read_scenario(directory), read_dictionaries(directory)
    with TraceReader(directory.trace) as reader:
        check_same(reader.header, scenario, directory)
        told = read_trace(reader, scenario, dictionaries)
    recording = told.recording
    recording.books = read_books(directory, scenario, told.final)
    recording.lost = losses(scenario, recording.books.accounts, told.answered, told.ended, recording.ticks)
    archive = ArchiveReader(directory.archive) if directory.archive.is_file() else None
    if archive is not None:
        recording.operations = read_operations(archive)
        recording.retired = read_retired(archive)
        recording.belief, recording.parameters = read_belief(recording, archive), read_parameters(recording, archive)
    recording.service_levels = read_service_levels(recording, archive)
    recording.crosslinks = read_crosslinks(recording, archive)
    return recording


@dataclass(frozen=True, slots=True)
class Told:
    """What a trace tells by itself. final: the mail of the closing tick; answered: each one's last answered tick;
    ended: why it ended, empty if it did not."""

    recording: Recording
    final: Sequence[bytes]
    answered: dict[str, int]
    ended: str


def read_trace(
    reader: TraceReader, scenario: Scenario, dictionaries: dict[str, Dictionary],
    held: Mapping[str, Sequence[Event]] | None = None,
) -> Told:  # fmt: skip
    """Without the ground's archive. `held`: event reports that spacecraft still have, where somebody looked."""
    mail = _Mail(scenario, dictionaries)
    truth = {entry.id: _Truth(entry) for entry in reader.header.participants if entry.signals}
    answered: dict[str, int] = {}
    late, flown = 0, 0
    for record in reader:
        mail.take(record.mail, record.tick * scenario.tick_ns)
        for answer in record.answers:
            late += answer.late
            if answer.digest:
                answered[answer.id] = max(answer.tick, answered.get(answer.id, -1))
            if answer.id in truth:
                truth[answer.id].take(answer)
        flown += not record.closing
    final, ended = (reader.end.mail, reader.end.reason or "ended") if reader.end else ((), "")
    damage = reader.damage()
    mail.take(final, scenario.duration_ns)
    mail.look(held or {})
    recording = Recording(
        scenario=scenario,
        times_s=np.arange(1, flown + 1, dtype=np.float64) * np.float64(scenario.tick_ns) / np.float64(1e9),
        signals={key: values for each in truth.values() for key, values in each.signals(flown)},
        trace_hash=reader.end.trace_hash if reader.end and not damage else reader.trace_hash(),
        complete=reader.end is not None and reader.end.complete and not damage,
        damage=damage,
        ticks=flown,
        late_ticks=late,
        faults=mail.faults(),
        pointings=mail.pointings_until(flown * scenario.tick_ns / 1e9),
        versions=dict(reader.header.versions),
        dictionaries=dictionaries,
    )
    recording.packet_times = times = PacketTimes(recording.signals, scenario.tick_ns)
    recording.events, recording.telecommands = mail.events_by(times), mail.telecommands_by(times)
    return Told(recording, final, answered, ended)


class _Truth:
    """Truth samples of one participant, by tick."""

    def __init__(self, entry: Traced) -> None:
        self.entry = entry
        self.rows: dict[int, bytes] = {}

    def take(self, answer: Answer) -> None:
        """What a spacecraft says of itself is not believed: a sample of another length is none."""
        if answer.digest and len(answer.truth) == 8 * len(self.entry.signals):
            self.rows[answer.tick] = answer.truth

    def signals(self, ticks: int) -> Iterable[tuple[tuple[str, str], np.ndarray[tuple[int], np.dtype[np.float64]]]]:
        matrix = np.full((ticks, len(self.entry.signals)), np.nan)
        known = [tick for tick in self.rows if tick < ticks]
        if known:
            content = b"".join(self.rows[tick] for tick in known)
            matrix[known] = np.frombuffer(content, dtype="<f8").reshape(len(known), -1)
        matrix[np.abs(matrix) > _GREATEST] = np.nan  # infinite, or no quantity of this world: it is not known
        for column, name in enumerate(self.entry.signals):
            yield (self.entry.id, name), np.ascontiguousarray(matrix[:, column])


@dataclass(slots=True)
class _Mail:
    """What the mail says of faults, events and telecommands."""

    scenario: Scenario
    dictionaries: dict[str, Dictionary]
    events: list[tuple[Packet, EventRecord]] = field(default_factory=list)
    telecommands: dict[tuple[str, int, int], TelecommandRecord] = field(default_factory=dict)
    pointings: list[Pointing] = field(default_factory=list)
    _pointing: dict[tuple[str, str], float] = field(default_factory=dict)
    _design: dict[str, str] = field(default_factory=dict)
    _faults: dict[tuple[str, str], FaultRecord] = field(default_factory=dict)
    _seen: set[tuple[str, int, int, int]] = field(default_factory=set)
    _stages: dict[tuple[str, int, int], dict[str, Packet]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._design = {spacecraft.id: spacecraft.design for spacecraft in self.scenario.spacecraft}
        for fault in self.scenario.faults:
            for injection, (seam, place, *_) in zip(injection_ids(fault), fault.primitives, strict=True):
                self._faults[fault.target, injection] = FaultRecord(
                    injection, fault.fault, fault.target, Seam(seam).name.lower(), fault.at_s, None, None, place=place
                )

    def events_by(self, times: PacketTimes) -> list[EventRecord]:
        """All events with their mission times, rising; those whose time is not known come last."""
        dated = [
            replace(record, at_s=times.made_s(record.spacecraft, *_number(packet))) for packet, record in self.events
        ]
        return sorted(dated, key=lambda e: (math.inf if e.at_s is None else e.at_s, e.spacecraft))

    def telecommands_by(self, times: PacketTimes) -> list[TelecommandRecord]:
        """All telecommands, in order of sending, with the mission times of what was reported of them."""
        for (spacecraft, ground_boot, request), stages in self._stages.items():
            self.telecommands[spacecraft, ground_boot, request].stages_s = {
                stage: times.made_s(spacecraft, *_number(packet)) for stage, packet in stages.items()
            }
        return list(self.telecommands.values())

    def faults(self) -> list[FaultRecord]:
        """All injections, those of the scenario first."""
        return list(self._faults.values())

    def pointings_until(self, end_s: float) -> list[Pointing]:
        """All pointings; those still going on end with the recording."""
        going_on = [Pointing(station, who, start_s, end_s) for (station, who), start_s in self._pointing.items()]
        return sorted([*self.pointings, *going_on], key=lambda p: (p.start_s, p.station))

    def take(self, frames: Sequence[bytes], delivered_ns: int) -> None:
        for frame in frames:
            if peek(frame).kind not in _INTERESTING:
                continue
            try:
                message = decode(frame)
            except DecodeError:
                continue  # its addressee dropped it too
            self._one(message, delivered_ns)

    def look(self, held: Mapping[str, Sequence[Event]]) -> None:
        """Event reports that were never sent, found on board; their `sent_s` is not a number."""
        for spacecraft, events in held.items():
            for body in events:
                self._event(spacecraft, body, math.nan)

    def _one(self, message: Message, delivered_ns: int) -> None:
        match message.body:
            case Injection() as body if not body.clear:
                key = (message.destination, body.injection)
                if key not in self._faults:
                    what = fault_of(body.injection) or f"{body.place} {body.primitive}"
                    planned_s = max(body.start_ns, delivered_ns) / 1e9
                    seam = Seam(body.seam).name.lower()
                    self._faults[key] = FaultRecord(
                        body.injection, what, message.destination, seam, planned_s, None, None, place=body.place
                    )
            case InjectionReport() as body if (message.source, body.injection) in self._faults:
                self._report(message, body)
            case Event() as body if message.source in self._design:
                self._event(message.source, body, message.sent_ns / 1e9)
            case Telecommand() as body if message.source == GROUND_ID:
                known = self.telecommands.get((message.destination, body.ground_boot, body.request))
                if known is not None:
                    known.transmissions += 1
                    return
                self.telecommands[message.destination, body.ground_boot, body.request] = TelecommandRecord(
                    message.destination, body.ground_boot, body.request, body.name, body.station, message.sent_ns / 1e9,
                    arguments=body.arguments,
                )  # fmt: skip
            case Verification() as body:  # of a request that went to its source
                self._verification(message, body)
            case Allocation() as body if message.source == GROUND_ID:
                key = (body.station, body.spacecraft)
                if body.on:
                    self._pointing.setdefault(key, message.sent_ns / 1e9)
                elif key in self._pointing:
                    self.pointings.append(Pointing(*key, self._pointing.pop(key), message.sent_ns / 1e9))

    def _report(self, message: Message, body: InjectionReport) -> None:
        key = (message.source, body.injection)
        known, at_s = self._faults[key], min(body.at_ns, message.sent_ns) / 1e9  # not after it was said
        if body.state == InjectionState.ACTIVE:
            first_s = at_s if known.at_s is None else known.at_s
            known = replace(known, at_s=first_s, cleared_s=None, strikes=(*known.strikes, (at_s, None))[:MAX_STRIKES])
        elif body.state == InjectionState.CLEARED:
            strikes = known.strikes
            if strikes and strikes[-1][1] is None:
                strikes = (*strikes[:-1], (strikes[-1][0], at_s))
            known = replace(known, cleared_s=at_s, strikes=strikes)
        elif body.state == InjectionState.REFUSED and known.at_s is None:  # else a second order for it was refused
            known = replace(known, refused=body.reason or "refused")
        self._faults[key] = known

    def _event(self, source: str, body: Event, sent_s: float) -> None:
        key = (source, body.boot, body.stream, body.sequence)
        if key in self._seen or len(self.events) >= MAX_EVENTS:
            return
        self._seen.add(key)
        dictionary = self.dictionaries.get(self._design.get(source, ""))
        form = dictionary.event.get(body.event) if dictionary else None
        name = form.name if form else f"event {body.event}"
        record = EventRecord(
            source, None, name, body.severity, body.arguments, body.obt_ns / 1e9, sent_s,
            form.named(body.arguments) if form else {},
        )  # fmt: skip
        self.events.append((body, record))

    def _verification(self, message: Message, body: Verification) -> None:
        key = (message.source, body.ground_boot, body.request)
        record = self.telecommands.get(key)
        if record is None:
            return
        stage = Stage(body.stage).name.lower()
        self._stages.setdefault(key, {}).setdefault(stage, body)
        if body.code:
            dictionary = self.dictionaries.get(self._design.get(message.source, ""))
            meaning = dictionary.codes.get(body.code, "") if dictionary else ""
            record.detail = body.detail or meaning or f"code {body.code}"


def _number(packet: Packet) -> tuple[int, int, int]:
    """What a packet is told apart by."""
    return packet.boot, packet.stream, packet.sequence
