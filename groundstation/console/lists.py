"""Events, contacts, procedures, service levels and the map: a screen each."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from bus.errors import SkyrackError
from groundstation.api import forms
from groundstation.console import words
from groundstation.console.frame import Frame
from groundstation.console.table import Column, Table

AHEAD_S = (3_600.0, 3 * 3_600.0, 12 * 3_600.0, 86_400.0)


class EventsScreen(Frame):
    """Events of the fleet as they were received."""

    title_words = "Events"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "severity", "Severity"),
        Binding("slash", "find", "Find", key_display="/"),
    ]
    DEFAULT_CSS = "#find-event { height: 3; }"

    def __init__(self) -> None:
        super().__init__()
        self._least = 1

    def parts(self) -> ComposeResult:
        """A search, and the list."""
        yield Input(placeholder="part of a spacecraft's id or an event's name", id="find-event")
        yield Table[forms.EventRow](
            [
                Column("received", 11, lambda row: (words.clock(row.received_s), "")),
                Column("on board", 11, lambda row: (words.clock(row.on_board_s), "dim"), least=96),
                Column("spacecraft", 14, lambda row: (row.spacecraft, "bold")),
                Column("severity", 8, lambda row: words.SEVERITIES.get(row.severity, (str(row.severity), ""))),
                Column("event", 26, lambda row: (row.name, words.SEVERITIES.get(row.severity, ("", ""))[1])),
                Column("", 0, lambda row: (", ".join(f"{k} {v}" for k, v in row.arguments.items()), "dim")),
            ],
            lambda row: (row.spacecraft, row.name, row.on_board_s, row.received_s),
            empty="no event fits",
            id="event-list",
        )

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.set_focus(self.query_one(Table))

    @on(Input.Changed, "#find-event")
    def draw(self) -> None:
        """The newest first."""
        wanted = self.query_one("#find-event", Input).value.strip().lower()
        rows = [
            row for row in reversed(self.store.events)
            if row.severity >= self._least and wanted in f"{row.spacecraft} {row.name}"
        ]  # fmt: skip
        self.query_one("#event-list", Table).fill(rows)

    @on(Input.Submitted, "#find-event")
    def kept(self) -> None:
        """Back to the table."""
        self.set_focus(self.query_one(Table))

    def action_find(self) -> None:
        """To the search."""
        self.set_focus(self.query_one("#find-event"))

    def action_severity(self) -> None:
        """From the next severity on."""
        self._least = self._least % 4 + 1
        self.notify(f"from {words.SEVERITIES[self._least][0]} on")
        self.draw()

    @on(Table.Chosen, "#event-list")
    def opened(self, event: Table.Chosen) -> None:
        """Its spacecraft."""
        self.console.open_spacecraft(event.row.spacecraft, "events")

    def help_words(self) -> str:
        """What this screen shows."""
        return "Events, the last received first. v: only from a severity on; / searches; Enter opens the spacecraft."


class ContactsScreen(Frame):
    """Which station sees whom when: a line for each station, and what its antenna really does."""

    title_words = "Contacts"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "ahead(-1)", "Shorter"), Binding("right_square_bracket", "ahead(1)", "Longer")
    ]  # fmt: skip
    DEFAULT_CSS = """
    #lines { height: auto; max-height: 50%; padding: 0 1; }
    #contact-list { height: 1fr; border-top: solid $primary; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._ahead, self._found, self._at_s = 1, forms.Contacts(contacts=[], pointings=[]), -1e9

    def parts(self) -> ComposeResult:
        """Lines of time, then the list."""
        yield Static(id="lines")
        yield Table[forms.Contact](
            [
                Column("begins", 10, self._begins, right=True),
                Column("lasts", 7, lambda row: (words.span(row.los_s - row.aos_s), ""), right=True),
                Column("highest", 7, lambda row: (f"{row.max_elevation_deg:.0f}°", ""), right=True),
                Column("station", 16, lambda row: (row.station, "")),
                Column("spacecraft", 0, lambda row: (row.spacecraft, "bold")),
            ],
            lambda row: (row.station, row.spacecraft, row.aos_s),
            empty="no contact is predicted in this time",
            id="contact-list",
        )

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.set_focus(self.query_one(Table))

    def tick(self) -> None:
        """Time moves the lines; they are read again now and then."""
        super().tick()
        now_s = self.store.mission_s()
        if self.console.screen is self and now_s is not None:
            if abs(now_s - self._at_s) > AHEAD_S[self._ahead] / 60:
                self._load(now_s)
            self._lines(now_s)
            self.query_one(Table).refresh()

    def draw(self) -> None:
        """In `tick`."""

    @work(exclusive=True, group="contacts")
    async def _load(self, now_s: float) -> None:
        self._at_s = now_s
        try:
            self._found = await self.store.client.contacts(now_s, now_s + AHEAD_S[self._ahead])
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        self.query_one("#contact-list", Table).fill(self._found.contacts)

    def _lines(self, now_s: float) -> None:
        wide, span_s = max(20, self.size.width - 22), AHEAD_S[self._ahead]
        text = Text(f"{'':16} now{'':{max(0, wide - 12)}}{words.span(span_s):>8}\n", "dim")
        stations = sorted(
            {row.station for row in self._found.contacts} | {row.station for row in self._found.pointings}
        )
        for station in stations:
            line = [" "] * wide
            for row in self._found.contacts:
                if row.station == station:
                    first = max(0, int((row.aos_s - now_s) / span_s * wide))
                    last = min(wide - 1, int((row.los_s - now_s) / span_s * wide))
                    for place in range(first, last + 1):
                        line[place] = "▄" if line[place] == " " else "█"
            pointing = next(
                (row for row in self._found.pointings if row.station == station and row.off_s is None), None
            )
            text.append(f"{station:<16} ", "bold" if pointing else "dim")
            text.append("".join(line), "#56b4e9")
            text.append(f" {pointing.spacecraft}\n" if pointing else "\n", "#009e73")
        self.query_one("#lines", Static).update(text)

    def _begins(self, row: forms.Contact) -> tuple[str, str]:
        now_s = self.store.mission_s()
        if now_s is None:
            return (words.clock(row.aos_s), "")
        if row.aos_s <= now_s:
            return ("now" if row.los_s > now_s else "over", "#009e73" if row.los_s > now_s else "dim")
        return (f"in {words.span(row.aos_s - now_s)}", "")

    def action_ahead(self, by: int) -> None:
        """A shorter or longer time."""
        self._ahead = max(0, min(self._ahead + by, len(AHEAD_S) - 1))
        self._at_s = -1e9

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Each station's line: ▄ one spacecraft in view, █ several. At its right whom the antenna points at now. \\[ and ] change
the time."""


class ProceduresScreen(Frame):
    """Procedures that can be started, those under way with their steps, and the questions that they ask."""

    title_words = "Procedures"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "Start one"),
        Binding("t", "abort", "Abort"),
        Binding("i", "reply", "Answer"),
    ]
    DEFAULT_CSS = """
    #runs { height: 1fr; }
    #run-log { height: 2fr; border-top: solid $primary; padding: 0 1; }
    #reply { display: none; }
    #reply.on { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._read = -1

    def parts(self) -> ComposeResult:
        """Runs, the log of the one under the cursor, a field for answers."""
        yield Table[forms.ProcedureRun](
            [
                Column("run", 4, lambda row: (str(row.run), "dim"), right=True),
                Column("began", 11, lambda row: (words.clock(row.started_s), "")),
                Column("procedure", 26, lambda row: (row.name, "bold")),
                Column("state", 11, lambda row: (row.state, _STATES.get(row.state, ""))),
                Column("spacecraft", 0, lambda row: (", ".join(row.spacecraft), "")),
            ],
            lambda row: row.run,
            empty="none was started: n starts one",
            id="runs",
        )
        with VerticalScroll(id="run-log"):
            yield Static(id="steps")
        yield Input(placeholder="the answer; Enter gives it", id="reply")

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.set_focus(self.query_one(Table))

    def draw(self) -> None:
        """Read again where anything changed."""
        if self.store.procedures_revision != self._read:
            self._read = self.store.procedures_revision
            self._load()

    def tick(self) -> None:
        """The log follows the cursor."""
        super().tick()
        run = self.query_one("#runs", Table).current
        if self.console.screen is self:
            self.query_one("#steps", Static).update(steps(run) if run is not None else "")

    @work(exclusive=True, group="runs")
    async def _load(self) -> None:
        try:
            self.query_one("#runs", Table).fill(await self.store.client.procedure_runs())
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)

    def action_new(self) -> None:
        """Choose one."""
        self.console.start_procedure("", "")

    def action_reply(self) -> None:
        """Answer the one under the cursor."""
        run = self.query_one("#runs", Table).current
        if run is None or run.state != "ASKING":
            self.notify("this run asks nothing")
            return
        self.query_one("#reply").add_class("on")
        self.set_focus(self.query_one("#reply"))

    @on(Input.Submitted, "#reply")
    def replied(self, event: Input.Submitted) -> None:
        """Give it."""
        run = self.query_one("#runs", Table).current
        if run is not None and event.value.strip():
            self._tell(run.run, event.value.strip())
        self.query_one("#reply", Input).value = ""
        self.query_one("#reply").remove_class("on")
        self.set_focus(self.query_one(Table))

    def action_abort(self) -> None:
        """End the one under the cursor."""
        run = self.query_one("#runs", Table).current
        if run is not None:
            self._tell(run.run, None)

    @work(group="tell")
    async def _tell(self, run: int, word: str | None) -> None:
        client = self.store.client
        try:
            answer = await (client.abort(run) if word is None else client.answer(run, word))
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        self.notify(f"run {run}: {answer.state} {answer.detail}", markup=False)

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Runs of procedures, the newest first, and below each step with what came of it. n starts one, i answers one that asks,
t ends one."""


_STATES = {
    "RUNNING": "#56b4e9",
    "ASKING": "bold #e69f00",
    "COMPLETED": "#009e73",
    "FAILED": "bold #d55e00",
    "DIVERGED": "bold #d55e00",
}


def steps(run: forms.ProcedureRun) -> Text:
    """A run as the paper procedure reads."""
    text = Text(f"{run.name} on {', '.join(run.spacecraft)}: ", "bold")
    text.append(f"{run.state} {run.detail}\n", _STATES.get(run.state, ""))
    for line in run.log:
        open_ = line["ended_s"] is None
        text.append(f"{words.clock(line['began_s']):>12}  ", "dim")
        text.append(f"{'▶' if open_ else '✔'} {line['step']}", "bold" if open_ else "")
        text.append(f"  {line['outcome']}\n", "#56b4e9")
    return text


class LevelsScreen(Frame):
    """Service levels of each spacecraft, as telemetry tells them."""

    title_words = "Service levels"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("r", "again", "Read again")]

    def parts(self) -> ComposeResult:
        """One table."""
        yield Table[dict[str, Any]](
            [
                Column("spacecraft", 14, lambda row: (row["id"], "bold")),
                Column("acc-hours", 10, lambda row: (words.number(row["accelerator_hours"]), ""), right=True),
                Column("available", 9, lambda row: (words.percent(row["availability"]), ""), right=True),
                Column("kWh", 9, lambda row: (words.number(row["energy_kwh"]), ""), right=True),
                Column("jobs", 6, lambda row: (words.number(row["jobs_done"]), ""), right=True),
                Column("p99", 9, lambda row: (_seconds(row["inference_p99_s"]), ""), right=True),
                Column("command", 8, lambda row: (words.span(row["command_latency_s"]), ""), right=True),
                Column("unknown because", 0, lambda row: ("; ".join(dict.fromkeys(row["unknown"].values())), "dim")),
            ],
            lambda row: row["id"],
            empty="reading …",
            id="levels",
        )

    def on_mount(self) -> None:
        """Read once."""
        super().on_mount()
        self.set_focus(self.query_one(Table))
        self.action_again()

    def draw(self) -> None:
        """Only on request: it reads the whole archive."""

    def action_again(self) -> None:
        """Read again."""
        self._load()

    @work(exclusive=True, group="levels")
    async def _load(self) -> None:
        try:
            found = await self.store.client.levels()
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        self.query_one("#levels", Table).fill([{"id": id, **row} for id, row in found.items()])

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Delivered accelerator-hours, availability, energy, jobs, latency of inference and of telecommands. — is unknown; why
stands beside it. r reads again."""


def _seconds(value: float | None) -> str:
    return words.UNKNOWN if value is None else f"{value:.3g} s"
