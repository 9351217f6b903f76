"""Image patches: what of an exemplar a unit responds to, with the data set's mean where the rest was."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from neuronym.backends import ImageTextEncoder
from neuronym.backends.encoder import check_embeddings
from neuronym.records import Box, Geometry, Region
from neuronym.store.layer_view import LayerView
from neuronym.store.occlusion_tables import Occlusions

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_AT_A_TIME = 64
"""Patches that are encoded together."""

_IMAGES = 64
"""Images that stay in memory."""


@dataclass(frozen=True, eq=False)
class Patch:
    """What of one image a unit responds to.

    Attributes:
        image_id: of the image.
        picture: the image where the mask is, the mean colour elsewhere, and between the two by degrees.
        region: the box about the half of the mask that counts most.
    """

    image_id: str
    picture: Image.Image
    region: Region


class Patches:
    """Cuts patches out of the explain images of a layer, and keeps the images that it needed last.

    Args:
        view: the layer.
        occlusions: what covering parts of images does to its units.
    """

    def __init__(self, view: LayerView, occlusions: Occlusions) -> None:
        self._view, self._occlusions = view, occlusions
        self._images: OrderedDict[int, Floats] = OrderedDict()

    def of(self, unit: int, image: int) -> Patch | None:
        """The patch of a unit in an image; None where nothing that was covered changed the unit's answer.

        Raises:
            ValueError: the pair was not made; see :meth:`Occlusions.make`.
        """
        found = self._occlusions.found(image, unit)
        if found is None:
            raise ValueError(f"image {image} was not occluded for unit {unit}")
        if not found.mask.any():
            return None
        mask = on_image(found.mask, self._view.geometry(image))
        return self._cut(image, mask) if mask.any() else None  # else it looks at nothing but padding about the image

    def at_random(self, count: int, seed: int) -> list[Patch]:
        """Boxes at random places of random images, which no unit has a part in.

        Their sides are between a quarter and three quarters of what the network sees of an image.

        Args:
            count: how many.
            seed: decides which.
        """
        generator = np.random.default_rng(seed)
        chosen = generator.integers(len(self._view.images("explain")), size=count)
        extents = generator.uniform(0.25, 0.75, (count, 2))
        starts = generator.uniform(0, 1 - extents)
        return [self._box(*one) for one in zip(np.sort(chosen).tolist(), starts, starts + extents, strict=True)]

    def _box(self, image: int, start: Doubles, end: Doubles) -> Patch:
        """The patch between two corners, each as shares of the height and the width that the network sees."""
        geometry = self._view.geometry(image)
        seen, mask = geometry.visible(), np.zeros(geometry.image, np.float32)
        size = np.array([seen.y1 - seen.y0, seen.x1 - seen.x0])
        first = np.floor((seen.y0, seen.x0) + start * size).astype(int)
        last = np.ceil((seen.y0, seen.x0) + end * size).astype(int)
        mask[first[0] : last[0], first[1] : last[1]] = 1
        return self._cut(image, mask)

    def _cut(self, image: int, mask: Floats) -> Patch:
        """The patch of a mask [height, width] of an image that has some."""
        pixels, name = self._pixels(image), self._view.images("explain")[image].id
        colour, share = np.array(self._occlusions.colour, np.float32), mask[:, :, None]
        mixed = np.rint(pixels * share + colour * (1 - share)).astype(np.uint8)
        return Patch(name, Image.fromarray(mixed), Region(name, box_of(mask >= 0.5 * mask.max()), "patch"))

    def _pixels(self, image: int) -> Floats:
        if image not in self._images:
            self._images[image] = np.asarray(self._view.image(image), np.float32)
            while len(self._images) > _IMAGES:
                self._images.popitem(last=False)
        self._images.move_to_end(image)
        return self._images[image]


class PatchEncoder:
    """Encodes patches, each once, however many units share it.

    Args:
        encoder: the encoder.
    """

    def __init__(self, encoder: ImageTextEncoder) -> None:
        self._encoder = encoder
        self._known: dict[bytes, Floats] = {}

    def encode(self, patches: Sequence[Patch]) -> Floats:
        """Float32 [patches, dim], rows of length 1.

        Raises:
            MethodError: the encoder gives what is no embedding.
        """
        keys = [_key(patch.picture) for patch in patches]
        fresh = list(
            {key: patch.picture for key, patch in zip(keys, patches, strict=True) if key not in self._known}.items()
        )
        for start in range(0, len(fresh), _AT_A_TIME):
            part = fresh[start : start + _AT_A_TIME]
            given = self._encoder.encode_images([picture for _, picture in part])
            rows = check_embeddings(self._encoder, given, len(part))
            self._known.update(zip((key for key, _ in part), rows, strict=True))
        return np.stack([self._known[key] for key in keys])

    def mean(self, patches: Sequence[Patch]) -> npt.NDArray[np.float64]:
        """The mean of the patches' embeddings, [dim]: its inner product with a text is the mean of the patches'."""
        mean: npt.NDArray[np.float64] = self.encode(patches).mean(0, dtype=np.float64)
        return mean


def on_image(mask: Floats, geometry: Geometry) -> Floats:
    """A mask of the network's input on the original image: the cell under the centre of each pixel.

    Args:
        mask: [height, width]; that of an input of another size is stretched to it.
        geometry: how the image became the input.

    Returns:
        Float32 [image height, image width]; 0 where the network did not see the image.
    """
    x0, y0 = geometry.to_input(0.5, 0.5)
    x1, y1 = geometry.to_input(1.5, 1.5)
    down = y0 + (y1 - y0) * np.arange(geometry.image[0])
    across = x0 + (x1 - x0) * np.arange(geometry.image[1])
    (rows, seen_down), (columns, seen_across) = (
        _cells(places, side, count)
        for places, side, count in (
            (down, geometry.input[0], mask.shape[0]),
            (across, geometry.input[1], mask.shape[1]),
        )
    )
    found: Floats = mask[np.ix_(rows, columns)] * np.outer(seen_down, seen_across).astype(np.float32)
    return found


def box_of(mask: npt.NDArray[np.bool_]) -> Box:
    """The smallest box about the cells of a mask that has some, in cells."""
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    return Box(float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1))


def _cells(
    places: npt.NDArray[np.floating[Any]], side: int, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The cells of ``count`` that lie under places on a side, and whether they are on it at all."""
    cells = np.floor(places * count / side).astype(np.int64)
    return cells.clip(0, count - 1), (places >= 0) & (places < side)


def _key(picture: Image.Image) -> bytes:
    return blake2b(picture.tobytes(), digest_size=16, person=f"{picture.width}x{picture.height}".encode()).digest()
