"""What a search has tried: how many sequences, which faults and telecommands, in which modes, in light and shadow."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from faults.search.flights import Flown
from faults.search.space import Space


@dataclass(slots=True)
class Tried:
    """Counted flight by flight."""

    space: Space
    flown: int = 0
    failed: int = 0
    lengths: Counter[int] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    acted: Counter[str] = field(default_factory=Counter)
    modes: Counter[str] = field(default_factory=Counter)
    lights: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def take(self, flown: Flown) -> None:
        """One flight more."""
        self.flown += 1
        self.failed += bool(flown.failure)
        self.lengths[len(flown.steps)] += 1
        self.kinds.update({str(step.kind) for step in flown.steps})
        self.acted.update({f"{one.target} {one.fault}" for one in flown.struck})
        self.modes.update(one.mode or "unknown" for one in flown.struck)
        light = {True: "sunlit", False: "shadow", None: "unknown"}
        self.lights.update(light[one.sunlit] for one in flown.struck)
        self.refused.update(flown.refused)
        self.unknown.update(one.reason for one in flown.judgements if one.verdict == "INCONCLUSIVE")

    def as_dict(self) -> dict[str, Any]:
        """For search.json."""
        faults = [str(kind) for kind in self.space.kinds if kind.what == "fault"]
        asked = [str(kind) for kind in self.space.kinds if kind.what == "telecommand"]
        return {
            "sequences": self.flown, "failed": self.failed,
            "by_steps": {str(length): count for length, count in sorted(self.lengths.items())},
            "faults": {"allowed": len(faults), "tried": sum(name in self.kinds for name in faults),
                       "acted": sum(name in self.acted for name in faults)},
            "never_acted": [name for name in faults if name in self.kinds and name not in self.acted],
            "telecommands": {"allowed": len(asked), "tried": sum(name in self.kinds for name in asked)},
            "onsets_by_mode": dict(sorted(self.modes.items())), "onsets_by_light": dict(sorted(self.lights.items())),
            "refused": dict(self.refused.most_common(20)), "inconclusive": dict(self.unknown.most_common(20)),
        }  # fmt: skip

    def words(self) -> list[str]:
        """The same in a few lines."""
        rows = self.as_dict()
        faults, asked = rows["faults"], rows["telecommands"]
        lengths = ", ".join(f"{count} of {length}" for length, count in rows["by_steps"].items())
        lines = [
            f"tried {self.flown} sequences ({lengths} step{'' if list(rows['by_steps']) == ['1'] else 's'})",
            f"faults tried: {faults['tried']} of {faults['allowed']}, of which {faults['acted']} acted; "
            f"telecommands: {asked['tried']} of {asked['allowed']}",
        ]
        if self.modes:
            modes = ", ".join(f"{mode} {count}" for mode, count in rows["onsets_by_mode"].items())
            lights = ", ".join(f"{light} {count}" for light, count in rows["onsets_by_light"].items())
            lines.append(f"onsets: {modes}; {lights}")
        if self.unknown:
            lines.append(f"inconclusive: {'; '.join(f'{why} ({n})' for why, n in self.unknown.most_common(3))}")
        return lines
