"""The written words: letters five cells wide and seven high, as signed distances that the renderer samples."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from neuronym.world.vocabulary import WORDS

MARGIN = 2
"""Empty cells around a word."""

FINE = 4
"""Samples per cell."""

HEIGHT, WIDTH = (7 + 2 * MARGIN) * FINE, (6 * 4 - 1 + 2 * MARGIN) * FINE

_LETTERS = {
    "A": "01110 10001 10001 11111 10001 10001 10001",
    "C": "01111 10000 10000 10000 10000 10000 01111",
    "E": "11111 10000 10000 11110 10000 10000 11111",
    "F": "11111 10000 10000 11110 10000 10000 10000",
    "H": "10001 10001 10001 11111 10001 10001 10001",
    "I": "11111 00100 00100 00100 00100 00100 11111",
    "J": "00111 00010 00010 00010 00010 10010 01100",
    "K": "10001 10010 10100 11000 10100 10010 10001",
    "L": "10000 10000 10000 10000 10000 10000 11111",
    "M": "10001 11011 10101 10101 10001 10001 10001",
    "N": "10001 11001 10101 10011 10001 10001 10001",
    "O": "01110 10001 10001 10001 10001 10001 01110",
    "P": "11110 10001 10001 11110 10000 10000 10000",
    "S": "01111 10000 10000 01110 00001 00001 11110",
    "T": "11111 00100 00100 00100 00100 00100 00100",
    "X": "10001 10001 01010 00100 01010 10001 10001",
    "Z": "11111 00001 00010 00100 01000 10000 11111",
}


@cache
def lettering() -> npt.NDArray[np.float32]:
    """Distances in font cells to the strokes of every word, negative inside, float32 [words, HEIGHT, WIDTH].

    A word stands in the middle of its grid; samples are 1 / FINE of a cell apart.
    """
    return np.stack([_distances(_cells(word)) for word in WORDS])


def _cells(word: str) -> npt.NDArray[np.bool_]:
    letters = [np.array([[bit == "1" for bit in row] for row in _LETTERS[c].split()]) for c in word]
    gap = np.zeros((7, 1), bool)
    parts = [part for letter in letters for part in (letter, gap)][:-1]
    cells: npt.NDArray[np.bool_] = np.concatenate(parts, 1)
    return cells


def _distances(cells: npt.NDArray[np.bool_]) -> npt.NDArray[np.float32]:
    """Signed distances to a union of unit squares."""
    offset_x = (WIDTH / FINE - cells.shape[1]) / 2
    x = (np.arange(WIDTH) + 0.5) / FINE - offset_x
    y = (np.arange(HEIGHT) + 0.5) / FINE - MARGIN
    padded = np.pad(cells, 1)
    outside = _to_squares(x, y, np.argwhere(cells))
    inside = _to_squares(x, y, np.argwhere(~padded) - 1)
    return np.where(outside > 0, outside, -inside).astype(np.float32)


def _to_squares(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], corners: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Distance from every point of a grid to the nearest of some unit squares; 0 inside of one."""
    nearest = np.full((len(y), len(x)), 1e9)
    for row, column in corners:
        dx = np.maximum(np.abs(x - column - 0.5) - 0.5, 0)[None, :]
        dy = np.maximum(np.abs(y - row - 0.5) - 0.5, 0)[:, None]
        nearest = np.minimum(nearest, dx * dx + dy * dy)
    distances: npt.NDArray[np.float64] = np.sqrt(nearest)
    return distances
