"""A load of memory in many parts (service 13), by `skyrack upload` on a live run: a dump goes up again, changed."""

from __future__ import annotations

import json
import struct
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from node.fsw.software import on_board_parameters
from tests.kits import ledger
from tests.kits.runs import HOUSE, TINY, command, skyrack, summary_of

PARAMETER, VALUE, WORDS = "store.report_s", 12.5, 300
LIVE = TINY.replace("duration: 60 s", "duration: 7 min")
"""Six minutes of it in contact."""


@contextmanager
def live(folder: Path, out: Path) -> Iterator[subprocess.Popen[str]]:
    (folder / "live.yaml").write_text(LIVE)
    words = command("run", folder / "live.yaml", "--out", out, "--pace", "x3")
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=HOUSE)
    try:
        while not (out / "archive.sqlite").exists():
            assert child.poll() is None, child.communicate()
            time.sleep(0.1)
        yield child
    finally:
        child.kill()
        child.communicate()


def asked(*words: object) -> list[dict[str, object]]:
    done = skyrack(*words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_dump_is_changed_and_loaded_again_in_parts(tmp_path: Path) -> None:
    out, dump = tmp_path / "run", tmp_path / "dump.bin"
    with live(tmp_path, out) as run:
        asked("command", "sc-1", "memory.dump", "address=0", f"length={WORDS}", "--run", out)
        while skyrack("archive", "dumps", out, "sc-1", "--write", dump).returncode:
            assert run.poll() is None, run.communicate()
            time.sleep(0.2)
        content = bytearray(dump.read_bytes())
        place = [parameter.name for parameter in on_board_parameters()].index(PARAMETER)
        assert len(content) == 8 * WORDS > 8 * place
        assert struct.unpack_from(">d", content, 8 * place) == (on_board_parameters()[place].default,)
        struct.pack_into(">d", content, 8 * place, VALUE)
        dump.write_bytes(content)
        refused = skyrack("upload", "sc-1", dump, "--address", 0, "--run", out)
        assert refused.returncode == 2 and "hazardous" in refused.stderr, refused.stderr
        words = asked("upload", "sc-1", dump, "--address", 0, "--run", out, "--confirm")
        assert sum(word["state"] == "COMPLETED" for word in words) >= (8 * WORDS + 4) / 128
        (answer,) = [w for w in asked("command", "sc-1", "parameter.get", f"parameter={PARAMETER}", "--run", out)
                     if w["state"] == "COMPLETED"]  # fmt: skip
        assert f"{VALUE:g} s" in str(answer), answer
        assert run.wait() == 0
    summary = summary_of(out)
    assert ledger.said_to_close(summary) == ["sc-1"]
    (parts,) = [summary["telecommands"]["completed"]]
    assert parts == summary["telecommands"]["sent"] > (8 * WORDS + 4) / 128
