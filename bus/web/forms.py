"""What forms of all our servers have in common: how strict they are, and what a name may be. Unknown is null."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

VERSION = "1"
"""Of the API; a client of another version is told so."""
Scalar = float | int | bool | str
Id = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{0,63}$")]


class Form(BaseModel):
    """One of them."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=True)
