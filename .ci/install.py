"""Everything into the running environment: the hash-locked packages, this checkout, and the compiled physics.

The compiler needs four of the packages only. They come first, and while it works the others are installed: on a new
machine that is the difference between a minute and two.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

HOUSE = Path(__file__).resolve().parent.parent
FIRST = ("llvmlite", "numba", "numpy", "sgp4")
PIP = (
    sys.executable,
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-deps",
    "--require-hashes",
)


def entries(lock: str) -> list[str]:
    """The requirements of a lock file, each with its hashes."""
    return re.findall(r"^[A-Za-z0-9].*\n(?:[ \t]+.*\n)*", lock, re.MULTILINE)


def install(requirements: list[str]) -> None:
    """One call of pip."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("".join(requirements))
        file.flush()
        subprocess.run([*PIP, "-r", file.name], check=True, cwd=HOUSE)


def main(classes: list[str]) -> int:
    """Install, and compile these capacity classes meanwhile."""
    found = entries((HOUSE / "requirements.lock").read_text(encoding="utf-8"))
    first = [entry for entry in found if entry.startswith(tuple(f"{name}==" for name in FIRST))]
    install(first)
    compiler = subprocess.Popen([sys.executable, "-m", "node.plant.entry", *classes], cwd=HOUSE)
    try:
        install([entry for entry in found if entry not in first])
        subprocess.run([sys.executable, str(HOUSE / ".ci" / "develop.py")], check=True)
        return compiler.wait()
    finally:
        compiler.kill()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(error.returncode)
