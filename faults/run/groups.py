"""Several spacecraft in one process: who flies with whom, by name, by share, and by what this machine carries.

Names and numbers only; nothing is started here.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bus.errors import EnvironmentFault, UnknownNameError, UserError
from bus.sockets.keys import spacecraft_in
from bus.wire.messages import ID_PATTERN

MOST_IN_A_PROCESS = 1000
"""More would need more sockets than a ZeroMQ context is given (`sockets.zeromq`)."""
ALONE_PER_CORE = 50
"""One process each up to here: 100 on two cores keep up in lockstep and at 1 Hz (`make bench`, lockstep)."""
ALONE_MIB = 96
"""Private memory of a process with one spacecraft, at most (`make bench`, lockstep)."""
GROUPS_PER_CORE = 2
"""Where they are grouped: while one process of a core waits for the bus, the other works."""
_SHARE_OF_MEMORY = 0.6
"""Of what is free; the rest is for bus, ground and everybody else."""
_RANGE = re.compile(r"(?P<stem>[a-z][a-z0-9-]*?)(?P<first>\d+)\.\.(?P<again>[a-z][a-z0-9-]*?)(?P<last>\d+)")
_SHARE = re.compile(r"(\d{1,6})/(\d{1,6})")


def label(ids: Sequence[str]) -> str:
    """The name of a process: of its log, and in run.json. No spacecraft can be called like a group."""
    return ids[0] if len(ids) == 1 else f"{ids[0]}+{len(ids) - 1}"


def in_groups(ids: Sequence[str], per_process: int) -> list[tuple[str, ...]]:
    """Neighbours of the scenario's order together, at most so many in a process, all groups as equal as can be."""
    count = -(-len(ids) // per_process)
    return [tuple(ids[place * len(ids) // count : (place + 1) * len(ids) // count]) for place in range(count)]


def per_process_here(spacecraft: int) -> int:
    """How many to a process on this machine: one, as long as it carries that."""
    cores = len(os.sched_getaffinity(0))
    if spacecraft <= min(ALONE_PER_CORE * cores, int(_SHARE_OF_MEMORY * free_mib() / ALONE_MIB)):
        return 1
    return min(MOST_IN_A_PROCESS, -(-spacecraft // (GROUPS_PER_CORE * cores)))


def free_mib() -> float:
    """Memory that this process and its children may still have: the machine's, or what a control group leaves."""
    free = [_kib("/proc/meminfo", "MemAvailable:") / 1024]
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    with suppress(OSError, ValueError):  # "max": no limit; no file: no control group of our own
        free.append((int(limit.read_text()) - int(used.read_text())) / 2**20)
    return min(free)


def _kib(file: str, name: str) -> float:
    try:
        lines = Path(file).read_text(encoding="ascii").splitlines()
    except OSError:
        return float("inf")
    return next((float(line.split()[1]) for line in lines if line.startswith(name)), float("inf"))


def chosen_ids(ids: str, share: str, keys: Path) -> list[str]:
    """Whom `--ids` or `--share` means, each with a key in `keys`."""
    if bool(ids) == bool(share):
        raise UserError("which spacecraft? --ids or --share, one of them", hint="--ids sat-1..sat-20, or --share 0/4")
    there = with_keys(keys)
    if share:
        return share_of(share, there)
    wanted, known = expand(ids), set(there)
    for id in wanted if known else ():
        if id not in known:
            hint = f"{keys} has the keys of {len(there)} spacecraft"
            raise UnknownNameError("spacecraft", id, difflib.get_close_matches(id, there, 3), hint=hint)
    return wanted


def with_keys(keys: Path) -> list[str]:
    """The spacecraft that have a key there, numbers in the order of numbers."""
    return sorted(spacecraft_in(keys), key=_numerically)


def _numerically(id: str) -> list[tuple[bool, int, str]]:
    parts = [part for part in re.split(r"(\d+)", id) if part]
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def share_of(share: str, ids: Sequence[str]) -> list[str]:
    """`K/N`: the K-th of N equal shares, counted from 0, as the pods of a set are."""
    found = _SHARE.fullmatch(share)
    place, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not place < count:
        raise UserError(f"--share: found {share!r}; allowed: K/N with K from 0 to N - 1", hint="such as --share 0/4")
    if not ids:
        raise EnvironmentFault("--share: no spacecraft has a key in --keys", hint="the bus makes the keys of a run")
    mine = list(ids[place * len(ids) // count : (place + 1) * len(ids) // count])
    if not mine:
        raise UserError(f"--share: found {share}; {len(ids)} spacecraft have no {count} shares", hint="fewer shares")
    return mine


def expand(text: str) -> list[str]:
    """`sat-1..sat-3,dawn-1`: ranges and names, in this order. UserError for what is neither, or twice there."""
    ids: list[str] = []
    for part in (each.strip() for each in text.split(",")):
        ids += _one(part)
        if len(ids) > MOST_IN_A_PROCESS:
            raise UserError(f"--ids: more than {MOST_IN_A_PROCESS:,} in one process", hint="several processes")
    twice = sorted({id for id in ids if ids.count(id) > 1})
    if twice:
        raise UserError(f"--ids: {twice[0]} is there twice", hint="each spacecraft flies once")
    return ids


def _one(part: str) -> list[str]:
    if re.fullmatch(ID_PATTERN, part):
        return [part]
    found = _RANGE.fullmatch(part)
    if not found or found["stem"] != found["again"] or int(found["first"]) > int(found["last"]):
        raise UserError(
            f"--ids: found {part!r}; allowed: a name such as dawn-1, or a range such as sat-1..sat-20",
            hint="names and ranges with commas between them",
        )
    first, last, width = int(found["first"]), int(found["last"]), len(found["first"])
    if last - first >= MOST_IN_A_PROCESS:
        raise UserError(f"--ids: {part} are more than {MOST_IN_A_PROCESS:,}", hint="several processes")
    return [f"{found['stem']}{number:0{width}}" for number in range(first, last + 1)]
