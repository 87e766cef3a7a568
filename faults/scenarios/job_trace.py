"""One `trace:` entry of a scenario's jobs: the mapping of its columns, its window, and its rows as jobs or requests.

A file's name is relative to the scenario's. Rows outside the run are left out and counted in a warning, so are those
that `skip:` allows to leave out; everything else that does not fit is a mistake with the log's line.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from bus.errors import Mistake, Refused, ScenarioError
from bus.scenario.workload import KINDS, JobLog, Kind
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, choice, plain_value, quantity, text, whole
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.tables import read_file
from bus.text.units import show
from bus.wire.messages import Scalar
from faults.scenarios.job_fields import (
    RESTART_S,
    Count,
    Detect,
    Groups,
    Id,
    Law,
    MaybeCost,
    MaybeEvery,
    Objective,
    Restart,
    Share,
    Spread,
    Start,
    checkpoints_of,
    checks_of,
    spread_of,
)  # fmt: skip
from faults.scenarios.job_trace_csv import (
    MAX_MISTAKES,
    SKIPPABLE,
    UNITS_S,
    Mapped,
    Row,
    rows,
    seconds,
    unsorted,
)

MAX_ROWS = 50_000
"""Rows of one log that fly; they travel in the resolved scenario."""
MAX_QUEUE = 100_000
Column = Annotated[str | None, text(longest=200)]
_RATE = quantity("frequency", 1e-3, 1e9, "1 mHz to 1 GHz (tokens a second of one accelerator)")
Rate = Annotated[float, _RATE]
MaybeRate = Annotated[float | None, _RATE]


class ColumnsForm(Form):
    """Which column of the log is what."""

    submit_time: Column = None
    duration: Column = None
    end_time: Column = None
    tokens: Column = None
    prompt_tokens: Column = None
    accelerators: Column = None
    kind: Column = None


class LogForm(Form):
    """A cluster log: a queue of jobs, or with `kind: inference` the requests to one service."""

    id: Id = None
    trace: Annotated[str, text(longest=1000)]
    kind: Annotated[str | None, choice(KINDS)] = None
    kinds: dict[str, Kind] = Field(default_factory=dict)
    columns: ColumnsForm
    time_unit: Annotated[str, choice(UNITS_S)] = "s"
    sort: Flag = False
    begin: Annotated[Scalar | None, Leaf(plain_value, {"type": ["number", "string"]})] = None
    start: Start = 0.0
    rows: Annotated[int, whole(1, MAX_ROWS)] = MAX_ROWS + 1
    skip: Annotated[tuple[Annotated[str, choice(SKIPPABLE)], ...], Field(max_length=3)] = ()
    groups: Groups = ()
    accelerators: Count = None
    queue: Annotated[int, whole(1, MAX_QUEUE)] = 1000
    tokens_rate: MaybeRate = None
    prompt_tokens_rate: MaybeRate = None
    checkpoint_every: MaybeEvery = None
    checkpoint_cost: MaybeCost = None
    restart_cost: Restart = RESTART_S
    detect_after: Detect = 0.0
    check_cost: Share = 0.0
    service_law: Law = "lognormal"
    service_spread: Spread = None
    objective_p99: Objective = 0.0


def read_log(  # noqa: PLR0917
    entry: Item, parts: Mapping[str, Any], name: str, chips: dict[str, int], span_s: float | None,
    earlier: Sequence[JobLog],
) -> JobLog | None:  # fmt: skip
    """The log of one entry, or None after a mistake. `parts`: its fields as `LogForm` reads them."""
    sheet, trace = entry.sheet, entry.below("trace")
    mark = sheet.mark()
    mapped = _mapping(entry, parts)
    serves = parts["kind"] == "inference"
    kinds = _kinds(parts)
    rates = [_rate(entry, mapped, column, field) for column, field in _RATES]
    checkpoints_of(entry)
    spread = spread_of(entry, parts, 0.01)
    if not serves and any(log.queue for log in earlier):
        trace.refuse("a second queue", "one log of jobs; others with `kind: inference`")
    if not sheet.clean_since(mark) or entry.refused:
        return None
    shown = parts["trace"]
    log: dict[str, Any] = {
        "id": name,
        "file": Path(shown).name,
        "queue": not serves,
        "chips": chips,
        "checks": checks_of(parts),
        "checkpoint_every_s": parts["checkpoint_every"] or 0.0,
        "checkpoint_s": parts["checkpoint_cost"] or 0.0,
        "queue_limit": parts["queue"],
        "service_law": parts["service_law"],
        "service_spread": spread,
        "objective_p99_s": parts["objective_p99"],
    }
    path = Path(sheet.file).parent / shown
    try:
        content, digest = read_file(path, str(path))
        found = _select(entry, parts, rows(content, str(path), mapped), str(path), mapped, span_s)
        jobs = _jobs(found, mapped, kinds, (rates[0], rates[1]), sum(chips.values()), str(path), serves=serves)
    except ScenarioError as refused:
        for mistake in refused.mistakes:
            if mistake.line:
                sheet.mistakes.append(mistake)
            else:
                trace.refuse(f"{show(shown)}: {mistake.found}", mistake.allowed)
        return None
    if mapped.skipped:
        left_out = ", ".join(f"{count} {why}" for why, count in sorted(mapped.skipped.items()))
        trace.warn(f"{len(jobs)} rows that fly; left out: {left_out}", "that you meant to leave these out")
    columns = list(zip(*jobs, strict=True)) or [()] * 5
    return JobLog(
        **log, digest=digest, line=columns[0], submit_s=columns[1], work_s=columns[2], accelerators=columns[3],
        kind=columns[4],
    )  # fmt: skip


_RATES = (("tokens", "tokens_rate"), ("prompt_tokens", "prompt_tokens_rate"))


def _mapping(entry: Item, parts: Mapping[str, Any]) -> Mapped:
    """Which column is what. A log needs submission times, and something that says how long a job takes."""
    where, kind = entry.below("columns"), entry.below("kind")
    columns = {ours: name for ours, name in where.parts(ColumnsForm).items() if name is not None}
    if where.node is not None and where.node.entries is not None:
        if not where.has("submit_time"):
            where.refuse("no submit_time", "the name of the column with the times of submission")
        lengths = [name for name in ("duration", "end_time", "tokens") if where.has(name)]
        if len(lengths) != 1:
            found = " and ".join(lengths) or "nothing that says how long a job takes"
            where.refuse(found, "exactly one of duration, end_time, tokens")
        if where.has("kind") and entry.has("kind"):
            kind.refuse("a kind for all rows", "either `kind` or a column for it")
        if not where.has("kind") and not entry.has("kind"):
            kind.refuse("nothing", f"{one_of(KINDS)}, or a column for it")
    return Mapped(
        columns, UNITS_S[parts["time_unit"] or "s"], frozenset(parts["skip"] or ()), frozenset(parts["kinds"] or ())
    )


def _kinds(parts: Mapping[str, Any]) -> dict[str, int]:
    """Word in the log -> number of our kind."""
    words: dict[str, int] = {kind: KINDS.index(kind) + 1 for kind in KINDS}
    if parts["kind"]:
        return {"": words[parts["kind"]]}
    return {word: words[kind] for word, kind in parts["kinds"].items()} if parts["kinds"] else words


def _rate(entry: Item, mapped: Mapped, column: str, name: str) -> float:
    """Tokens a second of one accelerator, which a column of tokens needs."""
    rate = entry.below(name)
    if column in mapped.columns:
        return rate.read(Rate) or 1.0
    if entry.has(name):
        rate.refuse(f"a rate without the column {column}", f"`columns: {{{column}: ...}}` beside it")
    return 1.0


def _select(  # noqa: PLR0917
    entry: Item, parts: Mapping[str, Any], found: list[Row], shown: str, mapped: Mapped, span_s: float | None
) -> list[Row]:  # fmt: skip
    """The rows that fly, in order, with times since the scenario's epoch."""
    if parts["sort"]:
        found.sort(key=lambda row: (row.submit_s, row.line))
    elif late := list(unsorted(found, shown)):
        raise ScenarioError(late)
    begin_s = found[0].submit_s if found else 0.0
    if parts["begin"] is not None:
        try:
            begin_s = seconds(str(parts["begin"]), mapped.unit_s)
        except Refused as error:
            entry.below("begin").refuse(error.found, f"a time of the log: {error.allowed}")
    most, start_s = parts["rows"], parts["start"]
    chosen: list[Row] = []
    for row in found:
        at_s = row.submit_s - begin_s + start_s
        if row.submit_s < begin_s:
            mapped.leave_out("before the beginning")
        elif span_s is not None and at_s >= span_s:
            mapped.leave_out("after the end")
        elif len(chosen) >= most:
            mapped.leave_out("beyond `rows`")
        else:
            chosen.append(row._replace(submit_s=at_s))
    if len(chosen) > MAX_ROWS:
        raise ScenarioError(
            [Mistake(shown, 0, 0, "", f"{len(chosen)} rows", f"at most {MAX_ROWS}; see `rows`, `begin`")]
        )
    if not chosen:
        raise ScenarioError([Mistake(shown, 0, 0, "", "no row that would fly", "rows within the run; see `begin`")])
    return chosen


def _jobs(  # noqa: PLR0917
    found: list[Row], mapped: Mapped, kinds: dict[str, int], rates: tuple[float, float], chips: int, shown: str, *,
    serves: bool,
) -> list[tuple[int, float, float, int, int]]:  # fmt: skip
    """(line, submitted, work, accelerators, kind) of each row. Raises ScenarioError."""
    jobs: list[tuple[int, float, float, int, int]] = []
    mistakes: list[Mistake] = []
    for row in found:
        count = row.accelerators
        work_s = row.duration_s
        if "tokens" in mapped.columns:
            work_s = (row.tokens / rates[0] + row.prompt_tokens / rates[1]) / (1.0 if serves else max(1.0, count))
        elif serves:
            work_s *= count
        reason = _why_not(row, work_s, count, kinds, chips, serves=serves)
        if reason is None:
            jobs.append((row.line, row.submit_s, work_s, int(count), kinds[row.kind]))
        elif reason[0] in mapped.skip:
            mapped.leave_out(reason[0])
        else:
            mistakes.append(Mistake(shown, row.line, 1, *reason[1:]))
            if len(mistakes) >= MAX_MISTAKES:
                break
    if mistakes:
        raise ScenarioError(mistakes)
    return jobs


def _why_not(
    row: Row, work_s: float, count: float, kinds: dict[str, int], chips: int, *, serves: bool
) -> tuple[str, str, str, str] | None:  # fmt: skip
    """(skippable as, field, found, allowed) of a row that cannot fly."""
    if row.kind not in kinds:
        return "", "kind", show(row.kind), f"{one_of(kinds, row.kind)} (`kinds:` maps other words)"
    if count != int(count):
        return "", "accelerators", f"{count:g}", "a whole number"
    if work_s <= 0.0:
        return "zero", "duration", "no work at all", "some (or skip: [zero])"
    if count < 1:
        return "zero", "accelerators", "none", "at least one (or skip: [zero])"
    if not serves and count > chips:
        return "too_large", "accelerators", f"{count:g}", f"at most {chips} on this spacecraft (or skip: [too_large])"
    return None
