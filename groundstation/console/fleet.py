"""The fleet, useful at three spacecraft and at a thousand: those in trouble first, with the reason in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from groundstation.api import forms
from groundstation.console import words
from groundstation.console.frame import Frame
from groundstation.console.spacecraft import SpacecraftScreen
from groundstation.console.table import Cell, Column, Table

Row = forms.FleetRow


def _contact(row: Row, now_s: float | None) -> Cell:
    contact = row.contact
    if contact is None:
        return ("none in a day", "dim")
    if contact.now:
        left = "" if contact.los_s is None or now_s is None else f" {words.span(max(0.0, contact.los_s - now_s))}"
        return (f"{contact.station}{left}", "#009e73")
    if now_s is None:
        return ("known", "")
    ahead_s = contact.aos_s - now_s  # below nothing: it is in view, and the antenna serves somebody else
    return (f"in {words.span(ahead_s)}" if ahead_s >= 0.0 else f"waits {words.span(-ahead_s)}", "")


def _charge(row: Row) -> Cell:
    soc = row.battery_soc
    look = "dim" if row.stale else "bold #d55e00" if soc is not None and soc < 0.2 else ""
    return (words.percent(soc), look)


def _stale(text: str, row: Row) -> Cell:
    """What is old looks old."""
    return (text, "dim italic" if row.stale else "")


def _accelerators(row: Row) -> Cell:
    found = row.accelerators
    if found.running is None:
        return (words.UNKNOWN, "")
    look = "bold #d55e00" if found.failed else "#e69f00" if found.throttled else ""
    return (f"{found.running}/{found.throttled}/{found.failed}", look)


SORTS: dict[str, Callable[[Row], tuple[object, ...]]] = {
    "trouble": lambda row: (),
    "name": lambda row: (row.id,),
    "charge": lambda row: (row.battery_soc is None, row.battery_soc or 0.0),
    "heat": lambda row: (row.hottest_k is None, -(row.hottest_k or 0.0)),
    "silence": lambda row: (row.heard_s is not None, row.heard_s or 0.0),
}
GROUPS: dict[str, Callable[[Row], str]] = {
    "": lambda row: "",
    "plane": lambda row: row.plane,
    "design": lambda row: row.design,
}


class FleetScreen(Frame):
    """See the module."""

    title_words = "Fleet"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "Sort"),
        Binding("g", "group", "Group"),
        Binding("slash", "search", "Search", key_display="/"),
        Binding("x", "exceptions", "Only trouble"),
    ]
    DEFAULT_CSS = "#find { height: 3; display: none; }"

    def __init__(self) -> None:
        super().__init__()
        self._sort, self._group, self._only = "trouble", "", False
        self._second: int | None = None

    def parts(self) -> ComposeResult:
        """A field to search with, hidden at first, and the table."""
        yield Input(
            placeholder="part of an id, a design, a mode, a reason; Enter keeps it, Escape clears it", id="find"
        )
        yield Table[Row](
            [
                Column("", 1, lambda row: words.SIGNS[row.level]),
                Column("spacecraft", 14, lambda row: (row.id, "bold")),
                Column("design", 11, lambda row: (row.design, "dim"), least=150),
                Column("plane", 8, lambda row: (row.plane, "dim"), least=170),
                Column("mode", 8, lambda row: _stale(row.mode or words.UNKNOWN, row)),
                Column("charge", 6, _charge, right=True),
                Column("in", 8, lambda row: _stale(words.power(row.power_in_w), row), least=140, right=True),
                Column("out", 8, lambda row: _stale(words.power(row.power_out_w), row), least=130, right=True),
                Column("hottest", 7, lambda row: _stale(words.celsius(row.hottest_k), row), least=100, right=True),
                Column("run/thr/fail", 12, _accelerators, least=120),
                Column("jobs", 4, lambda row: _stale(words.number(row.jobs_active), row), least=160, right=True),
                Column("contact", 16, lambda row: _contact(row, self.store.mission_s())),
                Column("heard", 7, self._heard, least=110, right=True),
                Column("why", 0, lambda row: (row.reason or self._last(row), words.SIGNS[row.level][1])),
            ],
            lambda row: row.id,
            empty="nobody to show: Escape clears the search, x shows everybody",
            id="fleet",
        )

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.set_focus(self.query_one(Table))

    def draw(self) -> None:
        """Rows as sorted, grouped and searched for."""
        wanted = self.query_one("#find", Input).value.strip().lower()
        rows = self.store.fleet()
        if self._sort != "trouble":
            rows.sort(key=SORTS[self._sort])
        if self._group:
            rows.sort(key=GROUPS[self._group])
        if self._only:
            rows = [row for row in rows if row.level != "normal"]
        if wanted:
            rows = [
                row for row in rows if wanted in f"{row.id} {row.design} {row.plane} {row.mode} {row.reason}".lower()
            ]
        self.query_one(Table).fill(rows, follow=self._sort != "trouble" or self.query_one(Table).has_focus)

    def tick(self) -> None:
        """Countdowns move by themselves, by the second."""
        super().tick()
        now_s = self.store.mission_s()
        second = None if now_s is None else int(now_s)
        if self.console.screen is self and second != self._second:
            self._second = second
            self.query_one(Table).refresh()

    def action_sort(self) -> None:
        """By the next thing."""
        names = list(SORTS)
        self._sort = names[(names.index(self._sort) + 1) % len(names)]
        self.notify(f"sorted by {self._sort}")
        self.draw()

    def action_group(self) -> None:
        """By plane, by design, not at all."""
        names = list(GROUPS)
        self._group = names[(names.index(self._group) + 1) % len(names)]
        self.notify(f"grouped by {self._group}" if self._group else "not grouped")
        self.draw()

    def action_exceptions(self) -> None:
        """Only those that are not normal, or everybody."""
        self._only = not self._only
        self.draw()

    def action_search(self) -> None:
        """Type what to look for."""
        field = self.query_one("#find", Input)
        field.display = True  # at once: what is not seen cannot have the keys
        self.set_focus(field)

    def action_back(self) -> None:
        """Clear the search."""
        field = self.query_one("#find", Input)
        field.value = ""
        field.display = False
        self.set_focus(self.query_one(Table))
        self.draw()

    @on(Input.Changed, "#find")
    def found(self) -> None:
        """As it is typed."""
        self.draw()

    @on(Input.Submitted, "#find")
    def kept(self) -> None:
        """Back to the table, the search stays."""
        self.set_focus(self.query_one(Table))

    @on(Table.Chosen)
    def opened(self, event: Table.Chosen) -> None:
        """One of them in full."""
        self.app.push_screen(SpacecraftScreen(event.row.id))

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Everybody, those in trouble first. [b]✖[/b] critical, [b]▲[/b] warning, [b]?[/b] never heard, [b]●[/b] normal.
The reason stands at the right: the worst alarm, the mode, or silence. Grey italics are old: nothing came for longer
than its reports should be apart. Nothing is made up: — is a value that nobody has reported.

run/thr/fail: accelerator groups that run, are throttled, have failed. contact: the antenna that points at it now and
for how long still, or when the next contact begins; "waits": it is in view and the antenna serves somebody else.

Arrows move, Enter opens, / searches, s sorts, g groups by plane or design, x shows only trouble."""

    def _heard(self, row: Row) -> Cell:
        now_s = self.store.mission_s()
        if row.heard_s is None:
            return ("never", "bold #cc79a7")
        return (
            ("", "")
            if now_s is None
            else (words.span(max(0.0, now_s - row.heard_s)), "bold #e69f00" if row.stale else "dim")
        )

    @staticmethod
    def _last(row: Row) -> str:
        return f"{row.last_event.name} {row.last_event.text}" if row.last_event else ""
