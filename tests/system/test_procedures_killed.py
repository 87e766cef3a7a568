"""A ground killed (kill -9) in the middle of a procedure comes back, goes on from its log, and sends nothing twice."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

from groundstation.archive.reader import ArchiveReader
from tests.kits.runs import HOUSE, TINY, command, fly, summary_of

ROUNDS = """\
from groundstation.procedures.declaration import procedure
from groundstation.procedures.words import command, contact, note, telemetry, wait


@procedure("rounds")
async def rounds() -> None:
    \"\"\"A telecommand and a reading each minute while there is contact, then a line a minute.\"\"\"
    for minute in range(35):
        if minute < 6:
            await contact()
            await command("test.ping")
            charge = await telemetry("battery_soc").within("5 min")
            note(f"{minute} min: {charge:.4f}")
        await wait("1 min")
"""


def test_a_ground_killed_in_mid_procedure_sends_nothing_twice(tmp_path: Path) -> None:
    scenario, own = tmp_path / "rounds.yaml", tmp_path / "rounds.py"
    text = TINY.replace("duration: 60 s", "duration: 40 min") + (
        "range: {snapshot_every: 50}\n"
        "timeline:\n"
        "  - {at: 5 s, procedure: {name: rounds, spacecraft: sc-1}}\n"
    )  # fmt: skip
    scenario.write_text(text, encoding="utf-8")
    own.write_text(ROUNDS, encoding="utf-8")
    here = fly(tmp_path / "here", scenario, "--procedures", own, "--in-process")
    out, killed, said = tmp_path / "there", False, []
    with subprocess.Popen(
        command("run", scenario, "--procedures", own, "--out", out),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=HOUSE,
        text=True,
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            said.append(line)
            if not killed and " of 0:40:00" in line:
                os.kill(json.loads((out / "run.json").read_text())["pids"]["ground"], signal.SIGKILL)
                killed = True
    assert process.returncode == 0, "".join(said)
    assert "ground was started again\n" in said
    there = summary_of(out)
    assert (there["restarts"], there["trace_hash"]) == (1, here["trace_hash"])
    logs = [ArchiveReader(path / "archive.sqlite") for path in (tmp_path / "here", out)]
    assert logs[0].procedure_log() == logs[1].procedure_log()
    (run,) = logs[1].procedures()
    assert run["state"] == "COMPLETED", run
    assert len(logs[1].telecommands()) == 6
    assert logs[0].telecommands() == logs[1].telecommands()
