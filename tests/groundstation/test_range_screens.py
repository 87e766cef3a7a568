"""The range's two screens, key by key, over a range out of a hand; and that nobody else has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from textual.widgets import Input

from bus.web.range_client import RangeClient
from groundstation.api.client import Client
from groundstation.console.app import RANGE_SCREENS, Console
from groundstation.console.clock import SPEEDS
from tests.groundstation.test_console import fleet, press, shown, until
from tests.kits.console_kit import FakeGround, FakeRange
from tests.kits.runs import skyrack


@asynccontextmanager
async def holding(range_: FakeRange | None, first: str, size: tuple[int, int] = (130, 40)) -> AsyncIterator[Any]:
    app = Console(cast("Client", FakeGround(fleet(3))), range_=cast("RangeClient", range_), first=first)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.store.connected)
        yield app, pilot


async def test_the_clock_is_held_stepped_and_given_another_speed() -> None:
    range_ = FakeRange()
    async with holding(range_, "time") as (app, pilot):
        await until(pilot, lambda: "flies at x10" in shown(app))
        await press(pilot, "space")
        await until(pilot, lambda: "PAUSED (at x10)" in shown(app) and "PAUSED" in shown(app).splitlines()[0])
        before_s = app.store.mission_s()
        await pilot.pause(0.3)
        assert app.store.mission_s() == before_s, "a time that is held stands"
        await press(pilot, "full_stop")
        await until(pilot, lambda: "flies 1 more ticks" in shown(app))
        await press(pilot, "n", "plus")
        await until(pilot, lambda: ("speed", 20.0) in range_.asked)
        await press(pilot, "minus", "end", "enter")
        await until(pilot, lambda: ("speed", None) in range_.asked)
        assert [what for what in range_.asked if what[0] != "speed"] == [("pause", None), ("step", 1), ("step", 10)]
        await press(pilot, "space")
        assert [speed for what, speed in range_.asked if what == "speed"] == [20.0, 10.0, SPEEDS[-1]]


async def test_a_fault_is_found_checked_injected_and_cleared() -> None:
    range_ = FakeRange()
    async with holding(range_, "faults") as (app, pilot):
        await until(pilot, lambda: "string_open" in shown(app) and "pack_worn" in shown(app))
        assert "planned" in shown(app) and ("catalogue", "bad-1") in range_.asked
        await press(pilot, *"conducts", "enter")
        await until(pilot, lambda: "to be seen: array power falls" in shown(app) and "what is left" in shown(app))
        field = next(each for each in app.screen.query(Input) if each.name == "left")
        field.value = "95 %"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "allowed: 0 % to 90 %" in shown(app))
        assert not any(what == "order" for what, _ in range_.asked), "what is wrong is not asked for"
        field.value = "50 %"
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "string_open: active" in shown(app))
        order = next(what for kind, what in range_.asked if kind == "order")
        assert (order.target, order.length) == ("bad-1", "")
        assert order.parameters == {"string": "string_1", "left": "50 %"}
        table = app.screen.query_one("#injections")
        await until(pilot, lambda: table.rows[0].state == "active")
        table.focus()
        await press(pilot, "home", "d")
        await until(pilot, lambda: ("clear", "live-1") in range_.asked and "live-1: cleared" in shown(app))
        await press(pilot, "ctrl+d")
        await until(pilot, lambda: ("clear", "") in range_.asked)


@pytest.mark.parametrize("size", [(80, 24), (160, 40)])
async def test_they_stand_at_their_keys_fit_and_explain_themselves(size: tuple[int, int]) -> None:
    async with holding(FakeRange(), "fleet", size) as (app, pilot):
        for name, (key, title, _) in RANGE_SCREENS.items():
            letter, function = key.split(",")
            await press(pilot, "f2", letter, "f2", function)
            await until(pilot, lambda name=name: app.screen is app.screens[name] and "Back" in shown(app))
            assert shown(app).startswith(f" {title}") and all(len(line) <= size[0] for line in shown(app).splitlines())
            await press(pilot, "escape")


async def test_without_the_range_s_token_they_do_not_exist() -> None:
    async with holding(None, "fleet") as (app, pilot):
        await press(pilot, "T", "F")
        assert app.screen is app.screens["fleet"] and not RANGE_SCREENS.keys() & app.screens.keys()
        await press(pilot, "question_mark")
        await until(pilot, lambda: len(app.screen_stack) == 3)
        assert "Faults" not in shown(app)
    wrong = skyrack("console", "--url", "http://127.0.0.1:9", "--token", "x", "--screen", "faults")
    assert wrong.returncode == 2
    rehearsal = skyrack("train", "--help").stdout
    assert "--range" not in rehearsal
