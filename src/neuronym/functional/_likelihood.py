"""The CPU kernel of the log likelihoods behind WPMI and SoftWPMI.

The work is bound by memory. A visit multiplies eight rows of the table of probabilities into one unit's products. The
visits of all units are made in the order of the images, so that a row which several units need is still in the cache
when the next of them comes, and so that rows not seen before come evenly spread: while one visit is computed, the rows
of the next are fetched.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from llvmlite import ir  # type: ignore[import-untyped]
from numba.core import cgutils, types
from numba.extending import intrinsic

from neuronym.functional import _numba
from neuronym.functional._numba import bits_double, double_bits

_ROWS = 8  # of a visit: its constants fill half of AVX-512's registers
_LANES = 8  # doubles computed at once; machines with narrower vectors take several
_LINE = 16  # columns of float32 in 64 bytes, what one prefetch brings
_BLOCK = 256  # concepts at a time: the rows between two visits to one unit stay in the second-level cache

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]


class _Writer:
    """Writes the vector instructions that Numba's own loops do not become when they also prefetch."""

    def __init__(self, context: Any, builder: Any, arrays: dict[str, tuple[Any, Any]]) -> None:
        self.builder = builder
        self.types = {name: kind for name, (kind, _) in arrays.items()}
        self.arrays = {
            name: context.make_array(kind)(context, builder, value) for name, (kind, value) in arrays.items()
        }
        self.scalars = {name: context.get_value_type(kind.dtype) for name, (kind, _) in arrays.items()}
        self.context = context

    def _pointer(self, name: str, row: Any, column: Any) -> Any:
        return cgutils.get_item_pointer(self.context, self.builder, self.types[name], self.arrays[name], [row, column])

    def _vector(self, name: str, row: Any, column: Any, lanes: int) -> Any:
        """A pointer to ``lanes`` neighbouring entries of a row."""
        vector = ir.VectorType(self.scalars[name], lanes)
        return self.builder.bitcast(self._pointer(name, row, column), vector.as_pointer())

    def prefetch(self, name: str, row: Any, column: Any) -> None:
        pointer, number = self._pointer(name, row, column), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, number, number, number])
        call = self.builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
        self.builder.call(call, [pointer, number(0), number(3), number(1)])  # to read, into all caches, data

    def spread(self, values: Any, index: int, lanes: int) -> Any:
        """One of a tuple's values in every lane."""
        number, empty = ir.IntType(32), ir.Constant(ir.VectorType(ir.DoubleType(), lanes), ir.Undefined)
        first = self.builder.insert_element(empty, self.builder.extract_value(values, index), number(0))
        return self.builder.shuffle_vector(first, empty, ir.Constant(ir.VectorType(number, lanes), [0] * lanes))

    def factor(self, row: Any, column: Any, a: Any, w: Any) -> Any:
        """``a + w p`` for some columns of one row; the sum with the product may be rounded once."""
        value = self.builder.load(self._vector("p", row, column, a.type.count), align=4)
        if self.scalars["p"] != ir.DoubleType():
            value = self.builder.fpext(value, a.type)
        product = self.builder.fmul(value, w, flags=("contract",))
        return self.builder.fadd(product, a, flags=("contract",))

    def multiply(self, unit: Any, column: Any, factors: list[Any]) -> None:
        """Multiply the factors, in pairs of pairs, into the unit's products."""
        while len(factors) > 1:
            factors = [self.builder.fmul(x, y) for x, y in zip(factors[::2], factors[1::2], strict=True)]
        pointer = self._vector("out", unit, column, factors[0].type.count)
        product = self.builder.fmul(self.builder.load(pointer, align=8), factors[0])
        self.builder.store(product, pointer, align=8)


def _multiplier(columns: int, lanes: int) -> Any:
    """A function for kernels: eight rows' factors of ``columns`` concepts into the products, the next rows fetched.

    Its arguments are ``p``, ``out``, a unit, its eight rows and the eight to fetch in one tuple, all ``a`` and all
    ``w`` in another, and the first column.
    """

    def typed(typing: Any, p: Any, out: Any, unit: Any, rows: Any, constants: Any, column: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            p, out, unit, rows, constants, column = arguments
            writer = _Writer(context, builder, {"p": (signature.args[0], p), "out": (signature.args[1], out)})
            for k in range(_ROWS, 2 * _ROWS) if columns > 1 else ():
                writer.prefetch("p", builder.extract_value(rows, k), column)
            spread = [writer.spread(constants, k, lanes) for k in range(2 * _ROWS)]
            for offset in range(0, columns, lanes):
                place = builder.add(column, column.type(offset))
                picked = ((builder.extract_value(rows, k), place) for k in range(_ROWS))
                pairs = zip(spread[:_ROWS], spread[_ROWS:], strict=True)
                factors = [writer.factor(*row, *pair) for row, pair in zip(picked, pairs, strict=True)]
                writer.multiply(unit, place, factors)
            return context.get_dummy_value()

        return types.void(p, out, unit, rows, constants, column), generate

    return intrinsic(typed)


_multiply_line, _multiply_one = _multiplier(_LINE, _LANES), _multiplier(1, 1)


@_numba.inlined
def _eight(table: Any, i: int) -> Any:
    """A row of eight as a tuple, which a kernel keeps in registers."""
    return (
        table[i, 0], table[i, 1], table[i, 2], table[i, 3], table[i, 4], table[i, 5], table[i, 6], table[i, 7]
    )  # fmt: skip


@_numba.inlined
def _log(x: Any) -> Any:
    """Natural logarithm of a double above 0, to the last bit or the one before, in steps that become vectors.

    x = m 2^e with m between the roots of 1/2 and 2, and log m = 2 (s + s^3 / 3 + s^5 / 5 ...), s = (m - 1) / (m + 1),
    whose terms from s^23 on are below a double's precision.
    """
    shift = 54 if x < 2.3e-308 else 0  # numbers without a leading one
    bits = double_bits(x * 18014398509481984.0 if x < 2.3e-308 else x)
    exponent = (bits - 0x3FE6A09E667F3BCD) >> 52  # less the bits of the root of 1/2
    m = bits_double(bits - (exponent << 52))
    s = (m - 1) / (m + 1)
    z = s * s
    tail = z / 21 + 1 / 19
    tail = ((tail * z + 1 / 17) * z + 1 / 15) * z + 1 / 13
    tail = ((tail * z + 1 / 11) * z + 1 / 9) * z + 1 / 7
    tail = (tail * z + 1 / 5) * z + 1 / 3
    return (exponent - shift) * 0.6931471805599453 + 2 * (s + s * z * tail)


@_numba.fused_kernel
def _log_products(p: Any, units: Any, rows: Any, a: Any, w: Any, out: Any, start: int, stop: int) -> None:
    """Write, for the concepts ``start .. stop`` of all units, the log of the product of ``a + w p`` over its rows.

    ``units`` [visits] says whose product a visit's factors go into; ``rows``, ``a`` and ``w`` are [visits, 8].
    """
    out[:, start:stop] = 1.0
    whole = stop - (stop - start) % _LINE
    for v in range(len(units)):
        picked = _eight(rows, v) + _eight(rows, min(v + 1, len(units) - 1))
        constants = _eight(a, v) + _eight(w, v)
        for c in range(start, whole, _LINE):
            _multiply_line(p, out, units[v], picked, constants, c)
        for c in range(whole, stop):
            _multiply_one(p, out, units[v], picked, constants, c)
    for unit in range(len(out)):
        products = out[unit, start:stop]
        for c in range(stop - start):
            products[c] = _log(products[c])


def _visits(top: Ints, weights: Floats, floor: float) -> tuple[Ints, Ints, Floats, Floats]:
    """Units [visits], rows, constants and weights [visits, 8] of the visits, in the order of their last images.

    Units are filled up to whole visits with factors of exactly one.
    """
    ranks = top.shape[1]
    picks = np.pad(np.argsort(top, axis=1), ((0, 0), (0, -ranks % _ROWS)), mode="edge")
    rows, w = np.take_along_axis(top, picks, 1), weights[picks]
    a = 1 - w + floor
    a[:, ranks:], w[:, ranks:] = 1, 0
    units = np.repeat(np.arange(len(top)), picks.shape[1] // _ROWS)
    sweep = np.argsort(rows[:, _ROWS - 1 :: _ROWS].reshape(-1), kind="stable")
    eights = (-1, _ROWS)
    return units[sweep], rows.reshape(eights)[sweep], a.reshape(eights)[sweep], w.reshape(eights)[sweep]


def log_products(p: Floats, top: Ints, weights: Floats, floor: float) -> torch.Tensor:
    """Logs of the products over all ranks of ``1 + w (p - 1) + floor``, float64 [units, concepts].

    ``p`` [images, concepts] lies row by row. The products must not underflow.
    """
    visits = _visits(top, weights, floor)
    out = np.empty((len(top), p.shape[1]))  # unlike torch, NumPy asks for large pages
    _numba.run(
        lambda start, stop: _log_products(p, *visits, out, start, stop), _numba.ranges(p.shape[1], _BLOCK, _LINE)
    )
    return torch.from_numpy(out)
