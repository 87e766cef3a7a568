"""Where compiled kernels are kept, so that a stale one can never be loaded.

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
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


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


def sources_digest(folder: Path = HERE) -> str:
    """Digest of every Python file below a folder, names included."""
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(folder.rglob("*.py")):
        digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
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


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def prepare() -> Path:
    """Point numba at the directory for these sources and return it.

    A read-only one (an image's) is copied to a private temporary directory, because numba refuses a cache that it
    cannot write; a home that cannot be written falls back to a temporary directory too.
    """
    folder = root() / key()
    if not _writable(folder):
        spare = Path(tempfile.gettempdir()) / f"skyrack-{os.getuid()}" / folder.name
        if folder.is_dir() and not spare.is_dir():
            half = Path(tempfile.mkdtemp(prefix="skyrack-"))
            shutil.copytree(folder, half / folder.name, copy_function=shutil.copy2)
            spare.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with contextlib.suppress(OSError):  # another process may be faster
                (half / folder.name).rename(spare)
            shutil.rmtree(half, ignore_errors=True)
        spare.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = spare
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return folder


FOLDER = prepare()
