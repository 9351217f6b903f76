"""The masks of a layer's units and of the concepts that describe them, over the exemplars; the model is never run."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from neuronym.present.labels import Labels
from neuronym.present.mask_page import ImageMask, MaskView
from neuronym.present.run_made import mask_rule
from neuronym.present.survey import rounded
from neuronym.records import Annotated, Grid, MaskRule, unpacked
from neuronym.store.layer_view import LayerView
from neuronym.store.mask_tables import AT_A_TIME, UnitMasks
from neuronym.store.study_store import StudyStore
from neuronym.store.unit_mask_store import stored_masks

Kinds: TypeAlias = "npt.NDArray[np.uint8]"
"""0 neither, 1 only the unit, 2 only the concept, 3 both."""

_Drawn: TypeAlias = tuple[int, int, int, str | None]
"""The fields of an :class:`~neuronym.present.mask_page.ImageMask` after its number."""

_SIDES = (56, 48, 40, 32, 28, 24, 20, 16)
_AS_IT_IS = 64
"""A grid of up to so many cells a side is not reduced to the first of these: to 56 of 64 would be uneven."""

_LAYER_BYTES = 10e6
_ROW_BYTES = 8
"""What a row of cells takes as it is written, in many masks of real networks."""

_LONGEST = 64
_SHOWN_FIRST = (3, 1, 2)
"""Of kinds that are equally many in a cell the first is drawn."""


@dataclass(frozen=True)
class _Compared:
    """What a run compared: where units are active by a rule, and where concepts are.

    Attributes:
        run: its id.
        rule: where a unit counts as active.
        thresholds: the same as activations, [units].
        masks: where units are active.
        concepts: the number of the concept that describes a unit, by the unit's position.
    """

    run: str
    rule: MaskRule
    thresholds: npt.NDArray[np.float64]
    masks: UnitMasks
    concepts: Mapping[int, int]


class LayerMasks:
    """What the pages of a layer draw of masks: of runs whose masks are stored, and whose annotations are the study's.

    Args:
        store: the study.
        view: one of its layers.
        labels: what runs said of its units.
        shown: the positions of the explain images on a unit's page that masks are drawn over.
    """

    def __init__(
        self, store: StudyStore, view: LayerView, labels: Labels, shown: Callable[[int], Sequence[int]]
    ) -> None:
        self._store, self._view, self._labels, self._shown = store, view, labels, shown

    def of_unit(self, unit: int, numbers: Mapping[str, int]) -> tuple[MaskView, ...]:
        """The masks for each run that describes a unit by an annotated concept.

        Args:
            unit: its position.
            numbers: the number of each image in the report, by its id.
        """
        if self._view.annotated is None:
            return ()
        images = self._view.images("explain")
        return tuple(
            self._page(one, unit, {numbers[images[at].id]: each for at, each in self._drawn[one.run][unit].items()})
            for label in self._labels.get(unit, ())
            for one in self._compared
            if one.run == label.run and unit in one.concepts
        )

    def _page(self, one: _Compared, unit: int, images: Mapping[int, _Drawn]) -> MaskView:
        concept = self._about.concepts[one.concepts[unit]]
        return MaskView(
            one.run,
            concept.name,
            concept.category,
            self._about.grid,
            *self._size,
            one.rule.quantile,
            rounded(one.thresholds[unit]),
            tuple(ImageMask(number, *images[number]) for number in sorted(images)),
        )

    @property
    def _about(self) -> Annotated:
        about = self._view.annotated
        assert about is not None  # asked for first
        return about

    @cached_property
    def _compared(self) -> Sequence[_Compared]:
        """What the runs compared whose masks can be shown."""
        made = (self._comparison(run, made_with) for run, made_with in self._store.manifest.runs.items())
        return [one for one in made if one is not None]

    def _comparison(self, run: str, made_with: Mapping[str, Any]) -> _Compared | None:
        rule, view = mask_rule(made_with), self._view
        if rule is None or made_with.get("annotations") != self._about.key:
            return None
        if isinstance(rule.value, tuple) and len(rule.value) != view.layer.units:
            return None  # a rule for another layer
        thresholds = view.mask_thresholds(rule)
        arrays = self._store.arrays(view.layer.name)
        masks = stored_masks(arrays, rule, self._about.grid, thresholds, budget=0)  # each block is read once
        if masks is None:
            return None
        return _Compared(run, rule, thresholds, masks, self._concepts(run))

    def _concepts(self, run: str) -> dict[int, int]:
        """The number of the concept by which a run describes each unit; without texts that are none or several."""
        numbers: dict[tuple[str, str | None], list[int]] = {}
        for number, one in enumerate(self._about.concepts):
            for category in (one.category, None):
                numbers.setdefault((one.name, category), []).append(number)
        found = {
            unit: numbers.get((label.description, label.category), [])
            for unit, some in self._labels.items()
            for label in some
            if label.run == run and label.description is not None and not self._view.constant[unit]
        }
        return {unit: some[0] for unit, some in found.items() if len(some) == 1}

    @cached_property
    def _size(self) -> Grid:
        images = sum(len(self._shown(unit)) for one in self._compared for unit in one.concepts)
        return drawn_size(self._about.grid, images)

    @cached_property
    def _drawn(self) -> Mapping[str, Mapping[int, Mapping[int, _Drawn]]]:
        """What is drawn, by run, unit and position of the image: read in the order in which it is stored."""
        found: dict[str, dict[int, dict[int, _Drawn]]] = {}
        for one in self._compared:
            units = found[one.run] = {unit: {} for unit in one.concepts}
            pairs = sorted((int(at), unit) for unit in one.concepts for at in self._shown(unit))
            for _, block in groupby(pairs, key=lambda pair: pair[0] // AT_A_TIME):
                for at, unit, drawn in self._block(one, list(block)):
                    units[unit][at] = drawn
        return found

    def _block(self, one: _Compared, pairs: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, _Drawn]]:
        """What is drawn on images that are stored together, given which units are shown on which of them."""
        grid = self._about.grid
        images, units = (np.unique(np.array(part, np.int64)) for part in zip(*pairs, strict=True))
        active = one.masks.rows(images, units)
        there = self._view.concept_masks("explain").rows(images)
        for at, unit in pairs:
            image = int(np.searchsorted(images, at))
            valid = there.valid[image]
            concepts, words = there.of(image)
            concept = np.bitwise_or.reduce(words[concepts == one.concepts[unit]], 0) & valid
            mine = active[image, int(np.searchsorted(units, unit))] & valid
            kinds = unpacked(mine, grid) + 2 * unpacked(concept, grid).astype(np.uint8)
            yield at, unit, _drawn(kinds, self._size, annotated=bool(valid.any()))


def drawn_size(grid: Grid, images: int) -> Grid:
    """Rows and columns that are drawn: as many as keep a layer's masks within their share of the report.

    Args:
        grid: rows and columns that are stored.
        images: on how many images of all units masks are drawn.
    """
    sides = drawn_sides(grid)
    return fitted(grid, next((side for side in sides if images * _ROW_BYTES * side <= _LAYER_BYTES), sides[-1]))


def drawn_sides(grid: Grid) -> Sequence[int]:
    """How many cells a grid's longer side may be drawn with, the most first."""
    return (_AS_IT_IS, *_SIDES) if max(grid) <= _AS_IT_IS else _SIDES


def fitted(grid: Grid, side: int) -> Grid:
    """Rows and columns with the longer side reduced to ``side``, at least 1 each."""
    longer = max(grid)
    if longer <= side:
        return grid
    return max(1, round(grid[0] * side / longer)), max(1, round(grid[1] * side / longer))


def drawn_cells(kinds: Kinds, size: Grid) -> Kinds:
    """Fewer cells: each as most of its area is that lies in a mask, however little, so that thin things stay.

    The masks are not made smaller by themselves: two that lie in one cell beside each other would seem to agree.

    Args:
        kinds: [rows, columns].
        size: rows and columns of the result, at most those of ``kinds``.
    """
    if kinds.shape == size:
        return kinds
    down, across = (np.arange(cells) * given // cells for cells, given in zip(size, kinds.shape, strict=True))
    counts = np.stack(
        [np.add.reduceat(np.add.reduceat(kinds == kind, down, 0, np.int64), across, 1) for kind in _SHOWN_FIRST]
    )
    most = np.array(_SHOWN_FIRST, np.uint8)[counts.argmax(0)]
    return np.where(counts.any(0), most, 0).astype(np.uint8)


def run_lengths(kinds: Kinds) -> bytes:
    """Runs of equal cells, row by row, as :class:`~neuronym.present.mask_page.ImageMask` says."""
    flat = kinds.ravel()
    starts = np.flatnonzero(np.diff(flat, prepend=flat[:1] ^ 1))
    lengths = np.diff(starts, append=len(flat))
    whole = -(-lengths // _LONGEST)  # a run that is too long for a byte takes several
    parts = np.full(whole.sum(), _LONGEST)
    parts[whole.cumsum() - 1] = lengths - (whole - 1) * _LONGEST
    return bytes(((parts - 1) << 2 | flat[starts].repeat(whole)).astype(np.uint8))


def _drawn(kinds: Kinds, size: Grid, *, annotated: bool) -> _Drawn:
    both, unit, concept = (int(np.count_nonzero(kinds == kind)) for kind in (3, 1, 2))
    cells = base64.b64encode(run_lengths(drawn_cells(kinds, size))).decode() if annotated else None
    return both, unit, concept, cells
