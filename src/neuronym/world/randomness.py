"""Random numbers that depend on (seed, index, slot) alone, so that a scene is the same in any batch and any order.

The generator is SplitMix64 (Steele, Lea and Flood 2014, "Fast Splittable Pseudorandom Number Generators"): a counter
that is multiplied and mixed, without a state.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Bits = npt.NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(bits: Bits) -> Bits:
    """The finaliser of SplitMix64: every bit of the result depends on every bit of the argument."""
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))


class Draws:
    """The numbers that belong to some scenes of one seed.

    Args:
        seed: any whole number; its lowest 64 bits count.
        indices: the scenes, [n].
    """

    def __init__(self, seed: int, indices: npt.NDArray[np.int64]) -> None:
        start = mixed(np.array([(seed * _GOLDEN + 1) % 2**64], np.uint64))
        self._streams = mixed(start ^ mixed(indices.astype(np.uint64) + np.uint64(1)))

    def bits(self, slot: int) -> Bits:
        """64 random bits per scene; every number that a scene needs has a slot of its own."""
        return mixed(self._streams + np.uint64((slot + 1) * _GOLDEN % 2**64))

    def uniform(self, slot: int) -> npt.NDArray[np.float64]:
        """Numbers in [0, 1), [n]."""
        return (self.bits(slot) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def between(
        self, slot: int, low: float | npt.NDArray[np.float64], high: float | npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        """Numbers in [low, high), [n]."""
        return low + (high - low) * self.uniform(slot)

    def below(self, slot: int, count: int) -> npt.NDArray[np.int64]:
        """Whole numbers in 0 .. count - 1, [n]."""
        return np.asarray(self.uniform(slot) * count, np.int64)
