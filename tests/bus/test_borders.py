"""What is turned away at a border is counted in bounded tables, told now and then, and limited in rate."""

from __future__ import annotations

import errno
import io
import os
import sys

import pytest

from bus.clock import FakeClock
from bus.errors import DecodeError
from bus.process.log import LINES, Log
from bus.process.rate_limit import ALL_BURST, BURST, MAX_CLIENTS, PER_S, RateLimit
from bus.process.watchman import TELL_EVERY_NS, Watchman, kind_of, refused_mail
from bus.sockets.refusals import MAX_ROWS, OTHERS, Refusals, in_words

SECOND_NS = 1_000_000_000


def test_refusals_are_counted_by_plane_kind_and_source() -> None:
    refused = Refusals()
    refused.count("time", "garbage frame", "sat-a", 2000)
    refused.count("time", "unlisted key", "127.0.0.1", 300)
    assert refused.total == 2300
    assert [row["count"] for row in refused.rows()] == [2000, 300]
    words = in_words(refused.rows())
    assert words.startswith("turned away: 2,000 x garbage frame from sat-a (time), 300 x unlisted key from 127.0.0.1")


def test_the_table_of_sources_is_bounded_and_nothing_is_lost_from_the_count() -> None:
    refused = Refusals()
    for n in range(10 * MAX_ROWS):
        refused.count("time", f"kind {n % 300}", f"10.0.{n // 256}.{n % 256}")
    assert len(refused.rows()) <= 2 * MAX_ROWS + 1
    assert sum(row["count"] for row in refused.rows()) == refused.total == 10 * MAX_ROWS
    assert any(row["source"] == OTHERS for row in refused.rows())


def test_a_flood_is_told_when_to_come_again_and_leaves_the_others_alone() -> None:
    clock = FakeClock()
    limit = RateLimit(clock)
    answers = [limit.refusal(b"flood") for _ in range(int(BURST) + 50)]
    assert answers[: int(BURST)] == [""] * int(BURST)
    assert answers[-1].startswith("too many requests, try again in 0.")
    assert limit.refusal(b"somebody") == ""
    clock.jump(SECOND_NS)
    assert [limit.refusal(b"flood") for _ in range(int(PER_S) + 1)].count("") == int(PER_S)


def test_many_clients_together_are_limited_too_and_their_table_is_bounded() -> None:
    limit = RateLimit(FakeClock())
    taken = sum(limit.refusal(b"client-%d" % n) == "" for n in range(10 * MAX_CLIENTS))
    assert taken == int(ALL_BURST)
    assert len(limit._clients) == MAX_CLIENTS


def test_a_log_is_bounded_and_says_what_it_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, text = FakeClock(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    log = Log(clock, lambda reason: None)
    for n in range(LINES + 50):
        log.write(f"line {n}")
    assert len(text.getvalue().splitlines()) == LINES + 1
    clock.jump(61 * SECOND_NS)
    log.write("later")
    assert text.getvalue().splitlines()[-2:] == ["(50 lines were left out)", "later"]


def test_a_full_disk_stops_the_log_and_says_so_once(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    told: list[str] = []
    monkeypatch.setattr(sys, "stderr", Full())
    log = Log(FakeClock(), told.append)
    log.write("one")
    log.write("two")
    assert told == ["No space left on device"]


def test_what_is_turned_away_is_told_once_and_then_every_few_seconds() -> None:
    clock, refused = FakeClock(), Refusals()
    reports: list[object] = []
    lines: list[str] = []
    watchman = Watchman(refused, clock, lambda kind, content: reports.append(content["rows"]), lines.append)
    watchman.look()
    assert lines == []
    refused.count("range", "garbage frame", "range")
    watchman.look()
    watchman.look()
    assert lines == ["turned away: 1 x garbage frame from range (range)"] and len(reports) == 1
    assert TELL_EVERY_NS >= SECOND_NS


def test_kinds_are_told_apart() -> None:
    assert kind_of(DecodeError("protocol version 9, this is version 1")) == "wrong version"
    assert kind_of(DecodeError("TOCK without a session")) == "no session"
    assert kind_of(DecodeError("a frame is an array")) == "garbage frame"
    counters = {"sat-a": {"tocks": 3, "mail_repeated": 2, "mail_malformed": 0}}
    assert refused_mail(counters) == [
        {"plane": "mail", "kind": "repeated sequence number", "source": "sat-a", "count": 2}
    ]
