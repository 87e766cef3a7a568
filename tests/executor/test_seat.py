"""One job's program as the executor holds it: late, silent, talking nonsense, beginning elsewhere, in virtual time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bus.wire.codec import decode, encode
from bus.wire.executor import JobEvent, JobReport
from bus.wire.messages import Message
from node.executor.child import Ended
from node.executor.seat import MAX_GARBAGE, SILENT_MISSES, Seat
from tests.kits.executor_kit import Disk, Obedient, job, order

S = 1_000_000_000


class Odd(Obedient):
    """One that says what a test wants, or nothing."""

    def __init__(self, *hello: dict[str, Any]) -> None:
        super().__init__(Disk(), 0, 0)
        self.said = list(hello) or self.said
        self.answer: dict[str, Any] | None = None

    def say(self, words: Mapping[str, Any]) -> None:
        self.heard.append(words)
        if self.answer is not None:
            self.said.append({"tick": words["tick"], **self.answer})


class Table:
    """A seat with one program, ordered by hand."""

    def __init__(self, child: Obedient, *, waits: bool = True, **words: Any) -> None:
        self.child = child
        self.seat = Seat("rack-1", job(**words), lambda _: child, lambda number: 1000 + number, waits=waits)
        self.tick, self.now_ns = 0, 0

    def turn(self, after_s: float = 0.0, **words: Any) -> JobReport | None:
        """One tick; it is over after so much real time."""
        self.tick += 1
        self.seat.listen()
        self.seat.order(order(**words), self.tick, self.now_ns)
        self.now_ns += round(after_s * S)
        self.seat.listen()
        self.seat.judge(self.now_ns)
        return self.seat.report()


def test_it_greets_is_granted_steps_and_says_what_it_did() -> None:
    table = Table(Obedient(Disk(), 0, 0))
    first = table.turn(state=3)
    assert first is not None and (first.ready, first.steps, first.event) == (True, 0, 0)
    second = table.turn(steps=4)
    assert second is not None and second.steps == 4
    assert table.turn(steps=4) is None  # nothing is new
    kept = table.turn(steps=4, state=2, checkpoint=1)
    assert kept is not None and (kept.kept, kept.kept_steps) == (1, 4)
    assert table.turn(steps=4, state=2, checkpoint=1) is None  # asked once
    assert table.seat.counts.checkpoints == 1


def test_strikes_are_told_once_with_the_seed_of_their_number() -> None:
    table = Table(Obedient(Disk(), 0, 0))
    table.turn(state=3, strikes=2)  # before it had any memory of its own
    table.turn(steps=1, strikes=4)
    table.turn(steps=2, strikes=4)
    assert [words["strikes"] for words in table.child.heard] == [[1002, 1003], []]
    assert table.seat.counts.strikes == 2


def test_one_that_is_never_ready_is_given_up_three_times() -> None:
    for _ in range(1):
        seats = Seat("rack-1", job(), lambda _: Odd({"what": 1}), lambda number: number)
        for life in range(3):
            seats.order(order(life=life, state=3), life, 0)
            seats.listen()
            assert seats.owes
            seats.judge(5 * S)
        assert seats.life.event is JobEvent.GONE and seats.counts.refused == 3
        assert "it was not ready within 5 s" in seats.why


def test_one_that_does_not_answer_is_a_miss_and_then_hung() -> None:
    table = Table(Odd())
    table.turn(state=3)
    for _ in range(SILENT_MISSES - 1):
        table.turn(after_s=1.0, steps=1)
        assert table.seat.life.event is JobEvent.NONE
    report = table.turn(after_s=1.0, steps=1)
    assert report is not None and report.event == JobEvent.DIED
    assert table.seat.counts.misses == SILENT_MISSES and table.seat.why == "it did not answer for 3 ticks"
    assert table.child.ended == Ended(-9)


def test_paced_it_may_take_its_time_and_is_granted_nothing_more_meanwhile() -> None:
    table = Table(Odd(), waits=False)
    table.turn(state=3)
    for _ in range(20):
        table.turn(after_s=2.0, steps=table.tick)
    assert len(table.child.heard) == 1 and table.seat.counts.misses == 0
    table.turn(after_s=21.0, steps=99)
    assert table.seat.why == "it did not answer within 60 s"


def test_nonsense_in_an_answer_is_refused_and_moves_nothing() -> None:
    for answer in (
        {"step": 9}, {"step": -1}, {"step": "2"}, {"step": True}, {}, {"step": 2, "tick": 77},
    ):  # fmt: skip
        child = Odd()
        table = Table(child)
        table.turn(state=3)
        child.answer = answer
        report = table.turn(steps=2)
        assert report is None and (table.seat.counts.refused, table.seat.life.steps) == (1, 0), answer
        assert table.seat.counts.misses == 1


def test_figures_are_numbers_and_few() -> None:
    child = Odd()
    table = Table(child)
    table.turn(state=3)
    child.answer = {"step": 1, "figures": {"loss": 0.5, "bad": float("nan"), "worse": "x", "accuracy": 1}}
    report = table.turn(steps=1)
    assert report is not None and report.figures == {"loss": 0.5, "accuracy": 1.0} and table.seat.counts.refused == 1
    child.answer = {"step": 2, "figures": {str(number): 1.0 for number in range(9)}}
    table.turn(steps=2)
    assert table.seat.figures == {"loss": 0.5, "accuracy": 1.0} and table.seat.counts.refused == 2
    child.answer = {"step": 3, "figures": {"huge": 10**400, "\ud800": 1.0, "\x1b[2J": 1.0, "a\nb": 1.0, "loss": 0.25}}
    report = table.turn(steps=3)
    assert report is not None and report.figures == {"loss": 0.25} and table.seat.counts.refused == 3
    assert decode(encode(Message(1, "executor", 0, "rack-1", report))).body == report


def test_a_checkpoint_that_could_not_be_written_is_told_and_counts_as_none() -> None:
    child = Odd()
    table = Table(child)
    table.turn(state=3)
    child.answer = {"step": 3, "kept": None}
    report = table.turn(steps=3, state=2, checkpoint=1)
    assert report is not None and (report.kept, report.kept_steps) == (1, -1)
    assert (table.seat.counts.checkpoints, table.seat.counts.checkpoints_failed) == (0, 1)


def test_one_that_begins_elsewhere_than_it_should_is_killed() -> None:
    table = Table(Odd({"hello": 1, "step": 40}))
    report = table.turn(state=3)
    assert report is not None and report.event == JobEvent.DIED
    assert table.seat.why == "it begins at step 40, and its checkpoint is that of step 0"


def test_who_talks_nonsense_all_the_time_is_killed() -> None:
    child = Odd()
    table = Table(child)
    table.turn(state=3)
    child.garbage = MAX_GARBAGE + 1
    table.turn(steps=1)
    assert table.seat.why == "it said 101 lines that are no words" and table.seat.counts.garbage == 101


def test_exit_status_0_is_the_end_of_the_work_and_any_other_a_death() -> None:
    for status, event in ((0, JobEvent.DONE), (2, JobEvent.DIED), (-11, JobEvent.DIED)):
        child = Odd()
        table = Table(child)
        table.turn(state=3)
        child.over = Ended(status)
        report = table.turn(steps=1)
        assert report is not None and report.event == event
    assert table.seat.why == "it ended with signal 11"


def test_one_that_rolls_back_by_itself_is_another_process_afterwards() -> None:
    child = Odd()
    table = Table(child)
    table.turn(state=3)
    child.answer = {"step": 5, "roll_back": 2, "found": 1}
    report = table.turn(steps=5)
    assert report is not None and (report.event, report.roll_back) == (JobEvent.ROLLS_BACK, 2)
    table.turn(life=1, state=3, begin=3)
    assert child.ended == Ended(-9) and table.seat.counts.steps_lost == 2 and table.seat.counts.found == 1


def test_one_that_follows_signals_runs_in_as_many_ticks_as_its_accelerators_leave_it() -> None:
    child = Odd()
    table = Table(child, follows="signals", waits=False)
    table.turn(state=3)
    for steps in (1, 1, 2, 2, 3):  # at half speed
        table.turn(state=1, steps=steps)
    table.turn(state=2, steps=3, checkpoint=1)
    table.turn(state=5, steps=3)
    assert child.words_to_keeper == ["stop", "go", "stop", "go", "checkpoint", "stop"]
    assert child.heard == [] and table.seat.counts.checkpoints == 1


def test_one_that_follows_signals_may_close_the_line_it_knows_nothing_of() -> None:
    class Daemon(Odd):
        """Closes all descriptors that it did not open."""

        @property
        def hung_up(self) -> bool:
            return True

    child = Daemon()
    table = Table(child, follows="signals", waits=False)
    table.turn(state=3)
    report = table.turn(state=1, steps=1)
    assert child.ended is None and table.seat.counts.deaths == 0
    assert report is not None and report.event == JobEvent.NONE
    child.over = Ended(0)
    report = table.turn(state=1, steps=2)
    assert report is not None and report.event == JobEvent.DONE
