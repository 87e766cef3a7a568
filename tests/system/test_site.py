"""The documentation as a site: it is built without a warning, and asks nothing of anybody elsewhere."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kits.runs import HOUSE

needs_mkdocs = pytest.mark.skipif(
    importlib.util.find_spec("material") is None, reason="pip install 'skyrack[site]' brings mkdocs"
)
LOADED = re.compile(r"""<(?:script|link|img|iframe)[^>]*?(?:src|href)=["']?(?:https?:)?//[^"'> ]+""")


@needs_mkdocs
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")], cwd=HOUSE,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 0 and "WARNING" not in result.stderr, result.stderr
    pages = sorted((tmp_path / "site").rglob("*.html"))
    sources = list((HOUSE / "docs").rglob("*.md"))
    assert len(pages) >= len(sources) + 3
    loaded = {found for page in pages for found in LOADED.findall(page.read_text(encoding="utf-8"))}
    assert loaded == set()
    assert not any('class="mermaid"' in page.read_text(encoding="utf-8") for page in pages), (
        "a figure's script is none of ours"
    )
    text = (tmp_path / "site" / "how-to" / "api.html").read_text(encoding="utf-8")
    assert "terminal=1" not in text and "skyrack api" in re.sub("<[^>]+>", "", text)


def test_fences_lose_the_words_of_the_tests_and_links_find_the_front_pages() -> None:
    spec = importlib.util.spec_from_file_location("site_hooks", HOUSE / "docs" / "site.py")
    assert spec is not None and spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)

    class Page:
        class file:
            src_uri = "how-to/api.md"

    told = hooks.on_page_markdown("[front](../../README.md#x)\n```sh terminal=1 status=2\nls\n```\n", Page)
    assert told == "[front](../index.md#x)\n```sh\nls\n```\n"
