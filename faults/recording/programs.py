"""Programs of the user's that did the work of jobs: what became of them, and whether the timing held."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bus.scenario.model import Scenario
from bus.wire.executor import JobEvent
from faults.recording.recording import Recording

VALID, INVALID, BEST_EFFORT = "VALID", "INVALID", "BEST EFFORT"
"""VALID: everybody was waited for, and did what was granted. BEST EFFORT: nobody was waited for; the books hold what a
program that follows steps said, and of one that follows signals the time that it was given."""
ENDS = {JobEvent.NONE: "runs", JobEvent.DIED: "died", JobEvent.DONE: "done", JobEvent.GONE: "gone",
        JobEvent.ROLLS_BACK: "runs"}  # fmt: skip


def program_rows(recording: Recording, *, paced: bool) -> list[dict[str, Any]]:
    """A row for each, in the scenario's order, as summary.json has it."""
    told = {(row.get("spacecraft"), row.get("job")): row for row in recording.books.told}
    jobs = [(s.id, job) for s in recording.scenario.spacecraft for job in s.programs.values()]
    found = []
    for number, (spacecraft, job) in enumerate(jobs):
        assert job.program is not None
        prefix = f"{number}."
        counted = recording.books.programs
        counts = {k.removeprefix(prefix): int(n) for k, n in counted.items() if k.startswith(prefix)} or None
        end = None if counts is None else ENDS[JobEvent(counts.pop("event"))]
        verdict = None
        if counts is not None:
            verdict = BEST_EFFORT if paced or job.program.follows == "signals" else VALID
            verdict = INVALID if counts["misses"] > job.program.allowed_misses else verdict
        said = told.get((spacecraft, job.id), {})
        if said.get("played") is True:  # the account is that of another run
            counts = end = verdict = None
        found.append(
            {
                "spacecraft": spacecraft, "job": job.id, "part": "software", "argv": list(job.program.argv),
                "follows": job.program.follows, "counts": counts, "allowed_misses": job.program.allowed_misses,
                "verdict": verdict, "end": end, "why": said.get("why"), "figures": said.get("figures"),
                "log_bytes": said.get("log_bytes"), "log_dropped": said.get("log_dropped"),
            }
        )  # fmt: skip
    return found


def played_rows(scenario: Scenario) -> list[dict[str, Any]]:
    """What lies beside the trace of a fork: its executor's account is that of the run which it left."""
    why = "nothing was run: what it said is from the run that was forked"
    return [
        {"spacecraft": one.id, "job": job.id, "played": True, "why": why}
        for one in scenario.spacecraft
        for job in one.programs.values()
    ]


def behind(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Whose timing did not hold, in words; what is not known is said elsewhere, by who was lost."""
    return [
        f"the timing of {row['job']} of {row['spacecraft']} is INVALID: in {row['counts']['misses']:,} ticks its "
        f"program had not done what it was granted, {row['allowed_misses']:,} allowed"
        for row in rows
        if row["verdict"] == INVALID
    ]


def program_in_words(row: Mapping[str, Any]) -> str:
    """One of them on a line."""
    who = f"{row['job']} of {row['spacecraft']}"
    if row["counts"] is None:
        return f"{who}: {row['why'] or 'unknown, its executor gave no account'}"
    end = row["end"] if row["counts"]["starts"] else "it never started"
    counts = [f"{n:,} {what.replace('_', ' ')}" for what, n in row["counts"].items() if n]
    figures = ", ".join(f"{name} {value:.4g}" for name, value in (row["figures"] or {}).items())
    why = f"; {row['why']}" if row["why"] else ""
    return (
        f"{who}: timing {row['verdict']}, {end}{'; ' if counts else ''}{', '.join(counts)}"
        f"{'; ' + figures if figures else ''}{why}"
    )
