"""How long a key takes to reach the screen with a thousand spacecraft at 1 Hz, beside three in the same run.

    python benchmarks/console.py [--json] [--keys N]

`key_*_ms` is from a key to the screen that it changed, by the clock, while every row changes once a second; `ratio` is
its median over that of three spacecraft. The rows come from a ground out of a hand in the same process, whose own work
is in the figures: they are an upper bound. Run it on a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from groundstation.api.client import Client
from groundstation.console.app import Console
from tests.kits.console_kit import FakeGround, row

TARGET_MS = 100.0
FEW, MANY = 3, 1_000
KEYS = ("down", "down", "pagedown", "up", "end", "home")


async def keys(number: int, presses: int) -> list[float]:
    """Milliseconds from each key to its screen."""
    ground = FakeGround([row(f"sat-{n}") for n in range(number)])
    app, found = Console(cast("Client", ground)), []

    async def change() -> None:
        while True:
            await asyncio.sleep(1.0)
            ground.rows = {id: each.model_copy(update={"battery_soc": 0.5}) for id, each in ground.rows.items()}
            ground.changed.set()

    async with app.run_test(size=(150, 45)) as pilot, asyncio.TaskGroup() as group:
        changing = group.create_task(change())
        while len(app.store.rows) < number:
            await pilot.pause(0.05)
        for place in range(presses):
            begun = perf_counter()
            await pilot.press(KEYS[place % len(KEYS)])
            app.screen._compositor.render_strips()
            found.append((perf_counter() - begun) * 1e3)
            await asyncio.sleep(0.05)
        changing.cancel()
    return found


def measure(presses: int) -> dict[str, float | int | bool]:
    """All figures."""
    few, many = asyncio.run(keys(FEW, presses)), asyncio.run(keys(MANY, presses))
    p99 = quantiles(many, n=100)[98]
    return {
        "spacecraft": MANY,
        "key_p50_ms": round(median(many), 1),
        "key_p99_ms": round(p99, 1),
        "few_p50_ms": round(median(few), 1),
        "ratio": round(median(many) / median(few), 2),
        "target_ms": TARGET_MS,
        "met": p99 <= TARGET_MS,
    }


def main() -> int:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--keys", type=int, default=200)
    options = parser.parse_args()
    found = measure(options.keys)
    if options.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name:>20}: {value:,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
