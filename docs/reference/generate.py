"""Writes the reference pages from the declarations that the code itself runs on: telecommands and telemetry here.

`python -m docs.reference.generate` writes them; a test says when they are stale. Names that depend on a design
appear with the kind of part in braces. Nothing is declared here.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from bus.dictionary import Argument, Dictionary, Parameter
from bus.pus import Severity
from docs.faults.page import failure_modes_page
from docs.reference.fdir_page import fdir_page
from docs.reference.forms import GENERATED, design_page, faults_page, table
from docs.reference.scenarios_page import scenarios_page
from node.assembly import dictionary_for
from node.devices.definitions import device_forms
from node.devices.equipment import Equipment
from node.fsw.modes import REGIMES, TABLE, Mode, ModeEvent
from node.fsw.services.st01_verification import CrashPoint
from node.fsw.services.store_shares import SHARES_BYTES

PARTS = Equipment(
    design="any",
    strings=("string",),
    battery_groups=("battery_group",),
    lcls=("lcl",),
    thermal_nodes=("thermal_node",),
    heaters=("heater",),
    accelerator_groups=("accelerator_group",),
    isl_heads=("isl_head",),
    accelerator_group_power_w=(0.0,),
)
MANY = 60
"""More labels than that are not spelled out on the page of telecommands."""
_PART_NAMES = {
    "string": "array string", "battery_group": "battery group", "lcl": "current limiter", "heater": "heater",
    "thermal_node": "thermal node", "accelerator_group": "accelerator group", "isl_head": "optical terminal",
}  # fmt: skip


def _name(name: str) -> str:
    stem, dot, part = name.rpartition(".")
    return f"`{stem}.{{{part}}}`" if dot and part in _PART_NAMES else f"`{name}`"


def _text(text: str) -> str:
    for part in sorted(_PART_NAMES, key=len, reverse=True):
        end = "" if "_" in part else "$"  # "heater" is a word too
        text = re.sub(rf"\b{part}\b{end}", f"{{{part}}}", text)
    return text


_MANY = {
    "monitor": "a monitor of the FDIR table, or `spare.1` … `spare.4`",
    "reading": "a telemetry parameter",
    "telecommand": "a telecommand",
    "event": "an event",
    "parameters": "telemetry parameters, with commas between",
}
"""Arguments that can take very many names."""


def _argument(argument: Argument) -> str:
    if argument.name in _MANY and argument.labels:
        allowed = _MANY[argument.name]
    elif argument.labels and argument.labels[0] in _PART_NAMES:
        allowed = f"name of a {_PART_NAMES[argument.labels[0]]} of the design"
    elif len(argument.labels) > MANY:
        allowed = f"one of {len(argument.labels)} names or more: `skyrack list telecommands`"
    elif argument.type == "telecommand":
        allowed = "name of a telecommand"
    elif argument.labels:
        allowed = "one of " + ", ".join(f"`{label}`" for label in argument.labels)
    elif argument.low is not None and argument.low == argument.high:
        allowed = f"{argument.low:g} … the design's rated power"
    elif argument.low is not None and argument.high is not None:
        allowed = f"{argument.low:g} … {argument.high:g}"
    else:
        allowed = "`true` or `false`" if argument.type == "bool" else argument.type
    unit = f" {argument.unit}" if argument.unit not in {"", "1"} else ""
    return f"`{argument.name}` ({allowed}{unit}): {argument.description}"


def _event_argument(argument: Argument) -> str:
    if argument.name in _MANY and argument.labels:
        kind = f" ({_MANY[argument.name]})"
    elif argument.labels and argument.labels[0] in _PART_NAMES:
        kind = f" (a {_PART_NAMES[argument.labels[0]]})"
    elif argument.labels:
        kind = f" ({', '.join(argument.labels)})"
    else:
        kind = f" ({argument.unit})" if argument.unit not in {"", "1"} else ""
    return f"`{argument.name}`{kind}"


def telecommands_page(words: Dictionary) -> str:
    """Every telecommand, the failure codes, and what verification promises."""
    lines = [
        "# Telecommands", "", GENERATED, "",
        "Service and subtype are those of ECSS-E-ST-70-41C. A telecommand marked *hazardous* changes what protects the",
        "spacecraft. Where modes are given it is refused in every other one. `skyrack list telecommands` shows them",
        "with the names of a design.", "",
    ]  # fmt: skip
    lines += table(
        ("telecommand", "service", "arguments", "what it does"),
        (
            (
                f"`{form.name}`" + (" *hazardous*" if form.hazardous else ""),
                f"{form.service},{form.subtype}" + ("" if form.function is None else f", function {form.function}"),
                "<br>".join(_argument(argument) for argument in form.arguments) or "none",
                form.description + (f" (only in {', '.join(form.modes)})" if form.modes else ""),
            )
            for form in sorted(words.telecommands, key=lambda form: form.name)
        ),
    )
    lines += ["## Failure codes", ""]
    lines += table(("code", "meaning"), ((str(code), text) for code, text in words.codes.items()))
    lines += [
        "## Execution at most once", "",
        "A request is (ground boot, number). How far it has come is written to non-volatile memory before anything",
        "happens, so a reset can lose an answer but never repeat an effect; the next boot reports what it finds",
        "unfinished. A crash can be injected at each of these points (`crash`, seam host, place `computer`):", "",
    ]  # fmt: skip
    lines += table(
        ("point", "name"), ((str(int(p)), p.name.lower().replace("_", " ")) for p in CrashPoint)
    )  # fmt: skip
    lines += ["## On-board parameters", "", "Set by `parameter.set`, kept over a reboot.", ""]
    lines += table(
        ("parameter", "unit", "at first", "allowed", "what it is"),
        (
            (f"`{f.name}`", f.unit or "–", f"{f.default:g}", f"{f.low:g} … {f.high:g}", f.description)
            for f in words.on_board_parameters
        ),
    )
    return "\n".join(lines)


def _limits(p: Parameter) -> str:
    limits = [
        f"{name} {value:g}"
        for name, value in (
            ("hard low", p.hard_low), ("soft low", p.soft_low), ("soft high", p.soft_high), ("hard high", p.hard_high)
        )
        if value is not None
    ]  # fmt: skip
    return ", ".join(limits) or "–"


def telemetry_page(words: Dictionary) -> str:
    """Structures, parameters, events, modes, streams."""
    lines = [
        "# Telemetry", "", GENERATED, "",
        "Every packet carries (boot, stream, sequence) and on-board time; the stream is the ECSS service's number and",
        "sequence numbers run without gaps. Values are float64, by position in their structure.", "",
        "## Streams and the packet store", "",
    ]  # fmt: skip
    lines += table(("stream", "bytes in the store"), ((str(s), f"{size:,}") for s, size in SHARES_BYTES.items()))
    lines += ["## Structures", ""]
    lines += table(
        ("id", "structure", "every", "parameters"),
        (
            (
                str(s.id),
                f"`{s.name}`",
                f"{s.interval_s:g} s" if s.interval_s else "on request",
                ", ".join(_name(name) for name in s.parameters),
            )
            for s in words.structures
        ),
    )
    device_of = {channel.name: form.name for form in device_forms(PARTS) for channel in form.channels}
    lines += ["## Parameters", ""]
    lines += table(
        ("parameter", "unit", "type", "from", "limits", "what it is"),
        (
            (
                _name(p.name),
                p.unit or "–",
                p.type + _labels(p),
                device_of.get(p.name, "flight software"),
                _limits(p),
                _text(p.description),
            )
            for p in words.parameters
        ),
    )
    lines += [
        "## Events",
        "",
        "Each monitor of the [FDIR table](fdir.md) raises an event of its own name, from id 1000 on.",
        "",
    ]
    lines += table(
        ("id", "event", "severity", "arguments", "what happened"),
        (
            (
                str(e.id),
                f"`{e.name}`",
                Severity(e.severity).name.lower(),
                "<br>".join(_event_argument(a) for a in e.arguments),
                e.description + (f"; ends `{e.ends}`" if e.ends else ""),
            )
            for e in words.events
        ),
    )  # fmt: skip
    lines += ["## Modes", "", "What each event leads to; an empty cell is refused, counted and reported.", ""]
    lines += table(
        ("event", *(mode.name for mode in Mode)),
        (
            (f"{int(event)} {event.name.lower()}", *(_cell(mode, event) for mode in Mode))
            for event in ModeEvent
        ),
    )  # fmt: skip
    lines += ["## Regimes of the payload", "", "Within NOMINAL; `payload.regime` sets them in every mode.", ""]
    lines += table(
        ("regime", "jobs that may run", "its power limit", "accelerators"),
        (
            (
                f"{int(regime)} {regime.name.lower()}", ", ".join(profile.admitted) or "none, all are held",
                "`payload.capped_share`" if profile.capped else "–", "on" if profile.powered else "off",
            )
            for regime, profile in REGIMES.items()
        ),
    )  # fmt: skip
    return "\n".join(lines)


def _labels(p: Parameter) -> str:
    if not p.labels:
        return ""
    many = _MANY.get(p.name.partition("_")[2], "") if p.name.startswith(("checked_", "defined_")) else ""
    return f": {many or ', '.join(p.labels)}"


def _cell(mode: Mode, event: ModeEvent) -> str:
    following = TABLE.get((mode, event))
    return "" if following is None else "stays" if following is mode else following.name


def pages() -> dict[str, str]:
    """File name and content of each page."""
    words = dictionary_for(PARTS)
    return {
        "telecommands.md": telecommands_page(words),
        "telemetry.md": telemetry_page(words),
        "design.md": design_page(),
        "faults.md": faults_page(),
        "fdir.md": fdir_page(),
        "scenarios.md": scenarios_page(),
        "../faults/README.md": failure_modes_page(),
    }


def main(directory: Path) -> None:
    """Write the pages."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (directory / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/reference"))
