"""Radio and optical terminals: the transmitter is on from the boot, heads acquire or park at the ground's wish."""

from __future__ import annotations

from node.fsw.component import Arg, Component, Failure, OnBoard, Stateless, function


class LinkManager(Component):
    """Orders to the radio and to the optical terminals."""

    name = "link"
    state: Stateless

    def __init__(self, on_board: OnBoard) -> None:
        super().__init__(on_board, Stateless())

    def start(self) -> None:
        """A boot switches the transmitter on."""
        self.on_board.order("radio", "transmitter", 0, 1)

    @function(
        "isl.head", 40, "Let an optical terminal acquire its peer, or park it",
        Arg("head", "enum", "optical terminal", labels=lambda words: words.equipment.isl_heads),
        Arg("on", "bool", "acquire and hold the peer; otherwise park"),
    )  # fmt: skip
    def head(self, head: int, on: bool) -> Failure:
        """Until the next such order."""
        self.on_board.order("isl", "head", head, 1 if on else 0)
        return None
