"""Kernels of the planted units: what is seen in images, and the maps of units."""

# The kernels know what belongs to units by position, for Numba takes arrays best.
# ruff: noqa: PLR0913, PLR0917

from __future__ import annotations

from typing import Any

import numpy as np

from neuronym.functional._numba import inlined, kernel
from neuronym.world._tiles import TILE, region

FEATURES = ("brightness", "redness", "greenness", "blueness", "vertical edges", "horizontal edges", "saturation")
"""What :func:`look` computes of cells, in order."""

_FIRST, _SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
_HIGH, _TO_TABLE = np.uint64(32), np.uint64(48)


@kernel
def see(images: Any, codes: Any, phases: Any, owners: Any, scenes: Any) -> Any:
    """Find the scenes that are seen in images, in each image by themselves.

    Args:
        images: uint8 [n, h, w, 3].
        codes: int64 [n, rows, columns], the code of every tile or -1.
        phases: int64 [n, 2], where the grid of tiles begins.
        owners: int64 [n, rows, columns], to be filled with the number of each tile's scene, or -1.
        scenes: int64 [tiles, 4], to be filled with each scene's image, code, regions seen (a bit for each) and tiles.

    Returns:
        How many scenes there are.
    """
    end = 0
    for i in range(len(images)):
        start = end
        for r in range(codes.shape[1]):
            for c in range(codes.shape[2]):
                owners[i, r, c] = -1
                if codes[i, r, c] < 0:
                    continue
                at = start
                while at < end and scenes[at, 1] != codes[i, r, c]:
                    at += 1
                if at == end:
                    scenes[at, 0], scenes[at, 1], scenes[at, 2], scenes[at, 3] = i, codes[i, r, c], 0, 0
                    end += 1
                owners[i, r, c] = at
                scenes[at, 3] += 1
                for y in range(phases[i, 0] + r * TILE, phases[i, 0] + (r + 1) * TILE):
                    for x in range(phases[i, 1] + c * TILE, phases[i, 1] + (c + 1) * TILE):
                        scenes[at, 2] |= 1 << region(images[i], y, x)
    return end


@inlined
def _same(images: Any, owners: Any, phase: Any, i: Any, top: Any, left: Any) -> Any:
    """Whether a cell of image i has the pixels, and these the scenes, that it has in the image before."""
    for y in range(top, min(top + TILE, images.shape[1])):
        for x in range(left, min(left + TILE, images.shape[2])):
            for channel in range(3):
                if images[i, y, x, channel] != images[i - 1, y, x, channel]:
                    return False
            if _owner(owners[i], phase[0], phase[1], y, x) != _owner(owners[i - 1], phase[0], phase[1], y, x):
                return False
    return True


@inlined
def _owner(owners: Any, top: Any, left: Any, y: Any, x: Any) -> Any:
    """The scene of a pixel, or -1."""
    if y < top or x < left:
        return -1
    r, c = (y - top) // TILE, (x - left) // TILE
    return owners[r, c] if r < owners.shape[0] and c < owners.shape[1] else -1


@inlined
def _sum_up(image: Any, owners: Any, phase: Any, responses: Any, top: Any, left: Any, total: Any) -> Any:
    """Put the sum of the responses to a cell into ``total``; how many pixels it has, how many with marks, and which."""
    total[:] = 0
    pixels, marked, content = 0, 0, _FIRST
    last_owner, last_region, run = -1, 0, 0
    for y in range(top, min(top + TILE, image.shape[0])):
        for x in range(left, min(left + TILE, image.shape[1])):
            pixels += 1
            pixel = np.uint64(image[y, x, 0]) | np.uint64(image[y, x, 1]) << np.uint64(8)
            content = (content ^ (pixel | np.uint64(image[y, x, 2]) << np.uint64(16))) * _SECOND
            content ^= content >> _HIGH
            owner = _owner(owners, phase[0], phase[1], y, x)
            if owner < 0:
                continue
            marked += 1
            where = region(image, y, x)
            if owner != last_owner or where != last_region:
                if run > 0:
                    _add(total, responses[last_owner, last_region], run)
                last_owner, last_region, run = owner, where, 0
            run += 1
    if run > 0:
        _add(total, responses[last_owner, last_region], run)
    return pixels, marked, content


@kernel
def respond(
    images: Any,
    owners: Any,
    phases: Any,
    responses: Any,
    shifts: Any,
    grains: Any,
    gains: Any,
    rectified: Any,
    normals: Any,
    maps: Any,
) -> None:
    """Fill the maps of the units that respond to concepts.

    Args:
        images: uint8 [n, h, w, 3].
        owners: int64 [n, rows, columns], the scene of every tile of the grid, or -1.
        phases: int64 [n, 2], where the grid begins.
        responses: float32 [scenes, regions, units], to a pixel of each region.
        shifts: float32 [n, units], noise that all cells of an image share.
        grains: float32 [units], the deviation of the noise of cells.
        gains: float32 [units].
        rectified: bool [units].
        normals: float32 [2**16], normal numbers.
        maps: float32 [n, more units, ceil(h / 4), ceil(w / 4)].
    """
    units = responses.shape[2]
    total = np.empty(units, np.float32)
    for i in range(len(images)):
        # Copies of an image with one part after another covered differ in few cells from the one before.
        known = i > 0 and np.array_equal(shifts[i], shifts[i - 1]) and np.array_equal(phases[i], phases[i - 1])
        if known:
            maps[i] = maps[i - 1]
        for row in range(maps.shape[2]):
            for column in range(maps.shape[3]):
                if known and _same(images, owners, phases[i], i, row * TILE, column * TILE):
                    continue
                pixels, marked, content = _sum_up(
                    images[i], owners[i], phases[i], responses, row * TILE, column * TILE, total
                )
                for unit in range(units):
                    value = np.float32(0)
                    if marked > 0:
                        place = ((content ^ np.uint64(unit) * _FIRST) * _SECOND) >> _TO_TABLE
                        value = total[unit] / np.float32(pixels) + shifts[i, unit] + grains[unit] * normals[place]
                        if rectified[unit] and value < 0:
                            value = np.float32(0)
                    maps[i, unit, row, column] = gains[unit] * value


@inlined
def _add(total: Any, response: Any, pixels: Any) -> None:
    for unit in range(len(total)):
        total[unit] += response[unit] * np.float32(pixels)


@kernel
def look(images: Any, features: Any) -> None:
    """What can be seen of cells without knowing what they show.

    Args:
        images: uint8 [n, h, w, 3].
        features: float32 [n, 7, ceil(h / 4), ceil(w / 4)], to be filled with :data:`FEATURES`, each 0 to 1.
    """
    height, width = images.shape[1], images.shape[2]
    for i in range(len(images)):
        for row in range(features.shape[2]):
            for column in range(features.shape[3]):
                pixels = 0
                sums = np.zeros(7, np.float32)
                for y in range(row * TILE, min((row + 1) * TILE, height)):
                    for x in range(column * TILE, min((column + 1) * TILE, width)):
                        pixels += 1
                        red, green, blue = _bytes(images[i], y, x)
                        sums[0] += (red + green + blue) / 3
                        sums[1] += max(red - (green + blue) / 2, 0.0)
                        sums[2] += max(green - (red + blue) / 2, 0.0)
                        sums[3] += max(blue - (red + green) / 2, 0.0)
                        sums[4] += abs(_grey(images[i], y, min(x + 1, width - 1)) - _grey(images[i], y, max(x - 1, 0)))
                        sums[5] += abs(_grey(images[i], min(y + 1, height - 1), x) - _grey(images[i], max(y - 1, 0), x))
                        sums[6] += max(red, green, blue) - min(red, green, blue)
                for feature in range(7):
                    features[i, feature, row, column] = sums[feature] / (np.float32(255) * pixels)


@inlined
def _bytes(image: Any, y: Any, x: Any) -> Any:
    return np.float32(image[y, x, 0]), np.float32(image[y, x, 1]), np.float32(image[y, x, 2])


@inlined
def _grey(image: Any, y: Any, x: Any) -> Any:
    return (np.float32(image[y, x, 0]) + np.float32(image[y, x, 1]) + np.float32(image[y, x, 2])) / np.float32(3)
