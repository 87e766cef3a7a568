"""What a campaign shows of requirements and of failure modes, both ways, and what nobody covers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from faults.campaign.figures import VERDICTS
from faults.campaign.outcome import Result
from faults.campaign.requirements import RequirementForm
from faults.catalogue.form import FaultForm


def _pattern(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"\$[A-Za-z_][A-Za-z0-9_]*", " ".join(sentence.split()))
    return re.compile(".+".join(map(re.escape, parts)))


def traced(requirements: Sequence[RequirementForm], asked: Sequence[Result]) -> list[dict[str, Any]]:
    """Each requirement: how the sentences that show it were judged, in which cases, and what that comes to."""
    judged: dict[str, list[tuple[int, str]]] = {}
    for result in asked:
        for one in result["expectations"]:
            judged.setdefault(" ".join(one["text"].split()), []).append((result["case"], one["verdict"]))
    rows = []
    for requirement in requirements:
        patterns = [_pattern(sentence) for sentence in requirement.expectations]
        found = [
            case for sentence, cases in judged.items() if any(p.fullmatch(sentence) for p in patterns) for case in cases
        ]
        counts = {verdict: sum(v == verdict for _, v in found) for verdict in VERDICTS}
        state = next((v for v in ("FAIL", "INCONCLUSIVE", "PASS") if counts[v]), "not covered")
        missing = [
            sentence
            for sentence, pattern in zip(requirement.expectations, patterns, strict=True)
            if not any(pattern.fullmatch(known) for known in judged)
        ]
        rows.append({
            "id": requirement.id, "text": requirement.text, "verdict": state, **counts, "not_asked": missing,
            "cases": sorted({number for number, _ in found}),
        })  # fmt: skip
    return rows


def shown_by(requirements: Sequence[RequirementForm], sentence: str) -> list[str]:
    """The other way: the requirements that a sentence shows."""
    plain = " ".join(sentence.split())
    return [one.id for one in requirements if any(_pattern(each).fullmatch(plain) for each in one.expectations)]


def failure_modes(asked: Sequence[Result], catalogue: Mapping[str, FaultForm]) -> list[dict[str, Any]]:
    """Each failure mode of the catalogue: its faults, the cases that have it, and in how many it acted."""
    rows: dict[str, dict[str, Any]] = {}
    for name, form in catalogue.items():
        row = rows.setdefault(form.fmeca, {"id": form.fmeca, "faults": [], "cases": [], "acted": 0, "severity": 4})
        row["faults"].append(name)
        row["severity"] = min(row["severity"], form.severity)
    for result in asked:
        for chain in result["chains"]:
            if chain["fault"] not in catalogue:
                continue
            row = rows[catalogue[chain["fault"]].fmeca]
            row["cases"].append(result["case"])
            row["acted"] += chain["activated_s"] is not None
    for row in rows.values():
        row["cases"] = sorted(set(row["cases"]))
    return sorted(rows.values(), key=lambda row: str(row["id"]))
