"""The device seam: a wrapper round one device's readings or orders."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

from bus.snapshot.pack import pack, unpack
from bus.wire.messages import Injection
from node.devices.device import Device, DeviceForm
from node.injection import faulty_device as faulty
from node.injection.engine import SeamHandler
from node.injection.faulty_device import DeviceFault, FaultState, FaultyDevice
from node.injection.plant import _no_primitive

_SAVED = dict[str, FaultState]


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

    def save(self) -> bytes:
        """What each active fault remembers."""
        wrappers = [device for device in self._devices if isinstance(device, FaultyDevice)]
        return pack({fault.injection: fault.state for wrapper in wrappers for fault in wrapper.faults}, _SAVED)

    def restore(self, data: bytes, active: Mapping[str, Injection]) -> None:
        """Wrap again what was wrapped."""
        for i, device in enumerate(self._devices):
            if isinstance(device, FaultyDevice):
                self._devices[i] = device.inner
        for name, remembered in unpack(_SAVED, data).items():
            injection = active[name]
            self.start(injection, 0)
            wrapper = self._devices[self._resolve(injection.place)[0]]
            assert isinstance(wrapper, FaultyDevice)
            wrapper.faults[-1].state = remembered
