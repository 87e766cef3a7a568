"""Device access, service 2: on/off commands straight to the equipment, past every manager."""

from __future__ import annotations

from bus.pus import Service
from node.fsw.component import Arg, Component, Failure, OnBoard, Stateless, telecommand


class DeviceAccess(Component):
    """The current limiters of the power unit. What is switched here no manager switches back."""

    name = "device_access"
    state: Stateless

    def __init__(self, on_board: OnBoard) -> None:
        super().__init__(on_board, Stateless())

    @telecommand(
        "power.lcl", Service.DEVICE_ACCESS, 1, "Switch a current limiter",
        Arg("lcl", "enum", "current limiter", labels=lambda words: words.equipment.lcls),
        Arg("on", "bool", "closed"),
        hazardous=True,
    )  # fmt: skip
    def switch(self, lcl: int, on: bool) -> Failure:
        """TC[2,1] distribute on/off device commands."""
        self.on_board.order("pcdu", "lcl", lcl, 1 if on else 0)
        return None
