"""Units with two cold redundant sides: started again, or on their other side, by telecommand or as an action of
FDIR."""

from __future__ import annotations

from dataclasses import dataclass

from node.devices.device import ONE_SIDED, RESET, SIDE
from node.fsw.component import Arg, Component, Failure, OnBoard, Words, function, kept, telemetered
from node.fsw.datapool import Layout

SIDES = ("a", "b", "other")
_OTHER = 2


def two_sided(devices: tuple[str, ...]) -> tuple[str, ...]:
    """Those that have two sides."""
    return tuple(name for name in devices if name not in ONE_SIDED)


def _names(words: Words) -> tuple[str, ...]:
    return two_sided(words.devices)


_UNIT = Arg("unit", "enum", "device with two sides", labels=_names)


@dataclass(slots=True)
class State:
    """`sides`: which side of each unit was chosen last (kept), by name."""

    device_resets: int = telemetered("int", "Devices started again")
    device_switches: int = telemetered("int", "Devices switched to another side")
    sides: dict[str, int] = kept(dict)


class DeviceManager(Component):
    """The units."""

    name = "devices"
    state: State

    def __init__(self, on_board: OnBoard, layout: Layout) -> None:
        super().__init__(on_board, State())
        self._units = two_sided(tuple(form.name for form, _, _ in layout.devices))

    @function("device.reset", 110, "Start a device again; it is silent for some seconds", _UNIT)
    def reset(self, unit: int) -> Failure:
        """On the side that runs."""
        self.state.device_resets += 1
        self.on_board.order(self._units[unit], RESET, 0, 1)
        return None

    @function(
        "device.side", 111, "Let the other side of a device run, or a certain one; survives a reboot", _UNIT,
        Arg("side", "enum", "side that shall run", labels=SIDES),
    )  # fmt: skip
    def side(self, unit: int, side: int) -> Failure:
        """Its other side is switched off first: never do both run."""
        name = self._units[unit]
        chosen = 1 - self.state.sides.get(name, 0) if side == _OTHER else side
        self.state.sides[name] = chosen
        self.keep()
        self.state.device_switches += 1
        self.on_board.order(name, SIDE, 0, chosen)
        return None
