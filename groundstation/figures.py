"""The ground's totals at a moment, for whoever watches it. Nothing of them decides anything."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from groundstation.alarms.states import Level
from groundstation.alarms.watch import AlarmsState
from groundstation.commanding.records import CommanderState
from groundstation.contacts.antennas import AntennaState
from groundstation.telemetry.intake import Intake
from groundstation.telemetry.retention import Retention


@dataclass(frozen=True, slots=True)
class Figures:
    """telecommands: as the commander counts them; telemetry: the ledger's entries; alarms: those that are not over, by
    (level, state); alarms_raised: ever, by level; contacts: antennas that point at somebody."""

    telecommands: dict[str, int]
    open_telecommands: int
    telemetry: dict[str, float]
    alarms: dict[tuple[str, str], int]
    alarms_raised: dict[str, int]
    contacts: int


def figures(
    commander: CommanderState, intake: Intake, retention: Retention, alarms: AlarmsState, antennas: AntennaState
) -> Figures:
    """Now."""
    standing = Counter((Level(each.level).name.lower(), each.state.lower()) for each in alarms.open.values())
    ledger = {entry: number for entry, number in intake.counters().items() if "." not in entry}
    return Figures(
        telecommands=dict(commander.totals),
        open_telecommands=sum(map(len, commander.under_way.values())),
        telemetry=ledger | {"retired": retention.counters().get("retired", 0.0)},
        alarms=dict(standing),
        alarms_raised=dict(alarms.totals),
        contacts=sum(place >= 0 for place in antennas.serving),
    )
