"""Every command and example of README and docs, as printed.

The words behind a fence's language say what a block is:

    sh                    commands, run by bash in the page's own folder, one after the other; `status=1` if they end so
    sh terminal=1         started and left running; `sh terminal=2` runs beside it, and what is left is interrupted
    yaml file=NAME        a file of that name; also csv, python and so on
    yaml add-to=NAME      put at the end of that file
    yaml in=NAME          its top-level keys replace those of that file or shipped scenario, and `skyrack check` takes
                          it; where the spacecraft are replaced, what was said of the old ones goes
    text, mermaid, sql    shown, not run

A block without a language is an error, so that nothing is left out by accident. Commands in running text are read for
their verb and options.
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import typer.main
import yaml

import skyrack
from faults.scenarios.choose import shipped_scenarios
from tests.kits.runs import HOUSE

PAGES = [HOUSE / "README.md", HOUSE / "CONTRIBUTING.md", *sorted((HOUSE / "docs").rglob("*.md"))]
SHOWN = ("text", "mermaid", "sql")
PATIENCE_S = 400.0
NOT_RUN = {"make": "CI runs them, in this very checkout", ".": "the environment is active here"}
"""First words of commands that are not run, each with its reason."""


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    language: str
    words: dict[str, str]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(HOUSE)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    found = []
    for match in re.finditer(r"(?ms)^```([^\n]*)\n(.*?)^```\s*$", text):
        language, *words = match[1].split() or [""]
        line = text[: match.start()].count("\n") + 1
        pairs = dict(word.split("=", 1) for word in words)
        found.append(Block(page, line, language, pairs, match[2]))
    return found


def name(page: Path) -> str:
    return page.relative_to(HOUSE).as_posix()


def runs(page: Path) -> bool:
    return any(block.language == "sh" and commands(block) for block in blocks(page))


def commands(block: Block) -> list[str]:
    """The commands of a block, without those that are not run."""
    lines = re.sub(r"\\\n\s*", "", block.text).splitlines()
    return [line for line in lines if line.strip() and line.split()[0] not in (*NOT_RUN, "#")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_every_block_says_what_it_is(page: Path) -> None:
    for block in blocks(page):
        known = block.language in (*SHOWN, "sh") or block.words.keys() & {"file", "add-to", "in"}
        assert known, f"{block}: {block.language or 'no language'!r}: is it run, a file, or text?"
    prose = re.sub(r"(?ms)^```.*?^```\s*$", "", page.read_text(encoding="utf-8"))
    indented = re.findall(r"(?m)^    (?:skyrack|make|python) .*$", prose)
    assert not indented, f"{name(page)}: commands in a block without fence are not run: {indented}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_running_text_exist(page: Path) -> None:
    text = re.sub(r"(?ms)^```.*?^```\s*$", "", page.read_text(encoding="utf-8"))
    verbs = typer.main.get_group(skyrack.app).commands
    for match in re.finditer(r"`skyrack ([^`]+)`", text):
        try:
            words = shlex.split(match[1].replace("\n", " ").replace("...", "").replace("[", "").replace("]", ""))
        except ValueError:
            continue
        if words[0].startswith("-") or not words[0].isalpha() or words[0].isupper():
            continue
        assert words[0] in verbs, f"{name(page)}: `skyrack {match[1]}`: no such command"
        verb = verbs[words[0]]
        group = getattr(verb, "commands", None)
        if group is not None and len(words) > 1 and not words[1].startswith("-"):
            assert words[1] in group, f"{name(page)}: `skyrack {match[1]}`: no such command"
            verb = group[words[1]]
        known = {option for parameter in verb.params for option in parameter.opts}
        used = {word.split("=")[0] for word in words[1:] if word.startswith("--")}
        assert used <= known, f"{name(page)}: `skyrack {match[1]}`: no option {sorted(used - known)}"


def test_every_page_is_found_from_the_readme() -> None:
    readme = (HOUSE / "README.md").read_text(encoding="utf-8")
    lists = (readme, (HOUSE / "docs/models/README.md").read_text(encoding="utf-8"))
    for page in PAGES[2:]:
        if page.parent.name == "models":
            assert page.name == "README.md" or f"({page.name})" in lists[1], f"{name(page)} is in no list"
        elif page.parent.name != "decisions":
            assert f"({name(page)})" in lists[0], f"{name(page)} is not in README.md"


def environment() -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(HOUSE),
        "SKYRACK_NO_PROGRESS": "1",
        "NO_COLOR": "1",
    }


def run(script: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environment(), capture_output=True, text=True,
        timeout=PATIENCE_S, check=False, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def until_it_flies(folder: Path, process: subprocess.Popen[bytes]) -> None:
    """Waits until the run that the first terminal has started can be commanded."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline and process.poll() is None:
        if any('"running"' in path.read_text() for path in folder.glob("out/*/run.json")):
            return
        time.sleep(0.1)
    raise AssertionError("the first terminal's run never began")


def merged(whole: str, excerpt: str) -> str:
    """The whole with the excerpt's top-level keys instead of its own. Values stay as they were written."""
    base, new = yaml.compose(whole), yaml.compose(excerpt)
    keys = {key.value for key, _ in new.value}
    old = keys | ({"timeline", "faults", "expectations"} if "spacecraft" in keys else set())
    base.value = [(key, value) for key, value in base.value if key.value not in old] + new.value
    return str(yaml.serialize(base))


def follow(page: Path, folder: Path) -> None:
    """Does what the page says, in a folder of its own."""
    terminal: subprocess.Popen[bytes] | None = None
    try:
        for block in blocks(page):
            if "file" in block.words:
                target = folder / block.words["file"]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(block.text, encoding="utf-8")
            elif "add-to" in block.words:
                with (folder / block.words["add-to"]).open("a", encoding="utf-8") as file:
                    file.write(block.text)
            elif "in" in block.words:
                beside, shipped = folder / block.words["in"], shipped_scenarios().get(block.words["in"], folder)
                whole = merged((beside if beside.is_file() else shipped).read_text(encoding="utf-8"), block.text)
                (folder / "excerpt.yaml").write_text(whole, encoding="utf-8")
                result = run("skyrack check excerpt.yaml", folder)
                assert result.returncode == 0, f"{block}\n{result.stdout}\n{result.stderr}"
            elif block.language == "sh" and commands(block):
                script = "\n".join(commands(block))
                if block.words.get("terminal") == "1":
                    if terminal is not None:
                        end(terminal)
                    terminal = subprocess.Popen(
                        ["bash", "-c", f"exec {script}"], cwd=folder, env=environment(), stdin=subprocess.DEVNULL
                    )
                    if script.startswith("skyrack run"):  # of other servers the page says how to wait for them
                        until_it_flies(folder, terminal)
                    continue
                if block.words.get("terminal") != "2" and terminal is not None:
                    end(terminal)
                    terminal = None
                result = run(script, folder)
                status = int(block.words.get("status", "0"))
                assert result.returncode == status, f"{block}\n{script}\n{result.stdout}\n{result.stderr}"
    finally:
        if terminal is not None:
            end(terminal)


def end(terminal: subprocess.Popen[bytes]) -> None:
    """Ctrl-C, as the reader would."""
    if terminal.poll() is None:
        terminal.send_signal(signal.SIGINT)
    assert terminal.wait(timeout=60) in (0, 1, 130)


FAST = (
    "docs/how-to/own-flight-software.md",
    "docs/how-to/solar-event.md",
    "docs/how-to/workload.md",
    "docs/reference/scenario.md",
    "docs/reference/expectations.md",
)
"""Pages whose commands take seconds; the others are for the slow suite."""


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, id=name(page), marks=() if name(page) in FAST else pytest.mark.slow)
        for page in PAGES
        if runs(page) or any(block.words for block in blocks(page))
    ],
)
def test_the_page_works_as_printed(page: Path, tmp_path: Path) -> None:
    follow(page, tmp_path)
