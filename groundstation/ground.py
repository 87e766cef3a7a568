"""The ground as one function: `Ground.step(moment, inbox) -> outbox`.

Nothing here reads a socket, a clock or a file. Archive rows leave as `Outbox.records`; whoever runs the ground commits
them with `archive.Archive` before the Tock leaves, so no acknowledgement ever precedes its record.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bus.constants import Epoch
from bus.own_structures import OwnStructures
from bus.participant import Moment, Outbox
from bus.pus import Service
from bus.snapshot.pack import pack, unpack
from bus.wire.authentication import ACKNOWLEDGEMENT, sign
from bus.wire.messages import (
    Account,
    Allocation,
    Body,
    Event,
    Message,
    OperatorAction,
    OperatorNote,
    OperatorRequest,
    Scalar,
    StoreReport,
    Telemetry,
    Verification,
)
from bus.wire.stacks import OperatorConfirmation, OperatorStack
from groundstation.alarms.watch import Alarms, AlarmsState
from groundstation.commanding.commander import Commander
from groundstation.commanding.records import CommanderState, Effects, Serving, Wanted, WantedStack
from groundstation.config import GROUND_ID, GroundConfig
from groundstation.contacts.antennas import Antennas, AntennaState
from groundstation.contacts.plan import Coming
from groundstation.contacts.prediction import Contact, PredictionState, Predictor
from groundstation.figures import Figures, figures
from groundstation.procedures.declaration import Procedure
from groundstation.procedures.engine import Asked, Procedures, Surroundings
from groundstation.procedures.load import answers, shipped
from groundstation.procedures.state import ProcedureEffects, ProceduresState
from groundstation.telemetry.intake import Intake, IntakeState
from groundstation.telemetry.retention import Retention, RetentionState

PACKETS = (Telemetry, Event, Verification)
MAX_COUNTERS = 480
"""Counters in one Account; more spacecraft than fit are told in further Accounts."""


@dataclass(slots=True)
class GroundState:
    """Everything a ground remembers."""

    sequence: int = 0
    opened: bool = False
    unknown_mail: int = 0
    prediction: PredictionState = field(default_factory=PredictionState)
    antennas: AntennaState = field(default_factory=AntennaState)
    commander: CommanderState = field(default_factory=CommanderState)
    intake: IntakeState = field(default_factory=IntakeState)
    procedures: ProceduresState = field(default_factory=ProceduresState)
    alarms: AlarmsState = field(default_factory=AlarmsState)
    structures: dict[str, OwnStructures] = field(default_factory=dict)
    retention: RetentionState = field(default_factory=RetentionState)


class Ground:
    """The ground segment; implements `bus.participant.Participant`."""

    def __init__(self, config: GroundConfig, procedures: Mapping[str, Procedure] | None = None) -> None:
        """`procedures`: those that it knows, the shipped ones by default."""
        self._config = config
        self._ids = [plan.id for plan in config.spacecraft]
        self._keys = {plan.id: plan.telecommand_key for plan in config.spacecraft}
        self._place = {name: place for place, name in enumerate(self._ids)}
        self._stations = [station.id for station in config.stations]
        dictionaries = {plan.id: plan.dictionary for plan in config.spacecraft}
        self._timeline = sorted(
            ((round(entry.at_s * 1e9), place) for place, entry in enumerate(config.timeline)),
        )
        rates = dict(config.contact.rate_bps)
        self._links = [
            next(((band, rate) for band, rate in rates.items() if band in station.bands), ("S", rates["S"]))
            for station in config.stations
        ]
        orbits = tuple(plan.orbit for plan in config.spacecraft)
        self._predictor = Predictor(Epoch.of(config.epoch_utc), orbits, config.stations, config.contact)
        self._antennas = Antennas(
            len(config.stations), tuple(plan.priority for plan in config.spacecraft), config.contact.dwell_s
        )
        self._coming = Coming(config, config.contact)
        self._commander = Commander(dictionaries, config.command, config.ground_boot, config.tick_ns)
        self._intake = Intake(dictionaries, config.tick_ns)
        self._retention = Retention(dictionaries, config.retention)
        known = procedures if procedures is not None else shipped()
        self._alarms = Alarms(dictionaries, config.alarms, config.ground_boot, answers(known), self._intake.made_ns)
        self._procedures = Procedures(
            known, dictionaries, config.procedures,
            ground_boot=config.ground_boot, live_within_s=config.alarms.live_within_s,
        )  # fmt: skip
        self._procedure_effects = ProcedureEffects()
        self._dictionaries = dictionaries
        self._structures = {name: OwnStructures() for name in self._ids}
        self._sequence = 0
        self._opened = False
        self._unknown_mail = 0

    @property
    def id(self) -> str:
        """Who it is on the bus."""
        return GROUND_ID

    def step(self, moment: Moment, inbox: Sequence[Message]) -> Outbox:
        """One tick. Takes Telemetry, Event, Verification, StoreReport, OperatorRequest and -Action; the rest is
        counted."""
        outbox = Outbox()
        if not self._opened:
            self._open(outbox)
        now_ns = moment.end_ns
        effects = Effects()
        self._read_parameter_reports(inbox)
        for message in inbox:
            self._take(message, now_ns, effects, outbox)
        if moment.closing:
            self._commander.close(moment.start_ns, effects)
            self._procedures.close(moment.start_ns, self._procedure_effects)
            self._answer(effects, now_ns, outbox)
            self._account(now_ns, outbox)
            return outbox
        self._follow_contacts(now_ns, outbox)
        self._command(moment.start_ns, now_ns, effects)
        antennas = self._antennas.state
        pointed = [
            (self._ids[i], since) for i, since in zip(antennas.serving, antennas.since_ns, strict=True) if i >= 0
        ]
        self._alarms.step(now_ns, pointed, outbox.records)
        self._answer(effects, now_ns, outbox)
        self._retention.step(now_ns, outbox.records)
        self._acknowledge(now_ns, outbox)
        return outbox

    def figures(self) -> Figures:
        """Totals for whoever watches the ground; nothing of them decides anything."""
        return figures(self._commander.state, self._intake, self._retention, self._alarms.state, self._antennas.state)

    def save(self) -> bytes:
        """All of its state."""
        return pack(
            GroundState(
                self._sequence, self._opened, self._unknown_mail, self._predictor.state, self._antennas.state,
                self._commander.state, self._intake.state, self._procedures.state,
                self._alarms.state, self._structures, self._retention.state,
            )
        )  # fmt: skip

    def restore(self, snapshot: bytes) -> None:
        """Take over what `save` gave. Raises DecodeError if it is not from the same build."""
        state = unpack(GroundState, snapshot)
        self._sequence, self._opened, self._unknown_mail = state.sequence, state.opened, state.unknown_mail
        self._predictor.state = state.prediction
        self._antennas.state = state.antennas
        self._commander.state = state.commander
        self._intake.state = state.intake
        self._procedures.take_over(state.procedures)
        self._alarms.state = state.alarms
        self._structures = state.structures
        self._retention.state = state.retention

    def _open(self, outbox: Outbox) -> None:
        """First tick: what the archive has to know, and the first look ahead."""
        config = self._config
        for key, value in (
            ("scenario", config.scenario_digest),
            ("epoch_utc", config.epoch_utc),
            ("tick_ns", str(config.tick_ns)),
            ("ground_boot", str(config.ground_boot)),
            ("live_within_s", str(config.alarms.live_within_s)),
        ):
            outbox.records.append(("meta", key, value))
        seen: set[str] = set()
        for plan in config.spacecraft:
            version = plan.dictionary.version
            if version not in seen:
                seen.add(version)
                outbox.records.append(
                    ("dictionaries", version, plan.dictionary.design, plan.dictionary.model_dump_json())
                )
            outbox.records.append(("spacecraft", plan.id, plan.dictionary.design, version))
        self._plan(self._predictor.first(), outbox)
        self._opened = True

    def _take(self, message: Message, now_ns: int, effects: Effects, outbox: Outbox) -> None:
        """One piece of mail."""
        body, source = message.body, message.source
        place = self._place.get(source)
        if isinstance(body, OperatorRequest) and source == "operator":
            self._commander.ask(
                Wanted(body.spacecraft, body.name, body.arguments, "operator", body.token, confirmed=False),
                now_ns, effects,
            )  # fmt: skip
        elif isinstance(body, OperatorAction) and source == "operator":
            self._act(body, now_ns, outbox)
        elif isinstance(body, OperatorStack) and source == "operator":
            stack = WantedStack(body.steps, body.stop, "operator", body.token, confirmed=False)
            self._commander.ask_stack(stack, now_ns, effects)
        elif isinstance(body, OperatorConfirmation) and source == "operator":
            self._commander.confirm(body, now_ns, effects)
        elif place is None:
            self._unknown_mail += 1
        elif isinstance(body, PACKETS):
            serving = self._antennas.station_of(place)
            station = self._stations[serving] if serving >= 0 else ""
            before = len(outbox.records)
            if self._intake.packet(source, body, station, now_ns, outbox.records):
                self._retention.took(source, body, now_ns, outbox.records[before:])
                if isinstance(body, Verification):
                    self._commander.verify(source, body, now_ns, effects)
                elif isinstance(body, Telemetry):
                    known, own = self._dictionaries[source], self._structures[source]
                    own.hear(known, body.structure, body.values)
                    form = own.find(known, body.structure)
                    self._commander.heard(source, body, form, now_ns, effects)
                    made_ns = self._intake.made_ns(source, body.obt_ns)
                    self._procedures.heard(source, body, form, made_ns, now_ns)
                    self._alarms.telemetry(source, body, form, now_ns, outbox.records)
                else:
                    self._alarms.event(source, body, now_ns, outbox.records)
        elif isinstance(body, StoreReport):
            self._retention.settle(source, body.settled)
            if self._intake.store_report(source, body, now_ns, outbox.records):
                lost = self._intake.lost_reports(source)
                self._commander.store_known(source, message.sent_ns, lost, now_ns, effects)
        else:
            self._unknown_mail += 1

    def _read_parameter_reports(self, inbox: Sequence[Message]) -> None:
        """TM[20,2] before all else: verification has priority on the link, so an answer comes after its completion."""
        for message in inbox:
            body, place = message.body, self._place.get(message.source)
            if place is not None and isinstance(body, Telemetry) and body.stream == Service.PARAMETER:
                found = self._config.spacecraft[place].dictionary.reported_parameter(body.values)
                if found is not None:
                    form, value = found
                    self._commander.told(message.source, form.name, f"{form.name} is {value:.9g} {form.unit}".rstrip())

    def _follow_contacts(self, now_ns: int, outbox: Outbox) -> None:
        """Look ahead, and turn antennas."""
        found = self._predictor.advance(now_ns)
        if found:
            self._plan(found, outbox)
        for change in self._antennas.step(now_ns):
            station, spacecraft = self._stations[change.station], self._ids[change.spacecraft]
            band, rate_bps = self._links[change.station]
            allocation = Allocation(station=station, spacecraft=spacecraft, band=band, rate_bps=rate_bps, on=change.on)
            self._send(spacecraft, allocation, now_ns, outbox)
            off_ns = None if change.on else now_ns
            outbox.records.append(("allocations", station, change.since_ns, spacecraft, off_ns))

    def _plan(self, contacts: list[Contact], outbox: Outbox) -> None:
        self._antennas.plan(contacts)
        for contact in contacts:
            outbox.records.append((
                "contacts", self._stations[contact.station], self._ids[contact.spacecraft], contact.aos_ns,
                contact.los_ns, contact.max_ns, contact.max_elevation_rad,
            ))  # fmt: skip

    def _command(self, start_ns: int, now_ns: int, effects: Effects) -> None:
        """The timeline, deadlines, and whatever may be radiated."""
        state = self._commander.state
        while state.next_entry < len(self._timeline) and self._timeline[state.next_entry][0] <= start_ns:
            entry = self._config.timeline[self._timeline[state.next_entry][1]]
            state.next_entry += 1
            self._commander.ask(
                Wanted(
                    entry.spacecraft, entry.telecommand, entry.arguments, "timeline", confirmed=entry.confirmed
                ),
                now_ns, effects,
            )  # fmt: skip
        stacks = self._config.stacks
        while state.next_stack < len(stacks) and round(stacks[state.next_stack].at_s * 1e9) <= start_ns:
            stack = stacks[state.next_stack]
            state.next_stack += 1
            self._commander.ask_stack(
                WantedStack(stack.steps, stack.stop, "timeline", confirmed=stack.confirmed), now_ns, effects
            )
        self._commander.deadlines(now_ns, effects)
        self._run_procedures(start_ns, now_ns, effects)
        antennas = self._antennas.state
        for station, place in enumerate(antennas.serving):
            if place >= 0:
                spacecraft = self._ids[place]
                if self._commander.waiting(spacecraft):
                    lost = self._intake.lost_reports(spacecraft)
                    service = Serving(spacecraft, self._stations[station], antennas.since_ns[station], lost)
                    self._commander.serve(service, now_ns, effects)

    def _run_procedures(self, start_ns: int, now_ns: int, effects: Effects) -> None:
        """Procedures that are due, and one look at each that is under way."""
        commander = self._commander
        self._procedures.due(start_ns, now_ns, self._procedure_effects)
        if self._procedures.idle:
            return

        def ask(spacecraft: str, name: str, arguments: Mapping[str, Scalar], origin: str) -> int:
            request = commander.state.next_request
            commander.ask(Wanted(spacecraft, name, arguments, origin), now_ns, effects)
            return request

        def outcome(request: int) -> tuple[str, str] | None:
            ended = effects.ended.get(request)
            return None if ended is None else (ended.state, ended.text)

        def station(spacecraft: str) -> str:
            serving = self._antennas.station_of(self._place[spacecraft])
            return self._stations[serving] if serving >= 0 else ""

        def ahead(spacecraft: str, until_ns: int) -> list[tuple[int, int, int]]:
            shown_ns = self._intake.shown_ns
            coming = self._coming.after(spacecraft, now_ns, until_ns)
            return [(shown_ns(spacecraft, on), shown_ns(spacecraft, off), number) for on, off, number in coming]

        self._procedures.step(now_ns, Surroundings(ask, outcome, station, ahead), self._procedure_effects)

    def _act(self, action: OperatorAction, now_ns: int, outbox: Outbox) -> None:
        """An operator runs, answers or ends a procedure, acknowledges or shelves an alarm."""
        effects = self._procedure_effects
        match action.verb:
            case "procedure.run":
                asked = Asked(action.name, action.spacecraft, action.arguments, "operator", action.token)
                self._procedures.begin(asked, now_ns, effects)
                return
            case "procedure.answer":
                refusal = self._procedures.answer(action.run, str(action.arguments.get("answer", "")))
            case "procedure.abort":
                refusal = self._procedures.abort(action.run, now_ns, effects)
            case "alarm.acknowledge":
                refusal = self._alarms.acknowledge(action.run, now_ns, outbox.records)
            case _:
                refusal = self._alarms.shelve(action.run, action.arguments.get("for_s"), now_ns, outbox.records)
        state, text = ("REJECTED", refusal) if refusal else ("COMPLETED", "")
        effects.notes.append(OperatorNote(token=action.token, run=action.run, state=state, text=text, final=True))

    def _answer(self, effects: Effects, now_ns: int, outbox: Outbox) -> None:
        for spacecraft, telecommand in effects.radiate:
            self._alarms.ordered(telecommand.request, spacecraft, f"{telecommand.name}: SENT", now_ns)
        for request, end in effects.ended.items():
            self._alarms.ordered(request, end.spacecraft, f"{end.name}: {end.state}", now_ns)
            if end.state == "COMPLETED":
                self._alarms.completed(end.spacecraft, end.name, end.arguments)
        for spacecraft, telecommand in effects.radiate:
            self._send(spacecraft, telecommand, now_ns, outbox, self._commander.next_counter(spacecraft))
        for reply in effects.replies:
            self._send("operator", reply, now_ns, outbox)
        outbox.records += effects.records
        said, self._procedure_effects = self._procedure_effects, ProcedureEffects()
        for note in said.notes:
            self._send("operator", note, now_ns, outbox)
        outbox.records += said.records

    def _acknowledge(self, now_ns: int, outbox: Outbox) -> None:
        """Acknowledge what this outbox records, to spacecraft that an antenna points at."""
        for spacecraft, acknowledgement in self._intake.acknowledgements():
            if self._antennas.station_of(self._place[spacecraft]) >= 0:
                self._send(spacecraft, acknowledgement, now_ns, outbox, ACKNOWLEDGEMENT)
                self._retention.acknowledged(
                    spacecraft, acknowledgement.boot, acknowledgement.stream, acknowledgement.below
                )

    def _account(self, now_ns: int, outbox: Outbox) -> None:
        """The final account: what became of telecommands and telemetry."""
        totals = self._commander.state.totals
        counters: dict[str, float] = {
            "tc_requested": totals["requested"],
            "tc_sent": totals["sent"],
            "tc_completed": totals["COMPLETED"],
            "tc_failed": totals["FAILED"],
            "tc_rejected": totals["REJECTED"],
            "tc_expired": totals["EXPIRED"],
            "tc_indeterminate": totals["INDETERMINATE"],
            "tc_contradiction": totals["contradiction"],
            "tc_late_reports": totals["late"],
            "unknown_mail": self._unknown_mail,
        }
        counters |= self._intake.counters() | self._retention.counters()
        items = list(counters.items())
        for start in range(0, len(items), MAX_COUNTERS):
            part = dict(items[start : start + MAX_COUNTERS])
            self._send("range", Account(rows=(), counters=part), now_ns, outbox)

    def _send(self, destination: str, body: Body, now_ns: int, outbox: Outbox, counter: int = -1) -> None:
        """`counter`: of what a spacecraft is to act on; it goes up signed."""
        message = Message(now_ns, GROUND_ID, self._sequence, destination, body)
        outbox.messages.append(message if counter < 0 else sign(message, self._keys[destination], counter))
        self._sequence += 1
