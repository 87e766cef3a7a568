"""What a scenario may say of a fault: the form of an entry of `faults:`. Reads single values; what they mean together
is `onset`'s and `events`' business."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo

from bus.errors import Refused, UnknownNameError
from bus.onset import MOST_STRIKES
from bus.text.forms import Form
from bus.text.leaves import Flag, Leaf, Plain, plain_value, text, whole
from bus.text.units import show
from bus.wire.messages import Scalar
from faults.catalogue.resolve import FAULTS, find_fault
from faults.scenarios.stacks import Names
from faults.scenarios.times import Time

MAX_MEMBERS = 64
"""Parts that one entry strikes together."""


def _known_fault(name: str, info: ValidationInfo) -> str:
    known = (info.context or {}).get("faults", FAULTS)
    try:
        if known is not None:
            find_fault(name, known)
    except UnknownNameError as error:
        meant = f" (did you mean {' or '.join(error.nearest)}?)" if error.nearest else f"; {error.hint}"
        raise Refused(show(name), f"a known fault{meant}") from None
    return name


def _members(value: object) -> object:
    """One value, or a list of them: each is struck."""
    if isinstance(value, list):
        if not 1 <= len(value) <= MAX_MEMBERS:
            raise Refused(f"a list of {len(value)}", f"a list of 1 to {MAX_MEMBERS}")
        return tuple(plain_value(each) for each in value)
    return plain_value(value)


Members = Annotated[
    Scalar | tuple[Scalar, ...],
    Leaf(_members, {"anyOf": [{"type": one} for one in ("boolean", "number", "string", "array")]}),
]


class IntermittentForm(Form):
    """It comes and goes: acts for `on`, rests for `off`, from its onset to its end. `drawn`: both are means."""

    on: Time
    off: Time
    drawn: Flag = False


class RampForm(Form):
    """A parameter goes from one value to another in a straight line over a time, in steps, and stays there. `every`:
    how long a step is; a tick without it."""

    parameter: Annotated[str, text(longest=64)]
    from_: Annotated[Plain, Field(alias="from")]
    to: Plain
    over: Time
    every: Time | None = None


class FaultEntry(Form):
    """A fault of the catalogue: what breaks, when, and how long; of several targets it strikes each. One of `at`,
    `when`, `rate` and `follows` says when; a parameter may be a list, whose members are struck together."""

    id: Annotated[str, text(longest=48, pattern=r"[a-z][a-z0-9-]{0,47}", shape="an id such as 'dead-string'")]
    fault: Annotated[str, text(longest=64), AfterValidator(_known_fault)]
    target: Names
    at: Time | None = None
    when: Annotated[str, text(longest=1000)] | None = None
    rate: Annotated[str, text(longest=64)] | None = None
    follows: Annotated[str, text(longest=48)] | None = None
    delay: Time | None = None
    window: Annotated[tuple[Time, ...], Field(min_length=2, max_length=2)] | None = None
    times: Annotated[int, whole(1, MOST_STRIKES)] | None = None
    each: Flag = False
    for_: Annotated[Time | None, Field(alias="for")] = None
    until: Time | None = None
    clear: Annotated[str, text(longest=1000)] | None = None
    intermittent: IntermittentForm | None = None
    ramp: RampForm | None = None
    parameters: dict[str, Members] = Field(default_factory=dict)
    waive: Annotated[str, text(longest=200, empty=True)] = ""
