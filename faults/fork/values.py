"""What is true from the fork on: `--set sc-1.battery_soc='40 %'`. Physics goes on from there, and flight software
finds it in its readings.
"""

from __future__ import annotations

from collections.abc import Sequence

from bus.errors import Refused, UnknownNameError, UserError
from bus.scenario.model import Fault, Scenario
from bus.text.near import one_of
from bus.wire.messages import Scalar, Seam
from faults.run.director import LEAD_TICKS
from faults.scenarios.vocabulary import first_value
from node.designs.load import load_design
from node.truth import NODE_SIGNALS

KIND = "set"
"""What recordings and reports call it; no fault of the catalogue has this name (a test looks)."""
CHARGE = ("battery_group_soc", "battery_group_turn_soc", "battery_group_peak_soc")
"""Where the charge of one battery group stands; the battery's own is their mean."""


def with_values(scenario: Scenario, at_ns: int, written: Sequence[str]) -> Scenario:
    """The scenario with these values put into the plant two ticks after the fork. Raises UserError for what is no
    SPACECRAFT.NAME=VALUE, a name there is not (with the nearest), and a value that cannot be."""
    at_s = (at_ns + LEAD_TICKS * scenario.tick_ns) / 1e9
    taken = {fault.id for fault in scenario.faults}
    ids = (name for number in range(1, 2 + len(taken) + len(written)) if (name := f"{KIND}-{number}") not in taken)
    found = tuple(
        _put(scenario, words, at_s, name) for words, name in zip(dict.fromkeys(written), ids, strict=False)
    )  # fmt: skip
    return scenario.model_copy(update={"faults": (*scenario.faults, *found)}) if found else scenario


def _put(scenario: Scenario, words: str, at_s: float, id: str) -> Fault:
    name, equals, value = words.partition("=")
    spacecraft, dot, signal = name.strip().partition(".")
    if not equals or not dot or not signal or not value.strip():
        raise UserError(
            f"--set: found {words[:80]!r}; allowed: SPACECRAFT.NAME=VALUE",
            hint='for example --set "sc-1.battery_soc=40 %"',
        )
    designs = {one.id: one.design for one in scenario.spacecraft}
    if spacecraft not in designs:
        raise UserError(f"--set {words[:80]}: found {spacecraft!r}; allowed: {one_of(designs, spacecraft)}")
    try:
        number = _value(designs[spacecraft], signal, value.strip())
    except UnknownNameError as error:
        raise UserError(f"--set {words[:80]}: {error.message}", hint=error.hint) from error
    except Refused as error:
        raise UserError(f"--set {words[:80]}: found {error.found}; allowed: {error.allowed}") from error
    groups = load_design(designs[spacecraft]).battery_groups
    places = [signal]
    if signal == "battery_soc":
        places += [f"{field}[{group}]" for field in CHARGE for group in range(len(groups))]
    value_of: dict[str, Scalar] = {"value": number}
    return Fault(
        id=id, fault=KIND, target=spacecraft, at_s=at_s, until_s=None, parameters={signal: number},
        primitives=tuple((int(Seam.PLANT), place, "put", value_of) for place in places),
    )  # fmt: skip


def _value(design: str, signal: str, written: str) -> float:
    if signal in NODE_SIGNALS:
        raise Refused(signal, "what is true of the hardware; flight software takes telecommands (--change, timeline)")
    plain: Scalar = written
    for kind in (int, float):
        try:
            plain = kind(written)
        except ValueError:
            continue
        break
    return first_value(design, signal, plain)
