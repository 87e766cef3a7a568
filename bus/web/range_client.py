"""The range's API for Python: a run's clock in hand, and faults. Consoles and tests use nothing else.

async with RangeClient("http://127.0.0.1:8602", token) as range_:
    await range_.pause()
    await range_.inject("star-1", "string_open", {"string": "string_1"}, wait_s=10.0)
"""

from __future__ import annotations

from collections.abc import Mapping

from bus.web import range_forms as forms
from bus.web.asking import Asker
from bus.web.forms import VERSION, Scalar


class RangeClient(Asker):
    """See the module, and `Asker` for what every call raises."""

    where = "range"

    async def about(self) -> forms.About:
        """Who answers, and who flies."""
        about = await self._one(forms.About, "/about")
        self.same_version(about.api, VERSION)
        return about

    async def clock(self) -> forms.Clock:
        """How the clock stands."""
        return await self._one(forms.Clock, "/clock")

    async def pause(self) -> forms.Clock:
        """No further tick begins."""
        return await self._post(forms.Clock, "/clock/pause", None)

    async def resume(self) -> forms.Clock:
        """Go on."""
        return await self._post(forms.Clock, "/clock/resume", None)

    async def step(self, ticks: int = 1) -> forms.Clock:
        """So many ticks, then pause."""
        return await self._post(forms.Clock, "/clock/step", forms.Steps(ticks=ticks))

    async def speed(self, speed: float | None) -> forms.Clock:
        """Mission seconds in a second; None: as fast as everybody answers."""
        return await self._post(forms.Clock, "/clock/speed", forms.Speed(speed=speed))

    async def catalogue(self, target: str = "") -> list[forms.Fault]:
        """Every fault that there is, with the choices that a spacecraft has where one is named."""
        return await self._many(forms.Fault, "/faults", target=target)

    async def check(self, order: forms.FaultOrder) -> forms.Checked:
        """What would be injected; nothing is."""
        return await self._post(forms.Checked, "/injections/check", order)

    async def order(self, order: forms.FaultOrder, wait_s: float = 0.0) -> forms.Injected:
        """Break something."""
        return await self._post(forms.Injected, "/injections", order, wait_s=wait_s)

    async def inject(
        self, target: str, fault: str, parameters: Mapping[str, Scalar] | None = None, *, length: str = "",
        wait_s: float = 0.0,
    ) -> forms.Injected:  # fmt: skip
        """Break something."""
        order = forms.FaultOrder(target=target, fault=fault, parameters=dict(parameters or {}), length=length)
        return await self.order(order, wait_s)

    async def injections(self, *, active: bool = False) -> list[forms.Injection]:
        """What was injected, the newest last; what is planned, behind it."""
        return await self._many(forms.Injection, "/injections", active=active)

    async def clear(self, injection: str, wait_s: float = 0.0) -> forms.Injected:
        """End one: an injection, or all of a fault's."""
        return await self._post(forms.Injected, f"/injections/{injection}/clear", None, wait_s=wait_s)

    async def clear_all(self, wait_s: float = 0.0) -> forms.Injected:
        """End all that act."""
        return await self._post(forms.Injected, "/injections/clear", None, wait_s=wait_s)
