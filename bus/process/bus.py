"""The bus's process: a server for one run from the keys to the last report, and the exit status."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path

from bus.errors import INTERRUPTED, RangeFailure, SkyrackError
from bus.process import lifeline
from bus.process.plan import BusOutcome, BusPlan, Recorder
from bus.process.server import BusServer
from bus.sockets.keys import load_grants, load_key


async def serve_bus(
    plan: BusPlan,
    keys: Path,
    recorder: Recorder,
    finish: Callable[[BusOutcome], None],
    report: Callable[[str, Mapping[str, object]], None] = lifeline.report,
) -> BusOutcome:
    """Flies one run in this process's loop. SIGINT, SIGTERM and the supervisor's end stop it in order, and never come
    between its end and `finish`."""
    server = BusServer(plan, load_key(keys, "bus"), load_grants(keys), recorder, report=report)
    with lifeline.Lifeline(server.stop, server.told) as line:
        outcome = replace(await server.run(), interrupted=line.signal)
        finish(outcome)
        return outcome


def run_bus(
    plan: BusPlan,
    keys: Path,
    recorder: Recorder,
    finish: Callable[[BusOutcome], Mapping[str, object]],
    report: Callable[[str, Mapping[str, object]], None] = lifeline.report,
) -> int:
    """The whole process; gives the exit status.

    finish: called with the outcome, whatever it is, to close the trace; what it returns goes into the last report,
    beside complete, reason, ticks, slips, traffic, lost and counters. report: see `server.BusServer`.
    """
    lifeline.bind_to_supervisor()

    def end(outcome: BusOutcome) -> None:
        facts = {
            "complete": outcome.finished.complete and outcome.failure is None,
            "reason": outcome.failure.message if outcome.failure else outcome.finished.reason,
            "ticks": outcome.finished.ticks,
            "slips": outcome.slips,
            "traffic": outcome.traffic,
            "lost": [asdict(lost) for lost in outcome.lost],
            "refused": list(outcome.refused),
            "counters": outcome.finished.counters,
        }
        lifeline.report("finished", {**facts, **finish(outcome)})

    try:
        outcome = asyncio.run(serve_bus(plan, keys, recorder, end, report))
    except SkyrackError as error:
        lifeline.report_error(error)
        return error.exit_status
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        lifeline.report_error(RangeFailure(f"the bus failed: {type(error).__name__}: {error}", hint="see log/bus.log"))
        return 3
    if outcome.failure is not None:
        lifeline.report_error(outcome.failure, aloud=not outcome.interrupted)
    if outcome.interrupted:
        return INTERRUPTED
    return outcome.failure.exit_status if outcome.failure is not None else 0
