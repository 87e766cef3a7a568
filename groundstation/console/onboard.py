"""Two tabs of a spacecraft: its FDIR table, what is armed, masked and fired; and its schedule. Both as it told them
last; a key asks it to tell anew."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from bus.errors import SkyrackError
from groundstation.api import forms
from groundstation.console import words
from groundstation.console.frame import Frame
from groundstation.console.table import Cell, Column, Table

EVERY_S = 2.0


class OnBoard(Vertical):
    """A table that is read again and again while it is seen. Subclasses say what is read, and what asks for it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("a", "ask", "Ask it")]
    DEFAULT_CSS = "OnBoard Static { height: auto; padding: 0 0 1 0; }"
    asks: ClassVar[tuple[str, ...]]

    def __init__(self, spacecraft: str, id: str) -> None:
        super().__init__(id=id)
        self.spacecraft = spacecraft
        self._said = ""

    @property
    def frame(self) -> Frame:
        """The screen it is on."""
        assert isinstance(self.screen, Frame)
        return self.screen

    def on_mount(self) -> None:
        """From now on."""
        self.set_interval(EVERY_S, self.load)

    @work(exclusive=True, group="onboard")
    async def load(self) -> None:
        """Read it again, where it is seen."""
        if self.app.screen is not self.screen or not self.is_on_screen:
            return
        try:
            await self.read()
        except SkyrackError as error:
            self.query_one(Static).update(Text(error.message, "bold #d55e00"))

    async def read(self) -> None:
        """Fill the table."""

    @work(exclusive=True, group="ask")
    async def action_ask(self) -> None:
        """Ask the spacecraft to tell it anew; the answer comes with the next contact."""
        steps = [forms.Step(to=self.spacecraft, telecommand=name) for name in self.asks]
        try:
            answer = await self.frame.store.client.order(forms.Order(steps=steps, asked_by=self.frame.console.who))
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        self.notify(f"{' and '.join(self.asks)}: {answer.state}; the answer comes in a contact", markup=False)

    def told(self, at_s: float | None) -> str:
        """How old the answer is."""
        now_s = self.frame.store.mission_s()
        if at_s is None:
            return "nobody has asked for it yet: a asks"
        age = f", {words.span(now_s - at_s)} ago" if now_s is not None else ""
        return f"told at {words.clock(at_s)}{age}; a asks anew"


class FdirTab(OnBoard):
    """Monitors with what they find, and what was done."""

    asks = ("monitoring.status", "event_action.status")

    def compose(self) -> ComposeResult:
        """A line and a table."""
        yield Static(id="fdir-words")
        yield Table[forms.Monitor](
            [
                Column("", 1, _sign),
                Column("monitor", 38, lambda row: (row.monitor, "bold" if row.violated else "")),
                Column("armed", 8, _armed),
                Column("finds", 11, lambda row: (row.finding or words.UNKNOWN, "bold #d55e00" if row.violated else "")),
                Column("value", 10, lambda row: (words.number(row.value), ""), right=True, least=96),
                Column("fired", 11, lambda row: (words.clock(row.fired_s), ""), right=True),
                Column("times", 5, lambda row: (str(row.times) if row.times else "", ""), right=True, least=96),
                Column("action", 0, lambda row: (_action(row), "dim")),
            ],
            lambda row: row.monitor,
            empty="its flight software has no monitors",
            id="fdir-table",
        )

    async def read(self) -> None:
        """The table, and what stands above it."""
        table = await self.frame.store.client.fdir(self.spacecraft)
        values = self.frame.store.values
        line = Text()
        for name, off in (("monitoring_on", "MONITORING IS OFF  "), ("event_action_on", "ACTIONS ARE OFF  ")):
            if name in values and values[name].value == 0.0:
                line.append(off, "bold #d55e00")
        counted = [
            f"{words.number(values[name].value)} {what}"
            for name, what in (
                ("monitors_violated", "find something wrong"), ("monitors_masked", "masked"),
                ("fdir_escalations", "escalations"), ("actions_executed", "actions"),
            )
            if name in values
        ]  # fmt: skip
        line.append(", ".join(counted) + "\n" if counted else "")
        line.append(f"armed and masked: {self.told(table.told_s)}", "dim")
        if table.acted:
            last = table.acted[0]
            how = "" if not last.code else f", not completed (code {last.code})"
            line.append(f"\nlast action: on {last.event}, heard {words.clock(last.received_s)}{how}")
        self.query_one("#fdir-words", Static).update(line)
        self.query_one("#fdir-table", Table).fill(table.monitors)


class ScheduleTab(OnBoard):
    """Telecommands that wait on board."""

    asks = ("schedule.report",)

    def compose(self) -> ComposeResult:
        """A line and a table."""
        yield Static(id="schedule-words")
        yield Table[forms.ScheduleEntry](
            [
                Column("entry", 6, lambda row: (str(row.entry), "dim"), right=True),
                Column("on board at", 12, lambda row: (words.clock(row.at_s), ""), right=True),
                Column("in", 9, self._ahead, right=True),
                Column("telecommand", 30, lambda row: (row.telecommand, "bold")),
                Column("sub", 4, lambda row: (str(row.sub_schedule), "dim"), right=True),
                Column("group", 5, lambda row: (str(row.group or ""), "dim"), right=True),
                Column("state", 0, lambda row: (row.state, "" if row.state == "waits" else "dim")),
            ],
            lambda row: row.entry,
            empty="no entry is known of",
            id="schedule-table",
        )

    async def read(self) -> None:
        """The table, and what stands above it."""
        found = await self.frame.store.client.schedule(self.spacecraft)
        values = self.frame.store.values
        line = Text()
        if "schedule_enabled" in values and values["schedule_enabled"].value == 0.0:
            line.append("THE SCHEDULE IS OFF  ", "bold #d55e00")
        counted = [
            f"{words.number(values[f'schedule_{name}'].value)} {what}"
            for name, what in (
                ("entries", "entries"), ("released", "released"), ("skipped", "skipped"), ("missed", "missed"),
            )
            if f"schedule_{name}" in values
        ]  # fmt: skip
        line.append(", ".join(counted) + "\n" if counted else "")
        line.append(self.told(found.told_s), "dim")
        self.query_one("#schedule-words", Static).update(line)
        self.query_one("#schedule-table", Table).fill(found.entries)

    def _ahead(self, row: forms.ScheduleEntry) -> Cell:
        now_s = self.frame.store.mission_s()
        return ("" if now_s is None or row.state != "waits" else words.span(row.at_s - now_s), "")


def _sign(row: forms.Monitor) -> Cell:
    level = None if row.violated is None else "critical" if row.violated else "normal"
    return ("○", "dim") if row.enabled is False else words.SIGNS[level] if level else ("·", "dim")


def _armed(row: forms.Monitor) -> Cell:
    if row.masked:
        return ("masked", "#e69f00")
    return (words.UNKNOWN, "") if row.enabled is None else ("armed", "") if row.enabled else ("disabled", "#e69f00")


def _action(row: forms.Monitor) -> str:
    return "" if row.action is None else "acts" if row.action else "action disabled"
