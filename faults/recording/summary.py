"""summary.json: the figures of a run under stable keys, as `docs/reference/summary.md` documents them.

A key once published keeps its meaning; new ones may be added. Takes a recording, reads no files.
"""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from bus.text.times import span
from bus.version import VERSION
from faults.catalogue.injection_ids import injection_ids
from faults.oracle.judge import Judgement
from faults.recording.books import Ledger
from faults.recording.outside import outside_rows, untimely
from faults.recording.programs import behind, program_rows
from faults.recording.recording import FaultRecord, Recording
from faults.recording.retention import retention_row
from faults.recording.software import own_software
from groundstation.config import GROUND_ID

TELECOMMAND_STATES = ("sent", "completed", "failed", "rejected", "expired", "indeterminate")
_PACKAGES = ("numpy", "numba", "sgp4", "msgpack", "pydantic", "pyzmq")
_HOUSE = Path(__file__).resolve().parents[2]
_SOURCES = ("bus", "node", "groundstation", "faults")


@lru_cache(maxsize=1)
def sources_digest() -> str:
    """16 hex digits that name this very Skyrack: its program files and its data, by content."""
    digest = hashlib.blake2b(digest_size=8)
    for room in _SOURCES:
        for path in sorted((_HOUSE / room).rglob("*")):
            if (
                path.is_file()
                and "__pycache__" not in path.parts
                and not (path.suffix == ".yaml" and path.parent.name == "scenarios")
            ):
                content = path.read_bytes()
                digest.update(f"{path.relative_to(_HOUSE).as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def changes_since(recorded: Mapping[str, str]) -> list[str]:
    """What decides bits and is another one here than where something was recorded, in words; Skyrack itself first."""
    here = versions()
    differ = {name: version for name, version in sorted(recorded.items()) if here.get(name) != version}
    found = ["Skyrack was changed since"] if {"skyrack", "sources"} & differ.keys() else []
    return found + [
        f"recorded with {name} {version}, here is {here.get(name, 'none')}" for name, version in differ.items()
    ]


def versions() -> dict[str, str]:
    """Everything that decides bits, by name."""
    found = {"skyrack": VERSION, "sources": sources_digest(), "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "absent"
    return found


def summarise(
    recording: Recording,
    judgements: Sequence[Judgement],
    *,
    mode: str,
    pace: str,
    wall_s: float | None,
    error: str = "",
    restarts: int | None = 0,
    refused: Sequence[Mapping[str, Any]] | None = (),
    injections: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """The content of summary.json. `error` is what the range failed of, empty if it did not; `restarts` counts
    processes that died and came back. None: nobody is left who knows."""
    scenario = recording.scenario
    books = recording.books
    ledgers = {
        each.id: books.ledgers.get(each.id, Ledger(None, None, None, None, None)) for each in scenario.spacecraft
    }
    waived = {one.text: one.waive for one in scenario.expectations}
    node_steps = recording.ticks * len(scenario.spacecraft)
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "mode": mode,
        "pace": pace,
        "ticks": recording.ticks,
        "spacecraft": [spacecraft.id for spacecraft in scenario.spacecraft],
        "sim_s": recording.end_s,
        "wall_s": None if wall_s is None else round(wall_s, 3),
        "node_steps_per_s": round(node_steps / wall_s, 1) if wall_s else None,
        "late_ticks": recording.late_ticks,
        "complete": recording.complete,
        "error": error,
        "restarts": restarts,
        "refused": None if refused is None else [dict(row) for row in refused],
        "trace_hash": recording.trace_hash,
        "lost": [
            {"id": loss.id, "tick": loss.tick, "at_s": loss.tick * scenario.tick_ns / 1e9, "reason": loss.reason}
            for loss in recording.lost
        ],
        "telecommands": {state: _count(books.counters.get(f"tc_{state}")) for state in TELECOMMAND_STATES},
        "telemetry": {
            "total": _row(_total(list(ledgers.values()))),
            "spacecraft": {spacecraft: _row(ledger) for spacecraft, ledger in ledgers.items()},
        },
        "retention": retention_row(recording),
        "parameters": [
            {
                "spacecraft": report.spacecraft,
                "parameter": report.name,
                "value": report.value,
                "unit": report.unit,
                "received_s": report.received_s,
            }
            for report in recording.parameters
        ],
        "service_levels": dict(recording.service_levels) or None,
        "crosslinks": {name: dict(row) for name, row in recording.crosslinks.items()} or None,
        "alarms": recording.operations.alarms,
        "procedures": recording.operations.procedures,
        "flight_software": [own.row() for own in own_software(recording)],
        "devices_outside": outside_rows(recording),
        "programs": program_rows(recording, paced=pace != "free"),
        "recorded": _recorded(recording),
        "never_sent": _never_sent(recording),
        "refused_faults": sum(bool(fault.refused) for fault in _planned(recording)),
        "faults": [
            {
                "id": fault.id,
                "fault": fault.fault,
                "target": fault.target,
                "seam": fault.seam,
                "at_s": fault.at_s,
                "cleared_s": fault.cleared_s,
                "refused": fault.refused,
            }
            for fault in recording.faults
        ],
        "injections": [dict(row) for row in injections],
        "expectations": [
            {
                "text": judgement.text,
                "verdict": judgement.verdict,
                "robustness": judgement.robustness,
                "first_violation_s": judgement.first_violation_s,
                "reason": judgement.reason,
                "waive": waived.get(judgement.text, ""),
            }
            for judgement in judgements
        ],
        "versions": dict(recording.versions),
    }


def to_json(summary: dict[str, Any]) -> str:
    """As it is written: keys in their documented order, no NaN."""
    return json.dumps(summary, indent=2, allow_nan=False) + "\n"


def exit_status(summary: Mapping[str, Any]) -> int:
    """0 if all is as expected; 1 if an expectation does not hold or could not be judged, or a fault never acted, and
    nobody has waived that; 3 if the range did not fly what the scenario says, or cannot account for it."""
    if shortcomings(summary):
        return 3
    judged = [*summary["expectations"], *summary.get("injections", ())]
    return 1 if any(open_verdict(row) for row in judged) else 0


def open_verdict(row: Mapping[str, Any]) -> bool:
    """A row that is not as it should be: FAIL, or INCONCLUSIVE that nobody has waived."""
    return bool(row["verdict"] == "FAIL" or (row["verdict"] == "INCONCLUSIVE" and not row.get("waive")))


def shortcomings(summary: Mapping[str, Any]) -> list[str]:
    """Why nothing of this run may look green, in words: what failed, who was lost, what is unknown or refused."""
    lost = {loss["id"]: loss["reason"] for loss in summary["lost"]}
    found = [summary["error"]] if summary["error"] and summary["error"] not in lost.values() else []
    if not summary["complete"] and not summary["error"]:
        found.append("the run did not reach its end")
    found += [f"{loss['id']} was lost at tick {loss['tick']}: {loss['reason']}" for loss in summary["lost"]]
    if summary["recorded"]["archive"]["trouble"] and GROUND_ID not in lost:
        found.append(f"the archive is not what the ground wrote: {summary['recorded']['archive']['trouble']}")
    for spacecraft, row in summary["telemetry"]["spacecraft"].items():
        if row["unaccounted"]:
            found.append(f"{row['unaccounted']:,} packets of {spacecraft} are unaccounted for")
        elif _out_of_sight(summary, row):
            more = row["archived"] + (row["retired"] or 0) - row["generated"]
            if more > 0:
                found.append(f"the ground archived {more:,} packets of {spacecraft} more than were generated")
        elif row["unaccounted"] is None and not found:
            found.append(f"the telemetry of {spacecraft} is unknown")
    if None in summary["telecommands"].values() and not found:
        found.append("what became of the telecommands is unknown")
    found += untimely(summary.get("devices_outside", ()))
    found += behind(summary.get("programs", ()))
    if summary["refused_faults"]:
        found.append(f"{summary['refused_faults']} of the scenario's faults were refused")
    return found


def telecommands_in_words(summary: Mapping[str, Any]) -> str:
    """What became of the telecommands: the ground's own account, or without it what the trace shows."""
    counts, never = summary["telecommands"], summary["never_sent"]["telecommands"]
    more = f"; {never:,} of the timeline never sent" if never else ""
    if None in counts.values():
        seen = _named(summary["recorded"]["trace"]["telecommands"])
        return f"unknown, {GROUND_ID} gave no account; as far as recorded: {seen}{more}"
    return _named(counts) + more


def _out_of_sight(summary: Mapping[str, Any], row: Mapping[str, int | None]) -> bool:
    """Ground and spacecraft gave their accounts, and only an archive kept elsewhere could settle them."""
    elsewhere: bool = summary["recorded"]["archive"]["elsewhere"]
    return elsewhere and row["generated"] is not None and row["archived"] is not None


def telemetry_in_words(summary: Mapping[str, Any]) -> str:
    """The ledger of all spacecraft, or where a part is unknown what the archive shows."""
    total, archive = dict(summary["telemetry"]["total"]), summary["recorded"]["archive"]
    missing = total.pop("unaccounted")
    if missing is not None:
        return _named(total) + ("; ledger closed" if not missing else f"; {missing:,} UNACCOUNTED")
    if _out_of_sight(summary, total):
        return f"{_named(total)}; the archive is elsewhere: what was lost or stays on board is not settled"
    seen = archive["trouble"] if archive["packets"] is None else f"{archive['packets']:,} packets in the archive"
    return f"unknown; as far as recorded: {seen}"


def margin_in_words(robustness: float) -> str:
    """A margin to four digits, without an exponent where it is a number that people read."""
    return f"{robustness:,.0f}" if 1000.0 <= abs(robustness) < 1e12 else f"{robustness:.4g}"


def alarms_in_words(summary: Mapping[str, Any]) -> str:
    """How many alarms were raised, by level, and which are still open; empty if there was none."""
    rows = summary["alarms"] or []
    counts = {level: sum(row["level"] == level for row in rows) for level in ("warning", "critical")}
    counts["not acknowledged"] = sum(row["state"] in ("ACTIVE", "CLEARED") for row in rows)
    return _named(counts) if rows else ""


def levels_in_words(summary: Mapping[str, Any]) -> str:
    """What the fleet has delivered, as the ground knows it; empty where nothing is known."""
    fleet = (summary["service_levels"] or {}).get("fleet", {}).get("belief", {})
    hours, share = fleet.get("accelerator_hours"), fleet.get("availability")
    if hours is None:
        return ""
    each = fleet["energy_per_accelerator_hour_kwh"]
    parts = [f"{hours:,.2f} accelerator-hours"]
    parts += [f"{100.0 * share:.1f} % available"] if share is not None else []
    parts += [f"{each:.3f} kWh each"] if each is not None else []
    parts += [f"{fleet['jobs_done']:,} jobs completed"] if fleet["jobs_done"] else []
    p99_s, latency_s = fleet["inference_p99_worst_s"], fleet["command_latency_worst_s"]
    parts += [f"inference p99 at most {p99_s:.3g} s"] if p99_s is not None else []
    parts += [f"telecommands completed within {span(latency_s)}"] if latency_s is not None else []
    return ", ".join(parts)


def _named(counts: Mapping[str, int | None]) -> str:
    return ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items() if number) or "none"


def _recorded(recording: Recording) -> dict[str, Any]:
    """What trace and archive hold, as far as they reach: told whether or not anybody's account is there."""
    archived, states = recording.books.archived, [telecommand.state for telecommand in recording.telecommands]
    return {
        "until_s": recording.end_s,
        "trace": {
            "telecommands": {"sent": len(states)}
            | {state: states.count(state) for state in sorted({*states} - {"sent"})},
            "events": len(recording.events),
        },
        "archive": {
            "trouble": archived.trouble,
            "elsewhere": archived.elsewhere,
            "packets": None if archived.packets is None else sum(archived.packets.values()),
            "spacecraft": None if archived.packets is None else dict(archived.packets),
            "telecommands": None if archived.telecommands is None else dict(sorted(archived.telecommands.items())),
        },
    }


def _planned(recording: Recording) -> list[FaultRecord]:
    """The injections of the scenario's own faults."""
    ids = {(fault.target, id) for fault in recording.scenario.faults for id in injection_ids(fault)}
    return [fault for fault in recording.faults if (fault.target, fault.id) in ids]


def _never_sent(recording: Recording) -> dict[str, int | None]:
    """What the timeline wanted and nobody did: telecommands never radiated (None without an archive that knows), and
    faults that neither acted nor were refused."""
    radiated = recording.books.archived.from_timeline
    return {
        "telecommands": None if radiated is None else recording.scenario.telecommands - radiated,
        "faults": sum(fault.at_s is None and not fault.refused for fault in _planned(recording)),
    }


def _total(ledgers: Sequence[Ledger]) -> Ledger:
    return Ledger(
        _sum([ledger.generated for ledger in ledgers]),
        _sum([ledger.archived for ledger in ledgers]),
        _sum([ledger.declared_lost for ledger in ledgers]),
        _sum([ledger.on_board for ledger in ledgers]),
        _sum([ledger.retired for ledger in ledgers]),
    )


def _sum(parts: Sequence[int | None]) -> int | None:
    """The total, None if a part of it is unknown or there is none."""
    known = [part for part in parts if part is not None]
    return sum(known) if known and len(known) == len(parts) else None


def _count(value: float | None) -> int | None:
    return None if value is None else int(value)


def _row(ledger: Ledger) -> dict[str, int | None]:
    return {
        "generated": ledger.generated,
        "archived": ledger.archived,
        "retired": ledger.retired,
        "declared_lost": ledger.declared_lost,
        "on_board": ledger.on_board,
        "unaccounted": ledger.unaccounted,
    }
