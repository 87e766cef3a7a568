"""Flights of a fit side by side, in processes of this machine. What comes back does not depend on their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from bus.errors import RangeFailure
from bus.process import lifeline
from faults.fit.problem import Floats, Problem
from node.designs.load import adopt, own_texts

WORTH_TICKS = 200_000
"""Ticks of one set of slopes from which on processes are worth their start [A]: some seconds of flight."""
_problem: list[Problem] = []
"""Of a process of the pool."""


class Alone:
    """In this process, one after the other."""

    def residuals(self, problem: Problem, many: Sequence[Floats]) -> list[Floats]:
        """Of a problem at several places."""
        return [problem.residuals(values) for values in many]


class Beside:
    """In several processes, each of which has the problem but for its weights."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def residuals(self, problem: Problem, many: Sequence[Floats]) -> list[Floats]:
        """Of a problem at several places, in their order. Raises RangeFailure where a process dies."""
        try:
            return list(self._pool.map(partial(_residuals, problem.weights), many))
        except BrokenProcessPool as error:
            raise RangeFailure(
                "a process of the fit died (out of memory, or killed from outside)", hint="once more with -j 1"
            ) from error


@contextmanager
def hands(problem: Problem, jobs: int) -> Iterator[Alone | Beside]:
    """Who flies: so many processes where that is worth their start."""
    ticks = sum(run.scenario.ticks for run in problem.fitted) * len(problem.free)
    if jobs == 1 or ticks < WORTH_TICKS:
        yield Alone()
        return
    texts = own_texts(spacecraft.design for run in problem.runs for spacecraft in run.scenario.spacecraft)
    spawn = multiprocessing.get_context("spawn")
    os.environ[lifeline.SUPERVISOR] = str(os.getpid())
    pool = ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin, initargs=(problem, texts))
    try:
        yield Beside(pool)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        del os.environ[lifeline.SUPERVISOR]


def _begin(problem: Problem, texts: dict[str, str]) -> None:
    """First thing in a process of the pool: it dies with whoever began it, and leaves a terminal's signals to them."""
    lifeline.bind_to_supervisor()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name, text in texts.items():
        adopt(text, f"{name}.yaml")
    _problem[:] = [problem]


def _residuals(weights: dict[tuple[str, str], float], values: Floats) -> Floats:
    return replace(_problem[0], weights=weights).residuals(values)
