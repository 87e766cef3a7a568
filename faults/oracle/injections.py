"""What became of each injection: whether it acted, was seen, placed, answered, told of, got over, kept small, and the
class of its outcome. One judge for single runs and campaigns.

Works on facts (`faults.recording.facts`), plain values that survive JSON. What an injection did is told apart from what
happens anyway by the control, the same run without it; without a control by the time before the onset. What is not
known is "unknown", never "no".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Facts = Mapping[str, Any]
Row = dict[str, Any]
Event = Mapping[str, Any]

QUESTIONS = (
    "activated", "detected", "isolated", "responded", "recovered", "contained", "reported", "envelope",
)  # fmt: skip
OUTCOMES = (
    "masked", "corrected", "detected-recovered", "degraded", "safe mode", "silent data corruption", "loss",
    "not activated", "unknown",
)  # fmt: skip
WORST_FIRST = (
    "loss", "silent data corruption", "safe mode", "degraded", "unknown", "detected-recovered", "corrected", "masked",
    "not activated",
)  # fmt: skip
RESPONSES = (
    "action_executed",
    "mode_changed",
    "payload_shed",
    "group_shed",
    "lcl_rearmed",
    "job_rolled_back",
    "booted",
)
"""Events that say that something was done about it, beside those that only say what was seen."""
CORRECTIONS = ("memory_corrected",)
"""Events of what was wrong and is put right by the very thing that reports it."""
FALLEN = ("SAFE", "SURVIVAL")
LOW, MEDIUM = 2, 3
"""Severities of ECSS-E-ST-70-41C, as `bus.pus.Severity` has them."""
MOST_STRIKES = 20
"""Rows of one fault on one spacecraft; what is beyond is counted."""
POORER = 0.99
"""Share of the control's payload energy below which a run is degraded [A]."""


def verdicts(facts: Facts, control: Facts | None = None, ids: Iterable[str] | None = None) -> list[Row]:
    """One row for each strike of each fault on each spacecraft, in the order of the faults. `ids`: of these alone."""
    wanted = None if ids is None else set(ids)
    rows: list[Row] = []
    for fault in facts["faults"]:
        if wanted is not None and fault["id"] not in wanted:
            continue
        strikes = fault["strikes"][:MOST_STRIKES] or [[None, None]]
        for number, (at_s, cleared_s) in enumerate(strikes):
            until_s = strikes[number + 1][0] if number + 1 < len(strikes) else None
            rows.append(_row(_Strike(facts, control, fault, number + 1, at_s, cleared_s, until_s)))
    return rows


def worst(rows: Sequence[Row]) -> str | None:
    """The outcome of all of them together; None where nothing was injected."""
    found = {row["outcome"] for row in rows}
    return next((outcome for outcome in WORST_FIRST if outcome in found), None)


class _Strike:
    """One onset of one fault on one spacecraft, with what is known of the time after it."""

    def __init__(  # noqa: PLR0917
        self, facts: Facts, control: Facts | None, fault: Mapping[str, Any], number: int, at_s: float | None,
        cleared_s: float | None, until_s: float | None,
    ) -> None:  # fmt: skip
        self.facts, self.control, self.fault, self.number = facts, control, fault, number
        self.at_s, self.cleared_s, self.until_s = at_s, cleared_s, until_s
        self.target: str = fault["target"]
        self.end: Mapping[str, Any] | None = facts["spacecraft"].get(self.target)
        self.usual: Mapping[str, Any] | None = control["spacecraft"].get(self.target) if control else None
        self.new = self.events_of({self.target}) if at_s is not None else []

    def events_of(self, who: set[str]) -> list[Event]:
        """What these reported from the onset to the next strike, and would not have without it."""
        at_s = self.at_s or 0.0
        mine = [e for e in self.facts["events"] if e["spacecraft"] in who]
        if self.control is not None:
            found = beyond(mine, [e for e in self.control["events"] if e["spacecraft"] in who])
        else:
            before = {(e["spacecraft"], e["name"], *e["words"]) for e in mine if e["at_s"] < at_s}
            found = [e for e in mine if (e["spacecraft"], e["name"], *e["words"]) not in before]
        return [e for e in found if e["at_s"] >= at_s and (self.until_s is None or e["at_s"] < self.until_s)]

    def answer(self, answer: str, at_s: float | None = None, evidence: str = "") -> Row:
        late = None if at_s is None or self.at_s is None else round(at_s - self.at_s, 9)
        return {"answer": answer, "at_s": at_s, "latency_s": late, "evidence": evidence}

    def first(self, events: Sequence[Event], none: str) -> Row:
        """Yes with the first of them; no where all are known, unknown where some were not kept."""
        if events:
            said = ", ".join(events[0]["words"])
            return self.answer("yes", events[0]["at_s"], f"event {events[0]['name']}{' ' + said if said else ''}")
        beyond_count = self.facts["events_beyond"]
        if beyond_count:
            return self.answer("unknown", evidence=f"{beyond_count} events were not kept")
        if self.end is None:
            return self.answer("unknown", evidence=f"{self.target} told nothing")
        return self.answer("no", evidence=none)


def beyond(events: Sequence[Event], usual: Sequence[Event]) -> list[Event]:
    """Events that the control did not have, or not so many of: of one name, the control's number of them is taken from
    the first ones that are no earlier than its own."""
    left: Counter[tuple[str, str]] = Counter((e["spacecraft"], e["name"]) for e in usual)
    times: dict[tuple[str, str], list[float]] = {}
    for event in usual:
        times.setdefault((event["spacecraft"], event["name"]), []).append(event["at_s"])
    found = []
    for event in events:
        key = event["spacecraft"], event["name"]
        if left[key] and event["at_s"] >= times[key][len(times[key]) - left[key]]:
            left[key] -= 1
            continue
        found.append(event)
    return found


def _row(strike: _Strike) -> Row:
    fault = strike.fault
    row: Row = {
        "id": fault["id"], "fault": fault["fault"], "target": strike.target, "strike": strike.number,
        "strikes": len(fault["strikes"]), "planned_s": fault["planned_s"], "refused": fault["refused"],
    }  # fmt: skip
    if strike.at_s is None:
        return {**row, **_never(strike), "outcome": "not activated", "verdict": "INCONCLUSIVE", "waive": fault["waive"]}
    seen = [e for e in strike.new if e["severity"] >= LOW]
    row["activated"] = strike.answer("yes", strike.at_s, "the target said so")
    row["detected"] = strike.first(seen, "no report of low severity or higher that was not there anyway")
    row["isolated"] = strike.first([e for e in seen if names_unit(e, fault["units"])], _no_unit(fault["units"]))
    row["responded"] = strike.first([e for e in strike.new if e["name"] in RESPONSES], "no action was reported")
    row["recovered"] = _recovered(strike)
    row["contained"] = _contained(strike)
    row["reported"] = _reported(strike, seen)
    row["envelope"] = _envelope(strike)
    return {**row, "outcome": _outcome(strike, row, seen), "verdict": "PASS", "waive": fault["waive"]}


def _never(strike: _Strike) -> dict[str, Row]:
    """All answers for a fault that did not act."""
    fault = strike.fault
    if fault["refused"]:
        first = strike.answer("no", evidence=f"refused: {fault['refused']}")
    elif strike.facts["complete"]:
        first = strike.answer("no", evidence="the run ended before it began")
    else:
        first = strike.answer("unknown", evidence="the record ends before the run's end")
    other = strike.answer("unknown", evidence="it never acted")
    return {question: first if question == "activated" else dict(other) for question in QUESTIONS}


def names_unit(event: Event, units: Sequence[Sequence[str]]) -> bool:
    """Whether an event names one of the struck units: by its own name, by a word it carries, or by the reading that the
    row of the FDIR table looks at. A unit is words that all have to be there (`wheel`, `0`)."""
    words = {
        part.replace("-", "_") for name in (event["name"], *event["words"], event["reading"]) for part in _parts(name)
    }
    return any(all(word in words for word in unit) for unit in units)


def _parts(name: str) -> list[str]:
    return [name, *name.split(".")] if name else []


def _no_unit(units: Sequence[Sequence[str]]) -> str:
    return f"no report names {' or '.join(' '.join(unit) for unit in units) or 'what was struck'}"


def _mode_at(end: Mapping[str, Any] | None, at_s: float) -> str | None:
    """The mode that it was in just before."""
    found = [name for since_s, name in end["modes"] if since_s < at_s] if end else []
    return found[-1] if found else None


def _base_mode(strike: _Strike) -> str | None:
    """The mode that it would be in at the end: the control's, or without one that before the onset."""
    if strike.control is not None:
        return strike.usual["mode"] if strike.usual else None
    return _mode_at(strike.end, strike.at_s or 0.0)


def _recovered(strike: _Strike) -> Row:
    end, base = strike.end, _base_mode(strike)
    if end is None or end["host_up"] is None or base is None:
        return strike.answer("unknown", evidence="mode or computer are not known")
    if not end["host_up"]:
        return strike.answer("no", evidence="its computer is down at the end")
    if end["mode"] != base:
        return strike.answer("no", evidence=f"{end['mode']} at the end instead of {base}")
    since_s = max(end["modes"][-1][0] if end["modes"] else 0.0, strike.at_s or 0.0)
    left = since_s > (strike.at_s or 0.0)
    return strike.answer("yes", since_s, f"{base} again" if left else f"{base} all the time")


def _contained(strike: _Strike) -> Row:
    """It went no further than its unit: no fall-back of the whole spacecraft, no restart, nothing on the others."""
    struck = {f["target"] for f in strike.facts["faults"] if f["id"] == strike.fault["id"]}
    others = set(strike.facts["spacecraft"]) - struck
    loud = [e for e in strike.events_of(others) if e["severity"] >= MEDIUM] if others else []
    fallen = [e for e in strike.new if e["name"] == "mode_changed" and set(FALLEN) & set(e["words"][1:2])]
    restarted = [e for e in strike.new if e["name"] == "booted" and strike.fault["seam"] != "host"]
    found = sorted([*loud, *fallen, *restarted], key=lambda e: e["at_s"])
    if found:
        first = found[0]
        who = f" of {first['spacecraft']}" if first["spacecraft"] != strike.target else ""
        return strike.answer("no", first["at_s"], f"event {first['name']}{who} {' '.join(first['words'])}".rstrip())
    if strike.end is None or strike.end["host_up"] is None or strike.facts["events_beyond"]:
        return strike.answer("unknown", evidence="not all of it was recorded")
    if not strike.end["host_up"]:
        return strike.answer("no", evidence="its computer is down at the end")
    return strike.answer("yes", evidence="no fall-back, no restart, nothing on other spacecraft")


def _reported(strike: _Strike, seen: Sequence[Event]) -> Row:
    """When the ground could first know: a report of it left the spacecraft, or the ground raised an alarm."""
    told = sorted((e["sent_s"], f"event {e['name']} was sent") for e in seen if e["sent_s"] is not None)
    alarms = [
        (a["at_s"], f"alarm {a['name']}") for a in strike.facts["alarms"]
        if a["spacecraft"] == strike.target and a["at_s"] >= (strike.at_s or 0.0)
        and (strike.until_s is None or a["at_s"] < strike.until_s)
    ]  # fmt: skip
    usual = {(a["spacecraft"], a["name"]) for a in strike.control["alarms"]} if strike.control else set()
    found = sorted([*told, *(a for a in alarms if (strike.target, a[1].removeprefix("alarm ")) not in usual)])
    if found:
        return strike.answer("yes", *found[0])
    if strike.facts["events_beyond"] or strike.end is None:
        return strike.answer("unknown", evidence="not all reports were kept")
    return strike.answer("no", evidence="nothing of it left the spacecraft" if seen else "there was nothing to report")


def _envelope(strike: _Strike) -> Row:
    """Truth stayed within the limits of the design that are recorded in every run."""
    end = strike.end
    if end is None or not end["envelope"]:
        return strike.answer("unknown", evidence="no limit of its design was recorded")
    usual = {one["signal"] for one in strike.usual["envelope"] if one["since_s"] is not None} if strike.usual else set()
    left = [
        one for one in end["envelope"]
        if one["since_s"] is not None and one["last_s"] >= (strike.at_s or 0.0) and one["signal"] not in usual
    ]  # fmt: skip
    if left:
        first = min(left, key=lambda one: one["since_s"])
        since_s = max(first["since_s"], strike.at_s or 0.0)
        told = f"{first['signal']} {first['worst']:.6g}, limit {first['limit']:.6g}"
        return strike.answer("no", since_s, told)
    if any(one["worst"] is None for one in end["envelope"]):
        return strike.answer("unknown", evidence="a signal of it has gaps")
    return strike.answer("yes", evidence=", ".join(one["signal"] for one in end["envelope"]))


def _outcome(strike: _Strike, row: Row, seen: Sequence[Event]) -> str:
    end, usual = strike.end, strike.usual
    if end is None or end["host_up"] is None or (strike.control is not None and usual is None):
        return "unknown"
    if not end["host_up"]:
        return "loss" if usual is None or usual["host_up"] else "unknown"
    base = _base_mode(strike)
    if end["mode"] is None or base is None:
        return "unknown"
    if end["mode"] in FALLEN and end["mode"] != base:
        return "safe mode"
    silent_s = strike.fault["silent_s"]
    if silent_s is not None and silent_s >= (strike.at_s or 0.0) and not seen:
        return "silent data corruption"
    if usual is not None:
        if end["payload_j"] is None or usual["payload_j"] is None:
            return "unknown"
        if end["payload_j"] < POORER * usual["payload_j"]:
            return "degraded"
    elif end["shed"]:
        return "degraded"
    if not seen:
        if row["detected"]["answer"] == "unknown":
            return "unknown"
        return "corrected" if strike.fault["corrected_s"] is not None else "masked"
    if all(e["name"] in CORRECTIONS for e in seen):
        return "corrected"
    return "detected-recovered" if row["recovered"]["answer"] == "yes" else "degraded"
