"""Rendered scenes by number, kept on disk: reading one of them again costs no rendering."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.activations.embed import cache_root
from neuronym.errors import StudyError
from neuronym.records import digest
from neuronym.store.atomic import replacing
from neuronym.world.links import Link
from neuronym.world.render import render
from neuronym.world.scenes import draw_scenes
from neuronym.world.vocabulary import SIDE

CHUNK = 512
"""Scenes that are rendered and kept at a time."""

Images = npt.NDArray[np.uint8]


class Gallery:
    """The images of the scenes of one seed, made chunk by chunk when they are first asked for.

    They are kept in the cache folder (``$NEURONYM_CACHE``, or ``~/.cache/neuronym``) under a name that covers what the
    renderer draws on this machine; where nothing can be written they are rendered again in every process. A gallery can
    be pickled, forked and used from several threads.

    Args:
        seed: the world's.
        links: correlations.
    """

    def __init__(self, seed: int, links: Sequence[Link] = ()) -> None:
        self.seed, self.links = seed, tuple(links)
        self._chunks: dict[int, Images] = {}
        self._lock = threading.Lock()

    def image(self, number: int) -> Images:
        """The image of one scene, uint8 [64, 64, 3]."""
        return np.array(self.chunk(number // CHUNK)[number % CHUNK])

    def chunk(self, position: int) -> Images:
        """The images ``position * CHUNK`` and the following, uint8 [CHUNK, 64, 64, 3], not to be written to."""
        found = self._chunks.get(position)
        if found is None:
            with self._lock:  # a second thread waits instead of rendering the same
                found = self._chunks.get(position)
                if found is None:
                    found = self._chunks[position] = self._opened(position)
        return found

    def _opened(self, position: int) -> Images:
        path = self._folder / f"{position:06}.npy"
        try:
            if not path.is_file():
                with replacing(path, sync=False) as file:
                    np.save(file, self._rendered(position))
            mapped: Images = np.load(path, mmap_mode="r", allow_pickle=False)
            if mapped.shape == (CHUNK, SIDE, SIDE, 3) and mapped.dtype == np.uint8:
                return mapped
        except (OSError, ValueError, StudyError):
            pass  # a cache that cannot be written or read costs time, nothing else
        return self._rendered(position)

    def _rendered(self, position: int) -> Images:
        numbers = np.arange(position * CHUNK, (position + 1) * CHUNK)
        return render(draw_scenes(self.seed, numbers, self.links))[0]

    @property
    def _folder(self) -> Path:
        name = digest([self.seed, [str(link) for link in self.links]])
        return cache_root() / "world" / renderer_key() / name

    def __getstate__(self) -> dict[str, Any]:
        return {"seed": self.seed, "links": self.links}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


@cache
def renderer_key() -> str:
    """Equal for renderers that draw the same: a hash of scenes with everything in them.

    A different version of the renderer, and a machine that rounds otherwise, have another key and so another cache.
    """
    images, regions = render(draw_scenes(0, np.arange(64)))
    hasher = hashlib.blake2b(images.tobytes(), digest_size=8)
    hasher.update(regions.tobytes())
    return hasher.hexdigest()
