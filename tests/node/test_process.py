"""The process of a spacecraft and its file: killed at any moment, it boots from what it had committed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bus.participant import Moment
from bus.wire.authentication import derived_key, sign
from bus.wire.messages import Allocation, Message, Telecommand
from node.fsw.managers.power import PowerManager
from node.fsw.modes import Mode
from node.nvm_file import read_journal
from node.process import serve_node
from tests.kits.fake_spacecraft import TICK_NS, scenario

HOUSE = Path(__file__).resolve().parents[2]
FLIER = """
import sys
from pathlib import Path
from bus.participant import Moment
from bus.wire.messages import Message, Telecommand
from node.process import serve_node
from tests.kits.fake_spacecraft import scenario
from tests.node.test_process import TICK_NS, mail

service = serve_node(scenario(), "sat-1", Path(sys.argv[1]), bytes(32))
service.begin(0, False)
for tick in range(10**6):
    service.commit(service.participant.step(Moment(tick, tick * TICK_NS, (tick + 1) * TICK_NS), mail(service, tick)))
    print(tick, flush=True)
"""


def mail(service: object, tick: int) -> list[Message]:
    """In tick 2 the ground points an antenna here, in tick 3 it sets a parameter and a mode."""
    node = service.participant  # type: ignore[attr-defined]
    station = Allocation(station="north", spacecraft="sat-1", band="S", rate_bps=1e5, on=True)
    bodies: list[object] = [station] if tick == 2 else []
    if tick == 3:
        wishes = (
            ("parameter.set", {"parameter": "power.shed_below_soc", "value": 0.37}),
            ("payload.power_cap", {"power_w": 123.0}),
            ("mode.set", {"mode": "SAFE"}),
        )
        bodies = [
            Telecommand(
                ground_boot=1, request=n, station="north", name=name, arguments=arguments,
                dictionary=node.dictionary.version, expires_ns=10**15,
            )
            for n, (name, arguments) in enumerate(wishes, 1)
        ]  # fmt: skip
    messages = [Message(tick * TICK_NS, "ground", n, "sat-1", body) for n, body in enumerate(bodies)]
    key = derived_key(scenario().seed, "sat-1")
    return [sign(message, key, n) if tick == 3 else message for n, message in enumerate(messages, 1)]


@pytest.mark.parametrize("killed_after", [0, 7, 40])
def test_a_killed_spacecraft_without_a_snapshot_boots_from_its_file(tmp_path: Path, killed_after: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", FLIER, str(tmp_path)], stdout=subprocess.PIPE, cwd=HOUSE, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= killed_after:
                os.kill(process.pid, signal.SIGKILL)
                break
        rest = process.stdout.read().split()
    committed = read_journal(tmp_path / "sat-1.nvm")
    tick = (int(rest[-1]) if rest else killed_after) + 10

    service = serve_node(scenario(), "sat-1", tmp_path, bytes(32))
    node = service.participant
    service.begin(tick, False)
    for at in range(tick, tick + 3):
        service.commit(node.step(Moment(at, at * TICK_NS, (at + 1) * TICK_NS), []))
    fsw = node.software  # type: ignore[attr-defined]
    assert (fsw.computer.boot.boot, fsw.computer.boot.in_a_row) == (2, 0)
    wishes_came = "tc.1.3" in committed
    if wishes_came:
        assert fsw.modes.mode is Mode.SAFE and fsw.payload.state.payload_power_cap_w == 123.0
        assert fsw.on_board.value(PowerManager.SHED_BELOW) == 0.37
        assert all(fsw.verification._ledger.seen(1, n) for n in (1, 2, 3))
    else:
        assert fsw.modes.mode is Mode.NOMINAL
    held = [name for name in committed if name.startswith("tm.1.")]
    assert fsw.storage.store.packets >= len(held) > 0
    service.close()
    assert read_journal(tmp_path / "sat-1.nvm") == node.parts.nvm.records()  # type: ignore[attr-defined]


def test_a_run_that_begins_takes_nothing_from_another_run_s_file(tmp_path: Path) -> None:
    """Or the same scenario and seed would not give the same run."""
    for _ in range(2):
        service = serve_node(scenario(), "sat-1", tmp_path, bytes(32))
        service.begin(0, False)
        for tick in range(5):
            service.commit(service.participant.step(Moment(tick, tick * TICK_NS, (tick + 1) * TICK_NS), []))
        assert service.participant.software.computer.boot.boot == 1  # type: ignore[attr-defined]
        service.close()
