"""What the site needs that the pages do not have: the front page out of README, and fences without the words that the
tests read. mkdocs calls these; nothing else does."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FRONT = {"README.md": "index.md", "CHANGELOG.md": "CHANGELOG.md", "CONTRIBUTING.md": "CONTRIBUTING.md"}
"""Pages of the repository that join those of docs, and their names there."""
FOLDERS = {"decisions": "decisions/0001-participants-are-functions.md"}
"""A folder that is linked to stands for its first page."""
_FENCE = re.compile(r"^(```[a-z]+) [^\n]+$", re.MULTILINE)
_ELSEWHERE = re.compile(r"<script[^>]*src=[^>]*//[^>]*></script>")


def on_files(files: Any, config: Any) -> Any:
    """README and its neighbours join the pages."""
    from mkdocs.structure.files import File  # noqa: PLC0415 - only whoever builds the site has it

    for name, here in FRONT.items():
        text = (ROOT / name).read_text(encoding="utf-8").replace("](docs/", "](")
        for folder, page in FOLDERS.items():
            text = text.replace(f"]({folder})", f"]({page})")
        files.append(File.generated(config, here, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """A fence's language is all that a reader needs."""
    above = "../" * page.file.src_uri.count("/")
    for name, here in FRONT.items():
        markdown = markdown.replace(f"]({above}../{name}", f"]({above}{here}")
    return _FENCE.sub(r"\1", markdown)


def on_post_page(output: str, **_: Any) -> str:
    """The theme has one script from elsewhere, which lets the search work where pages are opened as files."""
    return _ELSEWHERE.sub("", output)
