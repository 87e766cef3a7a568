"""Where compiled code is kept, so that a stale one can never be loaded.

numba's own cache looks at the file of the outermost kernel only: it does not notice that a kernel called from it has
changed. So the directory's name holds a digest of every source of the plant, of numba's version and of the CPU that
the code is made for. Nothing else may live here, and numba is not imported.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.metadata
import os
import platform
import shutil
import stat
import sys
import tempfile
from functools import lru_cache
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
OUTSIDE = ("bus.constants", "bus.draws", "node.fsw.rules")
"""Modules of compiled code beyond the plant's folder: a fleet compiles flight software's rules."""


def cpu() -> str:
    """The CPU that kernels are compiled for: NUMBA_CPU_NAME if given (an image says `generic`), or this machine's."""
    if named := os.environ.get("NUMBA_CPU_NAME"):
        return f"{platform.machine()}-{named}"
    features = ""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        lines = listing.read_text().splitlines()
        features = "\n".join(sorted({line for line in lines if line.startswith(("flags", "Features", "model name"))}))
    return f"{platform.machine()}-{hashlib.blake2b(features.encode(), digest_size=4).hexdigest()}"


def sources_digest(house: Path = HOUSE) -> str:
    """Digest of every Python file of the plant and of what it takes from outside, names included."""
    digest = hashlib.blake2b(digest_size=8)
    for path in (
        *sorted((house / "node/plant").rglob("*.py")),
        *(house / f"{name.replace('.', '/')}.py" for name in OUTSIDE),
    ):
        digest.update(path.relative_to(house).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def key() -> str:
    """The name of the cache directory: changes whenever compiled code could change."""
    version = importlib.metadata.version("numba")
    return f"{sources_digest()}-numba{version}-py{sys.version_info.major}{sys.version_info.minor}-{cpu()}"


def root() -> Path:
    """SKYRACK_CACHE_DIR, or the user's cache directory."""
    if named := os.environ.get("SKYRACK_CACHE_DIR"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "skyrack"


@lru_cache(maxsize=1)
def places() -> tuple[Path, Path]:
    """Where code may be found: the directory for these sources, which an image may have made read-only, and then the
    one that can be written: the same, or one in the temporary directory."""
    folder = root() / key()
    if _writable(folder):
        return folder, folder
    spare = _own_temporary() / folder.name
    spare.mkdir(exist_ok=True)
    return folder, spare


def _own_temporary() -> Path:
    """A temporary directory that nobody else can have put code into: ours and ours alone, or a new one."""
    own = Path(tempfile.gettempdir()) / f"skyrack-{os.getuid()}"
    with contextlib.suppress(FileExistsError):
        own.mkdir(mode=0o700, parents=True)
    facts = own.lstat()
    if stat.S_ISDIR(facts.st_mode) and facts.st_uid == os.getuid() and not facts.st_mode & 0o077:
        return own
    return Path(tempfile.mkdtemp(prefix="skyrack-"))


def point_numba() -> Path:
    """Tell numba which directory it may write, before it looks for one, and return it."""
    _, folder = places()
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return folder


def forget_kernels() -> None:
    """Take away what numba keeps of single kernels, where it may be damaged: numba believes what it finds."""
    for entry in places()[-1].iterdir():
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False
