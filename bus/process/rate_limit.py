"""How many requests a client may make: a bucket of tokens for each, and one for all of them together.

A flood from one client leaves the others alone; a flood from many is bounded all the same. The table of clients is
bounded too: who is forgotten begins with a full bucket, and the common one still holds.
"""

from __future__ import annotations

from collections import OrderedDict

from bus.clock import Clock

PER_S, BURST = 50.0, 200.0  # of one client: a script may send a day's timeline at once
ALL_PER_S, ALL_BURST = 200.0, 400.0  # of all of them; the bus takes 1,024 messages from outside in a tick
MAX_CLIENTS = 256


class _Bucket:
    def __init__(self, per_s: float, burst: float, now_ns: int) -> None:
        self._per_s, self._burst = per_s, burst
        self._tokens, self._at_ns = burst, now_ns

    def wait_s(self, now_ns: int) -> float:
        """0 where there is a token, else how long until there is one."""
        self._tokens = min(self._burst, self._tokens + (now_ns - self._at_ns) / 1e9 * self._per_s)
        self._at_ns = now_ns
        return max(0.0, (1.0 - self._tokens) / self._per_s)

    def take(self) -> None:
        self._tokens -= 1.0


class RateLimit:
    """See the module."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._clients: OrderedDict[bytes, _Bucket] = OrderedDict()
        self._all = _Bucket(ALL_PER_S, ALL_BURST, clock.now_ns())

    def refusal(self, client: bytes) -> str:
        """Why this request is not taken, for its sender to read; "" if it is, and it counts."""
        now_ns = self._clock.now_ns()
        bucket = self._clients.get(client)
        if bucket is None:
            bucket = self._clients[client] = _Bucket(PER_S, BURST, now_ns)
            if len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end(client)
        wait_s = max(bucket.wait_s(now_ns), self._all.wait_s(now_ns))
        if wait_s > 0.0:
            return f"too many requests, try again in {max(0.1, wait_s):.1f} s"
        bucket.take()
        self._all.take()
        return ""
