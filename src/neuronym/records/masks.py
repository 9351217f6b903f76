"""Where things are in images, pixel by pixel: concepts that people annotated, and units that fire.

Masks are compared on one grid of (height, width) cells that covers the network's input evenly. Packed, a mask is a row
of little-endian uint64 words: bit b of word w is cell 64 w + b of the grid, row by row; bits beyond the grid are 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from neuronym.records.values import Json, digest

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Words: TypeAlias = "npt.NDArray[np.uint64]"

Grid: TypeAlias = tuple[int, int]
"""Rows and columns of the cells on which masks are compared."""

CATEGORIES = ("scene", "object", "part", "material", "texture", "colour")
"""The categories of Network Dissection's annotations, in the order in which they are shown; others may follow them."""

WORD_BITS = 64


@dataclass(frozen=True, slots=True, order=True)
class MaskConcept:
    """Something that is annotated in images; concepts of one name in two categories are two."""

    name: str
    category: str


@dataclass(frozen=True, slots=True)
class MaskRule:
    """Where a unit counts as active: strictly above a quantile of its own activations, or above a value.

    Attributes:
        quantile: over all positions of all explain images, one of the study's stored levels; None where ``value`` is
            given.
        value: in the units of the activation, one for all units or one for each of them.
    """

    quantile: float | None = 0.995
    value: float | tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        if (self.quantile is None) == (self.value is None):
            raise ValueError(f"a rule with the quantile {self.quantile} and the value {self.value}: give one of them")

    @property
    def name(self) -> str:
        """Short, and different for different rules."""
        if self.quantile is not None:
            return f"quantile-{self.quantile:g}"
        if isinstance(self.value, tuple):
            return f"above-{digest(self.value)}"
        return f"above-{float(self.value or 0)!r}"

    def spec(self) -> dict[str, Json]:
        """Its parts as plain JSON values, as manifests have them; :meth:`from_spec` reads them."""
        value = list(self.value) if isinstance(self.value, tuple) else self.value
        return {"quantile": self.quantile, "value": value}

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> MaskRule:
        """The rule that :meth:`spec` wrote."""
        value = spec["value"]
        return cls(spec["quantile"], tuple(map(float, value)) if isinstance(value, list | tuple) else value)


@dataclass(frozen=True, eq=False)
class ImageMasks:
    """What is annotated in one image, at the annotation's own resolution; it covers the whole image.

    Attributes:
        concepts: numbers of the concepts that are there, each once, int64 [entries].
        masks: where, bool [entries, height, width]; masks may overlap.
        whole: numbers of the concepts that are true of the image as a whole, such as its scene, int64 [wholes].
    """

    concepts: npt.NDArray[np.int64]
    masks: npt.NDArray[np.bool_]
    whole: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class ConceptMasks:
    """Packed concept masks of some images; a concept that is not in an image takes no room.

    Attributes:
        starts: the entries of image i are ``starts[i] .. starts[i + 1]``, int64 [images + 1].
        concepts: the concept of each entry, int64 [entries]; rising within an image.
        words: its mask, uint64 [entries, words].
        valid: the cells of each image that count, uint64 [images, words]: those that show the image and not padding;
            none where the image is not annotated.
    """

    starts: npt.NDArray[np.int64]
    concepts: npt.NDArray[np.int64]
    words: Words
    valid: Words

    def __len__(self) -> int:
        """How many images."""
        return len(self.valid)

    def of(self, image: int) -> tuple[npt.NDArray[np.int64], Words]:
        """The concepts of one of the images and their masks."""
        part = slice(int(self.starts[image]), int(self.starts[image + 1]))
        return self.concepts[part], self.words[part]


@dataclass(frozen=True, slots=True)
class Annotated:
    """What is annotated in the images of a study.

    Attributes:
        concepts: by number.
        grid: the cells that masks are compared on.
        key: equal for equal concepts and masks on equal images.
        source: what the user gave.
        images: how many images are annotated.
    """

    concepts: tuple[MaskConcept, ...]
    grid: Grid
    key: str
    source: str
    images: int


def word_count(grid: Grid) -> int:
    """How many words a packed mask takes."""
    return -(-grid[0] * grid[1] // WORD_BITS)


def packed(masks: npt.NDArray[np.bool_]) -> Words:
    """Uint64 [..., words] of masks bool [..., height, width]."""
    import numpy as np  # records are imported by all, also by what never needs it

    *outer, height, width = masks.shape
    count = word_count((height, width))
    bits = np.zeros((*outer, count * WORD_BITS), np.bool_)
    bits[..., : height * width] = masks.reshape(*outer, height * width)
    return np.packbits(bits, axis=-1, bitorder="little").view("<u8")


def unpacked(words: Words, grid: Grid) -> npt.NDArray[np.bool_]:
    """The inverse of :func:`packed`: bool [..., height, width] of uint64 [..., words].

    Raises:
        ValueError: another number of words than the grid takes.
    """
    import numpy as np

    if words.shape[-1] != word_count(grid):
        raise ValueError(f"{words.shape[-1]} words for a grid of {grid[0]}x{grid[1]}")
    raw = np.ascontiguousarray(words, "<u8").view(np.uint8)
    bits = np.unpackbits(raw, axis=-1, count=grid[0] * grid[1], bitorder="little")
    return bits.reshape(*words.shape[:-1], *grid).view(np.bool_)
