"""The directory of a job whose work a program does: what the program may read there of its accelerators and of what is
wanted, its log, its checkpoints, and the environment that says where all of it is.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from bus.accelerators import CLOCK, CLOCK_METRIC, DCGM, READINGS, shown
from bus.scenario.workload import Job
from bus.wire.executor import JobOrder
from node.devices.definitions import ACCELERATOR_STATES, JOB_STATES
from node.executor.child import Child, Process

ACCELERATORS, METRICS, ORDER, LOG = "accelerators.json", "metrics.prom", "order.json", "log.txt"
STATE = "accelerator_state"


class Desk:
    """One job's. argv: what is executed, program first; where: the folder it is executed in."""

    def __init__(self, folder: Path, spacecraft: str, job: Job, argv: Sequence[str], where: Path) -> None:
        self.folder, self.spacecraft, self.job = folder, spacecraft, job
        self._argv, self._where = argv, where
        self._written: dict[str, str] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, order: JobOrder, time_s: float) -> None:
        """What is wanted, and how its accelerators are. A full disk is no end of a run: then it stays as it was."""
        wanted = {"life": order.life, "state": JOB_STATES[order.state], "begin": order.begin, "steps": order.steps,
                  "checkpoint": order.checkpoint}  # fmt: skip
        with suppress(OSError):
            self._write(ACCELERATORS, json.dumps({"groups": accelerators(order)}, indent=1) + "\n")
            self._write(METRICS, metrics(self.spacecraft, order))
            self._write(ORDER, json.dumps({**wanted, "time_s": time_s}) + "\n")

    def _write(self, name: str, text: str) -> None:
        if self._written.get(name) != text:
            part = self.folder / f".{name}"
            part.write_text(text, encoding="utf-8")
            part.replace(self.folder / name)  # whoever reads it finds the old one or the new one
            self._written[name] = text

    def start(self, order: JobOrder) -> Child:
        """The program, for this life of the job."""
        program = self.job.program
        assert program is not None
        limits = {
            "RLIMIT_AS": program.memory_bytes, "RLIMIT_CPU": max(1, round(program.cpu_s)),
            "RLIMIT_FSIZE": program.file_bytes, "RLIMIT_CORE": 0,
        }  # fmt: skip
        log = self.folder / LOG
        return Process(
            self._argv, self._where, self.environment(order), log, limits, program.processes, program.log_bytes
        )

    def environment(self, order: JobOrder) -> dict[str, str]:
        """The machine's own, without what belongs to the range, and what a program may ask."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("SKYRACK_")}
        return {
            **own,
            "PYTHONUNBUFFERED": "1",
            "SKYRACK_SPACECRAFT": self.spacecraft,
            "SKYRACK_JOB": self.job.id,
            "SKYRACK_JOB_FOLDER": str(self.folder),
            "SKYRACK_BEGIN_STEP": str(order.begin),
            "SKYRACK_LIFE": str(order.life),
            "SKYRACK_ACCELERATOR_COUNT": str(sum(self.job.chips.values())),
            "SKYRACK_ACCELERATORS": json.dumps(accelerators(order)),
            "SKYRACK_ACCELERATORS_FILE": str(self.folder / ACCELERATORS),
            "SKYRACK_METRICS_FILE": str(self.folder / METRICS),
            "SKYRACK_ORDER_FILE": str(self.folder / ORDER),
        }


def accelerators(order: JobOrder) -> dict[str, dict[str, Any]]:
    """Of each group its readings by name, as the sensors of the accelerators have them."""
    found: dict[str, dict[str, Any]] = {}
    for group, values in order.groups:
        row: dict[str, Any] = dict(zip(READINGS, values, strict=True))
        row[STATE] = ACCELERATOR_STATES[int(row[STATE])]
        found[group] = row
    return found


def metrics(spacecraft: str, order: JobOrder) -> str:
    """The same in Prometheus's text format, under DCGM's names."""
    lines = []
    for place, reading in enumerate(READINGS):
        if reading in DCGM:
            name, kind, text = DCGM[reading]
        elif reading == CLOCK:
            (name, text), kind = CLOCK_METRIC, "gauge"
        else:
            continue
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]
        lines += [
            f'{name}{{gpu="{group}",Hostname="{spacecraft}"}} {shown(reading, values[place]):.12g}'
            for group, values in order.groups
        ]
    return "\n".join(lines) + "\n"
