"""What the operator asks for in a scenario, as tables of `skyrack check`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bus.dictionary import Dictionary
from bus.onset import Law
from bus.scenario.model import Fault, Scenario
from bus.text.times import clock, span
from bus.wire.stacks import CommandStep
from faults.scenarios.vocabulary import dictionary_of
from groundstation.commanding.conditions import worded


def operator_rows(scenario: Scenario) -> dict[str, list[dict[str, Any]]]:
    """Tables by title: telecommands, stacks, procedures, each with its times."""
    designs = {one.id: one.design for one in scenario.spacecraft}
    return {
        "timeline": [
            {
                "at": clock(entry.at_s),
                "spacecraft": entry.spacecraft,
                "telecommand": entry.telecommand,
                "arguments": pairs_in_words(entry.arguments),
            }
            for entry in scenario.timeline
        ],
        "stacks": [
            {
                "at": clock(stack.at_s),
                "step": number,
                "spacecraft": ", ".join(step.spacecraft),
                "telecommand": step.name,
                "arguments": pairs_in_words(step.arguments),
                "when": _when(step, dictionary_of(designs[step.spacecraft[0]])),
            }
            for stack in scenario.stacks
            for number, step in enumerate(stack.steps, start=1)
        ],
        "procedures": [
            {
                "at": clock(entry.at_s),
                "procedure": entry.name,
                "spacecraft": ", ".join(entry.spacecraft),
                "arguments": pairs_in_words(entry.arguments),
            }
            for entry in scenario.procedures
        ],
    }


def fault_rows(scenario: Scenario) -> list[dict[str, Any]]:
    """The faults, one that strikes several spacecraft as one."""
    targets: dict[str, list[str]] = {}
    for fault in scenario.faults:
        targets.setdefault(fault.id, []).append(fault.target)
    return [
        {
            "id": fault.id,
            "fault": fault.fault,
            "target": ", ".join(targets[fault.id]),
            "at": fault.onset or clock(fault.at_s),
            "until": _until(fault),
            "parameters": pairs_in_words(fault.parameters),
        }
        for fault in {fault.id: fault for fault in reversed(scenario.faults)}.values()
    ][::-1]


def _until(fault: Fault) -> str:
    law = Law.of(fault.laws[0]) if fault.laws else Law()
    if fault.until_s is not None:
        return clock(fault.until_s)
    ends = [f"for {span(law.length_ns / 1e9)}"] if law.length_ns else []
    ends += ["a condition"] if law.clear else []
    return " or ".join(ends) or "stays"


def pairs_in_words(values: Mapping[str, object]) -> str:
    """Arguments as name=value."""
    return ", ".join(
        f"{name}={value:.12g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items()
    )


def _when(step: CommandStep, dictionary: Dictionary) -> str:
    """What a step waits for."""
    waits = []
    if step.at_contact:
        waits.append("next contact")
    if step.not_before_ns:
        waits.append(f"from {clock(step.not_before_ns / 1e9)}")
    if step.precondition:
        waits.append(f"if {worded(dictionary, step.precondition)}")
    if step.canary:
        then = f" and {worded(dictionary, step.condition)}" if step.condition else ""
        waits.append(f"{', '.join(step.canary)} first{then}, then the rest")
    return "; ".join(waits) or "now"
