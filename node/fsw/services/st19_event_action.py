"""Event-action, service 19: an event that has an action executes the telecommand that is stored for it.

The table begins as the design's FDIR table has it; the ground changes it in flight. An event acts also while its report
is switched off. What was executed is reported as an event, with the reason if it failed. Which events there are, and
which telecommands, is declared elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from bus.dictionary import Dictionary
from bus.pus import Code, Service, Severity
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Report, Request, kept, telecommand, telemetered
from node.fsw.modes import Mode
from node.fsw.services.st01_verification import Verification
from node.fsw.services.st05_events import Events
from node.fsw.services.st15_storage import Storage

PER_CYCLE = 8
"""Actions executed in one cycle; what is left over waits for the next [A]."""
QUEUE_LIMIT = 64
MOST_ACTIONS = 1024
IMAGE_ACTIONS = 256
"""Actions that have a word in the memory image."""


@dataclass(slots=True)
class Action:
    """A stored request: the telecommand, and its arguments as the ground gives them."""

    telecommand: str
    arguments: dict[str, Any]
    enabled: bool = True


@dataclass(slots=True)
class State:
    """`actions`: by event id (kept); `loaded`: the FDIR table's are among them. `waiting`: events whose action is to be
    executed."""

    actions_executed: int = telemetered("int", "Actions that events led to")
    actions_failed: int = telemetered("int", "Actions that could not be completed")
    actions_dropped: int = telemetered("int", "Actions dropped because too many waited")
    event_action_on: bool = telemetered("bool", "Events lead to actions", default=True, kept=True)
    loaded: bool = kept(bool)
    actions: dict[int, Action] = kept(dict)
    waiting: list[int] = field(default_factory=list)


_ON_EVENT = Arg("on_event", "enum", "event that leads to the action", labels=lambda words: words.events)
"""Of the telecommand that carries another: no argument of a telecommand has this name."""
_CAUSE = Arg("cause", "enum", "event that leads to the action", labels=lambda words: words.events)


class EventAction(Component):
    """What events lead to."""

    name = "event_action"
    state: State

    EXECUTED = Event(
        31, "action_executed", Severity.LOW, "An event led to an action",
        (
            _CAUSE,
            Arg("code", "int", "0, or the failure code: it was not completed"),
        ),
    )  # fmt: skip

    STATUS = Report(
        1907, "event_action_status", Service.EVENT_ACTION, 7,
        (
            Arg("acts_on", "enum", "Event that leads to an action", labels=lambda words: words.events),
            Arg("acts", "bool", "The action is enabled"),
        ),
    )  # fmt: skip
    DEFINITION = Report(
        1911, "event_action_definition", Service.EVENT_ACTION, 11,
        (
            Arg("action_on", "enum", "Event that leads to the action", labels=lambda words: words.events),
            Arg("action_telecommand", "enum", "What it leads to", labels=lambda words: words.telecommands),
            Arg("action_arguments_crc", "int", "CRC-32 of its arguments as compact JSON, sorted by name"),
            Arg("action_enabled", "bool", "The action is enabled"),
        ),
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, events: Events, verification: Verification, storage: Storage,
        telecommands: tuple[str, ...],
    ) -> None:  # fmt: skip
        super().__init__(on_board, State())
        self._verification = verification
        self._storage = storage
        self._telecommands = telecommands
        self._ids: tuple[int, ...] = ()
        events.listener = self.raised

    def connect(self, dictionary: Dictionary) -> None:
        """Every component is built. What nothing was kept of begins as the FDIR table has it."""
        self._ids = tuple(event.id for event in dictionary.events)
        if not self.state.loaded:
            self.state.loaded = True
            ids = {event.name: event.id for event in dictionary.events}
            for row in self.on_board.equipment.fdir:
                if row.telecommand:
                    action = Action(row.telecommand, dict(row.arguments))
                    self.state.actions[ids[row.event or row.monitor]] = action
            self.keep()

    def image_words(self) -> list[int]:
        """A word for each action, as far as they reach: its event, and whether it is enabled."""
        words = [0] * IMAGE_ACTIONS
        for place, (event, action) in enumerate(list(self.state.actions.items())[:IMAGE_ACTIONS]):
            words[place] = event << 1 | action.enabled
        return words

    def take_image(self, words: list[int]) -> None:
        """Actions answer the events that their words name now, if these say that they are enabled."""
        actions = list(self.state.actions.items())
        taken: dict[int, Action] = {}
        for (event, action), word in zip(actions, words, strict=False):
            if word != event << 1 | action.enabled:
                event, action.enabled = word >> 1 & 0xFFFF, bool(word & 1)  # noqa: PLW2901
            taken.setdefault(event, action)
        self.state.actions = taken | dict(actions[IMAGE_ACTIONS:])

    def raised(self, event: int) -> None:
        """An event happened."""
        state = self.state
        action = state.actions.get(event)
        if action is None or not action.enabled or not state.event_action_on:
            return
        if len(state.waiting) >= QUEUE_LIMIT:
            state.actions_dropped += 1
        elif event not in state.waiting:
            state.waiting.append(event)

    def cycle(self, mode: Callable[[], Mode]) -> None:
        """Execute what waits."""
        waiting = self.state.waiting
        if not waiting:
            return
        for event in waiting[:PER_CYCLE]:
            action = self.state.actions.get(event)
            if action is not None:
                self._execute(event, action, mode())
        del waiting[:PER_CYCLE]

    def _execute(self, event: int, action: Action, mode: Mode) -> None:
        failure = self._verification.carry_out(action.telecommand, action.arguments, mode)
        code = Code.NONE if failure is None else failure[0]
        self.state.actions_executed += 1
        if code is not Code.NONE:
            self.state.actions_failed += 1
        self.event(self.EXECUTED, self._ids.index(event), code)

    # ---- the table ----------------------------------------------------------------------------------------------

    @telecommand(
        "event_action.add", Service.EVENT_ACTION, 1, "Store the telecommand that an event leads to, disabled at first",
        _ON_EVENT, Arg("telecommand", "telecommand", "what the event leads to"), hazardous=True,
    )  # fmt: skip
    def add(self, on_event: int, telecommand: Request) -> Failure:
        """TC[19,1] add event-action definitions."""
        state, event = self.state, self._ids[on_event]
        if event in state.actions and state.actions[event].enabled:
            return Code.REFUSED_BY_STATE, "this event has an action that is enabled; event_action.disable comes first"
        if event not in state.actions and len(state.actions) >= MOST_ACTIONS:
            return Code.FULL, f"there are {MOST_ACTIONS} actions already"
        state.actions[event] = Action(telecommand.name, telecommand.arguments, enabled=False)
        self.keep()
        return None

    @telecommand(
        "event_action.delete", Service.EVENT_ACTION, 2, "Delete the action of an event, if it is disabled", _CAUSE,
        hazardous=True,
    )  # fmt: skip
    def delete(self, cause: int) -> Failure:
        """TC[19,2] delete event-action definitions."""
        action = self.state.actions.get(self._ids[cause])
        if action is None or action.enabled:
            return Code.REFUSED_BY_STATE, "this event has no action, or one that is enabled"
        del self.state.actions[self._ids[cause]]
        self.keep()
        return None

    @telecommand(
        "event_action.delete_all", Service.EVENT_ACTION, 3, "Switch event-action off and delete all actions",
        hazardous=True,
    )  # fmt: skip
    def delete_all(self) -> Failure:
        """TC[19,3] delete all event-action definitions: the function is switched off first."""
        self.state.event_action_on = False
        self.state.actions.clear()
        self.state.waiting.clear()
        self.keep()
        return None

    @telecommand("event_action.enable", Service.EVENT_ACTION, 4, "Enable the action of an event", _CAUSE)
    def enable(self, cause: int) -> Failure:
        """TC[19,4] enable event-action definitions."""
        return self._enable(cause, enabled=True)

    @telecommand(
        "event_action.disable", Service.EVENT_ACTION, 5, "Disable the action of an event", _CAUSE, hazardous=True
    )
    def disable(self, cause: int) -> Failure:
        """TC[19,5] disable event-action definitions."""
        return self._enable(cause, enabled=False)

    def _enable(self, cause: int, *, enabled: bool) -> Failure:
        action = self.state.actions.get(self._ids[cause])
        if action is None:
            return Code.REFUSED_BY_STATE, "this event has no action; event_action.add stores one"
        action.enabled = enabled
        self.keep()
        return None

    @telecommand("event_action.status", Service.EVENT_ACTION, 6, "Report which events have actions")
    def status(self) -> Failure:
        """TC[19,6] report the status of each event-action definition: a TM[19,7] each."""
        for event, action in sorted(self.state.actions.items()):
            self._storage.report(self.STATUS, self._ids.index(event), action.enabled)
        return None

    @telecommand("event_action.report", Service.EVENT_ACTION, 10, "Report the action of an event", _CAUSE)
    def describe(self, cause: int) -> Failure:
        """TC[19,10] report event-action definitions: TM[19,11]."""
        action = self.state.actions.get(self._ids[cause])
        if action is None:
            return Code.REFUSED_BY_STATE, "this event has no action; event_action.add stores one"
        self._storage.report(
            self.DEFINITION, cause, self._telecommands.index(action.telecommand), arguments_crc(action.arguments),
            action.enabled,
        )  # fmt: skip
        return None

    @telecommand("event_action.on", Service.EVENT_ACTION, 8, "Let events lead to actions")
    def switch_on(self) -> Failure:
        """TC[19,8] enable the event-action function."""
        return self._switch(on=True)

    @telecommand("event_action.off", Service.EVENT_ACTION, 9, "Let no event lead to an action", hazardous=True)
    def switch_off(self) -> Failure:
        """TC[19,9] disable the event-action function."""
        return self._switch(on=False)

    def _switch(self, *, on: bool) -> Failure:
        self.state.event_action_on = on
        self.keep()
        return None


def arguments_crc(arguments: dict[str, Any]) -> int:
    """To compare with what the ground believes to be stored."""
    return crc32(json.dumps(arguments, sort_keys=True, separators=(",", ":")).encode())
