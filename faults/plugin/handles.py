"""One spacecraft and one fault of a run in one's hands: what is known, what is true, waiting for what comes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bus.errors import UnknownNameError
from bus.pus import PACKETS_MADE, Service
from bus.text.near import nearest
from bus.wire.messages import InjectionState, Scalar
from faults.plugin.heard import Command, Marks, Report, Sample
from groundstation.commanding.wishes import Wish

if TYPE_CHECKING:
    from faults.plugin.emulation import Emulation


@dataclass(frozen=True, slots=True)
class Fault:
    """An injection that was asked for."""

    run: Emulation
    target: str
    id: str
    parts: tuple[str, ...]
    marks: Mapping[str, Marks]

    @property
    def active(self) -> bool:
        """The target said that all of it acts, and not yet that it ended."""
        reports = [self.run.state_of(part) for part in self.parts]
        return all(report is not None and report.state == InjectionState.ACTIVE for report in reports)

    @property
    def refused(self) -> str:
        """Why the target will not, empty if it did not say so."""
        reports = [self.run.state_of(part) for part in self.parts]
        return next((r.reason for r in reports if r is not None and r.state == InjectionState.REFUSED), "")

    async def acts(self, within: str | float = 60.0) -> None:
        """Fly until the target says that it acts. AssertionError where it refuses."""
        await self.run.until(lambda: self.active or self.refused, within, f"{self.id} on {self.target}")
        assert not self.refused, f"{self.target} refuses {self.id}: {self.refused}"

    def clear(self) -> None:
        """End it from the next tick on."""
        self.run.end(self.target, self.parts)


@dataclass(frozen=True, slots=True)
class Spacecraft:
    """One spacecraft as the ground knows it, and, apart from that, its truth."""

    run: Emulation
    id: str

    def latest(self, parameter: str) -> Sample | None:
        """What the ground received last, however old; None for nothing. UnknownNameError for no such parameter."""
        known = self.run.dictionary(self.id).parameter
        if parameter not in known:
            hint = "`skyrack list telemetry` has all of them"
            raise UnknownNameError("telemetered parameter", parameter, nearest(parameter, known), hint=hint)
        samples = self.run.heard[self.id].telemetry.get(parameter)
        return samples[-1] if samples else None

    async def telemetry(
        self, parameter: str, condition: Callable[[float], bool] | None = None, *, within: str | float,
        since: Fault | None = None,
    ) -> Sample:  # fmt: skip
        """Fly until a sample comes that was made after now and fulfils the condition, if there is one. A stale sample
        never does: what was measured before this was asked for, and received later, does not count. `since`: nor does
        what was measured before this fault was asked for."""
        self.latest(parameter)
        first = self.marks(since)[Service.HOUSEKEEPING]
        heard = self.run.heard[self.id].telemetry

        def fresh() -> Sample | None:
            return next(
                (
                    sample
                    for sample in reversed(heard.get(parameter, ()))
                    if sample.number >= first and (condition is None or condition(sample.value))
                ),
                None,
            )

        found: Sample = await self.run.until(fresh, within, f"telemetry {self.id}.{parameter}")
        return found

    async def event(self, name: str, *, within: str | float, since: Fault | None = None) -> Report:
        """Fly until a report of this event comes that was made after now, or since a fault was asked for."""
        known = {form.name: None for form in self.run.dictionary(self.id).events}
        if name not in known:
            raise UnknownNameError("event", name, nearest(name, known), hint="`skyrack list events` has all of them")
        first = self.marks(since)[Service.EVENT]
        events = self.run.heard[self.id].events

        def came() -> Report | None:
            return next((one for one in events if one.name == name and one.number >= first), None)

        found: Report = await self.run.until(came, within, f"event {self.id}.{name}")
        return found

    def truth(self, signal: str) -> float:
        """A true quantity at the end of the last tick, NaN where it was not sampled. UnknownNameError for one that the
        scenario does not record."""
        known = self.run.scenario.truth_signals[self.id]
        if signal not in known:
            hint = "what is not recorded by itself, `record:` in the scenario adds"
            raise UnknownNameError("truth signal", signal, nearest(signal, known), hint=hint)
        return self.run.heard[self.id].truth.get(signal, math.nan)

    async def command(
        self, name: str, *, within: str | float | None = None, confirm: bool = False, **arguments: Scalar
    ) -> Command:  # fmt: skip
        """Ask for a telecommand; with `within`, fly until it is in a state that it never leaves."""
        command = self.run.ask(Wish(self.id, name, arguments), confirm=confirm)[0]
        if within is not None:
            await self.run.until(lambda: command.done, within, f"telecommand {self.id}.{name}")
        return command

    def inject(self, fault: str, *, duration: str | float | None = None, **parameters: Scalar) -> Fault:
        """As `Emulation.inject`."""
        return self.run.inject(self.id, fault, duration=duration, **parameters)

    def marks(self, since: Fault | None = None) -> Marks:
        """Which packets come next, now or when a fault was asked for. Nothing is known while the computer is down:
        then every packet that still comes counts."""
        if since is not None:
            return since.marks[self.id]
        truth = self.run.heard[self.id].truth
        found = {}
        for service in (Service.HOUSEKEEPING, Service.EVENT):
            boot, count = truth.get("boot_count", 0.0), truth.get(PACKETS_MADE[service], 0.0)
            found[service] = (0, 0) if math.isnan(boot) or math.isnan(count) else (int(boot), int(count))
        return found
