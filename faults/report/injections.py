"""The table of verdicts per injection: what became of each fault, question by question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from bus.text.times import clock
from faults.oracle.injections import QUESTIONS
from faults.report.html import badge, table

MOST_ROWS = 500
"""Injections that the page shows; summary.json has all."""
GOOD = ("contained", "envelope", "recovered", "activated")
"""Questions whose no has a reason of its own."""
_HEADS = {"envelope": "envelope kept"}


def injections_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """A row for each strike. Answers are words, with the latency and what they rest on: nothing hangs on colour."""
    heads = ["Id", "Target", "Verdict", "Outcome", *(_HEADS.get(one, one).capitalize() for one in QUESTIONS)]
    body = [
        [
            f"<code>{escape(row['id'])}</code>" + (f" {row['strike']}" if row["strikes"] > 1 else ""),
            escape(row["target"]),
            badge(row["verdict"])
            + (f"<br><span class='soft'>waived: {escape(row['waive'])}</span>" if _waived(row) else ""),
            escape(row["outcome"]),
            *(_answer(row[question], first=question == "activated", good=question in GOOD) for question in QUESTIONS),
        ]
        for row in rows[:MOST_ROWS]
    ]
    more = f"<p class='soft'>and {len(rows) - MOST_ROWS:,} more</p>" if len(rows) > MOST_ROWS else ""
    return table(heads, body, empty="Nothing was broken.") + more


def _waived(row: Mapping[str, Any]) -> bool:
    return bool(row["waive"]) and row["verdict"] == "INCONCLUSIVE"


def _answer(answer: Mapping[str, Any], *, first: bool, good: bool) -> str:
    """With what it rests on, where that is more than nothing having been there."""
    told = answer["answer"]
    if first and answer["at_s"] is not None:
        return f"at {clock(answer['at_s'])}"
    late = "" if answer["latency_s"] is None else f" after {answer['latency_s']:g} s"
    evidence = answer["evidence"]
    if not (evidence.startswith(("event", "alarm")) or told == "unknown" or (told == "no") == good):
        return f"{told}{late}"
    return f"{told}{late}<br><span class='soft'>{escape(evidence)}</span>"


def injection_in_words(row: Mapping[str, Any]) -> str:
    """One line for a terminal: outcome, and each answer with its latency."""
    strike = f" (strike {row['strike']} of {row['strikes']})" if row["strikes"] > 1 else ""
    head = f"{row['target']} {row['id']}{strike}: {row['verdict']}, {row['outcome']}"
    if row["activated"]["at_s"] is None:
        waived = f"; waived: {row['waive']}" if row["waive"] else ""
        return f"{head}: {row['activated']['evidence']}{waived}"
    answers = []
    for question in QUESTIONS[1:]:
        answer = row[question]
        late = (
            f" after {answer['latency_s']:g} s" if answer["answer"] == "yes" and answer["latency_s"] is not None else ""
        )
        answers.append(f"{_HEADS.get(question, question)} {answer['answer']}{late}")
    return f"{head} at {clock(row['activated']['at_s'])}: {', '.join(answers)}"
