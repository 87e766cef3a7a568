"""A file of requirements, each with the sentences that show it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from bus.text.files import read_file
from bus.text.forms import Form
from bus.text.leaves import text as words
from bus.text.reader import Item

MOST = 10_000
_ID = r"[A-Za-z0-9][A-Za-z0-9_./-]*"


class RequirementForm(Form):
    """One requirement. `expectations`: the sentences that show it, as the scenario or campaign has them; a $variable in
    them stands for any value."""

    id: Annotated[str, words(longest=64, pattern=_ID, shape="an id such as EPS-010")]
    text: Annotated[str, words(longest=1000, empty=True)] = ""
    expectations: Annotated[tuple[Annotated[str, words(longest=2000)], ...], Field(max_length=200)] = ()


class RequirementsForm(Form):
    """A file of requirements."""

    requirements: Annotated[tuple[RequirementForm, ...], Field(min_length=1, max_length=MOST)]


def read_requirements(item: Item, path: Path) -> tuple[RequirementForm, ...]:
    """The requirements in a file; its mistakes are noted with `item`'s, under its own name."""
    sheet = item.sheet.beside(str(path))
    root = sheet.compose(read_file(path, "file of requirements", hint="docs/how-to/campaign.md shows one"))
    form: RequirementsForm | None = root.read(RequirementsForm)
    if form is None:
        return ()
    seen: set[str] = set()
    for entry, requirement in zip(root.below("requirements").list(), form.requirements, strict=True):
        if requirement.id in seen:
            entry.below("id").refuse(f"{requirement.id} again", "each id once")
        seen.add(requirement.id)
    return form.requirements
