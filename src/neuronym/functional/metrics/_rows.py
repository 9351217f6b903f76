"""What the formulas share: checked rows in double precision, standardised, ranked or labelled.

A row holds one pair's values over all images, so that each pair's values lie next to each other in memory.
"""

from __future__ import annotations

import math

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.functional._checks import finite, home

CUT = 0.5
"""A concept is said to be in an image where its value exceeds this, unless told otherwise."""

SHARE = 0.05
"""The share of the images that a unit is said to fire on, unless a threshold is given."""


def double(values: Tensor) -> Tensor:
    """The tensor in float64 without its history, where double precision can be had."""
    return values.detach().to(home(values.device)).double()


def paired(
    concepts: Tensor, activations: Tensor
) -> tuple[Float64[Tensor, "concepts images"], Float64[Tensor, "units images"]]:
    """Both sides, [images, concepts] and [images, units] of any type, as rows on the concepts' device.

    Raises:
        ValueError: the two have different numbers of images, or none.
        NonFiniteError: a value is NaN or infinite.
    """
    if len(concepts) != len(activations):
        raise ValueError(f"concepts have {len(concepts)} images, activations have {len(activations)}")
    if not len(concepts):
        raise ValueError("there are no images")
    concepts = double(concepts)
    activations = double(activations).to(concepts.device)
    finite(concepts, "The concepts")
    finite(activations, "The activations")
    return concepts.T.contiguous(), activations.T.contiguous()


def one_pair(concept: Tensor, activations: Tensor) -> tuple[Float64[Tensor, "1 images"], Float64[Tensor, "1 images"]]:
    """A single pair, each side [images], as rows; raises as :func:`paired`."""
    return paired(concept[:, None], activations[:, None])


def scaled(rows: Float64[Tensor, "rows values"]) -> Float64[Tensor, "rows values"]:
    """Each row over its largest magnitude, so that its squares neither overflow nor vanish; zeros stay."""
    largest = rows.abs().amax(1, keepdim=True)
    smaller: Tensor = rows / largest.masked_fill(largest == 0, 1)
    return smaller


def directions(rows: Float64[Tensor, "rows values"]) -> Float64[Tensor, "rows values"]:
    """Rows of length one; zeros where a row is zero."""
    rows = scaled(rows)
    norms: Tensor = rows.norm(dim=1, keepdim=True)
    return rows / norms.masked_fill(norms == 0, 1)


def standardised(rows: Float64[Tensor, "rows values"]) -> Float64[Tensor, "rows values"]:
    """Centred rows of length one; zeros where a row is constant."""
    varied = scaled(rows)
    centred = varied - varied.mean(1, keepdim=True)
    # The mean of equal values may be off by a rounding error, which would then be blown up to length one.
    return directions(centred.masked_fill(constant(rows), 0))


def constant(rows: Shaped[Tensor, "rows values"]) -> Bool[Tensor, "rows 1"]:
    """Whether all values of a row are the same."""
    lowest, highest = rows.aminmax(dim=1, keepdim=True)
    return lowest == highest


def mean_ranks(rows: Float64[Tensor, "rows values"]) -> Float64[Tensor, "rows values"]:
    """Ranks from 1 for the lowest; equal values share the mean of their ranks."""
    ordered, order = rows.sort(1)
    # Looking up values in their order is much faster than as they come.
    return torch.empty_like(rows).scatter_(1, order, places(ordered, ordered) + 0.5)


def places(
    ordered: Float64[Tensor, "rows others"], values: Float64[Tensor, "rows values"]
) -> Float64[Tensor, "rows values"]:
    """How many of a row's ``ordered`` values, which rise, lie below each of ``values``; equal ones count half."""
    below = torch.searchsorted(ordered, values)
    not_above = torch.searchsorted(ordered, values, right=True)
    return (below + not_above).double() / 2


def labelled(
    activations: Float64[Tensor, "pairs images"],
    thresholds: Float64[Tensor, " pairs"] | None = None,
    share: float | int = SHARE,
) -> Bool[Tensor, "pairs images"]:
    """The images that a unit is said to fire on: above its threshold or, without one, its top ``share``.

    The top share are the images above the (ceil(share * images) + 1)-th largest activation. Where none is above it,
    they are those at the maximum, so that activations of two values only come back as they are however frequent the
    higher one is. Constant activations have no top: no image is labelled.

    Raises:
        ValueError: ``share`` is not in 0..1 or is 0.
    """
    if thresholds is not None:
        return activations > thresholds[:, None]
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}, and must be above 0 and at most 1")
    images = activations.shape[1]
    # 0.1 * 30 is a little more than 3.
    place = min(math.ceil(round(share * images, 6)) + 1, images)
    top = activations.topk(place, 1).values
    highest, level = top[:, :1], top[:, -1:]
    at_maximum = (activations == highest) & ~constant(activations)
    return torch.where(level == highest, at_maximum, activations > level)


def threshold_row(threshold: float | int | None, like: Tensor) -> Float64[Tensor, " pairs"] | None:
    """A threshold as the batched forms take it.

    Raises:
        NonFiniteError: it is NaN or infinite.
    """
    if threshold is None:
        return None
    row = torch.tensor([float(threshold)], dtype=torch.float64, device=like.device)
    finite(row, "The thresholds")
    return row


def ratio(part: Shaped[Tensor, " pairs"], whole: Shaped[Tensor, " pairs"]) -> Float64[Tensor, " pairs"]:
    """``part / whole``, and 0 where the whole is 0."""
    return part.double() / whole.double().masked_fill(whole == 0, 1)
