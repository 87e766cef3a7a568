"""The compiled tick of a capacity class: made once with numba, kept as machine code, loaded without numba.

The file holds a line with a digest of the rest, a line with the name of the symbol, and a relocatable object for this
CPU. It lives in a directory named after the plant's sources, so it cannot be stale; a read-only one serves as it is. A
damaged one would end the process at its first call: it is never loaded, but made anew. Loading takes milliseconds and
`llvmlite` only.
"""

from __future__ import annotations

import ctypes
import hashlib
import importlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from numpy.typing import NDArray

from node.plant import cache
from node.plant.environment.environment import SKY
from node.plant.radiation.belt import Belt
from node.plant.radiation.solar_event import Samples
from node.plant.state import layout
from node.plant.step import EVERY, SUB_STEPS, fly

Call = Callable[[int, float], None]
"""One tick (its number, its length in s) of the spacecraft that the call was bound to."""

POINTERS = 10  # six records, the belt's codes and levels, the event's samples, the place that SGP4 gives
SIZES = 6  # of the belt's codes (4) and of the event's samples (2)
_FRAME = re.compile(r"^declare ([^@]*)(@(?:NRT|numba|Py)_?\w*\([^()]*\)).*$", re.MULTILINE)
"""What numba's frame around the code would call for an exception. Kernels raise none; one that did would abort."""


def compiled(capacity_class: str) -> Path | None:
    """The file of a class, once there is one that is whole."""
    return next((file for file in _files(capacity_class) if _opened(file) is not None), None)


def damaged(capacity_class: str) -> list[Path]:
    """Files of a class that are not whole: cut off, changed, or of another form."""
    return [file for file in _files(capacity_class) if _opened(file) is None]


def _files(capacity_class: str) -> list[Path]:
    folders = dict.fromkeys(cache.places())
    return [file for folder in folders if (file := folder / _name(capacity_class)).exists()]


def _opened(file: Path) -> bytes | None:
    """The content without its digest, None where that does not fit."""
    try:
        seal, _, content = file.read_bytes().partition(b"\n")
    except OSError:
        return None
    return content if seal == _seal(content) else None


def _seal(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).hexdigest().encode()


def _name(capacity_class: str) -> str:
    return f"tick-{capacity_class}.bin"


def _compile(capacity_class: str) -> bytes:
    """Symbol and object. Takes some 20 s the first time on a machine."""
    numba: Any = importlib.import_module("numba")
    carray, types = numba.carray, numba.types
    sub_steps, every = SUB_STEPS[capacity_class], EVERY[capacity_class]

    def tick_of_one(  # noqa: PLR0917 - C's arguments have no names
        s: Any, p: Any, f: Any, u: Any, w: Any, sky: Any, codes: Any, levels: Any, event: Any, place: Any,
        n0: int, n1: int, n2: int, n3: int, m0: int, m1: int, step: float, shift: float, tick: int, tick_s: float,
    ) -> None:  # fmt: skip
        belt = Belt(carray(codes, (n0, n1, n2, n3)), carray(levels, n0), step, shift)
        fly(
            carray(s, 1)[0], carray(p, 1)[0], carray(f, 1)[0], carray(u, 1)[0], carray(w, 1)[0], carray(sky, 1)[0],
            belt, carray(event, (m0, m1)), tick, tick_s, sub_steps, every, carray(place, 6),
        )  # fmt: skip

    shape = layout(capacity_class)
    records: list[Any] = [shape.state, shape.param, shape.flight, shape.order, shape.work, SKY]
    dtypes = [*records, np.uint16, np.float64, np.float64, np.float64]
    pointers = [types.CPointer(numba.from_dtype(np.dtype(dtype))) for dtype in dtypes]
    i8, f8 = types.int64, types.float64
    signature = types.void(*pointers, *(i8,) * SIZES, f8, f8, i8, f8)
    entry = numba.cfunc(signature, error_model="numpy")(tick_of_one)
    text = _FRAME.sub(r"define internal \1\2 { call void @abort() unreachable }", entry.inspect_llvm())
    module = llvm.parse_assembly(text + "\ndeclare void @abort()\n")
    code: bytes = _machine().emit_object(module)
    symbol: str = entry.native_name
    return symbol.encode() + b"\n" + code


def _machine() -> Any:
    """The CPU that code is made for: the one numba compiles for (see `cache.cpu`)."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    named = os.environ.get("NUMBA_CPU_NAME", "")
    features = os.environ.get("NUMBA_CPU_FEATURES")
    if features is None:
        features = "" if named else llvm.get_host_cpu_features().flatten()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=named or llvm.get_host_cpu_name(), features=features, opt=3, codemodel="jitdefault", jit=True
    )


def _code(capacity_class: str) -> bytes:
    """What is kept, or what is compiled now and then kept."""
    kept = compiled(capacity_class)
    content = _opened(kept) if kept is not None else None
    if content is not None:
        return content
    for file in damaged(capacity_class):
        sys.stderr.write(f"note: {file} is damaged; compiling the physics anew\n")
    content = _compile(capacity_class)
    folder = cache.places()[-1]
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as half:
        half.write(_seal(content) + b"\n" + content)
    Path(half.name).chmod(0o644)
    Path(half.name).replace(folder / _name(capacity_class))
    return content


@lru_cache(maxsize=4)
def _load(capacity_class: str) -> tuple[Any, Any]:
    """The engine that holds the code, and the function in it."""
    symbol, _, code = _code(capacity_class).partition(b"\n")
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    c_type = ctypes.PYFUNCTYPE(
        None,
        *(ctypes.c_void_p,) * POINTERS,
        *(ctypes.c_int64,) * SIZES,
        *(ctypes.c_double,) * 2,
        ctypes.c_int64,
        ctypes.c_double,
    )
    return engine, c_type(engine.get_function_address(symbol.decode()))


def bind(
    capacity_class: str, records: Sequence[NDArray[Any]], belt: Belt, event: Samples, place: NDArray[np.float64]
) -> Call:
    """The tick of one spacecraft. `records`: state, parameters, flight, orders, work and sky, one element each.

    All arrays must stay where they are. Raises ValueError for one that is not contiguous.
    """
    arrays = (*records, belt.codes, belt.altitude_m, event, place)
    if len(arrays) != POINTERS or not all(array.flags.c_contiguous for array in arrays):
        raise ValueError(f"an entry takes {POINTERS} contiguous arrays")
    _, function = _load(capacity_class)
    fixed = (
        *(ctypes.c_void_p(array.ctypes.data) for array in arrays),
        *map(ctypes.c_int64, (*belt.codes.shape, *event.shape)),
        ctypes.c_double(belt.step),
        ctypes.c_double(belt.shift_rad),
    )

    def call(tick: int, tick_s: float) -> None:
        assert arrays  # the pointers are only as good as these
        function(*fixed, tick, tick_s)

    return call


if __name__ == "__main__":
    for named in sys.argv[1:]:
        _code(named)
