"""What the activation pass keeps of one layer: a row per image, and statistics of fixed size."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuronym.errors import NonFiniteError
from neuronym.functional.fused import scan
from neuronym.functional.moments import Moments
from neuronym.functional.quantiles import Quantiles
from neuronym.functional.summary import summarise
from neuronym.functional.topk import TopK
from neuronym.records import LayerInfo, Split, Summary
from neuronym.store.arrays import Arrays
from neuronym.store.layer_view import LEVELS

CHUNK = 256
"""Images whose summaries are written at a time."""

_TOGETHER = 4096
"""Values of a unit below which activations wait for those of the next batches: a unit's histogram is then fetched from
memory once for many values instead of for a few."""

State = dict[str, npt.NDArray[Any]]


def array_names(layer: LayerInfo, summaries: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """Every array that a pass writes of a layer, for ``counts`` images per split."""
    names = [f"summaries/{summary}/{split}" for summary in summaries for split, count in counts.items() if count]
    parts = ("values", "index") if layer.map_size is None else ("values", "index", "maps")
    names += [f"exemplars/{summary}/{part}" for summary in ("mean", "max") for part in parts]
    return [*names, "quantiles", "moments"]


class LayerCollector:
    """The statistics of one layer, and the summaries of the chunk of images that is being passed.

    Args:
        layer: the layer.
        summaries: what is kept of every image; ``mean`` and ``max`` among them.
        top_k: how many exemplars are kept for mean and for max.
        device: where the statistics live.
    """

    def __init__(self, layer: LayerInfo, summaries: Sequence[Summary], top_k: int, device: torch.device) -> None:
        self.layer, self._device = layer, device
        self.rows = {summary: np.empty((CHUNK, layer.units), np.float32) for summary in summaries}
        self._top: dict[str, TopK] = {
            summary: TopK(layer.units, top_k, layer.map_size, device) for summary in ("mean", "max")
        }
        self._moments = Moments(layer.units, device)
        self._quantiles: Quantiles | None = None
        positions = math.prod(layer.map_size or (1, 1))
        self._room = min(CHUNK, _TOGETHER // positions)
        self._waiting: Tensor | None = None
        self._images = range(0)
        self._explain = False

    def calibrate(self, activations: Tensor) -> None:
        """Begin the quantiles with the activations of the first images."""
        try:
            self._quantiles = Quantiles.calibrated(activations, self._device)
        except NonFiniteError as error:
            raise not_finite(self.layer) from error

    def take(self, activations: Tensor, images: range, *, explain: bool) -> None:
        """Take in the activations of the images at these positions of their split; statistics from explain only.

        They may wait until :meth:`settle`.
        """
        if len(self._images) + len(images) > self._room or explain != self._explain:
            self.settle()
        if 2 * len(images) > self._room:
            self._process(activations, images, explain=explain)
            return
        if self._waiting is None:
            self._waiting = activations.new_empty(self._room, *activations.shape[1:], dtype=torch.float32)
        self._waiting[len(self._images) : len(self._images) + len(images)].copy_(activations)
        first = self._images.start if self._images else images.start
        self._images, self._explain = range(first, images.stop), explain

    def settle(self) -> None:
        """Process what waits."""
        if self._images:
            assert self._waiting is not None
            images, self._images = self._images, range(0)
            self._process(self._waiting[: len(images)], images, explain=self._explain)

    def _process(self, activations: Tensor, images: range, *, explain: bool) -> None:
        try:
            mean, highest = scan(activations, self._quantiles if explain else None, self._moments if explain else None)
        except NonFiniteError as error:
            raise not_finite(self.layer) from error
        values = {"mean": mean, "max": highest}
        if explain:
            indices = torch.arange(images.start, images.stop, device=self._device)
            maps = None if self.layer.map_size is None else activations
            for summary, top in self._top.items():
                top.update(values[summary], indices, maps)
        at = slice(images.start % CHUNK, images.start % CHUNK + len(images))
        for summary, rows in self.rows.items():
            kept = values.get(summary)
            rows[at] = (summarise(activations, summary) if kept is None else kept).cpu().numpy()

    def state(self) -> State:
        """Everything that the rest of a pass needs of this one."""
        self.settle()
        assert self._quantiles is not None
        parts = {"quantiles": self._quantiles.state_dict(), "moments": self._moments.state_dict()}
        parts |= {summary: top.state_dict() for summary, top in self._top.items()}
        return {f"{part}/{key}": array for part, state in parts.items() for key, array in state.items()}

    def restore(self, state: Mapping[str, npt.NDArray[Any]]) -> None:
        """Go on from :meth:`state`."""

        def part(name: str) -> State:
            return {key.removeprefix(f"{name}/"): a for key, a in state.items() if key.startswith(f"{name}/")}

        self._quantiles = Quantiles.from_state(part("quantiles"), self._device)
        self._moments = Moments.from_state(part("moments"), self._device)
        self._top = {summary: TopK.from_state(part(summary), self._device) for summary in self._top}

    def create(self, arrays: Arrays, counts: Mapping[str, int]) -> None:
        """Make room for the summaries of ``counts`` images per split."""
        for summary in self.rows:
            for split, count in counts.items():
                if count:
                    name, shape = f"summaries/{summary}/{split}", (count, self.layer.units)
                    arrays.create(name, shape, np.float32, rows=CHUNK, compress=False)

    def chunk(self, split: Split, count: int) -> dict[str, npt.NDArray[np.float32]]:
        """By array, a copy of the summaries of the chunk's ``count`` images of a split, after all that waits."""
        self.settle()
        return {f"summaries/{summary}/{split}": rows[:count].copy() for summary, rows in self.rows.items()}

    def write_statistics(self, arrays: Arrays) -> None:
        """Write exemplars, quantiles and moments."""
        self.settle()
        for summary, top in self._top.items():
            values, indices, maps = top.finish()
            arrays.put(f"exemplars/{summary}/values", values.cpu().numpy())
            arrays.put(f"exemplars/{summary}/index", indices.cpu().numpy())
            if maps is not None:
                name = f"exemplars/{summary}/maps"
                arrays.create(name, tuple(maps.shape), np.float32, rows=16)
                arrays.write(name, 0, maps.cpu().numpy())
        quantiles, moments = self._quantiles, self._moments
        assert quantiles is not None
        arrays.put("quantiles", torch.cat(quantiles.table(LEVELS)).cpu().numpy())
        parts = (moments.mean, moments.variance, moments.min, moments.max, moments.nonzero)
        count = torch.full((self.layer.units,), float(moments.count), dtype=torch.float64)
        rows = [*(part.double().cpu() for part in parts), count]
        arrays.put("moments", torch.stack(rows).numpy())


def not_finite(layer: LayerInfo) -> NonFiniteError:
    """The error for a layer whose activations are not all numbers."""
    return NonFiniteError(
        f"The layer {layer.name!r} gave NaN or infinite activations. Check the model's weights and its "
        "preprocessing; with half precision, try --precision float32."
    )
