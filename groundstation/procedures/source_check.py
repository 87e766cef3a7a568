"""What is wrong with a procedure before it runs: its source is read, every word that is written out there is looked up.

Telecommands and their arguments, parameters, conditions, spacecraft, times, and names that exist nowhere. What is only
known when it runs (a name from an argument) is checked then, by the engine, before anything is sent.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from bus.dictionary import Dictionary
from bus.errors import Mistake, Refused
from bus.pus import Code
from bus.telecommand_check import allowed, shown, verdict
from bus.text.near import one_of
from groundstation.procedures.declaration import Procedure
from groundstation.procedures.results import bound_of
from groundstation.procedures.words import Misuse, nanoseconds

_CONDITIONS = ("above", "below", "between", "equals")
_NOT_LITERAL = object()
CONFIRM = "confirmed=True beside its name"
"""The second word that a hazardous telecommand needs in a procedure."""


def check_source(
    procedure: Procedure, dictionaries: Mapping[str, Dictionary], spacecraft: Sequence[str]
) -> list[Mistake]:
    """Mistakes with file, line and column. `dictionaries`: of everybody; `spacecraft`: those it is run on."""
    try:
        lines, first = inspect.getsourcelines(procedure.body)
    except (OSError, TypeError):
        return []  # it was not written in a file: the engine looks at each step
    text = textwrap.dedent("".join(lines))
    indent = len(lines[0]) - len(lines[0].lstrip())
    checker = _Checker(str(procedure.file), first - 1, indent, dictionaries, spacecraft)
    function = ast.parse(text).body[0]
    checker.names(function, procedure.body.__globals__)
    for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
        checker.call(call)
    return sorted(dict.fromkeys(checker.mistakes), key=lambda one: (one.line, one.column))


class _Checker:
    def __init__(
        self,
        file: str,
        before: int,
        indent: int,
        dictionaries: Mapping[str, Dictionary],
        spacecraft: Sequence[str],
    ) -> None:
        self.mistakes: list[Mistake] = []
        self._file, self._before, self._indent = file, before, indent
        self._dictionaries = dictionaries
        self._spacecraft = spacecraft

    def names(self, function: ast.AST, known: Mapping[str, Any]) -> None:
        """Names that are bound nowhere."""
        nodes = list(ast.walk(function))
        bound = {node.id for node in nodes if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
        bound |= {node.arg for node in nodes if isinstance(node, ast.arg)}
        bound |= {node.name for node in nodes if isinstance(node, ast.ExceptHandler) and node.name}
        bound |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        bound |= {alias.asname or alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        everything = sorted(bound | set(known) | set(dir(builtins)))
        for node in nodes:
            if isinstance(node, ast.Name) and node.id not in everything:
                self._refuse(node, "name", node.id, one_of([n for n in everything if not n.startswith("_")], node.id))

    def call(self, call: ast.Call) -> None:
        """One call of a word, or of what is chained to one."""
        if isinstance(call.func, ast.Name):
            match call.func.id:
                case "command":
                    self._command(call)
                case "telemetry":
                    self._telemetry(call)
                case "contact":
                    self._spacecraft_named(call.args[:1])
                case "wait":
                    self._times(call.args[:1])
                case "contacts_ahead":
                    self._times(call.args[:1])
                    self._spacecraft_named([word.value for word in call.keywords if word.arg == "of"] + call.args[1:2])
        elif isinstance(call.func, ast.Attribute):
            if call.func.attr == "within":
                self._times(call.args[:1])
            elif call.func.attr in _CONDITIONS:
                self._condition(call, call.func)

    def _command(self, call: ast.Call) -> None:
        name = _literal(call.args[0]) if call.args else _NOT_LITERAL
        given = {word.arg: word.value for word in call.keywords if word.arg}
        confirmed = "confirmed" in given and _literal(given.pop("confirmed")) is not False
        self._spacecraft_named([given.pop("to"), *call.args[1:2]] if "to" in given else call.args[1:2])
        if not isinstance(name, str):
            return
        for dictionary in self._meant(call, "to"):
            form = dictionary.telecommand.get(name)
            if form is None:
                known = [telecommand.name for telecommand in dictionary.telecommands]
                self._refuse(call.args[0], "telecommand", repr(name), one_of(known, name))
                continue
            arguments, hazard = {argument.name: argument for argument in form.arguments}, form.hazardous
            if form.carrier is not None and form.carrier.name in given:  # a telecommand within: its arguments too
                inner = dictionary.telecommand.get(str(_literal(given[form.carrier.name])))
                hazard = hazard or (inner is not None and inner.hazardous)
                arguments |= {argument.name: argument for argument in inner.arguments} if inner else {}
                if inner is None:
                    continue
            if hazard and not confirmed:
                self._refuse(call, "telecommand", f"{name}, which is hazardous", CONFIRM)
            for word, value in given.items():
                if word not in arguments:
                    known = list(arguments) or [f"{name} takes none"]
                    self._refuse(value, f"{name}.{word}", "an unknown argument", one_of(known, word))
                    continue
                written = _literal(value)
                if written is not _NOT_LITERAL and verdict(arguments[word], written) is not Code.NONE:
                    self._refuse(value, f"{name}.{word}", shown(written), allowed(arguments[word]))
            open_ended = any(word.arg is None for word in call.keywords)
            for argument in arguments.values():
                if argument.name not in given and argument.default is None and not open_ended:
                    self._refuse(call, f"{name}.{argument.name}", "nothing", allowed(argument))

    def _telemetry(self, call: ast.Call) -> None:
        self._spacecraft_named([word.value for word in call.keywords if word.arg == "of"] + call.args[1:2])
        name = _literal(call.args[0]) if call.args else _NOT_LITERAL
        if isinstance(name, str):
            for dictionary in self._meant(call, "of"):
                if name not in dictionary.parameter:
                    self._refuse(call.args[0], "parameter", repr(name), one_of(dictionary.parameter, name))

    def _condition(self, call: ast.Call, chained: ast.Attribute) -> None:
        root = _root(chained)
        name = _literal(root.args[0]) if root is not None and root.args else _NOT_LITERAL
        if root is None or not isinstance(name, str):
            return
        for dictionary in self._meant(root, "of"):
            form = dictionary.parameter.get(name)
            for node in call.args:
                written = _literal(node)
                if form is None or not isinstance(written, bool | int | float | str):
                    continue
                try:
                    bound_of(form, written)
                except Refused as error:
                    self._refuse(node, name, error.found, error.allowed)

    def _times(self, nodes: Sequence[ast.expr]) -> None:
        for node in nodes:
            written = _literal(node)
            if isinstance(written, int | float | str):
                try:
                    nanoseconds(written)
                except Misuse:
                    self._refuse(node, "time", repr(written), "a time such as '90 s' or '2 h', to 366 d")

    def _spacecraft_named(self, nodes: Sequence[ast.expr]) -> None:
        for node in nodes:
            written = _literal(node)
            if isinstance(written, str) and written not in self._dictionaries:
                self._refuse(node, "spacecraft", repr(written), one_of(self._dictionaries, written))

    def _meant(self, call: ast.Call, keyword: str) -> Iterator[Dictionary]:
        """Dictionaries of the spacecraft that a call means, each once; those of the run if it does not say."""
        node = next((word.value for word in call.keywords if word.arg == keyword), None)
        node = node if node is not None else (call.args[1] if len(call.args) > 1 else None)
        written = _literal(node) if node is not None else None
        whom = [written] if isinstance(written, str) else self._spacecraft
        found = {d.version: d for d in (self._dictionaries.get(one) for one in whom) if d is not None}
        yield from found.values()

    def _refuse(self, node: ast.AST, field: str, found: str, allowed_words: str) -> None:
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        self.mistakes.append(
            Mistake(self._file, self._before + line, self._indent + column + 1, field, found, allowed_words)
        )


def _root(chained: ast.Attribute) -> ast.Call | None:
    """The `telemetry(...)` that a chain of calls begins with."""
    node: ast.expr = chained.value
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        node = node.func.value
    found = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "telemetry"
    return node if found and isinstance(node, ast.Call) else None


def _literal(node: ast.expr) -> object:
    """The value that is written out there, or _NOT_LITERAL."""
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return _NOT_LITERAL
