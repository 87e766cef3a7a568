"""State to bytes and back, to the bit: how participants save and restore. No pickle, nothing guessed.

    data = pack(state)                # state: a dataclass, or any value its type hint can describe (`pack(x, hint)`)
    twin = unpack(type(state), data)  # the same values, types and order
    restore(state, data)              # the same, into an object that others hold references to

What a class stores is said by its type hints: dataclasses, NamedTuples, Enums, bool, int of any size, float (bit for
bit), str, bytes, None, unions, list, tuple, dict, set and frozenset (stored sorted), deque with its maxlen,
numpy arrays and structured arrays (numpy is loaded only if an array is met), messages and message bodies, and `Any` or
`object` for plain nested values. A dataclass field with `metadata={"state": False}` is left out; unpacking gives it its
default. Objects are rebuilt without calling `__init__` or `__post_init__`.

Form: [fingerprint of the layout: 8 bytes][msgpack][CRC-32]. The fingerprint covers every name and hint, so that state
of another build is refused. `unpack` and `restore` raise DecodeError only (for any bytes); `pack` raises TypeError
where a value is not what its hint says, and names the field.
"""

from __future__ import annotations

import types
import typing
from collections import deque
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar
from zlib import crc32

import msgpack

from bus.errors import DecodeError
from bus.snapshot import types as of
from bus.snapshot.types import Codec
from bus.wire.messages import Body, Message

T = TypeVar("T")
FINGERPRINT_BYTES = 8
_LIMIT_BYTES = 256 * 1024 * 1024  # of one state; a participant's is far below
_packer = msgpack.Packer(use_bin_type=True)


def pack(value: object, hint: Any = None) -> bytes:
    """The bytes of a state. `hint` defaults to the value's class."""
    codec = codec_of(type(value) if hint is None else hint)
    packed: bytes = codec.fingerprint + _packer.pack(codec.lower(value))
    return packed + crc32(packed).to_bytes(4, "big")


def unpack(hint: type[T], data: bytes) -> T:
    """The state that `pack` was given. Raises DecodeError."""
    value: T = _read(codec_of(hint), data)
    return value


def restore(target: object, data: bytes) -> None:
    """Gives `target` (a dataclass instance) the fields of a packed twin, in place. Raises DecodeError."""
    if not is_dataclass(target) or isinstance(target, type):
        raise TypeError(f"restore needs a dataclass instance, not {target!r}")
    twin = _read(codec_of(type(target)), data)
    for field in fields(target):
        if field.metadata.get("state", True):
            object.__setattr__(target, field.name, getattr(twin, field.name))


class Stateful:
    """Who has one `state`, a dataclass, and nothing else to remember."""

    state: Any

    def save(self) -> bytes:
        """All it remembers."""
        return pack(self.state)

    def restore(self, data: bytes) -> None:
        """Take over what `save` gave. Raises DecodeError if it is not from the same build."""
        restore(self.state, data)


def _read(codec: Codec, data: bytes) -> Any:
    packed = data[:-4]
    if not FINGERPRINT_BYTES + 5 <= len(data) <= _LIMIT_BYTES or crc32(packed) != int.from_bytes(data[-4:], "big"):
        raise DecodeError("this state is cut short or damaged")
    if packed[:FINGERPRINT_BYTES] != codec.fingerprint:
        raise DecodeError(
            f"this state is not of this build's {codec.name}",
            hint="state can only be restored by the release that saved it",
        )
    try:
        size = len(packed)
        raw = msgpack.unpackb(
            packed[FINGERPRINT_BYTES:],
            use_list=False,
            strict_map_key=True,
            max_str_len=size,
            max_bin_len=size,
            max_array_len=size,
            max_map_len=0,
            max_ext_len=0,
        )
        return codec.lift(raw)
    except Exception as error:  # whatever is wrong with the bytes, callers see one error
        raise DecodeError(f"this is no {codec.name}: {type(error).__name__}: {str(error)[:300]}") from error


_LEAVES: dict[Any, Codec] = {
    bool: of.exactly(bool),
    int: of.INT,
    float: of.FLOAT,
    str: of.exactly(str),
    bytes: of.exactly(bytes),
    bytearray: of.BYTEARRAY,
    types.NoneType: of.exactly(types.NoneType),
    Any: of.ANY,
    object: of.ANY,
    Message: of.MESSAGE,
}
_known: dict[Any, Codec] = {}  # one entry per hint in the program's classes


def codec_of(hint: Any) -> Codec:
    """The codec of a type hint. Raises TypeError where it is none that can be stored."""
    codec = _known.get(hint)
    if codec is None:
        codec = _known[hint] = _build(hint, ())
    return codec


def _build(hint: Any, inside: tuple[Any, ...]) -> Codec:
    """`inside`: the classes that are being built around this one; one of them again is a recursive type."""
    if hint in _LEAVES:
        return _LEAVES[hint]
    if hint in inside:
        return _again(hint)
    origin = typing.get_origin(hint) or hint
    if origin is typing.Annotated:
        return _build(typing.get_args(hint)[0], inside)
    parts = typing.get_args(hint)
    if getattr(origin, "__module__", "") == "numpy" and origin.__name__ == "ndarray":
        return of.ARRAY
    if origin is typing.Literal:
        return of.ANY
    if isinstance(hint, typing.NewType):
        return _build(hint.__supertype__, inside)
    if isinstance(origin, type):
        if issubclass(origin, Enum):
            return of.enumeration(origin)
        if issubclass(origin, Body):
            return of.message_body(origin)
        if is_dataclass(origin):
            return _build_dataclass(origin, inside)
        if issubclass(origin, tuple) and hasattr(origin, "_fields"):
            return _build_named_tuple(origin, inside)
    items = [_build(part, inside) for part in parts if part is not ... and part is not types.NoneType]
    if origin in (typing.Union, types.UnionType):
        return of.one_of(items)
    if origin is tuple and parts and parts[-1] is not ...:
        return of.fixed(items)
    first = items[0] if items else of.ANY
    if origin in (list, tuple):
        return of.sequence(first, origin, origin.__name__)
    if origin in (set, frozenset):
        return of.sorted_set(first, origin)
    if origin is deque:
        return of.bounded_deque(first)
    if origin is dict:
        return of.mapping(first, items[1] if items else of.ANY)
    raise TypeError(f"{hint!r} cannot be stored; mark the field with metadata={{'state': False}} if it need not be")


def _again(kind: type) -> Codec:
    """A class inside itself: its codec is looked up when it is needed."""

    def lower(value: Any) -> Any:
        return codec_of(kind).lower(value)

    def lift(raw: Any) -> Any:
        return codec_of(kind).lift(raw)

    return Codec(kind.__name__, f"^{kind.__qualname__}", lower, lift)


def _build_dataclass(kind: type, inside: tuple[Any, ...]) -> Codec:
    hints = typing.get_type_hints(kind)
    stored: list[tuple[str, Codec]] = []
    left_out: list[Field[Any]] = []
    for field in fields(kind):
        if field.metadata.get("state", True):
            try:
                stored.append((field.name, _build(hints[field.name], (*inside, kind))))
            except TypeError as error:
                raise TypeError(f"{kind.__name__}.{field.name}: {error}") from error
        elif field.default is MISSING and field.default_factory is MISSING:
            raise TypeError(f"{kind.__name__}.{field.name} is left out of the state and has no default")
        else:
            left_out.append(field)
    assign = object.__setattr__

    def lower(value: Any) -> Any:
        if type(value) is not kind:
            raise of.wrong(value, kind.__name__)
        out = []
        for name, codec in stored:
            try:
                out.append(codec.lower(getattr(value, name)))
            except (TypeError, ValueError) as error:
                raise TypeError(f"{kind.__name__}.{name}: {error}") from error
        return out

    def lift(raw: Any) -> Any:
        value: Any = object.__new__(kind)
        for (name, codec), item in zip(stored, raw, strict=True):
            assign(value, name, codec.lift(item))
        for field in left_out:
            made = field.default if field.default_factory is MISSING else field.default_factory()
            assign(value, field.name, made)
        return value

    layout = ",".join(f"{name}:{codec.layout}" for name, codec in stored)
    return Codec(kind.__name__, f"{kind.__qualname__}({layout})", lower, lift)


def _build_named_tuple(kind: Any, inside: tuple[Any, ...]) -> Codec:
    hints = typing.get_type_hints(kind)
    inner = of.fixed([_build(hints[name], (*inside, kind)) for name in kind._fields])

    def lower(value: Any) -> Any:
        if type(value) is not kind:
            raise of.wrong(value, kind.__name__)
        return inner.lower(tuple(value))

    layout = f"{kind.__qualname__}({','.join(kind._fields)}:{inner.layout})"
    return Codec(kind.__name__, layout, lower, lambda raw: kind(*inner.lift(raw)))
