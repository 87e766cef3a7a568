"""`skyrack list devices DESIGN`: what each device measures and takes, and whether it can be outside; flight software as
the last of them."""

from __future__ import annotations

from typing import Any

from node.assembly import equipment, software_form
from node.designs.load import load_design
from node.devices.definitions import device_forms
from node.devices.device import NEVER_OUTSIDE
from node.hil.language import dictionary_of, measured_of, orders_of


def device_rows(design: str) -> list[dict[str, Any]]:
    """One row per device. parts: what the word `part` of a scenario can say of it."""
    rows = []
    for form in device_forms(equipment(load_design(design))):
        outside = form.name not in NEVER_OUTSIDE
        rows.append(
            {
                "name": form.name,
                "parts": "simulated, software, hardware" if outside else "simulated",
                "channels": len(form.channels),
                "period_s": form.period_s,
                "stale_after_s": form.stale_after_s,
                "orders": ", ".join(orders_of(form) if outside else [name for name, _ in form.orders]),
                "measured": ", ".join(measured_of(form)) if outside else "",
                "dictionary": dictionary_of(form) if outside else "",
            }
        )
    software = software_form(design)
    rows.append(
        {
            "name": software.name,
            "parts": "simulated, software, hardware",
            "channels": len(software.channels),
            "period_s": 0.0,
            "stale_after_s": "",
            "orders": "those of all devices",
            "measured": "",
            "dictionary": dictionary_of(software),
        }
    )
    return rows
