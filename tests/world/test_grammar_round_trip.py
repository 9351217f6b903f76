"""What the grammar writes it reads back as the same concept."""

from __future__ import annotations

from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.world.catalogue import catalogue
from neuronym.world.concepts import All, Concept, Either, Not, Place, Thing, Together
from neuronym.world.grammar import TEMPLATES, parse, write
from random_concepts import random_concept

COUNT = 4000
"""Random formulas, nested up to three deep; every kind of concept is among them hundreds of times."""


@pytest.fixture(scope="module")
def formulas() -> list[Concept]:
    return [random_concept(Random(seed), seed % 4) for seed in range(COUNT)]


def test_every_kind_of_concept_is_tried(formulas: list[Concept]) -> None:
    kinds = [type(concept).__name__ for concept in formulas]
    for kind in ("Thing", "Place", "Writing", "Part", "Beside", "Together", "All", "Either", "Not"):
        assert kinds.count(kind) >= 100, kind


def test_canonical_texts_are_read_back(formulas: list[Concept]) -> None:
    for concept in formulas:
        assert parse(str(concept)) == concept, str(concept)


def test_written_texts_are_read_back_in_any_case_of_letters(formulas: list[Concept]) -> None:
    for seed, concept in enumerate(formulas):
        text = write(concept, seed)
        assert parse(text) == concept, text
        assert parse(text.lower()) == concept, text


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 2**63), st.integers(0, 2**63))
def test_any_words_for_any_formula_are_read_back(formula: int, words: int) -> None:
    concept = random_concept(Random(formula), 2)
    assert parse(write(concept, words)) == concept


@pytest.mark.parametrize("template", TEMPLATES)
def test_templates_do_not_change_what_a_text_means(template: str) -> None:
    for seed in range(300):
        concept = random_concept(Random(seed), seed % 3)
        text = template.format(write(concept, seed))
        assert parse(text) == concept, text


def test_the_whole_catalogue_is_read_back() -> None:
    for seed, concept in enumerate(catalogue()):
        assert parse(str(concept)) == concept
        assert parse(write(concept, seed)) == concept


def test_words_depend_on_the_seed_alone() -> None:
    concept = Together((Thing("circle", "red", "striped"), Place("sea")))
    assert write(concept, 3) == write(concept, 3)
    assert write(concept, np.random.default_rng(1)) == write(concept, np.random.default_rng(1))
    assert len({write(concept, seed) for seed in range(200)}) > 80


def test_formulas_have_one_form() -> None:
    a, b, c = Thing("circle"), Place("sea"), Thing(colour="red")
    for joined in (Together, All, Either):
        assert joined((a, joined((b, c)))) == joined((joined((a, b)), c)) == joined((a, b, c))
    assert All((a, Either((b, c)))).parts == (a, Either((b, c)))


def test_canonical_texts_say_what_belongs_together() -> None:
    a, b, c = Thing("circle", "red"), Place("sea"), Thing("star")
    assert str(Together((a, b, c))) == "red circle on the sea with star"
    assert str(Together((Not(a), b, Not(c)))) == "(not red circle) on the sea with (not star)"
    assert str(Not(Together((a, b)))) == "not (red circle on the sea)"
    assert str(All((a, Not(c), Together((a, b))))) == "(red circle and not star and (red circle on the sea))"
    assert str(Either((Not(Not(a)), All((a, b))))) == "(not not red circle or (red circle and sea))"
