"""The CPU kernel that reads activations once and keeps their means, maxima, moments and histogram.

Floats are handled as their bit patterns: the leading bits of a difference are its logarithmic bucket, and patterns
turned to rise with the float have a maximum that the processor finds many at a time (and NaN and infinity stand at
their ends).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neuronym.functional._numba import bits_float, float_bits, inlined, kernel

NEGATIVE = 192  # buckets below the offset: 24 octaves of 8
POSITIVE = 1536  # buckets above it: 24 octaves of 64
ZERO = NEGATIVE  # the bucket of values equal to the offset
BUCKETS = NEGATIVE + 1 + POSITIVE
NEGATIVE_SHIFT = 20  # of 23 mantissa bits, 3 are kept: 8 buckets an octave
POSITIVE_SHIFT = 17  # 6 are kept: 64 buckets an octave

_CHUNK = 1024  # values of a unit handled together

# Without this, every operation on int32 would widen to int64 and half the speed would be lost.
_i4 = np.int32
_INFINITY = np.int32(0x7F800000)
_MAGNITUDE = np.int32(0x7FFFFFFF)


@inlined
def _rising(value: Any) -> Any:
    """An integer that rises with the float32; NaN and infinity lie beyond all others."""
    bits = float_bits(value)
    return _i4(bits ^ _i4(_i4(bits >> _i4(31)) & _MAGNITUDE))


@inlined
def _extremes(part: Any) -> Any:
    """Lowest and highest as rising integers, and how many are not zero."""
    low, high, count = _i4(0x7FFFFFFF), _i4(-0x80000000), _i4(0)
    for j in range(len(part)):
        rising = _rising(part[j])
        low, high = min(low, rising), max(high, rising)
        count = _i4(count + _i4(rising != _i4(0)))
    return low, high, count


@inlined
def _sums(part: Any) -> Any:
    """Sum and squared sum of the differences from the first value, and the maximum, in four strands: a fixed order."""
    base = np.float64(part[0])
    s0 = s1 = s2 = s3 = q0 = q1 = q2 = q3 = 0.0
    m0 = m1 = m2 = m3 = part[0]
    whole = len(part) - len(part) % 4
    for j in range(0, whole, 4):
        d0, d1 = np.float64(part[j]) - base, np.float64(part[j + 1]) - base
        d2, d3 = np.float64(part[j + 2]) - base, np.float64(part[j + 3]) - base
        s0, s1, s2, s3 = s0 + d0, s1 + d1, s2 + d2, s3 + d3
        q0, q1, q2, q3 = q0 + d0 * d0, q1 + d1 * d1, q2 + d2 * d2, q3 + d3 * d3
        m0, m1, m2, m3 = max(m0, part[j]), max(m1, part[j + 1]), max(m2, part[j + 2]), max(m3, part[j + 3])
    for j in range(whole, len(part)):
        d0 = np.float64(part[j]) - base
        s0, q0, m0 = s0 + d0, q0 + d0 * d0, max(m0, part[j])
    return (s0 + s1) + (s2 + s3), (q0 + q1) + (q2 + q3), max(m0, m1, m2, m3)


@inlined
def _buckets(part: Any, offset: Any, positive_base: Any, negative_base: Any, out: Any) -> None:
    """The bucket of each value: its distance from the offset in octaves, counted from the lowest one kept."""
    for j in range(len(part)):
        bits = float_bits(np.float32(part[j] - offset))
        magnitude = _i4(bits & _MAGNITUDE)
        above = _i4(_i4(magnitude >> _i4(POSITIVE_SHIFT)) - positive_base)
        above = min(max(above, _i4(0)), _i4(POSITIVE - 1))
        below = _i4(_i4(magnitude >> _i4(NEGATIVE_SHIFT)) - negative_base)
        below = min(max(below, _i4(0)), _i4(NEGATIVE - 1))
        bucket = _i4(above + _i4(NEGATIVE + 1)) if bits >= _i4(0) else _i4(_i4(NEGATIVE - 1) - below)
        out[j] = np.uint16(bucket if magnitude != _i4(0) else _i4(ZERO))


@inlined
def _add(value: Any, bucket: Any, counts: Any, edges: Any) -> None:
    """One value into one unit's buckets: ``counts`` [buckets, 2] and ``edges`` [buckets, 4] share their memory."""
    counts[bucket, 0] += 1
    if value < edges[bucket, 2]:  # noqa: PLR1730 - a store that rarely happens beats one that always does
        edges[bucket, 2] = value
    if value > edges[bucket, 3]:  # noqa: PLR1730
        edges[bucket, 3] = value


@inlined
def _count(part: Any, buckets: Any, offset: Any, counts: Any, edges: Any, others: Any) -> None:
    """Add the values to their buckets.

    Additions to one bucket wait for each other. So where most values lie at the offset, such as the zeros after a
    ReLU, the others are looked up first, without a branch, and those at the offset are added all at once.
    """
    at_offset = _i4(0)
    for j in range(len(part)):
        at_offset = _i4(at_offset + _i4(buckets[j] == np.uint16(ZERO)))
    if 4 * at_offset < 3 * len(part):
        for j in range(len(part)):
            _add(part[j], np.uint64(buckets[j]), counts, edges)
        return
    n = np.uint64(0)
    for j in range(len(part)):
        others[n] = j
        n += np.uint64(buckets[j] != np.uint16(ZERO))
    for i in range(n):
        j = others[i]
        _add(part[j], np.uint64(buckets[j]), counts, edges)
    counts[ZERO, 0] += at_offset
    edges[ZERO, 2] = edges[ZERO, 3] = offset


@kernel
def scan(
    x: Any,
    mean: Any,
    highest: Any,
    histogram: Any,
    moments: Any,
    tile: int,
    start: int,
    stop: int,
) -> bool:
    """Read ``x`` [images, units, positions] for the units ``start .. stop``; False if a value is not finite.

    ``mean`` and ``highest`` [images, units] are written. ``histogram`` is (offset, positive base, negative base, counts
    [units, buckets, 2], edges [units, buckets, 4]) and ``moments`` (count so far, mean, sum of squared deviations, min,
    max, number of non-zero); the arrays of either are empty where it is not wanted.
    """
    offsets, positive_bases, negative_bases, counts, edges = histogram
    seen, means, squares, lows, highs, nonzeros = moments
    positions = x.shape[2]
    together = max(1, _CHUNK // positions)
    part = np.empty(together * positions, np.float32)
    buckets = np.empty(together * positions, np.uint16)
    others = np.empty(together * positions + 1, np.uint32)
    for corner in range(start, stop, tile):
        for first in range(0, x.shape[0], together):
            images = min(together, x.shape[0] - first)
            for u in range(corner, min(corner + tile, stop)):
                for i in range(images):
                    for j in range(positions):
                        # Adding zero makes both zeros the same.
                        part[i * positions + j] = x[first + i, u, j] + np.float32(0)
                values = part[: images * positions]
                low, high, nonzero = _extremes(values)
                if high >= _INFINITY or low <= _i4(~_INFINITY):
                    return False
                for i in range(images):
                    one = values[i * positions : (i + 1) * positions]
                    total, squared, highest[first + i, u] = _sums(one)
                    average = np.float64(one[0]) + total / positions
                    mean[first + i, u] = np.float32(average)
                    if len(means):
                        before = seen + (first + i) * positions
                        share = positions / (before + positions)
                        apart = average - means[u]
                        means[u] += apart * share
                        squares[u] += max(squared - total * total / positions, 0.0) + apart * apart * share * before
                if len(means):
                    lows[u] = min(lows[u], bits_float(_i4(low ^ _i4(_i4(low >> _i4(31)) & _MAGNITUDE))))
                    highs[u] = max(highs[u], bits_float(_i4(high ^ _i4(_i4(high >> _i4(31)) & _MAGNITUDE))))
                    nonzeros[u] += nonzero
                if len(offsets):
                    _buckets(values, offsets[u], positive_bases[u], negative_bases[u], buckets)
                    _count(values, buckets, offsets[u], counts[u], edges[u], others)
    return True
