"""What an operator asks for in one go, and the second word for what is hazardous: bodies of messages."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from pydantic import Field

from bus.wire.messages import Body, Count, Identifier, Kind, Name, Scalar, TimeNs


class CommandStep(NamedTuple):
    """One telecommand of a stack, to one spacecraft or several. Not released before `not_before_ns`, and with
    `at_contact` only when a contact begins. `precondition`: of each spacecraft, before it is radiated; `canary`: who of
    them goes first; `condition`: of each canary, before the others go. Conditions are canonical."""

    spacecraft: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=1024)]
    name: Name
    arguments: Annotated[dict[Name, Scalar], Field(max_length=64)]
    not_before_ns: TimeNs = 0
    at_contact: bool = False
    precondition: Annotated[str, Field(max_length=128)] = ""
    canary: Annotated[tuple[Identifier, ...], Field(max_length=1024)] = ()
    condition: Annotated[str, Field(max_length=128)] = ""


class OperatorStack(Body):
    """A person or program outside asks for several telecommands, in this order. `stop`: at the first that does not
    complete. `asked_by`, `asked_from`: as they call themselves; the operator's port notes when."""

    kind = Kind.OPERATOR_STACK
    token: Count
    steps: Annotated[tuple[CommandStep, ...], Field(min_length=1, max_length=256)]
    stop: bool
    asked_by: Annotated[str, Field(max_length=64)]
    asked_from: Annotated[str, Field(max_length=64)]


class OperatorConfirmation(Body):
    """The second word that a hazardous telecommand needs; of a stack, one word for all of it."""

    kind = Kind.OPERATOR_CONFIRMATION
    token: Count
    request: Count
