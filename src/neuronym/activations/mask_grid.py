"""Annotated masks on the grid of a network's input, and which grid that is.

A grid covers the network's input evenly. What counts in a cell is the label pixel under its centre; annotations cover
the whole original image, so a cell that shows padding lies outside of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np
import numpy.typing as npt

from neuronym.errors import MethodError
from neuronym.records import ConceptMasks, Geometry, Grid, ImageMasks, packed, word_count

LARGEST = 512
"""Cells that a side of a grid may have."""

NATURAL = 128
"""Cells that a side may have where they are the label pixels themselves."""

BRODEN = 112
"""Cells of the longer side otherwise: the side of the label images of Broden (Bau et al., 2017)."""

LOOKED_AT = 256
"""Annotated images whose label pixels are counted to choose a grid."""

Ints = npt.NDArray[np.int64]
Size = tuple[int, int]


def check_grid(grid: Grid) -> Grid:
    """The grid, if masks can be compared on it.

    Raises:
        MethodError: a side is not within 1 and :data:`LARGEST`.
    """
    if not all(1 <= side <= LARGEST for side in grid):
        raise MethodError(
            f"The grid is {grid[0]}x{grid[1]} cells. Give 1 to {LARGEST} cells a side, for example 56x56, or none."
        )
    return grid


def choose_grid(labels: Iterable[tuple[Geometry, Size]], input_size: Size) -> Grid:
    """The grid where none is asked for.

    It has as many cells as label pixels would cover the input, rounded, if these are the same numbers for the first
    :data:`LOOKED_AT` images and at most :data:`NATURAL`. Else it has the input's proportions, its longer side
    :data:`BRODEN` cells.

    Args:
        labels: of annotated images how each became the input, and the (height, width) of its masks in label pixels.
            No more of them are taken than needed.
        input_size: (height, width) of the input, in pixels.
    """
    grid: Grid | None = None
    for geometry, size in islice(labels, LOOKED_AT):
        cells = label_cells(geometry, size)
        if grid not in (None, cells) or max(cells) > NATURAL:
            return _in_proportion(input_size)
        grid = cells
    return grid or _in_proportion(input_size)


def label_cells(geometry: Geometry, labels: Size) -> Grid:
    """How many label pixels would cover the network's input, (down, across), rounded, at least 1."""
    down, across = (
        max(1, _rounded(pixels * count, resized))
        for pixels, count, resized in zip(geometry.input, labels, geometry.resized, strict=True)
    )
    return down, across


def label_pixels(geometry: Geometry, labels: Size, grid: Grid) -> tuple[Ints, Ints]:
    """The label pixel under the centre of each cell: its row by the cell's row, its column by the cell's column.

    Args:
        geometry: how the image became the input.
        labels: (height, width) of the annotation, which covers the whole image.
        grid: the cells.

    Returns:
        Int64 [grid rows] and int64 [grid columns]; -1 outside of the image.
    """
    corners = (geometry.top, geometry.left)
    rows, columns = (
        _along(*side) for side in zip(grid, geometry.input, corners, geometry.resized, labels, strict=True)
    )
    return rows, columns


def on_grid(found: ImageMasks | None, geometry: Geometry, grid: Grid) -> ConceptMasks:
    """One image's masks on a grid, packed; concepts of which no cell is left are not in it.

    Args:
        found: what is annotated, over the whole image; None for an image that is not annotated.
        geometry: how the image became the input.
        grid: the cells.
    """
    words = word_count(grid)
    if found is None:
        nothing = np.zeros(0, np.int64)
        return ConceptMasks(
            np.zeros(2, np.int64), nothing, np.zeros((0, words), np.uint64), np.zeros((1, words), np.uint64)
        )
    rows, columns = label_pixels(geometry, (found.masks.shape[1], found.masks.shape[2]), grid)
    inside = rows >= 0, columns >= 0
    valid = packed((inside[0][:, None] & inside[1])[None])
    apart = ~np.isin(found.concepts, found.whole)  # what is true of the whole image is true wherever else it is drawn
    masks = np.zeros((int(apart.sum()), *grid), np.bool_)
    if len(masks):
        near = found.masks[apart][:, rows[inside[0]]][:, :, columns[inside[1]]]
        masks[np.ix_(np.arange(len(masks)), *inside)] = near
    whole = np.unique(found.whole)
    return _sorted(
        np.concatenate([found.concepts[apart], whole]),
        np.concatenate([packed(masks), np.repeat(valid, len(whole), axis=0)]),
        valid,
    )


def _sorted(concepts: Ints, words: npt.NDArray[np.uint64], valid: npt.NDArray[np.uint64]) -> ConceptMasks:
    """One image's masks by concept, without the empty ones."""
    kept = np.flatnonzero(words.any(axis=1))
    order = kept[np.argsort(concepts[kept])]
    return ConceptMasks(np.array([0, len(order)], np.int64), concepts[order].astype(np.int64), words[order], valid)


def _along(cells: int, pixels: int, corner: int, resized: int, labels: int) -> Ints:
    """The label pixel under the centre of each cell along one side, -1 outside of the image.

    The centre of cell c is (2 c + 1) / (2 cells) of the input's side. All of it is in whole numbers, so that a centre
    on the edge of two pixels falls on the same side everywhere.
    """
    steps = 2 * cells * resized
    at = (2 * np.arange(cells, dtype=np.int64) + 1) * pixels + 2 * cells * corner
    return np.where((at >= 0) & (at < steps), at * labels // steps, -1)


def _rounded(numerator: int, denominator: int) -> int:
    """A quotient to the nearest whole number, a half upwards."""
    return (2 * numerator + denominator) // (2 * denominator)


def _in_proportion(size: Size) -> Grid:
    longer = max(size)
    return max(1, _rounded(BRODEN * size[0], longer)), max(1, _rounded(BRODEN * size[1], longer))
