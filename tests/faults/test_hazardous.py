"""Hazardous telecommands need a second word at every door, also inside a telecommand that carries them for later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from bus.errors import ScenarioError
from bus.wire.messages import OperatorRequest, Scalar
from faults.live.stack import read_stack
from faults.scenarios.load import load_text
from faults.scenarios.vocabulary import dictionary_of
from groundstation.commanding.wishes import Fleet, Wish
from groundstation.procedures.load import with_own
from groundstation.procedures.source_check import check_source
from tests.kits.ground_kit import GroundBench, config
from tests.kits.runs import TINY

ENTRY = "  - {{at: 50 s, {more}telecommand: {{to: sc-1, name: {name}{confirmed}}}}}\n"


def with_entry(name: str, *, confirmed: str = "", on_board: bool = False) -> str:
    line = ENTRY.format(name=name, confirmed=confirmed, more="on_board: true, " if on_board else "")
    return TINY.replace("expectations:\n", f"timeline:\n{line}expectations:\n")


@pytest.mark.parametrize("on_board", [False, True])
def test_check_refuses_what_is_not_confirmed(on_board: bool) -> None:
    with pytest.raises(ScenarioError) as caught:
        load_text(with_entry("computer.reboot", on_board=on_board), file="tiny.yaml")
    expected = "found computer.reboot, which is hazardous; allowed: confirmed: true beside its name"
    assert expected in str(caught.value)
    flown = load_text(with_entry("computer.reboot", confirmed=", confirmed: true", on_board=on_board))
    assert flown.timeline[0].confirmed


def test_what_is_not_hazardous_needs_none_and_may_have_it() -> None:
    assert not load_text(with_entry("test.ping")).timeline[0].confirmed
    assert load_text(with_entry("test.ping", confirmed=", confirmed: true")).timeline[0].confirmed


def test_a_second_word_is_true_or_false() -> None:
    with pytest.raises(ScenarioError, match="found 'maybe'; allowed: true or false"):
        load_text(with_entry("computer.reboot", confirmed=", confirmed: maybe"))


WORDS = dictionary_of("pathfinder")
CARRIERS = {form.name: form.carrier.name for form in WORDS.telecommands if form.carrier is not None}
INSIDE: dict[str, Mapping[str, Scalar]] = {
    "schedule.insert": {"at": 60.0},
    "event_action.add": {"on_event": "payload_shed"},
}
"""Own arguments of what carries."""
DOORS: list[tuple[str, dict[str, Scalar]]] = [
    ("computer.reboot", {}),
    *((name, {**INSIDE.get(name, {}), carried: "computer.reboot"}) for name, carried in CARRIERS.items()),
]
FLEET = Fleet({"sc-1": "pathfinder"}, dictionary_of)


def written(arguments: Mapping[str, Scalar]) -> str:
    return ", ".join(f"{name}: {value}{' s' if name == 'at' else ''}" for name, value in arguments.items())


def in_a_timeline(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    return load_refuses(f"telecommand: {{to: sc-1, name: {name}, arguments: {{{written(arguments)}}}}}")


def in_a_timelines_release(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    wanted = f"to: sc-1, name: {name}, release: contact, arguments: {{{written(arguments)}}}"
    return load_refuses(f"telecommand: {{{wanted}}}")


def in_a_timelines_stack(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    step = f"to: sc-1, telecommand: {name}, arguments: {{{written(arguments)}}}"
    return load_refuses(f"stack: {{steps: [{{{step}}}]}}")


def load_refuses(entry: str) -> bool:
    with pytest.raises(ScenarioError) as caught:
        load_text(TINY.replace("expectations:\n", f"timeline:\n  - {{at: 5 s, {entry}}}\nexpectations:\n"))
    return "which is hazardous; allowed: confirmed: true beside" in str(caught.value)


def in_a_command(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    wanted = {key: f"{value} s" if key == "at" else value for key, value in arguments.items()}
    return FLEET.hazards([FLEET.step(Wish("sc-1", name, wanted))]) == [name]


def in_a_stacks_file(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    path = folder / "stack.yaml"
    path.write_text(f"steps: [{{to: sc-1, telecommand: {name}, arguments: {{{written(arguments)}}}}}]\n")
    steps, _ = read_stack(path, FLEET)
    return FLEET.hazards(steps) == [name]


def at_the_grounds_port(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    """The ground itself holds what somebody else's program asks for."""
    plans = config()
    bench = GroundBench(
        plans.__class__(**{
            **{field: getattr(plans, field) for field in plans.__dataclass_fields__},
            "spacecraft": (plans.spacecraft[0].__class__("sat-1", plans.spacecraft[0].orbit, WORDS, bytes(32)),),
        })
    )  # fmt: skip
    bench.step(("operator", OperatorRequest(token=1, spacecraft="sat-1", name=name, arguments=arguments)))
    (row,) = [row for row in bench.records if row[0] == "telecommands"]
    return row[9] == "HELD" and "confirm request 0" in str(row[12])


def in_a_procedure(name: str, arguments: dict[str, Scalar], folder: Path) -> bool:
    (mistake,) = check_source(own(name, arguments, folder, confirmed=""), {"sc-1": WORDS}, ["sc-1"])
    assert check_source(own(name, arguments, folder, confirmed=", confirmed=True"), {"sc-1": WORDS}, ["sc-1"]) == []
    return (mistake.line, mistake.found) == (8, f"{name}, which is hazardous")


def own(name: str, arguments: Mapping[str, Scalar], folder: Path, *, confirmed: str):  # type: ignore[no-untyped-def]
    path = folder / f"own{len(confirmed)}.py"
    given = "".join(f", {key}={value!r}" for key, value in arguments.items())
    path.write_text(
        "from groundstation.procedures.declaration import procedure\n"
        "from groundstation.procedures.words import command\n\n\n"
        '@procedure("own")\nasync def own() -> None:\n    """One telecommand."""\n'
        f'    await command("{name}"{given}{confirmed})\n'
    )
    return with_own([path])["own"]


@pytest.mark.parametrize(("name", "arguments"), DOORS, ids=[name for name, _ in DOORS])
@pytest.mark.parametrize(
    "door",
    [in_a_timeline, in_a_timelines_release, in_a_timelines_stack, in_a_command, in_a_stacks_file, at_the_grounds_port,
     in_a_procedure],
)  # fmt: skip
def test_every_door_wants_a_second_word(
    door: Callable[[str, dict[str, Scalar], Path], bool], name: str, arguments: dict[str, Scalar], tmp_path: Path
) -> None:
    assert door(name, arguments, tmp_path)
