"""Boxes on feature maps: which cells of an output can change, and copying boxes out of maps and into them.

The algebra follows Nakandala, Kumar and Papakonstantinou, "Incremental and approximate inference for faster
occlusion-based deep CNN explanations" (SIGMOD 2019), section 3.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from jaxtyping import Float
from torch import Tensor

Starts: TypeAlias = npt.NDArray[np.int64]
"""Int64 [n, 2]: row and column of the first cell of each of n boxes."""


@dataclass(frozen=True)
class Axis:
    """How an operation reads an axis: output cell o has the input cells ``o * stride - before + j * dilation``.

    Attributes:
        length: cells of the input.
        out: cells of the output.
        kernel: how many cells one output cell reads; j is below.
        stride: between the first cells of neighbours.
        before: cells of padding before the input; negative where cells are left out.
        dilation: between the cells that one output cell reads.
    """

    length: int
    out: int
    kernel: int = 1
    stride: int = 1
    before: int = 0
    dilation: int = 1

    @property
    def _reach(self) -> int:
        return (self.kernel - 1) * self.dilation

    @property
    def after(self) -> int:
        """Cells of padding behind the input, so that the last output cell can be read; negative if some are not."""
        return (self.out - 1) * self.stride + self._reach + 1 - self.length - self.before

    def reads(self, size: int) -> int:
        """The cells of the padded input from the first to the last that ``size`` neighbours of the output read."""
        return (size - 1) * self.stride + self._reach + 1

    def touched(self, starts: npt.NDArray[np.int64], size: int) -> tuple[npt.NDArray[np.int64], int]:
        """The boxes of the output that n boxes of the input can change: their first cells, int64 [n], and one size.

        The size is that of the largest; smaller ones, as at the ends of the axis, are larger here than need be.
        """
        first = -((self._reach - self.before - starts) // self.stride)
        last = (starts + size - 1 + self.before) // self.stride
        first, last = np.maximum(first, 0), np.minimum(last, self.out - 1)
        widest = max(1, int((last - first).max()) + 1)
        return np.clip(first, 0, self.out - widest), widest


def common(boxes: list[tuple[Starts, tuple[int, int]]], shape: tuple[int, int]) -> tuple[Starts, tuple[int, int]]:
    """Boxes that hold those of several lists, box by box; all are of one size, on maps of (height, width)."""
    if all(starts is boxes[0][0] and size == boxes[0][1] for starts, size in boxes):
        return boxes[0]
    lower = np.minimum.reduce([starts for starts, _ in boxes])
    upper = np.maximum.reduce([starts + np.array(size) for starts, size in boxes])
    height, width = (int(extent) for extent in (upper - lower).max(0))
    return np.minimum(lower, np.array(shape) - (height, width)), (height, width)


def gather(
    base: Float[Tensor, "1 channels height width"], starts: Starts, size: tuple[int, int]
) -> Float[Tensor, "n channels rows columns"]:
    """A copy of n boxes of one map, in the map's memory layout."""
    (_, channels, height, width), (_, across, down, right) = base.shape, base.stride()
    free = (height - size[0] + 1, width - size[1] + 1)
    rows, columns = torch.from_numpy(starts).to(base.device).unbind(1)
    if across == 1 and channels > 1:
        boxes = base.as_strided((*free, *size, channels), (down, right, down, right, across))[rows, columns]
        return boxes.permute(0, 3, 1, 2)
    return base.as_strided((*free, channels, *size), (down, right, across, down, right))[rows, columns]


def paste(
    maps: Float[Tensor, "n channels height width"], patch: Float[Tensor, "n channels rows columns"], starts: Starts
) -> None:
    """Write a box into each of n maps, which are changed."""
    (count, channels, height, width), (each, across, down, right), size = maps.shape, maps.stride(), patch.shape[2:]
    row, column = (int(start) for start in starts[0])
    if (starts == starts[0]).all():  # so it is but at the borders, and it takes a third of the time
        maps[:, :, row : row + size[0], column : column + size[1]] = patch
        return
    free = (height - size[0] + 1, width - size[1] + 1)
    boxes = maps.as_strided((count, *free, *size, channels), (each, down, right, down, right, across))
    rows, columns = torch.from_numpy(starts).to(maps.device).unbind(1)
    # The view's cells lie on top of each other, but each is written once: one box of every map.
    boxes[torch.arange(count, device=maps.device), rows, columns] = patch.permute(0, 2, 3, 1)
