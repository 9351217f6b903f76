"""Whether a method that covers parts of images finds where a unit's concept is: IoU of patches with true pixels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from neuronym.bench.pixels import BLOCK, GRID, Pixels
from neuronym.bench.scoring import measure
from neuronym.explain.explainer import Occluding
from neuronym.explain.patches import on_image
from neuronym.functional.unit_masks import masks_above
from neuronym.records import unpacked
from neuronym.records.benchmark import BenchUnit, PatchFit
from neuronym.store.layer_view import LayerView
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.masks import covered, regions_of
from neuronym.world.scenes import Scenes

Flags: TypeAlias = npt.NDArray[np.bool_]
Pairs: TypeAlias = Mapping[int, Sequence[BenchUnit]]


def patch_fit(
    method: Occluding,
    view: LayerView,
    scenes: Scenes,
    units: Sequence[BenchUnit],
    pixels: Pixels,
    draws: int,
    seed: int,
) -> PatchFit:
    """How well patches, and the masks of activations, cover the pixels of units' true concepts on the same images.

    On each exemplar that the method looks at, the patch (its mask, soft ones from half of their maximum on; empty where
    nothing that was covered changed the unit) and the activation mask (the map, upsampled bilinearly, strictly above
    the threshold of :class:`~neuronym.bench.pixels.Pixels`) are compared with the pixels of the concept: intersection
    over union, 0 to 1, meaned over the unit's exemplars and then over units.

    Args:
        method: covers parts of images.
        view: the layer, which has maps.
        scenes: what the explain images show, in their order.
        units: those that are judged; only those with a true label that is of pixels in some exemplar take part.
        pixels: knows the thresholds.
        draws: resamples of units behind each interval.
        seed: of these.
    """
    named = {unit.unit: unit for unit in units if unit.truth is not None}
    images, numbers = method.occluded_images([view.units[unit] for unit in named], view)
    found = _ious(method, view, scenes, _by_image(images, numbers, named), pixels)
    known = {unit: rows for unit, rows in found.items() if any(there for _, _, there in rows)}
    means = np.array([np.mean([row[:2] for row in rows], 0) for rows in known.values()]).reshape(-1, 2)
    left_out = tuple(str(one.truth) for unit, one in named.items() if unit not in known)
    pairs = sum(len(rows) for rows in known.values())
    return PatchFit(measure(means[:, 0], draws, seed), measure(means[:, 1], draws, seed), pairs, left_out)


def _by_image(images: npt.NDArray[np.int64], numbers: npt.NDArray[np.int64], named: Mapping[int, BenchUnit]) -> Pairs:
    found = defaultdict[int, list[BenchUnit]](list)
    for image, unit in zip(images.tolist(), numbers.tolist(), strict=True):
        found[image].append(named[unit])
    return found


def _ious(
    method: Occluding, view: LayerView, scenes: Scenes, pairs: Pairs, pixels: Pixels
) -> dict[int, list[tuple[float, float, bool]]]:
    """By unit, for each exemplar: IoU of the patch, IoU of the activation mask, whether the concept has pixels."""
    occlusions, found = view.occlusions(method.occlusion_rule), defaultdict[int, list[tuple[float, float, bool]]](list)
    occlusions.make(
        np.array([image for image, some in pairs.items() for _ in some], np.int64),
        np.array([unit.unit for some in pairs.values() for unit in some], np.int64),
    )
    order = sorted(pairs)
    for block in (order[first : first + BLOCK] for first in range(0, len(order), BLOCK)):
        maps = torch.from_numpy(view.respond([view.image(image) for image in block]))
        words, regions = masks_above(maps, pixels.thresholds, GRID), regions_of(scenes.rows(np.array(block)))
        for row, image in enumerate(block):
            for unit in pairs[image]:
                shown = _shown(unit, scenes.rows(slice(image, image + 1)), regions[row])
                occluded = occlusions.found(image, unit.unit)
                assert occluded is not None  # it was made above
                mask = on_image(occluded.mask, view.geometry(image))
                patch, active = mask >= max(0.5 * mask.max(), 1e-9), unpacked(words[row, unit.unit], GRID)
                found[unit.unit].append((_iou(patch, shown), _iou(active, shown), bool(shown.any())))
    return found


def _shown(unit: BenchUnit, scene: Scenes, regions: npt.NDArray[np.uint8]) -> Flags:
    """The pixels that the unit's true concept covers in a scene, bool [64, 64]."""
    concept = parse(str(unit.truth))
    if isinstance(concept, Unparsed):
        return np.zeros(regions.shape, np.bool_)
    shown: Flags = covered(concept, scene)[0][regions]
    return shown


def _iou(one: Flags, other: Flags) -> float:
    """0 where neither has a pixel."""
    either = int((one | other).sum())
    return int((one & other).sum()) / either if either else 0.0
