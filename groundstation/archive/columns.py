"""Values of parameters as columns instead of rows: a day at 1 Hz is read, dated and down-sampled in one go.

What a value is, when it was made and what counts as late are the same as for single samples; the tests hold both
against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bus.wire.messages import Kind
from groundstation.archive.dating import TOLERANCE_NS, Dating
from groundstation.archive.reader import ArchiveReader

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Flags = NDArray[np.bool_]

NUMBER_BYTES = 8
_QUERY = (
    "SELECT boot, stream, sequence, obt_ns, received_ns, payload FROM packets"
    " WHERE spacecraft = ? AND kind = ? AND dictionary = ? AND number = ? AND received_ns >= ? AND received_ns < ?"
)
FOREVER_NS = 2**62


@dataclass(slots=True)
class Columns:
    """Values of one parameter in the order in which they were made: by boot, stream and sequence. `dated`: whether
    `made_ns` is known."""

    value: Floats
    obt_ns: Ints
    received_ns: Ints
    made_ns: Ints
    dated: Flags

    def late(self, live_ns: int) -> Flags:
        """Which were received long after they were made; by their stamp alone where nothing better is known."""
        import numpy as np  # noqa: PLC0415

        return self.received_ns - np.where(self.dated, self.made_ns, self.obt_ns) > live_ns

    def taken(self, which: Flags) -> Columns:
        """Some of them."""
        return Columns(
            self.value[which], self.obt_ns[which], self.received_ns[which], self.made_ns[which], self.dated[which]
        )


def read_columns(
    archive: ArchiveReader, spacecraft: str, parameters: Sequence[str], from_ns: int = 0, to_ns: int = FOREVER_NS
) -> dict[str, Columns]:
    """Everything of these parameters that was received in a span, each packet read once."""
    import numpy as np  # noqa: PLC0415 - the ground does without it until somebody asks for a plot

    version, dating = bytes.fromhex(archive.dictionary(spacecraft).version), archive.dating(spacecraft)
    found: dict[str, list[tuple[Ints, Floats]]] = {name: [] for name in parameters}
    for number, structure in archive.structures(spacecraft).items():
        places = [(place, name) for place, name in enumerate(structure.parameters) if name in found]
        if not places:
            continue
        of = (spacecraft, int(Kind.TELEMETRY), version, number, from_ns, to_ns)
        times, payloads = _rows(archive, of)
        for place, name in places:
            begin, end = NUMBER_BYTES * place, NUMBER_BYTES * (place + 1)
            there = np.array([len(payload) >= end for payload in payloads], dtype=bool)
            joined = b"".join([payload[begin:end] for payload in payloads if len(payload) >= end])
            found[name].append((times[there], np.frombuffer(joined, dtype="<f8")))
    return {name: _joined(parts, dating) for name, parts in found.items()}


def _rows(archive: ArchiveReader, of: tuple[Any, ...]) -> tuple[Ints, list[bytes]]:
    import numpy as np  # noqa: PLC0415

    rows = archive.fetch(_QUERY, of)
    payloads = [row[5] for row in rows]
    return np.array([row[:5] for row in rows], dtype=np.int64).reshape(len(rows), 5), payloads


def _joined(parts: list[tuple[Ints, Floats]], dating: Dating) -> Columns:
    import numpy as np  # noqa: PLC0415

    times = np.concatenate([part[0] for part in parts]) if parts else np.empty((0, 5), dtype=np.int64)
    values = np.concatenate([part[1] for part in parts]) if parts else np.empty(0)
    order = np.lexsort((times[:, 2], times[:, 1], times[:, 0]))
    times, values = times[order], values[order]
    made_ns, dated = made_of(dating, times[:, 3], times[:, 4])
    return Columns(values, times[:, 3], times[:, 4], made_ns, dated)


def made_of(dating: Dating, obt_ns: Ints, received_ns: Ints) -> tuple[Ints, Flags]:
    """As `Dating.made_ns`, for many stamps: (when made, whether that is known)."""
    import numpy as np  # noqa: PLC0415

    best_off = np.full(obt_ns.shape, np.iinfo(np.int64).max)
    best = np.zeros(obt_ns.shape, dtype=np.int64)
    dated = np.zeros(obt_ns.shape, dtype=bool)
    for shown_list, lines in dating.stretches:
        shown = np.array(shown_list, dtype=np.int64)
        place = np.searchsorted(shown, obt_ns, side="left")
        before, after = np.maximum(place - 1, 0), np.minimum(place, len(shown) - 1)
        near = np.where(np.abs(shown[after] - obt_ns) < np.abs(shown[before] - obt_ns), after, before)
        off = np.abs(shown[near] - obt_ns)
        at = np.array([line[0] for line in lines], dtype=np.int64)[near]
        ahead = np.array([round(line[1]) for line in lines], dtype=np.int64)[near]
        drift = np.array([line[2] for line in lines])[near]
        shown_ns = obt_ns - ahead
        made = shown_ns - np.rint(drift * (shown_ns - at)).astype(np.int64)
        better = (made <= received_ns + TOLERANCE_NS) & (~dated | (off <= best_off))
        best, best_off, dated = np.where(better, made, best), np.where(better, off, best_off), dated | better
    return best, dated
