"""From a campaign to its cases: which values each has, and the scenario that it flies."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bus.draws import bits, stable_id, uniform
from bus.errors import Mistake, ScenarioError
from bus.scenario.model import Scenario
from bus.text.reader import Item, Sheet
from bus.text.yaml_nodes import Node
from faults.campaign.form import SEED, Campaign, Spread, Value
from faults.campaign.overlay import fill, lay_over
from faults.scenarios.load import load_tree
from faults.scenarios.outside import emulated
from faults.scenarios.own_designs import Shelf

Values = dict[str, Value]
MOST_MISTAKEN_CASES = 5
"""Cases whose mistakes are told before the reader has had enough."""


@dataclass(frozen=True, slots=True)
class Case:
    """One run: its number from 0, the labels of its values, what it flies.

    injected: ids of the faults that the campaign brings. control: the number of the same run without them, its own
    where there are none. asked: it is a case of the user's, not only somebody's control. waived: why it may be
    inconclusive, empty where it may not.
    """

    number: int
    labels: dict[str, str]
    scenario: Scenario
    injected: tuple[str, ...] = ()
    control: int = 0
    asked: bool = True
    waived: str = ""

    @property
    def name(self) -> str:
        """`fault=reboot at=20 min`."""
        return " ".join(f"{name}={label}" for name, label in self.labels.items())


def cases_of(campaign: Campaign, shelf: Shelf | None = None) -> list[Case]:
    """All cases, with one set of truth signals. Raises ScenarioError with the mistakes of the first cases that have
    any: nothing flies where one of them cannot."""
    shelf = shelf or Shelf()
    cases: list[Case] = []
    mistakes: dict[Mistake, None] = {}
    mistaken = 0
    for number, values in enumerate(combinations(campaign)):
        labels = {name: value.label for name, value in values.items()}
        try:
            cases.append(Case(number, labels, _scenario(campaign, values, shelf), waived=_waived(campaign, labels)))
        except ScenarioError as error:
            mistakes.update(dict.fromkeys(error.mistakes))
            mistaken += 1
            if mistaken >= MOST_MISTAKEN_CASES:
                break
    if mistakes:
        raise ScenarioError(sorted(mistakes, key=lambda m: (m.file, m.line, m.column)), hint="no case was flown")
    return _with_controls(_same_signals(cases), _fault_ids(campaign.scenario))


def _waived(campaign: Campaign, labels: dict[str, str]) -> str:
    return next((waiver.reason for waiver in campaign.waivers if waiver.labels.items() <= labels.items()), "")


def content_of(scenario: Scenario, *, without: Sequence[str] = ()) -> str:
    """All that decides how a scenario flies, but for these fields: what it is called and what is expected do not."""
    apart = {"name", "description", "file", "warnings", "expectations", *without}
    return json.dumps(scenario.model_dump(mode="json", exclude=apart), sort_keys=True)


def _fault_ids(tree: Node) -> frozenset[object]:
    """Of the faults that the scenario has by itself."""
    faults = tree.entries["faults"][1].items if tree.entries and "faults" in tree.entries else None
    return frozenset(each.entries["id"][1].value for each in faults or () if each.entries and "id" in each.entries)


def _with_controls(cases: Sequence[Case], own: frozenset[object]) -> list[Case]:
    """The cases, and after them those of their controls that are none of them."""
    flown = {content_of(case.scenario): case.number for case in reversed(cases)}
    found: list[Case] = []
    controls: list[Case] = []
    for case in cases:
        injected = tuple(fault.id for fault in case.scenario.faults if fault.id not in own)
        calm = tuple(fault for fault in case.scenario.faults if fault.id in own)
        scenario = case.scenario.model_copy(update={"faults": calm})
        content = content_of(scenario)
        if content not in flown:
            flown[content] = number = len(cases) + len(controls)
            scenario = scenario.model_copy(update={"expectations": ()})
            controls.append(Case(number, {}, scenario, control=number, asked=False))
        found.append(replace(case, injected=injected, control=flown[content]))
    return [*found, *controls]


def _scenario(campaign: Campaign, values: Values, shelf: Shelf) -> Scenario:
    tree = campaign.scenario
    nodes = {name: value.node for name, value in values.items()}
    if campaign.over is not None:
        change = fill(campaign.over, nodes)
        assert change is not None
        tree = lay_over(tree, change)
    if SEED in values and tree.entries is not None:
        entries = dict(tree.entries)
        entries[SEED] = (entries[SEED][0] if SEED in entries else nodes[SEED], nodes[SEED])
        tree = replace(tree, entries=entries)
    return emulated(load_tree(Item(Sheet(str(campaign.scenario_file)), tree, "", tree), shelf), "a campaign")


def _same_signals(cases: Sequence[Case]) -> list[Case]:
    """Every case records what any of them needs, so that they may share their beginning and be compared."""
    union: dict[str, dict[str, None]] = {}
    for case in cases:
        for spacecraft, names in case.scenario.truth_signals.items():
            union.setdefault(spacecraft, {}).update(dict.fromkeys(names))

    def widened(scenario: Scenario) -> Scenario:
        signals = {name: tuple(union[name]) for name in scenario.truth_signals}
        return scenario.model_copy(update={"truth_signals": signals, "file": "", "warnings": ()})

    return [replace(case, scenario=widened(case.scenario)) for case in cases]


# ---- how values are combined ------------------------------------------------------------------------------------


def combinations(campaign: Campaign) -> Iterator[Values]:
    """The values of each case, in order."""
    lists = {name: values for name, values in campaign.variables.items() if not isinstance(values, Spread)}
    if campaign.combine == "sample":
        yield from (_drawn(campaign, number) for number in range(campaign.samples))
        return
    if campaign.combine == "pairwise":
        yield from _pairwise(lists)
        return
    for chosen in itertools.product(*lists.values()):
        yield dict(zip(lists, chosen, strict=True))


def _drawn(campaign: Campaign, number: int) -> Values:
    values: Values = {}
    for name, known in campaign.variables.items():
        stream = stable_id(name)
        if isinstance(known, Spread):
            share = uniform(campaign.draw_seed, stream, 0, number, 0)
            written = f"{known.low + share * (known.high - known.low):.9g} {known.unit}".strip()
            at = known.node
            plain: float | str = written if known.unit else float(written)
            values[name] = Value(written, Node(at.line, at.column, value=plain, file=at.file))
        else:
            values[name] = known[bits(campaign.draw_seed, stream, 0, number, 0) % len(known)]
    return values


def _pairwise(lists: dict[str, tuple[Value, ...]]) -> Iterator[Values]:
    """Cases in which every two values of two variables meet: greedy, one case after the other, always the one that
    brings most new pairs (Cohen, Dalal, Fredman and Patton 1997, "The AETG system")."""
    names = list(lists)
    if len(names) < 2:
        yield from ({names[0]: value} for value in lists[names[0]]) if names else ()
        return
    left = {
        (a, i, b, j): None
        for a, b in itertools.combinations(range(len(names)), 2)
        for i in range(len(lists[names[a]]))
        for j in range(len(lists[names[b]]))
    }
    while left:
        a, i, b, j = next(iter(left))
        chosen = {a: i, b: j}
        for column in sorted(range(len(names)), key=lambda n: -len(lists[names[n]])):
            if column not in chosen:
                chosen[column] = max(
                    range(len(lists[names[column]])),
                    key=lambda value: (sum(_pair(column, value, c, v) in left for c, v in chosen.items()), -value),
                )
        for (c, v), (d, w) in itertools.combinations(sorted(chosen.items()), 2):
            left.pop((c, v, d, w), None)
        yield {name: lists[name][chosen[column]] for column, name in enumerate(names)}


def _pair(a: int, i: int, b: int, j: int) -> tuple[int, int, int, int]:
    return (a, i, b, j) if a < b else (b, j, a, i)
