"""One `trace:` entry of a scenario's jobs: the mapping of its columns, its window, and its rows as jobs or requests.

A file's name is relative to the scenario's. Rows outside the run are left out and counted in a warning, so are those
that `skip:` allows to leave out; everything else that does not fit is a mistake with the log's line.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bus.constants import DAY_S
from bus.errors import Mistake, Refused, ScenarioError
from bus.scenario.workload import KINDS, SERVICE_LAWS, Checks, JobLog, ServiceLaw
from bus.text.near import one_of
from bus.text.reader import Fields
from bus.text.tables import read_file
from bus.text.units import show
from faults.scenarios.job_trace_csv import (
    COLUMNS,
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
LOG_FIELDS = (
    "id", "trace", "kind", "kinds", "columns", "time_unit", "sort", "begin", "start", "rows", "skip", "groups",
    "accelerators", "queue", "tokens_rate", "prompt_tokens_rate", "checkpoint_every", "checkpoint_cost", "restart_cost",
    "detect_after", "check_cost", "service_law", "service_spread", "objective_p99",
)  # fmt: skip


def read_log(
    fields: Fields, name: str, chips: dict[str, int], span_s: float | None, earlier: Sequence[JobLog]
) -> JobLog | None:
    """The log of one entry, or None after a mistake."""
    sheet = fields.item.sheet
    mark = sheet.mark()
    shown = fields["trace"].text(longest=1000)
    mapped = _mapping(fields)
    serves = "kind" in fields and fields["kind"].choice(KINDS) == "inference"
    kinds = _kinds(fields)
    rates = [_rate(fields, column, field) for column, field in _RATES]
    every_s, cost_s = checkpoints_of(fields, needed=False)
    start = fields.optional("start")
    start_s = start.quantity("time", 0.0, 366 * DAY_S, "0 s to 366 d") if start else 0.0
    law, spread = service_of(fields, 0.01)
    objective = fields.optional("objective_p99")
    if not serves and any(log.queue for log in earlier):
        fields["trace"].refuse("a second queue", "one log of jobs; others with `kind: inference`")
    if not sheet.clean_since(mark):
        return None
    log: dict[str, Any] = {
        "id": name,
        "file": Path(shown).name,
        "queue": not serves,
        "chips": chips,
        "checks": checks_of(fields),
        "checkpoint_every_s": every_s,
        "checkpoint_s": cost_s,
        "queue_limit": fields["queue"].integer(1, MAX_QUEUE) if "queue" in fields else 1000,
        "service_law": law,
        "service_spread": spread,
        "objective_p99_s": objective.quantity("time", 1e-3, DAY_S, "1 ms to 1 d") if objective else 0.0,
    }
    path = Path(sheet.file).parent / shown
    try:
        text, digest = read_file(path, str(path))
        found = _select(fields, rows(text, str(path), mapped), str(path), mapped, span_s, start_s)
        jobs = _jobs(found, mapped, kinds, (rates[0], rates[1]), sum(chips.values()), str(path), serves=serves)
    except ScenarioError as refused:
        for mistake in refused.mistakes:
            if mistake.line:
                sheet.mistakes.append(mistake)
            else:
                fields["trace"].refuse(f"{show(shown)}: {mistake.found}", mistake.allowed)
        return None
    if mapped.skipped:
        left_out = ", ".join(f"{count} {why}" for why, count in sorted(mapped.skipped.items()))
        fields["trace"].warn(f"{len(jobs)} rows that fly; left out: {left_out}", "that you meant to leave these out")
    columns = list(zip(*jobs, strict=True)) or [()] * 5
    return JobLog(
        **log, digest=digest, line=columns[0], submit_s=columns[1], work_s=columns[2], accelerators=columns[3],
        kind=columns[4],
    )  # fmt: skip


_RATES = (("tokens", "tokens_rate"), ("prompt_tokens", "prompt_tokens_rate"))


def _mapping(fields: Fields) -> Mapped:
    """Which column is what. A log needs submission times, and something that says how long a job takes."""
    columns = {}
    given = fields["columns"].fields(COLUMNS)
    for ours, item in given.pairs():
        columns[ours] = item.text(longest=200)
    if not given.broken:
        if "submit_time" not in columns:
            fields["columns"].refuse("no submit_time", "the name of the column with the times of submission")
        lengths = [name for name in ("duration", "end_time", "tokens") if name in columns]
        if len(lengths) != 1:
            found = " and ".join(lengths) or "nothing that says how long a job takes"
            fields["columns"].refuse(found, "exactly one of duration, end_time, tokens")
        if "kind" in columns and "kind" in fields:
            fields["kind"].refuse("a kind for all rows", "either `kind` or a column for it")
        if "kind" not in columns and "kind" not in fields:
            fields["kind"].refuse("nothing", f"{one_of(KINDS)}, or a column for it")
    unit = fields.optional("time_unit")
    skip = [item.choice(SKIPPABLE) for item in fields["skip"].list(0, 3)] if "skip" in fields else []
    words = frozenset(name for name, _ in fields["kinds"].fields(None).pairs()) if "kinds" in fields else frozenset()
    return Mapped(columns, UNITS_S[unit.choice(tuple(UNITS_S))] if unit else 1.0, frozenset(skip), words)


def _kinds(fields: Fields) -> dict[str, int]:
    """Word in the log -> number of our kind."""
    words: dict[str, int] = {kind: KINDS.index(kind) + 1 for kind in KINDS}
    if "kind" in fields:
        value = str(fields["kind"].node.value if fields["kind"].node else "")
        return {"": words.get(value, 1)}
    if "kinds" in fields:
        return {word: words[item.choice(KINDS)] for word, item in fields["kinds"].fields(None).pairs()}
    return dict(words)


def _rate(fields: Fields, column: str, name: str) -> float:
    """Tokens a second of one accelerator, which a column of tokens needs."""
    columns = fields["columns"].node.entries if fields["columns"].node is not None else None
    if not columns or column not in columns:
        if name in fields:
            fields[name].refuse(f"a rate without the column {column}", f"`columns: {{{column}: ...}}` beside it")
        return 1.0
    return fields[name].quantity("frequency", 1e-3, 1e9, "1 mHz to 1 GHz (tokens a second of one accelerator)")


def _select(  # noqa: PLR0917
    fields: Fields, found: list[Row], shown: str, mapped: Mapped, span_s: float | None, start_s: float
) -> list[Row]:  # fmt: skip
    """The rows that fly, in order, with times since the scenario's epoch."""
    if "sort" in fields and fields["sort"].flag():
        found.sort(key=lambda row: (row.submit_s, row.line))
    elif late := list(unsorted(found, shown)):
        raise ScenarioError(late)
    begin_s = found[0].submit_s if found else 0.0
    if "begin" in fields:
        item = fields["begin"]
        try:
            begin_s = seconds(str(item.scalar()), mapped.unit_s)
        except Refused as error:
            item.refuse(error.found, f"a time of the log: {error.allowed}")
    most = fields["rows"].integer(1, MAX_ROWS) if "rows" in fields else MAX_ROWS + 1
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


RESTART_S = 60.0
"""Loading weights and starting again takes about a minute [A]."""


def checks_of(fields: Fields, communication: float = 0.0) -> Checks:
    """What errors and checks cost."""
    restart = fields.optional("restart_cost")
    detect = fields.optional("detect_after")
    cost = fields.optional("check_cost")
    checking = cost.quantity("fraction", 0.0, 0.9, "0 to 90 %") if cost else 0.0
    return Checks(
        restart_s=restart.quantity("time", 0.0, DAY_S, "0 s to 1 d") if restart else RESTART_S,
        detect_s=detect.quantity("time", 1.0, 366 * DAY_S, "1 s to 366 d") if detect else 0.0,
        efficiency=(1.0 - checking) * (1.0 - communication),
    )


def service_of(fields: Fields, default: float) -> tuple[ServiceLaw, float]:
    """The law of a service time, and the spread that only a lognormal one has."""
    written, given = fields.optional("service_law"), fields.optional("service_spread")
    chosen = written.choice(SERVICE_LAWS) if written else "lognormal"
    law: ServiceLaw = next((known for known in SERVICE_LAWS if known == chosen), "lognormal")
    if law == "lognormal":
        return law, given.quantity("number", 0.01, 3.0, "0.01 to 3") if given else default
    if given:
        given.refuse(f"a spread of a service_law that is {law}", "no spread, or `service_law: lognormal`")
    return law, 0.0


def checkpoints_of(fields: Fields, *, needed: bool) -> tuple[float, float]:
    """Interval and cost of checkpoints; (0, 0) where there are none."""
    if not needed and "checkpoint_every" not in fields and "checkpoint_cost" not in fields:
        return 0.0, 0.0
    return (
        fields["checkpoint_every"].quantity("time", 1.0, 366 * DAY_S, "1 s to 366 d of work"),
        fields["checkpoint_cost"].quantity("time", 0.0, DAY_S, "0 s to 1 d"),
    )
