"""A user's own designs and procedures: files named by path, or by name from directories (`--designs DIR`).

A file that lies beside the shipped ones is a user's too. Nothing is read before it is asked for, so that one wrong file
stays in nobody's way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bus.errors import EnvironmentFault, Mistake, ScenarioError
from bus.text.files import decode, read_file
from bus.text.near import one_of
from bus.text.reader import Sheet
from faults.scenarios.fdir import check_design
from groundstation.procedures.declaration import Procedure
from groundstation.procedures.load import with_own
from node.designs.load import DESIGNS, PARTS, SHIPPED, Design, adopt, load_design

SUFFIXES = (".yaml", ".yml")
MAX_BYTES = 1024 * 1024
MAX_FILES = 1000


@dataclass(frozen=True)
class Shelf:
    """Every design that can be named: the shipped ones, and those of these directories. `procedures`: Python files with
    procedures of a user's own, beside those that ship."""

    directories: tuple[Path, ...] = ()
    procedures: tuple[Path, ...] = ()
    files: dict[str, Path] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        for directory in (*self.directories, DESIGNS):
            for path in _yaml_files(directory):
                if directory != DESIGNS or path.stem not in (*SHIPPED, PARTS, "__init__"):
                    self.files.setdefault(path.stem, path)

    @cached_property
    def known_procedures(self) -> Mapping[str, Procedure]:
        """Every procedure that can be named. Raises as `with_own`."""
        return with_own(self.procedures)

    @property
    def names(self) -> tuple[str, ...]:
        """What may stand in `design:` besides a path. Own names that a shipped design has already are left out."""
        return (*SHIPPED, *(name for name in self.files if name not in SHIPPED))

    def find(self, written: str, directory: Path = Path()) -> str:
        """The name under which a design is loaded, from a name or a path relative to `directory`.

        Raises ScenarioError: mistakes with a line are the design file's, one without is about what is written.
        """
        if is_path(written):
            return _adopt(directory / written)
        if written in SHIPPED:
            return written
        if written in self.files:
            return _adopt(self.files[written])
        allowed = f"a design: {one_of(self.names, written)}; or the path of a file, such as ./mine.yaml"
        raise ScenarioError([Mistake("", 0, 0, "design", f"{written[:80]!r}", allowed)])

    def designs(self) -> list[tuple[str, Path | None, Design | ScenarioError]]:
        """All of them with their files, in the order of their names; of a wrong one, what is wrong."""
        found: list[tuple[str, Path | None, Design | ScenarioError]] = [(n, None, load_design(n)) for n in SHIPPED]
        for name, path in sorted(self.files.items()):
            try:
                if name in SHIPPED:
                    taken = Mistake(str(path), 0, 0, "", f"the name {name!r}", "another name: a shipped design has it")
                    raise ScenarioError([taken])
                found.append((name, path, load_design(_adopt(path))))
            except ScenarioError as error:
                found.append((name, path, error))
        return found


def is_path(written: str) -> bool:
    """Whether it names a file rather than a design."""
    return "/" in written or written.endswith(SUFFIXES)


def _yaml_files(directory: Path) -> Sequence[Path]:
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in SUFFIXES)
    except OSError as error:
        raise EnvironmentFault(
            f"cannot read designs in {directory}: {error.strerror}", hint="--designs takes a directory of design files"
        ) from error
    if len(files) > MAX_FILES:
        raise EnvironmentFault(f"{directory} has {len(files)} designs", hint=f"at most {MAX_FILES} are read")
    return files


def _adopt(path: Path) -> str:
    if not path.is_file():
        found = "which is no file" if path.exists() else "which does not exist"
        raise ScenarioError([Mistake("", 0, 0, "design", f"{str(path)!r}, {found}", "the path of a design file")])
    try:
        content = read_file(path, "design", most=MAX_BYTES)
    except EnvironmentFault as error:
        found = f"{str(path)!r}: {error.message}"
        allowed = f"the path of a design file of at most {MAX_BYTES} bytes of UTF-8"
        raise ScenarioError([Mistake("", 0, 0, "design", found, allowed)]) from None
    text = decode(content, str(path))
    name = adopt(text, str(path))
    sheet = Sheet(str(path))
    root = sheet.compose(text)
    if root.has("fdir") or root.has("on_board_procedures"):
        check_design(root, name)
        sheet.finish()
    return name
