"""What operators ask for: telecommands, procedures, alarms; each with what the ground has said of it.

A request is answered as soon as the ground has taken it, with numbers to follow it by. Who wants to wait for its end
says how long (`wait_s`); what is still open then goes on.
"""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from bus.clock import Clock
from bus.errors import ScenarioError, UnknownNameError, UserError
from bus.wire.messages import Body, OperatorAction, OperatorNote, OperatorReply, Refusal, Scalar
from bus.wire.stacks import CommandStep, OperatorConfirmation, OperatorStack
from groundstation.api import forms
from groundstation.api.desk import Desk
from groundstation.api.link import Asked, GroundLink
from groundstation.commanding.wishes import Wish
from groundstation.procedures.declaration import check_asked

FIRST_WORD_S = 10.0
"""How long the ground may take to say its first word [A]: some ticks of a run at real time."""
MOST_WAIT_S = 300.0
Wait = Annotated[float, Query(ge=0.0, le=MOST_WAIT_S, description="seconds of real time to wait for the end")]
Number = Annotated[int, InPath(ge=0, le=2**53)]
Limit = Annotated[int, Query(ge=1, le=5_000)]


def command_routes(desk: Desk, clock: Clock) -> APIRouter:
    """Routes of commanding, and of what became of it."""
    router = APIRouter()
    talk = Talk(desk)

    @router.post("/telecommands/check")
    async def check(order: forms.Order) -> forms.Checked:
        """What would be asked for: names and arguments checked, defaults filled in; nothing is sent."""
        steps = talk.steps(order)
        return forms.Checked(steps=[step._asdict() for step in steps], hazardous=desk.wishes.hazards(steps))

    @router.post("/telecommands")
    async def ask(order: forms.Order, wait_s: Wait = 0.0) -> forms.Answer:
        """Ask for one telecommand or a stack, for one spacecraft or a group, with a canary or without."""
        steps = talk.steps(order)
        hazards = desk.wishes.hazards(steps)
        if hazards and not order.confirmed:
            raise UserError(f"{', '.join(hazards)}: hazardous", hint="if you mean it, say so: confirmed: true")
        stack = OperatorStack(token=0, steps=steps, stop=order.stop, asked_by=order.asked_by, asked_from="api")
        return await talk.ask(stack, wait_s, confirm=bool(hazards))

    @router.get("/telecommands")
    async def telecommands(
        spacecraft: Annotated[str, Query(max_length=32)] = "", *, open: bool = False, limit: Limit = 200
    ) -> list[forms.TelecommandRow]:
        """Telecommands, the newest first; `open`: only those that have not ended."""
        rows = await asyncio.to_thread(talk.rows)
        chosen = [row for row in rows if not spacecraft or row.spacecraft == spacecraft]
        return [row for row in reversed(chosen) if not open or row.state not in _ENDED][:limit]

    @router.get("/telecommands/{ground_boot}/{request}")
    async def telecommand(ground_boot: Number, request: Number) -> forms.Followed:
        """One telecommand with everything that happened to it."""
        rows = await asyncio.to_thread(talk.rows)
        row = next((row for row in rows if (row.ground_boot, row.request) == (ground_boot, request)), None)
        if row is None:
            raise UnknownNameError("telecommand", f"{ground_boot}/{request}", [], hint="GET /telecommands lists them")
        happened = await asyncio.to_thread(desk.feed.history, ground_boot, request)
        history = [
            forms.Happening(at_s=int(str(at)) / 1e9, happening=str(what), state=str(state), detail=str(detail))
            for at, what, state, detail in happened
        ]
        return forms.Followed(telecommand=row, history=history)

    @router.post("/alarms/{alarm}/acknowledge")
    async def acknowledge(alarm: Number, wait_s: Wait = 5.0) -> forms.Answer:
        """Say that an alarm was seen."""
        return await talk.ask(OperatorAction(token=0, verb="alarm.acknowledge", run=alarm), wait_s)

    @router.post("/alarms/{alarm}/shelve")
    async def shelve(alarm: Number, shelf: forms.Shelf, wait_s: Wait = 5.0) -> forms.Answer:
        """Put an alarm aside for a time; it comes back sooner if it gets worse."""
        arguments: dict[str, Scalar] = {"for_s": shelf.for_s}
        return await talk.ask(OperatorAction(token=0, verb="alarm.shelve", run=alarm, arguments=arguments), wait_s)

    @router.get("/procedures")
    async def procedures(spacecraft: Annotated[str, Query(max_length=32)] = "") -> list[forms.ProcedureForm]:
        """Procedures that can be started, with arguments as the given spacecraft takes them."""
        dictionary = (desk.known(spacecraft) if spacecraft else next(iter(desk.watch.fleet.values()))).dictionary
        return [
            forms.ProcedureForm(
                name=name, summary=one.description.partition("\n")[0],
                arguments=[form.model_dump() for form in one.forms(dictionary)],
            )
            for name, one in desk.facts.procedures.items()
        ]  # fmt: skip

    @router.post("/procedure-runs")
    async def start(order: forms.ProcedureOrder, wait_s: Wait = 0.0) -> forms.Answer:
        """Start a procedure."""
        for one in order.spacecraft:
            desk.known(one)
        dictionaries = {id: known.dictionary for id, known in desk.watch.fleet.items()}
        arguments = check_asked(desk.facts.procedures, dictionaries, order.name, order.spacecraft, order.arguments)
        action = OperatorAction(
            token=0, verb="procedure.run", name=order.name, spacecraft=tuple(order.spacecraft), arguments=arguments
        )
        return await talk.ask(action, wait_s)

    @router.get("/procedure-runs")
    async def runs() -> list[forms.ProcedureRun]:
        """Procedures that were started, the newest first, each with its log."""
        return await asyncio.to_thread(talk.runs)

    @router.post("/procedure-runs/{run}/answer")
    async def answer(run: Number, word: forms.Word, wait_s: Wait = 5.0) -> forms.Answer:
        """Answer a procedure that asks."""
        arguments: dict[str, Scalar] = {"answer": word.answer}
        return await talk.ask(OperatorAction(token=0, verb="procedure.answer", run=run, arguments=arguments), wait_s)

    @router.post("/procedure-runs/{run}/abort")
    async def abort(run: Number, wait_s: Wait = 5.0) -> forms.Answer:
        """End a procedure."""
        return await talk.ask(OperatorAction(token=0, verb="procedure.abort", run=run), wait_s)

    return router


_ENDED = ("COMPLETED", "FAILED", "REJECTED", "EXPIRED", "INDETERMINATE")


class Talk:
    """Requests to the ground, and rows of the archive that tell of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def steps(self, order: forms.Order) -> tuple[CommandStep, ...]:
        """What is wished, in plain numbers. Raises UnknownNameError, ScenarioError, UserError."""
        return tuple(self._step(place, step) for place, step in enumerate(order.steps))

    def _step(self, place: int, step: forms.Step) -> CommandStep:
        wish = Wish(
            step.to, step.telecommand, step.arguments, step.canary, step.condition, step.precondition, step.release
        )
        try:
            return self._desk.wishes.step(wish)
        except ScenarioError as error:
            raise UserError(f"steps[{place}]: {error.message}", hint=error.hint) from error

    def link(self) -> GroundLink:
        """The way to the ground. Raises ConnectionError where there is none."""
        link = self._desk.link
        if link is None or self._desk.facts.over():
            raise ConnectionError("the run is over, or flies in one process: nobody can be asked")
        return link

    async def ask(self, body: Body, wait_s: float, *, confirm: bool = False) -> forms.Answer:
        """Send it, and gather what the ground says, until the end or until `wait_s` after its first word."""
        link = self.link()
        async with link.asked(body) as asked:
            answer = await self._first(asked)
            if confirm:
                await self._confirm(link, asked)
            if answer.final or not wait_s:
                return _answer(asked)
            try:
                async with asyncio.timeout(wait_s):
                    while not _answer(asked).final:
                        asked.more.clear()
                        await asked.more.wait()
            except TimeoutError:
                pass
            return _answer(asked)

    @staticmethod
    async def _first(asked: Asked) -> forms.Answer:
        try:
            async with asyncio.timeout(FIRST_WORD_S):
                await asked.more.wait()
        except TimeoutError:
            raise ConnectionError("the ground has taken it and not answered yet; look at GET /telecommands") from None
        return _answer(asked)

    async def _confirm(self, link: GroundLink, asked: Asked) -> None:
        held = next(
            (reply for reply in asked.replies if isinstance(reply, OperatorReply) and reply.state == "HELD"), None
        )
        if held is not None:
            await link.say(OperatorConfirmation(token=0, request=held.request))

    def rows(self) -> list[forms.TelecommandRow]:
        """Every telecommand, in order of request."""
        askers = self._desk.feed.askers()
        rows = []
        for row in self._desk.feed.telecommands():
            found: dict[str, Any] = dict(row)
            origin = str(found["origin"])
            by, place, utc = askers.get(origin.rpartition(" ")[2], ("", "", ""))
            rows.append(
                forms.TelecommandRow(
                    ground_boot=found["ground_boot"], request=found["request"], spacecraft=found["spacecraft"],
                    name=found["name"], arguments=json.loads(found["arguments"]), origin=origin,
                    asked_by=by, asked_from=place, asked_utc=utc,
                    requested_s=found["requested_ns"] / 1e9, expires_s=found["expires_ns"] / 1e9, state=found["state"],
                    transmissions=found["transmissions"], changed_s=found["changed_ns"] / 1e9, detail=found["detail"],
                )
            )  # fmt: skip
        return rows

    def runs(self) -> list[forms.ProcedureRun]:
        """Every run of a procedure, the newest first."""
        lines: dict[object, list[dict[str, Any]]] = {}
        for run, _, began_ns, ended_ns, step, outcome in self._desk.feed.procedure_log():
            line = {
                "began_s": int(str(began_ns)) / 1e9, "ended_s": None if ended_ns is None else int(str(ended_ns)) / 1e9,
                "step": step, "outcome": outcome,
            }  # fmt: skip
            lines.setdefault(run, []).append(line)
        found = []
        for row in self._desk.feed.procedures():
            each: dict[str, Any] = dict(row)
            found.append(
                forms.ProcedureRun(
                    run=each["run"], name=each["name"], spacecraft=json.loads(each["spacecraft"]),
                    arguments=json.loads(each["arguments"]), origin=each["origin"], state=each["state"],
                    started_s=each["started_ns"] / 1e9, changed_s=each["changed_ns"] / 1e9, detail=each["detail"],
                    log=lines.get(each["run"], []),
                )
            )  # fmt: skip
        return found[::-1]


def _answer(asked: Asked) -> forms.Answer:
    """What was said so far, in one."""
    last = asked.replies[-1]
    requests: list[int] = []
    run = None
    for reply in asked.replies:
        if isinstance(reply, Refusal):
            return forms.Answer(state="REFUSED", detail=reply.reason, final=True)
        if isinstance(reply, OperatorNote):
            run = reply.run
        elif reply.request >= 0 and reply.request not in requests:
            requests.append(reply.request)
    if isinstance(last, OperatorNote):
        return forms.Answer(state=last.state, detail=last.text, final=last.final, run=run)
    assert isinstance(last, OperatorReply), "a refusal has been told"
    return forms.Answer(state=last.state, detail=last.detail, final=last.final, requests=requests)
