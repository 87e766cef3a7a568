"""The `devices:` and the `fsw:` of a spacecraft: what of it is outside, where it answers, and what is asked of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from bus.errors import Refused, UserError
from bus.scenario.model import Scenario, Spacecraft
from bus.scenario.outside import OutsideDevice
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, quantity, text, whole
from bus.text.near import one_of
from bus.text.reader import Item
from bus.text.units import show
from bus.wire.outside import FLIGHT_SOFTWARE
from faults.scenarios.foreign_dictionary import read_foreign
from faults.scenarios.own_jobs import without_programs
from node.assembly import all_forms, outside_forms
from node.designs.load import with_software_outside
from node.devices.device import NEVER_OUTSIDE
from node.hil.lines import SHAPE, parse_endpoint

MAX_OUTSIDE, MAX_SOFTWARE = 40, 24
"""Lines in a scenario, and those of them with flight software: what the gateway's account has room for."""


def _endpoint(value: object) -> str:
    if not isinstance(value, str):
        raise Refused(show(value), SHAPE)
    parse_endpoint(value)
    return value


Endpoint = Annotated[str, Leaf(_endpoint, {"type": "string", "description": SHAPE})]
Part = Literal["simulated", "software", "hardware"]
Timeout = Annotated[float, quantity("time", 0.001, 10.0, "1 ms to 10 s")]
Misses = Annotated[int, whole(0, 10**9)]


class OutsideForm(Form):
    """Where a device answers, what it is, and what is asked of it."""

    remote: Endpoint
    part: Part = "hardware"
    layout: Literal["names", "fixed"] = "names"
    timeout: Timeout = 1.0
    answers_ticks: Flag = True
    allowed_misses: Misses = 0


class SoftwareForm(Form):
    """Where flight software answers, what it is, what is asked of it, and the file that says what it says."""

    remote: Endpoint
    part: Part = "software"
    layout: Literal["names", "fixed"] = "names"
    timeout: Timeout = 1.0
    allowed_misses: Misses = 0
    dictionary: Annotated[str, text(longest=1000, empty=True)] = ""


Devices = Annotated[dict[str, OutsideForm], Field(default_factory=dict)]


def read_devices(item: Item, design: str) -> dict[str, OutsideDevice]:
    """The devices that are outside, by name. One that is `simulated` is left out, whatever its endpoint."""
    found: dict[str, OutsideDevice] = {}
    known = [form.name for form in outside_forms(design)]
    if item.node is None or item.node.entries is None:
        item.refuse(item.found, f"a mapping of devices: {', '.join(known)}")
        return {}
    for name, (key, _) in item.node.entries.items():
        if name not in known:
            why = " (it is always emulated)" if name in NEVER_OUTSIDE else ""
            Item(item.sheet, key, item.below(name).path, key).refuse(f"{name[:64]!r}{why}", one_of(known, name))
            continue
        form = item.below(name).read(OutsideForm)
        if form is not None and form.part != "simulated":
            found[name] = OutsideDevice(
                endpoint=form.remote, part=form.part, layout=form.layout, timeout_s=form.timeout,
                answers_ticks=form.answers_ticks, allowed_misses=form.allowed_misses,
            )  # fmt: skip
    return found


def read_software(item: Item, design: str) -> tuple[str, dict[str, OutsideDevice]]:
    """The design that flies flight software from outside, and where that answers; where it is `simulated`, the design
    as it is and nothing. The design is empty where nobody can know, after a mistake, what it would understand."""
    mark = item.sheet.mark()
    parts = item.parts(SoftwareForm)
    sound = item.sheet.clean_since(mark)
    if parts["part"] == "simulated":
        return design, {}
    apids: tuple[int, ...] = (1,)
    words = ""
    if parts["dictionary"]:  # whatever else is wrong here, the timeline is checked by what it says
        found = read_foreign(item.below("dictionary"), Path(item.sheet.file).parent / parts["dictionary"])
        if found is None:
            return "", {}
        apids, words = found
    elif not sound:
        return "", {}
    if not sound:
        return with_software_outside(design, apids, words), {}
    line = OutsideDevice(
        endpoint=parts["remote"], part=parts["part"], layout=parts["layout"], timeout_s=parts["timeout"],
        answers_ticks=True, allowed_misses=parts["allowed_misses"],
    )  # fmt: skip
    return with_software_outside(design, apids, words), {FLIGHT_SOFTWARE: line}


def check_endpoints(item: Item, everybody: Iterable[Spacecraft]) -> None:
    """Everybody has a line of their own, and there are not too many."""
    taken: dict[str, str] = {}
    for one in everybody:
        for name, device in one.devices.items():
            who = f"{name} of {one.id}"
            if device.endpoint in taken:
                item.refuse(f"{device.endpoint} for {who}", f"another endpoint: {taken[device.endpoint]} has it")
                return
            taken[device.endpoint] = who
    if len(taken) > MAX_OUTSIDE:
        item.refuse(f"{len(taken)} lines to what is outside", f"at most {MAX_OUTSIDE}")
    software = sum(who.startswith(f"{FLIGHT_SOFTWARE} ") for who in taken.values())
    if software > MAX_SOFTWARE:
        item.refuse(f"flight software of {software} spacecraft outside", f"of at most {MAX_SOFTWARE}")


def needs_pace(everybody: Iterable[Spacecraft]) -> list[str]:
    """Devices that answer no ticks: with them a run has to follow the clock."""
    return [
        f"{name} of {one.id}" for one in everybody for name, device in one.devices.items() if not device.answers_ticks
    ]


def emulated(scenario: Scenario, what: str) -> Scenario:
    """The scenario, if nothing of it is outside. Raises UserError: `what` flies many at once, and a device is there
    once."""
    for one in scenario.spacecraft:
        for name, device in one.devices.items():
            raise UserError(
                f"{name} of {one.id} is outside, at {device.endpoint}, and {what} flies many runs",
                hint="fly it emulated there: `part: simulated` beside its endpoint",
            )
    return without_programs(scenario, what)


def parts_of(spacecraft: Spacecraft) -> dict[str, str]:
    """One word for each part of a spacecraft: its flight software and its devices."""
    names = [FLIGHT_SOFTWARE, *(form.name for form in all_forms(spacecraft.design))]
    return {name: spacecraft.devices[name].part if name in spacecraft.devices else "simulated" for name in names}


def parts_table(scenario: Scenario) -> list[dict[str, Any]]:
    """What is which, of spacecraft that have something outside."""
    rows = []
    for one in scenario.spacecraft:
        if one.devices:
            parts = parts_of(one)
            words = {
                word: ", ".join(name for name, part in parts.items() if part == word) or "-"
                for word in ("hardware", "software", "simulated")
            }
            rows.append({"spacecraft": one.id, **words})
    return rows


def outside_table(scenario: Scenario) -> list[dict[str, Any]]:
    """What `skyrack check` shows of the lines to what is outside."""
    return [
        {
            "spacecraft": one.id, "device": name, "part": device.part, "endpoint": device.endpoint,
            "layout": device.layout, "timeout s": device.timeout_s, "allowed misses": device.allowed_misses,
            "flies": "in lockstep or paced" if device.answers_ticks else "with --pace only",
        }
        for one in scenario.spacecraft
        for name, device in one.devices.items()
    ]  # fmt: skip
