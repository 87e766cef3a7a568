"""Faults: the catalogue with its search, a form that is checked, what acts and how to end it. Only where the range's
token was given; whoever rehearses has no such screen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Button, Input, Select, Static

from bus.errors import SkyrackError
from bus.web import range_forms
from bus.web.forms import Scalar
from bus.web.range_client import RangeClient
from bus.web.range_forms import Fault, Injection
from groundstation.console import words
from groundstation.console.commanding import scalar
from groundstation.console.frame import Frame
from groundstation.console.table import Column, Table

EVERY_S = 1.0
MOST_OPTIONS = 40
"""In a list to choose from; where there are more they are typed, with completion."""
WAIT_S = 10.0
STATES = {
    "active": "bold #d55e00", "asked": "#e69f00", "planned": "#56b4e9", "cleared": "dim", "refused": "#cc79a7",
}  # fmt: skip
_ORDER = ("active", "asked", "planned", "refused", "cleared")


class FaultsScreen(Frame):
    """See the module."""

    AUTO_FOCUS: ClassVar[str | None] = "#find-fault"
    title_words = "Faults"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "inject", "Inject"),
        Binding("slash", "find", "Find", key_display="/"),
        Binding("d,delete", "clear", "Clear it", key_display="d"),
        Binding("ctrl+d", "clear_all", "Clear all"),
    ]
    DEFAULT_CSS = """
    #fault-top { height: 2fr; }
    #fault-choice { width: 40; border-right: solid $primary; }
    #fault-form { padding: 0 1; }
    #fault-parameters, #fault-about, #fault-said { height: auto; }
    #fault-form .label { height: auto; }
    #fault-form Button { margin: 1 0; }
    #fault-said { padding: 0 1; border-top: solid $primary; }
    #injections { height: 1fr; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._catalogue: list[Fault] = []
        self._fault: Fault | None = None
        self._target = ""
        self._ids: list[str] = []

    @property
    def range(self) -> RangeClient:
        """The range."""
        assert self.store.range is not None, "without the range there is no such screen"
        return self.store.range

    def parts(self) -> ComposeResult:
        """The catalogue and the form side by side, below them what was injected."""
        with Horizontal(id="fault-top"):
            with VerticalScroll(id="fault-choice", can_focus=False):
                yield Input(placeholder="part of a name or a description", id="find-fault")
                yield Table[Fault](
                    [
                        Column("fault", 26, lambda row: (row.name, "bold" if row.severity <= 2 else "")),
                        Column("sev", 3, lambda row: (str(row.severity), "dim"), right=True),
                        Column("", 0, lambda row: (row.seam, "dim")),
                    ],
                    lambda row: row.name,
                    empty="reading …",
                    id="catalogue",
                )
            with VerticalScroll(id="fault-form", can_focus=False):
                yield Static("Choose a fault with Enter.", id="fault-about")
                yield Static(Text("target", "bold"), classes="label")
                yield Input(placeholder="a spacecraft's id; Enter takes it", id="fault-target", compact=True)
                yield VerticalScroll(id="fault-parameters", can_focus=False)
                yield Static(Text("how long", "bold"), classes="label")
                yield Input(placeholder="10 min, 2 orbits; empty: until it is cleared", id="fault-length", compact=True)
                yield Button("Inject (Ctrl+S)", id="inject", variant="error", compact=True)
        yield Static(id="fault-said")
        yield Table[Injection](
            [
                Column("state", 8, lambda row: (row.state, STATES[row.state])),
                Column("spacecraft", 14, lambda row: (row.target, "bold")),
                Column("fault", 26, lambda row: (row.fault, "")),
                Column("since", 11, lambda row: (words.clock(row.at_s), ""), right=True),
                Column("until", 11, lambda row: (words.clock(row.cleared_s), "dim"), right=True, least=96),
                Column("", 0, lambda row: (row.reason or row.id, "dim")),
            ],
            lambda row: (row.target, row.id),
            empty="reading …",
            id="injections",
        )

    def on_mount(self) -> None:
        """The search has the keys; what acts is read again and again."""
        super().on_mount()
        self.set_focus(self.query_one("#find-fault"))
        self.set_interval(EVERY_S, self._read)
        self._read()
        self._begin()

    @work(exclusive=True, group="catalogue")
    async def _begin(self) -> None:
        try:
            self._ids = [one.id for one in (await self.range.about()).spacecraft]
        except SkyrackError as error:
            self._say(error.message, "bold #d55e00")
            return
        field = self.query_one("#fault-target", Input)
        field.suggester = SuggestFromList(self._ids)
        field.value = self.store.looking_at or self._ids[0]
        await self._aim(field.value)

    async def _aim(self, target: str) -> None:
        """The parts that this one has."""
        try:
            self._catalogue = await self.range.catalogue(target)
        except SkyrackError as error:
            self._say(error.message, "bold #d55e00")
            return
        self._target = target
        self.query_one("#catalogue", Table).empty = "none has this in its name"
        self._narrow()
        if self._fault is not None:
            name = self._fault.name
            await self._choose(next(form for form in self._catalogue if form.name == name))

    def _narrow(self) -> None:
        wanted = self.query_one("#find-fault", Input).value.strip().lower()
        rows = [row for row in self._catalogue if wanted in row.name or wanted in row.description.lower()]
        self.query_one("#catalogue", Table).fill(rows, follow=False)

    @on(Input.Changed, "#find-fault")
    def narrowed(self) -> None:
        """As it is typed."""
        self._narrow()

    @on(Input.Submitted, "#find-fault")
    async def taken(self) -> None:
        """The first that fits."""
        row = self.query_one("#catalogue", Table).current
        if row is not None:
            await self._choose(row)

    @on(Table.Chosen, "#catalogue")
    async def chosen(self, event: Table.Chosen) -> None:
        """Its form."""
        await self._choose(event.row)

    @on(Input.Submitted, "#fault-target")
    async def aimed(self, event: Input.Submitted) -> None:
        """Another spacecraft has other parts."""
        await self._aim(event.value.strip())

    async def _choose(self, fault: Fault) -> None:
        self._fault = fault
        about = Text(fault.name, "bold")
        about.append(f"  {fault.fmeca}, {fault.seam}, severity {fault.severity}", "dim")
        about.append(f"\n{fault.description}\n")
        about.append(f"to be seen: {fault.signature}", "dim")
        if fault.keeps:
            about.append(f"\nstays when it is cleared: {fault.keeps}", "dim")
        self.query_one("#fault-about", Static).update(about)
        place = self.query_one("#fault-parameters", VerticalScroll)
        await place.remove_children()
        for parameter in fault.parameters:
            name = Text(parameter.name, "bold").append(f"  {parameter.text}", "dim")
            await place.mount(Static(name, classes="label"), _field(parameter))
        self.query_one("#fault-length", Input).disabled = fault.instant
        fields = [*place.query(Input), *place.query(Select)]
        (fields[0] if fields else self.query_one("#inject")).focus()
        self._say("", "")

    def order(self) -> range_forms.FaultOrder:
        """What the form says."""
        assert self._fault is not None
        place = self.query_one("#fault-parameters")
        given: dict[str, Scalar] = {}
        for field in (*place.query(Input), *place.query(Select)):
            written = "" if field.value is Select.BLANK else str(field.value).strip()
            if field.name and written:
                given[field.name] = scalar(written)
        length = "" if self._fault.instant else self.query_one("#fault-length", Input).value.strip()
        target = self.query_one("#fault-target", Input).value.strip()
        return range_forms.FaultOrder(target=target, fault=self._fault.name, parameters=given, length=length)

    @on(Button.Pressed, "#inject")
    def pressed(self) -> None:
        """As Ctrl+S."""
        self.action_inject()

    @work(exclusive=True, group="inject")
    async def action_inject(self) -> None:
        """Check it, break it, tell what its target said."""
        if self._fault is None:
            self._say("choose a fault first", "#e69f00")
            return
        try:
            order = self.order()
            await self.range.check(order)
            self._say(f"{order.fault} on {order.target} …", "dim")
            self._tell(order.fault, await self.range.order(order, WAIT_S))
        except SkyrackError as error:
            self._say(f"{error.message}" + (f"\n{error.hint}" if error.hint else ""), "bold #d55e00")
        except ValueError as error:
            self._say(str(error).splitlines()[-2].strip(), "bold #d55e00")
        self._read()

    @work(exclusive=True, group="inject")
    async def action_clear(self) -> None:
        """End the one under the cursor."""
        row = self.query_one("#injections", Table).current
        if row is None or row.state != "active":
            self._say("put the cursor of the list below on one that is active", "#e69f00")
            return
        await self._clear(row.id)

    @work(exclusive=True, group="inject")
    async def action_clear_all(self) -> None:
        """End all that act."""
        await self._clear("")

    async def _clear(self, name: str) -> None:
        try:
            told = await (self.range.clear(name, WAIT_S) if name else self.range.clear_all(WAIT_S))
        except SkyrackError as error:
            self._say(error.message, "bold #d55e00")
            return
        self._tell(name or "all that act", told) if told.ids else self._say("nothing acts", "dim")
        self._read()

    def action_find(self) -> None:
        """To the search."""
        self.set_focus(self.query_one("#find-fault"))

    @work(exclusive=True, group="injections")
    async def _read(self) -> None:
        if self.console.screen is not self:
            return
        try:
            rows = await self.range.injections()
        except SkyrackError as error:
            self._say(error.message, "bold #d55e00")
            return
        self.query_one("#injections", Table).empty = "nothing was injected, and nothing is planned"
        rows.sort(key=lambda row: _ORDER.index(row.state))
        self.query_one("#injections", Table).fill(rows)

    def _tell(self, what: str, told: range_forms.Injected) -> None:
        states = ", ".join(dict.fromkeys(told.states.values()))
        reasons = "; ".join(dict.fromkeys(told.reasons.values()))
        look = "#cc79a7" if "refused" in told.states.values() else "#009e73" if told.final else "#e69f00"
        self._say(f"{what}: {states}" + (f" ({reasons})" if reasons else ""), look)

    def _say(self, words_: str, look: str) -> None:
        self.query_one("#fault-said", Static).update(Text(words_, look))

    def help_words(self) -> str:
        """What this screen does."""
        return """\
Type a part of a fault's name, Enter takes the first, Tab goes on. The target's parts stand in the form; limits stand in
empty fields. Ctrl+S checks it and injects it: it acts two ticks later, and is recorded. Below: what acts, what the
scenario plans, what is over; d ends the one under the cursor, Ctrl+D all that act. Some damage stays: the form says
so. The ground knows nothing of any of this."""


def _field(parameter: range_forms.Parameter) -> Input | Select[str]:
    default = "" if parameter.default is None else str(parameter.default)
    if parameter.choices and len(parameter.choices) <= MOST_OPTIONS:
        options = [(each, each) for each in parameter.choices]
        first = default if default in parameter.choices else parameter.choices[0]
        if parameter.required or default:
            return Select(options, value=first, allow_blank=False, name=parameter.name, compact=True)
        return Select(options, name=parameter.name, compact=True)
    limits = f"{parameter.low} to {parameter.high}" if parameter.high is not None else parameter.kind
    hint = limits + ("" if parameter.required or default else ", may be left out")
    suggest = SuggestFromList(parameter.choices) if parameter.choices else None
    return Input(value=default, placeholder=hint, suggester=suggest, name=parameter.name, compact=True)
