"""What planted units respond to images: concepts that are seen, pixels, constants and noise.

An image is cut into cells of 4 x 4 pixels from its top left corner; n images have n maps of each unit. The marks (see
:mod:`neuronym.world.marks`) say of every pixel which scene and which region it shows. A scene is taken as far as it is
seen: an object, a word or a background of which no pixel is left is not there, so that covering it stops the units of
which it is a part. With the response ``s`` to a cell, the mean over its pixels of the unit's parts (a concept's mask,
in scenes where the concept is present), the map is ::

    gain * relu(s + jitter * d * e(scene) + grain * e(cell))

without the relu where a unit is not rectified, and 0 in cells without any mark. ``e`` are normal numbers that depend on
the unit and on the scene that most of the image shows, or on the cell's pixels; ``d`` is the deviation that the mean of
``s`` over a map has among scenes, so that ``jitter`` is a ratio of noise to signal. The same image has the same maps,
whatever the other images are.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from neuronym.world._planted import FEATURES, look, respond, see
from neuronym.world._tiles import TILE
from neuronym.world.concepts import BACKGROUND_REGION, REGIONS, WORD_REGION, Concept
from neuronym.world.marks import as_seen, read, scenes_of_codes
from neuronym.world.masks import covered
from neuronym.world.planted import PlantedUnit, planted_units
from neuronym.world.randomness import mixed
from neuronym.world.scenes import MAIN, SECOND, Scenes, draw_scenes
from neuronym.world.vocabulary import SIDE

VERSION = 1
"""To be raised when units with the same table respond in another way."""

Images = npt.NDArray[np.uint8]
Maps = npt.NDArray[np.float32]
Needed: TypeAlias = tuple[Maps, Maps, Maps, Maps, npt.NDArray[np.bool_], Maps]

_KNOWN: dict[tuple[int, int], Maps] = {}
_MOST = 8192  # of 3 KiB each

_GOLDEN, _TABLE = np.uint64(0x9E3779B97F4A7C15), 2**16
_REFERENCE = 4096
SHAPE_AREAS = (0.96, 0.9, 0.62, 0.52, 0.66, 0.72, 0.73, 0.49, 0.48, 0.87, 0.52, 1.0)
"""The area of each shape over that of a disc of its radius."""

WORD_AREA = 0.13
"""The mean area of a word, over that of the picture."""

_RARE = 0.03
"""In how many images a rare unit fires."""


def maps_of(images: Images, noise: float = 1.0) -> Maps:
    """The maps of all planted units, float32 [n, units, ceil(height / 4), ceil(width / 4)].

    Args:
        images: uint8 [n, height, width, 3].
        noise: factor on jitter and grain.
    """
    units, images = planted_units(), np.ascontiguousarray(images)
    size = (-(-images.shape[1] // TILE), -(-images.shape[2] // TILE))
    maps = np.zeros((len(images), len(units), *size), np.float32)
    codes, phases = read(images)
    owners = np.empty_like(codes)
    seen = np.empty((codes.size, 4), np.int64)
    seen = seen[: see(images, codes, phases, owners, seen)]
    keys, numbers = np.unique(seen[:, 1:3], axis=0, return_inverse=True)
    owners = np.append(numbers.reshape(-1), -1)[owners]  # the last stands for tiles without marks, which are -1
    contents = _contents(images, seen)
    respond(images, owners, phases, *_responding(keys, contents, noise), maps)
    _fill(maps, units, images, contents)
    return maps


def responses(units: Iterable[PlantedUnit], scenes: Scenes) -> Maps:
    """What units respond to a pixel of each region of scenes, float32 [scenes, regions, units]."""
    known: dict[Concept, Maps] = {}

    def shown(concept: Concept) -> Maps:
        if concept not in known:
            known[concept] = covered(concept, scenes).astype(np.float32)
        return known[concept]

    columns = []
    for unit in units:
        parts = [shown(concept) * np.float32(weight) for concept, weight in unit.parts]
        columns.append(np.maximum.reduce(parts) if unit.kind == "range" else np.add.reduce(parts))
    return np.ascontiguousarray(np.stack(columns, 2))


def _responding(keys: npt.NDArray[np.int64], contents: npt.NDArray[np.uint64], noise: float) -> Needed:
    """What :func:`neuronym.world._planted.respond` needs of scenes, images and units."""
    units, deviations, grains, gains, rectified = _constants()
    shifts = _normals()[_drawn(contents, len(units))] * (deviations * np.float32(noise))
    return _remembered(keys), shifts, grains * np.float32(noise), gains, rectified, _normals()


def _remembered(keys: npt.NDArray[np.int64]) -> Maps:
    """The responses of units with concepts to scenes as they are seen: codes and the regions left, [scenes, 2].

    Those that came last are kept: occluded copies of an image are few scenes, which the image itself was among.
    """
    named = [(int(code), int(seen)) for code, seen in keys]
    known = {key: _KNOWN[key] for key in named if key in _KNOWN}
    fresh = [row for row, key in enumerate(named) if key not in known]
    if fresh:
        found = responses(_constants()[0], as_seen(scenes_of_codes(keys[fresh, 0]), keys[fresh, 1]))
        known.update((named[row], table) for row, table in zip(fresh, found, strict=True))
    for row in fresh:
        _KNOWN[named[row]] = known[named[row]].copy()  # or one scene would hold the table of all
    for key in list(_KNOWN)[: max(0, len(_KNOWN) - _MOST)]:
        _KNOWN.pop(key, None)
    return np.stack([known[key] for key in named]) if named else responses(_constants()[0], scenes_of_codes(keys[:, 0]))


@cache
def _constants() -> tuple[tuple[PlantedUnit, ...], Maps, Maps, Maps, npt.NDArray[np.bool_]]:
    """The units that respond to concepts, and of each the deviation of jitter, of grain, the gain and the relu."""
    units = tuple(unit for unit in planted_units() if unit.parts)
    deviations = np.array([unit.jitter for unit in units]) * _signals(units)
    numbers = [[unit.grain for unit in units], [unit.gain for unit in units]]
    grains, gains = np.array(numbers, np.float32)
    return units, deviations.astype(np.float32), grains, gains, np.array([unit.rectified for unit in units])


def _signals(units: tuple[PlantedUnit, ...]) -> npt.NDArray[np.float64]:
    """The deviation among scenes of the mean of each unit's map, estimated without drawing them."""
    scenes = draw_scenes(11, range(_REFERENCE))
    areas = np.zeros((_REFERENCE, len(REGIONS)))
    for thing in (MAIN, SECOND):
        disc = np.pi * scenes.radius[:, thing].astype(float) ** 2 / SIDE**2
        # A unit responds to the edge of an object as to its inside; the edge has no area of its own here.
        areas[:, 1 + 2 * thing] = np.array(SHAPE_AREAS)[scenes.shape[:, thing]] * disc
    areas[:, 3:5] *= scenes.there[:, SECOND, None]
    areas[:, WORD_REGION] = WORD_AREA * (scenes.word >= 0)
    areas[:, BACKGROUND_REGION] = 1 - areas[:, 1:].sum(1)
    deviations: npt.NDArray[np.float64] = np.einsum("sru,sr->su", responses(units, scenes), areas).std(0)
    return deviations


@cache
def _normals() -> Maps:
    return np.random.default_rng(17).standard_normal(_TABLE).astype(np.float32)


def _contents(images: Images, seen: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """64 bits that say what an image is: the code of the scene that most of it shows, or else all its pixels, [n]."""
    keys = np.zeros(len(images), np.uint64)
    without = np.ones(len(images), bool)
    # Of scenes with equally many tiles the one of the largest code is taken, which is then written last.
    for which in np.lexsort((seen[:, 1], seen[:, 3])):
        keys[seen[which, 0]], without[seen[which, 0]] = seen[which, 1], False
    for image in np.flatnonzero(without):
        pixels = images[image].reshape(-1).astype(np.uint64)
        places = np.arange(1, len(pixels) + 1, dtype=np.uint64)
        keys[image] = mixed(pixels + places * _GOLDEN).sum(dtype=np.uint64)
    return mixed(keys)


def _drawn(keys: npt.NDArray[np.uint64], units: int, first: int = 0) -> npt.NDArray[np.int64]:
    """Where a normal number is in the table for each image and unit, [n, units]."""
    numbers = np.arange(first + 1, first + units + 1, dtype=np.uint64)
    return (mixed(keys[:, None] + numbers * _GOLDEN) >> np.uint64(48)).astype(np.int64)


def _fill(maps: Maps, units: tuple[PlantedUnit, ...], images: Images, contents: npt.NDArray[np.uint64]) -> None:
    """The maps of units that know no concepts."""
    features = np.empty((len(images), len(FEATURES), *maps.shape[2:]), np.float32)
    look(images, features)
    known, which = np.unique(contents, return_inverse=True)  # one for all occluded copies of an image
    for unit in units:
        if unit.kind == "low-level":
            dark = unit.signal == "darkness"
            feature = features[:, FEATURES.index("brightness" if dark else unit.signal)]
            maps[:, unit.index] = 1 - feature if dark else feature
        elif unit.kind == "dead":
            maps[:, unit.index] = float(unit.signal.partition(" ")[2] or 0)
        elif unit.kind == "noise":
            maps[:, unit.index] = _noise(unit, known, maps.shape[2:])[which]


def _noise(unit: PlantedUnit, contents: npt.NDArray[np.uint64], size: tuple[int, ...]) -> Maps:
    """Maps of a noise unit, float32 [n, rows, columns], each from its image's content."""
    rows, columns = size
    first = (unit.index + 1) << 32  # beyond the numbers that jitter takes, and those of other units
    drawn = _drawn(contents, 4, first)
    numbers = _normals()[drawn]
    shares = drawn / _TABLE
    cells = _normals()[_drawn(contents, rows * columns, first + 4)].reshape(-1, rows, columns)
    level = np.abs(numbers[:, 0, None, None])
    field: Maps
    match unit.signal:
        case "level":
            field = level + np.float32(0.05) * cells
        case "grain":
            field = np.maximum(cells, 0)
        case "rare":
            fires = np.float32(1) * (shares[:, 1] < _RARE)[:, None, None]
            field = np.maximum(fires * (1 + level) + np.float32(0.05) * cells, 0)
        case _:
            y = np.arange(rows)[:, None] - shares[:, 2, None, None] * rows
            x = np.arange(columns) - shares[:, 3, None, None] * columns
            field = (level * np.exp(-(y**2 + x**2) / (2 * (rows / 8) ** 2))).astype(np.float32)
    return field
