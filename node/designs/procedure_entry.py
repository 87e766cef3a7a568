"""The form of an entry of `on_board_procedures:`, in a design as in a scenario. What its steps can name is asked
elsewhere.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bus.on_board_steps import MOST_STEPS, SHAPES
from bus.text.forms import Form, says
from bus.text.leaves import text

MOST_PROCEDURES = 16
"""Of a design and its spacecraft in a scenario together [A]."""
_NAME = r"[a-z][a-z0-9_.]{0,31}"


class ProcedureEntry(Form):
    """A short sequence of telecommands that flight software carries out by itself."""

    name: Annotated[str, text(longest=32, pattern=_NAME, shape="a name such as 'cool_down' (a-z, 0-9, _, .)")] = says(
        "that `procedure.activate` takes"
    )
    steps: Annotated[tuple[Annotated[str, text(longest=400)], ...], Field(min_length=1, max_length=MOST_STEPS)] = says(
        SHAPES
    )
