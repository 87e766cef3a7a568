"""`--flight-software`: the one way to allow a class of somebody's own, in every command that loads it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

Allowed = Annotated[
    list[str],
    typer.Option(
        metavar="[DIR/]MODULE:CLASS",
        help="Allow this flight software of your own, which the scenario names. Repeatable.",
    ),
]


def flying(
    app: typer.Typer, name: str | None = None, *, epilog: str
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A command that may fly somebody's own flight software: it has the option, and takes it before all else."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(command)
        def allowed(*positional: Any, flight_software: list[str], **named: Any) -> None:
            if flight_software:
                from node.own_software import allow  # noqa: PLC0415

                for written in flight_software:
                    allow(written)
            command(*positional, **named)

        known = inspect.signature(command, eval_str=True)  # its annotations are texts, and typer wants the options
        option = inspect.Parameter("flight_software", inspect.Parameter.KEYWORD_ONLY, default=[], annotation=Allowed)
        extended = known.replace(parameters=[*known.parameters.values(), option])
        allowed.__signature__ = extended  # type: ignore[attr-defined]
        allowed.__annotations__ = {**command.__annotations__, "flight_software": Allowed}
        return app.command(name, epilog=epilog)(allowed)

    return decorate
