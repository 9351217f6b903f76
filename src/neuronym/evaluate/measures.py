"""All metrics of many pairs of a unit and a concept at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from neuronym.evaluate.figures import ABOVE_RANDOM, DISCRIMINATION, HEADLINE, METRICS
from neuronym.evaluate.standing import RANDOM_LEVEL
from neuronym.evaluate.thresholds import active_above, present_above
from neuronym.evaluate.vectors import Vectors
from neuronym.functional.metrics import pairs_by_name, pearson_matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Split = Mapping[str, npt.NDArray[np.float32]]

_BLOCK = 2**22
"""Numbers that a block of pairs holds: pairs times images."""


@dataclass(frozen=True, eq=False)
class Measures:
    """A layer's activations beside the concept vectors of its descriptions.

    Attributes:
        explain: activations on the explain images, float32 [images, units].
        test: on the test images.
        vectors: the concepts.
        share: of the images on which a unit counts as active.
        k: how many of the strongest images recall@k looks at.
    """

    explain: npt.NDArray[np.float32]
    test: npt.NDArray[np.float32]
    vectors: Vectors
    share: float
    k: int

    @cached_property
    def explain_table(self) -> Floats:
        """Correlations on the explain images, [units, texts]."""
        return _correlations(self.vectors.explain, self.explain)

    @cached_property
    def test_table(self) -> Floats:
        """Correlations on the test images, [units, texts]."""
        return _correlations(self.vectors.test, self.test)

    @cached_property
    def active_above(self) -> npt.NDArray[np.float32]:
        """Above what each unit counts as active, [units], by the explain images."""
        return active_above(self.explain, self.share)

    @cached_property
    def alive(self) -> npt.NDArray[np.bool_]:
        """Units that tell images apart, in both splits, [units]."""
        flags: npt.NDArray[np.bool_] = (np.ptp(self.explain, 0) > 0) & (np.ptp(self.test, 0) > 0)
        return flags

    def floors(self, units: Ints, columns: Ints, table: Floats) -> Floats:
        """What one random label in twenty exceeds with each unit, its own label apart, [pairs]; NaN where none is left.

        Args:
            units: of the pairs.
            columns: the label of each pair.
            table: correlations, [units, texts], of the split that is looked at.
        """
        random = self.vectors.random
        found = np.full(len(units), np.nan)
        for at, (unit, column) in enumerate(zip(units, columns, strict=True)):
            others = table[unit, random[random != column]]
            if len(others):
                found[at] = np.quantile(others, RANDOM_LEVEL)
        return found

    def of(self, units: Ints, columns: Ints) -> dict[str, Floats]:
        """Every metric of every pair on the test images, [pairs]."""
        names = [name for name in METRICS if name != HEADLINE]
        found: dict[str, list[Floats]] = {name: [] for name in names}
        step = max(1, _BLOCK // max(1, len(self.test)))
        for start in range(0, len(units), step):
            some, their = units[start : start + step], columns[start : start + step]
            cuts = np.array([self._cut(*pair) for pair in zip(some, their, strict=True)], np.float32)
            values = pairs_by_name(
                names,
                torch.from_numpy(self.vectors.test[:, their]),
                torch.from_numpy(self.test[:, some]),
                thresholds=torch.from_numpy(self.active_above[some]),
                cuts=torch.from_numpy(cuts),
                k=min(self.k, len(self.test)),
            )
            for name in names:
                found[name].append(values[name].numpy())
        own = self.test_table[units, columns]
        floors = self.floors(units, columns, self.test_table)
        return {
            HEADLINE: own,
            **{name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in found.items()},
            ABOVE_RANDOM: np.where(np.isnan(floors), np.nan, own > floors),
            DISCRIMINATION: self._discrimination(units, columns),
        }

    def _discrimination(self, units: Ints, columns: Ints) -> Floats:
        """How many of the other units that live go less with a label than its own unit, as a share; ties count half."""
        living = np.flatnonzero(self.alive)
        found = np.full(len(units), np.nan)
        for at, (unit, column) in enumerate(zip(units, columns, strict=True)):
            others = self.test_table[living[living != unit], column]
            if len(others):
                own = self.test_table[unit, column]
                found[at] = ((others < own).sum() + 0.5 * (others == own).sum()) / len(others)
        return found

    def _cut(self, unit: int, column: int) -> float:
        known = self._cuts.get((unit, column))
        if known is None:
            concept = self.vectors.explain[:, column]
            known = present_above(concept, self.explain[:, unit] > self.active_above[unit])
            self._cuts[unit, column] = known
        return known

    @cached_property
    def _cuts(self) -> dict[tuple[int, int], float]:
        return {}


def finite_mean(values: Iterable[float]) -> float | None:
    """The mean of the numbers that are there; None if there are none."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else None


def _correlations(concepts: npt.NDArray[np.float32], activations: npt.NDArray[np.float32]) -> Floats:
    if not concepts.shape[1]:
        return np.zeros((activations.shape[1], 0))
    table: Floats = pearson_matrix(torch.from_numpy(concepts), torch.from_numpy(activations)).numpy()
    return table
