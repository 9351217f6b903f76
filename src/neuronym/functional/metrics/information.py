"""Weighted pointwise mutual information of a concept and the images that a unit fires on."""

from __future__ import annotations

from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.functional.metrics._rows import SHARE, labelled, one_pair, ratio, threshold_row

FLOOR = 1e-8
"""The least probability a concept is given, so that its logarithm is finite."""


def wpmi(
    concept: Shaped[Tensor, " images"],
    activations: Shaped[Tensor, " images"],
    lam: float | int = 1.0,
    floor: float | int = FLOOR,
    *,
    threshold: float | int | None = None,
    share: float | int = SHARE,
) -> Float64[Tensor, ""]:
    """Mean log concept over the images a unit fires on, less ``lam`` times the log of its mean over all, in nats.

    The score by which some methods choose their description (CLIP-Dissect's eq. 8, with the concept's value as its
    probability), here for one pair; :func:`neuronym.functional.clip_dissect.wpmi` is the whole table with a softmax.
    Any range, higher is better; with ``lam`` 1 a constant concept has 0, and 0 is the value of a unit that fires on no
    image.

    Args:
        concept: how probable the concept is in each image.
        activations: the unit's activation on each image.
        lam: weight of the concept's own frequency.
        floor: lower probabilities count as this.
        threshold: the unit fires above it.
        share: without a threshold, the share of the images that the unit fires on.

    Raises:
        ValueError: different numbers of images or none, ``floor`` not above 0, ``share`` out of range.
        NonFiniteError: a value is NaN or infinite.
    """
    concepts, rows = one_pair(concept, activations)
    return wpmi_rows(concepts, labelled(rows, threshold_row(threshold, rows), share), lam, floor)[0]


def wpmi_rows(
    concepts: Float64[Tensor, "pairs images"],
    labels: Bool[Tensor, "pairs images"],
    lam: float | int = 1.0,
    floor: float | int = FLOOR,
) -> Float64[Tensor, " pairs"]:
    """:func:`wpmi` of each pair of rows."""
    if not floor > 0:
        raise ValueError(f"floor is {floor}, and must be above 0")
    counts = labels.sum(1)
    likelihood = ratio((concepts.clamp_min(floor).log() * labels).sum(1), counts)
    prior = concepts.mean(1).clamp_min(floor).log()
    return (likelihood - lam * prior).masked_fill(counts == 0, 0)
