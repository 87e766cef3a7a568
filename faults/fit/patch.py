"""The text of a design with other figures, everything else as its author wrote it: comments, order, line breaks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml

from bus.errors import ScenarioError
from faults.fit.free import steps_of, with_figures
from node.designs.load import Design, read_design, text_of


class _Edit(NamedTuple):
    """Characters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


class _Unlike(Exception):
    """The text is not built as the figures' paths say: the figure comes from elsewhere."""


def patched(design: Design, values: Mapping[str, tuple[str, str]]) -> str | None:
    """The design's text with other figures: by path, what is written and its source. None where that cannot be done in
    the text, because figures share one place (an alias) or come from a part of a part."""
    text = text_of(design.name)
    root: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    try:
        each = [edit for path, (value, source) in values.items() for edit in _edits(root, path, value, source)]
    except _Unlike:
        return None
    inserted = [edit for edit in each if edit.start == edit.end]
    written = {(edit.start, edit.end): edit for edit in each if edit.start < edit.end}  # points share a curve's source
    for edit in sorted([*inserted, *written.values()], key=lambda one: (one.start, one.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    try:
        found = read_design(text, f"{design.name}.yaml", design.name)
    except ScenarioError:
        return None
    return text if found.form == with_figures(design, dict(values)).form else None


def _edits(root: Any, path: str, value: str, source: str) -> list[_Edit]:
    at = root
    *way, last = steps_of(path)
    for step in way:
        at = _child(at, step)
        if at is None:
            raise _Unlike
    said = json.dumps(source, ensure_ascii=False)
    if isinstance(at, yaml.SequenceNode) and len(at.value) == 3 and isinstance(at.value[0], yaml.SequenceNode):
        point = at.value[0].value[last]  # of a curve: a number, or the second of a pair
        point = point.value[1] if isinstance(point, yaml.SequenceNode) else point
        return [_over(point, value.partition(" ")[0]), _over(at.value[2], said)]
    figure = _child(at, last)
    if figure is None:
        if not isinstance(at, yaml.MappingNode) or not at.value:
            raise _Unlike
        entry = f"{last}: [{value}, {said}]"
        if at.flow_style:
            end = at.end_mark.index - 1
            return [_Edit(end, end, f", {entry}")]
        first = at.value[0][0].start_mark
        return [_Edit(first.index, first.index, f"{entry}\n{' ' * first.column}")]
    if not isinstance(figure, yaml.SequenceNode) or not all(isinstance(i, yaml.ScalarNode) for i in figure.value):
        raise _Unlike
    number, _, unit = value.partition(" ")
    written = [value, said] if len(figure.value) == 2 else [number, unit, said]
    if len(written) != len(figure.value):
        raise _Unlike
    return [_over(item, text) for item, text in zip(figure.value, written, strict=True)]


def _over(node: Any, text: str) -> _Edit:
    return _Edit(node.start_mark.index, node.end_mark.index, text)


def _child(node: Any, step: str | int) -> Any:
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step]
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    return None
