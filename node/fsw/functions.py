"""What each telecommand does. One function per telecommand; arguments have been checked when it is called.

A function returns None when it is done, or a failure code and a detail.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from bus.pus import Code
from node.devices.device import Order
from node.fsw.datapool import TEST_REPORT
from node.fsw.events import EVENTS
from node.fsw.managers.mode import ModeManager
from node.fsw.modes import ATTITUDE_MODES, GROUND_EVENT, Mode
from node.fsw.services.st01_verification import Arguments, Failure, Function
from node.fsw.services.st20_parameters import INDEX
from node.fsw.telecommands import HEATER_ORDERS

if TYPE_CHECKING:
    from node.fsw.software import FlightSoftware


def functions(fsw: FlightSoftware) -> dict[str, Function]:
    """Every telecommand's function, by name."""
    payload, housekeeping, orders = fsw.payload, fsw.housekeeping, fsw.orders
    equipment = fsw.config.equipment
    structures = {s.name: s.id for s in fsw.config.layout.structures}
    events = {form.name: form.id for form in EVENTS}

    def ping(_: Arguments) -> Failure:
        housekeeping.one_shot(TEST_REPORT)
        return None

    def reboot(_: Arguments) -> Failure:
        fsw.reboot_wanted = True
        return None

    def switch_payload(on: bool) -> Function:
        def switch(_: Arguments) -> Failure:
            payload.on = on
            payload.keep()
            return None

        return switch

    def power_cap(a: Arguments) -> Failure:
        payload.cap_w = float(cast(float, a["power_w"]))
        payload.keep()
        payload.order_caps()
        return None

    def group(a: Arguments) -> Failure:
        payload.taking_part[equipment.accelerator_groups.index(str(a["group"]))] = bool(a["on"])
        payload.keep()
        return None

    def hold(on: bool) -> Function:
        def switch(a: Arguments) -> Failure:
            payload.jobs.hold(str(a["job"]), on=on)
            return None

        return switch

    def checkpoint(a: Arguments) -> Failure:
        payload.jobs.checkpoint(str(a["job"]))
        return None

    def enable_structure(on: bool) -> Function:
        def enable(a: Arguments) -> Failure:
            housekeeping.enabled[structures[str(a["structure"])]] = on
            return None

        return enable

    def one_shot(a: Arguments) -> Failure:
        housekeeping.one_shot(structures[str(a["structure"])])
        return None

    def interval(a: Arguments) -> Failure:
        interval_cycles = int(cast(int, a["interval_ticks"]))
        housekeeping.set_interval(structures[str(a["structure"])], interval_cycles, fsw.cycle)
        return None

    def suppress(on: bool) -> Function:
        def switch(a: Arguments) -> Failure:
            event = events[str(a["event"])]
            (fsw.reporter.suppressed.add if on else fsw.reporter.suppressed.discard)(event)
            return None

        return switch

    def parameter_get(a: Arguments) -> Failure:
        index = INDEX[str(a["parameter"])]
        housekeeping.parameter_report(index, fsw.parameters.value(index))
        return None

    def parameter_set(a: Arguments) -> Failure:
        index = INDEX[str(a["parameter"])]
        value = float(cast(float, a["value"]))
        refusal = fsw.parameters.set(index, value)
        if refusal:
            return Code.OUT_OF_RANGE, refusal
        housekeeping.parameter_report(index, value)
        return None

    def lcl(a: Arguments) -> Failure:
        orders.append(Order("pcdu", "lcl", equipment.lcls.index(str(a["lcl"])), 1 if a["on"] else 0))
        return None

    def heater(a: Arguments) -> Failure:
        element, value = equipment.heaters.index(str(a["heater"])), HEATER_ORDERS.index(str(a["order"]))
        orders.append(Order("thermal-controller", "heater", element, value))
        return None

    def isl_head(a: Arguments) -> Failure:
        orders.append(Order("isl", "head", equipment.isl_heads.index(str(a["head"])), 1 if a["on"] else 0))
        return None

    def pump(a: Arguments) -> Failure:
        orders.append(Order("thermal-controller", "pump_speed", 0, float(cast(float, a["speed_fraction"]))))
        return None

    return {
        "test.ping": ping,
        "mode.set": _mode_function(fsw.modes),
        "computer.reboot": reboot,
        "attitude.set": _attitude_function(fsw.modes),
        "payload.on": switch_payload(True),
        "payload.off": switch_payload(False),
        "payload.power_cap": power_cap,
        "payload.group": group,
        "payload.hold": hold(True),
        "payload.resume": hold(False),
        "payload.checkpoint": checkpoint,
        "housekeeping.enable": enable_structure(True),
        "housekeeping.disable": enable_structure(False),
        "housekeeping.one_shot": one_shot,
        "housekeeping.interval": interval,
        "event.enable": suppress(False),
        "event.disable": suppress(True),
        "parameter.get": parameter_get,
        "parameter.set": parameter_set,
        "power.lcl": lcl,
        "thermal.heater": heater,
        "thermal.pump": pump,
        "isl.head": isl_head,
    }


def _mode_function(modes: ModeManager) -> Function:
    def set_mode(a: Arguments) -> Failure:
        wanted = Mode[str(a["mode"])]
        if not modes.request(GROUND_EVENT[wanted]):
            return Code.REFUSED_BY_MODE_TABLE, f"{modes.mode.name} to {wanted.name}"
        return None

    return set_mode


def _attitude_function(modes: ModeManager) -> Function:
    def set_attitude(a: Arguments) -> Failure:
        modes.set_attitude(ATTITUDE_MODES.index(str(a["mode"])))
        return None

    return set_attitude
