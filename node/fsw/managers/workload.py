"""Holding the payload's jobs: at the ground's wish, and for a while before the payload is switched off. And their
checkpoints before it gets dangerous: ahead of a predicted shadow, and where the radiation of the anomaly begins.

A job that is held takes a checkpoint first. Which accelerators run is the payload manager's decision.
"""

from __future__ import annotations

from dataclasses import dataclass

from bus.dictionary import OnBoardParameter
from bus.pus import Severity
from node.devices.equipment import job_labels
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, function, kept, telemetered, telemetry
from node.fsw.datapool import Layout
from node.fsw.managers.acquisition import Acquisition
from node.fsw.managers.shadow import ShadowEstimator

RUN, CHECKPOINT, HOLD = range(3)
"""Orders of the job manager on the hosts."""
MOST_STEPS = 8
"""As many checkpoints of a job are kept."""
REASONS = ("shadow", "radiation")
AHEAD_OF_SHADOW, AHEAD_OF_RADIATION = range(2)
_ALL = 0
"""Position of "all" among the labels; job n is at n + 1."""
_JOB = Arg("job", "enum", "number of the job, or all of them", labels=lambda words: job_labels(words.equipment))


@dataclass(slots=True)
class State:
    """`held`: a bit per job that the ground holds (kept). `suspended`: all are held for a shedding, since so long.
    `refused`: kinds of jobs that are not admitted, a bit each; the hosts are told after every boot. `before_shadow`,
    `in_radiation`: a checkpoint was ordered for the shadow that comes, or for the passage that began."""

    held: int = kept(int)
    refused: int = -1
    checkpoints_ordered: int = telemetered("int", "Checkpoints ordered ahead of shadows and of radiation")
    suspended: bool = False
    waited_ns: int = 0
    before_shadow: bool = False
    in_radiation: bool = False


class WorkloadManager(Component):
    """The jobs on the hosts."""

    name = "workload"
    state: State

    ROLLED_BACK = Event(
        77, "job_rolled_back", Severity.INFORMATIVE, "A job was told to go back to an earlier checkpoint",
        (_JOB, Arg("checkpoints", "int", "how many")),
    )  # fmt: skip

    ORDERED = Event(
        78, "checkpoint_ordered", Severity.INFORMATIVE, "All jobs were told to take a checkpoint",
        (Arg("reason", "enum", "why", labels=REASONS),),
    )  # fmt: skip
    SHADOW_LEAD = OnBoardParameter(
        name="workload.shadow_lead_s", unit="s", description="Time before a predicted shadow for a checkpoint, 0: none",
        default=240.0, low=0.0, high=3600.0,
    )  # fmt: skip
    # Behind 10 mm of aluminium the South Atlantic Anomaly gives up to 4.1e-6 Gy/s at 650 km (2.7e-6 at solar maximum),
    # everywhere else at most 2.9e-9 (1.2e-9): in between lies its edge alone, and 96 % of the dose above (the plant's
    # flux table). 340 km at 45 degrees has 5.6e-7 (2.5e-7), and half of the dose or more above [A].
    RADIATION = OnBoardParameter(
        name="workload.radiation_gy_s", unit="Gy/s", description="Dose rate from which jobs take a checkpoint, 0: none",
        default=1e-7, low=0.0, high=1.0,
    )  # fmt: skip

    def __init__(self, on_board: OnBoard, layout: Layout, acquisition: Acquisition, shadow: ShadowEstimator) -> None:
        super().__init__(on_board, State())
        self._slots = on_board.equipment.job_slots
        self.moving = -1  # slot of a job that moves to a peer, held as long; the migration manager keeps it
        self._acquisition, self._shadow = acquisition, shadow
        self._dose, self._dosimeter = layout.index["dose_rate_gy_s"], acquisition.number("dosimeter")

    def cycle(self, active: float) -> None:
        """Order the checkpoints that are due. `active`: jobs that run; without one there is nothing to save."""
        if active > 0.0:
            self._ahead_of_shadow()
            if not self._acquisition.stale(self._dosimeter):
                self._ahead_of_radiation()

    def _ahead_of_shadow(self) -> None:
        """Once for each: early enough to be written before the power goes down (the budget limits later)."""
        state, next_s = self.state, self._shadow.shadow_next_s()
        lead_s = self.on_board.sane(self.SHADOW_LEAD)
        due = lead_s > 0.0 and 0.0 <= next_s <= lead_s
        if due and not state.before_shadow:
            self._order(AHEAD_OF_SHADOW)
        state.before_shadow = due

    def _ahead_of_radiation(self) -> None:
        """Once for each passage, which ends at half the rate: at its edge most of the anomaly is still to come."""
        state, limit = self.state, self.on_board.sane(self.RADIATION)
        rate = self.on_board.state.pool.item(self._dose)
        inside = limit > 0.0 and rate >= (limit / 2.0 if state.in_radiation else limit)
        if inside and not state.in_radiation:
            self._order(AHEAD_OF_RADIATION)
        state.in_radiation = inside

    def _order(self, reason: int) -> None:
        self.state.checkpoints_ordered += 1
        self.event(self.ORDERED, reason)
        self.checkpoint(_ALL)

    @telemetry("bool", "All jobs are held, by telecommand or before the payload is shed")
    def jobs_held(self) -> bool:
        """No job may run."""
        return self.state.suspended or self.state.held == (1 << self._slots) - 1

    def order_all(self) -> None:
        """Tell every job what it may do."""
        for slot in range(self._slots):
            self.order(slot)

    def order(self, slot: int) -> None:
        """Tell one job."""
        self.on_board.order("jobs", "job", slot, HOLD if self._stands(slot) else RUN)

    def held(self, slot: int) -> bool:
        """Whether the ground holds it."""
        return bool(self.state.held >> slot & 1)

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
        return self.state.suspended or slot == self.moving or self.held(slot)

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
            if job in {_ALL, slot + 1} and slot != self.moving:
                self.on_board.order("jobs", "rollback", slot, checkpoints)
        self.event(self.ROLLED_BACK, job, checkpoints)
        return None

    def _mask(self, job: int) -> int:
        return (1 << self._slots) - 1 if job == _ALL else 1 << (job - 1)

    def _keep_held(self, held: int) -> None:
        self.state.held = held
        self.keep()
        self.order_all()
