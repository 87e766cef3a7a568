"""Larger things in content-addressed pieces of at most 48 KiB: the scenario, snapshots. Pure: bytes in, bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from bus.errors import DecodeError, MessageRefused
from bus.wire.messages import MAX_PIECE_BYTES, Piece

MAX_PIECES = 4096  # as Piece.of


def address(content: bytes) -> bytes:
    """Content address of one piece."""
    return blake2b(content, digest_size=16).digest()


def split(what: str, tick: int, content: bytes) -> list[Piece]:
    """The pieces of `content`, at least one. MessageRefused above 192 MiB."""
    return [Piece(**fields) for fields in cut(what, tick, content)]


def cut(what: str, tick: int, content: bytes) -> list[dict[str, Any]]:
    """The fields of the pieces of `content`; what `split` gives, without the models, for who sends them at once."""
    parts = [content[at : at + MAX_PIECE_BYTES] for at in range(0, len(content), MAX_PIECE_BYTES)] or [b""]
    if len(parts) > MAX_PIECES:
        raise MessageRefused(f"a {what} of {len(content)} bytes is too large, limit {MAX_PIECES * MAX_PIECE_BYTES}")
    return [
        {"what": what, "index": index, "of": len(parts), "tick": tick, "digest": address(part), "content": part}
        for index, part in enumerate(parts)
    ]


class Assembly:
    """Puts pieces together that arrive in their order. With `addresses` it takes exactly those."""

    def __init__(self, what: str, addresses: Sequence[bytes] | None = None) -> None:
        self._what = what
        self._addresses = addresses
        self._parts: list[bytes] = []
        self._of = 0 if addresses is None else len(addresses)
        self._tick = -1

    def add(self, piece: Piece) -> tuple[int, bytes] | None:
        """(tick, content) with the last piece, None before. DecodeError for a piece that does not continue."""
        if piece.index == 0 and self._addresses is None:
            self._parts, self._of, self._tick = [], piece.of, piece.tick
        fits = piece.what == self._what and piece.index == len(self._parts) and piece.of == self._of
        fits = fits and piece.digest == address(piece.content)
        if self._addresses is not None:
            fits = fits and piece.index < self._of and piece.digest == self._addresses[piece.index]
        elif piece.tick != self._tick:
            fits = False
        if not fits:
            self._parts = []
            raise DecodeError(f"piece {piece.index} of {piece.of} does not continue the {self._what} under way")
        self._parts.append(piece.content)
        if len(self._parts) < self._of:
            return None
        content, self._parts = b"".join(self._parts), []
        return piece.tick, content
