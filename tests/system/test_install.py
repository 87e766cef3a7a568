"""What is installed first is enough for the compiler, and nothing of the lock file is left out."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from typing import Any

from tests.kits.runs import HOUSE

LOCK = (HOUSE / "requirements.lock").read_text(encoding="utf-8")


def installer() -> Any:
    spec = importlib.util.spec_from_file_location("installer", HOUSE / ".ci" / "install.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_requirement_of_the_lock_file_is_installed_with_all_its_hashes() -> None:
    entries = installer().entries(LOCK)
    names = re.findall(r"^([A-Za-z0-9][\w.-]*)==", LOCK, re.MULTILINE)
    assert [entry.partition("==")[0] for entry in entries] == names
    assert sum(entry.count("--hash=") for entry in entries) == LOCK.count("--hash=")
    assert set(installer().FIRST) <= {*names}


def test_the_compiler_needs_only_what_is_installed_first() -> None:
    locked = {re.sub(r"\W", "_", name) for name in re.findall(r"^([A-Za-z0-9][\w.-]*)==", LOCK, re.MULTILINE)}
    absent = sorted({*locked, "yaml", "zmq"} - {*installer().FIRST})
    script = f"import sys\nsys.modules.update(dict.fromkeys({absent}))\nimport numba, node.plant.entry"
    result = subprocess.run([sys.executable, "-c", script], cwd=HOUSE, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
