"""Planted units: 142 units whose truth is known, on which methods are judged; ``bundled:planted`` is a target of them.

A unit of a concept fires where the concept is seen: its map is the concept's mask, of what is left of the scene in the
picture, in cells of 4 x 4 pixels, plus noise, rectified in three units of four, times a gain. What is asked of a method
is the unit's ``text``. See :mod:`neuronym.world.planted_maps` for the formulas.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Literal, TypeAlias

from neuronym.world.concepts import All, Concept, Either, Not, Place, Thing, Together, Writing
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES

Kind: TypeAlias = Literal[
    "single", "and", "or", "and-not", "mixture", "unrelated", "range", "low-level", "dead", "noise"
]

KINDS: dict[Kind, str] = {
    "single": "one shape, colour, pattern, size, position, background or word",
    "and": "two properties of one object, or an object and where it is",
    "or": "either of two concepts that are alike",
    "and-not": "a concept, in scenes without another",
    "mixture": "the sum of two concepts with unequal weights",
    "unrelated": "either of two concepts that have nothing in common",
    "range": "the strongest responses are to one concept, those of medium strength to another",
    "low-level": "brightness, a primary colour or edges, from the pixels alone",
    "dead": "zero, or always the same",
    "noise": "of each picture at random, whatever it shows",
}
"""The kinds of units. Those of the last two have no description."""

CORRELATED = "fish:sea:0.9,red:STOP:0.5"
"""Links for images in which some planted concepts come together, such as fish with the sea."""

GAINS = (0.5, 4.0)
"""Least and most gain; gains are uniform on a logarithmic scale."""

JITTERS = (0.1, 0.2, 0.4, 0.6)
"""Noise that the whole map of a picture shares: its deviation, over that of the mean of the map without noise."""

GRAINS = (0.02, 0.05, 0.1)
"""Noise of every cell by itself: its deviation, where 1 is a cell that the concept fills."""

Parts: TypeAlias = tuple[tuple[Concept, float], ...]


@dataclass(frozen=True, slots=True)
class PlantedUnit:
    """One unit and what is true of it.

    Attributes:
        index: its number in the layer ``units``.
        kind: one of :data:`KINDS`.
        text: the right description, which the world's grammar reads as ``concept``; None where there is none.
        concept: in which scenes the unit fires. Of a mixture and a range it is either of the parts.
        parts: concepts with the response to each, 0 to 1. Where several are at one place a range takes the largest and
            a mixture the sum. Empty where the unit knows no concepts.
        exact: whether ``concept`` is what the unit was made of. False for low-level units, whose concept is the nearest
            of the catalogue, where the correlation of the two is 0.6 at least in the world without links.
        signal: what a unit without concepts computes, for example ``brightness``; empty for others.
        gain: factor on the whole response.
        jitter: noise that all cells of a picture share, of :data:`JITTERS`.
        grain: noise of every cell, of :data:`GRAINS`.
        rectified: whether negative responses become 0.
    """

    index: int
    kind: Kind
    text: str | None
    concept: Concept | None
    parts: Parts = ()
    exact: bool = True
    signal: str = ""
    gain: float = 1.0
    jitter: float = 0.0
    grain: float = 0.0
    rectified: bool = True

    @property
    def describable(self) -> bool:
        """Whether the unit has a right description; dead units, noise and some low-level units have none."""
        return self.text is not None


@cache
def planted_units() -> tuple[PlantedUnit, ...]:
    """All planted units, in the order of their indices: by kind, in the order of :data:`KINDS`."""
    dice, units = Random(7), list[PlantedUnit]()
    for kind, parts in _planned():
        concept = parts[0][0] if len(parts) == 1 else Either(tuple(part for part, _ in parts))
        gain = round(GAINS[0] * (GAINS[1] / GAINS[0]) ** dice.random(), 2)
        jitter, grain = dice.choice(JITTERS), dice.choice(GRAINS)
        noisy = {"gain": gain, "jitter": jitter, "grain": grain, "rectified": dice.random() < 0.75}
        units.append(PlantedUnit(len(units), kind, str(concept), concept, parts, **noisy))
    for kind, signal, near in _WITHOUT_CONCEPTS:
        text = None if near is None else str(near)
        units.append(PlantedUnit(len(units), kind, text, near, exact=False, signal=signal))
    return tuple(units)


def truth_of(index: int) -> Concept | None:
    """The concept of planted unit ``index``; None if no description of it is right.

    Raises:
        IndexError: there is no such unit.
    """
    if not 0 <= index < len(planted_units()):
        raise IndexError(f"there is no planted unit {index}; there are {len(planted_units())}")
    return planted_units()[index].concept


def true_labels() -> dict[int, str]:
    """The right descriptions by the units' indices, of those that have one."""
    return {unit.index: unit.text for unit in planted_units() if unit.text is not None}


def _planned() -> list[tuple[Kind, Parts]]:
    """The parts of all units that respond to concepts."""
    whole: list[tuple[Kind, tuple[Concept, ...]]] = [
        ("single", _singles()),
        ("and", _ANDS),
        ("or", tuple(Either(pair) for pair in _ORS)),
        ("and-not", tuple(All((one, Not(other))) for one, other in _AND_NOTS)),
    ]
    found: list[tuple[Kind, Parts]] = [(kind, ((concept, 1.0),)) for kind, concepts in whole for concept in concepts]
    found += [("mixture", ((one, 1.0), (other, weight))) for one, other, weight in _MIXTURES]
    found += [("unrelated", ((Either(pair), 1.0),)) for pair in _UNRELATED]
    found += [("range", ((one, 1.0), (other, weight))) for one, other, weight in _RANGES]
    return found


def _singles() -> tuple[Concept, ...]:
    things = [Thing(shape) for shape in SHAPES]
    things += [Thing(colour=colour) for colour in COLOURS]
    things += [Thing(pattern=pattern) for pattern in PATTERNS]
    things += [Thing(size=size) for size in SIZES]
    things += [Thing(column=column) for column in COLUMNS if column != "centre"]
    things += [Thing(row=row) for row in ROWS if row != "middle"]
    words = [Writing(), *(Writing(word) for word in ("STOP", "EXIT", "ZOO", "TAXI", "JAZZ"))]
    return (*things, *(Place(name) for name in BACKGROUNDS), *words)


def _on(shape: str, place: str) -> Concept:
    return Together((Thing(shape), Place(place)))


_ANDS: tuple[Concept, ...] = (
    *(Thing("circle", "pink"), Thing("star", "yellow"), Thing("heart", "red"), Thing("square", "blue")),
    *(Thing("cross", "green"), Thing("fish", "cyan"), Thing("house", "white"), Thing("face", "black")),
    *(_on("fish", "sea"), _on("house", "grass"), _on("star", "night"), _on("heart", "snow")),
    *(_on("arrow", "brick"), _on("ring", "wood"), _on("triangle", "sand")),
    *(Thing(colour="red", pattern="striped"), Thing(colour="blue", pattern="dotted")),
    *(Thing(colour="green", pattern="checkered"), Thing(colour="purple", pattern="zigzag")),
    *(Thing("crescent", size="medium"), Thing("circle", pattern="gradient"), Thing(colour="orange", size="small")),
)

_ORS: tuple[tuple[Concept, Concept], ...] = (
    (Thing("circle"), Thing("ring")),
    (Thing("square"), Thing("house")),
    (Thing("star"), Thing("cross")),
    (Thing(colour="red"), Thing(colour="orange")),
    (Thing(colour="blue"), Thing(colour="cyan")),
    (Thing(colour="white"), Thing(colour="black")),
    (Thing(pattern="striped"), Thing(pattern="zigzag")),
    (Thing(pattern="dotted"), Thing(pattern="checkered")),
    (Place("sky"), Place("sea")),
    (Place("sand"), Place("snow")),
    (Place("brick"), Place("wood")),
    (Writing("STOP"), Writing("EXIT")),
)

_AND_NOTS: tuple[tuple[Concept, Concept], ...] = (
    (Thing("fish"), Place("sea")),
    (Thing(colour="red"), Writing("STOP")),
    (Thing(colour="red"), Thing("circle")),
    (Thing("star"), Place("night")),
    (Place("sea"), Thing("fish")),
    (Place("brick"), Writing()),
    (Writing(), Place("brick")),
    (Thing(pattern="striped"), Thing(colour="blue")),
    (Thing("ring"), Thing(colour="yellow")),
    (Place("grass"), Thing(size="large")),
)

_MIXTURES: tuple[tuple[Concept, Concept, float], ...] = (
    (Thing("circle"), Thing(colour="red"), 0.6),
    (Thing(colour="yellow"), Thing(pattern="striped"), 0.5),
    (Thing("fish"), Thing(colour="cyan"), 0.7),
    (Thing("triangle"), Thing("arrow"), 0.5),
    (Thing(colour="green"), Place("grass"), 0.3),
    (Place("night"), Place("sky"), 0.5),
    (Thing(size="large"), Thing(pattern="plain"), 0.4),
    (Writing(), Thing("square"), 0.5),
)

_UNRELATED: tuple[tuple[Concept, Concept], ...] = (
    (Thing("heart"), Place("brick")),
    (Writing(), Thing("crescent")),
    (Thing(colour="purple"), Place("sand")),
    (Thing("fish"), Thing(pattern="checkered")),
    (Writing("ZOO"), Thing(colour="green")),
    (Thing("face"), Thing(colour="orange")),
)

_RANGES: tuple[tuple[Concept, Concept, float], ...] = (
    (Place("sea"), Place("sky"), 0.4),
    (Place("snow"), Place("sand"), 0.5),
    (Place("night"), Place("wood"), 0.4),
    (Thing("circle"), Thing("face"), 0.25),
    (Thing(colour="red"), Thing(colour="pink"), 0.25),
    (Thing("star"), Thing("cross"), 0.25),
)

_WITHOUT_CONCEPTS: tuple[tuple[Kind, str, Concept | None], ...] = (
    ("low-level", "brightness", Place("snow")),
    ("low-level", "darkness", None),
    ("low-level", "redness", None),
    ("low-level", "greenness", Place("grass")),
    ("low-level", "blueness", Place("sea")),
    ("low-level", "vertical edges", Writing()),
    ("low-level", "horizontal edges", None),
    ("low-level", "saturation", None),
    *(("dead", "zero", None),) * 5,
    *(("dead", f"constant {value}", None) for value in (0.01, 0.5, 1, 3, -1)),
    *(("noise", "level", None),) * 3,
    *(("noise", "blob", None),) * 3,
    *(("noise", "grain", None),) * 2,
    *(("noise", "rare", None),) * 2,
)
