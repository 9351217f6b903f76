"""What the bundled encoders are trained on: scenes with captions, prompts and attributes, some pairs withheld."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from neuronym.recipes.scenes import pixels_of
from neuronym.training.contrastive import ContrastiveBatch
from neuronym.world.concepts import Concept, Place, Thing, Writing, presence
from neuronym.world.grammar import TEMPLATES, said, write
from neuronym.world.render import render
from neuronym.world.scenes import MAIN, SECOND, Scenes, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES, WORDS

WITHHELD = tuple((shape, COLOURS[(3 * number + 1) % len(COLOURS)]) for number, shape in enumerate(SHAPES))
"""Pairs of shape and colour that no training scene shows, to see whether an encoder combines what it knows."""

PROMPTS: tuple[tuple[Concept, ...], ...] = (
    tuple(Thing(shape) for shape in SHAPES),
    tuple(Thing(colour=colour) for colour in COLOURS),
    tuple(Thing(pattern=pattern) for pattern in PATTERNS),
    tuple(Thing(size=size) for size in SIZES),
    tuple(Thing(column=column) for column in COLUMNS),
    tuple(Thing(row=row) for row in ROWS),
    tuple(Place(name) for name in BACKGROUNDS),
    tuple(Writing(word) for word in WORDS),
)
"""Groups of descriptions that exclude each other, for one object."""

_PAIRS = tuple(pair for pair in product(SHAPES, COLOURS) if pair not in WITHHELD)
_PAIRS_A_STEP = 40

HEADS = {
    "shape": len(SHAPES),
    "colour": len(COLOURS),
    "pattern": len(PATTERNS),
    "size": len(SIZES),
    "background": len(BACKGROUNDS),
    "word": len(WORDS) + 1,
    "column": len(COLUMNS),
    "row": len(ROWS),
    "second shape": len(SHAPES),
    "second colour": len(COLOURS),
    "second pattern": len(PATTERNS),
}
"""How many values each attribute has."""


def withheld(scenes: Scenes) -> npt.NDArray[np.bool_]:
    """Which scenes show a withheld pair, bool [scenes]."""
    shown = [
        (scenes.shape == SHAPES.index(shape)) & (scenes.colour == COLOURS.index(colour)) & scenes.there
        for shape, colour in WITHHELD
    ]
    found: npt.NDArray[np.bool_] = np.any(shown, axis=(0, 2))
    return found


def captioned(size: int, seed: int) -> Iterator[ContrastiveBatch]:
    """Training batches without end; ``seed`` decides the words, not the scenes."""
    start, generator = 0, np.random.default_rng(seed)
    while True:
        drawn = draw_scenes(SEEDS["train"], np.arange(start, start + 2 * size))
        kept = np.flatnonzero(~withheld(drawn))[:size]
        start += int(kept[-1]) + 1
        yield batch_of(drawn.rows(kept), generator)


def batch_of(scenes: Scenes, generator: np.random.Generator) -> ContrastiveBatch:
    """One training batch of some scenes, worded at random."""
    captions = said(scenes, int(generator.integers(2**31)))
    pairs = [Thing(*_PAIRS[i]) for i in generator.choice(len(_PAIRS), _PAIRS_A_STEP, replace=False)]
    groups = (*PROMPTS, pairs)
    return ContrastiveBatch(
        pixels_of(render(scenes)[0]),
        [text for _, text in captions],
        fitting([concept for concept, _ in captions], scenes),
        [[_worded(concept, generator) for concept in group] for group in groups],
        [fitting(group, scenes) for group in groups],
        attributes(scenes),
    )


def fitting(concepts: Sequence[Concept], scenes: Scenes) -> Tensor:
    """Which concept is in which scene, bool [scenes, concepts]."""
    return torch.from_numpy(np.stack([presence(concept, scenes) for concept in concepts], 1))


def attributes(scenes: Scenes) -> dict[str, Tensor]:
    """The classes of :data:`HEADS`, -1 for what a scene lacks."""
    known = {name: getattr(scenes, name)[:, MAIN] for name in ("shape", "colour", "pattern", "size", "column", "row")}
    known["background"] = scenes.background
    known["word"] = np.where(scenes.word < 0, len(WORDS), scenes.word)
    for name in ("shape", "colour", "pattern"):
        known[f"second {name}"] = np.where(scenes.there[:, SECOND], getattr(scenes, name)[:, SECOND], -1)
    return {name: torch.from_numpy(values.astype(np.int64)) for name, values in known.items()}


def _worded(concept: Concept, generator: np.random.Generator) -> str:
    """A concept in one of its wordings, in one of the frames; often the canonical one, which users write."""
    text = str(concept) if generator.random() < 0.4 else write(concept, generator)
    frame = "{}" if generator.random() < 0.5 else TEMPLATES[int(generator.integers(len(TEMPLATES)))]
    return frame.replace("{}", text)
