"""`skyrack hil probe`: the gateway's own exchange with one device, tick by tick without a spacecraft."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from bus.clock import MachineClock
from bus.errors import ANSWERED_NO, Refused, UserError
from bus.participant import Moment
from bus.scenario.outside import OutsideDevice
from bus.text.near import one_of
from bus.wire.messages import Message
from bus.wire.outside import FLIGHT_SOFTWARE, GATEWAY_ID, DeviceSample, SoftwareCycle
from faults.scenarios.own_designs import Shelf
from node.assembly import outside_forms, software_form
from node.devices.device import DeviceForm
from node.hil.device_party import DeviceParty
from node.hil.gateway import AnyParty, Gateway
from node.hil.lines import MachineBench, line_to
from node.hil.software_party import SoftwareParty

WHO = "probe"
TIMEOUT_S = 1.0
BAR = 40
"""Characters of the longest bar."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What is asked for. rate_hz 0: one tick after the other."""

    endpoint: str
    design: str
    device: str
    layout: Literal["names", "fixed"]
    ticks: int
    rate_hz: float
    designs: tuple[Path, ...] = ()


def forms_of(name: str) -> Mapping[str, DeviceForm]:
    """What can be outside of a design: its devices, and its flight software as if it were one."""
    return {form.name: form for form in (*outside_forms(name), software_form(name))}


def form_of(design: str, device: str, designs: tuple[Path, ...] = ()) -> DeviceForm:
    """A device of a design that can be outside, or its flight software. Raises UserError."""
    forms = forms_of(Shelf(designs).find(design))
    if device not in forms:
        raise UserError(
            f"--device: found {device[:64]!r}; allowed: {one_of(forms, device)}", hint=f"skyrack list devices {design}"
        )
    return forms[device]


def probe_command(wanted: Probe, *, as_json: bool) -> int:
    """Measure and print; gives the exit status."""
    form = form_of(wanted.design, wanted.device, wanted.designs)
    try:
        line = line_to(wanted.endpoint)
    except Refused as error:
        raise UserError(f"endpoint: {error}") from error
    outside = OutsideDevice(
        endpoint=wanted.endpoint, part="hardware", layout=wanted.layout, timeout_s=TIMEOUT_S, answers_ticks=True,
        allowed_misses=0,
    )  # fmt: skip
    period_ns = round(1e9 / wanted.rate_hz) if wanted.rate_hz else 10**9
    software = form.name == FLIGHT_SOFTWARE
    party = (SoftwareParty if software else DeviceParty)(WHO, form, outside, line, tick_ns=period_ns)
    bench = MachineBench()
    gateway = Gateway([party], bench)
    gateway.open()
    clock = MachineClock()
    begun_ns = clock.now_ns()
    values = tuple(0.0 if channel.source else None for channel in form.channels)
    for tick in range(wanted.ticks):
        start_ns = (tick + 1) * period_ns
        body = (
            SoftwareCycle(boot=1, reason=0, obt_ns=start_ns, values=values)
            if software
            else DeviceSample(device=form.name, values=values)
        )
        sample = Message(start_ns, WHO, tick, GATEWAY_ID, body)
        if wanted.rate_hz:
            while clock.now_ns() < begun_ns + tick * period_ns:
                bench.wait((), begun_ns + tick * period_ns)
        gateway.step(Moment(tick + 1, start_ns, start_ns + period_ns), [sample])
    took_s = (clock.now_ns() - begun_ns) / 1e9
    gateway.close("the probe is over")
    _print(wanted, party, took_s, as_json=as_json)
    return ANSWERED_NO if party.counts.misses else 0


def _print(wanted: Probe, party: AnyParty, took_s: float, *, as_json: bool) -> None:
    row = party.timing.row()
    if as_json:
        content = {"endpoint": wanted.endpoint, "device": wanted.device, "ticks": wanted.ticks, "took_s": took_s}
        sys.stdout.write(json.dumps({**content, **row, "counts": asdict(party.counts)}, indent=1) + "\n")
        return
    counts = [f"{n:,} {what.replace('_', ' ')}" for what, n in asdict(party.counts).items() if n]
    lines = [f"{wanted.device} at {wanted.endpoint}: {wanted.ticks:,} ticks in {took_s:.3g} s; {', '.join(counts)}"]
    if row["round_trips"]:
        told = {name: row[f"round_trip_{name}_us"] / 1000.0 for name in ("p50", "p99", "worst")}
        lines.append("round trip " + ", ".join(f"{name} {ms:.3g} ms" for name, ms in told.items()))
        most = max(count for _, count in row["round_trips"])
        lines += [
            f"  to {edge_us / 1000.0:>8.3g} ms  {count:>9,}  {'#' * -(-count * BAR // most)}"
            for edge_us, count in row["round_trips"]
        ]
    sys.stdout.write("\n".join(lines) + "\n")
