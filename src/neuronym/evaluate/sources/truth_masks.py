"""Where things are in images whose sources know it: the masks of any text that they understand."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from neuronym.activations.annotating import joined
from neuronym.activations.mask_grid import on_grid
from neuronym.evaluate.sources.truth import TruthSource
from neuronym.records import ConceptMasks, Geometry, Grid, ImageMasks, Split

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@runtime_checkable
class KnowsMasks(Protocol):
    """What a :class:`~neuronym.probes.sources.Knowledge` may also know."""

    def masks(self, text: str, rows: Ints) -> Bools | None:
        """Where in some of its images a text is, bool [rows, height, width]; None where it does not understand it.

        It is nowhere in images that it is not true of.
        """


class TruthMasks:
    """A :class:`~neuronym.evaluate.abilities.MaskSource` that asks the sources of the images.

    Args:
        truth: knows them.
        geometry: how the image at a position of a split became the network's input.
        grid: the cells of a mask.
    """

    def __init__(self, truth: TruthSource, geometry: Callable[[int, Split], Geometry], grid: Grid) -> None:
        self._truth, self._geometry, self._grid = truth, geometry, grid
        self._shown: dict[tuple[Split, str], Bools] = {}

    @staticmethod
    def can(truth: TruthSource) -> bool:
        """Whether all sources of the images know masks."""
        known = (knowledge for parts in truth.by_source.values() for _, knowledge in parts)
        return all(isinstance(knowledge, KnowsMasks) for knowledge in known)

    def text_masks(self, texts: Sequence[str], split: Split, images: Ints) -> ConceptMasks:
        """Where texts are in some images, which differ; see :class:`~neuronym.evaluate.abilities.MaskSource`."""
        found: list[list[tuple[int, Bools]]] = [[] for _ in images]
        for places, knowledge, rows in self._asked(split, images):
            for number, text in enumerate(texts):
                here = self._images_of(text, split)[images[places]].any()
                masks = knowledge.masks(text, rows) if here else None
                for at in () if masks is None else np.flatnonzero(masks.any((1, 2))):
                    found[places[at]].append((number, masks[at]))  # type: ignore[index]
        return joined(
            [
                on_grid(_image_masks(entries), self._geometry(int(image), split), self._grid)
                for image, entries in zip(images, found, strict=True)
            ]
        )

    def _images_of(self, text: str, split: Split) -> Bools:
        """The images that a text is true of, [images]: of most texts few, and to ask for masks takes time."""
        if (split, text) not in self._shown:
            [found] = self._truth.concepts([text], split)
            nowhere = np.zeros(self._truth.count(split), np.bool_)
            self._shown[split, text] = nowhere if found is None else found > 0
        return self._shown[split, text]

    def _asked(self, split: Split, images: Ints) -> Iterator[tuple[Ints, KnowsMasks, Ints]]:
        """For each source its places among the images, what it knows, and which of its own images these are."""
        for positions, knowledge in self._truth.by_source[split]:
            places = np.flatnonzero(np.isin(images, positions))
            if len(places) and isinstance(knowledge, KnowsMasks):
                yield places, knowledge, np.searchsorted(positions, images[places])


def _image_masks(entries: Sequence[tuple[int, Bools]]) -> ImageMasks:
    """What is in one image; of nothing one cell that covers all of it, so that what counts is known."""
    masks = np.stack([mask for _, mask in entries]) if entries else np.zeros((0, 1, 1), np.bool_)
    return ImageMasks(np.array([number for number, _ in entries], np.int64), masks, np.zeros(0, np.int64))
