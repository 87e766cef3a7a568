"""Hand-made scenarios, dictionaries and mail for the tests of the ground."""

from __future__ import annotations

import math
from dataclasses import replace

from bus.dictionary import Argument, Dictionary, EventForm, OnBoardParameter, Parameter, Structure, TelecommandForm
from bus.participant import Moment, Outbox
from bus.scenario.model import KeplerOrbit, Station, TimelineEntry
from bus.wire.messages import Body, Event, Message, StoreReport, Telemetry, Verification
from groundstation.config import CommandRules, ContactRules, GroundConfig, SpacecraftPlan
from groundstation.ground import Ground

SECOND_NS = 1_000_000_000
PARAMETERS = ("battery_soc", "main_bus_voltage_v", "radiator_temperature_k")

DICTIONARY = Dictionary(
    design="test",
    parameters=tuple(Parameter(name=name, unit="", type="float", description=name) for name in PARAMETERS),
    structures=(
        Structure(id=1, name="power", parameters=PARAMETERS[:2], interval_s=1.0),
        Structure(id=2, name="thermal", parameters=PARAMETERS[2:], interval_s=10.0),
    ),
    events=(
        EventForm(
            id=7,
            name="payload_shed",
            severity=3,
            arguments=(Argument(name="battery_soc", unit="1", type="float", description="charge"),),
            description="shed",
        ),
    ),
    telecommands=(
        TelecommandForm(name="test.ping", service=17, subtype=1, description="alive?"),
        TelecommandForm(
            name="thermal.pump",
            service=2,
            subtype=3,
            description="pump",
            arguments=(Argument(name="speed_fraction", unit="", type="float", description="share", low=0.0, high=1.0),),
        ),
        TelecommandForm(
            name="parameter.get",
            service=20,
            subtype=1,
            description="report a parameter",
            arguments=(
                Argument(name="parameter", unit="", type="enum", description="which", labels=("power.shed_below_soc",)),
            ),
        ),
        TelecommandForm(
            name="mode.set",
            service=8,
            subtype=1,
            description="mode",
            arguments=(
                Argument(name="mode", unit="", type="enum", description="mode", labels=("NOMINAL", "SAFE")),
                Argument(name="cycles", unit="", type="int", description="count", low=1, high=9, default=3),
                Argument(name="force", unit="", type="bool", description="force", default=False),
            ),
        ),
    ),
    on_board_parameters=(
        OnBoardParameter(
            name="power.shed_below_soc", unit="1", description="shed below", default=0.4, low=0.0, high=1.0
        ),
    ),
    codes={0: "no failure", 6: "arrived after its expiry", 8: "interrupted by a reset"},
)

POLE = Station(
    id="pole", latitude_rad=math.pi / 2, longitude_rad=0.0, altitude_m=0.0, mask_rad=math.radians(5.0),
    bands=("S",), source="test",
)  # fmt: skip
EQUATOR = Station(
    id="equator", latitude_rad=0.0, longitude_rad=0.3, altitude_m=0.0, mask_rad=math.radians(5.0), bands=("X", "S"),
    source="test",
)  # fmt: skip


def circular(altitude_m: float, inclination_rad: float, raan_rad: float = 0.0, phase_rad: float = 0.0) -> KeplerOrbit:
    return KeplerOrbit(
        semi_major_axis_m=6378137.0 + altitude_m, eccentricity=0.0, inclination_rad=inclination_rad,
        raan_rad=raan_rad, argument_of_perigee_rad=0.0, mean_anomaly_rad=phase_rad,
    )  # fmt: skip


OVER_THE_POLE = circular(650e3, math.pi / 2, 0.0, math.radians(75.0))
"""In view of the pole from the epoch on, for nearly ten minutes, and again from 5778 s to 6454 s."""


def config(
    spacecraft: int = 1, timeline: tuple[TimelineEntry, ...] = (), command: CommandRules | None = None,
    stations: tuple[Station, ...] = (POLE,), contact: ContactRules | None = None,
) -> GroundConfig:  # fmt: skip
    plans = tuple(
        SpacecraftPlan(id=f"sat-{number}", orbit=OVER_THE_POLE, dictionary=DICTIONARY, telecommand_key=bytes(32))
        for number in range(1, spacecraft + 1)
    )
    return GroundConfig(
        epoch_utc="2026-08-12T00:00:00Z", tick_ns=SECOND_NS, duration_ns=6000 * SECOND_NS, scenario_digest="0" * 32,
        stations=stations, spacecraft=plans, timeline=timeline, command=command or CommandRules(),
        contact=contact or ContactRules(),
    )  # fmt: skip


class GroundBench:
    """Steps a ground by hand and keeps what it said."""

    def __init__(self, config: GroundConfig, ground: Ground | None = None) -> None:
        self.config = config
        self.ground = ground or Ground(config)
        self.tick = 0
        self.sent: list[Message] = []
        self.records: list[tuple[object, ...]] = []

    def step(self, *mail: tuple[str, Body], closing: bool = False) -> Outbox:
        start_ns = self.tick * self.config.tick_ns
        inbox = [Message(start_ns, source, number, "ground", body) for number, (source, body) in enumerate(mail)]
        outbox = self.ground.step(Moment(self.tick, start_ns, start_ns + self.config.tick_ns, closing=closing), inbox)
        self.tick += 1
        self.sent += outbox.messages
        self.records += outbox.records
        return outbox

    def bodies(self, kind: type[Body]) -> list[Body]:
        return [message.body for message in self.sent if isinstance(message.body, kind)]


def telemetry(sequence: int, boot: int = 0, stream: int = 3, values: tuple[float, ...] = (0.5, 28.0)) -> Telemetry:
    return Telemetry(
        boot=boot, stream=stream, sequence=sequence, obt_ns=sequence * SECOND_NS, structure=1,
        dictionary=bytes.fromhex(DICTIONARY.version), values=values,
    )  # fmt: skip


def event(sequence: int) -> Event:
    return Event(boot=0, stream=5, sequence=sequence, obt_ns=sequence, event=7, severity=3, arguments=(0.25,))


def verification(sequence: int, request: int, stage: int, code: int = 0, boot: int = 0) -> Verification:
    return Verification(
        boot=boot, stream=1, sequence=sequence, obt_ns=sequence, ground_boot=1, request=request, stage=stage, code=code
    )


def store(*rows: tuple[int, int, int, int]) -> StoreReport:
    return StoreReport(rows=rows)


def short_rules(**changes: float) -> CommandRules:
    return replace(
        CommandRules(lifetime_s=60.0, patience_s=60.0, proof_margin_s=10.0),
        **changes,  # type: ignore[arg-type]
    )
