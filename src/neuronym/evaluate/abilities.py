"""What a concept source may tell beyond how much of a text is in an image: which images it knows, where things are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from neuronym.records import ConceptMasks, ConceptSource, Split

Ints = npt.NDArray[np.int64]


@runtime_checkable
class KnowsSome(Protocol):
    """A concept source that knows nothing of some images; nothing is judged on those."""

    def known_images(self, split: Split) -> npt.NDArray[np.bool_]:
        """Whether each image of a split is one that it knows, [images]."""


@runtime_checkable
class MaskSource(Protocol):
    """Knows where in the images the things are that texts speak of."""

    def text_masks(self, texts: Sequence[str], split: Split, images: Ints) -> ConceptMasks:
        """Where texts are in some images, on the study's grid of annotations.

        Args:
            texts: the concept numbers in what is returned are positions among these; a text that is in an image
                nowhere, or that means nothing, has no entry there.
            split: of the images.
            images: their positions in the split.
        """


def counted(source: ConceptSource, split: Split) -> Ints | slice:
    """The images of a split that a source knows, as an index of any table about them."""
    return np.flatnonzero(source.known_images(split)) if isinstance(source, KnowsSome) else slice(None)
