"""Frames over an inter-satellite link: what stands carries, what breaks loses, and every frame is in the books."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.constants import SPEED_OF_LIGHT_M_S
from bus.wire.crosslink import FRAME_BYTES, IslFrame
from node.devices.terminals import HEARD_LIMIT, QUEUE_LIMIT
from tests.kits.pair_kit import IDS, Pair, scenario_of


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Pair, dict[str, bytes]]:
    pair = Pair(scenario_of(tmp_path_factory.mktemp("pair")))
    pair.until(pair.locked, 400).run(3)
    return pair, {id: node.save() for id, node in pair.nodes.items()} | {"beacon." + id: pair.beacons[id] for id in IDS}


@pytest.fixture
def pair(standing: tuple[Pair, dict[str, bytes]]) -> Pair:
    """Two that are locked on each other."""
    found, saved = standing
    for id, node in found.nodes.items():
        node.restore(saved[id])
    found.mail = {id: [] for id in IDS}
    found.beacons, found.carried = {id: saved["beacon." + id] for id in IDS}, []
    return found


def sums(accounts: dict[str, dict[str, float]], name: str) -> float:
    return sum(n for counters in accounts.values() for key, n in counters.items() if key.startswith(name))


def closed(accounts: dict[str, dict[str, float]]) -> bool:
    """Sent is received, lost where it arrived, or still on its way."""
    broken = sums(accounts, "isl.lost.broken_off")
    return sums(accounts, "isl.sent") == sums(accounts, "isl.received") + sums(accounts, "isl.lost") - broken + sums(
        accounts, "isl.flying"
    )


def test_a_frame_crosses_in_a_tick_and_is_answered(pair: Pair) -> None:
    assert pair.software("rack-1").link.test(0) is None
    pair.run(1)
    assert pair.software("rack-1").link.state.isl_tests_answered == 0
    pair.run(3)
    assert pair.software("rack-1").link.state.isl_tests_answered == 1
    assert [frame.topic for frame in pair.carried] == ["test", "test.answer"]
    accounts = pair.accounts()
    assert accounts["rack-1"]["isl.sent"] == accounts["rack-1"]["isl.received"] == 1
    assert closed(accounts)


def test_a_frame_takes_as_long_as_its_bytes_at_the_rate_of_the_link(pair: Pair) -> None:
    rate_bps = pair.truth("rack-1", "isl_rate_bps[fore]")
    pair.software("rack-1").on_board.send(0, "x", volume_bytes=round(3.5 * rate_bps / 8.0))
    pair.software("rack-1").on_board.send(0, "y")
    pair.run(3)
    assert not pair.carried
    terminals = pair.nodes["rack-1"].parts.terminals
    assert terminals is not None and terminals.state.crossed_bytes[0] == pytest.approx(3 * rate_bps / 8.0, rel=1e-6)
    pair.run(1)
    assert [frame.topic for frame in pair.carried] == ["x", "y"]
    assert terminals.state.sent_bytes == round(3.5 * rate_bps / 8.0) + 2 * FRAME_BYTES


@pytest.mark.parametrize(
    ("place", "value"), [("isl_health[fore]", 0.0), ("isl_drift_rad[fore]", 1e-3), ("isl_jitter_factor[fore]", 1e3)]
)
def test_a_fault_of_a_terminal_stops_what_crosses(pair: Pair, place: str, value: float) -> None:
    """What the catalogue's isl_outage, isl_drift and isl_jitter set."""
    array, index = pair.nodes["rack-2"].parts.plant.locate(place)
    before = array[index]
    rate_bps = pair.truth("rack-1", "isl_rate_bps[fore]")
    pair.software("rack-1").on_board.send(0, "x", volume_bytes=round(2.0 * rate_bps))
    pair.run(2)
    array[index] = value
    pair.run(6)
    array[index] = before
    assert not pair.carried
    assert pair.software("rack-1").link.test(0) is not None
    pair.software("rack-1").on_board.send(0, "z")
    pair.run(1)
    accounts = pair.accounts()
    assert accounts["rack-1"]["isl.lost.broken_off"] == 1 and accounts["rack-1"]["isl.refused.no_link"] == 1
    assert accounts["rack-1"]["isl.sent"] == 0 and closed(accounts)


def test_what_arrives_where_the_link_has_just_broken_is_lost_and_counted(pair: Pair) -> None:
    pair.software("rack-1").on_board.send(0, "x")
    pair.run(1)
    array, index = pair.nodes["rack-2"].parts.plant.locate("isl_state[fore]")
    array[index] = 5
    pair.run(1)
    accounts = pair.accounts()
    assert accounts["rack-1"]["isl.sent"] == 1 and accounts["rack-2"]["isl.lost.no_link"] == 1 and closed(accounts)


def test_a_computer_that_is_down_hears_nothing(pair: Pair) -> None:
    pair.software("rack-1").on_board.send(0, "x")
    pair.run(1)
    pair.step(host_up=False)
    accounts = pair.accounts()
    assert accounts["rack-2"]["isl.lost.computer_down"] == 1 and accounts["rack-2"]["isl.received"] == 0
    assert closed(accounts)


def test_queues_are_bounded_and_what_is_too_much_is_counted(pair: Pair) -> None:
    rate_bps = pair.truth("rack-1", "isl_rate_bps[fore]")
    for _ in range(QUEUE_LIMIT + 3):
        pair.software("rack-1").on_board.send(0, "x", volume_bytes=round(rate_bps))
    pair.software("rack-1").on_board.send(7, "y")
    pair.run(1)
    terminals = pair.nodes["rack-1"].parts.terminals
    assert terminals is not None and len(terminals.state.waiting) == QUEUE_LIMIT
    assert terminals.state.refused == {"overflow": 3, "not_a_peer": 1}
    terminals.state.waiting = [(0, IslFrame(topic="x"))] * (HEARD_LIMIT + 5)
    pair.run(1)
    accounts = pair.accounts()
    assert accounts["rack-2"]["isl.lost.overflow"] == 5 and closed(accounts)


def test_a_frame_of_somebody_who_is_no_peer_is_lost(pair: Pair) -> None:
    pair.software("rack-1").on_board.send(0, "x")
    pair.run(1)
    pair.mail["rack-2"] = [message._replace(source="rack-9") for message in pair.mail["rack-2"]]
    assert pair.accounts()["rack-2"]["isl.lost.not_a_peer"] == 1


def test_a_frame_on_its_way_survives_a_snapshot(pair: Pair) -> None:
    rate_bps = pair.truth("rack-1", "isl_rate_bps[fore]")
    pair.software("rack-1").on_board.send(0, "x", volume_bytes=round(rate_bps / 8.0 * 1.5))
    pair.run(1)
    twin = Pair(pair.scenario)
    for id in IDS:
        twin.nodes[id].restore(pair.nodes[id].save())
    twin.tick, twin.beacons = pair.tick, dict(pair.beacons)
    assert [f.topic for f in twin.run(1).carried] == [f.topic for f in pair.run(1).carried] == ["x"]


def test_light_takes_its_time(tmp_path: Path) -> None:
    """At 3,100 km light takes 10.3 ms: more than a tick of 10 ms, so a frame arrives a tick later."""
    pair = Pair(scenario_of(tmp_path, tick="10 ms", distance="25.5", duration="20 s"))
    pair.run(2)
    for id in IDS:
        for name, value in (("isl_state[fore]", 4), ("isl_rate_bps[fore]", 1e12)):
            array, index = pair.nodes[id].parts.plant.locate(name)
            array[index] = value
    terminals = pair.nodes["rack-1"].parts.terminals
    assert terminals is not None
    light_s = pair.truth("rack-1", "isl_range_m[fore]") / SPEED_OF_LIGHT_M_S
    terminals.take([(0, IslFrame(topic="x"))])
    late = next(tick for tick in range(100, 120) if terminals.send(tick))
    assert late - 100 == int(light_s / 0.01) == 1
    assert terminals.state.sent == 1
