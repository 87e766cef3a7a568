"""Why the spacecraft of a case that broke an expectation are where they are at its end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bus.dictionary import Dictionary
from bus.trace.reader import TraceReader
from faults.campaign.outcome import Result
from faults.campaign.shared import Flight
from faults.recording.read import read_trace
from faults.why.answer import from_recording

MOST_SPACECRAFT = 4
"""Of one case [A]: the chains are for reading."""


def reasons(flight: Flight, dictionaries: Mapping[str, Dictionary], result: Result) -> dict[str, Any]:
    """The chain of each spacecraft that was struck or did not end well, from the recording alone; empty where no
    expectation was broken."""
    if flight.failure is not None or all(one["verdict"] != "FAIL" for one in result["expectations"]):
        return {}
    struck = {fault["target"] for fault in result["faults"] if fault["at_s"] is not None}
    wanted = [
        name
        for name, end in result["spacecraft"].items()
        if name in struck or end["mode"] != "NOMINAL" or end["host_up"] is False
    ]
    if not wanted:
        return {}
    with TraceReader(flight.trace) as reader:
        recording = read_trace(reader, flight.case.scenario, dict(dictionaries), flight.held).recording
    return {
        name: from_recording(recording, name, recording.end_s).as_json() for name in wanted[:MOST_SPACECRAFT]
    }  # fmt: skip
