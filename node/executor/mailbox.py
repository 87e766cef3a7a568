"""The jobs of one spacecraft that programs of the user's do, as its step sees them: mail in, mail out.

What the programs say becomes inputs of the plant, where the books of the jobs are. Nothing is kept here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from bus.accelerators import READINGS
from bus.scenario.workload import Job
from bus.wire.executor import EXECUTOR_ID, JobOrder, JobReport
from bus.wire.messages import Message
from node.devices.device import DeviceForm
from node.truth import PlantLike, Values, field

CHECKPOINT, WITH_CHIPS = 2, (1, 2, 3, 5)
"""States of a job; in the latter its process lives."""
PIPELINE_TICKS = 3
"""An order leaves with one tick, its report comes with the next but one. No more is granted ahead of what is confirmed
than what such a program could not have said yet, and the step that it is in."""
_ROUNDING = 1e-9
_TRUTH = ("job_life", "job_state", "job_checkpoint_count", "job_saved_s", "job_work_s", "job_strikes")


class OwnJobs:
    """See the module. `form`, `measured`: the accelerators as their sensors have them."""

    def __init__(
        self, programs: Mapping[int, Job], plant: PlantLike, form: DeviceForm, measured: Values, tick_s: float
    ) -> None:
        self._slots = {job.id: slot for slot, job in programs.items()}
        self._steps_s = {job.id: job.program.step_s for job in programs.values() if job.program is not None}
        self._plant = plant
        self._truth = {name: plant.locate(f"{name}[0]")[0] for name in _TRUTH}  # which stays where it is
        self._measured = measured
        places = {channel.name: place for place, channel in enumerate(form.channels)}
        names = [name.partition(".")[2] for name in places if name.startswith(f"{READINGS[0]}.")]
        rows = {name: [places[f"{reading}.{name}"] for reading in READINGS] for name in names}
        stride, taken = int(field(plant.params, "job_stride")[0]), plant.locate("job_taken[0]")[0]
        self._groups = {
            job.id: [(name, rows[name]) for g, name in enumerate(names) if taken[slot * stride + g] > 0]
            for slot, job in programs.items()
        }
        for job, slot in self._slots.items():
            field(plant.inputs, "job_own_outside")[slot] = 1
            field(plant.inputs, "job_own_window_s")[slot] = PIPELINE_TICKS * tick_s + self._steps_s[job]

    def deliver(self, inbox: Sequence[Message]) -> Sequence[Message]:
        """Take out what programs say; gives what is left. What one says of an earlier life is old."""
        left = []
        for message in inbox:
            body = message.body
            if not isinstance(body, JobReport):
                left.append(message)
            elif message.source == EXECUTOR_ID and body.job in self._slots:
                slot = self._slots[body.job]
                if body.life == self._state("job_life", slot):
                    self._take(slot, body, self._steps_s[body.job])
        return left

    def _take(self, slot: int, report: JobReport, step_s: float) -> None:
        inputs = self._plant.inputs
        if report.ready:
            field(inputs, "job_own_ready")[slot] = report.life + 1
            field(inputs, "job_own_confirmed_s")[slot] = report.steps * step_s
        if report.kept:
            field(inputs, "job_own_kept")[slot] = report.kept
            field(inputs, "job_own_kept_s")[slot] = report.kept_steps * step_s if report.kept_steps >= 0 else -1.0
        if report.event:
            field(inputs, "job_own_event")[slot] = report.event
        if report.roll_back:
            field(inputs, "job_rollback")[slot] = report.roll_back

    def orders(self) -> Iterator[JobOrder]:
        """What each of them is to do."""
        for job, slot in self._slots.items():
            state, step_s = int(self._state("job_state", slot)), self._steps_s[job]
            asked = int(self._state("job_checkpoint_count", slot)) + 1 if state == CHECKPOINT else 0
            yield JobOrder(
                job=job,
                life=int(self._state("job_life", slot)),
                up=state in WITH_CHIPS,
                state=state,
                begin=round(self._state("job_saved_s", slot) / step_s),
                steps=int(self._state("job_work_s", slot) / step_s + _ROUNDING),
                checkpoint=asked,
                strikes=int(self._state("job_strikes", slot)),
                groups=tuple((name, tuple(self._measured[row].tolist())) for name, row in self._groups[job]),
            )

    def _state(self, name: str, slot: int) -> float:
        return float(self._truth[name][slot])
