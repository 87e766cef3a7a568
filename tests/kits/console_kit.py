"""A ground for consoles: what a client says, out of a hand instead of a server, and everything that is asked of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from bus.errors import RangeFailure, UserError
from bus.web import range_forms
from bus.web.forms import VERSION
from groundstation.api import forms
from tests.kits.ground_kit import DICTIONARY

NOW_S = 5_000.0
FAULT = range_forms.Fault(
    name="string_open", seam="plant", fmeca="EPS-ARR-01", severity=3,
    description="A string of the array conducts no more.",
    signature="array power falls", criticality="unknown", keeps="", source="kit", instant=False,
    parameters=[
        range_forms.Parameter(name="string", kind="member", text="which one", required=True, default=None, low=None,
                              high=None, choices=["string_1", "string_2"]),
        range_forms.Parameter(name="left", kind="quantity", text="what is left", required=False, default="0 %",
                              low="0 %", high="90 %", choices=[]),
    ],
)  # fmt: skip


class FakeRange:
    """Speaks as `bus.web.range_client.RangeClient` does. `asked`: what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any]] = []
        self.state = range_forms.Clock(
            range="answers", paced=True, paused=False, free=False, speed=10.0, steps=0, mission_s=NOW_S
        )
        self.rows = [
            range_forms.Injection(id="worn", fault="pack_worn", target="sat-1", seam="plant", state="planned",
                                  at_s=6_000.0, cleared_s=None, reason="")
        ]  # fmt: skip

    def _now(self, what: str, value: Any = None, **more: Any) -> range_forms.Clock:
        self.asked.append((what, value))
        self.state = self.state.model_copy(update=more)
        return self.state

    async def about(self) -> range_forms.About:
        craft = [range_forms.Craft(id=id, design="pathfinder") for id in ("bad-1", "sat-1")]
        return range_forms.About(
            api=VERSION, version="0", run="rehearsal", role="range", epoch_utc="2026-08-12T00:00:00Z", tick_s=1.0,
            spacecraft=craft, refused={},
        )  # fmt: skip

    async def clock(self) -> range_forms.Clock:
        return self.state

    async def pause(self) -> range_forms.Clock:
        return self._now("pause", paused=True)

    async def resume(self) -> range_forms.Clock:
        return self._now("resume", paused=False)

    async def step(self, ticks: int = 1) -> range_forms.Clock:
        return self._now("step", ticks, paused=False, steps=ticks)

    async def speed(self, speed: float | None) -> range_forms.Clock:
        return self._now("speed", speed, speed=speed, free=speed is None)

    async def catalogue(self, target: str = "") -> list[range_forms.Fault]:
        self.asked.append(("catalogue", target))
        return [FAULT, FAULT.model_copy(update={"name": "reboot", "instant": True, "parameters": []})]

    async def check(self, order: range_forms.FaultOrder) -> range_forms.Checked:
        if order.parameters.get("left") == "95 %":
            raise UserError("parameters.left: found '95 %'; allowed: 0 % to 90 %")
        return range_forms.Checked(target=order.target, fault=order.fault, primitives=[])

    async def order(self, order: range_forms.FaultOrder, wait_s: float = 0.0) -> range_forms.Injected:
        self.asked.append(("order", order))
        self.rows.append(
            range_forms.Injection(id="live-1", fault=order.fault, target=order.target, seam="plant", state="active",
                                  at_s=NOW_S, cleared_s=None, reason="")
        )  # fmt: skip
        return range_forms.Injected(ids=["live-1"], final=True, states={"live-1": "active"})

    async def injections(self, *, active: bool = False) -> list[range_forms.Injection]:
        return list(self.rows)

    async def clear(self, injection: str, wait_s: float = 0.0) -> range_forms.Injected:
        self.asked.append(("clear", injection))
        self.rows = [row.model_copy(update={"state": "cleared"}) if row.state == "active" else row for row in self.rows]
        return range_forms.Injected(ids=["live-1"], final=True, states={"live-1": "cleared"})

    async def clear_all(self, wait_s: float = 0.0) -> range_forms.Injected:
        return await self.clear("")


def row(id: str, level: forms.Level | None = "normal", reason: str = "", **more: Any) -> forms.FleetRow:
    known = {
        "id": id, "design": "pathfinder", "plane": "", "level": level, "reason": reason, "alarms": 0, "mode": "NOMINAL",
        "mode_cause": "ground_nominal", "battery_soc": 0.87, "power_in_w": 1_520.0, "power_out_w": 830.0,
        "hottest_k": 331.2, "hottest": "thermal_temperature_k.chip", "in_shadow": False,
        "accelerators": {"running": 3, "throttled": 0, "failed": 0, "idle": 1}, "jobs_active": 2, "jobs_waiting": 0,
        "jobs_done": 7, "contact": {"station": "svalbard", "now": False, "aos_s": 6_100.0, "los_s": 6_700.0},
        "last_event": None, "heard_s": 4_990.0, "stale": False,
    }  # fmt: skip
    return forms.FleetRow.model_validate(known | more)


UNHEARD: dict[str, Any] = {
    "mode": None, "mode_cause": None, "battery_soc": None, "power_in_w": None, "power_out_w": None, "hottest_k": None,
    "hottest": None, "in_shadow": None, "jobs_active": None, "jobs_waiting": None, "jobs_done": None, "heard_s": None,
    "stale": True, "accelerators": {"running": None, "throttled": None, "failed": None, "idle": None},
}  # fmt: skip


def alarm(number: int, spacecraft: str, level: forms.Level = "critical", **more: Any) -> forms.Alarm:
    known = {
        "ground_boot": 1, "alarm": number, "spacecraft": spacecraft, "subject": "battery_soc", "kind": "limit",
        "level": level, "state": "ACTIVE", "late": False, "raised_s": 4_800.0 + number, "changed_s": 4_900.0,
        "times": 1,
        "because": "0.18 is below hard low 0.2",
        "readings": [{"obt_s": 4_790.0, "received_s": 4_791.0, "value": 0.19}], "telecommands": [], "modes": [],
        "procedure": "safe-mode-recovery",
    }  # fmt: skip
    return forms.Alarm.model_validate(known | more)


def value(number: float, unit: str = "", text: str = "", **more: Any) -> forms.Value:
    known = {"value": number, "text": text, "unit": unit, "made_s": 4_990.0, "received_s": 4_991.0, "late": False,
             "limit": "inside"}  # fmt: skip
    return forms.Value.model_validate(known | more)


class FakeGround:
    """Speaks as `groundstation.api.client.Client` does. `asked`: what was asked of it; `alive`: it can be reached."""

    url = "http://ground.test"

    def __init__(self, rows: list[forms.FleetRow], alarms: list[forms.Alarm] | None = None) -> None:
        self.rows = {each.id: each for each in rows}
        self.alarms_ = alarms or []
        self.values_: dict[str, forms.Value] = {
            "battery_soc": value(0.18, "1", limit="hard"), "mode": value(2.0, text="SAFE", limit="none"),
            "thermal_temperature_k.chip": value(331.2, "K"),
        }  # fmt: skip
        self.events_: list[forms.EventRow] = []
        self.telecommands_: list[forms.TelecommandRow] = []
        self.runs: list[forms.ProcedureRun] = []
        self.asked: list[tuple[str, Any]] = []
        self.alive, self.hazardous = True, ""
        self.changed = asyncio.Event()

    def _reach(self) -> None:
        if not self.alive:
            raise RangeFailure(f"{self.url} cannot be reached: nobody listens")

    def now(self) -> dict[str, Any]:
        return {"mission_s": NOW_S, "rate": 0.0, "ground": "answers", "archived_until_s": NOW_S}

    async def about(self) -> forms.About:
        self._reach()
        return forms.About(
            api=VERSION, version="0", run="rehearsal", role="operator", epoch_utc="2026-08-12T00:00:00Z",
            tick_s=1.0, spacecraft=len(self.rows), now=forms.Now.model_validate(self.now()), refused={},
        )  # fmt: skip

    async def live(self, **wants: Any) -> AsyncGenerator[dict[str, Any], None]:
        while True:
            self._reach()
            self.changed.clear()
            yield {"kind": "now", **self.now()}
            yield {"kind": "fleet", "rows": [each.model_dump() for each in self.rows.values()]}
            yield {"kind": "alarms", "rows": [each.model_dump() for each in self.alarms_]}
            for id in wants["spacecraft"]:
                told = {name: each.model_dump() for name, each in self.values_.items()}
                yield {"kind": "values", "spacecraft": id, "values": told}
            yield {"kind": "telecommands"}
            yield {"kind": "procedures"}
            await self.changed.wait()

    async def events(self, spacecraft: str = "", limit: int = 200) -> list[forms.EventRow]:
        return self.events_

    async def values(self, spacecraft: str) -> dict[str, forms.Value]:
        return dict(self.values_)

    async def series(
        self, spacecraft: str, parameter: str, from_s: float | None = None, to_s: float | None = None, points: int = 600
    ) -> forms.Series:
        self.asked.append(("series", (parameter, from_s, to_s)))
        stretches = [
            forms.Stretch(start_s=4_000.0 + 10 * n, count=1, least=0.5 - 0.003 * n, greatest=0.5 - 0.003 * n,
                          last=0.5 - 0.003 * n) for n in range(100)
        ]  # fmt: skip
        return forms.Series(
            parameter=parameter, unit="1", width_s=10.0, stretches=stretches, soft_low=0.3, soft_high=None,
            hard_low=0.2, hard_high=None, retired=False,
        )  # fmt: skip

    async def several(
        self, spacecraft: str, parameters: list[str], from_s: float | None = None, to_s: float | None = None,
        points: int = 600,
    ) -> list[forms.Series]:  # fmt: skip
        return [await self.series(spacecraft, name, from_s, to_s, points) for name in parameters]

    async def fdir(self, spacecraft: str) -> forms.Fdir:
        told: dict[str, Any] = {"enabled": True, "masked": False, "finding": "within", "violated": False}
        none: dict[str, Any] = {"value": None, "changed_s": None, "fired_s": None, "times": 0, "action": None}
        fired = {"finding": "below_low", "violated": True, "value": 0.18, "fired_s": 4_790.0, "times": 2}
        rows = [
            told | none | fired | {"monitor": "charge_low"}, told | none | {"monitor": "chip_hot", "masked": True},
            told | none | {"monitor": "pump_slow", "enabled": False},
            dict.fromkeys(told) | none | {"monitor": "untold"},
        ]  # fmt: skip
        acted = [forms.Acted(event="charge_low", received_s=4_795.0, code=0)]
        monitors = [forms.Monitor.model_validate(row) for row in rows]
        return forms.Fdir(told_s=4_900.0, actions_told_s=4_900.0, monitors=monitors, acted=acted)

    async def schedule(self, spacecraft: str) -> forms.Schedule:
        entry = {"telecommand": "payload.stop", "sub_schedule": 1, "group": 0}
        rows = [entry | {"entry": 4, "at_s": 4_950.0, "state": "released"}, entry | {"entry": 5, "at_s": 5_600.0,
                "state": "waits"}]  # fmt: skip
        return forms.Schedule(told_s=4_800.0, entries=[forms.ScheduleEntry.model_validate(row) for row in rows])

    async def dictionary(self, spacecraft: str) -> dict[str, Any]:
        return DICTIONARY.model_dump()

    async def check(self, order: forms.Order) -> forms.Checked:
        self.asked.append(("check", order))
        form = DICTIONARY.telecommand[order.steps[0].telecommand]
        for argument in form.arguments:
            if argument.high is not None and float(order.steps[0].arguments[argument.name]) > argument.high:
                raise UserError(f"arguments.{argument.name}: found 9e9; allowed: at most {argument.high:g}")
        return forms.Checked(steps=[], hazardous=[form.name] if form.name == self.hazardous else [])

    async def order(self, order: forms.Order, wait_s: float = 0.0) -> forms.Answer:
        self.asked.append(("order", order))
        step = order.steps[0]
        for number, whom in enumerate(step.to.split(",")):
            self.telecommands_.append(
                forms.TelecommandRow(
                    ground_boot=1, request=number, spacecraft=whom, name=step.telecommand, arguments=step.arguments,
                    origin="operator 1", asked_by="me", asked_from="api", asked_utc="2026-08-12T00:00:00Z",
                    requested_s=NOW_S, expires_s=9e4, state="COMPLETED", transmissions=1, changed_s=NOW_S, detail="",
                )
            )  # fmt: skip
        return forms.Answer(state="QUEUED", detail="waits for a contact", final=False, requests=[0])

    async def telecommands(
        self, spacecraft: str = "", *, open_: bool = False, limit: int = 200
    ) -> list[forms.TelecommandRow]:
        return self.telecommands_

    async def telecommand(self, ground_boot: int, request: int) -> forms.Followed:
        history = [forms.Happening(at_s=NOW_S, happening="report", state="COMPLETED", detail="")]
        return forms.Followed(telecommand=self.telecommands_[request], history=history)

    async def contacts(self, from_s: float | None = None, to_s: float | None = None) -> forms.Contacts:
        known = {"station": "svalbard", "aos_s": 6_100.0, "los_s": 6_700.0, "max_elevation_deg": 41.0}
        contacts = [forms.Contact(spacecraft=id, **known) for id in list(self.rows)[:3]]  # type: ignore[arg-type]
        return forms.Contacts(contacts=contacts, pointings=[])

    async def map(self, at_s: float | None = None) -> forms.Map:
        craft = [forms.Place(id=id, latitude_deg=10.0 + 7 * n, longitude_deg=-40.0 + 15 * n, altitude_m=6e5)
                 for n, id in enumerate(list(self.rows)[:5])]  # fmt: skip
        station = forms.Place(id="svalbard", latitude_deg=78.2, longitude_deg=15.4, altitude_m=450.0)
        sun = forms.Place(id="sun", latitude_deg=14.0, longitude_deg=-90.0, altitude_m=1.5e11)
        return forms.Map(at_s=NOW_S, spacecraft=craft, stations=[station], sun=sun)

    async def levels(self) -> dict[str, dict[str, Any]]:
        known = {"accelerator_hours": 41.5, "availability": 0.99, "energy_kwh": 12.0, "jobs_done": 7,
                 "inference_p99_s": None, "command_latency_s": 4.0,
                 "unknown": {"inference_p99_s": "no service has reported its latency"}}  # fmt: skip
        return dict.fromkeys(self.rows, known)

    async def procedures(self, spacecraft: str = "") -> list[forms.ProcedureForm]:
        return [forms.ProcedureForm(name="safe-mode-recovery", summary="Back to NOMINAL.", arguments=[])]

    async def procedure_runs(self) -> list[forms.ProcedureRun]:
        return self.runs

    async def start(
        self, procedure: str, spacecraft: list[str], arguments: Any = None, wait_s: float = 0.0
    ) -> forms.Answer:
        self.asked.append(("start", (procedure, spacecraft)))
        line = {"began_s": NOW_S, "ended_s": None, "step": "await contact", "outcome": ""}
        self.runs = [
            forms.ProcedureRun(
                run=1, name=procedure, spacecraft=spacecraft, arguments={}, origin="operator", state="ASKING",
                started_s=NOW_S, changed_s=NOW_S, detail="go on?", log=[line],
            )
        ]  # fmt: skip
        self.changed.set()
        return forms.Answer(state="RUNNING", detail="", final=False, run=1)

    async def answer(self, run: int, word: str) -> forms.Answer:
        self.asked.append(("answer", (run, word)))
        return forms.Answer(state="COMPLETED", detail="", final=True, run=run)

    async def abort(self, run: int) -> forms.Answer:
        self.asked.append(("abort", run))
        return forms.Answer(state="COMPLETED", detail="", final=True, run=run)

    async def acknowledge(self, alarm: int) -> forms.Answer:
        self.asked.append(("acknowledge", alarm))
        self.alarms_ = [each.model_copy(update={"state": "ACKNOWLEDGED"}) if each.alarm == alarm else each
                        for each in self.alarms_]  # fmt: skip
        self.changed.set()
        return forms.Answer(state="COMPLETED", detail="", final=True)

    async def shelve(self, alarm: int, for_s: float) -> forms.Answer:
        self.asked.append(("shelve", (alarm, for_s)))
        return forms.Answer(state="COMPLETED", detail="", final=True)
