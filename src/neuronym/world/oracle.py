"""``oracle:world``: an image-text encoder that reads the world's own tables instead of looking at the picture.

A method that is run with it shows the method's own error, without that of an encoder. Its space has one dimension for
each concept of the catalogue and one for texts that name none: an image has equal numbers in those that it shows, a
text has 1 in the one it names. So the inner product of the two is positive exactly where a text that names a concept of
the catalogue is true of the image.

Images with marks (``bundled:world?marked``, see :mod:`neuronym.world.marks`) are read by these, also where a part was
cut out or covered: what is not seen any more is not in them. Of an image that is covered for the most part, by one
colour, and has no marks, nothing is seen: only texts that name no concept fit it. Of others without marks it knows
those of the splits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from neuronym.errors import MethodError, UnknownNameError
from neuronym.records import digest
from neuronym.world.catalogue import catalogue, truth
from neuronym.world.gallery import CHUNK, Gallery, renderer_key
from neuronym.world.grammar import Unparsed, parse
from neuronym.world.links import parse_links
from neuronym.world.marks import seen_in
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import SIDE

_CHUNKS = 40
"""How many chunks of each split are searched for an image."""

Place = tuple[str, int]
"""A split and the number of a scene in it."""


class OracleEncoder:
    """See the module; it keeps the protocol :class:`~neuronym.backends.encoder.ImageTextEncoder`.

    Args:
        name: what the user wrote.
        links: the correlations of the world whose images it is given, written as in the name of the images.
    """

    domain = "bundled:world"

    def __init__(self, name: str, links: str = "") -> None:
        self.name, self._links = name, links
        self._galleries = {split: Gallery(SEEDS[split], parse_links(links)) for split in ("explain", "test", "train")}
        self._found: dict[bytes, Place] = {}
        self._ahead = self._places()
        self._columns = {str(concept): column for column, concept in enumerate(catalogue())}
        self.dim = len(self._columns) + 1
        self.key = digest(["oracle:world", list(self._columns), renderer_key(), links])

    def encode_images(self, images: Sequence[Image.Image]) -> npt.NDArray[np.float32]:
        """Float32 [images, dim], rows of length 1.

        Raises:
            MethodError: an image is no scene of the world.
        """
        rows = np.zeros((len(images), self.dim), np.float32)
        pixels = [np.asarray(image.convert("RGB")) for image in images]
        found = [seen_in(one) for one in pixels]
        seen = np.array(
            [scene is not None or not _is_covered(one) for scene, one in zip(found, pixels, strict=True)], bool
        )
        rows[~seen, -1] = 1
        if seen.any():
            scenes = self._scenes(
                [pixels[row] for row in np.flatnonzero(seen)], [found[row] for row in np.flatnonzero(seen)]
            )
            rows[seen, :-1] = truth(catalogue(), scenes)
        # No row is zero: every scene has a background, and every region that is seen is of some concept.
        lengths: npt.NDArray[np.float32] = np.linalg.norm(rows, axis=1, keepdims=True)
        return rows / lengths

    def encode_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Float32 [texts, dim], rows of length 1; a text that names no concept of the catalogue fits no image."""
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in enumerate(texts):
            concept = parse(text)
            named = None if isinstance(concept, Unparsed) else self._columns.get(str(concept))
            rows[row, self.dim - 1 if named is None else named] = 1
        return rows

    def _scenes(self, images: Sequence[npt.NDArray[np.uint8]], found: list[Scenes | None]) -> Scenes:
        """What each image shows, a row each: what its marks say, or those of the scene that it is."""
        places = {row: self._place(images[row]) for row, marked in enumerate(found) if marked is None}
        for split, gallery in self._galleries.items():
            chosen = [row for row, (where, _) in places.items() if where == split]
            scenes = draw_scenes(gallery.seed, [places[row][1] for row in chosen], gallery.links)
            for position, row in enumerate(chosen):
                found[row] = scenes.rows(slice(position, position + 1))
        return Scenes.joined([one for one in found if one is not None])

    def _place(self, image: npt.NDArray[np.uint8]) -> Place:
        wanted = _fingerprint(image)
        while wanted not in self._found:
            # What is no scene by its size is refused before thousands of scenes are searched for it.
            found = next(self._ahead, None) if image.shape == (SIDE, SIDE, 3) else None
            if found is None:
                links = "with these links" if self._links else "without links"
                raise MethodError(
                    f"{self.name} was given an image that is none of the first {_CHUNKS * CHUNK:,} scenes of any split "
                    f"of the world {links}. It reads only images of bundled:world, as they are; give it their links, "
                    "as in oracle:world?links=fish:sea:0.9, or an encoder that looks at images, such as bundled:clip "
                    "or hf:NAME."
                )
            self._found |= found
        return self._found[wanted]

    def _places(self) -> Iterator[dict[bytes, Place]]:
        """Where images are, a chunk of scenes at a time; studies use the first scenes of two splits."""
        for position in range(_CHUNKS):
            for split, gallery in self._galleries.items():
                images = gallery.chunk(position)
                yield {_fingerprint(image): (split, position * CHUNK + i) for i, image in enumerate(images)}

    def __reduce__(self) -> tuple[type[OracleEncoder], tuple[str, str]]:
        return OracleEncoder, (self.name, self._links)


def load(rest: str, device: torch.device) -> OracleEncoder:
    """The encoder that ``oracle:`` with ``rest`` stands for: ``world`` or ``world?links=fish:sea:0.9``.

    Raises:
        UnknownNameError: it is something else.
    """
    world, question, links = rest.partition("?links=")
    if world != "world":
        raise UnknownNameError(f"There is no oracle {rest!r}. Use oracle:world, for images of bundled:world.")
    return OracleEncoder(f"oracle:{rest}", links if question else "")


def _is_covered(image: npt.NDArray[np.uint8]) -> bool:
    """Whether more than half of the pixels have one colour, as at most .4 of a scene's have."""
    colours = image.reshape(-1, 3).astype(np.uint32) << np.array([0, 8, 16], np.uint32)
    return bool(np.unique(colours.sum(1), return_counts=True)[1].max(initial=0) * 2 > len(colours))


def _fingerprint(image: npt.NDArray[np.uint8]) -> bytes:
    return hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=12).digest()
