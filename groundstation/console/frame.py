"""What every screen has: a line at the top that tells the moment and the fleet's state, and keys at the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widgets import Footer, Static

from groundstation.console import words
from groundstation.console.store import Store

if TYPE_CHECKING:
    from groundstation.console.app import Console

LEAST = (80, 20)
"""Columns and lines that a screen needs."""


class TopLine(Static):
    """Run, time, rate, ground, and how many spacecraft are in which state."""

    DEFAULT_CSS = "TopLine { height: 1; background: $panel; color: $text; padding: 0 1; }"


class Frame(Screen[None]):
    """A screen of the console. Subclasses give `parts` and `draw`; `draw` is called whenever anything may have changed,
    and four times a second for what only time moves."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back"),
        Binding("question_mark,f1", "help", "Help", key_display="?"),
    ]
    AUTO_FOCUS: ClassVar[str | None] = "Table"  # not a field, which would take letters that are commands
    title_words: str = ""

    def __init__(self) -> None:
        super().__init__()
        self._drawn = -1

    @property
    def console(self) -> Console:
        """The application."""
        return cast("Console", self.app)

    @property
    def store(self) -> Store:
        """What is known."""
        return self.console.store

    def parts(self) -> ComposeResult:
        """Widgets between the lines at top and bottom."""
        return iter(())

    def draw(self) -> None:
        """Bring the widgets up to date."""

    def help_words(self) -> str:
        """What there is to know about this screen."""
        return ""

    def compose(self) -> ComposeResult:
        """Top line, the screen's own parts, keys."""
        yield TopLine(id="top")
        yield from self.parts()
        yield Footer()

    def on_mount(self) -> None:
        """From now on it is kept up to date."""
        self.set_interval(0.25, self.tick)
        self.tick()

    def on_screen_resume(self) -> None:
        """Back on top."""
        self._drawn = -1
        self.tick()

    def tick(self) -> None:
        """Draw what changed since the last time, at most four times a second."""
        if self.console.screen is not self:
            return
        self.query_one("#top", TopLine).update(top_line(self.store, self.title_words, self.size.width))
        if self.store.revision != self._drawn:
            self._drawn = self.store.revision
            self.draw()

    def action_back(self) -> None:
        """To the screen before; the first one stays."""
        if len(self.app.screen_stack) > 2:
            self.app.pop_screen()

    def action_help(self) -> None:
        """Everything that the keys do here."""
        self.console.show_help(self.title_words, self.help_words(), self)


def top_line(store: Store, title: str, width: int) -> Text:
    """The line at the top; what does not fit is left out from the right."""
    counts = store.counts()
    ground = store.ground()
    line = Text(no_wrap=True)
    line.append(f"{title}  ", "bold")
    line.append(f"{store.about.run if store.about else '…'}  ")
    line.append(f"T+{words.clock(store.mission_s())}", "bold")
    rate = store.moment.rate if store.moment else None
    if store.held:
        line.append(" PAUSED  ", "bold #e69f00")
    else:
        line.append(f" x{rate:.3g}  " if rate is not None else "  ")
    style = words.GROUND.get(ground, "bold #d55e00")
    line.append(
        {"answers": "ground answers", "silent": "GROUND SILENT", "over": "run over"}.get(ground, ground.upper()), style
    )
    if ground == "no connection" and store.trouble:
        line.append(f": {store.trouble}", style)
    line.append("  ")
    for level, count in counts.items():
        if count:
            sign, look = words.SIGNS[level]
            line.append(f" {sign} {count} {level or 'unknown'}", look)
    waiting = sum(alarm.state in ("ACTIVE", "CLEARED") for alarm in store.alarms)
    line.append(f"  {waiting} alarms wait" if waiting > 1 else "  1 alarm waits" if waiting else "  no alarm waits")
    line.truncate(max(1, width - 2), overflow="ellipsis")
    return line
