"""Flights with a device outside in virtual time: flight software sees what is wrong with it, and answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bus.scenario.model import Scenario
from bus.trace.reader import TraceReader
from bus.wire.codec import decode
from bus.wire.messages import Event
from faults.recording.summary import exit_status, shortcomings
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.outside import Played
from faults.run_directory import RunDirectory, create
from faults.scenarios.load import load_text
from node.assembly import dictionary, outside_forms
from node.hil.device_party import DeviceParty
from node.hil.gateway import Gateway
from node.hil.language import Measured, Order, Sample, Word
from tests.kits.hil_kit import FakeBench, FakeLine, ModelBoard
from tests.kits.runs import TINY

SEED = 7


class Flown(NamedTuple):
    directory: RunDirectory
    summary: dict[str, Any]
    board: ModelBoard
    line: FakeLine

    @property
    def events(self) -> list[tuple[float, str]]:
        """What flight software reported, by mission time at the ground."""
        names = dictionary("pathfinder").event
        with TraceReader(self.directory.trace) as reader:
            mail = [decode(frame) for record in reader for frame in record.mail]
        return [(m.sent_ns / 1e9, names[m.body.event].name) for m in mail if isinstance(m.body, Event)]


def scenario_of(words: str = "") -> Scenario:
    device = f"    devices: {{pcdu: {{remote: 'tcp://127.0.0.1:5601', timeout: 100 ms{words}}}}}\n"
    return load_text(TINY.replace("    design: pathfinder\n", f"    design: pathfinder\n{device}"), file="outside.yaml")


def fly(
    folder: Path, board_class: type[ModelBoard] = ModelBoard, words: str = "", out_s: tuple[int, int] = (0, 0)
) -> Flown:
    """A minute with the power unit outside; unplugged for a while, by ticks."""
    scenario = scenario_of(words)
    (form,) = [form for form in outside_forms("pathfinder") if form.name == "pcdu"]
    bench, board = FakeBench(), board_class(form, SEED, "sc-1")
    line = FakeLine(bench, board)
    gateway = Gateway([DeviceParty("sc-1", form, scenario.spacecraft[0].devices["pcdu"], line, tick_ns=10**9)], bench)
    gateway.open()
    directory = create(scenario.name, folder / "run")
    root.prepare(directory, scenario, "")

    def watch(record: Any) -> None:
        bench.now += 300_000_000
        if record.tick == out_s[0] and out_s[1]:
            line.unplug()
        if record.tick == out_s[1]:
            line.plugged = True

    flown = root.fly_in_process(
        scenario, directory, participants=root.build_all(scenario, gateway=[gateway]), on_tick=watch
    )
    assert flown.failure is None, flown.failure
    return Flown(directory, dict(conclude(directory, flown, mode="in-process", pace="free")), board, line)


@pytest.fixture(scope="module")
def unplugged(tmp_path_factory: pytest.TempPathFactory) -> Flown:
    return fly(tmp_path_factory.mktemp("unplugged"), words=", allowed_misses: 10", out_s=(20, 35))


def test_unplugged_flight_software_sees_it_stale_its_fdir_answers_and_it_comes_back(unplugged: Flown) -> None:
    stale = [at_s for at_s, name in unplugged.events if name == "device_stale"]
    fresh = [at_s for at_s, name in unplugged.events if name == "device_fresh"]
    silent = [at_s for at_s, name in unplugged.events if name == "device.pcdu.silent"]
    # The last reading, about tick 19, is there in tick 21; six ticks later it is too old, which tick 27 ends with.
    assert stale == [28.0] and silent == [28.0]
    assert len(fresh) == 1 and 35.0 < fresh[0] <= 40.0
    assert any(name == "action_executed" for at_s, name in unplugged.events if at_s >= 28.0)


def test_what_was_missed_is_counted_and_beyond_the_allowance_the_timing_is_invalid(unplugged: Flown) -> None:
    (row,) = unplugged.summary["devices_outside"]
    assert (row["device"], row["part"], row["timing"]) == ("pcdu", "hardware", "INVALID")
    assert 14 <= row["counts"]["misses"] <= 17 and (row["counts"]["connects"], row["counts"]["cuts"]) == (2, 1)
    (reason,) = shortcomings(unplugged.summary)
    assert reason.startswith("the timing of pcdu of sc-1 is INVALID: ") and reason.endswith("10 allowed")
    assert exit_status(unplugged.summary) == 3
    page = unplugged.directory.report.read_text(encoding="utf-8")
    assert "<h2>What was outside</h2>" in page and "timing INVALID" in page


def test_within_the_allowance_it_is_valid(tmp_path: Path) -> None:
    flown = fly(tmp_path, words=", allowed_misses: 20, part: software", out_s=(20, 35))
    (row,) = flown.summary["devices_outside"]
    assert (row["part"], row["timing"], shortcomings(flown.summary)) == ("software", "VALID", [])
    assert json.loads(flown.directory.summary.read_text())["devices_outside"] == [row]


def test_the_trace_speaks_for_the_device_in_a_run_that_is_flown_again(unplugged: Flown, tmp_path: Path) -> None:
    """As `skyrack fork` and `skyrack why` do: every answer of every participant is the recorded one."""
    again = create("again", tmp_path / "run")
    scenario = scenario_of(", allowed_misses: 10")
    root.prepare(again, scenario, "")
    everybody = root.build_all(scenario, gateway=[Played(unplugged.directory.trace)])
    flown = root.fly_in_process(scenario, again, participants=everybody)
    assert flown.failure is None
    with TraceReader(again.trace) as ours, TraceReader(unplugged.directory.trace) as theirs:
        assert ours.trace_hash() == theirs.trace_hash()


class Loaded(ModelBoard):
    """A bench where a real load of 12 W hangs behind limiter 5 from tick 10 on; what it says besides is nonsense."""

    def read(self, sample: Sample) -> list[Word]:
        words = super().read(sample)
        if sample.tick >= 10:
            words += [Measured(sample.tick, "load_w", 5, 12.0), Measured(sample.tick, "load_w", 999, 1.0)]
            words += [Measured(sample.tick, "load_w", 5, -1.0), Measured(sample.tick, "lcl", 5, 7.0)]
        return words


def test_the_power_of_a_real_load_is_drawn_from_the_emulated_bus_and_nonsense_is_counted(tmp_path: Path) -> None:
    flown = fly(tmp_path, Loaded)
    plain = fly(tmp_path / "plain")
    drawn = [word.values[1] for word in flown.board.heard if isinstance(word, Sample) and word.tick == 40]
    emulated = [word.values[1] for word in plain.board.heard if isinstance(word, Sample) and word.tick == 40]
    assert drawn[0] - emulated[0] == pytest.approx(12.0 - design_load_w(5), abs=0.1)
    with TraceReader(flown.directory.trace) as reader:
        assert reader.end is not None
        accounts = {m.source: m.body.counters for m in map(decode, reader.end.mail) if m.source == "sc-1"}
    assert accounts["sc-1"]["pcdu.refused_measured"] >= 3 * 45


def design_load_w(limiter: int) -> float:
    from node.config import resolve  # noqa: PLC0415
    from node.designs.setup import plant_setup  # noqa: PLC0415
    from node.plant.plant import Plant  # noqa: PLC0415

    config = resolve(scenario_of(), "sc-1")
    plant = Plant(
        plant_setup(
            config.design, config.spacecraft, stations=config.stations, environment=config.environment,
            epoch_utc=config.epoch_utc, seed=config.seed, peer_heads=(), guests=False,
        )
    )  # fmt: skip
    return float(plant.params["lcl_load_w"][0][limiter])


def test_orders_reach_the_device_and_act_where_it_says_that_it_has_carried_them_out(unplugged: Flown) -> None:
    """Flight software's answer to the silence is an order to start again; the line was down, so it is counted."""
    assert not [word for word in unplugged.board.heard if isinstance(word, Order) and word.what == "lcl"]
    (row,) = unplugged.summary["devices_outside"]
    assert row["counts"]["unsent_orders"] >= 1
