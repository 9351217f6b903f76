"""What other labels reach: the best constant one, random ones, and the descriptions dealt out anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuronym.evaluate.measures import Measures
from neuronym.records import Row

Ints = npt.NDArray[np.int64]

_PAIRS = 500
"""Pairs that a row is averaged over, at least, where units are few."""
_FEWEST, _MOST = 2, 50


def draws_of(units: int) -> int:
    """How often labels are drawn for each unit."""
    return int(np.clip(-(-_PAIRS // max(1, units)), _FEWEST, _MOST))


def best_constant(measures: Measures, units: Ints, columns: Ints) -> int | None:
    """The one label that goes best with all units on the explain images; of equals the first by its text.

    Labels that are the same on all test images are not tried: nothing could be said of them there.

    Args:
        measures: the layer.
        units: the units that are scored.
        columns: their own labels, which are among those tried; -1 for one that is no column.
    """
    tried = np.union1d(measures.vectors.random_shown, columns[columns >= 0])
    if not len(tried) or not len(units):
        return None
    means = measures.explain_table[units][:, tried].mean(0)
    texts = measures.vectors.texts
    best = np.flatnonzero(means == means.max())
    return int(min((tried[at] for at in best), key=lambda column: texts[column]))


def rows(measures: Measures, units: Ints, columns: Ints, seed: int) -> dict[Row, Ints]:
    """The labels of each baseline for each scored unit, [draws, units]; a row that there cannot be is left out.

    A label of -1 is a description that means nothing, dealt out with the others.
    """
    generator = np.random.default_rng(seed)
    draws = draws_of(len(units))
    found: dict[Row, Ints] = {}
    constant = best_constant(measures, units, columns)
    if constant is not None:
        found["constant"] = np.full((1, len(units)), constant)
    if len(measures.vectors.random_shown) and len(units):
        found["random"] = generator.choice(measures.vectors.random_shown, (draws, len(units)))
    if len(set(columns.tolist())) > 1:
        found["shuffled"] = np.stack([columns[_moved(len(units), generator)] for _ in range(draws)])
    return found


def _moved(count: int, generator: np.random.Generator) -> Ints:
    """A permutation that leaves nothing in its place: one circle through all."""
    order = generator.permutation(count)
    moved = np.empty(count, np.int64)
    moved[order] = np.roll(order, 1)
    return moved
