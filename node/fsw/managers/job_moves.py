"""How a job moves to a peer: what the two say to each other, and what a job is on its way.

    source                        peer
    hold, checkpoint, OFFER  ->   admission
                             <-   ACCEPT with what it has already, or REJECT
    PIECE, PIECE ...         ->   written down
                             <-   RECEIVED so far
    (all there: written down that it is the peer's)
    COMMIT                   ->   written down that it is taken; TAKEN again whenever it is asked
                             <-   TAKEN
    the slot is cleared           the job waits for accelerators, at its checkpoint

Until COMMIT is written down the job is the source's, and either may end the move; from then on it never runs there
again. The peer never runs it before. So after any crash each looks into its memory and asks the other: ACCEPT answers
a repeated OFFER, TAKEN a repeated COMMIT, and QUERY asks a source that went silent. No I/O and no state in here.
"""

from __future__ import annotations

from collections.abc import Sequence

OFFER, ACCEPT, REJECT = "job.offer", "job.accept", "job.reject"
PIECE, RECEIVED = "job.piece", "job.received"
COMMIT, TAKEN, UNKNOWN = "job.commit", "job.taken", "job.unknown"
ABORT, QUERY = "job.abort", "job.query"
"""Each begins with the number of the move. OFFER: size, then the figures; ACCEPT and RECEIVED: bytes that are there;
PIECE: where it begins and how long it is; REJECT: the reason's number."""

TO_THE_TAKER = (OFFER, PIECE, COMMIT, ABORT)

FIGURES = ("kind", "chips", "length_s", "saved_s", "interval_s", "checkpoint_s", "restart_s", "detect_s", "efficiency")
"""What a job is wherever it runs: readings `selected_job_...` here, orders `guest_...` there."""
KIND, CHIPS, LENGTH_S, SAVED_S = range(4)
GANGS = (1, 3)
"""Kinds that can move: training and batch. A service is bound to its requests."""
REASONS = (
    "none", "busy", "mode", "payload", "held", "kind", "slots", "accelerators", "power", "storage", "figures",
)  # fmt: skip
NONE, BUSY, MODE, PAYLOAD, HELD, KIND_REFUSED, SLOTS, ACCELERATORS, POWER, STORAGE, WRONG = range(11)
"""Why an offer is rejected."""


def whole(value: float) -> int:
    """A number of a frame as an integer, -1 for what is none: a peer may say anything."""
    return int(value) if 0.0 <= value < 2**53 and value == int(value) else -1


def sound(figures: Sequence[float]) -> bool:
    """Whether these can be the figures of a job."""
    if len(figures) != len(FIGURES) or not all(0.0 <= value <= 1e12 for value in figures):
        return False
    done = 0.0 < figures[LENGTH_S] <= figures[SAVED_S]
    return whole(figures[KIND]) in GANGS and whole(figures[CHIPS]) > 0 and not done and figures[-1] <= 1.0
