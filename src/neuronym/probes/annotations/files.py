"""Annotations that lie in files of their own, a few label images for each image."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from neuronym.errors import ProbeError
from neuronym.probes.annotations.legend import Legend
from neuronym.probes.annotations.planes import Labelled, Values, image_masks
from neuronym.records import ImageMasks, ImageRecord, MaskConcept

_VERSION = "1"
"""Goes into every stamp; another one makes studies read annotations anew."""


@dataclass(frozen=True, slots=True)
class Plane:
    """A label image: its path below the annotations' folder, what its values mean, and how they are read."""

    file: str
    legend: Legend
    read: Callable[[Path], Values]


@dataclass(frozen=True, slots=True)
class Entry:
    """What is said of one image: label images that lie over each other, and concepts true of all of it."""

    planes: tuple[Plane, ...] = ()
    whole: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class FileAnnotator:
    """An :class:`~neuronym.probes.annotations.annotator.Annotator` of files.

    Attributes:
        name: what the user gave.
        concepts: by number.
        notes: sentences for the user.
        root: the folder that label images are named below.
        by: the attribute of a record that finds its entry.
        entries: what is said of each annotated image.
    """

    name: str
    concepts: tuple[MaskConcept, ...]
    notes: tuple[str, ...]
    root: Path
    by: Literal["member", "id"]
    entries: Mapping[str, Entry]

    @cached_property
    def stamp(self) -> str:
        """Over the concepts, what values mean, and the names, sizes and times of change of the label images.

        Raises:
            ProbeError: a label image is missing.
        """
        hasher = hashlib.blake2b(digest_size=16)
        for line in self._lines():
            hasher.update(f"{line}\n".encode())
        return hasher.hexdigest()

    def masks(self, record: ImageRecord) -> ImageMasks | None:
        """As :meth:`Annotator.masks`."""
        entry = self.entries.get(record.member if self.by == "member" else record.id)
        if entry is None:
            return None
        planes = []
        for plane in entry.planes:
            path = self.root / plane.file
            planes.append(Labelled(plane.read(path), plane.legend, f"label image {str(path)!r}"))
        return image_masks(planes, entry.whole, record)

    def _lines(self) -> Iterator[str]:
        yield from (_VERSION, repr(self.concepts))
        root = str(self.root)
        legends: dict[int, int] = {}  # most images share theirs; each is told once
        for key, entry in sorted(self.entries.items()):
            yield repr((key, entry.whole))
            for plane in entry.planes:
                if id(plane.legend) not in legends:
                    legends[id(plane.legend)] = len(legends)
                    yield repr(sorted(plane.legend.numbers.items()))
                yield repr((legends[id(plane.legend)], plane.file, *_state(os.path.join(root, plane.file))))  # noqa: PTH118


def _state(path: str) -> tuple[int, int]:
    try:
        status = os.stat(path)  # noqa: PTH116 - there may be a hundred thousand of them, and paths are slow to make
    except (OSError, ValueError) as error:  # the latter of a name that no file can have
        why = getattr(error, "strerror", None) or error
        raise ProbeError(
            f"The label image {path!r} cannot be read: {why}. Put it back, or remove what names it."
        ) from error
    return status.st_size, status.st_mtime_ns
