"""All metrics of many pairs of a unit and a concept at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch

from neuronym.evaluate.figures import ABOVE_RANDOM, DISCRIMINATION, HEADLINE, MASK_IOU, METRICS
from neuronym.evaluate.standing import RANDOM_LEVEL
from neuronym.evaluate.thresholds import active_above, present_above
from neuronym.evaluate.vectors import Vectors
from neuronym.functional.metrics import pairs_by_name, pearson_matrix

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Split = Mapping[str, npt.NDArray[np.float32]]

_USELESS = {"auroc": 0.5, "inverse_auroc": 0.5, "cosy_auc": 0.5, DISCRIMINATION: 0.5, "wpmi": np.nan}
"""What a description that says nothing gets, where that is not 0; WPMI has no such value."""

_BLOCK = 2**22
"""Numbers that a block of pairs holds: pairs times images."""


@dataclass(frozen=True, eq=False)
class Measures:
    """A layer's activations beside the concept vectors of its descriptions.

    Attributes:
        explain: activations on the explain images, float32 [images, units].
        test: on the test images.
        vectors: the concepts.
        share: of the images on which a unit counts as active; one for all units, or float64 [units].
        k: how many of the strongest images recall@k looks at.
        mask_ious: of every unit's mask with every text's on the test images, [units, texts]; None where masks are not
            known.
    """

    explain: npt.NDArray[np.float32]
    test: npt.NDArray[np.float32]
    vectors: Vectors
    share: float | Floats
    k: int
    mask_ious: Floats | None = None

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

    def explain_floors(self, units: Ints, columns: Ints) -> Floats:
        """What one random label in twenty exceeds with each unit on the explain images, [pairs]; see :meth:`_floors`.

        Args:
            units: of the pairs.
            columns: the label of each pair; -1 for one that is no column.
        """
        return self._floors(units, columns, self.explain_table, self.vectors.random)

    def test_floors(self, units: Ints, columns: Ints) -> Floats:
        """As :meth:`explain_floors`, on the test images."""
        return self._floors(units, columns, self.test_table, self.vectors.random_shown)

    def _floors(self, units: Ints, columns: Ints, table: Floats, random: Ints) -> Floats:
        """The 95th percentile of the random labels' correlations, the unit's own apart; NaN where none is left.

        Never below 0: where the others go against a unit, a label that has nothing to do with it is no better for it.
        """
        kinds = self.vectors.kinds
        own = np.where(columns >= 0, kinds[columns] if len(kinds) else -1, -1)
        found = np.full(len(units), np.nan)
        for part in _parts(len(units), len(random)):
            others = kinds[random] != own[part][:, None]
            values = np.sort(np.where(others, table[units[part]][:, random], np.inf), 1)
            found[part] = np.maximum(_quantile(values, others.sum(1), RANDOM_LEVEL), 0)
        return found

    def of(self, units: Ints, columns: Ints) -> dict[str, Floats]:
        """Every metric of every pair on the test images, [pairs]."""
        names = [name for name in METRICS if name != HEADLINE]
        found: dict[str, list[Floats]] = {name: [] for name in names}
        cuts = self._cuts(units, columns)
        for part in _parts(len(units), len(self.test)):
            some, their = units[part], columns[part]
            values = pairs_by_name(
                names,
                torch.from_numpy(self.vectors.test[:, their]),
                torch.from_numpy(self.test[:, some]),
                thresholds=torch.from_numpy(self.active_above[some]),
                cuts=torch.from_numpy(cuts[part]),
                k=min(self.k, len(self.test)),
            )
            for name in names:
                found[name].append(values[name].numpy())
        own = self.test_table[units, columns]
        floors = self.test_floors(units, columns)
        return {
            HEADLINE: own,
            **{name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in found.items()},
            ABOVE_RANDOM: np.where(np.isnan(floors), np.nan, own > floors),
            DISCRIMINATION: self._discrimination(units, columns),
            **({} if self.mask_ious is None else {MASK_IOU: self.mask_ious[units, columns]}),
        }

    def of_labels(self, units: Ints, columns: Ints) -> dict[str, Floats]:
        """Every metric of every pair, where a column of -1 is a text that means nothing and gets what that is worth.

        NaN where a metric is not defined: ``wpmi`` of such a text, ``discrimination`` of the only unit that lives.
        """
        resolved = columns >= 0
        found = self.of(units[resolved], columns[resolved])
        whole = {name: np.full(len(columns), _USELESS.get(name, 0.0)) for name in found}
        if self.alive.sum() < 2:
            whole[DISCRIMINATION][:] = np.nan
        for name, values in found.items():
            whole[name][resolved] = values
        return whole

    def _discrimination(self, units: Ints, columns: Ints) -> Floats:
        """How many of the other units that live go less with a label than its own unit, as a share; ties count half."""
        others = self.alive.sum() - self.alive[units]
        found = np.full(len(units), np.nan)
        for column, pairs in _by_column(columns):
            own = self.test_table[units[pairs], column]
            living = np.sort(self.test_table[self.alive, column])
            below, above = np.searchsorted(living, own), np.searchsorted(living, own, "right")
            ties = above - below - self.alive[units[pairs]]  # a unit does not tie with itself
            found[pairs] = (below + 0.5 * ties) / np.maximum(others[pairs], 1)
        return np.where(others > 0, found, np.nan)

    def _cuts(self, units: Ints, columns: Ints) -> Floats:
        """Above what the concept of each pair is present, by the explain images."""
        found = np.full(len(units), 0.5)
        for column, pairs in _by_column(columns):
            some = units[pairs]
            active = self.explain[:, some] > self.active_above[some]
            found[pairs] = present_above(self.vectors.explain[:, column], active)
        return found


def _parts(count: int, numbers: int) -> Iterator[slice]:
    """Slices of ``count`` pairs that hold so many numbers each, no more of them at a time than memory has room for."""
    step = max(1, _BLOCK // max(1, numbers))
    return (slice(start, start + step) for start in range(0, count, step))


def _by_column(columns: Ints) -> Iterator[tuple[int, Ints]]:
    """Each column that occurs, and the pairs that it occurs in."""
    order = np.argsort(columns, kind="stable")
    starts = np.flatnonzero(np.diff(columns[order], prepend=-1))
    groups = np.split(order, starts[1:]) if len(order) else []
    return zip(columns[order][starts].tolist(), groups, strict=True)


def _quantile(ordered: Floats, counts: Ints, level: float) -> Floats:
    """The quantile of the first ``counts`` numbers of each row, which rise, linear between two; NaN of none."""
    place = level * np.maximum(counts - 1, 0)
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(counts - 1, 0))
    rows = np.arange(len(ordered))
    if not ordered.shape[1]:
        return np.full(len(ordered), np.nan)
    low, high = ordered[rows, below], ordered[rows, above]
    with np.errstate(invalid="ignore"):  # rows without numbers hold infinities
        found: Floats = low + (high - low) * (place - below)
    return np.where(counts > 0, found, np.nan)


def _correlations(concepts: npt.NDArray[np.float32], activations: npt.NDArray[np.float32]) -> Floats:
    if not concepts.shape[1]:
        return np.zeros((activations.shape[1], 0))
    table: Floats = pearson_matrix(torch.from_numpy(concepts), torch.from_numpy(activations)).numpy()
    return table
