"""What one spacecraft says to another over an inter-satellite link: the body of a message, and its bounds.

What a frame means is flight software's affair. Volume that a frame stands for is counted on the link and not carried:
a checkpoint of terabits is a number here.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from bus.wire.messages import Body, Count, Kind, Number

FRAME_BYTES = 512
"""What a frame itself takes of the link: header, numbers, check [A]. Its volume comes on top."""
MAX_NUMBERS = 32
MAX_CONTENT_BYTES = 1024


class IslFrame(Body):
    """One frame from terminal to terminal, one hop. `topic`: what flight software calls it. `values`, `content`: what
    it says. `volume_bytes`: bytes of payload that cross the link with it, of which the range carries the number alone.
    """

    kind = Kind.ISL_FRAME
    topic: Annotated[str, Field(min_length=1, max_length=32)]
    values: Annotated[tuple[Number, ...], Field(max_length=MAX_NUMBERS)] = ()
    content: Annotated[bytes, Field(max_length=MAX_CONTENT_BYTES)] = b""
    volume_bytes: Count = 0

    @property
    def size_bytes(self) -> int:
        """What it takes of the link."""
        return FRAME_BYTES + len(self.content) + self.volume_bytes
