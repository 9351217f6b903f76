"""The masks of one layer's units and of annotated concepts, as a view shows them and as they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError
from neuronym.records import Annotated, ConceptMasks, Grid

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

AT_A_TIME = 32
"""Images whose masks are read together, unless one asks for others."""

Rows_co = TypeVar("Rows_co", covariant=True)


class UnitMasks(Protocol):
    """Where each unit of a layer is active in each image, packed; see :mod:`neuronym.records.masks`."""

    @property
    def grid(self) -> Grid:
        """The cells of a mask."""

    def rows(self, positions: Ints, units: Ints | None = None) -> Words:
        """Uint64 [images, units, words] of the images at some positions among all images of the study.

        Args:
            positions: in any order, also several times.
            units: of some units; of all of them if not given.
        """


class Annotations(Protocol):
    """Which concepts are where in each image."""

    @property
    def about(self) -> Annotated:
        """The concepts, and the cells of a mask."""

    def rows(self, positions: Ints) -> ConceptMasks:
        """The masks of the images at some positions among all images of the study."""


@dataclass(frozen=True)
class Window(Generic[Rows_co]):
    """Masks of the images of one split.

    Attributes:
        count: how many images the split has.
        start: the position of the first among all images of the study.
        read: gives the masks of images by their positions there.
    """

    count: int
    start: int
    read: Callable[[Ints], Rows_co]

    def __len__(self) -> int:
        """How many images."""
        return self.count

    def rows(self, images: Ints) -> Rows_co:
        """The masks of the images at some positions of the split.

        Raises:
            IndexError: the split has no such image.
        """
        asked = np.asarray(images, np.int64).reshape(-1)
        if len(asked) and not 0 <= int(asked.min()) <= int(asked.max()) < self.count:
            raise IndexError(f"images {asked.min()} to {asked.max()} of the {self.count} of the split")
        return self.read(self.start + asked)

    def blocks(self, images: int = AT_A_TIME) -> Iterator[Ints]:
        """The positions of all images in turn, so many at a time, as :meth:`rows` takes them."""
        return (np.arange(first, min(first + images, self.count)) for first in range(0, self.count, images))


def not_annotated() -> MethodError:
    """The error where masks of concepts are asked for, and there are none."""
    return MethodError(
        "Nothing is annotated in the images of the study. Give masks with --annotations, or images that bring theirs; "
        "see docs/images.md."
    )
