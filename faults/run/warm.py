"""Compiles the physics once per machine and version, in a process of its own, before anybody needs it.

Processes then find the code in the cache and start in a fraction of a second. `python -m faults.run.warm full fleet`
compiles these capacity classes and says so.
"""

from __future__ import annotations

import fcntl
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from bus.errors import RangeFailure
from bus.process import lifeline
from bus.scenario.model import Scenario
from faults.run.interruption import SIGNALS
from node.designs.load import load_design
from node.plant import cache, entry

HOUSE = Path(__file__).resolve().parents[2]
COMPILE_WITHIN_S = 300
HERE = "--here"  # this process is the compiler


def environment() -> Mapping[str, str]:
    """The environment in which a child process finds this very Skyrack, wherever it was started from."""
    paths = [str(HOUSE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def warm_up(scenario: Scenario, say: Callable[[str], None]) -> None:
    """Compile what flies in it and is not compiled yet; `say` hears of it. Raises RangeFailure where that fails."""
    compile_classes({load_design(spacecraft.design).capacity.name for spacecraft in scenario.spacecraft}, say)


def compile_classes(names: Iterable[str], say: Callable[[str], None]) -> None:
    """Compile the capacity classes that are not compiled yet. Raises RangeFailure where that fails."""
    cold = sorted(name for name in names if entry.compiled(name) is None)
    if not cold:
        return
    with (cache.places()[-1] / "warm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second finds it done
        if any(entry.compiled(name) is None for name in cold):
            for file in (file for name in cold for file in entry.damaged(name)):
                say(f"{file} is damaged; it is made anew")
            say("compiling the physics, once on this machine ...")
            _compile(cold)
            say("compiled")


def _compile(names: list[str]) -> None:
    result = _compiler(names)
    if result.returncode:
        cache.forget_kernels()  # what the compiler had kept of an earlier time may be damaged
        result = _compiler(names)
    if result.returncode:
        tail = result.stderr.decode(errors="replace")[-2000:]
        raise RangeFailure(f"the physics did not compile:\n{tail}", hint="make install renews the environment")


def _compiler(names: list[str]) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "faults.run.warm", HERE, *names]
    supervised = {**environment(), lifeline.SUPERVISOR: str(os.getpid())}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # no signal between its start and our knowing of it
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            env=supervised,
            start_new_session=True,  # a Ctrl-C reaches whoever waits, and that ends the compiler
        )
    except BaseException:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        raise
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        _, errors = process.communicate(timeout=COMPILE_WITHIN_S)
    except subprocess.TimeoutExpired as error:
        raise RangeFailure(f"compiling the physics took more than {COMPILE_WITHIN_S} s") from error
    finally:
        process.kill()
        process.wait()  # gone before we are: where it is interrupted, `subprocess.run` kills and does not wait
    return subprocess.CompletedProcess(command, process.returncode, b"", errors)


def _compile_here(names: list[str]) -> None:
    """Ends with whoever started it, even where that was killed: nobody else would wait for the minute that it takes."""
    lifeline.bind_to_supervisor()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    sys.argv = ["node.plant.entry", *names]
    runpy.run_module("node.plant.entry", run_name="__main__")


if __name__ == "__main__" and sys.argv[1:2] == [HERE]:
    _compile_here(sys.argv[2:])
elif __name__ == "__main__":
    compile_classes(sys.argv[1:], lambda text: print(text, flush=True))  # noqa: T201
