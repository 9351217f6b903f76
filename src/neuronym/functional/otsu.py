"""Otsu's threshold: where to cut numbers in two classes that differ most."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

BINS = 256


def otsu_threshold(values: Float[Tensor, " *shape"], low: float | None = None, high: float | None = None) -> float:
    """The threshold that maximises the variance between the values above it and the others.

    N. Otsu: A Threshold Selection Method from Gray-Level Histograms, IEEE SMC 1979, on a histogram of 256 bins. Of
    several thresholds that separate equally well, as in a gap without values, the middle one is taken.

    Args:
        values: finite numbers, at least one.
        low: the lower end of the histogram; the least value if not given.
        high: its upper end; the greatest value if not given.

    Returns:
        The upper edge of the last bin of the lower class; values strictly above belong to the upper one. If all values
        are equal, that value.
    """
    flat = values.detach().double().flatten()
    first = float(flat.min()) if low is None else low
    last = float(flat.max()) if high is None else high
    if not last > first:
        return last
    place = ((flat - first) * (BINS / (last - first))).long().clamp(0, BINS - 1)
    counts = torch.bincount(place, minlength=BINS).double()
    middles = torch.arange(BINS, dtype=torch.float64) + 0.5
    below, moment = counts.cumsum(0), (counts * middles).cumsum(0)
    above = below[-1] - below
    mean_below = moment / below.clamp(min=1)
    mean_above = (moment[-1] - moment) / above.clamp(min=1)
    between = below * above * (mean_below - mean_above).square()
    best = torch.nonzero(between >= between.max() * (1 - 1e-12)).flatten()
    chosen = int(best[(len(best) - 1) // 2])
    return first + (chosen + 1) * (last - first) / BINS
