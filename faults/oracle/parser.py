"""Reads one sentence of the expectation language; says where it stopped understanding and what would be allowed.

    sentence   := ("always" | "eventually" | "never") [window] condition
                | "within" time "of" trigger ":" condition
                | condition "until" [window] condition
    window     := "[" time "," time "]"
    trigger    := fault-id | occurrence
    occurrence := "event" spacecraft "." event | "telecommand" spacecraft "." name [stage] | "alarm" spacecraft "." name
    condition  := conjunction ("or" conjunction)*
    conjunction:= negation ("and" negation)*
    negation   := "not" negation | "(" condition ")" | occurrence | operand (comparator operand)+
    operand    := spacecraft "." signal | number [unit] | label
    comparator := "<" | "<=" | ">" | ">=" | "==" | "!="

A number is converted to the unit that ends the signal's name. Recursive descent, no I/O, no numpy.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn, cast

from bus.errors import Refused
from bus.text.units import dimension_of_name
from bus.text.units import parse as parse_quantity
from faults.oracle.expectation import (
    TELECOMMAND_STAGES,
    AlarmTrigger,
    All,
    Any,
    Comparator,
    Comparison,
    Condition,
    EventTrigger,
    Expectation,
    FaultTrigger,
    Names,
    Not,
    Number,
    Occurs,
    Operand,
    Signal,
    TelecommandTrigger,
    Trigger,
)
from faults.oracle.lexer import Token, by_nearness, one_of, refuse, tokens_of

MAX_DEPTH = 32
OPERATORS = ("always", "eventually", "never", "within")
COMPARATORS = ("<=", ">=", "==", "!=", "<", ">")
KEYWORDS = {"and", "or", "not", "of", "until", *OPERATORS}
OCCURRENCES = ("event", "telecommand", "alarm")


@dataclass(frozen=True, slots=True)
class _Written:
    """An operand before both sides are known: a signal, a number with its unit as written, or a label."""

    signal: Signal | None
    unit: str
    label: str
    token: Token


def parse(text: str, names: Names) -> Expectation:
    """The sentence as a tree. Raises ScenarioError with one Mistake whose column counts from 1 within `text`."""
    return _Parser(text, names).sentence()


def parse_condition(text: str, names: Names) -> Condition:
    """A condition alone, as it may stand in a sentence. Raises as `parse`."""
    parser = _Parser(text, names)
    condition = parser.condition()
    parser.end()
    return condition


_BARE = frozenset({"dose rate", "flux", "irradiance"})
"""Dimensions whose numbers may stand without their only unit."""


class _Parser:
    def __init__(self, text: str, names: Names) -> None:
        self.text = text
        self.names = names
        self.at = 0
        self.depth = 0
        self.tokens = tokens_of(text)

    # -- helpers

    @property
    def token(self) -> Token:
        return self.tokens[self.at]

    def refuse(self, token: Token, allowed: str, found: str = "") -> NoReturn:
        refuse(self.text, token, allowed, found)

    def unknown(self, token: Token, what: str, name: str, known: Collection[str]) -> NoReturn:
        self.refuse(token, one_of(name, known), f"{what} '{name}'")

    def take(self, *texts: str) -> Token | None:
        token = self.token
        if token.kind != "end" and token.text in texts:
            self.at += 1
            return token
        return None

    def need(self, *texts: str) -> Token:
        token = self.take(*texts)
        if token is None:
            self.refuse(self.token, " or ".join(f"'{text}'" for text in texts))
        return token

    # -- sentence

    def sentence(self) -> Expectation:
        if self.token.text not in OPERATORS and (
            self.occurs() or self.token.text in ("not", "(") or "." in self.token.text
        ):
            return self.until()
        operator = self.need(*OPERATORS).text
        if operator == "within":
            deadline_s = self.time()
            self.need("of")
            trigger = self.trigger()
            self.need(":")
            expectation = Expectation(self.text, "within", self.condition(), deadline_s=deadline_s, trigger=trigger)
        else:
            window_s = self.window() if self.take("[") else None
            condition = self.condition() if operator != "never" else Not(self.condition())
            expectation = Expectation(
                self.text, "eventually" if operator == "eventually" else "always", condition, window_s
            )
        self.end()
        return expectation

    def end(self) -> None:
        if self.token.kind != "end":
            self.refuse(self.token, "'and', 'or' or the end")

    def until(self) -> Expectation:
        meanwhile = self.condition()
        self.need("until")
        window_s = self.window() if self.take("[") else None
        condition = self.condition()
        self.end()
        return Expectation(self.text, "until", condition, window_s, meanwhile=meanwhile)

    def occurs(self) -> bool:
        following = self.tokens[min(self.at + 1, len(self.tokens) - 1)]
        return self.token.text in OCCURRENCES and following.kind == "word"

    def time(self) -> float:
        token = self.token
        if token.kind != "number":
            self.refuse(token, "a time such as 120 s or 10 min")
        self.at += 1
        unit = self.unit()
        if not unit and float(token.text) != 0.0:
            self.refuse(self.token, "a unit of time (s, min, h, d)")
        try:
            seconds = parse_quantity(f"{token.text} {unit or 's'}", "time")
        except Refused as mistake:
            self.refuse(token, mistake.allowed, mistake.found)
        if not 0.0 <= seconds < 1e10:
            self.refuse(token, "a time from 0 on")
        return seconds

    def unit(self) -> str:
        token = self.token
        if token.kind == "word" and token.text not in KEYWORDS:
            self.at += 1
            return token.text
        return ""

    def window(self) -> tuple[float, float]:
        start_s = self.time()
        self.need(",")
        token = self.token
        end_s = self.time()
        self.need("]")
        if end_s < start_s:
            self.refuse(token, f"an end at or after the start ({start_s:g} s)")
        return start_s, end_s

    def trigger(self) -> Trigger:
        token = self.token
        if token.kind != "word":
            self.refuse(token, "a fault's id, 'event spacecraft.name' or 'telecommand spacecraft.name'")
        self.at += 1
        following = self.token
        if token.text == "event" and following.kind == "word":
            spacecraft, name = self.dotted("event", self.names.events)
            return EventTrigger(spacecraft, name)
        if token.text == "telecommand" and following.kind == "word":
            spacecraft, name = self.dotted("telecommand", self.names.telecommands)
            stage = self.take(*TELECOMMAND_STAGES)
            if stage is None and self.token.text != ":":
                self.refuse(self.token, f"{', '.join(TELECOMMAND_STAGES)} or ':'")
            return TelecommandTrigger(spacecraft, name, stage.text if stage else "completed")
        if token.text == "alarm" and following.kind == "word":
            spacecraft, name = self.dotted("alarm", self.names.alarms)
            return AlarmTrigger(spacecraft, name)
        if self.names.faults is not None and token.text not in self.names.faults:
            self.unknown(token, "fault", token.text, self.names.faults)
        return FaultTrigger(token.text)

    def dotted(self, what: str, known: object) -> tuple[str, str]:
        token = self.token
        self.at += 1
        spacecraft, dot, name = token.text.partition(".")
        if spacecraft not in self.names.signals:
            self.unknown(token, "spacecraft", spacecraft, self.names.signals)
        if not dot:
            self.refuse(token, f"{spacecraft}.<{what}>")
        allowed = cast(dict[str, Collection[str]], known).get(spacecraft)
        if allowed is not None and name not in allowed:
            self.unknown(token, what, name, allowed)
        return spacecraft, name

    # -- condition

    def condition(self) -> Condition:
        operands = [self.conjunction()]
        while self.take("or"):
            operands.append(self.conjunction())
        return operands[0] if len(operands) == 1 else Any(tuple(operands))

    def conjunction(self) -> Condition:
        operands = [self.negation()]
        while self.take("and"):
            operands.append(self.negation())
        return operands[0] if len(operands) == 1 else All(tuple(operands))

    def negation(self) -> Condition:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.refuse(self.token, f"at most {MAX_DEPTH} levels of 'not' and brackets")
        try:
            if self.take("not"):
                return Not(self.negation())
            if self.take("("):
                inner = self.condition()
                self.need(")")
                return inner
            return Occurs(self.trigger()) if self.occurs() else self.comparison()
        finally:
            self.depth -= 1

    def comparison(self) -> Condition:
        left = self.operand()
        parts: list[Condition] = []
        while not parts or self.token.kind == "comparator":
            comparator = self.need(*COMPARATORS)
            right = self.operand()
            parts.append(self.compare(left, comparator, right))
            left = right
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def operand(self) -> _Written:
        token = self.token
        if token.kind == "number":
            self.at += 1
            return _Written(None, self.unit(), "", token)
        if token.kind != "word" or token.text in KEYWORDS:
            self.refuse(token, "spacecraft.signal, a number with its unit, or a label such as SAFE")
        spacecraft, dot, name = token.text.partition(".")
        own = self.names.signals.get(self.names.own)
        if own is not None and (not dot or spacecraft not in self.names.signals) and token.text in own:
            spacecraft, dot, name = self.names.own, ".", token.text
        if not dot:
            self.at += 1
            return _Written(None, "", token.text, token)
        self.at += 1
        if spacecraft not in self.names.signals:
            self.unknown(token, "spacecraft", spacecraft, self.names.signals)
        known = self.names.signals[spacecraft]
        if known is not None and name not in known:
            self.unknown(token, f"signal of {spacecraft}", name, known)
        return _Written(Signal(spacecraft, name), "", "", token)

    def compare(self, left: _Written, comparator: Token, right: _Written) -> Comparison:
        reference = left.signal or right.signal
        if reference is None and self.names.own:
            known = self.names.signals.get(self.names.own) or ()
            self.unknown(left.token, f"signal of {self.names.own}", left.token.text, known)
        if reference is None:
            self.refuse(left.token, "a spacecraft.signal on at least one side of a comparison")
        sides = (self.value(left, reference), self.value(right, reference))
        return Comparison(sides[0], cast(Comparator, comparator.text), sides[1])

    def value(self, written: _Written, reference: Signal) -> Operand:
        dimension = dimension_of_name(reference.name)
        if written.signal is not None:
            if dimension_of_name(written.signal.name) != dimension:
                self.refuse(written.token, f"a {dimension}, as {reference}")
            return written.signal
        if written.label:
            labels = self.names.labels.get(reference.name.partition("[")[0], ())
            if written.label in labels:
                return Number(float(labels.index(written.label)))
            if written.label in ("true", "false"):
                return Number(float(written.label == "true"))
            if labels:
                self.refuse(written.token, ", ".join(by_nearness(written.label, labels)), f"label '{written.label}'")
            self.refuse(written.token, f"spacecraft.signal, or a {dimension} for {reference}")
        if not written.unit and dimension in _BARE:
            return Number(float(written.token.text))
        try:
            number = parse_quantity(f"{written.token.text} {written.unit}".strip(), dimension)
        except Refused as mistake:
            self.refuse(written.token, f"{mistake.allowed} for {reference}", mistake.found)
        if dimension == "fraction" and not written.unit and not 0.0 <= number <= 1.0:
            self.refuse(written.token, f"0 to 1 for {reference}, or percent: {written.token.text} %")
        return Number(number)
