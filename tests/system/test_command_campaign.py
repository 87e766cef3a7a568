"""Many telecommands over a bad link to spacecraft that crash: each one terminal state, none executed twice.

Real ground and real flight software over a plant that stands still. The link loses three of ten messages each way,
sends some twice, and lets them overtake each other; computers restart at random, and crash at every numbered point on
the way of a telecommand.
"""

from __future__ import annotations

import functools
import gc
import json
from collections import Counter, defaultdict
from random import Random
from typing import Any

import pytest

from bus.participant import Moment
from bus.wire.messages import Allocation, Message, OperatorRequest
from groundstation.commanding.states import TERMINAL
from groundstation.config import CommandRules, GroundConfig, SpacecraftPlan
from groundstation.ground import Ground
from groundstation.telemetry import accounting
from node.assembly import wire
from node.fsw import software
from node.fsw.boot import BootReason, BootRecord
from node.fsw.managers.payload import PayloadManager
from node.fsw.services.st01_verification import CrashPoint
from node.node import Node
from tests.kits.fake_spacecraft import TICK_NS, Flight
from tests.kits.ground_kit import EQUATOR, circular

LOSS, TWICE, LATEST_TICKS = 0.3, 0.1, 3
BETWEEN = (CrashPoint.START_RECORDED, CrashPoint.EFFECT_DONE)
"""Crashes after which nobody can know whether the effect came about."""
AHEAD = 128
"""Telecommands asked for and not yet ended, at most."""
RULES = CommandRules(
    window=48, retransmit_s=6.0, transmissions=10_000, transmissions_per_contact=10_000, lifetime_s=1e7, patience_s=1e7
)
OVERHEAD = circular(35_786e3, 0.0, 0.3)
"""Over the equator station, more or less, for the first hours; then whoever wants to talk waits for the next time."""
TERMINAL_STATES = {state.value for state in TERMINAL}


class Link:
    """What is in the air, by the tick in which it arrives."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._arriving: dict[int, list[Message]] = defaultdict(list)

    def send(self, tick: int, messages: list[Message]) -> None:
        draw = self._random.random
        later = [self._arriving[tick + ticks] for ticks in range(1, LATEST_TICKS + 1)]
        for message in messages:
            if isinstance(message.body, Allocation):
                later[0].append(message)  # where an antenna points is no message over the link
                continue
            if draw() >= LOSS:
                later[int(draw() * LATEST_TICKS)].append(message)
            if draw() < TWICE and draw() >= LOSS:
                later[int(draw() * LATEST_TICKS)].append(message)

    def receive(self, tick: int) -> list[Message]:
        """In any order, but where an antenna points comes first."""
        draw = self._random.random
        return sorted(self._arriving.pop(tick, []), key=lambda m: -1.0 if isinstance(m.body, Allocation) else draw())


class Campaign:
    """One spacecraft, one ground, and what happened to every telecommand."""

    def __init__(self, seed: int, monkeypatch: pytest.MonkeyPatch, resets: float = 0.005) -> None:
        """`resets`: how likely the computer is reset in a tick."""
        self.resets = resets
        self.random = Random(seed)
        self.up, self.down = Link(self.random), Link(self.random)
        self.flight = Flight(acknowledge=False)
        self.flight.plant.set("station_visible[0]", 1)
        plan = SpacecraftPlan("sat-1", OVERHEAD, self.flight.dictionary, self.flight.config.telecommand_key)
        station = EQUATOR.model_copy(update={"id": "north", "mask_rad": -1.5})
        self.ground = Ground(
            GroundConfig(
                epoch_utc="2026-03-01T00:00:00Z", tick_ns=TICK_NS, duration_ns=10**18, scenario_digest="0" * 32,
                stations=(station,), spacecraft=(plan,), timeline=(), command=RULES,
            )
        )  # fmt: skip
        self.tick = 0
        self.asked = 0
        self.ended: Counter[int] = Counter()
        self.states: Counter[str] = Counter()
        self.indeterminate: set[float] = set()
        self.executed: Counter[float] = Counter()
        self.crashes: dict[CrashPoint, int] = dict.fromkeys(CrashPoint, 0)
        self.doubtful = 0
        self.restarts = 0
        self._armed: CrashPoint | None = None
        self._watch_effects(monkeypatch)
        # A packet is sent five times on average over such a link: what is sent again is the same body, made once.
        monkeypatch.setattr(software, "body", functools.lru_cache(16_384)(software.body))

    def _watch_effects(self, monkeypatch: pytest.MonkeyPatch) -> None:
        act = PayloadManager.power_cap

        @functools.wraps(act)
        def watched(manager: PayloadManager, power_w: float) -> Any:
            self.executed[power_w] += 1
            return act(manager, power_w)

        monkeypatch.setattr(PayloadManager, "power_cap", watched)

    def step(self, wishes: int) -> None:
        """One tick of everybody."""
        tick = self.tick
        moment = Moment(tick, tick * TICK_NS, (tick + 1) * TICK_NS)
        mail = self.down.receive(tick)
        for _ in range(min(wishes, AHEAD - (self.asked - self.done))):
            mail.append(self._wish())
        outbox = self.ground.step(moment, mail)
        self.up.send(tick, [message for message in outbox.messages if message.destination == "sat-1"])
        self._read(outbox.records)
        self._disturb()
        node = self.flight.node
        sent = node.step(moment, self.up.receive(tick)).messages
        if self._armed is not None and node.parts.computer.state.crash_at == 0:
            self.crashes[self._armed] += 1
            self.doubtful += self._armed in BETWEEN
            self._armed = None
        self.down.send(tick, sent)
        self.tick += 1

    def _wish(self) -> Message:
        body = OperatorRequest(
            token=self.asked, spacecraft="sat-1", name="payload.power_cap", arguments={"power_w": value_of(self.asked)}
        )
        self.asked += 1
        return Message(self.tick * TICK_NS, "operator", self.asked, "ground", body)

    def _read(self, records: list[tuple[object, ...]]) -> None:
        for record in records:
            if record[0] == "telecommands":
                _, _, request, _, _, arguments, _, _, _, state, *_ = record
                if state in TERMINAL_STATES:
                    self.ended[int(str(request))] += 1
                    self.states[str(state)] += 1
                    if state == "INDETERMINATE":
                        self.indeterminate.add(json.loads(str(arguments))["power_w"])

    def _disturb(self) -> None:
        computer = self.flight.node.parts.computer
        if computer.fsw is None:
            return
        chance = self.random.random()
        if chance < self.resets:
            computer.reset(self.tick, BootReason.RESET)
            self.restarts += 1
        elif chance < self.resets + 0.025 and self._armed is None:
            self._armed = self.random.choice(list(CrashPoint))
            computer.arm(int(self._armed))

    def streams(self) -> tuple[int, int]:
        """On the books, on board and on the ground."""
        rows = [name for name in self.flight.node.parts.nvm.records() if name.startswith("tmrow.")]
        return len(rows), len(self.ground._intake.state.books["sat-1"].streams)

    def restart_everything(self) -> None:
        """Both processes are lost, and go on from what they saved."""
        node, ground = self.flight.node.save(), self.ground.save()
        self.flight.node = Node(self.flight.config, wire(self.flight.config, self.flight.plant))
        self.flight.node.restore(node)
        self.ground = Ground(self.ground._config)
        self.ground.restore(ground)

    @property
    def boots(self) -> int:
        """Of the spacecraft's computer."""
        return BootRecord.read(self.flight.node.parts.nvm).boot

    @property
    def done(self) -> int:
        return len(self.ended)

    def fly(self, telecommands: int) -> None:
        """Until each of so many has its end."""
        limit = self.tick + 20 * telecommands + 20_000
        gc.freeze()  # what is there already stays: the collector need not look through it again and again
        try:
            while self.done < telecommands:
                self.step(min(32, telecommands - self.asked))
                assert self.tick < limit, f"{telecommands - self.done} telecommands have no terminal state"
        finally:
            gc.unfreeze()
        assert self.ground._commander.state.totals["contradiction"] == 0


def value_of(number: int) -> float:
    """An argument that tells which telecommand it was."""
    return 100.0 + number / 8192.0


def judge(campaign: Campaign, telecommands: int) -> None:
    assert campaign.asked == telecommands
    assert set(campaign.ended) == set(range(telecommands))
    assert set(campaign.ended.values()) == {1}, "one terminal state each"
    assert max(campaign.executed.values()) == 1, "none executed twice"
    assert set(campaign.executed) <= {value_of(number) for number in range(telecommands)}
    assert set(campaign.states) <= {"COMPLETED", "FAILED", "INDETERMINATE"}
    assert len(campaign.indeterminate) == campaign.states["INDETERMINATE"] == campaign.doubtful
    assert campaign.states["COMPLETED"] <= len(campaign.executed) <= telecommands
    done_for_certain = set(campaign.executed) - campaign.indeterminate
    assert len(done_for_certain) == campaign.states["COMPLETED"], "COMPLETED is what was executed"
    assert campaign.states["FAILED"] == campaign.crashes[CrashPoint.ACCEPTANCE_RECORDED]
    assert all(campaign.crashes.values()), f"every crash point: {campaign.crashes}"
    assert campaign.restarts > 0


FAST, PARTS = 100_000, 4
SLOW, SLOW_PARTS = 1_000_000, 8
"""A telecommand costs about 0.45 ms here, ground and spacecraft together: 100,000 are 45 s of one core, in parts that
several workers share; the slow suite's million is some ten minutes, in eight parts for the same reason. How long one
campaign may be is no longer bound by the streams of its boots: the test of restarts flies more of them than there is
room for."""


@pytest.mark.parametrize("seed", range(1, PARTS + 1))
def test_every_telecommand_ends_once_and_none_is_executed_twice(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(seed, monkeypatch)
    campaign.fly(FAST // PARTS)
    judge(campaign, FAST // PARTS)


@pytest.mark.parametrize(
    ("boots", "room"), [(150, 400), pytest.param(1_500, accounting.MAX_STREAMS, marks=pytest.mark.slow)]
)
@pytest.mark.timeout(900)
def test_a_spacecraft_that_restarts_ever_again_is_heard_to_the_end(
    boots: int, room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each boot opens streams of its own, five or more: what is settled is forgotten on both sides, or soon the ground
    has no room and a telecommand never ends again."""
    monkeypatch.setattr(accounting, "MAX_STREAMS", room)
    campaign = Campaign(7, monkeypatch, resets=0.05)
    sizes = []
    while campaign.boots < boots:
        campaign.step(1)
        if campaign.tick % 500 == 0:
            sizes.append(campaign.streams())
            campaign.restart_everything()
    campaign.fly(campaign.asked)
    judge(campaign, campaign.asked)
    counters = campaign.ground._intake.counters()
    assert counters["refused"] == 0
    assert counters["streams_settled"] > room, "more than there is room for"
    assert all(on_board <= 200 and on_ground <= 200 for on_board, on_ground in sizes), sizes
    node = campaign.flight.node
    assert sum(name.startswith("tmrow.") for name in node.parts.nvm.records()) <= 200


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(11, 11 + SLOW_PARTS))
def test_a_million_telecommands_end_once_each(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = Campaign(seed, monkeypatch)
    campaign.fly(SLOW // SLOW_PARTS)
    judge(campaign, SLOW // SLOW_PARTS)
