"""Two results of one row side by side, unit by unit: by how much a figure changed, for these units and others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean

import torch
from torch import Tensor

from neuronym.functional.metrics import interval, mean_draws
from neuronym.records.benchmark import BenchHost, BenchRow, BenchUnit, Said

HEADLINE, SCORE = "pearson", "normalised"

DRAWS = 2000
_CLOSE = 1e-4
"""How far the mean over units may be from the figure of the table, whose parts a file rounds."""


@dataclass(frozen=True)
class Side:
    """A row in one of the two results."""

    host: BenchHost
    row: BenchRow

    @cached_property
    def said(self) -> Mapping[int, Said]:
        """What it says, by unit."""
        return {one.unit: one for one in self.row.said}

    @cached_property
    def scale(self) -> tuple[Side, float] | None:
        """The row of the true labels, and the mean correlation of random ones; None where either is missing."""
        roles = {row.role: row for row in self.host.rows}
        floor = roles["random"].measures.get(HEADLINE) if "random" in roles else None
        if "truth" not in roles or floor is None or floor.value is None:
            return None
        return Side(self.host, roles["truth"]), floor.value

    def values(self, measure: str) -> list[float] | None:
        """What a measure is the mean of, by unit; None where the row does not tell, or counts otherwise."""
        if measure not in _PARTS:
            return None
        counts, part = _PARTS[measure]
        units = [unit.unit for unit in self.host.units if counts(unit)]
        if not units or not all(unit in self.said for unit in units):
            return None
        values = [part(self.said[unit]) for unit in units]
        found = self.row.measures.get(measure)
        known = found is not None and found.value is not None and abs(found.value - fmean(values)) < _CLOSE
        return values if known else None


def same_units(old: BenchHost, new: BenchHost) -> bool:
    """Whether means of the two are over the same units."""
    return {_identity(unit) for unit in old.units} == {_identity(unit) for unit in new.units}


def paired_interval(old: Side, new: Side, measure: str) -> tuple[float, float] | None:
    """The 95 % interval of new - old over units drawn anew, the same for both sides.

    Percentile bootstrap with :data:`DRAWS` draws. The score is a ratio: numerator and true labels are drawn, while the
    level of random labels, of which a result holds the mean alone, stays.

    Returns:
        lower and upper end; None where the results do not tell by unit, or there are no two units.
    """
    if not same_units(old.host, new.host):
        return None
    if measure == SCORE:
        return _of_scores(old, new)
    before, after = old.values(measure), new.values(measure)
    if before is None or after is None or len(before) < 2:
        return None
    change = torch.tensor(after, dtype=torch.float64) - torch.tensor(before, dtype=torch.float64)
    return _ends(mean_draws(change[:, None], DRAWS)[:, 0])


def _of_scores(old: Side, new: Side) -> tuple[float, float] | None:
    columns, floors = list[list[float]](), list[float]()
    for side in (old, new):
        own, scale = side.values(HEADLINE), side.scale
        most = None if scale is None else scale[0].values(HEADLINE)
        if own is None or most is None or scale is None or len(own) < 2:
            return None
        columns += [own, most]
        floors.append(scale[1])
    means = mean_draws(torch.tensor(columns, dtype=torch.float64).T, DRAWS)
    lengths = means[:, 1::2] - torch.tensor(floors, dtype=torch.float64)
    if not bool((lengths > 0).all()):
        return None
    scores = (means[:, ::2] - torch.tensor(floors, dtype=torch.float64)) / lengths
    return _ends(scores[:, 1] - scores[:, 0])


def _ends(draws: Tensor) -> tuple[float, float]:
    low, high = interval(draws[:, None])
    return float(low), float(high)


def _identity(unit: BenchUnit) -> tuple[int, str, str | None, bool]:
    return unit.unit, unit.kind, unit.truth, unit.hopeless


def _has_truth(unit: BenchUnit) -> bool:
    return unit.truth is not None


def _is_hopeless(unit: BenchUnit) -> bool:
    return unit.hopeless


def _is_silent(one: Said) -> float:
    return float(bool(one.silent))


_PARTS: Mapping[str, tuple[Callable[[BenchUnit], bool], Callable[[Said], float]]] = {
    HEADLINE: (_has_truth, lambda one: one.pearson or 0.0),
    "mask_iou": (_has_truth, lambda one: one.mask_iou or 0.0),
    "equivalent": (_has_truth, lambda one: float(one.equivalent)),
    "lost": (_has_truth, _is_silent),
    "silent": (_is_hopeless, _is_silent),
}
"""Measures that can be had from what is said of units: over which units, and the mean of what."""
