"""One spacecraft in full: panels with limits and sparklines, every value, plots, why it is where it is, its events."""

from __future__ import annotations

from typing import ClassVar

from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Input, Static, TabbedContent, TabPane

from bus.errors import SkyrackError
from groundstation.api import forms
from groundstation.console import words
from groundstation.console.alarms import why_text
from groundstation.console.frame import Frame
from groundstation.console.onboard import FdirTab, OnBoard, ScheduleTab
from groundstation.console.panels import PANELS, SHORT, panel_of
from groundstation.console.plot import plot
from groundstation.console.table import Column, Table

Named = tuple[str, forms.Value]
SPANS_S = (600.0, 3_600.0, 6 * 3_600.0, 86_400.0, 7 * 86_400.0)
MOST_TRACES = 4
SHADOW = "in_shadow"
PLOT_EVERY_NS = 2_000_000_000
"""A plot is read again so often, where anything new has come."""
LINE_POINTS = 24


class SpacecraftScreen(Frame):
    """See the module."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "tab('overview')", "Overview", show=False),
        Binding("2", "tab('values')", "Values", show=False),
        Binding("3", "tab('plot')", "Plot", show=False),
        Binding("4", "tab('why')", "Why", show=False),
        Binding("5", "tab('events')", "Events", show=False),
        Binding("6", "tab('fdir')", "FDIR", show=False),
        Binding("7", "tab('schedule')", "Schedule", show=False),
        Binding("w", "tab('why')", "Why"),
        Binding("p", "plot", "Plot"),
        Binding("c", "command", "Command"),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("left_square_bracket", "span(-1)", "Shorter", show=False),
        Binding("right_square_bracket", "span(1)", "Longer", show=False),
        Binding("left", "cursor(-1)", show=False),
        Binding("right", "cursor(1)", show=False),
    ]
    DEFAULT_CSS = """
    SpacecraftScreen TabbedContent, SpacecraftScreen ContentSwitcher, SpacecraftScreen TabPane { height: 1fr; }
    #plot-text, #overview-text { height: auto; }
    TabPane { padding: 0 1; }
    #find-value { height: 3; }
    """

    AUTO_FOCUS: ClassVar[str | None] = "*"

    def __init__(self, spacecraft: str, tab: str = "overview") -> None:
        super().__init__()
        self.spacecraft, self._first = spacecraft, tab
        self.title_words = spacecraft
        self._traces: list[str] = []
        self._series: list[forms.Series] = []
        self._lines: dict[str, list[float | None]] = {}
        self._span = 1
        self._cursor_s: float | None = None
        self._shadow: forms.Series | None = None
        self._read_revision, self._read_ns = -1, 0

    def parts(self) -> ComposeResult:
        """Tabs."""
        with TabbedContent(initial=self._first):
            with TabPane("1 Overview", id="overview"), VerticalScroll(can_focus=True):
                yield Static(id="overview-text")
            with TabPane("2 Values", id="values"):
                yield Input(placeholder="part of a name; Enter plots what is under the cursor", id="find-value")
                yield Table[Named](
                    [
                        Column("parameter", 38, lambda row: (row[0], "")),
                        Column("value", 20, lambda row: (words.shown(row[1]), words.LIMITS[row[1].limit]), right=True),
                        Column(
                            "limits",
                            8,
                            lambda row: ("" if row[1].limit == "none" else row[1].limit, words.LIMITS[row[1].limit]),
                        ),
                        Column("made", 10, self._age, right=True),
                        Column("panel", 0, lambda row: (panel_of(row[0]), "dim"), least=90),
                    ],
                    lambda row: row[0],
                    empty="nothing was reported yet",
                    id="all-values",
                )
            with TabPane("3 Plot", id="plot"), VerticalScroll(can_focus=True):
                yield Static(id="plot-text")
            with TabPane("4 Why", id="why"), VerticalScroll(can_focus=True):
                yield Static(id="why-text")
            with TabPane("5 Events", id="events"):
                yield Table[forms.EventRow](
                    [
                        Column("on board", 12, lambda row: (words.clock(row.on_board_s), "")),
                        Column("severity", 8, lambda row: words.SEVERITIES.get(row.severity, (str(row.severity), ""))),
                        Column("event", 28, lambda row: (row.name, "bold")),
                        Column("", 0, lambda row: (", ".join(f"{k} {v}" for k, v in row.arguments.items()), "")),
                    ],
                    lambda row: (row.name, row.on_board_s, row.received_s),
                    empty="no event was received",
                    id="its-events",
                )
            with TabPane("6 FDIR", id="fdir"):
                yield FdirTab(self.spacecraft, "its-fdir")
            with TabPane("7 Schedule", id="schedule"):
                yield ScheduleTab(self.spacecraft, "its-schedule")

    def on_mount(self) -> None:
        """Its values from now on."""
        super().on_mount()
        self._begin()

    @work(exclusive=True, group="look")
    async def _begin(self) -> None:
        try:
            await self.store.look_at(self.spacecraft)
            await self._read_lines()
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
        self.draw()

    def on_unmount(self) -> None:
        """Nobody looks at it any more."""
        self.store.looking_at = ""

    def draw(self) -> None:
        """Everything that is seen."""
        tab = self.query_one(TabbedContent).active
        values = self.store.values
        if tab == "overview":
            self.query_one("#overview-text", Static).update(self._overview(values))
        elif tab == "values":
            wanted = self.query_one("#find-value", Input).value.strip().lower()
            rows = [(name, value) for name, value in sorted(values.items()) if wanted in name]
            self.query_one("#all-values", Table).fill(rows)
        elif tab == "plot":
            self._draw_plot()
        elif tab == "why":
            alarms = [alarm for alarm in self.store.alarms if alarm.spacecraft == self.spacecraft]
            self.query_one("#why-text", Static).update(self._why(alarms))
        elif tab == "events":
            rows_ = [row for row in reversed(self.store.events) if row.spacecraft == self.spacecraft]
            self.query_one("#its-events", Table).fill(rows_)

    @on(TabbedContent.TabActivated)
    def turned(self) -> None:
        """Another tab."""
        self.draw()
        tables = self.query_one(TabbedContent).active_pane
        if tables is None:
            return
        for onboard in tables.query(OnBoard):
            onboard.load()
        if self.focused is None or tables not in self.focused.ancestors:  # whoever was quicker keeps the keys
            for widget in (*tables.query(Table), *tables.query(VerticalScroll)):
                self.set_focus(widget)
                break

    def action_tab(self, name: str) -> None:
        """To a tab."""
        self.query_one(TabbedContent).active = name

    def action_find(self) -> None:
        """A value by a part of its name."""
        self.action_tab("values")
        self.set_focus(self.query_one("#find-value"))

    def action_command(self) -> None:
        """Ask it for something."""
        self.console.command(self.spacecraft)

    def action_span(self, by: int) -> None:
        """A shorter or longer time."""
        self._span = max(0, min(self._span + by, len(SPANS_S) - 1))
        self._read_plot()

    def action_cursor(self, by: int) -> None:
        """Move the line in the plot that values are read at."""
        if self.query_one(TabbedContent).active != "plot" or not self._series or not self._series[0].stretches:
            return
        stretches, width_s = self._series[0].stretches, self._series[0].width_s
        first_s, last_s = stretches[0].start_s, stretches[-1].start_s + width_s / 2
        at = last_s if self._cursor_s is None else self._cursor_s
        self._cursor_s = max(first_s, min(at + by * max(width_s, (last_s - first_s) / 80), last_s))
        self._draw_plot()

    def action_plot(self) -> None:
        """Plot the value under the cursor with those already there; once more takes it out."""
        row = self.query_one("#all-values", Table).current
        if row is None or self.query_one(TabbedContent).active != "values":
            self._traces = self._traces or ["battery_soc"]
        elif row[0] in self._traces:
            self._traces.remove(row[0])
        else:
            self._traces = [*self._traces, row[0]][-MOST_TRACES:]
        self.action_tab("plot")
        self._read_plot()

    @on(Table.Chosen, "#all-values")
    def chosen(self) -> None:
        """Enter plots it."""
        self.action_plot()

    @on(Input.Changed, "#find-value")
    def narrowed(self) -> None:
        """As it is typed."""
        self.draw()

    @on(Input.Submitted, "#find-value")
    def found(self) -> None:
        """Back to the table."""
        self.set_focus(self.query_one("#all-values"))

    def tick(self) -> None:
        """A plot goes on as the archive does."""
        super().tick()
        store = self.store
        seen = self.console.screen is self and self.query_one(TabbedContent).active == "plot"
        new = self._traces and store.connected and store.revision != self._read_revision
        if seen and new and store.clock.now_ns() - self._read_ns >= PLOT_EVERY_NS:
            self._read_plot()

    @work(exclusive=True, group="plot")
    async def _read_plot(self) -> None:
        self._read_revision, self._read_ns = self.store.revision, self.store.clock.now_ns()
        shadow = [SHADOW] if SHADOW in self.store.values and SHADOW not in self._traces else []
        end_s = self.store.mission_s()
        if end_s is None:
            end_s = self.store.moment.archived_until_s if self.store.moment else None
        from_s = None if end_s is None else max(0.0, end_s - SPANS_S[self._span])
        try:
            found = (
                await self.store.client.several(
                    self.spacecraft, [*self._traces, *shadow], from_s, end_s, points=2 * max(40, self.size.width)
                )
                if self._traces
                else []
            )
            self._series, self._shadow = found[: len(self._traces)], found[-1] if shadow and found else None
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
        self._draw_plot()

    async def _read_lines(self) -> None:
        """History for the sparklines of the overview."""
        names = [name for panel in SHORT.values() for name in panel if name in self.store.values]
        names = [name for name in names if not self.store.values[name].text]
        for series in await self.store.client.several(self.spacecraft, names, points=LINE_POINTS) if names else ():
            self._lines[series.parameter] = [each.last for each in series.stretches]

    def _draw_plot(self) -> None:
        target = self.query_one("#plot-text", Static)
        if not self._traces:
            target.update(Text("Choose values in tab 2: Enter plots one, p adds up to four; [ and ] change the time."))
            return
        head = Text(f"{words.span(SPANS_S[self._span])} back;  [ ] change it, ← → read values\n", "dim")
        wide, high = self.size.width - 6, self.size.height - 9
        target.update(Group(head, plot(self._series, wide, high, self._cursor_s, self._shadow)))

    def _overview(self, values: dict[str, forms.Value]) -> Group:
        row = self.store.rows.get(self.spacecraft)
        head = Text()
        if row is not None:
            sign, look = words.SIGNS[row.level]
            head.append(f"{sign} {words.level_word(row.level)}", look)
            head.append(f"  {row.reason}" if row.reason else "", look)
            now_s = self.store.mission_s()
            heard = (
                "never heard"
                if row.heard_s is None
                else f"heard {words.span(now_s - row.heard_s)} ago"
                if now_s
                else ""
            )
            head.append(f"\n{row.design}  {heard}  ", "dim")
            if row.contact is not None:
                when = "now" if row.contact.now else f"in {words.span(row.contact.aos_s - now_s)}" if now_s else ""
                head.append(f"contact {row.contact.station} {when}", "dim")
        columns = max(1, min(4, (self.size.width - 4) // 48))
        grid = Grid.grid(padding=(0, 2), expand=True)
        cells = [self._panel(panel, values) for panel in PANELS]
        for _ in range(columns):
            grid.add_column(ratio=1)
        for start in range(0, len(cells), columns):
            grid.add_row(*cells[start : start + columns])
        return Group(head, Text(""), grid)

    def _panel(self, panel: str, values: dict[str, forms.Value]) -> Grid:
        grid = Grid.grid(padding=(0, 1))
        grid.add_column(width=26, no_wrap=True, overflow="ellipsis")
        grid.add_column(justify="right", width=13, no_wrap=True)
        grid.add_column(width=10, no_wrap=True)
        grid.add_row(Text(panel, "bold underline"), "", "")
        known = [name for name in SHORT[panel] if name in values]
        for name in known:
            value = values[name]
            look = words.LIMITS[value.limit] or ("dim italic" if self._old(value) else "")
            line = words.sparkline([*self._lines.get(name, []), value.value], 10) if name in self._lines else ""
            grid.add_row(Text(name, "dim"), Text(words.shown(value), look), Text(line, "#56b4e9"))
        if not known:
            grid.add_row(Text("nothing reported" if self.store.looked else "reading …", "dim"), "", "")
        bad = [name for name, value in values.items() if panel_of(name) == panel and value.limit in ("soft", "hard")]
        for name in [name for name in bad if name not in known][:3]:
            grid.add_row(Text(name, "dim"), Text(words.shown(values[name]), words.LIMITS[values[name].limit]), "")
        grid.add_row("", "", "")
        return grid

    def _why(self, alarms: list[forms.Alarm]) -> Group:
        row = self.store.rows.get(self.spacecraft)
        if not alarms:
            reason = row.reason if row is not None and row.reason else "nothing is wrong that the ground knows of"
            return Group(Text(reason))
        return Group(*(why_text(alarm) for alarm in alarms))

    def _old(self, value: forms.Value) -> bool:
        row, now_s = self.store.rows.get(self.spacecraft), self.store.mission_s()
        if row is None or row.stale:
            return True
        return now_s is not None and value.made_s is not None and now_s - value.made_s > 900.0

    def _age(self, row: Named) -> tuple[str, str]:
        now_s, value = self.store.mission_s(), row[1]
        late = " late" if value.late else ""
        if value.made_s is None:
            return (f"unknown{late}", "dim")
        age = words.span(now_s - value.made_s) if now_s is not None else words.clock(value.made_s)
        return (f"{age}{late}", "dim italic" if self._old(value) else "")

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
1 Overview: what matters of each part, with a line of how it went. Orange: outside its soft limits; red: outside its
hard limits; grey italics: old.
2 Values: everything it ever reported. / narrows, Enter or p plots.
3 Plot: up to four values, least and greatest of each moment, limits as dotted lines; \\[ and ] change the time, ← and →
move a line at which values are read.
4 Why (w): every alarm that stands, the readings and orders that led to it, and the procedure that answers it.
5 Events.
6 FDIR: every monitor, whether it is armed or masked, what it finds, when it fired, whether its event has an action.
7 Schedule: telecommands that wait on board. a asks the spacecraft to tell 6 or 7 anew.   c: command it."""
