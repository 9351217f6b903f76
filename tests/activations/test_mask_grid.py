"""Annotated masks on the grid of a network's input, against plain loops over its cells."""

from __future__ import annotations

from fractions import Fraction
from itertools import repeat
from math import floor

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from PIL import Image

from neuronym.activations.mask_grid import check_grid, choose_grid, label_cells, label_pixels, on_grid
from neuronym.errors import MethodError
from neuronym.records import Geometry, ImageMasks, unpacked
from neuronym.targets.preprocessing import Preprocessing

sizes = st.tuples(st.integers(1, 60), st.integers(1, 60))
grids = st.tuples(st.integers(1, 14), st.integers(1, 14))


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    """Every kind of resize, with and without a crop that may be smaller or larger."""
    resize = draw(st.sampled_from(["shorter", "exact", "none"]))
    size = {"shorter": st.integers(1, 40), "exact": sizes, "none": st.none()}[resize]
    crop, corner = draw(st.none() | sizes), draw(st.sampled_from(["round", "floor"]))
    made = Preprocessing(resize, draw(size), crop, "bilinear", "unit", (0,) * 3, (1,) * 3, corner)  # type: ignore[arg-type]
    return made.geometry(*draw(sizes))


def under(geometry: Geometry, labels: tuple[int, int], grid: tuple[int, int], row: int, column: int) -> list[int]:
    """The label pixel under the centre of a cell, in exact fractions; empty outside of the image."""
    y = Fraction(2 * row + 1, 2 * grid[0]) * geometry.input[0]
    x = Fraction(2 * column + 1, 2 * grid[1]) * geometry.input[1]
    x, y = geometry.to_image(x, y)  # type: ignore[arg-type, assignment]
    if not (0 <= x < geometry.image[1] and 0 <= y < geometry.image[0]):
        return []
    return [floor(y * labels[0] / geometry.image[0]), floor(x * labels[1] / geometry.image[1])]


@settings(max_examples=150, deadline=None)
@given(geometries(), sizes, grids, st.integers(0, 2**32))
def test_masks_are_the_label_pixels_under_the_centres_of_cells(
    geometry: Geometry, labels: tuple[int, int], grid: tuple[int, int], seed: int
) -> None:
    generator = np.random.default_rng(seed)
    masks = generator.random((3, *labels)) < 0.4
    found = on_grid(ImageMasks(np.array([4, 1, 7]), masks, np.array([5, 1])), geometry, grid)
    expected = {number: np.zeros(grid, np.bool_) for number in (1, 4, 5, 7)}
    valid = np.zeros(grid, np.bool_)
    for row in range(grid[0]):
        for column in range(grid[1]):
            at = under(geometry, labels, grid, row, column)
            if at:
                valid[row, column] = expected[1][row, column] = expected[5][row, column] = True
                expected[4][row, column], expected[7][row, column] = masks[0][*at], masks[2][*at]
    assert np.array_equal(unpacked(found.valid, grid)[0], valid)
    kept = [number for number, mask in expected.items() if mask.any()]
    concepts, words = found.of(0)
    assert len(found) == 1
    assert concepts.tolist() == kept
    assert concepts.dtype == np.int64
    assert np.array_equal(unpacked(words, grid), np.array([expected[number] for number in kept]).reshape(-1, *grid))


@settings(max_examples=100, deadline=None)
@given(geometries(), sizes, grids)
def test_label_pixels_are_separable(geometry: Geometry, labels: tuple[int, int], grid: tuple[int, int]) -> None:
    rows, columns = label_pixels(geometry, labels, grid)
    assert (rows.shape, columns.shape) == ((grid[0],), (grid[1],))
    for row in range(grid[0]):
        for column in range(grid[1]):
            at = [int(rows[row]), int(columns[column])]
            assert (at if min(at) >= 0 else []) == under(geometry, labels, grid, row, column)


def test_an_image_that_is_not_annotated_has_no_cell_that_counts() -> None:
    geometry = Geometry((4, 4), (4, 4), 0, 0, (4, 4))
    found = on_grid(None, geometry, (9, 9))
    assert (len(found), len(found.concepts), found.valid.tolist()) == (1, 0, [[0, 0]])
    nothing = ImageMasks(np.zeros(0, np.int64), np.zeros((0, 0, 0), np.bool_), np.zeros(0, np.int64))
    annotated = on_grid(nothing, geometry, (2, 2))
    assert (len(annotated.concepts), annotated.valid.tolist()) == (0, [[0b1111]])


@pytest.mark.parametrize("crop", [(32, 32), (48, 64)])
def test_a_wide_image_and_a_centre_cropped_network_align(crop: tuple[int, int]) -> None:
    """What the network gets that is red is what the mask says is red, but for the cells at the edges."""
    red = np.zeros((96, 128), np.bool_)
    red[10:50, 20:60], red[60:90, 70:121], red[30:94, 100:110] = True, True, True
    image = np.zeros((96, 128, 3), np.uint8)
    image[red] = 255, 0, 0
    made = Preprocessing("shorter", 40, crop, "bilinear", "unit", (0.0,) * 3, (1.0,) * 3)
    seen = made.apply(Image.fromarray(image))[0].numpy()
    found = on_grid(ImageMasks(np.array([0]), red[None], np.zeros(0, np.int64)), made.geometry(96, 128), crop)
    mask = unpacked(found.words, crop)[0]
    sure = (seen == 0) | (seen == 1)
    assert sure.mean() > 0.85
    assert 0.2 < mask.mean() < 0.6
    assert np.array_equal(mask[sure], seen[sure] == 1)
    assert np.abs(mask[~sure] - seen[~sure]).max() < 0.8  # at an edge it says what most of the cell's middle is


@settings(max_examples=100, deadline=None)
@given(geometries(), sizes)
def test_cells_are_as_large_as_label_pixels(geometry: Geometry, labels: tuple[int, int]) -> None:
    box = geometry.visible()
    assume(all(inner <= outer for inner, outer in zip(geometry.input, geometry.resized, strict=True)))
    visible = (box.y1 - box.y0) * labels[0] / geometry.image[0], (box.x1 - box.x0) * labels[1] / geometry.image[1]
    for cells, pixels in zip(label_cells(geometry, labels), visible, strict=True):
        assert abs(cells - max(1.0, pixels)) <= 0.5 + 1e-9


def _whole(*size: int) -> Geometry:
    return Geometry((size[0], size[1]), (size[0], size[1]), 0, 0, (size[0], size[1]))


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ([(60, 80)] * 3, (60, 80)),
        ([(60, 80)] * 256 + [(50, 80)], (60, 80)),  # no more are looked at
        ([(60, 80)] * 255 + [(50, 80)], (84, 112)),
        ([(128, 128)], (128, 128)),
        ([(60, 129)], (84, 112)),
        ([], (84, 112)),
    ],
)
def test_the_grid_is_that_of_the_labels_or_of_brodens_size(
    labels: list[tuple[int, int]], expected: tuple[int, int]
) -> None:
    assert choose_grid(((_whole(300, 400), size) for size in labels), (300, 400)) == expected


def test_no_more_labels_are_looked_at_than_needed() -> None:
    endless = repeat((_whole(300, 400), (900, 900)))
    assert choose_grid(endless, (300, 400)) == (84, 112)
    assert choose_grid([], (500, 1)) == (112, 1)
    cropped = Preprocessing("shorter", 256, (224, 224), "bilinear", "unit", (0,) * 3, (1,) * 3).geometry(224, 224)
    assert choose_grid(repeat((cropped, (112, 112))), (224, 224)) == (98, 98)


@pytest.mark.parametrize("grid", [(0, 5), (5, 513), (-1, 4)])
def test_a_grid_that_cannot_be_used(grid: tuple[int, int]) -> None:
    with pytest.raises(MethodError) as caught:
        check_grid(grid)
    assert str(caught.value) == (
        f"The grid is {grid[0]}x{grid[1]} cells. Give 1 to 512 cells a side, for example 56x56, or none."
    )
    assert check_grid((1, 512)) == (1, 512)
