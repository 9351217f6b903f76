"""What the CPU kernels share: the compiler's settings, the threads they run on, and float bit patterns.

Kernels release the interpreter lock; :func:`run` calls them on several threads.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba
import torch
from numba.core import types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])
_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


def kernel(function: Function) -> Function:
    """Compile on first use and keep the machine code on disk where some cache folder can be written."""
    return _compiled(function, nogil=True, error_model="numpy")


def fused_kernel(function: Function) -> Function:
    """As :func:`kernel`, and a product with a sum may be rounded once instead of twice."""
    return _compiled(function, nogil=True, error_model="numpy", fastmath={"contract"})


def _compiled(function: Function, **options: Any) -> Function:
    try:
        compiled: Function = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # Numba found no folder that it may write to
        compiled = numba.njit(**options)(function)
    return compiled


def inlined(function: Function) -> Function:
    """A part of a kernel, pasted into it so that its loops are compiled for their place."""
    compiled: Function = numba.njit(inline="always", error_model="numpy")(function)
    return compiled


def _reinterpreted(source: Any, target: Any) -> Callable[[Any], Any]:
    """A function for kernels: the value of another type that has the same bits."""

    def typed(context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.bitcast(arguments[0], context.get_value_type(target))

        return target(source), generate

    made: Callable[[Any], Any] = intrinsic(typed)
    return made


float_bits = _reinterpreted(types.float32, types.int32)
bits_float = _reinterpreted(types.int32, types.float32)
double_bits = _reinterpreted(types.float64, types.int64)
bits_double = _reinterpreted(types.int64, types.float64)


@cache
def _team() -> Callable[..., None] | None:
    """The door to the OpenMP threads that torch itself runs on, where torch brings GNU's OpenMP (its Linux wheels).

    After every operation torch's threads spin for milliseconds in wait of the next one. A second pool shares the cores
    with them and runs at half speed (on two cores 20 ms for a call that takes 15 ms on torch's own threads); and
    Numba's parallel loops would bring a second OpenMP, which spins too.
    """
    library = Path(torch.__file__).parent / "lib" / "libgomp.so.1"
    if not library.exists():
        return None
    door: Callable[..., None] = ctypes.CDLL(str(library)).GOMP_parallel
    door.argtypes, door.restype = [_CALLBACK, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint], None  # type: ignore[attr-defined]
    return door


def ranges(total: int, step: int, unit: int = 1) -> list[tuple[int, int]]:
    """``0 .. total`` cut into pieces of about ``step``, as many as fill torch's number of threads evenly.

    Pieces begin at multiples of ``unit``.
    """
    threads, whole = max(1, torch.get_num_threads()), -(-total // unit)
    pieces = min(-(-max(1, total // step) // threads) * threads, whole)

    def end(i: int) -> int:
        return min(whole * i // pieces * unit, total)

    return [(end(i), end(i + 1)) for i in range(pieces)]


def run(call: Callable[[int, int], object], pieces: Sequence[tuple[int, int]]) -> None:
    """``call(start, stop)`` for every piece, on as many threads as torch may use; the order is left open."""
    threads = min(torch.get_num_threads(), len(pieces))
    waiting = iter(pieces)
    errors: list[BaseException] = []

    def work(_: object = None) -> None:
        try:
            for start, stop in waiting:
                call(start, stop)
        except BaseException as error:  # must not be lost on another thread
            errors.append(error)

    team = _team()
    if threads <= 1:
        work()
    elif team is not None:
        team(_CALLBACK(work), None, threads, 0)
    else:
        others = [threading.Thread(target=work) for _ in range(threads - 1)]
        for other in others:
            other.start()
        work()
        for other in others:
            other.join()
    if errors:
        raise errors[0]
