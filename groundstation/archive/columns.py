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
    " ORDER BY boot, stream, sequence"
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


def read_columns(
    archive: ArchiveReader, spacecraft: str, parameters: Sequence[str], from_ns: int = 0, to_ns: int = FOREVER_NS
) -> dict[str, Columns]:
    """Everything of these parameters that was received in a span, each packet read once."""
    version, dating = bytes.fromhex(archive.dictionary(spacecraft).version), archive.dating(spacecraft)
    parts: dict[str, list[_Part]] = {name: [] for name in parameters}
    for number, structure in archive.structures(spacecraft).items():
        places = [(place, name) for place, name in enumerate(structure.parameters) if name in parts]
        if places:
            of = (spacecraft, int(Kind.TELEMETRY), version, number, from_ns, to_ns)
            found = _values(archive.columns(_QUERY, of), [place for place, _ in places])
            for (_, name), part in zip(places, found, strict=True):
                parts[name].append(part)
    return {name: _joined(each, dating) for name, each in parts.items()}


_Part = tuple["Ints", "Floats"]
"""Rows of (boot, stream, sequence, obt, received), and the values that go with them."""


def _values(columns: list[Sequence[Any]], places: list[int]) -> list[_Part]:
    """The values at these places of the packets that are long enough to have them."""
    import numpy as np  # noqa: PLC0415 - the ground does without it until somebody asks for a plot

    *numbers, payloads = columns
    times = np.array(numbers, dtype=np.int64)
    lengths = {len(payload) // NUMBER_BYTES for payload in payloads}
    if len(lengths) == 1 and max(places) < min(lengths) and len(payloads[0]) % NUMBER_BYTES == 0:
        matrix = np.frombuffer(b"".join(payloads), dtype="<f8").reshape(len(payloads), min(lengths))
        return [(times, matrix[:, place]) for place in places]
    found = []
    for place in places:
        begin, end = NUMBER_BYTES * place, NUMBER_BYTES * (place + 1)
        there = np.array([len(payload) >= end for payload in payloads], dtype=bool)
        joined = b"".join([payload[begin:end] for payload in payloads if len(payload) >= end])
        found.append((times[:, there], np.frombuffer(joined, dtype="<f8")))
    return found


def _joined(parts: list[_Part], dating: Dating) -> Columns:
    """In the order in which they were made, as each part is; a parameter may be in several structures."""
    import numpy as np  # noqa: PLC0415

    times = np.concatenate([part[0] for part in parts], axis=1) if parts else np.empty((5, 0), dtype=np.int64)
    values = np.concatenate([part[1] for part in parts]) if parts else np.empty(0)
    if len(parts) > 1:
        order = np.lexsort((times[2], times[1], times[0]))
        times, values = times[:, order], values[order]
    made_ns, dated = made_of(dating, times[3], times[4])
    return Columns(values, times[3], times[4], made_ns, dated)


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
