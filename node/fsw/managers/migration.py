"""Giving a job to a peer: at the ground's wish, or when its accelerators have been down for long.

One at a time. What is decided is in non-volatile memory before it takes effect (`job_moves` tells the whole exchange);
while a job moves it is held, over every reboot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.dictionary import OnBoardParameter
from bus.pus import Code, Severity
from node.devices.device import slug
from node.fsw.component import Arg, Component, Event, Failure, OnBoard, Words, function, kept, telemetered
from node.fsw.datapool import Layout
from node.fsw.managers import job_moves as say
from node.fsw.managers.link import LinkManager
from node.fsw.managers.payload import PayloadManager
from node.fsw.managers.workload import WorkloadManager

PHASES = ("idle", "holding", "offering", "sending", "committing", "giving")
IDLE, HOLDING, OFFERING, SENDING, COMMITTING, GIVING = range(6)
ENDS = ("ground", "no_job", "service", "done", "no_checkpoint", "no_peer", "refused", "changed")
GROUND, NO_JOB, SERVICE, FINISHED, NO_CHECKPOINT, NO_PEER, REFUSED, CHANGED = range(8)
_WAITING, _PAUSED, _DONE = 0, 5, 4
_UP = (2.0, 3.0, 4.0, 5.0)
"""States of accelerator groups whose chips can compute."""
STALLED_NS, AGAIN_NS, HOLD_NS = 5_000_000_000, 10_000_000_000, 600_000_000_000
"""Without an answer a piece counts as lost; a question is repeated, at first; the longest wait for a checkpoint [A]."""
MOST_DOUBLINGS = 5
WINDOW = 8
"""Pieces on their way at a time [A]: an answer takes two cycles."""
LOOK_CYCLES = 10
"""Cycles between two looks at the groups."""


def _jobs(words: Words) -> tuple[str, ...]:
    slots = words.equipment.job_slots if words.equipment.isl_heads else 0
    return tuple(str(slot) for slot in range(slots))


@dataclass(slots=True)
class State:
    """The move under way (kept): which slot, by which head, under which number, what it is. `doubt`: the peer knows
    nothing of what was committed. `refused`: heads whose peers did not want it, a bit each. `down_ns`: for how long
    each group has been down."""

    migration_phase: int = telemetered("enum", "How far a job is given to a peer", labels=PHASES, kept=True)
    migration_slot: int = telemetered("int", "Slot of the job that moves, -1: none", default=-1, kept=True)
    migration_number: int = telemetered("int", "Number of the last move that was offered", kept=True)
    migration_bytes: float = telemetered("float", "Bytes of its checkpoint that the peer has", "B", default=0.0)
    migrations_out: int = telemetered("int", "Jobs that a peer has taken", kept=True)
    migrations_ended: int = telemetered("int", "Moves that were ended, the job stayed", kept=True)
    head: int = kept(lambda: -1)
    size_bytes: float = kept(float)
    figures: list[float] = kept(list)
    doubt: bool = kept(bool)
    refused: int = 0
    reason: int = 0
    sent_bytes: float = 0.0
    since_ns: int = 0
    progress_ns: int = 0
    again_ns: int = 0
    tries: int = 0
    rest_until_ns: int = 0
    look: int = 0
    down_ns: list[int] = field(default_factory=list)


class MigrationManager(Component):
    """The giving end of a move."""

    name = "migration"
    state: State

    MOVED = Event(
        102, "job_moved", Severity.INFORMATIVE, "A peer has taken a job",
        (Arg("slot", "int", "slot it had"), Arg("head", "int", "optical terminal it went by")),
    )  # fmt: skip
    ENDED = Event(
        103, "migration_ended", Severity.LOW, "A job does not move; it stays here",
        (Arg("slot", "int", "slot of the job"), Arg("reason", "enum", "why", labels=ENDS),
         Arg("rejected", "enum", "why a peer refused it", labels=say.REASONS)),
    )  # fmt: skip
    DOUBT = Event(
        104, "migration_doubtful", Severity.HIGH,
        "The peer knows nothing of a job that was committed to it: it stands still until the ground ends the move",
        (Arg("slot", "int", "slot of the job"), Arg("head", "int", "optical terminal")),
    )  # fmt: skip
    AFTER = OnBoardParameter(
        # Longer than FDIR takes to try again [A].
        name="migration.after_s", unit="s", default=900.0, low=0.0, high=1e6,
        description="Time without its accelerators after which a job is offered to a peer, 0: never by itself",
    )  # fmt: skip
    PATIENCE = OnBoardParameter(
        name="migration.patience_s", unit="s", description="Time that a move may take before it is committed",
        default=3600.0, low=1.0, high=1e6,
    )  # fmt: skip
    CHIP = OnBoardParameter(
        # 32 GB of HBM a chip (TPU v6e, Google Cloud's sheet): a checkpoint holds no more than the memory [A].
        name="migration.chip_bytes", unit="B", description="Size of a checkpoint for each accelerator of its job",
        default=3.2e10, low=1.0, high=1e15,
    )  # fmt: skip
    STORAGE = OnBoardParameter(
        # A drive on four lanes of PCIe 4.0 writes 5 to 7 GB/s [A].
        name="migration.storage_bytes_s", unit="B/s", description="How fast storage reads and writes a checkpoint",
        default=5e9, low=1.0, high=1e15,
    )  # fmt: skip

    def __init__(
        self, on_board: OnBoard, layout: Layout, link: LinkManager, workload: WorkloadManager, payload: PayloadManager
    ) -> None:
        super().__init__(on_board, State())
        self._link, self._workload, self._payload = link, workload, payload
        index, groups = layout.index, on_board.equipment.accelerator_groups
        self._there = "selected_job" in index
        names = (*(f"selected_job_{name}" for name in (*say.FIGURES, "work_s", "state", "groups")), "selected_job")
        self._read = {name: index[name] for name in (*names, "jobs_given") if name in index}
        self._groups = [index[f"accelerator_state.{slug(group)}"] for group in groups]
        self.state.down_ns = [0] * len(groups)
        workload.moving = self.state.migration_slot

    def _reading(self, name: str) -> float:
        value: float = self.on_board.state.pool.item(self._read[name])
        return value

    def start(self) -> None:
        """After a boot the move goes on: the peer is asked."""
        state = self.state
        self._workload.moving = state.migration_slot
        if state.migration_phase != IDLE:
            self.on_board.order("jobs", "select", 0, state.migration_slot)
        if state.migration_phase == SENDING:
            state.migration_phase = OFFERING

    def cycle(self) -> None:
        """One step of the move, or a look for a job that must go."""
        state = self.state
        if state.migration_phase == IDLE:
            if self._there and self._link.has_peers:
                state.look += 1
                if state.look >= LOOK_CYCLES:
                    state.look = 0
                    self._look()
            return
        if self._reading("selected_job") != state.migration_slot:
            self.on_board.order("jobs", "select", 0, state.migration_slot)
            return
        now_ns = self.on_board.time_ns
        if state.migration_phase == HOLDING:
            self._hold(now_ns)
        elif state.migration_phase == GIVING:
            self._give()
        elif state.migration_phase == COMMITTING:
            if now_ns >= state.again_ns and self._link.stands(state.head):
                self._ask(now_ns, say.COMMIT)
        elif self._changed():
            self._end(CHANGED)
        elif now_ns - state.since_ns > self.on_board.span_ns(self.PATIENCE):
            self._end(REFUSED if state.refused else NO_PEER)
        elif state.migration_phase == OFFERING:
            self._offer(now_ns)
        else:
            self._send(now_ns)

    def _hold(self, now_ns: int) -> None:
        """Until the job stands still at a checkpoint."""
        state, job = self.state, self._reading("selected_job_state")
        kind = int(self._reading("selected_job_kind"))
        if kind not in say.GANGS or job == _DONE:
            self._end(NO_JOB if not kind else FINISHED if job == _DONE else SERVICE)
        elif now_ns > state.since_ns and job in {_WAITING, _PAUSED} and self._unsaved_s() == 0.0:
            state.figures = [self._reading(f"selected_job_{name}") for name in say.FIGURES]
            state.size_bytes = self.on_board.sane(self.CHIP) * state.figures[say.CHIPS]
            state.migration_number = max(state.migration_number, int(self._reading("jobs_given"))) + 1
            state.migration_phase, state.again_ns = OFFERING, 0
            self.keep()
        elif now_ns - state.since_ns > HOLD_NS:
            self._end(NO_CHECKPOINT)

    def _unsaved_s(self) -> float:
        return self._reading("selected_job_work_s") - self._reading("selected_job_saved_s")

    def _changed(self) -> bool:
        """The job is no longer what was offered: somebody rolled it back, or it does not obey."""
        job = [self._reading(f"selected_job_{name}") for name in say.FIGURES]
        still = self._reading("selected_job_state") in {_WAITING, _PAUSED} and self._unsaved_s() == 0.0
        return not still or job != self.state.figures

    def _ask(self, now_ns: int, topic: str, *values: float) -> None:
        """Say something that will be said again, later and later."""
        state = self.state
        state.again_ns = now_ns + (AGAIN_NS << min(state.tries, MOST_DOUBLINGS))
        state.tries += 1
        self.on_board.send(state.head, topic, (float(state.migration_number), *values))

    def _offer(self, now_ns: int) -> None:
        state = self.state
        if now_ns < state.again_ns:
            return
        if state.head < 0 or (not self._link.stands(state.head) and not state.migration_bytes):
            state.head = self._link.choose(state.refused)[0]
        if state.head < 0 or not self._link.stands(state.head):
            if state.refused and self._link.choose()[0] >= 0:
                self._end(REFUSED)
            return
        self.keep()
        self._ask(now_ns, say.OFFER, state.size_bytes, *state.figures)

    def _send(self, now_ns: int) -> None:
        """Pieces as long as a cycle of the link or of the storage; back to an offer where no answer comes."""
        state = self.state
        if now_ns - state.progress_ns >= STALLED_NS:
            state.migration_phase, state.again_ns = OFFERING, now_ns
            return
        cycle_s = self.on_board.cycle_ns / 1e9
        piece = min(self._link.rate_bps(state.head) / 8.0, self.on_board.sane(self.STORAGE)) * cycle_s
        piece = float(int(min(piece, state.size_bytes - state.sent_bytes)))
        if piece >= 1.0 and state.sent_bytes - state.migration_bytes < WINDOW * piece and self._link.stands(state.head):
            values = (float(state.migration_number), state.sent_bytes, piece)
            self.on_board.send(state.head, say.PIECE, values, int(piece))
            state.sent_bytes += piece

    def _give(self) -> None:
        """Tell the hosts until they say that the slot is clear: the order is good once."""
        state = self.state
        if self._reading("jobs_given") < state.migration_number:
            self.on_board.order("jobs", "give_slot", 0, state.migration_slot)
            self.on_board.order("jobs", "give_number", 0, state.migration_number)
            return
        state.migrations_out += 1
        slot = state.migration_slot
        self._idle()
        self.event(self.MOVED, slot, state.head)

    def _idle(self) -> None:
        """The move is over; the slot is no longer held for it."""
        state = self.state
        slot, state.migration_slot, state.migration_phase = state.migration_slot, -1, IDLE
        state.doubt, state.migration_bytes, state.refused = False, 0.0, 0
        self.keep()
        self._workload.moving = -1
        self._workload.order(slot)

    def _end(self, why: int) -> None:
        state = self.state
        slot, phase = state.migration_slot, state.migration_phase
        state.migrations_ended += 1
        state.rest_until_ns = self.on_board.time_ns + self.on_board.span_ns(self.AFTER)
        if phase != HOLDING and state.head >= 0:
            self.on_board.send(state.head, say.ABORT, (float(state.migration_number),))
        self._idle()
        self.event(self.ENDED, slot, why, state.reason)

    def hear(self, head: int, topic: str, values: Sequence[float]) -> None:
        """A frame of the peer."""
        state, number = self.state, say.whole(values[0]) if values else -1
        mine = number == state.migration_number and head == state.head and state.migration_phase != IDLE
        phase = state.migration_phase if mine else IDLE
        if topic == say.QUERY:
            if phase == IDLE:
                self.on_board.send(head, say.ABORT, (float(number),))
            elif phase >= COMMITTING:
                self.on_board.send(head, say.COMMIT, (float(number),))
        elif topic == say.ACCEPT and phase == OFFERING and len(values) == 2:
            state.migration_phase, state.tries, state.progress_ns = SENDING, 0, self.on_board.time_ns
            state.sent_bytes = state.migration_bytes = min(max(0.0, values[1]), state.size_bytes)
            self.keep()
            self._all_there()
        elif topic == say.REJECT and phase == OFFERING:
            state.refused |= 1 << head
            state.reason = min(max(0, say.whole(values[1])), len(say.REASONS) - 1) if len(values) == 2 else say.NONE
            state.head, state.again_ns = -1, 0
            self.keep()
        elif topic == say.RECEIVED and phase == SENDING and len(values) == 2:
            if state.migration_bytes < values[1] <= state.size_bytes:
                state.migration_bytes, state.progress_ns = values[1], self.on_board.time_ns
            self._all_there()
        elif topic == say.TAKEN and phase == COMMITTING:
            state.migration_phase = GIVING
            self.keep()
        elif topic == say.UNKNOWN and phase == COMMITTING and not state.doubt:
            state.doubt = True
            self.keep()
            self.event(self.DOUBT, state.migration_slot, head)

    def _all_there(self) -> None:
        """The point of no return: from here on the job is the peer's."""
        state = self.state
        if state.migration_bytes < state.size_bytes or self._changed():
            return
        state.migration_phase, state.tries = COMMITTING, 0
        self.keep()
        self._ask(self.on_board.time_ns, say.COMMIT)

    def _look(self) -> None:
        """Whether a job has been without its accelerators for too long, and somebody could have it."""
        state, pool = self.state, self.on_board.state.pool
        wanted, limit_ns = self._payload.wanted, self.on_board.span_ns(self.AFTER)
        step_ns = LOOK_CYCLES * self.on_board.cycle_ns
        down = 0
        for group, place in enumerate(self._groups):
            up = not wanted or pool.item(place) in _UP
            state.down_ns[group] = 0 if up else state.down_ns[group] + step_ns
            down |= (state.down_ns[group] >= limit_ns) << group
        if not down or not limit_ns or self.on_board.time_ns < state.rest_until_ns or self._link.choose()[0] < 0:
            return
        slot = int(self._reading("selected_job"))
        begun = slot >= 0 and self._reading("selected_job_saved_s") > 0.0 and self._unsaved_s() == 0.0
        gang = slot >= 0 and int(self._reading("selected_job_kind")) in say.GANGS
        stands = self._reading("selected_job_state") in {_WAITING, _PAUSED} and not (
            slot >= 0 and self._workload.held(slot)
        )
        if begun and gang and stands and int(self._reading("selected_job_groups")) & down:
            self._begin(slot)
            return
        self.on_board.order("jobs", "select", 0, (slot + 1) % self.on_board.equipment.job_slots)

    def _begin(self, slot: int) -> None:
        state = self.state
        state.migration_phase, state.migration_slot, state.head = HOLDING, slot, -1
        state.since_ns, state.refused, state.reason, state.tries = self.on_board.time_ns, 0, say.NONE, 0
        self.keep()
        self._workload.moving = slot
        self._workload.order(slot)
        self.on_board.order("jobs", "select", 0, slot)

    @function(
        "payload.migrate", 242, "Give a job to a peer over an optical link, after a checkpoint",
        Arg("job", "enum", "number of the job", labels=_jobs),
    )  # fmt: skip
    def migrate(self, job: int) -> Failure:
        """To the peer that `isl.peer` says. Events and telemetry tell what comes of it."""
        if not self._link.has_peers:
            return Code.REFUSED_BY_STATE, "it has no peer"
        if self.state.migration_phase != IDLE:
            return Code.REFUSED_BY_STATE, f"job {self.state.migration_slot} is moving"
        self._begin(job)
        return None

    @function("payload.migrate_abort", 243, "End a move that is not committed yet; the job goes on here")
    def abort(self) -> Failure:
        """One that is committed ends here only where the peer said that it knows nothing of it."""
        state = self.state
        if state.migration_phase == IDLE or (state.migration_phase >= COMMITTING and not state.doubt):
            return Code.REFUSED_BY_STATE, f"a move is {PHASES[state.migration_phase]}"
        self._end(GROUND)
        return None
