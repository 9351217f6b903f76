"""The CPU kernel that upsamples activation maps and packs where they are above a threshold.

An interpolated value never leaves the range of the values that it lies between, rounding included: it is a + t (b - a)
in float64 with t below 1 by much more than a rounding error. So what lies between values that are all above the
threshold, or all not, is known without interpolating, and a plateau exactly at the threshold stays exactly there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuronym.functional import _numba

_WORTH_THREADS = 1 << 15  # values below which starting other threads costs more than it saves

Doubles = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def axis(size: int, cells: int) -> tuple[Ints, Ints, Doubles, Ints, Ints]:
    """How one axis is interpolated, half-pixel centres.

    Returns for each cell the value before it, the value after it and how far it is from the first to the second; and
    for each value the first cell that it takes part in and the one after the last, all [cells] or [size].
    """
    # In whole numbers, so that a cell in a value's centre is exactly there.
    doubled = np.maximum((2 * np.arange(cells) + 1) * size - cells, 0)
    before = doubled // (2 * cells)
    after = np.minimum(before + 1, size - 1)
    values = np.arange(size)
    begins, ends = np.searchsorted(after, values), np.searchsorted(before, values, "right")
    return before, after, doubled % (2 * cells) / (2 * cells), begins, ends


@_numba.kernel
def _draw(plane: Any, threshold: float, rows: Any, columns: Any, row: Any, out: Any) -> None:
    """Set the bits of the cells where one map [height, width] is above its threshold; ``row`` [width] is scratch."""
    above, below, down, _, _ = rows
    left, right, along, begins, ends = columns
    width = plane.shape[1]
    for r in range(len(above)):
        upper, lower, t = plane[above[r]], plane[below[r]], down[r]
        first, last = width, -1
        for w in range(width):
            a = np.float64(upper[w])
            row[w] = a + t * (np.float64(lower[w]) - a)
            if row[w] > threshold:
                first, last = min(first, w), w
        if last < 0:
            continue
        cell, bits = np.uint64(r * len(left) + begins[first]), np.uint64(0)
        for x in range(begins[first], ends[last]):
            a = row[left[x]]
            bits |= np.uint64(a + along[x] * (row[right[x]] - a) > threshold) << (cell & np.uint64(63))
            cell += np.uint64(1)
            if not cell & np.uint64(63):
                out[(cell >> np.uint64(6)) - np.uint64(1)] |= bits
                bits = np.uint64(0)
        if bits:
            out[cell >> np.uint64(6)] |= bits


@_numba.kernel
def _count_planes(x: Any, limits: Any, counts: Any) -> None:
    """How many values of each map of ``x`` [units, positions] are above the unit's limit."""
    for u in range(len(x)):
        found, limit = np.int32(0), limits[u]
        for p in range(x.shape[1]):
            found = np.int32(found + np.int32(x[u, p] > limit))
        counts[u] = found


@_numba.kernel
def _count_last(x: Any, limits: Any, counts: Any) -> None:
    """As :func:`_count_planes`, of ``x`` [positions, units]."""
    for u in range(len(counts)):
        counts[u] = 0
    for p in range(len(x)):
        values = x[p]
        for u in range(len(values)):
            counts[u] = np.int32(counts[u] + np.int32(values[u] > limits[u]))


@_numba.kernel
def _draw_all(x: Any, last: bool, thresholds: Any, limits: Any, axes: Any, full: Any, out: Any, part: Any) -> None:
    """Write the masks of the images ``part[0] .. part[1]`` into ``out``, which is zero.

    ``x`` is [images, units, positions], or [images, positions, units] if ``last``; ``limits`` are the thresholds in
    float32, rounded down, which separate float32 values as the thresholds do.
    """
    height, width = len(axes[0][3]), len(axes[1][3])
    counts, row = np.empty(len(limits), np.int32), np.empty(width)
    plane = np.empty((height, width), np.float32)
    for i in range(part[0], part[1]):
        if last:
            _count_last(x[i], limits, counts)
        else:
            _count_planes(x[i], limits, counts)
        for u in range(len(counts)):
            if counts[u] == height * width:
                for w in range(len(full)):
                    out[i, u, w] = full[w]
            elif counts[u]:
                for p in range(height * width):
                    plane[p // width, p % width] = x[i, p, u] if last else x[i, u, p]
                _draw(plane, thresholds[u], axes[0], axes[1], row, out[i, u])


def draw(maps: Tensor, thresholds: Doubles, grid: tuple[int, int], full: Words) -> Words:
    """The masks, uint64 [images, units, words], of float32 maps [images, units, height, width] on the CPU.

    ``full`` [words] is the mask of the whole grid.
    """
    images, units, height, width = maps.shape
    out = np.zeros((images, units, len(full)), np.uint64)
    flat = maps.flatten(2)
    last = flat.stride(1) == 1 and not flat.is_contiguous()
    x = (flat.transpose(1, 2) if last else flat).contiguous().numpy()
    axes = axis(height, grid[0]), axis(width, grid[1])
    limits = _rounded_down(thresholds)

    def part(start: int, stop: int) -> None:
        _draw_all(x, last, thresholds, limits, axes, full, out, (start, stop))

    threads = torch.get_num_threads()
    pieces = _numba.ranges(images, max(1, images // (2 * threads)))
    _numba.run(part, pieces if maps.numel() > _WORTH_THREADS else [(0, images)])
    return out


def _rounded_down(thresholds: Doubles) -> npt.NDArray[np.float32]:
    """The highest float32 that is not above each threshold."""
    with np.errstate(over="ignore"):
        nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)
