"""Telecommands from request to terminal state: validated, queued, sent in contact, sent again, followed.

Events in, instructions out: what to radiate, what to answer, what to write into the history. No radio, no SQL.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping

from bus.dictionary import Dictionary, Structure
from bus.errors import ScenarioError, UnknownNameError
from bus.pus import SCHEDULE_SOURCE
from bus.telecommand_check import check_telecommand, is_hazardous, refusal_text, reply
from bus.wire.messages import Scalar, Telecommand, Telemetry, Verification
from bus.wire.stacks import OperatorConfirmation
from groundstation.commanding.conditions import check_condition, judged, worded
from groundstation.commanding.records import (
    FAR_NS,
    Command,
    CommanderState,
    Effects,
    Ended,
    Serving,
    Wanted,
    WantedStack,
)
from groundstation.commanding.stacks import MAX_STACK, Stack, Turn, Wave, turn, waves_of
from groundstation.commanding.states import TABLE, TERMINAL, CommandEvent, State, heard
from groundstation.config import CommandRules

COUNTER_BITS = 32
"""Transmissions of one boot of the ground to one spacecraft: more than a radio can send in its life."""


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
        return any(c.state != State.HELD or c.at_contact for c in self.state.under_way[spacecraft])

    def next_counter(self, spacecraft: str) -> int:
        """The counter of the next transmission: above all others to this spacecraft, those of earlier boots too."""
        sent = self.state.counters[spacecraft] = self.state.counters.get(spacecraft, 0) + 1
        return (self._ground_boot << COUNTER_BITS) + sent

    def ask(
        self,
        wanted: Wanted,
        now_ns: int,
        effects: Effects,
        stack: Stack | None = None,
        place: tuple[int, int] = (-1, 0),
    ) -> None:
        """Somebody wants a telecommand: it is queued, held, or REJECTED with what is allowed. `place`: its stack and
        its wave in it."""
        command = Command(
            request=self.state.next_request,
            spacecraft=wanted.spacecraft,
            name=wanted.name,
            arguments=dict(wanted.arguments),
            origin=wanted.origin,
            token=wanted.token,
            requested_ns=now_ns,
            expires_ns=max(now_ns, wanted.not_before_ns) + self._lifetime_ns,
            verdict_ns=max(now_ns, wanted.not_before_ns) + self._lifetime_ns + self._patience_ns,
            released_ns=now_ns,
            stack=place[0],
            wave=place[1],
            not_before_ns=wanted.not_before_ns,
            at_contact=wanted.at_contact,
            precondition=wanted.precondition,
            told=_told(wanted.arguments),
        )
        spacecraft = wanted.spacecraft
        if stack is not None:
            stack.waves[command.wave].requests[command.request] = spacecraft
        self.state.next_request += 1
        self.state.totals["requested"] += 1
        dictionary = self._dictionaries.get(spacecraft)
        if wanted.refused:
            self._move(command, CommandEvent.REFUSED, wanted.refused, now_ns, effects)
            return
        try:
            if dictionary is None:
                nearest = difflib.get_close_matches(spacecraft, sorted(self._dictionaries), 3)
                raise UnknownNameError("spacecraft", spacecraft, nearest)
            command.arguments = check_telecommand(dictionary, wanted.name, wanted.arguments)
            command.told = _told(command.arguments)
            check_condition(dictionary, wanted.precondition)
            check_condition(dictionary, "" if stack is None else stack.waves[command.wave].condition)
        except (UnknownNameError, ScenarioError) as error:
            self._move(command, CommandEvent.REFUSED, refusal_text(error), now_ns, effects)
            return
        queue = self.state.under_way[spacecraft]
        if len(queue) >= self._rules.queue_per_spacecraft:
            text = f"{len(queue)} telecommands are under way to {spacecraft}, and no more are taken"
            self._move(command, CommandEvent.REFUSED, text, now_ns, effects)
            return
        queue.append(command)
        self.state.watched += bool(command.precondition)
        text = ""
        if not wanted.confirmed and is_hazardous(dictionary, wanted.name, command.arguments):
            command.confirm_by_ns = now_ns + round(self._rules.confirm_s * 1e9)
            text = f"it is hazardous: confirm request {command.request} within {self._rules.confirm_s:g} s"
        if command.wave > 0 or text or command.at_contact or command.not_before_ns > now_ns:
            command.state = State.HELD
            self.state.held += 1
        self.state.next_deadline_ns = min(self.state.next_deadline_ns, command.expires_ns)
        self._log(command, "asked for", text, now_ns, effects)

    def serve(self, service: Serving, now_ns: int, effects: Effects) -> None:
        """An antenna points at a spacecraft: send what is due."""
        spacecraft, station, service_ns = service.spacecraft, service.station, service.since_ns
        rules, in_air = self._rules, 0
        for command in self.state.under_way[spacecraft]:
            if in_air >= rules.window:
                return
            if command.at_contact and service_ns > command.requested_ns and self._due(command, now_ns):
                self._release(command, now_ns, effects)
            if command.state not in (State.QUEUED, State.SENT) or now_ns >= command.expires_ns:
                continue
            if command.precondition and not command.holds:
                continue  # no reading yet: what it waits for may come in this contact
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
        if self.state.held or self.state.stacks:
            self._hold(now_ns, effects)
        if now_ns < self.state.next_deadline_ns:
            return
        for queue in self.state.under_way.values():
            for command in list(queue):
                if command.state in (State.HELD, State.QUEUED) and now_ns >= command.expires_ns:
                    waited = f"no reading for {command.precondition}" if command.precondition else "no contact in time"
                    self._move(command, CommandEvent.LIFETIME_OVER, waited, now_ns, effects)
                elif now_ns >= command.verdict_ns:
                    self._move(command, CommandEvent.PATIENCE_OVER, "", now_ns, effects)
        self.state.next_deadline_ns = min(
            (
                command.expires_ns if command.state in (State.HELD, State.QUEUED) else command.verdict_ns
                for queue in self.state.under_way.values()
                for command in queue
            ),
            default=FAR_NS,
        )

    def _hold(self, now_ns: int, effects: Effects) -> None:
        """Stacks go on, and what is held is released when all it waits for has come."""
        for number, stack in list(self.state.stacks.items()):
            self._advance(number, stack, now_ns, effects)
        for queue in self.state.under_way.values() if self.state.held else ():
            for command in list(queue):
                if command.state != State.HELD:
                    continue
                if 0 <= command.confirm_by_ns <= now_ns:
                    text = f"not confirmed within {self._rules.confirm_s:g} s"
                    self._move(command, CommandEvent.WITHHELD, text, now_ns, effects)
                elif not command.at_contact and self._due(command, now_ns):
                    self._release(command, now_ns, effects)

    def _due(self, command: Command, now_ns: int) -> bool:
        """Whether a held telecommand waits for nothing more."""
        if command.state != State.HELD or command.confirm_by_ns >= 0 or now_ns < command.not_before_ns:
            return False
        stack = self.state.stacks.get(command.stack)
        return stack is None or stack.place == command.wave

    def _release(self, command: Command, now_ns: int, effects: Effects) -> None:
        command.released_ns = now_ns
        command.expires_ns = now_ns + self._lifetime_ns
        command.verdict_ns = command.expires_ns + self._patience_ns
        self._move(command, CommandEvent.RELEASED, "", now_ns, effects)

    def _advance(self, number: int, stack: Stack, now_ns: int, effects: Effects) -> None:
        while stack.place < len(stack.waves):
            what, why = turn(stack)
            if what is Turn.WAIT and stack.open:
                return
            step, stack.place = stack.waves[stack.place].step, stack.place + 1
            for wave in stack.waves[stack.place :] if what in (Turn.SKIP_STEP, Turn.STOP) else ():
                if what is Turn.STOP or wave.step == step:
                    self._withhold(wave, why, now_ns, effects)
        del self.state.stacks[number]

    def _withhold(self, wave: Wave, why: str, now_ns: int, effects: Effects) -> None:
        for spacecraft in dict.fromkeys(wave.requests.values()):
            for command in list(self.state.under_way.get(spacecraft, ())):
                if command.request in wave.requests and command.state == State.HELD:
                    self._move(command, CommandEvent.WITHHELD, why, now_ns, effects)

    def ask_stack(self, asked: WantedStack, now_ns: int, effects: Effects) -> None:
        """Somebody wants several telecommands, in waves. All of them have their numbers from now on."""
        waves = waves_of(asked.steps)
        total = sum(len(wave.spacecraft) for wave in waves)
        number, full = self.state.next_request, len(self.state.stacks) >= self._rules.stacks
        stack = Stack(stop=asked.stop, waves=waves, open=total)
        limit = f"{self._rules.stacks} stacks are under way" if full else f"{total} telecommands, limit {MAX_STACK}"
        refused = limit if full or total > MAX_STACK else ""
        if refused and asked.token >= 0:
            effects.replies.append(reply(asked.token, -1, State.REJECTED.value, limit, final=True))
            return
        if not refused:
            self.state.stacks[number] = stack
        for place, wave in enumerate(waves):
            step = asked.steps[wave.step]
            for spacecraft in wave.spacecraft:
                wanted = Wanted(
                    spacecraft, step.name, step.arguments, asked.origin, asked.token, confirmed=asked.confirmed,
                    not_before_ns=step.not_before_ns, at_contact=step.at_contact, precondition=step.precondition,
                    refused=refused,
                )  # fmt: skip
                self.ask(wanted, now_ns, effects, stack, (number, place))

    def confirm(self, word: OperatorConfirmation, now_ns: int, effects: Effects) -> None:
        """The second word for a hazardous telecommand, and for the others of its stack."""
        held = [c for queue in self.state.under_way.values() for c in queue if c.confirm_by_ns > now_ns]
        named = next((command for command in held if command.request == word.request), None)
        if named is None:
            waiting = ", ".join(str(command.request) for command in held[:20]) or "none"
            text = f"request {word.request} waits for no word; these do: {waiting}"
            effects.replies.append(reply(word.token, word.request, State.REJECTED.value, text, final=True))
            return
        for command in held:
            if command is named or (named.stack >= 0 and command.stack == named.stack):
                command.confirm_by_ns = -1
                self._log(command, "confirmed", "", now_ns, effects)
        effects.replies.append(reply(word.token, word.request, "recorded", "confirmed", final=True))

    def heard(self, spacecraft: str, report: Telemetry, form: Structure | None, now_ns: int, effects: Effects) -> None:
        """Readings of a spacecraft: what waits for them is decided. `form`: what the packet holds, if that is known."""
        if not self.state.watched and not self.state.stacks:
            return
        dictionary = self._dictionaries[spacecraft]
        for command in list(self.state.under_way[spacecraft]) if self.state.watched else ():
            if command.precondition and command.state == State.QUEUED and report.obt_ns > command.released_ns:
                found = judged(dictionary, command.precondition, report, form)
                if found is not None and not found[0] and not command.transmissions:
                    text = f"{worded(dictionary, command.precondition)} does not hold: {found[1]}"
                    self._move(command, CommandEvent.WITHHELD, text, now_ns, effects)
                elif found is not None and found[0] and not command.holds:
                    command.holds = True
                    self.state.watched -= 1
        for stack in self.state.stacks.values():
            stack.hear(dictionary, spacecraft, report, form)

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
        self.state.held -= before is State.HELD
        if after in TERMINAL:
            self.state.totals[after.value] += 1
            effects.ended[command.request] = Ended(
                command.spacecraft, command.name, command.arguments, after.value, text
            )
            self.state.watched -= bool(command.precondition) and not command.holds
            if command.stack in self.state.stacks:
                self.state.stacks[command.stack].end(command.wave, command.request, after is State.COMPLETED, now_ns)
            queue = self.state.under_way.get(command.spacecraft, [])
            queue[:] = [other for other in queue if other is not command]
        self._log(command, happening.value, text, now_ns, effects)

    def _log(self, command: Command, happening: str, text: str, now_ns: int, effects: Effects) -> None:
        """The history's rows and the operator's answer."""
        state = State(command.state)
        origin = command.origin if command.token < 0 else f"{command.origin} {command.token}"
        effects.records.append((
            "telecommands", self._ground_boot, command.request, command.spacecraft, command.name,
            command.told, origin, command.requested_ns, command.expires_ns,
            state.value, command.transmissions, now_ns, text,
        ))  # fmt: skip
        effects.records.append((
            "telecommand_log", self._ground_boot, command.request, command.steps, now_ns, happening, state.value, text,
        ))  # fmt: skip
        command.steps += 1
        if command.token >= 0:
            detail = f"{happening}: {text}" if text else happening
            stack = self.state.stacks.get(command.stack)
            final = state in TERMINAL and (stack is None or stack.open == 0)
            effects.replies.append(
                reply(
                    command.token,
                    command.request,
                    state.value,
                    detail,
                    final=final,
                    of=(command.spacecraft, command.name),
                )
            )


def _told(arguments: Mapping[str, Scalar]) -> str:
    return json.dumps(dict(arguments), sort_keys=True)
