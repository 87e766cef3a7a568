"""What whoever watches is told of lines to what is outside, and a test that holds such a run in its hands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client.core import Metric

from bus.errors import UserError
from bus.process.plan import OutsideFigures
from bus.process.range_metrics import outside_metrics
from faults.commands.device_rows import device_rows
from faults.plugin.emulation import Emulation
from faults.scenarios.load import load_text
from faults.scenarios.outside import parts_table
from node.assembly import software_form
from node.hil.language import dictionary_of
from tests.hil.test_example import board
from tests.hil.test_fsw_gateway import Orders, ready
from tests.kits.runs import TINY


def told(metrics: list[Metric]) -> dict[tuple[str, str], float]:
    return {
        (sample.name.removeprefix("skyrack_outside_"), sample.labels.get("event", "")): sample.value
        for metric in metrics
        for sample in metric.samples
        if sample.labels["line"] == "sc-1.fsw"
    }


def test_prometheus_has_each_line_with_its_counts() -> None:
    bench = ready(Orders())
    bench.step(), bench.step()
    found = told(list(outside_metrics(bench.gateway.figures())))
    assert (found["answers", ""], found["events_total", "packets"], found["events_total", "misses"]) == (1.0, 2.0, 0.0)
    assert found["round_trip_p99_seconds", ""] == pytest.approx(0.001), "an answer of this pilot takes 1 ms"
    bench.line.unplug()
    bench.step()
    found = told(list(outside_metrics(bench.gateway.figures())))
    assert (found["answers", ""], found["events_total", "misses"]) == (0.0, 1.0)


def test_without_a_line_there_is_no_metric_and_without_an_answer_no_round_trip() -> None:
    assert list(outside_metrics({})) == []
    found = told(list(outside_metrics({"sc-1.fsw": OutsideFigures(False, {"misses": 3}, None)})))
    assert found == {("answers", ""): 0.0, ("events_total", "misses"): 3.0}


def outside(endpoint: str) -> str:
    devices = f"    devices: {{pcdu: {{remote: '{endpoint}', layout: fixed, part: software, timeout: 5 s}}}}\n"
    return TINY.replace("    design: pathfinder\n", f"    design: pathfinder\n{devices}")


def test_one_word_for_each_part() -> None:
    (row,) = parts_table(load_text(outside("tcp://127.0.0.1:1"), file="outside.yaml"))
    assert (row["hardware"], row["software"]) == ("-", "pcdu")
    assert row["simulated"].startswith("fsw, clock, battery-monitor, ") and "pcdu" not in row["simulated"]
    assert parts_table(load_text(TINY, file="tiny.yaml")) == []
    *_, last = device_rows("pathfinder")
    assert (last["name"], last["dictionary"]) == ("fsw", dictionary_of(software_form("pathfinder")))


async def test_a_test_can_hold_a_run_with_a_device_outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with board("--tcp", 0) as endpoint:
        async with Emulation(load_text(outside(endpoint), file="outside.yaml"), tmp_path / "run") as run:
            await run.run_for("20 s")
            summary = run.close()
        again = Emulation(load_text(outside(endpoint), file="outside.yaml"), tmp_path / "again")
        await again.run_for("2 s")
        again.abandon()
        monkeypatch.setattr("node.hil.gateway.START_NS", 10**8)
        with pytest.raises(UserError, match="nobody answered"):
            Emulation(load_text(outside("tcp://127.0.0.1:9"), file="outside.yaml"), tmp_path / "nobody")
    (row,) = json.loads(json.dumps(summary["devices_outside"]))
    assert row["counts"]["readings"] >= 19 and row["round_trip_p99_us"] is not None
