"""The two metrics of CoSy (Kopf et al., NeurIPS 2024): activations on images of a concept against control images.

The authors generate the concept's images from the description and take random natural images as the control.
"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.functional._checks import finite
from neuronym.functional.metrics._rows import constant, double, places, ratio, scaled


def cosy_auc(control: Shaped[Tensor, " images"], concept: Shaped[Tensor, " shown"]) -> Float64[Tensor, ""]:
    """The probability that the unit fires more on an image of the concept than on a control image; ties count half.

    Range 0 to 1, higher is better; 0.5 where either side has no image.

    Raises:
        NonFiniteError: a value is NaN or infinite.
    """
    rows, shown, drawn = _rows(control, concept)
    return cosy_auc_rows(places(rows.sort(1).values, shown), drawn, rows.shape[1])[0]


def cosy_auc_rows(
    below: Float64[Tensor, "pairs shown"], drawn: Bool[Tensor, "pairs shown"], images: int
) -> Float64[Tensor, " pairs"]:
    """:func:`cosy_auc` of each row, given how many of the control ``images`` each of the concept's images outdoes.

    Of the concept's images only those that are ``drawn`` count.
    """
    counts = images * drawn.sum(1)
    return torch.where(counts == 0, 0.5, ratio((below * drawn).sum(1), counts))


def cosy_mad(control: Shaped[Tensor, " images"], concept: Shaped[Tensor, " shown"]) -> Float64[Tensor, ""]:
    """How far the unit's mean on the concept's images lies above its mean on the control images.

    In standard deviations of the control (of the population: divided by the number of images). Any range, higher is
    better; 0 where the control is constant or either side has no image.

    Raises:
        NonFiniteError: a value is NaN or infinite.
    """
    return cosy_mad_rows(*_rows(control, concept))[0]


def cosy_mad_rows(
    control: Float64[Tensor, "pairs images"],
    concept: Float64[Tensor, "pairs shown"],
    drawn: Bool[Tensor, "pairs shown"],
) -> Float64[Tensor, " pairs"]:
    """:func:`cosy_mad` of each pair of rows; of the concept's images only those that are ``drawn`` count."""
    useless = drawn.sum(1) == 0
    if not control.shape[1]:
        return torch.zeros_like(useless, dtype=torch.float64)
    useless = useless | constant(control)[:, 0]
    means = ratio((concept * drawn).sum(1), drawn.sum(1)) - control.mean(1)
    varied = scaled(control)
    deviation = (varied - varied.mean(1, keepdim=True)).square().mean(1).sqrt()
    spread = control.abs().amax(1) * deviation
    return ratio(means, spread).masked_fill(useless, 0)


def _rows(control: Tensor, concept: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A single pair as rows, all of whose images count."""
    rows = double(control)[None]
    shown = double(concept).to(rows.device)[None]
    finite(rows, "The control activations")
    finite(shown, "The concept's activations")
    return rows, shown, torch.ones_like(shown, dtype=torch.bool)
