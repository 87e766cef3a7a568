"""The reference page of the shipped scenarios: what each is about, and how an anomaly begins, shows and is answered.

What is told stands in the scenarios' own files, as comments before the sentences of `expectations:` and the spacecraft.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bus.text.times import clock
from docs.reference.forms import GENERATED
from faults.scenarios.choose import load_named, shipped_scenarios

TITLES = ("Initial state", "Signature", "FDIR", "Ground", "Score")
_TITLE = re.compile(rf"^\s*# ({'|'.join(TITLES)}): (.*)$")


@dataclass(frozen=True, slots=True)
class Section:
    """A part of an anomaly's story: its title, its words, and the sentences that hold it."""

    title: str
    text: str
    expectations: tuple[str, ...]


def sections(path: Path) -> list[Section]:
    """The parts that a scenario's file marks, in its order; none for one that is no anomaly."""
    found: list[tuple[str, list[str], list[str]]] = []
    open_text = False
    for line in path.read_text(encoding="utf-8").splitlines():
        title = _TITLE.match(line)
        if title:
            found.append((title[1], [title[2]], []))
            open_text = True
        elif open_text and line.strip().startswith("#"):
            found[-1][1].append(line.strip().lstrip("# "))
        else:
            open_text = False
            if found and found[-1][0] != TITLES[0] and line.startswith("  - "):
                found[-1][2].append(line[4:].strip().strip('"'))
    return [Section(title, " ".join(text), tuple(sentences)) for title, text, sentences in found]


def story(path: Path) -> str:
    """The comment at the head of a scenario's file."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        lines.append(line.lstrip("#").strip())
    return "\n".join(lines).strip()


def scenarios_page() -> str:
    """The whole page."""
    lines = [
        "# Shipped scenarios", "", GENERATED, "",
        "`skyrack list scenarios` shows them, `skyrack run NAME` flies one, `skyrack check NAME` says what would fly.",
        "Copy one to begin your own: they are in `faults/scenarios/`, and [this](scenario.md) is what may stand in",
        "them.", "",
        "An **anomaly** retells one that happened, as far as the models go; its head says what they cannot show. It",
        "has an initial state, an injection, a signature, the chain of FDIR with its deadlines, what the ground does,",
        "and a score. The score is of what the mission is for: work done and lost, time without payload, charge kept,",
        "chips unhurt. It is held by sentences like everything else: each anomaly is a regression test.", "",
    ]  # fmt: skip
    for name, path in shipped_scenarios().items():
        lines += _one(name, path)
    return "\n".join(lines)


def _one(name: str, path: Path) -> Iterator[str]:
    scenario = load_named(name).scenario
    yield f"## {name}"
    yield ""
    yield scenario.description
    yield ""
    designs = ", ".join(sorted({spacecraft.design.partition("@")[0] for spacecraft in scenario.spacecraft}))
    many = f"{len(scenario.spacecraft)} spacecraft" if len(scenario.spacecraft) > 1 else "one spacecraft"
    yield f"{many} ({designs}), {clock(scenario.duration_ns / 1e9)}, tick {scenario.tick_ns / 1e9:g} s."
    yield ""
    parts = sections(path)
    if not parts:
        return
    yield story(path)
    yield ""
    for part in parts:
        yield f"- **{part.title}.** {part.text[0].upper()}{part.text[1:]}"
        yield from (f"  - `{sentence}`" for sentence in part.expectations)
    yield ""
