"""Where concepts are in scenes: the masks that the world's images bring, and those of any concept.

A pixel shows one region of its scene (:data:`neuronym.world.concepts.REGIONS`), and a concept is on all pixels of a
region or on none. So what a concept covers is a flag for each region, and its mask is that flag looked up.

On one core 4,000 scenes a second are annotated with the catalogue: half of the time is the renderer's. A kernel for
regions alone would save an eighth of a millisecond a scene, and might differ from the picture.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from neuronym.records import ImageMasks, ImageRecord, MaskConcept
from neuronym.world.catalogue import catalogue, category
from neuronym.world.concepts import REGIONS, Concept, Flags, mask, presence
from neuronym.world.render import render
from neuronym.world.scenes import Scenes

BLOCK = 256
"""Neighbouring scenes that are looked at together."""

Ints = npt.NDArray[np.int64]
Regions = npt.NDArray[np.uint8]


def covered(concept: Concept, scenes: Scenes) -> Flags:
    """Which regions a concept is on, in the scenes where it is present, bool [scenes, regions]."""
    # Six pixels, one of each region, stand for all of a scene.
    pixels = np.broadcast_to(np.arange(len(REGIONS), dtype=np.uint8), (len(scenes), 1, len(REGIONS)))
    found: Flags = mask(concept, scenes, pixels)[:, 0] & presence(concept, scenes)[:, None]
    return found


def regions_of(scenes: Scenes) -> Regions:
    """What each pixel of scenes shows, uint8 [scenes, 64, 64]: numbers in :data:`~neuronym.world.concepts.REGIONS`."""
    return render(scenes)[1]


class Looked:
    """The regions of scenes of a table; those asked for last are kept, as many texts are asked of them in turn.

    Args:
        scenes: the table.
    """

    def __init__(self, scenes: Scenes) -> None:
        self._scenes = scenes
        self._last: tuple[Ints, Scenes, Regions] | None = None

    def mask(self, concept: Concept, rows: Ints) -> Flags:
        """The pixels of a concept in the scenes where it is present, bool [rows, 64, 64].

        Args:
            concept: any.
            rows: positions of scenes in the table; of each 4 KiB are kept.
        """
        last = self._last
        if last is None or not np.array_equal(last[0], rows):
            some = self._scenes.rows(rows)
            last = self._last = (np.array(rows, np.int64), some, regions_of(some))
        _, scenes, regions = last
        found: Flags = covered(concept, scenes)[np.arange(len(scenes))[:, None, None], regions]
        return found


class WorldAnnotations:
    """The catalogue's masks in scenes of one split; see :class:`neuronym.probes.annotations.Annotator`.

    It may be used from several threads. Neither noise nor marks change a mask.

    Args:
        name: the source's.
        stamp: changes whenever masks may.
        scenes: gives the scenes of some numbers.
        number: the number of a member of the source.
    """

    notes: Sequence[str] = ()

    def __init__(
        self, name: str, stamp: str, scenes: Callable[[Sequence[int]], Scenes], number: Callable[[str], int]
    ) -> None:
        self.name, self.stamp = name, stamp
        self.concepts = tuple(MaskConcept(str(concept), category(concept)) for concept in catalogue())
        self._scenes, self._number = scenes, number
        self._blocks: dict[int, tuple[Scenes, npt.NDArray[np.uint8]]] = {}
        self._drawing = threading.Lock()

    def masks(self, record: ImageRecord) -> ImageMasks:
        """Those of the catalogue's concepts of which a pixel is seen in a scene, at 64 x 64.

        Raises:
            ProbeError: there is no such scene.
        """
        block, row = divmod(self._number(record.member), BLOCK)
        scenes, covers = self._block(block)
        regions = regions_of(scenes.rows(slice(row, row + 1)))[0]
        seen = np.bincount(regions.reshape(-1), minlength=len(REGIONS)) > 0
        concepts = np.flatnonzero(covers[row] & np.packbits(seen))
        flags = np.unpackbits(covers[row, concepts, None], axis=1).view(np.bool_)
        return ImageMasks(concepts, np.take(flags, regions, axis=1), np.zeros(0, np.int64))

    def _block(self, block: int) -> tuple[Scenes, npt.NDArray[np.uint8]]:
        """Neighbouring scenes, and the regions that each concept covers as bits, uint8 [BLOCK, concepts].

        A study has its images in any order, so all blocks are kept: half a KiB a scene.
        """
        with self._drawing:  # or several threads would draw the same block
            if block not in self._blocks:
                scenes = self._scenes(range(block * BLOCK, (block + 1) * BLOCK))
                flags = np.stack([covered(concept, scenes) for concept in catalogue()], 1)
                self._blocks[block] = (scenes, np.packbits(flags, axis=2)[:, :, 0])
            return self._blocks[block]

    def __reduce__(self) -> tuple[object, ...]:
        """Locks cannot be pickled, and what was drawn need not be."""
        return type(self), (self.name, self.stamp, self._scenes, self._number)
