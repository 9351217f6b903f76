"""Risk against coverage: how well a method's own confidence tells which of its descriptions to leave out.

A selective description of units is a choice of those of which the method is surest. Its *coverage* is the share of all
units that it keeps, its *risk* the mean loss of those it keeps (El-Yaniv and Wiener 2010, "On the Foundations of
Noise-free Selective Classification"; Geifman and El-Yaniv 2017, "Selective Classification for Deep Neural Networks").
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float64, Shaped
from torch import Tensor

from neuronym.functional._checks import finite
from neuronym.functional.metrics import interval
from neuronym.functional.metrics._rows import double

_ELEMENTS = 1 << 22  # of one temporary table: 32 MiB in float64


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """The curve of risk against coverage, a point for each distinct confidence, from the surest.

    Attributes:
        coverage: share of all units whose confidence is that of the point or above, 0..1, rising.
        risk: mean loss of these units, 0..1.
    """

    coverage: Float64[Tensor, " points"]
    risk: Float64[Tensor, " points"]


def risk_coverage(confidence: Shaped[Tensor, " units"], loss: Shaped[Tensor, " units"]) -> RiskCoverage:
    """Coverage and risk at every distinct confidence; units of equal confidence are covered together.

    The order of the units does not change the curve.

    Args:
        confidence: how sure the method is of each unit. Units at NaN or minus infinity, of which it said nothing, are
            never covered, and the curve ends below coverage 1; without any other it has no points.
        loss: 0, a perfect description, to 1, a useless one.

    Raises:
        ValueError: different numbers of units, no units, or a loss outside of 0..1.
        NonFiniteError: a loss is NaN or infinite.
    """
    sure, losses = _checked(confidence, loss)
    said = _said(sure)
    sure, losses = _surest_first(sure[said], losses[said])
    ends = _ends(sure)
    counts = ends.double() + 1
    return RiskCoverage(counts / len(said), losses.cumsum(0)[ends] / counts)


def aurc(curve: RiskCoverage) -> float:
    """The area under a curve of risk against coverage: the mean over all units of the risk at which each is covered.

    With the points (c_k, r_k), k = 1..K, and c_0 = 0::

        sum over k of (c_k - c_(k-1)) r_k  +  (1 - c_K) (c_K r_K + 1 - c_K)

    0..1, lower is better; 0 where all units are covered without loss, 1 where none is covered. The first term is AURC
    of Geifman, Uziel and El-Yaniv 2019, "Bias-Reduced Uncertainty Estimation for Deep Neural Classifiers": the mean of
    the selective risk with each unit's own confidence as the threshold. Units of equal confidence have one threshold,
    so that no order among them is made up. The second term, which theirs does not have, extends it to coverage 1: units
    never covered come last, together, and are lost, each with a loss of 1. Without it the area would be the lower the
    fewer units a method dares to describe; with it, describing a unit more with less confidence than all others never
    makes the area larger. With more confidence than others it may, as a loss then counts towards their risks too.
    """
    coverage, risk = double(curve.coverage), double(curve.risk)
    if not len(coverage):
        return 1.0
    steps = coverage.diff(prepend=coverage.new_zeros(1))
    rest = 1 - coverage[-1]
    return float((steps * risk).sum() + rest * (coverage[-1] * risk[-1] + rest))


def bootstrap_aurc(
    confidence: Shaped[Tensor, " units"],
    loss: Shaped[Tensor, " units"],
    draws: int = 1000,
    level: float | int = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """:func:`aurc` of :func:`risk_coverage`, and the ends of its percentile interval over units drawn anew.

    Of a single unit nothing can be said of others: all three are its value. Equal seeds give equal draws, in whatever
    order the units come.

    Raises:
        ValueError: as :func:`risk_coverage`; ``draws`` is below 1, or ``level`` is not between 0 and 1.
        NonFiniteError: a loss is NaN or infinite.
    """
    if draws < 1:
        raise ValueError(f"draws is {draws}, and must be at least 1")
    sure, losses = _checked(confidence, loss)
    said = _said(sure)
    # Minus infinity with a loss of 1 is what the second term of the area makes of a unit never covered.
    sure, losses = _surest_first(sure.masked_fill(~said, -torch.inf).cpu(), losses.masked_fill(~said, 1).cpu())
    ends, units = _ends(sure), len(sure)
    together = torch.searchsorted(ends, torch.arange(units))
    generator = torch.Generator().manual_seed(seed)
    areas, step = [], max(1, _ELEMENTS // units)
    for start in range(0, draws, step):
        drawn = torch.randint(units, (min(step, draws - start), units), generator=generator)
        counts = losses.new_zeros(drawn.shape).scatter_add_(1, drawn, losses.new_ones(drawn.shape))
        covered, lost = counts.cumsum(1)[:, ends], (counts * losses).cumsum(1)[:, ends]
        risk = lost / covered.clamp(min=1)
        areas.append((counts * risk[:, together]).mean(1))
    low, high = interval(torch.cat(areas)[:, None], level)
    return aurc(risk_coverage(confidence, loss)), float(low), float(high)


def _checked(confidence: Tensor, loss: Tensor) -> tuple[Float64[Tensor, " units"], Float64[Tensor, " units"]]:
    """Both sides in double precision, on the device of the loss."""
    if len(confidence) != len(loss):
        raise ValueError(f"there are {len(confidence)} confidences and {len(loss)} losses")
    if not len(loss):
        raise ValueError("there are no units")
    losses = double(loss)
    finite(losses, "The losses")
    if losses.min() < 0 or losses.max() > 1:
        raise ValueError(f"losses reach from {losses.min():g} to {losses.max():g}, and must be in 0..1")
    return double(confidence).to(losses.device), losses


def _said(confidence: Float64[Tensor, " units"]) -> Bool[Tensor, " units"]:
    """Of which units the method said something."""
    said: Tensor = confidence > -torch.inf
    return said


def _surest_first(
    confidence: Float64[Tensor, " units"], loss: Float64[Tensor, " units"]
) -> tuple[Float64[Tensor, " units"], Float64[Tensor, " units"]]:
    """Sorted by falling confidence, and equal ones by loss, so that sums are the same whatever order they came in."""
    by_loss = loss.argsort(stable=True)
    order = by_loss[confidence[by_loss].argsort(descending=True, stable=True)]
    return confidence[order], loss[order]


def _ends(ordered: Float64[Tensor, " units"]) -> Shaped[Tensor, " points"]:
    """The places of the last unit of each distinct confidence."""
    last = torch.ones(len(ordered), dtype=torch.bool, device=ordered.device)
    last[:-1] = ordered[:-1] != ordered[1:]
    return last.nonzero()[:, 0]
