"""Stacks, groups, canaries, conditions, confirmations and times of release: each telecommand still ends once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bus.condition import canonical
from bus.dictionary import TelecommandForm
from bus.errors import Refused
from bus.pus import Stage
from bus.wire.codec import decode, encode
from bus.wire.messages import Message, Telemetry, Verification
from bus.wire.stacks import CommandStep, OperatorConfirmation, OperatorStack
from groundstation.commanding.commander import Commander
from groundstation.commanding.records import Effects, Serving, Wanted, WantedStack
from groundstation.commanding.states import TERMINAL
from tests.kits.ground_kit import DICTIONARY, SECOND_NS, short_rules

WIPE = TelecommandForm(name="memory.wipe", service=8, subtype=1, description="wipe", hazardous=True)
WORDS = DICTIONARY.model_copy(update={"telecommands": (*DICTIONARY.telecommands, WIPE)})
FLEET = ("sat-1", "sat-2", "sat-3")
WORD = 8
TERMINAL_STATES = {state.value for state in TERMINAL}


class Desk:
    """A commander, its spacecraft always in contact, and what became of every request."""

    def __init__(self, **rules: float) -> None:
        self.commander = Commander(dict.fromkeys(FLEET, WORDS), short_rules(**rules), 1, SECOND_NS)
        self.second = 0
        self.states: dict[int, str] = {}
        self.texts: dict[int, str] = {}
        self.ends: dict[int, int] = {}
        self.radiated: list[tuple[str, int]] = []
        self.final: list[int] = []

    def take(self, effects: Effects) -> Effects:
        self.radiated += [(spacecraft, telecommand.request) for spacecraft, telecommand in effects.radiate]
        for reply in effects.replies:
            self.states[reply.request] = reply.state
            self.texts[reply.request] = reply.detail
            if reply.state in TERMINAL_STATES and reply.token != WORD:
                self.ends[reply.request] = self.ends.get(reply.request, 0) + 1
            self.final += [reply.token] if reply.final else []
        return effects

    def ask(self, *steps: CommandStep, stop: bool = True) -> Effects:
        effects = Effects()
        asked = WantedStack(steps, stop, "operator", token=7, confirmed=False)
        self.commander.ask_stack(asked, self.second * SECOND_NS, effects)
        return self.take(effects)

    def single(self, name: str = "test.ping", **options: Any) -> None:
        effects = Effects()
        wanted = Wanted("sat-1", name, {}, "operator", 9, **{"confirmed": False, **options})
        self.commander.ask(wanted, self.second * SECOND_NS, effects)
        self.take(effects)

    def confirm(self, request: int) -> None:
        effects = Effects()
        self.commander.confirm(OperatorConfirmation(token=WORD, request=request), self.second * SECOND_NS, effects)
        self.take(effects)

    def pass_time(self, seconds: int = 1, contact: tuple[str, ...] = FLEET, since: int = 0) -> list[tuple[str, int]]:
        """What was radiated meanwhile."""
        before = len(self.radiated)
        for _ in range(seconds):
            self.second += 1
            effects = Effects()
            self.commander.deadlines(self.second * SECOND_NS, effects)
            for spacecraft in contact:
                self.commander.serve(
                    Serving(spacecraft, "pole", since * SECOND_NS, 0), self.second * SECOND_NS, effects
                )
            self.take(effects)
        return self.radiated[before:]

    def report(self, spacecraft: str, request: int, stage: Stage = Stage.COMPLETED) -> None:
        effects = Effects()
        body = Verification(
            boot=1, stream=1, sequence=0, obt_ns=0, ground_boot=1, request=request, stage=stage,
            code=3 if stage in (Stage.FAILED, Stage.REJECTED) else 0,
        )  # fmt: skip
        self.commander.verify(spacecraft, body, self.second * SECOND_NS, effects)
        self.take(effects)

    def read(self, spacecraft: str, battery_soc: float, made: float | None = None) -> None:
        effects = Effects()
        at_ns = round((self.second + 0.5 if made is None else made) * 1e9)
        body = Telemetry(
            boot=1, stream=3, sequence=0, obt_ns=at_ns, structure=1, dictionary=bytes.fromhex(WORDS.version),
            values=(battery_soc, 28.0),
        )  # fmt: skip
        self.commander.heard(spacecraft, body, WORDS.structure[1], self.second * SECOND_NS, effects)
        self.take(effects)


def ping(*spacecraft: str, **options: Any) -> CommandStep:
    return CommandStep(spacecraft or ("sat-1",), **{"name": "test.ping", "arguments": {}, **options})


def test_a_stack_goes_one_after_the_other() -> None:
    desk = Desk()
    desk.ask(ping(), ping("sat-2"), ping())
    assert [desk.states[n] for n in range(3)] == ["QUEUED", "HELD", "HELD"]
    assert desk.pass_time(3) == [("sat-1", 0)]
    desk.report("sat-1", 0)
    assert desk.pass_time(3) == [("sat-2", 1)]
    desk.report("sat-2", 1)
    assert not desk.final
    assert desk.pass_time(3) == [("sat-1", 2)]
    desk.report("sat-1", 2)
    desk.pass_time()
    assert desk.final == [7]
    assert set(desk.states.values()) == {"COMPLETED"}
    assert not desk.commander.state.stacks and not desk.commander.state.held


@pytest.mark.parametrize("stage", [Stage.FAILED, Stage.REJECTED])
def test_a_stack_stops_at_a_failure_or_goes_on(stage: Stage) -> None:
    for stop in (True, False):
        desk = Desk()
        desk.ask(ping(), ping("sat-2"), stop=stop)
        desk.pass_time(2)
        desk.report("sat-1", 0, stage)
        assert bool(desk.pass_time(2)) is not stop
        assert desk.states[1] == ("REJECTED" if stop else "SENT")
        assert (desk.texts[1] == "not released: request 0 to sat-1 did not complete") is stop
        assert desk.final == ([7] if stop else [])


def test_a_group_goes_at_once_and_its_stack_waits_for_all() -> None:
    desk = Desk()
    desk.ask(ping(*FLEET), ping("sat-1"))
    assert desk.pass_time() == [("sat-1", 0), ("sat-2", 1), ("sat-3", 2)]
    for spacecraft, request in (("sat-3", 2), ("sat-1", 0)):
        desk.report(spacecraft, request)
        assert desk.pass_time() == []
    desk.report("sat-2", 1)
    assert desk.pass_time() == [("sat-1", 3)]


def test_the_rest_goes_when_the_canary_completed_and_the_condition_holds_of_it() -> None:
    desk = Desk()
    desk.ask(ping(*FLEET, canary=("sat-2",), condition="battery_soc > 0.5"))
    assert desk.pass_time(2) == [("sat-2", 0)]
    desk.read("sat-2", 0.9)  # before it completed: says nothing
    desk.report("sat-2", 0)
    assert desk.pass_time(2) == []
    desk.read("sat-1", 0.9)  # of another one
    desk.read("sat-2", 0.9, made=1.0)  # played back
    assert desk.pass_time(2) == []
    desk.read("sat-2", 0.6)
    assert desk.pass_time(2) == [("sat-1", 1), ("sat-3", 2)]


def test_the_rest_stays_when_the_condition_does_not_hold_or_the_canary_fails() -> None:
    desk = Desk()
    desk.ask(ping(*FLEET, canary=("sat-2",), condition="battery_soc > 0.5"))
    desk.pass_time()
    desk.report("sat-2", 0)
    desk.read("sat-2", 0.4)
    assert desk.pass_time(2) == []
    assert desk.texts[1] == "not released: battery_soc > 0.5 does not hold of sat-2: battery_soc is 0.4"
    assert (desk.states[0], desk.states[1], desk.states[2]) == ("COMPLETED", "REJECTED", "REJECTED")
    assert desk.final == [7]
    desk = Desk()
    desk.ask(ping(*FLEET, canary=("sat-2",)), ping("sat-3"), stop=False)
    desk.pass_time()
    desk.report("sat-2", 0, Stage.FAILED)
    assert desk.pass_time(2) == [("sat-3", 3)]  # the rest of its step stays, the next step goes
    assert desk.states[1] == desk.states[2] == "REJECTED"


def test_a_canary_that_is_never_heard_of_again_takes_the_rest_with_it_in_time() -> None:
    desk = Desk()
    desk.ask(ping(*FLEET, canary=("sat-2",), condition="battery_soc > 0.5"))
    desk.pass_time()
    desk.report("sat-2", 0)
    desk.pass_time(200)
    assert (desk.states[1], desk.states[2]) == ("EXPIRED", "EXPIRED")
    assert desk.final == [7] and not desk.commander.state.stacks


def test_a_hazardous_telecommand_waits_for_a_second_word() -> None:
    desk = Desk(confirm_s=30.0)
    desk.single("memory.wipe")
    assert desk.states[0] == "HELD" and "confirm request 0 within 30 s" in desk.texts[0]
    assert desk.pass_time(10) == []
    desk.confirm(5)
    assert desk.texts[5] == "request 5 waits for no word; these do: 0"
    desk.confirm(0)
    assert desk.pass_time() == [("sat-1", 0)]
    desk.single("memory.wipe")
    assert desk.pass_time(29) == [("sat-1", 0)] * 3  # only the first one, again
    assert desk.states[1] == "HELD"
    desk.pass_time(1)
    assert (desk.states[1], desk.texts[1]) == ("REJECTED", "not released: not confirmed within 30 s")
    desk.confirm(1)
    assert desk.texts[1] == "request 1 waits for no word; these do: none"


def test_one_word_confirms_a_stack() -> None:
    desk = Desk()
    desk.ask(ping(), ping(name="memory.wipe"), ping("sat-2", name="memory.wipe"))
    assert desk.pass_time() == [("sat-1", 0)]
    desk.confirm(1)
    desk.report("sat-1", 0)
    assert desk.pass_time() == [("sat-1", 1)]
    desk.report("sat-1", 1)
    assert desk.pass_time() == [("sat-2", 2)]


def test_release_at_a_time_and_at_the_next_contact() -> None:
    desk = Desk()
    desk.single(not_before_ns=20 * SECOND_NS)
    desk.single(at_contact=True)
    desk.single()
    assert desk.pass_time(3, since=0) == [("sat-1", 2)]
    desk.report("sat-1", 2)
    assert desk.pass_time(3, since=4) == [("sat-1", 1)]
    desk.report("sat-1", 1)
    assert desk.pass_time(12) == []
    assert desk.pass_time(3) == [("sat-1", 0)]
    assert desk.second == 21


def test_a_contact_is_wanted_for_what_can_go_only() -> None:
    desk = Desk()
    desk.single(not_before_ns=20 * SECOND_NS)
    assert not desk.commander.waiting("sat-1")
    desk.single(at_contact=True)
    assert desk.commander.waiting("sat-1")


def test_a_precondition_is_judged_on_the_first_reading_after_the_release() -> None:
    for soc, state in ((0.6, "SENT"), (0.4, "REJECTED")):
        desk = Desk()
        desk.read("sat-1", 0.6)
        desk.single(precondition="battery_soc > 0.5")
        desk.single()
        assert desk.pass_time(3) == [("sat-1", 1)]  # nothing waits behind it
        desk.report("sat-1", 1)
        desk.read("sat-2", 0.6)
        desk.read("sat-1", soc)
        desk.pass_time()
        assert desk.states[0] == state
        assert desk.commander.state.watched == 0
    assert desk.texts[0] == "not released: battery_soc > 0.5 does not hold: battery_soc is 0.4"


def test_a_precondition_of_which_nothing_is_known_never_holds() -> None:
    desk = Desk()
    desk.single(precondition="radiator_temperature_k < 300.0")
    desk.read("sat-1", 0.6)
    desk.pass_time(100)
    assert desk.states[0] == "EXPIRED"
    assert desk.texts[0] == "lifetime is over: no reading for radiator_temperature_k < 300.0"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("battery_soc > 50 %", "battery_soc > 0.5"),
        ("battery_soc > 0.5", "battery_soc > 0.5"),
        ("  battery_soc<=1e-3 ", "battery_soc <= 0.001"),
    ],
)
def test_conditions_as_people_write_them(written: str, expected: str) -> None:
    assert canonical(DICTIONARY, written) == expected


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("battery_soc", "allowed: a parameter, a comparison and a value, such as 'battery_soc > 50 %'"),
        ("battery_sok > 0.5", "found 'battery_sok'; allowed: a telemetered parameter: battery_soc"),
        ("battery_soc > much", "found 'much'; allowed: "),
        ("battery_soc => 1", "allowed: a parameter, a comparison"),
        (5, "allowed: a parameter, a comparison"),
    ],
)
def test_conditions_that_are_wrong(written: object, words: str) -> None:
    with pytest.raises(Refused) as caught:
        canonical(DICTIONARY, written)
    assert words in f"found {caught.value.found}; allowed: {caught.value.allowed}"


def test_the_ground_checks_conditions_again() -> None:
    desk = Desk()
    desk.single(precondition="battery_sok > 0.5")
    desk.ask(ping(*FLEET, canary=("sat-1",), condition="battery_soc > much"))
    desk.pass_time()
    assert {desk.states[n] for n in range(4)} == {"REJECTED"}
    assert not desk.commander.state.held and desk.final == [9, 7]


def test_stacks_are_bounded() -> None:
    desk = Desk(stacks=1)
    desk.ask(ping())
    desk.ask(ping())
    assert desk.texts[-1] == "1 stacks are under way"
    effects = Effects()
    desk.commander.ask_stack(WantedStack((ping("sat-1", "sat-2"),), True, "timeline"), 0, effects)
    states = [(row[9], row[12]) for row in effects.records if row[0] == "telecommands"]
    assert states == [("REJECTED", "1 stacks are under way")] * 2, "a timeline's are told in the history"


def test_a_stack_travels() -> None:
    steps = (ping(*FLEET, canary=("sat-1",)), ping(arguments={"x": 1.5}))
    body = OperatorStack(token=1, steps=steps, stop=True, asked_by="", asked_from="")
    message = Message(5, "operator", 1, "ground", body)
    assert decode(encode(message)) == message


STEPS = st.builds(
    lambda group, canary, name, cond: CommandStep(
        tuple(group), name, {}, canary=tuple(canary), condition=cond, precondition=""
    ),
    st.lists(st.sampled_from(FLEET), min_size=1, max_size=3, unique=True),
    st.lists(st.sampled_from(FLEET), max_size=2, unique=True),
    st.sampled_from(("test.ping", "memory.wipe", "no.such")),
    st.sampled_from(("", "battery_soc > 0.5")),
)


@given(st.lists(STEPS, min_size=1, max_size=4), st.booleans(), st.data())
@settings(max_examples=40, phases=(Phase.explicit, Phase.generate))
def test_every_member_of_any_stack_ends_once_and_the_last_is_the_final_word(
    steps: list[CommandStep], stop: bool, data: st.DataObject
) -> None:
    desk = Desk(confirm_s=30.0)
    desk.ask(*steps, stop=stop)
    total = sum(len(step.spacecraft) for step in steps)
    if data.draw(st.booleans()):
        for request in range(total):
            desk.confirm(request)
    for _ in range(30):
        for spacecraft, request in dict.fromkeys(desk.pass_time(2)):
            stage = data.draw(st.sampled_from((Stage.COMPLETED, Stage.COMPLETED, Stage.FAILED, None)))
            if stage is not None and desk.states[request] == "SENT":
                desk.report(spacecraft, request, stage)
        desk.read(data.draw(st.sampled_from(FLEET)), data.draw(st.sampled_from((0.4, 0.6))))
    desk.pass_time(200)
    assert {request: desk.ends.get(request, 0) for request in range(total)} == dict.fromkeys(range(total), 1)
    assert desk.final.count(7) == 1
    state = desk.commander.state
    assert (state.held, state.watched, state.stacks) == (0, 0, {})
    assert not any(state.under_way.values())
