"""How well a concept's values go with a unit's activations, neither of which is binarised."""

from __future__ import annotations

import torch
from jaxtyping import Float64, Shaped
from torch import Tensor

from neuronym.functional.metrics._rows import directions, mean_ranks, one_pair, paired, standardised

_ELEMENTS = 1 << 24  # of one temporary table: 128 MiB in float64


def pearson(concept: Shaped[Tensor, " images"], activations: Shaped[Tensor, " images"]) -> Float64[Tensor, ""]:
    """Pearson's correlation of a concept with a unit's activations over images, -1 to 1, higher is better.

    Where either side is constant no correlation exists; the value is then 0, what a useless description gets.

    Raises:
        ValueError: the two have different numbers of images, or none.
        NonFiniteError: a value is NaN or infinite.
    """
    return pearson_rows(*one_pair(concept, activations))[0]


def pearson_rows(
    concepts: Float64[Tensor, "pairs images"], activations: Float64[Tensor, "pairs images"]
) -> Float64[Tensor, " pairs"]:
    """:func:`pearson` of each pair of rows."""
    return (standardised(concepts) * standardised(activations)).sum(1).clamp(-1, 1)


def pearson_matrix(
    concepts: Shaped[Tensor, "images concepts"], activations: Shaped[Tensor, "images units"]
) -> Float64[Tensor, "units concepts"]:
    """:func:`pearson` of every unit with every concept; raises as it does."""
    images, count = concepts.shape
    step = max(1, _ELEMENTS // max(images, 1))
    first, units = paired(concepts[:, :step], activations)
    units = standardised(units)
    tables = [units @ standardised(first).T]
    for start in range(step, count, step):
        block, _ = paired(concepts[:, start : start + step], activations[:, :0])
        tables.append(units @ standardised(block).T)
    return torch.cat(tables, 1).clamp(-1, 1)


def spearman(concept: Shaped[Tensor, " images"], activations: Shaped[Tensor, " images"]) -> Float64[Tensor, ""]:
    """Spearman's rank correlation: :func:`pearson` of the ranks, where equal values share the mean of their ranks.

    Range -1 to 1, higher is better; 0 where either side is constant. Raises as :func:`pearson`.
    """
    concepts, rows = one_pair(concept, activations)
    return pearson_rows(mean_ranks(concepts), mean_ranks(rows))[0]


def cosine(concept: Shaped[Tensor, " images"], activations: Shaped[Tensor, " images"]) -> Float64[Tensor, ""]:
    """Cosine between a concept and a unit's activations as vectors over the images, not centred.

    Range -1 to 1, higher is better; 0 where either side is zero on every image. Raises as :func:`pearson`.
    """
    return cosine_rows(*one_pair(concept, activations))[0]


def cosine_rows(
    concepts: Float64[Tensor, "pairs images"], activations: Float64[Tensor, "pairs images"]
) -> Float64[Tensor, " pairs"]:
    """:func:`cosine` of each pair of rows."""
    return (directions(concepts) * directions(activations)).sum(1).clamp(-1, 1)
