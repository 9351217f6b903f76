"""Where the objects of a scene can be: all that is drawn, and nothing that no drawing could give."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from neuronym.world.arrangements import Arrangements, arrangements
from neuronym.world.scenes import MAIN, SECOND, Scenes, draw_scenes
from neuronym.world.vocabulary import RADII, SIZES, WORDS

Rows = npt.NDArray[np.int64]


def rows_of(known: Arrangements) -> Rows:
    """A row each: the second object, the size, columns, rows, sides and the word."""
    columns = [known.second, known.size, *known.column.T, *known.row.T, known.across, known.down, known.word]
    return np.stack(columns, 1).astype(np.int64)


def side(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Rows:
    return np.where(second - first > 4, 1, np.where(first - second > 4, -1, 0))


def arranged(scenes: Scenes) -> Rows:
    second = scenes.there[:, SECOND]
    columns = [
        second,
        scenes.size[:, MAIN],
        scenes.column[:, MAIN],
        scenes.column[:, SECOND] * second,
        scenes.row[:, MAIN],
        scenes.row[:, SECOND] * second,
        side(*scenes.x.T) * second,
        side(*scenes.y.T) * second,
        scenes.word >= 0,
    ]
    return np.stack(columns, 1).astype(np.int64)


def distinct(rows: Rows) -> set[tuple[int, ...]]:
    """The rows that occur, each as a number in mixed digits first, which sorts faster."""
    numbers = np.zeros(len(rows), np.int64)
    for column in rows.T:
        numbers = numbers * 5 + column + 1
    return {tuple(map(int, row)) for row in rows[np.unique(numbers, return_index=True)[1]]}


def test_each_is_there_once() -> None:
    rows = rows_of(arrangements())
    assert len(distinct(rows)) == len(rows) == len(arrangements())
    assert arrangements() is arrangements()


@pytest.mark.parametrize(
    "given", [{}, {"size": 1, "word": 0}, {"size": 2, "word": 3}, {"size": 3}, {"size": 3, "word": 9}]
)
def test_every_drawn_scene_has_one(given: dict[str, int]) -> None:
    drawn = distinct(arranged(draw_scenes(77, np.arange(100_000), given=given)))
    assert drawn <= distinct(rows_of(arrangements()))
    assert len(drawn) > 15


def placed(dice: np.random.Generator, size: int, word: bool, count: int) -> Rows:
    """Arrangements of two objects by the rules of the scenes, any place for the second that the rules allow.

    Small radii, which leave most room, are tried more often, and so are places at the ends of their ranges and, where
    the word changes sides, in the middle.
    """
    least, most = RADII[SIZES[size]]
    radius = least + (most - least) * dice.random(count) ** 8
    other = 7.0 + (np.minimum(9.5, 0.68 * radius) - 7.0) * dice.random(count) ** 8

    def between(margin: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return margin + (64 - 2 * margin) * dice.beta(0.5, 0.5, count)

    x, y, right, below = (between(margin) for margin in (radius + 3, radius + 3, other + 2, other + 2))
    if word:
        y = 32 + (y - 32) * dice.random(count) ** dice.choice((0, 8), count)
    gap = np.hypot(right - x, below - y) - other - radius
    if word:
        height = np.where(y > 32, 9.5, 64 - 9.5) + np.where(y > 32, 1, -1) * 2.5 * dice.random(count) ** 8
        gap = np.minimum(gap, np.abs(below - height) - other - 8)
    cells = [np.minimum(place * 3 // 64, 2) for place in (x, right, y, below)]
    flags = [np.ones(count), np.full(count, size), *cells, side(x, right), side(y, below), np.full(count, word)]
    return np.stack(flags, 1).astype(np.int64)[gap > -0.7 * other]


def found_by_trying() -> Iterator[tuple[int, ...]]:
    dice = np.random.default_rng(1)
    for size in (1, 2, 3):
        for word in (False, True):
            for _ in range(5):
                yield from distinct(placed(dice, size, word, 300_000))


def test_each_of_two_objects_can_be() -> None:
    known = {row for row in distinct(rows_of(arrangements())) if row[0]}
    assert set(found_by_trying()) == known


def test_each_of_one_object_is_drawn() -> None:
    known = {row for row in distinct(rows_of(arrangements())) if not row[0]}
    drawn = distinct(arranged(draw_scenes(3, np.arange(20_000))))
    assert {row for row in drawn if not row[0]} == known
    # Large ones are in the centre; the others anywhere; all with a word or without.
    assert len(known) == 2 * (1 + 9 + 9)
    assert len(WORDS) == 10
