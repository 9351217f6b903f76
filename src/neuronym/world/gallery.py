"""Rendered scenes by number, kept on disk: reading one of them again costs no rendering."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.activations.embed import cache_root
from neuronym.records import digest
from neuronym.store.atomic import replacing
from neuronym.world.links import Link
from neuronym.world.marks import VERSION, mark
from neuronym.world.noise import VERSION as NOISE_VERSION
from neuronym.world.noise import noisy
from neuronym.world.render import render, tables
from neuronym.world.scenes import draw_scenes
from neuronym.world.vocabulary import SIDE

CHUNK = 512
"""Scenes that are rendered and kept at a time."""

Images = npt.NDArray[np.uint8]

_rendering = threading.Lock()


def _forked() -> None:
    """A forked child has none of the threads that its parent rendered in, and must not wait for them."""
    global _rendering  # noqa: PLW0603
    _rendering = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)


class Gallery:
    """The images of the scenes of one seed, made chunk by chunk when they are first asked for.

    They are kept in the cache folder (``$NEURONYM_CACHE``, or ``~/.cache/neuronym``) under a name that covers what the
    renderer draws on this machine; where nothing can be written they are kept in memory, by every process for itself.
    A gallery can be pickled, forked and used from several threads.

    Args:
        seed: the world's.
        links: correlations.
        marked: whether images have marks; see :mod:`neuronym.world.marks`.
        noise: standard deviation of Gaussian noise on the pictures, where 1 is the range of a pixel; 0 for none. Marks
            are put in after it, and so can be read; see :mod:`neuronym.world.noise`.
    """

    def __init__(self, seed: int, links: Sequence[Link] = (), marked: bool = False, noise: float = 0.0) -> None:
        self.seed, self.links, self.marked, self.noise = seed, tuple(links), marked, noise
        self._chunks: dict[int, Images] = {}

    def image(self, number: int) -> Images:
        """The image of one scene, uint8 [64, 64, 3]."""
        return np.array(self.chunk(number // CHUNK)[number % CHUNK])

    def chunk(self, position: int) -> Images:
        """The images ``position * CHUNK`` and the following, uint8 [CHUNK, 64, 64, 3], not to be written to."""
        found = self._chunks.get(position)
        if found is None:
            with _rendering:  # a second thread waits instead of rendering the same
                found = self._chunks.get(position)
                if found is None:
                    found = self._chunks[position] = self._opened(position)
        return found

    def _opened(self, position: int) -> Images:
        path = self._folder / f"{position:06}.npy"
        kept = self._kept(path, position)
        if kept is None:
            images = self._rendered(range(position * CHUNK, (position + 1) * CHUNK))
            try:
                with replacing(path, sync=False) as file:
                    np.save(file, images)
            except OSError:  # a cache that cannot be written costs time, nothing else
                return images
            kept = self._kept(path, position)
            return images if kept is None else kept
        return kept

    def _kept(self, path: Path, position: int) -> Images | None:
        """A chunk from the cache, or None where it is not there or damaged."""
        try:
            mapped: Images = np.load(path, mmap_mode="r", allow_pickle=False)
        except Exception:  # NumPy meets broken files with OSError, ValueError, EOFError, tokenize.TokenError ...
            return None
        if mapped.shape != (CHUNK, SIDE, SIDE, 3) or mapped.dtype != np.uint8:
            return None
        # A power cut may leave a file of the right length without its content.
        ends = [0, CHUNK - 1]
        drawn = self._rendered([position * CHUNK + end for end in ends])
        return mapped if np.array_equal(mapped[ends], drawn) else None

    def _rendered(self, numbers: Sequence[int]) -> Images:
        scenes = draw_scenes(self.seed, numbers, self.links)
        images, regions = render(scenes)
        if self.noise:
            images = noisy(images, self.seed, numbers, self.noise)
        return mark(images, regions, scenes) if self.marked else images

    @property
    def _folder(self) -> Path:
        links = [[link.cause, link.effect, link.share] for link in self.links]
        marks = ["marked", VERSION] if self.marked else []
        noise = ["noise", NOISE_VERSION, self.noise] if self.noise else []
        name = digest([self.seed, links, *marks, *noise])
        return cache_root() / "world" / renderer_key() / name

    def __getstate__(self) -> dict[str, Any]:
        return {"seed": self.seed, "links": self.links, "marked": self.marked, "noise": self.noise}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]


@cache
def renderer_key() -> str:
    """Equal for renderers that draw the same: a hash of all that they draw with, and of some scenes.

    A different version of the renderer, and a machine that rounds otherwise, have another key and so another cache.
    """
    hasher = hashlib.blake2b(digest_size=8)
    for array in (*tables(), *render(draw_scenes(0, range(64)))):
        hasher.update(array.tobytes())
    return hasher.hexdigest()
