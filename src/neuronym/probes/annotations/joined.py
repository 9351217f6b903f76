"""What several sources know of their own images, as one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.probes.annotations.annotator import Annotator
from neuronym.records import ImageMasks, ImageRecord, MaskConcept

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class JoinedAnnotator:
    """An :class:`~neuronym.probes.annotations.annotator.Annotator` that asks each source about its own images.

    Attributes:
        name: what the user gave: the sources that are annotated.
        concepts: of all sources, by number; alike ones of several sources are one.
        stamp: over those of the sources.
        notes: of all sources.
        parts: by the name of the source.
        numbers: the number here of each concept of each part, int64.
    """

    name: str
    concepts: tuple[MaskConcept, ...]
    stamp: str
    notes: tuple[str, ...]
    parts: Mapping[str, Annotator]
    numbers: Mapping[str, Ints]

    def masks(self, record: ImageRecord) -> ImageMasks | None:
        """As :meth:`Annotator.masks`; None for images of a source that knows nothing."""
        part = self.parts.get(record.source)
        found = None if part is None else part.masks(record)
        if found is None:
            return None
        numbers = self.numbers[record.source]
        concepts = numbers[found.concepts]
        order = np.argsort(concepts)
        masks: npt.NDArray[Any] = found.masks if (order[1:] > order[:-1]).all() else found.masks[order]
        return replace(found, concepts=concepts[order], masks=masks, whole=np.sort(numbers[found.whole]))


def join(parts: Mapping[str, Annotator]) -> JoinedAnnotator:
    """The annotators of several sources, at least one, by the sources' names, as one."""
    concepts = tuple(dict.fromkeys(concept for part in parts.values() for concept in part.concepts))
    place = {concept: number for number, concept in enumerate(concepts)}
    numbers = {name: np.array([place[one] for one in part.concepts], np.int64) for name, part in parts.items()}
    told = repr([(name, part.stamp, tuple(part.concepts)) for name, part in parts.items()])
    stamp = hashlib.blake2b(told.encode(), digest_size=16).hexdigest()
    every = tuple(note for part in parts.values() for note in part.notes)
    return JoinedAnnotator(", ".join(parts), concepts, stamp, every, parts, numbers)
