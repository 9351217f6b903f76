"""The world's concept list: what a method with a closed list of descriptions chooses among, and the true tables."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import numpy.typing as npt

from neuronym.world.concepts import Concept, Place, Thing, Together, Writing, presence
from neuronym.world.scenes import Scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES, WORDS


@cache
def catalogue() -> tuple[Concept, ...]:
    """Every single property, and the pairs that scenes are told apart by; 400 concepts or so, each once."""
    single: list[Concept] = [Thing(shape) for shape in SHAPES]
    single += [Thing(colour=colour) for colour in COLOURS]
    single += [Thing(pattern=pattern) for pattern in PATTERNS]
    single += [Thing(size=size) for size in SIZES]
    single += [Thing(column=column) for column in COLUMNS]
    single += [Thing(row=row) for row in ROWS]
    single += [Place(name) for name in BACKGROUNDS]
    single += [Writing(), *(Writing(word) for word in WORDS)]
    pairs: list[Concept] = [Thing(shape, colour) for shape, colour in product(SHAPES, COLOURS)]
    pairs += [Thing(shape, pattern=pattern) for shape, pattern in product(SHAPES, PATTERNS)]
    pairs += [Thing(colour=colour, pattern=pattern) for colour, pattern in product(COLOURS, PATTERNS)]
    pairs += [Together((Thing(shape), Place(name))) for shape, name in product(SHAPES, BACKGROUNDS)]
    return (*single, *pairs)


def category(concept: Concept) -> str:
    """The category of a concept of the catalogue among annotations: ``object``, ``colour``, ``pair`` ..."""
    match concept:
        case Place():
            return "scene"
        case Writing():
            return "text"
        case Thing():
            given = [kind for name, kind in _CATEGORIES.items() if getattr(concept, name) is not None]
            return given[0] if len(given) == 1 else "pair"
        case _:
            return "pair"


_CATEGORIES = {
    "shape": "object",
    "colour": "colour",
    "pattern": "texture",
    "size": "size",
    "column": "position",
    "row": "position",
}


def truth(concepts: tuple[Concept, ...], scenes: Scenes) -> npt.NDArray[np.float32]:
    """1 where a concept is in a scene and 0 elsewhere, float32 [scenes, concepts]."""
    if not concepts:
        return np.zeros((len(scenes), 0), np.float32)
    return np.stack([presence(concept, scenes) for concept in concepts], 1).astype(np.float32)
