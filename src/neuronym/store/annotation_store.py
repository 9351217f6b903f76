"""The annotated masks of a study, as views of its layers read them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, cast

import numpy as np
import numpy.typing as npt

from neuronym.records import Annotated, ConceptMasks, Grid, Json, word_count
from neuronym.store.annotation_blocks import IMAGES, AnnotationBlocks

if TYPE_CHECKING:
    Ints = npt.NDArray[np.int64]

BUDGET = 128 * 2**20
"""Bytes of masks that are kept in memory."""


class StoredAnnotations:
    """What is annotated in the images of a study: the :class:`~neuronym.store.mask_tables.Annotations` of its views.

    It may be used from several threads at once. Nothing is read before it is asked for.

    Args:
        folder: where the masks are.
        images: how many images the study has.
        made: what the manifest says of the annotations.
        budget: bytes of masks that are kept in memory; what was asked for last is kept in any case.
    """

    def __init__(self, folder: Path, images: int, made: Mapping[str, Json], budget: int = BUDGET) -> None:
        self.made, self._images = made, images
        self._blocks = AnnotationBlocks(folder, images, grid_in(made))
        self._kept: OrderedDict[int, ConceptMasks] = OrderedDict()
        self._budget, self._lock = budget, Lock()

    @cached_property
    def about(self) -> Annotated:
        """What is annotated.

        Raises:
            StudyError: the table of the concepts is missing or damaged.
        """
        made = self.made
        return Annotated(
            self._blocks.concepts(), self._blocks.grid, str(made["key"]), str(made["source"]), int(str(made["images"]))
        )

    @property
    def notes(self) -> tuple[str, ...]:
        """What was odd about the annotations when they were read."""
        return tuple(str(note) for note in cast("Sequence[str]", self.made["notes"]))

    @property
    def is_whole(self) -> bool:
        """Whether all files are there."""
        return self._blocks.is_finished

    def rows(self, positions: Ints) -> ConceptMasks:
        """The masks of the images at some positions among all images of the study, in any order, also several times.

        Raises:
            IndexError: there is no such image.
            StudyError: the masks are missing or damaged.
        """
        asked = self._checked(positions)
        sources = {int(block): self._block(int(block)) for block in np.unique(asked // IMAGES)}
        counts, words = np.zeros(len(asked), np.int64), word_count(self._blocks.grid)
        valid = np.empty((len(asked), words), np.uint64)
        for block, masks in sources.items():
            places = np.flatnonzero(asked // IMAGES == block)
            images = asked[places] - block * IMAGES
            counts[places], valid[places] = np.diff(masks.starts)[images], masks.valid[images]
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        found = ConceptMasks(starts, np.empty(starts[-1], np.int64), np.empty((starts[-1], words), np.uint64), valid)
        for block, masks in sources.items():
            places = np.flatnonzero(asked // IMAGES == block)
            target = _ranges(starts[places], counts[places])
            source = _ranges(masks.starts[asked[places] - block * IMAGES], counts[places])
            found.concepts[target], found.words[target] = masks.concepts[source], masks.words[source]
        return found

    @cached_property
    def shares(self) -> npt.NDArray[np.float32]:
        """The share of each image's cells that count that each concept covers, float32 [images, concepts], read-only.

        It is 0 where no cell of an image counts, as of one that is not annotated.

        Raises:
            StudyError: it is missing or damaged.
        """
        shares = self._blocks.shares()
        shares.flags.writeable = False
        return shares

    @cached_property
    def annotated(self) -> npt.NDArray[np.bool_]:
        """Which images are annotated, bool [images], read-only.

        Raises:
            StudyError: it is missing or damaged.
        """
        annotated = self._blocks.annotated()
        annotated.flags.writeable = False
        return annotated

    def areas(self, positions: Ints) -> npt.NDArray[np.float32]:
        """The rows of :attr:`shares` of the images at some positions, float32 [positions, concepts]."""
        return self.shares[self._checked(positions)]

    def _checked(self, positions: Ints) -> Ints:
        asked = np.asarray(positions, np.int64).reshape(-1)
        if len(asked) and not 0 <= int(asked.min()) <= int(asked.max()) < self._images:
            raise IndexError(f"images {asked.min()} to {asked.max()} of {self._images}")
        return asked

    def _block(self, block: int) -> ConceptMasks:
        with self._lock:
            if block in self._kept:
                self._kept.move_to_end(block)
                return self._kept[block]
        masks = self._blocks.read(block)  # outside of the lock: two threads may read it, and none waits for a disk
        with self._lock:
            self._kept[block] = masks
            while len(self._kept) > 1 and sum(map(_size, self._kept.values())) > self._budget:
                self._kept.popitem(last=False)
        return masks


def grid_in(made: Mapping[str, Json]) -> Grid:
    """The grid that the manifest says annotations have."""
    rows, columns = cast("Sequence[int]", made["grid"])
    return rows, columns


def _size(masks: ConceptMasks) -> int:
    return masks.words.nbytes + masks.valid.nbytes + masks.concepts.nbytes


def _ranges(starts: Ints, counts: Ints) -> Ints:
    """``starts[i], starts[i] + 1, ...``, ``counts[i]`` numbers each, one after another."""
    before = np.cumsum(counts) - counts
    return np.repeat(starts - before, counts) + np.arange(int(counts.sum()))
