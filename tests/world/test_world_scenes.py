"""What is drawn from (seed, index): independent of the batch, in bounds, visible, and as frequent as is said."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from itertools import combinations
from math import sqrt

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.world.render import render
from neuronym.world.scenes import MAIN, SECOND, SECOND_SHARE, WORD_SHARE, Scenes, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    COLUMNS,
    PATTERNS,
    RADII,
    ROWS,
    SHAPES,
    SIDE,
    SIZES,
    WORDS,
)

seeds = st.integers(-(2**65), 2**65)
numbers = st.lists(st.integers(0, 2**40), min_size=1, max_size=5)


def same(first: Scenes, second: Scenes) -> bool:
    return all(np.array_equal(getattr(first, field.name), getattr(second, field.name)) for field in fields(Scenes))


@given(seeds, numbers, st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_a_scene_depends_on_neither_batch_nor_order_nor_other_scenes(
    seed: int, some: list[int], random: object
) -> None:
    whole = draw_scenes(seed, some)
    assert same(whole, Scenes.joined([draw_scenes(seed, [number]) for number in some]))
    backwards = draw_scenes(seed, list(reversed(some)))
    assert same(whole, backwards.rows(slice(None, None, -1)))
    images, regions = render(whole)
    for row in range(len(some)):
        image, region = render(whole.rows([row]))
        assert np.array_equal(image[0], images[row])
        assert np.array_equal(region[0], regions[row])


def test_rows_by_position_by_flag_and_none() -> None:
    scenes = draw_scenes(3, range(10))
    assert same(scenes.rows([7, 2]), draw_scenes(3, [7, 2]))
    assert same(scenes.rows(np.arange(10) % 5 == 2), draw_scenes(3, [2, 7]))
    assert same(scenes.rows(slice(2, 8, 5)), draw_scenes(3, [2, 7]))
    for nothing in (scenes.rows([]), draw_scenes(3, []), scenes.rows(np.zeros(10, bool))):
        assert len(nothing) == 0
        assert same(nothing, draw_scenes(3, range(0)))
        assert [part.shape for part in render(nothing)] == [(0, SIDE, SIDE, 3), (0, SIDE, SIDE)]


@given(seeds, numbers)
@settings(max_examples=100, deadline=None)
def test_all_numbers_are_in_bounds(seed: int, some: list[int]) -> None:
    scenes = draw_scenes(seed, some)
    for name, known in (
        ("shape", SHAPES),
        ("colour", COLOURS),
        ("pattern", PATTERNS),
        ("size", SIZES),
        ("column", COLUMNS),
        ("row", ROWS),
    ):
        values = getattr(scenes, name)
        assert values.shape == (len(some), 2)
        assert ((values >= 0) & (values < len(known))).all(), name
    assert ((scenes.background >= 0) & (scenes.background < len(BACKGROUNDS))).all()
    assert ((scenes.word >= -1) & (scenes.word < len(WORDS))).all()
    assert scenes.there[:, MAIN].all()
    assert (scenes.size[:, MAIN] > 0).all()
    assert (scenes.size[:, SECOND] == 0).all()
    for thing, margin in ((MAIN, 3), (SECOND, 2)):
        least, most = np.array([RADII[SIZES[size]] for size in scenes.size[:, thing]]).T
        radius = scenes.radius[:, thing]
        assert ((radius >= least - 1e-4) & (radius <= most + 1e-4)).all()
        for places in (scenes.x[:, thing], scenes.y[:, thing]):
            assert ((places - radius >= margin - 1e-3) & (places + radius <= SIDE - margin + 1e-3)).all()
    assert (scenes.radius[:, SECOND] <= 0.68 * scenes.radius[:, MAIN] + 1e-4).all()
    assert (abs(scenes.angle) <= 0.2 + 1e-6).all()
    assert ((scenes.phase >= 0) & (scenes.phase <= 1)).all()
    assert (abs(scenes.light - 1) <= 0.07 + 1e-6).all()


@given(seeds, numbers)
@settings(max_examples=100, deadline=None)
def test_what_follows_from_something_else(seed: int, some: list[int]) -> None:
    scenes = draw_scenes(seed, some)
    assert (scenes.shape[:, MAIN] != scenes.shape[:, SECOND]).all()
    assert (scenes.colour[:, MAIN] != scenes.colour[:, SECOND]).all()
    assert np.array_equal(scenes.classes, scenes.shape[:, MAIN])
    for places, thirds in ((scenes.x, scenes.column), (scenes.y, scenes.row)):
        assert np.array_equal(thirds, (places >= SIDE / 3).astype(int) + (places >= 2 * SIDE / 3))
    for row in np.flatnonzero(scenes.word >= 0):
        half = (6 * len(WORDS[scenes.word[row]]) - 1) * scenes.word_scale[row] / 2
        assert half + 1.9 < scenes.word_x[row] < SIDE - half - 1.9
        # It stands at the top or at the bottom, with two pixels of halo, on the side away from the main object.
        top = 9.4 < scenes.word_y[row] < 12.1
        assert top or 9.4 < SIDE - scenes.word_y[row] < 12.1
        assert top == (scenes.y[row, MAIN] > SIDE / 2)


@cache
def many(split: str = "explain", count: int = 12_000) -> Scenes:
    return draw_scenes(SEEDS[split], range(count))


def independence(table: npt.NDArray[np.int64]) -> float:
    """Pearson's chi-square of a table of counts, in standard deviations above its mean."""
    expected = table.sum(1, keepdims=True) * table.sum(0, keepdims=True) / table.sum()
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    return float((((table - expected) ** 2 / expected).sum() - freedom) / sqrt(2 * freedom))


def crossed(first: npt.NDArray[np.int16], second: npt.NDArray[np.int16]) -> npt.NDArray[np.int64]:
    table = np.zeros((int(first.max()) + 1, int(second.max()) + 1), np.int64)
    np.add.at(table, (first, second), 1)
    return table


def properties(scenes: Scenes, thing: int = MAIN) -> dict[str, npt.NDArray[np.int16]]:
    return {
        "shape": scenes.shape[:, thing],
        "colour": scenes.colour[:, thing],
        "pattern": scenes.pattern[:, thing],
        "size": scenes.size[:, MAIN] - 1,
        "background": scenes.background,
        "word": scenes.word + 1,
    }


@pytest.mark.parametrize("split", SEEDS)
@pytest.mark.parametrize(("first", "second"), list(combinations(properties(draw_scenes(0, [0])), 2)))
def test_properties_are_independent_without_links(first: str, second: str, split: str) -> None:
    named = properties(many(split))
    assert independence(crossed(named[first], named[second])) < 4


@pytest.mark.parametrize(("first", "second"), [("shape", "colour"), ("shape", "pattern"), ("colour", "background")])
def test_properties_of_the_second_object_are_independent(first: str, second: str) -> None:
    scenes = many()
    named = properties(scenes.rows(scenes.there[:, SECOND]), SECOND)
    assert independence(crossed(named[first], named[second])) < 4


def test_the_chi_square_sees_a_weak_dependence() -> None:
    named = properties(many())
    mixed = np.where(np.arange(len(named["shape"])) % 10 == 0, named["shape"] % 8, named["background"])
    assert independence(crossed(named["shape"], mixed)) > 10


@pytest.mark.parametrize("split", SEEDS)
def test_every_value_is_as_frequent_as_the_others(split: str) -> None:
    scenes = many(split)
    for name, values in properties(scenes).items():
        counts = np.bincount(values)
        if name == "word":
            without, counts = counts[0], counts[1:]
            share = 1 - without / len(scenes)
            assert abs(share - WORD_SHARE) < 4 * sqrt(WORD_SHARE * (1 - WORD_SHARE) / len(scenes))
        expected = counts.sum() / len(counts)
        chi = float(((counts - expected) ** 2 / expected).sum())
        assert (chi - (len(counts) - 1)) / sqrt(2 * (len(counts) - 1)) < 4, name


def test_the_second_object_is_there_as_often_as_there_is_room() -> None:
    scenes = many()
    there = scenes.there[:, SECOND]
    # What is drawn is 0.35; where no place is clear enough, the object is left out.
    assert SECOND_SHARE - 0.06 < there.mean() < SECOND_SHARE
    small, medium, large = (there[scenes.size[:, MAIN] == size].mean() for size in (1, 2, 3))
    assert SECOND_SHARE + 0.03 > small > medium > large > 0.2


def test_where_the_main_object_is_depends_on_its_size() -> None:
    scenes = many()
    for thirds in (scenes.column[:, MAIN], scenes.row[:, MAIN]):
        centred = [(thirds[scenes.size[:, MAIN] == size] == 1).mean() for size in (1, 2, 3)]
        assert centred[0] < 0.7
        assert 0.85 < centred[1] < centred[2] == 1
        left, right = (thirds == 0).mean(), (thirds == 2).mean()
        assert abs(left - right) < 0.01


def alone(scenes: Scenes, thing: int) -> Scenes:
    """The scenes with one of their objects and nothing else."""
    there = np.zeros_like(scenes.there)
    there[:, thing] = scenes.there[:, thing]
    return replace(scenes, there=there, word=np.full_like(scenes.word, -1))


@pytest.mark.parametrize("split", SEEDS)
def test_every_object_and_every_word_is_visible(split: str) -> None:
    scenes = draw_scenes(SEEDS[split], range(3000))
    shown = render(scenes)[1]
    for thing, pixels, share in ((MAIN, 200, 0.75), (SECOND, 25, 0.33)):
        there = scenes.there[:, thing]
        codes = (1 + 2 * thing, 2 + 2 * thing)
        seen = np.isin(shown, codes).sum((1, 2))[there]
        whole = np.isin(render(alone(scenes, thing))[1], codes).sum((1, 2))[there]
        assert seen.min() >= pixels
        assert (seen / whole).min() >= share
        assert not np.isin(shown, codes)[~there].any()
    written = scenes.word >= 0
    letters = (shown == 5).sum((1, 2))
    assert letters[written].min() >= 350
    assert not letters[~written].any()
    assert (shown == 0).sum((1, 2)).min() >= SIDE * SIDE / 4


def test_nearly_no_object_is_half_hidden() -> None:
    scenes = many("test", 6000)
    shown, whole = render(scenes)[1], render(alone(scenes, SECOND))[1]
    there = scenes.there[:, SECOND]
    share = (np.isin(shown, (3, 4)).sum((1, 2)) / np.maximum(np.isin(whole, (3, 4)).sum((1, 2)), 1))[there]
    assert (share < 0.5).mean() < 0.002
    assert (share < 0.7).mean() < 0.02


@pytest.mark.parametrize(("thing", "pixels"), [(MAIN, 50), (SECOND, 10)])
def test_patterns_can_be_told_apart_on_the_object(thing: int, pixels: int) -> None:
    scenes = draw_scenes(SEEDS["test"], range(500))
    shown = np.isin(render(scenes)[1], (1 + 2 * thing, 2 + 2 * thing))
    versions = [
        render(replace(scenes, pattern=np.full_like(scenes.pattern, number)))[0].astype(int)
        for number in range(len(PATTERNS))
    ]
    for (one, first), (other, second) in combinations(zip(PATTERNS, versions, strict=True), 2):
        changed = ((abs(first - second).max(-1) > 30) & shown).sum((1, 2))[scenes.there[:, thing]]
        # The most hidden second objects show little of anything, and so of their pattern.
        assert np.quantile(changed, 0.0 if thing == MAIN else 0.02) >= pixels, (one, other)


def test_the_splits_share_no_scene() -> None:
    seen = [{image.tobytes() for image in render(many(split, 1500))[0]} for split in SEEDS]
    assert [len(images) for images in seen] == [1500] * 3
    assert len(set.union(*seen)) == 3 * 1500


def test_the_seed_of_a_scene_is_any_whole_number() -> None:
    huge = draw_scenes(-(10**30), [5])
    assert not same(huge, draw_scenes(10**30, [5]))
    assert same(huge, draw_scenes(-(10**30) + 2**64, [5]))
