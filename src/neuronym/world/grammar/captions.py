"""Captions: true texts about scenes, some of which say little and some nearly all; their concepts are known."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from random import Random
from typing import Literal, NamedTuple

import numpy as np

from neuronym.world.concepts import (
    BACKGROUND_REGION,
    CLEARLY,
    WORD_REGION,
    Beside,
    Concept,
    Part,
    Place,
    Relation,
    Thing,
    Together,
    Writing,
)
from neuronym.world.grammar.writing import Seed, seeded, worded
from neuronym.world.randomness import mixed
from neuronym.world.scenes import MAIN, SECOND, Scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES, WORDS

Detail = Literal["brief", "some", "full"]
"""How much a caption says: one thing, a few things, or nearly all there is."""

DETAILS: tuple[Detail, ...] = ("brief", "some", "some", "full")
"""What is drawn from where a caption's detail is left open."""

MOST_WORDS = 20
"""Of a longer caption the last part is left out."""

_BLOCK = 8192
_KINDS = {
    "shape": SHAPES,
    "colour": COLOURS,
    "pattern": PATTERNS,
    "size": SIZES,
    "column": COLUMNS,
    "row": ROWS,
}
_SHARES: Mapping[Detail, Mapping[str, float]] = {
    "brief": {"shape": 0.5, "colour": 0.4, "pattern": 0.35, "size": 0.15, "column": 0.1, "row": 0.1},
    "some": {"shape": 0.85, "colour": 0.6, "pattern": 0.45, "size": 0.3, "column": 0.15, "row": 0.15},
    "full": {"shape": 1, "colour": 1, "pattern": 0.9, "size": 0.7, "column": 0.25, "row": 0.25},
}
"""How often a property of an object is said."""

_PART_SHARES: Mapping[Detail, float] = {"brief": 0.12, "some": 0.5, "full": 0.92}
"""How often the second object, the place and the word are said, each where it is there."""

_REVERSED: Mapping[Relation, Relation] = {
    "left of": "right of",
    "right of": "left of",
    "above": "below",
    "below": "above",
    "beside": "beside",
}


class Facts(NamedTuple):
    """All that a caption may say of a scene."""

    objects: tuple[dict[str, str], ...]
    relations: tuple[Relation, ...]
    place: str
    word: str | None


def describe(scenes: Scenes, i: int, rng: Seed, detail: Detail | None = None) -> Concept:
    """What :func:`caption` says of scene ``i`` with the same arguments, as a concept; it is in that scene."""
    return _said(_facts_of(scenes, i), seeded(rng), detail)[0]


def caption(scenes: Scenes, i: int, rng: Seed, detail: Detail | None = None) -> str:
    """A true text about scene ``i``, of 24 words at most, that depends on ``rng`` alone.

    Args:
        scenes: some scenes.
        i: which one.
        rng: a generator, which gives one number, or a seed.
        detail: how much it says; drawn if not given.
    """
    return _said(_facts_of(scenes, i), seeded(rng), detail)[1]


def captions(scenes: Scenes, seed: int, detail: Detail | None = None) -> list[str]:
    """One caption per scene. Each depends on the seed and its own scene only, whatever the other scenes are."""
    return [text for _, text in said(scenes, seed, detail)]


def said(scenes: Scenes, seed: int, detail: Detail | None = None) -> list[tuple[Concept, str]]:
    """The captions of :func:`captions`, each after its concept."""
    dice, found = Random(), []
    start = mixed(np.array([seed % 2**64], np.uint64))
    for low in range(0, len(scenes), _BLOCK):
        block = scenes.rows(slice(low, low + _BLOCK))
        for key, facts in zip(mixed(block.grain ^ start).tolist(), _facts(block), strict=True):
            dice.seed(key)
            found.append(_said(facts, dice, detail))
    return found


def describe_region(scenes: Scenes, i: int, regions: Collection[int], rng: Seed) -> Concept:
    """What scene ``i`` shows in some regions, by their numbers in :data:`~neuronym.world.concepts.REGIONS`.

    ``{2}`` is the edge of the main object, ``{1, 2}`` the whole of it, ``{0, 5}`` the background with the word. The
    concept's mask holds all pixels of the regions, and others only where they are alike.

    Raises:
        ValueError: no region is given, or the scene has no such region: no second object, or no written word.
    """
    return _shown(_facts_of(scenes, i), regions, seeded(rng))


def region_caption(scenes: Scenes, i: int, regions: Collection[int], rng: Seed) -> str:
    """What :func:`describe_region` says, as text: ``the edge of a red circle``."""
    dice = seeded(rng)
    return worded(_shown(_facts_of(scenes, i), regions, dice), dice)


def _facts_of(scenes: Scenes, i: int) -> Facts:
    return next(_facts(scenes.rows([i])))


def _facts(scenes: Scenes) -> Iterator[Facts]:
    """What may be said of each scene. Comparing in NumPy keeps the precision in which concepts compare."""
    right, down = (places[:, SECOND] - places[:, MAIN] for places in (scenes.x, scenes.y))
    signs = ((right > CLEARLY), (right < -CLEARLY), (down > CLEARLY), (down < -CLEARLY))
    names: tuple[Relation, ...] = ("left of", "right of", "above", "below")
    lies = np.stack(signs, 1).tolist()
    numbers = np.stack([getattr(scenes, kind) for kind in _KINDS], 2).tolist()
    there, places, words = scenes.there[:, SECOND].tolist(), scenes.background.tolist(), scenes.word.tolist()
    for both, second, holds, place, word in zip(numbers, there, lies, places, words, strict=True):
        yield Facts(
            objects=tuple(map(_named, both if second else both[:1])),
            relations=tuple(name for name, held in zip(names, holds, strict=True) if held),
            place=BACKGROUNDS[place],
            word=WORDS[word] if word >= 0 else None,
        )


def _named(numbers: list[int]) -> dict[str, str]:
    return {kind: names[number] for (kind, names), number in zip(_KINDS.items(), numbers, strict=True)}


def _said(facts: Facts, dice: Random, detail: Detail | None) -> tuple[Concept, str]:
    """A concept of a scene, and its text."""
    parts = _parts(facts, dice, detail or DETAILS[int(dice.random() * len(DETAILS))])
    while True:
        concept = parts[0] if len(parts) == 1 else Together(tuple(parts))
        text = worded(concept, dice)
        if text.count(" ") < MOST_WORDS:
            return concept, text
        parts = _shorter(parts)


def _shorter(parts: list[Concept]) -> list[Concept]:
    match parts:
        case [Beside(first=first)]:
            return [first]
        case [_]:
            return parts
        case _:
            return parts[:-1]


def _parts(facts: Facts, dice: Random, detail: Detail) -> list[Concept]:
    share, others = _PART_SHARES[detail], list[Concept]()
    if dice.random() < share:
        others.append(Place(facts.place))
    if facts.word and dice.random() < share:
        others.insert(int(dice.random() * (len(others) + 1)), Writing(facts.word if dice.random() < 0.9 else None))
    if detail == "brief" and others:
        return others[:1]
    objects = _objects(facts, dice, detail, both=len(facts.objects) > 1 and dice.random() < share)
    # A scene may also be named by its place, or by what is written in it.
    return [others[0], *objects, *others[1:]] if others and dice.random() < 0.12 else [*objects, *others]


def _objects(facts: Facts, dice: Random, detail: Detail, *, both: bool) -> list[Concept]:
    if not both:
        last = SECOND if len(facts.objects) > 1 and dice.random() < 0.15 else MAIN
        return [_thing(facts.objects[last], dice, detail)]
    main, second = (_thing(facts.objects[one], dice, level) for one, level in ((MAIN, detail), (SECOND, "some")))
    if detail == "brief":
        return [second]
    if dice.random() < 0.3:
        return [main, second]
    relation: Relation = "beside"
    if facts.relations and dice.random() < 0.85:
        relation = facts.relations[int(dice.random() * len(facts.relations))]
    if dice.random() < 0.4:
        return [Beside(second, _REVERSED[relation], main)]
    return [Beside(main, relation, second)]


def _thing(known: dict[str, str], dice: Random, detail: Detail) -> Thing:
    """An object by some of its properties, at least by one."""
    said = {kind: known[kind] for kind, share in _SHARES[detail].items() if dice.random() < share}
    return Thing(**said) if said else Thing(known["shape"])


def _shown(facts: Facts, regions: Collection[int], dice: Random) -> Concept:
    parts = list[Concept]()
    for one, known in enumerate(facts.objects):
        inside, edge = 1 + 2 * one in regions, 2 + 2 * one in regions
        if inside or edge:
            thing = _thing(known, dice, "some")
            parts.append(thing if inside and edge else Part("inside" if inside else "edge", thing))
    if BACKGROUND_REGION in regions:
        parts.append(Place(facts.place))
    if WORD_REGION in regions and facts.word:
        parts.append(Writing(facts.word))
    there = {BACKGROUND_REGION, *range(1, 1 + 2 * len(facts.objects)), *([WORD_REGION] if facts.word else [])}
    if not parts or set(regions) - there:
        raise ValueError(f"The regions {sorted(regions)} were asked for; this scene has {sorted(there)}.")
    return parts[0] if len(parts) == 1 else Together(tuple(parts))
