"""Streams of what happened rather than of what was measured: alarms as the ground had them, and what spacecraft
told of their jobs."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from faults.export.rows import Channel, ns, schema
from faults.recording.recording import Recording
from faults.run_directory import RunDirectory
from groundstation.archive.feed import AlarmStep, Feed
from groundstation.archive.reader import ArchiveReader

_TEXT, _NUMBER = {"type": "string"}, {"type": ["number", "null"]}
_FIGURES = ("work_s", "saved_s", "p99_s")
_JOB_FIELDS = {"job": _TEXT, "state": _TEXT} | dict.fromkeys(_FIGURES, _NUMBER)


def happenings(recording: Recording, directory: RunDirectory) -> Iterator[Channel]:
    """Alarms of the whole fleet, and a stream for each job."""
    if directory.archive.is_file():
        yield Channel(
            "/alarms", "alarm",
            schema({"spacecraft": _TEXT, "subject": _TEXT, "happening": _TEXT, "state": _TEXT, "alarm": _NUMBER,
                    "ground_boot": _NUMBER, "raised_s": _NUMBER}),
            ((ns(step.at_s), _alarm(step)) for step in Feed(directory.archive).alarm_steps()),
        )  # fmt: skip
        for spacecraft in recording.scenario.spacecraft:
            ids = [job.id for job in spacecraft.jobs]
            for place, job in enumerate(ids):
                if f"job_state.{place}" in recording.dictionaries[spacecraft.design].parameter:
                    topic = f"/{spacecraft.id}/jobs/{job}"
                    messages = _job(directory, spacecraft.id, place, job)
                    yield Channel(topic, f"{spacecraft.id}.job.{job}", schema(_JOB_FIELDS), messages)


def _alarm(step: AlarmStep) -> dict[str, Any]:
    return {
        "spacecraft": step.spacecraft, "subject": step.subject, "happening": step.happening, "state": step.state,
        "alarm": step.alarm, "ground_boot": step.ground_boot, "raised_s": step.raised_s,
    }  # fmt: skip


def _job(directory: RunDirectory, spacecraft: str, place: int, job: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """What its spacecraft has told of a job, whenever any of it has changed; when it was made, as far as that is
    known."""
    archive = ArchiveReader(directory.archive)
    dictionary, dating = archive.dictionary(spacecraft), archive.dating(spacecraft)
    told: list[tuple[int, dict[str, Any]]] = []
    for report in archive.reports(spacecraft, holding=frozenset((f"job_state.{place}",))):
        values = dict(report.named())
        state = values[f"job_state.{place}"]
        message: dict[str, Any] = {
            "job": job,
            "state": dictionary.parameter[f"job_state.{place}"].label(state) or f"{state:g}",
        }
        for name in _FIGURES:
            value = values.get(f"job_{name}.{place}")
            message[name] = value if value is not None and math.isfinite(value) else None
        made_ns = dating.made_ns(report.obt_ns, report.received_ns)
        told.append((report.received_ns if made_ns is None else made_ns, message))
    told.sort(key=lambda each: each[0])
    return ((at_ns, each) for (at_ns, each), before in zip(told, [None, *told], strict=False)
            if before is None or each != before[1])  # fmt: skip
