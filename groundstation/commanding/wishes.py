"""What an operator wishes, in the words of files, command lines and consoles, and its step in plain numbers.

Everything is checked against the dictionaries of whoever flies, before anything is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bus.condition import canonical
from bus.dictionary import Dictionary
from bus.errors import Mistake, Refused, ScenarioError, UnknownNameError, UserError
from bus.telecommand_check import check_telecommand, in_units, is_hazardous
from bus.text.near import nearest
from bus.text.units import parse_duration_ns
from bus.wire.messages import Scalar
from bus.wire.stacks import CommandStep

NOW, AT_CONTACT = "now", "contact"
_LATEST_NS = 366 * 86_400 * 10**9
"""No run is longer, so nothing is released later."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One step as it is written: `to` is an id, several with commas, `all`, `design:NAME`, or a pattern with `*`;
    `release` is `now`, `contact`, or a time since the epoch."""

    to: str
    name: str
    arguments: Mapping[str, Scalar]
    canary: str = ""
    condition: str = ""
    precondition: str = ""
    release: str = NOW

    @property
    def alone(self) -> bool:
        """It waits for nothing but a contact."""
        return not (self.canary or self.condition or self.precondition) and self.release == NOW


class Fleet:
    """Who flies, by id the design, and what each design understands. `orbit_s`: what "orbits" counts, None: nothing."""

    def __init__(
        self, designs: Mapping[str, str], dictionary: Callable[[str], Dictionary], orbit_s: float | None = None
    ) -> None:
        self._designs = designs
        self._dictionary = dictionary
        self._orbit_s = orbit_s

    def of(self, spacecraft: str) -> Dictionary:
        """The dictionary of one."""
        return self._dictionary(self._designs[spacecraft])

    def named(self, written: str) -> tuple[str, ...]:
        """Those that `written` names, each once. Raises UnknownNameError with the nearest names."""
        found: list[str] = []
        for name in parts_of(written):
            if name == "all":
                found += self._designs
            elif name.startswith("design:"):
                wanted = name.partition(":")[2]
                if wanted not in self._designs.values():
                    flying = sorted(set(self._designs.values()))
                    raise UnknownNameError(
                        "design", wanted, nearest(wanted, flying), hint=f"flying: {', '.join(flying)}"
                    )
                found += [one for one, design in self._designs.items() if design == wanted]
            elif name in self._designs:
                found.append(name)
            elif alike := matching(name, self._designs):
                found += alike
            else:
                known = ", ".join(self._designs)
                raise UnknownNameError("spacecraft", name, nearest(name, self._designs), hint=f"flying: {known}")
        return tuple(dict.fromkeys(found))

    def step(self, wish: Wish) -> CommandStep:
        """The step in plain numbers. Raises UnknownNameError, ScenarioError, UserError."""
        group = self.named(wish.to)
        canary = self.named(wish.canary) if wish.canary else ()
        stranger = next((one for one in canary if one not in group), None)
        if stranger is not None:
            raise UserError(f"canary {stranger} is not in the group", hint=f"the group is {', '.join(group)}")
        if wish.condition and not canary:
            raise UserError("a condition without a canary", hint="name who goes first, or use a precondition")
        arguments: dict[str, Scalar] = {}
        for one in group:
            arguments = check_telecommand(
                self.of(one), wish.name, in_units(self.of(one), wish.name, wish.arguments)
            )  # fmt: skip
        not_before_ns = 0
        try:
            if wish.release not in (NOW, AT_CONTACT):
                not_before_ns = parse_duration_ns(wish.release, orbit_s=self._orbit_s)
        except Refused as error:
            raise UserError(f"release: {error}", hint="now, contact, or a time since the epoch such as '2 h'") from None
        if not 0 <= not_before_ns <= _LATEST_NS:
            raise UserError(
                f"release: found {wish.release!r}", hint="now, contact, or a time since the epoch such as '2 h'"
            )
        return CommandStep(
            spacecraft=group, name=wish.name, arguments=arguments, not_before_ns=not_before_ns,
            at_contact=wish.release == AT_CONTACT,
            precondition=self._condition(group, "precondition", wish.precondition),
            canary=canary, condition=self._condition(canary, "condition", wish.condition),
        )  # fmt: skip

    def _condition(self, group: tuple[str, ...], field: str, written: str) -> str:
        if not written:
            return ""
        try:
            found = {canonical(self.of(one), written) for one in group}
        except Refused as error:
            mistake = Mistake("", 0, 0, field, error.found, error.allowed)
            raise ScenarioError([mistake], hint="`skyrack list telemetry` has all parameters") from None
        if len(found) > 1:
            raise UserError(f"condition '{written}' is not the same in all designs", hint="one step for each design")
        return found.pop()

    def hazards(self, steps: Sequence[CommandStep]) -> list[str]:
        """Names of what needs a second word, each once."""
        found = [s.name for s in steps for one in s.spacecraft if is_hazardous(self.of(one), s.name, s.arguments)]
        return list(dict.fromkeys(found))


def matching(pattern: str, known: Iterable[str]) -> list[str]:
    """Those that a pattern with `*` names, such as `star-2-*`, a plane of a constellation."""
    return [one for one in known if fnmatchcase(one, pattern)] if "*" in pattern else []


def parts_of(written: str) -> list[str]:
    """The names in a text with commas."""
    return [part.strip() for part in written.split(",")]
