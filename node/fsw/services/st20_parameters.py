"""On-board parameters, service 20: declared once, held in an emulated memory image, kept in non-volatile memory.

The image is the one the rules read in every cycle, so an upset that flips a bit of it really changes what flight
software does until the scrubber compares it with non-volatile memory. No rule is here.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

import numpy as np

from node.devices.nvm import NonVolatileMemory


class ParameterForm(NamedTuple):
    """One on-board parameter. `default` holds until the ground sets another value within [low, high]."""

    name: str
    unit: str
    description: str
    default: float
    low: float
    high: float


# Thresholds of charge: the custom is to shed at 60/50/40/30 % by priority; a battery sized for 60 % discharge reaches
# 40 % in every longest eclipse, so the whole payload goes at 30 %. The other steps are ours [A]. Times in cycles [A].
FORMS: tuple[ParameterForm, ...] = (
    ParameterForm("power.shed_below_soc", "1", "Charge below which the payload is shed", 0.30, 0.0, 1.0),
    ParameterForm("power.restore_above_soc", "1", "Charge above which a shed payload is restored", 0.50, 0.0, 1.0),
    ParameterForm("power.shed_dwell_cycles", "", "Cycles below the threshold before shedding", 5, 1, 3600),
    ParameterForm("power.restore_dwell_cycles", "", "Cycles above the threshold before restoring", 60, 1, 3600),
    ParameterForm("power.safe_below_soc", "1", "Charge below which SAFE is entered", 0.20, 0.0, 1.0),
    ParameterForm("power.survival_below_soc", "1", "Charge below which SURVIVAL is entered", 0.10, 0.0, 1.0),
    ParameterForm("power.good_above_soc", "1", "Charge above which it counts as recovered", 0.25, 0.0, 1.0),
    ParameterForm("payload.save_cycles", "", "Cycles that jobs get for a checkpoint before the payload goes off", 60, 0,
                  3600),
    ParameterForm("mode.safe_after_boots", "", "Unintended boots in a row that lead to SAFE", 3, 2, 100),
    ParameterForm("mode.stable_after_cycles", "", "Cycles after which a boot counts as a good one", 600, 10, 86_400),
    ParameterForm("store.retransmit_cycles", "", "Contact cycles without acknowledgement before repeating", 10, 2, 600),
    ParameterForm("store.report_cycles", "", "Cycles between two store reports in contact", 10, 1, 600),
    ParameterForm("memory.scrub_cycles", "", "Cycles between two comparisons of the memory image", 60, 1, 86_400),
)  # fmt: skip
NAMES = tuple(form.name for form in FORMS)
INDEX = {name: index for index, name in enumerate(NAMES)}
ASCENDING = (
    ("power.shed_below_soc", "power.restore_above_soc"),
    ("power.survival_below_soc", "power.safe_below_soc"),
    ("power.safe_below_soc", "power.good_above_soc"),
)
"""Pairs that must stay in this order, or the rules would swing to and fro."""
_KEY = "parameter."


class Parameters:
    """The memory image. `flip` upsets it, `scrub` repairs it."""

    def __init__(self, nvm: NonVolatileMemory) -> None:
        self._nvm = nvm
        self.image = np.array([self._kept(form) for form in FORMS])
        self.upsets_corrected = 0

    def _kept(self, form: ParameterForm) -> float:
        record = self._nvm.get(_KEY + form.name)
        return float(struct.unpack("<d", record)[0]) if record is not None else form.default

    def value(self, index: int) -> float:
        """The parameter as the image holds it now, upset or not."""
        return self.image.item(index)  # type: ignore[no-any-return]

    def cycles(self, index: int) -> int:
        """A number of cycles; one that an upset made senseless counts as the default."""
        value = self.image.item(index)
        form = FORMS[index]
        return int(value) if form.low <= value <= form.high else int(form.default)

    def set(self, index: int, value: float) -> str:
        """Set and keep a parameter. The reason why not, if it is outside its limits or would cross another one."""
        form = FORMS[index]
        if not form.low <= value <= form.high:
            return f"{form.name} {value} is outside {form.low} ... {form.high} {form.unit}"
        for lower, upper in ASCENDING:
            pair = {name: self._kept(FORMS[INDEX[name]]) for name in (lower, upper)}
            if form.name in pair:
                pair[form.name] = value
                if not pair[lower] < pair[upper]:
                    return f"{lower} {pair[lower]} must be below {upper} {pair[upper]}"
        self._nvm.put(_KEY + form.name, struct.pack("<d", value))
        self.image[index] = value
        return ""

    def flip(self, word: int, bit: int) -> None:
        """An upset: one bit of one 64-bit word of the image."""
        self.image.view(np.uint64)[word % len(FORMS)] ^= np.uint64(1 << (bit % 64))

    def scrub(self) -> list[int]:
        """Compare the image with non-volatile memory, correct it, and say which words were wrong."""
        kept = np.array([self._kept(form) for form in FORMS])
        wrong = np.flatnonzero(self.image.view(np.uint64) != kept.view(np.uint64))
        self.image[:] = kept
        self.upsets_corrected += len(wrong)
        return [int(word) for word in wrong]
