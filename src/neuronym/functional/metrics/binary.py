"""Metrics that binarise: the activation gives the label and the concept predicts it, or the other way round.

An activation is binarised by ``threshold`` (above it, strictly) or, without one, by ``share``: the unit's top 5 % of
the images unless told otherwise, and all images at its maximum if those are more (:func:`_rows.labelled`). A concept is
binarised by ``cut``: it is in the images where its value exceeds 0.5 unless told otherwise. All take (concept [images],
activations [images]) and return a float64 scalar.

Raises, everywhere: ValueError where the two have different numbers of images or none, or a parameter is out of its
range; NonFiniteError where a value is NaN or infinite.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.functional.metrics._rows import CUT, SHARE, labelled, mean_ranks, one_pair, ratio, threshold_row


def auroc(
    concept: Shaped[Tensor, " images"],
    activations: Shaped[Tensor, " images"],
    *,
    threshold: float | int | None = None,
    share: float | int = SHARE,
) -> Float64[Tensor, ""]:
    """Area under the ROC curve of the concept as a predictor of the binarised activation (Mann and Whitney 1947).

    The probability that the concept is higher in an image the unit fires on than in one it does not; ties count half.
    Range 0 to 1, higher is better; 0.5 where the concept is constant or the unit fires on all images or none.
    """
    concepts, labels = _with_labels(concept, activations, threshold, share)
    return auroc_rows(mean_ranks(concepts), labels)[0]


def inverse_auroc(
    concept: Shaped[Tensor, " images"], activations: Shaped[Tensor, " images"], *, cut: float | int = CUT
) -> Float64[Tensor, ""]:
    """Area under the ROC curve of the activation as a predictor of the binarised concept; as :func:`auroc`.

    Range 0 to 1, higher is better; 0.5 where the activation is constant or the concept is in all images or none.
    """
    concepts, rows = one_pair(concept, activations)
    return auroc_rows(mean_ranks(rows), concepts > cut)[0]


def auroc_rows(
    ranks: Float64[Tensor, "pairs images"], labels: Bool[Tensor, "pairs images"]
) -> Float64[Tensor, " pairs"]:
    """Area under the ROC curve of each row of scores, given as ranks from 1 where equal scores share their mean."""
    positives = labels.sum(1).double()
    negatives = labels.shape[1] - positives
    won = (ranks * labels).sum(1) - positives * (positives + 1) / 2
    return torch.where(positives * negatives == 0, 0.5, ratio(won, positives * negatives))


def auprc(
    concept: Shaped[Tensor, " images"],
    activations: Shaped[Tensor, " images"],
    *,
    threshold: float | int | None = None,
    share: float | int = SHARE,
) -> Float64[Tensor, ""]:
    """Area under the precision-recall curve of the concept as a predictor of the binarised activation.

    As average precision: the mean over the positives of the precision among all images whose concept is at least as
    high; images of equal concept enter together, so their order does not matter. Range 0 to 1, higher is better; the
    positives' share where the concept is constant, 0 where the unit fires on no image.
    """
    return auprc_rows(*_with_labels(concept, activations, threshold, share))[0]


def auprc_rows(
    scores: Float64[Tensor, "pairs images"], labels: Bool[Tensor, "pairs images"]
) -> Float64[Tensor, " pairs"]:
    """Average precision of each row of scores."""
    ordered, order = scores.sort(1)
    positive = labels.gather(1, order).double()
    from_here = positive.flip(1).cumsum(1).flip(1)
    first = torch.searchsorted(ordered, ordered)  # of the images that tie with this one
    precision = from_here.gather(1, first) / (scores.shape[1] - first)
    return ratio((precision * positive).sum(1), positive.sum(1))


def f1(
    concept: Shaped[Tensor, " images"],
    activations: Shaped[Tensor, " images"],
    *,
    threshold: float | int | None = None,
    share: float | int = SHARE,
    cut: float | int = CUT,
) -> Float64[Tensor, ""]:
    """Harmonic mean of precision and recall between the binarised concept and the binarised activation.

    Range 0 to 1, higher is better; 0 where the two share no image.
    """
    concepts, labels = _with_labels(concept, activations, threshold, share)
    return f1_rows(concepts > cut, labels)[0]


def f1_rows(concepts: Bool[Tensor, "pairs images"], labels: Bool[Tensor, "pairs images"]) -> Float64[Tensor, " pairs"]:
    """:func:`f1` of each pair of rows."""
    return ratio(2 * (concepts & labels).sum(1), concepts.sum(1) + labels.sum(1))


def iou(
    concept: Shaped[Tensor, " images"],
    activations: Shaped[Tensor, " images"],
    *,
    threshold: float | int | None = None,
    share: float | int = SHARE,
    cut: float | int = CUT,
) -> Float64[Tensor, ""]:
    """Intersection over union of the images that show the concept and those that the unit fires on (Jaccard 1901).

    Range 0 to 1, higher is better; 0 where the two share no image.
    """
    concepts, labels = _with_labels(concept, activations, threshold, share)
    return iou_rows(concepts > cut, labels)[0]


def iou_rows(concepts: Bool[Tensor, "pairs images"], labels: Bool[Tensor, "pairs images"]) -> Float64[Tensor, " pairs"]:
    """:func:`iou` of each pair of rows."""
    return ratio((concepts & labels).sum(1), (concepts | labels).sum(1))


def recall_at_k(
    concept: Shaped[Tensor, " images"],
    activations: Shaped[Tensor, " images"],
    k: int = 20,
    *,
    cut: float | int = CUT,
) -> Float64[Tensor, ""]:
    """The share of the unit's ``k`` most activating images (of all, if there are fewer) that show the concept.

    Images that tie at the k-th place share the places left: the value is the mean over all ways to break the tie.
    Range 0 to 1, higher is better. Of constant activations it is the share of all images that show the concept.
    """
    concepts, rows = one_pair(concept, activations)
    return recall_rows(concepts > cut, rows, k)[0]


def recall_rows(
    concepts: Bool[Tensor, "pairs images"], activations: Float64[Tensor, "pairs images"], k: int
) -> Float64[Tensor, " pairs"]:
    """:func:`recall_at_k` of each pair of rows."""
    if k < 1:
        raise ValueError(f"k is {k}, and must be at least 1")
    k = min(k, activations.shape[1])
    last = activations.topk(k, 1).values[:, -1:]
    above, tied = activations > last, activations == last
    left = (k - above.sum(1)).double()
    shown = (concepts & above).sum(1) + left * ratio((concepts & tied).sum(1), tied.sum(1))
    return shown / k


def _with_labels(
    concept: Tensor, activations: Tensor, threshold: float | int | None, share: float | int
) -> tuple[Float64[Tensor, "1 images"], Bool[Tensor, "1 images"]]:
    """The concept and the binarised activation of a single pair."""
    concepts, rows = one_pair(concept, activations)
    return concepts, labelled(rows, threshold_row(threshold, rows), share)
