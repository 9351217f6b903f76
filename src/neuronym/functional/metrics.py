"""How well a concept agrees with a unit over images: the metrics of the whole activation range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from neuronym.functional._checks import at_home


@dataclass(frozen=True, slots=True)
class Metric:
    """What a metric's values mean: ``range`` inclusive, ``direction`` of better, ``unit`` and where it comes from."""

    name: str
    range: tuple[float, float]
    direction: Literal["up", "down"]
    unit: str
    source: str


METRICS = {
    "pearson": Metric(
        "pearson",
        (-1.0, 1.0),
        "up",
        "1",
        "Pearson 1895; as a measure of explanations: Oikarinen et al. 2025",
    )
}
"""Every metric of this module by name."""


def pearson(concept: Float[Tensor, " images"], activations: Float[Tensor, " images"]) -> Float[Tensor, ""]:
    """Pearson's correlation of a concept with a unit's activations over images, -1 to 1, higher is better.

    Where either side is constant no correlation exists; the value is then 0, what a useless description gets.

    Raises:
        ValueError: the two have different numbers of images.
    """
    return pearson_matrix(concept[:, None], activations[:, None])[0, 0]


def pearson_matrix(
    concepts: Float[Tensor, "images concepts"], activations: Float[Tensor, "images units"]
) -> Float[Tensor, "units concepts"]:
    """:func:`pearson` of every unit with every concept, computed in float64.

    Raises:
        ValueError: the two have different numbers of images.
    """
    if len(concepts) != len(activations):
        raise ValueError(f"concepts have {len(concepts)} images, activations have {len(activations)}")
    concepts = at_home(concepts)
    table: Tensor = _standardised(at_home(activations).to(concepts.device)).T @ _standardised(concepts)
    return table.clamp(-1, 1)


def _standardised(columns: Float[Tensor, "images columns"]) -> Float[Tensor, "images columns"]:
    """Centred columns of length one; zeros where a column is constant."""
    constant = (columns == columns[:1]).all(0)
    centred = columns.double() - columns.mean(0, dtype=torch.float64)
    # Scaled by the largest first, so that squares neither overflow nor vanish.
    centred = centred / centred.abs().amax(0).masked_fill(constant, 1)
    norms: Tensor = centred.norm(dim=0)
    return (centred / norms.masked_fill(constant, 1)).masked_fill(constant, 0)
