"""Telecommands from request to terminal state: validated, queued, sent in contact, sent again, followed.

Events in, instructions out: what to radiate, what to answer, what to write into the history. No radio, no SQL.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from bus.dictionary import Dictionary
from bus.errors import ScenarioError, UnknownNameError
from bus.pus import SCHEDULE_SOURCE
from bus.telecommand_check import check_telecommand, refusal_text, reply
from bus.wire.messages import OperatorReply, Scalar, Telecommand, Verification
from groundstation.commanding.states import TABLE, TERMINAL, CommandEvent, State, heard
from groundstation.config import CommandRules

FAR_NS = 2**62
COUNTER_BITS = 32
"""Transmissions of one boot of the ground to one spacecraft: more than a radio can send in its life."""


@dataclass(slots=True)
class Command:
    """One telecommand under way. token -1: nobody outside waits for it. service_ns: start of the contact in which
    `sent_here` of its transmissions were made. lost_before: lost verification packets known when it was first sent.
    answer: what the spacecraft said in reply, besides verification."""

    request: int
    spacecraft: str
    name: str
    arguments: dict[str, Scalar]
    origin: str
    token: int
    requested_ns: int
    expires_ns: int
    verdict_ns: int
    state: str = State.QUEUED.value
    steps: int = 0
    transmissions: int = 0
    sent_ns: int = 0
    service_ns: int = -1
    sent_here: int = 0
    lost_before: int = 0
    answer: str = ""


@dataclass(slots=True)
class CommanderState:
    """All state. `under_way`: by spacecraft, in order of request. totals: terminal states, `sent` (radiated at least
    once), `contradiction` (a report that fits no telecommand or no state), `late` (report after the terminal state).
    counters: by spacecraft, transmissions so far."""

    next_request: int = 0
    next_entry: int = 0
    next_deadline_ns: int = FAR_NS
    under_way: dict[str, list[Command]] = field(default_factory=dict)
    totals: dict[str, int] = field(default_factory=dict)
    counters: dict[str, int] = field(default_factory=dict)


@dataclass(slots=True)
class Effects:
    """What the commander wants done: telecommands to radiate (spacecraft, telecommand), answers, archive rows; and what
    ended, by request."""

    radiate: list[tuple[str, Telecommand]] = field(default_factory=list)
    replies: list[OperatorReply] = field(default_factory=list)
    records: list[tuple[object, ...]] = field(default_factory=list)
    ended: dict[int, Ended] = field(default_factory=dict)


class Ended(NamedTuple):
    """What became of a telecommand in the end."""

    spacecraft: str
    name: str
    arguments: Mapping[str, Scalar]
    state: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A telecommand somebody asks for. origin: "timeline" or "operator"; token -1: nobody outside waits for it."""

    spacecraft: str
    name: str
    arguments: Mapping[str, Scalar]
    origin: str
    token: int = -1


@dataclass(frozen=True, slots=True)
class Serving:
    """An antenna points at a spacecraft since `since_ns`. lost: verification packets declared lost so far."""

    spacecraft: str
    station: str
    since_ns: int
    lost: int


class Commander:
    """Follows every telecommand to exactly one terminal state, within `lifetime_s + patience_s` of its request."""

    def __init__(
        self, dictionaries: Mapping[str, Dictionary], rules: CommandRules, ground_boot: int, tick_ns: int
    ) -> None:
        self._dictionaries = dictionaries
        self._rules = rules
        self._ground_boot = ground_boot
        self._again_ns = max(round(rules.retransmit_s * 1e9), rules.retransmit_ticks * tick_ns)
        self._lifetime_ns = round(rules.lifetime_s * 1e9)
        self._patience_ns = round(rules.patience_s * 1e9)
        self._margin_ns = round(rules.proof_margin_s * 1e9)
        totals = [state.value for state in TERMINAL] + ["requested", "sent", "contradiction", "late"]
        self.state = CommanderState(
            under_way={spacecraft: [] for spacecraft in dictionaries}, totals=dict.fromkeys(totals, 0)
        )

    def waiting(self, spacecraft: str) -> bool:
        """Whether a contact is wanted for telecommands."""
        return bool(self.state.under_way[spacecraft])

    def next_counter(self, spacecraft: str) -> int:
        """The counter of the next transmission: above all others to this spacecraft, those of earlier boots too."""
        sent = self.state.counters[spacecraft] = self.state.counters.get(spacecraft, 0) + 1
        return (self._ground_boot << COUNTER_BITS) + sent

    def ask(self, wanted: Wanted, now_ns: int, effects: Effects) -> None:
        """Somebody wants a telecommand: it is queued, or REJECTED with what is allowed."""
        command = Command(
            request=self.state.next_request,
            spacecraft=wanted.spacecraft,
            name=wanted.name,
            arguments=dict(wanted.arguments),
            origin=wanted.origin,
            token=wanted.token,
            requested_ns=now_ns,
            expires_ns=now_ns + self._lifetime_ns,
            verdict_ns=now_ns + self._lifetime_ns + self._patience_ns,
        )
        spacecraft = wanted.spacecraft
        self.state.next_request += 1
        self.state.totals["requested"] += 1
        dictionary = self._dictionaries.get(spacecraft)
        try:
            if dictionary is None:
                nearest = difflib.get_close_matches(spacecraft, sorted(self._dictionaries), 3)
                raise UnknownNameError("spacecraft", spacecraft, nearest)
            command.arguments = check_telecommand(dictionary, wanted.name, wanted.arguments)
        except (UnknownNameError, ScenarioError) as error:
            self._move(command, CommandEvent.REFUSED, refusal_text(error), now_ns, effects)
            return
        queue = self.state.under_way[spacecraft]
        if len(queue) >= self._rules.queue_per_spacecraft:
            text = f"{len(queue)} telecommands are under way to {spacecraft}, and no more are taken"
            self._move(command, CommandEvent.REFUSED, text, now_ns, effects)
            return
        queue.append(command)
        self.state.next_deadline_ns = min(self.state.next_deadline_ns, command.expires_ns)
        self._log(command, "asked for", "", now_ns, effects)

    def serve(self, service: Serving, now_ns: int, effects: Effects) -> None:
        """An antenna points at a spacecraft: send what is due."""
        spacecraft, station, service_ns = service.spacecraft, service.station, service.since_ns
        rules, in_air = self._rules, 0
        for command in self.state.under_way[spacecraft]:
            if in_air >= rules.window:
                return
            if command.state not in (State.QUEUED, State.SENT) or now_ns >= command.expires_ns:
                continue
            if command.service_ns != service_ns:
                command.service_ns, command.sent_here = service_ns, 0
            exhausted = (
                command.sent_here >= rules.transmissions_per_contact or command.transmissions >= rules.transmissions
            )
            if command.state == State.SENT and now_ns - command.sent_ns < self._again_ns:
                in_air += 1
                continue
            if exhausted:
                continue  # the next one may try; this one is heard of or expires
            in_air += 1
            if not command.transmissions:
                command.lost_before = service.lost
                self.state.totals["sent"] += 1
            command.transmissions += 1
            command.sent_here += 1
            command.sent_ns = now_ns
            telecommand = Telecommand(
                ground_boot=self._ground_boot, request=command.request, station=station, name=command.name,
                arguments=command.arguments, dictionary=self._dictionaries[spacecraft].version,
                expires_ns=command.expires_ns,
            )  # fmt: skip
            effects.radiate.append((spacecraft, telecommand))
            self._move(
                command, CommandEvent.RADIATED, f"{station}, transmission {command.transmissions}", now_ns, effects
            )

    def verify(self, spacecraft: str, report: Verification, now_ns: int, effects: Effects) -> None:
        """The spacecraft says how far a request has come."""
        if report.ground_boot == SCHEDULE_SOURCE:
            return  # the spacecraft's own schedule released it; the archive has what became of it
        happening = heard(report.stage, report.code)
        if report.ground_boot != self._ground_boot or report.request >= self.state.next_request:
            self.state.totals["contradiction"] += 1
            return
        command = next((c for c in self.state.under_way.get(spacecraft, ()) if c.request == report.request), None)
        if command is None:
            self.state.totals["late"] += 1
            return
        if happening is None:
            return
        text = report.detail or (command.answer if happening is CommandEvent.COMPLETED else "")
        if report.code:
            meaning = self._dictionaries[spacecraft].codes.get(report.code, "code not in the dictionary")
            text = f"code {report.code}: {meaning}" + (f" ({report.detail})" if report.detail else "")
        self._move(command, happening, text, now_ns, effects)

    def told(self, spacecraft: str, parameter: str, text: str) -> None:
        """The spacecraft reports the value of an on-board parameter: the answer to whoever asked for it."""
        for command in self.state.under_way.get(spacecraft, ()):
            if command.transmissions and command.arguments.get("parameter") == parameter:
                command.answer = text

    def store_known(self, spacecraft: str, sent_ns: int, lost: int, now_ns: int, effects: Effects) -> None:
        """A store report sent at `sent_ns` has come, and every verification packet generated by then is archived or
        declared lost (`lost` of them). A request that had expired well before and is in none of them never arrived."""
        for command in list(self.state.under_way.get(spacecraft, ())):
            expired = sent_ns >= command.expires_ns + self._margin_ns
            if expired and command.state == State.SENT and command.lost_before == lost:
                self._move(command, CommandEvent.NEVER_ARRIVED, "", now_ns, effects)

    def deadlines(self, now_ns: int, effects: Effects) -> None:
        """Lifetimes and patience that end by now."""
        if now_ns < self.state.next_deadline_ns:
            return
        for queue in self.state.under_way.values():
            for command in list(queue):
                if command.state == State.QUEUED and now_ns >= command.expires_ns:
                    self._move(command, CommandEvent.LIFETIME_OVER, "no contact in time", now_ns, effects)
                elif now_ns >= command.verdict_ns:
                    self._move(command, CommandEvent.PATIENCE_OVER, "", now_ns, effects)
        self.state.next_deadline_ns = min(
            (
                command.expires_ns if command.state == State.QUEUED else command.verdict_ns
                for queue in self.state.under_way.values()
                for command in queue
            ),
            default=FAR_NS,
        )

    def close(self, now_ns: int, effects: Effects) -> None:
        """The run has ended: whatever is under way gets its terminal state."""
        for queue in self.state.under_way.values():
            for command in list(queue):
                self._move(command, CommandEvent.RUN_OVER, "", now_ns, effects)

    def _move(self, command: Command, happening: CommandEvent, text: str, now_ns: int, effects: Effects) -> None:
        before = State(command.state)
        after = TABLE.get((before, happening))
        if after is None:
            self.state.totals["contradiction"] += 1
            return
        command.state = after.value
        if after in TERMINAL:
            self.state.totals[after.value] += 1
            effects.ended[command.request] = Ended(
                command.spacecraft, command.name, command.arguments, after.value, text
            )
            queue = self.state.under_way.get(command.spacecraft, [])
            queue[:] = [other for other in queue if other is not command]
        self._log(command, happening.value, text, now_ns, effects)

    def _log(self, command: Command, happening: str, text: str, now_ns: int, effects: Effects) -> None:
        """The history's rows and the operator's answer."""
        state = State(command.state)
        effects.records.append((
            "telecommands", self._ground_boot, command.request, command.spacecraft, command.name,
            json.dumps(command.arguments, sort_keys=True), command.origin, command.requested_ns, command.expires_ns,
            state.value, command.transmissions, now_ns, text,
        ))  # fmt: skip
        effects.records.append((
            "telecommand_log", self._ground_boot, command.request, command.steps, now_ns, happening, state.value, text,
        ))  # fmt: skip
        command.steps += 1
        if command.token >= 0:
            detail = f"{happening}: {text}" if text else happening
            effects.replies.append(reply(command.token, command.request, state.value, detail, final=state in TERMINAL))
