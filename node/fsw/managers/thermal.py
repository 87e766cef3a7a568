"""Heaters and the coolant pump at the ground's wish; thermostats rule by themselves."""

from __future__ import annotations

from node.fsw.component import Arg, Component, Failure, OnBoard, Stateless, function

HEATER_ORDERS = ("off", "on", "thermostat")
PUMPS = ("a", "b")


class ThermalManager(Component):
    """Orders to the thermal controller."""

    name = "thermal"
    state: Stateless

    def __init__(self, on_board: OnBoard) -> None:
        super().__init__(on_board, Stateless())

    @function(
        "thermal.heater", 30, "Switch a heater, or leave it to its thermostat",
        Arg("heater", "enum", "heater", labels=lambda words: words.equipment.heaters),
        Arg("order", "enum", "what it shall do", labels=HEATER_ORDERS),
    )  # fmt: skip
    def heater(self, heater: int, order: int) -> Failure:
        """Until the next such order."""
        self.on_board.order("thermal-controller", "heater", heater, order)
        return None

    @function(
        "thermal.pump", 31, "Set the coolant pump's speed",
        Arg("speed_fraction", "float", "share of full speed", "1", 0.0, 1.0),
    )  # fmt: skip
    def pump(self, speed_fraction: float) -> Failure:
        """Until the next such order."""
        self.on_board.order("thermal-controller", "pump_speed", 0, float(speed_fraction))
        return None

    @function(
        "thermal.pump_select", 32, "Select the coolant pump that runs; the other one is cold redundant",
        Arg("pump", "enum", "pump", labels=PUMPS),
    )  # fmt: skip
    def pump_select(self, pump: int) -> Failure:
        """Until the next such order."""
        self.on_board.order("thermal-controller", "pump_select", 0, pump)
        return None
