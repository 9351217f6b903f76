"""The kernel's pictures against a slow second renderer, and how fast they are made."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from neuronym.world.render import NOISE, PALETTE, render
from neuronym.world.scenes import MAIN, SECOND, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, SIDE
from world.slow_renderer import slow_scene, with_noise

COUNT = 36
SCENES = draw_scenes(SEEDS["test"], range(COUNT))


def test_the_compared_scenes_have_everything_in_them() -> None:
    assert set(SCENES.shape[:, MAIN]) == set(range(len(SHAPES)))
    assert set(SCENES.colour[:, MAIN]) == set(range(len(COLOURS)))
    assert set(SCENES.pattern[:, MAIN]) == set(range(len(PATTERNS)))
    assert len(set(SCENES.pattern[SCENES.there[:, SECOND], SECOND])) >= 5
    assert set(SCENES.background) == set(range(len(BACKGROUNDS)))
    assert {0, 1} == set(SCENES.flip) == set(SCENES.word_dark[SCENES.word >= 0])
    assert len(set(SCENES.word)) > 5


@pytest.mark.parametrize("row", range(COUNT))
def test_pixels_and_regions_are_those_of_the_slow_renderer(row: int) -> None:
    """The kernel looks distances up in a grid, which is what the tolerances are for."""
    images, regions = render(SCENES.rows([row]))
    picture = slow_scene(SCENES, row)
    away = abs(with_noise(picture, int(SCENES.grain[row])).astype(int) - images[0]).astype(float)
    assert away.mean() < 0.35
    worst = away.max(-1)
    assert (worst > 3).mean() < 0.025
    assert (worst > 10).mean() < 0.015
    assert worst.max() < 70
    different = picture.regions != regions[0]
    # Only where a border is within a quarter of a pixel.
    assert different.sum() <= 10
    assert picture.doubt[different].max(initial=0) < 0.25


def test_the_comparison_sees_small_changes() -> None:
    row = int(np.flatnonzero(SCENES.pattern[:, MAIN] == PATTERNS.index("striped"))[0])
    right = with_noise(slow_scene(SCENES, row), int(SCENES.grain[row])).astype(int)
    for change in ({"phase": SCENES.phase + 0.1}, {"angle": SCENES.angle + 0.05}, {"x": SCENES.x + 0.3}):
        wrong = render(replace(SCENES, **change))[0][row]
        assert abs(right - wrong).mean() > 0.35, change


def test_the_noise_is_of_the_stated_strength_and_belongs_to_the_scene() -> None:
    scenes = draw_scenes(5, range(200))
    noisy = render(scenes)[0].astype(float)
    other = render(replace(scenes, grain=scenes.grain + np.uint64(77)))[0].astype(float)
    inner = (noisy.min(-1) > 15) & (noisy.max(-1) < 240)  # where nothing is cut off
    difference = (noisy - other)[inner]
    assert abs(difference.mean()) < 0.05
    assert difference.std() == pytest.approx(NOISE * np.sqrt(2), rel=0.03)


def test_a_plain_object_has_its_colour() -> None:
    """The median of the inner pixels, over many scenes: light and noise cancel out."""
    scenes = draw_scenes(6, range(3000))
    scenes = scenes.rows((scenes.pattern[:, MAIN] == 0) & ~np.isin(scenes.shape[:, MAIN], [SHAPES.index("face")]))
    images, regions = render(scenes)
    for number, name in enumerate(COLOURS):
        chosen = scenes.colour[:, MAIN] == number
        found = np.median(images[chosen][regions[chosen] == 1], 0)
        assert abs(found - PALETTE[name]).max() < 16, name


def test_shape_and_type_of_what_is_rendered() -> None:
    images, regions = render(SCENES)
    assert (images.shape, images.dtype) == ((COUNT, SIDE, SIDE, 3), np.uint8)
    assert (regions.shape, regions.dtype) == ((COUNT, SIDE, SIDE), np.uint8)
    assert set(np.unique(regions)) == set(range(6))
    again, same = render(SCENES)
    assert np.array_equal(images, again)
    assert np.array_equal(regions, same)


def test_a_thousand_images_a_second_on_one_core() -> None:
    render(draw_scenes(1, range(10)))  # compiled, and the textures made
    speeds = []
    for attempt in range(3):
        start = time.thread_time()
        render(draw_scenes(attempt, range(500)))
        speeds.append(500 / (time.thread_time() - start))
    assert max(speeds) > 1000
