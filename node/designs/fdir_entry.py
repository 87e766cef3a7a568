"""The form of an entry of `fdir:`, in a design as in a scenario: one monitor that is changed, added or taken out.

What is left out stays as the rules have it. Which readings, monitors and telecommands there are is asked elsewhere.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from bus.errors import Refused
from bus.text.forms import Form, says
from bus.text.leaves import Flag, Plain, choice, quantity, text, whole

MAX_ENTRIES = 256
LONGEST_S = 7 * 86_400.0
_NAME = r"[a-z][a-z0-9_.]{0,63}"
_Name = Annotated[str, text(longest=64, pattern=_NAME, shape="a name such as 'thermal.battery.hot' (a-z, 0-9, _, .)")]
_Span = Annotated[float, quantity("time", 0.01, LONGEST_S, "10 ms to 7 d")]
_Mode = Annotated[str, choice(("LEOP", "NOMINAL", "SAFE", "SURVIVAL"))]
LIMITS = ("below", "above", "expected", "falls", "rises")


class ActionForm(Form):
    """The telecommand that answers."""

    name: Annotated[str, text(longest=64)] = says("of the telecommand")
    arguments: dict[str, Plain] = Field(default_factory=dict, description="as `skyrack list telecommands` has them")


class LadderForm(Form):
    """The row that acts when this one has not helped."""

    to: _Name = says("monitor of the row that acts instead")
    after: Annotated[int, whole(1, 16)] = says("times that this row's event came before", 1)
    within: _Span = says("so long ago at most", 3600.0)


class FdirEntry(Form):
    """One monitor: of the table if the table has its name, else a new one, which needs `reading`, `event`, `of`, or
    another row that escalates to it."""

    monitor: _Name = says("name of the monitor and of its event")
    reading: Annotated[str, text(longest=64)] | None = says("telemetry parameter that it looks at", None)
    event: Annotated[str, text(longest=64)] | None = says("event that it answers, instead of a reading", None)
    below: Plain | None = says("wrong below this, with unit", None)
    above: Plain | None = says("wrong above this, with unit", None)
    expected: Plain | None = says("wrong if it is not this: a number or a label", None)
    falls: Plain | None = says("wrong if it falls by more than this in an interval", None)
    rises: Plain | None = says("wrong if it rises by more than this in an interval", None)
    repetition: Annotated[int, whole(1, 10_000)] | None = says("looks in a row until it counts", None)
    interval: _Span | None = says("between two looks", None)
    severity: Literal["informative", "low", "medium", "high"] | None = says("of the event", None)
    action: ActionForm | None = says("telecommand that the event leads to; null: none", None)
    again: _Span | None = says("until event and action come again while it stays wrong; doubles each time", None)
    at_most: Annotated[int, whole(1, 16)] | None = says("times that they come while it stays wrong", None)
    deadline: _Span | None = says("by when it should be well again, or event `fdir_late` says that it is not", None)
    level: Literal["unit", "subsystem", "system"] | None = says("whom the action is about", None)
    of: tuple[_Name, ...] | None = says("monitors that a functional one combines, two to eight", None)
    at_least: Annotated[int, whole(1, 8)] | None = says("so many of them must be wrong at once", None)
    modes: tuple[_Mode, ...] | None = says("modes in which it looks; all if there are none", None)
    escalate: LadderForm | None = says("the row that acts when this one has not helped; null: none", None)
    masks: tuple[_Name, ...] | None = says("monitors that do not look while the action is given time", None)
    mask: _Span | None = says("so long", None)
    description: Annotated[str, text(longest=200)] | None = says("one line", None)
    enabled: Flag | None = says("false: it waits for `monitoring.enable`", None)
    remove: Flag = says("true: the row is taken out of the table", False)

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        kinds = {
            "delta" if n in ("falls", "rises") else "expected" if n == "expected" else "limit" for n in self.limits
        }
        if len(kinds) > 1:
            raise Refused(" and ".join(self.limits), "below and above, or expected, or falls and rises")
        if self.event is not None and (self.reading is not None or self.limits):
            raise Refused("`event` beside a reading or a limit", "one of them: an event is answered as it comes")
        if self.of is not None and (self.event is not None or self.reading is not None or self.limits):
            raise Refused("`of` beside a reading, an event or a limit", "one of them: monitors have their own limits")
        return self

    @property
    def limits(self) -> tuple[str, ...]:
        """The limits that were written."""
        return tuple(name for name in LIMITS if getattr(self, name) is not None)
