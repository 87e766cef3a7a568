"""Holding the payload's jobs: at the ground's wish, and for a while before the payload is switched off.

A job that is held takes a checkpoint first. Which accelerators run is the payload manager's decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.pus import Severity
from node.devices.equipment import job_labels
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetry

RUN, CHECKPOINT, HOLD = range(3)
"""Orders of the job manager on the hosts."""
MOST_STEPS = 8
"""As many checkpoints of a job are kept."""
_ALL = 0
"""Position of "all" among the labels; job n is at n + 1."""
_JOB = Arg("job", "enum", "number of the job, or all of them", labels=lambda words: job_labels(words.equipment))


@dataclass(slots=True)
class State:
    """`held`: a bit per job that the ground holds (kept). `suspended`: all are held for a shedding, since so long.
    `refused`: kinds of jobs that are not admitted, a bit each; the hosts are told after every boot."""

    held: int = kept(int)
    refused: int = -1
    suspended: bool = False
    waited_ns: int = 0


class WorkloadManager(Component):
    """The jobs on the hosts."""

    name = "workload"
    state: State

    ROLLED_BACK = Event(
        77, "job_rolled_back", Severity.INFORMATIVE, "A job was told to go back to an earlier checkpoint",
        (_JOB, Arg("checkpoints", "int", "how many")),
    )  # fmt: skip

    def __init__(self, on_board: OnBoard) -> None:
        super().__init__(on_board, State())
        self._slots = on_board.equipment.job_slots

    @telemetry("bool", "All jobs are held, by telecommand or before the payload is shed")
    def jobs_held(self) -> bool:
        """No job may run."""
        return self.state.suspended or self.state.held == (1 << self._slots) - 1

    def order_all(self) -> None:
        """Tell every job what it may do."""
        for slot in range(self._slots):
            self.on_board.order("jobs", "job", slot, HOLD if self._stands(slot) else RUN)

    def admit(self, refused: int) -> None:
        """Which kinds of jobs may run, as the payload's regime has it: `refused` has a bit for each that may not. A job
        of such a kind is held by the hosts, after a checkpoint."""
        if refused != self.state.refused:
            self.state.refused = refused
            self.on_board.order("jobs", "refuse", 0, refused)

    def may_switch_off(self, active: float, patience_ns: int) -> bool:
        """Before the payload goes off: hold all jobs, and wait for their checkpoints for at most `patience_ns`."""
        state = self.state
        if active <= 0.0 or state.waited_ns >= patience_ns:
            return True
        if not state.suspended:
            state.suspended = True
            self.order_all()
        state.waited_ns += self.on_board.cycle_ns
        return False

    def go_on(self) -> None:
        """The payload runs (again)."""
        state = self.state
        state.waited_ns = 0
        if state.suspended:
            state.suspended = False
            self.order_all()

    def _stands(self, slot: int) -> bool:
        return self.state.suspended or bool(self.state.held >> slot & 1)

    @function("payload.hold", 24, "Hold a job after a checkpoint; survives a reboot", _JOB)
    def hold(self, job: int) -> Failure:
        """One job or all of them."""
        self._keep_held(self.state.held | self._mask(job))
        return None

    @function("payload.resume", 25, "Let a held job run again", _JOB)
    def resume(self, job: int) -> Failure:
        """One job or all of them."""
        self._keep_held(self.state.held & ~self._mask(job))
        return None

    @function("payload.checkpoint", 26, "Let a job take a checkpoint now", _JOB)
    def checkpoint(self, job: int) -> Failure:
        """Those that are held have one."""
        for slot in range(self._slots):
            if job in {_ALL, slot + 1} and not self._stands(slot):
                self.on_board.order("jobs", "job", slot, CHECKPOINT)
        return None

    @function(
        "payload.rollback", 93, "Throw a job back to an earlier checkpoint, as after a silent error; 1: the last",
        _JOB, Arg("checkpoints", "int", "how many checkpoints to go back", "", 1, MOST_STEPS),
    )  # fmt: skip
    def rollback(self, job: int, checkpoints: int) -> Failure:
        """A service has no checkpoints and goes on; further than those that are kept leads to the start."""
        for slot in range(self._slots):
            if job in {_ALL, slot + 1}:
                self.on_board.order("jobs", "rollback", slot, checkpoints)
        self.event(self.ROLLED_BACK, job, checkpoints)
        return None

    def _mask(self, job: int) -> int:
        return (1 << self._slots) - 1 if job == _ALL else 1 << (job - 1)

    def _keep_held(self, held: int) -> None:
        self.state.held = held
        self.keep()
        self.order_all()
