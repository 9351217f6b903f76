"""Gaussian noise on pictures, the same for a scene wherever and whenever its picture is made.

It is made from the world's own random numbers (:mod:`neuronym.world.randomness`), so that another version of NumPy does
not change it, by the transform of Box and Muller (1958, "A Note on the Generation of Random Normal Deviates").
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from neuronym.world.randomness import Draws

VERSION = 1
"""To be raised when other noise is put in."""

MOST = 0.5
"""The largest standard deviation that a source offers, where 1 is the range of a pixel."""

_RANGE = 255
# The number by which a scene's noise is drawn. The scene itself uses those below 200; it must never be moved.
_SLOT = 1000


def noisy(images: npt.NDArray[np.uint8], seed: int, numbers: Sequence[int], deviation: float) -> npt.NDArray[np.uint8]:
    """Pictures of scenes with noise, rounded and clipped to 0..255, uint8 [n, height, width, 3].

    Args:
        images: uint8 [n, height, width, 3].
        seed: the world's.
        numbers: the number of each scene, n of them. Its noise depends on this and the seed alone; at a greater
            deviation it is the same, only stronger.
        deviation: standard deviation, where 1 is the range of a pixel, 0..255.
    """
    keys = Draws(seed, np.asarray(numbers, np.int64)).bits(_SLOT)
    result = np.empty_like(images)
    for i, key in enumerate(keys):
        changed = images[i] + deviation * _RANGE * _normal(int(key), images[i].size).reshape(images[i].shape)
        result[i] = np.clip(np.rint(changed), 0, _RANGE)
    return result


def _normal(key: int, count: int) -> npt.NDArray[np.float64]:
    """Independent standard normal numbers, [count]."""
    draws = Draws(key, np.arange(-(-count // 2)))
    length = np.sqrt(-2 * np.log(1 - draws.uniform(0)))  # of a number in (0, 1]
    angle = 2 * math.pi * draws.uniform(1)
    return np.concatenate([length * np.cos(angle), length * np.sin(angle)])[:count]
