"""The occlusion pass: exemplars once more through the target, with one part after another covered.

One set of occluded copies of an image serves every unit of every asked layer that has the image among its exemplars,
and a pass stops at the deepest of these layers; see :mod:`neuronym.regions.incremental` for what is computed of a copy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float32, Int
from torch import Tensor

from neuronym.activations import Progress, silent
from neuronym.activations.batches import input_size
from neuronym.activations.collector import not_finite
from neuronym.errors import MethodError
from neuronym.execute.devices import Running
from neuronym.functional.occlusion import discrepancies, grid_shape, windows
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Grid, LayerInfo, OcclusionRule
from neuronym.regions.coarse import coarse_to_fine
from neuronym.regions.covering import covered_with
from neuronym.regions.incremental import Occluding
from neuronym.store.occlusion_store import ImageAnswers, OcclusionStore
from neuronym.targets.target import Target

_PIXELS = 64 * 224 * 224
"""Occluded copies that pass together have about so many pixels; more of small ones, fewer of large ones."""

ROUNDING = 2e-5
"""Copies that pass together are rounded otherwise than an image alone: so far, as a share of the unit's answer, answers
to equal pixels may differ. ResNet, SqueezeNet, MobileNet and VGG were seen to reach 1e-5, except where answers are near
zero."""


@dataclass(frozen=True, eq=False)
class AnswersOf:
    """What an occlusion pass is to make of one layer.

    Attributes:
        layer: the layer.
        store: where its answers go.
        units: by the position of an image whose answers are missing, the units that have it among their exemplars.
    """

    layer: LayerInfo
    store: OcclusionStore
    units: Mapping[int, Sequence[int]]


def places(rule: OcclusionRule, size: Grid) -> Int[Tensor, "positions 4"]:
    """Where the occluder lies on an input of (height, width), as a rule has it.

    Raises:
        MethodError: the occluder is larger than the image.
    """
    side, stride = rule.resolved(size)
    if side > min(size):
        raise MethodError(
            f"An occluder of {side} x {side} pixels is larger than the network's input of {size[0]} x {size[1]}. Give "
            "a smaller one with --set occluder=PIXELS."
        )
    return windows(size, side, stride)


def run_occlusion_pass(
    target: Target,
    wanted: Sequence[AnswersOf],
    probe: ProbeSet,
    rule: OcclusionRule,
    running: Running,
    progress: Progress = silent,
) -> None:
    """Pass the occluded copies of the images whose answers are missing, and write the answers image by image.

    Memory does not depend on the number of images: it is that of a batch of copies in the network, and of one number
    per unit and place.

    Args:
        target: the model.
        wanted: layers from :func:`neuronym.targets.layers.select`, with the images and units that are missing.
        probe: the images.
        rule: how they are covered.
        running: device, precision and memory layout.
        progress: told the images done and all.

    Raises:
        MethodError: the occluder is larger than the image.
        NonFiniteError: a layer gave NaN or infinity; the message names it.
        ProbeError: an image cannot be read any more.
        StudyError: the answers cannot be written.
    """
    todo = sorted(set().union(*(one.units for one in wanted)))
    progress(0, len(todo))
    if not todo:
        return
    size = input_size(probe, target.preprocessing)
    layers, copies = [one.layer for one in wanted], max(1, _PIXELS // (size[0] * size[1]))
    with (
        running.prepared(target.model, torch.zeros(2, 3, *size)) as settled,
        Occluding(target, layers, settled, rule.summary, copies) as occluding,
    ):
        for done, image in enumerate(todo, 1):
            pixels = target.preprocessing.apply(probe.load(image))
            units = {at: list(one.units[image]) for at, one in enumerate(wanted) if image in one.units}
            found = answers(occluding, pixels, rule, units)
            for at, answered in found.items():
                if not np.isfinite(answered.discrepancy).all():
                    raise not_finite(layers[at])
                wanted[at].store.write(image, answered)
            progress(done, len(todo))


def answers(
    occluding: Occluding,
    image: Float32[Tensor, "3 height width"],
    rule: OcclusionRule,
    units: Mapping[int, Sequence[int]],
) -> dict[int, ImageAnswers]:
    """What some units answer to one image and its occluded copies.

    Where no place changes a unit by more than :data:`ROUNDING`, its discrepancies are zero: nothing that was covered
    matters to it, and a receptive field would be one of rounding errors.

    Args:
        occluding: the target at work.
        image: its input.
        rule: how it is covered.
        units: by the position of a layer, rising.
    """
    height, width = image.shape[1:]
    boxes = places(rule, (height, width))
    side, stride = rule.resolved((height, width))
    fill = covered_with(image, rule, side)
    plain: dict[int, Tensor] = {}
    starts = np.cumsum([0, *(len(asked) for asked in units.values())])

    def ask(chosen: Int[Tensor, " places"]) -> Float32[Tensor, "units places"]:
        values, whole = occluding.values(image, boxes[chosen], fill, units)
        plain.update(whole)
        return torch.cat([discrepancies(values[at], whole[at]) for at in units])

    if rule.exact:
        found = ask(torch.arange(len(boxes)))
    else:
        found = coarse_to_fine(grid_shape((height, width), side, stride), rule.coarse, ask)
    parts = {at: found[starts[row] : starts[row + 1]] for row, at in enumerate(units)}
    return {
        at: ImageAnswers(
            np.array(units[at], np.int64), plain[at].cpu().numpy(), _changed(parts[at], plain[at]).cpu().numpy()
        )
        for at in units
    }


def _changed(
    found: Float32[Tensor, "units positions"], plain: Float32[Tensor, " units"]
) -> Float32[Tensor, "units positions"]:
    """The discrepancies, zero for units that rounding alone changes; what is not finite stays so."""
    unchanged = found.amax(1) < ROUNDING * plain.abs()
    return found.masked_fill(unchanged[:, None], 0)
