"""What the archive has deleted because the scenario wants it so, as a part of the report."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from bus.text.times import clock, span
from faults.report.html import table

MAX_ROWS = 200


def retention(found: Mapping[str, Any] | None) -> str:
    """Words and a table; nothing where everything is kept."""
    if found is None:
        return ""
    age, size = found["age_s"], found["size_bytes"]
    rules = [f"at most {span(age)} after its receipt"] if age is not None else []
    rules += [f"at most {size:,} bytes in all"] if size is not None else []
    said = f"The archive keeps telemetry {' and '.join(rules)}."
    if found["kept_bytes"] is not None:
        said += f" At the end it held {found['kept_bytes']:,} bytes of it"
        said += f"; {found['waiting']:,} packets were due, but not yet acknowledged." if found["waiting"] else "."
    said += " Retired packets had been archived; values told to the ground before the watermark are in no chart."
    streams = found["streams"]
    if streams is None:
        return f"<p class='soft'>{escape(said)} What was retired is unknown.</p>"
    rows = [
        [
            escape(row["spacecraft"]),
            str(row["boot"]),
            str(row["stream"]),
            f"{row['packets']:,}",
            f"{row['bytes']:,}",
            clock(row["until_s"]),
        ]
        for row in streams[:MAX_ROWS]
    ]
    heads = ["Spacecraft", "Boot #", "Stream #", "Packets retired #", "Bytes #", "All received until #"]
    left = len(streams) - len(rows)
    more = f"<p class='soft'>{left:,} more are in the archive.</p>" if left else ""
    return f"<p class='soft'>{escape(said)}</p>" + table(heads, rows, empty="Nothing was retired.") + more
