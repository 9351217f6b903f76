"""What each channel of ``bundled:concepts`` was taught to see: 64 concepts of the world, by channel.

The network sees the image alone and learned the concepts from examples, so that no channel follows its concept
exactly; how well each does is in the network's card. The concepts are fixed: a change of one means another network.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from neuronym.world.concepts import REGIONS, All, Concept, Either, Not, Place, Thing, Together, Writing, mask, presence
from neuronym.world.scenes import Scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, PATTERNS, SHAPES, SIDE

NAME = "concepts"
"""The network's name after ``bundled:``."""

LAYER = "encoder.stages.3.blocks.0.layers.0"
"""The layer whose channels were taught: a 1 x 1 convolution, its normalisation and a rectifier."""

CELLS = 16
"""Height and width of the channels' maps; a cell is 4 x 4 pixels of the scene."""

Kind: TypeAlias = Literal["single", "and", "or", "and-not"]
Maps = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class TaughtUnit:
    """One channel of the layer :data:`LAYER`.

    Attributes:
        index: the channel.
        kind: how the concept is made, with the names of :data:`neuronym.world.planted.KINDS`.
        text: the right description, which the world's grammar reads as ``concept``.
        concept: what the channel was taught to see.
    """

    index: int
    kind: Kind
    text: str
    concept: Concept


@cache
def taught_units() -> tuple[TaughtUnit, ...]:
    """All channels, in their order: by kind."""
    kinds: list[tuple[Kind, tuple[Concept, ...]]] = [
        ("single", _singles()),
        ("and", _ANDS),
        ("or", tuple(Either(pair) for pair in _ORS)),
        ("and-not", tuple(All((one, Not(other))) for one, other in _AND_NOTS)),
    ]
    pairs = [(kind, concept) for kind, concepts in kinds for concept in concepts]
    return tuple(TaughtUnit(index, kind, str(concept), concept) for index, (kind, concept) in enumerate(pairs))


def taught_presence(scenes: Scenes) -> npt.NDArray[np.bool_]:
    """Which channels' concepts are in which scenes, bool [scenes, channels]."""
    return np.stack([presence(unit.concept, scenes) for unit in taught_units()], 1)


def taught_maps(scenes: Scenes, regions: npt.NDArray[np.uint8]) -> Maps:
    """The maps that a perfect network would have: which share of each cell shows the concept, in scenes that have it.

    Args:
        scenes: the scenes.
        regions: uint8 [scenes, 64, 64], as :func:`neuronym.world.render.render` gives them.

    Returns:
        float32 [scenes, channels, 16, 16], 0..1.
    """
    # A pixel's mask depends on its region alone, so six pixels stand for all of a scene.
    pixels = np.broadcast_to(np.arange(len(REGIONS), dtype=np.uint8), (len(scenes), 1, len(REGIONS)))
    shown = np.stack([mask(unit.concept, scenes, pixels)[:, 0] for unit in taught_units()], 1)
    shown &= taught_presence(scenes)[:, :, None]
    maps = shown.astype(np.float32) @ _shares(regions).reshape(len(scenes), len(REGIONS), CELLS * CELLS)
    found: Maps = maps.reshape(len(scenes), -1, CELLS, CELLS)
    return found


def _shares(regions: npt.NDArray[np.uint8]) -> Maps:
    """Which share of each cell shows each region, float32 [scenes, regions, 16, 16]."""
    side = SIDE // CELLS
    cells = regions.reshape(-1, CELLS, side, CELLS, side)
    return np.stack([(cells == region).mean((2, 4), dtype=np.float32) for region in range(len(REGIONS))], 1)


def _singles() -> tuple[Concept, ...]:
    things = [Thing(shape) for shape in SHAPES]
    things += [Thing(colour=colour) for colour in COLOURS]
    things += [Thing(pattern=pattern) for pattern in PATTERNS]
    things += [Thing(size="tiny"), Thing(size="large"), Thing(column="left"), Thing(row="top")]
    return (*things, *map(Place, BACKGROUNDS), Writing())


_ANDS: tuple[Concept, ...] = (
    Thing("circle", "red"),
    Thing("fish", "blue"),
    Thing("star", "yellow"),
    Thing("house", "green"),
    Thing("heart", "white"),
    Thing("square", pattern="striped"),
    Thing("ring", pattern="dotted"),
    Thing(colour="purple", pattern="checkered"),
    Thing(colour="orange", pattern="zigzag"),
    Together((Thing("fish"), Place("sea"))),
    Together((Thing("star"), Place("night"))),
    Together((Thing("arrow"), Place("brick"))),
)

_ORS: tuple[tuple[Concept, Concept], ...] = (
    (Thing("circle"), Thing("ring")),
    (Thing("star"), Thing("cross")),
    (Thing(colour="red"), Thing(colour="orange")),
    (Thing(pattern="striped"), Thing(pattern="zigzag")),
    (Place("sea"), Place("sky")),
    (Place("brick"), Place("wood")),
)

_AND_NOTS: tuple[tuple[Concept, Concept], ...] = (
    (Thing("fish"), Thing(colour="blue")),
    (Thing(colour="red"), Thing("heart")),
    (Thing(pattern="striped"), Thing(colour="black")),
    (Thing("house"), Place("grass")),
    (Place("snow"), Writing()),
)
