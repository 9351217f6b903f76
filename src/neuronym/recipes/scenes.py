"""Batches of the world's scenes for training and for tests."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import SEEDS

MEAN, STD = (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)
"""How the bundled networks scale pixels of 0..1."""


def pixels_of(images: npt.NDArray[np.uint8]) -> Tensor:
    """The input of a bundled network, float32 [n, 3, 64, 64], for uint8 [n, 64, 64, 3]."""
    scaled = torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255)
    return scaled.sub_(MEAN[0]).div_(STD[0])


def fresh(split: str, size: int, *, start: int = 0) -> Iterator[Scenes]:
    """Batches of scenes of a split in order, without end and without repetition."""
    while True:
        yield draw_scenes(SEEDS[split], np.arange(start, start + size))
        start += size


def classified(split: str, size: int, *, start: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
    """Pixels and classes of such batches."""
    for scenes in fresh(split, size, start=start):
        images, _ = render(scenes)
        yield pixels_of(images), torch.from_numpy(scenes.classes.astype(np.int64))
