"""Telecommands: refused early with what is allowed, sent in order, and ended exactly once whatever the link does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.errors import ScenarioError, UnknownNameError
from bus.pus import Code, Stage
from bus.telecommand_check import check_telecommand
from bus.wire.messages import Scalar, Telecommand
from groundstation.commanding.commander import Commander
from groundstation.commanding.records import Effects, Serving, Wanted
from groundstation.commanding.states import TABLE, TERMINAL, CommandEvent, State, heard
from groundstation.config import CommandRules
from tests.kits.ground_kit import DICTIONARY, SECOND_NS, short_rules, verification

PING = Wanted("sat-1", "test.ping", {}, "operator", token=5)


def commander(rules: CommandRules | None = None) -> Commander:
    return Commander({"sat-1": DICTIONARY, "sat-2": DICTIONARY}, rules or CommandRules(), 1, SECOND_NS)


def serve(commander: Commander, second: int, lost: int = 0, since: int = 0) -> Effects:
    effects = Effects()
    commander.deadlines(second * SECOND_NS, effects)
    commander.serve(Serving("sat-1", "pole", since * SECOND_NS, lost), second * SECOND_NS, effects)
    return effects


def ask(commander: Commander, second: int = 0, wanted: Wanted = PING) -> Effects:
    effects = Effects()
    commander.ask(wanted, second * SECOND_NS, effects)
    return effects


def say(commander: Commander, request: int, stage: int, code: int = 0, second: int = 5) -> Effects:
    effects = Effects()
    commander.verify("sat-1", verification(0, request, stage, code), second * SECOND_NS, effects)
    return effects


def states(effects: Effects) -> list[str]:
    return [reply.state for reply in effects.replies]


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("test.ping", {}, {}),
        ("thermal.pump", {"speed_fraction": 1}, {"speed_fraction": 1.0}),
        ("mode.set", {"mode": "SAFE"}, {"mode": "SAFE", "cycles": 3, "force": False}),
        ("mode.set", {"force": True, "cycles": 9, "mode": "SAFE"}, {"mode": "SAFE", "cycles": 9, "force": True}),
    ],
)
def test_arguments_that_are_right(name: str, arguments: dict[str, Scalar], expected: dict[str, Scalar]) -> None:
    assert check_telecommand(DICTIONARY, name, arguments) == expected
    assert list(check_telecommand(DICTIONARY, name, arguments)) == list(expected)


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("thermal.pump", {}, "speed_fraction: found nothing; allowed: a number from 0 to 1"),
        ("thermal.pump", {"speed_fraction": 1.5}, "found 1.5; allowed: a number from 0 to 1"),
        ("thermal.pump", {"speed_fraction": "fast"}, "found 'fast'"),
        ("thermal.pump", {"speed_fraction": True}, "found True"),
        ("thermal.pump", {"speed_fraction": float("nan")}, "found nan"),
        ("thermal.pump", {"speed": 0.5, "speed_fraction": 0.5}, "speed: found an unknown argument; allowed: speed_fr"),
        ("test.ping", {"loud": True}, "test.ping takes none"),
        ("mode.set", {"mode": "safe"}, "found 'safe'; allowed: NOMINAL | SAFE"),
        ("mode.set", {"mode": "SAFE", "cycles": 2.0}, "found 2.0; allowed: a whole number from 1 to 9"),
        ("mode.set", {"mode": "SAFE", "cycles": 0}, "found 0"),
        ("mode.set", {"mode": "SAFE", "force": 1}, "found 1; allowed: true | false"),
    ],
)
def test_arguments_that_are_wrong(name: str, arguments: dict[str, Scalar], words: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        check_telecommand(DICTIONARY, name, arguments)
    assert words in str(caught.value)


def test_names_that_are_wrong() -> None:
    with pytest.raises(UnknownNameError, match=r"did you mean thermal\.pump"):
        check_telecommand(DICTIONARY, "thermal.pomp", {})


def test_a_wrong_request_is_rejected_before_anything_is_radiated() -> None:
    under_test = commander()
    for wanted, words in (
        (replace(PING, name="mode.set", arguments={"mode": "FAST"}), "allowed: NOMINAL | SAFE"),
        (replace(PING, spacecraft="sat-3"), "did you mean sat-"),
    ):
        effects = ask(under_test, wanted=wanted)
        assert states(effects) == ["REJECTED"]
        assert effects.replies[0].final
        assert words in effects.replies[0].detail
    assert not serve(under_test, 1).radiate
    assert under_test.state.totals["REJECTED"] == 2
    assert under_test.state.totals["sent"] == 0


def test_the_good_case() -> None:
    under_test = commander()
    assert states(ask(under_test)) == ["QUEUED"]
    effects = serve(under_test, 1)
    assert [telecommand.request for _, telecommand in effects.radiate] == [0]
    assert states(effects) == ["SENT"]
    assert states(say(under_test, 0, Stage.ACCEPTED)) == ["ACCEPTED"]
    assert states(say(under_test, 0, Stage.STARTED)) == ["STARTED"]
    done = say(under_test, 0, Stage.COMPLETED)
    assert states(done) == ["COMPLETED"]
    assert done.replies[0].final
    assert not say(under_test, 0, Stage.COMPLETED).records
    assert under_test.state.totals["late"] == 1
    assert not under_test.waiting("sat-1")


def test_it_is_sent_again_until_accepted_and_only_so_often() -> None:
    under_test = commander(CommandRules(transmissions_per_contact=3, transmissions=5))
    ask(under_test)
    times = [second for second in range(100) if serve(under_test, second).radiate]
    assert times == [0, 8, 16]
    again = [second for second in range(200, 300) if serve(under_test, second, since=200).radiate]
    assert again == [200, 208]  # five in all
    say(under_test, 0, Stage.ACCEPTED)
    assert not serve(under_test, 400, since=400).radiate
    assert under_test.state.totals["sent"] == 1


def test_order_is_kept_and_a_dead_one_does_not_block_for_ever() -> None:
    under_test = commander(CommandRules(transmissions_per_contact=2))
    ask(under_test)
    ask(under_test)
    assert [t.request for _, t in serve(under_test, 0).radiate] == [0]
    assert not serve(under_test, 4).radiate
    say(under_test, 0, Stage.ACCEPTED)
    assert [t.request for _, t in serve(under_test, 5).radiate] == [1]
    ask(under_test, 6)
    sent = [t.request for second in range(6, 40) for _, t in serve(under_test, second).radiate]
    assert sent == [1, 2, 2]  # 1 never answers: after two tries the next one may go


def test_lifetime_ends_what_was_never_sent() -> None:
    under_test = commander(short_rules())
    ask(under_test)
    effects = Effects()
    under_test.deadlines(59 * SECOND_NS, effects)
    assert not effects.replies
    under_test.deadlines(60 * SECOND_NS, effects)
    assert states(effects) == ["EXPIRED"]


def test_silence_ends_in_indeterminate_within_the_stated_time() -> None:
    under_test = commander(short_rules())
    ask(under_test)
    serve(under_test, 1)
    effects = Effects()
    under_test.deadlines(119 * SECOND_NS, effects)
    assert not effects.replies
    under_test.deadlines(120 * SECOND_NS, effects)
    assert states(effects) == ["INDETERMINATE"]


def test_a_complete_store_that_never_heard_of_it_proves_that_it_never_arrived() -> None:
    under_test = commander(short_rules())
    ask(under_test)
    serve(under_test, 1)
    effects = Effects()
    under_test.store_known("sat-1", 65 * SECOND_NS, 0, 66 * SECOND_NS, effects)
    assert not effects.replies  # too early: it might be on its way
    under_test.store_known("sat-1", 70 * SECOND_NS, 1, 71 * SECOND_NS, effects)
    assert not effects.replies  # a report is lost: it might have been the one
    under_test.store_known("sat-1", 71 * SECOND_NS, 0, 72 * SECOND_NS, effects)
    assert states(effects) == ["EXPIRED"]


def test_codes_that_decide_a_terminal_state() -> None:
    under_test = commander()
    for _ in range(3):
        ask(under_test)
    for request, (stage, code, state) in enumerate((
        (Stage.REJECTED, Code.EXPIRED, "EXPIRED"),
        (Stage.REJECTED, Code.OUT_OF_RANGE, "REJECTED"),
        (Stage.FAILED, Code.INTERRUPTED, "INDETERMINATE"),
    )):  # fmt: skip
        serve(under_test, 10 * request)
        effects = say(under_test, request, stage, code)
        assert states(effects) == [state]
        assert f"code {int(code)}" in effects.replies[0].detail


def test_reports_that_fit_nothing_are_counted() -> None:
    under_test = commander()
    ask(under_test)
    say(under_test, 99, Stage.COMPLETED)
    say(under_test, 0, Stage.COMPLETED)  # not even sent
    effects = Effects()
    under_test.verify("sat-1", verification(0, 0, 1).model_copy(update={"ground_boot": 7}), 0, effects)
    assert under_test.state.totals["contradiction"] == 3
    assert under_test.waiting("sat-1")
    assert not effects.records


def test_a_full_queue_refuses() -> None:
    under_test = commander(CommandRules(queue_per_spacecraft=2))
    assert [states(ask(under_test)) for _ in range(3)] == [["QUEUED"], ["QUEUED"], ["REJECTED"]]


def test_the_table_is_whole() -> None:
    """No way out of a terminal state; a terminal state can be reached from every other, and the end of the run or of
    patience always leads there."""
    assert all(before not in TERMINAL for before, _ in TABLE)
    for state in State:
        if state in TERMINAL:
            assert state in TABLE.values()
            continue
        assert TABLE[state, CommandEvent.RUN_OVER] in TERMINAL
        deadline = CommandEvent.LIFETIME_OVER if state in (State.HELD, State.QUEUED) else CommandEvent.PATIENCE_OVER
        assert TABLE[state, deadline] in TERMINAL
    assert {happening for _, happening in TABLE} == set(CommandEvent)
    assert heard(5, 0) is None


@dataclass
class Spacecraft:
    """The other side in small: executes at most once, reports in a numbered stream."""

    done: list[int] = field(default_factory=list)
    reports: list[tuple[int, int, int]] = field(default_factory=list)

    def take(self, telecommand: Telecommand, now_ns: int, fate: int) -> None:
        if any(row[0] == telecommand.request for row in self.reports):
            return
        request = telecommand.request
        if now_ns > telecommand.expires_ns:
            self.reports.append((request, Stage.REJECTED, Code.EXPIRED))
        elif fate == 0:
            self.reports.append((request, Stage.REJECTED, 4))
        else:
            self.done.append(request)
            ends = {1: (request, Stage.FAILED, 3), 2: (request, Stage.FAILED, Code.INTERRUPTED)}
            self.reports += [
                (request, Stage.ACCEPTED, 0), (request, Stage.STARTED, 0),
                ends.get(fate, (request, Stage.COMPLETED, 0)),
            ]  # fmt: skip


@settings(max_examples=150)
@given(
    asked=st.lists(st.integers(0, 300), min_size=1, max_size=12),
    up=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 25)), min_size=50, max_size=50),
    down=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 25)), min_size=50, max_size=50),
    fates=st.lists(st.integers(0, 9), min_size=12, max_size=12),
    contact=st.integers(0, 120),
    window=st.integers(1, 3),
)
def test_each_telecommand_has_exactly_one_terminal_state(  # noqa: PLR0917
    asked: list[int], up: Sequence[tuple[int, int]], down: Sequence[tuple[int, int]], fates: list[int], contact: int,
    window: int,
) -> None:  # fmt: skip
    """A link that loses three in ten, doubles one in ten and delays up to 25 s both ways; contacts come and go."""
    under_test, craft = commander(short_rules(window=window)), Spacecraft()
    uplink: list[tuple[int, Telecommand]] = []
    downlink: list[tuple[int, int]] = []
    finals: dict[int, list[str]] = {}
    sends = told = 0

    def collect(effects: Effects) -> None:
        for reply in effects.replies:
            if reply.final:
                finals.setdefault(reply.request, []).append(reply.state)

    for second in range(460):
        effects, now_ns = Effects(), second * SECOND_NS
        for _ in range(asked.count(second)):
            under_test.ask(PING, now_ns, effects)
        for place in [place for when, place in downlink if when == second]:
            request, stage, code = craft.reports[place]
            under_test.verify("sat-1", verification(place, request, stage, code), now_ns, effects)
        under_test.deadlines(now_ns, effects)
        if second % 120 < contact:
            under_test.serve(Serving("sat-1", "pole", second // 120 * 120 * SECOND_NS, 0), now_ns, effects)
        collect(effects)
        for _, telecommand in effects.radiate:
            fate, delay = up[sends % 50]
            sends += 1
            if fate >= 3:
                uplink.append((second + 1 + delay, telecommand))
            if fate == 9:
                uplink.append((second + 2, telecommand))
        for telecommand in [telecommand for when, telecommand in uplink if when == second]:
            craft.take(telecommand, now_ns, fates[telecommand.request])
        for place in range(len(craft.reports)):  # the store repeats itself; each repetition meets its own luck
            if second % 10 == place % 10:
                fate, delay = down[told % 50]
                told += 1
                if fate >= 3:
                    downlink.append((second + 1 + delay, place))
                if fate == 9:
                    downlink.append((second + 3, place))
    effects = Effects()
    under_test.close(460 * SECOND_NS, effects)
    collect(effects)
    assert sorted(finals) == list(range(len(asked)))
    assert all(len(ends) == 1 for ends in finals.values())
    assert len(craft.done) == len(set(craft.done))
    for request, (state,) in finals.items():
        if state == "COMPLETED":
            assert request in craft.done and fates[request] > 2
        if state in ("EXPIRED", "REJECTED"):
            assert request not in craft.done
    totals = under_test.state.totals
    assert totals["requested"] == len(asked) == sum(totals[state.value] for state in TERMINAL)
