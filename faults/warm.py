"""Compiles the physics once per machine and version, in a process of its own, before anybody needs it.

Processes then find the kernels in the cache and start in a fraction of a second. Run as `python -m faults.warm`
with a resolved scenario on standard input; it flies one tick of each kind of plant in it.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from bus.errors import RangeFailure
from bus.scenario import Scenario, TleOrbit
from node.design import load_design
from node.plant import cache

HOUSE = Path(__file__).resolve().parent.parent
COMPILE_WITHIN_S = 300


def environment() -> Mapping[str, str]:
    """The environment in which a child process finds this very Skyrack, wherever it was started from."""
    paths = [str(HOUSE), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def kinds(scenario: Scenario) -> dict[str, str]:
    """The kinds of plant that fly (capacity class and propagator), each with one spacecraft of it."""
    found: dict[str, str] = {}
    for spacecraft in scenario.spacecraft:
        orbit = spacecraft.orbit
        propagator = orbit.propagator if isinstance(orbit, TleOrbit) else "j2"
        found.setdefault(f"{load_design(spacecraft.design).capacity.name}-{propagator}", spacecraft.id)
    return found


def cold_kinds(scenario: Scenario) -> dict[str, str]:
    """Those that are not compiled yet."""
    return {kind: spacecraft for kind, spacecraft in kinds(scenario).items() if not _marker(kind).exists()}


def warm_up(scenario: Scenario, say: Callable[[str], None]) -> None:
    """Compile what is not compiled yet; `say` hears of it. Raises RangeFailure where that fails."""
    if not cold_kinds(scenario):
        return
    with (cache.FOLDER / "warm.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # who comes second finds it done
        if cold_kinds(scenario):
            say("compiling the physics, once on this machine ...")
            _compile(scenario)
            say("compiled")


def _compile(scenario: Scenario) -> None:
    command = [sys.executable, "-m", "faults.warm"]
    try:
        result = subprocess.run(
            command, input=scenario.to_json(), capture_output=True, timeout=COMPILE_WITHIN_S, check=False,
            env=environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise RangeFailure(f"compiling the physics took more than {COMPILE_WITHIN_S} s") from error
    if result.returncode:
        tail = result.stderr.decode(errors="replace")[-2000:]
        raise RangeFailure(f"the physics did not compile:\n{tail}", hint="make install renews the environment")


def _marker(kind: str) -> Path:
    return cache.FOLDER / f"{kind}.warm"


def main() -> None:
    """Compile by flying: one tick of one spacecraft of each kind. With arguments: of these shipped scenarios."""
    from bus.participant import Moment  # noqa: PLC0415
    from node.assembly import assemble  # noqa: PLC0415
    from node.config import resolve  # noqa: PLC0415

    if len(sys.argv) > 1:
        from faults.scenario_choice import load_named  # noqa: PLC0415

        for name in sys.argv[1:]:
            warm_up(load_named(name).scenario, lambda text: print(text, flush=True))  # noqa: T201
        return
    scenario = Scenario.model_validate_json(sys.stdin.buffer.read())
    for kind, spacecraft in cold_kinds(scenario).items():
        node = assemble(resolve(scenario, spacecraft))
        node.step(Moment(0, 0, scenario.tick_ns), [])
        _marker(kind).touch()


if __name__ == "__main__":
    main()
