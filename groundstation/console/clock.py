"""The run's clock in hand: pause, step, speeds. Only where the range's token was given; an operator has none."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from bus.errors import SkyrackError
from bus.web import range_forms
from groundstation.console import words
from groundstation.console.frame import Frame
from groundstation.console.table import Column, Table

SPEEDS: tuple[float | None, ...] = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 100.0, 300.0, 1000.0, None)
"""Mission seconds in a second; None: as fast as everybody answers."""
ORBIT_S = 5_700.0
"""About a turn around the Earth in a low orbit (600 km), to tell what a speed means."""
MANY_STEPS = 10


class TimeScreen(Frame):
    """See the module."""

    title_words = "Time"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "hold", "Pause/resume"),
        Binding("full_stop", "step(1)", "One tick", key_display="."),
        Binding("n", f"step({MANY_STEPS})", f"{MANY_STEPS} ticks"),
        Binding("plus,equals_sign", "faster(1)", "Faster", key_display="+"),
        Binding("minus", "faster(-1)", "Slower", key_display="-"),
    ]
    DEFAULT_CSS = "#clock-words { height: 6; padding: 1 2; } #clock-said { height: 2; padding: 0 2; }"

    def parts(self) -> ComposeResult:
        """How it stands, and the speeds that there are."""
        yield Static(id="clock-words")
        yield Table[float | None](
            [
                Column("", 2, lambda speed: ("▶" if self._is(speed) else "", "#009e73")),
                Column("speed", 8, lambda speed: (speed_words(speed), "bold" if self._is(speed) else "")),
                Column("an orbit takes", 0, lambda speed: (_orbit(speed), "dim")),
            ],
            lambda speed: speed,
            id="speeds",
        )
        yield Static(id="clock-said")

    def on_mount(self) -> None:
        """The table has the keys."""
        super().on_mount()
        self.query_one(Table).fill(list(SPEEDS))
        self.set_focus(self.query_one(Table))

    def tick(self) -> None:
        """The time moves by itself."""
        super().tick()
        if self.console.screen is self:
            self.draw()

    def draw(self) -> None:
        """How it stands."""
        clock = self.store.clock_state
        text = Text()
        text.append(f"T+{words.clock(self.store.mission_s())}   ", "bold")
        text.append(*_state(clock))
        if clock is not None and clock.mission_s is not None:
            text.append(f"\n\nthe bus is at {words.clock(clock.mission_s)}", "dim")
        if self.store.range_trouble:
            text.append(f"\n{self.store.range_trouble}", "bold #d55e00")
        self.query_one("#clock-words", Static).update(text)
        self.query_one(Table).refresh()

    @on(Table.Chosen, "#speeds")
    def chosen(self, event: Table.Chosen) -> None:
        """That speed."""
        self._order("speed", event.row)

    def action_hold(self) -> None:
        """Pause what flies, let go what is held."""
        clock = self.store.clock_state
        self._order("resume" if clock is not None and clock.paused else "pause")

    def action_step(self, ticks: int) -> None:
        """So many ticks, then pause."""
        self._order("step", ticks)

    def action_faster(self, by: int) -> None:
        """The next speed in the list."""
        clock = self.store.clock_state
        now = next((place for place, speed in enumerate(SPEEDS) if self._is(speed)), None)
        if now is None:
            slower = [place for place, speed in enumerate(SPEEDS) if speed is not None and clock and clock.speed
                      and speed <= clock.speed]  # fmt: skip
            now = slower[-1] if slower else 0
        self._order("speed", SPEEDS[max(0, min(now + by, len(SPEEDS) - 1))])

    def _is(self, speed: float | None) -> bool:
        clock = self.store.clock_state
        return clock is not None and (clock.free is True if speed is None else clock.speed == speed)

    @work(exclusive=True, group="clock")
    async def _order(self, verb: str, value: float | None = None) -> None:
        range_ = self.store.range
        said = self.query_one("#clock-said", Static)
        assert range_ is not None, "without the range there is no such screen"
        try:
            if verb == "speed":
                self.store.clock_state = await range_.speed(value)
            elif verb == "step":
                self.store.clock_state = await range_.step(int(value or 1))
            else:
                self.store.clock_state = await (range_.pause() if verb == "pause" else range_.resume())
        except SkyrackError as error:
            said.update(Text(error.message, "bold #d55e00"))
            return
        said.update("")
        self.draw()

    def help_words(self) -> str:
        """What this screen does."""
        return f"""\
Space holds the run and lets it go on; a pause is no lateness and no backlog. . flies one tick and pauses, n flies
{MANY_STEPS}. Enter on a speed takes it, + and - take the next one; free is as fast as everybody answers. When things
happen changes, never what: nothing of this is recorded."""


def speed_words(speed: float | None) -> str:
    """x60, or free."""
    return "free" if speed is None else f"x{speed:g}"


def _orbit(speed: float | None) -> str:
    return "as long as the machine needs" if speed is None else words.span(ORBIT_S / speed)


def _state(clock: range_forms.Clock | None) -> tuple[str, str]:
    """In words, and how they look."""
    if clock is None or clock.range == "silent":
        return "the range does not answer", "bold #d55e00"
    if clock.range == "over":
        return "the run is over", "dim"
    if clock.paced is None or clock.paused is None:
        return ("no clock to hold: start a run with --pace", "#e69f00") if clock.paced is False else ("asking …", "dim")
    speed = speed_words(None if clock.free else clock.speed)
    if clock.paused:
        return f"PAUSED (at {speed})", "bold #e69f00"
    return (f"flies {clock.steps} more ticks" if clock.steps else f"flies at {speed}"), "bold #009e73"
