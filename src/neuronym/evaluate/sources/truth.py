"""What the images' own sources know of them: the truth of any text that they understand."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError
from neuronym.probes.sources import Knowledge, Source
from neuronym.records import ImageRecord, Split


class TruthSource:
    """Asks the sources of the images; a text that they do not understand is worth 0 (see ``complete``).

    Args:
        images: by split, in study order.
        source: the source of images by its name; None for files, which know nothing.

    Attributes:
        by_source: by split, the positions of each source's images, rising, and what it knows of them.

    Raises:
        MethodError: a source knows nothing of its images.
    """

    name = "truth"
    complete = True

    def __init__(self, images: Mapping[Split, Sequence[ImageRecord]], source: Callable[[str], Source | None]) -> None:
        self._counts = {split: len(records) for split, records in images.items()}
        self.by_source = {split: _by_source(records, source) for split, records in images.items()}

    def count(self, split: Split) -> int:
        """How many images a split has."""
        return self._counts[split]

    @property
    def vocabulary(self) -> Sequence[str]:
        """The concepts that the sources list."""
        lists = (knowledge.vocabulary for known in self.by_source.values() for _, knowledge in known)
        return tuple(dict.fromkeys(text for some in lists for text in some))

    def concepts(self, texts: Sequence[str], split: Split) -> list[npt.NDArray[np.float32] | None]:
        """For each text float32 [images], or None if one of the sources does not understand it."""
        return [self._concept(text, split) for text in texts]

    def _concept(self, text: str, split: Split) -> npt.NDArray[np.float32] | None:
        values = np.zeros(self._counts[split], np.float32)
        for positions, knowledge in self.by_source[split]:
            found = knowledge.presence(text)
            if found is None:
                return None
            values[positions] = found
        return values


def knows(source: Source | None) -> bool:
    """Whether a source knows the truth about its images."""
    return callable(getattr(source, "knowledge", None))


def _by_source(
    records: Sequence[ImageRecord], source: Callable[[str], Source | None]
) -> list[tuple[npt.NDArray[np.int64], Knowledge]]:
    """The positions of each source's images, and what it knows of them."""
    names = np.array([record.source for record in records], dtype=object)
    found = []
    for name in dict.fromkeys(record.source for record in records):
        one = source(name)
        if not knows(one):
            raise MethodError(
                f"The images of {name!r} do not know what they show. Use --source labels or --source encoder:NAME."
            )
        positions = np.flatnonzero(names == name)
        found.append((positions, one.knowledge([records[int(at)].member for at in positions])))  # type: ignore[union-attr]
    return found
