"""How long a 50-value telemetry message takes through the codec, against bare msgpack in the same run.

    python benchmarks/codec.py [--json]

`ratio` is decode-and-validate over `msgpack.unpackb` of the same content without checksum, limits, schema or model.
Each figure is the best of several rounds: what the code costs, not what the machine was doing besides.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import msgpack

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bus.lockstep.ticks import read_tock, write_tock
from bus.participant import Moment, Outbox
from bus.snapshot.pack import pack, unpack
from bus.wire.codec import decode, encode, peek
from bus.wire.messages import Message, Telemetry

TARGET_RATIO = 4.0  # decode + validate against bare msgpack
ROUNDS = 15


@dataclass
class Memory:
    """A state of the size of a small flight software's."""

    numbers: list[float]
    counters: dict[str, int]
    raw: bytes


def best_us(work: Callable[[], object], repeat: int = 2000) -> float:
    """Microseconds per call, best round."""
    best = float("inf")
    for _ in range(ROUNDS):
        start = perf_counter()
        for _ in range(repeat):
            work()
        best = min(best, perf_counter() - start)
    return best / repeat * 1e6


def measure() -> dict[str, float | int | bool]:
    """All figures."""
    body = Telemetry(
        boot=3, stream=3, sequence=4711, obt_ns=86_400_000_000_000, structure=7, dictionary=b"12345678",
        values=tuple(index * 1.1 + 0.1 for index in range(50)),
    )  # fmt: skip
    message = Message(86_401_000_000_000, "sat-a", 99, "ground", body)
    frame = encode(message)
    bare = msgpack.packb([1, message.sent_ns, message.source, 99, message.destination, 21, body.__dict__, b""])
    moment = Moment(5, 5_000_000_000, 6_000_000_000)
    tock = write_tock("sat-a", moment, Outbox(truth=b"\x00" * 160, beacon=b"\x00" * 88))
    state = Memory([0.5] * 200, {f"counter-{n}": n for n in range(40)}, b"\x00" * 2000)
    packed = pack(state)
    # Alternate, so that both see the same machine.
    ratios, decoded, unpacked = [], [], []
    for _ in range(5):
        unpacked.append(best_us(lambda: msgpack.unpackb(bare)))
        decoded.append(best_us(lambda: decode(frame)))
        ratios.append(decoded[-1] / unpacked[-1])
    ratio = sorted(ratios)[len(ratios) // 2]
    return {
        "frame_bytes": len(frame),
        "bare_msgpack_us": round(min(unpacked), 3),
        "decode_us": round(min(decoded), 3),
        "encode_us": round(best_us(lambda: encode(message)), 3),
        "peek_us": round(best_us(lambda: peek(frame)), 3),
        "read_tock_us": round(best_us(lambda: read_tock("sat-a", tock)), 3),
        "state_bytes": len(packed),
        "state_pack_us": round(best_us(lambda: pack(state), 300), 3),
        "state_unpack_us": round(best_us(lambda: unpack(Memory, packed), 300), 3),
        "ratio": round(ratio, 2),
        "target_ratio": TARGET_RATIO,
        "ok": ratio <= TARGET_RATIO,
    }


def main() -> int:
    """Prints; exit status 1 if the target is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    figures = measure()
    if parser.parse_args().json:
        print(json.dumps(figures))
    else:
        print(f"telemetry of 50 values, {figures['frame_bytes']} bytes a frame")
        print(f"  bare msgpack.unpackb   {figures['bare_msgpack_us']:8.2f} us")
        ratio = f"{figures['ratio']:.2f} x bare msgpack (target {TARGET_RATIO:g} x)"
        print(f"  decode and validate    {figures['decode_us']:8.2f} us, {ratio}")
        print(f"  encode                 {figures['encode_us']:8.2f} us")
        print(f"  peek (forwarding)      {figures['peek_us']:8.2f} us")
        print(f"an empty Tock, read and checked by the bus {figures['read_tock_us']:.2f} us")
        print(
            f"state of {figures['state_bytes']} bytes: pack {figures['state_pack_us']:.1f} us, "
            f"unpack {figures['state_unpack_us']:.1f} us"
        )
    return 0 if figures["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
