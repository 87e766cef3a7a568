"""A table that draws only what is seen: rows come from a list that may change every second, however long it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

T = TypeVar("T")
Cell = tuple[str, str]
"""What stands there, and how it looks (a style of Rich's, empty for plain)."""


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """A column. width 0: what is left of the line. least: the line's width from which on it is shown at all."""

    title: str
    width: int
    cell: Callable[[T], Cell]
    least: int = 0
    right: bool = False


class Table(ScrollView, Generic[T], can_focus=True):
    """See the module. `key` tells a row again after the list has changed: the cursor stays with it. `empty`: what
    stands there where there is no row."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", show=False),
        Binding("down", "move(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "move(-1000000000)", show=False),
        Binding("end", "move(1000000000)", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]
    DEFAULT_CSS = "Table { height: 1fr; overflow-x: hidden; } Table:focus { background-tint: $foreground 3%; }"

    class Chosen(Message):
        """A row was opened."""

        def __init__(self, table: Table[Any], row: Any) -> None:
            super().__init__()
            self.table, self.row = table, row

        @property
        def control(self) -> Table[Any]:
            """Where it was."""
            return self.table

    def __init__(
        self,
        columns: Sequence[Column[T]],
        key: Callable[[T], object],
        *,
        empty: str = "nothing here",
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self._columns, self._key, self.empty = columns, key, empty
        self._rows: list[T] = []
        self._cursor = 0

    @property
    def rows(self) -> list[T]:
        """What is in it."""
        return self._rows

    @property
    def current(self) -> T | None:
        """The row under the cursor."""
        return self._rows[self._cursor] if self._rows else None

    def fill(self, rows: list[T], *, follow: bool = True) -> None:
        """Other rows. `follow`: the cursor stays with its row, else with its line."""
        held = self._key(self._rows[self._cursor]) if self._rows and follow else None
        self._rows = rows
        if held is not None:
            self._cursor = next((place for place, row in enumerate(rows) if self._key(row) == held), self._cursor)
        self._cursor = min(self._cursor, max(0, len(rows) - 1))
        self.virtual_size = Size(self.size.width, len(rows) + 1)
        self.refresh()

    def select(self, key: object) -> None:
        """Put the cursor on a row."""
        place = next((place for place, row in enumerate(self._rows) if self._key(row) == key), None)
        if place is not None:
            self._cursor = place
            self._show()

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        before, self._cursor = self._cursor, max(0, min(self._cursor + by, len(self._rows) - 1))
        self._show(before)

    def action_page(self, by: int) -> None:
        """Move it by what is seen."""
        self.action_move(by * max(1, self.size.height - 2))

    def action_choose(self) -> None:
        """Open the row."""
        if self._rows:
            self.post_message(self.Chosen(self, self._rows[self._cursor]))

    def on_click(self, event: events.Click) -> None:
        """The mouse moves the cursor; a second click opens."""
        place = event.y - 1 + round(self.scroll_offset.y)
        if event.y >= 1 and 0 <= place < len(self._rows):
            again = place == self._cursor and event.chain > 1
            self._cursor = place
            self.refresh()
            if again:
                self.action_choose()

    def on_resize(self) -> None:
        """Another width shows other columns."""
        self.virtual_size = Size(self.size.width, len(self._rows) + 1)

    def render_line(self, y: int) -> Strip:
        """One line: the head stands still, the rest scrolls."""
        width = self.size.width
        if y == 0:
            return self._line([(column.title, "bold underline") for column in self._seen(width)], width, Style())
        place = y - 1 + round(self.scroll_offset.y)
        if place >= len(self._rows):
            text = self.empty if not self._rows and y == 2 else ""
            return Strip([Segment(f"  {text}".ljust(width), Style(dim=True))], width)
        row = self._rows[place]
        base = Style(reverse=self.has_focus, bold=True) if place == self._cursor else Style()
        return self._line([column.cell(row) for column in self._seen(width)], width, base)

    def _seen(self, width: int) -> list[Column[T]]:
        return [column for column in self._columns if column.least <= width]

    def _line(self, cells: Sequence[Cell], width: int, base: Style) -> Strip:
        segments: list[Segment] = []
        columns = self._seen(width)
        fixed = sum(column.width + 1 for column in columns if column.width)
        free = max(4, (width - fixed) // max(1, sum(column.width == 0 for column in columns)))
        for column, (text, style) in zip(columns, cells, strict=True):
            room = column.width or free
            segments += [
                Segment(_fitted(text, room, right=column.right), base + Style.parse(style)),
                Segment(" ", base),
            ]
        return Strip(segments).adjust_cell_length(width, base)

    def _show(self, before: int | None = None) -> None:
        """The cursor is where it is seen; it came from the row `before`. Only what changes is drawn again."""
        top, seen = round(self.scroll_offset.y), max(1, self.size.height - 1)
        if self._cursor < top:
            self.scroll_to(y=self._cursor, animate=False)
        elif self._cursor >= top + seen:
            self.scroll_to(y=self._cursor - seen + 1, animate=False)
        elif before is not None:
            for place in (before, self._cursor):
                self.refresh(Region(0, place - top + 1, self.size.width, 1))
            return
        self.refresh()


def _fitted(text: str, room: int, *, right: bool) -> str:
    """As wide as the column, cut with an ellipsis. Most cells are ASCII, which needs no measuring."""
    text = text.replace("\n", " ")
    width = len(text) if text.isascii() else cell_len(text)
    if width > room:
        return f"{text[: room - 1] if width == len(text) else set_cell_size(text, room - 1)}…"
    return " " * (room - width) + text if right else text + " " * (room - width)
