"""How far raters agree: Krippendorff's alpha, weighted kappa and rank correlation, of NumPy arrays."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from neuronym.functional.metrics import spearman

Level = Literal["nominal", "ordinal", "interval"]
"""What is known of the distance of two values: that they differ, their order, or their difference."""

Floats = npt.NDArray[np.float64]


def krippendorff_alpha(ratings: npt.NDArray[np.floating[Any]], level: Level) -> float:
    """Krippendorff's alpha of ratings that may be missing.

    alpha = 1 - observed / expected disagreement: 1 where raters agree on everything, 0 where they agree as often as
    chance would have it, down to -1 where they contradict each other. Items that fewer than two raters rated count
    for nothing.

    Source: Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", case C (any number of observers, any
    metric, missing data), with the metric differences of its section D.

    Args:
        ratings: [raters, items]; NaN where a rater gave none.
        level: how far two values are apart.

    Returns:
        alpha; NaN where it is not defined, because no item has two ratings or all such ratings are equal.
    """
    values = np.asarray(ratings, np.float64)
    counts, known = _value_counts(values)
    raters = counts.sum(1)
    counts, raters = counts[raters >= 2], raters[raters >= 2]
    if not len(counts):
        return math.nan
    pairs = (counts / (raters - 1)[:, None]).T @ counts - np.diag((counts / (raters - 1)[:, None]).sum(0))
    totals = pairs.sum(1)
    apart = _differences(known, totals, level)
    expected = totals @ apart @ totals
    if expected == 0:
        return math.nan
    return float(1 - (totals.sum() - 1) * (pairs * apart).sum() / expected)


def _value_counts(values: Floats) -> tuple[Floats, Floats]:
    """How often each value was given to each item [items, values]; and the values in ascending order."""
    known = np.unique(values[np.isfinite(values)])
    return (values[:, :, None] == known).sum(0).astype(np.float64), known


def _differences(known: Floats, totals: Floats, level: Level) -> Floats:
    """The squared difference of each pair of values, [values, values]; ``totals`` is how often each occurs."""
    if level == "nominal":
        return 1 - np.eye(len(known))
    if level == "interval":
        return np.asarray((known[:, None] - known) ** 2)
    # The values between two, with half of each end: the distance of their mean ranks.
    middles = np.cumsum(totals) - totals / 2
    return np.asarray((middles[:, None] - middles) ** 2)


def weighted_kappa(first: npt.NDArray[np.integer[Any]], second: npt.NDArray[np.integer[Any]], levels: int) -> float:
    """Cohen's kappa of two raters with weights that grow with the square of the distance, -1 to 1.

    Source: Cohen 1968, "Weighted kappa".

    Args:
        first: [items], 1 to ``levels``.
        second: [items], the other rater's.
        levels: how many levels the scale has.

    Returns:
        kappa; NaN where there are no items, or both gave one and the same value to all.

    Raises:
        ValueError: the two have different numbers of items, or a rating is not on the scale.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"the raters rated {first.shape} and {second.shape} items")
    both = np.concatenate([first, second])
    if both.size and not (both.min() >= 1 and both.max() <= levels):
        raise ValueError(f"ratings reach from {both.min()} to {both.max()}, and the scale from 1 to {levels}")
    table = np.zeros((levels, levels))
    np.add.at(table, (first - 1, second - 1), 1)
    steps = np.arange(levels)
    apart = (steps[:, None] - steps) ** 2
    expected = table.sum(1) @ apart @ table.sum(0)
    return math.nan if expected == 0 else float(1 - len(first) * (table * apart).sum() / expected)


def rank_correlation(first: npt.NDArray[np.number[Any]], second: npt.NDArray[np.number[Any]]) -> float:
    """Spearman's rank correlation, -1 to 1; equal values share their mean rank.

    :func:`neuronym.functional.metrics.spearman`, but where that is 0 for want of a correlation there is none here.

    Returns:
        rho; NaN where either side is constant or there are fewer than two items.

    Raises:
        ValueError: the two have different numbers of items.
    """
    if first.shape != second.shape or first.ndim != 1:
        raise ValueError(f"the two sides have {first.shape} and {second.shape} items")
    if len(first) < 2 or any((side == side[0]).all() for side in (first, second)):
        return math.nan
    return float(spearman(torch.from_numpy(first), torch.from_numpy(second)))
