"""A console page with a thousand spacecraft of which one is in trouble, from a ground out of a hand.

`thousand.py` serves the page and prints its address; `thousand.py console` is the console in it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import cast

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[2]))

from bus.clock import MachineClock  # noqa: E402
from bus.web.access import new_token  # noqa: E402
from bus.web.serving import Address  # noqa: E402
from groundstation.api.client import Client  # noqa: E402
from groundstation.console.app import Console  # noqa: E402
from groundstation.console.browser import BrowserConsole  # noqa: E402
from tests.kits.console_kit import FakeGround, alarm, row  # noqa: E402

BAD = "sat-617"


def ground() -> FakeGround:
    rows = [row(f"sat-{n}") for n in range(1_000)]
    rows[617] = row(BAD, "critical", "charge 18 %", mode="SAFE", battery_soc=0.18)
    return FakeGround(rows, [alarm(1, BAD)])


def main() -> None:
    if sys.argv[1:] == ["console"]:
        Console(cast("Client", ground())).run()
        return
    address = Address(port=0)
    with address.open() as bound:
        port, key = int(bound.getsockname()[1]), new_token()
        pages = BrowserConsole([sys.executable, str(HERE), "console"], bound, key, address.hosts(port), MachineClock())
        print(f"http://{address.host}:{port}/?key={key}", flush=True)  # noqa: T201
        asyncio.run(pages.run())


if __name__ == "__main__":
    main()
