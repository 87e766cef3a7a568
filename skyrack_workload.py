"""For programs that do the work of a job: steps as the accelerators grant them, checkpoints when they are asked for,
and bits of their own arrays flipped where the emulated memory was struck and not corrected.

    from skyrack_workload import Workload

    work = Workload()
    for step in work.steps(2000, save=save, load=load, arrays=lambda: [weights]):
        work.tell(loss=train(step))

A file of its own, which needs nothing but Python (numpy or torch where arrays are of them), because the program runs in
an environment of the user's. Without Skyrack around it, it grants all steps at once: the program runs as any other.
"""

from __future__ import annotations

import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

VERSION = 1
KEPT = 9
"""Checkpoint files that stay: the job manager can go back over the last eight."""
_LINE_BYTES = 1024 * 1024


class Workload:
    """The program's side of its job.

    What follows matters without Skyrack only. folder: of its checkpoints; checkpoint_every: steps between two;
    strikes: seeds of silent errors by the step before which they strike.
    """

    def __init__(
        self, folder: Path | str = "checkpoints", *, checkpoint_every: int = 100,
        strikes: Mapping[int, Sequence[int]] | None = None,
    ) -> None:  # fmt: skip
        line = os.environ.get("SKYRACK_WORKLOAD_FD", "")
        self._line = int(line) if line else -1
        self._rest = b""
        self.folder = Path(os.environ.get("SKYRACK_JOB_FOLDER", "") or folder)
        self._every, self._strikes = checkpoint_every, dict(strikes or {})
        self._figures: dict[str, float] = {}
        self._found, self._back = 0, 0
        self.struck: list[tuple[int, int, int]] = []
        """Where bits were flipped: which array, byte of it, bit of that."""

    @property
    def connected(self) -> bool:
        """Whether Skyrack grants the steps."""
        return self._line >= 0

    def accelerators(self) -> dict[str, dict[str, Any]]:
        """Readings of its accelerators by group, as their sensors have them now; empty without Skyrack."""
        path = os.environ.get("SKYRACK_ACCELERATORS_FILE", "")
        if not path:
            return {}
        groups: dict[str, dict[str, Any]] = json.loads(Path(path).read_text(encoding="utf-8"))["groups"]
        return groups

    def tell(self, **figures: float) -> None:
        """Figures of the work, such as a loss: eight at most. The last ones are in the run's report."""
        self._figures.update({name: float(value) for name, value in figures.items()})

    def found(self, errors: int = 1) -> None:
        """A check of the program's own has found silent errors."""
        self._found += errors

    def roll_back(self, checkpoints: int = 1) -> None:
        """Go back to the last checkpoint (1), or further, after this step: the work since then is lost."""
        if not 1 <= checkpoints < KEPT:
            raise ValueError(f"{checkpoints} checkpoints back: 1 to {KEPT - 1} are kept")
        self._back = checkpoints

    def steps(
        self,
        total: int | None = None,
        *,
        save: Callable[[Path], None] | None = None,
        load: Callable[[Path], None] | None = None,
        arrays: Callable[[], Sequence[Any]] | None = None,
        suffix: str = ".npz",
    ) -> Iterator[int]:
        """Numbers of the steps to do, from the checkpoint on; `total` is the end of the work.

        save and load: a checkpoint to and from a file; arrays: what a silent error may strike.
        """
        begin = int(os.environ.get("SKYRACK_BEGIN_STEP", "0")) if self.connected else 0
        self.folder.mkdir(parents=True, exist_ok=True)
        store = _Store(self.folder, suffix, save, load)
        store.begin(begin, anew=not self.connected)
        if self.connected:
            self._say({"hello": VERSION, "step": begin, "hook": arrays is not None})
            return self._granted(begin, total, store, arrays)
        return self._alone(total, store, arrays)

    def _granted(
        self, step: int, total: int | None, store: _Store, arrays: Callable[[], Sequence[Any]] | None
    ) -> Iterator[int]:
        while True:
            grant = self._hear()
            self._strike(grant["strikes"], arrays)
            end = grant["steps"] if total is None else min(grant["steps"], total)
            while step < end and not self._back:
                yield step
                step += 1
            kept = step if grant["checkpoint"] and not self._back and store.keep(step) else None
            done = total is not None and step >= total
            self._say(
                {
                    "tick": grant["tick"], "step": step, "kept": kept, "done": done and not self._back,
                    "roll_back": self._back, "found": self._found, "figures": self._figures,
                }
            )  # fmt: skip
            self._found = 0
            if done and not self._back:
                return
            if self._back:  # another process goes on from the checkpoint
                self._hear()

    def _alone(self, total: int | None, store: _Store, arrays: Callable[[], Sequence[Any]] | None) -> Iterator[int]:
        step, last = 0, 0
        store.keep(0)
        while total is None or step < total:
            self._strike(self._strikes.pop(step, ()), arrays)
            yield step
            step += 1
            if self._back:
                self._back, step = 0, last
                store.begin(step)
            elif step % self._every == 0 and store.keep(step):
                last = step

    def _strike(self, seeds: Sequence[int], arrays: Callable[[], Sequence[Any]] | None) -> None:
        if arrays is not None:
            self.struck += [flip(arrays(), seed) for seed in seeds]

    def _hear(self) -> dict[str, Any]:
        """The next grant. When the run is over, so is the program."""
        while b"\n" not in self._rest:
            data = b""
            with suppress(ConnectionError):
                data = os.read(self._line, 64 * 1024)
            if not data or len(self._rest) > _LINE_BYTES:
                sys.exit(0)
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        words: dict[str, Any] = json.loads(line)
        return words

    def _say(self, words: Mapping[str, Any]) -> None:
        data = json.dumps(words).encode() + b"\n"
        with suppress(BrokenPipeError):
            while data:
                data = data[os.write(self._line, data) :]


class _Store:
    """Checkpoints in files, each whole or not there."""

    def __init__(
        self, folder: Path, suffix: str, save: Callable[[Path], None] | None, load: Callable[[Path], None] | None
    ) -> None:
        self._folder, self._suffix, self._save, self._load = folder, suffix, save, load

    def _path(self, step: int) -> Path:
        return self._folder / f"checkpoint-{step:09d}{self._suffix}"

    def begin(self, step: int, *, anew: bool = False) -> None:
        """Go back to the checkpoint of a step; what was written after it is of a life that is over. anew: all is."""
        for path in self._folder.glob(f"checkpoint-*{self._suffix}"):
            if anew or path > self._path(step):
                path.unlink()
        if self._load is not None and (step or self._path(step).exists()):
            self._load(self._path(step))

    def keep(self, step: int) -> bool:
        """Write one, and let go of the oldest; False where the program writes none."""
        if self._save is None:
            return False
        part = self._folder / f".part-{step:09d}{self._suffix}"
        self._save(part)
        part.replace(self._path(step))
        for path in sorted(self._folder.glob(f"checkpoint-*{self._suffix}"))[:-KEPT]:
            path.unlink()
        return True


def flip(arrays: Sequence[Any], seed: int) -> tuple[int, int, int]:
    """Flip one bit of these arrays (numpy, or torch on any device), each with the same odds; the seed says which."""
    parts = [_bytes_of(array) for array in arrays]
    sizes = [len(part) for part in parts]
    if not sum(sizes):
        raise ValueError("no arrays")
    byte, bit = divmod(seed % (8 * sum(sizes)), 8)
    for number, part in enumerate(parts):
        if byte < sizes[number]:
            part[byte] = int(part[byte]) ^ (1 << bit)
            return number, byte, bit
        byte -= sizes[number]
    raise AssertionError("a byte beyond all arrays")


def _bytes_of(array: Any) -> Any:
    """Its memory as bytes, not a copy of it."""
    if hasattr(array, "detach"):  # a tensor; torch is there, for somebody made it
        import torch  # noqa: PLC0415

        if not array.is_contiguous():
            raise ValueError("bits of a tensor that is not contiguous cannot be flipped")
        return array.detach().view(-1).view(torch.uint8)
    if not array.flags.c_contiguous:
        raise ValueError("bits of an array that is not contiguous cannot be flipped")
    return array.reshape(-1).view("uint8")


def _image(array: Any) -> bytes:
    return bytes(array.detach().cpu().contiguous().numpy().tobytes() if hasattr(array, "detach") else array.tobytes())


class Checksum:
    """CRC-32 of arrays while they lie still: `seal` them after they were written, and see whether that `holds` before
    they are read."""

    def __init__(self, arrays: Callable[[], Sequence[Any]]) -> None:
        self._arrays = arrays
        self.seal()

    def seal(self) -> None:
        """They are as they should be."""
        self._sum = self._now()

    def holds(self) -> bool:
        """Nobody has touched them since."""
        return self._now() == self._sum

    def _now(self) -> int:
        total = 0
        for array in self._arrays():
            total = zlib.crc32(_image(array), total)
        return total


class Duplicate:
    """The same by a second copy, which memory errors strike as well: `copies` belong to what may be struck."""

    def __init__(self, arrays: Callable[[], Sequence[Any]]) -> None:
        self._arrays = arrays
        self.copies: list[Any] = []
        self.seal()

    def seal(self) -> None:
        """They are as they should be."""
        self.copies = [array.clone() if hasattr(array, "clone") else array.copy() for array in self._arrays()]

    def holds(self) -> bool:
        """Both copies are alike, to the bit."""
        return all(_image(a) == _image(b) for a, b in zip(self._arrays(), self.copies, strict=True))


class Canary:
    """Memory with a known pattern beside the arrays: it tells of errors that strike it, and of no others."""

    def __init__(self, array: Any) -> None:
        self.array, self._pattern = array, _image(array)

    def seal(self) -> None:
        """Nothing is to be done: it is never written."""

    def holds(self) -> bool:
        """It is as it was."""
        return _image(self.array) == self._pattern
