"""What concepts mean, against a slow second implementation that looks at one scene at a time."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

import numpy as np
import pytest

from neuronym.world.concepts import (
    REGIONS,
    All,
    Beside,
    Concept,
    Either,
    Not,
    Part,
    Place,
    Thing,
    Together,
    Writing,
    mask,
    presence,
)
from neuronym.world.grammar import describe
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIZES, WORDS
from random_concepts import random_concept

NAMES = {"shape": SHAPES, "colour": COLOURS, "pattern": PATTERNS, "size": SIZES, "column": COLUMNS, "row": ROWS}


@dataclass
class Seen:
    """A scene in words: objects by the name of their place in REGIONS."""

    objects: dict[str, dict[str, str]]
    spots: dict[str, tuple[float, float]]
    background: str
    word: str | None


def seen(scenes: Scenes, i: int) -> Seen:
    objects, spots = {}, {}
    for column, name in enumerate(("main", "second")):
        if scenes.there[i, column]:
            objects[name] = {kind: names[getattr(scenes, kind)[i, column]] for kind, names in NAMES.items()}
            spots[name] = (float(scenes.x[i, column]), float(scenes.y[i, column]))
    word = WORDS[scenes.word[i]] if scenes.word[i] >= 0 else None
    return Seen(objects, spots, BACKGROUNDS[scenes.background[i]], word)


def fitting(thing: Thing, scene: Seen) -> set[str]:
    wanted = {kind: getattr(thing, kind) for kind in NAMES if getattr(thing, kind)}
    return {name for name, known in scene.objects.items() if wanted.items() <= known.items()}


def pairs(concept: Beside, scene: Seen) -> list[tuple[str, str]]:
    found = []
    for one in fitting(concept.first, scene):
        for other in fitting(concept.second, scene) - {one}:
            right, down = (b - a for a, b in zip(scene.spots[one], scene.spots[other], strict=True))
            far = {"left of": right, "right of": -right, "above": down, "below": -down, "beside": 99}
            found += [(one, other)] if far[concept.relation] > 4 else []
    return found


def is_in(concept: Concept, scene: Seen) -> bool:
    if isinstance(concept, Not):
        return not is_in(concept.of, scene)
    if isinstance(concept, (Either, Together, All)):
        return (any if isinstance(concept, Either) else all)(is_in(part, scene) for part in concept.parts)
    if isinstance(concept, Place):
        return scene.background == concept.name
    if isinstance(concept, Writing):
        return scene.word is not None and concept.word in (None, scene.word)
    things = concept.of if isinstance(concept, Part) else concept
    return bool(pairs(things, scene) if isinstance(things, Beside) else fitting(things, scene))


def regions_of(concept: Concept, scene: Seen) -> set[str]:
    """The names of the regions that show a concept."""
    if isinstance(concept, Not):
        return set(REGIONS) - regions_of(concept.of, scene)
    if isinstance(concept, (Either, Together, All)):
        parts = [regions_of(part, scene) for part in concept.parts]
        shown = set.intersection(*parts) if isinstance(concept, All) else set.union(*parts)
        return shown if is_in(concept, scene) or not isinstance(concept, Together) else set()
    if isinstance(concept, (Place, Writing)):
        name = "background" if isinstance(concept, Place) else "word"
        return {name} if is_in(concept, scene) else set()
    if isinstance(concept, Part):
        return {f"{name} {concept.part}" for name in fitting(concept.of, scene)}
    names = {name for pair in pairs(concept, scene) for name in pair} if isinstance(concept, Beside) else None
    chosen = fitting(concept, scene) if names is None else names
    return {f"{name} {part}" for name in chosen for part in ("edge", "inside")}


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    """Scenes with two objects and a word more often than by chance, and some with neither."""
    drawn = draw_scenes(21, range(1200))
    rich = np.flatnonzero(drawn.there[:, 1] & (drawn.word >= 0))[:45]
    two = np.flatnonzero(drawn.there[:, 1] & (drawn.word < 0))[:45]
    return drawn.rows(np.concatenate([rich, two, np.arange(30)]))


@pytest.fixture(scope="module")
def concepts(scenes: Scenes) -> list[Concept]:
    """Random formulas, and what is true of some scenes, which is rarely so by chance."""
    true = [describe(scenes, seed % len(scenes), seed) for seed in range(300)]
    made: list[Concept] = [Together((a, b)) for a, b in zip(true[::3], true[1::3], strict=True)]
    made += [All((a, Not(b))) for a, b in zip(true[::3], true[1::3], strict=True)]
    return [*true, *made, *(random_concept(Random(seed), seed % 3) for seed in range(500))]


def test_presence_is_what_one_scene_at_a_time_says(scenes: Scenes, concepts: list[Concept]) -> None:
    known = [seen(scenes, i) for i in range(len(scenes))]
    yes = 0
    for concept in concepts:
        expected = [is_in(concept, scene) for scene in known]
        found = presence(concept, scenes)
        assert found.dtype == bool
        assert found.tolist() == expected, str(concept)
        yes += sum(expected)
    assert 0.05 < yes / (len(concepts) * len(scenes)) < 0.6


def test_masks_are_what_one_scene_at_a_time_says(scenes: Scenes, concepts: list[Concept]) -> None:
    few = scenes.rows(slice(0, None, 6))
    regions = np.random.default_rng(0).integers(0, len(REGIONS), (len(few), 3, 7)).astype(np.uint8)
    known = [seen(few, i) for i in range(len(few))]
    for concept in concepts:
        found = mask(concept, few, regions)
        shown = [[REGIONS.index(name) for name in regions_of(concept, scene)] for scene in known]
        expected = np.stack([np.isin(one, numbers) for one, numbers in zip(regions, shown, strict=True)])
        assert np.array_equal(found, expected), str(concept)


def test_a_thing_is_shown_by_one_object_alone() -> None:
    """Two properties of two objects are not one thing with both, but both are there together."""
    scenes = draw_scenes(5, range(3000))
    i = int(np.flatnonzero(scenes.there[:, 1] & (scenes.pattern[:, 0] != scenes.pattern[:, 1]))[0])
    first, second = seen(scenes, i).objects.values()
    mixed = Thing(first["shape"], second["colour"], first["pattern"])
    alone = Thing(first["shape"]), Thing(colour=second["colour"])
    assert not presence(mixed, scenes)[i]
    assert presence(Together(alone), scenes)[i]
    regions = np.arange(len(REGIONS), dtype=np.uint8).reshape(1, 1, -1)
    one = scenes.rows([i])
    assert not mask(All(alone), one, regions).any()
    assert mask(Together(alone), one, regions)[0, 0, 1:5].all()


def test_properties_of_an_object_are_checked() -> None:
    with pytest.raises(ValueError, match=r"^'mauve' is none of red, orange, .*, black$"):
        Thing("circle", "mauve")
    with pytest.raises(ValueError, match=r"^1 parts, where at least two are joined$"):
        All((Thing(),))
