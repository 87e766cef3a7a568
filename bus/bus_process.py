"""A bus process from its start to its exit status: keys, signals, the supervisor, and `server.BusServer` in between."""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path

from bus import lifeline
from bus.bus_plan import BusOutcome, BusPlan, Recorder
from bus.errors import RangeFailure, SkyrackError
from bus.keys import load_grants, load_key
from bus.server import BusServer


async def serve_bus(
    plan: BusPlan,
    keys: Path,
    recorder: Recorder,
    report: Callable[[str, Mapping[str, object]], None] = lifeline.report,
) -> BusOutcome:
    """Flies one run in this process's loop. SIGINT, SIGTERM and the supervisor's end stop it in order."""
    server = BusServer(plan, load_key(keys, "bus"), load_grants(keys), recorder, report=report)
    with lifeline.Lifeline(lambda: server.stop("stopped by a signal")):
        return await server.run()


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
    try:
        outcome = asyncio.run(serve_bus(plan, keys, recorder, report))
        facts = {
            "complete": outcome.finished.complete and outcome.failure is None,
            "reason": outcome.failure.message if outcome.failure else outcome.finished.reason,
            "ticks": outcome.finished.ticks,
            "slips": outcome.slips,
            "traffic": outcome.traffic,
            "lost": [asdict(lost) for lost in outcome.lost],
            "counters": outcome.finished.counters,
        }
        lifeline.report("finished", {**facts, **finish(outcome)})
    except SkyrackError as error:
        lifeline.report_error(error)
        return error.exit_status
    except Exception as error:
        traceback.print_exc(file=sys.stderr)
        lifeline.report_error(RangeFailure(f"the bus failed: {type(error).__name__}: {error}", hint="see log/bus.log"))
        return 3
    if outcome.failure is not None:
        lifeline.report_error(outcome.failure)
        return outcome.failure.exit_status
    return 0
