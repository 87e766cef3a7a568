"""What a flooder and a stopped subscriber cost the others: p99 of the latency of messages, beside the same without.

    python benchmarks/bystanders.py [--json] [--seconds S]

Over ZeroMQ on loopback: four participants send a message every 5 ms to the bus's router, and an observer reads every
record that the bus publishes every 5 ms. Then again with a fifth participant that sends ten times as much, and with a
second observer that never reads. Latencies are by the clock, from sending to receiving, so a busy machine moves all
of them: rounds of each kind alternate, and the least p99 of each counts.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import struct
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bus.sockets.keys import load_grants, load_key, load_public, make_keys
from bus.sockets.ports import DealerPort, Network, PublisherPort, RouterPort, SubscriberPort

LOOPBACK, PERIOD_S, SENDERS, ROUNDS = "tcp://127.0.0.1:0", 0.005, 4, 8
FACTOR, CONTENT, RECORD = 10, bytes(400), bytes(4000)
TARGET_RATIO = 2.0
_STAMP = struct.Struct("<d")


async def send(dealer: DealerPort, period_s: float, until_s: float) -> None:
    """A stamped message a period."""
    due_s = perf_counter()
    while perf_counter() < until_s:
        dealer.push([_STAMP.pack(perf_counter()), CONTENT])
        due_s += period_s
        await asyncio.sleep(max(0.0, due_s - perf_counter()))


async def flood(endpoint: str, keys: Path, name: str, seconds: float) -> None:
    """A participant of its own, as a process of its own: `FACTOR` times as much as the others."""
    with Network() as network:
        dealer = network.dealer(endpoint, load_key(keys, name), load_public(keys, "bus"), name.encode())
        await dealer.opened()
        await send(dealer, PERIOD_S / FACTOR, perf_counter() + seconds)


async def collect(router: RouterPort, found: dict[str, list[float]]) -> None:
    """Latencies of what comes, by sender."""
    while True:
        for peer, frames in await router.receive():
            found.setdefault(peer.identity, []).append(perf_counter() - _STAMP.unpack(frames[0])[0])


async def publish(publisher: PublisherPort, until_s: float) -> None:
    """A stamped record a period."""
    due_s = perf_counter()
    while perf_counter() < until_s:
        publisher.publish(_STAMP.pack(perf_counter()) + RECORD)
        due_s += PERIOD_S
        await asyncio.sleep(max(0.0, due_s - perf_counter()))


async def watch(observer: SubscriberPort, found: list[float]) -> None:
    """Latencies of what is published."""
    while True:
        content = await observer.receive()
        found.append(perf_counter() - _STAMP.unpack_from(content)[0])


async def fly(seconds: float, *, flooder: bool, stopped: bool) -> tuple[float, float]:
    """p99 (s) of the quiet senders' messages, and of the records that the first observer reads."""
    names = [f"sat-{n}" for n in range(SENDERS + 1)]
    with tempfile.TemporaryDirectory() as folder:
        keys = Path(folder) / "keys"
        make_keys(keys, names)
        with Network(load_grants(keys)) as bus, Network() as others, Network() as deaf:
            router = bus.router(LOOPBACK, load_key(keys, "bus"), "time")
            publisher = bus.publisher(LOOPBACK, load_key(keys, "bus"), "observe")
            server = load_public(keys, "bus")
            dealers = [
                others.dealer(router.endpoint, load_key(keys, name), server, name.encode()) for name in names[:SENDERS]
            ]
            for dealer in dealers:
                await dealer.opened()
            observer = others.subscriber(publisher.endpoint, load_key(keys, "observer"), server)
            if stopped:
                deaf.subscriber(publisher.endpoint, load_key(keys, "observer"), server)
            arguments = [
                sys.executable,
                __file__,
                "--flood",
                router.endpoint,
                str(keys),
                names[SENDERS],
                str(seconds + 1),
            ]
            process = await asyncio.create_subprocess_exec(*arguments) if flooder else None
            await asyncio.sleep(0.2)
            if process is not None:
                await router.receive()  # it has begun
            latencies: dict[str, list[float]] = {}
            records: list[float] = []
            until_s = perf_counter() + seconds
            async with asyncio.TaskGroup() as tasks:
                readers = [tasks.create_task(collect(router, latencies)), tasks.create_task(watch(observer, records))]
                work = [tasks.create_task(send(dealer, PERIOD_S, until_s)) for dealer in dealers]
                work += [tasks.create_task(publish(publisher, until_s))]
                await asyncio.gather(*work)
                await asyncio.sleep(0.1)
                for reader in readers:
                    reader.cancel()
            if process is not None:
                process.terminate()
                await process.wait()
    quiet = sorted(one for name in names[:SENDERS] for one in latencies[name])
    return p99(quiet), p99(sorted(records))


def p99(ordered: list[float]) -> float:
    """Nearest rank."""
    return ordered[-(-99 * len(ordered) // 100) - 1]


def measure(seconds: float) -> dict[str, float | bool]:
    """All figures; milliseconds."""
    kinds = {"alone": (False, False), "flooded": (True, False), "stopped": (False, True)}
    mail, records = dict.fromkeys(kinds, float("inf")), dict.fromkeys(kinds, float("inf"))
    for _ in range(ROUNDS):
        for kind, (flooder, stopped) in kinds.items():
            of_mail, of_records = asyncio.run(fly(seconds, flooder=flooder, stopped=stopped))
            mail[kind], records[kind] = min(mail[kind], of_mail), min(records[kind], of_records)
    ratios = {
        "flooder_ratio": round(mail["flooded"] / mail["alone"], 2),
        "stopped_ratio": round(records["stopped"] / records["alone"], 2),
    }
    return {
        "p99_alone_ms": round(mail["alone"] * 1e3, 3),
        "p99_beside_flooder_ms": round(mail["flooded"] * 1e3, 3),
        "p99_record_alone_ms": round(records["alone"] * 1e3, 3),
        "p99_record_beside_stopped_ms": round(records["stopped"] * 1e3, 3),
        **ratios,
        "target_ratio": TARGET_RATIO,
        "met": max(ratios.values()) <= TARGET_RATIO,
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--flood", nargs=4, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.flood:
        endpoint, keys, name, seconds = options.flood
        asyncio.run(flood(endpoint, Path(keys), name, float(seconds)))
        return 0
    found = measure(options.seconds)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>30}: {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
