"""The campaign file: which scenario, what varies, how the values are combined, what is laid over the scenario."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from bus.errors import EnvironmentFault, Refused, ScenarioError, UnknownNameError
from bus.text.files import decode, read_file
from bus.text.forms import Form
from bus.text.leaves import Leaf, Plain, text, whole
from bus.text.near import one_of
from bus.text.reader import Item, Sheet
from bus.text.units import show
from bus.text.yaml_nodes import Node, compose
from faults.campaign.overlay import names_in
from faults.campaign.requirements import RequirementForm, read_requirements
from faults.scenarios.choose import find_scenario

FORMAT = 1
MOST_VALUES = 10_000
MOST_CASES = 10_000
MOST_WAIVERS = 200
MOST_PAIRS = 200_000
"""Pairs of values that `combine: pairwise` keeps account of [A]: twenty variables of thirty values have 171,000."""
_NAME = r"[A-Za-z0-9][A-Za-z0-9 _.-]*"
_VARIABLE = r"[A-Za-z_][A-Za-z0-9_]{0,31}"
SEED = "seed"
"""A variable of this name is the scenario's seed, without another word."""


def _format(value: object) -> int:
    version: int = whole(1, 1_000_000).read(value)
    if version != FORMAT:
        raise Refused(show(value), f"{FORMAT}, the campaign format of this version of Skyrack")
    return version


class WaiverForm(Form):
    """Cases, by values of theirs, that may be inconclusive, and why."""

    case: Annotated[dict[str, Plain], Field(min_length=1)]
    reason: Annotated[str, text(longest=1000)]


class CampaignForm(Form):
    """A campaign file. `vary` and `with` are read as trees."""

    campaign: Annotated[int, Leaf(_format, {"const": FORMAT})]
    name: Annotated[str, text(longest=64, pattern=_NAME, shape="a name such as 'lost-strings'")]
    description: Annotated[str, text(longest=1000, empty=True)] = ""
    scenario: Annotated[str, text(longest=1000)]
    combine: Literal["all", "pairwise", "sample"] = "all"
    samples: Annotated[int, whole(1, MOST_CASES)] | None = None
    draw_seed: Annotated[int, whole(0, 2**53)] = 1
    requirements: Annotated[str, text(longest=1000, empty=True)] = ""
    waive: Annotated[tuple[WaiverForm, ...], Field(max_length=MOST_WAIVERS)] = ()
    vary: object = None
    with_: object = None


SIMPLE = ("campaign", "name", "description", "scenario", "combine", "samples", "draw_seed", "requirements", "waive")
FIELDS = (*SIMPLE, "vary", "with")


@dataclass(frozen=True, slots=True)
class Value:
    """One value of a variable: what it is called, and what it is."""

    label: str
    node: Node


@dataclass(frozen=True, slots=True)
class Spread:
    """A variable whose values are drawn evenly between two numbers of one unit (`unit` may be empty)."""

    low: float
    high: float
    unit: str
    node: Node


@dataclass(frozen=True, slots=True)
class Waiver:
    """labels: of the values that a case must have to be meant."""

    labels: dict[str, str]
    reason: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign file as read. `scenario`: its tree; `over`: what is laid over it, None for nothing."""

    name: str
    description: str
    file: str
    scenario_file: Path
    scenario: Node
    combine: str
    samples: int
    draw_seed: int
    variables: dict[str, tuple[Value, ...] | Spread]
    over: Node | None
    requirements: tuple[RequirementForm, ...] = ()
    waivers: tuple[Waiver, ...] = ()


def read_campaign(path: Path) -> Campaign:
    """A campaign file. Raises ScenarioError with every mistake, or EnvironmentFault where it cannot be read."""
    content = read_file(path, "campaign", hint="docs/how-to/campaign.md shows one")
    sheet = Sheet(str(path))
    root = sheet.compose(content)
    root.mapping(FIELDS)
    if root.node is None or root.node.entries is None:
        sheet.finish()
    values = {}
    for name in SIMPLE:
        kind = CampaignForm.model_fields[name]
        given = root.below(name)
        if not root.has(name) and not kind.is_required():
            values[name] = kind.default
        else:
            values[name] = given.read(
                Annotated[(kind.annotation, *kind.metadata)] if kind.metadata else kind.annotation
            )
    variables = _variables(root.below("vary")) if root.has("vary") else {}
    if not variables and not root.below("vary").refused:
        root.below("vary").refuse(root.below("vary").found, "a mapping of variables, each with its values")
    _check_samples(root, values, variables)
    _check_number(root.below("vary"), values["combine"], variables)
    over = root.below("with").node
    if over is not None and over.entries is None:
        root.below("with").refuse(root.below("with").found, "a mapping of the scenario's fields")
    _check_used(root.below("vary"), variables, over)
    waivers = _waivers(root.below("waive"), values["waive"] or (), variables)
    listed = root.below("requirements")
    requirements = read_requirements(listed, path.parent / values["requirements"]) if values["requirements"] else ()
    scenario_file, scenario = _scenario(root.below("scenario"), values["scenario"], path)
    sheet.finish()
    assert scenario is not None
    return Campaign(
        name=values["name"], description=values["description"], file=str(path), scenario_file=scenario_file,
        scenario=scenario, combine=values["combine"], samples=values["samples"] or 0, draw_seed=values["draw_seed"],
        variables=variables, over=over, requirements=requirements, waivers=waivers,
    )  # fmt: skip


def _waivers(
    item: Item, forms: Sequence[WaiverForm], variables: dict[str, tuple[Value, ...] | Spread]
) -> tuple[Waiver, ...]:
    """Waivers that mean some case: a misspelled one would waive nothing, and nobody would know."""
    found = []
    for entry, form in zip(item.list() if forms else (), forms, strict=True):
        labels = {name: label_of_value(value) for name, value in form.case.items()}
        for name, label in labels.items():
            known = variables.get(name)
            at = entry.below("case").below(name)
            if known is None:
                at.refuse(name, one_of(variables, name))
            elif not isinstance(known, Spread) and label not in [value.label for value in known]:
                at.refuse(label, one_of([value.label for value in known], label))
        found.append(Waiver(labels, form.reason))
    return tuple(found)


def _check_samples(root: Item, values: dict[str, object], variables: dict[str, tuple[Value, ...] | Spread]) -> None:
    if values["combine"] == "sample" and values["samples"] is None and not root.below("samples").refused:
        root.below("samples").refuse("nothing", "how many cases are drawn, such as 200")
    elif values["combine"] in ("all", "pairwise"):
        if root.has("samples"):
            root.below("samples").refuse(root.below("samples").found, "nothing, unless combine is 'sample'")
        for name, spread in variables.items():
            if isinstance(spread, Spread):
                root.below(f"vary.{name}").refuse("values between two numbers", "a list; or combine: sample")


def _check_number(item: Item, combine: object, variables: dict[str, tuple[Value, ...] | Spread]) -> None:
    """Refuse what nobody would fly to the end, before one case is made."""
    lengths = sorted((len(values) for values in variables.values() if not isinstance(values, Spread)), reverse=True)
    count = math.prod(lengths)
    if combine == "all" and count > MOST_CASES:
        item.refuse(f"{count:,} cases", f"at most {MOST_CASES:,}; or combine: pairwise")
    elif combine == "pairwise":
        least, pairs = math.prod(lengths[:2]), sum(a * b for a, b in itertools.combinations(lengths, 2))
        if least > MOST_CASES:
            item.refuse(f"at least {least:,} cases", f"at most {MOST_CASES:,}; or combine: sample")
        elif pairs > MOST_PAIRS:
            item.refuse(f"{pairs:,} pairs of values", f"at most {MOST_PAIRS:,}; or combine: sample")


def _check_used(item: Item, variables: dict[str, tuple[Value, ...] | Spread], over: Node | None) -> None:
    """A variable that stands for nothing would fly the same case again and again: most likely it is misspelled."""
    used = set(names_in(over)) if over is not None else set()
    written = used.union(*(names_in(node) for values in variables.values() for node in _nodes(values)))
    if written - set(variables):
        return  # the mistake stands there, and is told when the values are put in
    left = dict(variables)
    while reached := [name for name in left if name in used or name == SEED]:
        for name in reached:
            used.update(*(names_in(node) for node in _nodes(left.pop(name))))
    for name in left:
        item.below(name).refuse(f"{name}, which changes nothing", f"a variable that `with` uses as ${name}, or {SEED}")


def _nodes(values: tuple[Value, ...] | Spread) -> Iterator[Node]:
    yield from () if isinstance(values, Spread) else (value.node for value in values)


def _scenario(item: Item, written: object, path: Path) -> tuple[Path, Node | None]:
    if not isinstance(written, str):
        return path, None
    try:
        beside = path.parent / written
        found = beside if beside.is_file() else find_scenario(written)
        content = decode(read_file(found, "scenario"), str(found))
        return found, compose(content, str(found))
    except UnknownNameError as error:
        item.adopt(error)
    except EnvironmentFault as error:
        item.refuse(
            f"{written!r}: {error.message}", "the path of a scenario, beside this file, or a shipped one's name"
        )
    except ScenarioError as error:
        item.sheet.mistakes.extend(error.mistakes)
    return path, None


def _variables(item: Item) -> dict[str, tuple[Value, ...] | Spread]:
    entries = item.node.entries if item.node is not None else None
    if entries is None:
        item.refuse(item.found, "a mapping of variables, each with its values")
        return {}
    found: dict[str, tuple[Value, ...] | Spread] = {}
    for name, (key, node) in entries.items():
        value = Item(item.sheet, node, f"{item.path}.{name}", node)
        try:
            text(longest=32, pattern=_VARIABLE, shape="a name such as 'fault'").read(name)
        except Refused as refused:
            Item(item.sheet, key, value.path, key).refuse(refused.found, refused.allowed)
            continue
        read = _values(value)
        if read:
            found[name] = read
    return found


def _values(item: Item) -> tuple[Value, ...] | Spread | None:
    node = item.node
    assert node is not None
    if node.items is not None:
        if not 1 <= len(node.items) <= MOST_VALUES:
            item.refuse(f"a list of {len(node.items)}", f"a list of 1 to {MOST_VALUES}")
            return None
        return _distinct(item, [Value(_label(each), each) for each in node.items])
    if node.entries is not None and set(node.entries) == {"uniform"}:
        return _spread(item.below("uniform"))
    if node.entries is not None and set(node.entries) == {"from", "to"}:
        return _range(item)
    reserved = [name for name in ("uniform", "from", "to") if node.entries and name in node.entries]
    if node.entries and not reserved:
        return tuple(Value(name, value) for name, (_, value) in node.entries.items())
    item.refuse(
        f"{item.found} with {', '.join(node.entries or {})}" if reserved else item.found,
        "a list of values, a mapping of values by name, {from: 1, to: 20} or {uniform: [low, high]}",
    )
    return None


def _distinct(item: Item, values: list[Value]) -> tuple[Value, ...] | None:
    seen: dict[str, int] = {}
    for value in values:
        if value.label in seen:
            at = Item(item.sheet, value.node, item.path, value.node)
            at.refuse(
                f"{value.label} again (first in line {seen[value.label]})", "each value once, or a mapping by name"
            )
            return None
        seen[value.label] = value.node.line
    return tuple(values)


def _range(item: Item) -> tuple[Value, ...] | None:
    low, high = (item.below(name).read(Annotated[int, whole(0, 2**53)]) for name in ("from", "to"))
    if low is None or high is None:
        return None
    if not 0 <= high - low < MOST_VALUES:
        item.refuse(f"{low} to {high}", f"1 to {MOST_VALUES} rising whole numbers")
        return None
    at = item.at
    return tuple(Value(str(n), Node(at.line, at.column, value=n, file=at.file)) for n in range(low, high + 1))


def _spread(item: Item) -> Spread | None:
    items = item.node.items if item.node is not None else None
    ends = [_number(each) for each in items] if items and len(items) == 2 else []
    if len(ends) == 2 and ends[0] and ends[1] and ends[0][1] == ends[1][1] and 0 < ends[1][0] - ends[0][0] < math.inf:
        return Spread(ends[0][0], ends[1][0], ends[0][1], item.at)
    item.refuse(item.found, "two rising numbers of one unit, such as [10 min, 90 min]")
    return None


def _number(node: Node) -> tuple[float, str] | None:
    if isinstance(node.value, bool) or node.value is None:
        return None
    number, _, unit = str(node.value).strip().partition(" ")
    try:
        return float(number), unit.strip()
    except ValueError:
        return None


def _label(node: Node) -> str:
    """What people call a value: a fault by its name and parameters, a number or text as it is."""
    if node.entries and "fault" in node.entries:
        parameters = node.entries["parameters"][1].plain() if "parameters" in node.entries else {}
        words = [str(node.entries["fault"][1].value)]
        words += [f"{name}={value}" for name, value in parameters.items()] if isinstance(parameters, dict) else []
        return " ".join(words)
    if node.entries is not None or node.items is not None:
        return f"line {node.line}"
    return label_of_value(node.value)


def label_of_value(value: object) -> str:
    """What people call a plain value."""
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
