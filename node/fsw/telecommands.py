"""Every telecommand the flight software understands, declared once: the dictionary and the acceptance check read this.

Service and subtype numbers are those of ECSS-E-ST-70-41C (17 test, 3 housekeeping, 5 events, 20 parameters, 8
functions, 2 device access). Nothing here executes.
"""

from __future__ import annotations

from bus.dictionary import Argument, TelecommandForm
from node.devices.equipment import Equipment, job_labels
from node.fsw.modes import ATTITUDE_MODES, Mode

HEATER_ORDERS = ("off", "on", "thermostat")
MODE_NAMES = tuple(mode.name for mode in Mode)
POWERED_MODES = (Mode.NOMINAL.name,)


def _float(name: str, unit: str, text: str, low: float, high: float) -> Argument:
    return Argument(name=name, unit=unit, type="float", description=text, low=low, high=high)


def _int(name: str, text: str, low: int, high: int) -> Argument:
    return Argument(name=name, unit="", type="int", description=text, low=low, high=high)


def _enum(name: str, text: str, labels: tuple[str, ...]) -> Argument:
    return Argument(name=name, unit="", type="enum", description=text, labels=labels)


def _bool(name: str, text: str) -> Argument:
    return Argument(name=name, unit="", type="bool", description=text)


def _form(name: str, service: int, subtype: int, text: str, *arguments: Argument, hazardous: bool = False,
          modes: tuple[str, ...] = ()) -> TelecommandForm:  # fmt: skip
    return TelecommandForm(name=name, service=service, subtype=subtype, description=text, arguments=arguments,
                           hazardous=hazardous, modes=modes)  # fmt: skip


def telecommands(equipment: Equipment, structures: tuple[str, ...], events: tuple[str, ...],
                 parameters: tuple[str, ...]) -> tuple[TelecommandForm, ...]:  # fmt: skip
    """The telecommands of a design. Names of structures, events and parameters become enumerations."""
    structure = _enum("structure", "housekeeping structure", structures)
    event = _enum("event", "event report", events)
    parameter = _enum("parameter", "on-board parameter", parameters)
    job = _enum("job", "number of the job, or all of them", job_labels(equipment))
    total_w = sum(equipment.accelerator_group_power_w)
    forms = [
        _form("test.ping", 17, 1, "Are you alive? Answered by a test report"),
        _form("mode.set", 8, 1, "Change the spacecraft's mode, where the mode table allows it",
              _enum("mode", "mode to enter", MODE_NAMES)),
        _form("computer.reboot", 8, 2, "Restart the on-board computer; non-volatile memory is kept", hazardous=True),
        _form("attitude.set", 8, 10, "Select the attitude mode", _enum("mode", "attitude mode", ATTITUDE_MODES)),
        _form("payload.on", 8, 20, "Switch the payload on (it stays shed while the charge is too low)",
              modes=POWERED_MODES),
        _form("payload.off", 8, 21, "Switch the payload off: all accelerator groups"),
        _form("payload.power_cap", 8, 22, "Limit the power of all accelerators together",
              _float("power_w", "W", "limit, shared among the groups by rated power; 0: none", 0.0, total_w)),
        _form("payload.group", 8, 23, "Let one accelerator group take part in the payload, or not",
              _enum("group", "accelerator group", equipment.accelerator_groups), _bool("on", "takes part")),
        _form("payload.hold", 8, 24, "Hold a job after a checkpoint; survives a reboot", job),
        _form("payload.resume", 8, 25, "Let a held job run again", job),
        _form("payload.checkpoint", 8, 26, "Let a job take a checkpoint now", job),
        _form("housekeeping.enable", 3, 5, "Enable a periodic structure", structure),
        _form("housekeeping.disable", 3, 6, "Disable a periodic structure", structure),
        _form("housekeeping.one_shot", 3, 27, "Report a structure once, now", structure),
        _form("housekeeping.interval", 3, 31, "Change the interval of a structure", structure,
              _int("interval_ticks", "flight software cycles between two reports", 1, 86_400)),
        _form("event.enable", 5, 5, "Enable an event report", event),
        _form("event.disable", 5, 6, "Disable an event report", event),
        _form("parameter.get", 20, 1, "Report the value of an on-board parameter", parameter),
        _form("parameter.set", 20, 3, "Set an on-board parameter within its limits; survives a reboot", parameter,
              _float("value", "", "new value, in the parameter's unit", -1e12, 1e12), hazardous=True),
        _form("thermal.pump", 2, 3, "Set the coolant pump's speed",
              _float("speed_fraction", "1", "share of full speed", 0.0, 1.0)),
    ]  # fmt: skip
    if equipment.lcls:
        lcl = _enum("lcl", "current limiter", equipment.lcls)
        forms.append(_form("power.lcl", 2, 1, "Switch a current limiter", lcl, _bool("on", "closed"), hazardous=True))
    if equipment.heaters:
        heater = _enum("heater", "heater", equipment.heaters)
        order = _enum("order", "what it shall do", HEATER_ORDERS)
        forms.append(_form("thermal.heater", 2, 2, "Switch a heater, or leave it to its thermostat", heater, order))
    if equipment.isl_heads:
        head = _enum("head", "optical terminal", equipment.isl_heads)
        acquire = _bool("on", "acquire and hold the peer; otherwise park")
        forms.append(_form("isl.head", 2, 4, "Let an optical terminal acquire its peer, or park it", head, acquire))
    return tuple(forms)
