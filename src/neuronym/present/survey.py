"""The first look at a layer: which images its pages will show, in memory that does not grow with the layer."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neuronym.present.unit_page import HistogramView
from neuronym.records import Summary, digest
from neuronym.store.layer_view import LayerView
from neuronym.store.study_store import StudyStore

SHARES = (0.0, 0.001, 0.01, 0.05)
"""The ends of the ranges of ranks that samples are taken from, as shares of the images."""

SAMPLES = 5
"""Images out of each range."""

BINS = 40
"""Bins of a unit's histogram."""

_BLOCK_BYTES = 64 * 2**20
_SIGNIFICANT = 6


@dataclass(frozen=True)
class Sampled:
    """Images between two ranks (from 1): the ends, the lowest value, and those taken as (rank, position, value)."""

    above: float
    to: float
    first: int
    last: int
    least: float | None
    taken: tuple[tuple[int, int, float], ...]


@dataclass(frozen=True)
class SummarySurvey:
    """What one summary says about every unit.

    Attributes:
        summary: the summary.
        values: of the exemplars, [units, exemplars].
        indices: of the exemplars in the explain split, [units, exemplars].
        ranges: samples by unit; empty for silent units.
        histograms: by unit.
    """

    summary: Summary
    values: npt.NDArray[np.float32]
    indices: npt.NDArray[np.int64]
    ranges: tuple[tuple[Sampled, ...], ...]
    histograms: tuple[HistogramView, ...]


def survey(
    store: StudyStore, view: LayerView, summary: Summary, progress: Callable[[int], None] = lambda done: None
) -> SummarySurvey:
    """Exemplars, seeded samples of the ranges that follow, and histograms of every unit of a layer.

    Args:
        store: the study.
        view: one of its layers.
        summary: ``mean`` or ``max``.
        progress: told how many units are done.
    """
    found = [view.exemplars(unit, summary, maps=False) for unit in range(view.layer.units)]
    silent = view.constant
    ranges: list[tuple[Sampled, ...]] = []
    histograms: list[HistogramView] = []
    for start, block in _columns(store, view, summary):
        for unit, column in enumerate(block.T, start):
            seed = [store.manifest.key, view.layer.name, unit, summary]
            ranges.append(() if silent[unit] else sample_ranges(column, int(digest(seed), 16)))
            histograms.append(histogram(column, BINS))
        progress(len(ranges))
    return SummarySurvey(
        summary,
        np.array([[one.value for one in some] for some in found], np.float32),
        np.array([[one.index for one in some] for some in found], np.int64),
        tuple(ranges),
        tuple(histograms),
    )


def sample_ranges(values: npt.NDArray[np.float32], seed: int) -> tuple[Sampled, ...]:
    """A seeded choice of the images in each range of ranks.

    Args:
        values: one number per image, [images]; equal ones rank by position.
        seed: decides the choice.
    """
    ends = [math.ceil(share * len(values)) for share in SHARES]
    ranked = _strongest(values, ends[-1])
    generator = np.random.default_rng(seed)
    made = []
    for above, to, start, stop in zip(SHARES, SHARES[1:], ends, ends[1:], strict=False):
        places = np.sort(generator.permutation(np.arange(start, stop))[:SAMPLES])
        taken = tuple((int(at) + 1, int(ranked[at]), float(values[ranked[at]])) for at in places)
        least = float(values[ranked[stop - 1]]) if stop > start else None
        made.append(Sampled(above, to, start + 1, stop, least, taken))
    return tuple(made)


def histogram(values: npt.NDArray[np.floating], bins: int) -> HistogramView:
    """A histogram from the lowest to the highest value; of one bin where they are equal."""
    if not len(values) or values.min() == values.max():
        value = rounded(values[0]) if len(values) else 0.0
        return HistogramView(value, value, (len(values),))
    low, high = float(values.min()), float(values.max())
    counts, _ = np.histogram(values.astype(np.float64), bins, (low, high))
    return HistogramView(rounded(low), rounded(high), tuple(int(count) for count in counts))


def rounded(value: float | np.floating) -> float:
    """To six significant digits: as many as anyone reads, in half the bytes."""
    return float(f"{float(value):.{_SIGNIFICANT}g}")


def _strongest(values: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.int64]:
    """The positions of the ``count`` highest values, highest first, equal ones by position."""
    if not count:
        return np.zeros(0, np.int64)
    least = np.partition(values, len(values) - count)[len(values) - count]
    among = np.flatnonzero(values >= least)
    return among[np.argsort(-values[among], kind="stable")][:count]


def _columns(store: StudyStore, view: LayerView, summary: str) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """The summaries of the explain images by blocks of units: first unit, then float32 [images, units of the block]."""
    arrays, units = store.arrays(view.layer.name), view.layer.units
    width = max(1, _BLOCK_BYTES // (4 * max(1, len(view.images("explain")))))
    for start in range(0, units, width):
        stop = min(start + width, units)
        yield start, arrays.read(f"summaries/{summary}/explain", columns=slice(start, stop))


def exemplars_of(surveys: Sequence[SummarySurvey], unit: int) -> list[int]:
    """The positions in the explain split of a unit's exemplars, each once."""
    return list(dict.fromkeys(int(index) for one in surveys for index in one.indices[unit]))


def used(surveys: Sequence[SummarySurvey], silent: npt.NDArray[np.bool_]) -> set[int]:
    """The positions in the explain split of all images that the pages of a layer show."""
    positions: set[int] = set()
    for one in surveys:
        positions.update(int(index) for index in np.unique(one.indices[~silent]))
        positions.update(index for unit in one.ranges for some in unit for _, index, _ in some.taken)
    return positions
