"""Intersection over union of units' masks with those of texts, against plain loops over cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from memory_masks import CATALOGUE, GRID, Bools, concept_masks, drawn, source_of
from neuronym.evaluate.mask_iou import text_ious
from neuronym.records import ConceptMasks, Split, packed
from neuronym.store.mask_tables import Window

Ints = npt.NDArray[np.int64]


def looped(units: Bools, masks: Bools, valid: Bools) -> float:
    """IoU of one unit with one text, [images, height, width] each, cell by cell."""
    both = either = 0
    for image, row, column in np.ndindex(units.shape):
        if valid[image, row, column]:
            one, other = bool(units[image, row, column]), bool(masks[image, row, column])
            both += one and other
            either += one or other
    return both / either if either else 0.0


def unit_window(units: Bools) -> Window[npt.NDArray[np.uint64]]:
    return Window(len(units), 0, lambda positions: packed(units[positions]))


def test_ious_are_those_of_plain_loops() -> None:
    masks, valid = drawn(40, len(CATALOGUE), GRID, 3)
    units = np.random.default_rng(4).random((40, 4, *GRID)) < 0.2
    units[:, 2] = False
    units[:, 3] &= ~valid  # fires on padding alone
    source = source_of({"test": masks}, {"test": valid})
    texts = ["ball", "red", "zebra", "a ball", "water"]
    found = text_ious(4, unit_window(units), texts, source, "test")
    of_text = [masks[:, 0], masks[:, 1] | masks[:, 2], np.zeros_like(valid), masks[:, 0], masks[:, 3]]
    wanted = [[looped(units[:, unit], mask, valid) for mask in of_text] for unit in range(4)]
    assert np.allclose(found, wanted, atol=1e-12)
    assert (found[2:] == 0).all()
    assert (found[:, 2] == 0).all()
    assert np.array_equal(found[:, 0], found[:, 3])


class Placed:
    """A thing in half of the images, one time with half of these and one time with as many wrong ones."""

    def __init__(self, masks: Bools) -> None:
        self._masks = masks

    def text_masks(self, texts: Sequence[str], split: Split, images: Ints) -> ConceptMasks:
        return concept_masks(self._masks[images], np.ones((len(images), *GRID), np.bool_))


def test_labels_that_say_too_little_or_too_much_lose_half() -> None:
    """The tests of metrics (Oikarinen et al. 2025) on masks: the unit fires on the thing's pixels and some others."""
    generator = np.random.default_rng(0)
    true = np.zeros((80, *GRID), np.bool_)
    for image in range(40):
        row, column = generator.integers(0, (3, 11))
        true[image, row : row + 3, column : column + 3] = True
    missing, extra = true.copy(), true.copy()
    missing[20:40] = False
    extra[40:] = true[:40]
    unit = true ^ (generator.random(true.shape) < 0.01)
    labels = np.stack([true, missing, extra, np.roll(true, 40, 0)], 1)
    found = text_ious(1, unit_window(unit[:, None]), ["true", "missing", "extra", "wrong"], Placed(labels), "test")[0]
    assert found[0] > 0.85
    assert found[1] == pytest.approx(found[0] / 2, abs=0.05)
    assert found[2] == pytest.approx(found[0] / 2, abs=0.05)
    assert found[3] < 0.05
    assert found[0] == pytest.approx(looped(unit, true, np.ones_like(true)))
