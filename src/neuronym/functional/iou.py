"""Intersection over union of masks, of which Network Dissection (Bau et al. 2017, equation 1) makes its labels.

For a unit k and a concept c, summed over all images x, with the unit's masks M and the concept's masks L::

    IoU = sum over x of |M_k(x) and L_c(x)| / sum over x of |M_k(x) or L_c(x)|

All counts are whole numbers, so they depend neither on the order of the images nor on how they come in blocks.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Bool, Float64
from torch import Tensor

from neuronym.functional import _overlaps
from neuronym.functional._checks import home
from neuronym.records import ConceptMasks, packed

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Words = npt.NDArray[np.uint64]

_PART = 4096  # pixels of one row of a block, 64 words
_BLOCK = 1 << 26  # pixels of all masks that are packed together


def mask_iou(
    unit_masks: Bool[Tensor, "units pixels"], concept_masks: Bool[Tensor, "concepts pixels"]
) -> Float64[Tensor, "units concepts"]:
    """Intersection over union of every unit's mask with every concept's, 0 to 1; 0 where both are empty.

    The pixels may be those of many images, one after the other. The masks are packed and counted on the CPU, a block of
    pixels at a time; the result is on the device of ``unit_masks``, or on the CPU if that device has no float64.

    Raises:
        ValueError: the two sides have different numbers of pixels.
    """
    if unit_masks.shape[1] != concept_masks.shape[1]:
        raise ValueError(
            f"unit masks of {unit_masks.shape[1]} pixels and concept masks of {concept_masks.shape[1]} pixels: "
            "both must cover the same pixels"
        )
    units, concepts = len(unit_masks), len(concept_masks)
    state = Overlaps(units, concepts)
    step = max(1, _BLOCK // (_PART * max(1, units + concepts))) * _PART
    for ours, theirs in zip(torch.split(unit_masks, step, 1), torch.split(concept_masks, step, 1), strict=True):
        _update(state, _parts(ours), _parts(theirs))
    return torch.from_numpy(state.iou()).to(home(unit_masks.device))


def _parts(masks: Bool[Tensor, "masks pixels"]) -> npt.NDArray[np.bool_]:
    """Some pixels as parts of one length, filled up with cells outside the masks: [parts, masks, 1, pixels]."""
    count = -(-masks.shape[1] // _PART)
    filled = np.zeros((len(masks), count * _PART), np.bool_)
    filled[:, : masks.shape[1]] = masks.detach().cpu().numpy()
    return filled.reshape(len(masks), count, 1, _PART).swapaxes(0, 1)


def _update(state: Overlaps, ours: npt.NDArray[np.bool_], theirs: npt.NDArray[np.bool_]) -> None:
    """Take in parts of masks as if each were an image that shows all concepts."""
    parts, concepts = theirs.shape[:2]
    words = packed(theirs)
    starts, numbers = np.arange(parts + 1) * concepts, np.tile(np.arange(concepts), parts)
    everywhere = np.full((parts, words.shape[2]), ~np.uint64(0))
    state.update(packed(ours), ConceptMasks(starts, numbers, words.reshape(-1, words.shape[2]), everywhere))


class Overlaps:
    """How many cells the masks of units and of concepts have, and share, over images that come block by block.

    Only cells that count are counted (``valid`` of :class:`~neuronym.records.ConceptMasks`), of units and of concepts.
    All counts are exact: neither the order of the images nor the blocks matter, and ``merge`` is exact, associative and
    commutative. The memory does not grow with the images.

    Args:
        units: how many.
        concepts: how many.
        categories: the number of each concept's category from 0 up, int64 [concepts]; None if they do not matter.

    Attributes:
        intersections: int64 [units, concepts], the cells that a unit shares with a concept.
        unit_cells: int64 [units].
        concept_cells: int64 [concepts].
        touched_cells: int64 [units, categories], a unit's cells in those images where at least one of them lies on a
            concept of the category; [units, 0] without categories.
        images: how many were taken in, annotated or not.
    """

    def __init__(self, units: int, concepts: int, categories: Ints | None = None) -> None:
        self.categories = None if categories is None else np.array(categories, np.int64)
        kinds = 0 if self.categories is None else int(self.categories.max(initial=-1)) + 1
        if self.categories is not None and (self.categories.shape != (concepts,) or self.categories.min(initial=0) < 0):
            raise ValueError(f"categories {categories} of {concepts} concepts: each needs one, a number from 0 up")
        self.intersections = np.zeros((units, concepts), np.int64)
        self.unit_cells = np.zeros(units, np.int64)
        self.concept_cells = np.zeros(concepts, np.int64)
        self.touched_cells = np.zeros((units, kinds), np.int64)
        self.images = 0

    def update(self, unit_words: Words, masks: ConceptMasks) -> None:
        """Take in the masks of some images.

        Args:
            unit_words: packed masks of all units, uint64 [images, units, words].
            masks: the concepts' masks of the same images.

        Raises:
            ValueError: shapes that do not fit this state or each other, or concepts of an image that do not rise or
                that this state does not have.
        """
        units = np.ascontiguousarray(unit_words, np.uint64)
        self._check(units, masks)
        arrays = (
            np.ascontiguousarray(masks.starts, np.int64),
            np.ascontiguousarray(masks.concepts, np.int64),
            np.ascontiguousarray(masks.words, np.uint64),
            np.ascontiguousarray(masks.valid, np.uint64),
        )
        categories = np.zeros(0, np.int64) if self.categories is None else self.categories
        _overlaps.count(units, arrays, categories, self._counts())
        self.images += len(units)

    def merge(self, other: Overlaps) -> Overlaps:
        """The state after the images of both; neither is changed.

        Raises:
            ValueError: states of other units, concepts or categories.
        """
        same = np.array_equal(self._kinds(), other._kinds())
        if self.intersections.shape != other.intersections.shape or not same:
            raise ValueError(
                f"overlaps of {self._about()} cannot be merged with those of {other._about()}"
                f"{'' if same else ' in other categories'}"
            )
        merged = Overlaps(*self.intersections.shape, self.categories)
        for sums, ours, theirs in zip(merged._counts(), self._counts(), other._counts(), strict=True):
            np.add(ours, theirs, out=sums)
        merged.images = self.images + other.images
        return merged

    def iou(self) -> Doubles:
        """Intersection over union of every unit with every concept, float64 [units, concepts], 0 to 1.

        0 where neither has a cell.
        """
        return self._over(self.unit_cells[:, None])

    def iou_touched(self) -> Doubles:
        """As :meth:`iou`, but a unit's area counts only in images where it touches the concept's category.

        This is what Network Dissection's published code computes, not its paper. It is never below :meth:`iou`.

        Raises:
            ValueError: this state was made without categories.
        """
        if self.categories is None:
            raise ValueError("This state was made without the categories of its concepts.")
        return self._over(self.touched_cells[:, self.categories])

    def _over(self, areas: Ints) -> Doubles:
        unions = areas + self.concept_cells - self.intersections
        shares: Doubles = self.intersections / np.maximum(unions, 1)
        return shares

    def _counts(self) -> tuple[Ints, Ints, Ints, Ints]:
        return self.intersections, self.unit_cells, self.concept_cells, self.touched_cells

    def _kinds(self) -> Ints:
        return np.full(self.intersections.shape[1], -1) if self.categories is None else self.categories

    def _about(self) -> str:
        return "{} units and {} concepts".format(*self.intersections.shape)

    def _check(self, units: Words, masks: ConceptMasks) -> None:
        expected = (len(masks), self.intersections.shape[0], masks.valid.shape[1])
        if units.shape != expected or masks.words.shape[1:] != expected[2:]:
            raise ValueError(
                f"unit masks {units.shape} and concept masks of {len(masks)} images with {masks.words.shape[1]} and "
                f"{expected[2]} words do not fit {self._about()}"
            )
        starts, entries = masks.starts, len(masks.concepts)
        steps = np.diff(starts)
        whole = len(starts) == len(masks) + 1 and len(masks.words) == entries == starts[-1]
        if not whole or starts[0] != 0 or (steps < 0).any():
            raise ValueError(f"starts {starts} do not cut {entries} concepts and {len(masks.words)} masks into images")
        rising = np.diff(masks.concepts) > 0
        firsts = starts[1:-1]
        rising[firsts[(firsts > 0) & (firsts < entries)] - 1] = True
        if entries and not (
            rising.all() and 0 <= masks.concepts.min() <= masks.concepts.max() < self.intersections.shape[1]
        ):
            raise ValueError(
                f"concepts {masks.concepts.min()} to {masks.concepts.max()}: within an image they must rise, and this "
                f"state has {self.intersections.shape[1]}"
            )
