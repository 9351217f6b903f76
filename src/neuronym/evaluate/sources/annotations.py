"""The annotated masks of the images as a concept source."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError
from neuronym.evaluate.sources.labels import columns_of, plain
from neuronym.records import ConceptMasks, MaskConcept, Split
from neuronym.store.annotation_store import StoredAnnotations
from neuronym.store.mask_tables import Window

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AnnotationSource:
    """A text is in an image by the share of the image's cells that the concept of this name covers.

    Names are compared as :class:`~neuronym.evaluate.sources.labels.LabelSource` compares them. Where concepts of
    several categories share a name, the larger share counts, and the mask is their union. Cells that show padding do
    not count, and neither do images that are not annotated: see :meth:`known_images`.

    Attributes:
        catalogue: what is annotated, by number.
        shares: by split, how much of each image's cells each concept covers, float32 [images, concepts], 0 to 1.
        annotated: by split, whether each image is annotated, [images].
        windows: by split, the masks.
    """

    catalogue: tuple[MaskConcept, ...]
    shares: Mapping[Split, npt.NDArray[np.float32]]
    annotated: Mapping[Split, npt.NDArray[np.bool_]]
    windows: Mapping[Split, Window[ConceptMasks]]
    name = "annotations"
    complete = False

    @classmethod
    def of(cls, stored: StoredAnnotations, explain: int) -> AnnotationSource:
        """The source of what is annotated in the images of a study.

        Args:
            stored: the annotations.
            explain: how many explain images there are; those after them are test images.

        Raises:
            MethodError: no image of one of the splits is annotated.
        """
        parts: dict[Split, slice] = {"explain": slice(explain), "test": slice(explain, None)}
        annotated = {split: stored.annotated[part] for split, part in parts.items()}
        for split, flags in annotated.items():
            if not flags.any():
                raise MethodError(
                    f"None of the {len(flags):,} {split} images is annotated, so that annotations cannot judge. Give "
                    "masks of some of them too, or another --source."
                )
        shares = {split: stored.shares[part] for split, part in parts.items()}
        windows = {split: Window(len(annotated[split]), part.start or 0, stored.rows) for split, part in parts.items()}
        return cls(stored.about.concepts, shares, annotated, windows)

    @property
    def vocabulary(self) -> Sequence[str]:
        """The names of all concepts, each once."""
        return tuple(self._named)

    def known_images(self, split: Split) -> npt.NDArray[np.bool_]:
        """Whether each image of a split is annotated, [images]."""
        return self.annotated[split]

    def concepts(self, texts: Sequence[str], split: Split) -> list[npt.NDArray[np.float32] | None]:
        """For each text float32 [images], or None if no concept has this name; 0 in images that are not annotated."""
        found = map(self._numbers, texts)
        return [self.shares[split][:, numbers].max(1) if len(numbers) else None for numbers in found]

    def text_masks(self, texts: Sequence[str], split: Split, images: Ints) -> ConceptMasks:
        """Where texts are in some images; see :class:`~neuronym.evaluate.abilities.MaskSource`."""
        asked = [self._numbers(text) for text in texts]
        return renumbered(self.windows[split].rows(images), asked, len(self.catalogue))

    @cached_property
    def _named(self) -> Mapping[str, Sequence[int]]:
        """The concepts of each name, as it is first written."""
        found: dict[str, list[int]] = {}
        written: dict[str, str] = {}
        for number, concept in enumerate(self.catalogue):
            found.setdefault(written.setdefault(plain(concept.name), concept.name), []).append(number)
        return found

    @cached_property
    def _by_text(self) -> Mapping[str, Ints]:
        """The concepts that a plain name or synonym stands for."""
        numbers = [np.array(some, np.int64) for some in self._named.values()]
        return {text: numbers[column] for text, column in columns_of(tuple(self._named)).items()}

    def _numbers(self, text: str) -> Ints:
        return self._by_text.get(plain(text), _NONE)


_NONE = np.zeros(0, np.int64)


def renumbered(masks: ConceptMasks, asked: Iterable[Ints], concepts: int) -> ConceptMasks:
    """The masks of other concepts, each of which is the union of some of those that there are.

    Args:
        masks: of the concepts that there are.
        asked: for each new concept those that it is made of; one may be a part of several.
        concepts: how many there are.
    """
    parts = list(asked)
    new = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    old = np.concatenate([*parts, _NONE])
    order = np.argsort(old, kind="stable")
    first = np.searchsorted(old[order], np.arange(concepts + 1))
    times = np.diff(first)[masks.concepts]
    entries = np.repeat(np.arange(len(masks.concepts)), times)
    nth = np.arange(len(entries)) - np.repeat(np.cumsum(times) - times, times)
    images = np.repeat(np.arange(len(masks)), np.diff(masks.starts))
    keys = images[entries] * len(parts) + new[order][first[masks.concepts[entries]] + nth]
    return _united(keys, masks.words[entries], len(parts), masks)


def _united(keys: Ints, words: npt.NDArray[np.uint64], concepts: int, masks: ConceptMasks) -> ConceptMasks:
    """Masks by image and concept (image * concepts + concept); those of equal keys are joined."""
    order = np.argsort(keys, kind="stable")
    starts = np.flatnonzero(np.diff(keys[order], prepend=-1))
    kept = keys[order][starts]
    joined = np.bitwise_or.reduceat(words[order], starts, axis=0) if len(starts) else words[:0]
    ends = np.searchsorted(kept, np.arange(len(masks) + 1) * concepts)
    return ConceptMasks(ends, kept % max(1, concepts), joined, masks.valid)
