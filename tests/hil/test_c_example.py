"""The dosimeter in C, compiled against the header that Skyrack writes, and flown."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from bus.trace.reader import TraceReader
from bus.wire.codec import decode
from bus.wire.outside import DeviceReading, DeviceSample
from node.assembly import outside_forms
from node.hil.header import c_header
from tests.kits.runs import HOUSE, TINY, fly_text

SOURCE = HOUSE / "docs" / "examples" / "hil" / "dosimeter.c"


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here")
def test_it_compiles_without_a_warning_flies_and_measures_as_it_says(tmp_path: Path) -> None:
    (tmp_path / "skyrack_hil.h").write_text(c_header("pathfinder", outside_forms("pathfinder")), encoding="ascii")
    build = ["gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", f"-I{tmp_path}", str(SOURCE)]
    made = subprocess.run(
        [*build, "-o", str(tmp_path / "dosimeter"), "-lm"], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    with subprocess.Popen([tmp_path / "dosimeter", "0"], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            endpoint = process.stdout.readline().removeprefix("dosimeter at ").strip()
            device = f"    devices: {{dosimeter: {{remote: '{endpoint}', layout: fixed, timeout: 10 s}}}}\n"
            text = TINY.replace("    design: pathfinder\n", f"    design: pathfinder\n{device}")
            summary = fly_text(text, tmp_path)
        finally:
            process.kill()
    (row,) = summary["devices_outside"]
    assert (row["timing"], row["counts"]["readings"], row["counts"]["refused"]) == ("VALID", 6, 0)
    felt, said = {}, {}
    with TraceReader(tmp_path / "run" / "trace.bin") as reader:
        for message in (decode(frame) for record in reader for frame in record.mail):
            if isinstance(message.body, DeviceSample):
                felt[message.sent_ns // 10**9 - 1] = message.body.values
            elif isinstance(message.body, DeviceReading):
                said[message.body.tick] = message.body.values
    assert list(said) == [0, 10, 20, 30, 40, 50]
    for tick, (rate_gy_s, dose_gy) in said.items():
        true_rate_gy_s, true_dose_gy = felt[tick]
        assert 0.0 <= true_rate_gy_s - rate_gy_s <= 1e-12 and 0.0 <= true_dose_gy - dose_gy <= 1e-6
