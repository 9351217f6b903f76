"""Kernels that write marks into images and read them, tile by tile; see :mod:`neuronym.world.marks`."""

from __future__ import annotations

from typing import Any

import numpy as np

from neuronym.functional._numba import inlined, kernel

TILE = 4
"""Height and width of a tile, in pixels."""

CODE_BITS = 36
"""Of the 48 bits of a tile these hold the scene's code; the others are the check."""

REGION_COUNT = 6
OBJECTS = 25_921
"""Values of one object: absent, or one of 12 x 10 x 6 x 4 x 3 x 3."""

CODES = OBJECTS * OBJECTS * 8 * 11
"""How many codes there are."""

_CODE = np.uint64(2**CODE_BITS - 1)
_MULTIPLIERS = (np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_BYTES = (np.uint64(8), np.uint64(16))
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32))
_CHECK_SHIFT, _TO_CHECK = np.uint64(64 - (48 - CODE_BITS)), np.uint64(CODE_BITS)
_ONE = np.uint64(1)


@inlined
def content(image: Any, row: Any, column: Any) -> Any:
    """64 bits that depend on all of a tile's pixels but bit 1 of each byte."""
    found = _MULTIPLIERS[0]
    for y in range(row, row + TILE):
        for x in range(column, column + TILE):
            pixel = np.uint64(image[y, x, 0] & 0xFD)
            pixel |= np.uint64(image[y, x, 1] & 0xFD) << _BYTES[0]
            pixel |= np.uint64(image[y, x, 2] & 0xFD) << _BYTES[1]
            found = (found ^ pixel) * _MULTIPLIERS[1]
            found ^= found >> _SHIFTS[3]
    return found


@inlined
def _mixed(bits: Any) -> Any:
    """The finaliser of SplitMix64."""
    bits = (bits ^ (bits >> _SHIFTS[0])) * _MULTIPLIERS[1]
    bits = (bits ^ (bits >> _SHIFTS[1])) * _MULTIPLIERS[2]
    return bits ^ (bits >> _SHIFTS[2])


@inlined
def _cover(found: Any) -> Any:
    """36 bits by which the code of a tile of this content is hidden, so that a false tile has a random code."""
    return _mixed(found + _MULTIPLIERS[0]) & _CODE


@inlined
def _check(found: Any, code: Any) -> Any:
    """The 12 bits that go with a tile's content and its code."""
    return _mixed((found ^ code) * _MULTIPLIERS[0]) >> _CHECK_SHIFT


@kernel
def write_tiles(images: Any, regions: Any, codes: Any) -> None:
    """Write regions, uint8 [n, h, w], and codes, uint64 [n], into the low bits of ``images``, uint8 [n, h, w, 3].

    Pixels beyond the last whole tile are left as they are.
    """
    for i in range(len(images)):
        image = images[i]
        for row in range(0, image.shape[0] - TILE + 1, TILE):
            for column in range(0, image.shape[1] - TILE + 1, TILE):
                for y in range(row, row + TILE):
                    for x in range(column, column + TILE):
                        for channel in range(3):
                            image[y, x, channel] = (image[y, x, channel] & 0xFC) | (regions[i, y, x] >> channel & 1)
                found = content(image, row, column)
                bits = (codes[i] ^ _cover(found)) | _check(found, codes[i]) << _TO_CHECK
                for y in range(row, row + TILE):
                    for x in range(column, column + TILE):
                        for channel in range(3):
                            image[y, x, channel] |= np.uint8((bits & _ONE) << _ONE)
                            bits >>= _ONE


@inlined
def region(image: Any, y: Any, x: Any) -> Any:
    """What a pixel says of its region, 0 to 7."""
    return (image[y, x, 0] & 1) | (image[y, x, 1] & 1) << 1 | (image[y, x, 2] & 1) << 2


@inlined
def _has_regions(image: Any, row: Any, column: Any) -> Any:
    for y in range(row, row + TILE):
        for x in range(column, column + TILE):
            if region(image, y, x) >= REGION_COUNT:
                return False
    return True


@inlined
def _read_tile(image: Any, row: Any, column: Any, found: Any) -> Any:
    """A tile's code, or -1 where its bits are not those of a tile."""
    bits, place = np.uint64(0), np.uint64(0)
    for y in range(row, row + TILE):
        for x in range(column, column + TILE):
            for channel in range(3):
                bits |= (np.uint64(image[y, x, channel] >> 1) & _ONE) << place
                place += _ONE
    code = (bits & _CODE) ^ _cover(found)
    # The main object is always there: a code without one is no scene's.
    if code >= np.uint64(CODES) or code % np.uint64(OBJECTS) == np.uint64(0):
        return -1
    return np.int64(code) if bits >> _TO_CHECK == _check(found, code) else -1


@inlined
def _confirmed(codes: Any, contents: Any, rows: Any, columns: Any, r: Any, c: Any) -> Any:
    """Whether some other tile has the same code and other pixels."""
    for y in range(rows):
        for x in range(columns):
            if codes[y, x] == codes[r, c] and contents[y, x] != contents[r, c]:
                return True
    return False


@kernel
def read_tiles(images: Any, codes: Any, phases: Any) -> None:
    """Find the marks in ``images``, uint8 [n, h, w, 3].

    Args:
        images: any images.
        codes: int64 [n, h // 4, w // 4], the code of every tile of the grid found, or -1.
        phases: int64 [n, 2], the row and the column where the grid begins, each 0 to 3.
    """
    height, width = images.shape[1], images.shape[2]
    read = np.empty((height // TILE, width // TILE), np.int64)
    valid = np.empty_like(read)
    contents = np.empty((height // TILE, width // TILE), np.uint64)
    for i in range(len(images)):
        most = 0
        codes[i] = -1
        phases[i] = 0
        for phase in range(TILE * TILE):
            top, left = phase // TILE, phase % TILE
            rows, columns = max(height - top, 0) // TILE, max(width - left, 0) // TILE
            for r in range(rows):
                for c in range(columns):
                    read[r, c] = -1
                    if _has_regions(images[i], top + r * TILE, left + c * TILE):
                        contents[r, c] = content(images[i], top + r * TILE, left + c * TILE)
                        read[r, c] = _read_tile(images[i], top + r * TILE, left + c * TILE, contents[r, c])
            count = 0
            valid[:] = -1
            for r in range(rows):
                for c in range(columns):
                    if read[r, c] >= 0 and _confirmed(read, contents, rows, columns, r, c):
                        valid[r, c] = read[r, c]
                        count += 1
            if count > most:
                most = count
                codes[i] = valid
                phases[i, 0], phases[i, 1] = top, left
            if 2 * most > read.size:  # the grids of other phases have no room for more
                break
