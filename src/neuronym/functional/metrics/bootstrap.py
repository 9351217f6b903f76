"""Intervals by resampling (Efron and Tibshirani 1993): what a figure would have been with other images or units."""

from __future__ import annotations

import torch
from jaxtyping import Float, Float64, Shaped
from torch import Tensor

from neuronym.functional._checks import finite
from neuronym.functional.metrics._rows import double, paired, scaled
from neuronym.functional.metrics.agreement import pearson_rows

_ELEMENTS = 1 << 22  # of one temporary table: 32 MiB in float64
_CLOSE = 1e-9
"""Where the variance is a smaller part of the mean square than this, it is taken again without the difference."""


def bootstrap_pearson(
    concepts: Shaped[Tensor, "images pairs"],
    activations: Shaped[Tensor, "images pairs"],
    draws: int = 1000,
    seed: int = 0,
) -> Float64[Tensor, "draws pairs"]:
    """Pearson's correlation of each pair over images drawn anew with replacement, as many as there are.

    A draw takes the same images for all pairs, so that pairs can be compared within it. Equal seeds give equal draws.
    Where either side is constant over the images drawn, the value is 0.

    Args:
        concepts: how much of each pair's concept is in each image.
        activations: each pair's unit on each image.
        draws: how many.
        seed: of the draws.

    Raises:
        ValueError: different numbers of images or pairs, no images, or ``draws`` below 1.
        NonFiniteError: a value is NaN or infinite.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}, and must be at least 1")
    if concepts.shape[1] != activations.shape[1]:
        raise ValueError(f"concepts have {concepts.shape[1]} pairs, activations have {activations.shape[1]}")
    images, pairs = concepts.shape
    if not images:
        raise ValueError("there are no images")
    generator = torch.Generator().manual_seed(seed)
    step, width = max(1, _ELEMENTS // max(images, draws)), max(1, _ELEMENTS // images)
    result = double(concepts).new_empty(draws, pairs)
    for start in range(0, draws, width):
        counts = _counts(images, min(width, draws - start), generator).to(result.device)
        for first in range(0, pairs, step):
            part = slice(first, first + step)
            x, y = (_about_median(side) for side in paired(concepts[:, part], activations[:, part]))
            result[start : start + width, part] = _correlations(counts, x, y)
    return result


def _counts(images: int, draws: int, generator: torch.Generator) -> Float64[Tensor, "draws images"]:
    """How often each image is drawn; one draw after the other, so that blocks do not change the numbers."""
    drawn = [torch.randint(images, (images,), generator=generator) for _ in range(draws)]
    return torch.stack([torch.bincount(one, minlength=images) for one in drawn]).double()


def _about_median(rows: Float64[Tensor, "pairs images"]) -> Float64[Tensor, "pairs images"]:
    """Scaled, with the median moved to 0.

    The sums then keep their precision, and a draw of nothing but the commonest value of a rare concept gives zeros
    exactly; the mean would be drawn away by few large values.
    """
    rows = scaled(rows)
    return scaled(rows - rows.median(1, keepdim=True).values)


def _correlations(
    counts: Float64[Tensor, "draws images"], x: Float64[Tensor, "pairs images"], y: Float64[Tensor, "pairs images"]
) -> Float64[Tensor, "draws pairs"]:
    """The correlation of each pair under each draw's counts."""
    images = counts.shape[1]
    squares_x, squares_y = counts @ (x * x).T / images, counts @ (y * y).T / images
    mean_x, mean_y = counts @ x.T / images, counts @ y.T / images
    spread_x, spread_y = squares_x - mean_x**2, squares_y - mean_y**2
    close = (spread_x <= _CLOSE * squares_x) | (spread_y <= _CLOSE * squares_y)
    product = (spread_x * spread_y).masked_fill(close, 1).sqrt()
    correlations = (counts @ (x * y).T / images - mean_x * mean_y) / product
    # Zeros throughout have no correlation; where rounding may have made the spread, it is computed from the values.
    doubtful = close & (squares_x > 0) & (squares_y > 0)
    correlations = correlations.masked_fill(close, 0).clamp(-1, 1)
    for draw, pair in doubtful.nonzero().tolist():
        drawn = counts[draw].long()
        correlations[draw, pair] = pearson_rows(*(side[pair].repeat_interleave(drawn)[None] for side in (x, y)))[0]
    return correlations


def interval(
    draws: Float[Tensor, "draws pairs"], level: float | int = 0.95
) -> tuple[Float64[Tensor, " pairs"], Float64[Tensor, " pairs"]]:
    """The lower and the upper end of the percentile interval of each pair, linear between two neighbouring draws.

    Raises:
        ValueError: no draws, or ``level`` is not between 0 and 1.
        NonFiniteError: a value is NaN or infinite.
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, and must be between 0 and 1")
    if not len(draws):
        raise ValueError("there are no draws")
    ordered = double(draws)
    finite(ordered, "The draws")
    ordered = ordered.sort(0).values
    return _quantile(ordered, (1 - level) / 2), _quantile(ordered, (1 + level) / 2)


def _quantile(ordered: Float64[Tensor, "draws pairs"], q: float) -> Float64[Tensor, " pairs"]:
    """torch.quantile refuses large tables."""
    place = q * (len(ordered) - 1)
    below = int(place)
    return torch.lerp(ordered[below], ordered[min(below + 1, len(ordered) - 1)], place - below)


def bootstrap_mean(
    values: Shaped[Tensor, " units"], draws: int = 2000, level: float | int = 0.95, seed: int = 0
) -> tuple[float, float, float]:
    """The mean over units and the ends of its percentile interval over units drawn anew with replacement.

    Of a single unit nothing can be said of others: all three are its value. Equal seeds give equal draws.

    Raises:
        ValueError: no units, ``draws`` below 1, or ``level`` not between 0 and 1.
        NonFiniteError: a value is NaN or infinite.
    """
    mean, low, high = (float(one) for one in bootstrap_means(values[:, None], draws, level, seed))
    return mean, low, high


def bootstrap_means(
    values: Shaped[Tensor, "units columns"], draws: int = 2000, level: float | int = 0.95, seed: int = 0
) -> tuple[Float64[Tensor, " columns"], Float64[Tensor, " columns"], Float64[Tensor, " columns"]]:
    """:func:`bootstrap_mean` of each column, which share their draws; raises as it does."""
    means = mean_draws(values, draws, seed)
    return (torch.stack([row.mean() for row in double(values).cpu().T.contiguous()]), *interval(means, level))


def mean_draws(
    values: Shaped[Tensor, "units columns"], draws: int = 2000, seed: int = 0
) -> Float64[Tensor, "draws columns"]:
    """The mean of each column over units drawn anew with replacement, the same units for all columns, on the CPU.

    Raises:
        ValueError: no units, or ``draws`` below 1.
        NonFiniteError: a value is NaN or infinite.
    """
    units = len(values)
    if not units:
        raise ValueError("there are no units")
    if draws < 1:
        raise ValueError(f"draws is {draws}, and must be at least 1")
    rows = double(values).cpu().T.contiguous()
    finite(rows, "The values")
    generator = torch.Generator().manual_seed(seed)
    step = max(1, _ELEMENTS // units)
    means = rows.new_empty(draws, len(rows))
    for start in range(0, draws, step):
        drawn = torch.randint(units, (min(step, draws - start), units), generator=generator)
        for column, row in enumerate(rows):
            means[start : start + step, column] = row[drawn].mean(1)
    return means
