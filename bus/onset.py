"""When a fault begins and ends where no plain time says it: the law, as it travels with an injection.

A condition is text in reverse Polish notation over true quantities: "battery_soc 0.4 < mode 2 == and". Values are in
SI, labels are their positions. What is not a number is neither true nor false. No state here, no draws.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields

from bus.errors import Refused
from bus.wire.messages import Scalar

LONGEST = 256
"""Characters of a condition, which travels as one value of a message."""
MOST_STRIKES = 10_000
"""Times that one entry may strike in a run; whoever wants more wants a fault that stays."""
_TO = "to."
_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq, "!=": operator.ne,
}  # fmt: skip

Reader = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Law:
    """How an injection begins and ends. Zero and empty: it has no such rule.

    when: it strikes as this comes true; `edge`: only where it was seen false before. rate_per_s: it strikes at random,
    with this mean rate; `drive` names a true quantity that the rate is multiplied with (rate_per_s then counts per unit
    of it). each: every spacecraft draws by itself. times: so often at most. While there is one of these two, the
    injection's window is when it may begin, and length_ns how long each strike lasts (0: until it is cleared).
    delay_ns: from the condition to the onset. clear: it ends when this is true. on_ns, off_ns: it comes and goes;
    drawn: with exponential lengths of these means. to: parameters at the end of a ramp of ramp_ns, in steps of step_ns.
    """

    when: str = ""
    edge: bool = False
    rate_per_s: float = 0.0
    drive: str = ""
    each: bool = False
    times: int = 0
    length_ns: int = 0
    delay_ns: int = 0
    clear: str = ""
    on_ns: int = 0
    off_ns: int = 0
    drawn: bool = False
    ramp_ns: int = 0
    step_ns: int = 0
    to: Mapping[str, float] = field(default_factory=dict)

    @property
    def waits(self) -> bool:
        """Its onset is no time that is known before."""
        return bool(self.when) or self.rate_per_s > 0.0

    def as_map(self) -> dict[str, Scalar]:
        """As it travels: what is not as usual."""
        found: dict[str, Scalar] = {}
        for each in fields(self)[:-1]:
            value = getattr(self, each.name)
            if value != each.default:
                found[each.name] = value
        return found | {f"{_TO}{name}": value for name, value in sorted(self.to.items())}

    @classmethod
    def of(cls, found: Mapping[str, Scalar]) -> Law:
        """What `as_map` gave. Raises Refused where it cannot be."""
        known = {each.name: type(each.default) for each in fields(cls)[:-1]}
        given: dict[str, Scalar] = {}
        to: dict[str, float] = {}
        for name, value in found.items():
            kind = float if name.startswith(_TO) else known.get(name)
            if kind is float and isinstance(value, int) and not isinstance(value, bool):
                value = float(value)  # noqa: PLW2901 - msgpack keeps whole floats, other senders may not
            if kind is None or type(value) is not kind or (not isinstance(value, str) and value < 0 and kind is int):
                raise Refused(f"the law's {name} {value!r}", f"one of {', '.join([*known, _TO + 'PARAMETER'])}")
            if name.startswith(_TO):
                to[name.removeprefix(_TO)] = float(value)
            else:
                given[name] = value
        law = cls(**given, to=to)  # type: ignore[arg-type] # kinds were compared above
        if law.rate_per_s < 0.0 or law.times > MOST_STRIKES:
            raise Refused("a law of onset", f"a rate from 0 on, at most {MOST_STRIKES} strikes")
        if bool(law.on_ns) != bool(law.off_ns) or bool(law.ramp_ns) != bool(law.to):
            raise Refused("a law of onset", "on_ns with off_ns, ramp_ns with parameters to end at")
        return law


def compiled(condition: str, reader: Callable[[str], Reader]) -> Callable[[], bool | None]:
    """The condition as a function that says whether it is true now; None where that is not known.

    `reader` gives what reads a quantity. Raises Refused for what is no condition; what `reader` raises for a name.
    """
    program: list[float | str | Reader] = []
    depth = 0
    for word in condition.split():
        if word in _COMPARISONS or word in ("and", "or"):
            depth -= 1
            program.append(word)
        elif word == "not":
            program.append(word)
        else:
            depth += 1
            program.append(_operand(word, reader))
        if depth < 1:
            raise Refused(f"the condition {condition[:80]!r}", "operands before what joins them")
    if depth != 1 or len(condition) > LONGEST:
        raise Refused(f"the condition {condition[:80]!r}", f"one condition of at most {LONGEST} characters")

    def judge() -> bool | None:
        stack: list[float | bool | None] = []
        for step in program:
            if isinstance(step, float):
                stack.append(step)
            elif not isinstance(step, str):
                stack.append(step())
            elif step == "not":
                top = stack.pop()
                stack.append(None if top is None else not top)
            else:
                right, left = stack.pop(), stack.pop()
                stack.append(_joined(left, step, right))
        top = stack.pop()
        return None if top is None else bool(top)

    return judge


def names_in(condition: str) -> tuple[str, ...]:
    """The quantities that a condition reads, in their order."""
    words = [w for w in condition.split() if w not in _COMPARISONS and w not in ("and", "or", "not")]
    return tuple(dict.fromkeys(word for word in words if not _is_number(word)))


def _operand(word: str, reader: Callable[[str], Reader]) -> float | Reader:
    return float(word) if _is_number(word) else reader(word)


def _is_number(word: str) -> bool:
    return word[0] in "+-.0123456789"


def _joined(left: float | None, word: str, right: float | None) -> bool | None:
    """Kleene's logic of three values (Kleene 1952, "Introduction to Metamathematics", section 64)."""
    if word == "and":
        if left is False or right is False:
            return False
        return None if left is None or right is None else True
    if word == "or":
        if left is True or right is True:
            return True
        return None if left is None or right is None else False
    if left is None or right is None or left != left or right != right:  # noqa: PLR0124 - not a number
        return None
    return _COMPARISONS[word](left, right)
