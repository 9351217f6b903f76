"""The headline of the benchmark: how far up labels reach from what random ones reach to what the true ones do."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float64, Shaped
from torch import Tensor

from neuronym.functional.metrics.bootstrap import mean_draws

_ON = 1e-9
"""How near to a draw, in draws, a quantile falls on it: nearer than rounding takes it away."""


def normalised(
    score: Shaped[Tensor, " units"],
    ceiling: Shaped[Tensor, " units"],
    floor: Shaped[Tensor, " units"],
    draws: int = 1000,
    level: float | int = 0.95,
    seed: int = 0,
) -> tuple[float, float, float]:
    """A mean score on the scale on which random labels have 0 and the true ones 1, with its interval over units.

    value = (mean(score) - mean(floor)) / (mean(ceiling) - mean(floor))

    It may lie outside of 0..1; higher is better. The interval is the percentile bootstrap over units drawn anew with
    replacement, all three sides of a unit together, so that it covers the ends of the scale too. The ratio is one of
    means, as by units the ceiling may be near the floor.

    Where the denominator is not positive the scale has no length, and all three are NaN. A draw of units without
    length may be anything: it counts as minus infinity for the lower end and as infinity for the upper one, and an end
    that comes to be infinite is NaN. Of a single unit nothing can be said of others: all three are its value. Equal
    seeds give equal draws.

    Args:
        score: of the judged labels, by unit.
        ceiling: of the true labels, of the same units.
        floor: of random labels, of the same units.
        draws: how many.
        level: of the interval.
        seed: of the draws.

    Returns:
        value, lower and upper end.

    Raises:
        ValueError: different numbers of units, no units, ``draws`` below 1, or ``level`` not between 0 and 1.
        NonFiniteError: a value is NaN or infinite.
    """
    if not len(score) == len(ceiling) == len(floor):
        raise ValueError(f"there are {len(score)} scores, {len(ceiling)} ceilings and {len(floor)} floors")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, and must be between 0 and 1")
    above, length = score.double() - floor.double().to(score.device), ceiling.double() - floor.double().to(score.device)
    means = mean_draws(torch.stack([above, length], 1), draws, seed)
    value = _ratios(torch.stack([above.mean(), length.mean()])[None], math.nan).item()
    if math.isnan(value):
        return math.nan, math.nan, math.nan
    low = _end(_ratios(means, -math.inf), (1 - level) / 2)
    return value, low, _end(_ratios(means, math.inf), (1 + level) / 2)


def _ratios(means: Float64[Tensor, "draws 2"], undefined: float) -> Float64[Tensor, " draws"]:
    """The first column over the second, and ``undefined`` where that is not positive."""
    above, length = means.T
    return torch.where(length > 0, above / length, undefined)


def _end(ratios: Float64[Tensor, " draws"], q: float) -> float:
    """The quantile, linear between the two draws beside it, or the one it falls on; NaN where it is infinite."""
    place = q * (len(ratios) - 1)
    place = round(place) if abs(place - round(place)) < _ON else place
    # Where it falls on a draw both are that one: the next may be infinite, and with a weight of 0 would make NaN.
    below, above = ratios.sort().values[[math.floor(place), math.ceil(place)]]
    end = float(torch.lerp(below, above, place - math.floor(place)))
    return end if math.isfinite(end) else math.nan
