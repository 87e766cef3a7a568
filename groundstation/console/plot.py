"""A plot in characters: least and greatest of each stretch in braille dots, limits as lines, both axes labelled."""

from __future__ import annotations

from itertools import pairwise

from rich.text import Text

from groundstation.api import forms
from groundstation.console import words

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
"""Unicode 10.0, block Braille Patterns: the bit of each dot, by column and row from the top."""
LABEL = 10
JOINED, TYPICAL = 0.03, 2.5
"""Values further apart than this share of the width, and than so many times what is usual between them, are not joined:
nobody knows what was between them."""
COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7")


def plot(
    all_series: list[forms.Series], width: int, height: int, cursor_s: float | None = None,
    shadow: forms.Series | None = None,
) -> Text:  # fmt: skip
    """Several parameters over the same time; each scaled alone where their units differ. Empty ones say so. `shadow`:
    whether it was in the Earth's, as it told itself, for a band below."""
    wide, high = max(10, width - LABEL - 1), max(3, height - 2 - len(all_series) - (shadow is not None))
    starts = [each.stretches[0].start_s for each in all_series if each.stretches]
    ends = [each.stretches[-1].start_s + each.width_s for each in all_series if each.stretches]
    text = Text(no_wrap=True)
    for place, series in enumerate(all_series):
        text.append(_legend(series, cursor_s) + "\n", COLOURS[place % len(COLOURS)])
    if not starts:
        return text.append("nothing was archived in this span")
    from_s, to_s = min(starts), max(ends)
    same = len({series.unit for series in all_series}) == 1
    scales = [_scale(all_series if same else [series]) for series in all_series]
    cells = [[(0, "")] * wide for _ in range(high)]
    for place, (series, scale) in enumerate(zip(all_series, scales, strict=True)):
        _draw(cells, series, scale, (from_s, to_s), COLOURS[place % len(COLOURS)])
    column = None if cursor_s is None else int((cursor_s - from_s) / max(to_s - from_s, 1e-9) * wide)
    limits = _limit_rows(all_series[0], scales[0], high)
    low, most = scales[0]
    for row in range(high):
        at = most - (most - low) * row / max(1, high - 1)
        text.append(
            f"{_value(at, all_series[0].unit):>{LABEL}} " if row % 4 == 0 or row == high - 1 else " " * (LABEL + 1),
            "dim",
        )
        for x, (bits, look) in enumerate(cells[row]):
            if bits:
                text.append(chr(0x2800 + bits), look)
            elif x == column:
                text.append("│", "dim")
            else:
                text.append("┄" if row in limits else " ", limits.get(row, ""))
        text.append("\n")
    if shadow is not None:
        text.append(f"{'shadow':>{LABEL}} {_band(shadow, from_s, to_s, wide)}\n", "dim")
    left, right = words.clock(from_s), words.clock(to_s)
    return text.append(f"{' ' * (LABEL + 1)}{left}{right:>{max(1, wide - len(left))}}", "dim")


def _band(shadow: forms.Series, from_s: float, to_s: float, wide: int) -> str:
    """Dark where it was in the shadow, dots where it was not, nothing where nobody knows."""
    told = [(each.start_s, each.last > 0.5) for each in shadow.stretches if each.last is not None]
    places = [(min(wide, max(0, int((at_s - from_s) / max(to_s - from_s, 1e-9) * wide))), dark) for at_s, dark in told]
    far = _far([x for x, _ in places], wide)
    cells = [" "] * wide
    for (x, dark), (following, _) in pairwise([*places, (wide, False)]):
        until = following if following - x <= far else x + 1
        cells[x:until] = ["▓" if dark else "·"] * (until - x)
    return "".join(cells[:wide])


def _far(places: list[int], wide: int) -> float:
    """Beyond which two values, in places from left to right, are not joined."""
    gaps = sorted(after - one for one, after in pairwise(places))
    return max(3.0, wide * JOINED, TYPICAL * gaps[len(gaps) // 2] if gaps else 0.0)


def _legend(series: forms.Series, cursor_s: float | None) -> str:
    last = next((each.last for each in reversed(series.stretches) if each.last is not None), None)
    at = ""
    if cursor_s is not None:
        here = next((s for s in series.stretches if s.start_s <= cursor_s < s.start_s + series.width_s), None)
        at = f", at {words.clock(cursor_s)}: {_value(here.last, series.unit) if here else 'nothing'}"
    gone = ", some was deleted by retention" if series.retired else ""
    return f"━ {series.parameter}: last {_value(last, series.unit)}{at}{gone}"


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return words.UNKNOWN
    return words.celsius(value) if unit == "K" else f"{value:.4g} {unit if unit != '1' else ''}".rstrip()


def _scale(all_series: list[forms.Series]) -> tuple[float, float]:
    """Least and greatest of what is drawn; a limit is drawn where it lies near."""
    numbers = [
        n for series in all_series for each in series.stretches for n in (each.least, each.greatest) if n is not None
    ]
    if not numbers:
        return 0.0, 1.0
    low, high = min(numbers), max(numbers)
    room = (high - low) or abs(high) * 0.1 or 1.0
    for series in all_series:
        for limit in (series.soft_low, series.soft_high, series.hard_low, series.hard_high):
            if limit is not None and low - room <= limit <= high + room:
                low, high = min(low, limit), max(high, limit)
    return (low, high) if high > low else (low - room / 2, high + room / 2)


def _draw(
    cells: list[list[tuple[int, str]]], series: forms.Series, scale: tuple[float, float], span: tuple[float, float],
    look: str,
) -> None:  # fmt: skip
    high, wide = len(cells) * 4, len(cells[0]) * 2
    low, most = scale

    def down(value: float) -> int:
        return min(high - 1, max(0, round((most - value) / (most - low) * (high - 1))))

    def dot(x: int, y: int) -> None:
        bits, _ = cells[y // 4][x // 2]
        cells[y // 4][x // 2] = (bits | _DOTS[x % 2][y % 4], look)

    def across(at_s: float) -> int:
        return min(wide - 1, max(0, int((at_s + series.width_s / 2 - span[0]) / (span[1] - span[0]) * wide)))

    far = _far([across(each.start_s) for each in series.stretches if each.last is not None], wide)
    before: tuple[int, int] | None = None
    for each in series.stretches:
        if each.least is None or each.greatest is None or each.last is None:
            before = None
            continue
        x = across(each.start_s)
        for y in range(down(each.greatest), down(each.least) + 1):
            dot(x, y)
        here = (x, down(each.last))
        if before is not None and x - before[0] <= far:
            for step in range(1, x - before[0]):
                dot(before[0] + step, round(before[1] + (here[1] - before[1]) * step / (x - before[0])))
        before = here


def _limit_rows(series: forms.Series, scale: tuple[float, float], high: int) -> dict[int, str]:
    low, most = scale
    found = {}
    for limit, look in (
        (series.soft_low, "#e69f00"), (series.soft_high, "#e69f00"),
        (series.hard_low, "#d55e00"), (series.hard_high, "#d55e00"),
    ):  # fmt: skip
        if limit is not None and low <= limit <= most:
            found[round((most - limit) / (most - low) * (high - 1))] = look
    return found
