"""A bundle: the resolved scenario of a campaign's case in one file, with the release that flew it and what came of it.

`skyrack run case-00003.json` repeats it anywhere. A bundle of another release is refused, for what it holds may mean
something else there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bus.errors import UserError
from bus.scenario.model import Scenario
from bus.version import VERSION

FORMAT = 1


def pack(scenario: Scenario, facts: Mapping[str, Any]) -> str:
    """The file's content. `facts`: plain data about the case."""
    head = {"bundle": FORMAT, "skyrack": VERSION, **facts}
    return json.dumps({**head, "scenario": json.loads(scenario.to_json())}, indent=1, sort_keys=True) + "\n"


def unpacked(content: bytes, file: str) -> bytes:
    """The resolved scenario in a bundle, or the content itself where it is none. Raises UserError for a bundle of
    another release or form."""
    if b'"bundle"' not in content:
        return content
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return content
    if not isinstance(tree, dict) or "bundle" not in tree:
        return content
    found, release = tree["bundle"], tree.get("skyrack")
    if found != FORMAT or release != VERSION:
        raise UserError(
            f"{file}: found a bundle of format {str(found)[:20]!r} by Skyrack {str(release)[:20]!r}; allowed: format "
            f"{FORMAT} by Skyrack {VERSION}",
            hint="fly it with the release that wrote it, or fly its campaign anew",
        )
    return json.dumps(tree.get("scenario")).encode()
