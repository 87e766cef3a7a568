"""The pictures of a campaign's report, drawn by Plotly in the reader's browser. Each says in a table what it shows;
here are the drawings alone. Nothing is fetched: the page carries the library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from faults.campaign.figures import by_fault, criticality_s, spread
from faults.campaign.outcome import Result
from faults.catalogue.form import FaultForm
from faults.report.drawing import drawn

MOST_LABEL = 34
MOST_ROWS = 120
"""Rows of a matrix or faults of a picture; the tables have more."""
MOST_COLUMNS = 60
ROW_PX, LEAST_PX = 22, 240
FEW = 8
"""Up to so many, an axis that counts has every whole number, and no half ones."""
DETECTED, ANSWERED, CRITICAL = "#0072b2", "#009e73", "#d55e00"
RECOVERED = "#cc79a7"
STAGES = (
    ("detected_s", "detected", DETECTED),
    ("responded_s", "answered", ANSWERED),
    ("recovered_s", "recovered", RECOVERED),
)
STATES = ("not flown", "PASS", "INCONCLUSIVE", "FAIL")
_SCALE = ("#8f9aa5", "#56b4e9", "#e69f00", "#d55e00")
"""Of Okabe and Ito's palette (2008), told apart by people with any colour vision, with dark words on all of them."""


def short(text: str) -> str:
    """A label that leaves room for the picture."""
    return text if len(text) <= MOST_LABEL else f"{text[: MOST_LABEL - 1]}…"


def _distinct(labels: Sequence[str]) -> list[str]:
    """Shortened, and still told apart: Plotly puts equal labels into one row."""
    seen: dict[str, int] = {}
    found = []
    for label in map(short, labels):
        seen[label] = seen.get(label, 0) + 1
        found.append(label if seen[label] == 1 else f"{label} ({seen[label]})")
    return found


def matrix(asked: Sequence[Result]) -> str:
    """The two variables with most values against each other, by the worst verdict and the commonest outcome."""
    values = list(spread(asked).items())
    if not values:
        return ""
    (down, rows), (across, columns) = values[0], values[1] if len(values) > 1 else ("", [""])
    rows, columns = rows[:MOST_ROWS], columns[:MOST_COLUMNS]
    cells: dict[tuple[str, str], list[Result]] = {}
    for result in asked:
        key = result["values"][down], result["values"][across] if across else ""
        cells.setdefault(key, []).append(result)
    found = [[cells.get((row, column), []) for column in columns] for row in rows]
    ends = [[_ends(cell) for cell in row] for row in found]
    steps = [[place / 4, colour] for colour in _SCALE for place in (_SCALE.index(colour), _SCALE.index(colour) + 1)]
    drawing = {
        "type": "heatmap", "x": _distinct(columns), "y": _distinct(rows), "z": [[_worst(c) for c in r] for r in found],
        "text": ends, "zmin": -0.5, "zmax": 3.5, "colorscale": steps, "xgap": 2, "ygap": 2,
        "hovertemplate": f"{escape(down)} %{{y}}<br>{escape(across)} %{{x}}<br>%{{text}}<extra></extra>",
        "colorbar": {"tickvals": [0, 1, 2, 3], "ticktext": list(STATES), "thickness": 14, "lenmode": "pixels",
                     "len": 170, "y": 1, "yanchor": "top"},
    }  # fmt: skip
    if len(columns) <= 12:
        drawing.update(texttemplate="%{text}", textfont={"color": "#10161d", "size": 11 if len(columns) <= FEW else 9})
    layout = {
        "height": max(LEAST_PX, ROW_PX * len(rows) + 90),
        "yaxis": {"autorange": "reversed", "automargin": True, "type": "category"},
        "xaxis": {"automargin": True, "type": "category", "side": "top"},
    }
    caption = f"{escape(down)} down" + (f", {escape(across)} across" if across else "")
    words = f"<p class='soft'>{caption}. Colour: the worst verdict; words: how the spacecraft ended.</p>"
    return words + drawn("matrix", f"{down} against {across}, by verdict and outcome", [drawing], layout)


def _worst(cell: Sequence[Result]) -> int:
    return max((STATES.index(result["verdict"]) for result in cell), default=0)


def _ends(cell: Sequence[Result]) -> str:
    """`safe mode 2, masked`, the commonest first."""
    number: dict[str, int] = {}
    for result in cell:
        number[result["outcome"] or result["verdict"]] = number.get(result["outcome"] or result["verdict"], 0) + 1
    ordered = sorted(number.items(), key=lambda one: -one[1])
    return ", ".join(f"{name} {n}" if len(cell) > 1 else name for name, n in ordered)


def latencies(asked: Sequence[Result]) -> str:
    """How many injections were seen, answered and recovered from within which time."""
    chains = [chain for chains in by_fault(asked).values() for chain in chains]
    bars: list[dict[str, Any]] = []
    for what, name, colour in STAGES:
        counts = _bins([chain[what] for chain in chains if chain.get(what) is not None])
        if counts:
            bars.append({
                "type": "bar", "name": name, "x": [_in_words(edge) for edge in sorted(counts)],
                "y": [counts[edge] for edge in sorted(counts)], "marker": {"color": colour},
                "hovertemplate": "%{y} " + name + " within %{x}<extra></extra>",
            })  # fmt: skip
    if not bars:
        return ""
    used = {edge for bar in bars for edge in bar["x"]}
    edges = [_in_words(edge) for edge in EDGES_S if _in_words(edge) in used]
    layout = {
        "height": 300, "barmode": "group", "bargap": 0.15,
        "xaxis": {"automargin": True, "type": "category", "categoryorder": "array", "categoryarray": edges,
                  "title": {"text": "within, after the fault began to act"}},
        "yaxis": {"automargin": True, "title": {"text": "injections"}, "rangemode": "tozero",
                  **({"dtick": 1} if max(n for bar in bars for n in bar["y"]) <= FEW else {})},
    }  # fmt: skip
    return drawn(
        "latencies", "how many injections were detected, answered and recovered from after how long", bars, layout
    )


EDGES_S = (1.0, 2.0, 5.0, 10.0, 20.0, 60.0, 120.0, 300.0, 600.0, 1200.0, 3600.0, 7200.0, 21600.0, 86400.0, 31622400.0)


def _bins(seconds: Sequence[float]) -> dict[float, int]:
    counts: dict[float, int] = {}
    for value in seconds:
        edge = next((edge for edge in EDGES_S if value <= edge), EDGES_S[-1])
        counts[edge] = counts.get(edge, 0) + 1
    return counts


def _in_words(edge_s: float) -> str:
    if edge_s >= 31622400.0:
        return "longer"
    unit, size = next(one for one in (("h", 3600.0), ("min", 60.0), ("s", 1.0)) if edge_s >= one[1])
    return f"{edge_s / size:g} {unit}"


def against_criticality(asked: Sequence[Result], catalogue: Mapping[str, FaultForm]) -> str:
    """Each fault's longest detection and answer beside the time after which it is critical, where that is known."""
    kinds = by_fault([{"chains": [c for c in result["chains"] if c["activated_s"] is not None]} for result in asked])
    names = list(kinds)[:MOST_ROWS]

    def points(what: str) -> list[float | None]:
        found = [[c[what] for c in kinds[name] if c[what] is not None] for name in names]
        return [max(0.1, *seconds) if seconds else None for seconds in found]

    limits = [criticality_s(catalogue.get(name)) for name in names]
    series = [
        (
            "detected, longest",
            points("detected_s"),
            {"color": DETECTED, "symbol": "circle-open", "size": 14, "line": {"width": 2.5}},
        ),
        ("answered, longest", points("responded_s"), {"color": ANSWERED, "symbol": "diamond", "size": 8}),
        ("critical", limits, {"color": CRITICAL, "symbol": "line-ns-open", "size": 15, "line": {"width": 3}}),
    ]
    data = [
        {"type": "scatter", "mode": "markers", "name": name, "x": seconds, "y": names, "marker": marker,
         "hovertemplate": "%{y}: " + name + " after %{x:.3g} s<extra></extra>"}
        for name, seconds, marker in series
        if any(value is not None for value in seconds)
    ]  # fmt: skip
    if not data:
        return ""
    layout = {
        "height": max(LEAST_PX, ROW_PX * len(names) + 90),
        "xaxis": {"type": "log", "automargin": True, "title": {"text": "after the fault began to act"},
                  "tickvals": [0.1, *EDGES_S[:-1]], "ticktext": ["0.1 s", *map(_in_words, EDGES_S[:-1])]},
        "yaxis": {"type": "category", "automargin": True, "autorange": "reversed", "categoryorder": "array",
                  "categoryarray": names},
    }  # fmt: skip
    told = "the longest detection and answer of each fault beside its time to criticality"
    return drawn("criticality", told, data, layout)
