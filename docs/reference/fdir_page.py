"""The reference page of FDIR: how a row works, which rows there are by rule, and the table of a small design."""

from __future__ import annotations

from collections.abc import Iterator

from docs.reference.forms import GENERATED, table
from faults.commands.fdir_rows import action, row_cells
from node.assembly import dictionary, equipment
from node.designs.load import SHIPPED, load_design
from node.devices.equipment import FdirRow
from node.fdir.kinds import KIND_OF, kind_of, parts_of

EXAMPLE = "pathfinder"


def fdir_page() -> str:
    """The whole page."""
    lines = [
        "# FDIR: monitors, events, actions", "", GENERATED, "",
        "Failure detection, isolation and recovery is a table. A row is a **monitor** of service 12 (a reading,",
        "limits, looks in a row), the **event** of service 5 that it raises, which has the monitor's name, and the",
        "**action** of service 19 that answers it: a telecommand that is stored on board. `skyrack list fdir DESIGN`",
        "prints the table of a design; `--json` has every field. [How to change a row](../how-to/fdir.md).",
        "",
        "- A monitor looks every `interval`, on the computer's own timer. What it finds counts after `repetition`",
        "  looks in a row; that is the confirmation time. A finding that changes is a report, TM[12,12]. What a stale",
        "  device said last is no finding.",
        "- While the reading stays wrong, event and action come again after `again`, then after twice that, and so",
        "  on, so often as the row allows; so long each action is given time. A reading that comes and goes is no new",
        "  reason.",
        "- What has not helped so often as `then` says, so long ago at most, hands over to the row above it: that",
        "  row's event is raised and its action executed instead; `fdir_escalated` tells of it. A row above others",
        "  need not look at anything itself.",
        "- A **functional monitor** combines others, and is wrong while at least so many of them are.",
        "- A row with **modes** looks in these modes only. A row with **masks** keeps other monitors from looking",
        "  while its own action is given time: they find nothing new, and what they found stands.",
        "- At the deadline a reading that is still wrong raises `fdir_late`.",
        "- An action is executed in the cycle of its event, whatever the event's report is set to, and told by",
        "  `action_executed` with its failure code. A mode that forbids the telecommand forbids the action.",
        "- **Level**: `unit` (the part itself), `subsystem` (its neighbours have to help), `system` (the mode).",
        "- **Time to criticality** is the time from the limit to damage, from the design's figures; `unknown` where",
        "  they do not tell. A test holds every confirmation below it.",
        "- In flight, services 12 and 19 enable, disable, change, add and delete ([telecommands](telecommands.md));",
        "  what they change survives a reboot. The limits and the hysteresis of the whole battery's charge are in the",
        "  `power.*` parameters of service 20: its rows look at the zone that follows from them.",
        "",
        "## Which rows there are", "",
        "By rule, for every part of a design. Limits are the design's own figures, or assumptions; the code has them",
        "beside their reasons.", "",
    ]  # fmt: skip
    lines += table(("monitor", "reading", "answered by", "then", "level"), _patterns())
    lines += [f"## The table of `{EXAMPLE}`", ""]
    words = dictionary(EXAMPLE)
    shown = ("monitor", "reading", "wrong", "repetition", "interval", "confirmation", "severity", "action", "again",
             "then", "deadline", "level", "modes", "masks", "criticality")  # fmt: skip
    fdir = equipment(load_design(EXAMPLE)).fdir
    rows = [row_cells(row, words, fdir) for row in fdir]
    lines += table(
        [name if name != "criticality" else "time to criticality" for name in shown],
        ([str(row[name]) for name in shown] for row in rows),
    )
    return "\n".join(lines)


def _patterns() -> Iterator[tuple[str, ...]]:
    """Rows of all shipped designs, each kind once, with the kind of part in braces."""
    seen: dict[tuple[str, ...], None] = {}
    for design in SHIPPED:
        form = load_design(design)
        kinds = parts_of(form)
        for row in equipment(form).fdir:
            seen.setdefault(_pattern(row, kinds), None)
    yield from seen


def _pattern(row: FdirRow, kinds: dict[str, tuple[str, ...]]) -> tuple[str, ...]:
    head = row.monitor.partition(".")[0]
    kind = KIND_OF.get(head, "")
    name = kind_of(row.monitor, kinds)
    stem, _, part = row.reading.partition(".")
    reading = f"`{stem}.{{{kind}}}`" if kind and part in kinds[kind] else f"`{row.reading}`"
    if not row.reading:
        reading = "other monitors" if row.of else "acts only"
    arguments = [
        (name, _any(kind, kinds, name, value)) for name, value in row.arguments if name not in ("power_w", "cause")
    ]
    answer = action(row.telecommand, arguments) + (" power_w=half" if row.telecommand == "payload.power_cap" else "")
    above = row.escalate_to.rpartition(".")[2]
    then = f"`{name.rpartition('.')[0]}.{above}`" if above else "-"
    return f"`{name}`", reading, f"`{answer}`" if answer else "its event only", then, row.level


def _any(kind: str, kinds: dict[str, tuple[str, ...]], name: str, value: object) -> object:
    """An argument, with the kind of part in braces."""
    if name in ("heater", "lcl", "unit"):
        return f"{{{name}}}"
    return f"{{{kind}}}" if kind and value in kinds[kind] else value
