"""What the processes of spacecraft and ground add around their participants: journal, operator's port, environment."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bus.errors import EnvironmentFault
from bus.process.rate_limit import BURST
from bus.sockets.keys import load_key, load_public, make_keys
from bus.sockets.ports import Network
from bus.wire.codec import decode, encode
from bus.wire.messages import Event, Message, OperatorReply, OperatorRequest, Refusal
from groundstation.commanding import operator_port
from groundstation.commanding.operator_port import OperatorPort
from node.nvm_file import Journal, read_journal

HOUSE = Path(__file__).resolve().parents[2]
WITHIN_S = 20


def test_a_journal_gives_back_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "nvm" / "sat-a.nvm"
    journal = Journal(path)
    journal.commit([("boot", b"1"), ("store", bytes(5000))])
    journal.commit([])
    journal.commit([("boot", b"2"), ("store", None)])
    journal.close()
    assert read_journal(path) == {"boot": b"2"}
    again = Journal(path)
    assert again.records == {"boot": b"2"}
    again.commit([("mode", b"safe")])
    again.close()
    assert read_journal(path) == {"boot": b"2", "mode": b"safe"}
    assert read_journal(tmp_path / "none") == {}


def test_a_journal_stays_small(tmp_path: Path) -> None:
    path = tmp_path / "sat-a.nvm"
    journal = Journal(path, limit_bytes=4096)
    for step in range(2000):
        journal.commit([("counter", step.to_bytes(4, "big"))])
        assert path.stat().st_size < 4096 + 64
    journal.close()
    assert read_journal(path) == {"counter": (1999).to_bytes(4, "big")}


def test_a_journal_that_cannot_be_written_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(EnvironmentFault, match="non-volatile memory"):
        Journal(tmp_path / "file" / "sat-a.nvm")
    if Path("/dev/full").exists():
        journal = Journal(tmp_path / "sat-a.nvm")
        full = os.open("/dev/full", os.O_WRONLY)
        os.dup2(full, journal._copies[0].descriptor)
        os.close(full)
        with pytest.raises(EnvironmentFault, match="No space left"):
            journal.commit([("a", b"1")])


class FakeShell:
    """Keeps what is handed to the bus."""

    def __init__(self) -> None:
        self.tick = 41
        self.forwarded: list[Message] = []
        self.keeps_up = True

    def forward(self, frame: bytes) -> bool:
        self.forwarded.append(decode(frame))
        return self.keeps_up


REQUEST = OperatorRequest(token=7, spacecraft="sat-a", name="ping", arguments={})


async def test_requests_go_to_the_bus_and_replies_to_who_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints: list[str] = []

    def report(kind: str, content: dict[str, Any]) -> None:
        if kind == "ready":
            endpoints.append(content["endpoints"]["operator"])

    monkeypatch.setattr(operator_port.lifeline, "report", report)
    keys = tmp_path / "keys"
    make_keys(keys, [])
    port, shell = OperatorPort(keys, "tcp://127.0.0.1:0"), FakeShell()
    with Network() as network:
        async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
            serving = group.create_task(port.serve(shell))  # type: ignore[arg-type]
            while not endpoints:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            clients = [
                network.dealer(endpoints[0], load_key(keys, "operator"), load_public(keys, "ground"), name)
                for name in (b"operator/1", b"operator/2")
            ]

            async def say(number: int, message: Message) -> None:
                await clients[number].opened()
                await clients[number].send([encode(message)])

            async def hear(number: int) -> Any:
                [[frame]] = await clients[number].receive(most=1)
                return decode(frame).body

            for number in (0, 1):
                await say(number, Message(0, "operator", 0, "ground", REQUEST))
                while len(shell.forwarded) <= number:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            tokens = [message.body.token for message in shell.forwarded]
            assert len(set(tokens)) == 2 and tokens[0] > 41 << 20  # two clients may use the same token
            for token in reversed(tokens):
                reply = OperatorReply(token=token, request=1, state="COMPLETED", detail=str(token), final=True)
                port.answer(Message(0, "ground", 0, "operator", reply))
            assert [(await hear(n)).detail for n in (0, 1)] == [str(token) for token in tokens]

            event = Event(boot=0, stream=5, sequence=0, obt_ns=0, event=1, severity=1, arguments=())
            await say(0, Message(0, "operator", 0, "ground", event))
            assert isinstance(await hear(0), Refusal)
            await say(0, Message(0, "ground", 0, "sat-a", REQUEST))
            assert "no business" in (await hear(0)).reason
            await clients[0].send([b"garbage", b"in two parts"])
            assert "one frame" in (await hear(0)).reason
            shell.keeps_up = False
            await say(0, Message(0, "operator", 0, "ground", REQUEST))
            assert "does not keep up" in (await hear(0)).reason
            serving.cancel()


async def test_a_flood_of_valid_requests_is_answered_and_counted_and_others_get_through(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(operator_port.lifeline, "report", lambda kind, content: said.append((kind, content)))
    keys = tmp_path / "keys"
    make_keys(keys, [])
    port, shell = OperatorPort(keys, "tcp://127.0.0.1:0"), FakeShell()
    request = [encode(Message(0, "operator", 0, "ground", REQUEST))]
    key, server = load_key(keys, "operator"), load_public(keys, "ground")
    with Network() as network:
        async with asyncio.timeout(WITHIN_S), asyncio.TaskGroup() as group:
            serving = group.create_task(port.serve(shell))  # type: ignore[arg-type]
            flood, somebody = (
                network.dealer(port.endpoint, key, server, name) for name in (b"operator/1", b"operator/2")
            )
            await flood.opened()
            await somebody.opened()
            for _ in range(3000):
                await flood.send(request)
            await somebody.send([encode(Message(0, "operator", 1, "ground", REQUEST))])
            answers = [decode(frame).body for [frame] in await flood.receive(most=1)]
            assert answers[0].reason.startswith("too many requests, try again in ")
            while len(shell.forwarded) < BURST + 1:  # noqa: ASYNC110 - nobody else is heard of
                await asyncio.sleep(0.001)
            serving.cancel()
    rows = [row for kind, content in said if kind == "refused" for row in content["rows"]]
    assert rows[-1]["kind"] == "too many requests" and rows[-1]["source"] == "operator" and rows[-1]["count"] > 100


@pytest.mark.parametrize("module", ["node.process", "groundstation.process"])
def test_a_process_that_lacks_something_says_what(module: str) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("SKYRACK_")}
    result = subprocess.run(
        [sys.executable, "-m", module], cwd=HOUSE, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 2
    assert "is not set" in result.stderr and "--help" in result.stderr
    result = subprocess.run(
        [sys.executable, "-m", module], cwd=HOUSE, capture_output=True, text=True, check=False,
        env={**environment, "SKYRACK_IDS": "sat-a", "SKYRACK_CONNECT": "tcp://127.0.0.1:1", "SKYRACK_KEYS": "/none",
             "SKYRACK_ARCHIVE": "a", "SKYRACK_DICTIONARIES": "d", "SKYRACK_SCENARIO": "/none/scenario.json"},
    )  # fmt: skip
    assert result.returncode == 2 and "cannot read the scenario" in result.stderr


def test_dictionaries_that_are_none_are_the_users_mistake(tmp_path: Path) -> None:
    from groundstation.process import load_dictionaries  # noqa: PLC0415

    for content in ("", "[]", '{"a": 1}', json.dumps({"a": {"design": "a"}})):
        (tmp_path / "d.json").write_text(content)
        with pytest.raises(EnvironmentFault, match="holds no dictionaries"):
            load_dictionaries(tmp_path / "d.json")
