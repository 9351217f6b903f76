"""Which arrangements of objects a scene of the world can have: sizes and places that fit together, in exact geometry.

:func:`neuronym.world.scenes.draw_scenes` places objects by continuous random numbers. Of each arrangement (the size of
the main object, the thirds that both centres lie in, which of them lies clearly to the left or above, and whether there
is a word) this module tells whether a scene has it with a probability above zero, however small. Shapes, colours,
patterns and backgrounds do not matter to it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from neuronym.world.concepts import CLEARLY
from neuronym.world.scenes import MAIN_MARGIN, OVERLAP, SECOND_MARGIN, WORD_BAND, WORD_FROM_BORDER
from neuronym.world.vocabulary import COLUMNS, RADII, ROWS, SIDE, SIZES

_SECOND_RADIUS = RADII["tiny"][0]

Span = tuple[float, float]
Numbers = npt.NDArray[np.int16]


@dataclass(frozen=True, eq=False)
class Arrangements:
    """Arrangements, a row each; numbers of names as in :class:`~neuronym.world.scenes.Scenes`.

    Attributes:
        second: whether there is a second object, bool [n]. Where there is none its places are 0.
        size: of the main object, [n]; the second is tiny.
        column, row: of the main and of the second object, [n, 2].
        across, down: 1 where the second object lies clearly to the right of, or below, the main one; -1 where it lies
            clearly to the left, or above; 0 otherwise. [n]
        word: whether a word is written, bool [n].
    """

    second: npt.NDArray[np.bool_]
    size: Numbers
    column: Numbers
    row: Numbers
    across: Numbers
    down: Numbers
    word: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.size)


@cache
def arrangements() -> Arrangements:
    """All that a scene can have, each once."""
    rows = np.array([*_alone(), *_in_pairs()], np.int16).T
    return Arrangements(
        second=rows[0] > 0,
        size=rows[1],
        column=rows[2:4].T,
        row=rows[4:6].T,
        across=rows[6],
        down=rows[7],
        word=rows[8] > 0,
    )


_Row = tuple[int, ...]


def _alone() -> Iterator[_Row]:
    for size, column, row, word in product(range(1, len(SIZES)), range(len(COLUMNS)), range(len(ROWS)), range(2)):
        if all(_positive(_cut(_main_span(size), _third(cell))) for cell in (column, row)):
            yield (0, size, column, 0, row, 0, 0, 0, word)


def _in_pairs() -> Iterator[_Row]:
    """Objects may be as far apart as their places allow, in x and y independently, and have to be far enough."""
    for size in range(1, len(SIZES)):
        need = RADII[SIZES[size]][0] + _SECOND_RADIUS * (1 - OVERLAP)
        across = _farthest(_main_span(size), _second_span())
        for word in (False, True):
            down = _farthest_down(size, word)
            for (place, x), (height, y) in product(across.items(), down.items()):
                if x * x + y * y > need * need:
                    (column, other, right), (row, below, lower) = place, height
                    yield (1, size, column, other, row, below, right, lower, word)


def _main_span(size: int) -> Span:
    """Where the centre of the smallest main object of a size may be; larger ones have less room."""
    margin = RADII[SIZES[size]][0] + MAIN_MARGIN
    return margin, SIDE - margin


def _second_span() -> Span:
    margin = _SECOND_RADIUS + SECOND_MARGIN
    return margin, SIDE - margin


def _farthest_down(size: int, word: bool) -> dict[tuple[int, int, int], float]:
    """:func:`_farthest` in y. A word stands at the top if the main object is in the lower half, else at the bottom."""
    main, second = _main_span(size), _second_span()
    if not word:
        return _farthest(main, second)
    clear = WORD_FROM_BORDER + WORD_BAND + _SECOND_RADIUS * (1 - OVERLAP)
    top = _farthest(_cut(main, (SIDE / 2, SIDE)), _cut(second, (clear, SIDE)))
    bottom = _farthest(_cut(main, (0, SIDE / 2)), _cut(second, (0, SIDE - clear)))
    return {key: max(top.get(key, 0), bottom.get(key, 0)) for key in top | bottom}


def _farthest(main: Span, second: Span) -> dict[tuple[int, int, int], float]:
    """How far apart two coordinates can be: by the thirds of the two, and by which is clearly the greater."""
    found = {}
    for one, other, sign in product(range(len(COLUMNS)), range(len(COLUMNS)), (-1, 0, 1)):
        first, then = _cut(main, _third(one)), _cut(second, _third(other))
        between = {-1: (-SIDE, -CLEARLY), 0: (-CLEARLY, CLEARLY), 1: (CLEARLY, SIDE)}[sign]
        difference = _cut((then[0] - first[1], then[1] - first[0]), between)
        if _positive(first) and _positive(then) and _positive(difference):
            found[one, other, sign] = max(map(abs, difference))
    return found


def _third(number: int) -> Span:
    return SIDE * number / 3, SIDE * (number + 1) / 3


def _cut(one: Span, other: Span) -> Span:
    return max(one[0], other[0]), min(one[1], other[1])


def _positive(span: Span) -> bool:
    return span[0] < span[1]
