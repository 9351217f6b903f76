"""Captions are true, short, varied and made of known words."""

from __future__ import annotations

import re
from collections import Counter
from random import Random

import numpy as np
import pytest

from neuronym.world.concepts import REGIONS, All, Concept, Not, mask, presence
from neuronym.world.grammar import (
    TEMPLATES,
    Unparsed,
    caption,
    captions,
    describe,
    describe_region,
    parse,
    region_caption,
    said,
    vocabulary_words,
    write,
)
from neuronym.world.grammar.captions import DETAILS
from neuronym.world.render import render
from neuronym.world.scenes import Scenes, draw_scenes
from random_concepts import random_concept


@pytest.fixture(scope="module")
def scenes() -> Scenes:
    return draw_scenes(11, range(5000))


def _read(text: str) -> Concept:
    concept = parse(text)
    assert not isinstance(concept, Unparsed), str(concept)
    return concept


def test_captions_are_true_of_their_scenes(scenes: Scenes) -> None:
    for i, text in enumerate(captions(scenes, 1)):
        assert presence(_read(text), scenes.rows([i])).all(), text


@pytest.mark.parametrize("detail", sorted(set(DETAILS)))
def test_captions_say_what_they_are_known_to_say(scenes: Scenes, detail) -> None:
    few = scenes.rows(slice(0, 400))
    for i, (concept, text) in enumerate(said(few, 2, detail)):
        assert parse(text) == concept
        assert parse(caption(few, i, i, detail)) == describe(few, i, i, detail)
        assert presence(describe(few, i, i, detail), few)[i]


def test_captions_are_short_and_varied(scenes: Scenes) -> None:
    texts = captions(scenes, 3)
    lengths = [len(text.split()) for text in texts]
    assert max(lengths) <= 20
    assert 6 < np.mean(lengths) < 12
    assert len(set(texts)) > 0.8 * len(texts)
    words = Counter(word for text in texts for word in text.split())
    assert {"red", "disc", "ocean", "stripes", "above", "STOP", "upper", "behind", "and"} <= words.keys()


def test_more_detail_says_more(scenes: Scenes) -> None:
    few = scenes.rows(slice(0, 500))
    shares = [np.mean([_truths(c) for c, _ in said(few, 4, detail)]) for detail in ("brief", "some", "full")]
    assert shares[0] > 3 * shares[1] > 9 * shares[2]


def _truths(concept: Concept) -> float:
    """The share of other scenes that a concept is in."""
    return float(presence(concept, OTHERS).mean())


OTHERS = draw_scenes(12, range(2000))


def test_a_caption_depends_on_its_own_scene_and_the_seed(scenes: Scenes) -> None:
    few = scenes.rows(slice(0, 50))
    texts = captions(few, 5)
    assert texts == [captions(few.rows([i]), 5)[0] for i in range(50)]
    assert captions(few.rows(range(49, -1, -1)), 5) == texts[::-1]
    assert sum(a != b for a, b in zip(texts, captions(few, 6), strict=True)) > 40
    assert captions(few.rows([]), 5) == []


def test_captions_of_regions_hold_their_pixels(scenes: Scenes) -> None:
    few = scenes.rows(slice(0, 120))
    _, regions = render(few)
    for i in range(len(few)):
        there = [number for number in range(len(REGIONS)) if (regions[i] == number).any()]
        for wanted in ({there[0]}, {1, 2}, set(there[-2:]), set(there)):
            concept = describe_region(few, i, wanted, i)
            shown = mask(concept, few.rows([i]), regions[i : i + 1])[0]
            assert shown[np.isin(regions[i], list(wanted))].all(), str(concept)
            assert parse(region_caption(few, i, wanted, i)) == concept


def test_regions_are_named_as_parts(scenes: Scenes) -> None:
    i = int(np.flatnonzero(scenes.there[:, 1] & (scenes.word < 0))[0])
    assert str(describe_region(scenes, i, {2}, 0)).startswith("the edge of a")
    assert str(describe_region(scenes, i, {3}, 0)).startswith("the inside of a")
    with pytest.raises(ValueError, match=r"The regions \[5\] were asked for; this scene has \[0, 1, 2, 3, 4\]\."):
        describe_region(scenes, i, {5}, 0)
    with pytest.raises(ValueError, match=r"The regions \[\] were asked for"):
        region_caption(scenes, i, set(), 0)


def test_every_word_that_can_be_written_is_in_the_vocabulary(scenes: Scenes) -> None:
    known = set(vocabulary_words())
    formulas = [random_concept(Random(seed), 2) for seed in range(1500)]
    texts = [*captions(scenes, 7), *TEMPLATES, *map(str, formulas)]
    texts += [write(formula, seed) for seed, formula in enumerate(formulas)]
    assert {word for text in texts for word in re.findall("[a-z]+", text.lower())} <= known
    assert all(re.fullmatch(r"[a-zA-Z ,(){}]+", text) for text in texts)
    assert all(re.fullmatch(r"[a-zA-Z ]+", text) for text in captions(scenes, 7))


def test_what_is_not_there_can_be_written(scenes: Scenes) -> None:
    concept = describe(scenes, 0, 0, "brief")
    never = All((concept, Not(concept)))
    assert not presence(_read(write(never, 1)), scenes).any()
