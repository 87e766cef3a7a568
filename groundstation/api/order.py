"""In which order rows are told, by the server and on every console: what needs somebody first."""

from __future__ import annotations

from groundstation.api import forms

_TROUBLE = {"critical": 0, None: 1, "warning": 2, "normal": 3}


def by_trouble(rows: list[forms.FleetRow]) -> list[forms.FleetRow]:
    """Those in trouble first; who was never heard of stands before who only warns."""
    return sorted(rows, key=lambda row: (_TROUBLE[row.level], -row.alarms, by_number(row.id)))


def by_number(id: str) -> tuple[str, int, str]:
    """sat-2 stands before sat-10."""
    head = id.rstrip("0123456789")
    tail = id[len(head) :]
    return head, int(tail) if tail else -1, id


WAITS = ("ACTIVE", "CLEARED")
"""States of alarms that wait for somebody."""
_WORST = {"critical": 0, "warning": 1, "normal": 2}


def waiting_first(alarms: list[forms.Alarm]) -> list[forms.Alarm]:
    """Those that wait for somebody first, the worst of them first, the newest of these first."""
    return sorted(alarms, key=lambda row: (row.state not in WAITS, _WORST[row.level], -row.raised_s))
