"""`@kernel`: a function of the plant that numba compiles, without loading numba until it is called by itself.

A spacecraft's process calls one compiled entry only, which is kept ready-made: numba would cost it a second of
start-up and 25 MB. Tests, tools and a fleet call kernels directly; they are compiled then, and cached.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Kernel(Generic[P, R]):
    """A function to compile; `py_func` is the function as it is written."""

    def __init__(self, py_func: Callable[P, R], into_its_caller: bool = False) -> None:
        self.py_func = py_func
        self._into_its_caller = into_its_caller
        update_wrapper(self, py_func)

    @cached_property
    def dispatcher(self) -> Any:
        """numba's own object. Rounding is IEEE 754's: no fast-math anywhere, and division by zero gives infinity."""
        from numba import njit  # noqa: PLC0415 - half a second

        return njit(cache=True, error_model="numpy", forceinline=self._into_its_caller)(self.py_func)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Compiled, from Python."""
        result: R = self.dispatcher(*args, **kwargs)
        return result

    @property
    def _numba_type_(self) -> Any:
        return self.dispatcher._numba_type_  # what numba asks when it meets a kernel inside a kernel


def kernel(function: Callable[P, R]) -> Kernel[P, R]:
    """Mark a function for compilation. It takes records, scalars and arrays by position, and returns scalars."""
    return Kernel(function)


def inlined(function: Callable[P, R]) -> Kernel[P, R]:
    """A kernel whose code goes into its caller's: for what runs once in every sub-step. A fleet flies a seventh faster;
    with all kernels like that the compiler would take twice as long."""
    return Kernel(function, into_its_caller=True)
