"""Cases on a Dask cluster that people already have: who is there, whether it is this very Skyrack, what is lost.

The cluster's workers have Skyrack installed; what travels is scenarios there and results back. Dask is an extra, and
imported in this file only.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bus.errors import EnvironmentFault, RangeFailure, SkyrackError, UserError
from bus.trace.writer import cpu_digest
from faults.campaign.outcome import Result
from faults.campaign.shared import Family
from faults.recording.summary import versions

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWERS_WITHIN_S = 10.0
"""A scheduler that is there answers at once, over any network that one would fly a campaign over."""
WORKER_WITHIN_S = 30.0
"""A worker's start is some seconds of imports."""
LOOK_EVERY_S = 0.5
MOST_LOOKS_ALONE = 240
"""Two minutes without a worker, and the campaign gives up; what was flown is kept."""
MOST_NAMED = 3
_ADDRESS = re.compile(r"(tcp|tls)://(\[[0-9A-Fa-f:.]+\]|[^\s/:\[\]]+):([0-9]{1,5})")
_one_at_a_time = threading.Lock()
"""Of this process, where it is a worker: flying holds the interpreter, so a second thread would gain nothing."""

Facts = dict[str, str]


@dataclass(slots=True)
class Cluster:
    """A cluster that answers, with workers that are this very Skyrack.

    size: workers at the beginning. lost: workers that left while they had cases of ours. again: pieces that were with
    them, and are flown anew by others.
    """

    client: Client
    size: int
    lost: int = 0
    again: int = 0

    def fly(self, pieces: Sequence[Family], stopped: Callable[[], str]) -> Iterator[list[Result]]:
        """The results of each piece as they come. A worker that is lost loses its pieces to the others; raises
        RangeFailure where one piece has outlived every worker that Dask allows it, or nobody is left."""
        expected = versions()
        futures = [self.client.submit(fly_there, piece, expected, pure=False) for piece in pieces]
        keys = {future.key for future in futures}
        self.client.subscribe_topic("all", lambda event: self._note(event, keys))
        try:
            yield from self._as_they_come(futures, pieces, stopped)
        finally:
            self.client.unsubscribe_topic("all")
            if self.client.status == "running":
                self.client.cancel(futures, force=True)

    def _note(self, event: tuple[float, Any], keys: set[Any]) -> None:
        _, what = event
        if isinstance(what, dict) and what.get("action") == "remove-worker":
            ours = keys.intersection(what.get("processing-tasks", ()))
            self.lost += bool(ours)
            self.again += len(ours)

    def _as_they_come(
        self, futures: Sequence[Future[Any]], pieces: Sequence[Family], stopped: Callable[[], str]
    ) -> Iterator[list[Result]]:
        from distributed import wait  # noqa: PLC0415 - an extra

        left, alone = list(futures), 0
        while left and not stopped():
            try:
                done = wait(left, timeout=LOOK_EVERY_S, return_when="FIRST_COMPLETED").done
            except TimeoutError:
                alone = 0 if self._workers() else alone + 1
                if alone >= MOST_LOOKS_ALONE:
                    raise RangeFailure("the cluster has no workers any more", hint=_GO_ON) from None
                continue
            except CancelledError as error:
                raise RangeFailure("the cluster's scheduler is lost", hint=_GO_ON) from error
            for future in [each for each in left if each in done]:
                yield _results(future, pieces[futures.index(future)])
                left.remove(future)
                future.release()

    def _workers(self) -> int:
        try:
            return len(self.client.nthreads())
        except (OSError, TimeoutError, CancelledError):
            return 0


_GO_ON = "what was flown is kept: go on with --resume"


def _results(future: Future[Any], piece: Family) -> list[Result]:
    if future.status == "finished":
        answer = future.result()
        if isinstance(answer, list):
            return answer
        raise (UserError if answer["exit_status"] == UserError.exit_status else RangeFailure)(
            answer["message"], hint=answer["hint"] or _GO_ON
        )
    numbers = [case.number for _, case in piece.forks]
    which = f"cases {min(numbers)} to {max(numbers)}" if len(numbers) > 1 else f"case {numbers[0]}"
    error = future.exception() if future.status == "error" else None
    if type(error).__name__ == "KilledWorker":
        raise RangeFailure(
            f"{which}: every worker that flew them died (out of memory, or killed from outside)",
            hint="what was flown is kept: see the workers' logs, and go on with --resume",
        ) from error
    raise RangeFailure(f"{which}: a worker failed: {type(error).__name__}: {error}", hint=_GO_ON) from error


@contextmanager
def connected(address: str, say: Callable[[str], None]) -> Iterator[Cluster]:
    """The cluster at an address such as tcp://scheduler:8786. `say` hears what should be known of it.

    Raises UserError for what is no address, for a worker with another Skyrack, Python or library than this one, and
    EnvironmentFault where nobody answers within ANSWERS_WITHIN_S or no worker comes within WORKER_WITHIN_S.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None or not 1 <= int(match[3]) <= 65535:
        raise UserError(f"--cluster: found {address[:80]!r}; allowed: tcp://HOST:PORT or tls://HOST:PORT")
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise EnvironmentFault(
            "a cluster needs the package distributed", hint="pip install 'skyrack[cluster]'"
        ) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters of it is said below, once
    try:
        client = Client(address, timeout=ANSWERS_WITHIN_S, name="skyrack")
    except (OSError, TimeoutError, ValueError) as error:
        raise EnvironmentFault(
            f"--cluster: no Dask scheduler answers at {address} within {ANSWERS_WITHIN_S:g} s",
            hint="start one (dask scheduler), or fly on this machine without --cluster",
        ) from error
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKER_WITHIN_S)
        except TimeoutError as error:
            raise EnvironmentFault(
                f"--cluster: the scheduler at {address} has no worker within {WORKER_WITHIN_S:g} s",
                hint=f"start some: dask worker {address} --nthreads 1",
            ) from error
        _check(client, say)
        yield Cluster(client, len(client.nthreads()))


def _check(client: Client, say: Callable[[str], None]) -> None:
    """Every worker is this very Skyrack. One that comes later is asked with its first cases."""
    mine = facts()
    answers = client.run(facts, on_error="return")
    wrong = [f"{worker}: {text}" for worker, answer in sorted(answers.items()) if (text := _difference(mine, answer))]
    if wrong:
        more = f" (and {len(wrong) - MOST_NAMED} more)" if len(wrong) > MOST_NAMED else ""
        raise UserError(
            f"--cluster: workers that are not this Skyrack: {'; '.join(wrong[:MOST_NAMED])}{more}",
            hint="install the same Skyrack on every worker, best from one image",
        )
    others = sum(answer["cpu"] != mine["cpu"] for answer in answers.values())
    if others:
        say(
            f"{others} of {len(answers)} workers have another kind of CPU than this machine: bits are promised for "
            f"one kind only (docs/how-to/campaign.md)"
        )


def _difference(mine: Facts, answer: object) -> str:
    if not isinstance(answer, dict):
        return f"it has no Skyrack, or an older one ({type(answer).__name__}: {answer})"
    return ", ".join(
        f"{name} {answer.get(name, 'absent')} instead of {value}"
        for name, value in mine.items()
        if name != "cpu" and answer.get(name) != value
    )


def facts() -> Facts:
    """What decides the bits of a result flown by this process: versions by name, and the kind of its CPU."""
    return {**versions(), "cpu": cpu_digest()}


def fly_there(piece: Family, expected: Facts) -> list[Result] | dict[str, Any]:
    """On a worker: the piece's results, or why there are none, as data: not every exception survives a network."""
    from distributed import get_worker  # noqa: PLC0415 - an extra

    from faults.campaign.pool import fly_chunk  # noqa: PLC0415 - loads the plant
    from faults.run.warm import warm_up  # noqa: PLC0415
    from node.designs.load import with_designs  # noqa: PLC0415

    try:
        worker = get_worker()
        if text := _difference(expected, facts()):
            raise UserError(f"--cluster: the worker {worker.address} is not this Skyrack: {text}")
        with _one_at_a_time:
            warm_up(with_designs(piece.undisturbed), logging.getLogger("distributed.worker").info)
            return fly_chunk(piece, worker.local_directory)
    except SkyrackError as error:
        return {"exit_status": error.exit_status, "message": error.message, "hint": error.hint}
