"""The application: screens by key, one connection for all of them, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Select, Static

from bus.clock import Clock, MachineClock
from bus.errors import HandshakeRefused, SkyrackError
from bus.web.range_client import RangeClient
from groundstation.api import forms
from groundstation.api.client import Client
from groundstation.console.alarms import AlarmsScreen
from groundstation.console.clock import TimeScreen
from groundstation.console.commanding import CommandScreen, TelecommandsScreen, scalar
from groundstation.console.faults import FaultsScreen
from groundstation.console.fleet import FleetScreen
from groundstation.console.frame import LEAST, Frame
from groundstation.console.lists import ContactsScreen, EventsScreen, LevelsScreen, ProceduresScreen
from groundstation.console.spacecraft import SpacecraftScreen
from groundstation.console.store import Store
from groundstation.console.world import MapScreen

SCREENS: dict[str, tuple[str, str, Callable[[], Frame]]] = {
    "fleet": ("f2", "Fleet", FleetScreen),
    "alarms": ("f3", "Alarms", AlarmsScreen),
    "events": ("f4", "Events", EventsScreen),
    "contacts": ("f5", "Contacts", ContactsScreen),
    "procedures": ("f6", "Procedures", ProceduresScreen),
    "levels": ("f7", "Levels", LevelsScreen),
    "telecommands": ("f8", "Telecommands", TelecommandsScreen),
    "map": ("f9", "Map", MapScreen),
}
"""By the name that the command line has for it: key, title, screen."""
RANGE_SCREENS: dict[str, tuple[str, str, Callable[[], Frame]]] = {
    "time": ("T,f11", "Time", TimeScreen),
    "faults": ("F,f12", "Faults", FaultsScreen),
}
"""These too where the range's token was given; without it they do not exist. A letter for browsers, which keep F11 and
F12 for themselves; these for where a letter would be typed into a field."""


class Help(ModalScreen[None]):
    """What the keys do, over the screen that asked."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,q,enter", "dismiss", "Close")]
    DEFAULT_CSS = """
    Help { align: center middle; }
    #help {
        width: 90%; max-width: 100; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Text that scrolls."""
        with VerticalScroll(id="help"):
            yield Static(self._text)


class Start(ModalScreen[forms.ProcedureOrder | None]):
    """Which procedure, for whom, with what."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Not now")]
    DEFAULT_CSS = """
    Start { align: center middle; }
    #start { width: 84; height: auto; max-height: 90%; border: round $primary; background: $surface; padding: 1 2; }
    #start-words { height: auto; margin: 1 0; }
    """

    def __init__(self, known: list[forms.ProcedureForm], name: str, spacecraft: str) -> None:
        super().__init__()
        self._known = {form.name: form for form in known}
        self._name = name if name in self._known else next(iter(self._known))
        self._spacecraft = spacecraft

    def compose(self) -> ComposeResult:
        """Three fields."""
        with VerticalScroll(id="start"):
            yield Static("[b]Start a procedure[/b]")
            yield Select([(name, name) for name in self._known], value=self._name, allow_blank=False, id="which")
            yield Input(value=self._spacecraft, placeholder="spacecraft; several with commas", id="for-whom")
            yield Input(placeholder="name=value name=value", id="with-what")
            yield Static(id="start-words")
            yield Button("Start", variant="primary", id="go")

    def on_mount(self) -> None:
        """Enter starts."""
        self.query_one("#go" if self._spacecraft else "#for-whom").focus()

    def on_select_changed(self) -> None:
        """What it does, and what it takes."""
        form = self._known[str(self.query_one("#which", Select).value)]
        takes = ", ".join(
            f"{each['name']}" + (f"={each['default']}" if each["default"] is not None else "")
            for each in form.arguments
        )
        words_ = Text(f"{form.summary}\n").append(f"arguments: {takes or 'none'}", "dim")
        self.query_one("#start-words", Static).update(words_)

    def on_input_submitted(self) -> None:
        """As the button."""
        self.on_button_pressed()

    def on_button_pressed(self) -> None:
        """Give the order back."""
        pairs = [word.partition("=") for word in self.query_one("#with-what", Input).value.split()]
        arguments = {name: scalar(value) for name, equals, value in pairs if equals}
        whom = [one.strip() for one in self.query_one("#for-whom", Input).value.split(",") if one.strip()]
        if not whom:
            self.query_one("#start-words", Static).update(Text("for which spacecraft?", "#d55e00"))
            return
        name = str(self.query_one("#which", Select).value)
        try:
            self.dismiss(forms.ProcedureOrder(name=name, spacecraft=whom, arguments=arguments))
        except ValueError as error:
            self.query_one("#start-words", Static).update(Text(str(error).splitlines()[-2].strip(), "#d55e00"))


class Console(App[int]):
    """The console of one run's ground. `first`: a screen's name, or a spacecraft's id. `range_`: the range's API, for
    whoever conducts the run; whoever operates it has none."""

    TITLE = "Skyrack"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(key, f"go('{name}')", title) for name, (key, title, _) in SCREENS.items()),
        Binding("f10", "light", "Light/dark", show=False),
        Binding("ctrl+q", "quit", "Quit"),
    ]

    def __init__(
        self, client: Client, *, range_: RangeClient | None = None, first: str = "fleet", who: str = "",
        clock: Clock | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.store = Store(client, clock or MachineClock(), range=range_)
        self.who, self._first = who, first
        self.refused = ""
        self.known = SCREENS | (RANGE_SCREENS if range_ is not None else {})
        self.screens = {name: make() for name, (_, _, make) in self.known.items()}
        for name, (key, title, _) in RANGE_SCREENS.items() if range_ is not None else ():
            self.bind(key, f"go('{name}')", description=title, key_display=key[0])

    def on_mount(self) -> None:
        """Connect, and show the fleet or what was asked for."""
        self.push_screen(self.screens["fleet"])
        if self._first in self.known and self._first != "fleet":
            self.action_go(self._first)
        elif self._first not in self.known:
            self.open_spacecraft(self._first, "overview")
        self._follow()
        if self.store.range is not None:
            self._follow_range()

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        try:
            await self.store.follow()
        except HandshakeRefused as error:
            self.refused = error.message
            self.exit(2)

    @work(exclusive=True, group="follow-range")
    async def _follow_range(self) -> None:
        try:
            await self.store.follow_range()
        except HandshakeRefused as error:
            self.refused = error.message
            self.exit(2)

    def on_resize(self) -> None:
        """Too small a terminal is told so."""
        if self.size.width < LEAST[0] or self.size.height < LEAST[1]:
            self.notify(
                f"this terminal is {self.size.width}x{self.size.height}; "
                f"{LEAST[0]}x{LEAST[1]} is needed to see everything",
                severity="warning",
            )

    def action_go(self, name: str) -> None:
        """To one of the screens; those above the fleet go."""
        while len(self.screen_stack) > 2:
            self.pop_screen()
        if name != "fleet":
            self.push_screen(self.screens[name])

    def action_light(self) -> None:
        """Light or dark."""
        self.theme = "textual-dark" if self.theme == "textual-light" else "textual-light"

    def open_spacecraft(self, spacecraft: str, tab: str) -> None:
        """One of them in full."""
        self.push_screen(SpacecraftScreen(spacecraft, tab))

    def command(self, target: str) -> None:
        """The form for telecommands."""
        self.push_screen(CommandScreen(target))

    def show_help(self, title: str, text: str, screen: Frame) -> None:
        """Keys everywhere, and what this screen has to say."""
        keys = "  ".join(f"[b]{key.upper().replace(',', ' or ')}[/b] {name}" for key, name, _ in self.known.values())
        own = "  ".join(
            f"[b]{binding.key_display or binding.key}[/b] {binding.description}"
            for binding in screen.BINDINGS
            if isinstance(binding, Binding) and binding.description
        )
        self.push_screen(
            Help(
                f"[b]{title}[/b]\n\n{text}\n\nHere: {own}\n\nEverywhere: {keys}\n"
                "[b]F10[/b] light or dark  [b]Ctrl+Q[/b] quit"
            )
        )

    @work(group="procedure")
    async def start_procedure(self, name: str, spacecraft: str) -> None:
        """Ask which, then start it and show the runs."""
        client = self.store.client
        try:
            order = await self.push_screen_wait(Start(await client.procedures(spacecraft), name, spacecraft))
            if order is None:
                return
            answer = await client.start(order.name, order.spacecraft, order.arguments)
        except SkyrackError as error:
            self.notify(
                error.message + (f" ({error.hint})" if error.hint else ""), severity="error", timeout=12, markup=False
            )
            return
        self.notify(f"{order.name}: {answer.state} {answer.detail}", markup=False)
        self.action_go("procedures")
