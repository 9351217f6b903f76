"""Where a concept is in a picture: exactly the pixels that the region numbers say."""

from __future__ import annotations

import numpy as np
import pytest

from neuronym.world.catalogue import catalogue, truth
from neuronym.world.concepts import REGIONS, Beside, Part, Place, Thing, Writing, mask, presence
from neuronym.world.render import render
from neuronym.world.scenes import MAIN, SECOND, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import BACKGROUNDS, COLOURS, COLUMNS, PATTERNS, ROWS, SHAPES, SIDE, SIZES, WORDS

SCENES = draw_scenes(SEEDS["explain"], range(400))
REGION_MAPS = render(SCENES)[1]

KINDS = {"shape": SHAPES, "colour": COLOURS, "pattern": PATTERNS, "size": SIZES, "column": COLUMNS, "row": ROWS}
SINGLE = [Thing(**{kind: name}) for kind, names in KINDS.items() for name in names]


def expected(wanted: dict[str, str], row: int, parts: tuple[str, ...] = ("inside", "edge")) -> np.ndarray:
    """Plain Python over one scene: the pixels of the objects whose properties are these."""
    codes = []
    for thing, name in ((MAIN, "main"), (SECOND, "second")):
        fits = all(KINDS[kind][getattr(SCENES, kind)[row, thing]] == value for kind, value in wanted.items())
        if SCENES.there[row, thing] and fits:
            codes += [REGIONS.index(f"{name} {part}") for part in parts]
    return np.isin(REGION_MAPS[row], codes)


@pytest.mark.parametrize("thing", SINGLE, ids=str)
def test_pixels_of_things_and_of_their_parts(thing: Thing) -> None:
    wanted = {kind: getattr(thing, kind) for kind in KINDS if getattr(thing, kind) is not None}
    whole = mask(thing, SCENES, REGION_MAPS)
    inside, edge = (mask(Part(part, thing), SCENES, REGION_MAPS) for part in ("inside", "edge"))
    assert whole.shape == (len(SCENES), SIDE, SIDE)
    for row in range(len(SCENES)):
        assert np.array_equal(whole[row], expected(wanted, row))
        assert np.array_equal(inside[row], expected(wanted, row, ("inside",)))
        assert np.array_equal(edge[row], expected(wanted, row, ("edge",)))
    # An object that is there can be seen, and one that is not cannot.
    assert np.array_equal(whole.any((1, 2)), presence(thing, SCENES))


def test_pixels_of_places_and_of_writing() -> None:
    for concept, code, values, names in [
        *((Place(name), 0, SCENES.background, BACKGROUNDS) for name in BACKGROUNDS),
        *((Writing(word), 5, SCENES.word, WORDS) for word in WORDS),
    ]:
        name = concept.name if isinstance(concept, Place) else concept.word
        there = values == names.index(name)
        found = mask(concept, SCENES, REGION_MAPS)
        assert np.array_equal(found, (code == REGION_MAPS) & there[:, None, None])
        assert np.array_equal(found.any((1, 2)), presence(concept, SCENES))
    assert np.array_equal(mask(Writing(), SCENES, REGION_MAPS), REGION_MAPS == 5)


def test_places_things_and_the_word_share_the_picture_out() -> None:
    parts = [mask(Place(name), SCENES, REGION_MAPS) for name in BACKGROUNDS]
    parts += [mask(Thing(shape), SCENES, REGION_MAPS) for shape in SHAPES]
    parts += [mask(Writing(word), SCENES, REGION_MAPS) for word in WORDS]
    assert (np.sum(parts, 0) == 1).all()
    whole = mask(Thing(), SCENES, REGION_MAPS)
    halves = [mask(Part(part, Thing()), SCENES, REGION_MAPS) for part in ("inside", "edge")]  # type: ignore[arg-type]
    assert np.array_equal(np.sum(halves, 0), whole)


def test_every_kind_of_property_covers_every_thing_once() -> None:
    whole = mask(Thing(), SCENES, REGION_MAPS).astype(int)
    for kind, names in KINDS.items():
        assert np.array_equal(sum(mask(Thing(**{kind: name}), SCENES, REGION_MAPS) for name in names), whole), kind


def test_two_objects_in_a_relation_are_both_shown() -> None:
    found = mask(Beside(Thing(), "beside", Thing()), SCENES, REGION_MAPS)
    both = SCENES.there.all(1)
    assert np.array_equal(found, np.isin(REGION_MAPS, (1, 2, 3, 4)) & both[:, None, None])


def test_the_edge_lies_along_the_outline() -> None:
    """Nothing inside touches what is no part of the object, unless something else is in front of it."""
    lonely = np.flatnonzero(~SCENES.there[:, SECOND] & (SCENES.word < 0))
    for row in lonely[:60]:
        inside = REGION_MAPS[row] == REGIONS.index("main inside")
        beyond = REGION_MAPS[row] == 0
        for axis in (0, 1):
            for step in (1, -1):
                assert not (inside & np.roll(beyond, step, axis)).any()
        assert inside.any()


def test_the_catalogue_lists_each_concept_once_with_its_true_table() -> None:
    concepts = catalogue()
    assert len(set(concepts)) == len(set(map(str, concepts))) == len(concepts) == 405
    table = truth(concepts, SCENES)
    assert (table.shape, table.dtype) == ((len(SCENES), 405), np.float32)
    for column, concept in enumerate(concepts):
        assert np.array_equal(table[:, column] > 0, mask(concept, SCENES, REGION_MAPS).any((1, 2))), concept
    assert truth((), SCENES).shape == (len(SCENES), 0)


def test_the_second_of_two_objects_counts_as_much_as_the_first() -> None:
    second = SCENES.there[:, SECOND]
    for row in np.flatnonzero(second)[:50]:
        thing = Thing(SHAPES[SCENES.shape[row, SECOND]], COLOURS[SCENES.colour[row, SECOND]], size="tiny")
        assert presence(thing, SCENES)[row]
    assert np.array_equal(presence(Thing(size="tiny"), SCENES), second)
