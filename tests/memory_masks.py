"""Annotated masks in memory, dense and packed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from neuronym.evaluate.sources import AnnotationSource
from neuronym.records import ConceptMasks, MaskConcept, Split, packed, unpacked
from neuronym.store.mask_tables import Window

GRID = (5, 14)
CATALOGUE = (
    MaskConcept("Ball", "object"),
    MaskConcept("red", "colour"),
    MaskConcept("red", "material"),
    MaskConcept("sea, water", "scene"),
    MaskConcept("traffic_light", "object"),
)
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def concept_masks(masks: Bools, valid: Bools) -> ConceptMasks:
    """Packed masks of dense ones, bool [images, concepts, height, width], without the empty ones."""
    images, concepts = np.nonzero(masks.any((2, 3)))
    starts = np.searchsorted(images, np.arange(len(masks) + 1))
    return ConceptMasks(starts, concepts, packed(masks[images, concepts]), packed(valid))


def dense(masks: ConceptMasks, concepts: int, grid: tuple[int, int]) -> Bools:
    found = np.zeros((len(masks), concepts, *grid), np.bool_)
    for image in range(len(masks)):
        numbers, words = masks.of(image)
        assert (np.diff(numbers) > 0).all()
        found[image, numbers] = unpacked(words, grid)
    return found


def drawn(images: int, concepts: int, grid: tuple[int, int], seed: int) -> tuple[Bools, Bools]:
    """Masks of which some are empty, and the cells that count: all of the last image's do not."""
    generator = np.random.default_rng(seed)
    valid = generator.random((images, *grid)) < 0.8
    valid[-1] = False
    masks = generator.random((images, concepts, *grid)) < 0.3
    masks &= (generator.random((images, concepts)) < 0.6)[:, :, None, None]
    return masks & valid[:, None], valid


def window(masks: Bools, valid: Bools) -> Window[ConceptMasks]:
    return Window(len(masks), 0, lambda positions: concept_masks(masks[positions], valid[positions]))


def source_of(masks: dict[Split, Bools], valid: dict[Split, Bools]) -> AnnotationSource:
    shares = {}
    for split, cells in valid.items():
        of_image = cells.sum((1, 2))[:, None]
        shares[split] = (masks[split].sum((2, 3)) / np.maximum(of_image, 1)).astype(np.float32)
    return AnnotationSource(
        CATALOGUE,
        shares,
        {split: cells.any((1, 2)) for split, cells in valid.items()},
        {split: window(masks[split], valid[split]) for split in masks},
    )
