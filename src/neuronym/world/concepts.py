"""Concepts of the world as formulas: in which scenes they are, on which pixels, and how they are written.

A concept is made of things (objects by their properties), places (backgrounds), writing, parts and relations, and of
:class:`Together`, :class:`All`, :class:`Either` and :class:`Not` of other concepts. ``All((a, All((b, c))))`` is just
``All((a, b, c))``, and so with the others. :func:`presence` says in which scenes a concept is; :func:`mask` says where.
``str()`` gives the canonical text, which :mod:`neuronym.world.grammar` reads back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from neuronym.world.scenes import MAIN, SECOND, Scenes
from neuronym.world.vocabulary import (
    BACKGROUNDS,
    COLOURS,
    COLUMNS,
    PARTS,
    PATTERNS,
    RELATIONS,
    ROWS,
    SHAPES,
    SIZES,
    WORDS,
)

Flags: TypeAlias = npt.NDArray[np.bool_]
Relation: TypeAlias = Literal["left of", "right of", "above", "below", "beside"]

BACKGROUND_REGION, WORD_REGION = 0, 5
REGIONS = ("background", "main inside", "main edge", "second inside", "second edge", "word")
"""What a pixel shows, by its number in a region map."""

CLEARLY = 4.0
"""By how many pixels centres have to differ for one object to lie left of, or above, another."""

_INSIDE, _EDGE = {MAIN: 1, SECOND: 3}, {MAIN: 2, SECOND: 4}
_ON = {"sky": "in the", "night": "at", "brick": "on", "wood": "on", "sea": "on the", "snow": "on the"}


@dataclass(frozen=True, slots=True)
class Thing:
    """An object with all the properties that are given; with none, any object."""

    shape: str | None = None
    colour: str | None = None
    pattern: str | None = None
    size: str | None = None
    column: str | None = None
    row: str | None = None

    def __post_init__(self) -> None:
        for value, known in zip(self._values, _PROPERTIES.values(), strict=True):
            _check(value, known)

    @property
    def _values(self) -> tuple[str | None, ...]:
        return (self.shape, self.colour, self.pattern, self.size, self.column, self.row)

    def __str__(self) -> str:
        words = [self.size, self.colour, self.pattern, self.shape or "object"]
        text = " ".join(word for word in words if word)
        where = [f"at the {spot}" for spot in (self.row, self.column) if spot is not None]
        return " ".join([text, *where])


_PROPERTIES = {
    "shape": SHAPES,
    "colour": COLOURS,
    "pattern": PATTERNS,
    "size": SIZES,
    "column": COLUMNS,
    "row": ROWS,
}


@dataclass(frozen=True, slots=True)
class Place:
    """A background."""

    name: str

    def __post_init__(self) -> None:
        _check(self.name, BACKGROUNDS)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Writing:
    """A certain written word, or any."""

    word: str | None = None

    def __post_init__(self) -> None:
        _check(self.word, WORDS)

    def __str__(self) -> str:
        return f"the word {self.word}" if self.word else "a written word"


@dataclass(frozen=True, slots=True)
class Part:
    """The edge of an object, or its inside."""

    part: str
    of: Thing

    def __post_init__(self) -> None:
        _check(self.part, PARTS)

    def __str__(self) -> str:
        return f"the {self.part} of {'an' if str(self.of)[0] in 'aeiou' else 'a'} {self.of}"


@dataclass(frozen=True, slots=True)
class Beside:
    """Two different objects, the first of which lies to the second as ``relation`` says."""

    first: Thing
    relation: Relation
    second: Thing

    def __post_init__(self) -> None:
        _check(self.relation, RELATIONS)

    def __str__(self) -> str:
        return f"{self.first} {self.relation} {self.second}"


@dataclass(frozen=True, slots=True)
class Together:
    """All of these in one scene, wherever each is; its pixels are those of any of them."""

    parts: tuple[Concept, ...]

    def __post_init__(self) -> None:
        _flatten(self)

    def __str__(self) -> str:
        first, *others = self.parts
        return _inner(first, Not) + "".join(f" {_joined(other)}" for other in others)


@dataclass(frozen=True, slots=True)
class All:
    """All of these; its pixels are those that all of them share."""

    parts: tuple[Concept, ...]

    def __post_init__(self) -> None:
        _flatten(self)

    def __str__(self) -> str:
        return "(" + " and ".join(_inner(part, Together) for part in self.parts) + ")"


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of these; its pixels are those of any of them."""

    parts: tuple[Concept, ...]

    def __post_init__(self) -> None:
        _flatten(self)

    def __str__(self) -> str:
        return "(" + " or ".join(_inner(part, Together) for part in self.parts) + ")"


@dataclass(frozen=True, slots=True)
class Not:
    """Scenes without it, and pixels that do not show it."""

    of: Concept

    def __str__(self) -> str:
        return f"not {_inner(self.of, Together)}"


Concept: TypeAlias = Thing | Place | Writing | Part | Beside | Together | All | Either | Not


def presence(concept: Concept, scenes: Scenes) -> Flags:
    """In which scenes a concept is, bool [scenes]."""
    found: Flags
    match concept:
        case Thing():
            found = np.logical_or.reduce(having(concept, scenes), axis=1)
        case Place(name):
            found = scenes.background == BACKGROUNDS.index(name)
        case Writing(word):
            found = scenes.word >= 0 if word is None else scenes.word == WORDS.index(word)
        case Part(_, of):
            found = presence(of, scenes)
        case Beside():
            found = np.logical_or.reduce(_related(concept, scenes), axis=1)
        case Together(parts) | All(parts):
            found = np.logical_and.reduce([presence(part, scenes) for part in parts])
        case Either(parts):
            found = np.logical_or.reduce([presence(part, scenes) for part in parts])
        case Not(of):
            found = ~presence(of, scenes)
    return found


def mask(concept: Concept, scenes: Scenes, regions: npt.NDArray[np.uint8]) -> Flags:
    """The pixels of a concept, bool [scenes, height, width].

    Args:
        concept: the concept.
        scenes: the scenes.
        regions: what each pixel shows, uint8 [scenes, height, width], as :func:`neuronym.world.render.render` gives it.
    """
    found: Flags
    match concept:
        case All(parts):
            found = np.logical_and.reduce([mask(part, scenes, regions) for part in parts])
        case Either(parts):
            found = np.logical_or.reduce([mask(part, scenes, regions) for part in parts])
        case Together(parts):
            shown = np.logical_or.reduce([mask(part, scenes, regions) for part in parts])
            found = shown & presence(concept, scenes)[:, None, None]
        case Not(of):
            found = ~mask(of, scenes, regions)
        case _:
            found = _shown(concept, scenes)[np.arange(len(scenes))[:, None, None], regions]
    return found


def having(thing: Thing, scenes: Scenes) -> Flags:
    """Which objects have the properties of a thing, bool [scenes, 2]."""
    found = scenes.there.copy()
    for name, known in _PROPERTIES.items():
        value = getattr(thing, name)
        if value is not None:
            found &= getattr(scenes, name) == known.index(value)
    return found


def _shown(concept: Thing | Place | Writing | Part | Beside, scenes: Scenes) -> Flags:
    """Which regions of each scene show a concept, bool [scenes, regions]."""
    shown = np.zeros((len(scenes), len(REGIONS)), bool)
    match concept:
        case Place():
            shown[:, BACKGROUND_REGION] = presence(concept, scenes)
        case Writing():
            shown[:, WORD_REGION] = presence(concept, scenes)
        case Part(part, of):
            found, where = having(of, scenes), _EDGE if part == "edge" else _INSIDE
            for thing in (MAIN, SECOND):
                shown[:, where[thing]] = found[:, thing]
        case Thing() | Beside():
            found = having(concept, scenes) if isinstance(concept, Thing) else _related(concept, scenes)
            for thing in (MAIN, SECOND):
                shown[:, _INSIDE[thing]] = shown[:, _EDGE[thing]] = found[:, thing]
    return shown


def _related(concept: Beside, scenes: Scenes) -> Flags:
    """Which objects take part in a relation, bool [scenes, 2]."""
    first, second = having(concept.first, scenes), having(concept.second, scenes)
    found = np.zeros_like(first)
    for one, other in ((MAIN, SECOND), (SECOND, MAIN)):
        holds = first[:, one] & second[:, other] & _lies(concept.relation, scenes, one, other)
        found |= holds[:, None]
    return found


def _lies(relation: Relation, scenes: Scenes, one: int, other: int) -> Flags:
    if relation == "beside":
        return np.ones(len(scenes), bool)
    places = scenes.x if relation in ("left of", "right of") else scenes.y
    ahead = places[:, other] - places[:, one]
    result: Flags = (ahead if relation in ("left of", "above") else -ahead) > CLEARLY
    return result


def _joined(other: Concept) -> str:
    """How a further part of a scene is put after the first."""
    if isinstance(other, Place):
        return f"{_ON.get(other.name, 'on the')} {other}"
    return f"with {_inner(other, Not)}"


def _inner(part: Concept, *open_ended: type) -> str:
    """A part of a formula as text, in parentheses if it is of a kind that could be read as going on."""
    return f"({part})" if isinstance(part, open_ended) else str(part)


def _check(value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}")


def _flatten(joined: Together | All | Either) -> None:
    """Put the parts of parts of the same kind in their places, so that one meaning has one form."""
    if any(isinstance(part, type(joined)) for part in joined.parts):
        flat = [inner for part in joined.parts for inner in (part.parts if isinstance(part, type(joined)) else (part,))]
        object.__setattr__(joined, "parts", tuple(flat))
    if len(joined.parts) < 2:
        raise ValueError(f"{len(joined.parts)} parts, where at least two are joined")
