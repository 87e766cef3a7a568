"""Every telecommand the flight software understands, declared once: the dictionary and the acceptance check read this.

Service and subtype numbers are those of ECSS-E-ST-70-41C (17 test, 3 housekeeping, 5 events, 20 parameters,
8 functions, 2 device access). What a telecommand does is in `functions.py`; nothing here executes.
"""

from __future__ import annotations

from enum import IntEnum

from bus.dictionary import Argument, TelecommandForm
from node.fsw.equipment import Equipment
from node.fsw.modes import Mode

ATTITUDE_MODES = ("sun", "nadir", "safe_spin", "tumble")
HEATER_ORDERS = ("off", "on", "thermostat")
MODE_NAMES = tuple(mode.name for mode in Mode)
POWERED_MODES = (Mode.NOMINAL.name,)


class Code(IntEnum):
    """Failure codes of service 1. 0 is no failure."""

    NONE = 0
    UNKNOWN_TELECOMMAND = 1
    WRONG_DICTIONARY = 2
    WRONG_ARGUMENT = 3
    OUT_OF_RANGE = 4
    FORBIDDEN_IN_MODE = 5
    EXPIRED = 6
    REFUSED_BY_MODE_TABLE = 7
    INTERRUPTED = 8
    LIMIT_OF_BUFFER = 9


CODES: dict[int, str] = {
    Code.NONE: "no failure",
    Code.UNKNOWN_TELECOMMAND: "no telecommand of this name on board",
    Code.WRONG_DICTIONARY: "telecommand was built against another dictionary version",
    Code.WRONG_ARGUMENT: "argument missing, unknown or of another type",
    Code.OUT_OF_RANGE: "argument outside its limits or not among its labels",
    Code.FORBIDDEN_IN_MODE: "not allowed in the present mode",
    Code.EXPIRED: "arrived after its expiry",
    Code.REFUSED_BY_MODE_TABLE: "the mode table has no such transition",
    Code.INTERRUPTED: "the computer was reset between start and completion: effect indeterminate",
    Code.LIMIT_OF_BUFFER: "too many telecommands in one cycle",
}


def _float(name: str, unit: str, text: str, low: float, high: float) -> Argument:
    return Argument(name=name, unit=unit, type="float", description=text, low=low, high=high)


def _int(name: str, text: str, low: int, high: int) -> Argument:
    return Argument(name=name, unit="", type="int", description=text, low=low, high=high)


def _enum(name: str, text: str, labels: tuple[str, ...]) -> Argument:
    return Argument(name=name, unit="", type="enum", description=text, labels=labels)


def _bool(name: str, text: str) -> Argument:
    return Argument(name=name, unit="", type="bool", description=text)


def telecommands(equipment: Equipment, structures: tuple[str, ...], events: tuple[str, ...],
                 parameters: tuple[str, ...]) -> tuple[TelecommandForm, ...]:  # fmt: skip
    """The telecommands of a design. Names of structures, events and parameters become enumerations."""
    structure = _enum("structure", "housekeeping structure", structures)
    event = _enum("event", "event report", events)
    parameter = _enum("parameter", "on-board parameter", parameters)
    total_w = sum(equipment.accelerator_group_power_w)
    group = _enum("group", "accelerator group", equipment.accelerator_groups)
    forms = [
        TelecommandForm(name="test.ping", service=17, subtype=1, description="Are you alive? Answered by a test report"),
        TelecommandForm(
            name="mode.set", service=8, subtype=1, description="Change the spacecraft's mode, where the mode table allows it",
            arguments=(_enum("mode", "mode to enter", MODE_NAMES),),
        ),
        TelecommandForm(
            name="computer.reboot", service=8, subtype=2, hazardous=True,
            description="Restart the on-board computer; non-volatile memory is kept",
        ),
        TelecommandForm(
            name="attitude.set", service=8, subtype=10, description="Select the attitude mode",
            arguments=(_enum("mode", "attitude mode", ATTITUDE_MODES),),
        ),
        TelecommandForm(
            name="payload.on", service=8, subtype=20, modes=POWERED_MODES,
            description="Switch all accelerator groups on (they stay shed while the charge is too low)",
        ),
        TelecommandForm(name="payload.off", service=8, subtype=21, description="Switch all accelerator groups off"),
        TelecommandForm(
            name="payload.power_cap", service=8, subtype=22, description="Limit the power of all accelerators together",
            arguments=(_float("power_w", "W", "limit, shared among the groups by rated power", 0.0, total_w),),
        ),
        TelecommandForm(
            name="payload.group", service=8, subtype=23, modes=POWERED_MODES, description="Enable one accelerator group",
            arguments=(group, _bool("on", "enabled")),
        ),
        TelecommandForm(
            name="housekeeping.enable", service=3, subtype=5, description="Enable a periodic structure",
            arguments=(structure,),
        ),
        TelecommandForm(
            name="housekeeping.disable", service=3, subtype=6, description="Disable a periodic structure",
            arguments=(structure,),
        ),
        TelecommandForm(
            name="housekeeping.one_shot", service=3, subtype=27, description="Report a structure once, now",
            arguments=(structure,),
        ),
        TelecommandForm(
            name="housekeeping.interval", service=3, subtype=31, description="Change the interval of a structure",
            arguments=(structure, _int("interval_ticks", "flight software cycles between two reports", 1, 86_400)),
        ),
        TelecommandForm(
            name="event.enable", service=5, subtype=5, description="Enable an event report", arguments=(event,)
        ),
        TelecommandForm(
            name="event.disable", service=5, subtype=6, description="Disable an event report", arguments=(event,)
        ),
        TelecommandForm(
            name="parameter.get", service=20, subtype=1, description="Report the value of an on-board parameter",
            arguments=(parameter,),
        ),
        TelecommandForm(
            name="parameter.set", service=20, subtype=3, hazardous=True,
            description="Set an on-board parameter within its limits; survives a reboot",
            arguments=(parameter, _float("value", "", "new value, in the parameter's unit", -1e12, 1e12)),
        ),
    ]  # fmt: skip
    if equipment.lcls:
        forms.append(
            TelecommandForm(
                name="power.lcl",
                service=2,
                subtype=1,
                hazardous=True,
                description="Switch a latching current limiter",
                arguments=(_enum("lcl", "current limiter", equipment.lcls), _bool("on", "closed")),
            )  # fmt: skip
        )
    if equipment.heaters:
        forms.append(
            TelecommandForm(
                name="thermal.heater",
                service=2,
                subtype=2,
                description="Switch a heater, or leave it to its thermostat",
                arguments=(
                    _enum("heater", "heater", equipment.heaters),
                    _enum("order", "what it shall do", HEATER_ORDERS),
                ),
            )  # fmt: skip
        )
    forms.append(
        TelecommandForm(
            name="thermal.pump",
            service=2,
            subtype=3,
            description="Set the coolant pump's speed",
            arguments=(_float("speed_fraction", "", "share of full speed", 0.0, 1.0),),
        )  # fmt: skip
    )
    return tuple(forms)
