"""`skyrack run`: from what was typed to a flown, judged and reported run, and the table at its end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bus.clock import parse_pace
from bus.errors import INTERRUPTED, RangeFailure, SkyrackError, UserError
from bus.lockstep.instructions import Record
from bus.scenario.model import Scenario
from bus.text.times import clock
from bus.trace.reader import TraceReader, read_record
from faults.recording.outside import outside_in_words
from faults.recording.programs import program_in_words
from faults.recording.software import caught, in_words
from faults.recording.summary import (
    alarms_in_words,
    exit_status,
    levels_in_words,
    margin_in_words,
    shortcomings,
    telecommands_in_words,
    telemetry_in_words,
    to_json,
)
from faults.report.injections import injection_in_words
from faults.run import compose as root
from faults.run.conclude import conclude
from faults.run.director import Director
from faults.run.interruption import Interruption
from faults.run.notices import FailedTelecommands
from faults.run.progress import Observer, StatusSampler, observer
from faults.run.warm import warm_up
from faults.run_directory import RunDirectory, create, discard
from faults.scenarios.choose import Chosen, RunOptions, choose
from faults.scenarios.own_jobs import may_execute

PATIENCE_S = 3.0  # for the open tick to end after a signal
JUDGE_WITHIN_S = 60.0  # what was flown is judged all the same, unless that takes longer or a second signal comes
VERDICT_STYLES = {"PASS": "green", "FAIL": "bold red", "INCONCLUSIVE": "yellow"}


def run_command(options: RunOptions) -> int:
    """Fly, judge, report. Gives the exit status."""
    speed = parse_pace(options.pace)
    if options.in_process and speed is not None:
        raise UserError(
            f"--pace {options.pace} needs processes: in one process virtual time runs free",
            hint="leave out --in-process, or --pace",
        )
    if options.in_process and options.per_process:
        raise UserError(
            "--per-process is for processes: --in-process has everybody in one", hint="leave out one of them"
        )
    chosen = choose(options)
    may_execute(chosen.scenario, allowed=options.allow_exec)
    for note in chosen.notes:
        sys.stderr.write(f"note: {note}\n")
    with Interruption() as interruption:
        try:
            return _run(chosen, options, interruption)
        except KeyboardInterrupt:
            sys.stderr.write(f"interrupted by {interruption.signal}\n")
            return INTERRUPTED


def _run(chosen: Chosen, options: RunOptions, interruption: Interruption) -> int:
    with interruption.handled_by(within_s=PATIENCE_S):
        directory = create(chosen.scenario.name, options.out)
    try:
        flown = _begin(chosen, directory, options, interruption)
    except KeyboardInterrupt:
        flown = root.Flown(None, 0.0, interrupted=interruption.signal)
    return finish(directory, interruption, lambda: _end(flown, directory, options))


def finish(directory: RunDirectory, interruption: Interruption, judge: Callable[[], int]) -> int:
    """How a run ends that may have been interrupted: without a tick nothing of it stays, else it is judged; gives the
    exit status, 130 where a signal came."""
    if interruption.signal and not has_flown(directory):
        discard(directory)
        sys.stderr.write(f"interrupted by {interruption.signal} before the first tick: nothing was flown\n")
        return INTERRUPTED
    try:
        with interruption.handled_by(within_s=JUDGE_WITHIN_S):
            status = judge()
    except KeyboardInterrupt:
        sys.stderr.write(f"interrupted by {interruption.signal}: {directory.path} was flown, but is not judged\n")
        return INTERRUPTED
    if interruption.signal:
        sys.stderr.write(f"interrupted by {interruption.signal}: what was flown is judged\n")
        return INTERRUPTED
    return status


def _begin(chosen: Chosen, directory: RunDirectory, options: RunOptions, interruption: Interruption) -> root.Flown:
    """Prepare and fly."""
    scenario = chosen.scenario
    display = observer(scenario, wanted=options.progress)
    try:
        interruption.check()
        display.say(
            f"{scenario.name}: seed {scenario.seed}, {len(scenario.spacecraft)} spacecraft, into {directory.path}"
        )
        root.prepare(directory, scenario, chosen.text, options.procedures)
        return _fly(scenario, directory, options, display, interruption)
    finally:
        display.close()


def has_flown(directory: RunDirectory) -> bool:
    """Whether a tick of it is recorded."""
    try:
        with TraceReader(directory.trace) as trace:
            return len(trace) > 0
    except SkyrackError:
        return False


def _end(flown: root.Flown, directory: RunDirectory, options: RunOptions) -> int:
    """Judge, report, and say how it ended."""
    if not directory.trace.is_file():
        if directory.archive.is_file():
            raise RangeFailure(
                f"{directory.trace} is gone: it was taken away while the run flew, and without it nothing is judged",
                hint=f"what the ground received is in {directory.archive}",
            )
        raise flown.failure or UserError("nothing was recorded")
    mode = "in-process" if options.in_process else "processes"
    summary = conclude(directory, flown, mode=mode, pace=options.pace)
    if options.as_json:
        sys.stdout.write(to_json(summary))
    else:
        print_end(summary, directory)
    if flown.failure is not None:
        if not flown.interrupted:
            _complain(flown.failure)
        return flown.failure.exit_status
    return exit_status(summary)


def _fly(
    scenario: Scenario, directory: RunDirectory, options: RunOptions, display: Observer, interruption: Interruption
) -> root.Flown:
    if options.in_process:
        warm_up(scenario, display.say)
        outside = [*root.build_executor(scenario, directory, options.programs), *root.build_gateway(scenario)]
        participants = root.build_all(scenario, directory.own_procedures, outside)
        director = next((each for each in participants if isinstance(each, Director)), None)
        sampler, failed = StatusSampler(scenario, director), FailedTelecommands()

        def watch(record: Record) -> None:
            for line in failed(read_record(record.content).mail):
                display.say(line)
            display.show(record.tick + 1, sampler(record.answers))

        with interruption.handled_by(within_s=PATIENCE_S):
            return root.fly_in_process(
                scenario,
                directory,
                participants=participants,
                on_tick=watch,
                stopped=lambda: interruption.signal,
            )
    from faults.run.processes import fly_as_processes  # noqa: PLC0415 - zmq only where it is used

    return fly_as_processes(
        scenario,
        directory,
        pace=options.pace,
        display=display,
        interruption=interruption,
        per_process=options.per_process or 0,
        programs=options.programs,
    )


def _complain(error: SkyrackError) -> None:
    sys.stderr.write(f"error: {error.message}\n" + (f"  next: {error.hint}\n" if error.hint else ""))


def print_end(summary: dict[str, Any], directory: RunDirectory) -> None:
    """The table at the end."""
    console = Console(highlight=False)
    table = Table(
        title=f"{summary['scenario']}, seed {summary['seed']}", title_justify="left", show_header=False, box=None
    )
    table.add_column(style="dim")
    table.add_column()
    table.add_row("flown", f"{clock(summary['sim_s'])}{_took(summary)}, {summary['mode']}")
    for shortcoming in shortcomings(summary):
        table.add_row(Text("NOT SOUND", style="bold red"), Text(shortcoming))
    if summary["late_ticks"]:
        table.add_row("late", f"{summary['late_ticks']:,} answers came after their tick; their mail joined the next")
    table.add_row("telecommands", telecommands_in_words(summary))
    table.add_row("telemetry", telemetry_in_words(summary))
    if levels_in_words(summary):
        table.add_row("service", levels_in_words(summary))
    if alarms_in_words(summary):
        table.add_row("alarms", alarms_in_words(summary))
    for run in summary["procedures"] or []:
        why = f": {run['detail']}" if run["detail"] else ""
        words = f"{run['name']} on {', '.join(run['spacecraft'])} {run['state']} at {clock(run['ended_s'])}{why}"
        table.add_row("procedure", Text(words))
    for row in summary["flight_software"]:
        table.add_row("software", Text(in_words(row), style="yellow" if caught([row]) else ""))
    for row in summary.get("devices_outside", ()):
        table.add_row("outside", Text(outside_in_words(row), style="" if row["timing"] == "VALID" else "bold red"))
    for row in summary.get("programs", ()):
        table.add_row("program", Text(program_in_words(row), style="" if row["verdict"] != "INVALID" else "bold red"))
    lost = {loss["id"] for loss in summary["lost"]}
    for fault in _alike(summary["faults"], lost):
        table.add_row("fault", _fault(fault, lost))
    for row in summary["injections"]:
        if row["verdict"] != "PASS":
            table.add_row(
                Text(row["verdict"], style=VERDICT_STYLES[row["verdict"]]),
                Text(injection_in_words(row).replace(f"{row['verdict']}, ", "")),
            )
    for row in summary["expectations"]:
        margin = "" if row["robustness"] is None else f"  margin {margin_in_words(row['robustness'])}"
        when = "" if row["first_violation_s"] is None else f"  first violated at {clock(row['first_violation_s'])}"
        why = f"  ({row['reason']})" if row["reason"] else ""
        why += f"  (waived: {row['waive']})" if row["waive"] and row["verdict"] == "INCONCLUSIVE" else ""
        table.add_row(
            Text(row["verdict"], style=VERDICT_STYLES[row["verdict"]]), Text(f"{row['text']}{margin}{when}{why}")
        )
    table.add_row("trace", summary["trace_hash"])
    table.add_row("report", str(directory.report))
    console.print(table)


def _took(summary: dict[str, Any]) -> str:
    """How long it took, where somebody knows."""
    if summary["wall_s"] is None:
        return ""
    speed = summary["sim_s"] / summary["wall_s"] if summary["wall_s"] else 0.0
    return f" in {summary['wall_s']:.1f} s (x{speed:,.0f})"


def _alike(faults: Sequence[dict[str, Any]], lost: set[str]) -> list[dict[str, Any]]:
    """What struck several spacecraft alike as one, whose target says how many they are."""
    found: dict[tuple[object, ...], list[dict[str, Any]]] = {}
    for fault in faults:
        what = tuple(value for name, value in fault.items() if name != "target")
        found.setdefault((*what, fault["target"] if fault["target"] in lost else ""), []).append(fault)
    return [same[0] if len(same) == 1 else {**same[0], "target": f"{len(same)} spacecraft"} for same in found.values()]


def _fault(fault: dict[str, Any], lost: set[str]) -> str:
    text = f"{fault['id']} ({fault['fault']}, {fault['seam']} of {fault['target']}) "
    if fault["refused"]:
        return text + f"refused: {fault['refused']}"
    if fault["at_s"] is None:
        return text + "never active"
    cleared = "stays" if fault["cleared_s"] is None else f"to {clock(fault['cleared_s'])}"
    if fault["cleared_s"] is None and fault["target"] in lost:
        cleared = f"until {fault['target']} was lost"
    return text + f"at {clock(fault['at_s'])} {cleared}"
