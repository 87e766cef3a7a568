"""The four fault seams of a spacecraft: where an injection's primitive takes hold, and how it lets go.

Plant: a field of truth is set, scaled or added to. Device: a wrapper round it. Link: an impairment in the radio's list.
Host: the computer. Nothing here decides when.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any, NamedTuple

from numpy.typing import NDArray

from bus.draws import bits, stable_id
from bus.messages import Injection
from node.computer import Computer
from node.devices import faulty
from node.devices.clock import Clock
from node.devices.device import Device, DeviceForm
from node.devices.faulty import DeviceFault, FaultyDevice
from node.fsw.boot import BootReason
from node.fsw.commanding import CrashPoint
from node.injection import SeamHandler, unknown_parameter
from node.link_faults import PRIMITIVES as LINK_PRIMITIVES
from node.link_faults import Direction, Impairment
from node.truth import PlantLike, place


def _no_primitive(injection: Injection, known: Mapping[str, Mapping[str, object]]) -> str:
    if injection.primitive not in known:
        return f"unknown primitive '{injection.primitive}'; allowed: {', '.join(known)}"
    return unknown_parameter(known[injection.primitive], injection.parameters)


class PlantSeam(SeamHandler):
    """Fields of truth. Several faults on one field act in order of onset; the last to go leaves the first value."""

    PRIMITIVES: Mapping[str, Mapping[str, object]] = {"set": {"value": 0}, "scale": {"value": 0}, "add": {"value": 0}}

    class _Place(NamedTuple):
        field: NDArray[Any]
        before: list[float]  # one value; a list because several faults share it
        faults: dict[str, tuple[str, float]]

    def __init__(self, plant: PlantLike) -> None:
        self._plant = plant
        self._places: dict[str, PlantSeam._Place] = {}

    def refusal(self, injection: Injection) -> str:
        """Unknown primitive or field."""
        reason = _no_primitive(injection, self.PRIMITIVES)
        if reason:
            return reason
        if "value" not in injection.parameters:
            return "parameter 'value' is missing"
        try:
            place(self._plant, injection.place)
        except (KeyError, IndexError, TypeError) as error:
            return f"no such place in the plant: {error.args[0] if error.args else injection.place}"
        return ""

    def start(self, injection: Injection, tick: int) -> bool:
        """Change the field."""
        spot = self._places.get(injection.place)
        if spot is None:
            field = place(self._plant, injection.place)
            spot = self._places[injection.place] = self._Place(field, [field[0].item()], {})
        spot.faults[injection.injection] = (injection.primitive, float(injection.parameters["value"]))
        self._act(spot)
        return True

    def hold(self, tick: int) -> None:
        """What is set stays set, whatever the physics makes of it."""
        for spot in self._places.values():
            primitive, value = next(reversed(spot.faults.values()))
            if primitive == "set":
                spot.field[0] = value

    def end(self, injection: Injection, tick: int) -> None:
        """Take one fault away; with the last one the field is what it was."""
        spot = self._places[injection.place]
        del spot.faults[injection.injection]
        self._act(spot)
        if not spot.faults:
            del self._places[injection.place]

    @staticmethod
    def _act(spot: PlantSeam._Place) -> None:
        result = spot.before[0]
        for primitive, value in spot.faults.values():
            result = value if primitive == "set" else result * value if primitive == "scale" else result + value
        spot.field[0] = result

    def state(self) -> Any:
        """What the fields were before."""
        return [[name, spot.before, list(spot.faults)] for name, spot in self._places.items()]

    def load(self, state: Any, active: Mapping[str, Injection]) -> None:
        """The plant has been restored with the faults in it; only what was before has to be known again."""
        self._places.clear()
        for name, before, order in state:
            faults = {i: (active[i].primitive, float(active[i].parameters["value"])) for i in order}
            self._places[name] = self._Place(place(self._plant, name), list(before), faults)


class DeviceSeam(SeamHandler):
    """Wrappers in the list of devices, which the node samples."""

    def __init__(
        self, devices: list[Device], forms: tuple[DeviceForm, ...], who: tuple[int, str], tick_s: float
    ) -> None:
        self._devices = devices
        self._index = {form.name: i for i, form in enumerate(forms)}
        self._forms = forms
        self._who = who
        self._tick_s = tick_s

    def refusal(self, injection: Injection) -> str:
        """Unknown device, reading or primitive."""
        device, _, reading = injection.place.partition(".")
        if device not in self._index:
            near = difflib.get_close_matches(device, self._index, 3) or list(self._index)
            return f"no device '{device}'; allowed: {', '.join(near)}"
        names = [channel.name for channel in self._forms[self._index[device]].channels]
        if reading and reading not in names:
            near = difflib.get_close_matches(reading, names, 3) or names[:8]
            return f"device '{device}' has no reading '{reading}'; allowed: {', '.join(near)}"
        return _no_primitive(injection, faulty.PRIMITIVES)

    def start(self, injection: Injection, tick: int) -> bool:
        """Wrap the device, or add to its wrapper."""
        i, channels = self._resolve(injection.place)
        wrapper = self._devices[i]
        if not isinstance(wrapper, FaultyDevice):
            wrapper = self._devices[i] = FaultyDevice(wrapper, *self._who, self._tick_s)
        wrapper.faults.append(
            DeviceFault(injection.injection, injection.primitive, injection.parameters, channels)
        )  # fmt: skip
        return True

    def hold(self, tick: int) -> None:
        """Tell the wrappers what tick it is: their draws depend on it."""
        for device in self._devices:
            if isinstance(device, FaultyDevice):
                device.tick = tick

    def end(self, injection: Injection, tick: int) -> None:
        """Take the fault away, and the wrapper with the last one."""
        i, _ = self._resolve(injection.place)
        wrapper = self._devices[i]
        assert isinstance(wrapper, FaultyDevice)
        wrapper.faults = [fault for fault in wrapper.faults if fault.injection != injection.injection]
        if not wrapper.faults:
            self._devices[i] = wrapper.inner

    def _resolve(self, name: str) -> tuple[int, list[int]]:
        device, _, reading = name.partition(".")
        i = self._index[device]
        names = [channel.name for channel in self._forms[i].channels]
        return i, [names.index(reading)] if reading else list(range(len(names)))

    def state(self) -> Any:
        """What each active fault remembers."""
        wrappers = [device for device in self._devices if isinstance(device, FaultyDevice)]
        return [[fault.injection, fault.state()] for wrapper in wrappers for fault in wrapper.faults]

    def load(self, state: Any, active: Mapping[str, Injection]) -> None:
        """Wrap again what was wrapped."""
        for i, device in enumerate(self._devices):
            if isinstance(device, FaultyDevice):
                self._devices[i] = device.inner
        for name, remembered in state:
            injection = active[name]
            self.start(injection, 0)
            wrapper = self._devices[self._resolve(injection.place)[0]]
            assert isinstance(wrapper, FaultyDevice)
            wrapper.faults[-1].load(remembered)


class LinkSeam(SeamHandler):
    """Impairments of the radio's two directions."""

    def __init__(self, uplink: Direction[Any], downlink: Direction[Any]) -> None:
        self._directions: dict[str, Direction[Any]] = {"uplink": uplink, "downlink": downlink}

    def refusal(self, injection: Injection) -> str:
        """Unknown direction or primitive."""
        if injection.place not in self._directions:
            return f"no link '{injection.place}'; allowed: {', '.join(self._directions)}"
        return _no_primitive(injection, LINK_PRIMITIVES)

    def start(self, injection: Injection, tick: int) -> bool:
        """Put the impairment into the list."""
        impairments = self._directions[injection.place].impairments
        impairments.append(Impairment(injection.injection, injection.primitive, injection.parameters))
        return True

    def end(self, injection: Injection, tick: int) -> None:
        """Take it out; what it holds back still comes when it was to come."""
        direction = self._directions[injection.place]
        direction.impairments = [i for i in direction.impairments if i.injection != injection.injection]

    def state(self) -> Any:
        """Impairments remember nothing; what is held back is the radio's."""
        return None

    def load(self, state: Any, active: Mapping[str, Injection]) -> None:
        """Put back what is active."""
        for direction in self._directions.values():
            direction.impairments = []
        for injection in active.values():
            self.start(injection, 0)


class HostSeam(SeamHandler):
    """The on-board computer and its clock."""

    PRIMITIVES: Mapping[str, Mapping[str, object]] = {
        "reboot": {}, "kill": {"down_s": 0}, "hang": {}, "clock_jump": {"seconds": 0},
        "bitflip": {"word": 0, "bit": 0}, "crash": {"point": 0},
    }  # fmt: skip

    def __init__(self, computer: Computer, clock: Clock, who: tuple[int, str], tick_ns: int) -> None:
        self._computer = computer
        self._clock = clock
        self._who = who
        self._tick_ns = tick_ns

    def refusal(self, injection: Injection) -> str:
        """Unknown place or primitive, senseless figures."""
        if injection.place != "computer":
            return f"no host '{injection.place}'; allowed: computer"
        reason = _no_primitive(injection, self.PRIMITIVES)
        if reason:
            return reason
        for name in ("down_s", "seconds", "point"):
            if name in self.PRIMITIVES[injection.primitive] and name not in injection.parameters:
                return f"parameter '{name}' is missing"
        if injection.primitive == "kill" and float(injection.parameters["down_s"]) < 0.0:
            return "parameter 'down_s' must not be negative"
        if injection.primitive == "crash" and injection.parameters["point"] not in set(CrashPoint):
            return f"parameter 'point' must be one of {', '.join(str(int(point)) for point in CrashPoint)}"
        return ""

    def start(self, injection: Injection, tick: int) -> bool:
        """Do it. What has a duration stays: a hang, an armed crash, a clock's jump that is to end."""
        primitive, parameters = injection.primitive, injection.parameters
        if primitive == "reboot":
            self._computer.reset(tick, BootReason.RESET)
        elif primitive == "kill":
            down_ticks = round(float(parameters["down_s"]) * 1e9 / self._tick_ns)
            self._computer.reset(tick, BootReason.POWER_LOSS, down_ticks)
        elif primitive == "bitflip":
            self._flip(injection, tick)
        elif primitive == "clock_jump":
            self._clock.jump(round(float(parameters["seconds"]) * 1e9))
            return injection.end_ns != 0
        elif primitive == "hang":
            self._computer.hang(tick)
            return True
        else:
            self._computer.crash_at = int(parameters["point"])
            return True
        return False

    def over(self, injection: Injection) -> bool:
        """A computer that was reset, whoever did it, hangs no more; a crash that came is armed no more."""
        if injection.primitive == "hang":
            return not self._computer.hung
        return injection.primitive == "crash" and not self._computer.crash_at

    def end(self, injection: Injection, tick: int) -> None:
        """A hang ends in a reset, unless the watchdog was faster; a clock jumps back."""
        if injection.primitive == "hang":
            if self._computer.hung:
                self._computer.reset(tick, BootReason.WATCHDOG)
        elif injection.primitive == "clock_jump":
            self._clock.jump(-round(float(injection.parameters["seconds"]) * 1e9))
        else:
            self._computer.crash_at = 0

    def _flip(self, injection: Injection, tick: int) -> None:
        if self._computer.fsw is None:
            return
        draw = bits(self._who[0], stable_id(f"host.{injection.injection}"), stable_id(self._who[1]), tick, 0)
        word = int(injection.parameters.get("word", draw >> 6))
        bit = int(injection.parameters.get("bit", draw & 63))
        self._computer.fsw.parameters.flip(word, bit)

    def state(self) -> Any:
        """The computer and the clock keep their own state."""
        return None

    def load(self, state: Any, active: Mapping[str, Injection]) -> None:
        """Nothing to put back."""
