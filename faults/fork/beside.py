"""Two runs beside each other: where they part first, signals overlaid, expectations of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from bus.errors import SkyrackError
from bus.text.times import clock
from bus.trace.reader import TraceReader
from faults.oracle.judge import Judgement
from faults.recording.belief import form_of
from faults.recording.recording import EventRecord, Recording
from faults.report.html import badge, page, table, tiles
from faults.report.svg import Chart, Line, Panel, draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

SHOWN = (
    "battery_soc", "mode", "array_power_w", "load_power_w", "payload_power_w", "main_bus_voltage_v", "host_up",
)  # fmt: skip
MOST_PANELS = 10
UNITS = {"w": "W", "k": "K", "v": "V", "j": "J", "s": "s", "m": "m", "rad": "rad", "kg": "kg"}
"""By the last word of a signal's name."""
MOST_ROWS = 200


def compare(
    first: Recording, second: Recording, judged: Sequence[Sequence[Judgement]], parted: dict[str, Any] | None
) -> dict[str, Any]:
    """The two in numbers. `parted`: see `first_difference`."""
    signals = []
    for key, values in first.signals.items():
        other = second.signals.get(key)
        if other is not None:
            row = _difference(first.times_s, values, other)
            if row is not None:
                words = _said(_labels(first, *key), row)
                signals.append({"spacecraft": key[0], "signal": key[1], **row, "words": words})
    return {
        "same": parted is None and first.trace_hash == second.trace_hash,
        "parted": parted,
        "signals": sorted(signals, key=lambda row: (row["since_s"], row["spacecraft"], row["signal"])),
        "events": [_events(first, second, "first"), _events(second, first, "second")],
        "expectations": _expectations(*judged),
        "trace_hashes": [first.trace_hash, second.trace_hash],
    }


def first_difference(first: Recording, second: Recording, traces: Sequence[Any]) -> dict[str, Any] | None:
    """The first tick whose record differs, and who answered differently; None where the shorter one has none."""
    tick_s = first.scenario.tick_ns / 1e9
    try:
        with TraceReader(traces[0]) as one, TraceReader(traces[1]) as other:
            for here, there in zip(one, other, strict=False):
                mine = {answer.id: answer.digest for answer in here.answers}
                who = [answer.id for answer in there.answers if answer.digest != mine.get(answer.id)]
                if who:
                    return {"tick": here.tick, "at_s": here.tick * tick_s, "who": who}
    except SkyrackError as error:
        return {"tick": None, "at_s": None, "who": [], "error": error.message}
    return None


def _labels(run: Recording, spacecraft: str, signal: str) -> tuple[str, ...]:
    """Words for the values of a signal that is no number."""
    design = next((one.design for one in run.scenario.spacecraft if one.id == spacecraft), "")
    form = form_of(run, design, signal)
    return form.labels if form is not None else ()


def _said(labels: Sequence[str], row: Mapping[str, Any]) -> str:
    """`by at most 3`, or `SAFE instead of NOMINAL` of what is no number."""
    now, was = row["since_values"][1], row["since_values"][0]
    if not labels:
        return f"by at most {row['most']:.6g}" if row["most"] else "known in one of them only"
    return " instead of ".join(
        labels[int(value)] if value is not None and 0 <= value < len(labels) else "not known" for value in (now, was)
    )


def _difference(times_s: Floats, one: Floats, other: Floats) -> dict[str, Any] | None:
    """Since when, from which values on, and by how much at most two signals differ; unknown against unknown is no
    difference."""
    import numpy as np  # noqa: PLC0415

    n = min(one.size, other.size)
    a, b = one[:n], other[:n]
    apart = ~((a == b) | (np.isnan(a) & np.isnan(b)))
    if not apart.any():
        return None
    size, since = np.abs(a - b), int(np.argmax(apart))
    return {
        "since_s": float(times_s[since]),
        "since_values": [float(v[since]) if np.isfinite(v[since]) else None for v in (a, b)],
        "most": float(np.nanmax(size)) if not np.isnan(size).all() else None,
    }


def _events(mine: Recording, others: Recording, which: str) -> dict[str, Any]:
    """Events that only one of the two has, by spacecraft, name and mission time."""

    def key(event: EventRecord) -> tuple[str, str, float | None]:
        return event.spacecraft, event.name, event.at_s

    known = {key(event) for event in others.events}
    rows = [
        {"at_s": event.at_s, "spacecraft": event.spacecraft, "name": event.name}
        for event in mine.events
        if key(event) not in known
    ]
    return {"run": which, "number": len(rows), "first": rows[:MOST_ROWS]}


def _expectations(first: Sequence[Judgement], second: Sequence[Judgement]) -> list[dict[str, Any]]:
    known = {one.text: one for one in first}
    return [
        {
            "text": one.text,
            "first": known[one.text].verdict if one.text in known else None,
            "second": one.verdict,
            "margins": [known[one.text].robustness if one.text in known else None, one.robustness],
        }
        for one in second
    ]


def render(first: Recording, second: Recording, found: Mapping[str, Any], names: tuple[str, str]) -> str:
    """The page."""
    parted = found["parted"]
    body = [
        f"<header><div><h1>{escape(first.scenario.name)}, forked</h1>"
        f"<p class='soft'>{escape(names[0])} beside {escape(names[1])}</p></div></header>",
        tiles([
            ("to the bit" if found["same"] else "not the same", "the two runs"),
            (clock(parted["at_s"]) if parted and parted["at_s"] is not None else "nowhere", "they part at"),
            (", ".join(parted["who"][:3]) if parted else "nobody", "sends something else first"),
            (str(len(found["signals"])), "signals that differ"),
        ]),
        "<h2>Expectations</h2><div class='card'>" + table(
            ["expectation", names[0], names[1], "margins"],
            [[escape(row["text"]), badge(row["first"]) if row["first"] else "not asked", badge(row["second"]),
              escape(" / ".join("" if m is None else f"{m:.4g}" for m in row["margins"]))]
             for row in found["expectations"]],
            empty="Nothing is expected.",
        ) + "</div>",
    ]  # fmt: skip
    spacecraft = list(dict.fromkeys(row["spacecraft"] for row in found["signals"]))
    body += [
        f"<h2>{escape(one)}</h2><div class='card scroll'>{_overlay(first, second, found, one)}</div>"
        for one in spacecraft
    ]
    body.append("<h2>Signals</h2><div class='card'>" + table(
        ["spacecraft", "signal", "differs since", "how"],
        [[escape(row["spacecraft"]), escape(row["signal"]), clock(row["since_s"]), escape(row["words"])]
         for row in found["signals"][:MOST_ROWS]],
        empty="Every recorded signal is the same.",
    ) + "</div>")  # fmt: skip
    for name, events in zip(names, found["events"], strict=True):
        body.append(f"<h2>Events only in {escape(name)}</h2><div class='card'>" + table(
            ["at", "spacecraft", "event"],
            [[clock(row["at_s"]) if row["at_s"] is not None else "not known", escape(row["spacecraft"]),
              escape(row["name"])] for row in events["first"]],
            empty="None.",
        ) + "</div>")  # fmt: skip
    return page(f"{first.scenario.name}, forked", body)


def _title(signal: str) -> tuple[str, str]:
    """A signal's name in words that can be broken, and its unit."""
    base, bracket, part = signal.partition("[")
    head, _, last = base.rpartition("_")
    words = (head if head and last in UNITS else base).replace("_", " ")
    return (f"{words} {part.removesuffix(']')}" if bracket else words), UNITS.get(last, "") if head else ""


def _overlay(first: Recording, second: Recording, found: Mapping[str, Any], spacecraft: str) -> str:
    differ = [row["signal"] for row in found["signals"] if row["spacecraft"] == spacecraft]
    chosen = [name for name in SHOWN if name in differ]
    chosen += [name for name in differ if name not in chosen and not name.endswith(("_generated", "_on_board"))]
    parts = [
        Panel(
            *_title(name),
            [Line("as flown", first.signals[spacecraft, name], 0),
             Line("forked", second.signals[spacecraft, name], 1, times_s=second.times_s)],
            labels=_labels(first, spacecraft, name),
        )
        for name in chosen[:MOST_PANELS]
    ]  # fmt: skip
    parted = found["parted"]
    marks = [(parted["at_s"], "m-fault", "they part")] if parted and parted["at_s"] is not None else []
    if not parts:
        return "<p class='soft'>Only counts differ.</p>"
    chart = Chart(first.times_s, max(first.end_s, second.end_s), parts, marks=marks)
    left = len(chosen) - len(parts)
    more = f"<p class='soft'>and {left} more signals, in the table below</p>" if left > 0 else ""
    return draw(chart, f"{spacecraft}: what differs, as flown and forked") + more
