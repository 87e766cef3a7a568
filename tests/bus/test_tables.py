"""Tables that people bring: encodings by name, line ends and line numbers, quotes, words for nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.errors import ScenarioError
from bus.text import tables

NO_LINE_ENDS = ["\f", "\v", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.parametrize("character", NO_LINE_ENDS)
def test_what_only_looks_like_a_line_end_is_a_character(character: str) -> None:
    text = f"name,x\nre{character}d,1\nlast,2\n"
    assert list(tables.rows(text, "t.csv")) == [(1, ["name", "x"]), (2, [f"re{character}d", "1"]), (3, ["last", "2"])]
    assert list(tables.lines(text)) == [(1, "name,x"), (2, f"re{character}d,1"), (3, "last,2")]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_are_counted_as_an_editor_counts(end: str) -> None:
    text = end.join(["a,b", '"two', 'lines",1', "", "c,2", ""])
    found = list(tables.rows(text, "t.csv"))
    assert [(row.line, row.cells[1]) for row in found] == [(1, "b"), (2, "1"), (5, "2")]
    assert [number for number, _ in tables.lines(text)] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("raw", "line", "found"),
    [
        ("a,b\n1,é\n".encode("latin-1"), 2, "bytes that are not UTF-8: the byte 0xe9 (Latin-1 or Windows-1252?)"),
        ("a,b\n1,2\n".encode("utf-16"), 1, "UTF-16"),
        ("a,b\n1,2\n".encode("utf-16-be"), 1, "UTF-16"),
        ("a,b\n1,2\n".encode("utf-32"), 1, "UTF-32"),
        (b"\x1f\x8b\x08\x00", 1, "a compressed file"),
    ],
)
def test_other_encodings_are_refused_by_name(tmp_path: Path, raw: bytes, line: int, found: str) -> None:
    (tmp_path / "t.csv").write_bytes(raw)
    with pytest.raises(ScenarioError) as caught:
        tables.read_file(tmp_path / "t.csv", "t.csv")
    (mistake,) = caught.value.mistakes
    assert (mistake.line, mistake.found) == (line, found)
    assert mistake.allowed.startswith("UTF-8 text")


def test_a_mark_at_the_beginning_is_no_part_of_the_first_name(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b\n1,2\n")
    assert tables.read_file(tmp_path / "t.csv", "t").text == "a,b\n1,2\n"


def test_files_that_are_none(tmp_path: Path) -> None:
    for path, found in (
        (tmp_path, "a folder or a device"),
        (Path("/dev/zero"), "a folder or a device"),
        (tmp_path / "none.csv", "No such file or directory"),
    ):
        with pytest.raises(ScenarioError, match=found):
            tables.read_file(path, "t")


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ('a,b\n1,2\n"3,4\n5,6\n', 3, "a quotation mark that is never closed"),
        ('a,b\n1,2\n\n"3"x,4\n', 4, "characters behind a closing quotation mark"),
        ("a,b\n1," + "2" * 200_000 + "\n", 2, "a cell of more than 131072 characters"),
    ],
)
def test_broken_records_are_said_where_they_begin(text: str, line: int, found: str) -> None:
    with pytest.raises(ScenarioError) as caught:
        list(tables.rows(text, "t.csv"))
    (mistake,) = caught.value.mistakes
    assert mistake.line == line and mistake.found.startswith(found)


@pytest.mark.parametrize(
    "word",
    ["", " ", "None", "NA", "n/a", "N/A", "null", "NULL", "NaN", "nan", "-", r"\N", "<NA>", "(null)", "--", "n.a."],
)
def test_words_for_nothing(word: str) -> None:
    assert tables.is_nothing(word) and tables.is_nothing(f" {word} ")


@pytest.mark.parametrize("word", ["0", "no", "nothing", "--5", "-1", "inf"])
def test_words_for_something(word: str) -> None:
    assert not tables.is_nothing(word)


@given(st.text(max_size=60), st.sampled_from([",", ";", "\t"]))
def test_any_text_is_rows_or_mistakes_with_a_line_of_it(text: str, delimiter: str) -> None:
    last = sum(1 for _ in tables.lines(text)) or 1
    try:
        found = list(tables.rows(text, "t", delimiter))
    except ScenarioError as error:
        assert 1 <= error.mistakes[0].line <= last
    else:
        assert [row.line for row in found] == sorted({row.line for row in found})
        assert all(1 <= row.line <= last for row in found)


@given(st.binary(max_size=60))
def test_any_bytes_are_text_or_a_mistake(raw: bytes) -> None:
    try:
        assert tables.decode(raw, "t").encode() == raw.removeprefix(b"\xef\xbb\xbf")
    except ScenarioError as error:
        assert error.mistakes[0].allowed.startswith("UTF-8 text")
