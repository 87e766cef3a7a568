"""The console, screen by screen and key by key, over a ground out of a hand: what stands there, and what is asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from textual.pilot import Pilot
from textual.widgets import Checkbox, Input, Static

from groundstation.api import forms
from groundstation.api.client import Client
from groundstation.console import words
from groundstation.console.app import SCREENS, Console
from groundstation.console.plot import plot
from groundstation.console.spacecraft import SpacecraftScreen
from groundstation.console.table import Table
from tests.kits.console_kit import UNHEARD, FakeGround, alarm, row
from tests.kits.runs import skyrack

BAD = row("bad-1", "critical", "battery_soc 0.18 is below hard low 0.2", mode="SAFE", alarms=1, battery_soc=0.18)
LOST = row("lost-1", None, "nothing was heard of it", **UNHEARD)


def shown(app: Console) -> str:
    """What is on the screen, as text."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


@asynccontextmanager
async def sitting(
    ground: FakeGround, *, size: tuple[int, int] = (130, 34), first: str = "fleet"
) -> AsyncIterator[tuple[Console, Pilot[Any]]]:
    app = Console(cast("Client", ground), first=first)
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.store.connected)
        yield app, pilot


async def until(pilot: Pilot[Any], condition: Any) -> None:
    for _ in range(400):
        await pilot.pause(0.02)
        if condition():
            return
    raise AssertionError("that moment did not come")


async def press(pilot: Pilot[Any], *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await pilot.pause()


def fleet(number: int) -> list[forms.FleetRow]:
    return [*(row(f"sat-{n}") for n in range(number)), BAD, LOST]


@pytest.mark.parametrize("number", [3, 1_000])
async def test_trouble_stands_first_with_its_reason_and_the_unknown_is_no_number(number: int) -> None:
    async with sitting(FakeGround(fleet(number))) as (app, pilot):
        await until(pilot, lambda: "bad-1" in shown(app))
        lines = shown(app).splitlines()
        assert "1 critical" in lines[0] and "1 unknown" in lines[0] and f"{number} normal" in lines[0]
        assert lines[2].startswith("✖ bad-1") and "below hard low" in lines[2]
        assert lines[3].startswith("? lost-1") and "nothing was heard" in lines[3]
        assert words.UNKNOWN in lines[3] and "0 %" not in lines[3]
        assert lines[4].startswith("● sat-0") and lines[5].startswith("● sat-1 ")
        await press(pilot, "x")
        await until(pilot, lambda: "sat-0" not in shown(app))
        await press(pilot, "x", "slash", *"sat-2", "enter")
        await until(pilot, lambda: "bad-1" not in shown(app))
        assert "● sat-2 " in shown(app)
        await press(pilot, "escape")
        await until(pilot, lambda: "bad-1" in shown(app))


async def test_only_what_is_seen_is_drawn() -> None:
    async with sitting(FakeGround(fleet(1_000)), size=(100, 24)) as (app, pilot):
        table = app.screen.query_one(Table)
        drawn: list[int] = []
        render = table.render_line
        table.render_line = lambda y: (drawn.append(y), render(y))[1]  # type: ignore[method-assign]
        table.fill(app.store.fleet())
        await pilot.pause()
        assert drawn and set(drawn) <= set(range(24)), "a thousand rows cost what a screenful costs"
        await press(pilot, "end")
        await until(pilot, lambda: "sat-999" in shown(app))


async def test_a_spacecraft_its_values_a_plot_and_the_why() -> None:
    async with sitting(FakeGround(fleet(3), [alarm(1, "bad-1")])) as (app, pilot):
        await press(pilot, "enter")
        await until(pilot, lambda: "battery_soc" in shown(app))
        assert "below hard low" in shown(app) and isinstance(app.screen, SpacecraftScreen)
        await press(pilot, "2", "slash", *"chip", "enter", "enter")
        await until(pilot, lambda: "thermal_temperature_k.chip: last" in shown(app))
        await press(pilot, "left", "left")
        await until(pilot, lambda: "at 1:2" in shown(app))
        await press(pilot, "w")
        await until(pilot, lambda: "answered by safe-mode-recovery" in shown(app))
        assert "0.18 is below hard low 0.2" in shown(app) and "1:19:50" in shown(app)
        await press(pilot, "escape")
        await until(pilot, lambda: "sat-0" in shown(app))


async def test_what_is_armed_masked_and_fired_and_what_waits_on_board() -> None:
    ground = FakeGround(fleet(3))
    async with sitting(ground, first="bad-1") as (app, pilot):
        await until(pilot, lambda: "battery_soc" in shown(app))
        await press(pilot, "6")
        await until(pilot, lambda: "charge_low" in shown(app))

        def line(word: str) -> str:
            return next(each for each in shown(app).splitlines() if word in each)

        assert all(word in line("charge_low  ") for word in ("armed", "below_low", "1:19:50"))
        assert "masked" in line("chip_hot") and "disabled" in line("pump_slow")
        assert words.UNKNOWN in line("untold") and "armed" not in line("untold")
        assert "told at 1:21:40" in shown(app) and "last action: on charge_low" in shown(app)
        await press(pilot, "a")
        await until(pilot, lambda: any(what == "order" for what, _ in ground.asked))
        assert [step.telecommand for step in ground.asked[-1][1].steps] == ["monitoring.status", "event_action.status"]
        await press(pilot, "7")
        await until(pilot, lambda: "payload.stop" in shown(app))
        assert "released" in shown(app) and "10:00" in shown(app)


async def test_an_alarm_is_acknowledged_shelved_and_answered_by_its_procedure() -> None:
    ground = FakeGround(fleet(3), [alarm(1, "bad-1"), alarm(2, "sat-1", "warning")])
    async with sitting(ground, first="alarms") as (app, pilot):
        await until(pilot, lambda: "2 alarms wait" in shown(app))
        await press(pilot, "k")
        await until(pilot, lambda: "1 alarm waits" in shown(app))
        assert ("acknowledge", 1) in ground.asked
        await press(pilot, "z")
        await until(pilot, lambda: any(what == "shelve" for what, _ in ground.asked))
        await press(pilot, "r", "enter")
        await until(pilot, lambda: "await contact" in shown(app))
        assert ground.asked[-1] == ("start", ("safe-mode-recovery", ["bad-1"]))
        await press(pilot, "i", *"yes", "enter")
        await until(pilot, lambda: ("answer", (1, "yes")) in ground.asked)


async def test_a_telecommand_is_checked_confirmed_and_followed() -> None:
    ground = FakeGround(fleet(3))
    async with sitting(ground) as (app, pilot):
        app.command("sat-1")
        await until(pilot, lambda: "thermal.pump" in shown(app))
        await press(pilot, *"pump", "enter")
        await until(pilot, lambda: "speed_fraction" in shown(app))
        await press(pilot, "7", "ctrl+s")
        await until(pilot, lambda: "allowed: at most 1" in shown(app))
        assert not any(what == "order" for what, _ in ground.asked), "what is wrong is not asked for"
        hazardous = ground.hazardous = "mode.set"
        app.screen.query_one("#find-telecommand", Input).value = hazardous
        app.screen.query_one("#find-telecommand").focus()
        await press(pilot, "enter")
        await until(pilot, lambda: f"{hazardous}  TC" in shown(app))
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "Tick 'I mean it'" in shown(app))
        assert not any(what == "order" for what, _ in ground.asked)
        app.screen.query_one("#confirmed", Checkbox).value = True
        await press(pilot, "ctrl+s")
        await until(pilot, lambda: "COMPLETED" in shown(app))
        order = next(what for kind, what in ground.asked if kind == "order")
        assert order.confirmed and order.steps[0].to == "sat-1"
        await press(pilot, "f8", "enter")
        await until(pilot, lambda: "report" in shown(app))


async def test_a_connection_that_breaks_is_told_and_comes_back_with_what_was_missed() -> None:
    ground = FakeGround(fleet(3))
    async with sitting(ground, first="events") as (app, pilot):
        ground.alive = False
        ground.changed.set()
        await until(pilot, lambda: "NO CONNECTION" in shown(app))
        assert "nobody listens" in shown(app)
        ground.events_ = [
            forms.EventRow(
                spacecraft="sat-1", name="mode_changed", severity=2, on_board_s=1.0, received_s=2.0, arguments={}
            )
        ]
        ground.alive = True
        await until(pilot, lambda: "mode_changed" in shown(app) and "NO CONNECTION" not in shown(app))


@pytest.mark.parametrize("size", [(80, 24), pytest.param((160, 40), marks=pytest.mark.slow)])
async def test_every_screen_stands_at_its_key_and_explains_itself(size: tuple[int, int]) -> None:
    async with sitting(FakeGround(fleet(3), [alarm(1, "bad-1")]), size=size) as (app, pilot):
        for name, (key, title, _) in SCREENS.items():
            await press(pilot, key)
            await until(pilot, lambda name=name: app.screen is app.screens[name] and "Back" in shown(app))
            first, *_, last = shown(app).splitlines()
            assert title.split()[-1].lower() in first.lower() and "T+1:23" in first and "Back" in last
            assert all(len(line) <= size[0] for line in shown(app).splitlines())
            await press(pilot, "question_mark")
            await until(pilot, lambda: "Everywhere:" in " ".join(str(s.render()) for s in app.screen.query(Static)))
            await press(pilot, "escape")


async def test_a_terminal_that_is_too_small_is_told() -> None:
    async with sitting(FakeGround(fleet(3)), size=(60, 12)) as (app, pilot):
        await until(pilot, lambda: any("80x20" in each.message for each in app._notifications))


def test_a_plot_draws_gaps_as_gaps_and_limits_where_they_lie() -> None:
    stretches = [
        forms.Stretch(start_s=10.0 * n, count=1, least=v, greatest=v, last=v)
        for n, v in enumerate([0.1, 0.9, None, 0.5])
    ]
    series = forms.Series(
        parameter="p", unit="1", width_s=10.0, stretches=stretches, soft_low=0.3, soft_high=None, hard_low=None,
        hard_high=None, retired=True,
    )  # fmt: skip
    lines = plot([series], 51, 13).plain.splitlines()
    assert "last 0.5" in lines[0] and "deleted by retention" in lines[0]
    assert "0.9" in lines[1] and "0.1" in lines[-2] and "0:00:40" in lines[-1]
    assert sum("┄" in line for line in lines) == 1
    dark = [
        forms.Stretch(start_s=10.0 * n, count=1, least=v, greatest=v, last=v) for n, v in enumerate([0.0, 1.0, None])
    ]
    shadow = series.model_copy(update={"stretches": dark})
    (band,) = [line[11:] for line in plot([series], 51, 13, shadow=shadow).plain.splitlines() if "shadow" in line]
    assert band == "·" * 10 + "▓" + " " * 29  # it was dark when it told last, and nobody knows for how long
    empty = plot([series.model_copy(update={"stretches": []})], 51, 13).plain
    assert "nothing was archived" in empty


def test_words_say_what_is_unknown() -> None:
    assert [words.span(s) for s in (None, 5.0, 65.0, 3_700.0, 90_000.0)] == ["—", "5 s", "1:05", "1 h 01", "1 d"]
    assert words.percent(0.9999) == "99 %" and words.percent(1.0) == "100 %" and words.percent(None) == "—"
    assert words.sparkline([0.0, None, 1.0], 8) == "▁ █"


def test_without_a_terminal_it_says_so(tmp_path: Any) -> None:
    result = skyrack("console", "--url", "http://127.0.0.1:9", "--token", "x")
    assert result.returncode == 2 and "needs a terminal" in result.stderr
    result = skyrack("console", "--url", "http://127.0.0.1:9")
    assert result.returncode == 2 and "--token" in result.stderr
