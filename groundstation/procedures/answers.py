"""What a spacecraft answers to a telecommand besides its verification: the reports that the standard has for it.

TC[20,1] is answered by TM[20,2], TC[6,5] by TM[6,6] (a packet a word here), TC[6,9] by TM[6,10] (ECSS-E-ST-70-41C). A
report may come before or after the completion, so a step that was COMPLETED still waits for what answers it.
"""

from __future__ import annotations

from collections.abc import Mapping

from bus.dictionary import Dictionary
from bus.pus import Service
from bus.wire.messages import Telemetry
from groundstation.procedures.state import Pending
from groundstation.procedures.words import Command

_GET, _DUMP, _CHECK = (Service.PARAMETER, 1), (Service.MEMORY, 5), (Service.MEMORY, 9)
WORD_DIGITS = 16


def expected(dictionary: Dictionary, step: Command) -> int:
    """How many reports answer the telecommand of a step, if it went to one spacecraft."""
    kind = _kind(dictionary, step)
    if kind == _DUMP:
        length = step.arguments.get("length", 0)
        return int(length) if isinstance(length, int | float) else 0
    return int(kind in (_GET, _CHECK))


def take(dictionary: Dictionary, step: Command, packet: Telemetry, pending: Pending) -> None:
    """A packet has come while the telecommand was under way: is it an answer?"""
    if packet.stream == Service.PARAMETER:
        found = dictionary.reported_parameter(packet.values)
        if found is not None and found[0].name == step.arguments.get("parameter"):
            pending.value, pending.answers = found[1], {0: ""}
        return
    kind = _kind(dictionary, step)
    if packet.stream != Service.MEMORY or kind not in (_DUMP, _CHECK):
        return
    said = _named(dictionary, packet)
    first, length = step.arguments.get("address"), step.arguments.get("length")
    if not isinstance(first, int) or not isinstance(length, int):
        return
    if kind == _CHECK and (said.get("checked_address"), said.get("checked_length")) == (first, length):
        pending.value, pending.answers = int(said["checked_crc"]), {0: ""}
    elif kind == _DUMP and first <= said.get("dumped_address", -1) < first + length:
        word = (int(said["dumped_high"]) << 32) | int(said["dumped_low"])
        pending.answers[int(said["dumped_address"])] = f"{word:0{WORD_DIGITS}x}"
        pending.value = "".join(pending.answers[place] for place in sorted(pending.answers))


def _kind(dictionary: Dictionary, step: Command) -> tuple[int, int]:
    form = dictionary.telecommand.get(step.name)
    return (form.service, form.subtype) if form else (0, 0)


def _named(dictionary: Dictionary, packet: Telemetry) -> Mapping[str, float]:
    structure = dictionary.structure.get(packet.structure)
    return dict(zip(structure.parameters, packet.values, strict=False)) if structure else {}


def complete(dictionary: Dictionary, step: Command, whom: tuple[str, ...], pending: Pending) -> bool:
    """Whether nothing is waited for any more: an end of each telecommand, and each answer of the one that COMPLETED."""
    if pending.requests:
        return False
    alone = len(whom) == 1 and [state for _, state, _ in pending.ends] == ["COMPLETED"]
    return not alone or len(pending.answers) >= expected(dictionary, step)
