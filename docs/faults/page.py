"""The page of failure modes: every fault of the catalogue by FMECA id, how soon it is critical and which rows of the
FDIR table are there for it."""

from __future__ import annotations

from docs.reference.forms import GENERATED, table
from faults.catalogue.answers import answers
from faults.catalogue.form import FaultForm
from faults.catalogue.resolve import FAULTS

SUBSYSTEMS = {
    "AOC": "Attitude", "DEV": "Devices and sensors", "ENV": "Surroundings", "EPS": "Power", "GND": "Ground",
    "ISL": "Optical links", "NAV": "Navigation", "OBC": "Computer", "PAY": "Accelerators and jobs", "PRP": "Propulsion",
    "TCS": "Heat", "TTC": "Radio links",
}  # fmt: skip


def failure_modes_page() -> str:
    """The whole page."""
    rows: dict[str, list[tuple[str, ...]]] = {}
    for name, form in sorted(FAULTS.items(), key=lambda one: one[1].fmeca):
        kinds = [kind for kind, faults in answers().items() if name in faults]
        rows.setdefault(form.fmeca[:3], []).append((
            form.fmeca, f"`{name}`", str(form.severity), form.criticality, form.criticality_why,
            "<br>".join(f"`{kind}`" for kind in kinds) or "none", _hidden(form),
        ))  # fmt: skip
    lines = [
        "# Failure modes", "", GENERATED, "",
        "Every fault of the [catalogue](../reference/faults.md) by its FMECA id. *Critical after*: from the onset,",
        "with the parameters of the fault's example and nobody to answer it, to the first limit that truth leaves,",
        "flown for a day on the design of the example (`python -m docs.faults.make_criticality`); none: a day does",
        "not bring it there; unknown: see why. *Rows*: those of the [FDIR table](../reference/fdir.md) that are there",
        "for it.", "",
    ]  # fmt: skip
    heads = ("FMECA", "fault", "severity", "critical after", "why", "rows", "not seen on board")
    for subsystem, entries in rows.items():
        lines += [f"## {SUBSYSTEMS[subsystem]}", "", *table(heads, entries)]
    return "\n".join(lines)


def _hidden(form: FaultForm) -> str:
    reasons = [f"within minutes: {form.unseen}"] if form.unseen else []
    reasons += [f"{so.replace('_', ' ')}: {why}" for so, why in form.hidden.model_dump().items() if why]
    return "<br>".join(reasons)
