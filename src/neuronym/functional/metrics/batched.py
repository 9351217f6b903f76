"""Every metric of a description over images, for many pairs of a concept and a unit at once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.errors import unknown_name
from neuronym.functional._checks import finite
from neuronym.functional.metrics import agreement, binary, cosy, information
from neuronym.functional.metrics._rows import CUT, SHARE, double, labelled, mean_ranks, paired

_ELEMENTS = 1 << 22  # of one temporary table: 32 MiB in float64


@dataclass(frozen=True)
class _Block:
    """Some of the pairs as rows and how to binarise them; what several metrics need is computed once."""

    concepts: Float64[Tensor, "pairs images"]
    activations: Float64[Tensor, "pairs images"]
    thresholds: Float64[Tensor, " pairs"] | None
    cuts: Float64[Tensor, " pairs"] | None
    share: float | int
    k: int

    @functools.cached_property
    def labels(self) -> Bool[Tensor, "pairs images"]:
        return labelled(self.activations, self.thresholds, self.share)

    @functools.cached_property
    def shown(self) -> Bool[Tensor, "pairs images"]:
        return self.concepts > (CUT if self.cuts is None else self.cuts[:, None])

    @functools.cached_property
    def concept_ranks(self) -> Float64[Tensor, "pairs images"]:
        return mean_ranks(self.concepts)

    @functools.cached_property
    def ranks(self) -> Float64[Tensor, "pairs images"]:
        return mean_ranks(self.activations)

    @property
    def images(self) -> int:
        return self.concepts.shape[1]


_KERNELS: dict[str, Callable[[_Block], Tensor]] = {
    "pearson": lambda b: agreement.pearson_rows(b.concepts, b.activations),
    "spearman": lambda b: agreement.pearson_rows(b.concept_ranks, b.ranks),
    "cosine": lambda b: agreement.cosine_rows(b.concepts, b.activations),
    "auroc": lambda b: binary.auroc_rows(b.concept_ranks, b.labels),
    "inverse_auroc": lambda b: binary.auroc_rows(b.ranks, b.shown),
    "auprc": lambda b: binary.auprc_rows(b.concepts, b.labels),
    "f1": lambda b: binary.f1_rows(b.shown, b.labels),
    "iou": lambda b: binary.iou_rows(b.shown, b.labels),
    "recall_at_k": lambda b: binary.recall_rows(b.shown, b.activations, b.k),
    "wpmi": lambda b: information.wpmi_rows(b.concepts, b.labels),
    # Of the control, which are all images, an image outdoes those of lower rank and half of itself.
    "cosy_auc": lambda b: cosy.cosy_auc_rows(b.ranks - 0.5, b.shown, b.images),
    "cosy_mad": lambda b: cosy.cosy_mad_rows(b.activations, b.activations, b.shown),
}

PAIRED = tuple(_KERNELS)
"""The metrics that :func:`pairs` computes."""


def pairs(
    name: str,
    concepts: Shaped[Tensor, "images pairs"],
    activations: Shaped[Tensor, "images pairs"],
    *,
    thresholds: Shaped[Tensor, " pairs"] | None = None,
    cuts: Shaped[Tensor, " pairs"] | None = None,
    share: float | int = SHARE,
    k: int = 20,
) -> Float64[Tensor, " pairs"]:
    """The metric ``name`` of each column of ``concepts`` with the same column of ``activations``.

    Each value is what the function of that name gives for the pair. CoSy's two metrics, which compare activations on
    two sets of images, get all images as the control and those that show the concept as the concept's.

    Args:
        name: one of :data:`PAIRED`.
        concepts: how much of each pair's concept is in each image.
        activations: each pair's unit on each image.
        thresholds: each unit fires above its own; without them, on its top ``share`` of the images.
        cuts: each concept is in the images where its value exceeds its own; 0.5 without them.
        share: see ``thresholds``.
        k: how many images ``recall_at_k`` looks at.

    Raises:
        UnknownNameError: there is no such metric of pairs.
        ValueError: different numbers of images or pairs, no images, or a parameter out of range.
        NonFiniteError: a value, a threshold or a cut is NaN or infinite.
    """
    return _computed((name,), concepts, activations, thresholds, cuts, share, k)[name]


def pairs_by_name(
    names: Sequence[str],
    concepts: Shaped[Tensor, "images pairs"],
    activations: Shaped[Tensor, "images pairs"],
    *,
    thresholds: Shaped[Tensor, " pairs"] | None = None,
    cuts: Shaped[Tensor, " pairs"] | None = None,
    share: float | int = SHARE,
    k: int = 20,
) -> dict[str, Float64[Tensor, " pairs"]]:
    """:func:`pairs` for several metrics at once, which share their ranks and labels; raises as it does."""
    return _computed(names, concepts, activations, thresholds, cuts, share, k)


def _computed(
    names: Sequence[str],
    concepts: Tensor,
    activations: Tensor,
    thresholds: Tensor | None,
    cuts: Tensor | None,
    share: float | int,
    k: int,
) -> dict[str, Tensor]:
    """:func:`pairs_by_name`, block by block."""
    for name in names:
        if name not in _KERNELS:
            raise unknown_name("metric of pairs", name, PAIRED)
    images, count = concepts.shape
    _same_pairs(count, activations=activations.T, thresholds=thresholds, cuts=cuts)
    limits = [_limit(thresholds, "The thresholds"), _limit(cuts, "The cuts")]
    step = max(1, _ELEMENTS // max(images, 1))
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    for start in range(0, max(count, 1), step):
        part = slice(start, start + step)
        sides = paired(concepts[:, part], activations[:, part])
        above, cut = (None if limit is None else limit[part].to(sides[0].device) for limit in limits)
        block = _Block(*sides, above, cut, share, k)
        for name, values in found.items():
            values.append(_KERNELS[name](block))
    return {name: torch.cat(values) for name, values in found.items()}


def _same_pairs(count: int, **others: Tensor | None) -> None:
    for what, other in others.items():
        if other is not None and len(other) != count:
            raise ValueError(f"concepts have {count} pairs, {what} have {len(other)}")


def _limit(limit: Tensor | None, what: str) -> Tensor | None:
    if limit is None:
        return None
    limit = double(limit)
    finite(limit, what)
    return limit
