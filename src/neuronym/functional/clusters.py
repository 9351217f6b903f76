"""The mean of values that come in clusters, and how far it would move with other clusters. NumPy only."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

RESAMPLES = 10_000

_BLOCK = 2_000_000
"""Numbers of a block of resamples that are in memory at a time."""


def clustered_mean(
    values: npt.NDArray[np.floating[Any]],
    clusters: npt.NDArray[np.integer[Any]],
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = 0.95,
) -> tuple[float, tuple[float, float] | None]:
    """The mean of all values, with the percentile interval of the bootstrap over clusters.

    Several raters' answers about one unit are not independent, so that whole units are drawn with all their answers.

    Source: Efron & Tibshirani 1993, chapters 8 (clusters) and 13 (percentile interval).

    Args:
        values: [values], at least one.
        clusters: the cluster of each value.
        seed: of the resamples.
        resamples: how many.
        level: the share of resamples within the interval, 0 to 1.

    Returns:
        The mean and the interval (low, high); None for the interval of a single cluster, which cannot vary.

    Raises:
        ValueError: there are no values, or another number of clusters.
    """
    if not len(values) or len(values) != len(clusters):
        raise ValueError(f"{len(values)} values in {len(clusters)} clusters")
    _, place = np.unique(clusters, return_inverse=True)
    sums, counts = np.bincount(place, values.astype(np.float64)), np.bincount(place)
    mean = float(sums.sum() / counts.sum())
    if len(sums) < 2:
        return mean, None
    rng = np.random.default_rng(seed)
    step = max(1, _BLOCK // len(sums))
    means = []
    for start in range(0, resamples, step):
        drawn = rng.integers(0, len(sums), (min(step, resamples - start), len(sums)))
        means.append(sums[drawn].sum(1) / counts[drawn].sum(1))
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2])
    return mean, (float(low), float(high))
