"""Words, numbers and marks of the expectation language, and how a misunderstood place is refused. No grammar."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn

from bus.errors import Mistake, ScenarioError

MAX_TEXT = 2000
_TOKEN = re.compile(
    r"\s+|(?P<unit>1/[A-Za-z][\w/]*)|(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|(?P<comparator><=|>=|==|!=|<|>)"
    r"|(?P<word>[A-Za-z_°%µ][\w\-./^°%²]*(?:\[[\w\-.]+\])?)|(?P<mark>[\[\](),:])"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a sentence. kind: number, comparator, word, mark or end; position counts from 0."""

    kind: str
    text: str
    position: int


def tokens_of(text: str) -> list[Token]:
    """The sentence word by word, `end` last. Raises ScenarioError where a character belongs to nothing."""
    if len(text) > MAX_TEXT:
        refuse(text, Token("end", "", 0), f"at most {MAX_TEXT} characters", f"{len(text)} characters")
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            bad = Token("bad", text[position], position)
            refuse(text, bad, "words, numbers, comparators, ( ) [ ] , :")
        if match.lastgroup:
            kind = "word" if match.lastgroup == "unit" else match.lastgroup  # "1/cm2/s" begins with a digit
            tokens.append(Token(kind, match.group(), position))
        position = match.end()
    return [*tokens, Token("end", "the end", len(text))]


def refuse(text: str, token: Token, allowed: str, found: str = "") -> NoReturn:
    """Raise ScenarioError: at this token something else was needed. The column counts from 1 within the sentence."""
    mistake = Mistake("expectation", 1, token.position + 1, "expectation", found or f"'{token.text}'", allowed)
    raise ScenarioError([mistake], hint=f"in: {text[:200]}")


def close_names(name: str, known: Collection[str]) -> list[str]:
    """Up to three known names that look like `name`, best first."""
    return difflib.get_close_matches(name, list(known), n=3, cutoff=0.5)


def by_nearness(name: str, known: Collection[str]) -> list[str]:
    """All known names, those that look most like `name` first; equals keep their order."""
    likeness = {each: difflib.SequenceMatcher(None, name.upper(), each.upper()).ratio() for each in known}
    return sorted(known, key=lambda each: -likeness[each])


def one_of(name: str, known: Collection[str]) -> str:
    """What to offer for a name that is not known: those that look like it, else the first few."""
    close = close_names(name, known)
    if close:
        return " or ".join(close)
    return (", ".join(sorted(known)[:12]) or "none") + (", ..." if len(known) > 12 else "")
