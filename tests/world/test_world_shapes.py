"""Outlines and letters as distances, against slow exact ones; textures that join at their borders."""

from __future__ import annotations

import numpy as np
import pytest

from neuronym.world.lettering import FINE, HEIGHT, WIDTH, lettering
from neuronym.world.shapes import CELLS, REACH, atlas, details, outline, signed_distance
from neuronym.world.textures import TILE, textures
from neuronym.world.vocabulary import BACKGROUNDS, SHAPES, WORDS
from world.slow_renderer import bitmap_distance, distance, word_bitmap

AXIS = np.linspace(-REACH, REACH, CELLS)
SAMPLES = AXIS + 1j * AXIS[:, None]


@pytest.mark.parametrize("shape", SHAPES)
def test_distances_are_those_of_another_algorithm(shape: str) -> None:
    number = SHAPES.index(shape)
    for grid, polygons in zip(atlas(), (outline(shape), *details(shape)), strict=True):
        exact = distance(polygons, SAMPLES)
        np.testing.assert_allclose(grid[number], exact, atol=2e-6)


@pytest.mark.parametrize("shape", SHAPES)
def test_distances_are_those_to_points_along_the_outline(shape: str) -> None:
    """Brute force: the nearest of thousands of points on the sides, which is too far by half their spacing at most."""
    points = np.random.default_rng(0).uniform(-REACH, REACH, (400, 2))
    cells = np.rint((points + REACH) / (2 * REACH) * (CELLS - 1)).astype(int)
    places = AXIS[cells[:, 0]] + 1j * AXIS[cells[:, 1]]
    spacing = 0.002
    along = []
    for polygon in outline(shape):
        corners = polygon[:, 0] + 1j * polygon[:, 1]
        for start, end in zip(corners, np.roll(corners, -1), strict=True):
            along.append(np.linspace(start, end, int(abs(end - start) / spacing) + 2))
    outlined = np.concatenate(along)
    nearest = np.array([abs(outlined - place).min() for place in places])
    found = abs(signed_distance(outline(shape))[cells[:, 1], cells[:, 0]])
    assert (nearest >= found - 1e-5).all()
    assert (nearest <= found + spacing / 2 + 1e-5).all()


def test_known_points_are_inside_and_outside() -> None:
    for shape, inside, outside in (
        ("circle", (0, 0), (0.9, 0.9)),
        ("square", (0.8, -0.8), (0.9, 0)),
        ("ring", (0.75, 0), (0, 0)),
        ("cross", (0, 0.9), (0.7, 0.7)),
        ("crescent", (-0.7, 0), (0.6, 0)),
        ("arrow", (1.0, 0), (-0.9, 0.6)),
        ("house", (0, -0.9), (-0.95, 0.5)),
        ("fish", (-0.6, 0), (0.45, 0.5)),
        ("heart", (0.5, -0.5), (0, -0.75)),
        ("star", (0, -1.0), (0.6, 0.05 - 0.6)),
        ("triangle", (0, -0.9), (0.9, -0.5)),
        ("face", (0.6, 0.6), (0.8, 0.8)),
    ):
        there = np.array([complex(*inside), complex(*outside)])
        assert (distance(outline(shape), there) < 0).tolist() == [True, False], shape


def test_every_detail_is_on_its_object() -> None:
    for shape in SHAPES:
        for polygons in details(shape):
            for polygon in polygons:
                assert (distance(outline(shape), polygon[:, 0] + 1j * polygon[:, 1]) < 1e-9).all(), shape


def test_a_shape_without_details_is_far_from_them() -> None:
    solid, dark, light = atlas()
    assert solid.shape == dark.shape == light.shape == (len(SHAPES), CELLS, CELLS)
    for number, shape in enumerate(SHAPES):
        for grid, polygons in zip((dark, light), details(shape), strict=True):
            assert polygons or (grid[number] == 9).all()
    assert {shape for shape in SHAPES if any(details(shape))} == {"face", "fish", "house"}


def test_shapes_differ_clearly() -> None:
    filled = atlas()[0] < 0
    for one in range(len(SHAPES)):
        for other in range(one):
            common, either = (filled[one] & filled[other]).sum(), (filled[one] | filled[other]).sum()
            # A face is a disc with eyes and a mouth.
            same = {SHAPES[one], SHAPES[other]} == {"circle", "face"}
            assert (common / either > 0.9) == same, (SHAPES[one], SHAPES[other])


@pytest.mark.parametrize("word", WORDS)
def test_letters_against_a_raster_of_the_font(word: str) -> None:
    cells = word_bitmap(word)
    assert cells.shape == (7, 6 * len(word) - 1)
    x = (np.arange(WIDTH) + 0.5) / FINE - WIDTH / FINE / 2 + cells.shape[1] / 2
    y = (np.arange(HEIGHT) + 0.5) / FINE - HEIGHT / FINE / 2 + 3.5
    found = lettering()[WORDS.index(word)]
    columns, rows = np.floor(x).astype(int) + 2, np.floor(y).astype(int) + 2
    around = np.pad(cells, 2)
    within = (columns >= 0) & (columns < around.shape[1])
    assert np.array_equal(found[:, within] < 0, around[np.ix_(rows, columns[within])])
    assert (found[:, ~within] > 2 - 1 / FINE).all()
    np.testing.assert_allclose(found, bitmap_distance(cells, x + 1j * y[:, None]), atol=1e-5)


def test_letters_look_as_printed() -> None:
    shown = "\n".join("".join(" #"[int(cell)] for cell in row).rstrip() for row in word_bitmap("ZOO"))
    assert shown == (
        "#####  ###   ###\n"
        "    # #   # #   #\n"
        "   #  #   # #   #\n"
        "  #   #   # #   #\n"
        " #    #   # #   #\n"
        "#     #   # #   #\n"
        "#####  ###   ###"
    )
    assert len({word_bitmap(word).tobytes() for word in WORDS}) == len(WORDS)


@pytest.mark.parametrize("name", BACKGROUNDS)
def test_textures_go_on_beyond_their_borders(name: str) -> None:
    tile = textures()[BACKGROUNDS.index(name)].astype(float)
    assert tile.shape == (TILE, TILE, 3)
    assert tile.min() >= 0
    assert tile.max() <= 255
    for axis in (0, 1):
        steps = abs(tile - np.roll(tile, 1, axis)).mean((1 - axis, 2))
        # The first step is the one across the border; lines of bricks and planks make large ones within as well.
        assert steps[0] <= 1.05 * steps[1:].max(), axis
        rough = abs(tile - 2 * np.roll(tile, 1, axis) + np.roll(tile, 2, axis)).mean((1 - axis, 2))
        # Blades of grass that cross the upper border have one pixel twice.
        assert rough[:2].max() <= (1.2 if name == "grass" else 1.05) * rough[2:].max(), axis


def test_the_border_check_sees_a_seam() -> None:
    tile = np.roll(textures()[BACKGROUNDS.index("sky")].astype(float), 40, 0)
    cut = tile[: TILE - 60]
    steps = abs(cut - np.roll(cut, 1, 0)).mean((1, 2))
    assert steps[0] > 1.05 * steps[1:].max()


def test_backgrounds_differ_by_colour_or_by_roughness() -> None:
    looks = []
    for tile in textures().astype(float):
        roughness = [abs(np.diff(tile, axis=axis)).mean() for axis in (0, 1)]
        looks.append([*tile.mean((0, 1)), *roughness])
    for one, first in enumerate(looks):
        for other, second in enumerate(looks[:one]):
            assert abs(np.subtract(first, second)).max() > 20, (BACKGROUNDS[one], BACKGROUNDS[other])
