"""How the packet store is shared out between streams, and which of them goes first, until the ground says otherwise."""

from __future__ import annotations

from bus.pus import Service

KIB = 1024
SHARES_BYTES: dict[int, int] = {
    Service.VERIFICATION: 256 * KIB,
    Service.HOUSEKEEPING: 4096 * KIB,
    Service.EVENT: 512 * KIB,
    Service.MONITORING: 128 * KIB,
    Service.EVENT_ACTION: 64 * KIB,
    Service.TEST: 16 * KIB,
    Service.STATISTICS: 256 * KIB,
    Service.MEMORY: 64 * KIB,
    Service.TIME: 16 * KIB,
    Service.SCHEDULING: 128 * KIB,
    Service.STORAGE: 16 * KIB,
    Service.PROCEDURE: 16 * KIB,
    Service.LARGE_TRANSFER: 512 * KIB,
    Service.PARAMETER: 64 * KIB,
}
"""Bytes of the store by stream: half a day of housekeeping at the default intervals [A]."""
SEND_ORDER = (
    Service.TIME,
    Service.VERIFICATION,
    Service.EVENT,
    Service.MONITORING,
    Service.EVENT_ACTION,
    Service.TEST,
    Service.PARAMETER,
    Service.SCHEDULING,
    Service.STORAGE,
    Service.PROCEDURE,
    Service.MEMORY,
    Service.LARGE_TRANSFER,
    Service.STATISTICS,
    Service.HOUSEKEEPING,
)
"""As long as the ground gives no other order: a time report that waits is worth nothing; then verification and events;
housekeeping fills what is left."""
