"""The CPU kernel that keeps each unit's most activating images."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuronym.functional import _numba


@_numba.kernel
def update(
    best: Any, indices: Any, maps: Any, worst: Any, values: Any, new_indices: Any, new_maps: Any, mapped: bool
) -> bool:
    """Put the images that beat a unit's worst in its place; False if a value is not finite.

    ``best``, ``indices`` [units, k] and ``maps`` [units, k, positions] are in no order; ``worst`` [units] points at
    the entry that goes next. A value beats another if it is larger, or equal and of a lower image index.
    """
    k = best.shape[1]
    for i in range(values.shape[0]):
        index = new_indices[i]
        for u in range(values.shape[1]):
            value = values[i, u]
            if not np.isfinite(value):
                return False
            slot = worst[u]
            if value < best[u, slot] or (value == best[u, slot] and index > indices[u, slot]):
                continue
            best[u, slot] = value
            indices[u, slot] = index
            if mapped:
                for j in range(maps.shape[2]):
                    maps[u, slot, j] = new_maps[i, u, j]
            low = 0
            for s in range(1, k):
                if best[u, s] < best[u, low] or (best[u, s] == best[u, low] and indices[u, s] > indices[u, low]):
                    low = s
            worst[u] = low
    return True
