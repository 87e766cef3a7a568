"""Non-volatile memory on disk: two copies, of which one may be torn anywhere, and the boot counter that only rises."""

from __future__ import annotations

from pathlib import Path

import pytest

from bus.draws import bits
from node.devices.nvm import NonVolatileMemory
from node.fsw.boot import BootReason, BootRecord
from node.nvm_file import Journal, copies_of, read_journal

SEED = 20


def test_every_torn_tail_of_both_copies_gives_a_complete_step(tmp_path: Path) -> None:
    path = tmp_path / "sat-a.nvm"
    journal = Journal(path)
    states: list[dict[str, bytes]] = [{}]
    for step in range(8):
        journal.commit([("a", bytes([step]) * 9), ("b", bytes([step]) * 9)])
        states.append(dict(journal.records))
    journal.close()
    first, second = copies_of(path)
    whole = first.read_bytes()
    assert second.read_bytes() == whole
    seen = []
    for length in range(len(whole) + 1):
        first.write_bytes(whole[:length])
        second.write_bytes(whole[: max(0, length - 30)])
        found = read_journal(path)
        assert found in states  # never a mix of two steps
        seen.append(states.index(found))
    assert seen == sorted(seen) and seen[-1] == 8
    for copy in (first, second):
        copy.write_bytes(whole[:-3] + bytes(3))  # the last sector zeroed
    assert read_journal(path) == states[7]


def torn(content: bytes, draw: int) -> bytes:
    """A copy that was cut off, zeroed from a sector on, filled with rubbish, flipped somewhere, or is gone."""
    at = draw // 5 % (len(content) + 1)
    return (
        content[:at],
        content[:at] + bytes(len(content) - at),
        content[:at] + bytes((draw >> k) & 255 for k in range(len(content) - at)),
        content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] if at < len(content) else content + b"\x00" * 9,
        b"",
    )[draw % 5]


@pytest.mark.parametrize("cases", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_whatever_tears_one_copy_nothing_is_lost_and_the_boot_counter_rises(tmp_path: Path, cases: int) -> None:
    path = tmp_path / "sat-a.nvm"
    expected: dict[str, bytes] = {}
    for case in range(cases):
        draw = bits(SEED, case, 0, 0, 0)
        journal = Journal(path, limit_bytes=600)
        assert journal.records == expected, f"case {case}"
        memory = NonVolatileMemory(journal.records)
        assert BootRecord.begin(memory, BootReason.RESET).boot == case + 1
        journal.commit(memory.take_writes())
        for step in range(draw % 4):
            memory.put(f"record.{draw % 7}", bytes([step]) * (draw % 90))
            memory.put("other", bytes([step]))
            journal.commit(memory.take_writes())
        journal.close()
        expected = memory.records()
        copy = copies_of(path)[draw >> 40 & 1]
        copy.write_bytes(torn(copy.read_bytes(), draw >> 8))


def test_a_step_that_reached_one_copy_only_counts(tmp_path: Path) -> None:
    path = tmp_path / "sat-a.nvm"
    journal = Journal(path)
    journal.commit([("a", b"1")])
    before = copies_of(path)[1].read_bytes()
    journal.commit([("a", b"2")])
    journal.close()
    copies_of(path)[1].write_bytes(before)
    assert read_journal(path) == {"a": b"2"}
