"""Facts about a made-up run of two spacecraft, a and b, for the judges of injections."""

from __future__ import annotations

from typing import Any


def fault(*strikes_s: float | None, **fields: Any) -> dict[str, Any]:
    """The fault f on spacecraft a, string_1 of its array."""
    strikes = [[at_s, None] for at_s in strikes_s if at_s is not None]
    return {
        "id": "f", "fault": "string_open", "target": "a", "seam": "plant", "planned_s": 5.0,
        "at_s": strikes[0][0] if strikes else None, "cleared_s": None, "strikes": strikes, "refused": "",
        "units": [["string_1"]], "planned": True, "waive": "", "silent_s": None, "corrected_s": None, **fields,
    }  # fmt: skip


def event(at_s: float, name: str, *words: str, who: str = "a", severity: int = 3, reading: str = "") -> dict[str, Any]:
    """An event that was sent a second later."""
    return {
        "at_s": at_s, "spacecraft": who, "name": name, "severity": severity, "sent_s": at_s + 1.0,
        "words": list(words), "reading": reading,
    }  # fmt: skip


def facts(faults: list[dict[str, Any]], events: list[dict[str, Any]], **end: Any) -> dict[str, Any]:
    """The run; fields of how a ended."""
    usual = {
        "mode": "NOMINAL", "modes": [[0.0, "NOMINAL"]], "host_up": True, "boots": 1.0, "least_soc": 0.5,
        "payload_j": 100.0, "shed": False,
        "envelope": [{"signal": "battery_soc", "limit": 0.05, "worst": 0.5, "since_s": None, "last_s": None}],
    }  # fmt: skip
    return {
        "complete": True, "faults": faults, "events": events, "events_beyond": 0,
        "spacecraft": {"a": {**usual, **end}, "b": usual}, "alarms": [],
    }  # fmt: skip
