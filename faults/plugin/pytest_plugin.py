"""The pytest plugin: a scenario named by a marker flies in virtual time, and the test holds it in its hands.

    @pytest.mark.skyrack("one-orbit.yaml", seed=3)
    async def test_a_dead_string_is_survived(emulation, spacecraft): ...

Works with pytest-asyncio and pytest-xdist. What a failed test saw last is shown with it. Nothing heavy is imported
until a test wants an emulation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from faults.plugin.emulation import Emulation
    from faults.plugin.handles import Fault, Spacecraft

_EMULATION = pytest.StashKey["Emulation"]()
MARKER = "skyrack"


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line(
        "markers",
        f"{MARKER}(scenario, seed=None, duration='', designs=()): what the `emulation` fixture flies, a path beside "
        "the test file or a shipped scenario's name",
    )


@pytest.fixture
def emulation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Emulation]:
    """The run of the test's `skyrack` marker, before its first tick."""
    from bus.errors import UserError  # noqa: PLC0415
    from faults.plugin.emulation import Emulation  # noqa: PLC0415
    from faults.scenarios.choose import RunOptions, choose  # noqa: PLC0415

    marker = request.node.get_closest_marker(MARKER)
    if marker is None or len(marker.args) != 1:
        pytest.fail(f'which scenario? @pytest.mark.{MARKER}("one-orbit.yaml", seed=3)', pytrace=False)
    wanted: dict[str, Any] = {"seed": None, "duration": "", "designs": ()}
    unknown = sorted(set(marker.kwargs) - set(wanted))
    if unknown:
        pytest.fail(f"{MARKER} marker: found {', '.join(unknown)}; allowed: {', '.join(wanted)}", pytrace=False)
    wanted.update(marker.kwargs)
    beside = request.path.parent
    path = beside / str(marker.args[0])
    designs = tuple(beside / str(each) for each in wanted["designs"])
    options = RunOptions(
        scenario=str(path) if path.is_file() else str(marker.args[0]), seed=wanted["seed"],
        duration=wanted["duration"], designs=designs,
    )  # fmt: skip
    try:
        run = Emulation(choose(options).scenario, tmp_path / "run")
    except UserError as error:
        pytest.fail(error.message + (f"\n{error.hint}" if error.hint else ""), pytrace=False)
    request.node.stash[_EMULATION] = run
    yield run
    run.abandon()


@pytest.fixture
def spacecraft(emulation: Emulation) -> Callable[..., Spacecraft]:
    """`spacecraft("dawn-1")`: one of the run's; without a name the only one."""
    return emulation.spacecraft


@pytest.fixture
def inject(emulation: Emulation) -> Callable[..., Fault]:
    """`inject("dawn-1", "string_open", string=2, duration="10 min")`; see `Emulation.inject`."""
    return emulation.inject


@pytest.fixture
def ground(emulation: Emulation) -> Callable[..., Any]:
    """`ground(Wish(...), confirm=False)`: telecommands to one spacecraft or a group; see `Emulation.ask`."""
    return emulation.ask


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """What the run had come to, beside the failure."""
    outcome: Any = yield
    report = outcome.get_result()
    run = item.stash.get(_EMULATION, None)
    if run is not None and report.when == "call" and report.failed:
        again = f'repeat it: pytest "{item.nodeid}"'
        report.sections.append(("skyrack", f"{run.story()}\n{again}"))
