"""Which faults each kind of row of the FDIR table is there for: `answers.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from bus.text.forms import Form
from bus.text.leaves import Text
from bus.text.reader import Sheet

ANSWERS = Path(__file__).with_name("answers.yaml")


class _Row(Form):
    faults: Annotated[tuple[Text, ...], Field(min_length=1)]


class _Rows(Form):
    rows: dict[str, _Row]


@cache
def answers() -> Mapping[str, tuple[str, ...]]:
    """Faults by the kind of row that is there for them."""
    sheet = Sheet(ANSWERS.name)
    read = sheet.compose(ANSWERS.read_bytes()).read(_Rows)
    sheet.finish()
    return MappingProxyType({kind: row.faults for kind, row in read.rows.items()})
