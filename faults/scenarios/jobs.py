"""The `jobs:` of a spacecraft: training, inference, batch, programs (`exec:`), and cluster logs (`trace: FILE.csv`).

`jobs:` is a list, or one log alone. Accelerators are given out here, in the order of the list; rows of logs travel in
the resolved scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from bus.constants import DAY_S
from bus.scenario.workload import KINDS, Accelerators, Job, JobLog, Kind
from bus.text.forms import Form
from bus.text.leaves import Later, quantity
from bus.text.near import one_of
from bus.text.reader import Item
from faults.scenarios.job_fields import (
    RESTART_S,
    Cost,
    Count,
    Detect,
    Every,
    Groups,
    Id,
    Law,
    Load,
    MaybeCost,
    MaybeEvery,
    Mode,
    Objective,
    Restart,
    Share,
    Spread,
    Start,
    checkpoints_of,
    checks_of,
    spread_of,
)  # fmt: skip
from faults.scenarios.job_trace import LogForm, read_log
from faults.scenarios.own_jobs import ProgramForm, check_program, program_job

_WORK = quantity("time", 1.0, 1e10, "1 s and more, at full speed")
Step = Annotated[float | None, quantity("time", 1e-3, DAY_S, "1 ms to 1 d")]
Talk = Annotated[float | None, quantity("time", 0.0, DAY_S, "a share of the step")]


class TrainingForm(Form):
    """All of its accelerators step together, and begin again at a checkpoint. Endless without `work`."""

    id: Id = None
    kind: Literal["training"]
    groups: Groups = ()
    accelerators: Count = None
    start: Start = 0.0
    restart_cost: Restart = RESTART_S
    detect_after: Detect = 0.0
    check_cost: Share = 0.0
    load: Load = 1.0
    mode: Mode = None
    work: Annotated[float | None, _WORK] = None
    step_time: Step = None
    communication: Talk = None
    checkpoint_every: Every
    checkpoint_cost: Cost


class BatchForm(Form):
    """Work that ends, with checkpoints or without."""

    id: Id = None
    kind: Literal["batch"]
    groups: Groups = ()
    accelerators: Count = None
    start: Start = 0.0
    restart_cost: Restart = RESTART_S
    detect_after: Detect = 0.0
    check_cost: Share = 0.0
    load: Load = 1.0
    mode: Mode = None
    work: Annotated[float, _WORK]
    step_time: Step = None
    communication: Talk = None
    checkpoint_every: MaybeEvery = None
    checkpoint_cost: MaybeCost = None


class InferenceForm(Form):
    """Requests that arrive at random and wait for one of its accelerators."""

    id: Id = None
    kind: Literal["inference"]
    groups: Groups = ()
    accelerators: Count = None
    start: Start = 0.0
    restart_cost: Restart = RESTART_S
    detect_after: Detect = 0.0
    check_cost: Share = 0.0
    load: Load = 1.0
    mode: Mode = None
    arrival_rate: Annotated[float, quantity("frequency", 0.0, 1e6, "0 to 1 MHz (requests a second)")]
    service_time: Annotated[float, quantity("time", 1e-4, DAY_S, "0.1 ms to 1 d on one accelerator")]
    service_law: Law = "lognormal"
    service_spread: Spread = None
    objective_p99: Objective = 0.0


FORMS: Mapping[str, type[Form]] = {"training": TrainingForm, "batch": BatchForm, "inference": InferenceForm}
_Entry = TrainingForm | BatchForm | InferenceForm | ProgramForm | LogForm
JobEntries = Annotated[Any, Later(_Entry | list[_Entry])]


@dataclass
class Jobs:
    """What has been read so far, and how many accelerators of each group are still free."""

    free: dict[str, int]
    slots: int
    jobs: list[Job] = field(default_factory=list)
    logs: list[JobLog] = field(default_factory=list)

    @property
    def used(self) -> int:
        """Slots taken; a queue needs at least one."""
        return len(self.jobs) + len(self.logs)


def read_jobs(
    item: Item, accelerators: Accelerators, span_s: float | None
) -> tuple[tuple[Job, ...], tuple[JobLog, ...]]:
    """Jobs and logs. What is wrong is noted with its line, in the scenario or in the log."""
    found = Jobs(dict(accelerators.groups), accelerators.slots)
    single = item.node is not None and item.node.entries is not None
    entries = [item] if single else list(item.list(0, 1000))
    ids: set[str] = set()
    for number, entry in sorted(enumerate(entries, 1), key=lambda numbered: _is_queue(numbered[1])):
        mark = entry.sheet.mark()
        mapping = entry.node.entries if entry.node is not None else None
        is_log = mapping is not None and "trace" in mapping
        is_program = not is_log and mapping is not None and "exec" in mapping
        kind: Kind = "training"
        if not is_log and not is_program:
            named = Item(entry.sheet, mapping["kind"][1] if mapping and "kind" in mapping else None, "", entry.at)
            wanted = named.node.value if named.node is not None else None
            kind = wanted if wanted in KINDS else "training"
            if wanted not in KINDS:
                others = "or `exec:` for a program, `trace:` for a cluster log"
                entry.below("kind").refuse(named.found, f"{one_of(KINDS, str(wanted))} ({others})")
                continue
        parts = entry.parts(LogForm if is_log else ProgramForm if is_program else FORMS[kind], without=("columns",))
        name = parts["id"] or f"{'log' if is_log else 'program' if is_program else kind}-{number}"
        if name in ids:
            entry.below("id").refuse(f"{name!r}", "a name of its own")
        ids.add(name)
        if found.used >= found.slots:
            entry.refuse("one job too many", f"at most {found.slots} jobs and logs on this design")
            break
        if is_log:
            log = read_log(entry, parts, name, chips_of(entry, parts, found), span_s, found.logs)
            if log is not None and entry.sheet.clean_since(mark):
                found.logs.append(log)
            continue
        chips = chips_of(entry, parts, found)
        _check_mode(entry, parts["mode"], chips, accelerators)
        if is_program:
            check_program(entry, parts)
            if entry.sheet.clean_since(mark):
                found.jobs.append(program_job(parts, name, chips))
            continue
        spread = spread_of(entry, parts, 0.5) if kind == "inference" else 0.0
        if kind != "inference":
            _check_steps(entry, parts)
        if entry.sheet.clean_since(mark):
            found.jobs.append(_job(parts, name, kind, chips, spread))
    return tuple(found.jobs), tuple(found.logs)


def _is_queue(entry: Item) -> bool:
    """A queue is given what all others leave, wherever it stands: no job frees its accelerators when it is done."""
    mapping = entry.node.entries if entry.node is not None else None
    if not mapping or "trace" not in mapping:
        return False
    return "kind" not in mapping or mapping["kind"][1].value != "inference"


def chips_of(entry: Item, parts: Mapping[str, Any], found: Jobs) -> dict[str, int]:
    """The accelerators of an entry: named groups, a number, or all that are left; they are no longer free then."""
    queue = _is_queue(entry)
    free = {group: count for group, count in found.free.items() if count}
    chips: dict[str, int] = {}
    if entry.has("groups"):
        for index, group in enumerate(parts["groups"] or ()):
            if group in free:
                chips[group] = free.pop(group)
            else:
                taken = group in found.free
                entry.place(("groups", index)).refuse(
                    f"{group!r}" + (", which is taken" if taken else ""), one_of(free, "" if taken else group)
                )
    elif entry.has("accelerators"):
        missing = parts["accelerators"] or 0
        total = sum(free.values())
        if missing > total:
            where = entry.below("accelerators")
            where.refuse(where.found, f"at most {total}, which are free")
        for group, count in free.items():
            share = min(count, missing)
            if share:
                chips[group] = share
            missing -= share
    else:
        chips = free
        if not free:
            entry.refuse("a job without an accelerator", "fewer accelerators for the jobs before it")
    if not queue:
        for group, count in chips.items():
            found.free[group] -= count
    return chips


def _check_mode(entry: Item, mode: str | None, chips: Mapping[str, int], known: Accelerators) -> None:
    """A mode is one of all the job's groups, at the same place in each: it is ordered by that."""
    if mode is None:
        return
    each = [known.modes.get(group, ()) for group in chips]
    common = (
        [name for place, name in enumerate(each[0]) if all(o[place : place + 1] == (name,) for o in each)]
        if each
        else []
    )
    if mode not in common:
        entry.below("mode").refuse(
            f"{mode!r}", one_of(common, mode) if common else "none: the job's groups have none in common"
        )


def _check_steps(entry: Item, parts: Mapping[str, Any]) -> None:
    """Communication is a part of the step."""
    talk = entry.below("communication")
    if parts["communication"] is not None and not parts["communication"] < (parts["step_time"] or 0.0):
        talk.refuse(talk.found, "less than `step_time`, of which it is a part")
    checkpoints_of(entry)


def _job(parts: Mapping[str, Any], name: str, kind: Kind, chips: dict[str, int], spread: float) -> Job:
    """A job of parts that are all right."""
    if kind == "inference":
        return Job(
            id=name,
            kind=kind,
            chips=chips,
            start_s=parts["start"],
            checks=checks_of(parts),
            load=parts["load"],
            mode=parts["mode"] or "",
            arrival_rate_hz=parts["arrival_rate"],
            service_s=parts["service_time"],
            service_law=parts["service_law"],
            service_spread=spread,
            objective_p99_s=parts["objective_p99"],
        )
    step_s, talk_s = parts["step_time"] or 0.0, parts["communication"] or 0.0
    return Job(
        id=name,
        kind=kind,
        chips=chips,
        start_s=parts["start"],
        checks=checks_of(parts, talk_s / step_s if step_s else 0.0),
        load=parts["load"],
        mode=parts["mode"] or "",
        work_s=parts["work"] or 0.0,
        checkpoint_every_s=parts["checkpoint_every"] or 0.0,
        checkpoint_s=parts["checkpoint_cost"] or 0.0,
    )
