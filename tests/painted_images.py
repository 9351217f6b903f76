"""Small images of which it is known what is where: a source of images and its annotations in one."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from neuronym.probes.probe_set import ProbeSet, index
from neuronym.probes.sources import Member
from neuronym.records import ImageMasks, ImageRecord, MaskConcept
from neuronym.study import Study
from neuronym.targets.preprocessing import Preprocessing
from small_study import small_target

CONCEPTS = (
    MaskConcept("red", "colour"),
    MaskConcept("left", "part"),
    MaskConcept("dot", "object"),
    MaskConcept("street", "scene"),
    MaskConcept("nowhere", "object"),
)
RED = (230, 20, 20)
CENTRED = Preprocessing("shorter", 16, (16, 16), "bilinear", "unit", (0.0,) * 3, (1.0,) * 3)
"""Of an image that is wider than high the network sees the middle."""


class Painted:
    """Noise with a red patch, and masks of what is where at a resolution of their own.

    Args:
        count: how many images.
        size: (height, width) of an image.
        scale: label pixels to a pixel of the image.
        seed: of the images and their masks.
        annotated: which of them are, by number.
        stamp: of the annotations.
        pause: seconds that the masks of an image take.
    """

    name = "painted"

    def __init__(
        self,
        count: int = 30,
        size: tuple[int, int] = (12, 16),
        scale: int = 1,
        seed: int = 0,
        annotated: Callable[[int], bool] = lambda number: number % 5 != 4,
        stamp: str = "1",
        pause: float = 0.0,
    ) -> None:
        self.count, self.size, self.scale, self.seed, self.annotated = count, size, scale, seed, annotated
        self.stamp, self.pause = stamp, pause
        self.concepts: Sequence[MaskConcept] = CONCEPTS
        self.notes: Sequence[str] = ()

    def members(self) -> list[Member]:
        return [Member(f"{number:04d}", None) for number in range(self.count)]

    def patch(self, number: int) -> npt.NDArray[np.bool_]:
        """Where an image is red, bool [height, width]."""
        generator = np.random.default_rng([self.seed, number])
        (top, left), (height, width) = (generator.integers(0, np.array(self.size) - 3) for _ in range(2))
        red = np.zeros(self.size, np.bool_)
        red[top : top + 3 + height, left : left + 3 + width] = True
        return red

    def read(self, member: str) -> npt.NDArray[np.uint8]:
        generator = np.random.default_rng([self.seed, int(member), 1])
        image = generator.integers(0, 90, (*self.size, 3)).astype(np.uint8)
        image[self.patch(int(member))] = RED
        return image

    def annotations(self) -> Painted:
        return self

    def masks(self, record: ImageRecord) -> ImageMasks | None:
        time.sleep(self.pause)
        number = int(record.member)
        if not self.annotated(number):
            return None
        side = np.ones((self.scale, self.scale), np.bool_)
        left, dot = np.zeros((2, *self.size), np.bool_)
        left[:, : number % 5 + 1] = True
        dot[number % self.size[0], number % self.size[1]] = True
        masks = {0: self.patch(number), 1: left} | ({2: dot} if number % 2 else {})
        return ImageMasks(
            np.array(list(masks)),
            np.stack([np.kron(mask, side) for mask in masks.values()]).astype(np.bool_),
            np.array([3] if number % 3 == 0 else [], np.int64),
        )


def painted_probe(painted: Painted) -> ProbeSet:
    """Its images as a probe set."""
    return index([painted])


def painted_study(folder: Path, painted: Painted, preprocessing: Preprocessing = CENTRED) -> Study:
    """A study of such images that was not probed yet."""
    target = small_target()
    object.__setattr__(target, "preprocessing", preprocessing)
    return Study.create(folder, model=target, layers=["relu"], images=painted)
