"""Files that people give: bounded, regular, and in an encoding that is named when it is not ours."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bus.errors import EnvironmentFault, Mistake, ScenarioError
from bus.text.files import decode, read_file
from bus.text.reader import MAX_ALIKE, in_brief


@pytest.mark.parametrize(
    ("content", "found", "line", "column"),
    [
        ("name: déjà\n".encode("latin-1"), "0xe9 (Latin-1", 1, 8),
        ("a: 1\nname: zürich\n".encode("cp1252"), "0xfc (Latin-1", 2, 8),
        ("skyrack: 1".encode("utf-16"), "UTF-16", 1, 1),
        ("skyrack: 1".encode("utf-16-be"), "UTF-16", 1, 1),
        ("skyrack: 1".encode("utf-32"), "UTF-32", 1, 1),
    ],
)
def test_another_encoding_is_refused_by_name(content: bytes, found: str, line: int, column: int) -> None:
    with pytest.raises(ScenarioError) as caught:
        decode(content, "mine.yaml")
    (mistake,) = caught.value.mistakes
    assert found in mistake.found and "UTF-8" in mistake.allowed
    assert (mistake.line, mistake.column) == (line, column)


def test_utf8_with_and_without_its_mark() -> None:
    assert decode("zürich".encode(), "x") == decode("zürich".encode("utf-8-sig"), "x") == "zürich"


def test_devices_pipes_and_directories_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, what in (("/dev/zero", "a device"), (tmp_path, "a directory"), (tmp_path / "pipe", "a pipe")):
        with pytest.raises(EnvironmentFault, match="cannot read") as caught:
            read_file(Path(path))
        assert what.removeprefix("a ") in caught.value.message
    with pytest.raises(EnvironmentFault, match="No such file"):
        read_file(tmp_path / "missing")
    with pytest.raises(EnvironmentFault, match="cannot read"):
        read_file(Path("a\0b"))


def test_reading_is_bounded(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 11)
    with pytest.raises(EnvironmentFault, match="larger than 10 bytes"):
        read_file(tmp_path / "big", most=10)
    assert len(read_file(tmp_path / "big", most=11)) == 11


def test_many_mistakes_of_one_kind_are_one_line_with_their_number() -> None:
    many = [Mistake("f", n, 1, f"faults[{n}].at", f"the plain number {n}", "a time in s") for n in range(1, 5001)]
    other = Mistake("f", 7, 3, "seed", "'no'", "a whole number")
    brief = in_brief([*many, other])
    assert [str(mistake) for mistake in brief] == [
        "f:1:1: faults[1].at: found the plain number 1 (and 4999 more of this kind, to line 5000); "
        "allowed: a time in s",
        "f:7:3: seed: found 'no'; allowed: a whole number",
    ]
    assert in_brief(many[:MAX_ALIKE]) == many[:MAX_ALIKE]
