"""Hazardous telecommands of a timeline need a second word, also where the on-board schedule is to release them."""

from __future__ import annotations

import pytest

from bus.errors import ScenarioError
from faults.scenarios.load import load_text
from tests.kits.runs import TINY

ENTRY = "  - {{at: 50 s, {more}telecommand: {{to: sc-1, name: {name}{confirmed}}}}}\n"


def with_entry(name: str, *, confirmed: str = "", on_board: bool = False) -> str:
    line = ENTRY.format(name=name, confirmed=confirmed, more="on_board: true, " if on_board else "")
    return TINY.replace("expectations:\n", f"timeline:\n{line}expectations:\n")


@pytest.mark.parametrize("on_board", [False, True])
def test_check_refuses_what_is_not_confirmed(on_board: bool) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(with_entry("computer.reboot", on_board=on_board), file="tiny.yaml")
    expected = "found computer.reboot, which is hazardous; allowed: confirmed: true beside its name"
    assert expected in str(caught.value)
    flown = load_text(with_entry("computer.reboot", confirmed=", confirmed: true", on_board=on_board))
    assert flown.timeline[0].confirmed


def test_what_is_not_hazardous_needs_none_and_may_have_it() -> None:
    assert not load_text(with_entry("test.ping")).timeline[0].confirmed
    assert load_text(with_entry("test.ping", confirmed=", confirmed: true")).timeline[0].confirmed


def test_a_second_word_is_true_or_false() -> None:
    with pytest.raises(ScenarioError, match="found 'maybe'; allowed: true or false"):
        load_text(with_entry("computer.reboot", confirmed=", confirmed: maybe"))
