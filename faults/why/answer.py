"""One question answered: the recording, the other lives of the run, the FDIR table that flew."""

from __future__ import annotations

from collections.abc import Callable

from bus.text.times import clock
from faults.recording.recording import Recording
from faults.run_directory import RunDirectory
from faults.why.chain import Board, Why, explain
from faults.why.lives import Lives, lives_of
from node.assembly import equipment
from node.designs.load import load_design
from node.devices.definitions import device_forms


def board_of(design: str) -> Board:
    """The FDIR table of a design, and which device measures each reading."""
    parts = equipment(load_design(design))
    sensors = {channel.name: form.name for form in device_forms(parts) for channel in form.channels}
    return Board(parts.fdir, sensors)


def from_recording(recording: Recording, spacecraft: str, at_s: float, *, operator: bool = False) -> Why:
    """Why it is where it is, as far as the recording alone can say: nothing is flown again. The designs of the scenario
    have been adopted."""
    design = next(each.design for each in recording.scenario.spacecraft if each.id == spacecraft)
    lives = Lives(recording, trouble="nothing was flown again")
    return _noted(explain(lives, spacecraft, at_s, board_of(design), operator=operator), recording)


def answer(
    directory: RunDirectory, recording: Recording, spacecraft: str, at_s: float,
    *, operator: bool, fly: bool, told: Callable[[str], None],
) -> Why:  # fmt: skip
    """Why it is where it is at that time. `fly` False: from the recording alone."""
    if not fly:
        return from_recording(recording, spacecraft, at_s, operator=operator)
    design = next(each.design for each in recording.scenario.spacecraft if each.id == spacecraft)
    ids = {fault.id: fault.at_s for fault in recording.scenario.faults if fault.target == spacecraft}
    acted = [name for name, onset_s in sorted(ids.items(), key=lambda one: one[1]) if onset_s <= at_s]
    lives = lives_of(directory, recording, at_s, [] if operator else acted, told)
    return _noted(explain(lives, spacecraft, at_s, board_of(design), operator=operator), recording)


def _noted(found: Why, recording: Recording) -> Why:
    """With what the recording lacks."""
    if not recording.complete:
        why = recording.damage or "the run did not end in order"
        found.notes.append(f"the recording goes up to {clock(recording.end_s)} only: {why}")
    return found
