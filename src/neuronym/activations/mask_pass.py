"""The mask pass: all probe images once more through the target, to keep where every unit of some layers is active.

What the activation pass gave decides the thresholds, so this is a second pass. Of each image and unit it keeps the map,
upsampled bilinearly to a grid and thresholded, as packed bits; see :func:`neuronym.functional.unit_masks.masks_above`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuronym.activations import Progress, silent
from neuronym.activations.batches import cut, input_size, load_batches
from neuronym.activations.collector import not_finite
from neuronym.activations.writer import ChunkWriter
from neuronym.execute.devices import Running
from neuronym.functional.unit_masks import masks_above
from neuronym.probes.probe_set import ProbeSet
from neuronym.records import Grid, LayerInfo, MaskRule
from neuronym.store.arrays import Arrays
from neuronym.store.unit_mask_store import BLOCK, make_room
from neuronym.targets.hooks import recording
from neuronym.targets.target import Target


@dataclass(frozen=True, eq=False)
class MasksOf:
    """What a mask pass is to make of one layer.

    Attributes:
        layer: the layer.
        arrays: where its masks go.
        thresholds: strictly above what each unit is active, float64 [units].
    """

    layer: LayerInfo
    arrays: Arrays
    thresholds: npt.NDArray[np.float64]


def run_mask_pass(
    target: Target,
    wanted: Sequence[MasksOf],
    probe: ProbeSet,
    rule: MaskRule,
    grid: Grid,
    running: Running,
    batch_size: int = BLOCK,
    progress: Progress = silent,
) -> None:
    """Pass the images whose masks are missing, and write the masks of all units of some layers.

    Memory depends on neither the number of images nor, where a batch has as many images as a block, that of layers:
    beside the network's own it is that of two blocks of masks of the largest layer. A pass that was killed and goes on
    writes the same bytes as one that was not.

    Args:
        target: the model.
        wanted: layers from :func:`neuronym.targets.layers.select`, with their thresholds.
        probe: the images.
        rule: what the thresholds are, for the masks' name.
        grid: rows and columns of the cells of a mask.
        running: device, precision and memory layout.
        batch_size: images per forward pass; :data:`~neuronym.store.unit_mask_store.BLOCK` at most count.
        progress: told the images done and all.

    Raises:
        NonFiniteError: a layer gave NaN or infinity; the message names it.
        ProbeError: an image cannot be read any more.
        StudyError: the masks cannot be written.
    """
    names = [make_room(one.arrays, rule, grid, one.thresholds, len(probe)) for one in wanted]
    missing = [~one.arrays.written(f"{name}/words") for one, name in zip(wanted, names, strict=True)]
    todo = np.flatnonzero(np.logical_or.reduce(missing))
    starts = [int(block) * BLOCK for block in todo]
    blocks = [cut(start, min(start + BLOCK, len(probe)), batch_size, BLOCK) for start in starts]
    done = len(probe) - sum(block[-1].stop - block[0].start for block in blocks)
    progress(done, len(probe))
    if not blocks:
        return
    sample = torch.zeros(2, 3, *input_size(probe, target.preprocessing))
    with (
        running.prepared(target.model, sample) as settled,
        ChunkWriter([one.arrays for one in wanted]) as writer,
    ):
        sink = _Sink(wanted, [f"{name}/words" for name in names], missing, len(probe), grid, writer)
        batches = [batch for block in blocks for batch in block]
        loaded = load_batches(probe, target.preprocessing, batches)
        with recording(target, [one.layer for one in wanted], sink.take) as run:
            for images, batch in loaded:
                sink.images = images
                run(batch.to(settled.device, memory_format=settled.memory_format, non_blocking=True))
                done += len(images)
                progress(done, len(probe))
        writer.flush()


class _Sink:
    """Turns the activations of the batch that runs into masks, and hands whole blocks to the writer.

    Args:
        wanted: the layers.
        names: the arrays of their masks.
        missing: for each layer which blocks are to be written.
        count: how many images there are.
        grid: the cells of a mask.
        writer: of the layers' arrays.

    Attributes:
        images: the images of the batch.
    """

    def __init__(
        self,
        wanted: Sequence[MasksOf],
        names: Sequence[str],
        missing: Sequence[npt.NDArray[np.bool_]],
        count: int,
        grid: Grid,
        writer: ChunkWriter,
    ) -> None:
        self._wanted, self._names, self._missing = wanted, names, missing
        self._count, self._grid, self._writer = count, grid, writer
        self._parts: list[list[npt.NDArray[np.uint64]]] = [[] for _ in wanted]
        self.images = range(0)

    def take(self, position: int, activations: Tensor) -> None:
        """Take in the activations of the layer at a position for the images of the batch."""
        one, block = self._wanted[position], self.images.start // BLOCK
        if not self._missing[position][block]:
            return
        if not bool(torch.isfinite(activations).all()):
            raise not_finite(one.layer)
        parts = self._parts[position]
        parts.append(masks_above(activations, one.thresholds, self._grid))
        if self.images.stop in ((block + 1) * BLOCK, self._count):
            words = parts[0] if len(parts) == 1 else np.concatenate(parts)
            self._parts[position] = []
            self._writer.write(block * BLOCK, {position: {self._names[position]: words}})
