"""What texts mean, and which are refused with what words."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neuronym.world.concepts import presence
from neuronym.world.grammar import Unparsed, parse, presence_of
from neuronym.world.grammar.lexicon import lexicon
from neuronym.world.scenes import draw_scenes

MEANINGS = {
    # single words, plurals, letters, marks
    "red": "red object",
    "Stripes": "striped object",
    "oceans": "sea",
    "images of discs": "circle",
    "polka-dotted discs": "dotted circle",
    "  A Photo of the RED\n circle. ": "red circle",
    "there is a doughnut": "ring",
    "it's a zig-zag heart!": "zigzag heart",
    "color gradient": "gradient object",
    # properties
    "things that are red": "red object",
    "something red": "red object",
    "red coloured circle": "red circle",
    "circular objects": "circle",
    "a square shape": "square",
    "circle with red stripes": "red striped circle",
    "stars with a plain pattern": "plain star",
    "small, red, and striped circle": "small red striped circle",
    "a circle in red": "red circle",
    "striped but red": "red striped object",
    # several values
    "red or blue things": "(red object or blue object)",
    "small red or blue circles": "(small red circle or small blue circle)",
    "small red or large blue circles": "(small red circle or large blue circle)",
    "red, blue or green": "(red object or blue object or green object)",
    "circles with stripes or dots": "(striped circle or dotted circle)",
    "red and blue": "red object with blue object",
    "red and blue circles": "red circle with blue circle",
    "red/blue circles": "(red circle or blue circle)",
    # positions
    "objects in the upper left corner": "object at the top at the left",
    "circle at the top or bottom": "(circle at the top or circle at the bottom)",
    "a red circle on the left side of the image and the blue sky": "red circle at the left in the sky",
    "at the left": "object at the left",
    "a disc at the top and a left star": "circle at the top with star at the left",
    # relations
    "circle to the left of a big square": "circle left of large square",
    "the circle is above the square": "circle above square",
    "circle next to a red or blue star": "(circle beside red star or circle beside blue star)",
    "a fish above the sea": "fish on the sea",
    "the waves below a fish": "sea with fish",
    # places
    "a starry sky": "night",
    "on the sea": "sea",
    "a beach scene with a fish": "sand with fish",
    "a scene with a fish": "fish",
    "fish on a background of grass": "fish on the grass",
    "circle on snow or the grass": "circle with (snow or grass)",
    # words
    "STOP": "the word STOP",
    "a 'stop' sign": "the word STOP",
    "stop sign": "the word STOP",
    "the word stop or exit": "(the word STOP or the word EXIT)",
    "circle saying open": "circle with the word OPEN",
    "some text": "a written word",
    # parts
    "the outline of a red disc": "the edge of a red circle",
    "circle edges": "the edge of a circle",
    "edges of red or blue discs": "(the edge of a red circle or the edge of a blue circle)",
    "interiors": "the inside of an object",
    # joined
    "circles and squares": "circle with square",
    "(circles and squares)": "(circle and square)",
    "circle, square": "circle with square",
    "circles, squares or fish": "(circle or square or fish)",
    "circle or square and fish": "(circle or (square with fish))",
    "a fish or a heart on the sea": "(fish or heart) on the sea",
    "fish on the sea or heart on the grass": "((fish on the sea) or (heart on the grass))",
    "a red thing that is also a circle": "(red object and circle)",
    # denied
    "no circle": "not circle",
    "nothing red": "not red object",
    "no circles or squares": "not (circle or square)",
    "neither circles nor squares": "(not circle and not square)",
    "no fish in the sea": "not (fish on the sea)",
    "no circle but a square": "(not circle and square)",
    "not red but blue": "(not red object and blue object)",
    "fish without stripes": "(fish and not striped fish)",
    "fish that are not red": "(fish and not red fish)",
    "non-striped circles": "(circle and not striped circle)",
    "striped but not red": "(striped object and not red striped object)",
    "red but not blue": "(red object and not blue object)",
    "striped and not red": "(striped object and not red object)",
    "(striped AND (NOT red))": "(striped object and not red object)",
    "circle but no red things": "(circle and not red object)",
    "circle without a red star": "(circle and not red star)",
}


@pytest.mark.parametrize(("text", "meaning"), MEANINGS.items())
def test_meanings(text: str, meaning: str) -> None:
    found = parse(text)
    assert str(found) == meaning
    assert parse(meaning) == found


REFUSED = {
    "": ("there is nothing in it to read", ()),
    " . ,": ("there is nothing in it to read", ()),
    "a giraffe": ("no meaning is known for 'giraffe'", ("giraffe",)),
    "A red Giraffe by 2 trees": ("no meaning is known for 'Giraffe', '2', 'trees'", ("Giraffe", "2", "trees")),
    "a b c d e f g": ("no meaning is known for 'b', 'c', 'd', 'e', 'f' and 1 more", tuple("bcdefg")),
    "the word giraffe": ("no meaning is known for 'giraffe'", ("giraffe",)),
    "open": ("'open' may be written in a scene; say 'the word OPEN'", ("open",)),
    "red blue circle": ("one thing cannot be both red and blue", ("red", "blue")),
    "a circle that is a square": ("one thing cannot be both circle and square", ("circle", "square")),
    "circle with": ("it ends where more is needed", ()),
    "red circle star": ("'star' cannot be read at its place", ("star",)),
    "a red background": ("'background' cannot be read at its place", ("background",)),
    "circle on a star": ("no place follows 'on'", ("on",)),
    "circle above the word STOP": ("no object follows 'above'", ("above",)),
    "circle over square next to star": (
        "'over' and 'next to' relate three objects; a relation has two",
        ("next to",),
    ),
    "red and blue circles above a star": ("'above' joins one object with one other", ("above",)),
    "circle without stripes above a star": (
        "what an object lacks cannot be said where a part or a relation is",
        (),
    ),
    "(circle": ("a parenthesis is not closed", ()),
    "circle)": ("')' cannot be read at its place", (")",)),
    "()": ("')' cannot be read at its place", (")",)),
    "red or blue and green circles": ("'and' and 'or' are mixed among adjectives", ()),
    "no circle and a square": (
        "'and' after a negation can be read in two ways; say 'or', or the negation again",
        (),
    ),
    "circle that is not non red": ("a negation stands within a negation", ()),
    "(" * 33 + "red" + ")" * 33: ("it is nested more than 32 deep", ()),
    "red " * 401: ("it has 401 words; at most 400 are read", ()),
}


@pytest.mark.parametrize(("text", "refusal"), REFUSED.items(), ids=range(len(REFUSED)))
def test_refusals(text: str, refusal: tuple[str, tuple[str, ...]]) -> None:
    reason, words = refusal
    assert parse(text) == Unparsed(text, reason, words)


def test_a_refusal_is_one_sentence() -> None:
    assert str(parse("a giraffe")) == "'a giraffe' is not understood: no meaning is known for 'giraffe'."
    assert str(parse("x" * 100)) == f"'{'x' * 77}...' is not understood: no meaning is known for '{'x' * 100}'."


def test_one_unknown_word_refuses_a_text_that_is_clear_otherwise() -> None:
    for word in ("shiny", "three", "only", "behind", "zebra", "multi"):
        assert isinstance(parse(f"a red {word} circle"), Unparsed)


def test_presence_of_texts() -> None:
    scenes = draw_scenes(3, range(200))
    concept = parse("red or blue discs")
    assert not isinstance(concept, Unparsed)
    assert np.array_equal(presence_of("red or blue discs", scenes), presence(concept, scenes))
    assert presence_of("a giraffe", scenes) is None


def test_negations_and_parentheses_up_to_the_limit_are_read() -> None:
    assert str(parse("(" * 32 + "red" + ")" * 32)) == "red object"
    assert str(parse("not " * 32 + "red")) == "not " * 32 + "red object"
    assert isinstance(parse("not " * 33 + "red"), Unparsed)


@settings(deadline=None, max_examples=300)
@given(st.text(max_size=200))
def test_any_string_is_answered(text: str) -> None:
    assert parse(text) is not None


_PIECES = sorted({" ".join(words) for words in lexicon()} | {"STOP", "open", "giraffe", "the", "'", '"'})


@settings(deadline=None, max_examples=600)
@given(st.lists(st.sampled_from(_PIECES), max_size=14))
def test_any_row_of_known_phrases_is_answered_and_what_is_read_is_stable(pieces: list[str]) -> None:
    found = parse(" ".join(pieces))
    if not isinstance(found, Unparsed):
        assert parse(str(found)) == found


@pytest.mark.parametrize("piece", ["(", ")", "not ", "red or ", "circle with ", "x", "no ", "with ", "é ", "a "])
def test_long_texts_are_answered_soon(piece: str) -> None:
    start = time.perf_counter()
    assert isinstance(parse(piece * 10_000), Unparsed)
    assert isinstance(parse((piece * 10_000)[:10_000]), Unparsed)
    parse((piece * 10_000)[: 390 * len(piece)] + "red")
    assert time.perf_counter() - start < 2
