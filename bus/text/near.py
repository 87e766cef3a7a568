"""Near misses: what was probably meant, and the allowed names as a sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MOST_LISTED = 20
"""So many names are told in full."""


def nearest(name: str, names: Iterable[str]) -> list[str]:
    """Up to three names that were probably meant."""
    return difflib.get_close_matches(name[:64], list(names), n=3, cutoff=0.6)


def one_of(names: Iterable[str], found: str = "") -> str:
    """The allowed names as a sentence, the probably meant ones first."""
    listed = list(names)
    near = nearest(found, listed) if found else []
    if near and len(listed) > MOST_LISTED:
        return f"{' or '.join(near)}, or another of the {len(listed)}"
    shown = ", ".join(listed[:MOST_LISTED]) + (f", ... ({len(listed)} in all)" if len(listed) > MOST_LISTED else "")
    return (f"{shown or 'none here'} (did you mean {' or '.join(near)}?)") if near else shown or "none here"
