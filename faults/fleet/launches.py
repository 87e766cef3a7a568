"""The `launches:` of a constellation: vehicle, cadence, commissioning, failures, spares, replacement, end of life.

Every figure that somebody else must have said stands with its source. Reads and checks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Self

from pydantic import Field, model_validator

from bus.constants import DAY_S, JULIAN_YEAR_S
from bus.errors import Refused
from bus.text.forms import Form
from bus.text.leaves import Flag, Text, quantity, text
from bus.text.reader import Item

MOST_YEARS = 50.0
_SHARE = quantity("fraction", 0.0, 1.0, "0 to 100 %")
_TIME = quantity("s", 0.0, MOST_YEARS * JULIAN_YEAR_S, f"0 s to {MOST_YEARS:g} years")
Share = Annotated[float, _SHARE]
Length = Annotated[float, _TIME]
Span = Annotated[float, quantity("s", DAY_S, MOST_YEARS * JULIAN_YEAR_S, f"1 d to {MOST_YEARS:g} years")]
INFANT_WITHIN = 0.95
"""Of those that fail early, so many do within the time that is given."""


class VehicleForm(Form):
    """What lifts: payload to the constellation's orbits, time between two launches, share of launches that fail."""

    name: Text
    payload: Annotated[float, quantity("mass", 1.0, 1e7, "1 kg to 10,000 t")]
    every: Annotated[float, quantity("s", 60.0, JULIAN_YEAR_S, "1 min to 1 year")]
    failures: Share = 0.0
    most_spacecraft: Annotated[int, Field(ge=1, le=100_000)] | None = None
    source: Annotated[str, text(longest=500)]


class InfantForm(Form):
    """Failures of youth: a share of all spacecraft, 95 % of them within a time."""

    share: Share
    within: Annotated[float, quantity("s", DAY_S, 10.0 * JULIAN_YEAR_S, "1 d to 10 years")]


class WearForm(Form):
    """Wear-out by Weibull's law: `life` is its scale, by which 63 % have failed; `shape` above 1 for what wears."""

    life: Annotated[float, quantity("s", DAY_S, 100.0 * JULIAN_YEAR_S, "1 d to 100 years")]
    shape: Annotated[float, quantity("number", 1.0, 50.0)]


class FailureForm(Form):
    """What a spacecraft dies of. `random`: share of those alive that fail in a year."""

    infant: InfantForm | None = None
    random: Annotated[float, quantity("fraction", 0.0, 0.9, "0 to 90 % a year")] = 0.0
    wear_out: WearForm | None = None
    source: Annotated[str, text(longest=500)]


class RetireForm(Form):
    """End of life: the age, from launch, at which a spacecraft that works is de-orbited."""

    age: Span


class LaunchesForm(Form):
    """How the constellation is filled and kept."""

    vehicle: VehicleForm
    span: Span
    commissioning: Length
    failures: FailureForm
    spares: Share = 0.0
    replace: Flag = True
    retire: RetireForm | None = None

    @model_validator(mode="after")
    def _lives(self) -> Self:
        if self.retire is not None and self.retire.age <= self.commissioning:
            raise Refused("an end of life before commissioning is over", "an age above the commissioning time")
        return self


@dataclass(frozen=True, slots=True)
class Lives:
    """How long spacecraft live, as hazards; infinite where there is none. Times in seconds from launch."""

    infant_share: float
    infant_mean_s: float
    random_rate_s: float
    wear_life_s: float
    wear_shape: float
    retire_s: float

    def surviving(self, age_s: float) -> float:
        """The share that is alive and not retired at an age."""
        if age_s >= self.retire_s:
            return 0.0
        young = 1.0 - self.infant_share * (1.0 - math.exp(-age_s / self.infant_mean_s))
        worn = math.exp(-((age_s / self.wear_life_s) ** self.wear_shape)) if math.isfinite(self.wear_life_s) else 1.0
        return young * math.exp(-self.random_rate_s * age_s) * worn

    def mean_s(self, after_s: float, most_s: float) -> float:
        """Expected time in service of one that is launched: alive from `after_s` on; of a long life only `most_s`."""
        steps = 2000
        width = (most_s - after_s) / steps
        return width * sum(self.surviving(after_s + (k + 0.5) * width) for k in range(steps)) if width > 0.0 else 0.0


def lives(form: LaunchesForm) -> Lives:
    """The hazards of a form."""
    infant, wear, retire = form.failures.infant, form.failures.wear_out, form.retire
    return Lives(
        infant_share=infant.share if infant else 0.0,
        infant_mean_s=infant.within / -math.log(1.0 - INFANT_WITHIN) if infant else math.inf,
        random_rate_s=-math.log(1.0 - form.failures.random) / JULIAN_YEAR_S,
        wear_life_s=wear.life if wear else math.inf,
        wear_shape=wear.shape if wear else 1.0,
        retire_s=retire.age if retire else math.inf,
    )


def per_launch(form: LaunchesForm, mass_kg: float) -> int:
    """How many spacecraft of a mass one launch carries."""
    lifted = int(form.vehicle.payload // mass_kg)
    return lifted if form.vehicle.most_spacecraft is None else min(lifted, form.vehicle.most_spacecraft)


def read_launches(item: Item, shells: Sequence[tuple[str, float, int]]) -> LaunchesForm | None:
    """The manifest, or None after a mistake. shells: id, mass of one spacecraft and number of each.

    A vehicle that cannot lift one of them, and a manifest that can never fill the constellation, are mistakes.
    """
    form: LaunchesForm | None = item.read(LaunchesForm)
    if form is None:
        return None
    for name, mass_kg, _ in shells:
        if per_launch(form, mass_kg) < 1:
            item.below("vehicle.payload").refuse(
                f"{form.vehicle.payload:,.0f} kg to orbit",
                f"at least {mass_kg:,.0f} kg, one spacecraft of shell {name}",
            )
            return None
    reached = most_in_service(form, shells)
    wanted = sum(count for _, _, count in shells)
    if reached < wanted:
        item.below("vehicle.every").refuse(
            f"launches that keep at most {reached:,.0f} spacecraft in service within {form.span / JULIAN_YEAR_S:.3g} "
            "years",
            f"{wanted:,}, the constellation: launch more often, or more at a time, or for longer",
        )
        return None
    return form


def most_in_service(form: LaunchesForm, shells: Sequence[tuple[str, float, int]]) -> float:
    """Expected spacecraft in service at the end of the span if every launch is flown full.

    Without replacement only as many as the constellation and its spares have are ever launched.
    """
    total = sum(count for _, _, count in shells)
    launches = sum(count / per_launch(form, mass_kg) for _, mass_kg, count in shells)
    each = total / launches
    rate_s = each * (1.0 - form.vehicle.failures) / form.vehicle.every
    if not form.replace:
        arriving = rate_s * max(0.0, form.span - form.commissioning)
        return min(arriving, total * (1.0 + form.spares))
    return rate_s * lives(form).mean_s(form.commissioning, form.span)
