"""The CPU kernel of the log likelihoods behind WPMI and SoftWPMI.

The work is bound by memory: every unit reads its own rows of the table of probabilities. So the rows are read in
windows of images that fit the cache, all units taking from a window what they need of it before the next one; within a
window a row's part is long, so that the processor fetches ahead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from neuronym.functional import _numba

_STRIDE = 8  # factors multiplied before the running product is read and written
_BLOCK = 2560  # concepts at a time
_WINDOW = 4 << 20  # bytes of a window's rows

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]


@_numba.fused_kernel
def _products(p: Any, rows: Any, a: Any, w: Any, bounds: Any, out: Any, start: int, stop: int) -> None:
    """Write, for the concepts ``start .. stop`` of all units, the products of ``a + w p`` over the unit's rows.

    ``rows``, ``a`` and ``w`` are [units, picks]; a unit's picks of window i lie between ``bounds[i]`` and
    ``bounds[i + 1]`` [units], all multiples of the stride.
    """
    n = stop - start
    for i in range(len(bounds) - 1):
        for u in range(len(rows)):
            product = out[u, start:stop]
            for k in range(bounds[i, u], bounds[i + 1, u], 8):
                r0, r1 = p[rows[u, k], start:stop], p[rows[u, k + 1], start:stop]
                r2, r3 = p[rows[u, k + 2], start:stop], p[rows[u, k + 3], start:stop]
                r4, r5 = p[rows[u, k + 4], start:stop], p[rows[u, k + 5], start:stop]
                r6, r7 = p[rows[u, k + 6], start:stop], p[rows[u, k + 7], start:stop]
                a0, a1, a2, a3 = a[u, k], a[u, k + 1], a[u, k + 2], a[u, k + 3]
                a4, a5, a6, a7 = a[u, k + 4], a[u, k + 5], a[u, k + 6], a[u, k + 7]
                w0, w1, w2, w3 = w[u, k], w[u, k + 1], w[u, k + 2], w[u, k + 3]
                w4, w5, w6, w7 = w[u, k + 4], w[u, k + 5], w[u, k + 6], w[u, k + 7]
                for c in range(n):
                    first = ((a0 + w0 * r0[c]) * (a1 + w1 * r1[c])) * ((a2 + w2 * r2[c]) * (a3 + w3 * r3[c]))
                    second = ((a4 + w4 * r4[c]) * (a5 + w5 * r5[c])) * ((a6 + w6 * r6[c]) * (a7 + w7 * r7[c]))
                    product[c] *= first * second


def _plan(top: Ints, weights: Floats, floor: float, images: int, windows: int) -> tuple[Ints, Floats, Floats, Ints]:
    """Rows, constants and weights of each unit in the order of the images, and windows' bounds [windows + 1, units].

    Units are filled up to whole strides with factors of exactly one; a window's bounds are moved to whole strides.
    """
    order = np.argsort(top, axis=1, kind="stable")
    rows = np.take_along_axis(top, order, 1)
    edges = np.linspace(0, images, windows + 1)[1:-1]
    inner = (rows < edges[:, None, None]).sum(2)
    fill = -rows.shape[1] % _STRIDE
    picks = rows.shape[1] + fill
    bounds = np.concatenate([np.zeros((1, len(top)), int), (inner + _STRIDE // 2) // _STRIDE * _STRIDE])
    bounds = np.concatenate([bounds, np.full((1, len(top)), picks)])
    sorted_weights = weights[order]
    return (
        np.pad(rows, ((0, 0), (0, fill)), mode="edge"),
        np.pad(1 - sorted_weights + floor, ((0, 0), (0, fill)), constant_values=1.0),
        np.pad(sorted_weights, ((0, 0), (0, fill)), constant_values=0.0),
        bounds,
    )


def products(p: Floats, top: Ints, weights: Floats, floor: float) -> torch.Tensor:
    """Products over all ranks of ``1 + w (p - 1) + floor``, float64 [units, concepts]; they must not underflow."""
    images, concepts = p.shape
    size = min(images, top.size) * min(concepts, _BLOCK) * p.itemsize
    windows = max(1, min(-(-size // _WINDOW), top.shape[1] // _STRIDE))
    rows, a, w, bounds = _plan(top, weights, floor, images, windows)
    out = torch.ones(len(top), concepts, dtype=torch.float64)
    table = out.numpy()
    _numba.run(
        lambda start, stop: _products(p, rows, a, w, bounds, table, start, stop), _numba.ranges(concepts, _BLOCK)
    )
    return out
