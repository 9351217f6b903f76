"""Whether units fire where the things are that their labels speak of: IoU of masks on the test images of a host.

A text of the world covers whole regions of a scene (:mod:`neuronym.world.masks`). So one pass over the images, in which
the active cells of each unit in each region of each scene are counted, tells the IoU with any text: exactly that of
:func:`neuronym.evaluate.mask_iou.text_ious`, which would look at every pixel again for the labels of every row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from neuronym.functional.iou import Overlaps
from neuronym.functional.quantiles import Quantiles
from neuronym.functional.unit_masks import masks_above
from neuronym.records import ConceptMasks, Split, packed
from neuronym.records.benchmark import BenchUnit
from neuronym.store.layer_view import LayerView
from neuronym.world.concepts import REGIONS
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.masks import Regions, covered, regions_of
from neuronym.world.scenes import Scenes
from neuronym.world.vocabulary import SIDE

GRID = (SIDE, SIDE)
"""The cells of a mask: the pixels of a scene."""

BLOCK = 128
"""Images that are looked at together."""

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]


class Pixels:
    """IoU of every unit of a host's layer with any text, over all pixels of the test images.

    A unit is active where its map, upsampled bilinearly, is strictly above a threshold of its own: the quantile of its
    activations at all positions of all explain images above which as large a share of these lies as its true concept
    covers of their pixels. The threshold is the same for all rows.

    Args:
        view: the layer, which has maps.
        explain: what the explain images show.
        test: what the test images show.
        units: those that are judged; the threshold of others, and of those without a true label, is the highest of
            their activations on the explain images.

    Attributes:
        thresholds: strictly above what each unit is active, [units].
    """

    def __init__(self, view: LayerView, explain: Scenes, test: Scenes, units: Sequence[BenchUnit]) -> None:
        shares = np.zeros(view.layer.units)
        areas = _areas(explain)
        for unit in units:
            if unit.truth is not None:
                shares[unit.unit] = (areas * _shown(unit.truth, explain)).sum() / areas.sum()
        self.thresholds = _thresholds(view, shares)
        self._test, self._areas = test, _areas(test)
        self._cells = _active_cells(view, test, self.thresholds)
        self._known: dict[str, Floats] = {}

    def ious(self, texts: Sequence[str]) -> Floats:
        """Float64 [units, texts], 0 to 1; 0 of a text that the world's grammar does not read, or that is nowhere."""
        for text in texts:
            if text not in self._known:
                self._known[text] = self._iou(text)
        return np.stack([self._known[text] for text in texts], 1) if texts else np.zeros((len(self._cells), 0))

    def _iou(self, text: str) -> Floats:
        shown = _shown(text, self._test)
        both = np.tensordot(self._cells, shown, 2)
        either = self._cells.sum((1, 2)) + (self._areas * shown).sum() - both
        found: Floats = np.divide(both, either, out=np.zeros_like(both), where=either > 0)
        return found


def _shown(text: str, scenes: Scenes) -> Floats:
    """1 where a text covers a region of a scene, 0 elsewhere, [scenes, regions]; 0 of one that is not understood."""
    concept = parse(text)
    if isinstance(concept, Unparsed):
        return np.zeros((len(scenes), len(REGIONS)))
    return covered(concept, scenes).astype(np.float64)


def _areas(scenes: Scenes) -> Floats:
    """How many pixels of each scene show each region, [scenes, regions]."""
    found = [_apart(regions_of(scenes.rows(block))).sum((2, 3)) for block in _blocks(len(scenes))]
    return np.concatenate(found).astype(np.float64)


def _thresholds(view: LayerView, shares: Floats) -> Floats:
    """The quantile of each unit's activations over the explain images above which a share of them lies, [units]."""
    state: Quantiles | None = None
    for block in _blocks(len(view.images("explain"))):
        maps = _maps(view, block, "explain")
        state = state or Quantiles.calibrated(maps)
        state.update(maps)
    assert state is not None  # there are explain images
    levels, places = np.unique(1 - shares, return_inverse=True)
    found: Floats = state.table(levels.tolist())[0].numpy()[places, np.arange(len(shares))]
    return found


def _active_cells(view: LayerView, scenes: Scenes, thresholds: Floats) -> Floats:
    """In how many pixels of each region of each test image each unit is active, [units, scenes, regions]."""
    found = np.empty((len(thresholds), len(scenes), len(REGIONS)))
    for block in _blocks(len(scenes)):
        counts = Overlaps(len(thresholds), len(block) * len(REGIONS))
        counts.update(masks_above(_maps(view, block, "test"), thresholds, GRID), _region_masks(scenes.rows(block)))
        found[:, block] = counts.intersections.reshape(len(thresholds), len(block), len(REGIONS))
    return found


def _region_masks(scenes: Scenes) -> ConceptMasks:
    """The regions of scenes as concepts: region r of scene i is number i * regions + r."""
    apart, numbers = _apart(regions_of(scenes)), np.arange(len(scenes) * len(REGIONS))
    words = packed(apart.reshape(-1, *GRID))
    valid = np.broadcast_to(packed(np.ones(GRID, np.bool_)), (len(scenes), words.shape[1])).copy()
    return ConceptMasks(np.arange(len(scenes) + 1) * len(REGIONS), numbers, words, valid)


def _apart(regions: Regions) -> npt.NDArray[np.bool_]:
    """Where each region is, bool [scenes, regions, 64, 64]."""
    found: npt.NDArray[np.bool_] = regions[:, None] == np.arange(len(REGIONS), dtype=np.uint8)[:, None, None]
    return found


def _maps(view: LayerView, images: Ints, split: Split) -> torch.Tensor:
    """The layer's maps of images at some positions of a split, float32 [images, units, height, width]."""
    return torch.from_numpy(view.respond([view.image(int(image), split) for image in images]))


def _blocks(count: int) -> Iterator[Ints]:
    return (np.arange(first, min(first + BLOCK, count)) for first in range(0, count, BLOCK))
