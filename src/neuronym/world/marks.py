"""Marks: what a scene shows, written into the lowest bits of its picture, where nobody sees it.

So whatever is done to a picture is done to its truth: what was covered, blurred or resized has no marks any more, what
was cut out keeps its own. Bit 0 of the red, green and blue byte of a pixel holds its region, a number in
:data:`neuronym.world.concepts.REGIONS`. The bits 1 of a tile of 4 x 4 pixels are 48, from the first pixel to the last
and from red to blue, lowest first: 36 bits of the scene's code (the properties of both objects, the background and the
word as digits of one number) hidden by a hash of the tile's other bits, and 12 bits of a check over the code and these
bits. No byte changes by more than 3 of 255.

A tile is read if its regions exist, its check holds, and another tile has the same code and other pixels; other tiles
show nothing. Of 2 million tiles of noise 3 pass the first two conditions, as do 1 in 4,096 flat fills of which the
regions exist; the third rules out both, for the code of a false tile is random. The grid may begin anywhere, as in a
crop: of its 16 places the one with most tiles is taken, the first of several.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neuronym.world._tiles import OBJECTS, REGION_COUNT, TILE, read_tiles, write_tiles
from neuronym.world.concepts import BACKGROUND_REGION, REGIONS, WORD_REGION
from neuronym.world.scenes import MAIN, SECOND, Scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES

VERSION = 1
"""To be raised when marks are written in another way."""

NOTHING = 255
"""The region of pixels without marks."""

_DIGITS = {
    "shape": len(SHAPES),
    "colour": len(COLOURS),
    "pattern": len(PATTERNS),
    "size": len(SIZES),
    "column": len(COLUMNS),
    "row": len(ROWS),
}

Images = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Marks:
    """What marks say of images.

    Attributes:
        regions: uint8 [n, height, width], what each pixel shows, or :data:`NOTHING`.
        owners: int64 [n, height, width], of which of ``scenes`` the pixel is, or -1 where it shows nothing.
        scenes: the scenes that pixels are of, each once; see :func:`scenes_of_codes` for what is known of them.
        phases: int64 [n, 2], the row and the column where the grid of tiles begins.
    """

    regions: Images
    owners: npt.NDArray[np.int64]
    scenes: Scenes
    phases: npt.NDArray[np.int64]


def mark(images: Images, regions: Images, scenes: Scenes) -> Images:
    """The images of scenes with marks, uint8 [n, height, width, 3].

    Args:
        images: uint8 [n, height, width, 3], as :func:`neuronym.world.render.render` gives them.
        regions: uint8 [n, height, width], what each pixel shows.
        scenes: the scenes, n of them.

    Raises:
        ValueError: the shapes do not go together, or a region or a scene is none.
    """
    if images.shape != (*regions.shape, 3) or len(images) != len(scenes):
        raise ValueError(f"images {images.shape}, regions {regions.shape} and {len(scenes)} scenes do not go together")
    if regions.size and regions.max() >= REGION_COUNT:
        raise ValueError(f"there is no region {regions.max()}")
    marked = np.array(images, np.uint8, order="C")
    write_tiles(marked, regions, codes_of(scenes).astype(np.uint64))
    return marked


def unmark(images: Images) -> Marks:
    """What the marks in images say, uint8 [n, height, width, 3]; images without marks show nothing."""
    codes, phases = read(images)
    found = np.full(images.shape[:3], -1, np.int64)
    for image, tiles, (top, left) in zip(found, codes, phases, strict=True):
        grid = tiles.repeat(TILE, 0).repeat(TILE, 1)
        grid = grid[: image.shape[0] - top, : image.shape[1] - left]
        image[top : top + grid.shape[0], left : left + grid.shape[1]] = grid
    known, owners = np.unique(found, return_inverse=True)
    missing = int(len(known) > 0 and known[0] < 0)
    numbers = np.arange(3, dtype=np.uint8)
    regions = ((images & 1) << numbers).sum(-1, dtype=np.uint8)
    return Marks(
        regions=np.where(found < 0, np.uint8(NOTHING), regions),
        owners=owners.reshape(found.shape) - missing,
        scenes=scenes_of_codes(known[missing:]),
        phases=phases,
    )


def read(images: Images) -> tuple[Codes, npt.NDArray[np.int64]]:
    """The codes of the tiles of images, int64 [n, height // 4, width // 4] or -1, and where their grids begin, [n, 2].

    Where a grid does not begin at the corner, its last row or column of tiles may lie beyond the image; it is -1.
    """
    codes = np.empty((len(images), images.shape[1] // TILE, images.shape[2] // TILE), np.int64)
    phases = np.empty((len(images), 2), np.int64)
    read_tiles(np.ascontiguousarray(images), codes, phases)
    return codes, phases


def seen_in(image: Images) -> Scenes | None:
    """The scene that most of an image shows, one row, without what is not seen of it; None without any mark.

    Args:
        image: uint8 [height, width, 3].
    """
    marks = unmark(image[None])
    if not len(marks.scenes):
        return None
    most = np.bincount(marks.owners[marks.owners >= 0]).argmax()
    regions = np.bitwise_or.reduce(1 << marks.regions[marks.owners == most].astype(np.int64))
    return as_seen(marks.scenes.rows([int(most)]), np.array([regions]))


def as_seen(scenes: Scenes, regions: npt.NDArray[np.int64]) -> Scenes:
    """Scenes without what is in none of their regions that are seen, of which each is a bit of ``regions``, [n]."""
    seen = regions[:, None] >> np.arange(len(REGIONS)) & 1 > 0
    there = scenes.there.copy()
    for thing in (MAIN, SECOND):
        there[:, thing] &= seen[:, 1 + 2 * thing] | seen[:, 2 + 2 * thing]
    gone = np.int16(-1)
    return Scenes(
        **{name: value for name, value in vars(scenes).items() if name not in ("there", "background", "word")},
        there=there,
        background=np.where(seen[:, BACKGROUND_REGION], scenes.background, gone),
        word=np.where(seen[:, WORD_REGION], scenes.word, gone),
    )


def codes_of(scenes: Scenes) -> Codes:
    """One number for all that marks say of a scene, [n], 0 to 2**36.

    Raises:
        ValueError: a scene has no main object.
    """
    if not scenes.there[:, MAIN].all():
        raise ValueError("a scene without its main object cannot be marked")
    code = (scenes.word.astype(np.int64) + 1) * len(BACKGROUNDS) + scenes.background
    for thing in (SECOND, MAIN):
        number = np.zeros(len(scenes), np.int64)
        for name, count in _DIGITS.items():
            number = number * count + getattr(scenes, name)[:, thing]
        code = code * OBJECTS + np.where(scenes.there[:, thing], number + 1, 0)
    return code


def scenes_of_codes(codes: Codes) -> Scenes:
    """The scenes of codes. Lengths, angles and all else that codes do not hold are NaN or 0, and so relations false."""
    rest, objects = codes, []
    for _ in range(2):
        rest, number = np.divmod(rest, OBJECTS)
        objects.append(number)
    word, background = np.divmod(rest, len(BACKGROUNDS))
    number = np.stack(objects, 1)
    left = np.maximum(number - 1, 0)
    values: dict[str, Any] = {}
    for name, count in reversed(_DIGITS.items()):
        left, digit = np.divmod(left, count)
        values[name] = digit.astype(np.int16)
    unknown, none = np.full((len(codes), 2), np.nan, np.float32), np.zeros(len(codes), np.int16)
    values |= dict.fromkeys(("x", "y", "radius", "angle", "phase"), unknown)
    values |= dict.fromkeys(("light", "word_x", "word_y", "word_scale"), unknown[:, 0])
    return Scenes(
        **values,
        there=number > 0,
        background=background.astype(np.int16),
        crop_x=none,
        crop_y=none,
        flip=none.astype(bool),
        word=(word - 1).astype(np.int16),
        word_dark=none.astype(bool),
        grain=none.astype(np.uint64),
    )
