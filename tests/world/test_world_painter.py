"""The world as an image generator: what it paints is true, and is otherwise as the world is."""

from __future__ import annotations

import pickle
from random import Random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.backends.generator import ImageGenerator
from neuronym.errors import UnknownNameError
from neuronym.world import painter
from neuronym.world.catalogue import catalogue
from neuronym.world.concepts import Concept, presence
from neuronym.world.grammar import Unparsed, parse, write
from neuronym.world.painter import Painter, load, scenes_of
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from neuronym.world.splits import SEEDS
from neuronym.world.vocabulary import BACKGROUNDS, SHAPES, SIZES
from random_concepts import random_concept

CPU = torch.device("cpu")


def meaning(text: str) -> Concept:
    concept = parse(text)
    assert not isinstance(concept, Unparsed), concept
    return concept


def same(first: Scenes, second: Scenes) -> bool:
    return bool(np.array_equal(first.grain, second.grain))


def test_it_is_a_generator() -> None:
    made = load("world", CPU)
    assert isinstance(made, ImageGenerator)
    assert made.name == "bundled:world"
    assert made.key == Painter().key
    with pytest.raises(UnknownNameError, match=r"no bundled image generator 'moon'. Use bundled:world."):
        load("moon", CPU)


def test_images_are_its_scenes_rendered() -> None:
    images = Painter().generate("a red circle on the sea", 4, 7)
    scenes = Painter().scenes("a red circle on the sea", 4, 7)
    assert images is not None
    assert scenes is not None
    assert {(image.mode, image.size) for image in images} == {("RGB", (64, 64))}
    np.testing.assert_array_equal(np.stack([np.asarray(image) for image in images]), render(scenes)[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_every_concept_of_the_catalogue_is_painted(seed: int) -> None:
    assert len(catalogue()) > 400
    for concept in catalogue():
        scenes = Painter().scenes(write(concept, seed), 5, seed)
        assert scenes is not None, concept
        assert len(scenes) == 5
        assert presence(concept, scenes).all(), concept


@pytest.mark.parametrize(
    "text",
    [
        "a large red striped star with a tiny blue dotted circle",
        "a small red striped star at the top at the left with the word STOP on the sea",
        "a red striped star left of a blue dotted circle at night",
        "a yellow plain heart or a white zigzag cross",
        "(a red object and not a circle)",
        "a fish but not on the sea",
        "no circles and no squares",
        "a tiny checkered house above a small green arrow",
        "the edge of a medium black ring with the word JAZZ",
        "not a large object with a written word on the snow",
    ],
)
def test_what_is_said_together_and_what_is_denied(text: str) -> None:
    scenes = Painter().scenes(text, 10, 3)
    assert scenes is not None
    assert presence(meaning(text), scenes).all()
    assert len(np.unique(scenes.grain)) == len(scenes)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_any_concept_is_painted_true_or_not_at_all(number: int) -> None:
    concept = random_concept(Random(number), 2)
    scenes = scenes_of(concept, 6, number)
    if scenes is not None:
        assert len(scenes) == 6
        assert presence(concept, scenes).all()
    else:  # then it is rare in the world too
        assert presence(concept, draw_scenes(1, range(20_000))).mean() < 1e-3


@pytest.mark.parametrize(
    "text",
    [
        "a large circle at the left",  # large objects are in the centre
        "sea with grass",
        "the word STOP with the word EXIT",
        "a large red fish with a medium blue ring",  # only one of two objects is not tiny
        "(a red object and not an object)",
        "a circle beside a circle",  # the second object has another shape
    ],
)
def test_what_cannot_be_is_not_painted(text: str) -> None:
    meaning(text)
    assert Painter().generate(text, 1, 0) is None


@pytest.mark.parametrize("text", ["", "a golden retriever", "things that depict joy", "red and", "(" * 500])
def test_what_is_not_understood_is_not_painted(text: str) -> None:
    assert Painter().generate(text, 3, 0) is None


def test_more_than_there_are_is_not_painted() -> None:
    rare = "a red striped star left of a blue dotted circle at night"
    assert Painter().scenes(rare, 10, 3) is not None
    assert Painter().scenes(rare, 5000, 3) is None


@pytest.mark.parametrize(
    "text",
    [
        "a blue object",
        "a pink dotted heart on wood",
        "a small cyan zigzag star left of a white gradient cross at night",
    ],
)
def test_the_same_again_and_the_first_of_more(text: str) -> None:
    few, many = Painter().scenes(text, 3, 5), Painter().scenes(text, 40, 5)
    assert few is not None
    assert many is not None
    assert same(few, many.rows(slice(0, 3)))
    again, other = Painter().scenes(text, 3, 5), Painter().scenes(text, 3, 6)
    assert again is not None
    assert other is not None
    assert same(few, again)
    assert not np.isin(other.grain, many.grain).any()
    back = pickle.loads(pickle.dumps(Painter()))
    assert back.key == Painter().key
    assert back.generate(text, 3, 5) == Painter().generate(text, 3, 5)


def test_one_meaning_has_one_set_of_images_and_others_have_others() -> None:
    first, second = (Painter().scenes(text, 20, 0) for text in ("a scarlet disc", "red circles"))
    third = Painter().scenes("red squares", 20, 0)
    assert first is not None
    assert second is not None
    assert third is not None
    assert same(first, second)
    assert not np.isin(first.grain, third.grain).any()


def test_no_scene_of_a_split_is_painted() -> None:
    painted = scenes_of(meaning("an object"), 5000, 0)
    assert painted is not None
    for seed in SEEDS.values():
        assert not np.isin(draw_scenes(seed, range(5000)).grain, painted.grain).any()
    assert all(seed < painter._OWN for seed in SEEDS.values())


@pytest.mark.parametrize("text", ["a medium red object", "sea", "a fish", "a written word on sand"])
def test_the_rest_of_a_scene_is_as_in_the_world(text: str) -> None:
    """Whatever the text leaves open has the shares that it has among the world's own scenes of the concept."""
    concept = meaning(text)
    world = draw_scenes(11, range(200_000))
    world = world.rows(presence(concept, world))
    painted = scenes_of(concept, 2000, 4)
    assert painted is not None
    facts = [(scenes.there[:, 1], scenes.word >= 0, scenes.flip) for scenes in (world, painted)]
    facts = [
        (*some, *(scenes.shape[:, 0] == n for n in range(len(SHAPES))), *(scenes.row[:, 0] == n for n in range(3)))
        for some, scenes in zip(facts, (world, painted), strict=True)
    ]
    facts = [
        (*some, *(scenes.background == n for n in range(len(BACKGROUNDS))), *(scenes.size[:, 0] == n for n in range(4)))
        for some, scenes in zip(facts, (world, painted), strict=True)
    ]
    for expected, found in zip(*facts, strict=True):
        share = expected.mean()
        deviation = (share * (1 - share) * (1 / len(expected) + 1 / len(found))) ** 0.5
        assert abs(found.mean() - share) <= 4 * deviation + 1e-9


def test_given_numbers_change_nothing_else_of_a_scene() -> None:
    free = draw_scenes(5, range(3000))
    size, background = SIZES.index("medium"), BACKGROUNDS.index("sea")
    forced = draw_scenes(5, range(3000), given={"size": size, "background": background})
    assert (forced.size[:, 0] == size).all()
    assert (forced.background == background).all()
    had = (free.size[:, 0] == size) & (free.background == background)
    assert 50 < had.sum() < 300
    np.testing.assert_array_equal(render(free.rows(had))[0], render(forced.rows(had))[0])


def test_a_count_is_positive() -> None:
    with pytest.raises(ValueError, match="count has to be positive, got 0"):
        Painter().generate("red", 0, 0)
