"""Where cases are flown: in pieces, in processes of this machine or on a cluster's workers, each as it becomes free.

What comes back does not depend on the number of processes nor on how cases were cut into pieces.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bus.errors import RangeFailure
from bus.process import lifeline
from faults.campaign.cases import Case
from faults.campaign.outcome import Result, result_of
from faults.campaign.shared import Family, Flight, families, fly_family

if TYPE_CHECKING:
    from faults.campaign.cluster import Cluster

PIECE = 16
"""Whole runs' worth of ticks in a piece, which one process flies [A]: enough to share a beginning, and so little that
not much is lost with it. Of cases that share most of their run it holds more."""
LOOK_EVERY_S = 0.5


def chunks(cases: Sequence[Case], jobs: int) -> list[Family]:
    """The work in pieces, the largest families first. The beginning that a family shares is flown once for each of its
    pieces, so there are no more of them than it takes to keep everybody busy and to lose little."""
    found = sorted(families(cases), key=lambda one: -len(one.forks))
    share = jobs if len(found) < jobs else 1
    return [piece for family in found for piece in _pieces(family, share)]


def _pieces(family: Family, share: int) -> list[Family]:
    """Of one family: some multiple of `share`, as far as there are cases, with much the same number of ticks each."""
    ticks = family.undisturbed.ticks
    own = [ticks - max(fork, -1) - 1 for fork, _ in family.forks]
    number = -(-sum(own) // (PIECE * ticks)) or 1
    number = min(-(-number // share) * share, len(own))
    pieces: list[list[tuple[int, Case]]] = [[]]
    flown = 0
    for place, (fork, mine) in enumerate(zip(family.forks, own, strict=True)):
        behind = flown * number >= len(pieces) * sum(own)  # it has its share
        needed = len(own) - place <= number - len(pieces)  # the others want one each
        if pieces[-1] and (behind or needed) and len(pieces) < number:
            pieces.append([])
        pieces[-1].append(fork)
        flown += mine
    return [replace(family, forks=tuple(forks)) for forks in pieces]


def fly_chunk(family: Family, scratch: str, stopped: Callable[[], str] = str) -> list[Result]:
    """Fly and read one piece, in this process. `scratch`: a directory for traces, which its owner takes away."""
    from faults.campaign.reasons import reasons  # noqa: PLC0415 - loads the plant
    from faults.run import compose as root  # noqa: PLC0415
    from node.designs.load import with_designs  # noqa: PLC0415

    results: list[Result] = []
    with_designs(family.undisturbed)
    forms = root.dictionaries(family.undisturbed)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:

        def take(flight: Flight) -> None:
            result = result_of(flight, forms)
            if why := reasons(flight, forms, result):
                result["why"] = why
            results.append(result)
            flight.trace.unlink(missing_ok=True)

        fly_family(family, Path(folder), take, stopped=stopped)
    return results


def fly_all(cases: Sequence[Case], jobs: int | Cluster, stopped: Callable[[], str]) -> Iterator[list[Result]]:
    """The results of all cases, piece by piece as they come: of so many processes here, or of a cluster's workers.
    `stopped`: asked now and then; a reason ends it, and what is under way is lost. Raises RangeFailure where a process
    of it dies."""
    if not isinstance(jobs, int):
        yield from jobs.fly(chunks(cases, jobs.size), stopped)
        return
    with tempfile.TemporaryDirectory(prefix="skyrack-") as scratch:  # of this process: the others may be ended
        yield from _fly(chunks(cases, jobs), jobs, scratch, stopped)


def _fly(pieces: Sequence[Family], jobs: int, scratch: str, stopped: Callable[[], str]) -> Iterator[list[Result]]:
    if jobs == 1:
        for piece in pieces:
            if stopped():
                return
            results = fly_chunk(piece, scratch, stopped)
            if stopped():
                return
            yield results
        return
    spawn = multiprocessing.get_context("spawn")
    os.environ[lifeline.SUPERVISOR] = str(os.getpid())
    pool = ProcessPoolExecutor(max_workers=min(jobs, len(pieces)), mp_context=spawn, initializer=_begin)
    try:
        yield from _as_they_come([pool.submit(fly_chunk, piece, scratch) for piece in pieces], stopped)
    except BrokenProcessPool as error:
        raise RangeFailure(
            "a process of the campaign died (out of memory, or killed from outside)",
            hint="what was flown is kept: go on with --resume, with fewer processes (-j 1) if memory is short",
        ) from error
    finally:
        _end(pool)
        del os.environ[lifeline.SUPERVISOR]


def _begin() -> None:
    """First thing in a process of the pool: it dies with whoever began it, and leaves a terminal's signals to them."""
    lifeline.bind_to_supervisor()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _as_they_come(waiting: Sequence[Future[list[Result]]], stopped: Callable[[], str]) -> Iterator[list[Result]]:
    left = set(waiting)
    while left:
        done, left = wait(left, timeout=LOOK_EVERY_S, return_when=FIRST_COMPLETED)
        for future in sorted(done, key=waiting.index):
            yield future.result()
        if stopped():
            return


def _end(pool: ProcessPoolExecutor) -> None:
    """At once: what is under way is of no use any more."""
    processes = list((pool._processes or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(5)
