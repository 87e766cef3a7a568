"""Radio and optical terminals: the transmitter is on from the boot, heads acquire or park at the ground's wish; which
peer is spoken to, and who on board hears what a peer says.

A frame says nothing that a telecommand could: a peer can offer work and answer, and no more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bus.pus import Code
from bus.wire.crosslink import IslFrame
from bus.wire.messages import Message
from node.devices.device import slug
from node.fsw.component import Arg, Component, Failure, OnBoard, Words, function, kept, telemetered, telemetry
from node.fsw.datapool import Layout

LOCKED = 4
"""Of `isl_state`: it carries data."""
TEST, ANSWER = "test", "test.answer"
JOBS = "job."
"""How the topics of everything about jobs begin."""
WHY = ("no_link", "ground", "nearest", "ground_unreachable")
NO_LINK, GROUND, NEAREST, GROUND_UNREACHABLE = range(4)
AUTOMATIC = "automatic"
Hearer = Callable[[int, str, Sequence[float]], None]


def _choices(words: Words) -> tuple[str, ...]:
    heads = words.equipment.isl_heads
    return (AUTOMATIC, *heads) if heads else ()


@dataclass(slots=True)
class State:
    """`preferred`: the head that the ground wants frames to go by, 0: the manager chooses, else its number plus one."""

    isl_tests_answered: int = telemetered("int", "Test frames that a peer has answered")
    isl_frames_unknown: int = telemetered("int", "Frames of a peer that nobody on board understands")
    preferred: int = kept(int)


class LinkManager(Component):
    """Orders to the radio and to the optical terminals, and the frames of peers."""

    name = "link"
    state: State

    def __init__(self, on_board: OnBoard, layout: Layout, peers: Sequence[str]) -> None:
        super().__init__(on_board, State())
        heads = on_board.equipment.isl_heads
        self._peers = {peer: head for head, peer in enumerate(peers[: len(heads)])}
        self._state = [layout.index[f"isl_state.{slug(head)}"] for head in heads]
        self._range = [layout.index[f"isl_range_m.{slug(head)}"] for head in heads]
        self._rate = [layout.index[f"isl_rate_bps.{slug(head)}"] for head in heads]
        self.jobs: Hearer = lambda head, topic, values: None

    def start(self) -> None:
        """A boot switches the transmitter on."""
        self.on_board.order("radio", "transmitter", 0, 1)

    def hear(self, message: Message) -> None:
        """A frame of a peer."""
        head, frame = self._peers.get(message.source), message.body
        assert isinstance(frame, IslFrame)
        if head is None:
            self.state.isl_frames_unknown += 1
        elif frame.topic == TEST:
            self.on_board.send(head, ANSWER)
        elif frame.topic == ANSWER:
            self.state.isl_tests_answered += 1
        elif frame.topic.startswith(JOBS):
            self.jobs(head, frame.topic, frame.values)
        else:
            self.state.isl_frames_unknown += 1

    @property
    def has_peers(self) -> bool:
        """Somebody is at the other end of a terminal."""
        return bool(self._peers)

    def stands(self, head: int) -> bool:
        """Whether this head says that it carries data."""
        pool = self.on_board.state.pool
        return 0 <= head < len(self._peers) and pool.item(self._state[head]) == LOCKED and self.rate_bps(head) > 0.0

    def rate_bps(self, head: int) -> float:
        """What the link of a head carries, as it says itself."""
        rate: float = self.on_board.state.pool.item(self._rate[head])
        return rate

    def choose(self, without: int = 0) -> tuple[int, int]:
        """The head to speak by, -1 for none, and why: the ground's choice, else the nearest peer whose link stands.
        `without`: a bit for each head that is out of the question."""
        pool, preferred = self.on_board.state.pool, self.state.preferred - 1
        standing = [head for head in range(len(self._peers)) if self.stands(head) and not without >> head & 1]
        if preferred >= 0:
            return (preferred, GROUND) if preferred in standing else (-1, GROUND_UNREACHABLE)
        if not standing:
            return -1, NO_LINK
        return min(standing, key=lambda head: (pool.item(self._range[head]), head)), NEAREST

    @telemetry("int", "Number of the optical terminal by which a peer is spoken to, -1: none")
    def isl_peer(self) -> int:
        """As it would be chosen now."""
        return self.choose()[0]

    @telemetry("enum", "Why this one", labels=WHY)
    def isl_peer_why(self) -> int:
        """As it would be chosen now."""
        return self.choose()[1]

    @function(
        "isl.head", 40, "Let an optical terminal acquire its peer, or park it",
        Arg("head", "enum", "optical terminal", labels=lambda words: words.equipment.isl_heads),
        Arg("on", "bool", "acquire and hold the peer; otherwise park"),
    )  # fmt: skip
    def head(self, head: int, on: bool) -> Failure:
        """Until the next such order."""
        self.on_board.order("isl", "head", head, 1 if on else 0)
        return None

    @function(
        "isl.peer", 240, "Choose the optical terminal by which a peer is spoken to; survives a reboot",
        Arg("head", "enum", "optical terminal, or the nearest peer whose link stands", labels=_choices),
    )  # fmt: skip
    def peer(self, head: int) -> Failure:
        """Where its link does not stand, nobody is spoken to."""
        self.state.preferred = head
        self.keep()
        return None

    @function(
        "isl.test", 241, "Send a test frame to the peer of an optical terminal, which answers it",
        Arg("head", "enum", "optical terminal", labels=lambda words: words.equipment.isl_heads),
    )  # fmt: skip
    def test(self, head: int) -> Failure:
        """What TC[17,3] is to the ground."""
        if not self.stands(head):
            return Code.REFUSED_BY_STATE, "the link does not stand"
        self.on_board.send(head, TEST)
        return None
