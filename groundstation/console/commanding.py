"""Commanding: a form out of the dictionary, checked before it is sent, followed to its end; and the history."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.suggester import SuggestFromList
from textual.widgets import Button, Checkbox, Input, Select, Static

from bus.dictionary import Argument, Dictionary, TelecommandForm
from bus.errors import SkyrackError
from bus.web.forms import Scalar
from groundstation.api import forms
from groundstation.console import words
from groundstation.console.frame import Frame
from groundstation.console.table import Column, Table

STATES = {
    "COMPLETED": "#009e73", "FAILED": "bold #d55e00", "REJECTED": "bold #d55e00", "EXPIRED": "bold #e69f00",
    "INDETERMINATE": "bold #cc79a7", "HELD": "#e69f00",
}  # fmt: skip
FOLLOW_S = 240.0


class CommandScreen(Frame):
    """Choose a telecommand, fill in its arguments, send it. `target`: an id, several with commas, or all."""

    AUTO_FOCUS: ClassVar[str | None] = "#find-telecommand"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "send", "Send"),
        Binding("slash", "find", "Find", show=False),
    ]
    DEFAULT_CSS = """
    #choice { width: 46; border-right: solid $primary; }
    #form { padding: 0 1; }
    #form Input, #form Select { margin: 0; }
    #arguments { height: auto; }
    .label { height: auto; margin-top: 1; }
    #said { height: auto; margin-top: 1; }
    #buttons { height: 3; margin-top: 1; }
    #buttons Button, #buttons Checkbox { margin-right: 2; }
    """

    def __init__(self, target: str, telecommand: str = "") -> None:
        super().__init__()
        self.target, self._wanted = target, telecommand
        self.title_words = f"Command {target}"
        self._dictionary: Dictionary | None = None
        self._form: TelecommandForm | None = None

    def parts(self) -> ComposeResult:
        """Telecommands at the left, the form at the right."""
        with Horizontal():
            with VerticalScroll(id="choice", can_focus=False):
                yield Input(placeholder="part of a telecommand's name", id="find-telecommand")
                yield Table[TelecommandForm](
                    [
                        Column("telecommand", 26, lambda row: (row.name, "#d55e00" if row.hazardous else "")),
                        Column("", 0, lambda row: (row.description, "dim")),
                    ],
                    lambda row: row.name,
                    empty="none has this in its name",
                    id="telecommands",
                )
            with VerticalScroll(id="form", can_focus=False):
                yield Static("Choose a telecommand with Enter.", id="about-telecommand")
                yield VerticalScroll(id="arguments", can_focus=False)
                with Horizontal(id="buttons"):
                    yield Button("Send (Ctrl+S)", id="send", variant="primary")
                    yield Checkbox("I mean it (hazardous)", id="confirmed")
                yield Static(id="said")

    def on_mount(self) -> None:
        """The dictionary of whoever is commanded."""
        super().on_mount()
        self.query_one("#confirmed").display = False
        self.set_focus(self.query_one("#find-telecommand"))
        self._load()

    @work(exclusive=True, group="dictionary")
    async def _load(self) -> None:
        first = next(iter(self.store.rows), "") if self.target == "all" else self.target.split(",")[0]
        try:
            self._dictionary = Dictionary.model_validate(await self.store.client.dictionary(first))
        except SkyrackError as error:
            self._say(error.message, "bold #d55e00")
            return
        self._narrow()
        if self._wanted and self._wanted in self._dictionary.telecommand:
            await self._choose(self._dictionary.telecommand[self._wanted])

    def _narrow(self) -> None:
        wanted = self.query_one("#find-telecommand", Input).value.strip().lower()
        known = self._dictionary.telecommands if self._dictionary else ()
        rows = [form for form in known if wanted in form.name or wanted in form.description.lower()]
        self.query_one("#telecommands", Table).fill(sorted(rows, key=lambda form: form.name), follow=False)

    def draw(self) -> None:
        """Nothing moves by itself."""

    @on(Input.Changed, "#find-telecommand")
    def narrowed(self) -> None:
        """As it is typed."""
        self._narrow()

    @on(Input.Submitted, "#find-telecommand")
    async def taken(self) -> None:
        """The first that fits."""
        row = self.query_one("#telecommands", Table).current
        if row is not None:
            await self._choose(row)

    @on(Table.Chosen, "#telecommands")
    async def chosen(self, event: Table.Chosen) -> None:
        """Its form."""
        await self._choose(event.row)

    async def _choose(self, form: TelecommandForm) -> None:
        self._form = form
        about = Text(f"{form.name}", "bold")
        about.append(f"  TC[{form.service},{form.subtype}]" + ("  HAZARDOUS" if form.hazardous else ""), "#d55e00")
        about.append(f"\n{form.description}", "")
        if form.modes:
            about.append(f"\nonly in {', '.join(form.modes)}", "dim")
        self.query_one("#about-telecommand", Static).update(about)
        self.query_one("#confirmed").display = form.hazardous
        self.query_one("#confirmed", Checkbox).value = False
        place = self.query_one("#arguments", VerticalScroll)
        await place.remove_children()
        for argument in form.arguments:
            await place.mount(Static(label(argument), classes="label"), self._field(argument))
        fields = [*place.query(Input), *place.query(Select)]
        (fields[0] if fields else self.query_one("#send")).focus()
        self._say("", "")

    def _field(self, argument: Argument) -> Input | Select[str]:
        default = "" if argument.default is None else str(argument.default)
        if argument.type == "bool":
            return Select(
                [("true", "true"), ("false", "false")],
                value=(default or "true").lower(),
                allow_blank=False,
                name=argument.name,
            )
        if argument.type == "enum":
            options = [(each, each) for each in argument.labels]
            value = default if default in argument.labels else argument.labels[0]
            return Select(options, value=value, allow_blank=False, name=argument.name)
        known = list(argument.labels)
        if argument.type == "telecommand" and self._dictionary:
            known = list(self._dictionary.telecommand)
        suggest = SuggestFromList(known) if known else None
        return Input(value=default, placeholder=limits(argument), suggester=suggest, name=argument.name)

    def order(self) -> forms.Order:
        """What the form says."""
        assert self._form is not None
        place = self.query_one("#arguments")
        values: dict[str, Scalar] = {}
        for field in (*place.query(Input), *place.query(Select)):
            written = str(field.value).strip()
            if field.name and written:
                values[field.name] = scalar(written)
        step = forms.Step(to=self.target, telecommand=self._form.name, arguments=values)
        return forms.Order(
            steps=[step], confirmed=self.query_one("#confirmed", Checkbox).value, asked_by=self.console.who
        )

    @on(Button.Pressed, "#send")
    def pressed(self) -> None:
        """As Ctrl+S."""
        self.action_send()

    def action_send(self) -> None:
        """Check it on the ground, send it, follow it."""
        if self._form is None:
            self._say("choose a telecommand first", "#e69f00")
            return
        self._send(self.order())

    def action_find(self) -> None:
        """To the search."""
        self.set_focus(self.query_one("#find-telecommand"))

    @work(exclusive=True, group="send")
    async def _send(self, order: forms.Order) -> None:
        client = self.store.client
        try:
            checked = await client.check(order)
            if checked.hazardous and not order.confirmed:
                self._say(
                    f"{', '.join(checked.hazardous)}: hazardous. Tick 'I mean it' and send again.", "bold #e69f00"
                )
                return
            self._say("sent to the ground …", "dim")
            answer = await client.order(order)
            self._said(answer)
            for _ in range(round(FOLLOW_S / 0.5)):
                if answer.final or not answer.requests:
                    return
                await self.store.clock.until(self.store.clock.now_ns() + 500_000_000)
                rows = await client.telecommands(limit=50)
                mine = [row for row in rows if row.request in answer.requests]
                if mine:
                    self._follow(mine)
                if mine and all(row.state in TERMINAL for row in mine):
                    return
        except SkyrackError as error:
            self._say(f"{error.message}" + (f"\n{error.hint}" if error.hint else ""), "bold #d55e00")

    def _said(self, answer: forms.Answer) -> None:
        self._say(f"{answer.state} {answer.detail}", STATES.get(answer.state, ""))

    def _follow(self, rows: list[forms.TelecommandRow]) -> None:
        text = Text()
        for row in rows:
            text.append(f"{row.request:>5} {row.spacecraft} {row.name}: ")
            text.append(f"{row.state}", STATES.get(row.state, "#56b4e9"))
            text.append(f" {row.detail} ({row.transmissions} sent)\n", "dim")
        self.query_one("#said", Static).update(text)

    def _say(self, words_: str, look: str) -> None:
        self.query_one("#said", Static).update(Text(words_, look))

    def help_words(self) -> str:
        """What this screen does."""
        return """\
Type a part of a telecommand's name, Enter takes the first, Tab goes on. The form is the dictionary's: limits stand in
the fields, and the ground checks everything before it sends. Ctrl+S sends; what is hazardous (red) wants a tick first.
Below stands what becomes of it: QUEUED until a contact, SENT, ACCEPTED, STARTED, then one of COMPLETED, FAILED,
REJECTED, EXPIRED, INDETERMINATE. F8 has the history."""


TERMINAL = ("COMPLETED", "FAILED", "REJECTED", "EXPIRED", "INDETERMINATE")


def label(argument: Argument) -> Text:
    """An argument's name, unit and meaning."""
    text = Text(argument.name, "bold")
    text.append(f" {argument.unit}" if argument.unit else "", "dim")
    return text.append(f"  {argument.description}", "dim")


def limits(argument: Argument) -> str:
    """What is allowed, for an empty field."""
    if argument.low is not None and argument.high is not None:
        return f"{argument.low:g} to {argument.high:g} {argument.unit}".rstrip()
    return ", ".join(argument.labels) if argument.labels else argument.type


def scalar(written: str) -> Scalar:
    """A number or true/false where it looks like one, else text: units and names are the ground's to read."""
    if written in ("true", "false"):
        return written == "true"
    for number in (int, float):
        try:
            return number(written)
        except ValueError:
            continue
    return written


class TelecommandsScreen(Frame):
    """What was asked for, by whom and when, and what became of it."""

    title_words = "Telecommands"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("c", "command", "Command the fleet")]
    DEFAULT_CSS = (
        "#history { height: 2fr; } #one-telecommand { height: 1fr; border-top: solid $primary; padding: 0 1; }"
    )

    def __init__(self) -> None:
        super().__init__()
        self._read = -1

    def parts(self) -> ComposeResult:
        """The list, and the history of the one that was opened."""
        yield Table[forms.TelecommandRow](
            [
                Column("no", 6, lambda row: (str(row.request), "dim"), right=True),
                Column("asked", 11, lambda row: (words.clock(row.requested_s), "")),
                Column("spacecraft", 14, lambda row: (row.spacecraft, "bold")),
                Column("telecommand", 26, lambda row: (row.name, "")),
                Column("state", 13, lambda row: (row.state, STATES.get(row.state, "#56b4e9"))),
                Column("by", 12, lambda row: (row.asked_by or row.origin, "dim"), least=100),
                Column("when (UTC)", 20, lambda row: (row.asked_utc[:19], "dim"), least=140),
                Column("", 0, lambda row: (row.detail or _arguments(row.arguments), "dim")),
            ],
            lambda row: (row.ground_boot, row.request),
            empty="nothing was asked for yet",
            id="history",
        )
        with VerticalScroll(id="one-telecommand"):
            yield Static("Enter shows everything that happened to one.", id="happened")

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.set_focus(self.query_one(Table))

    def draw(self) -> None:
        """Read again where anything changed."""
        if self.store.telecommands_revision != self._read:
            self._read = self.store.telecommands_revision
            self._load()

    @work(exclusive=True, group="history")
    async def _load(self) -> None:
        try:
            self.query_one("#history", Table).fill(await self.store.client.telecommands(limit=1_000))
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)

    @on(Table.Chosen, "#history")
    def opened(self, event: Table.Chosen) -> None:
        """Its history."""
        self._show(event.row)

    @work(exclusive=True, group="one")
    async def _show(self, row: forms.TelecommandRow) -> None:
        try:
            followed = await self.store.client.telecommand(row.ground_boot, row.request)
        except SkyrackError as error:
            self.notify(error.message, severity="error", markup=False)
            return
        text = Text(f"{row.name} {_arguments(row.arguments)}\n", "bold")
        for each in followed.history:
            text.append(f"{words.clock(each.at_s):>12}  ")
            text.append(f"{each.state:<14}", STATES.get(each.state, ""))
            text.append(f" {each.happening} {each.detail}\n", "dim")
        self.query_one("#happened", Static).update(text)

    def action_command(self) -> None:
        """Everybody at once."""
        self.console.command("all")

    def help_words(self) -> str:
        """What this screen shows."""
        return """\
Every telecommand, the newest first: who asked, when by the wall clock, where it is. Enter shows all that happened.
c opens the form for the whole fleet; a single spacecraft is commanded from its own screen (c there)."""


def _arguments(arguments: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in arguments.items())
