"""The `jobs:` of a spacecraft: training, inference, batch, and cluster logs (`trace: FILE.csv`).

`jobs:` is a list, or one log alone. Accelerators are given out here, in the order of the list; rows of logs travel in
the resolved scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bus.constants import DAY_S
from bus.scenario.workload import KINDS, Accelerators, Job, JobLog, Kind
from bus.text.near import one_of
from bus.text.reader import Fields, Item
from bus.wire.messages import ID_PATTERN
from faults.scenarios.job_trace import LOG_FIELDS, checkpoints_of, checks_of, read_log, service_of

_COMMON = ("id", "kind", "groups", "accelerators", "start", "restart_cost", "detect_after", "check_cost")
_GANG = ("work", "step_time", "communication", "checkpoint_every", "checkpoint_cost")
_SERVICE = ("arrival_rate", "service_time", "service_law", "service_spread", "objective_p99")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "training": (*_COMMON, *_GANG),
    "batch": (*_COMMON, *_GANG),
    "inference": (*_COMMON, *_SERVICE),
}


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
        kind: Kind = "training"
        if not is_log:
            named = Item(entry.sheet, mapping["kind"][1] if mapping and "kind" in mapping else None, "", entry.at)
            wanted = named.node.value if named.node is not None else None
            kind = wanted if wanted in KINDS else "training"
            if wanted not in KINDS:
                entry.below("kind").refuse(named.found, f"{one_of(KINDS, str(wanted))} (or `trace:` for a cluster log)")
                continue
        fields = entry.fields(LOG_FIELDS if is_log else FIELDS[kind])
        name = f"{'log' if is_log else kind}-{number}"
        if "id" in fields:
            name = fields["id"].text(longest=32, pattern=ID_PATTERN, shape="a name such as 'llm-1' (a-z, 0-9, -)")
        if name in ids:
            fields["id"].refuse(f"{name!r}", "a name of its own")
        ids.add(name)
        if found.used >= found.slots:
            entry.refuse("one job too many", f"at most {found.slots} jobs and logs on this design")
            break
        if is_log:
            log = read_log(fields, name, chips_of(fields, found), span_s, found.logs)
            if log is not None and entry.sheet.clean_since(mark):
                found.logs.append(log)
            continue
        chips = chips_of(fields, found)
        job = _job(fields, name, kind, chips)
        if entry.sheet.clean_since(mark):
            found.jobs.append(job)
    return tuple(found.jobs), tuple(found.logs)


def _is_queue(entry: Item) -> bool:
    """A queue is given what all others leave, wherever it stands: no job frees its accelerators when it is done."""
    mapping = entry.node.entries if entry.node is not None else None
    if not mapping or "trace" not in mapping:
        return False
    return "kind" not in mapping or mapping["kind"][1].value != "inference"


def chips_of(fields: Fields, found: Jobs) -> dict[str, int]:
    """The accelerators of an entry: named groups, a number, or all that are left; they are no longer free then."""
    queue = "trace" in fields and str(fields["kind"].node.value if fields["kind"].node else "") != "inference"
    free = {group: count for group, count in found.free.items() if count}
    chips: dict[str, int] = {}
    if "groups" in fields:
        for one in fields["groups"].list(1, 64):
            group = one.text(longest=64)
            if group in found.free and group in free:
                chips[group] = free.pop(group)
            elif group:
                taken = group in found.free
                one.refuse(f"{group!r}" + (", which is taken" if taken else ""), one_of(free, "" if taken else group))
    elif "accelerators" in fields:
        missing = fields["accelerators"].integer(1, 1_000_000)
        total = sum(free.values())
        if missing > total:
            fields["accelerators"].refuse(fields["accelerators"].found, f"at most {total}, which are free")
        for group, count in free.items():
            share = min(count, missing)
            if share:
                chips[group] = share
            missing -= share
    else:
        chips = free
        if not free:
            fields.item.refuse("a job without an accelerator", "fewer accelerators for the jobs before it")
    if not queue:
        for group, count in chips.items():
            found.free[group] -= count
    return chips


def _job(fields: Fields, name: str, kind: Kind, chips: dict[str, int]) -> Job:
    start = fields.optional("start")
    start_s = start.quantity("time", 0.0, 366 * DAY_S, "0 s to 366 d") if start else 0.0
    if kind == "inference":
        law, spread = service_of(fields, 0.5)
        objective = fields.optional("objective_p99")
        return Job(
            id=name or "job",
            kind=kind,
            chips=chips,
            start_s=start_s,
            checks=checks_of(fields),
            arrival_rate_hz=fields["arrival_rate"].quantity("frequency", 0.0, 1e6, "0 to 1 MHz (requests a second)"),
            service_s=fields["service_time"].quantity("time", 1e-4, DAY_S, "0.1 ms to 1 d on one accelerator"),
            service_law=law,
            service_spread=spread,
            objective_p99_s=objective.quantity("time", 1e-3, DAY_S, "1 ms to 1 d") if objective else 0.0,
        )
    step = fields.optional("step_time")
    step_s = step.quantity("time", 1e-3, DAY_S, "1 ms to 1 d") if step else 0.0
    talk = fields.optional("communication")
    talk_s = talk.quantity("time", 0.0, DAY_S, "a share of the step") if talk else 0.0
    if talk is not None and not talk_s < step_s:
        talk.refuse(talk.found, "less than `step_time`, of which it is a part")
        talk_s = 0.0
    every_s, cost_s = checkpoints_of(fields, needed=kind == "training")
    work = fields.optional("work") if kind == "training" else fields["work"]
    return Job(
        id=name or "job",
        kind=kind,
        chips=chips,
        start_s=start_s,
        checks=checks_of(fields, talk_s / step_s if step_s else 0.0),
        work_s=work.quantity("time", 1.0, 1e10, "1 s and more, at full speed") if work else 0.0,
        checkpoint_every_s=every_s,
        checkpoint_s=cost_s,
    )
