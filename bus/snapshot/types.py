"""From a type hint to a codec: `lower` makes a value of plain arrays, numbers, strings and bytes, `lift` rebuilds it.

Built once per hint and kept. Both directions check types strictly. No I/O; numpy is imported only where an array is
met, so that who has none does not pay for it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from bus.wire import codec as frames
from bus.wire.messages import Body, Message


class Codec(NamedTuple):
    """How one type is stored. `layout` describes it in words, for the fingerprint."""

    name: str
    layout: str
    lower: Callable[[Any], Any]
    lift: Callable[[Any], Any]

    @property
    def fingerprint(self) -> bytes:
        """8 bytes that change with the layout."""
        return _fingerprint(self.layout)


@lru_cache(maxsize=1024)
def _fingerprint(layout: str) -> bytes:
    return blake2b(layout.encode(), digest_size=8).digest()


def wrong(value: object, expected: str) -> TypeError:
    """The error of a value that is not what its hint says."""
    return TypeError(f"expected {expected}, got {type(value).__name__} {str(value)[:60]!r}")


def exactly(kind: type) -> Codec:
    """A type that msgpack carries as it is."""

    def check(value: Any) -> Any:
        if type(value) is not kind:
            raise wrong(value, kind.__name__)
        return value

    return Codec(kind.__name__, kind.__name__, check, check)


def _lower_int(value: Any) -> Any:
    if type(value) is not int:
        raise wrong(value, "int")
    if -(2**63) <= value < 2**64:
        return value
    return value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)


def _lift_int(raw: Any) -> int:
    if type(raw) is bytes:
        return int.from_bytes(raw, "little", signed=True)
    if type(raw) is not int:
        raise wrong(raw, "int")
    return raw


def _lower_float(value: Any) -> Any:
    """An int in a float's place stays an int, as Python's own rules have it."""
    return value if type(value) is float else _lower_int(value)


def _lift_float(raw: Any) -> float:
    return raw if type(raw) is float else _lift_int(raw)


def _lower_bytearray(value: Any) -> Any:
    if type(value) is not bytearray:
        raise wrong(value, "bytearray")
    return bytes(value)


BYTEARRAY = Codec("bytearray", "bytearray", _lower_bytearray, bytearray)
INT = Codec("int", "int", _lower_int, _lift_int)
FLOAT = Codec("float", "float", _lower_float, _lift_float)


def _lower_array(value: Any) -> Any:
    import numpy as np  # noqa: PLC0415 - numpy is loaded only by those who have arrays

    if not isinstance(value, np.ndarray) or value.dtype.hasobject:
        raise wrong(value, "a numpy array without objects")
    return [repr(np.lib.format.dtype_to_descr(value.dtype)), list(value.shape), value.tobytes()]


def _lift_array(raw: Any) -> Any:
    import ast  # noqa: PLC0415 - as above

    import numpy as np  # noqa: PLC0415 - as above

    descr, shape, content = raw
    dtype = np.lib.format.descr_to_dtype(ast.literal_eval(descr))
    if dtype.hasobject:
        raise wrong(raw, "an array without objects")
    return np.frombuffer(content, dtype=dtype).reshape(shape).copy()


ARRAY = Codec("array", "array", _lower_array, _lift_array)

# Values under `Any`: [tag, content]. Order of tags is part of the form: only append.
_PLAIN: dict[type, int] = {bool: 0, int: 1, float: 2, str: 3, bytes: 4, list: 5, tuple: 6, dict: 7, type(None): 8}
_ARRAY_TAG = 9


def _lower_any(value: Any) -> Any:
    tag = _PLAIN.get(type(value))
    if tag is None:
        if type(value).__module__ == "numpy":
            return [_ARRAY_TAG, _lower_array(value)]
        raise wrong(value, "a plain value")
    if tag == 1:
        return [tag, _lower_int(value)]
    if tag in (5, 6):
        return [tag, [_lower_any(item) for item in value]]
    if tag == 7:
        return [tag, [[_lower_any(key), _lower_any(item)] for key, item in value.items()]]
    return [tag, value]


def _lift_any(raw: Any) -> Any:
    tag, content = raw
    if tag == 1:
        return _lift_int(content)
    if tag == 5:
        return [_lift_any(item) for item in content]
    if tag == 6:
        return tuple([_lift_any(item) for item in content])
    if tag == 7:
        return {_lift_any(key): _lift_any(item) for key, item in content}
    if tag == _ARRAY_TAG:
        return _lift_array(content)
    if _PLAIN.get(type(content)) != tag:
        raise wrong(raw, "a plain value")
    return content


ANY = Codec("any", "any", _lower_any, _lift_any)


def sequence(item: Codec, kind: Any, name: str) -> Codec:
    """list or tuple of any length, one item type."""

    def lower(value: Any) -> Any:
        if type(value) is not kind:
            raise wrong(value, name)
        return list(map(item.lower, value))

    def lift(raw: Any) -> Any:
        if type(raw) is not tuple:
            raise wrong(raw, name)
        return kind(map(item.lift, raw))

    return Codec(name, f"{name}[{item.layout}]", lower, lift)


def sorted_set(item: Codec, kind: Any) -> Codec:
    """Stored in the order of the stored items, so that equal sets have equal bytes."""
    base = sequence(item, list, kind.__name__)

    def lower(value: Any) -> Any:
        if type(value) is not kind:
            raise wrong(value, kind.__name__)
        return sorted(map(item.lower, value))

    return Codec(kind.__name__, base.layout, lower, lambda raw: kind(base.lift(raw)))


def bounded_deque(item: Codec) -> Codec:
    """A deque and its maxlen."""

    def lower(value: Any) -> Any:
        if type(value) is not deque:
            raise wrong(value, "deque")
        return [value.maxlen, list(map(item.lower, value))]

    def lift(raw: Any) -> Any:
        bound, items = raw
        return deque(map(item.lift, items), maxlen=bound)

    return Codec("deque", f"deque[{item.layout}]", lower, lift)


def fixed(items: list[Codec]) -> Codec:
    """A tuple with a type per place."""

    def lower(value: Any) -> Any:
        if type(value) is not tuple or len(value) != len(items):
            raise wrong(value, f"a tuple of {len(items)}")
        return [item.lower(part) for item, part in zip(items, value, strict=True)]

    def lift(raw: Any) -> Any:
        return tuple([item.lift(part) for item, part in zip(items, raw, strict=True)])

    return Codec("tuple", f"tuple[{','.join(item.layout for item in items)}]", lower, lift)


def mapping(key: Codec, item: Codec) -> Codec:
    """A dict with its order; keys may be of any type."""

    def lower(value: Any) -> Any:
        if type(value) is not dict:
            raise wrong(value, "dict")
        return [[key.lower(k), item.lower(v)] for k, v in value.items()]

    def lift(raw: Any) -> Any:
        return {key.lift(k): item.lift(v) for k, v in raw}

    return Codec("dict", f"dict[{key.layout}:{item.layout}]", lower, lift)


def one_of(options: list[Codec]) -> Codec:
    """[index, value], by the first option that takes the value as its own; None is stored as nil."""

    def lower(value: Any) -> Any:
        if value is None:
            return None
        for index, option in enumerate(options):
            try:
                return [index, option.lower(value)]
            except TypeError:
                continue
        raise wrong(value, " or ".join(option.name for option in options))

    def lift(raw: Any) -> Any:
        return None if raw is None else options[raw[0]].lift(raw[1])

    return Codec("union", f"union[{'|'.join(option.layout for option in options)}]", lower, lift)


def enumeration(kind: type[Enum]) -> Codec:
    """An Enum, by name."""

    def lower(value: Any) -> Any:
        if type(value) is not kind:
            raise wrong(value, kind.__name__)
        return value.name

    return Codec(kind.__name__, f"{kind.__qualname__}<{','.join(kind.__members__)}>", lower, lambda raw: kind[raw])


def message_body(kind: type[Body]) -> Codec:
    """Message bodies by kind; their own models check them."""

    def lower(value: Any) -> Any:
        if not isinstance(value, kind):
            raise wrong(value, kind.__name__)
        return [int(value.kind), frames.pack_map(value.__dict__)]

    def lift(raw: Any) -> Any:
        body = frames.read_body(raw[0], raw[1])
        if not isinstance(body, kind):
            raise wrong(body, kind.__name__)
        return body

    return Codec(kind.__name__, kind.__name__, lower, lift)


def _lower_message(value: Any) -> Any:
    if type(value) is not Message:
        raise wrong(value, "Message")
    return frames.encode(value)


MESSAGE = Codec("Message", "Message", _lower_message, frames.decode)
