"""Alarms of the fleet, those that wait for somebody first; why each came, and the procedure that answers it."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from bus.errors import SkyrackError
from groundstation.api import forms
from groundstation.api.order import WAITS, waiting_first
from groundstation.console import words
from groundstation.console.frame import Frame
from groundstation.console.table import Column, Table

SHELVED_S = 3_600.0


def why_text(alarm: forms.Alarm) -> Text:
    """The chain as the ground can know it: readings, orders and modes in the order of their times, then the alarm."""
    sign, look = words.SIGNS[alarm.level]
    text = Text()
    text.append(f"{sign} {alarm.subject}", look)
    text.append(
        f"  {alarm.state}{', told late' if alarm.late else ''}, alarm {alarm.alarm}, {alarm.times} times\n", "dim"
    )
    text.append(f"  {words.clock(alarm.raised_s)}  {alarm.because}\n")
    for title, rows in (("readings", alarm.readings), ("modes", alarm.modes), ("telecommands", alarm.telecommands)):
        if rows:
            text.append(f"  {title}\n", "bold")
            for row in rows:
                text.append(f"    {_line(row)}\n")
    if alarm.procedure:
        text.append("  answered by ", "dim")
        text.append(f"{alarm.procedure}\n", "bold")
    else:
        text.append("  no procedure answers it\n", "dim")
    return text


def _line(row: object) -> str:
    """A reading, an order or a mode as the ground recorded it."""
    if isinstance(row, dict):
        return "  ".join(_word(name, value) for name, value in row.items() if value not in ("", None))
    if isinstance(row, list) and len(row) == 3:  # a reading: its stamp on board, when it came, its value
        return f"{words.clock(row[0])}  received {words.clock(row[1])}  {words.number(row[2])}"
    if isinstance(row, list) and row and isinstance(row[0], int | float):
        return "  ".join([words.clock(row[0]), *(_word("", part) for part in row[1:])])
    return "  ".join(_word("", part) for part in row) if isinstance(row, list) else str(row)


def _word(name: str, value: object) -> str:
    if isinstance(value, int | float) and name.endswith("_s"):
        return words.clock(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)


class AlarmsScreen(Frame):
    """See the module."""

    title_words = "Alarms"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "acknowledge", "Acknowledge"),
        Binding("z", "shelve", "Shelve 1 h"),
        Binding("r", "procedure", "Run procedure"),
        Binding("enter", "open", "Spacecraft"),
    ]
    DEFAULT_CSS = "#alarm-list { height: 1fr; } #alarm-why { height: 1fr; border-top: solid $primary; padding: 0 1; }"

    def parts(self) -> ComposeResult:
        """The list, and the why of the one under the cursor."""
        yield Table[forms.Alarm](
            [
                Column("", 1, lambda row: words.SIGNS[row.level]),
                Column("no", 4, lambda row: (str(row.alarm), "dim"), right=True),
                Column("raised", 11, lambda row: (words.clock(row.raised_s), "")),
                Column("spacecraft", 14, lambda row: (row.spacecraft, "bold")),
                Column("state", 13, lambda row: (row.state, "bold" if row.state in WAITS else "dim")),
                Column("alarm", 26, lambda row: (row.subject, words.SIGNS[row.level][1])),
                Column("because", 0, lambda row: (row.because, "")),
            ],
            lambda row: (row.ground_boot, row.alarm),
            empty="no alarm stands",
            id="alarm-list",
        )
        with VerticalScroll(id="alarm-why"):
            yield Static(id="alarm-text")

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.set_focus(self.query_one(Table))

    def draw(self) -> None:
        """Those that wait for somebody first, the worst of them first."""
        self.query_one("#alarm-list", Table).fill(waiting_first(self.store.alarms))
        self._explain()

    def tick(self) -> None:
        """The why follows the cursor."""
        super().tick()
        if self.console.screen is self:
            self._explain()

    def _explain(self) -> None:
        alarm = self.query_one("#alarm-list", Table).current
        self.query_one("#alarm-text", Static).update(why_text(alarm) if alarm is not None else "")

    def action_acknowledge(self) -> None:
        """It was seen."""
        alarm = self.query_one("#alarm-list", Table).current
        if alarm is not None:
            self._ask(alarm.alarm, None)

    def action_shelve(self) -> None:
        """Put it aside for an hour."""
        alarm = self.query_one("#alarm-list", Table).current
        if alarm is not None:
            self._ask(alarm.alarm, SHELVED_S)

    @work(group="alarms")
    async def _ask(self, alarm: int, shelve_s: float | None) -> None:
        client = self.store.client
        try:
            answer = await (client.acknowledge(alarm) if shelve_s is None else client.shelve(alarm, shelve_s))
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        done = "acknowledged" if shelve_s is None else "shelved for an hour"
        bad = answer.state in ("REJECTED", "REFUSED")
        self.notify(
            f"alarm {alarm}: {answer.detail if bad else done}", severity="error" if bad else "information", markup=False
        )

    def action_procedure(self) -> None:
        """Run the procedure that answers it."""
        alarm = self.query_one("#alarm-list", Table).current
        if alarm is not None and alarm.procedure:
            self.console.start_procedure(alarm.procedure, alarm.spacecraft)
        elif alarm is not None:
            self.notify("no procedure answers this alarm; F6 lists all")

    @on(Table.Chosen, "#alarm-list")
    def opened(self, event: Table.Chosen) -> None:
        """Its spacecraft, at the why."""
        self.console.open_spacecraft(event.row.spacecraft, "why")

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Alarms that are not over. ACTIVE and CLEARED ones wait for somebody: k acknowledges the one under the cursor, z puts it
aside for an hour (it comes back sooner if it gets worse). Below the list stands why it came. r runs the procedure that
answers it, Enter opens its spacecraft."""
